//! The cost of a decision as a policy grows: nanoseconds for one denied set, and bytes of its
//! bundle.
//!
//! Input: policies of 10 to 100,000 rows over 20 families. Five kinds of rule take turns: by place
//! and a threshold, by organisation, by proof of person, by country unless a person's status is
//! known, and licences of organisations. Output: one line for each size. Loading is measured apart
//! from deciding. Each figure is the best of many rounds, since disturbances only make a round
//! slower; a round is short enough to fit between two turns of the scheduler.
//!
//! ```sh
//! cargo bench --features author --bench denied_set            # all sizes
//! cargo bench --features author --bench denied_set -- 10000   # one
//! ```

mod stand;

use std::hint::black_box;
use std::time::{Duration, Instant};

use portcullis::compile;
use portcullis::{
    Account, Bundle, Candidate, Evaluator, Network, OperationMatch, OwnedBundle, Place, Value,
    read_code,
};
use stand::fail;
use stand::rows::{classify, policy};

const NOW: i64 = 1_790_000_000_000;

fn main() {
    println!(
        "    rows  restrictions  licences      bundle   compile      load |  unknown    known  cleared licensed   switch"
    );
    let wanted: Vec<usize> =
        std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for rows in [10, 100, 1_000, 10_000, 100_000] {
        if wanted.is_empty() || wanted.contains(&rows) {
            measure(rows);
        }
    }
}

fn measure(rows: usize) {
    let policy = policy(rows);
    let start = Instant::now();
    let bytes = compile(&policy, None).unwrap_or_else(|errors| fail(&format!("{errors:?}")));
    let compiled = start.elapsed();
    let size = bytes.len();
    let start = Instant::now();
    let owned = OwnedBundle::new(bytes).unwrap_or_else(|error| fail(&format!("{error}")));
    let bundle = owned.view();
    let mut evaluator = Evaluator::new(bundle);
    let loaded = start.elapsed();

    let foreigner = [
        ("us_person", Value::Bool(false)),
        ("evidence", Value::Text("none")),
        ("org", Value::Text("org-none")),
    ];
    let foreigner =
        [&foreigner[..], &[("relation", Value::Text("end_user")), ("risk", Value::Number(3.0))]]
            .concat();
    let cleared = [
        ("us_person", Value::Bool(true)),
        ("evidence", Value::Text("document_verified")),
        ("verified_until", Value::Number(2_000_000_000.0)),
        ("org", Value::Text("org-none")),
        ("relation", Value::Text("staff")),
        ("risk", Value::Number(-1.0)),
        ("billing", Value::Text("US")),
    ];
    let mut licensed = foreigner.clone();
    licensed.extend([("org", Value::Text("org-4")), ("relation", Value::Text("staff"))]);
    let callers = [("", &[][..]), ("DE", &foreigner), ("US", &cleared), ("DE", &licensed)];
    let [unknown, known, clear, under_licence] = callers.map(|(place, record)| {
        let account = classify(bundle, record);
        let place = read_code(place).unwrap_or(Place::UNKNOWN);
        time(|| decide(&mut evaluator, bundle, place, &account))
    });
    // A switch begins a new window, which makes the most expensive decision.
    let account = Account::unknown(bundle);
    let switched = time(|| {
        evaluator.switch(bundle, "r0", portcullis::SwitchState::On);
        decide(&mut evaluator, bundle, Place::UNKNOWN, &account);
    });
    println!(
        "{rows:8}  {:12}  {:8}  {size:10}  {:>8}  {:>8} | {:>8} {:>8} {:>8} {:>8} {:>8}",
        policy.restrictions.len(),
        policy.licences.len(),
        shown(compiled),
        shown(loaded),
        shown(unknown),
        shown(known),
        shown(clear),
        shown(under_licence),
        shown(switched),
    );
}

fn decide(evaluator: &mut Evaluator, bundle: Bundle<'_>, place: Place, account: &Account) {
    let candidate = Candidate { place, network: Network(0), asn: Some(13_335), ip: None, account };
    let denied_set = evaluator.denied_set(
        black_box(bundle),
        &[black_box(candidate)],
        &[OperationMatch::UNKNOWN],
        black_box(NOW),
        false,
    );
    black_box(denied_set.is_empty());
}

/// Returns the time of one call: the best of 300 rounds of about 200 us. A longer round would also
/// measure the other processes of a busy machine.
fn time(mut call: impl FnMut()) -> Duration {
    call();
    let start = Instant::now();
    call();
    let once = start.elapsed().max(Duration::from_nanos(50));
    let calls =
        u32::try_from((Duration::from_micros(200).as_nanos() / once.as_nanos()).clamp(1, 10_000))
            .unwrap_or(1);
    let round = |_| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed() / calls
    };
    (0..300).map(round).min().unwrap_or_default()
}

fn shown(time: Duration) -> String {
    match time.as_nanos() {
        nanos @ 0..10_000 => format!("{nanos} ns"),
        nanos @ 10_000..10_000_000 => format!("{} us", nanos / 1_000),
        nanos => format!("{} ms", nanos / 1_000_000),
    }
}
