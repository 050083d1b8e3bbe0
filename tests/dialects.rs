//! The dialect files against the reference table of operations: which locations they must read, and
//! which they must not.
//!
//! The table (`surfaces.json`) is outside this repository. The tests read it from
//! `../shared/reference`, or from the folder that `PORTCULLIS_REFERENCE` names. Without it, the
//! tests that need it report that they are skipped and pass.

#![cfg(test)]
#![expect(clippy::string_slice, reason = "tests")]

#[path = "support/beside.rs"]
mod beside;
#[path = "support/deciding.rs"]
mod deciding;

use std::collections::BTreeMap;

use deciding::guarding;
use portcullis::analysis::{Meaning, RequestLine, Surface, SurfaceMatch};
use portcullis::dialect;
use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

fn reference() -> Option<Value> {
    let file = beside::beside("PORTCULLIS_REFERENCE", "../shared/reference", "surfaces.json")?;
    Some(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
}

/// Operations that the table calls late-bound and the dialect files do not, with the reason.
const NOT_LATE_BOUND: [(&str, &str, &str); 6] = [
    (
        "vertex",
        "aiplatform.projects.locations.interactionsHttp.create",
        "the request inside is read, and binds as it binds",
    ),
    (
        "bedrock",
        "RetrieveAndGenerate",
        "bound where it names a knowledge base, which the table says in words",
    ),
    ("bedrock", "RetrieveAndGenerateStream", "the same"),
    ("openai", "createFineTuningJob", "the training file is data and binds no model"),
    ("openai", "cancelResponse", "cancelling runs nothing"),
    ("openai", "refer-realtime-call", "sending a caller elsewhere runs nothing"),
];

fn compare(id: &str) {
    let Some(table) = reference() else { return };
    let surface = Surface::of(&[(id, "")]).unwrap_or_else(|error| panic!("{error}"));
    let mut wrong = Vec::new();
    let mut locations = 0;
    let operations = table["dialects"][id]["operations"].as_array().unwrap();
    for operation in operations {
        let name = operation["id"].as_str().unwrap();
        let socket = operation["method"].as_str().unwrap().contains("WebSocket");
        for (method, path) in routes(id, operation) {
            let mut found = surface.route(&method, &path);
            found.retain(|found| found.socket == socket);
            if found.is_empty() {
                wrong.push(format!("{name}: {method} {path} is not routed"));
                continue;
            }
            for model in operation["models"].as_array().unwrap() {
                locations += 1;
                if let Err(why) = location(&surface, &found, &path, model) {
                    wrong.push(format!("{name}: {why}"));
                }
            }
            let late = operation["late_bound"].as_bool().unwrap_or_default();
            let excused = NOT_LATE_BOUND
                .iter()
                .any(|(dialect, operation, _)| (*dialect, *operation) == (id, name));
            if late
                && !found.iter().any(|found| found.late_bound || binds(&surface, found, operation))
                && !excused
            {
                wrong.push(format!("{name}: a stored object binds its model, and nothing says so"));
            }
        }
    }
    println!("{id}: {} operations, {locations} locations", operations.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Returns methods and paths of an operation of the table, with captures filled in and alternatives
/// written out. For operations whose path the table describes in words, the paths are given here.
fn routes(dialect: &str, operation: &Value) -> Vec<(String, String)> {
    let written = match (dialect, operation["id"].as_str().unwrap()) {
        ("openai" | "azure-openai" | "mistral", "batch_line") => {
            ["POST /openai/v1/files", "POST /v1/files"].as_slice()
        }
        ("azure-openai", "v1_any") => {
            &["POST /openai/v1/chat/completions", "POST /openai/v1/responses"]
        }
        ("azure-openai", "dated_non_deployment") => &[
            "POST /openai/assistants",
            "POST /openai/threads/t/runs",
            "POST /openai/responses",
            "POST /openai/fine_tuning/jobs",
        ],
        ("gemini", "openai_compat") => &[
            "POST /v1beta/openai/chat/completions",
            "POST /v1beta/openai/embeddings",
            "POST /v1beta/openai/images/generations",
        ],
        // An upload that names no purpose does not read its file. The lines take the model from the
        // path of the job.
        ("gemini", "batch_line") | ("bedrock", "batch_line") => &[],
        ("gemini", "live_ws") => {
            &["GET /ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"]
        }
        ("gemini", "live_music_ws") => {
            &["GET /ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateMusic"]
        }
        ("vertex", "live_ws") => {
            &["GET /ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"]
        }
        ("vertex", "interactions") => {
            &["POST /v1/interactions", "POST /v1/projects/p/locations/l/interactions"]
        }
        // The parts of such a request are requests.
        ("vertex", "http_batch") => &[],
        ("litellm", "chat") => &["POST /v1/chat/completions", "POST /chat/completions"],
        ("litellm", "files_batches_skills_evals") => &[
            "POST /files",
            "POST /batches",
            "POST /skills",
            "POST /evals",
            "POST /fine_tuning/jobs",
            "POST /vector_stores",
            "POST /v1/videos",
        ],
        ("cloudflare", "aig_compat") => &["POST /v1/account/gateway/compat/chat/completions"],
        ("cloudflare", "aig_provider_native") => &["POST /v1/account/gateway/groq/some/path"],
        ("cloudflare", "workers_ai_run_path") => {
            &["POST /client/v4/accounts/a/ai/run/@cf/author/some"]
        }
        _ => &[""],
    };
    if written != [""] {
        let routes = written.iter().filter(|route| {
            dialect == "azure-openai" || !route.starts_with("POST /openai/v1/files")
        });
        let routes =
            routes.filter(|route| dialect != "azure-openai" || **route != "POST /v1/files");
        return routes
            .map(|route| route.split_once(' ').unwrap())
            .map(|(m, p)| (m.to_owned(), p.to_owned()))
            .collect();
    }
    let method = operation["method"].as_str().unwrap().split(' ').next().unwrap();
    let path = operation["path"].as_str().unwrap();
    let path = path.split('?').next().unwrap().trim_end_matches('/').replace("{version}", "v1");
    fill(&path).into_iter().map(|path| (method.to_owned(), path)).collect()
}

/// Fills `{name}` with some text and expands `{a|b}` to both alternatives.
fn fill(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let (inside, after) = rest.split_once('}').unwrap();
    let words: Vec<&str> = if inside.contains('|') {
        inside.split('|').filter(|word| *word != "...").collect()
    } else {
        vec!["some"]
    };
    words
        .iter()
        .flat_map(|word| fill(after).into_iter().map(move |after| format!("{before}{word}{after}")))
        .collect()
}

fn location(
    surface: &Surface,
    found: &[SurfaceMatch],
    path: &str,
    model: &Value,
) -> Result<(), String> {
    let role = model["role"].as_str().unwrap();
    let carrier = model["in"].as_str().unwrap();
    let pointer = model["pointer"].as_str().unwrap_or_default();
    let name = model["name"].as_str().unwrap_or_default();
    let meaning = |found: &SurfaceMatch| -> Option<Meaning> {
        match carrier {
            "json" | "multipart" => surface
                .body(found, pointer)
                .or_else(|| surface.body(found, &format!("{pointer}/*"))),
            "jsonl" => surface.body(found, &format!("/file#lines{pointer}")),
            "websocket-message" => surface.message(found, pointer),
            "query" => surface.query(found, name),
            "path" => found.captures.first().map(|(_, meaning)| *meaning),
            "header"
                if role == "secondary:router_allow_patterns" && name.ends_with("providers") =>
            {
                Some(Meaning::Mention)
            }
            "header" => surface.header(name),
            _ => panic!("carrier {carrier}"),
        }
    };
    let meanings: Vec<Meaning> = found.iter().filter_map(meaning).collect();
    let mention = |meaning: &Meaning| {
        matches!(meaning, Meaning::Primary | Meaning::Mention | Meaning::Opaque)
    };
    let at = format!("{carrier} {pointer}{name} of role {role} in {path}");
    match role.split(':').next().unwrap() {
        // The publisher of a model, and an operation where a model could be named.
        "publisher" | "not_a_model" => {}
        // A request that keeps a router from a model does not ask for the model.
        _ if role == "secondary:router_deny_patterns" => {
            if meanings.iter().any(mention) {
                return Err(format!("{at} is taken to be a mention"));
            }
        }
        "primary" | "fallback" | "secondary" | "base_model" => {
            if meanings.is_empty() || !meanings.iter().all(mention) {
                return Err(format!("{at} is {meanings:?}"));
            }
        }
        "late_ref" => {
            if meanings != [Meaning::Binds] {
                return Err(format!("{at} is {meanings:?}"));
            }
        }
        // `alias_created` is the name of something that does not exist yet.
        "history_echo" | "filter" | "admin_policy" | "dialect_selector" | "alias_created" => {
            // A parameter called like a model is a mention unless the dialect calls it a filter.
            let declared =
                carrier != "query" || found.iter().all(|found| surface.is_filter(found, name));
            if meanings.iter().any(mention) || !declared {
                return Err(format!("{at} is taken to be a mention"));
            }
        }
        other => return Err(format!("a role that this test does not know: {other}")),
    }
    Ok(())
}

/// Says whether the dialect binds at one of the references that the table lists.
fn binds(surface: &Surface, found: &SurfaceMatch, operation: &Value) -> bool {
    let binding = |meaning: Option<Meaning>| {
        matches!(meaning, Some(Meaning::Binds | Meaning::BindsUnlessNamed | Meaning::Opaque))
    };
    operation["late_bound_refs"].as_array().into_iter().flatten().any(|reference| {
        let text = reference["ref"].as_str().unwrap_or_default();
        let text = text.split(' ').next().unwrap_or_default();
        match reference["in"].as_str() {
            // A name that the origin resolves is an unlisted id wherever a model is named.
            Some("json") if text.starts_with("/model") => {
                matches!(surface.body(found, text), Some(Meaning::Primary | Meaning::Opaque))
            }
            _ if surface.body(found, "/model") == Some(Meaning::Opaque) => true,
            Some("json" | "multipart") => binding(surface.body(found, text)),
            Some("websocket-message") => binding(surface.message(found, text)),
            Some("query") => binding(surface.query(found, text)),
            // An ephemeral secret in a header counts as a credential about which nothing is known.
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

macro_rules! compared {
    ($($name:ident $id:literal)*) => {$(
        #[test]
        fn $name() {
            compare($id);
        }
    )*};
}
compared! {
    azure_openai_is_as_the_reference_says "azure-openai"
    gemini_is_as_the_reference_says "gemini"
    vertex_is_as_the_reference_says "vertex"
    bedrock_is_as_the_reference_says "bedrock"
    mistral_is_as_the_reference_says "mistral"
    cohere_is_as_the_reference_says "cohere"
    openrouter_is_as_the_reference_says "openrouter"
    cloudflare_is_as_the_reference_says "cloudflare"
    ollama_is_as_the_reference_says "ollama"
    watsonx_is_as_the_reference_says "watsonx"
}

fn one(surface: &Surface, method: &str, path: &str) -> SurfaceMatch {
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
    assert_eq!(
        Surface::of(&[("opanai", "")]).err().map(|error| error.code()),
        Some("dialect_unknown")
    );
}

#[test]
fn two_dialects_stay_small() {
    let surface = Surface::of(&[("openai", ""), ("anthropic", "")]).unwrap();
    let bytes: usize = surface.sizes.iter().map(|(_, bytes)| bytes).sum();
    println!("{bytes} bytes: {:?}", surface.sizes);
    assert!(bytes < 112_000, "{bytes} bytes: {:?}", surface.sizes);
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
    assert_eq!(
        surface.body(&eval, "/testing_criteria/*/graders/{}/graders/{}/model"),
        Some(Meaning::Mention)
    );
}

#[test]
fn what_gateways_honour_is_seen() {
    let surface = Surface::of(&[("openai", ""), ("anthropic", "")]).unwrap();
    for path in [
        "/v1/chat/completions",
        "/v1/messages",
        "/chat/completions",
        "/v1/rerank",
        "/openai/deployments/some/chat/completions",
    ] {
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
            assert!(
                matches!(meaning, Some(Meaning::Mention | Meaning::Primary)),
                "{path} {pointer}: {meaning:?}"
            );
        }
        assert!(
            matches!(surface.query(&found, "model"), Some(Meaning::Mention | Meaning::Primary)),
            "{path}"
        );
    }
    for header in [
        "x-ai-eg-model",
        "x-higress-llm-model",
        "x-gateway-model-name",
        "ai-language-model-id",
        "X-LiteLLM-Model",
    ] {
        assert_eq!(surface.header(header), Some(Meaning::Mention), "{header}");
    }
    assert_eq!(surface.header("x-portkey-prompt-id"), Some(Meaning::Binds));
    assert_eq!(surface.header("x-portkey-config"), Some(Meaning::Other));
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
    assert!(
        surface
            .route("DELETE", "/v1/files/file-mythos-5")
            .iter()
            .all(|found| found.quiet && found.captures.is_empty())
    );
}

#[test]
fn a_path_of_several_dialects_is_read_by_the_locations_of_all() {
    let surface = Surface::of(&[("openai", ""), ("anthropic", "")]).unwrap();
    let found = surface.route("POST", "/v1/agents");
    assert_eq!(found.len(), 2, "{found:?}");
    for found in &found {
        assert_eq!(
            surface.body(found, "/multiagent/advisor/model"),
            Some(Meaning::Mention),
            "{}",
            found.dialect
        );
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
    assert_eq!(
        one(&surface, "POST", "/openai/v1/chat/completions").operation,
        "createChatCompletion"
    );
    assert_eq!(one(&surface, "POST", "/openai/responses").operation, "createResponse");
    assert_eq!(one(&surface, "POST", "/anthropic/v1/messages").operation, "Messages.create");
}

/// A location that one dialect calls the user's own cuts off everything below it. In the bundle of
/// all dialects it must not cut off a location of another dialect that serves the same path.
#[test]
fn no_location_is_cut_off_by_what_is_the_users_own() {
    let ids: Vec<(&str, &str)> = dialect::all().iter().map(|source| (source.id, "")).collect();
    let all = Surface::of(&ids).unwrap();
    let files: BTreeMap<&str, Value> =
        dialect::all().iter().map(|source| (source.id, read(source.text))).collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for source in dialect::all() {
        let alone = Surface::of(&[(source.id, "")]).unwrap();
        let Some(operations) = files[source.id]["operation"].as_object() else { continue };
        for (id, operation) in operations {
            let mut pointers = Vec::new();
            named(&files, source.id, operation, "", &mut pointers);
            for route in texts(&operation["at"]).iter().flat_map(|text| alternatives(text)) {
                let (methods, path) = route.split_once(' ').unwrap();
                let method =
                    methods.split(',').next().unwrap().replace("WS", "GET").replace("ANY", "POST");
                // A rest of one segment may be an id of another operation, and one of two segments
                // its verb.
                let paths = [segments(path, "some"), segments(path, "some/more")];
                let of = |surface: &Surface| {
                    let mut found = paths.iter().flat_map(|path| surface.route(&method, path));
                    found.find(|found| found.dialect == source.id && found.operation == *id)
                };
                let (Some(here), Some(there)) = (of(&alone), of(&all)) else {
                    wrong.push(format!("{} {id}: {method} {path} leads elsewhere", source.id));
                    continue;
                };
                let gateways = if here.runs { RUNNING.as_slice() } else { &[] };
                for pointer in pointers.iter().map(String::as_str).chain(gateways.iter().copied()) {
                    seen += 1;
                    if alone.body(&here, pointer).is_none() || all.body(&there, pointer).is_none() {
                        wrong.push(format!("{} {id}: {pointer} of {path} is cut off", source.id));
                    }
                }
            }
        }
    }
    println!("{seen} locations");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Some of the pointers that gateways honour in every operation that runs a model.
const RUNNING: [&str; 9] = [
    "/model",
    "/models/*",
    "/draft_model",
    "/prompt_id",
    "/fallbacks/*/model",
    "/plugins/*/model",
    "/tools/*/model",
    "/tools/*/parameters/tools/*/parameters/model",
    "/extra_body/model",
];

/// Pointers into the body at which an operation or a shape names something, with its shapes
/// expanded. Pointers with `**` are left out, since they match at any depth.
fn named(
    files: &BTreeMap<&str, Value>,
    dialect: &str,
    table: &Value,
    base: &str,
    found: &mut Vec<String>,
) {
    const ROLES: [&str; 6] =
        ["primary", "mention", "opaque", "deployment", "binds", "binds-unless-named"];
    for text in ROLES.iter().filter_map(|role| table.get(*role)).flat_map(texts) {
        if text.starts_with(['/', '(']) && !text.contains("**") {
            let pointer = text.split(" = ").next().unwrap().replace(['(', ')', '+'], "");
            // The first of several keys with the same meaning.
            let steps = pointer.split('/').map(|step| step.split('|').next().unwrap());
            found.push(format!("{base}{}", steps.collect::<Vec<_>>().join("/")));
        }
    }
    for text in table.get("shapes").into_iter().flat_map(texts) {
        let (name, at) = text.split_once(" at ").unwrap_or((&text, ""));
        if at.starts_with("message:") || at.contains("**") {
            continue;
        }
        let (dialect, name) = name.split_once(':').unwrap_or((dialect, name));
        let at =
            at.split('/').map(|step| step.split('|').next().unwrap()).collect::<Vec<_>>().join("/");
        if let Some(shape) = files[dialect]["shape"].get(name) {
            named(files, dialect, shape, &format!("{base}{at}"), found);
        }
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        value => vec![value.as_str().unwrap().to_owned()],
    }
}

/// Reads the tables, lists and texts of a dialect file.
fn read(text: &str) -> Value {
    fn of(value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => json!(text),
            DeValue::Array(values) => values.iter().map(|value| of(value.get_ref())).collect(),
            DeValue::Table(table) => Value::Object(entries(table)),
            _ => Value::Null,
        }
    }
    fn entries(table: &DeTable<'_>) -> serde_json::Map<String, Value> {
        table.iter().map(|(key, value)| (key.get_ref().to_string(), of(value.get_ref()))).collect()
    }
    Value::Object(entries(DeTable::parse(text).unwrap().get_ref()))
}

/// Expands `/(a|b)/c` to `/a/c` and `/b/c`.
fn alternatives(text: &str) -> Vec<String> {
    let Some((before, rest)) = text.split_once('(') else { return vec![text.to_owned()] };
    let (words, after) = rest.split_once(')').unwrap();
    words.split('|').flat_map(|word| alternatives(&format!("{before}{word}{after}"))).collect()
}

/// Returns a path with its captures filled in and `rest` for its rest.
fn segments(path: &str, rest: &str) -> String {
    let filled = path.split('/').map(|segment| {
        match segment.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((name, _)) if name.ends_with("...") => rest.to_owned(),
            Some((_, suffix)) => format!("some{suffix}"),
            None => segment.to_owned(),
        }
    });
    filled.collect::<Vec<_>>().join("/")
}

#[test]
fn lowering_is_deterministic() {
    let sizes = || Surface::of(&[("openai", ""), ("anthropic", "")]).unwrap().sizes;
    assert_eq!(sizes(), sizes());
}

/// The gate itself, on requests that name a closed model at one location of the table and an open
/// model at every other. Both the bundle of the dialect alone and the bundle of all dialects decide
/// them.
#[test]
fn every_location_of_the_reference_is_judged() {
    let Some(table) = reference() else { return };
    let mut all = guarding(dialect::all().iter().map(|source| source.id));
    let mut wrong = Vec::new();
    let mut judged = 0;
    for (id, dialect) in table["dialects"].as_object().unwrap() {
        let own = if id == "litellm" { "generic" } else { id };
        let mut alone = guarding([own]);
        for operation in dialect["operations"].as_array().unwrap() {
            let models = operation["models"].as_array().unwrap();
            for closed in models {
                for (method, path) in routes(id, operation) {
                    let request = filled(&method, &path, operation, closed);
                    let line = RequestLine::read(&request.to_string()).unwrap();
                    for (by, decider) in [("alone", &mut alone), ("all", &mut all)] {
                        let verdict = decider.verdict(&line, 1_781_481_600_000);
                        deciding::remembered(decider, &line, 1_781_481_600_000, &verdict);
                        let role = closed["role"].as_str().unwrap();
                        let is_mention = matches!(
                            role.split(':').next().unwrap(),
                            "primary" | "fallback" | "secondary" | "base_model"
                        );
                        let is_mention = is_mention
                            && !NOT_READ.contains(&role)
                            && closed["name"] != "cf-aig-allowed-providers";
                        // An address may contain the name of a deployment.
                        let may_be = role == "dialect_selector" && closed["in"] == "jsonl";
                        let kind = verdict.kind.name();
                        if !may_be && is_mention != (kind == "deny") || kind == "refuse" {
                            let reason = verdict.reason.code();
                            wrong.push(format!(
                                "{by}: {id} {}: {kind} ({reason}) for {closed} in {request}",
                                operation["id"]
                            ));
                        }
                        judged += 1;
                    }
                }
            }
        }
    }
    println!("{judged} requests");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Roles of locations that hold no model: a request that keeps a router from a model does not ask
/// for it.
const NOT_READ: [&str; 1] = ["secondary:router_deny_patterns"];

/// Builds a request that names `mythos-5` at `closed` and `haiku-4` at the other locations of the
/// operation.
fn filled(method: &str, path: &str, operation: &Value, closed: &Value) -> Value {
    let models = operation["models"].as_array().unwrap();
    let mut url = path.to_owned();
    let mut body = Value::Null;
    let mut line = Value::Null;
    let mut frame = Value::Null;
    let mut headers = serde_json::Map::new();
    // Only locations of the same carrier go together: a body is either JSON or a form.
    let carrier = closed["in"].as_str().unwrap();
    let others = models
        .iter()
        .filter(|model| *model != closed && (model["in"] == closed["in"] && model["in"] != "path"));
    for model in others.chain([closed]) {
        let name = if model == closed { "mythos-5" } else { "haiku-4" };
        let text = if model["role"] == "publisher" { "publisher" } else { name };
        // Several names with commas between are one text, although the table calls them a list.
        let is_list = model["is_array"] == true && model["pointer"] != "/model";
        let name = if is_list { json!([text]) } else { json!(text) };
        let pointer = model["pointer"].as_str().unwrap_or_default();
        match model["in"].as_str().unwrap() {
            "path" => {
                url = captured(
                    &url,
                    operation["path"].as_str().unwrap(),
                    model["name"].as_str().unwrap(),
                    text,
                )
            }
            "query" => {
                url = format!(
                    "{url}{}{}={text}",
                    if url.contains('?') { '&' } else { '?' },
                    model["name"].as_str().unwrap()
                )
            }
            "header" => {
                drop(headers.insert(model["name"].as_str().unwrap().to_owned(), json!(text)))
            }
            "jsonl" => put(&mut line, pointer, name),
            "json" | "multipart" => put(&mut body, pointer, name),
            "websocket-message" => put(&mut frame, pointer, name),
            carrier => panic!("carrier {carrier}"),
        }
    }
    let mut request = json!({ "method": method, "url": url, "place": { "country": "FR" }, "account": { "us_person": false } });
    if operation["method"].as_str().unwrap().contains("WebSocket") {
        headers.insert("upgrade".to_owned(), json!("websocket"));
        if !frame.is_null() {
            request["frames"] = json!([frame.to_string()]);
        }
    }
    let mut parts = Vec::new();
    if !line.is_null() {
        let lines =
            json!({ "body": { "model": "haiku-4" } }).to_string() + "\n" + &line.to_string();
        parts.push(("purpose".to_owned(), "batch".to_owned()));
        parts.push(("file\"; filename=\"lines".to_owned(), lines));
    } else if carrier == "multipart" {
        for (name, value) in body.as_object().unwrap() {
            parts.push((
                name.clone(),
                value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            ));
        }
    }
    if !parts.is_empty() {
        let boundary = "0123456789";
        let mut text = String::new();
        for (name, value) in parts {
            text += &format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        headers.insert(
            "content-type".to_owned(),
            json!(format!("multipart/form-data; boundary={boundary}")),
        );
        request["body"] = json!(format!("{text}--{boundary}--\r\n"));
    } else if !body.is_null() {
        headers.insert("content-type".to_owned(), json!("application/json"));
        request["body"] = json!(body.to_string());
    }
    request["headers"] = Value::Object(headers);
    request
}

/// Replaces one capture (`some`) of the path: the one called `name`, or the first.
fn captured(url: &str, template: &str, name: &str, text: &str) -> String {
    let name = name.split(' ').next().unwrap();
    let names = template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .filter(|name| !name.contains(['|', '/']));
    let names: Vec<&str> = names.filter(|name| *name != "version").collect();
    let is_meant = |known: &&str| *known == name || known.strip_suffix("sId") == Some(name);
    let position = names
        .iter()
        .position(is_meant)
        .filter(|position| url.matches("some").count() > *position)
        .unwrap_or(0);
    match url.match_indices("some").nth(position) {
        Some((at, _)) => format!("{}{text}{}", &url[..at], &url[at + 4..]),
        None => url.replacen("some", text, 1),
    }
}

/// Puts a value at a pointer and creates the arrays and objects above it.
fn put(at: &mut Value, pointer: &str, value: Value) {
    let Some(rest) = pointer.strip_prefix('/') else {
        // A location with several shapes: members already put below it stay.
        if at.is_null() || at.is_string() {
            *at = value;
        }
        return;
    };
    let (step, rest) = rest.find('/').map_or((rest, ""), |end| rest.split_at(end));
    if step == "*" {
        if !at.is_array() {
            *at = json!([null]);
        }
        put(&mut at[0], rest, value);
    } else {
        if !at.is_object() {
            *at = json!({});
        }
        put(&mut at[if step == "{}" { "some" } else { step }], rest, value);
    }
}
