//! Client messages on a WebSocket, one after the other, under a denied set that may change between
//! them.

use crate::bundle::layout::flags;
use crate::denied::DeniedSet;
use crate::http::head::Head;
use crate::limits;
use crate::reason::Reason::{self, *};
use crate::request::reader::RequestReader;
use crate::request::route::route;
use crate::testing::request_bundle::{Asked, RequestBundle, closing, get};
use crate::verdict::VerdictKind::{self, *};

const UPGRADE: &[(&str, &str)] = &[("upgrade", "websocket")];
const DENIED: (VerdictKind, Reason) = (Deny, ModelRestricted);
const ON: (VerdictKind, Reason) = (Defer, LateBound);
/// A WebSocket of an unknown operation may open too.
const UNKNOWN: &str = "/mcp";
const KNOWN: &str = "/v1/responses";

/// What the client sends, and the denied set at that time.
struct Sent<'a> {
    bytes: &'a [u8],
    binary: bool,
    denied_set: DeniedSet,
}

fn text(bytes: &str) -> Sent<'_> {
    Sent { bytes: bytes.as_bytes(), binary: false, denied_set: closing(&[1]) }
}

fn binary(bytes: &[u8]) -> Sent<'_> {
    Sent { bytes, binary: true, denied_set: closing(&[1]) }
}

