//! Keys as variables hold them: `id:algorithm:base64`, several with commas between.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};

/// Keys by id: while keys change, the old and the new one.
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
    /// The public key, of which without the feature only the name is known.
    Ed25519(
        #[cfg_attr(not(feature = "ed25519"), expect(dead_code, reason = "nothing checks it"))]
        [u8; 32],
    ),
}

/// Why a text holds no keys. It says nothing of the text, which is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// Not `id:hmac-sha256:base64` or `id:ed25519:base64`.
    Form,
    /// An Ed25519 key of other than 32 bytes, or a MAC key of fewer.
    Length,
}

impl KeyError {
    /// The stable code.
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

/// Ids alone: a key must not reach a log.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

impl Keys {
    /// Reads keys: `edge-1:hmac-sha256:…` or `edge-2:ed25519:…` (the public key), several with commas between.
    ///
    /// # Errors
    /// [`KeyError`] if the text is anything else; it must hold one key at least.
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

    /// The key to sign with: the first that can.
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

    /// Whether the signature of a text is this key's; in the same time wherever it differs.
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
                // Strict: one signature has one spelling, and keys of small order sign nothing.
                key.verify_strict(text, &signature).is_ok()
            }
            #[cfg(not(feature = "ed25519"))]
            Secret::Ed25519(_) => false,
        }
    }
}
