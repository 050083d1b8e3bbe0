//! Maps the bytes of a quoted text to offsets in the file, so that a mistake inside a condition is
//! shown at its exact location even if the text has escapes.

/// Returns for each byte of the text, and for its end, the offset in `raw`. `raw` is the text with
/// its quotes and escapes as TOML or JSON writes them. `None` if the two do not correspond.
pub(crate) fn offsets(raw: &str, text: &str) -> Option<Vec<usize>> {
    let bytes = raw.as_bytes();
    let quote = *bytes.first().filter(|quote| matches!(quote, b'"' | b'\''))?;
    let long = bytes.get(..3).is_some_and(|head| head == [quote; 3]) && bytes.len() >= 6;
    let mut at = if long { 3 } else { 1 };
    if long {
        // TOML: a line end right after the opening quotes is not part of the text.
        let rest = raw.get(at..)?;
        at += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
    }
    let mut offsets = Vec::with_capacity(text.len() + 1);
    let mut chars = text.chars().peekable();
    loop {
        let rest = raw.get(at..)?;
        let here = rest.chars().next()?;
        if here == '\\' && quote == b'"' {
            let length = match rest.as_bytes().get(1)? {
                // TOML: a backslash at the end of a line removes all white space that follows.
                b'\n' | b'\r' | b' ' | b'\t' => {
                    at += 1 + (rest.len() - 1 - rest.get(1..)?.trim_start().len());
                    continue;
                }
                b'x' => 4,
                b'U' => 10,
                // JSON: a character beyond U+FFFF takes two escapes (a surrogate pair).
                b'u' if chars.peek().is_some_and(|c| u32::from(*c) > 0xffff) => 12,
                b'u' => 6,
                _ => 2,
            };
            let c = chars.next()?;
            offsets.extend(std::iter::repeat_n(at, c.len_utf8()));
            at += length;
            continue;
        }
        match chars.next() {
            Some(c) if c == here => {
                offsets.extend(at..at + c.len_utf8());
                at += c.len_utf8();
            }
            // TOML may turn CRLF into one LF.
            Some('\n') if rest.starts_with("\r\n") => {
                offsets.push(at);
                at += 2;
            }
            Some(_) => return None,
            None => {
                offsets.push(at);
                let closing = raw.len().checked_sub(at)?;
                return (closing == if long { 3 } else { 1 }).then_some(offsets);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_found_in_each_way_of_quoting() {
        for (raw, text, letter) in [
            (r#""a == b""#, "a == b", 'b'),
            ("'a == b'", "a == b", 'b'),
            ("'''\na &&\nb'''", "a &&\nb", 'b'),
            ("\"\"\"\r\na &&\r\nb\"\"\"", "a &&\r\nb", 'b'),
            (r#""\"é\" in b""#, "\"é\" in b", 'b'),
            (r#""\u00e9\ud83d\ude00 b""#, "é😀 b", 'b'),
            (r#""\U0001F600 \xe9b""#, "😀 éb", 'b'),
            ("\"\"\"a \\\n   b\"\"\"", "a b", 'b'),
            (r"'\'", r"\", '\\'),
        ] {
            let offsets = offsets(raw, text).unwrap();
            assert_eq!(offsets.len(), text.len() + 1, "{raw}");
            let found = *offsets.get(text.find(letter).unwrap()).unwrap();
            assert!(raw.get(found..).unwrap().starts_with(letter), "{raw}: {found}");
            assert!(offsets.is_sorted());
        }
    }

    #[test]
    fn what_does_not_match_is_no_map() {
        for (raw, text) in [
            ("", ""),
            ("abc", "abc"),
            ("\"ab\"", "ac"),
            ("\"ab\"", "a"),
            ("\"a\"", "ab"),
            ("\"a\\", "a"),
            ("\"\"\"", ""),
        ] {
            assert_eq!(offsets(raw, text), None, "{raw}");
        }
        assert_eq!(offsets("\"\"", ""), Some(vec![1]));
    }
}
