//! The grammar of model patterns, and the test whether one pattern may occur in another.
//!
//! ```text
//! pattern  = "=" id | token *( boundary token )
//! token    = 1*( letter / digit ) [ "*" ] | "*"      "*": any rest of the token, also an empty one
//! boundary = 1*( printable ASCII but letters, digits, "*" and "," )
//! id       = 1*( printable ASCII but "," and "*" )
//! ```

use crate::policy::diagnostic::code;
use crate::policy::diagnostic::problem::{Edit, Problem};
use crate::policy::model::{Alias, Pattern, Shape, Span, Token};

/// Reads a pattern. Reports a malformed one and returns `None`.
pub(crate) fn read(text: &str, span: Span, problems: &mut Vec<Problem>) -> Option<Pattern> {
    match parse(text) {
        Ok(shape) => {
            let text = match &shape {
                Shape::Exact(id) => format!("={id}"),
                Shape::Tokens(tokens) => tokens.iter().map(spelling).collect::<Vec<_>>().join("-"),
            };
            Some(Pattern { text, shape, span })
        }
        Err(wrong) => {
            problems.push(wrong.problem(span));
            None
        }
    }
}

/// Reads an alias: an exact id. Reports a malformed one and returns `None`.
pub(crate) fn read_alias(text: &str, span: Span, problems: &mut Vec<Problem>) -> Option<Alias> {
    match exact(text) {
        Ok(id) => Some(Alias { id, span }),
        Err(wrong) => {
            problems.push(wrong.problem(span));
            None
        }
    }
}

/// The reason why a text is no pattern, with advice.
struct Wrong {
    message: String,
    help: Option<&'static str>,
    /// The text to write instead, if it can be determined.
    instead: Option<String>,
}

impl Wrong {
    fn new(message: String, help: Option<&'static str>) -> Self {
        Self { message, help, instead: None }
    }

    fn problem(self, span: Span) -> Problem {
        let problem = Problem::new(code::PATTERN, span, self.message);
        match self.instead {
            Some(instead) => problem.help(format!("write `{instead}`")).edit(Edit::Word(instead)),
            None => problem.help_if(self.help.map(str::to_owned)),
        }
    }
}

fn parse(text: &str) -> Result<Shape, Wrong> {
    if let Some(id) = text.strip_prefix('=') {
        return exact(id).map(Shape::Exact);
    }
    printable(text)?;
    let mut tokens = Vec::new();
    let folded = text.to_ascii_lowercase();
    for run in
        folded.split(|c: char| !c.is_ascii_alphanumeric() && c != '*').filter(|run| !run.is_empty())
    {
        tokens.push(match run.split_once('*') {
            None => Token::Word(run.to_owned()),
            Some((head, "")) => Token::Prefix(head.to_owned()),
            Some((head, tail)) => {
                // A pattern matches anywhere in an id, so a `*` at its beginning is redundant.
                let run_instead = if head.is_empty() {
                    tail.trim_matches('*').to_owned()
                } else {
                    format!("{head}*")
                };
                let instead = folded.replace(run, &run_instead);
                let message =
                    format!("`*` stands for the rest of a token, and `{tail}` follows it");
                return Err(Wrong {
                    message,
                    help: None,
                    instead: Some(instead).filter(|instead| parse(instead).is_ok()),
                });
            }
        });
    }
    if tokens.is_empty() {
        return Err(Wrong::new(format!("the pattern `{text}` holds no letter or digit"), None));
    }
    if tokens.iter().all(|token| matches!(token, Token::Prefix(head) if head.is_empty())) {
        let help = "for every model write `models = [\"*\"]` in the rule";
        return Err(Wrong::new(
            format!("the pattern `{text}` says nothing of the model"),
            Some(help),
        ));
    }
    Ok(Shape::Tokens(tokens))
}

fn exact(id: &str) -> Result<String, Wrong> {
    printable(id)?;
    if id.is_empty() {
        return Err(Wrong::new("the id is empty".to_owned(), None));
    }
    if id.contains('*') {
        let message = format!("`{id}` is taken as an exact id, in which `*` has no meaning");
        return Err(Wrong::new(message, Some("leave out `*`, or `=`")));
    }
    Ok(id.to_ascii_lowercase())
}

fn printable(text: &str) -> Result<(), Wrong> {
    let Some(stranger) = text.chars().find(|c| !c.is_ascii_graphic() || *c == ',') else {
        return Ok(());
    };
    let message = match stranger {
        ',' | ' ' => format!(
            "`{text}` holds a {}, at which ids are split before they are judged",
            if stranger == ',' { "comma" } else { "blank" }
        ),
        _ => format!(
            "`{}` holds {stranger:?}, and an id outside printable ASCII is refused, never judged",
            text.escape_debug()
        ),
    };
    let help = (stranger == ',').then_some("write each id as an entry of its own");
    Err(Wrong::new(message, help))
}

