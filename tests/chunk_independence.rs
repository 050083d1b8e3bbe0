//! The verdict does not depend on chunk boundaries, even where a body has several operation
//! matches. The bodies have members that some API knows, go to paths that fit several operations,
//! and are cut at random offsets.

#![cfg(test)]

#[path = "support/deciding.rs"]
mod deciding;

use std::cell::RefCell;

use portcullis::analysis::{Decider, RequestLine};
use portcullis::dialect;
use portcullis::policy::Options;
use proptest::prelude::*;
use serde_json::json;

const RULES: &str = r#"
[models.mythos-class]
ids = ["mythos-5"]
[models.fable-class]
ids = ["fable-5"]
[models.open]
ids = ["haiku-4"]
[[restrictions]]
id = "mythos"
models = ["mythos-class"]
[[restrictions]]
id = "fable"
models = ["fable-class"]
"#;

fn decider() -> Decider {
    let dialects: Vec<&str> = dialect::all().iter().map(|source| source.id).collect();
    let text = format!(
        "format = 1\n[policy]\nid = \"chunks\"\nversion = 1\ndialects = {dialects:?}\n{RULES}"
    );
    deciding::decider(&text, &mut Options::default())
}

thread_local! {
    static DECIDER: RefCell<Decider> = RefCell::new(decider());
}

/// Members of a body. `@` is replaced by a model.
const MEMBERS: &[&str] = &[
    r#""model":"@""#,
    r#""models":["@","@"]"#,
    r#""tools":[{"type":"image_generation","model":"@"},{"type":"function","name":"@"}]"#,
    r#""fallbacks":[{"model":"@"}]"#,
    r#""requests":[{"params":{"model":"@"}},{"body":{"model":"@"}}]"#,
    r#""session":{"model":"@","input_audio_transcription":{"model":"@"}}"#,
    r#""response":{"model":"@"}"#,
    r#""messages":[{"role":"user","content":"@","model":"@"}]"#,
    r#""input":"a text that stands in between, of no account""#,
    r#""previous_response_id":"x""#,
];

/// Most of these paths match several operations or only unknown ones.
const PATHS: &[&str] = &[
    "/v1/chat/completions",
    "/v1/responses/x/..",
    "/v1/messages/batches/..",
    "/v1//messages/..%2Fresponses",
    "/v1/conversations;x/../responses",
    "/v1/realtime/client_secrets/../../responses",
    "/api/chat/..%2Fgenerate",
    "/openai/deployments/d/chat/completions/..",
    "/mcp/../v1/agents",
];

fn document() -> impl Strategy<Value = String> {
    let ids = prop::sample::select(vec!["mythos-5", "fable-5", "haiku-4", "auto", "mythos-5%00"]);
    let members = prop::sample::subsequence(MEMBERS, 1..=MEMBERS.len()).prop_shuffle();
    (members, prop::collection::vec(ids, 16)).prop_map(|(members, ids)| {
        let mut text = format!("{{{}}}", members.join(","));
        for id in ids {
            text = text.replacen('@', id, 1);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_048, ..ProptestConfig::default() })]

    #[test]
    fn where_chunks_end_changes_nothing(
        document in document(),
        path in prop::sample::select(PATHS),
        manner in 0..4usize,
        blanks in 0..1_200usize,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let body = format!("{}{document}", " ".repeat(if manner == 0 { blanks } else { 0 }));
        let mut line = json!({"id": 1, "method": "POST", "url": path});
        match manner {
            3 => {
                line["method"] = "GET".into();
                line["headers"] = json!({"upgrade": "websocket", "connection": "upgrade"});
                line["frames"] = json!([body]);
            }
            manner => {
                let kind = ["application/json", "application/x-www-form-urlencoded", "text/plain"][manner];
                line["headers"] = json!({ "content-type": kind });
                line["body"] = body.clone().into();
            }
        }
        let mut line = RequestLine::read(&line.to_string()).unwrap();
        DECIDER.with_borrow_mut(|decider| {
            let verdict = decider.verdict(&line, 0);
            deciding::remembered(decider, &line, 0, &verdict);
            let whole = verdict.to_json();
            line.chunks = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
            line.chunks.sort_unstable();
            prop_assert_eq!(decider.verdict(&line, 0).to_json(), whole, "{} {} cut at {:?}", path, body, line.chunks);
            Ok(())
        })?;
    }
}
