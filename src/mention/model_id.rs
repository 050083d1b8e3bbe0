//! Which declared patterns occur in a model id.
//!
//! Input: the text of a mention, its carrier's encoding undone. Output: one bit a pattern; bit 0 if no pattern occurs. It
//! does not know which patterns are denied.
//!
//! ```text
//! a text      is read as written, and again after each round of percent-decoding
//! a reading   is split at commas and blanks; each part is judged by itself
//! a part      equals an alias or an `=id`: that pattern covers all of it
//!             names a stored configuration (`@preset/`): nothing is known of it, beside the patterns that occur
//!             else from each token start the trie is walked; the longest run from there counts,
//!             unless a run that starts earlier reaches as far: then it lies strictly inside that one
//! ```
//!
//! Runs are compared by where their first token starts and their last one ends, so the rule "strictly inside no other
//! pattern's" needs one number of memory: how far the runs that started earlier reach. Nothing is allocated but the scratch
//! space, which the caller keeps. Time is tokens x the longest pattern, and one binary search a step.

use alloc::vec::Vec;

use super::alias::Scope;
use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, section};
use crate::bundle::view::{Bundle, Table};
use crate::compact::bits::set;
use crate::compact::hex::hex;
use crate::limits;
use crate::reason::Reason;

/// Sets the bits of the patterns that occur in `text`.
///
/// # Errors
///
/// [`Reason::IdNotAscii`] outside printable ASCII, in whichever round; [`Reason::PercentEscape`] if an escape is malformed
/// or one is left after [`limits::PERCENT_ROUNDS`].
pub(crate) fn judge(
    bundle: Bundle<'_>,
    text: &[u8],
    scratch: &mut Vec<u8>,
    found: &mut Occurrences<'_>,
) -> Result<(), Reason> {
    fold(text, scratch);
    for _ in 0..limits::PERCENT_ROUNDS {
        if !scratch.iter().all(|&b| matches!(b, b' '..=b'~')) {
            return Err(Reason::IdNotAscii);
        }
        reading(bundle, scratch, found);
        if !scratch.contains(&b'%') {
            return Ok(());
        }
        unescape(scratch)?;
    }
    if scratch.contains(&b'%') {
        return Err(Reason::PercentEscape);
    }
    if !scratch.iter().all(|&b| matches!(b, b' '..=b'~')) {
        return Err(Reason::IdNotAscii);
    }
    reading(bundle, scratch, found);
    Ok(())
}

/// As [`judge`], for a text that need not be a model id at all: what cannot be read names nothing.
pub(crate) fn hint(
    bundle: Bundle<'_>,
    text: &[u8],
    scratch: &mut Vec<u8>,
    found: &mut Occurrences<'_>,
) {
    fold(text, scratch);
    reading(bundle, scratch, found);
    for _ in 0..limits::PERCENT_ROUNDS {
        if !scratch.contains(&b'%') || unescape(scratch).is_err() {
            return;
        }
        reading(bundle, scratch, found);
    }
}

/// Where the bits of a text go.
pub(crate) struct Occurrences<'a> {
    /// Of the names as they stand.
    pub(crate) names: &'a mut [u64],
    /// Of what the policy's tables say that they resolve to, and bit 0 where nothing is known of one. `None`: with the names.
    pub(crate) targets: Option<&'a mut [u64]>,
    pub(crate) scope: Scope,
}

/// The parts of a text that are judged each by itself.
pub(crate) fn parts(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&b| matches!(b, b',' | b' ' | b'\t')).filter(|part| !part.is_empty())
}

/// Whether an id may lead to another model than it names: it is an alias, a name of a table, one that moves, or written so that this is not to be seen.
pub(crate) fn moves(bundle: Bundle<'_>, id: &[u8], scope: &Scope) -> bool {
    let mut folded = Vec::new();
    fold(id, &mut folded);
    let trie = Trie {
        nodes: bundle.table(section::TRIE_NODES),
        edges: bundle.table(section::TRIE_EDGES),
        bundle,
    };
    let mut at = 0;
    while let Some(token) = token(&folded, at) {
        at = token.end;
        if matches!(folded.get(token).unwrap_or_default(), b"latest" | b"default" | b"auto") {
            return true;
        }
    }
    folded.contains(&b'%')
        || is_preset(&folded)
        || parts(&folded)
            .any(|part| trie.exact(part, &mut []) || scope.resolve(bundle, part, &mut []))
}

pub(crate) fn fold(text: &[u8], scratch: &mut Vec<u8>) {
    scratch.clear();
    scratch.extend(text.iter().map(u8::to_ascii_lowercase));
}

