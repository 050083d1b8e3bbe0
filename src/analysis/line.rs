//! One request as a line of JSON: what `portcullis decide` reads, and replay after it.
//!
//! Input: a line of the form that the README describes. Output: the request with its facts normalised. What is missing is unknown; further
//! keys are passed over, so that a corpus or a log may carry its own.

use alloc::collections::BTreeMap;
use core::net::IpAddr;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::{Network, OwnedValue, Place, State, read_place, read_time};

/// Why a line is not a request.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineError {
    /// Not JSON, or a key of another type than it should have: what serde_json says of it, with the column.
    Json(String),
    /// `body_b64`, or the `b64` of a frame, is not base64.
    Base64 {
        /// Offset of the first character that cannot be.
        at: usize,
    },
    /// `now` is neither RFC 3339 nor a number of seconds since the epoch.
    Now,
    /// `network` holds a kind that does not exist.
    Network(String),
    /// `switch` sets a state that does not exist.
    State(String),
}

impl core::fmt::Display for LineError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Json(what) => write!(f, "not a request: {what}"),
            Self::Base64 { at } => write!(f, "not base64: character {at}"),
            Self::Now => write!(f, "`now` must be RFC 3339, as `2026-06-12T21:21:00Z`, or seconds since the epoch"),
            Self::Network(kind) => write!(f, "`{kind}` is no network kind; there are {}", Network::KINDS.join(", ")),
            Self::State(state) => write!(f, "`{state}` is no state; there are on, off, shadow"),
        }
    }
}

impl core::error::Error for LineError {}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    id: Json,
    method: String,
    url: String,
    #[serde(default)]
    headers: serde_json::Map<String, Json>,
    body: Option<String>,
    body_b64: Option<String>,
    place: Option<RawPlace>,
    places: Option<Vec<RawPlace>>,
    #[serde(default)]
    network: Vec<String>,
    asn: Option<u32>,
    ip: Option<IpAddr>,
    account: Option<serde_json::Map<String, Json>>,
    accounts: Option<Vec<serde_json::Map<String, Json>>>,
    now: Option<Json>,
    #[serde(default)]
    chunks: Vec<usize>,
    #[serde(default)]
    frames: Vec<RawFrame>,
    #[serde(default)]
    trailers: serde_json::Map<String, Json>,
    #[serde(default)]
    switch: BTreeMap<String, String>,
}

/// A text frame, or `{"b64": ".."}`, a binary one.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawFrame {
    Text(String),
    Binary { b64: String },
}

#[derive(Deserialize)]
struct RawPlace {
    country: Option<String>,
    region: Option<String>,
}

/// A request as it would arrive at the gate, with the facts that the gate would have.
pub struct RequestLine {
    /// Given back unchanged with the verdict; any JSON value.
    pub id: Json,
    /// The method token as sent.
    pub method: String,
    /// Absolute URL or path with query.
    pub url: String,
    /// Header lines in order; several of one name stay several.
    pub headers: Vec<(String, String)>,
    /// The body; `None` if there is none.
    pub body: Option<Vec<u8>>,
    /// Byte offsets at which the body is split when it is read.
    pub chunks: Vec<usize>,
    /// Client messages after a WebSocket upgrade, in order.
    pub frames: Vec<Frame>,
    /// Candidate places: one, or several where sources differ. Never empty.
    pub places: Vec<Place>,
    /// Network kinds.
    pub network: Network,
    /// Number of the autonomous system.
    pub asn: Option<u32>,
    /// Address of the caller.
    pub ip: Option<IpAddr>,
    /// Candidate accounts, by fact name. Never empty.
    pub accounts: Vec<AccountFacts>,
    /// Milliseconds since the epoch; `None`: the clock.
    pub now: Option<i64>,
    /// Rules switched on, off or to shadow.
    pub switch: Vec<(String, State)>,
}

/// A client message on a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Sent as a binary message, not as text.
    pub binary: bool,
    /// All of its bytes.
    pub bytes: Vec<u8>,
}

/// The facts of one account, by name, as raw values.
pub struct AccountFacts(serde_json::Map<String, Json>);

impl AccountFacts {
    /// The value of a fact; `None` if it is absent or of a kind that no fact has (an object, null, a list of anything but texts).
    #[must_use]
    pub fn value(&self, fact: &str) -> Option<OwnedValue> {
        match self.0.get(fact)? {
            Json::Bool(value) => Some(OwnedValue::Bool(*value)),
            Json::Number(value) => value.as_f64().map(OwnedValue::Number),
            Json::String(value) => Some(OwnedValue::Text(value.clone())),
            Json::Array(values) => {
                values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<_>>().map(OwnedValue::List)
            }
            Json::Null | Json::Object(_) => None,
        }
    }

    /// Whether the account is an entity's whose users are not all attested: facts about a person are then unknown. It says so by `subject`.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.get("subject").is_some_and(|subject| !matches!(subject.as_str(), Some("person" | "all_users_attested")))
    }
}

