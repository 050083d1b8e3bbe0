//! The access header, `Portcullis-Access`, on every guarded request that the gate forwards.
//! `docs/access-header.md` describes its format.
//!
//! This file has the digest and the signature that the header consists of. The package composes the
//! header; [`origin`](crate::origin) verifies it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use once_cell::race::OnceBox;
use sha2::Digest as _;

use crate::compact::base64::base64;
use crate::facts::digest::MacKey;

/// Returns the digest of a target or of credentials: the first 16 bytes of SHA-256, in Base64. The
/// digest only binds the header to them, so 16 bytes are enough.
pub(crate) fn digest(text: &[u8]) -> String {
    base64(sha2::Sha256::digest(text).first_chunk::<16>().map_or(&[], |short| short.as_slice()))
}

/// Returns the HMAC-SHA256 of a text, in Base64.
pub(crate) fn mac(key: &[u8], text: &[u8]) -> String {
    for kept in &KEYS {
        let (bytes, ready) = kept.get_or_init(|| Box::new((Vec::from(key), MacKey::new(key))));
        if bytes == key {
            return base64(&ready.mac(text));
        }
    }
    base64(&MacKey::new(key).mac(text))
}

/// The first keys of an instance, ready to use. A deployment has few: of the account table, of the
/// access header, of its origins.
static KEYS: [OnceBox<(Vec<u8>, MacKey)>; 4] = [const { OnceBox::new() }; 4];

/// Name of the header that says what the caller of a guarded request may not use, in lower case.
pub const ACCESS_HEADER: &str = "portcullis-access";

/// Name of the header by which an origin acknowledges it, in lower case.
pub const ENFORCED_HEADER: &str = "portcullis-enforced";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_kept_and_others_make_the_same_macs() {
        for _ in 0..2 {
            for byte in 0..8 {
                let key = [byte; 40];
                assert_eq!(mac(&key, b"text"), base64(&MacKey::new(&key).mac(b"text")), "{byte}");
            }
        }
    }
}
