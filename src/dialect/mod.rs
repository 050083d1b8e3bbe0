//! The dialects: one TOML file for each API, and the reader of these files.
//!
//! Input: the files of this folder. Output: parsed documents, which `compile` turns into the route
//! trie, the pointer automaton and the other dialect tables of a bundle. This module reads no
//! requests; `request` does, and knows no dialect by name. A new API is one file here and one line
//! in [`all`].
//!
//! # The format of a dialect file
//!
//! ```toml
//! id      = "openai"
//! title   = "OpenAI API"
//! refusal = "openai"                        # the format of its error responses
//! running = ["gateway"]                     # shapes of every operation that runs a model
//! # always = [..]                           # shapes of every operation
//! hints   = ["openai-organization"]         # headers that show that a caller speaks this dialect
//!
//! [credentials]                             # every location of a credential
//! bearer   = ["authorization"]              # a header: a scheme, then the credential
//! header   = ["api-key"]                    # a header: the credential alone
//! query    = ["api_key"]
//! protocol = ["openai-insecure-api-key."]   # prefix of a `Sec-WebSocket-Protocol` item
//!
//! [quiet]                                   # operations without models: not read
//! files = ["GET /v1/files", "GET,DELETE /v1/files/{id...}"]
//!
//! [shape.tools]                             # locations that several operations share
//! mention = ["/tools/*/model"]
//!
//! [operation.createResponse]                # the vendor's operation id: the fact `operation`
//! at      = "POST /v1/responses"            # routes; `WS` opens a WebSocket, `ANY`: every method
//! class   = "inference"                     # see `CLASSES` in `document.rs`
//! primary = ["/model"]
//! shapes  = ["tools", "tools at /input/*"]  # a shape, and a shape below a pointer
//! answer  = ["/model"]                      # the model that ran, in the response or in each event
//!
//! [operation.listModels]
//! at      = "GET /v1/models"
//! class   = "list_models"
//! rows    = ["/data/*"]                     # entries of the list; an entry is left out if
//! names   = ["/id", "/aliases/*"]           # one of these names in it is denied
//! cursors = ["/last_id"]                    # ids of entries from which paging continues
//! ```
//!
//! Each other key of an operation or a shape is a role with its locations:
//!
//! - `primary`: the model that responds; the request then *names* one
//! - `mention`: another model that this request runs or builds on: a fallback, the model of a tool
//!   or a grader, the base of a training
//! - `deployment`: a name that the origin resolves to the model that responds; the request then
//!   names a model. A `{capture}` in the path can be one
//! - `opaque`: another name that the origin resolves: a spill-over deployment, a transcriber
//! - `binds`: a reference to a stored object that decides which model runs, whatever else the
//!   request names
//! - `binds-unless-named`: the same, but a `primary` takes precedence
//! - `delegates`: a setting, not a reference, that lets the origin choose the model, whatever else
//!   the request names
//! - `selector`: says whether the file in the same form is a batch
//! - `hint`: counts only if a denied pattern occurs in it
//! - `suspect`: a key of unknown meaning whose name suggests a model
//! - `request`: an object that is one request of a batch: if it names no model, its model counts as
//!   unlisted
//! - `must-name`: an object that lets the origin choose unless it names a model, if its
//!   `must-name-type` says that it runs one
//! - `filter`: a query parameter that selects the listed entries; otherwise `model` in a query is a
//!   mention in every operation
//! - `data`: user data: `**`, `{}` and `~` do not reach into it; a location below it that a pointer
//!   names is still read
//!
//! An operation that runs a model also gets the hints of `gateway.toml` at and below every key
//! whose name suggests a model (`~`), except in its `data`.
//!
//! `[[mount]]` adds the operations of another dialect: `dialect`, `under` (a path or several),
//! `only` (ids; absent: all), `versionless` (also without the version), `opaque` (its names of
//! models are names that the origin resolves). `imports = ["openai"]` adds only the shapes. Both
//! make the other dialect's shapes available under names such as `openai:responses`. In a route,
//! `(a|b)` means either.
//!
//! A location is `/a/*/b` in the body (JSON documents and forms are read by the same pointers;
//! `pointer.rs` describes the steps), `?name` in the query, `?name#json/a` in JSON in the query,
//! `{name}` in the path, or `message:/a` in a WebSocket message. ` = text` after a location of
//! `binds`, `binds-unless-named` or `must-name-type` restricts it to texts with this prefix. ` but
//! a b` after a text of `must-name-type` excludes the texts that consist of the prefix and one of
//! these words. Only listed locations are read. So locations that name models which do not run are
//! not listed: echoes of earlier responses, search filters, allow-lists of an administrator.
//!
//! Other keys:
//!
//! - `late-bound = true`: a stored object that the path names decides which model runs; or `"unless
//!   named"`.
//! - `runs`: overrides what the class says.
//! - `lists`: the response is a list of models.
//! - `container`: the body contains whole requests.
//! - `media`: the body may be a plain recording or picture.
//! - `batch-file`: the body contains a file whose lines count only if its `selector` says that it
//!   is a batch.
//! - `unversioned = false`: the path without its version is not recognised.
//! - `refusal`: the errors are those of another API.
//! - `weak = true`: the routes match any path that a provider serves, and count only if no dialect
//!   knows the path better.
//!
//! `gateway.toml` is not a dialect. It contains the headers, shapes and keys that gateways in front
//! of any of these APIs accept.

pub(crate) mod document;
pub(crate) mod error;
pub(crate) mod pointer;

use self::document::Document;
pub use self::error::{DialectError, Mistake};

/// The source of one dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialectSource {
    /// Id of the dialect in policies: `openai`.
    pub id: &'static str,
    /// Name of its file: `openai.toml`.
    pub file: &'static str,
    /// Text of the file.
    pub text: &'static str,
}

pub(crate) const GATEWAY: DialectSource =
    DialectSource { id: "", file: "gateway.toml", text: include_str!("gateway.toml") };

macro_rules! dialects {
    ($($id:literal)*) => {
        &[$(DialectSource { id: $id, file: concat!($id, ".toml"), text: include_str!(concat!($id, ".toml")) }),*]
    };
}

/// Returns all dialects that a policy can guard.
#[must_use]
pub fn all() -> &'static [DialectSource] {
    dialects![
        "openai" "anthropic" "azure-openai" "gemini" "vertex" "bedrock" "mistral" "cohere" "openrouter" "cloudflare" "ollama" "watsonx"
        "generic"
    ]
}

fn find(id: &str) -> Option<&'static DialectSource> {
    all().iter().find(|source| source.id == id)
}

/// Returns the ids of a dialect's operations in the order of its file. These are the values of the
/// fact `operation`. Empty for an unknown dialect.
#[must_use]
pub fn operations(id: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for operation in read(id).unwrap_or_default().operations {
        if !ids.contains(&operation.id) {
            ids.push(operation.id);
        }
    }
    ids
}

/// Reads a dialect with its mounts. A mount adds only the other file's own operations: mounts do
/// not nest.
pub(crate) fn read(id: &str) -> Result<Document, DialectError> {
    let source = find(id).ok_or_else(|| unknown(id))?;
    let mut document = Document::read(source.file, source.text)?;
    for mount in std::mem::take(&mut document.mounts) {
        let other = find(&mount.dialect).ok_or_else(|| unknown(&mount.dialect))?;
        document.mount(&mount, &Document::read(other.file, other.text)?)?;
    }
    Ok(document)
}

fn unknown(id: &str) -> DialectError {
    DialectError {
        file: "policy".to_owned(),
        operation: None,
        mistake: Mistake::UnknownDialect { id: id.to_owned() },
    }
}
