//! Parses a request from a line of JSON: the input of `portcullis decide`.
//!
//! Input: a line in the form that `decide --help` describes. Output: the request with its facts
//! normalised. A missing fact is unknown. An unknown key is ignored and its name is kept, so that a
//! corpus or log may have keys of its own. A key that looks like a slip is an error.

use alloc::collections::BTreeMap;
use core::fmt;
use core::net::IpAddr;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::denied::SwitchState;
use crate::facts::network::Network;
use crate::facts::place::{Place, read_place};
use crate::facts::value::{OwnedValue, read_time};

/// The reason why a line is not a request.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineError {
    /// The line is not JSON, or not an object. Contains serde_json's message, with the column.
    Json(String),
    /// A required key is missing.
    Missing(&'static str),
    /// A key occurs twice, so its value is ambiguous.
    Twice(String),
    /// A value has the wrong type.
    Type {
        /// The key.
        key: String,
        /// The expected type, in words.
        takes: &'static str,
        /// The value found, in words.
        is: String,
    },
    /// An unknown key is so similar to a known one that it looks like a slip.
    Slip {
        /// The key in the line.
        key: String,
        /// The key that was probably meant.
        near: &'static str,
    },
    /// A place has an unknown key.
    PlaceKey {
        /// The key in the line.
        key: String,
        /// The key that was probably meant.
        near: Option<&'static str>,
    },
    /// `body_b64`, or the `b64` of a frame, is not Base64.
    Base64 {
        /// Offset of the first invalid character.
        at: usize,
    },
    /// Both `body` and `body_b64` are present.
    Bodies,
    /// `now` is neither an RFC 3339 time nor a number of seconds since the epoch.
    Now,
    /// `network` contains an unknown kind.
    Network(String),
    /// `switch` sets an unknown state.
    SwitchState(String),
    /// `switch` names an unknown rule, or puts a licence in shadow.
    Switch {
        /// The rule in the line.
        rule: String,
        /// The rule with the nearest name, if one is near. If it equals `rule`, that is a licence.
        near: Option<String>,
    },
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(what) => write!(f, "not a request: {what}"),
            Self::Missing(key) => write!(f, "not a request: missing field `{key}`"),
            Self::Twice(key) => write!(f, "not a request: `{key}` is given twice"),
            Self::Type { key, takes, is } => write!(f, "`{key}` takes {takes}, and this is {is}"),
            Self::Slip { key, near } => {
                write!(f, "there is no key `{key}`; did you mean `{near}`?")
            }
            Self::PlaceKey { key, near: Some(near) } => {
                write!(f, "a place has no key `{key}`; did you mean `{near}`?")
            }
            Self::PlaceKey { key, near: None } => {
                write!(f, "a place has no key `{key}`; it has `country` and `region`")
            }
            Self::Base64 { at } => write!(f, "not base64: character {at}"),
            Self::Bodies => write!(f, "`body` and `body_b64` are both given; leave one out"),
            Self::Now => write!(
                f,
                "`now` must be RFC 3339, as `2026-06-12T21:21:00Z`, or seconds since the epoch"
            ),
            Self::Network(kind) => {
                write!(f, "`{kind}` is no network kind; there are {}", Network::KINDS.join(", "))
            }
            Self::SwitchState(state) => {
                write!(f, "`{state}` is no state; there are on, off, shadow")
            }
            Self::Switch { rule, near: Some(near) } if rule == near => {
                write!(f, "the licence `{rule}` is on or off, never in shadow")
            }
            Self::Switch { rule, near: Some(near) } => {
                write!(f, "there is no rule `{rule}` to switch; did you mean `{near}`?")
            }
            Self::Switch { rule, near: None } => write!(f, "there is no rule `{rule}` to switch"),
        }
    }
}

impl core::error::Error for LineError {}

/// The keys of a line.
const KEYS: [&str; 19] = [
    "id", "method", "url", "headers", "body", "body_b64", "platform", "place", "places", "network",
    "asn", "ip", "account", "accounts", "now", "chunks", "frames", "trailers", "switch",
];

/// The members of an object in their order, with their raw values.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

type Object = serde_json::Map<String, Json>;

/// The known members, each at most once. `null` counts as absent.
struct Raw(BTreeMap<String, Box<RawValue>>);

