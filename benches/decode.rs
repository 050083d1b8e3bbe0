//! The cost of a coded body: megabytes of decoded bytes a second for decoding alone and for
//! decoding with scanning, beside the scan of the same body uncoded.
//!
//! Input: chats of 10 KB to 10 MB made of random words, which compress about as text does. Node's
//! zlib encodes them (`node` must be in the path) at the levels that clients use. Output: one line
//! for each coding. Each figure is the best of nine rounds.
//!
//! ```sh
//! cargo bench --features author --bench decode
//! ```

mod stand;

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use portcullis::{Decoder, Gate, Inspection, Memory};
use stand::{READ, end, fail, gate, time};

const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
const URL: &str = "https://gate.example/v1/chat/completions";
/// The coding, and the expression by which Node encodes it.
const CODINGS: [(&str, &str); 5] = [
    ("gzip", "z.gzipSync(b)"),
    ("deflate", "z.deflateSync(b)"),
    ("br", "z.brotliCompressSync(b,{params:{[z.constants.BROTLI_PARAM_QUALITY]:5}})"),
    ("zstd", "z.zstdCompressSync(b)"),
    ("gzip, zstd", "z.zstdCompressSync(z.gzipSync(b))"),
];

fn main() {
    let mut gate = gate(&["openai"]);
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
                let mut inspection = begin(&mut gate);
                decode(codings, &coded, |piece| {
                    gate.feed(&mut inspection, piece);
                });
                end(&mut gate, inspection);
            });
            let speed = |time: Duration| body.len() as f64 / time.as_secs_f64() / 1e6;
            print!("{:>16}", format!("{:.0} / {:.0}", speed(alone), speed(scanned)));
        }
        println!();
    }
}

/// Returns a chat of about this size that names its model last.
fn chat(size: usize) -> String {
    let mut state = 1u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    let words: Vec<String> = (0..2_000)
        .map(|_| {
            (0..2 + random(9))
                .map(|_| char::from_u32(u32::from(b'a') + random(26)).unwrap_or('x'))
                .collect()
        })
        .collect();
    let mut text = String::new();
    while text.len() < size {
        // A random bound makes some words frequent.
        let below = 1 + random(2_000);
        text.push_str(words.get(random(below) as usize).map_or("", String::as_str));
        text.push_str(if random(12) == 0 { ".\\n" } else { " " });
    }
    format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}],"model":"haiku-4"}}"#)
}

fn coded(body: &[u8], script: &str) -> Vec<u8> {
    let script = format!(
        "const z=require('zlib'),b=require('fs').readFileSync(0);process.stdout.write({script})"
    );
    let run = || -> std::io::Result<Vec<u8>> {
        let mut node = Command::new("node")
            .args(["-e", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        if let Some(mut input) = node.stdin.take() {
            input.write_all(body)?;
        }
        Ok(node.wait_with_output()?.stdout)
    };
    run().unwrap_or_else(|error| fail(&format!("node: {error}")))
}

fn decode(codings: &str, coded: &[u8], mut take: impl FnMut(&[u8])) {
    let mut decoder = Decoder::new(codings, false, &Memory::default())
        .unwrap_or_else(|reason| fail(reason.code()));
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
    let mut inspection = begin(gate);
    for piece in pieces {
        gate.feed(&mut inspection, piece);
    }
    end(gate, inspection);
}

fn begin(gate: &mut Gate) -> Inspection {
    stand::begin(gate, "POST", URL, &[("content-type", "application/json")])
}
