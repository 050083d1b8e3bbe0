//! One TOML file per API, and what lowers them into a bundle.
//!
//! Input: the files of this folder and, from the policy, which dialects are guarded and under which path prefix. Output: the
//! bundle's route trie, pointer automaton and the tables beside them. It reads no requests: `request` does, and
//! knows no dialect by name. A new API is one file here and one line in [`all`].
//!
//! # The format of a dialect file
//!
//! ```toml
//! id      = "openai"
//! title   = "OpenAI API"
//! refusal = "openai"                        # how `refusal` words its errors
//! running = ["gateway"]                     # shapes that every operation that runs a model has too; `always`: every operation
//! hints   = ["openai-organization"]         # headers whose presence says that a caller speaks this dialect
//!
//! [credentials]                             # every location where a credential may stand
//! bearer   = ["authorization"]              # a header with a scheme in front
//! header   = ["api-key"]                    # a header that is the credential
//! query    = ["api_key"]
//! protocol = ["openai-insecure-api-key."]   # an item of `Sec-WebSocket-Protocol` that starts so
//!
//! [quiet]                                   # operations that name no model and run none: nothing in them is read
//! files = ["GET /v1/files", "GET,DELETE /v1/files/{id...}"]
//!
//! [shape.tools]                             # locations that several operations share
//! mention = ["/tools/*/model"]
//!
//! [operation.createResponse]                # the name is the vendor's own operation id: the fact `operation`
//! at      = "POST /v1/responses"            # one route or several; `WS` opens a WebSocket, `ANY` is every method
//! class   = "inference"                     # what follows from it: see `CLASSES` in `document.rs`
//! primary = ["/model"]
//! shapes  = ["tools", "tools at /input/*"]  # a shape as it is, and put below a pointer
//! answer  = ["/model"]                      # where its answer names the model that ran, or an event of a streamed one does
//!
//! [operation.listModels]
//! at      = "GET /v1/models"
//! class   = "list_models"
//! rows    = ["/data/*"]                     # what is left out of its answer if
//! names   = ["/id", "/aliases/*"]           # one of these, seen from the row, is denied
//! cursors = ["/last_id"]                    # ids of rows from which paging goes on
//! ```
//!
//! Each other key of an operation, and of a shape, is a role with its locations:
//!
//! | role | what stands there |
//! |---|---|
//! | `primary` | the model that answers; the request then *names* one |
//! | `mention` | another model that this request runs or builds on: a fallback, a tool's, a grader's, the base of a training |
//! | `deployment` | a name that the origin resolves, and that answers: the request then names a model. A `{capture}` in the path is one |
//! | `opaque` | another name that the origin resolves: a spill-over, a transcriber's |
//! | `binds` | a reference to a stored object, which decides what runs whatever else is named |
//! | `binds-unless-named` | the same, but a `primary` goes first |
//! | `delegates` | a setting, no reference, that leaves to the origin what runs, whatever else is named |
//! | `selector` | says whether the file beside it is a batch |
//! | `hint` | counts only if a denied pattern occurs in it |
//! | `suspect` | a `model`-like key of unknown meaning |
//! | `request` | an object that is a request of its own, one of a batch: it must name a model, else what runs is not said |
//! | `must-name` | an object that leaves the choice to the origin unless it names a model, if its `must-name-type` says that it runs one |
//! | `filter` | a query parameter that selects what is listed: without it, `model` in a query is a mention on every operation |
//! | `data` | the user's own: nothing at or below it is looked at by `**`, `{}` and `~`; what a pointer names below it is |
//!
//! An operation that runs a model gets the hints of `gateway.toml` at and below every key that is called like a model (`~`), except in its `data`.
//!
//! `[[mount]]` takes in another dialect's operations: `dialect`, `under` (a path or several), `only` (ids; absent: all), `versionless` (also
//! without the version), `opaque` (the models that are named there are names of the origin's own). `imports = ["openai"]` takes in
//! nothing but shapes. Both make the other's shapes known, as `openai:responses`. In a route, `(a|b)` stands for either.
//!
//! A location is `/a/*/b` in the body (a JSON document and a form are read by the same pointers; the steps are described in
//! `pointer.rs`), `?name` in the query, `?name#json/a` in JSON in the query, `{name}` in the path, `message:/a` in a
//! WebSocket message. ` = text` behind a location of `binds`, `binds-unless-named` or `must-name-type` makes it hold only for
//! texts that start so; ` but a b` behind a text of `must-name-type` leaves out those that end with one of the words right behind it. Locations where models are named that do not run (echoes of earlier answers, search filters, allow-lists
//! of an administrator) are not listed: what is not listed is not read.
//!
//! Other keys: `late-bound = true` (a stored object that the path names decides what runs) or `"unless named"`; `runs` to say
//! otherwise than the class does; `container` (its body holds whole requests); `media` (its body may be a recording or a picture as it is); `batch-file` (a file whose lines count only if its `selector` says so); `unversioned = false`
//! (not to be recognised by its path without the version); `refusal` where its errors are another API's; `weak = true` (it fits
//! whatever path a provider serves, and counts only where no dialect knows the path better).
//!
//! `gateway.toml` is no dialect: it has the headers, shapes and keys that gateways in front of any of these APIs honour.

pub(crate) mod document;
pub(crate) mod error;
pub(crate) mod pointer;

use self::document::Document;
pub use self::error::{DialectError, Mistake};

/// A dialect as it is shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialectSource {
    /// What policies call it, `openai`.
    pub id: &'static str,
    /// Name of its file, `openai.toml`.
    pub file: &'static str,
    /// The file.
    pub text: &'static str,
}

pub(crate) const GATEWAY: DialectSource =
    DialectSource { id: "", file: "gateway.toml", text: include_str!("gateway.toml") };

macro_rules! dialects {
    ($($id:literal)*) => {
        &[$(DialectSource { id: $id, file: concat!($id, ".toml"), text: include_str!(concat!($id, ".toml")) }),*]
    };
}

/// The dialects that can be guarded.
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

/// Ids of a dialect's operations, in the order of its file: what the fact `operation` can be. Empty for an unknown dialect.
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

/// A dialect with what it mounts. What is mounted is another file's own operations: mounts do not nest.
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
