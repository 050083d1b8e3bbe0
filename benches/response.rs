//! The cost of reading a response: megabytes a second from the first byte to the last.
//!
//! Input: responses of 1 MB in reads of 16 KB, for a restricted caller: a list of models of which
//! the gate removes a tenth, SSE streams, one JSON document, JSON Lines. Output: one line for each
//! kind, the best of nine rounds.
//!
//! ```sh
//! cargo bench --features author --bench response
//! ```

mod stand;

use std::time::{Duration, Instant};

use portcullis::{Gate, ResponseStage};
use stand::{begin, fail, gate};

const SIZE: usize = 1_000_000;
const READ: usize = 16 << 10;

/// The name of a kind, method, path, content type and response.
type VerdictKind = (&'static str, &'static str, &'static str, &'static str, fn() -> String);

const KINDS: [VerdictKind; 4] = [
    ("list of models, a tenth left out", "GET", "/v1/models", "application/json", || {
        let rows: Vec<String> = (0..SIZE / 300)
            .map(|n| {
                let id = if n % 10 == 0 { "mythos-5" } else { "haiku-4" };
                format!(
                    r#"{{"id":"acme/{id}-{n}","object":"model","created":1700000000,"description":"{}","owned_by":"acme"}}"#,
                    "x".repeat(200)
                )
            })
            .collect();
        format!(r#"{{"object":"list","data":[{}]}}"#, rows.join(","))
    }),
    ("events of a chat, a word each", "POST", "/v1/chat/completions", "text/event-stream", || {
        let event = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"haiku-4","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}"#;
        format!("data: {event}\n\n").repeat(SIZE / event.len())
    }),
    ("one document, embeddings", "POST", "/v1/embeddings", "application/json", || {
        let numbers: Vec<String> =
            (0..SIZE / 11).map(|n| format!("-0.0{:07}", n * 7_919 % 9_999_991)).collect();
        format!(
            r#"{{"object":"list","data":[{{"embedding":[{}]}}],"model":"haiku-4"}}"#,
            numbers.join(",")
        )
    }),
    ("one document, text", "POST", "/v1/chat/completions", "application/json", || {
        format!(
            r#"{{"model":"haiku-4","choices":[{{"message":{{"content":"{}"}}}}]}}"#,
            "lorem ipsum dolor sit amet\\n".repeat(SIZE / 28)
        )
    }),
];

fn main() {
    let mut gate = gate(&["openai"]);
    for (name, method, path, content_type, make) in KINDS {
        let body = make();
        let mut best = Duration::MAX;
        for _ in 0..9 {
            best = best.min(round(&mut gate, method, path, content_type, body.as_bytes()));
        }
        let rate =
            f64::from(u32::try_from(body.len()).unwrap_or(u32::MAX)) / best.as_secs_f64() / 1e6;
        println!("{name:36} {rate:7.0} MB/s");
    }
}

fn round(gate: &mut Gate, method: &str, path: &str, content_type: &str, body: &[u8]) -> Duration {
    let mut inspection = begin(gate, method, path, &[("content-type", "application/json")]);
    gate.feed(&mut inspection, br#"{"model":"auto"}"#);
    let verdict = gate.finish(&mut inspection);
    let start = Instant::now();
    let mut response =
        gate.response(&inspection, verdict.check, 200, &[("content-type", content_type)]);
    let mut went = 0;
    for piece in body.chunks(READ) {
        went += response.feed(gate.bundle(), piece) + response.take().len();
    }
    went += response.finish(gate.bundle()) + response.take().len();
    let taken = start.elapsed();
    if matches!(response.stage(), ResponseStage::Cut(_)) || went < body.len() / 2 {
        fail(&format!("the response of {path} is not as it should be"));
    }
    taken
}