impl RequestLine {
    /// Reads one line.
    ///
    /// # Errors
    /// [`LineError`] says which key is wrong and what it should be.
    pub fn read(line: &str) -> Result<Self, LineError> {
        let raw: Raw = serde_json::from_str(line).map_err(|error| LineError::Json(error.to_string()))?;
        let mut network = Network::default();
        for kind in &raw.network {
            network = network.with(Network::of(kind).ok_or_else(|| LineError::Network(kind.clone()))?);
        }
        let mut places = Vec::new();
        for place in raw.places.into_iter().flatten().chain(raw.place) {
            let seen = read_place(place.country.as_deref().unwrap_or(""), place.region.as_deref().unwrap_or(""));
            network = network.with(seen.network);
            places.extend_from_slice(seen.places());
        }
        if places.is_empty() {
            places.push(Place::UNKNOWN);
        }
        places.dedup();
        let mut accounts: Vec<AccountFacts> = raw.accounts.into_iter().flatten().chain(raw.account).map(AccountFacts).collect();
        if accounts.is_empty() {
            accounts.push(AccountFacts(serde_json::Map::new()));
        }
        let mut headers = Vec::new();
        for (name, value) in raw.headers {
            match value {
                Json::Array(lines) => {
                    for line in lines {
                        headers.push((name.clone(), plain(line)));
                    }
                }
                value => headers.push((name, plain(value))),
            }
        }
        // Some servers merge trailers into the headers, but never those that frame a message or say what it is (RFC 9110, section 6.5.1).
        for (name, value) in raw.trailers {
            if !UNMERGED.iter().any(|unmerged| name.eq_ignore_ascii_case(unmerged)) {
                headers.push((name, plain(value)));
            }
        }
        let body = match (raw.body, raw.body_b64) {
            (Some(text), _) => Some(text.into_bytes()),
            (None, Some(text)) => Some(base64(&text)?),
            (None, None) => None,
        };
        let switch = raw.switch.into_iter().map(|(rule, state)| {
            let state = State::of(&state).ok_or(LineError::State(state))?;
            Ok((rule, state))
        });
        Ok(Self {
            id: raw.id,
            method: raw.method,
            url: raw.url,
            headers,
            body,
            chunks: raw.chunks,
            frames: raw.frames.into_iter().map(frame).collect::<Result<_, _>>()?,
            places,
            network,
            asn: raw.asn,
            ip: raw.ip,
            accounts,
            now: raw.now.map(|now| instant(&now).ok_or(LineError::Now)).transpose()?,
            switch: switch.collect::<Result<_, _>>()?,
        })
    }

    /// The body in the pieces that `chunks` asks for; one piece if it asks for none. Empty pieces are left out.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.split(self.body.as_deref().unwrap_or_default())
    }

    /// A frame in pieces, cut as the body is.
    pub(super) fn split<'b>(&self, bytes: &'b [u8]) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        let mut cuts: Vec<usize> = self.chunks.iter().map(|cut| (*cut).min(bytes.len())).collect();
        cuts.push(bytes.len());
        cuts.sort_unstable();
        let mut from = 0;
        cuts.into_iter().filter_map(move |to| {
            let piece = bytes.get(from..to);
            from = to;
            piece.filter(|piece| !piece.is_empty())
        })
    }
}

/// Trailers that nobody takes for headers.
const UNMERGED: [&str; 7] =
    ["content-type", "content-encoding", "content-length", "transfer-encoding", "connection", "upgrade", "host"];

fn frame(raw: RawFrame) -> Result<Frame, LineError> {
    Ok(match raw {
        RawFrame::Text(text) => Frame { binary: false, bytes: text.into_bytes() },
        RawFrame::Binary { b64 } => Frame { binary: true, bytes: base64(&b64)? },
    })
}

fn plain(value: Json) -> String {
    match value {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

fn instant(now: &Json) -> Option<i64> {
    match now {
        Json::String(text) => read_time(text),
        Json::Number(seconds) => {
            let milliseconds = seconds.as_f64()? * 1_000.0;
            // Beyond this a date has five digits of year and is a mistake of unit.
            #[expect(clippy::cast_possible_truncation, reason = "bounded on the line before")]
            (milliseconds.abs() < 2.5e14).then_some(milliseconds as i64)
        }
        _ => None,
    }
}

/// RFC 4648 section 4, with or without padding.
fn base64(text: &str) -> Result<Vec<u8>, LineError> {
    use base64::{
        DecodeError, Engine as _, alphabet,
        engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    };
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&alphabet::STANDARD, lenient).decode(text).map_err(|error| match error {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => LineError::Base64 { at },
        _ => LineError::Base64 { at: text.len() },
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_line_gives_the_facts_that_the_gate_would_have() {
        let line = r#"{"id":7,"method":"POST","url":"/v1/x","headers":{"A":["1","2"],"b":"3"},"body_b64":"eyJ9","place":{"country":"T1"},
            "network":["vpn"],"account":{"us_person":"true","n":[1]},"now":"1970-01-01T00:00:01Z","chunks":[1,9,1],"switch":{"r":"shadow"},"odd":1}"#;
        let read = RequestLine::read(line).unwrap();
        assert_eq!(read.headers.len(), 3);
        assert_eq!(read.places, [Place::UNKNOWN]);
        assert_eq!(read.network, Network::of("tor").unwrap().with(Network::of("vpn").unwrap()));
        assert_eq!(read.now, Some(1_000));
        assert_eq!(read.pieces().collect::<Vec<_>>(), [b"{".as_slice(), b"\"}"]);
        let account = read.accounts.first().unwrap();
        assert_eq!(account.value("us_person"), Some(OwnedValue::Text("true".to_owned())));
        assert_eq!(account.value("n"), None, "a list of anything but texts is no value");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, error) in [
            ("{", "not a request"),
            (r#"{"method":"GET"}"#, "missing field `url`"),
            (r#"{"method":"GET","url":"/","now":"yesterday"}"#, "RFC 3339"),
            (r#"{"method":"GET","url":"/","network":["fax"]}"#, "`fax` is no network kind"),
            (r#"{"method":"GET","url":"/","body_b64":"a?b"}"#, "character 1"),
            (r#"{"method":"GET","url":"/","switch":{"a":"up"}}"#, "`up` is no state"),
        ] {
            let said = RequestLine::read(line).err().unwrap().to_string();
            assert!(said.contains(error), "{said}");
        }
    }
}
