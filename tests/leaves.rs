//! A closed name in an undocumented location: it counts under a key that is called like a model,
//! and never in the user's own data.
//!
//! `tests/corpus/leaves/requests.jsonl` holds requests as the vendors' clients write them, one a
//! line: `dialect`, `method`, `url`, `body`. `models` lists the pointers at which the vendor
//! documents a model, and `own` the pointers below which everything is the user's own data. Both
//! lists come from the vendors' documentation, not from the dialects.
//!
//! - A closed name at any one leaf denies where a model is documented, and changes nothing anywhere
//!   else.
//! - A key that is called like a model, with a closed name as its value, is put into any object. It
//!   denies outside of the user's own data and changes nothing within it.

#![cfg(test)]

#[path = "support/deciding.rs"]
mod deciding;

use std::fs;
use std::path::Path;

use portcullis::analysis::{Decider, RequestLine};
use portcullis::dialect;
use portcullis::policy::Options;
use serde_json::Value as Json;

/// 2026-06-15.
const CLOCK: i64 = 1_781_481_600_000;
const CLOSED: &str = "mythos-5";

struct Case {
    name: String,
    dialect: String,
    method: String,
    url: String,
    body: Json,
    models: Vec<String>,
    own: Vec<String>,
}

fn cases() -> Vec<Case> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/leaves/requests.jsonl");
    let texts = |value: &Json| {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    fs::read_to_string(file)
        .unwrap()
        .lines()
        .map(|line| {
            let json: Json = serde_json::from_str(line).unwrap();
            let text = |key: &str| json[key].as_str().unwrap().to_owned();
            Case {
                name: text("id"),
                dialect: text("dialect"),
                method: text("method"),
                url: text("url"),
                body: json["body"].clone(),
                models: texts(&json["models"]),
                own: texts(&json["own"]),
            }
        })
        .collect()
}

/// Compiles a policy that guards these dialects and closes one model to everybody.
fn guarding(dialects: &[&str]) -> Decider {
    let text = format!(
        "format = 1\n[policy]\nid = \"p\"\nversion = 1\nunlisted = \"pass\"\ndialects = {dialects:?}\n[models.closed]\nids = [\"{CLOSED}\"]\n[models.open]\nids = [\"haiku-4\"]\n\
         [[restrictions]]\nid = \"r\"\nmodels = [\"closed\"]\nmessage = \"no\"\n"
    );
    deciding::decider(&text, &mut Options::default())
}

fn everything() -> Decider {
    guarding(
        &dialect::all()
            .iter()
            .map(|source| source.id)
            .filter(|id| *id != "generic")
            .collect::<Vec<_>>(),
    )
}

impl Case {
    fn decide(&self, decider: &mut Decider, body: &Json) -> String {
        let line = serde_json::json!({ "id": 1, "method": self.method, "url": self.url, "headers": { "content-type": "application/json" }, "body": body.to_string() });
        let request = RequestLine::read(&line.to_string()).unwrap();
        decider.verdict(&request, CLOCK).kind.name().to_owned()
    }

    /// Says whether the vendor documents a model at the pointer.
    fn is_model(&self, pointer: &str) -> bool {
        self.models.iter().any(|known| known == pointer)
    }

    /// Says whether the pointer lies at or below the user's own data.
    fn is_own(&self, pointer: &str) -> bool {
        self.own.iter().any(|own| {
            let mut steps = pointer.split('/');
            own.split('/').all(|own| steps.next().is_some_and(|step| own == "*" || own == step))
        })
    }

    /// Says whether no user's own data lies under the same top-level member.
    fn is_open(&self, pointer: &str) -> bool {
        let first = pointer.split('/').nth(1);
        self.own.iter().all(|own| own.split('/').nth(1) != first)
    }
}

/// Returns the pointers of all values for which `wanted` is true.
fn pointers(value: &Json, wanted: fn(&Json) -> bool) -> Vec<String> {
    fn below(value: &Json, at: &str, wanted: fn(&Json) -> bool, found: &mut Vec<String>) {
        if wanted(value) {
            found.push(at.to_owned());
        }
        match value {
            Json::Object(members) => {
                members.iter().for_each(|(key, value)| {
                    below(
                        value,
                        &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")),
                        wanted,
                        found,
                    )
                });
            }
            Json::Array(elements) => elements
                .iter()
                .enumerate()
                .for_each(|(index, value)| below(value, &format!("{at}/{index}"), wanted, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    below(value, "", wanted, &mut found);
    found
}

#[test]
fn a_closed_name_at_a_leaf_counts_where_a_model_is_documented_and_nowhere_else() {
    let mut all = everything();
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases() {
        let mut alone = guarding(&[&case.dialect]);
        let deciders: &mut [&mut Decider] =
            if case.dialect == "generic" { &mut [&mut alone] } else { &mut [&mut alone, &mut all] };
        for decider in deciders {
            let before = case.decide(decider, &case.body);
            for pointer in pointers(&case.body, Json::is_string) {
                count += 1;
                let mut body = case.body.clone();
                *body.pointer_mut(&pointer).unwrap() = Json::from(CLOSED);
                let verdict = case.decide(decider, &body);
                let expected = if case.is_model(&pointer) { "deny" } else { before.as_str() };
                if verdict != expected {
                    wrong.push(format!("{} {pointer}: {verdict} for {expected}", case.name));
                }
            }
        }
    }
    println!("{count} leaves");
    assert!(wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

const KEYS: [&str; 8] = [
    "answering_model",
    "selectedModelId",
    "model-name",
    "backupModels",
    "backup_engine",
    "embeddingDeployment",
    "TARGET_MODEL",
    "judge_model_name",
];

#[test]
fn a_key_that_is_called_like_a_model_counts_outside_of_the_users_own_data() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases() {
        let mut decider = guarding(&[&case.dialect]);
        let before = case.decide(&mut decider, &case.body);
        for (at, pointer) in pointers(&case.body, Json::is_object).iter().enumerate() {
            for (turn, key) in KEYS.iter().enumerate() {
                let mut body = case.body.clone();
                let value = match (at + turn) % 7 {
                    0 => Json::from(CLOSED),
                    1 => serde_json::json!(["haiku-4", CLOSED]),
                    2 => serde_json::json!({ "name": CLOSED }),
                    3 => serde_json::json!({ "primary": "haiku-4", "backup": CLOSED }),
                    4 => {
                        serde_json::json!([{ "name": "haiku-4", "weight": 1 }, { "name": CLOSED }])
                    }
                    5 => serde_json::json!({ "primary": { "id": CLOSED } }),
                    _ => Json::from(format!("openai/{CLOSED}-20260601")),
                };
                body.pointer_mut(pointer)
                    .unwrap()
                    .as_object_mut()
                    .unwrap()
                    .insert((*key).to_owned(), value);
                let verdict = case.decide(&mut decider, &body);
                let expected = if case.is_own(pointer) {
                    before.as_str()
                } else if pointer.is_empty() || case.is_open(pointer) {
                    "deny"
                } else {
                    continue;
                };
                count += 1;
                if verdict != expected {
                    wrong.push(format!("{} {pointer} {key}: {verdict} for {expected}", case.name));
                }
            }
        }
    }
    println!("{count} keys");
    assert!(wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
