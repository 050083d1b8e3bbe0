//! A problem in a policy, and its two representations: text beside the source line, and a JSON
//! record.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::code::{Code, Severity};
use super::suggestion::Suggestion;
use crate::policy::model::Span;

/// A file of a policy: a source, or a list file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Name of the file, as problems show it.
    pub name: String,
    /// Complete text of the file.
    pub text: String,
}

/// A certain or possible mistake in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable code, which also gives the severity.
    pub code: &'static Code,
    /// Location of the mistake.
    pub span: Span,
    /// Description of the mistake, on one line.
    pub message: String,
    /// Advice on what to write instead, if there is any.
    pub help: Option<String>,
    /// The help as an edit, if the help says exactly what to write.
    pub(crate) fix: Option<Fix>,
    /// Name of the rule, list or table that the problem is about, if it is about one.
    pub at: Option<String>,
    /// Related locations, each with a short label.
    pub related: Vec<(Span, String)>,
}

/// A replacement for part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fix {
    pub(crate) span: Span,
    pub(crate) edit: Edit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Puts this word there, in quotes if the replaced text is in quotes.
    Word(String),
    /// Puts exactly this text there.
    Text(String),
    /// Keeps the text and puts these two around it.
    Between(&'static str, &'static str),
}

/// Start and end of a problem for people and editors. Lines and columns count from 1, columns in
/// characters; the end is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineIndex {
    /// First line.
    pub line: usize,
    /// First column.
    pub column: usize,
    /// Last line.
    pub end_line: usize,
    /// The column after the last character.
    pub end_column: usize,
}

impl Problem {
    pub(crate) fn new(code: &'static Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            span,
            message: one_line(message.into()),
            help: None,
            fix: None,
            at: None,
            related: Vec::new(),
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(one_line(help.into()));
        self
    }

    pub(crate) fn help_if(mut self, help: Option<String>) -> Self {
        self.help = help.map(one_line);
        self
    }

    /// Takes the help and the edit of a suggestion.
    pub(crate) fn suggest(mut self, suggestion: Suggestion) -> Self {
        self.help = suggestion.help.map(one_line);
        self.fix = suggestion.word.map(|word| Fix { span: self.span, edit: Edit::Word(word) });
        self
    }

    /// Turns the help into an edit of the problem's own span.
    pub(crate) fn edit(self, edit: Edit) -> Self {
        let span = self.span;
        self.fix(Some(Fix { span, edit }))
    }

    pub(crate) fn fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix;
        self
    }

    /// Returns the help as an edit: the span to replace, and its new text. `None` if the help
    /// leaves something open.
    #[must_use]
    pub fn replacement(&self, files: &[File]) -> Option<(Span, String)> {
        let Fix { span, edit } = self.fix.as_ref()?;
        let file = files.get(span.file)?;
        let there = file.text.get(span.start..span.end)?;
        let text = match edit {
            Edit::Text(text) => text.clone(),
            Edit::Between(before, after) => format!("{before}{there}{after}"),
            Edit::Word(word) => match there.chars().next() {
                // Quotes inside a quoted text stay escaped.
                Some('\\') => format!("\\\"{word}\\\""),
                Some('\'') if !word.contains('\'') => format!("'{word}'"),
                Some('"' | '\'') => serde_json::Value::from(word.as_str()).to_string(),
                _ => word.clone(),
            },
        };
        Some((*span, text))
    }

    pub(crate) fn at(mut self, name: &str) -> Self {
        self.at = Some(name.to_owned());
        self
    }

    pub(crate) fn related(mut self, span: Span, word: impl Into<String>) -> Self {
        self.related.push((span, word.into()));
        self
    }

    /// Returns the severity of the problem's code.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Returns the lines and columns of the problem; all 1 if `files` lacks its file.
    #[must_use]
    pub fn lines(&self, files: &[File]) -> LineIndex {
        lines(self.span, files)
    }

    /// Returns the record of `check --json`: `{code, severity, file, line, column, end_line,
    /// end_column, message, help, fix, at}`. `fix` is the help as an edit, `{line, column,
    /// end_line, end_column, text}`, or null if the help leaves something open.
    #[must_use]
    pub fn to_json(&self, files: &[File]) -> serde_json::Value {
        let LineIndex { line, column, end_line, end_column } = self.lines(files);
        serde_json::json!({
            "code": self.code.id,
            "severity": self.severity().name(),
            "file": files.get(self.span.file).map(|file| file.name.as_str()),
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "message": self.message,
            "help": self.help,
            "fix": self.replacement(files).map(|(span, text)| {
                let LineIndex { line, column, end_line, end_column } = lines(span, files);
                serde_json::json!({ "line": line, "column": column, "end_line": end_line, "end_column": end_column, "text": text })
            }),
            "at": self.at,
        })
    }
}

