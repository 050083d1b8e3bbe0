//! The mark that the gate leaves on every guarded request it forwards, the header `Portcullis-Reach`: `docs/reach-header.md` has its format.
//!
//! Here are the digest and the signature of which it is made. The package puts it together; [`origin`](crate::origin) checks it.

use alloc::string::String;

use sha2::Digest as _;

use crate::facts::digest::hmac_sha256;

/// What stands for a target or for credentials: the first 16 bytes of SHA-256, in base64. They bind, they need not be told apart from any other.
pub(crate) fn digest(text: &[u8]) -> String {
    base64(sha2::Sha256::digest(text).first_chunk::<16>().map_or(&[], |short| short.as_slice()))
}

/// HMAC-SHA256 of a text, in base64.
pub(crate) fn mac(key: &[u8], text: &[u8]) -> String {
    base64(&hmac_sha256(key, text))
}

/// RFC 4648 section 4, with padding.
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
