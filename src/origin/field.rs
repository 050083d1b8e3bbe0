//! Parses the part of RFC 9651 (structured fields) that access headers use: a dictionary whose
//! values are strings, integers, tokens, byte sequences and lists of strings, without parameters. A
//! duplicate name is an error here.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A value of the dictionary.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    String(String),
    Integer(u64),
    Token(&'a str),
    Bytes(Vec<u8>),
    List(Vec<String>),
}

/// Returns the members in order, or `None` if the text has any other format.
pub(crate) fn members(text: &str) -> Option<Vec<(&str, Item<'_>)>> {
    let mut members: Vec<(&str, Item<'_>)> = Vec::new();
    let mut rest = text;
    loop {
        let (name, value) = rest.split_once('=')?;
        let mut letters = name.bytes();
        let begins =
            letters.next().is_some_and(|first| first.is_ascii_lowercase() || first == b'*');
        let goes_on = letters.all(|letter| {
            letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"_.*-".contains(&letter)
        });
        if !begins || !goes_on || members.iter().any(|(other, _)| *other == name) {
            return None;
        }
        let (item, after) = item(value)?;
        members.push((name, item));
        if after.is_empty() {
            return Some(members);
        }
        rest = after.strip_prefix(", ")?;
    }
}

fn item(text: &str) -> Option<(Item<'_>, &str)> {
    match text.bytes().next()? {
        b'"' => string(text).map(|(value, after)| (Item::String(value), after)),
        b':' => {
            let (coded, after) = text.strip_prefix(':')?.split_once(':')?;
            // The engine accepts only the canonical spelling, whose spare bits are zero.
            Some((Item::Bytes(STANDARD.decode(coded).ok()?), after))
        }
        b'(' => {
            let mut rest = text.strip_prefix('(')?;
            let mut list = Vec::new();
            loop {
                if let Some(after) = rest.strip_prefix(')') {
                    return Some((Item::List(list), after));
                }
                if !list.is_empty() {
                    rest = rest.strip_prefix(' ')?;
                }
                let (value, after) = string(rest)?;
                list.push(value);
                rest = after;
            }
        }
        first => {
            let (word, after) = text.split_at(text.find(", ").unwrap_or(text.len()));
            if first.is_ascii_digit() {
                let digits = word.len() <= 15 && word.bytes().all(|digit| digit.is_ascii_digit());
                return digits
                    .then(|| word.parse().ok())
                    .flatten()
                    .map(|value| (Item::Integer(value), after));
            }
            let letter =
                |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
            ((first.is_ascii_alphabetic() || first == b'*') && word.bytes().all(letter))
                .then_some((Item::Token(word), after))
        }
    }
}

fn string(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?.chars();
    let mut value = String::new();
    loop {
        match rest.next()? {
            '"' => return Some((value, rest.as_str())),
            '\\' => value.push(rest.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            plain @ ' '..='~' => value.push(plain),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind() {
        let found = members(r#"a="x\"\\", b=12, c=pass, d=:AA==:, e=("a" "b"), f=()"#);
        let list = |texts: &[&str]| Item::List(texts.iter().map(|text| (*text).into()).collect());
        let expected = vec![
            ("a", Item::String("x\"\\".into())),
            ("b", Item::Integer(12)),
            ("c", Item::Token("pass")),
            ("d", Item::Bytes(vec![0])),
            ("e", list(&["a", "b"])),
            ("f", list(&[])),
        ];
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn anything_else() {
        let others = [
            "",
            "a",
            "a=",
            "=1",
            "A=1",
            "a=1,",
            "a=1, ",
            "a=1,b=2",
            "a=1;p",
            "a=1, a=2",
            "a=\"",
            "a=\"\\x\"",
            "a=\"\u{e4}\"",
            "a=:A:",
            "a=:AB==:",
            "a=:AA:",
            "a=(",
            "a=(\"b\"\"c\")",
            "a=( \"b\")",
            "a=(\"b\" )",
            "a=(b)",
            "a=1.0",
            "a=1234567890123456",
            "a=p\"",
            " a=1",
            "a=?1",
        ];
        for text in others {
            assert_eq!(members(text), None, "{text}");
        }
    }
}
