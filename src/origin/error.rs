//! The reasons for which an access header is not valid.

use core::fmt;

/// Why an access header is not valid. The npm package has the same codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessHeaderError {
    /// There is no access header: the request did not pass the gate, or its path is not guarded.
    Missing,
    /// The header does not have the format of an access header.
    Malformed,
    /// There is no key with this id, or it is for another algorithm.
    KeyUnknown,
    /// The signature does not match.
    SignatureWrong,
    /// The header is older than [`limits::ACCESS_SECONDS`](crate::limits::ACCESS_SECONDS).
    Expired,
    /// The header's time is in the future, by more than
    /// [`limits::CLOCK_SKEW_SECONDS`](crate::limits::CLOCK_SKEW_SECONDS).
    NotYetValid,
    /// The header was made for a request with another method.
    MethodWrong,
    /// The header was made for a request with another path or query.
    TargetWrong,
    /// The header was made for a request with other credentials.
    CredentialWrong,
    /// A request with this header has arrived before.
    Replayed,
    /// The nonce cache is full, so a replay cannot be ruled out.
    CacheFull,
}

impl AccessHeaderError {
    /// Returns the stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "access_missing",
            Self::Malformed => "access_malformed",
            Self::KeyUnknown => "access_key_unknown",
            Self::SignatureWrong => "access_signature_wrong",
            Self::Expired => "access_expired",
            Self::NotYetValid => "access_not_yet_valid",
            Self::MethodWrong => "access_method_wrong",
            Self::TargetWrong => "access_target_wrong",
            Self::CredentialWrong => "access_credential_wrong",
            Self::Replayed => "access_replayed",
            Self::CacheFull => "access_cache_full",
        }
    }
}

impl fmt::Display for AccessHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the request has no access of the gate",
            Self::Malformed => "the access is not written as the gate writes it",
            Self::KeyUnknown => "the access is signed with a key that is not known here",
            Self::SignatureWrong => "the access's signature is wrong",
            Self::Expired => "the access has expired",
            Self::NotYetValid => {
                "the access is from the future: the clocks of gate and origin differ"
            }
            Self::MethodWrong => "the access belongs to another method",
            Self::TargetWrong => "the access belongs to another path or query",
            Self::CredentialWrong => "the access belongs to other credentials",
            Self::Replayed => "the access was used before",
            Self::CacheFull => "the cache of nonces is full",
        })
    }
}

impl core::error::Error for AccessHeaderError {}
