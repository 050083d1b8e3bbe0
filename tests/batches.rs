//! Requests inside requests: Google's batches, documents in parts, bodies in Base64. Each is
//! decided whole and byte by byte, with the same verdict.

#![cfg(test)]

#[path = "support/deciding.rs"]
mod deciding;

use std::cell::RefCell;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use deciding::{decider, policy};
use portcullis::VerdictKind;
use portcullis::analysis::{Decider, RequestLine};
use portcullis::policy::Options;
use serde_json::json;

const DIALECTS: &str =
    r#"["gemini", { id = "vertex", prefix = "/vertex" }, { id = "bedrock", prefix = "/bedrock" }]"#;

thread_local! {
    static DECIDER: RefCell<Decider> = RefCell::new(decider(&policy(DIALECTS), &mut Options::default()));
}

#[track_caller]
fn decided(url: &str, content_type: &str, body: &str) -> (VerdictKind, String) {
    let line = json!({"id": 1, "method": "POST", "url": url, "headers": {"content-type": content_type}, "body": body});
    let verdict =
        DECIDER.with_borrow_mut(|decider| deciding::decided(decider, &line.to_string(), &[1, 7]));
    (verdict.kind, verdict.reason.code().to_owned())
}

/// Returns a multipart body with these parts.
fn batch(parts: &[&str]) -> String {
    let mut body = String::new();
    for part in parts {
        body.push_str("--b\r\nContent-Type: application/http\r\nContent-ID: <x>\r\n\r\n");
        body.push_str(part);
        body.push_str("\r\n");
    }
    body + "--b--\r\n"
}

const MIXED: &str = "multipart/mixed; boundary=b";
const OPEN: &str = "POST /v1beta/models/haiku-4:generateContent HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"contents\":[]}";
const CLOSED: &str = "POST /v1beta/models/mythos-5:generateContent HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"contents\":[]}";

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{body}")
}