/// Returns the outcome of the upgrade and of each message, up to the first that does not pass.
fn outcomes(
    asked: Asked<'_>,
    trial: &RequestBundle<'_>,
    messages: &[Sent<'_>],
    size: usize,
) -> Vec<(VerdictKind, Reason, Vec<String>)> {
    let bundle = trial.bundle();
    let view = bundle.view();
    let route = route(view, asked.method, asked.url);
    let head = Head { method: asked.method, url: asked.url, headers: asked.headers };
    let mut reader =
        RequestReader::new(view, &route, &head, &closing(&[1]), crate::request::batch::open);
    let mut outcome = reader.finish(view, &closing(&[1]));
    let mut all = Vec::new();
    for message in messages {
        all.push((outcome.kind, outcome.reason, outcome.mentions));
        reader.message(view, &message.denied_set, message.binary);
        for piece in message.bytes.chunks(size) {
            reader.feed(view, piece);
        }
        outcome = reader.finish(view, &message.denied_set);
    }
    all.push((outcome.kind, outcome.reason, outcome.mentions));
    all
}

#[track_caller]
fn last_under(
    trial: &RequestBundle<'_>,
    url: &str,
    messages: &[Sent<'_>],
) -> (VerdictKind, Reason) {
    let whole = outcomes(get(url).with(UPGRADE), trial, messages, usize::MAX);
    for size in [1, 2, 7] {
        assert_eq!(
            outcomes(get(url).with(UPGRADE), trial, messages, size),
            whole,
            "in pieces of {size}"
        );
    }
    let (last, before) = whole.split_last().unwrap();
    assert!(before.iter().all(|(kind, ..)| matches!(kind, Pass | Defer)), "{before:?}");
    (last.0, last.1)
}

#[track_caller]
fn last(url: &str, messages: &[Sent<'_>]) -> (VerdictKind, Reason) {
    last_under(&RequestBundle::default(), url, messages)
}

#[test]
fn every_message_is_read() {
    for url in [KNOWN, UNKNOWN, "/v1/realtime?model=haiku-4", "/other/v1/responses"] {
        let on = last(url, &[]);
        assert_eq!(on.0, Defer, "{url}");
        assert_eq!(
            last(url, &[text(r#"{"model":"haiku-4"}"#), text(r#"{"type":"x"}"#)]),
            on,
            "{url}"
        );
        for mention in [
            r#"{"model":"mythos-5"}"#,
            r#"{"mod\u0065l":"mythos\u002d5"}"#,
            " \n{\"model\":\"mythos-5\"}",
        ] {
            assert_eq!(last(url, &[text(mention)]), DENIED, "{url} {mention}");
            assert_eq!(last(url, &[binary(mention.as_bytes())]), DENIED, "{url} {mention}");
            assert_eq!(
                last(url, &[text(r#"{"model":"haiku-4"}"#), text("{}"), text(mention)]),
                DENIED,
                "{url} {mention}"
            );
        }
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    for (message, reason) in [
        (r#"{"model":"haiku-4""#, BodyTruncated),
        (r#"{"model":"haiku-4"}{}"#, JsonSyntax),
        (r#"{"model":"haiku-4","model":"haiku-4"}"#, DuplicateKey),
        (r#"{"model":5}"#, ModelType),
        ("model: mythos-5", JsonSyntax),
        ("\u{feff}{}", BodyBom),
    ] {
        let told = last(KNOWN, &[text(message)]);
        assert_eq!(
            (told.0, told.1 == reason || message.ends_with("{}")),
            (Refuse, true),
            "{message} {told:?}"
        );
    }
    assert_eq!(last(KNOWN, &[binary(b"\xff\x00\x12\x80")]).0, Refuse);
    assert_eq!(last(KNOWN, &[binary(b"{\0\"\0m\0")]), (Refuse, BodyUtf16));
    for message in ["", " ", "null", "7", "\"ping\""] {
        assert_eq!(last(KNOWN, &[text(message)]), ON, "{message:?} names nothing");
    }
}

#[test]
fn media_is_no_broken_document() {
    let on = last(UNKNOWN, &[]);
    for media in
        [&b"\xff\x00\x12\x80"[..], b"{\x00\x12\x80", b"[\xff\xff\xff\xff", b"{", b"[1,2", b"hello"]
    {
        assert_eq!(last(UNKNOWN, &[binary(media), binary(media)]), on, "{media:?}");
        assert_eq!(last(KNOWN, &[binary(media)]).0, Refuse, "{media:?}");
    }
    assert_eq!(last(UNKNOWN, &[text("hello")]), on);
    // A message that is JSON to its end, or that is declared as JSON, is read as JSON.
    assert_eq!(last(UNKNOWN, &[binary(br#"{"model":"a","model":"b"}"#)]), (Refuse, DuplicateKey));
    assert_eq!(last(UNKNOWN, &[text(r#"{"model":"haiku-4""#)]).0, Refuse);
    assert_eq!(last(UNKNOWN, &[binary(b"{\"model\":\"mythos-5\",\xff\xff")]), DENIED);
}

#[test]
fn a_message_beyond_the_bound_is_refused() {
    let fits = format!("{}[]", " ".repeat(limits::MESSAGE_BYTES - 2));
    let large = format!("{}[]", " ".repeat(limits::MESSAGE_BYTES - 1));
    let at = |message: &str, size: usize| {
        let all =
            outcomes(get(KNOWN).with(UPGRADE), &RequestBundle::default(), &[text(message)], size);
        all.last().map(|(kind, reason, _)| (*kind, *reason)).unwrap()
    };
    for size in [usize::MAX, 1 << 20, (1 << 20) + 1] {
        assert_eq!(at(&fits, size), ON);
        assert_eq!(at(&large, size), (Refuse, BodyTooLarge));
    }
}

#[test]
fn a_model_that_is_closed_in_mid_session_ends_it() {
    let open = |bytes| Sent { denied_set: closing(&[2]), ..text(bytes) };
    assert_eq!(last(KNOWN, &[open(r#"{"model":"mythos-5"}"#), open("{}")]), ON);
    assert_eq!(last(KNOWN, &[open(r#"{"model":"mythos-5"}"#), open("{}"), text("{}")]), DENIED);
    // The same applies if the next message has not arrived, or cannot be read.
    assert_eq!(last(KNOWN, &[open(r#"{"model":"mythos-5"}"#), text("")]), DENIED);
    assert_eq!(last(KNOWN, &[open(r#"{"model":"mythos-5"}"#), text("{")]), DENIED);
    let named = Sent { denied_set: closing(&[2]), ..text("{}") };
    assert_eq!(last("/v1/realtime?model=haiku-4", &[text("{}"), named]), DENIED);
    let everything = Sent { denied_set: closing(&[0, 1, 2, 3]), ..text("{}") };
    assert_eq!(last(KNOWN, &[text("{}"), everything]), (Deny, EverythingRestricted));
}

#[test]
fn what_went_unread_is_refused_unless_it_is_denied() {
    let bundle = RequestBundle::default().bundle();
    let view = bundle.view();
    let decide = |url: &str, denied_set: &DeniedSet| {
        let head = Head { method: "GET", url, headers: UPGRADE };
        let mut reader = RequestReader::new(
            view,
            &route(view, "GET", url),
            &head,
            denied_set,
            crate::request::batch::open,
        );
        reader.message(view, denied_set, false);
        reader.stop(SessionUnread);
        let outcome = reader.finish(view, denied_set);
        (outcome.kind, outcome.reason)
    };
    assert_eq!(decide("/v1/realtime?model=haiku-4", &closing(&[1])), (Refuse, SessionUnread));
    assert_eq!(decide("/v1/realtime?model=haiku-4", &closing(&[2])), DENIED);
}

#[test]
fn a_policy_that_denies_the_late_bound_denies_what_stays_open() {
    let trial = RequestBundle { flags: flags::LATE_BOUND_DENY, ..RequestBundle::default() };
    let bound = (Deny, LateBound);
    let named = r#"{"model":"haiku-4"}"#;
    assert_eq!(last_under(&trial, KNOWN, &[]), ON);
    assert_eq!(last_under(&trial, KNOWN, &[text("")]), ON, "nothing came yet");
    assert_eq!(last_under(&trial, KNOWN, &[text("{}")]), bound);
    assert_eq!(last_under(&trial, KNOWN, &[text(named), text("{}"), text("{}")]), ON);
    assert_eq!(last_under(&trial, "/v1/realtime?model=haiku-4", &[text("{}"), text("{}")]), ON);
    // The message refers to a stored object and names no model itself.
    assert_eq!(last_under(&trial, KNOWN, &[text(named), text(r#"{"previous":"r"}"#)]), bound);
    assert_eq!(
        last_under(&trial, KNOWN, &[text(r#"{"previous":"r","model":"haiku-4"}"#), text("{}")]),
        ON
    );
    assert_eq!(last_under(&trial, UNKNOWN, &[]), bound);
}

#[test]
fn mentions_say_in_which_message_they_stood() {
    use crate::mention::findings::Carrier;
    let bundle = RequestBundle::default().bundle();
    let view = bundle.view();
    let url = "/v1/realtime?model=haiku-4";
    let head = Head { method: "GET", url, headers: UPGRADE };
    let mut reader = RequestReader::new(
        view,
        &route(view, "GET", url),
        &head,
        &closing(&[1]),
        crate::request::batch::open,
    );
    for message in ["{}", r#"{"model":"auto"}"#, r#"{"models":["x","mythos-5"]}"#] {
        reader.message(view, &closing(&[1]), false);
        reader.feed(view, message.as_bytes());
    }
    let found: Vec<_> =
        reader.mentions().iter().map(|mention| (mention.text.as_str(), mention.carrier)).collect();
    let wanted = [
        ("haiku-4", Carrier::Query),
        ("auto", Carrier::Message(2)),
        ("x", Carrier::Message(3)),
        ("mythos-5", Carrier::Message(3)),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_long_session_lists_what_it_is_denied_for_and_grows_no_further() {
    let bundle = RequestBundle::default().bundle();
    let view = bundle.view();
    let head = Head { method: "GET", url: KNOWN, headers: UPGRADE };
    let mut reader = RequestReader::new(
        view,
        &route(view, "GET", KNOWN),
        &head,
        &closing(&[1]),
        crate::request::batch::open,
    );
    for number in 0..10_000 {
        reader.message(view, &closing(&[1]), false);
        reader.feed(view, format!(r#"{{"model":"auto-{number}"}}"#).as_bytes());
        assert!(matches!(reader.finish(view, &closing(&[1])).kind, Defer));
        assert!(reader.mentions().len() <= limits::MENTIONS_KEPT);
    }
    reader.message(view, &closing(&[1]), false);
    reader.feed(view, br#"{"model":"mythos-5"}"#);
    assert_eq!(reader.finish(view, &closing(&[1])).denied_ids, ["mythos-5"]);
}

/// Returns what becomes of each message. `true` marks the client's messages and `false` the
/// origin's. Of the latter the result is whether it may go, or `None` if it ends the session.
#[track_caller]
fn may_release(
    trial: &RequestBundle<'_>,
    url: &str,
    messages: &[(bool, &str)],
) -> Vec<Option<bool>> {
    let bundle = trial.bundle();
    let view = bundle.view();
    let denied_set = closing(&[1]);
    let head = Head { method: "GET", url, headers: UPGRADE };
    let mut of_all = Vec::new();
    for size in [usize::MAX, 1, 7] {
        let mut reader = RequestReader::new(
            view,
            &route(view, "GET", url),
            &head,
            &denied_set,
            crate::request::batch::open,
        );
        assert!(matches!(reader.finish(view, &denied_set).kind, Defer));
        let mut goes = Vec::new();
        for (client, message) in messages {
            if *client {
                reader.message(view, &denied_set, false);
            }
            for piece in message.as_bytes().chunks(size) {
                if *client {
                    reader.feed(view, piece);
                } else {
                    reader.feed_origin(view, piece);
                }
            }
            if !client {
                let may = reader.may_release(view);
                let told = reader.finish(view, &denied_set);
                assert_eq!(reader.settled(), told.kind == Deny);
                goes.push((!reader.settled()).then_some(may));
            } else {
                assert!(matches!(reader.finish(view, &denied_set).kind, Defer));
            }
        }
        of_all.push(goes);
    }
    let first = of_all.first().unwrap().clone();
    assert!(of_all.iter().all(|goes| *goes == first));
    first
}

#[test]
fn the_origin_is_heard_until_an_allowed_model_is_known_to_run() {
    const CLIENT: bool = true;
    const ORIGIN: bool = false;
    let (go, hold, cut) = (Some(true), Some(false), None);
    let trial = RequestBundle::default();
    let haiku = r#"{"model":"haiku-4"}"#;
    let mythos = r#"{"model":"mythos-5"}"#;
    let auto = r#"{"model":"auto"}"#;
    // Nothing was asked for, so nothing is held back. A denied name still ends the session.
    assert_eq!(
        may_release(&trial, KNOWN, &[(ORIGIN, "{}"), (ORIGIN, auto), (ORIGIN, "\u{0}")]),
        [go, go, go]
    );
    assert_eq!(may_release(&trial, KNOWN, &[(ORIGIN, mythos)]), [cut]);
    // The client has named the model.
    assert_eq!(
        may_release(
            &trial,
            KNOWN,
            &[(CLIENT, haiku), (ORIGIN, "{}"), (ORIGIN, auto), (ORIGIN, mythos)]
        ),
        [go, hold, cut]
    );
    assert_eq!(
        may_release(&trial, "/v1/realtime?model=haiku-4", &[(CLIENT, "{}"), (ORIGIN, "{}")]),
        [go]
    );
    // The origin must name the model.
    assert_eq!(
        may_release(
            &trial,
            KNOWN,
            &[(CLIENT, auto), (ORIGIN, "{}"), (ORIGIN, "no JSON"), (ORIGIN, haiku), (ORIGIN, "{}")]
        ),
        [hold, hold, go, go]
    );
    assert_eq!(
        may_release(
            &trial,
            KNOWN,
            &[(CLIENT, "{}"), (ORIGIN, "{}"), (ORIGIN, auto), (ORIGIN, haiku)]
        ),
        [hold, hold, go]
    );
    assert_eq!(
        may_release(
            &trial,
            KNOWN,
            &[(CLIENT, auto), (ORIGIN, r#"{"model":"haiku-4","model":"mythos-5"}"#)]
        ),
        [cut]
    );
    // A stored object may run another model than the one named.
    let stored = r#"{"previous":"r"}"#;
    assert_eq!(
        may_release(
            &trial,
            KNOWN,
            &[(CLIENT, haiku), (CLIENT, stored), (CLIENT, "{}"), (ORIGIN, "{}")]
        ),
        [hold]
    );
    // An earlier name proves nothing about a later message that leaves the model open. Messages
    // that ask for nothing keep the proof.
    for open in [auto, stored] {
        let asked = [
            (CLIENT, haiku),
            (ORIGIN, haiku),
            (CLIENT, open),
            (ORIGIN, "{}"),
            (ORIGIN, haiku),
            (CLIENT, "{}"),
            (ORIGIN, "{}"),
        ];
        assert_eq!(may_release(&trial, KNOWN, &asked), [go, hold, go, go], "{open}");
    }
    let late = "/v1/responses?model=auto";
    assert_eq!(
        may_release(
            &trial,
            late,
            &[(ORIGIN, haiku), (CLIENT, "{}"), (ORIGIN, "{}"), (CLIENT, auto), (ORIGIN, "{}")]
        ),
        [go, go, hold]
    );
    // A key of unknown meaning may name the model that runs, as in a body.
    let deeper = r#"{"model":"haiku-4","session":{"model":"mythos-5"}}"#;
    assert_eq!(
        may_release(
            &trial,
            UNKNOWN,
            &[(CLIENT, deeper), (ORIGIN, "{}"), (CLIENT, haiku), (ORIGIN, "{}")]
        ),
        [hold, hold]
    );
    assert_eq!(
        may_release(&trial, UNKNOWN, &[(CLIENT, r#"[{"model":"haiku-4"}]"#), (ORIGIN, "{}")]),
        [hold]
    );
    // A policy that passes unlisted models requires no proof of them.
    let lax = RequestBundle { flags: 1, ..RequestBundle::default() };
    assert_eq!(
        may_release(&lax, KNOWN, &[(CLIENT, auto), (ORIGIN, "{}"), (ORIGIN, mythos)]),
        [go, cut]
    );
    // It is unknown where an unknown operation names its model.
    assert_eq!(may_release(&trial, UNKNOWN, &[(CLIENT, haiku), (ORIGIN, mythos)]), [go]);
    assert_eq!(may_release(&trial, UNKNOWN, &[(CLIENT, "{}"), (ORIGIN, haiku)]), [hold]);
}
