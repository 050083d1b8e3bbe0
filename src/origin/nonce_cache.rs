//! Remembers nonces, so that an access header can be used only once.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;

/// Remembers nonces. Several machines that serve one address must share a store.
pub trait NonceStore {
    /// Takes a nonce that must be remembered until `until`. Both times are in seconds since the
    /// Unix epoch.
    fn take(&mut self, nonce: &str, until: u64, now: u64) -> Taken;
}

/// The result of taking a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The nonce is new.
    Fresh,
    /// The nonce was taken before.
    Replayed,
    /// There is no room to remember the nonce.
    Full,
}

/// The nonces that this process has seen. A full cache accepts no nonce: if it forgot one, a replay
/// of it would pass.
///
/// ```
/// use portcullis::origin::{NonceStore, NonceCache, Taken};
///
/// let mut seen = NonceCache::new(1);
/// assert_eq!(seen.take("n-1", 70, 0), Taken::Fresh);
/// assert_eq!(seen.take("n-1", 70, 5), Taken::Replayed);
/// assert_eq!(seen.take("n-2", 75, 5), Taken::Full);
/// assert_eq!(seen.take("n-2", 141, 71), Taken::Fresh);
/// ```
#[derive(Debug)]
pub struct NonceCache {
    capacity: usize,
    until: BTreeMap<Arc<str>, u64>,
    /// In the order of arrival, which is nearly the order of expiry.
    order: VecDeque<Arc<str>>,
}

impl NonceCache {
    /// Creates a cache for this many nonces. Each takes some 100 bytes for up to 80 seconds.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, until: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl Default for NonceCache {
    /// Enough for 3,000 requests a second.
    fn default() -> Self {
        Self::new(262_144)
    }
}

impl NonceStore for NonceCache {
    fn take(&mut self, nonce: &str, until: u64, now: u64) -> Taken {
        if self.until.contains_key(nonce) {
            return Taken::Replayed;
        }
        while let Some(oldest) = self.order.front() {
            if self.until.get(oldest).is_some_and(|end| *end >= now) {
                break;
            }
            self.until.remove(oldest);
            self.order.pop_front();
        }
        if self.order.len() >= self.capacity {
            return Taken::Full;
        }
        let nonce: Arc<str> = nonce.into();
        self.until.insert(Arc::clone(&nonce), until);
        self.order.push_back(nonce);
        Taken::Fresh
    }
}
