//! Finds the declared patterns that occur in a model id.
//!
//! Input: the text of a mention, with the carrier's encoding removed. Output: one bit for each
//! pattern, and bit 0 if no pattern occurs. The module does not know which patterns are denied.
//!
//! ```text
//! text     is read as written, and again after each round of percent-decoding. Each time it is
//!          divided at commas and blanks, and each part is judged by itself
//! part     equals an alias or an `=id`: that pattern covers the whole part
//!          names a stored configuration (`@preset/`): unknown, besides the patterns that occur
//!          else the trie is walked from the start of each token. The longest run from there
//!          counts, unless a run that starts earlier reaches as far: then it is strictly inside
//!          that run
//! ```
//!
//! Runs are compared by the start of their first token and the end of their last one. So the rule
//! "strictly inside no other pattern's run" needs one number: how far the runs that started earlier
//! reach. Nothing is allocated except the scratch space, which the caller keeps. The time is tokens
//! times the longest pattern, with one binary search for each step.

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
/// [`Reason::IdNotAscii`] for a character outside printable ASCII, in any round.
/// [`Reason::PercentEscape`] for a malformed escape, or one that remains after
/// [`limits::PERCENT_ROUNDS`].
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
        scan(bundle, scratch, found);
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
    scan(bundle, scratch, found);
    Ok(())
}

/// As [`judge`], for a text that may be something else than a model id. A text that cannot be read
/// names nothing.
pub(crate) fn hint(
    bundle: Bundle<'_>,
    text: &[u8],
    scratch: &mut Vec<u8>,
    found: &mut Occurrences<'_>,
) {
    fold(text, scratch);
    scan(bundle, scratch, found);
    for _ in 0..limits::PERCENT_ROUNDS {
        if !scratch.contains(&b'%') || unescape(scratch).is_err() {
            return;
        }
        scan(bundle, scratch, found);
    }
}

/// Where the bits of a text go.
pub(crate) struct Occurrences<'a> {
    /// The bits of the names themselves.
    pub(crate) names: &'a mut [u64],
    /// The bits of the models to which the policy's tables resolve the names, and bit 0 if a name
    /// is unknown. `None`: they go to `names`.
    pub(crate) targets: Option<&'a mut [u64]>,
    pub(crate) scope: Scope,
}

/// Returns the parts of a text that are judged each by itself.
pub(crate) fn parts(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&b| matches!(b, b',' | b' ' | b'\t')).filter(|part| !part.is_empty())
}

/// Returns whether an id may lead to another model than it names: it is an alias, a name of a
/// table, a name that moves (`latest`), or it contains an escape that may hide one.
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

/// Decodes one round of percent escapes in place and folds the result.
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

fn scan(bundle: Bundle<'_>, folded: &[u8], found: &mut Occurrences<'_>) {
    let trie = Trie {
        nodes: bundle.table(section::TRIE_NODES),
        edges: bundle.table(section::TRIE_EDGES),
        bundle,
    };
    let mut unknown = true;
    for (index, part) in parts(folded).enumerate() {
        // In a location of opaque names, the patterns in a name say nothing about the model.
        let held = trie.occurrences(part, found.names) && found.targets.is_none();
        let bits = found.targets.as_deref_mut().unwrap_or(&mut *found.names);
        let resolved = found.scope.resolve(bundle, part, bits);
        unknown = !held && !resolved || unknown && index > 0 || is_preset(part);
    }
    if unknown {
        set(found.targets.as_deref_mut().unwrap_or(&mut *found.names), 0);
    }
}

/// Returns whether the id uses a configuration that is stored at the origin, whatever model
/// precedes it (OpenRouter: `author/model@preset/slug`).
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
    /// Sets the bits of the maximal occurrences in one folded part. Returns false if no pattern
    /// occurs.
    fn occurrences(&self, part: &[u8], bits: &mut [u64]) -> bool {
        let last = part.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |at| at + 1);
        let exact = self.exact(part, bits);
        // An exact id is a run over all tokens. Only a run from the first to the last token is not
        // strictly inside it.
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

    /// Calls `visit` with the end and the pattern of every run that starts with the token at `at`.
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

    /// Sets the bits of the aliases and `=id`s that equal this part. Returns whether there are any.
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

/// Returns the first token at or after `at`.
fn token(part: &[u8], at: usize) -> Option<core::ops::Range<usize>> {
    let rest = part.get(at..)?;
    let start = at + rest.iter().position(u8::is_ascii_alphanumeric)?;
    let length = part.get(start..)?.iter().position(|b| !b.is_ascii_alphanumeric());
    Some(start..length.map_or(part.len(), |length| start + length))
}

#[cfg(all(test, feature = "author"))]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
