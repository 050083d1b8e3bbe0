//! The masks of 64 bytes find the end of a string where a loop over characters does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_scan::bytes::skip;

/// How far a string is well-formed, and whether its closing quote follows.
fn naive(bytes: &[u8]) -> (usize, bool) {
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        at += match rest {
            [b'"', ..] => return (at, true),
            [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => 6,
            [b'\\', escaped, ..] if b"\"\\/bfnrt".contains(escaped) => 2,
            [] | [b'\\', ..] | [0..0x20, ..] => return (at, false),
            [0..0x80, ..] => 1,
            _ => {
                let length = rest.len().min(4);
                let whole = match str::from_utf8(&rest[..length]) {
                    Ok(_) => length,
                    Err(error) => error.valid_up_to(),
                };
                match str::from_utf8(&rest[..whole]).ok().and_then(|text| text.chars().next()) {
                    Some(character) => character.len_utf8(),
                    None => return (at, false),
                }
            }
        };
    }
}

fuzz_target!(|input: &[u8]| {
    // Whole blocks follow, so that nothing is left to the caller for want of bytes.
    let bytes = [input, &[b'"'; 80]].concat();
    for from in 0..input.len().min(70) {
        let rest = &bytes[from..];
        let (length, closed) = skip(rest);
        let (whole, end) = naive(rest);
        let divides = rest.get(length) == Some(&b'\\') && length < whole;
        assert!((length, closed) == (whole, end) || divides && !closed, "{length} {closed} {whole} {end}");
        assert_eq!(naive(&rest[..length]).0, length, "it stops between characters");
    }
});
