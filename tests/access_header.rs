//! The access headers of `tests/corpus/access-header/vectors.json`, which the npm package shares.
//!
//! Signing here gives the same bytes as the package, checking gives the fields of the file, and
//! each faulty header gives the error code of the file.

#![cfg(test)]
#![expect(clippy::string_slice, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use portcullis::origin::{
    AccessHeaderError, ArrivedRequest, Keys, NonceCache, VerifiedAccess, acknowledge, verify,
};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("corpus/access-header/vectors.json")).unwrap()
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_else(|| panic!("{name} in {of}"))
}

fn texts(of: &Value) -> Vec<String> {
    of.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn headers(of: &Value) -> Vec<(&str, &str)> {
    of.as_array()
        .unwrap()
        .iter()
        .map(|line| (line[0].as_str().unwrap(), line[1].as_str().unwrap()))
        .collect()
}

fn named<'a>(vectors: &'a Value, name: &str) -> &'a Value {
    vectors["signed"].as_array().unwrap().iter().find(|vector| vector["name"] == name).unwrap()
}

/// The keys of an origin: first a secret that gate and origin share, then a public key.
fn keys(vectors: &Value) -> Keys {
    Keys::read(&format!("{},{}", vectors["gate"][0].as_str().unwrap(), text(vectors, "public")))
        .unwrap()
}

