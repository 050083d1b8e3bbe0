//! The dialect files against the reference table of operations, and against what they must and must not see.
//!
//! The table (`surfaces.json`) is not part of this repository: it is read from `../shared/reference`, or from the folder that
//! `PORTCULLIS_REFERENCE` names, and without it the tests that need it pass by saying so.

#![cfg(feature = "author")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::path::PathBuf;

use portcullis::dialect::{self, Found, Meaning, Surface};
use serde_json::Value;

fn reference() -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/reference");
    let folder = std::env::var_os("PORTCULLIS_REFERENCE").map_or(beside, PathBuf::from);
    let text = std::fs::read_to_string(folder.join("surfaces.json"));
    if text.is_err() {
        println!("no surfaces.json in {}: nothing compared", folder.display());
    }
    Some(serde_json::from_str(&text.ok()?).expect("surfaces.json is JSON"))
}

/// Operations that the table calls late-bound and the files do not, each for a reason.
const NOT_LATE_BOUND: [(&str, &str, &str); 3] = [
    ("openai", "createFineTuningJob", "the training file is data and binds no model"),
    ("openai", "cancelResponse", "cancelling runs nothing"),
    ("openai", "refer-realtime-call", "sending a caller elsewhere runs nothing"),
];

fn compare(id: &str) {
    let Some(table) = reference() else { return };
    let surface = Surface::of(&[(id, "")]).unwrap_or_else(|error| panic!("{error}"));
    let mut wrong = Vec::new();
    let mut places = 0;
    let operations = table["dialects"][id]["operations"].as_array().unwrap();
    for operation in operations {
        let name = operation["id"].as_str().unwrap();
        let socket = operation["method"].as_str().unwrap().contains("WebSocket");
        for (method, path) in routes(operation) {
            let mut found = surface.route(&method, &path);
            found.retain(|found| found.socket == socket);
            if found.is_empty() {
                wrong.push(format!("{name}: {method} {path} is not routed"));
                continue;
            }
            for model in operation["models"].as_array().unwrap() {
                places += 1;
                if let Err(why) = place(&surface, &found, &path, model) {
                    wrong.push(format!("{name}: {why}"));
                }
            }
            let late = operation["late_bound"].as_bool().unwrap_or_default();
            let excused = NOT_LATE_BOUND.iter().any(|(dialect, operation, _)| (*dialect, *operation) == (id, name));
            if late && !found.iter().any(|found| found.late_bound || binds(&surface, found, operation)) && !excused {
                wrong.push(format!("{name}: a stored object binds its model, and nothing says so"));
            }
        }
    }
    println!("{id}: {} operations, {places} places", operations.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Methods and paths of an operation of the table, captures filled in.
fn routes(operation: &Value) -> Vec<(String, String)> {
    let method = operation["method"].as_str().unwrap();
    if method.contains("JSONL") {
        return vec![("POST".to_owned(), "/v1/files".to_owned())];
    }
    let method = method.split(' ').next().unwrap();
    let path = operation["path"].as_str().unwrap();
    let mut filled = String::new();
    for segment in path.split('/').skip(1) {
        filled.push('/');
        match (segment.find('{'), segment.find('}')) {
            (Some(open), Some(close)) => {
                filled.push_str(&segment[..open]);
                filled.push_str("some");
                filled.push_str(&segment[close + 1..]);
            }
            _ => filled.push_str(segment),
        }
    }
    vec![(method.to_owned(), filled)]
}

fn place(surface: &Surface, found: &[Found], path: &str, model: &Value) -> Result<(), String> {
    let role = model["role"].as_str().unwrap();
    let carrier = model["in"].as_str().unwrap();
    let pointer = model["pointer"].as_str().unwrap_or_default();
    let name = model["name"].as_str().unwrap_or_default();
    let meaning = |found: &Found| -> Option<Meaning> {
        match carrier {
            "json" | "multipart" => surface.body(found, pointer).or_else(|| surface.body(found, &format!("{pointer}/*"))),
            "jsonl" => surface.body(found, &format!("/file#lines{pointer}")),
            "websocket-message" => surface.message(found, pointer),
            "query" => surface.query(found, name),
            "path" => found.captures.first().map(|(_, meaning)| *meaning),
            "header" => surface.header(name),
            _ => panic!("carrier {carrier}"),
        }
    };
    let meanings: Vec<Meaning> = found.iter().filter_map(meaning).collect();
    let mention = |meaning: &Meaning| matches!(meaning, Meaning::Primary | Meaning::Mention | Meaning::Opaque);
    let at = format!("{carrier} {pointer}{name} of role {role} in {path}");
    match role.split(':').next().unwrap() {
        "primary" | "fallback" | "secondary" | "base_model" => {
            if meanings.is_empty() || !meanings.iter().all(mention) {
                return Err(format!("{at} is {meanings:?}"));
            }
        }
        "history_echo" | "filter" | "admin_policy" | "dialect_selector" => {
            if meanings.iter().any(mention) {
                return Err(format!("{at} is taken to be a mention"));
            }
        }
        other => return Err(format!("a role that this test does not know: {other}")),
    }
    Ok(())
}

/// Whether one of the references that the table lists is a place that binds.
fn binds(surface: &Surface, found: &Found, operation: &Value) -> bool {
    let binding =
        |meaning: Option<Meaning>| matches!(meaning, Some(Meaning::Binds | Meaning::BindsUnlessNamed | Meaning::Opaque));
    operation["late_bound_refs"].as_array().into_iter().flatten().any(|reference| {
        let text = reference["ref"].as_str().unwrap_or_default();
        let text = text.split(' ').next().unwrap_or_default();
        match reference["in"].as_str() {
            Some("json" | "multipart") => binding(surface.body(found, text)),
            Some("websocket-message") => binding(surface.message(found, text)),
            Some("query") => binding(surface.query(found, text)),
            // An ephemeral secret in a header: it counts as a credential of whom nothing is known.
            Some("header") => surface.query(found, "model").is_some(),
            _ => !found.captures.is_empty(),
        }
    })
}

#[test]
fn openai_is_as_the_reference_says() {
    compare("openai");
}

#[test]
fn anthropic_is_as_the_reference_says() {
    compare("anthropic");
}

fn one(surface: &Surface, method: &str, path: &str) -> Found {
    let mut found = surface.route(method, path);
    assert_eq!(found.len(), 1, "{method} {path}: {found:?}");
    found.remove(0)
}

#[test]
fn every_shipped_dialect_can_be_guarded_alone_and_with_the_others() {
    for source in dialect::all() {
        let surface = Surface::of(&[(source.id, "")]).unwrap_or_else(|error| panic!("{error}"));
        assert!(!dialect::operations(source.id).is_empty());
        println!("{}: {:?}", source.id, surface.sizes);
    }
    let all: Vec<(&str, &str)> = dialect::all().iter().map(|source| (source.id, "")).collect();
    let surface = Surface::of(&all).unwrap_or_else(|error| panic!("{error}"));
    println!("all: {:?}", surface.sizes);
    assert_eq!(Surface::of(&[("opanai", "")]).err().map(|error| error.code()), Some("dialect_unknown"));
}

#[test]
fn two_dialects_stay_small() {
    let surface = Surface::of(&[("openai", ""), ("anthropic", "")]).unwrap();
    let bytes: usize = surface.sizes.iter().map(|(_, bytes)| bytes).sum();
    println!("{bytes} bytes: {:?}", surface.sizes);
    assert!(bytes < 100_000, "{bytes} bytes: {:?}", surface.sizes);
}

#[test]
fn user_data_is_not_looked_at() {
    let surface = Surface::of(&[("openai", ""), ("anthropic", "")]).unwrap();
    let chat = one(&surface, "POST", "/v1/chat/completions");
    for pointer in [
        "/messages/*/content",
        "/messages/*/content/*/text",
        "/messages/*/model",
        "/messages/*/tool_calls/*/function/arguments",
        "/metadata/model",
        "/metadata/{}",
        "/response_format/json_schema/schema/properties/model/const",
        "/tools/*/function/parameters/properties/model/const",
        "/tools/*/function/parameters/model",
        "/logit_bias/{}",
        "/user",
    ] {
        assert_eq!(surface.body(&chat, pointer), None, "{pointer}");
    }
    let responses = one(&surface, "POST", "/v1/responses");
    for pointer in [
        "/input",
        "/input/*/content/*/text",
        "/input/*/arguments",
        "/input/*/svg_usage/model",
        "/prompt/variables/model",
        "/tools/*/parameters/properties/model",
        "/tools/*/parameters/model/type",
        "/text/format/schema/properties/model/const",
    ] {
        assert_eq!(surface.body(&responses, pointer), None, "{pointer}");
    }
    let messages = one(&surface, "POST", "/v1/messages");
    for pointer in [
        "/system",
        "/system/*/text",
        "/messages/*/content/*/input/model",
        "/messages/*/content/*/from/model",
        "/messages/*/content/*/to/model",
        "/messages/*/content/*/title",
        "/tools/*/input_schema/properties/model/const",
        "/metadata/user_id",
    ] {
        assert_eq!(surface.body(&messages, pointer), None, "{pointer}");
    }
    let eval = one(&surface, "POST", "/v1/evals");
    assert_eq!(surface.body(&eval, "/testing_criteria/*/input/*/content/model"), None);
    assert_eq!(surface.body(&eval, "/testing_criteria/*/graders/{}/graders/{}/model"), Some(Meaning::Mention));
}

#[test]
fn what_gateways_honour_is_seen() {
    let surface = Surface::of(&[("openai", ""), ("anthropic", "")]).unwrap();
    for path in
        ["/v1/chat/completions", "/v1/messages", "/chat/completions", "/v1/rerank", "/openai/deployments/some/chat/completions"]
    {
        let found = one(&surface, "POST", path);
        assert!(found.runs, "{path}");
        for pointer in [
            "/model",
            "/models/*",
            "/fallbacks/*",
            "/fallbacks/*/model",
            "/fallbacks/*/{}/*",
            "/context_window_fallbacks/*/{}/*",
            "/content_policy_fallbacks/*",
            "/router_settings_override/fallbacks/*",
            "/extra_body/model",
            "/extra_body/fallbacks/*",
            "/tools/*/model",
            "/tools/*/parameters/model",
            "/tools/*/parameters/tools/*/parameters/model",
            "/plugins/*/analysis_models/*",
            "/user_config/model_list/*/litellm_params/model",
            "/default_model",
            "/modelId",
            "/model_id",
        ] {
            let meaning = surface.body(&found, pointer);
            assert!(matches!(meaning, Some(Meaning::Mention | Meaning::Primary)), "{path} {pointer}: {meaning:?}");
        }
        assert!(matches!(surface.query(&found, "model"), Some(Meaning::Mention | Meaning::Primary)), "{path}");
    }
    for header in ["x-ai-eg-model", "x-higress-llm-model", "x-gateway-model-name", "ai-language-model-id", "X-LiteLLM-Model"] {
        assert_eq!(surface.header(header), Some(Meaning::Mention), "{header}");
    }
    assert_eq!(surface.header("x-portkey-config"), Some(Meaning::Binds));
    assert_eq!(surface.header("user-agent"), None);
    assert_eq!(surface.unknown("/model"), Some(Meaning::Mention));
    assert_eq!(surface.unknown("/vehicle/model"), Some(Meaning::Other));
    assert_eq!(surface.unknown("/vehicle/colour"), None);
}

#[test]
fn stored_objects_bind_as_each_operation_says() {
    let surface = Surface::of(&[("openai", ""), ("anthropic", "")]).unwrap();
    let responses = one(&surface, "POST", "/v1/responses");
    assert_eq!(surface.body(&responses, "/prompt/id"), Some(Meaning::BindsUnlessNamed));
    let messages = one(&surface, "POST", "/v1/messages");
    assert_eq!(surface.body(&messages, "/fallbacks"), Some(Meaning::Binds));
    assert_eq!(surface.body(&messages, "/fallbacks/*"), Some(Meaning::Mention));
    let upload = one(&surface, "POST", "/v1/uploads");
    assert_eq!(surface.body(&upload, "/purpose"), Some(Meaning::Binds));
    let deployment = one(&surface, "POST", "/openai/deployments/x/chat/completions");
    assert_eq!(deployment.captures, [(0, Meaning::Opaque)]);
    assert!(one(&surface, "POST", "/v1/threads/t/runs/r/submit_tool_outputs").late_bound);
    assert!(surface.route("DELETE", "/v1/files/file-mythos-5").iter().all(|found| found.quiet && found.captures.is_empty()));
}

#[test]
fn a_path_of_several_dialects_is_read_by_the_places_of_all() {
    let surface = Surface::of(&[("openai", ""), ("anthropic", "")]).unwrap();
    let found = surface.route("POST", "/v1/agents");
    assert_eq!(found.len(), 2, "{found:?}");
    for found in &found {
        assert_eq!(surface.body(found, "/multiagent/advisor/model"), Some(Meaning::Mention), "{}", found.dialect);
        assert_eq!(surface.body(found, "/model"), Some(Meaning::Primary), "{}", found.dialect);
    }
    let models = surface.route("GET", "/v1/models/org/name:tag");
    assert_eq!(models.len(), 2);
    assert!(models.iter().all(|found| found.reveals && found.captures == [(0, Meaning::Primary)]));
}

#[test]
fn a_prefix_moves_a_dialect_and_its_versionless_paths() {
    let surface = Surface::of(&[("openai", "/openai"), ("anthropic", "/anthropic")]).unwrap();
    assert!(surface.route("POST", "/v1/chat/completions").is_empty());
    assert_eq!(one(&surface, "POST", "/openai/v1/chat/completions").operation, "createChatCompletion");
    assert_eq!(one(&surface, "POST", "/openai/responses").operation, "createResponse");
    assert_eq!(one(&surface, "POST", "/anthropic/v1/messages").operation, "Messages.create");
}

#[test]
fn lowering_is_deterministic() {
    let sizes = || Surface::of(&[("openai", ""), ("anthropic", "")]).unwrap().sizes;
    assert_eq!(sizes(), sizes());
}
