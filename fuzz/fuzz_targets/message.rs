//! Any messages over a WebSocket, from either side, text or binary, under a denied set that changes
//! between them. Nothing panics, the outcome of each message is the same wherever its chunks end,
//! and a refused session stays refused. Seeds: the frames of `tests/corpus/requests`, in the form
//! below.
//!
//! ```text
//! which upgrade, size of the chunks, then for each message: flags, length (two bytes), bytes
//! flags: 1 binary, 2 from the origin, 4 no message (the connection is judged again),
//!        8 after unread messages; 0x10 another caller
//! ```

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use portcullis::compile;
use portcullis::policy::{Options, Source, load};
use portcullis::{Begun, Caller, Gate, Head, VerdictKind, OwnedBundle, Reason, Refusal, Socket, read_place};

const UPGRADES: [(&str, &str); 9] = [
    ("GET", "/v1/realtime?model=haiku-4"),
    ("GET", "/v1/realtime?intent=transcription"),
    ("GET", "/v1/responses"),
    ("GET", "/gemini/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k"),
    ("GET", "/azure/openai/realtime?deployment=auto&api-version=1"),
    ("GET", "/cloudflare/v1/a1/gw"),
    ("GET", "/mistral/v1/audio/transcriptions/realtime?model=best-available"),
    ("GET", "/mcp"),
    ("CONNECT", "/v1/realtime?model=sonnet-5"),
];
const HEADERS: &[(&str, &str)] = &[("upgrade", "websocket"), ("connection", "Upgrade")];

thread_local! {
    static GATE: RefCell<Gate> = {
        let text = include_str!("../../tests/corpus/responses/policy.toml").to_owned();
        let loaded = load(vec![Source::new("policy.toml", text)], &mut Options::default());
        let bundle = compile(&loaded.policy.unwrap(), None).unwrap();
        RefCell::new(Gate::new(OwnedBundle::new(bundle).unwrap(), None).unwrap())
    };
}

struct Message<'a> {
    binary: bool,
    origin: bool,
    none: bool,
    missed: bool,
    country: &'static str,
    bytes: &'a [u8],
}

/// The outcome of the upgrade or of a message: the verdict, and for a message of the origin whether
/// it is released.
type Told = (String, Option<Option<bool>>);

/// Returns a caller in this country. One family is closed to every caller. To a caller in KP all
/// models but one family are closed.
fn caller(country: &str) -> Caller {
    Caller { places: read_place(country, "").places().to_vec(), ..Caller::default() }
}

fn messages(mut input: &[u8]) -> Vec<Message<'_>> {
    let mut all = Vec::new();
    while let [flags, low, high, rest @ ..] = input {
        let (bytes, rest) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])).min(rest.len()));
        let country = if flags & 0x10 == 0 { "FR" } else { "KP" };
        let is = |bit: u8| flags & bit != 0;
        all.push(Message { binary: is(1), origin: is(2), none: is(4), missed: is(8), country, bytes });
        input = rest;
    }
    all
}

/// Runs the session to its end, with each message in chunks of this size. Returns all outcomes.
fn session(gate: &mut Gate, upgrade: usize, messages: &[Message<'_>], size: usize) -> Vec<Told> {
    let (method, url) = UPGRADES[upgrade];
    let approach = |gate: &mut Gate, country: &str| match gate.begin(method, url, &caller(country), 0) {
        Begun::Inspect(unread) => unread,
        Begun::Pass(_) => unreachable!("somebody may use everything"),
    };
    let head = Head { method, url, headers: HEADERS };
    let unread = approach(gate, "FR");
    let mut inspection = gate.inspect(unread, &head);
    let mut verdict = gate.finish(&mut inspection);
    let mut all = vec![(verdict.to_json(), None)];
    for message in messages {
        if !matches!(verdict.kind, VerdictKind::Pass | VerdictKind::Defer) {
            break;
        }
        if message.origin {
            for chunk in message.bytes.chunks(size) {
                gate.feed_origin(&mut inspection, chunk);
            }
            let goes = gate.may_release(&mut inspection);
            verdict = gate.finish(&mut inspection);
            assert_eq!(goes.is_none(), verdict.kind == VerdictKind::Deny);
            all.push((verdict.to_json(), Some(goes)));
        } else {
            let unread = approach(gate, message.country);
            gate.message(&mut inspection, unread, message.binary);
            if message.missed {
                inspection.stop(Reason::SessionUnread);
            }
            for chunk in message.bytes.chunks(size).filter(|_| !message.none) {
                if gate.feed(&mut inspection, chunk) {
                    break;
                }
            }
            verdict = gate.finish(&mut inspection);
            assert!(!message.missed || !matches!(verdict.kind, VerdictKind::Pass | VerdictKind::Defer));
            all.push((verdict.to_json(), None));
        }
    }
    if !matches!(verdict.kind, VerdictKind::Pass | VerdictKind::Defer) {
        // A refused session has a close code and a reason, and no later message reopens it.
        let socket = Socket::new(&verdict, "case-1");
        assert!(socket.code == 1008 && socket.reason.len() <= 123);
        let _ = Refusal::new(&verdict, "case-1");
        gate.feed(&mut inspection, b"{}");
        gate.feed_origin(&mut inspection, br#"{"model":"haiku-4"}"#);
        assert_eq!(gate.finish(&mut inspection).kind, verdict.kind);
    }
    all
}

fuzz_target!(|input: &[u8]| {
    let [upgrade, size, rest @ ..] = input else { return };
    let (upgrade, messages) = (usize::from(*upgrade) % UPGRADES.len(), messages(rest));
    GATE.with_borrow_mut(|gate| {
        let whole = session(gate, upgrade, &messages, usize::MAX);
        assert_eq!(session(gate, upgrade, &messages, 1), whole);
        assert_eq!(session(gate, upgrade, &messages, usize::from(*size) + 2), whole);
    });
});