fn check(vector: &Value, header: &str, keys: &Keys) -> Result<VerifiedAccess, AccessHeaderError> {
    let mut lines = headers(&vector["headers"]);
    lines.push(("Portcullis-Access", header));
    let arrived = ArrivedRequest {
        method: text(vector, "method"),
        target: text(vector, "target"),
        headers: &lines,
    };
    verify(&arrived, keys, vector["created"].as_u64().unwrap(), None)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn list(texts: &[String]) -> String {
    texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(" ")
}

fn digest(text: &str) -> String {
    use sha2::Digest as _;
    STANDARD.encode(&sha2::Sha256::digest(text)[..16])
}

/// Builds the header by the description in `docs/access-header.md`, apart from the crate's own
/// code.
fn made(vectors: &Value, vector: &Value) -> String {
    let slots = texts(&vector["slots"]);
    let mut credentials = String::new();
    for slot in &slots {
        let lines: Vec<&str> = headers(&vector["headers"])
            .into_iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(slot))
            .map(|(_, value)| value.trim())
            .collect();
        if !lines.is_empty() {
            credentials += &format!("{slot}: {}\n", lines.join(", "));
        }
    }
    let id = text(vector, "key");
    let key = vectors["gate"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key.as_str().unwrap())
        .find(|key| key.starts_with(&format!("{id}:")))
        .unwrap();
    let [_, algorithm, coded] = key.split(':').collect::<Vec<_>>().try_into().unwrap();
    let secret = STANDARD.decode(coded).unwrap();
    let fields = format!(
        "denied=({}), verdict={}, policy={}, version={}, bundle=\"{}\", method={}, target=:{}:, slots=({}), credential=:{}:, created={}, nonce=\"{}\", keyid=\"{id}\", alg=\"{algorithm}\"",
        list(&texts(&vector["denied"])),
        text(vector, "verdict"),
        quoted(text(&vector["policy"], "id")),
        vector["policy"]["version"],
        &text(&vector["policy"], "digest")[..16],
        quoted(text(vector, "method")),
        digest(text(vector, "target")),
        list(&slots),
        digest(&credentials),
        vector["created"],
        text(vector, "nonce"),
    );
    let line = format!("portcullis-access: {fields}");
    let signature = if algorithm == "ed25519" {
        ed25519_dalek::SigningKey::from_bytes(&secret.try_into().unwrap())
            .sign(line.as_bytes())
            .to_bytes()
            .to_vec()
    } else {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&secret).unwrap();
        mac.update(line.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    format!("{fields}, sig=:{}:", STANDARD.encode(signature))
}

#[test]
fn access_headers_are_signed_and_read_alike() {
    let vectors = vectors();
    let keys = keys(&vectors);
    for vector in vectors["signed"].as_array().unwrap() {
        let name = text(vector, "name");
        assert_eq!(made(&vectors, vector), text(vector, "value"), "{name}");
        let access = check(vector, text(vector, "value"), &keys)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(access.denied, texts(&vector["denied"]), "{name}");
        assert_eq!(access.deferred, vector["verdict"] == "defer", "{name}");
        assert_eq!(access.policy, text(&vector["policy"], "id"), "{name}");
        assert_eq!(access.version, vector["policy"]["version"].as_u64().unwrap(), "{name}");
        assert!(
            text(&vector["policy"], "digest").starts_with(&access.bundle)
                && access.bundle.len() == 16,
            "{name}"
        );
        assert_eq!(access.slots, texts(&vector["slots"]), "{name}");
        assert_eq!(
            (access.nonce.as_str(), access.key_id.as_str()),
            (text(vector, "nonce"), text(vector, "key")),
            "{name}"
        );
    }
}

#[test]
fn no_byte_of_an_access_header_can_be_another() {
    let vectors = vectors();
    let keys = keys(&vectors);
    for vector in vectors["signed"].as_array().unwrap() {
        let header = text(vector, "value");
        for at in 0..header.len() {
            for other in [
                char::from(header.as_bytes()[at] ^ 1).to_string(),
                "A".into(),
                "\"".into(),
                "\u{e4}".into(),
                String::new(),
            ] {
                let changed = format!("{}{other}{}", &header[..at], &header[at + 1..]);
                if changed != header {
                    assert!(check(vector, &changed, &keys).is_err(), "{changed}");
                }
            }
        }
    }
}

#[test]
fn what_is_wrong_has_its_code() {
    let vectors = vectors();
    let keys = keys(&vectors);
    for fault in vectors["faults"].as_array().unwrap() {
        let vector = named(&vectors, text(fault, "of"));
        let part = |name: &str| if fault[name].is_null() { &vector[name] } else { &fault[name] };
        let header = spoilt(text(vector, "value"), fault);
        let mut lines = headers(part("headers"));
        lines.extend(header.as_deref().map(|header| ("portcullis-access", header)));
        let arrived = ArrivedRequest {
            method: part("method").as_str().unwrap(),
            target: part("target").as_str().unwrap(),
            headers: &lines,
        };
        let now = fault["now"].as_u64().or(vector["created"].as_u64()).unwrap();
        let code = verify(&arrived, &keys, now, None).err().map_or("", AccessHeaderError::code);
        assert_eq!(code, text(fault, "code"), "{}", text(fault, "name"));
    }
}

/// Applies a fault to a header. `None` means that the header is absent.
fn spoilt(header: &str, fault: &Value) -> Option<String> {
    let mut text = match fault.get("value") {
        Some(Value::Null) => return None,
        Some(instead) => instead.as_str().unwrap().to_owned(),
        None => header.to_owned(),
    };
    if let Some(cut) = fault["cut"].as_str() {
        text.truncate(text.find(cut).unwrap());
    }
    if let Some(replace) = fault["replace"].as_array() {
        let (from, to) = (replace[0].as_str().unwrap(), replace[1].as_str().unwrap());
        assert!(text.contains(from), "{from} in {text}");
        text = text.replacen(from, to, 1);
    }
    if let Some(signature) = fault["signature"].as_str() {
        text.truncate(text.rfind(", sig=:").unwrap());
        text += &format!(", sig=:{signature}:");
    }
    if fault["twice"] == true {
        text = format!("{text}, {text}");
    }
    Some(text + fault["append"].as_str().unwrap_or_default())
}

#[test]
fn an_access_header_is_good_for_one_request() {
    let vectors = vectors();
    let keys = keys(&vectors);
    let mut seen = NonceCache::new(2);
    let mut take = |name: &str, method: &str| {
        let vector = named(&vectors, name);
        let mut lines = headers(&vector["headers"]);
        lines.push(("portcullis-access", text(vector, "value")));
        let arrived = ArrivedRequest { method, target: text(vector, "target"), headers: &lines };
        verify(&arrived, &keys, vector["created"].as_u64().unwrap(), Some(&mut seen))
            .map(|access| access.nonce)
    };
    // A header that fails the check takes no slot in the nonce cache.
    assert_eq!(take("nothing denied", "GET"), Err(AccessHeaderError::MethodWrong));
    assert!(take("nothing denied", "POST").is_ok());
    assert_eq!(take("nothing denied", "POST"), Err(AccessHeaderError::Replayed));
    assert!(take("one family denied", "POST").is_ok());
    assert_eq!(take("under an Ed25519 key", "POST"), Err(AccessHeaderError::CacheFull));
}

#[test]
fn acknowledgements_are_alike() {
    let vectors = vectors();
    let keys = keys(&vectors);
    let origin = Keys::read(text(&vectors, "origin")).unwrap();
    for enforced in vectors["enforced"].as_array().unwrap() {
        let vector = named(&vectors, text(enforced, "of"));
        let access = check(vector, text(vector, "value"), &keys).unwrap();
        let status = u16::try_from(enforced["status"].as_u64().unwrap()).unwrap();
        assert_eq!(acknowledge(&access, status, &origin).as_deref(), Some(text(enforced, "value")));
        assert_eq!(
            acknowledge(&access, status, &Keys::read(text(&vectors, "public")).unwrap()),
            None,
            "an Ed25519 key does not acknowledge"
        );
    }
}

#[test]
fn keys_that_are_none() {
    let long = format!("{}=", "A".repeat(43));
    for text in [
        "",
        ",",
        "k",
        "k:hmac-sha256",
        &format!("k:none:{long}"),
        &format!(":hmac-sha256:{long}"),
        &format!("k k:hmac-sha256:{long}"),
        "k:hmac-sha256:AAAA",
        "k:ed25519:AAAA",
        &format!("k:hmac-sha256:{long}x"),
    ] {
        assert!(Keys::read(text).is_err_and(|error| error.code() == "key_invalid"), "{text}");
    }
    let keys = Keys::read(&format!("k:hmac-sha256:{long}")).unwrap();
    assert_eq!(format!("{keys:?}"), "[\"k\"]", "a key does not reach a log");
}