/// Returns a part whose request declares this `Content-Length`.
fn sized(length: &str, body: &str) -> String {
    format!(
        "POST /v1beta/models/haiku-4:generateContent HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn each_request_of_a_batch_is_read_as_one_of_its_own() {
    let told = |parts: &[&str]| decided("/batch", MIXED, &batch(parts));
    let is = |kind: VerdictKind, reason: &str| (kind, reason.to_owned());
    assert_eq!(told(&[OPEN]), is(VerdictKind::Pass, "allowed"));
    assert_eq!(told(&[OPEN, OPEN]), is(VerdictKind::Pass, "allowed"));
    assert_eq!(told(&[OPEN, CLOSED]), is(VerdictKind::Deny, "model_restricted"));
    assert_eq!(told(&[CLOSED, "nonsense"]), is(VerdictKind::Deny, "model_restricted"));
    for (kind, reason, part) in [
        (
            VerdictKind::Deny,
            "model_restricted",
            post(
                "https://generativelanguage.googleapis.com/v1beta/models/mythos-5:generateContent",
                "{}",
            ),
        ),
        (
            VerdictKind::Deny,
            "model_restricted",
            post("v1beta/models/mythos-5:generateContent", "{}"),
        ),
        (
            VerdictKind::Deny,
            "model_restricted",
            post("/v1beta/models/mythos%2D5:generateContent", "{}"),
        ),
        (
            VerdictKind::Deny,
            "model_restricted",
            post("/v1beta/models/haiku-4:generateContent?model=mythos-5", "{}"),
        ),
        (
            VerdictKind::Deny,
            "model_restricted",
            post("/v1beta/interactions", r#"{"model":"mythos-5"}"#),
        ),
        (
            VerdictKind::Deny,
            "model_restricted",
            post("/v1beta/models/haiku-4:generateContent", "{}")
                .replace("HTTP/1.1\r\n", "HTTP/1.1\r\nx-model: mythos-5\r\n"),
        ),
        (VerdictKind::Deny, "model_restricted", "GET /v1beta/models/mythos-5".to_owned()),
        (
            VerdictKind::Deny,
            "model_restricted",
            "GET /v1beta/models/mythos-5 HTTP/1.1\r\nAccept: */*".to_owned(),
        ),
        // A part whose model is unknown defers the whole batch.
        (VerdictKind::Defer, "unlisted", post("/v1beta/models/auto:generateContent", "{}")),
        (VerdictKind::Defer, "unlisted", post("/v1beta/interactions", "{}")),
        (VerdictKind::Defer, "late_bound", "GET /v1beta/models HTTP/1.1\r\n\r\n".to_owned()),
        (VerdictKind::Defer, "unknown_operation", post("/unheard/of", "{}")),
        // Parts that servers read differently.
        (
            VerdictKind::Refuse,
            "duplicate_key",
            post("/v1beta/interactions", r#"{"model":"haiku-4","model":"haiku-4"}"#),
        ),
        (
            VerdictKind::Refuse,
            "body_truncated",
            post("/v1beta/interactions", r#"{"model":"haiku-4""#),
        ),
        (
            VerdictKind::Refuse,
            "multipart_encoding",
            OPEN.replace("HTTP/1.1\r\n", "HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"),
        ),
        (
            VerdictKind::Refuse,
            "multipart_header",
            OPEN.replace("HTTP/1.1\r\n", "HTTP/1.1\r\nx : y\r\n"),
        ),
        (
            VerdictKind::Refuse,
            "multipart_header",
            OPEN.replace("HTTP/1.1\r\n", "HTTP/1.1\r\nx: y\r\n folded\r\n"),
        ),
        (VerdictKind::Refuse, "multipart_header", OPEN.replace(" HTTP/1.1", " x HTTP/1.1")),
        (VerdictKind::Refuse, "multipart_header", OPEN.replace("\r\n", "\n")),
        (VerdictKind::Refuse, "multipart_header", "nonsense".to_owned()),
        (VerdictKind::Refuse, "multipart_header", sized("2\r\nContent-Length: 2", "{}")),
        (VerdictKind::Refuse, "multipart_header", sized("-1", "{}")),
        (VerdictKind::Refuse, "multipart_header", sized("2, 2", "{}")),
        // Bytes that a server which treats the part as a connection reads as a further request.
        (
            VerdictKind::Refuse,
            "trailing_bytes",
            format!("GET /v1beta/models/haiku-4 HTTP/1.1\r\n\r\n{CLOSED}"),
        ),
        (VerdictKind::Refuse, "trailing_bytes", sized("2", "{} GET")),
        (VerdictKind::Refuse, "trailing_bytes", sized("0", "{}")),
        (VerdictKind::Pass, "allowed", sized("2", "{}\r\n \r\n")),
        (VerdictKind::Pass, "allowed", sized("4", "{}\r\n")),
        (VerdictKind::Pass, "allowed", sized("99", "{}")),
        (
            VerdictKind::Pass,
            "allowed",
            "GET /v1beta/models/haiku-4 HTTP/1.1\r\nContent-Length: 0\r\n\r\n\r\n".to_owned(),
        ),
        // The headers of the batch may ask for another method.
        (
            VerdictKind::Deny,
            "model_restricted",
            post("/v1beta/cachedContents", "{\"model\":\"mythos-5\"}").replace("POST", "GET"),
        ),
        (VerdictKind::Pass, "allowed", "GET /v1beta/cachedContents HTTP/1.1\r\n\r\n".to_owned()),
        (
            VerdictKind::Refuse,
            "multipart_nested",
            OPEN.replace("application/json", "multipart/mixed; boundary=c"),
        ),
        (
            VerdictKind::Refuse,
            "multipart_header_too_large",
            format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(40_000)),
        ),
    ] {
        assert_eq!(told(&[OPEN, &part, OPEN]), is(kind, reason), "{part}");
    }
    // The bare endpoints, and a batch behind a prefix whose parts have paths without it.
    for url in ["/batch/generativelanguage/v1beta", "/batch/generativelanguage"] {
        assert_eq!(decided(url, MIXED, &batch(&[OPEN])).0, VerdictKind::Pass, "{url}");
        assert_eq!(decided(url, MIXED, &batch(&[CLOSED])).0, VerdictKind::Deny, "{url}");
    }
    for (model, expected) in [
        ("haiku-4", VerdictKind::Pass),
        ("mythos-5", VerdictKind::Deny),
        ("auto", VerdictKind::Defer),
    ] {
        for prefix in ["", "/vertex"] {
            let part = post(
                &format!(
                    "{prefix}/v1/projects/p/locations/l/publishers/google/models/{model}:generateContent"
                ),
                "{}",
            );
            for url in ["/vertex/batch", "/vertex/batch/aiplatform/v1"] {
                assert_eq!(
                    decided(url, MIXED, &batch(&[&part])).0,
                    expected,
                    "{url} {prefix} {model}"
                );
            }
        }
    }
}

#[test]
fn what_is_no_request_is_a_document_or_media() {
    let part = |headers: &str, content: &str| format!("--b\r\n{headers}\r\n{content}\r\n--b--\r\n");
    let json = "Content-Type: application/json\r\n";
    let url = "/v1beta/interactions";
    for (kind, content_type, body) in [
        (VerdictKind::Deny, "multipart/related; boundary=b", part(json, r#"{"model":"mythos-5"}"#)),
        (VerdictKind::Pass, "multipart/related; boundary=b", part(json, r#"{"model":"haiku-4"}"#)),
        (VerdictKind::Deny, MIXED, part("", r#"{"model":"mythos-5"}"#)),
        (
            VerdictKind::Deny,
            MIXED,
            part("Content-Disposition: form-data; name=\"model\"\r\n", "mythos-5"),
        ),
        (
            VerdictKind::Pass,
            MIXED,
            part(
                "Content-Disposition: attachment; filename=\"a\"\r\nContent-Type: application/json\r\n",
                r#"{"model":"haiku-4"}"#,
            ),
        ),
        (VerdictKind::Defer, MIXED, part("Content-Type: audio/wav\r\n", "RIFF mythos-5")),
        (
            VerdictKind::Refuse,
            MIXED,
            part(
                "Content-Type: application/http\r\nContent-Transfer-Encoding: base64\r\n",
                "R0VUIC8=",
            ),
        ),
        (
            VerdictKind::Refuse,
            MIXED,
            part("Content-Type: multipart/mixed; boundary=c\r\n", "--c--"),
        ),
        (
            VerdictKind::Refuse,
            "multipart/alternative; boundary=b",
            part(json, r#"{"model":"haiku-4"}"#),
        ),
    ] {
        assert_eq!(decided(url, content_type, &body).0, kind, "{body}");
    }
}

#[test]
fn base64_of_a_document_is_read_as_the_document() {
    let interactions = "/vertex/v1/projects/p/locations/l/interactionsHttp";
    let count = "/bedrock/model/haiku-4/count-tokens";
    for (model, expected) in [
        ("haiku-4", VerdictKind::Pass),
        ("mythos-5", VerdictKind::Deny),
        ("auto", VerdictKind::Defer),
    ] {
        let document = json!({"model": model, "input": "\u{3ff}\u{3fe}?>"}).to_string();
        // Some decoders skip the characters of the URL-safe alphabet, so the decoded bytes are
        // uncertain.
        let for_urls = json!({"data": URL_SAFE_NO_PAD.encode(&document)}).to_string();
        assert!(
            matches!(
                decided(interactions, "application/json", &for_urls).0,
                VerdictKind::Refuse | VerdictKind::Deny
            ),
            "{model}"
        );
        for text in [STANDARD.encode(&document), STANDARD_NO_PAD.encode(&document)] {
            let wrapped = json!({"contentType": "application/json", "data": text}).to_string();
            assert_eq!(decided(interactions, "application/json", &wrapped).0, expected, "{model}");
            let escaped = wrapped.replace('e', "\\u0065").replace("dat\\u0061", "data");
            let keys = escaped.replace("cont\\u0065ntTyp\\u0065", "contentType");
            assert_eq!(
                decided(interactions, "application/json", &keys).0,
                expected,
                "{model} escaped"
            );
        }
        assert_eq!(
            decided(interactions, "application/json", &document).0,
            expected,
            "{model} as it is"
        );
    }
    let counted = |body: &str| {
        decided(
            count,
            "application/json",
            &json!({"input": {"invokeModel": {"body": STANDARD.encode(body)}}}).to_string(),
        )
    };
    assert_eq!(counted(r#"{"messages":[],"max_tokens":1}"#).0, VerdictKind::Pass);
    assert_eq!(
        counted(r#"{"messages":[],"fallbacks":[{"model":"mythos-5"}]}"#).0,
        VerdictKind::Deny
    );
    for text in ["e30", "e30=="] {
        let body = json!({"data": text}).to_string();
        assert_ne!(decided(interactions, "application/json", &body).0, VerdictKind::Deny, "{text}");
    }
    for text in ["e30=e30=", "e3=0", "e30 ", "e30=\n", "=e30", "e", "{}", "+_=="] {
        let body = json!({"data": text}).to_string();
        assert_eq!(
            decided(interactions, "application/json", &body).0,
            VerdictKind::Refuse,
            "{text}"
        );
    }
}

#[test]
fn base64_in_two_alphabets_is_read_differently_and_so_refused() {
    let document = json!({"model": "haiku-4", "input": "?>?>?>?>~~~~>>>>????"}).to_string();
    let standard = STANDARD.encode(&document);
    let mixed = standard.replacen(['+', '/'], "-", 1);
    assert!(mixed != standard && mixed.contains(['+', '/']), "{mixed}");
    let body = json!({"data": mixed}).to_string();
    assert_eq!(
        decided("/vertex/v1/projects/p/locations/l/interactionsHttp", "application/json", &body).0,
        VerdictKind::Refuse
    );
}

/// The denied set belongs to the credentials of the batch. A part with another credential would run
/// for a caller whom the gate did not look up.
#[test]
fn a_request_of_a_batch_has_the_credentials_of_the_batch() {
    let decided = |url: &str, outer: &[(&str, &str)], target: &str, inner: &str| {
        let mut headers = serde_json::Map::from_iter([("content-type".to_owned(), json!(MIXED))]);
        headers.extend(outer.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        let part =
            format!("POST {target} HTTP/1.1\r\n{inner}Content-Type: application/json\r\n\r\n{{}}");
        let line = json!({"id": 1, "method": "POST", "url": url, "headers": headers, "body": batch(&[&part])});
        let verdict = DECIDER.with_borrow_mut(|decider| {
            decider.verdict(&RequestLine::read(&line.to_string()).unwrap(), 0)
        });
        (verdict.kind, verdict.reason.code())
    };
    let open = "/v1beta/models/haiku-4:generateContent";
    let closed = "/v1beta/models/mythos-5:generateContent";
    let keyed = "/v1beta/models/haiku-4:generateContent?key=k";
    let bearer = [("authorization", "Bearer k"), ("x-goog-user-project", "p")];
    let both = [("x-goog-api-key", "a"), ("authorization", "Bearer k")];
    let goes = (VerdictKind::Pass, "allowed");
    for (url, outer, target, inner) in [
        ("/batch", bearer.as_slice(), open, ""),
        ("/batch", &bearer, open, "Authorization: Bearer k\r\nX-Goog-User-Project: q\r\n"),
        ("/batch", &both, open, "AUTHORIZATION:Bearer k\r\n"),
        ("/batch?x=y&key=k", &[], keyed, ""),
        ("/batch", &[], "/v1beta/models/haiku-4:generateContent?pageToken=k", ""),
    ] {
        assert_eq!(decided(url, outer, target, inner), goes, "{url} {outer:?} {target} {inner}");
    }
    for (url, outer, target, inner) in [
        ("/batch", bearer.as_slice(), open, "Authorization: Bearer other\r\n"),
        ("/batch", &bearer, open, "Authorization: Bearer k\r\nAuthorization: Bearer other\r\n"),
        ("/batch", &bearer, open, "Authorization:\r\n"),
        ("/batch", &[], open, "X_Goog_Api_Key: a\r\n"),
        ("/batch", &bearer, open, "x-goog-api-key: Bearer k\r\n"),
        ("/batch", &bearer, open, "X-Own-Token: t\r\n"),
        ("/batch", &[("key", "k")], keyed, ""),
        ("/batch?key=other", &[], keyed, ""),
        ("/batch?key=other", &[], "/v1beta/models/haiku-4:generateContent?a=b;%6bey=k", ""),
        ("/batch", &[], "/v1beta/models/haiku-4:generateContent?$key=k", ""),
        ("/batch?access_token=k", &[], "/v1beta/models/haiku-4:generateContent?oauth_token=k", ""),
    ] {
        assert_eq!(
            decided(url, outer, target, inner),
            (VerdictKind::Refuse, "part_credential"),
            "{url} {outer:?} {target} {inner}"
        );
    }
    assert_eq!(
        decided("/batch", &[], closed, "Authorization: other\r\n"),
        (VerdictKind::Deny, "model_restricted")
    );
}

/// An unread container may hold anything, so every rule counts. A rule that depends on the
/// operation counts too, and still counts once the container is read.
#[test]
fn a_container_has_the_denied_set_of_all_that_it_may_hold() {
    let rule = "[[restrictions]]\nid = \"no-looking\"\nmodels = [\"open\"]\nwhen = 'operation == \"models.get\"'\ndoubt = \"pass\"\n";
    let mut decider = decider(&(policy(DIALECTS) + rule), &mut Options::default());
    let mut kind = |url: &str, body: &str| {
        let line = json!({"id": 1, "method": "POST", "url": url, "headers": {"content-type": MIXED}, "body": body});
        decider.verdict(&RequestLine::read(&line.to_string()).unwrap(), 0).kind
    };
    assert_eq!(kind("/batch", &batch(&["GET /v1beta/models/haiku-4"])), VerdictKind::Deny);
    assert_eq!(kind("/batch", &batch(&[OPEN])), VerdictKind::Deny);
    assert_eq!(kind("/v1beta/models/haiku-4:generateContent", ""), VerdictKind::Pass);
}

#[test]
fn a_request_of_a_batch_goes_to_the_host_of_the_batch() {
    let tables = r#"
[deployments.real]
hosts = ["real.example"]
names = { tuned = "mythos-5" }
[deployments.other]
hosts = ["other.example"]
names = { tuned = "haiku-4" }
"#;
    let mut decider = decider(&(policy(DIALECTS) + tables), &mut Options::default());
    for (host, inner, expected) in [
        ("real", "other", VerdictKind::Deny),
        ("real", "real", VerdictKind::Deny),
        ("other", "other", VerdictKind::Pass),
        ("other", "real", VerdictKind::Pass),
    ] {
        let part = format!(
            "POST /v1beta/models/tuned:generateContent HTTP/1.1\r\nHost: {inner}.example\r\n\r\n{{}}"
        );
        let line = json!({"id": 1, "method": "POST", "url": format!("https://{host}.example/batch"), "headers": {"content-type": "multipart/mixed; boundary=b"}, "body": batch(&[&part])});
        let verdict = decider.verdict(&RequestLine::read(&line.to_string()).unwrap(), 0);
        assert_eq!(verdict.kind, expected, "{inner} in {host}: {}", verdict.to_json());
    }
}
