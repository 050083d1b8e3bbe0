//! Embeds the evaluator in a Rust program: compiles a policy, loads the bundle, judges requests.
//!
//! ```text
//! cargo run --example embed-rust -- mythos-5 haiku-4
//! ```

use std::error::Error;

use portcullis::{Begun, Caller, Gate, Head, OwnedBundle, OwnedValue, Refusal, policy};

fn main() -> Result<(), Box<dyn Error>> {
    // A server does this part once. It loads the file that `portcullis compile` wrote, and then
    // needs none of the crate's features.
    let source = policy::Source::new("policy.toml", include_str!("policy.toml"));
    let loaded = policy::load(vec![source], &mut policy::Options::default());
    let policy = loaded.policy.ok_or("the policy has errors")?;
    let bundle = portcullis::compile(&policy, None)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<String>())?;
    let mut gate = Gate::new(OwnedBundle::new(bundle)?, None)?;

    for model in std::env::args().skip(1) {
        let body = format!(r#"{{"model": "{model}", "messages": []}}"#);
        println!("{model}: {}", judge(&mut gate, body.as_bytes()));
    }
    Ok(())
}

/// Judges a chat request of a caller who is no U.S. person; returns the status and the refusal.
fn judge(gate: &mut Gate, body: &[u8]) -> String {
    let account =
        gate.account(false, |fact, _| (fact == "us_person").then_some(OwnedValue::Bool(false)));
    let caller = Caller { accounts: vec![account], ..Caller::default() };
    let headers = [("content-type", "application/json")];
    let head = Head { method: "POST", url: "/v1/chat/completions", headers: &headers };
    // Milliseconds since the epoch: here 15 June 2026. A server passes the time of its clock.
    let now = 1_781_481_600_000;
    let Begun::Inspect(unread) = gate.begin(head.method, head.url, &caller, now) else {
        return "200, the caller may use every model".to_owned();
    };
    let mut inspection = gate.inspect(unread, &head);
    for piece in body.chunks(16) {
        gate.feed(&mut inspection, piece);
    }
    let verdict = gate.finish(&mut inspection);
    match verdict.status {
        200 => format!("200 {}", verdict.reason.code()),
        status => format!("{status} {}", Refusal::new(&verdict, "case-1").body),
    }
}
