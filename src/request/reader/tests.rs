#[expect(clippy::unwrap_used, reason = "tests")]
mod messages;

use crate::bundle::layout::error_format::{ANTHROPIC, OPENAI};
use crate::reason::Reason::{self, *};
use crate::testing::request_bundle::{Asked, RequestBundle, closing, get, post};
use crate::verdict::VerdictKind::{self, *};

const MYTHOS: &str = r#"{"model":"mythos-5"}"#;
const HAIKU: &str = r#"{"model":"haiku-4"}"#;

/// Returns the verdict under a denied set that denies `mythos-5`.
fn decide(asked: Asked<'_>) -> (VerdictKind, Reason) {
    let outcome = asked.decide(&RequestBundle::default().bundle(), &closing(&[1]));
    (outcome.kind, outcome.reason)
}

#[track_caller]
fn all(wanted: (VerdictKind, Reason), asked: &[Asked<'_>]) {
    for asked in asked {
        assert_eq!(
            decide(*asked),
            wanted,
            "{} {} {:?} {}",
            asked.method,
            asked.url,
            asked.headers,
            String::from_utf8_lossy(asked.body)
        );
    }
}

const DENIED: (VerdictKind, Reason) = (Deny, ModelRestricted);
const PASSED: (VerdictKind, Reason) = (Pass, Allowed);

#[test]
fn every_place_counts() {
    all(
        DENIED,
        &[
            post("/v1/chat/completions", MYTHOS),
            post("/v1/chat/completions?model=mythos-5", HAIKU),
            post("/v1/chat/completions", r#"{"model":"haiku-4","models":["haiku-4","mythos-5"]}"#),
            post("/v1/chat/completions", HAIKU).with(&[("x-ai-eg-model", "mythos-5")]),
            post("/v1/chat/completions", HAIKU).with(&[("X_Gateway_Model_Name", "mythos-5")]),
            post("/v1/chat/completions", HAIKU)
                .with(&[("x-model", "haiku-4"), ("X-Model", "a, mythos-5")]),
            post("/v1/chat/completions", HAIKU).with(&[("openai-model", "mythos-5")]),
            post("/v1/chat/completions", HAIKU).with(&[("x-config", r#"{"model":"mythos-5"}"#)]),
            get("/v1/models/mythos-5"),
            get("/v1/models/anthropic/mythos-5"),
            get("/v1/models/mythos-5").by("HEAD"),
            get("/health").with(&[("X-Original-URL", "/v1/models/mythos-5")]),
            post("/v1/models/mythos-5:generate", "{}"),
            post("/deployments/mythos-5/chat", HAIKU),
        ],
    );
    all(
        PASSED,
        &[
            post("/v1/chat/completions", HAIKU),
            post("/v1/chat/completions?model=haiku-4", "{}"),
            post(
                "/v1/chat/completions",
                r#"{"model":"haiku-4","messages":[{"model":"mythos-5"}],"x":"mythos-5"}"#,
            ),
            post("/v1/chat/completions", HAIKU)
                .with(&[("x-ai-eg-model", "haiku-4"), ("x-models", "never heard of")]),
            post("/v1/chat/completions", HAIKU).with(&[
                ("user-agent", "mythos-5"),
                ("referer", "/?model=mythos-5"),
                ("cookie", "model=mythos-5"),
            ]),
            get("/v1/models/haiku-4"),
            get("/v1/files/file-mythos-5"),
            get("/v1/files/models-mythos-5?x=mythos-5"),
            get("/v1/chat/completions?model=mythos-5"),
            post("/v1/models/haiku-4:generate", "{}"),
        ],
    );
}

#[test]
fn a_query_is_read_as_any_server_would() {
    for query in [
        "model=mythos-5",
        "model=haiku-4&model=mythos-5",
        "model[]=mythos-5",
        "model%5B0%5D=mythos-5",
        "svg[model]=mythos-5",
        "svg.model=mythos-5",
        "%6dodel=mythos-5",
        "%256dodel=mythos-5",
        "MODEL=mythos-5",
        "mo_del=mythos-5",
        "+model=mythos-5",
        "model=mythos%2D%35",
        "model=mythos%252D5",
        "model=+mythos-5+",
        "model=mythos+5",
        "x=1;model=mythos-5",
        "x=1&model=haiku-4;model=mythos-5",
        "engine=mythos-5",
        "deployment_id=mythos-5",
        "template=%7B%22model%22%3A%22mythos-5%22%7D",
        "template=%257B%2522model%2522%253A%2522mythos-5%2522%257D",
        "model=haiku-4,mythos-5",
    ] {
        all(DENIED, &[post(&format!("/v1/chat/completions?{query}"), HAIKU)]);
    }
    all(
        (Refuse, IdNotAscii),
        &[
            post("/v1/chat/completions?model=%C3%AF", HAIKU),
            post("/v1/chat/completions?model=haiku-4%00", HAIKU),
        ],
    );
    all((Refuse, PercentEscape), &[post("/v1/chat/completions?model=haiku%zz", HAIKU)]);
    all(
        (Defer, Unlisted),
        &[
            post("/v1/chat/completions?model=auto", HAIKU),
            post("/v1/chat/completions?deployment=haiku-4", HAIKU),
        ],
    );
    all(
        (Defer, UnknownOperation),
        &[post("/v1/chat/completions?x=%7B%22a%22%3A%7B%22model%22%3A%22mythos-5%22%7D%7D", HAIKU)],
    );
    all(
        PASSED,
        &[post("/v1/chat/completions?x=%7Bnope", HAIKU)]
            .map(|asked| Asked { url: "/v1/chat/completions?x=nope", ..asked }),
    );
    let many = format!("/v1/chat/completions?{}", "a&".repeat(2_000));
    all((Refuse, TooManyParameters), &[post(&many, HAIKU)]);
}

#[test]
fn a_path_is_read_as_any_server_would() {
    for path in [
        "/v1//chat/completions",
        "/v1/chat%2Fcompletions",
        "/v1/chat%252Fcompletions",
        "/v1/%63hat/completions",
        "/V1/Chat/COMPLETIONS",
        "/v1/chat;x=1/completions;y",
        "/v1/chat/x/../completions",
        "/v1/chat/x/..;/completions",
        "/v1\\chat\\completions",
        "/v1/chat/completions/",
        "/v1/chat/completions#x",
        "/v1/chat/completions%3Fx",
        "/chat/completions",
        "/team-a/openai/v1/chat/completions",
        "/openai/deployments/haiku-4/chat/completions",
        "https://gate.example/v1/chat/completions",
        "//gate.example/v1/chat/completions",
    ] {
        all(DENIED, &[post(path, MYTHOS)]);
        assert!(matches!(decide(post(path, HAIKU)), PASSED | (Defer, UnknownOperation)), "{path}");
    }
    for path in [
        "/v1//chat/completions",
        "/V1/Chat/COMPLETIONS",
        "/chat/completions",
        "/team-a/v1/chat/completions",
        "/v1/chat/completions/",
    ] {
        all(PASSED, &[post(path, HAIKU)]);
    }
    for path in [
        "/v1/models/%6dythos%2D5",
        "/v1/models/haiku-4%2F..%2Fmythos-5",
        "/v1/models/haiku-4/..%5cmythos-5",
        "/v1/models;x/mythos-5",
        "/v1/models\\mythos-5",
        "/v1/Models/mythos-5",
        "/v1/chat%3Fmodel=mythos-5",
        "/v1/models/%zz-mythos-5/x",
        "/v9/models/mythos-5:what",
        "/publishers/p/models/mythos/5:what",
        "/openai/deployments/mythos-5/what",
        "/openai/deployment/mythos-5/what",
        "/x/engines/mythos-5",
    ] {
        all(DENIED, &[get(path)]);
    }
    all((Refuse, PercentEscape), &[get("/v1/models/%zz"), get("/health/%zz")]);
    all(
        (Refuse, TargetTooLong),
        &[get(&"/a".repeat(65)), get(&format!("/{}", "a".repeat(17_000)))],
    );
}

#[test]
fn methods_are_read_as_any_server_would() {
    let url = "/v1/chat/completions";
    for method in ["post", "PUT", "QUERY", "PATCH", "OPTIONS", "GET", "DELETE"] {
        all(DENIED, &[post(url, MYTHOS).by(method)]);
    }
    all(PASSED, &[post(url, HAIKU).by("post"), get(url), get(url).by("HEAD")]);
    all((Defer, UnknownOperation), &[post(url, HAIKU).by("PUT")]);
    all(
        DENIED,
        &[
            get("/v1/chat/completions?_method=POST&model=mythos-5"),
            get("/v1/chat/completions?model=mythos-5").with(&[("x-http-method-override", "post")]),
        ],
    );
    all(
        (Defer, Unlisted),
        &[get("/v1/chat/completions?_method=POST"), get(url).with(&[("X-HTTP-Method", "POST")])],
    );
    let preflight: &[_] =
        &[("origin", "https://a.example"), ("access-control-request-method", "POST")];
    all(
        (Pass, Preflight),
        &[
            get("/v1/models/mythos-5").by("OPTIONS").with(preflight),
            get(url).by("OPTIONS").with(preflight),
        ],
    );
    all(
        DENIED,
        &[
            post(url, MYTHOS).by("OPTIONS").with(preflight),
            get("/v1/models/mythos-5").by("OPTIONS").with(&[("origin", "x")]),
        ],
    );
    let overridden: &[_] = &[
        ("origin", "x"),
        ("access-control-request-method", "POST"),
        ("x-method-override", "POST"),
    ];
    all(DENIED, &[get("/v1/chat/completions?model=mythos-5").by("OPTIONS").with(overridden)]);
}

#[test]
fn what_runs_is_not_guessed_at() {
    all(
        (Defer, Unlisted),
        &[
            post("/v1/chat/completions", r#"{"model":"auto"}"#),
            post("/v1/chat/completions", "{}"),
            post("/v1/chat/completions", ""),
            post("/deployments/haiku-4/chat", "{}"),
        ],
    );
    all(
        (Defer, LateBound),
        &[
            post("/v1/batches", "{}"),
            post("/v1/batches", ""),
            post("/v1/responses", r#"{"previous":"resp_1"}"#),
            post("/v1/threads/t/run", "{}"),
            get("/v1/responses"),
            get("/v1/realtime?model=haiku-4").with(&[("Upgrade", "WebSocket")]),
            get("/vertex/live").with(&[("upgrade", "websocket")]),
            get("/v1/realtime?model=haiku-4").by("CONNECT"),
            Asked {
                body: b"v=0",
                ..post("/v1/calls", "").with(&[("content-type", "application/sdp")])
            },
            post("/v1/chat/completions", HAIKU).with(&[("x-config", "saved-config")]),
        ],
    );
    all(
        DENIED,
        &[
            get("/v1/realtime?model=mythos-5").with(&[("upgrade", "websocket")]),
            post("/v1/threads/t/run", MYTHOS),
            post("/v1/calls", MYTHOS),
        ],
    );
    all(
        PASSED,
        &[
            post("/v1/responses", r#"{"previous":"resp_1","model":"haiku-4"}"#),
            post("/v1/threads/t/run", HAIKU),
        ],
    );
    all((Pass, Filtered), &[get("/v1/models"), get("/models?limit=9"), get("/v1beta/models")]);
}

#[test]
fn a_socket_is_what_a_runtime_opens_one_for() {
    let socket = (Defer, LateBound);
    for url in ["/mcp", "/v1/realtime?model=haiku-4"] {
        all(
            socket,
            &[
                get(url).with(&[("upgrade", "websocket")]),
                get(url).with(&[("Upgrade", "WebSocket")]),
                get(url).by("CONNECT"),
            ],
        );
    }
    for upgrade in [
        "websocket,",
        "websocket, x",
        "h2c, websocket",
        "websocket, websocket",
        "websocket ",
        "websocket/13",
        "h2c",
        "",
    ] {
        let asked: &[_] = &[("upgrade", upgrade)];
        all(PASSED, &[get("/mcp").with(asked), post("/v1/chat/completions", HAIKU).with(asked)]);
        all((Pass, Filtered), &[get("/v1/models").with(asked)]);
        all((Defer, Unlisted), &[post("/v1/chat/completions", "{}").with(asked)]);
    }
    all((Defer, Unlisted), &[post("/v1/chat/completions", "{}").with(&[("upgrade", "websocket")])]);
    all(PASSED, &[get("/mcp").with(&[("upgrade", "websocket"), ("upgrade", "websocket")])]);
}

#[test]
fn an_unknown_operation_with_a_body_is_never_passed() {
    all(PASSED, &[get("/health"), get("/v1/x").by("DELETE"), get("/v1/x?model=haiku-4")]);
    all(
        DENIED,
        &[post("/mcp", MYTHOS), post("/mcp?model=mythos-5", "{}"), get("/v1/x?model=mythos-5")],
    );
    all(
        (Defer, UnknownOperation),
        &[
            post("/mcp", "{}"),
            post("/mcp", r#"{"a":{"model":"mythos-5"}}"#),
            Asked { body: b"\x01", ..post("/mcp", "").with(&[]) },
        ],
    );
    all(
        (Defer, UnknownOperation),
        &[get("/health").with(&[("x-rewrite-url", "/v1/chat/completions")])],
    );
    all((Refuse, JsonSyntax), &[post("/mcp", "{")].map(|asked| Asked { body: b"{]", ..asked }));
}

#[test]
fn a_claim_is_not_a_proof() {
    let chat = |content: &'static [(&'static str, &'static str)], body: &'static str| Asked {
        headers: content,
        ..post("/v1/chat/completions", body)
    };
    all(
        DENIED,
        &[
            chat(&[], MYTHOS),
            chat(&[("content-type", "text/plain")], " \n{\"model\":\"mythos-5\"}"),
            chat(&[("content-type", "application/x-www-form-urlencoded")], MYTHOS),
            chat(&[("content-type", "application/x-www-form-urlencoded")], "model=mythos-5"),
            chat(
                &[("content-type", "application/x-www-form-urlencoded")],
                r#"{"model":"haiku-4","x":"&model=mythos-5&"}"#,
            ),
            chat(&[("content-encoding", "identity")], MYTHOS),
            chat(
                &[("content-type", "application/x-ndjson")],
                "{\"model\":\"haiku-4\"}\n{\"model\":\"mythos-5\"}",
            ),
            chat(
                &[("content-type", "multipart/form-data; boundary=x")],
                "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nmythos-5\r\n--x--\r\n",
            ),
        ],
    );
    all(
        PASSED,
        &[
            chat(&[("content-type", "text/plain")], HAIKU),
            chat(
                &[("content-type", "application/x-www-form-urlencoded")],
                "model=haiku-4&prompt=mythos-5",
            ),
        ],
    );
    all(
        (Refuse, ContentType),
        &[
            chat(&[("content-type", "application/yaml")], "model: mythos-5"),
            chat(&[("content-type", "text/plain, application/json")], MYTHOS),
            chat(&[("content-type", "application/json; charset=utf-7")], MYTHOS),
            chat(&[("content-type", "application/json"), ("Content-Type", "text/plain")], MYTHOS),
            chat(&[("content-type", "multipart/alternative; boundary=x")], "--x--"),
            chat(&[("content-type", "application/cbor")], "\u{1}emodel"),
        ],
    );
    all(
        (Refuse, ContentCoding),
        &[
            chat(&[("content-encoding", "gzip")], "x"),
            chat(&[("Content_Encoding", "identity, br")], "x"),
        ],
    );
    // Without a body the declared coding applies to nothing.
    all((Defer, Unlisted), &[chat(&[("content-encoding", "gzip"), ("content-type", "a,b")], "")]);
}

#[test]
fn a_denied_mention_weighs_more_than_what_cannot_be_read() {
    all(
        DENIED,
        &[
            post("/v1/chat/completions", r#"{"model":"mythos-5","#),
            post("/v1/chat/completions", r#"{"model":"mythos-5","model":"x"}"#),
        ],
    );
    all((Refuse, BodyTruncated), &[post("/v1/chat/completions", r#"{"model":"haiku-4","#)]);
    all(
        (Refuse, DuplicateKey),
        &[post("/v1/chat/completions", r#"{"model":"haiku-4","model":"haiku-4"}"#)],
    );
    all((Refuse, ModelType), &[post("/v1/chat/completions", r#"{"model":5}"#)]);
    let headers = "x".repeat(140_000);
    all(
        (Refuse, HeadersTooLarge),
        &[post("/v1/chat/completions", HAIKU).with(&[("x", headers.as_str())])],
    );
}

#[test]
fn quiet_operations_are_not_read() {
    all(
        PASSED,
        &[
            post("/v1/threads", r#"{"model":"mythos-5""#),
            Asked { body: b"\0", ..post("/v1/threads", "").with(&[("content-encoding", "br")]) },
        ],
    );
    // Behind an undeclared prefix, or with a method that the path does not have, no operation is
    // quiet.
    all(
        DENIED,
        &[
            post("/team/v1/threads", MYTHOS),
            Asked { method: "PUT", ..post("/v1/threads", MYTHOS) },
            post("/v1/threads?model=mythos-5", ""),
            post("/v1/threads", "").with(&[("x-model", "mythos-5")]),
        ],
    );
}

#[test]
fn a_path_known_by_its_beginning_alone_says_little() {
    let known_by_its_end = post("/v1/projects/p/chat/completions", HAIKU);
    all(
        PASSED,
        &[get("/v1/projects/p/keys"), get("/v1/projects/p/models/haiku-4"), known_by_its_end],
    );
    all(
        DENIED,
        &[
            post("/v1/projects/p/chat/completions", MYTHOS),
            post("/v1/projects/p/infer", MYTHOS),
            post("/v1/projects/p/models/mythos-5:predict", "{}"),
            get("/v1/projects/p/models/mythos-5"),
        ],
    );
    all((Defer, UnknownOperation), &[post("/v1/projects/p/endpoints/1:predict", "{}")]);
}

#[test]
fn only_what_lies_under_a_prefix_is_guarded() {
    let bundle =
        RequestBundle { prefixes: ["/openai", "/a/anthropic"], ..RequestBundle::default() }
            .bundle();
    let decide = |asked: Asked<'_>| {
        let outcome = asked.decide(&bundle, &closing(&[1]));
        (outcome.kind, outcome.reason, outcome.error_format)
    };
    assert_eq!(decide(post("/v1/chat/completions", MYTHOS)), (Pass, Unguarded, OPENAI));
    assert_eq!(
        decide(post("/openai/v1/chat/completions", MYTHOS)),
        (Deny, ModelRestricted, OPENAI)
    );
    assert_eq!(
        decide(post("/a/anthropic/v1/messages", MYTHOS)),
        (Deny, ModelRestricted, ANTHROPIC)
    );
    assert_eq!(
        decide(post("/x/../OpenAI/v1/chat/completions", MYTHOS)),
        (Deny, ModelRestricted, OPENAI)
    );
    assert_eq!(decide(post("/openai/v1/messages", MYTHOS)), (Deny, ModelRestricted, ANTHROPIC));
    assert_eq!(decide(post("/openai/what", "{}")), (Defer, UnknownOperation, OPENAI));
    assert_eq!(
        decide(post("/openai/what", "{}").with(&[("anthropic-version", "1")])),
        (Defer, UnknownOperation, ANTHROPIC)
    );
    assert_eq!(decide(get("/health")), (Pass, Unguarded, OPENAI));
}

#[test]
fn mentions_are_listed_as_they_were_written() {
    let bundle = RequestBundle::default().bundle();
    let mentions = |asked: Asked<'_>| asked.decide(&bundle, &closing(&[1])).mentions;
    assert_eq!(
        mentions(post(
            "/v1/chat/completions?model=haiku%2D4",
            r#"{"model":"MYTHOS-5","models":["later"]}"#
        )),
        ["MYTHOS-5", "haiku-4"]
    );
    assert_eq!(
        mentions(post("/v1/chat/completions", r#"{"model":"a, b","models":["b"]}"#)),
        ["a", "b"]
    );
    assert_eq!(mentions(post("/v1/chat/completions?model=+mythos-5+", "")), ["mythos-5"]);
    assert_eq!(
        mentions(post("/v1/chat/completions", HAIKU).with(&[("x-model", "other")])),
        ["haiku-4"]
    );
    assert_eq!(
        mentions(post("/v1/chat/completions", HAIKU).with(&[("x-model", "mythos-5.tar.gz")])),
        ["mythos-5.tar.gz"]
    );
}
