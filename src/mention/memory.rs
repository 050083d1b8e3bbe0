//! Remembers the ids that the bodies of one head named last.
//!
//! Clients name the same few models again and again. Which patterns occur in an id depends on the
//! bundle and on the [`Scope`] of the head, and on nothing else, so the answer is kept with the id.
//! What a caller may use plays no part in it.

use alloc::vec;
use alloc::vec::Vec;

use super::alias::Scope;
use super::model_id;
use super::model_id::Occurrences;
use crate::bundle::view::Bundle;
use crate::limits;

/// An id with everything that is known about it.
#[derive(Clone, Debug)]
pub(crate) struct KnownId {
    text: Vec<u8>,
    patterns: Vec<u64>,
    /// It may lead to another model than it names, see [`model_id::moves`].
    pub(crate) moves: bool,
    /// The number of ids remembered before it. No two ids of one memory share a number.
    pub(crate) number: u32,
}

/// The ids named last, at most [`limits::IDS_REMEMBERED`]. The oldest goes first.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdMemory {
    ids: Vec<KnownId>,
    count: u32,
}

impl IdMemory {
    /// Returns what is known about an id.
    pub(crate) fn find(&self, id: &[u8]) -> Option<&KnownId> {
        self.ids.iter().find(|known| known.text == id)
    }

    /// Returns the patterns that occur in an id, as [`model_id::judge`] finds them, and remembers
    /// them. `None`: the id is long, or it cannot be read, so it is not remembered.
    pub(crate) fn judge(
        &mut self,
        bundle: Bundle<'_>,
        id: &[u8],
        scratch: &mut Vec<u8>,
        scope: Scope,
    ) -> Option<&[u64]> {
        let found = self.ids.iter().position(|known| known.text == id);
        let at = match found {
            Some(at) => at,
            None => self.learn(bundle, id, scratch, scope)?,
        };
        self.ids.get(at).map(|known| known.patterns.as_slice())
    }

    fn learn(
        &mut self,
        bundle: Bundle<'_>,
        id: &[u8],
        scratch: &mut Vec<u8>,
        scope: Scope,
    ) -> Option<usize> {
        if id.len() > limits::ID_REMEMBERED_BYTES {
            return None;
        }
        let words = bundle.meta().map_or(1, |meta| meta.mask_words as usize);
        let mut patterns = vec![0; words];
        let mut found = Occurrences { names: &mut patterns, targets: None, scope };
        model_id::judge(bundle, id, scratch, &mut found).ok()?;
        let known = KnownId {
            text: id.to_vec(),
            patterns,
            moves: model_id::moves(bundle, id, &scope),
            number: self.count,
        };
        let at = self.count as usize % limits::IDS_REMEMBERED;
        self.count = self.count.wrapping_add(1);
        match self.ids.get_mut(at) {
            Some(oldest) => *oldest = known,
            None => self.ids.push(known),
        }
        Some(at)
    }
}
