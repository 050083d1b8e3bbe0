//! Loads policies: reads TOML or JSON, checks it and gives it types.
//!
//! ```text
//! text -> document: tree -> shape -> types -> check -> model
//!                   (TOML,   (JSON     (serde)   condition, lint,
//!                    JSON)    Schema)            platform
//! ```
//!
//! Input: the text of the files. Output: a [`Policy`] and all [`Problem`]s.
//!
//! Every stage reports all problems that it finds and goes on with the sound rest, so that one run
//! shows everything. This module touches no file system and no clock: list files come through a
//! callback, and the caller gives the time.

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
    /// Name of the file, as problems show it. The file is JSON if the name ends in `.json` or the
    /// text begins with `{`, otherwise TOML.
    pub name: String,
    /// Text of the file.
    pub text: String,
}

impl Source {
    /// Makes a source of this name and text.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// Reads a list file. Takes the name of the policy file and the name that it gives the list file.
/// Returns the file, under the name that problems show, or the reason why it cannot be read.
pub type Read<'a> = dyn FnMut(&str, &str) -> Result<File, String> + 'a;

/// What loading a policy needs besides its files.
#[derive(Default)]
pub struct Options<'a> {
    /// Current time in milliseconds since the epoch. Enables warnings about dates in the past.
    /// `None`: no such warnings.
    pub now: Option<i64>,
    /// Reads list files. `None`: every list file counts as unreadable.
    pub read: Option<Box<Read<'a>>>,
    /// The platform that the gate will run on. Enables reports of facts that it does not report.
    /// `None`: no such reports.
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

/// The result of [`load`].
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The policy. `None` if any problem is an error.
    pub policy: Option<Policy>,
    /// All problems that no `[[allow]]` entry answers, in the order of the files.
    pub problems: Vec<Problem>,
    /// Warnings and notes that an `[[allow]]` entry answers.
    pub allowed: Vec<Problem>,
    /// The files that spans refer to: the sources in their order, then the list files.
    pub files: Vec<File>,
}

/// Loads one policy from one or more files.
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
    // Skip the check of meaning if a file is unreadable: it may declare names that other files use.
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

/// Returns whether the file is of a format that this version reads. A file of another format is not
/// read further, since its keys may mean something else.
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

/// Returns the JSON Schema of a policy file, for editors and for `portcullis schema`.
#[must_use]
pub fn schema() -> serde_json::Value {
    document::types::SCHEMA.clone()
}
