//! How the policy's tables of deployments resolve names, in a gate compiled from a policy: in every
//! kind of slot, per dialect and host, and against a naive map.

#![cfg(test)]

#[path = "support/deciding.rs"]
mod deciding;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use portcullis::VerdictKind;
use portcullis::analysis::Decider;
use portcullis::policy::{File, Options};
use proptest::prelude::*;
use serde_json::json;

const DIALECTS: &str = r#"["openai", "anthropic", { id = "azure-openai", prefix = "/azure" }]"#;

const TABLES: &str = r#"
[deployments.shared]
names = { fast = "haiku-4", strong = "mythos-5", router = ["haiku-4", "strong"], stray = ["haiku-4", "nobody-1"], mythos-5-old = "haiku-4", haiku-4 = "haiku-4", pmpt_a1 = "haiku-4", pmpt_b2 = "mythos-5", default = "haiku-4", batch = "haiku-4", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12" = "haiku-4" }
[deployments.azure]
dialects = ["azure-openai"]
names = { prod = "haiku-4" }
[deployments.one]
dialects = ["azure-openai"]
hosts = ["One.example"]
file = "one.csv"
"#;

fn decider(tables: &str, file: &str) -> Decider {
    let read = |_: &str, name: &str| Ok(File { name: name.to_owned(), text: file.to_owned() });
    let mut options = Options { read: Some(Box::new(read)), ..Options::default() };
    deciding::decider(&(deciding::policy(DIALECTS) + tables), &mut options)
}

fn decide(
    decider: &mut Decider,
    url: &str,
    headers: &serde_json::Value,
    body: &serde_json::Value,
) -> (VerdictKind, String) {
    let mut all = json!({"content-type": "application/json"});
    all.as_object_mut().unwrap().extend(headers.as_object().unwrap().clone());
    let line =
        json!({"id": 1, "method": "POST", "url": url, "headers": all, "body": body.to_string()})
            .to_string();
    let verdict = deciding::decided(decider, &line, &[1]);
    (verdict.kind, verdict.reason.code().to_owned())
}

#[test]
fn a_name_counts_as_what_it_resolves_to() {
    let mut decider = decider(TABLES, "prod mythos-5\nlocal haiku-4\n");
    let chat = "/v1/chat/completions";
    let azure = |name: &str| {
        format!("https://two.example/azure/openai/deployments/{name}/chat/completions")
    };
    let one = |name: &str| {
        format!("https://u@one.EXAMPLE:8443/azure/openai/deployments/{name}/chat/completions")
    };
    let model = |name: &str| json!({ "model": name });
    let responses = |body: serde_json::Value| ("/v1/responses".to_owned(), body);
    let messages = |body: serde_json::Value| ("/v1/messages".to_owned(), body);
    for (expected, (url, body)) in [
        // A plain slot.
        (VerdictKind::Pass, (chat.to_owned(), model("fast"))),
        (VerdictKind::Pass, (chat.to_owned(), model("FAST"))),
        (VerdictKind::Pass, (chat.to_owned(), model("fast, haiku-4"))),
        (VerdictKind::Deny, (chat.to_owned(), model("strong"))),
        (VerdictKind::Deny, (chat.to_owned(), model("haiku-4,strong"))),
        (VerdictKind::Deny, (chat.to_owned(), model("s%74rong"))),
        (VerdictKind::Defer, (chat.to_owned(), model("fast,other"))),
        (VerdictKind::Defer, (chat.to_owned(), model("fast/x"))),
        (VerdictKind::Defer, (chat.to_owned(), model("prod"))),
        // Each of several targets counts, also through links.
        (VerdictKind::Deny, (chat.to_owned(), model("router"))),
        (VerdictKind::Defer, (chat.to_owned(), model("stray"))),
        // The targets are judged beside the name, never instead of it.
        (VerdictKind::Deny, (chat.to_owned(), model("mythos-5-old"))),
        // An opaque slot.
        (VerdictKind::Pass, (azure("prod"), json!({}))),
        (VerdictKind::Pass, (azure("haiku-4"), model("fast"))),
        (VerdictKind::Pass, (azure("%70rod"), json!({}))),
        (VerdictKind::Deny, (azure("strong"), json!({}))),
        // A path may hold the part of an ARN after its slash.
        (VerdictKind::Pass, (azure("ab12"), json!({}))),
        (
            VerdictKind::Pass,
            (
                chat.to_owned(),
                model("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/AB12"),
            ),
        ),
        (VerdictKind::Deny, (azure("mythos-5-old"), json!({}))),
        (VerdictKind::Defer, (azure("haiku-4-eu"), json!({}))),
        (VerdictKind::Defer, (azure("prod"), model("other"))),
        (VerdictKind::Defer, (azure("local"), json!({}))),
        // A host has its own names. Names for all hosts count as well.
        (VerdictKind::Pass, (one("local"), json!({}))),
        (VerdictKind::Deny, (one("prod"), json!({}))),
        (VerdictKind::Pass, (one("fast"), json!({}))),
        // References: only the whole text counts, and only if it is a kind of reference.
        (VerdictKind::Pass, responses(json!({"prompt": {"id": "pmpt_a1"}}))),
        (VerdictKind::Deny, responses(json!({"prompt": {"id": "pmpt_b2"}}))),
        (VerdictKind::Defer, responses(json!({"prompt": {"id": "pmpt_a1/2"}}))),
        (VerdictKind::Defer, responses(json!({"prompt": {"id": "pmpt_a1,pmpt_a1"}}))),
        (VerdictKind::Defer, responses(json!({"prompt": {"id": "pmpt_c3"}}))),
        (VerdictKind::Defer, responses(json!({"prompt": {"id": 5}}))),
        // The prompt names the model, so the conversation does not.
        (
            VerdictKind::Pass,
            responses(json!({"prompt": {"id": "pmpt_a1"}, "conversation": "conv_1"})),
        ),
        (VerdictKind::Pass, messages(json!({"model": "fast"}))),
        (VerdictKind::Defer, messages(json!({"model": "fast", "fallbacks": "default"}))),
        // An unknown operation also looks up names and judges their targets.
        (VerdictKind::Deny, ("/v9/deployments/strong/unheard-of".to_owned(), json!({}))),
    ] {
        let found = decide(&mut decider, &url, &json!({}), &body);
        assert_eq!(found.0, expected, "{url} {body}: {}", found.1);
    }
    let deployments = "/azure/openai/deployments/local/chat/completions";
    for (host, expected) in [
        ("one.example", VerdictKind::Pass),
        ("ONE.example:443", VerdictKind::Pass),
        ("two.example", VerdictKind::Defer),
    ] {
        assert_eq!(
            decide(&mut decider, deployments, &json!({ "host": host }), &json!({})).0,
            expected,
            "{host}"
        );
    }
    for (header, value, expected) in [
        ("x-portkey-config", "pmpt_b2", VerdictKind::Deny),
        ("x-portkey-config", "pmpt_a1", VerdictKind::Pass),
        ("x-portkey-config", "pc-1", VerdictKind::Defer),
        ("x-ms-spillover-deployment", "strong", VerdictKind::Deny),
        ("x-my-model-choice", "strong", VerdictKind::Deny),
        ("x-my-model-choice", "other", VerdictKind::Pass),
    ] {
        assert_eq!(
            decide(&mut decider, chat, &json!({ header: value }), &model("fast")).0,
            expected,
            "{header}: {value}"
        );
    }
}

#[test]
fn a_name_of_one_dialect_says_nothing_where_the_request_may_be_of_another() {
    let tables = "[deployments.a]\ndialects = [\"openai\"]\nnames = { fast = \"haiku-4\", strong = \"mythos-5\" }\n";
    let both = format!(
        "{tables}[deployments.b]\ndialects = [\"anthropic\", \"azure-openai\"]\nnames = {{ fast = \"haiku-4\" }}\n"
    );
    // An unknown path may belong to any of the dialects.
    let unknown = "/v9/unheard-of";
    for (tables, reason) in [(tables, "unlisted"), (both.as_str(), "unknown_operation")] {
        let mut decider = decider(tables, "");
        let (kind, why) = decide(&mut decider, unknown, &json!({}), &json!({ "model": "fast" }));
        assert_eq!((kind, why.as_str()), (VerdictKind::Defer, reason));
        assert_eq!(
            decide(&mut decider, unknown, &json!({}), &json!({ "model": "strong" })).0,
            VerdictKind::Deny
        );
        assert_eq!(
            decide(&mut decider, "/v1/chat/completions", &json!({}), &json!({ "model": "fast" })).0,
            VerdictKind::Pass
        );
    }
}

#[test]
fn links_that_go_in_a_circle_end() {
    let mut decider = decider(
        "[deployments.a]\nnames = { a = \"b\", b = [\"c\", \"haiku-4\"], c = \"a\", d = \"d\" }\n",
        "",
    );
    for (name, expected) in [
        ("a", VerdictKind::Pass),
        ("b", VerdictKind::Pass),
        ("c", VerdictKind::Pass),
        ("d", VerdictKind::Defer),
    ] {
        assert_eq!(
            decide(&mut decider, "/v1/chat/completions", &json!({}), &json!({ "model": name })).0,
            expected,
            "{name}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// The gate's table is a map from names to sets of targets, and nothing else. Each case
    /// compiles a policy, so there are few cases of many names.
    #[test]
    fn resolution_is_a_map(
        entries in prop::collection::vec(("[a-e]([-./:]?[A-Ea-e]){0,3}", prop::collection::vec(prop_oneof![Just("haiku-4"), Just("mythos-5"), Just("nobody-1")], 1..3)), 0..200),
        asked in prop::collection::vec("[a-e]([-./:]?[A-Ea-e]){0,3}", 1..60),
    ) {
        let mut map: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        let mut file = String::from("zzz haiku-4\n");
        for (name, targets) in &entries {
            map.entry(name.to_ascii_lowercase()).or_default().extend(targets);
            writeln!(file, "{name},{}", targets.join("\t")).unwrap();
        }
        let mut decider = decider("[deployments.t]\nfile = \"t\"\n", &file);
        for name in entries.iter().map(|(name, _)| name).chain(&asked) {
            let expected = match map.get(&name.to_ascii_lowercase()) {
                None => VerdictKind::Defer,
                Some(targets) if targets.contains("mythos-5") => VerdictKind::Deny,
                Some(targets) if targets.contains("nobody-1") => VerdictKind::Defer,
                Some(_) => VerdictKind::Pass,
            };
            let plain = decide(&mut decider, "/v1/chat/completions", &json!({}), &json!({ "model": name }));
            prop_assert_eq!(plain.0, expected, "{}", name);
            let opaque = decide(&mut decider, "/azure/openai/v1/chat/completions", &json!({}), &json!({ "model": name }));
            prop_assert_eq!(opaque.0, expected, "{}", name);
        }
    }
}
