//! Writes JSON for the output of the edge module: verdicts, refusals, descriptions of bundles. A
//! serializer would make the module larger.

use alloc::string::String;

/// Appends a JSON string (RFC 8259, section 7). It escapes what JSON requires, and `<`, DEL, U+2028
/// and U+2029, so that the text is safe inside a web page.
pub(crate) fn string(to: &mut String, text: &str) {
    to.push('"');
    for character in text.chars() {
        match character {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{7f}' | '<' | '\u{2028}' | '\u{2029}' => {
                to.push_str("\\u");
                let code = u32::from(character);
                for shift in [12, 8, 4, 0] {
                    to.push(char::from_digit(code >> shift & 15, 16).unwrap_or('0'));
                }
            }
            other => to.push(other),
        }
    }
    to.push('"');
}

/// Appends `"name":`, after a comma if the object has members already.
pub(crate) fn member(to: &mut String, name: &str) {
    separate(to);
    string(to, name);
    to.push(':');
}

/// Appends a comma unless an object, an array or a member has just begun.
pub(crate) fn separate(to: &mut String) {
    if !matches!(to.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
        to.push(',');
    }
}

/// Appends an array of strings.
pub(crate) fn strings<'a>(to: &mut String, texts: impl IntoIterator<Item = &'a str>) {
    to.push('[');
    for text in texts {
        separate(to);
        string(to, text);
    }
    to.push(']');
}

/// Appends an unsigned number.
pub(crate) fn number(to: &mut String, number: u64) {
    if number >= 10 {
        self::number(to, number / 10);
    }
    to.push(char::from(b'0' + u8::try_from(number % 10).unwrap_or(0)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_strings_are_json() {
        let mut text = String::from("{");
        member(&mut text, "a");
        strings(&mut text, ["\"\\\n\u{1}</é", ""]);
        member(&mut text, "b");
        number(&mut text, 18_446_744_073_709_551_615);
        text.push('}');
        assert_eq!(text, r#"{"a":["\"\\\n\u0001\u003c/é",""],"b":18446744073709551615}"#);
    }
}
