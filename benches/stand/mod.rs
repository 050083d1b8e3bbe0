//! Shared code of the benches: a gate under a policy that closes one family to everybody, policies
//! that grow, and a timer.

#![allow(dead_code, reason = "each bench that includes this module uses a part of it")]

pub(crate) mod rows;

use std::time::{Duration, Instant};

use portcullis::compile;
use portcullis::policy::{Options, Source, load};
use portcullis::{Begun, Caller, Gate, Head, Inspection, OwnedBundle};

/// Bytes that a worker reads of a body at a time.
pub(crate) const READ: usize = 64 << 10;

/// Returns a gate for these dialects. `mythos-5` is closed, `haiku-4` open.
pub(crate) fn gate(dialects: &[&str]) -> Gate {
    gate_of(bundle(dialects))
}

/// Returns the gate of a bundle.
pub(crate) fn gate_of(bundle: Vec<u8>) -> Gate {
    let bundle = OwnedBundle::new(bundle).unwrap_or_else(|error| fail(error.code()));
    Gate::new(bundle, None).unwrap_or_else(|_| fail("the list key"))
}

/// Returns the bundle of that gate.
pub(crate) fn bundle(dialects: &[&str]) -> Vec<u8> {
    let policy = format!(
        r#"
format = 1
[policy]
id = "bench"
title = "One restricted family"
version = 1
dialects = {dialects:?}
[models.mythos-class]
title = "Mythos-class"
ids = ["mythos-5"]
[models.open]
ids = ["haiku-4"]
[[restrictions]]
id = "closed"
models = ["mythos-class"]
message = "Not available."
"#
    );
    let policy = load(vec![Source::new("bench.toml", policy)], &mut Options::default())
        .policy
        .unwrap_or_else(|| fail("the policy"));
    compile(&policy, None).unwrap_or_else(|errors| fail(&format!("{errors:?}")))
}

/// Reads the head of a request under the denied set of a caller about whom nothing is known.
pub(crate) fn begin(
    gate: &mut Gate,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
) -> Inspection {
    let Begun::Inspect(unread) = gate.begin(method, url, &Caller::default(), 0) else {
        fail("the caller has no denied set")
    };
    gate.inspect(unread, &Head { method, url, headers })
}

/// Finishes the request. It must have named the open model and no other.
pub(crate) fn end(gate: &mut Gate, mut inspection: Inspection) {
    let verdict = gate.finish(&mut inspection);
    if verdict.mentions != ["haiku-4"] {
        fail(&verdict.to_json());
    }
}

/// Returns the best time of one call.
pub(crate) fn time(mut call: impl FnMut()) -> Duration {
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

pub(crate) fn fail(why: &str) -> ! {
    eprintln!("error: {why}");
    std::process::exit(1)
}