fn spelling(token: &Token) -> String {
    match token {
        Token::Word(word) => word.clone(),
        Token::Prefix(head) => format!("{head}*"),
    }
}

/// Returns the tokens of an id or alias, folded to lower case.
fn tokens(id: &str) -> Vec<Token> {
    let folded = id.to_ascii_lowercase();
    folded
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|run| !run.is_empty())
        .map(|run| Token::Word(run.to_owned()))
        .collect()
}

impl Pattern {
    /// Returns whether an occurrence of the other pattern can contain one of this pattern.
    /// `mythos-5` occurs in `mythos-5-20260601`, and every pattern in itself. Where `*` leaves the
    /// answer open, it is yes.
    #[must_use]
    pub fn may_lie_in(&self, other: &Self) -> bool {
        match (&self.shape, &other.shape) {
            (Shape::Exact(id), Shape::Exact(other)) => id == other,
            (Shape::Exact(_), Shape::Tokens(_)) => false,
            (Shape::Tokens(run), Shape::Exact(id)) => occurs(run, &tokens(id)),
            (Shape::Tokens(run), Shape::Tokens(other)) => occurs(run, other),
        }
    }

    /// Returns whether this pattern matches the whole of an exact id, with no token left over.
    #[must_use]
    pub fn says(&self, id: &str) -> bool {
        match &self.shape {
            Shape::Exact(exact) => *exact == id.to_ascii_lowercase(),
            Shape::Tokens(run) => {
                let id = tokens(id);
                run.len() == id.len() && occurs(run, &id)
            }
        }
    }
}

fn occurs(run: &[Token], within: &[Token]) -> bool {
    within.windows(run.len().max(1)).any(|window| {
        run.iter().zip(window).all(|(token, other)| match (token, other) {
            (Token::Word(word), Token::Word(other)) => word == other,
            (Token::Prefix(head), Token::Word(word)) | (Token::Word(word), Token::Prefix(head)) => {
                word.starts_with(head.as_str())
            }
            (Token::Prefix(a), Token::Prefix(b)) => {
                a.starts_with(b.as_str()) || b.starts_with(a.as_str())
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        read(text, Span::default(), &mut Vec::new()).unwrap()
    }

    #[test]
    fn spellings_of_one_run_are_one_pattern() {
        for text in ["mythos-5", "Mythos.5", "mythos_5", "/mythos:5/"] {
            assert_eq!(pattern(text).text, "mythos-5");
        }
        assert_eq!(pattern("Mytho*").text, "mytho*");
        assert_eq!(pattern("=Best-Available").text, "=best-available");
    }

    #[test]
    fn what_can_never_occur_is_no_pattern() {
        for text in [
            "", "-", "*", "*-*", "a,b", "a b", "mythös", "my*thos", "*os", "a**", "=", "=a*",
            "=a b", "\u{0}",
        ] {
            let mut problems = Vec::new();
            assert_eq!(read(text, Span::default(), &mut problems), None, "{text:?}");
            assert_eq!(problems.len(), 1, "{text:?}");
        }
    }

    #[test]
    fn a_pattern_may_lie_in_what_can_hold_its_run() {
        for (inner, outer) in [
            ("mythos-5", "mythos-5-20260601"),
            ("5", "mythos-5"),
            ("mytho*", "mythos-5"),
            ("mytho*", "anthropic/mythos*"),
            ("mythos-*", "mythos-5"),
            ("mythos-5", "=anthropic/mythos-5"),
            ("=x", "=X"),
            ("mythos-5", "mythos*-5"),
            ("mythos", "myth*-5"),
            ("mythos*", "myth*"),
        ] {
            assert!(pattern(inner).may_lie_in(&pattern(outer)), "{inner} in {outer}");
        }
        for (inner, outer) in [
            ("mythos-5", "mythos-50"),
            ("mythos-5", "mythos"),
            ("=mythos-5", "mythos-5"),
            ("mythos-5", "mythos-x-5"),
            ("myth*", "fable*"),
        ] {
            assert!(!pattern(inner).may_lie_in(&pattern(outer)), "{inner} in {outer}");
        }
    }

    #[test]
    fn an_id_is_said_by_a_pattern_of_the_same_extent() {
        assert!(pattern("mythos-5").says("Mythos.5"));
        assert!(pattern("mytho*").says("mythos"));
        assert!(!pattern("mythos").says("mythos-5"));
    }
}
