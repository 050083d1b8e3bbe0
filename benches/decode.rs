//! What a coded body costs: megabytes a second, counted in decoded bytes, of decoding alone and of decoding and scanning, beside the scan of the
//! same body uncoded.
//!
//! Input: chats of 10 KB to 10 MB out of words at random, which compress about as text does, coded by Node's zlib (`node` must be in the path) at the
//! levels that clients use. Output: one line a coding. Each figure is the best of nine rounds.
//!
//! ```sh
//! cargo bench --features author --bench decode
//! ```

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portcullis::policy::{Options, Source, compile, load};
use portcullis::{Approach, Caller, Decoder, Gate, Head, Memory, OwnedBundle};

const POLICY: &str = r#"
format = 1

[policy]
id = "bench"
title = "One restricted family"
version = 1
dialects = ["openai"]

[models.mythos-class]
title = "Mythos-class"
ids = ["mythos-5"]

[models.open]
ids = ["haiku-4"]

[[restrictions]]
id = "closed"
models = ["mythos-class"]
message = "Not available."
"#;
const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
/// What a worker reads at a time.
const READ: usize = 64 << 10;
const URL: &str = "https://gate.example/v1/chat/completions";
/// The coding, and how Node writes it.
const CODINGS: [(&str, &str); 5] = [
    ("gzip", "z.gzipSync(b)"),
    ("deflate", "z.deflateSync(b)"),
    ("br", "z.brotliCompressSync(b,{params:{[z.constants.BROTLI_PARAM_QUALITY]:5}})"),
    ("zstd", "z.zstdCompressSync(b)"),
    ("gzip, zstd", "z.zstdCompressSync(z.gzipSync(b))"),
];

fn main() {
    let policy =
        load(vec![Source::new("bench.toml", POLICY)], &mut Options::default()).policy.unwrap_or_else(|| fail("the policy"));
    let bundle = compile(&policy, None).unwrap_or_else(|errors| fail(&format!("{errors:?}")));
    let bundle = OwnedBundle::new(bundle).unwrap_or_else(|error| fail(error.code()));
    let mut gate = Gate::new(bundle, None).unwrap_or_else(|_| fail("the list key"));
    println!("{:24}{:>16}{:>16}{:>16}{:>16}  MB/s", "", "10 KB", "100 KB", "1 MB", "10 MB");
    let bodies = SIZES.map(chat);
    print!("{:24}", "scan");
    for body in &bodies {
        let time = time(|| scan(&mut gate, body.as_bytes().chunks(READ)));
        print!("{:>16.0}", body.len() as f64 / time.as_secs_f64() / 1e6);
    }
    println!();
    for (codings, script) in CODINGS {
        print!("{:24}", format!("{codings}, alone / scanned"));
        for body in &bodies {
            let coded = coded(body.as_bytes(), script);
            let alone = time(|| decode(codings, &coded, |_| ()));
            let scanned = time(|| {
                let mut pending = begin(&mut gate);
                decode(codings, &coded, |piece| {
                    gate.feed(&mut pending, piece);
                });
                end(&mut gate, pending);
            });
            let speed = |time: Duration| body.len() as f64 / time.as_secs_f64() / 1e6;
            print!("{:>16}", format!("{:.0} / {:.0}", speed(alone), speed(scanned)));
        }
        println!();
    }
}

/// A chat of about this size, its model named last.
fn chat(size: usize) -> String {
    let mut state = 1u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    let words: Vec<String> = (0..2_000)
        .map(|_| (0..2 + random(9)).map(|_| char::from_u32(u32::from(b'a') + random(26)).unwrap_or('x')).collect())
        .collect();
    let mut text = String::new();
    while text.len() < size {
        // Some words are frequent.
        let below = 1 + random(2_000);
        text.push_str(words.get(random(below) as usize).map_or("", String::as_str));
        text.push_str(if random(12) == 0 { ".\\n" } else { " " });
    }
    format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}],"model":"haiku-4"}}"#)
}

fn coded(body: &[u8], script: &str) -> Vec<u8> {
    let script = format!("const z=require('zlib'),b=require('fs').readFileSync(0);process.stdout.write({script})");
    let run = || -> std::io::Result<Vec<u8>> {
        let mut node = Command::new("node").args(["-e", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        if let Some(mut input) = node.stdin.take() {
            input.write_all(body)?;
        }
        Ok(node.wait_with_output()?.stdout)
    };
    run().unwrap_or_else(|error| fail(&format!("node: {error}")))
}

fn decode(codings: &str, coded: &[u8], mut take: impl FnMut(&[u8])) {
    let mut decoder = Decoder::new(codings, false, &Memory::default()).unwrap_or_else(|reason| fail(reason.code()));
    let mut drain = |decoder: &mut Decoder| loop {
        match decoder.next() {
            Ok(Some(piece)) => take(piece),
            Ok(None) => break,
            Err(reason) => fail(reason.code()),
        }
    };
    for chunk in coded.chunks(READ) {
        decoder.feed(chunk);
        drain(&mut decoder);
    }
    decoder.end();
    drain(&mut decoder);
}

fn scan<'b>(gate: &mut Gate, pieces: impl Iterator<Item = &'b [u8]>) {
    let mut pending = begin(gate);
    for piece in pieces {
        gate.feed(&mut pending, piece);
    }
    end(gate, pending);
}

fn begin(gate: &mut Gate) -> portcullis::Pending {
    let Approach::Read(unread) = gate.approach("POST", URL, &Caller::default(), 0) else { fail("the caller has no reach") };
    gate.read(unread, &Head { method: "POST", url: URL, headers: &[("content-type", "application/json")] })
}

fn end(gate: &mut Gate, mut pending: portcullis::Pending) {
    let verdict = gate.conclude(&mut pending);
    if verdict.mentions != ["haiku-4"] {
        fail(&verdict.to_json());
    }
}

/// The best time of one call.
fn time(mut call: impl FnMut()) -> Duration {
    let mut count = 1;
    loop {
        let start = Instant::now();
        (0..count).for_each(|_| call());
        if start.elapsed() > Duration::from_millis(10) {
            break;
        }
        count *= 2;
    }
    let rounds = (0..9).map(|_| {
        let start = Instant::now();
        (0..count).for_each(|_| call());
        start.elapsed() / count
    });
    rounds.min().unwrap_or_default()
}

fn fail(why: &str) -> ! {
    eprintln!("error: {why}");
    std::process::exit(1)
}
