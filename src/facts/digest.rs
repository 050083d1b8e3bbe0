//! Digests of list entries: HMAC-SHA256, cut to 16 bytes.
//!
//! Input: a list entry or a caller's value, and the list's salt or the deployment's list key.
//! Output: the digest that the bundle holds in place of the entry.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Returns the digest of a text under a key.
pub(crate) fn list_digest(key: &[u8], text: &str) -> [u8; 16] {
    hmac_sha256(key, text.as_bytes()).first_chunk().copied().unwrap_or_default()
}

/// Returns the HMAC-SHA256 of a text. The key may have any length.
pub(crate) fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// Returns the check value of a list key. The bundle holds it, so that a wrong key is detected and
/// its lists count as unknown.
pub(crate) fn list_key_check(key: &[u8]) -> [u8; 16] {
    // The NUL bytes keep this text apart from the entries of lists.
    list_digest(key, "portcullis\0list key\0check")
}
