//! The access header, `Portcullis-Access`, on every guarded request that the gate forwards.
//! `docs/access-header.md` describes its format.
//!
//! This file has the digest and the signature that the header consists of. The package composes the
//! header; [`origin`](crate::origin) verifies it.

use alloc::string::String;

use sha2::Digest as _;

use crate::compact::base64::base64;
use crate::facts::digest::hmac_sha256;

/// Returns the digest of a target or of credentials: the first 16 bytes of SHA-256, in Base64. The
/// digest only binds the header to them, so 16 bytes are enough.
pub(crate) fn digest(text: &[u8]) -> String {
    base64(sha2::Sha256::digest(text).first_chunk::<16>().map_or(&[], |short| short.as_slice()))
}

/// Returns the HMAC-SHA256 of a text, in Base64.
pub(crate) fn mac(key: &[u8], text: &[u8]) -> String {
    base64(&hmac_sha256(key, text))
}

/// Name of the header that says what the caller of a guarded request may not use, in lower case.
pub const ACCESS_HEADER: &str = "portcullis-access";

/// Name of the header by which an origin acknowledges it, in lower case.
pub const ENFORCED_HEADER: &str = "portcullis-enforced";
