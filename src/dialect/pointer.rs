//! Pointers: patterns for the locations in a body.
//!
//! Input: the text of a location in a dialect file. Output: a [`Pointer`], the steps of a small
//! nondeterministic automaton. [`automaton`](crate::compile::dialect::automaton) builds the
//! deterministic one from them.
//!
//! ```text
//! pointer  = 1*( "/" step | group | "#lines" | "#json" | "#base64" )
//! step     = "*"                    every element of an array
//!          | "{}"                   the value of every key
//!          | "**"                   any number of keys and elements, also zero
//!          | "~"                    the value of every key whose name suggests a model
//!                                   (`answering_model`, `selectedModelId`)
//!          | name *( "|" name )     the value of one of these keys
//! group    = "(" pointer ")+"       once or more
//! #lines   = each line of the text is a JSON document
//! #json    = the text is a JSON document
//! #base64  = the text is a JSON document in Base64
//! ```

use super::error::Mistake;
use crate::limits;

/// One step down from a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// The value of one of these keys.
    Key(Vec<String>),
    /// Every element of an array.
    Each,
    /// The value of every key.
    Any,
    /// Any number of keys and elements.
    Deep,
    /// The value of every key whose name suggests a model.
    Like,
    /// From a text to each of its lines.
    Lines,
    /// From a text to the JSON document that it contains.
    Nested,
    /// From a Base64 text to the JSON document that it contains.
    Base64,
}

/// A parsed pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pointer {
    pub(crate) steps: Vec<Step>,
    /// Jumps from the position after a group's last step back to its first step.
    pub(crate) loops: Vec<(usize, usize)>,
}

impl Pointer {
    /// Parses a pointer. The empty text is the document itself.
    pub(crate) fn read(text: &str) -> Result<Self, Mistake> {
        let mut pointer = Self::default();
        let mut open = None;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            rest = match first {
                '/' => {
                    let after = rest.get(1..).unwrap_or_default();
                    let end = after.find(['/', '(', ')', '#']).unwrap_or(after.len());
                    let (step, rest) = after.split_at_checked(end).unwrap_or_default();
                    pointer.steps.push(read_step(text, step)?);
                    rest
                }
                '(' if open.is_none() => {
                    open = Some(pointer.steps.len());
                    rest.get(1..).unwrap_or_default()
                }
                ')' => {
                    let start = open
                        .take()
                        .ok_or_else(|| malformed(text, "a group is closed that was not opened"))?;
                    if start == pointer.steps.len() {
                        return Err(malformed(text, "a group must hold a step"));
                    }
                    pointer.loops.push((pointer.steps.len(), start));
                    rest.strip_prefix(")+")
                        .ok_or_else(|| malformed(text, "a group ends with `)+`"))?
                }
                '#' => {
                    let (step, rest) = if let Some(rest) = rest.strip_prefix("#lines") {
                        (Step::Lines, rest)
                    } else if let Some(rest) = rest.strip_prefix("#json") {
                        (Step::Nested, rest)
                    } else if let Some(rest) = rest.strip_prefix("#base64") {
                        (Step::Base64, rest)
                    } else {
                        return Err(malformed(
                            text,
                            "`#` must be followed by `lines`, `json` or `base64`",
                        ));
                    };
                    pointer.steps.push(step);
                    rest
                }
                _ => return Err(malformed(text, "a step begins with `/`")),
            };
        }
        if open.is_some() { Err(malformed(text, "a group is not closed")) } else { Ok(pointer) }
    }

    /// Returns whether the pointer leads to an undocumented location, by the step `~`.
    pub(crate) fn is_guess(&self) -> bool {
        self.steps.contains(&Step::Like)
    }

    /// Returns the part of this pointer that leads into a text: to its lines, or to the document in
    /// it. `None` if no step does.
    pub(crate) fn text(&self) -> Option<Self> {
        let at = self
            .steps
            .iter()
            .position(|step| matches!(step, Step::Lines | Step::Nested | Step::Base64))?;
        Some(Self { steps: self.steps.get(..=at)?.to_vec(), loops: Vec::new() })
    }

    /// Returns this pointer with `base` in front.
    pub(crate) fn below(&self, base: &Self) -> Self {
        let by = base.steps.len();
        let mut whole = base.clone();
        whole.steps.extend(self.steps.iter().cloned());
        whole.loops.extend(self.loops.iter().map(|&(end, start)| (end + by, start + by)));
        whole
    }
}

/// The step to keys whose names suggest a model.
pub(crate) const LIKE: &str = "~";

fn read_step(text: &str, step: &str) -> Result<Step, Mistake> {
    Ok(match step {
        "*" => Step::Each,
        "{}" => Step::Any,
        "**" => Step::Deep,
        LIKE => Step::Like,
        names => {
            let names: Vec<String> = names.split('|').map(str::to_owned).collect();
            for name in &names {
                if name.is_empty()
                    || !name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"_-.$@:".contains(&byte))
                {
                    return Err(malformed(text, "a key is made of letters, digits and `_-.$@:`"));
                }
                if name.len() > limits::KEY_BYTES {
                    return Err(malformed(text, "a key is longer than the scanner holds"));
                }
            }
            Step::Key(names)
        }
    })
}

fn malformed(text: &str, reason: &'static str) -> Mistake {
    Mistake::Malformed { text: text.to_owned(), reason }
}

/// Returns the form in which keys are compared: ASCII lower case, without `_`. The scanner folds
/// the keys of requests in the same way.
pub(crate) fn fold(name: &str) -> String {
    name.chars().filter(|&c| c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_every_kind_are_read() {
        let key = |name: &str| Step::Key(vec![name.to_owned()]);
        let pointer = Pointer::read("/a/*/{}/**/b|c#lines/d").unwrap();
        assert_eq!(Pointer::read("/**/~").unwrap().steps, [Step::Deep, Step::Like]);
        let both = Step::Key(vec!["b".to_owned(), "c".to_owned()]);
        assert_eq!(
            pointer.steps,
            [key("a"), Step::Each, Step::Any, Step::Deep, both, Step::Lines, key("d")]
        );
        let group = Pointer::read("(/tools/*)+/model").unwrap();
        assert_eq!((group.steps.len(), group.loops.as_slice()), (3, [(2, 0)].as_slice()));
        assert_eq!(group.below(&Pointer::read("/x").unwrap()).loops, [(3, 1)]);
    }

    #[test]
    fn what_is_no_pointer_is_named() {
        for text in
            ["a", "/", "/a//b", "(/a", "/a)", "(/a)", "()+", "/a b", "/a#x", "/modél", "/~a"]
        {
            assert!(matches!(Pointer::read(text), Err(Mistake::Malformed { .. })), "{text}");
        }
    }
}
