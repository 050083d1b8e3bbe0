//! A decision under a kept head allocates nothing, from the second body on. Neither does asking what
//! a caller may use.

#![cfg(test)]

#[path = "support/deciding.rs"]
mod deciding;

use allocation_counter::measure;
use portcullis::policy::{Options, Source, load};
use portcullis::{Begun, Caller, Gate, Head, OwnedBundle, VerdictKind, compile};

#[test]
fn a_decision_from_memory_allocates_nothing() {
    let text = deciding::policy(r#"["openai"]"#);
    let policy = load(vec![Source::new("p.toml", text)], &mut Options::default()).policy.unwrap();
    let bundle = OwnedBundle::new(compile(&policy, None).unwrap()).unwrap();
    let mut gate = Gate::new(bundle, None).unwrap();
    let (caller, now) = (Caller::default(), 0);
    let head = Head {
        method: "POST",
        url: "/v1/chat/completions",
        headers: &[("content-type", "application/json")],
    };
    let Begun::Inspect(unread) = gate.begin(head.method, head.url, &caller, now) else {
        panic!("the caller is unrestricted");
    };
    let mut kept = gate.keep(&unread, &head).unwrap();
    let bodies = [
        (r#"{"model":"haiku-4","messages":[{"role":"user","content":"text"}]}"#, VerdictKind::Pass),
        (r#"{"model":"mythos-5","messages":[]}"#, VerdictKind::Deny),
        (r#"{"model":"auto"}"#, VerdictKind::Defer),
        (r#"{"model":"haiku-4""#, VerdictKind::Refuse),
        ("", VerdictKind::Defer),
    ];
    let mut decide = || {
        for (body, kind) in bodies {
            let decision = gate.judge(&mut kept, unread.denied_set(), body.as_bytes());
            assert_eq!(decision.kind, kind, "{body}");
        }
    };
    decide();
    assert_eq!(measure(&mut decide).count_total, 0);

    let models = ["haiku-4", "mythos-5"].map(|id| gate.model("POST", head.url, id).unwrap());
    let mut ask = || {
        let denied_set = gate.denied_set(&caller, now);
        assert_eq!(models.each_ref().map(|model| model.may(denied_set)), [true, false]);
    };
    ask();
    assert_eq!(measure(&mut ask).count_total, 0);
}
