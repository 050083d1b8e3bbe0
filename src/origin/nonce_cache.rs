use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;

/// Where nonces are remembered. Several machines behind one address need one that they share.
pub trait NonceStore {
    /// Takes a nonce that must be remembered until `until`; both times in seconds since the epoch.
    fn take(&mut self, nonce: &str, until: u64, now: u64) -> Taken;
}

/// What became of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was not here before.
    Fresh,
    /// It was.
    Replayed,
    /// There is no place left to remember it.
    Full,
}

/// NonceStore that this process has seen. What is full refuses, for to forget one would be to let it in twice.
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
    /// In the order they came in, which is nearly that in which they end.
    order: VecDeque<Arc<str>>,
}

impl NonceCache {
    /// A cache of so many nonces, each of some 100 bytes for 80 seconds.
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
