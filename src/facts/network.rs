//! Kinds of network that the request comes through, according to the platform.

use crate::bundle::layout::NETWORK_KINDS;

/// A set of network kinds. Bit `i` is for `KINDS[i]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network(pub u8);

impl Network {
    /// The kinds that a policy may name, in the order of their bits.
    pub const KINDS: [&'static str; 6] = NETWORK_KINDS;

    /// Returns the set with this kind alone, or `None` if there is no such kind.
    ///
    /// ```
    /// # use portcullis::Network;
    /// assert_eq!(Network::of("tor"), Some(Network(1)));
    /// assert_eq!(Network::of("carrier pigeon"), None);
    /// ```
    #[must_use]
    pub fn of(kind: &str) -> Option<Self> {
        Self::KINDS.iter().position(|known| *known == kind).map(|bit| Self(1 << bit))
    }

    /// Returns the union of both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether the set has the kind with this bit number.
    #[must_use]
    pub const fn has(self, bit: u32) -> bool {
        (self.0 as u32) >> bit & 1 == 1
    }
}
