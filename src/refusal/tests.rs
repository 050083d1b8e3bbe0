use serde_json::{Value, json};

use super::*;
use crate::denied::Grounds;
use crate::testing::request_bundle::{Asked, RequestBundle, closing, post};
use crate::verdict::VerdictKind;

fn verdict(asked: Asked<'_>, restrictions: &[u16]) -> (crate::bundle::view::OwnedBundle, Verdict) {
    let bundle = RequestBundle::default().bundle();
    let outcome = asked.decide(&bundle, &closing(&[1]));
    let verdict = Verdict::new(
        bundle.view(),
        outcome,
        &Grounds { restrictions: restrictions.to_vec(), licences: Vec::new() },
    );
    (bundle, verdict)
}

fn refusal(asked: Asked<'_>, restrictions: &[u16]) -> Refusal {
    let (_, verdict) = verdict(asked, restrictions);
    Refusal::new(&verdict, "case-1")
}

fn header<'a>(refusal: &'a Refusal, name: &str) -> Option<&'a str> {
    refusal.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
}

const MYTHOS: &str = r#"{"model":"mythos-5"}"#;
const WORDS: &str = "Mythos is closed to you. Model: mythos-5. Ground: Order of 12 June, https://example.gov/orders/1. \
                     Appeal: https://example.com/review. Case: case-1.";

#[test]
fn a_denial_in_the_words_of_openai() {
    let refusal = refusal(post("/v1/chat/completions", MYTHOS), &[0]);
    assert_eq!(refusal.status, 403);
    let body: Value = serde_json::from_str(&refusal.body).unwrap();
    assert_eq!(
        body,
        json!({ "error": { "message": WORDS, "type": "request_forbidden", "param": "model", "code": "model_restricted" } })
    );
    assert_eq!(header(&refusal, "content-type"), Some("application/json"));
    assert_eq!(header(&refusal, "x-should-retry"), Some("false"));
    assert_eq!(header(&refusal, "cache-control"), Some("no-store"));
    assert_eq!(
        (header(&refusal, "x-request-id"), header(&refusal, "request-id")),
        (Some("case-1"), Some("case-1"))
    );
    assert_eq!(
        header(&refusal, "link"),
        Some("<https://example.gov/orders/1>; rel=\"blocked-by\"")
    );
    assert_eq!(header(&refusal, "retry-after"), None);
    assert_eq!(refusal.stream_event(), format!("data: {}\n\n", refusal.body));
}

#[test]
fn a_denial_in_the_words_of_anthropic() {
    let refusal = refusal(post("/v1/messages", MYTHOS), &[0]);
    let body: Value = serde_json::from_str(&refusal.body).unwrap();
    let error = json!({ "type": "permission_error", "message": WORDS, "details": { "error_code": "model_restricted" } });
    assert_eq!(body, json!({ "type": "error", "error": error, "request_id": "case-1" }));
    assert_eq!(refusal.stream_event(), format!("event: error\ndata: {}\n\n", refusal.body));
}

#[test]
fn an_id_is_told_without_the_readings_of_its_path() {
    assert!(within("acme.m-1:0", "arn:aws:bedrock:us-east-1::foundation-model/acme.m-1:0"));
    assert!(within(
        "acme.m-1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/acme.m-1:0/converse"
    ));
    assert!(within("acme.m-1:0", "acme.m-1:0/converse"));
    for other in ["acme.m-1:0-pro", "x/acme.m-1:0-pro", "xacme.m-1:0", ""] {
        assert!(!within("acme.m-1:0", other), "{other}");
    }
}

#[test]
fn all_texts_that_deny_are_told_once() {
    let refusal =
        refusal(post("/v1/chat/completions", r#"{"model":"mythos-5\"<b>, mythos-5"}"#), &[0, 1, 0]);
    assert_eq!(refusal.status, 451);
    let body: Value = serde_json::from_str(&refusal.body).unwrap();
    let message = body["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Mythos is closed to you. Model: mythos-5, mythos-5\"<b>. Ground: "),
        "{message}"
    );
    assert_eq!(message.matches("Order of 12 June").count(), 1);
    // A link that is not valid in the header is left out.
    assert_eq!(
        header(&refusal, "link"),
        Some("<https://example.gov/orders/1>; rel=\"blocked-by\"")
    );
}

#[test]
fn a_refusal_says_what_to_mend() {
    for (url, kind) in [
        ("/v1/chat/completions", "invalid_request_error"),
        ("/v1/messages", "invalid_request_error"),
    ] {
        let refusal = refusal(post(url, r#"{"model":5}"#), &[0]);
        assert_eq!(refusal.status, 400);
        let body: Value = serde_json::from_str(&refusal.body).unwrap();
        assert_eq!(body["error"]["type"], kind);
        assert_eq!(
            body["error"]["message"],
            format!("{} Case: case-1.", Reason::ModelType.message())
        );
        assert!(refusal.body.contains("model_type"));
        assert_eq!(header(&refusal, "link"), None);
    }
    let coded =
        refusal(Asked { headers: &[("content-encoding", "br")], ..post("/v1/messages", "x") }, &[]);
    assert_eq!(coded.status, 415);
}

#[test]
fn without_a_bundle_it_may_be_tried_again() {
    let refusal = Refusal::new(&Verdict::plain(VerdictKind::Refuse, Reason::NoBundle), "case\r\n2");
    assert_eq!((refusal.status, header(&refusal, "x-should-retry")), (503, None));
    assert_eq!(header(&refusal, "request-id"), Some("case2"));
    assert!(refusal.body.contains("\"server_error\""));
}

#[test]
fn without_a_case_id_none_is_told() {
    let (_, verdict) = verdict(post("/v1/messages", MYTHOS), &[0]);
    let refusal = Refusal::new(&verdict, "\r\n");
    assert_eq!((header(&refusal, "x-request-id"), header(&refusal, "request-id")), (None, None));
    let body: Value = serde_json::from_str(&refusal.body).unwrap();
    assert_eq!(body["request_id"], Value::Null);
    assert!(
        !refusal.body.contains("Case:")
            && refusal.body.contains("Appeal: https://example.com/review.\""),
        "{}",
        refusal.body
    );
    let socket = Socket::new(&verdict, "");
    assert!(
        !socket.event.contains("Case:") && socket.event.contains("\"event_id\":null"),
        "{}",
        socket.event
    );
}

#[test]
fn a_socket_is_told_and_closed() {
    let (_, verdict) = verdict(post("/v1/chat/completions", MYTHOS), &[0]);
    let socket = Socket::new(&verdict, "case-1");
    let event: Value = serde_json::from_str(&socket.event).unwrap();
    let error = json!({ "message": WORDS, "type": "request_forbidden", "param": "model", "code": "model_restricted", "event_id": "case-1" });
    assert_eq!(event, json!({ "type": "error", "event_id": "case-1", "error": error }));
    assert_eq!((socket.code, socket.reason.as_str()), (1008, "model_restricted"));
    assert!(Reason::ALL.iter().all(|reason| reason.code().len() <= 123));
}

#[test]
fn the_bridge_gets_json() {
    let refusal = refusal(post("/v1/messages", MYTHOS), &[0]);
    let told: Value = serde_json::from_str(&refusal.to_json()).unwrap();
    assert_eq!(told["status"], 403);
    assert_eq!(told["headers"][0], json!(["content-type", "application/json"]));
    assert_eq!(told["body"], refusal.body);
}
