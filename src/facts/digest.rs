//! Digests of list entries: HMAC-SHA256, cut to 16 bytes.
//!
//! Input: a list entry or a caller's value, and the list's salt or the deployment's list key.
//! Output: the digest that the bundle holds in place of the entry.

use sha2::{Digest as _, Sha256};

/// Returns the digest of a text under a key.
pub(crate) fn list_digest(key: &[u8], text: &str) -> [u8; 16] {
    MacKey::new(key).mac(text.as_bytes()).first_chunk().copied().unwrap_or_default()
}

/// A key of HMAC-SHA256 (RFC 2104), as the states of the two hashes after their first block. So
/// the key costs two blocks once, and each text two blocks less.
pub(crate) struct MacKey {
    inner: Sha256,
    outer: Sha256,
}

impl MacKey {
    /// Takes a key of any length.
    pub(crate) fn new(key: &[u8]) -> Self {
        let digest: [u8; 32];
        let key = if key.len() > BLOCK {
            digest = Sha256::digest(key).into();
            &digest
        } else {
            key
        };
        let keyed = |pad| {
            let mut block = [pad; BLOCK];
            for (byte, key) in block.iter_mut().zip(key) {
                *byte ^= key;
            }
            Sha256::new_with_prefix(block)
        };
        Self { inner: keyed(0x36), outer: keyed(0x5c) }
    }

    /// Returns the HMAC-SHA256 of a text.
    pub(crate) fn mac(&self, text: &[u8]) -> [u8; 32] {
        let inner = self.inner.clone().chain_update(text).finalize();
        self.outer.clone().chain_update(inner).finalize().into()
    }
}

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// Returns the check value of a list key. The bundle holds it, so that a wrong key is detected and
/// its lists count as unknown.
pub(crate) fn list_key_check(key: &[u8]) -> [u8; 16] {
    // The NUL bytes keep this text apart from the entries of lists.
    list_digest(key, "portcullis\0list key\0check")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use proptest::prelude::*;

    /// RFC 4231, sections 4.2, 4.3 and 4.8.
    #[test]
    fn macs_are_those_of_the_standard() {
        let hex = |mac: [u8; 32]| mac.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(MacKey::new(&[0x0b; 20]).mac(b"Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex(MacKey::new(b"Jefe").mac(b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let text = b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.";
        assert_eq!(
            hex(MacKey::new(&[0xaa; 131]).mac(text)),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        );
    }

    proptest! {
        #[test]
        fn macs_are_those_of_the_hmac_crate(key in proptest::collection::vec(any::<u8>(), 0..200), text: Vec<u8>) {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.update(&text);
            let expected: [u8; 32] = mac.finalize().into_bytes().into();
            let key = MacKey::new(&key);
            prop_assert_eq!(key.mac(&text), expected);
            // A key can be used again.
            prop_assert_eq!(key.mac(&text), expected);
        }
    }
}
