//! Checks a condition before it is parsed: texts are closed, escapes exist, and nesting and chains
//! are bounded.
//!
//! The parser recurses for every bracket and for every link of a chain such as `a.b.c` or `a == b
//! == c`, but its own limit counts only brackets. A text of 60,000 dots would overflow the stack,
//! which no caller can catch. So this module counts both, on tokens. A chain ends at `&&`, `||`, a
//! comma, or the end of the bracket that contains it.

/// Maximum depth of nested brackets.
const DEPTH: usize = 48;
/// Maximum number of links in one chain. `!org.startsWith("x") == false` has three.
const LINKS: usize = 16;

/// The mistake, and the byte offset at which it is.
pub(crate) enum BoundError {
    /// Brackets are nested too deeply.
    Depth { at: usize },
    /// A chain has too many links.
    Links { at: usize },
    /// A text has no closing quotes.
    Open { at: usize },
    /// A text has an escape that CEL does not define.
    Escape { at: usize },
}

/// Returns the first mistake.
pub(crate) fn excess(source: &str) -> Option<BoundError> {
    let bytes = source.as_bytes();
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let mut links = vec![0_usize];
    let mut at = 0;
    while at < bytes.len() {
        let mut step = 1;
        let mut link = false;
        match byte(at) {
            b'"' | b'\'' => match text(bytes, at) {
                Ok(end) => step = end - at,
                Err(excess) => return Some(excess),
            },
            b'/' if byte(at + 1) == b'/' => {
                step = bytes
                    .iter()
                    .skip(at)
                    .position(|byte| *byte == b'\n')
                    .unwrap_or(bytes.len() - at);
            }
            b'(' | b'[' | b'{' => {
                // An index or a call is a link of the surrounding chain.
                link = true;
            }
            b')' | b']' | b'}' => {
                links.truncate(links.len().saturating_sub(1).max(1));
            }
            b',' => reset(&mut links),
            b'&' | b'|' if byte(at + 1) == byte(at) => {
                reset(&mut links);
                step = 2;
            }
            b'=' | b'!' | b'<' | b'>' => {
                link = true;
                step = if byte(at + 1) == b'=' { 2 } else { 1 };
            }
            b'.' | b'?' | b':' | b'+' | b'-' | b'*' | b'/' | b'%' => link = true,
            letter if letter.is_ascii_alphabetic() || letter == b'_' => {
                let word = bytes
                    .iter()
                    .skip(at)
                    .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
                    .count();
                link = bytes.get(at..at + word) == Some(b"in");
                step = word;
            }
            _ => {}
        }
        if link && let Some(count) = links.last_mut() {
            *count += 1;
            if *count > LINKS {
                return Some(BoundError::Links { at });
            }
        }
        if matches!(byte(at), b'(' | b'[' | b'{') {
            links.push(0);
            if links.len() > DEPTH {
                return Some(BoundError::Depth { at });
            }
        }
        at += step;
    }
    None
}

fn reset(links: &mut [usize]) {
    if let Some(count) = links.last_mut() {
        *count = 0;
    }
}

/// Returns the offset after the text that begins at `at`.
fn text(bytes: &[u8], at: usize) -> Result<usize, BoundError> {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let quote = byte(at);
    let long = byte(at + 1) == quote && byte(at + 2) == quote;
    // `r"..."` and `br"..."` are raw: check the one or two letters before the quote. A longer word
    // is no prefix.
    let letters = bytes
        .iter()
        .take(at)
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .count();
    let raw = (1..=2).contains(&letters)
        && bytes
            .get(at - letters..at)
            .is_some_and(|prefix| prefix.iter().any(|c| c.eq_ignore_ascii_case(&b'r')));
    let mut here = at + if long { 3 } else { 1 };
    while here < bytes.len() {
        match byte(here) {
            b'\\' if !raw => {
                let length = escape(bytes, here).ok_or(BoundError::Escape { at: here })?;
                here += length;
            }
            b'\n' | b'\r' if !long => break,
            c if c == quote && !long => return Ok(here + 1),
            c if c == quote && byte(here + 1) == quote && byte(here + 2) == quote => {
                return Ok(here + 3);
            }
            _ => here += 1,
        }
    }
    Err(BoundError::Open { at })
}

/// Returns the length in bytes of the escape that begins at `at`. `None`: CEL has no such escape.
fn escape(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = |count: usize, radix: u32| {
        let digits = bytes.get(at + 2..at + 2 + count)?;
        digits.iter().all(|digit| char::from(*digit).is_digit(radix)).then_some(2 + count)
    };
    match bytes.get(at + 1)? {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\' | b'?' | b'"' | b'\'' | b'`' => {
            Some(2)
        }
        b'x' | b'X' => digits(2, 16),
        b'u' => digits(4, 16),
        b'U' => digits(8, 16),
        b'0'..=b'3' => digits(2, 8),
        _ => None,
    }
}
