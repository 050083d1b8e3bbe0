//! What people write: policies in TOML or JSON, read, checked and typed.
//!
//! ```text
//! text -> node (TOML, JSON) -> structure (JSON Schema of document) -> document -> validate -> model
//!                                                                     condition, pattern, entry, lint
//! ```
//!
//! Every stage reports all it finds as [`Problem`]s and goes on with what is sound, so that one pass shows everything. Nothing here touches
//! a file system or a clock: files come through a callback, the time is given.

mod check;
pub(crate) mod condition;
pub(crate) mod diagnostic;
mod document;
mod lint;
pub(crate) mod model;
pub(crate) mod platform;

pub use self::diagnostic::code::{Code, Severity};
pub use self::diagnostic::problem::{File, LineIndex, Problem, render};
pub use self::model::{
    About, Alias, Atom, Authority, Clause, Comparison, Condition, Deployment, Deployments,
    ElementTest, Entries, Fact, FactKind, FactRef, Family, GuardedDialect, LateBound, Licence,
    LicenceKind, List, Literal, ModelRef, Models, Pattern, Policy, Range, Restriction, RuleState,
    Shape, Span, Test, Token, Unlisted,
};
pub use self::platform::Platform;

/// A policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name, as problems show it; if it ends in `.json`, or the text begins with `{`, it is JSON.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// A file of this name and text.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// How list files are read: given the name of the policy file and what it calls the list file, the file with the name under which
/// problems show it, or why it cannot be read.
pub type Read<'a> = dyn FnMut(&str, &str) -> Result<File, String> + 'a;

/// What loading a policy needs beside its files.
#[derive(Default)]
pub struct Options<'a> {
    /// Milliseconds since the epoch: what is past is then warned about. `None`: no clock, no such warnings.
    pub now: Option<i64>,
    /// Reads list files. `None`: there are none to read.
    pub read: Option<Box<Read<'a>>>,
    /// The platform to run on: facts that it does not tell are then reported. `None`: none in particular.
    pub platform: Option<&'static Platform>,
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("now", &self.now)
            .field("read", &self.read.is_some())
            .field("platform", &self.platform)
            .finish()
    }
}

/// What became of the files.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The policy, unless a problem is an error.
    pub policy: Option<Policy>,
    /// All that was found and is not allowed, in the order of the files.
    pub problems: Vec<Problem>,
    /// Warnings that the policy allows.
    pub allowed: Vec<Problem>,
    /// The files that spans refer to: the sources in their order, then the list files.
    pub files: Vec<File>,
}

/// Reads files into one policy.
///
/// ```
/// use portcullis::policy::{Options, Source, load};
/// let text = r#"
///     format = 1
///     [policy]
///     id = "embargo"
///     version = 1
///     dialects = ["openai"]
///     [[restrictions]]
///     id = "embargo"
///     models = ["*"]
///     when = 'country in ["CU", "IR", "KP"]'
/// "#;
/// let loaded = load(vec![Source::new("embargo.toml", text)], &mut Options::default());
/// assert_eq!(loaded.problems, []);
/// assert!(loaded.policy.is_some_and(|policy| policy.restrictions.len() == 1));
/// ```
#[must_use]
pub fn load(sources: Vec<Source>, options: &mut Options<'_>) -> Loaded {
    let mut files: Vec<File> =
        sources.into_iter().map(|source| File { name: source.name, text: source.text }).collect();
    let mut problems = Vec::new();
    let mut declarations = check::declared::Declarations::default();
    let mut documents = Vec::new();
    let mut broken = document::shape::Broken::default();
    let mut whole = true;
    for (index, file) in files.iter().enumerate() {
        let Some(mut tree) = document::tree::read(index, &file.name, &file.text, &mut problems)
        else {
            whole = false;
            continue;
        };
        if !this_format(&tree, &mut problems) {
            whole = false;
            continue;
        }
        declarations.collect(&tree, &mut problems);
        if !document::shape::check(&mut tree, &mut broken, &mut problems) {
            whole = false;
            continue;
        }
        match document::spanned::read::<document::types::Document>(&tree) {
            Ok(document) => documents.push((tree.span, document)),
            Err(disagreement) => problems.push(Problem::new(
                diagnostic::code::WRONG_TYPE,
                tree.span,
                disagreement.to_string(),
            )),
        }
    }
    // Where a file is not understood at all, what the others refer to may stand in it.
    let mut allowed = Vec::new();
    let policy = if whole {
        let dialects: Vec<&str> = crate::dialect::all().iter().map(|dialect| dialect.id).collect();
        let mut none = |_: &str, _: &str| Err("no files can be read here".to_owned());
        let surroundings = check::Surroundings {
            now: options.now,
            read: match &mut options.read {
                Some(read) => &mut **read,
                None => &mut none,
            },
            dialects: &dialects,
            broken: &broken,
            platform: options.platform,
        };
        check::validate(
            &documents,
            declarations,
            surroundings,
            &mut files,
            &mut problems,
            &mut allowed,
        )
    } else {
        None
    };
    problems.sort_by_key(|problem| (problem.span.file, problem.span.start));
    let sound = problems.iter().all(|problem| problem.severity() < Severity::Error);
    Loaded { policy: policy.filter(|_| sound), problems, allowed, files }
}

/// A file of another format is not read further: its keys may mean something else.
fn this_format(tree: &document::tree::Node, problems: &mut Vec<Problem>) -> bool {
    let Some(format) = tree.get("format") else { return true };
    let document::tree::Value::Integer(number) = format.value else { return true };
    if number == 1 {
        return true;
    }
    let message = format!("the file is of format {number}, and this version reads format 1");
    problems.push(
        Problem::new(diagnostic::code::FORMAT, format.span, message)
            .help("write `format = 1`, or take the version that wrote the file")
            .edit(diagnostic::problem::Edit::Text("1".to_owned())),
    );
    false
}

/// The JSON Schema of a policy file, for editors and for `portcullis schema`.
#[must_use]
pub fn schema() -> serde_json::Value {
    document::types::SCHEMA.clone()
}
