//! The cost of reading a body: megabytes a second of whole screenings, from denied set to verdict.
//!
//! Input: bodies of 1 KB to 10 MB by kind: chat with three escapes a line, one long string,
//! Chinese, token arrays, tools, lines of a batch file in a multipart form and alone, a form, a
//! file in a multipart form, a batch of requests. Output: one line for each kind. The caller is
//! restricted, since the gate reads nothing of other callers. Each figure is the best of nine
//! rounds, since disturbances only make a round slower. `scan.mjs` measures the built wasm module
//! beside `JSON.parse`.
//!
//! ```sh
//! cargo bench --features author --bench scan
//! ```

mod stand;

use portcullis::Gate;
use stand::{READ, begin, end, gate, time};

const SIZES: [usize; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// The name of a kind, its path and content type, and a body of about this size.
type VerdictKind = (&'static str, &'static str, &'static str, fn(usize) -> String);

const CHAT: &str = "/v1/chat/completions";
const JSON: &str = "application/json";

const KINDS: [VerdictKind; 11] = [
    ("chat, model first", CHAT, JSON, |size| {
        format!(r#"{{"model":"haiku-4","messages":[{}]}}"#, chat(size))
    }),
    ("chat, model last", CHAT, JSON, |size| {
        format!(r#"{{"messages":[{}],"model":"haiku-4"}}"#, chat(size))
    }),
    ("one long string", CHAT, JSON, |size| {
        user(&"lorem ipsum dolor sit amet ".repeat(size / 27 + 1))
    }),
    ("Chinese", CHAT, JSON, |size| {
        user(&"门在城堡边缘落下，挡住了受限制的模型请求。\\n".repeat(size / 65 + 1))
    }),
    ("token arrays", "/v1/embeddings", JSON, |size| {
        let tokens: Vec<String> =
            (0..size / 6).map(|i| (i * 7_919 % 100_277).to_string()).collect();
        format!(r#"{{"model":"haiku-4","input":[{}]}}"#, tokens.join(","))
    }),
    ("tools", CHAT, JSON, |size| {
        let tool = r#"{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}}}"#;
        format!(
            r#"{{"model":"haiku-4","messages":[],"tools":[{}]}}"#,
            vec![tool; size / tool.len() + 1].join(",")
        )
    }),
    ("batch file", "/v1/files", "multipart/form-data; boundary=B", |size| {
        format!("{}{}--B--\r\n", part("purpose", "batch"), part("file", &lines(size)))
    }),
    ("JSON Lines", CHAT, "application/jsonl", |size| {
        format!("{}\r\n", user("Hello there, what is this? What is that?")).repeat(size / 100 + 1)
    }),
    ("form", "/v1/images/edits", "application/x-www-form-urlencoded", |size| {
        format!(
            "model=haiku-4&prompt={}",
            "The+quick+brown+fox%2C+said+%22jump%22.+".repeat(size / 40 + 1)
        )
    }),
    ("multipart, a file", "/v1/audio/transcriptions", "multipart/form-data; boundary=B", |size| {
        let file = "\u{1}RIFF \u{7f}~ data \r\n-".repeat(size / 20 + 1);
        let head = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n";
        format!("{}{head}{file}\r\n--B--\r\n", part("model", "haiku-4"))
    }),
    ("batch of requests", "/batch", "multipart/mixed; boundary=B", |size| {
        let body = user(&"lorem ipsum dolor sit amet ".repeat(36));
        let head = "--B\r\nContent-Type: application/http\r\n\r\nPOST /v1beta/models/haiku-4:generateContent HTTP/1.1\r\nContent-Type: application/json\r\n\r\n";
        format!(
            "{}--B--\r\n",
            format!("{head}{body}\r\n").repeat(size / (body.len() + head.len()) + 1)
        )
    }),
];

fn main() {
    println!(
        "{:20}{:>10}{:>10}{:>10}{:>10}{:>10}  MB/s",
        "", "1 KB", "10 KB", "100 KB", "1 MB", "10 MB"
    );
    let mut gate = gate(&["openai", "gemini"]);
    for (name, path, content_type, body) in KINDS {
        print!("{name:20}");
        for size in SIZES {
            let body = body(size);
            let time = time(|| read(&mut gate, path, content_type, body.as_bytes()));
            print!("{:>10.0}", body.len() as f64 / time.as_secs_f64() / 1e6);
        }
        println!();
    }
}

fn chat(size: usize) -> String {
    let line = r#"The quick brown fox said \"jump\" over 12 lazy dogs, and it did so.\n"#;
    let message =
        |i: usize| format!(r#"{{"role":"user","content":"{}"}}"#, line.repeat(1 + i * 7 % 30));
    let mut messages = vec![message(0)];
    let mut length = 0;
    while length < size {
        messages.push(message(messages.len()));
        length += messages.last().map_or(0, String::len);
    }
    messages.join(",")
}

/// Lines of a batch file.
fn lines(size: usize) -> String {
    let line = r#"{"custom_id":"r","method":"POST","url":"/v1/chat/completions","body":{"model":"haiku-4","messages":[{"role":"user","content":"Hello there, what is this?"}]}}"#;
    format!("{line}\r\n").repeat(size / line.len() + 1)
}

fn part(name: &str, data: &str) -> String {
    format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{data}\r\n")
}

fn user(content: &str) -> String {
    format!(r#"{{"model":"haiku-4","messages":[{{"role":"user","content":"{content}"}}]}}"#)
}

fn read(gate: &mut Gate, path: &str, content_type: &str, body: &[u8]) {
    let url = format!("https://gate.example{path}");
    let mut inspection = begin(gate, "POST", &url, &[("content-type", content_type)]);
    for chunk in body.chunks(READ) {
        gate.feed(&mut inspection, chunk);
    }
    end(gate, inspection);
}
