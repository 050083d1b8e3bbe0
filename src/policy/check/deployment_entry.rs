//! Reads the file of a table of deployments: a name and its targets, one entry a line.
//!
//! ```text
//! line   = name 1*( separator target )      separator: commas, tabs, blanks
//! cell   = text | '"' text '"'
//! ```
//!
//! No model id contains a separator, so tab-separated and comma-separated output of other tools can
//! be read unchanged. A `#` at the start of a line or after a separator begins a comment. Within an
//! id it is an ordinary character.

use crate::policy::diagnostic::code;
use crate::policy::diagnostic::problem::Problem;
use crate::policy::document::spanned::Spanned;
use crate::policy::model::Span;

/// An entry as the file has it.
pub(crate) struct Entry {
    pub(crate) name: Spanned<String>,
    pub(crate) targets: Vec<Spanned<String>>,
}

/// Reads the entries of a file. Wrong lines are reported and left out.
pub(crate) fn lines(file: usize, text: &str, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let body = text.trim_start_matches('\u{feff}');
    let mut at = text.len() - body.len();
    for line in body.split_inclusive('\n') {
        let mut cells = cells(file, at, line);
        at += line.len();
        if cells.is_empty() {
            continue;
        }
        let name = cells.remove(0);
        if cells.is_empty() {
            let message = format!(
                "the line says nothing of what `{}` resolves to",
                name.value.escape_debug()
            );
            let problem = Problem::new(code::DEPLOYMENTS, name.span, message);
            problems.push(
                problem.help(
                    "write the name, then the model or models, with a comma or a blank between",
                ),
            );
            continue;
        }
        entries.push(Entry { name, targets: cells });
    }
    entries
}

fn cells(file: usize, start: usize, line: &str) -> Vec<Spanned<String>> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches(separates);
        let at = line.len() - rest.len();
        if rest.is_empty() || rest.starts_with('#') {
            return cells;
        }
        let quoted = rest.strip_prefix('"').and_then(|inner| inner.split_once('"'));
        let (shift, value) = match quoted {
            Some((inner, _)) => (1, inner),
            None => (0, rest.get(..rest.find(separates).unwrap_or(rest.len())).unwrap_or_default()),
        };
        let span = Span { file, start: start + at + shift, end: start + at + shift + value.len() };
        cells.push(Spanned { value: value.to_owned(), span });
        rest = rest.get(value.len() + 2 * shift..).unwrap_or_default();
    }
}

fn separates(letter: char) -> bool {
    letter == ',' || letter.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_name_and_its_targets_a_line() {
        let text = "\u{feff}# exported\r\ngpt-prod\tgpt-5\r\n\nrouter,haiku-4,mythos-5 # two\n\"quoted\",\"opus\"\n  a/x#y   b \nalone\n,\n\"open";
        let mut problems = Vec::new();
        let read: Vec<String> = lines(1, text, &mut problems)
            .iter()
            .map(|entry| {
                let cells = std::iter::once(&entry.name).chain(&entry.targets);
                cells
                    .map(|cell| {
                        assert_eq!(text.get(cell.span.start..cell.span.end).unwrap(), cell.value);
                        cell.value.as_str()
                    })
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        assert_eq!(read, ["gpt-prod gpt-5", "router haiku-4 mythos-5", "quoted opus", "a/x#y b"]);
        assert_eq!(problems.len(), 2);
    }
}
