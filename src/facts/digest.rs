//! Digests of list entries: HMAC-SHA256, cut to 16 bytes.
//!
//! Input: an entry or a caller's value, and the salt of the list or the deployment's key. Output: what the bundle holds in place of names.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The digest of one text under a key.
pub(crate) fn list_digest(key: &[u8], text: &str) -> [u8; 16] {
    hmac_sha256(key, text.as_bytes()).first_chunk().copied().unwrap_or_default()
}

/// HMAC-SHA256. It takes keys of any length.
pub(crate) fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// What a bundle says of the key of its secret lists, so that a wrong one is noticed and its lists count as unknown.
pub(crate) fn list_key_check(key: &[u8]) -> [u8; 16] {
    // No entry of a list is digested with a NUL in it by chance: this text is the check's alone.
    list_digest(key, "portcullis\0list key\0check")
}