/// Shows problems beside their source lines, followed by the number of errors and warnings.
/// `colour` adds terminal colours.
///
/// ```
/// use portcullis::policy;
/// let source = policy::Source::new("p.toml", "format = 1\n[polcy]\n");
/// let loaded = policy::load(vec![source], &mut policy::Options::default());
/// let text = policy::render(&loaded.problems, &loaded.files, false);
/// assert!(text.contains("--> p.toml:2:2") && text.contains("did you mean `policy`?"), "{text}");
/// ```
#[must_use]
pub fn render(problems: &[Problem], files: &[File], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for problem in problems {
        out.push_str(&renderer.render(&groups(problem, files)));
        out.push_str("\n\n");
    }
    let count = |severity| problems.iter().filter(|problem| problem.severity() == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors + warnings > 0 {
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "{}, {}", counted(errors, "error"), counted(warnings, "warning"));
    }
    out
}

/// Escapes control characters and shortens long messages. Messages quote policy files, which may
/// hold anything: line ends, control characters, or a long text after a quote that is never closed.
fn one_line(text: String) -> String {
    const LONGEST: usize = 400;
    let length = text.chars().count();
    if length <= LONGEST && !text.contains(char::is_control) {
        return text;
    }
    let escaped =
        |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    if length <= LONGEST {
        return text.chars().map(escaped).collect();
    }
    // Keep both ends: the important part of a message may be at either.
    let head: String = text.chars().take(LONGEST / 2).map(escaped).collect();
    let tail: String = text.chars().skip(length - LONGEST / 2).map(escaped).collect();
    format!("{head}...{tail}")
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn groups<'a>(problem: &'a Problem, files: &'a [File]) -> Vec<Group<'a>> {
    let level = match problem.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group =
        level.primary_title(problem.message.as_str()).id(problem.code.id).element(snippet(
            files,
            problem.span,
            AnnotationKind::Primary,
            "",
            problem.related.iter().filter(|(span, _)| span.file == problem.span.file),
        ));
    for (span, word) in problem.related.iter().filter(|(span, _)| span.file != problem.span.file) {
        group =
            group.element(snippet(files, *span, AnnotationKind::Context, word, std::iter::empty()));
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    vec![group]
}

fn snippet<'a>(
    files: &'a [File],
    span: Span,
    kind: AnnotationKind,
    word: &'a str,
    related: impl Iterator<Item = &'a (Span, String)>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let (name, text) =
        files.get(span.file).map_or(("", ""), |file| (file.name.as_str(), file.text.as_str()));
    let mut snippet =
        Snippet::source(text).path(name).annotation(kind.span(range(text, span)).label(word));
    for (span, word) in related {
        snippet = snippet
            .annotation(AnnotationKind::Context.span(range(text, *span)).label(word.as_str()));
    }
    snippet
}

/// Returns the byte range, limited to the text and moved outwards to character boundaries, so that
/// the rendering library can slice safely whatever span it gets.
fn range(text: &str, span: Span) -> std::ops::Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    start..end
}

fn lines(span: Span, files: &[File]) -> LineIndex {
    let text = files.get(span.file).map_or("", |file| file.text.as_str());
    let (line, column) = position(text, span.start);
    let (end_line, end_column) = position(text, span.end);
    LineIndex { line, column, end_line, end_column }
}

fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..text.floor_char_boundary(at.min(text.len()))).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
