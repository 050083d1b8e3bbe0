//! Writes Base64.

use alloc::string::String;

/// Returns the bytes in Base64 with padding (RFC 4648, section 4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut to = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = 0;
        for at in 0..3 {
            group = group << 8 | u32::from(chunk.get(at).copied().unwrap_or(0));
        }
        for at in 0..4 {
            let letter = match u8::try_from(group >> (18 - 6 * at) & 63).unwrap_or(0) {
                _ if at > chunk.len() => b'=',
                value @ 0..26 => b'A' + value,
                value @ 26..52 => b'a' + value - 26,
                value @ 52..62 => b'0' + value - 52,
                62 => b'+',
                _ => b'/',
            };
            to.push(char::from(letter));
        }
    }
    to
}
