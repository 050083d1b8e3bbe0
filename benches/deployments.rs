//! The cost of a table of deployments: bytes of the bundle, time to check, compile and load it, and
//! nanoseconds of a decision with and without it.
//!
//! Input: tables of growing size, with short names (`acme-gpt-000017-prod`, as in Azure) and long
//! ones (ARNs of application profiles). Each name resolves to one of 50 models. Output: one line
//! for each table. A decision is a denied set, a head and a chat of 1 KB. Each figure is the best
//! of many rounds.
//!
//! ```sh
//! cargo bench --features author --bench deployments
//! ```

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use portcullis::compile;
use portcullis::policy::{File, Options, Source, load};
use portcullis::{Begun, Caller, Gate, Head, OwnedBundle};

fn name(long: bool, number: usize) -> String {
    if long {
        format!(
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/{number:012x}"
        )
    } else {
        format!("acme-gpt-{number:06}-prod")
    }
}

fn main() {
    println!(
        "  names             bundle       check     compile        load |  model ns   name ns unknown ns"
    );
    for (count, long) in
        [(0, false), (1_000, false), (10_000, false), (100_000, false), (100_000, true)]
    {
        let mut file = String::new();
        for number in 0..count {
            let _ = writeln!(file, "{}\tmodel-{}", name(long, number), number % 50);
        }
        let mut text = String::from(
            "format = 1\n[policy]\nid = \"bench\"\nversion = 1\ndialects = [\"openai\", \"azure-openai\"]\n[[restrictions]]\nid = \"closed\"\nmodels = [\"mythos\"]\n[models.mythos]\nids = [\"mythos-5\"]\n[models.open]\nids = [\"haiku-4\", \"model-*\"]\n",
        );
        if count > 0 {
            text.push_str("[deployments.all]\nfile = \"names.tsv\"\n");
        }
        let begin = Instant::now();
        let read = |_: &str, name: &str| Ok(File { name: name.to_owned(), text: file.clone() });
        let mut options = Options { read: Some(Box::new(read)), ..Options::default() };
        let loaded = load(vec![Source::new("p.toml", text)], &mut options);
        let check = begin.elapsed();
        let Some(policy) = loaded.policy else { return println!("{:?}", loaded.problems) };
        let begin = Instant::now();
        let Ok(bytes) = compile(&policy, None) else { return println!("the policy has no bundle") };
        let compiled = begin.elapsed();
        let size = bytes.len();
        let begin = Instant::now();
        let Ok(bundle) = OwnedBundle::new(bytes) else {
            return println!("the bundle cannot be read");
        };
        let load = begin.elapsed();
        let Ok(mut gate) = Gate::new(bundle, None) else { return println!("no gate") };
        let known = name(long, count / 3);
        let times = ["haiku-4", &known, "acme-gpt-nobody"].map(|model| decision(&mut gate, model));
        let kind = if long { "long" } else { "short" };
        println!(
            "{count:>7} {kind:<5} {size:>12} {check:>11.1?} {compiled:>11.1?} {load:>11.1?} | {:>9} {:>9} {:>10}",
            times[0].as_nanos(),
            times[1].as_nanos(),
            times[2].as_nanos()
        );
    }
}

/// Returns the time of one decision: denied set, head, body, verdict.
fn decision(gate: &mut Gate, model: &str) -> Duration {
    let body = format!(
        "{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}]}}",
        "word ".repeat(190)
    );
    let head = Head {
        method: "POST",
        url: "/v1/chat/completions",
        headers: &[("content-type", "application/json")],
    };
    let caller = Caller::default();
    let mut best = Duration::MAX;
    for _ in 0..300 {
        let begin = Instant::now();
        for _ in 0..20 {
            let Begun::Inspect(unread) = gate.begin(head.method, head.url, &caller, 0) else {
                return Duration::ZERO;
            };
            let mut inspection = gate.inspect(unread, &head);
            gate.feed(&mut inspection, body.as_bytes());
            black_box(gate.finish(&mut inspection));
        }
        best = best.min(begin.elapsed() / 20);
    }
    best
}
