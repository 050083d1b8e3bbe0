use core::fmt;

/// Why a access header is not to be trusted. The codes are those of the npm package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessHeaderError {
    /// There is none: the request did not come through the gate, or is not a guarded one.
    Missing,
    /// It is not written as a access header is.
    Malformed,
    /// No key of that id is known, or it is one of another algorithm.
    KeyUnknown,
    /// The signature is not that of the key.
    SignatureWrong,
    /// It is older than [`limits::MARK_SECONDS`](crate::limits::MARK_SECONDS).
    Expired,
    /// It is from the future, beyond what clocks differ.
    NotYetValid,
    /// It was left on a request of another method.
    MethodWrong,
    /// It was left on a request for another path or query.
    TargetWrong,
    /// It was left on a request with other credentials.
    CredentialWrong,
    /// A request with this access header was here before.
    Replayed,
    /// The cache of nonces is full, so nobody can tell whether it is a replay.
    CacheFull,
}

impl AccessHeaderError {
    /// The stable code.
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
