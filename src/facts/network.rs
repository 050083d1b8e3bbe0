//! What kind of network the caller comes through, as far as the platform says.

use crate::bundle::layout::NETWORK_KINDS;

/// A set of network kinds; bit `i` stands for `KINDS[i]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network(pub u8);

impl Network {
    /// The kinds a policy may name, in the order of their bits.
    pub const KINDS: [&'static str; 6] = NETWORK_KINDS;

    /// The set of one kind; `None` if there is no such kind.
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

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the kind of this bit number is in the set.
    #[must_use]
    pub const fn has(self, bit: u32) -> bool {
        (self.0 as u32) >> bit & 1 == 1
    }
}
