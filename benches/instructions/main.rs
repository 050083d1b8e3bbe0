//! Instructions of the hot paths, counted by valgrind's callgrind, beside the counts that the
//! repository holds.
//!
//! A count says less than a time, and says it the same on a busy machine: the same build gives the
//! same count. So a change that makes a path longer shows at once, before it costs as much as a
//! timer can tell.
//!
//! Input: policies and bodies that this file makes; `counts.txt` with the counts of before. Output:
//! a table of both, and their difference. The bench fails if a path takes over 3 % more
//! instructions than before. With `UPDATE=1` it writes the counts instead. The counts hold for the
//! tools in the head of that file; with others the bench shows the table and never fails.
//!
//! The bench runs itself under callgrind, once for each path. Callgrind counts only within
//! `measured`, so that bodies and the first calls count for nothing. The bundle comes by standard
//! input: the compiler's hash tables are seeded at random, and would leave another heap behind in
//! every run.
//!
//! ```sh
//! make bench-instructions            # compares
//! make bench-instructions UPDATE=1   # writes counts.txt
//! ```

#[path = "../stand/mod.rs"]
mod stand;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io::Read as _;
use std::process::{Command, ExitCode};

use portcullis::compile;
use portcullis::policy::{GuardedDialect, Span};
use portcullis::{
    Account, Begun, Bundle, Caller, Candidate, Evaluator, Gate, Head, Network, OperationMatch,
    OwnedBundle, OwnedValue, Place, Value, VerdictKind, read_code,
};
use stand::rows::{classify, policy};
use stand::{READ, begin, bundle, end, fail, gate_of};

