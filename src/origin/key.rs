//! Keys as environment variables hold them: `id:algorithm:base64`, separated by commas.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};

/// Keys by id. During a key change there are an old and a new one.
#[derive(Clone)]
pub struct Keys(Vec<Key>);

#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: Secret,
}

#[derive(Clone)]
pub(crate) enum Secret {
    Hmac(Vec<u8>),
    /// The public key. Without the feature `ed25519` nothing reads it.
    Ed25519(
        #[cfg_attr(not(feature = "ed25519"), expect(dead_code, reason = "nothing checks it"))]
        [u8; 32],
    ),
}

/// Why a text holds no keys. The error says nothing about the text, which is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// Neither `id:hmac-sha256:base64` nor `id:ed25519:base64`.
    Form,
    /// An Ed25519 key that does not have 32 bytes, or a MAC key with fewer.
    Length,
}

impl KeyError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        "key_invalid"
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "the key is not `id:algorithm:base64`",
            Self::Length => "the key must hold 32 bytes",
        })
    }
}

impl core::error::Error for KeyError {}

/// Shows ids alone: a key must not get into a log.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

impl Keys {
    /// Reads keys: `edge-1:hmac-sha256:…` or `edge-2:ed25519:…` (the public key), separated by
    /// commas.
    ///
    /// # Errors
    /// [`KeyError`] if the text has any other format or holds no key.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let keys: Vec<Key> = text
            .split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .map(read)
            .collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(KeyError::Form) } else { Ok(Self(keys)) }
    }

    pub(crate) fn of(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }

    /// Returns the key to sign with: the first HMAC key.
    pub(crate) fn signer(&self) -> Option<(&str, &[u8])> {
        self.0.iter().find_map(|key| match &key.secret {
            Secret::Hmac(secret) => Some((key.id.as_str(), secret.as_slice())),
            Secret::Ed25519(_) => None,
        })
    }
}

fn read(text: &str) -> Result<Key, KeyError> {
    let (id, rest) = text.split_once(':').ok_or(KeyError::Form)?;
    let (algorithm, coded) = rest.split_once(':').ok_or(KeyError::Form)?;
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if !(1..=64).contains(&id.len()) || !id.bytes().all(named) {
        return Err(KeyError::Form);
    }
    let bytes = STANDARD.decode(coded).map_err(|_| KeyError::Form)?;
    let secret = match algorithm {
        "hmac-sha256" if bytes.len() < 32 => return Err(KeyError::Length),
        "hmac-sha256" => Secret::Hmac(bytes),
        "ed25519" => Secret::Ed25519(bytes.try_into().map_err(|_| KeyError::Length)?),
        _ => return Err(KeyError::Form),
    };
    Ok(Key { id: id.to_string(), secret })
}

impl Key {
    pub(crate) fn algorithm(&self) -> &'static str {
        match self.secret {
            Secret::Hmac(_) => "hmac-sha256",
            Secret::Ed25519(_) => "ed25519",
        }
    }

    /// Returns whether this key made the signature of a text. An HMAC is compared in constant time.
    pub(crate) fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        match &self.secret {
            Secret::Hmac(secret) => {
                let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(secret) else {
                    return false;
                };
                mac.update(text);
                mac.verify_slice(signature).is_ok()
            }
            #[cfg(feature = "ed25519")]
            Secret::Ed25519(public) => {
                let (Ok(key), Ok(signature)) = (
                    ed25519_dalek::VerifyingKey::from_bytes(public),
                    ed25519_dalek::Signature::from_slice(signature),
                ) else {
                    return false;
                };
                // Strict verification: a signature has exactly one valid encoding, and keys of
                // small order are rejected.
                key.verify_strict(text, &signature).is_ok()
            }
            #[cfg(not(feature = "ed25519"))]
            Secret::Ed25519(_) => false,
        }
    }
}