impl Raw {
    fn read(line: &str) -> Result<(Self, Vec<String>), LineError> {
        let Members(members) = serde_json::from_str(line).map_err(|error| {
            match serde_json::from_str::<Json>(line) {
                Ok(value) if !value.is_object() => {
                    LineError::Json(format!("it is {}, and must be an object", entry(&value)))
                }
                _ => LineError::Json(error.to_string()),
            }
        })?;
        let mut known = BTreeMap::new();
        let mut passed_over = Vec::new();
        for (key, value) in members {
            if !KEYS.contains(&key.as_str()) {
                if let Some(near) = slip(&key, &KEYS) {
                    return Err(LineError::Slip { key, near });
                }
                passed_over.push(key);
            } else if known.insert(key.clone(), value).is_some() {
                return Err(LineError::Twice(key));
            }
        }
        known.retain(|key, value| key == "id" || value.get() != "null");
        Ok((Self(known), passed_over))
    }

    fn take<T: for<'de> Deserialize<'de>>(
        &mut self,
        key: &str,
        takes: &'static str,
    ) -> Result<Option<T>, LineError> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        let read = serde_json::from_str(value.get());
        read.map(Some).map_err(|_| LineError::Type {
            key: key.to_owned(),
            takes,
            is: kind(value.get()),
        })
    }

    fn needed(&mut self, key: &'static str) -> Result<String, LineError> {
        self.take(key, "a text")?.ok_or(LineError::Missing(key))
    }

    fn frames(&mut self) -> Result<Vec<Frame>, LineError> {
        let frames: Vec<Json> = self.take("frames", FRAMES)?.unwrap_or_default();
        let strange = |frame: &Json| LineError::Type {
            key: "frames".to_owned(),
            takes: FRAMES,
            is: entry(frame),
        };
        let mut read = Vec::new();
        for frame in frames {
            read.push(match (&frame, frame.get("b64").and_then(Json::as_str)) {
                (Json::String(text), _) => {
                    Frame { binary: false, bytes: text.clone().into_bytes() }
                }
                (Json::Object(_), Some(b64)) => Frame { binary: true, bytes: base64(b64)? },
                _ => return Err(strange(&frame)),
            });
        }
        Ok(read)
    }

    fn places(&mut self) -> Result<Vec<SaidPlace>, LineError> {
        let several: Vec<Json> = self
            .take("places", "a list of places, as `[{\"country\": \"FR\"}]`")?
            .unwrap_or_default();
        let mut places = Vec::new();
        for value in several {
            places.push(said_place(value, "places")?);
        }
        if let Some(value) = self.take("place", PLACE)? {
            places.push(said_place(value, "place")?);
        }
        Ok(places)
    }
}

const FRAMES: &str = "a list of texts and of `{\"b64\": \"..\"}`";
const PLACE: &str = "an object, as `{\"country\": \"FR\"}`";

/// A place as the line has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SaidPlace {
    pub(crate) country: String,
    pub(crate) region: String,
}

fn said_place(value: Json, key: &str) -> Result<SaidPlace, LineError> {
    let Json::Object(members) = value else {
        return Err(LineError::Type { key: key.to_owned(), takes: PLACE, is: entry(&value) });
    };
    let mut place = SaidPlace::default();
    for (member, value) in members {
        let text = match value {
            Json::String(text) => text,
            Json::Null => String::new(),
            other => {
                return Err(LineError::Type {
                    key: format!("{key}.{member}"),
                    takes: "a text",
                    is: entry(&other),
                });
            }
        };
        match member.as_str() {
            "country" => place.country = text,
            "region" => place.region = text,
            _ => {
                return Err(LineError::PlaceKey {
                    near: slip(&member, &["country", "region"]),
                    key: member,
                });
            }
        }
    }
    Ok(place)
}

/// Describes a JSON value in words. A short text is quoted.
fn kind(json: &str) -> String {
    serde_json::from_str(json)
        .map_or_else(|_| "no value that can be read".to_owned(), |value| entry(&value))
}

fn entry(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => format!("`{value}`"),
        Json::Number(number) => format!("the number {number}"),
        Json::String(text) if text.chars().count() <= 40 => {
            format!("the text {}", Json::from(text.as_str()))
        }
        Json::String(_) => "a text".to_owned(),
        Json::Array(items) => {
            items.iter().find(|item| item.is_object() || item.is_array()).map_or_else(
                || "a list".to_owned(),
                |item| {
                    format!(
                        "a list that holds {}",
                        if item.is_object() { "an object" } else { "a list" }
                    )
                },
            )
        }
        Json::Object(_) => "an object".to_owned(),
    }
}