/// One round of percent-decoding in place, folded as it goes.
fn unescape(text: &mut Vec<u8>) -> Result<(), Reason> {
    let (mut from, mut to) = (0, 0);
    while let Some(&byte) = text.get(from) {
        let decoded = if byte == b'%' {
            let (high, low) = (
                text.get(from + 1).copied().and_then(hex),
                text.get(from + 2).copied().and_then(hex),
            );
            let (Some(high), Some(low)) = (high, low) else { return Err(Reason::PercentEscape) };
            from += 2;
            high << 4 | low
        } else {
            byte
        };
        from += 1;
        if let Some(location) = text.get_mut(to) {
            *location = decoded.to_ascii_lowercase();
        }
        to += 1;
    }
    text.truncate(to);
    Ok(())
}

fn reading(bundle: Bundle<'_>, folded: &[u8], found: &mut Occurrences<'_>) {
    let trie = Trie {
        nodes: bundle.table(section::TRIE_NODES),
        edges: bundle.table(section::TRIE_EDGES),
        bundle,
    };
    let mut unknown = true;
    for (index, part) in parts(folded).enumerate() {
        // In a slot of its own names, what a name holds says nothing of the model.
        let held = trie.occurrences(part, found.names) && found.targets.is_none();
        let bits = found.targets.as_deref_mut().unwrap_or(&mut *found.names);
        let resolved = found.scope.resolve(bundle, part, bits);
        unknown = !held && !resolved || unknown && index > 0 || is_preset(part);
    }
    if unknown {
        set(found.targets.as_deref_mut().unwrap_or(&mut *found.names), 0);
    }
}

/// It goes by a configuration that is stored at the origin, whatever model stands ahead of it (OpenRouter: `author/model@preset/slug`).
fn is_preset(id: &[u8]) -> bool {
    const MARK: &[u8] = b"@preset/";
    id.windows(MARK.len()).any(|text| text == MARK)
}

struct Trie<'a> {
    nodes: Table<'a, l::TrieNode>,
    edges: Table<'a, l::TrieEdge>,
    bundle: Bundle<'a>,
}

impl Trie<'_> {
    /// Sets the bits of the maximal occurrences in one folded part; false if no pattern occurs.
    fn occurrences(&self, part: &[u8], bits: &mut [u64]) -> bool {
        let last = part.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |at| at + 1);
        let exact = self.exact(part, bits);
        // An exact id is a run over all tokens: only a run from the first to the last does not lie strictly inside it.
        let mut reached = if exact { last.saturating_sub(1) } else { 0 };
        let mut found = exact;
        let mut at = 0;
        while let Some(token) = token(part, at) {
            let mut longest = 0;
            self.walk(0, part, token.start, &mut |end, _| longest = longest.max(end));
            if longest > reached {
                self.walk(0, part, token.start, &mut |end, pattern| {
                    if end == longest {
                        set(bits, pattern);
                    }
                });
                reached = longest;
                found = true;
            }
            at = token.end;
            if exact || reached >= last {
                break;
            }
        }
        found
    }

    /// Calls `visit` with the end and the pattern of every run that starts at the token at `at`.
    fn walk(&self, node: u32, part: &[u8], at: usize, visit: &mut dyn FnMut(usize, u32)) {
        let (Some(node), Some(token)) = (self.nodes.get(node), token(part, at)) else { return };
        let text = part.get(token.start..token.end).unwrap_or_default();
        let mut step = |edge: l::TrieEdge| {
            if let Some(target) = self.nodes.get(edge.target) {
                if target.pattern != NONE {
                    visit(token.end, target.pattern);
                }
                self.walk(edge.target, part, token.end, visit);
            }
        };
        if let Some((_, edge)) = self
            .edges
            .span(node.edges)
            .search(|edge| self.bundle.text(edge.token).as_bytes().cmp(text))
        {
            step(edge);
        }
        for edge in self.edges.span(node.prefixes).iter() {
            if text.starts_with(self.bundle.text(edge.token).as_bytes()) {
                step(edge);
            }
        }
    }

    /// The aliases and `=id`s that are exactly this part.
    fn exact(&self, part: &[u8], bits: &mut [u64]) -> bool {
        let table: Table<'_, l::Exact> = self.bundle.table(section::EXACT);
        let Some((mut at, _)) =
            table.search(|exact| self.bundle.text(exact.text).as_bytes().cmp(part))
        else {
            return false;
        };
        let same = |exact: &l::Exact| self.bundle.text(exact.text).as_bytes() == part;
        while at > 0 && table.get(at - 1).as_ref().is_some_and(same) {
            at -= 1;
        }
        while let Some(exact) = table.get(at).filter(same) {
            set(bits, exact.pattern);
            at += 1;
        }
        true
    }
}

/// The first token at or after `at`.
fn token(part: &[u8], at: usize) -> Option<core::ops::Range<usize>> {
    let rest = part.get(at..)?;
    let start = at + rest.iter().position(u8::is_ascii_alphanumeric)?;
    let length = part.get(start..)?.iter().position(|b| !b.is_ascii_alphanumeric());
    Some(start..length.map_or(part.len(), |length| start + length))
}

#[cfg(all(test, feature = "author"))]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
