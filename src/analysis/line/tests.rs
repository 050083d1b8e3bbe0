use super::*;

#[test]
fn a_line_gives_the_facts_that_the_gate_would_have() {
    let line = r#"{"id":7,"method":"POST","url":"/v1/x","headers":{"A":["1","2"],"b":"3"},"body_b64":"eyJ9","place":{"country":"T1"},
        "network":["vpn"],"account":{"us_person":"true","n":[1]},"now":"1970-01-01T00:00:01Z","chunks":[1,9,1],"switch":{"r":"shadow"},"odd":1,"expect":{}}"#;
    let read = RequestLine::read(line).unwrap();
    assert_eq!(read.headers.len(), 3);
    assert_eq!(read.places, [Place::UNKNOWN]);
    assert_eq!(read.network, Network::of("tor").unwrap().with(Network::of("vpn").unwrap()));
    assert_eq!(read.now, Some(1_000));
    assert_eq!(read.pieces().collect::<Vec<_>>(), [b"{".as_slice(), b"\"}"]);
    let account = read.accounts.first().unwrap();
    assert_eq!(account.value("us_person"), Some(OwnedValue::Text("true".to_owned())));
    assert_eq!(account.value("n"), None, "a list of anything but texts is no value");
    assert_eq!(read.passed_over, ["odd", "expect"]);
}

#[test]
fn a_body_may_be_any_value() {
    for (body, sent) in [
        (r#""{\"a\":1}""#, r#"{"a":1}"#),
        (r#"{"model": "mythos-5", "model": 1e2}"#, r#"{"model": "mythos-5", "model": 1e2}"#),
        ("[1,2]", "[1,2]"),
        ("3", "3"),
        ("true", "true"),
        ("\"\"", ""),
    ] {
        let read =
            RequestLine::read(&format!(r#"{{"method":"POST","url":"/","body":{body}}}"#)).unwrap();
        assert_eq!(read.body.as_deref(), Some(sent.as_bytes()), "{body}");
    }
    assert_eq!(RequestLine::read(r#"{"method":"POST","url":"/","body":null}"#).unwrap().body, None);
}

#[test]
fn a_slip_in_a_key_is_an_error_and_a_strange_key_is_none() {
    for (key, near) in [
        ("acount", "account"),
        ("Account", "account"),
        ("acconut", "account"),
        ("bodyB64", "body_b64"),
        ("body-b64", "body_b64"),
        ("header", "headers"),
        ("netwrok", "network"),
        ("plaec", "place"),
        ("_now", "now"),
        ("swich", "switch"),
    ] {
        let line = format!(r#"{{"method":"GET","url":"/","{key}":{{}}}}"#);
        let said = RequestLine::read(&line).err().unwrap();
        assert_eq!(said, LineError::Slip { key: key.to_owned(), near });
    }
    for key in [
        "expect",
        "why",
        "notes",
        "class",
        "source",
        "kind",
        "got",
        "severity",
        "é",
        &"x".repeat(500),
        "",
    ] {
        let line = format!(r#"{{"method":"GET","url":"/","{key}":{{}}}}"#);
        assert_eq!(RequestLine::read(&line).unwrap().passed_over, [key], "{key}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (line, error) in [
        ("{", "not a request"),
        ("[]", "not a request: it is a list, and must be an object"),
        ("\"GET /\"", "it is the text \"GET /\", and must be an object"),
        (r#"{"method":"GET"}"#, "missing field `url`"),
        (r#"{"method":"GET","url":"/","now":"yesterday"}"#, "RFC 3339"),
        (r#"{"method":"GET","url":"/","network":["fax"]}"#, "`fax` is no network kind"),
        (r#"{"method":"GET","url":"/","body_b64":"a?b"}"#, "character 1"),
        (r#"{"method":"GET","url":"/","body_b64":"","body":""}"#, "both given"),
        (r#"{"method":"GET","url":"/","switch":{"a":"up"}}"#, "`up` is no state"),
        (r#"{"method":"GET","url":"/","url":"/v1"}"#, "`url` is given twice"),
        (
            r#"{"method":"GET","url":"/","place":"FR"}"#,
            r#"`place` takes an object, as `{"country": "FR"}`, and this is the text "FR""#,
        ),
        (
            r#"{"method":"GET","url":"/","places":["FR"]}"#,
            r#"`places` takes an object, as `{"country": "FR"}`"#,
        ),
        (
            r#"{"method":"GET","url":"/","places":{"country":"FR"}}"#,
            "`places` takes a list of places",
        ),
        (
            r#"{"method":"GET","url":"/","place":{"county":"FR"}}"#,
            "a place has no key `county`; did you mean `country`?",
        ),
        (
            r#"{"method":"GET","url":"/","place":{"city":"Lyon"}}"#,
            "a place has no key `city`; it has `country` and `region`",
        ),
        (
            r#"{"method":"GET","url":"/","place":{"country":33}}"#,
            "`place.country` takes a text, and this is the number 33",
        ),
        (
            r#"{"method":"GET","url":"/","network":"tor"}"#,
            r#"`network` takes a list of texts, as `["tor"]`, and this is the text "tor""#,
        ),
        (r#"{"method":"GET","url":"/","account":[{}]}"#, "`account` takes an object"),
        (
            r#"{"method":"GET","url":"/","accounts":{}}"#,
            "`accounts` takes a list of objects, and this is an object",
        ),
        (
            r#"{"method":"GET","url":"/","asn":-1}"#,
            "`asn` takes the number of an autonomous system, and this is the number -1",
        ),
        (r#"{"method":"GET","url":"/","ip":"here"}"#, "`ip` takes an IPv4 or IPv6 address"),
        (r#"{"method":"GET","url":"/","chunks":[-1]}"#, "`chunks` takes a list of byte offsets"),
        (r#"{"method":"GET","url":"/","frames":[1]}"#, "`frames` takes a list of texts"),
        (r#"{"method":"GET","url":"/","frames":"x"}"#, "`frames` takes a list of texts"),
        (r#"{"method":"GET","url":"/","headers":[]}"#, "`headers` takes an object"),
        (r#"{"method":"GET","url":"/","body":"\ud800"}"#, "not a request"),
        (r#"{"method":7,"url":"/"}"#, "`method` takes a text, and this is the number 7"),
    ] {
        let said = RequestLine::read(line).err().unwrap().to_string();
        assert!(said.contains(error), "{said}");
        assert!(
            !["struct", "enum", "u32", "usize", "Raw", "sequence"]
                .iter()
                .any(|word| said.contains(word)),
            "{said}"
        );
    }
}