/// Returns the known key that is one edit or swap away from an unknown one. Case, `_` and `-` are
/// ignored.
pub(crate) fn slip<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let folded = |key: &str| key.to_lowercase().replace(['_', '-'], "");
    // A long key is no slip of a short one. The comparison takes quadratic time.
    let own = folded(key.get(..64.min(key.len()))?);
    let near =
        known.iter().map(|known| (strsim::damerau_levenshtein(&own, &folded(known)), *known));
    near.filter(|(distance, _)| *distance <= 1)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// A request as it would arrive at the gate, with the facts that the gate would have.
pub struct RequestLine {
    /// Any JSON value. The verdict returns it unchanged.
    pub id: Json,
    /// The method token as sent.
    pub method: String,
    /// Absolute URL, or path with query.
    pub url: String,
    /// Header lines in order. Several lines of one name stay separate.
    pub headers: Vec<(String, String)>,
    /// The body. `None`: the request has none.
    pub body: Option<Vec<u8>>,
    /// Byte offsets at which the body is split into pieces.
    pub chunks: Vec<usize>,
    /// Client messages after a WebSocket upgrade, in order.
    pub frames: Vec<Frame>,
    /// Candidate places: several if sources differ. Never empty.
    pub places: Vec<Place>,
    /// Kinds of network.
    pub network: Network,
    /// Number of the autonomous system.
    pub asn: Option<u32>,
    /// Address of the caller.
    pub ip: Option<IpAddr>,
    /// Candidate accounts, by fact name. Never empty.
    pub accounts: Vec<AccountFacts>,
    /// Time in milliseconds since the epoch. `None`: the clock's.
    pub now: Option<i64>,
    /// Switched rules and their states.
    pub switch: Vec<(String, SwitchState)>,
    /// Unknown keys that were ignored, in their order.
    pub passed_over: Vec<String>,
    /// The places as the line has them.
    pub(crate) said_places: Vec<SaidPlace>,
}

/// A client message on a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Whether it is a binary message rather than a text message.
    pub binary: bool,
    /// All bytes of the message.
    pub bytes: Vec<u8>,
}

/// The raw values of one account's facts, by name.
pub struct AccountFacts(serde_json::Map<String, Json>);

impl AccountFacts {
    /// Returns the value of a fact. `None` if it is absent or of a type that no fact has (an
    /// object, null, a list with elements other than texts).
    #[must_use]
    pub fn value(&self, fact: &str) -> Option<OwnedValue> {
        match self.0.get(fact)? {
            Json::Bool(value) => Some(OwnedValue::Bool(*value)),
            Json::Number(value) => value.as_f64().map(OwnedValue::Number),
            Json::String(value) => Some(OwnedValue::Text(value.clone())),
            Json::Array(values) => values
                .iter()
                .map(|value| value.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .map(OwnedValue::List),
            Json::Null | Json::Object(_) => None,
        }
    }

    /// Returns the names of the account's members except `subject`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(|name| *name != "subject")
    }

    /// Returns whether the account belongs to an entity whose users are not all attested, according
    /// to its `subject`. Facts about a person are then unknown.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.get("subject").is_some_and(|subject| {
            !matches!(subject.as_str(), Some("person" | "all_users_attested"))
        })
    }
}

