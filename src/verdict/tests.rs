use super::*;
use crate::bundle::view::OwnedBundle;
use crate::testing::request_bundle::{Asked, RequestBundle, closing, get, post};

const CHAT: &str = "/v1/chat/completions";

fn decide(asked: Asked<'_>, flags: u32, closed: &[u32]) -> (VerdictKind, Reason) {
    let outcome = asked
        .decide(&RequestBundle { flags, ..RequestBundle::default() }.bundle(), &closing(closed));
    (outcome.kind, outcome.reason)
}

fn verdict(
    bundle: &OwnedBundle,
    asked: Asked<'_>,
    closed: &[u32],
    restrictions: &[u16],
) -> Verdict {
    let outcome = asked.decide(bundle, &closing(closed));
    Verdict::new(
        bundle.view(),
        outcome,
        &Grounds { restrictions: restrictions.to_vec(), licences: Vec::new() },
    )
}

#[test]
fn an_empty_denied_set_reads_nothing() {
    for asked in [post(CHAT, r#"{"model":"mythos-5""#), post("/v1/models/%zz", ""), get("/health")]
    {
        let outcome = asked.decide(&RequestBundle::default().bundle(), &closing(&[]));
        assert_eq!(
            (outcome.kind, outcome.reason, outcome.mentions.len()),
            (VerdictKind::Pass, Reason::NoRestriction, 0)
        );
        assert_eq!(outcome.patterns, [0b1111], "licences are asked for with every pattern");
    }
}

#[test]
fn everything_closed_is_denied_before_the_body() {
    let everything = [0, 1, 2, 3];
    let closed = (VerdictKind::Deny, Reason::EverythingRestricted);
    for asked in [
        post(CHAT, "{"),
        post("/v1/batches", ""),
        get("/v1/models"),
        post("/mcp", "{}"),
        get("/mcp").with(&[("upgrade", "websocket")]),
    ] {
        assert_eq!(decide(asked, 0, &everything), closed, "{} {}", asked.method, asked.url);
    }
    assert_eq!(
        decide(get("/v1/models/haiku-4"), 0, &everything),
        (VerdictKind::Deny, Reason::ModelRestricted)
    );
    for asked in [get("/health"), get("/v1/files/x"), post("/v1/threads", "{}")] {
        assert_eq!(
            decide(asked, 0, &everything),
            (VerdictKind::Pass, Reason::Allowed),
            "{} {}",
            asked.method,
            asked.url
        );
    }
}

#[test]
fn an_unlisted_id_is_decided_as_the_policy_says() {
    let auto = post(CHAT, r#"{"model":"auto"}"#);
    for asked in [auto, post(CHAT, "{}"), post("/deployments/haiku-4/chat", "{}")] {
        assert_eq!(decide(asked, 0, &[1]), (VerdictKind::Defer, Reason::Unlisted));
        assert_eq!(decide(asked, 1, &[1]), (VerdictKind::Pass, Reason::Allowed));
        assert_eq!(decide(asked, 2, &[1]), (VerdictKind::Deny, Reason::Unlisted));
        // A `*` that no licence lifts denies it.
        assert_eq!(decide(asked, 1, &[0, 1]), (VerdictKind::Deny, Reason::ModelRestricted));
    }
    assert_eq!(
        decide(post(CHAT, r#"{"model":"haiku-4"}"#), 2, &[0, 1]),
        (VerdictKind::Pass, Reason::Allowed)
    );
}

#[test]
fn a_stored_object_is_what_the_policy_says() {
    let stored = post("/v1/responses", r#"{"previous":"r"}"#);
    for asked in [stored, post("/v1/batches", "{}"), get("/mcp").with(&[("upgrade", "websocket")])]
    {
        assert_eq!(decide(asked, 0, &[1]), (VerdictKind::Defer, Reason::LateBound));
        // The request names no model, but it leaves the choice to a stored object.
        assert_eq!(decide(asked, 2, &[1]), (VerdictKind::Defer, Reason::LateBound));
        assert_eq!(
            decide(asked, flags::LATE_BOUND_DENY, &[1]),
            (VerdictKind::Deny, Reason::LateBound)
        );
    }
    // The client messages name the model, and they are read.
    let socket = get("/v1/responses").with(&[("upgrade", "websocket")]);
    assert_eq!(
        decide(socket, flags::LATE_BOUND_DENY, &[1]),
        (VerdictKind::Defer, Reason::LateBound)
    );
    assert_eq!(
        decide(post("/v1/responses", r#"{"previous":"r","model":"auto"}"#), 2, &[1]),
        (VerdictKind::Deny, Reason::Unlisted)
    );
}

#[test]
fn a_denial_has_its_grounds() {
    let bundle = RequestBundle::default().bundle();
    let denied = verdict(&bundle, post(CHAT, r#"{"models":["haiku-4","Mythos-5"]}"#), &[1], &[0]);
    assert_eq!(
        denied.to_json(),
        r#"{"verdict":"deny","status":403,"mentions":["Mythos-5","haiku-4"],"families":["mythos-5"],"restrictions":["closed"],"licences":[],"reason":"model_restricted"}"#
    );
    assert_eq!(denied.denied_ids, ["Mythos-5"]);
    let both = verdict(&bundle, post(CHAT, "{}"), &[0, 1, 2, 3], &[0, 1]);
    assert_eq!((both.status, both.grounds.len(), both.families.len()), (451, 2, 0));
    assert_eq!(both.restrictions, ["closed", "embargo"]);
    let passed = verdict(&bundle, post(CHAT, r#"{"model":"haiku-4"}"#), &[1], &[0]);
    assert_eq!(
        passed.to_json(),
        r#"{"verdict":"pass","status":200,"mentions":["haiku-4"],"families":[],"restrictions":[],"licences":[],"reason":"allowed"}"#
    );
    let refused = verdict(&bundle, post(CHAT, "{"), &[1], &[0]);
    assert_eq!(
        (refused.kind, refused.status, refused.restrictions.len()),
        (VerdictKind::Refuse, 400, 0)
    );
}

#[test]
fn a_policy_that_denies_unlisted_ids_names_no_restriction() {
    let bundle = RequestBundle { flags: 2, ..RequestBundle::default() }.bundle();
    let denied = verdict(&bundle, post(CHAT, r#"{"model":"auto"}"#), &[1], &[0]);
    assert_eq!(
        denied.to_json(),
        r#"{"verdict":"deny","status":403,"mentions":["auto"],"families":[],"restrictions":[],"licences":[],"reason":"unlisted"}"#
    );
}
