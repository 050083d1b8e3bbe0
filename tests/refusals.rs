//! Refusals in the error format of every API, against a reference measured with the vendors'
//! clients.
//!
//! The reference (`errors.json`) is outside this repository: see `dialects.rs`.

#![cfg(test)]

#[path = "support/beside.rs"]
mod beside;
#[path = "support/deciding.rs"]
mod deciding;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use deciding::guarding;
use portcullis::analysis::{Decider, RequestLine};
use portcullis::{Refusal, Socket, Verdict};
use serde_json::{Value, json};

const CLOCK: i64 = 1_781_481_600_000;

/// A request of each dialect that names a model: id, path, and body with `$` for the model.
const ASKED: [(&str, &str, &str); 16] = [
    ("openai", "/v1/chat/completions", r#"{"model":"$"}"#),
    ("azure-openai", "/openai/deployments/$/chat/completions", r#"{"messages":[]}"#),
    ("anthropic", "/v1/messages", r#"{"model":"$"}"#),
    ("gemini", "/v1beta/models/$:generateContent", r#"{"contents":[]}"#),
    (
        "vertex",
        "/v1/projects/p/locations/l/publishers/google/models/$:generateContent",
        r#"{"contents":[]}"#,
    ),
    ("bedrock", "/model/$/converse", r#"{"messages":[]}"#),
    ("mistral", "/v1/chat/completions", r#"{"model":"$"}"#),
    ("cohere", "/v2/chat", r#"{"model":"$"}"#),
    ("openrouter", "/api/v1/chat/completions", r#"{"model":"$"}"#),
    ("cloudflare", "/client/v4/accounts/a/ai/run/@cf/author/$", r#"{"prompt":"hi"}"#),
    ("ollama", "/api/chat", r#"{"model":"$"}"#),
    ("watsonx", "/ml/v1/text/chat", r#"{"model_id":"$"}"#),
    ("generic", "/chat/completions", r#"{"model":"$"}"#),
    // A dialect that serves another API uses the error format of that API.
    ("openrouter", "/api/v1/messages", r#"{"model":"$"}"#),
    ("ollama", "/v1/chat/completions", r#"{"model":"$"}"#),
    ("ollama", "/v1/messages", r#"{"model":"$"}"#),
];

/// Returns the dialect whose error format request `index` gets.
fn spoken(index: usize) -> &'static str {
    match index {
        12 => "litellm",
        13 | 15 => "anthropic",
        14 => "openai",
        other => ASKED[other].0,
    }
}

fn verdict(dialect: &str, path: &str, body: &str) -> Verdict {
    thread_local! {
        static DECIDERS: RefCell<BTreeMap<String, Decider>> = const { RefCell::new(BTreeMap::new()) };
    }
    let line = json!({ "method": "POST", "url": path, "headers": { "content-type": "application/json" }, "body": body, "place": { "country": "FR" } });
    let line = RequestLine::read(&line.to_string()).unwrap();
    DECIDERS.with_borrow_mut(|deciders| {
        deciders
            .entry(dialect.to_owned())
            .or_insert_with(|| guarding([dialect]))
            .verdict(&line, CLOCK)
    })
}

fn denied(index: usize) -> Verdict {
    let (dialect, path, body) = ASKED[index];
    let verdict = verdict(dialect, &path.replace('$', "mythos-5"), &body.replace('$', "mythos-5"));
    assert_eq!(verdict.status, 403, "{dialect} {path}");
    verdict
}

fn header<'a>(refusal: &'a Refusal, name: &str) -> Option<&'a str> {
    refusal.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

fn reference() -> Option<Value> {
    let file = beside::beside("PORTCULLIS_REFERENCE", "../shared/reference", "errors.json")?;
    Some(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
}

/// Compares a refusal with the reference. `<..>` in the reference matches any text, and the refusal
/// may have more members.
fn agrees(wanted: &Value, given: &Value) -> bool {
    match (wanted, given) {
        (Value::String(wanted), Value::String(given)) => wanted.starts_with('<') || wanted == given,
        (Value::Array(wanted), Value::Array(given)) => {
            wanted.len() == given.len()
                && wanted.iter().zip(given).all(|(wanted, given)| agrees(wanted, given))
        }
        (Value::Object(wanted), Value::Object(given)) => wanted
            .iter()
            .all(|(key, wanted)| given.get(key).is_some_and(|given| agrees(wanted, given))),
        _ => wanted == given,
    }
}

#[test]
fn denials_are_as_clients_were_measured_with() {
    let Some(reference) = reference() else { return };
    let mut spoken_of = BTreeSet::new();
    for index in 0..ASKED.len() {
        let refusal = Refusal::new(&denied(index), "case-1");
        let dialect = spoken(index);
        let wanted = &reference["dialects"][dialect];
        let body: Value = serde_json::from_str(&refusal.body).unwrap();
        assert!(agrees(&wanted["body"], &body), "{dialect}: {body} for {}", wanted["body"]);
        let content_type =
            wanted["content_type"].as_str().unwrap_or("application/json").split(" (").next();
        assert_eq!(header(&refusal, "content-type"), content_type, "{dialect}");
        for (name, value) in wanted["headers"].as_object().into_iter().flatten() {
            let given = header(&refusal, name).unwrap_or_else(|| panic!("{dialect}: no {name}"));
            let value = value.as_str().unwrap();
            assert!(
                value.starts_with('<') || value.split(" (").next() == Some(given),
                "{dialect}: {name} {given} for {value}"
            );
        }
        assert!(
            refusal.body.contains("Mythos-class models are suspended. Model: "),
            "{dialect}: {}",
            refusal.body
        );
        assert_eq!(header(&refusal, "retry-after"), None);
        spoken_of.insert(dialect);
    }
    assert_eq!(
        spoken_of.len(),
        reference["dialects"].as_object().unwrap().len(),
        "every dialect of the reference: {spoken_of:?}"
    );
}

#[test]
fn what_cannot_be_read_is_told_in_the_same_shape() {
    let shape = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    for (index, (dialect, path, _)) in ASKED.iter().enumerate() {
        let malformed =
            verdict(dialect, &path.replace('$', "haiku-4"), "{\"model\": \"haiku-4\",, }");
        assert_eq!(malformed.status, 400, "{dialect} {path}: {malformed:?}");
        let refusal = Refusal::new(&malformed, "case-1");
        let body: Value = serde_json::from_str(&refusal.body).unwrap();
        let denial: Value =
            serde_json::from_str(&Refusal::new(&denied(index), "case-1").body).unwrap();
        assert_eq!(shape(&body), shape(&denial), "{dialect}");
        assert!(refusal.body.contains("Case: case-1."), "{dialect}: {body}");
        match *dialect {
            "gemini" | "vertex" => {
                assert_eq!(
                    (&body["error"]["code"], &body["error"]["status"]),
                    (&json!(400), &json!("INVALID_ARGUMENT"))
                )
            }
            "bedrock" => {
                assert_eq!(header(&refusal, "x-amzn-errortype"), Some("ValidationException"))
            }
            "watsonx" => assert_eq!(body["status_code"], 400),
            _ => {}
        }
    }
}

#[test]
fn a_socket_is_told_as_its_clients_show_it() {
    for index in 0..ASKED.len() {
        let socket = Socket::new(&denied(index), "case-1");
        assert_eq!(socket.code, 1008);
        assert!(socket.reason.len() <= 123, "{}", socket.reason);
        if matches!(spoken(index), "gemini" | "vertex") {
            assert!(socket.event.is_empty());
            assert!(
                socket.reason.starts_with("Mythos-class models are suspended."),
                "{}",
                socket.reason
            );
        } else {
            let event: Value = serde_json::from_str(&socket.event).unwrap();
            assert_eq!(
                (&event["type"], &event["error"]["code"]),
                (&json!("error"), &json!("model_restricted"))
            );
            assert_eq!(socket.reason, "model_restricted");
        }
    }
}

#[test]
fn with_all_dialects_the_operation_says_in_whose_words() {
    let ids: Vec<&str> = portcullis::dialect::all().iter().map(|source| source.id).collect();
    let mut decider = guarding(ids);
    let mut told = |path: &str, headers: Value, body: &str| -> Value {
        let line = json!({ "method": "POST", "url": path, "headers": headers, "body": body, "place": { "country": "FR" } });
        let verdict = decider.verdict(&RequestLine::read(&line.to_string()).unwrap(), CLOCK);
        assert_eq!(verdict.status, 403, "{path}");
        serde_json::from_str(&Refusal::new(&verdict, "case-1").body).unwrap()
    };
    let body = r#"{"model":"mythos-5"}"#;
    let plain = json!({ "content-type": "application/json" });
    assert_eq!(
        told("/v1/chat/completions", plain.clone(), body)["error"]["type"],
        "request_forbidden"
    );
    assert_eq!(told("/v1/messages", plain.clone(), body)["error"]["type"], "permission_error");
    assert_eq!(
        told("/v1beta/models/mythos-5:generateContent", plain.clone(), "{}")["error"]["status"],
        "PERMISSION_DENIED"
    );
    assert!(told("/model/mythos-5/invoke", plain.clone(), "{}")["message"].is_string());
    assert!(told("/api/generate", plain.clone(), body)["error"].is_string());
    assert_eq!(told("/v2/chat", plain.clone(), body)["id"], "case-1");
    assert_eq!(told("/api/v1/chat/completions", plain, body)["error"]["code"], 403);
    // Several dialects are possible: a header decides.
    let google = json!({ "content-type": "application/json", "x-goog-api-key": "k" });
    assert_eq!(told("/unheard/of", google, body)["error"]["status"], "PERMISSION_DENIED");
}
