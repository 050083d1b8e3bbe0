//! Splits texts at separators. `str::split` and `str::trim` contain a searcher for each kind of
//! pattern, which together take a kilobyte of the edge module. Here a separator is one ASCII
//! character, and blanks are those of ASCII, as in HTTP.

/// Returns the pieces between separators: one more than there are separators.
pub(crate) fn pieces(text: &str, separator: u8) -> Pieces<'_> {
    Pieces { rest: Some(text), separator }
}

/// Returns the texts before and after the first separator, or `None` if there is none.
pub(crate) fn cut(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.as_bytes().iter().position(|&byte| byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Returns whether the text starts with the other, ASCII case aside.
pub(crate) fn starts_folded(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|front| front.eq_ignore_ascii_case(start))
}

/// Returns whether the text ends with the other, ASCII case aside.
pub(crate) fn ends_folded(text: &[u8], end: &[u8]) -> bool {
    text.len()
        .checked_sub(end.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// An iterator over the pieces of a text.
#[derive(Clone)]
pub(crate) struct Pieces<'a> {
    rest: Option<&'a str>,
    separator: u8,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.take()?;
        let Some((piece, after)) = cut(rest, self.separator) else { return Some(rest) };
        self.rest = Some(after);
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, pieces};

    #[test]
    fn pieces_are_those_of_split() {
        for text in ["", ",", "a", "a,", ",a", "a,b,,c", "é,\u{2028},", "a;b"] {
            assert!(pieces(text, b',').eq(text.split(',')), "{text:?}");
            assert_eq!(cut(text, b','), text.split_once(','), "{text:?}");
        }
    }
}
