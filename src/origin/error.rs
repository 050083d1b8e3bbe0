use core::fmt;

/// Why a mark is not to be trusted. The codes are those of the npm package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MarkError {
    /// There is none: the request did not come through the gate, or is not a guarded one.
    Missing,
    /// It is not written as a mark is.
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
    /// A request with this mark was here before.
    Replayed,
    /// The cache of nonces is full, so nobody can tell whether it is a replay.
    CacheFull,
}

impl MarkError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "reach_missing",
            Self::Malformed => "reach_malformed",
            Self::KeyUnknown => "reach_key_unknown",
            Self::SignatureWrong => "reach_signature_wrong",
            Self::Expired => "reach_expired",
            Self::NotYetValid => "reach_not_yet_valid",
            Self::MethodWrong => "reach_method_wrong",
            Self::TargetWrong => "reach_target_wrong",
            Self::CredentialWrong => "reach_credential_wrong",
            Self::Replayed => "reach_replayed",
            Self::CacheFull => "reach_cache_full",
        }
    }
}

impl fmt::Display for MarkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the request has no mark of the gate",
            Self::Malformed => "the mark is not written as the gate writes it",
            Self::KeyUnknown => "the mark is signed with a key that is not known here",
            Self::SignatureWrong => "the mark's signature is wrong",
            Self::Expired => "the mark has expired",
            Self::NotYetValid => "the mark is from the future: the clocks of gate and origin differ",
            Self::MethodWrong => "the mark belongs to another method",
            Self::TargetWrong => "the mark belongs to another path or query",
            Self::CredentialWrong => "the mark belongs to other credentials",
            Self::Replayed => "the mark was used before",
            Self::CacheFull => "the cache of nonces is full",
        })
    }
}

impl core::error::Error for MarkError {}
