//! The mark that the gate leaves on every guarded request it forwards, the header `Portcullis-Reach`: `docs/reach-header.md` has its format.
//!
//! Here are the digest and the signature of which it is made. The package puts it together; [`origin`](crate::origin) checks it.

use alloc::string::String;

use sha2::Digest as _;

use crate::compact::base64::base64;
use crate::facts::digest::hmac_sha256;

/// What stands for a target or for credentials: the first 16 bytes of SHA-256, in base64. They bind, they need not be told apart from any other.
pub(crate) fn digest(text: &[u8]) -> String {
    base64(sha2::Sha256::digest(text).first_chunk::<16>().map_or(&[], |short| short.as_slice()))
}

/// HMAC-SHA256 of a text, in base64.
pub(crate) fn mac(key: &[u8], text: &[u8]) -> String {
    base64(&hmac_sha256(key, text))
}

/// Name of the header that says what the caller of a guarded request may not use, in lower case.
pub const REACH_HEADER: &str = "portcullis-reach";

/// Name of the header by which an origin acknowledges it, in lower case.
pub const ENFORCED_HEADER: &str = "portcullis-enforced";