/// How much longer a path may get, in percent.
const TOLERANCE: f64 = 3.0;
/// Calls before the count begins, and calls that are counted.
const CALLS: [u32; 2] = [16, 64];
const NOW: i64 = 1_790_000_000_000;
const COUNTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/counts.txt");
const CHAT: &str = "https://gate.example/v1/chat/completions";
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// A hot path: its name, the bundle that it needs, and what runs it with that.
type Path = (&'static str, fn() -> Vec<u8>, fn(Vec<u8>));

const PATHS: [Path; 15] = [
    ("denied set, 10 rows, nothing known", || rows(10), |bundle| denied_set(bundle, false)),
    ("denied set, 10 rows, known caller", || rows(10), |bundle| denied_set(bundle, true)),
    ("denied set, 1,000 rows, nothing known", || rows(1_000), |bundle| denied_set(bundle, false)),
    ("denied set, 1,000 rows, known caller", || rows(1_000), |bundle| denied_set(bundle, true)),
    ("denied set, 10,000 rows, nothing known", || rows(10_000), |bundle| denied_set(bundle, false)),
    ("denied set, 10,000 rows, known caller", || rows(10_000), |bundle| denied_set(bundle, true)),
    ("head and route", small, head),
    ("chat of 1 KB to a verdict", small, |bundle| chat(bundle, &code(1_000))),
    ("chat of 1 KB under a kept head", small, |bundle| kept(bundle, &code(1_000))),
    ("prose of 100 KB to a verdict", small, |bundle| chat(bundle, &prose(100_000))),
    ("short keys of 100 KB to a verdict", small, |bundle| chat(bundle, &short_keys(100_000))),
    ("denial with grounds, 10,000 rows", || rows(10_000), denial),
    ("denial under a kept head, 10,000 rows", || rows(10_000), kept_denial),
    ("may, 10,000 rows, known caller", || rows(10_000), may),
    ("account", || rows(1_000), account),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    // The process under callgrind.
    if let [_, flag, name] = &arguments[..]
        && flag == "--path"
    {
        let Some((_, _, run)) = PATHS.iter().find(|(known, ..)| known == name) else {
            fail(&format!("no path `{name}`"))
        };
        let mut bundle = Vec::new();
        if let Err(error) = std::io::stdin().read_to_end(&mut bundle) {
            fail(&format!("the bundle: {error}"));
        }
        run(bundle);
        return ExitCode::SUCCESS;
    }
    let tools = tools();
    let written = fs::read_to_string(COUNTS).unwrap_or_default();
    let comparable = written.lines().next() == Some(tools.as_str());
    let before = counts(&written);
    let mut text = format!("{tools}\n");
    let mut longer = Vec::new();
    println!("| instructions a call | before | now | difference |\n|---|---|---|---|");
    for (name, bundle, _) in PATHS {
        let now = count(name, &bundle());
        let _ = writeln!(text, "{now:>9}  {name}");
        let Some(old) = before.get(name) else {
            println!("| {name} | | {now} | |");
            continue;
        };
        let percent = (now as f64 / *old as f64 - 1.0) * 100.0;
        println!("| {name} | {old} | {now} | {percent:+.2} % |");
        if percent > TOLERANCE {
            longer.push(name);
        }
    }
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        if let Err(error) = fs::write(COUNTS, text) {
            fail(&format!("{COUNTS}: {error}"));
        }
        println!("\nwritten: benches/instructions/counts.txt");
    } else if !comparable {
        println!("\nthe counts of before are of other tools: {tools}");
    } else if !longer.is_empty() {
        println!("\nover {TOLERANCE} % more: {}. `UPDATE=1` accepts them.", longer.join("; "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The tools that a count depends on.
fn tools() -> String {
    let said = |program: &str| {
        Command::new(program)
            .arg("--version")
            .output()
            .ok()
            .and_then(|output| String::from_utf8(output.stdout).ok())
            .unwrap_or_else(|| fail(&format!("`{program}` does not run")))
            .trim()
            .to_owned()
    };
    format!("# {}, {}, {}", said("rustc"), said("valgrind"), std::env::consts::ARCH)
}

/// Reads lines of a count and a name.
fn counts(text: &str) -> BTreeMap<&str, u64> {
    text.lines()
        .filter_map(|line| line.trim().split_once("  "))
        .filter_map(|(count, name)| Some((name, count.parse().ok()?)))
        .collect()
}

/// Runs a path under callgrind and returns its instructions a call.
fn count(name: &str, bundle: &[u8]) -> u64 {
    let Ok(program) = std::env::current_exe() else { fail("the bench has no path") };
    let file = program.with_extension("bundle");
    let input = fs::write(&file, bundle).and_then(|()| fs::File::open(&file));
    let input = input.unwrap_or_else(|error| fail(&format!("{}: {error}", file.display())));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*measured*")
        .arg(program)
        .args(["--path", name])
        // The stack begins where the environment ends, and its alignment counts.
        .env_clear()
        .stdin(input)
        .output()
        .unwrap_or_else(|error| fail(&format!("valgrind: {error}")));
    let said = String::from_utf8_lossy(&output.stderr);
    let total = said
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, number)| number.trim().parse::<u64>().ok());
    match total {
        Some(total) if output.status.success() && total > 0 => total / u64::from(CALLS[1]),
        _ => fail(&format!("{name}: {said}")),
    }
}

/// Calls `work` until the caches of the path are filled, and then under the count.
fn run(mut work: impl FnMut()) {
    (0..CALLS[0]).for_each(|_| work());
    measured(&mut work);
}

/// Callgrind knows this function by its name.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    (0..CALLS[1]).for_each(|_| work());
}

/// The bundle of a policy that grows, for one dialect.
fn rows(count: usize) -> Vec<u8> {
    let mut policy = policy(count);
    policy.dialects =
        vec![GuardedDialect { id: "openai".to_owned(), prefix: None, span: Span::default() }];
    compile(&policy, None).unwrap_or_else(|errors| fail(&format!("{errors:?}")))
}

/// The bundle of a policy that closes one family to everybody.
fn small() -> Vec<u8> {
    bundle(&["openai", "anthropic"])
}

/// A caller about whom the rows know everything, and who is not a U.S. person.
const RECORD: [(&str, Value<'static>); 5] = [
    ("us_person", Value::Bool(false)),
    ("evidence", Value::Text("none")),
    ("org", Value::Text("org-none")),
    ("relation", Value::Text("end_user")),
    ("risk", Value::Number(3.0)),
];

fn germany() -> Place {
    read_code("DE").unwrap_or(Place::UNKNOWN)
}

fn denied_set(bundle: Vec<u8>, known: bool) {
    let owned = OwnedBundle::new(bundle).unwrap_or_else(|error| fail(error.code()));
    let bundle = owned.view();
    let mut evaluator = Evaluator::new(bundle);
    let account = if known { classify(bundle, &RECORD) } else { Account::unknown(bundle) };
    let place = if known { germany() } else { Place::UNKNOWN };
    run(|| decide(&mut evaluator, bundle, place, &account));
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

/// The denied set of a small policy is part of it, since the route decides which rules count.
fn head(bundle: Vec<u8>) {
    let mut gate = gate_of(bundle);
    run(|| {
        black_box(begin(&mut gate, "POST", black_box(CHAT), &JSON));
    });
}

fn chat(bundle: Vec<u8>, body: &str) {
    let mut gate = gate_of(bundle);
    run(|| {
        let mut inspection = begin(&mut gate, "POST", CHAT, &JSON);
        for chunk in black_box(body.as_bytes()).chunks(READ) {
            gate.feed(&mut inspection, chunk);
        }
        end(&mut gate, inspection);
    });
}

fn kept(bundle: Vec<u8>, body: &str) {
    judged(bundle, &Caller::default(), body, VerdictKind::Pass);
}

fn kept_denial(bundle: Vec<u8>) {
    let caller = caller(&gate_of(bundle.clone()));
    judged(bundle, &caller, r#"{"model":"model-0","messages":[]}"#, VerdictKind::Deny);
}

/// Judges bodies one after the other, whose head was read and whose denied set is known.
fn judged(bundle: Vec<u8>, caller: &Caller, body: &str, kind: VerdictKind) {
    let mut gate = gate_of(bundle);
    let Begun::Inspect(unread) = gate.begin("POST", CHAT, caller, NOW) else {
        fail("the caller has no denied set")
    };
    let head = Head { method: "POST", url: CHAT, headers: &JSON };
    let Some(mut kept) = gate.keep(&unread, &head) else { fail("the head is not kept") };
    run(|| {
        let decision = gate.judge(&mut kept, unread.denied_set(), black_box(body.as_bytes()));
        if decision.kind != kind {
            fail(&format!("{decision:?}"));
        }
    });
}

fn may(bundle: Vec<u8>) {
    let mut gate = gate_of(bundle);
    let caller = caller(&gate);
    let model = gate.model("POST", CHAT, "model-0").unwrap_or_else(|_| fail("no id"));
    run(|| {
        black_box(model.may(gate.denied_set(black_box(&caller), black_box(NOW))));
    });
}

/// A caller about whom the rows know everything.
fn caller(gate: &Gate) -> Caller {
    let account = gate.account(false, record);
    Caller { places: vec![germany()], accounts: vec![account], ..Caller::default() }
}

/// Lines of code in ASCII, with five escapes each.
fn code(size: usize) -> String {
    user(r#"if (name == \"portcullis\") { lower(gate, \"slowly\"); }\n"#, size)
}

/// Text with a letter outside ASCII and an escape in each sentence.
fn prose(size: usize) -> String {
    user("The château shuts its portcullis at dusk \\u2014 and opens it at dawn. ", size)
}

fn user(line: &str, size: usize) -> String {
    format!(
        r#"{{"model":"haiku-4","messages":[{{"role":"user","content":"{}"}}]}}"#,
        line.repeat(size / line.len() + 1)
    )
}

fn short_keys(size: usize) -> String {
    let tool = r#"{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"number"}},"required":["a"]}}}"#;
    format!(
        r#"{{"model":"haiku-4","messages":[],"tools":[{}]}}"#,
        vec![tool; size / tool.len() + 1].join(",")
    )
}

/// A verdict that names every rule on which it rests.
fn denial(bundle: Vec<u8>) {
    let mut gate = gate_of(bundle);
    let caller = caller(&gate);
    let body = br#"{"model":"model-0","messages":[]}"#;
    run(|| {
        let Begun::Inspect(unread) = gate.begin("POST", CHAT, black_box(&caller), NOW) else {
            fail("the caller has no denied set")
        };
        let head = Head { method: "POST", url: CHAT, headers: &JSON };
        let mut inspection = gate.inspect(unread, &head);
        gate.feed(&mut inspection, body);
        let verdict = gate.finish(&mut inspection);
        if verdict.kind != VerdictKind::Deny || verdict.restrictions.is_empty() {
            fail(&verdict.to_json());
        }
        black_box(verdict);
    });
}

fn account(bundle: Vec<u8>) {
    let gate = gate_of(bundle);
    run(|| {
        black_box(gate.account(false, record));
    });
}

/// The record, as a binding hands it over.
fn record(name: &str, _: &str) -> Option<OwnedValue> {
    let (_, value) = RECORD.iter().find(|(known, _)| *known == name)?;
    Some(match *value {
        Value::Bool(value) => OwnedValue::Bool(value),
        Value::Number(value) => OwnedValue::Number(value),
        Value::Text(value) => OwnedValue::Text(value.to_owned()),
        _ => return None,
    })
}
