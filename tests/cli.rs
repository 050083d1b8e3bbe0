//! The command line through its binary: exit codes and output.

#![cfg(test)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const POLICY: &str = "policies/mythos-suspension.toml";

/// A list key.
const KEY: &str = "00112233445566778899aabbccddeeff";

/// Returns the path of a scratch file of this process.
fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()))
}

fn portcullis(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads no input may exit before all of it is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn says(output: &Output, code: i32, stdout: &str, stderr: &str) {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    assert!(out.contains(stdout), "{stdout:?} not in standard output: {out}");
    assert!(err.contains(stderr), "{stderr:?} not in standard error: {err}");
}

#[test]
fn the_worked_examples_are_sound() {
    for example in std::fs::read_dir("policies").unwrap() {
        let path = example.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            says(&portcullis(&["check", path.to_str().unwrap()], ""), 0, "", " restrictions, ");
        }
    }
}

#[test]
fn a_policy_with_errors_exits_with_1_and_shows_where() {
    let path = scratch("broken.toml");
    std::fs::write(
        &path,
        "format = 1\n[policy]\nid = \"x\"\nversion = 1\ndialects = [\"openai\"]\n[polcy]\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    says(&portcullis(&["check", path], ""), 1, "", "broken.toml:6:2");
    says(&portcullis(&["check", "--json", path], ""), 1, "\"line\":6", "");
    says(
        &portcullis(&["compile", path, "--out", scratch("never").to_str().unwrap()], ""),
        1,
        "",
        "did you mean `policy`?",
    );
}

#[test]
fn a_file_that_is_not_there_exits_with_3_and_a_wrong_call_with_2() {
    says(&portcullis(&["check", "no-such.toml"], ""), 3, "", "no-such.toml");
    says(&portcullis(&["decide", "--requests", "-"], ""), 2, "", "--policy");
    says(&portcullis(&["check", "--explain", "E9999"], ""), 2, "", "there is no code `E9999`");
    says(&portcullis(&["check", "--explain", "e0101"], ""), 0, "E0101: error", "");
}

#[test]
fn the_same_policy_is_the_same_bundle_and_decides_alike() {
    let (key, one, two) = (scratch("key"), scratch("one.pcb"), scratch("two.pcb"));
    std::fs::write(&key, format!("{KEY}\n")).unwrap();
    for out in [&one, &two] {
        let out = portcullis(
            &[
                "compile",
                POLICY,
                "--list-key",
                key.to_str().unwrap(),
                "--out",
                out.to_str().unwrap(),
            ],
            "",
        );
        says(&out, 0, "", "sha-256 ");
    }
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());

    let staff = r#"{"id":"staff","method":"POST","url":"/v1/chat/completions","headers":{"content-type":"application/json"},"body":"{\"model\":\"mythos-5\"}","place":{"country":"FR"},"account":{"us_person":false,"org":"org-annex-1","relation":"staff"},"now":"2026-07-01T00:00:00Z"}"#;
    let foreign = staff.replace("\"staff\"", "\"end_user\"");
    let requests = format!("{staff}\n\n{foreign}\n");
    let from_bundle = portcullis(
        &[
            "decide",
            "--bundle",
            one.to_str().unwrap(),
            "--list-key",
            key.to_str().unwrap(),
            "--requests",
            "-",
        ],
        &requests,
    );
    let from_policy = portcullis(&["decide", "--policy", POLICY, "--requests", "-"], &requests);
    says(&from_bundle, 0, "", "");
    assert_eq!(from_bundle.stdout, from_policy.stdout);
    let lines: Vec<&str> = std::str::from_utf8(&from_bundle.stdout).unwrap().lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].contains(r#""verdict":"pass","status":200"#)
            && lines[0].contains("annex-2026-06-26"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains(r#""verdict":"deny","status":403,"mentions":["mythos-5"],"families":["mythos-class"],"restrictions":["mythos-us-persons-only"]"#), "{}", lines[1]);

    let wrong = scratch("wrong-key");
    std::fs::write(&wrong, KEY.replace('0', "1")).unwrap();
    let output = portcullis(
        &[
            "decide",
            "--bundle",
            one.to_str().unwrap(),
            "--list-key",
            wrong.to_str().unwrap(),
            "--requests",
            "-",
        ],
        "",
    );
    says(&output, 1, "", "the list key is not the one");
}

#[test]
fn a_list_key_is_hexadecimal_digits_and_nothing_else() {
    let (key, out) = (scratch("some-key"), scratch("some.pcb"));
    let compile = |bytes: &[u8]| {
        std::fs::write(&key, bytes).unwrap();
        portcullis(
            &[
                "compile",
                POLICY,
                "--list-key",
                key.to_str().unwrap(),
                "--out",
                out.to_str().unwrap(),
            ],
            "",
        )
    };
    says(&compile(KEY.as_bytes()), 0, "", "sha-256 ");
    let one = std::fs::read(&out).unwrap();
    says(&compile(format!("{} \r\n\n", KEY.to_uppercase()).as_bytes()), 0, "", "sha-256 ");
    assert_eq!(
        std::fs::read(&out).unwrap(),
        one,
        "case and white space behind it make no difference"
    );
    for (bytes, said) in [
        (&b""[..], "holds no text"),
        (b"the secret of thirty-two letters", "holds 't', which is no hexadecimal digit"),
        (&KEY.as_bytes()[..30], "holds 30 digits, and 32 are the least"),
        (b"00112233445566778899aabbccddeeff0", "holds 33 digits, an odd number"),
        (b"00112233 445566778899aabbccddeeff", "holds ' ', which is no hexadecimal digit"),
        (&[0xff; 32], "holds no text"),
    ] {
        let output = compile(bytes);
        says(&output, 1, "", said);
        says(&output, 1, "", "openssl rand -hex 32");
    }
}

#[test]
fn a_public_bundle_says_what_is_stricter() {
    let out = scratch("public.pcb");
    let out = out.to_str().unwrap();
    let compile = |more: &[&str]| {
        portcullis(&[&["compile", POLICY, "--public", "--out", out], more].concat(), "")
    };
    // No list key is needed, since the secret list is left out.
    let output = compile(&[]);
    says(&output, 0, "", "`embargo` closes its models to everybody: it depends on `billing`");
    says(&output, 0, "", "`annex-2026-06-26` is left out: it depends on");
    says(&output, 0, "", "help: `--keep fact:NAME` keeps a fact");
    let text = String::from_utf8_lossy(&std::fs::read(out).unwrap()).into_owned();
    assert!(
        text.contains("mythos-class") && !text.contains("annex") && !text.contains("us_person")
    );
    let names = ["--keep", "fact:billing", "--keep", "rule:embargo"];
    let output = compile(&names);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("`embargo`"), "{output:?}");
    let request = r#"{"method":"POST","url":"/v1/messages","body":{"model":"haiku-4"},"place":{"country":"KP"}}"#;
    says(
        &portcullis(&["decide", "--bundle", out, "--requests", "-"], request),
        0,
        "\"embargo\"]",
        "",
    );
    // The licence begins on 26 June.
    let keep = ["--keep", "fact:employee", "--json"];
    let before = compile(&[&keep[..], &["--at", "2026-06-20T00:00:00Z"]].concat());
    says(&before, 0, "\"beside\":[]}],\"closed_from\":null}", "");
    let early = compile(&["--at", "2026-06-01T00:00:00Z"]);
    says(&early, 0, "", "every model is closed from 2026-06-12T21:21:00Z on");

    says(&compile(&["--keep", "fact:biling"]), 2, "", "help: did you mean `billing`?");
    says(&compile(&["--at", "yesterday"]), 2, "", "2026-06-12T21:21:00Z");
    says(&compile(&["--list-key", "x"]), 2, "", "cannot be used with");
    let whole = portcullis(&["compile", POLICY, "--keep", "fact:billing", "--out", out], "");
    says(&whole, 2, "", "--public");
}

#[test]
fn a_bundle_with_a_secret_list_decides_nothing_without_its_key() {
    let (key, bundle) = (scratch("its-key"), scratch("its.pcb"));
    std::fs::write(&key, KEY).unwrap();
    let (key, bundle) = (key.to_str().unwrap(), bundle.to_str().unwrap());
    says(&portcullis(&["compile", POLICY, "--list-key", key, "--out", bundle], ""), 0, "", "");
    let requests = "{\"method\":\"GET\",\"url\":\"/v1/models\"}\n";
    for more in [&[][..], &["--policy", POLICY]] {
        let output = portcullis(
            &[&["decide", "--bundle", bundle, "--requests", "-"], more].concat(),
            requests,
        );
        says(&output, 1, "", "the list `annex_partners` is secret");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
    says(
        &portcullis(
            &["decide", "--bundle", bundle, "--list-key", key, "--requests", "-"],
            requests,
        ),
        0,
        "verdict",
        "",
    );
    // A bundle that looks up no list needs no key.
    says(&portcullis(&["compile", "policies/embargo.toml", "--out", bundle], ""), 0, "", "");
    says(
        &portcullis(&["decide", "--bundle", bundle, "--requests", "-"], requests),
        0,
        "verdict",
        "",
    );
}

/// Writes a policy whose rule tests for a network that Cloudflare does not report. `state` is the
/// state of that rule.
fn asks_for_vpn(state: &str) -> PathBuf {
    let path = scratch(&format!("vpn-{state}.toml"));
    let policy = format!(
        "format = 1\n[policy]\nid = \"vpn\"\nversion = 1\ndialects = [\"openai\"]\n[[restrictions]]\nid = \"vpn\"\nmodels = [\"*\"]\nwhen = '\"vpn\" in network'\nstate = \"{state}\"\n"
    );
    std::fs::write(&path, policy).unwrap();
    path
}

#[test]
fn a_rule_that_rests_on_what_the_platform_does_not_tell_is_told() {
    let out = scratch("vpn.pcb");
    let out = out.to_str().unwrap();
    let on = asks_for_vpn("on");
    let on = on.to_str().unwrap();
    for command in
        [&["check", on][..], &["compile", on, "--out", out], &["check", on, "--platform", "vercel"]]
    {
        says(&portcullis(command, ""), 1, "", "error[E0509]: `vpn` rests on `vpn`, which ");
    }
    says(
        &portcullis(&["compile", on, "--out", out, "--platform", "fastly", "--json"], ""),
        0,
        r#""network":["vpn"]"#,
        "",
    );
    for state in ["shadow", "off"] {
        let path = asks_for_vpn(state);
        let path = path.to_str().unwrap();
        says(
            &portcullis(&["check", path], ""),
            0,
            "",
            "warning[W0615]: `vpn` rests on `vpn`, which Cloudflare does not report",
        );
        let output = portcullis(&["compile", path, "--out", out, "--json"], "");
        says(&output, 0, r#""network":[]"#, "");
        says(&output, 0, r#""code":"W0615""#, "");
    }
    let output = portcullis(&["check", on, "--platform", "cloudflair"], "");
    says(&output, 2, "", "known are cloudflare, fastly, cloudfront");
}

#[test]
fn check_finds_what_would_keep_a_policy_from_being_compiled() {
    let path = scratch("wide.toml");
    // 2^13 alternatives after multiplying out.
    let pairs: Vec<String> =
        (0..13).map(|n| format!("(asn == {n} || \"tor\" in network && asn > {n})")).collect();
    let policy = format!(
        "format = 1\n[policy]\nid = \"wide\"\nversion = 1\ndialects = [\"openai\"]\n[facts]\norg = {{ type = \"text\", claim = \"/org\" }}\n[lists.secrets]\nkind = \"text\"\nvalues = [\"a\"]\nsecret = true\n[[restrictions]]\nid = \"wide\"\nmodels = [\"*\"]\nwhen = '{}'\n",
        pairs.join(" && ")
    );
    std::fs::write(&path, &policy).unwrap();
    let (path, out) = (path.to_str().unwrap(), scratch("wide.pcb"));
    for command in [&["check", path][..], &["compile", path, "--out", out.to_str().unwrap()]] {
        let output = portcullis(command, "");
        says(&output, 1, "", "error[E0508]");
        says(&output, 1, "", "wide.toml:15:");
    }

    // A check that cannot compile for want of the key alone says so beside the count.
    says(
        &portcullis(&["check", POLICY, "--deny-warnings"], ""),
        0,
        "",
        "`compile` needs `--list-key`, for what is secret in annex_partners",
    );
}

#[test]
fn each_command_says_how_it_may_end() {
    for command in ["check", "compile", "decide", "explain", "schema"] {
        says(&portcullis(&[command, "--help"], ""), 0, "Exit codes:", "");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let line = "{\"method\":\"GET\",\"url\":\"/v1/models\"}\n";
    let requests = scratch("many.jsonl");
    std::fs::write(&requests, line.repeat(20_000)).unwrap();
    for (arguments, to_stderr) in [
        (
            &[
                "decide",
                "--policy",
                "policies/embargo.toml",
                "--requests",
                requests.to_str().unwrap(),
            ][..],
            false,
        ),
        (&["schema"], false),
        (&["check", "--json", POLICY], false),
        (&["check", POLICY], true),
        (&["check", "--explain", "E0101"], false),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        let (reader, writer) = std::io::pipe().unwrap();
        // Closes the pipe before the command writes anything.
        drop(reader);
        if to_stderr {
            command.stderr(writer);
        } else {
            command.stdout(writer).stderr(Stdio::piped());
        }
        let output = command.args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_bundle_that_cannot_be_used_is_told_apart() {
    let good = scratch("good.pcb");
    says(
        &portcullis(&["compile", "policies/embargo.toml", "--out", good.to_str().unwrap()], ""),
        0,
        "",
        "",
    );
    let bytes = std::fs::read(&good).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    let truncated = bytes[..bytes.len() / 2].to_vec();
    for (name, bytes, said) in [
        ("flipped.pcb", flipped, "error[bundle_digest]"),
        ("truncated.pcb", truncated, "error[bundle_truncated]"),
        (
            "foreign.pcb",
            b"PK\x03\x04 and then some more bytes that are an archive's, long enough to hold a header of a bundle, but not one"
                .to_vec(),
            "error[bundle_foreign_file]",
        ),
        ("empty.pcb", Vec::new(), "error[bundle_"),
    ] {
        let path = scratch(name);
        std::fs::write(&path, bytes).unwrap();
        let output = portcullis(&["decide", "--bundle", path.to_str().unwrap(), "--requests", "-"], "");
        says(&output, 1, "", said);
    }
}

#[test]
fn a_line_that_is_no_request_is_told_and_the_others_are_decided() {
    let lines =
        "{\"method\":\"GET\"}\n{\"id\":1,\"method\":\"GET\",\"url\":\"/v1/models\"}\nnot json\n";
    let output =
        portcullis(&["decide", "--policy", "policies/embargo.toml", "--requests", "-"], lines);
    says(&output, 1, r#"{"id":1,"verdict":"#, "-:1: not a request: missing field `url`");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).lines().count(),
        3,
        "a line out for each line in"
    );
}

#[test]
fn an_unknown_key_is_named_once_and_a_slip_is_an_error() {
    let lines = r#"{"id":1,"method":"GET","url":"/v1/models","why":"a","expect":{}}
{"id":2,"method":"GET","url":"/v1/models","why":"b"}
{"id":3,"method":"GET","url":"/v1/models","acount":{}}
{"id":4,"method":"GET","url":"/v1/models","place":{"county":"FR"}}
{"id":5,"method":"GET","url":"/v1/models","switch":{"embargo-contry":"on"}}
{"id":6,"method":"GET","url":"/v1/models","switch":{"embargo-country":"off"}}
"#;
    let output =
        portcullis(&["decide", "--policy", "policies/embargo.toml", "--requests", "-"], lines);
    says(&output, 1, r#"{"id":6,"verdict":"pass""#, "");
    let told = String::from_utf8_lossy(&output.stderr);
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(
        told,
        [
            "-:1: the key `why` is passed over",
            "-:1: the key `expect` is passed over",
            "-:3: there is no key `acount`; did you mean `account`?",
            "-:4: a place has no key `county`; did you mean `country`?",
            "-:5: there is no rule `embargo-contry` to switch; did you mean `embargo-country`?",
        ]
    );
    let verdicts = String::from_utf8_lossy(&output.stdout);
    let ids: Vec<_> =
        verdicts.lines().map(|line| line.starts_with("{\"id\":null,\"error\":")).collect();
    assert_eq!(ids, [false, false, true, true, true, false]);
}

#[test]
fn what_an_account_says_that_is_no_fact_is_named_once() {
    let line = r#"{"method":"GET","url":"/v1/models","account":{"us_persn":true,"org":"a","subject":"entity","since":1}}"#;
    let output = portcullis(
        &["decide", "--policy", POLICY, "--requests", "-"],
        &format!("{line}\n{line}\n"),
    );
    says(&output, 0, "verdict", "");
    let told = String::from_utf8_lossy(&output.stderr);
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(
        told,
        [
            "-:1: `us_persn` in an account is no fact of the policy and is passed over; did you mean `us_person`?",
            "-:1: `since` in an account is no fact of the policy and is passed over",
        ]
    );
}

#[test]
fn explain_takes_the_lines_that_decide_takes() {
    let explain = |line: &str| {
        portcullis(&["explain", "--policy", "policies/kill-switch.toml", "--request", "-"], line)
    };
    let request =
        r#"{"method":"POST","url":"/v1/chat/completions","body":{"model":"mythos-5"},"why":1}"#;
    says(&explain(request), 0, "verdict    pass", "the key `why` is passed over");
    for (more, said) in [
        (
            r#""switch":{"mythos-of":"on"}"#,
            "there is no rule `mythos-of` to switch; did you mean `mythos-off`?",
        ),
        (
            r#""switch":{"responders":"shadow"}"#,
            "the licence `responders` is on or off, never in shadow",
        ),
        (r#""acount":{}"#, "did you mean `account`?"),
    ] {
        says(&explain(&request.replace(r#""why":1"#, more)), 1, "", said);
    }
    says(
        &explain(
            &request.replace(r#""why":1"#, r#""switch":{"mythos-off":"on","responders":"off"}"#),
        ),
        0,
        "verdict    deny",
        "",
    );
}

#[test]
fn the_schema_names_every_table() {
    let output = portcullis(&["schema"], "");
    for table in ["policy", "authorities", "models", "facts", "lists", "restrictions", "licences"] {
        says(&output, 0, &format!("\"{table}\""), "");
    }
}
