//! Verifies the access header of a request, and builds the acknowledgement.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::error::AccessHeaderError;
use super::field::{Item, members};
use super::key::Keys;
use super::nonce_cache::{NonceStore, Taken};
use super::sign::{ACCESS_HEADER, ENFORCED_HEADER};
use super::sign::{digest, mac};
use crate::limits::{ACCESS_HEADER_BYTES, ACCESS_SECONDS, CLOCK_SKEW_SECONDS};

/// A request as it arrived, before any rewriting.
#[derive(Clone, Copy, Debug)]
pub struct ArrivedRequest<'a> {
    /// The method, for example `POST`.
    pub method: &'a str,
    /// Path and query as on the wire, for example `/v1/models?limit=2`.
    pub target: &'a str,
    /// Header lines. The case of names does not matter.
    pub headers: &'a [(&'a str, &'a str)],
}

/// The contents of a valid access header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedAccess {
    /// Ids of the families that the caller may not use. `*` is for models of no family of the
    /// policy.
    pub denied: Vec<String>,
    /// The verdict was `defer`, not `pass`: the origin chooses the model, so only the origin can
    /// enforce this.
    pub deferred: bool,
    /// Id of the policy.
    pub policy: String,
    /// Version of the policy.
    pub version: u64,
    /// The first 16 hexadecimal digits of the bundle's digest.
    pub bundle: String,
    /// Headers in which the gate looked for credentials, in lower case.
    pub slots: Vec<String>,
    /// When the header was made, in seconds since the Unix epoch.
    pub created: u64,
    /// Unique to this request.
    pub nonce: String,
    /// Id of the key that signed the header.
    pub key_id: String,
}

impl VerifiedAccess {
    /// Returns whether the caller may not use the models of a family. `*` is for models of no
    /// family.
    #[must_use]
    pub fn denies(&self, family: &str) -> bool {
        self.denied.iter().any(|denied| denied == family)
    }
}

/// Verifies a request's access header. `now` is in seconds since the Unix epoch. Without `seen` a
/// header can be replayed until it expires.
///
/// # Errors
/// [`AccessHeaderError`]: the request must not be served, since the gate may not have judged it.
pub fn verify(
    arrived: &ArrivedRequest<'_>,
    keys: &Keys,
    now: u64,
    seen: Option<&mut dyn NonceStore>,
) -> Result<VerifiedAccess, AccessHeaderError> {
    let text = value(arrived.headers, ACCESS_HEADER).ok_or(AccessHeaderError::Missing)?;
    let read = read(&text).ok_or(AccessHeaderError::Malformed)?;
    let Read { access, .. } = &read;
    let key = keys
        .of(&access.key_id)
        .filter(|key| key.algorithm() == read.algorithm)
        .ok_or(AccessHeaderError::KeyUnknown)?;
    if !key.verify(format!("{ACCESS_HEADER}: {}", read.signed).as_bytes(), &read.signature) {
        return Err(AccessHeaderError::SignatureWrong);
    }
    let until = access.created.saturating_add(ACCESS_SECONDS + CLOCK_SKEW_SECONDS);
    if access.created > now.saturating_add(CLOCK_SKEW_SECONDS) {
        return Err(AccessHeaderError::NotYetValid);
    }
    if now > until {
        return Err(AccessHeaderError::Expired);
    }
    if read.method != arrived.method {
        return Err(AccessHeaderError::MethodWrong);
    }
    if read.target != digest(arrived.target.as_bytes()) {
        return Err(AccessHeaderError::TargetWrong);
    }
    let mut credentials = String::new();
    for name in &access.slots {
        if let Some(value) = value(arrived.headers, name) {
            credentials.push_str(&format!("{name}: {value}\n"));
        }
    }
    if read.credential != digest(credentials.as_bytes()) {
        return Err(AccessHeaderError::CredentialWrong);
    }
    // Last, so that only valid headers take room in the store.
    match seen.map_or(Taken::Fresh, |seen| seen.take(&access.nonce, until, now)) {
        Taken::Fresh => Ok(read.access),
        Taken::Replayed => Err(AccessHeaderError::Replayed),
        Taken::Full => Err(AccessHeaderError::CacheFull),
    }
}

/// Returns the value of `Portcullis-Enforced` for a response with this status. It states that the
/// origin has enforced the access header. `keys` are the origin's own; the first `hmac-sha256` key
/// signs. Returns `None` if there is no such key.
#[must_use]
pub fn acknowledge(access: &VerifiedAccess, status: u16, keys: &Keys) -> Option<String> {
    let (id, secret) = keys.signer()?;
    let text =
        format!("nonce=\"{}\", status={status}, keyid=\"{id}\", alg=\"hmac-sha256\"", access.nonce);
    let signature = mac(secret, format!("{ENFORCED_HEADER}: {text}").as_bytes());
    Some(format!("{text}, sig=:{signature}:"))
}

/// Returns a header's value, with all lines of this name joined as in RFC 9110, section 5.3.
fn value(headers: &[(&str, &str)], name: &str) -> Option<String> {
    let lines: Vec<&str> = headers
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim_matches([' ', '\t']))
        .collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

struct Read {
    access: VerifiedAccess,
    method: String,
    target: String,
    credential: String,
    algorithm: String,
    /// The signed text, and its signature.
    signed: String,
    signature: Vec<u8>,
}

fn read(text: &str) -> Option<Read> {
    if text.len() > ACCESS_HEADER_BYTES {
        return None;
    }
    let mut members = members(text)?;
    // The signature must be the last member, since members after it would not be signed.
    let Some(("sig", Item::Bytes(signature))) = members.pop() else { return None };
    let (signed, _) = text.rsplit_once(", sig=:")?;
    let mut take = |name: &str| {
        let at = members.iter().position(|(other, _)| *other == name)?;
        Some(members.swap_remove(at).1)
    };
    let nonce = string(take("nonce")?)?;
    if !(16..=64).contains(&nonce.len())
        || !nonce.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    {
        return None;
    }
    let deferred = match take("verdict")? {
        Item::Token("pass") => false,
        Item::Token("defer") => true,
        _ => return None,
    };
    let slots = list(take("slots")?)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !slots.iter().all(|name| !name.is_empty() && name.bytes().all(plain)) {
        return None;
    }
    let access = VerifiedAccess {
        denied: list(take("denied")?)?,
        deferred,
        policy: string(take("policy")?)?,
        version: integer(take("version")?)?,
        bundle: string(take("bundle")?)?,
        slots,
        created: integer(take("created")?)?,
        nonce,
        key_id: string(take("keyid")?)?,
    };
    Some(Read {
        access,
        method: string(take("method")?)?,
        target: bytes(take("target")?)?,
        credential: bytes(take("credential")?)?,
        algorithm: string(take("alg")?)?,
        signed: signed.into(),
        signature,
    })
}

fn string(item: Item<'_>) -> Option<String> {
    if let Item::String(value) = item { Some(value) } else { None }
}

fn integer(item: Item<'_>) -> Option<u64> {
    if let Item::Integer(value) = item { Some(value) } else { None }
}

fn list(item: Item<'_>) -> Option<Vec<String>> {
    if let Item::List(value) = item { Some(value) } else { None }
}

/// Returns bytes in the spelling of [`digest`].
fn bytes(item: Item<'_>) -> Option<String> {
    if let Item::Bytes(value) = item { Some(crate::compact::base64::base64(&value)) } else { None }
}