impl RequestLine {
    /// Parses one line.
    ///
    /// # Errors
    /// [`LineError`] names the wrong key and the expected value.
    pub fn read(line: &str) -> Result<Self, LineError> {
        let (mut raw, passed_over) = Raw::read(line)?;
        let id = raw.take("id", "any value")?.unwrap_or_default();
        let (method, url) = (raw.needed("method")?, raw.needed("url")?);
        let mut network = Network::default();
        let kinds: Vec<String> =
            raw.take("network", "a list of texts, as `[\"tor\"]`")?.unwrap_or_default();
        for kind in kinds {
            network = network.with(Network::of(&kind).ok_or(LineError::Network(kind))?);
        }
        let said_places = raw.places()?;
        let mut places = Vec::new();
        for said in &said_places {
            let seen = read_place(&said.country, &said.region);
            network = network.with(seen.network);
            places.extend_from_slice(seen.places());
        }
        if places.is_empty() {
            places.push(Place::UNKNOWN);
        }
        places.dedup();
        let several: Vec<Object> = raw.take("accounts", "a list of objects")?.unwrap_or_default();
        let one: Option<Object> = raw.take("account", "an object, as `{\"us_person\": true}`")?;
        let mut accounts: Vec<AccountFacts> =
            several.into_iter().chain(one).map(AccountFacts).collect();
        if accounts.is_empty() {
            accounts.push(AccountFacts(Object::new()));
        }
        let mut headers =
            lines(raw.take("headers", "an object, as `{\"content-type\": \"application/json\"}`")?);
        // Some servers merge trailers into the headers, except fields for message framing, routing
        // and content format (RFC 9110, section 6.5.1).
        let mut trailers = lines(raw.take("trailers", "an object, as `{\"x-name\": \"value\"}`")?);
        trailers.retain(|(name, _)| {
            !UNMERGED.iter().any(|unmerged| name.eq_ignore_ascii_case(unmerged))
        });
        headers.append(&mut trailers);
        let body = match (raw.0.remove("body"), raw.take::<String>("body_b64", "a text in base64")?)
        {
            (Some(_), Some(_)) => return Err(LineError::Bodies),
            // A text is the body itself. Any other value is sent in its JSON form.
            (Some(body), None) if body.get().starts_with('"') => {
                let text: Result<String, _> = serde_json::from_str(body.get());
                Some(text.map_err(|error| LineError::Json(error.to_string()))?.into_bytes())
            }
            (Some(body), None) => Some(body.get().as_bytes().to_vec()),
            (None, Some(text)) => Some(base64(&text)?),
            (None, None) => None,
        };
        let switch: BTreeMap<String, String> =
            raw.take("switch", "an object, as `{\"rule\": \"on\"}`")?.unwrap_or_default();
        let switch = switch.into_iter().map(|(rule, state)| {
            let state = SwitchState::of(&state).ok_or(LineError::SwitchState(state))?;
            Ok((rule, state))
        });
        let switch = switch.collect::<Result<_, _>>()?;
        let now = raw
            .take("now", "a time")?
            .map(|now: Json| instant(&now).ok_or(LineError::Now))
            .transpose()?;
        // The platform's name has no influence here: the line itself gives the facts.
        raw.take::<String>("platform", "a text")?;
        Ok(Self {
            id,
            method,
            url,
            headers,
            body,
            chunks: raw.take("chunks", "a list of byte offsets")?.unwrap_or_default(),
            frames: raw.frames()?,
            places,
            network,
            asn: raw.take("asn", "the number of an autonomous system")?,
            ip: raw.take("ip", "an IPv4 or IPv6 address")?,
            accounts,
            now,
            switch,
            passed_over,
            said_places,
        })
    }

    /// Returns the body in the pieces that `chunks` defines, or in one piece. Empty pieces are left
    /// out.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.split(self.body.as_deref().unwrap_or_default())
    }

    /// Splits a frame at the same offsets as the body.
    pub(crate) fn split<'b>(&self, bytes: &'b [u8]) -> impl Iterator<Item = &'b [u8]> + use<'b> {
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

/// Trailers that are never merged into the headers.
const UNMERGED: [&str; 7] = [
    "content-type",
    "content-encoding",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "host",
];

/// Returns header lines in order. A list of values becomes several lines.
fn lines(members: Option<Object>) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (name, value) in members.unwrap_or_default() {
        match value {
            Json::Array(values) => {
                lines.extend(values.into_iter().map(|value| (name.clone(), plain(value))))
            }
            value => lines.push((name, plain(value))),
        }
    }
    lines
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
            // A larger number would mean a year with five digits, so it has the wrong unit.
            #[expect(clippy::cast_possible_truncation, reason = "bounded on the line before")]
            (milliseconds.abs() < 2.5e14).then_some(milliseconds as i64)
        }
        _ => None,
    }
}

/// Decodes Base64 (RFC 4648, section 4), with or without padding.
fn base64(text: &str) -> Result<Vec<u8>, LineError> {
    use base64::{
        DecodeError, Engine as _, alphabet,
        engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    };
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&alphabet::STANDARD, lenient).decode(text).map_err(|error| match error {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => {
            LineError::Base64 { at }
        }
        _ => LineError::Base64 { at: text.len() },
    })
}

#[cfg(test)]
mod tests;
