//! Compares names in all the ways in which parsers spell them: keys of objects, segments of the
//! names of form fields.
//!
//! Input: the bytes of a name, with escapes decoded, in pieces of any size. Output: the wanted key
//! that the name matches, and whether all parsers would match it. Memory is constant: a name that
//! is longer than every wanted key matches none, whatever follows.
//!
//! Parsers treat different names as equal. Go's `encoding/json` folds case by Unicode's simple
//! folding, in which U+017F is an `s` and U+212A a `k`. Others drop `_`, control characters or lone
//! surrogates, or end the name at a NUL.
//!
//! A key `~` of a state matches every name that suggests a model: its last word is one of
//! [`NOUNS`], or one of [`LABELS`] after one of these. Words end at `_`, `-`, other punctuation,
//! bytes outside ASCII and changes of case. A name that is longer than every wanted key counts as
//! such a name.

use alloc::vec::Vec;

use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, Span, section};
use crate::bundle::view::Bundle;
use crate::limits;

/// Collects a name, both exact and folded.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    exact: Bytes,
    folded: Bytes,
    /// A NUL has occurred. The folded name ends there.
    cut: bool,
    /// The name before the NUL suggested a model.
    like: bool,
}

/// A wanted key that a name matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The state of its value.
    pub(crate) target: u32,
    /// The number of the state's first key with this folded form, which identifies repetitions.
    pub(crate) number: u32,
    /// The name is spelled as the API documents it.
    pub(crate) exact: bool,
    /// The API does not document the name, but it suggests a model.
    pub(crate) like: bool,
}

#[derive(Clone, Debug)]
struct Bytes {
    held: [u8; limits::KEY_BYTES],
    /// The number of bytes, at most one more than are held.
    length: usize,
}

impl Bytes {
    const EMPTY: Self = Self { held: [0; limits::KEY_BYTES], length: 0 };

    #[inline(always)]
    fn push(&mut self, byte: u8) {
        if let Some(location) = self.held.get_mut(self.length) {
            *location = byte;
            self.length += 1;
        } else {
            self.length = limits::KEY_BYTES + 1;
        }
    }

    /// Returns the bytes, or `None` if there were too many.
    #[inline(always)]
    fn get(&self) -> Option<&[u8]> {
        self.held.get(..self.length)
    }
}

impl Key {
    pub(crate) const EMPTY: Self =
        Self { exact: Bytes::EMPTY, folded: Bytes::EMPTY, cut: false, like: false };

    pub(crate) fn clear(&mut self) {
        self.exact.length = 0;
        self.folded.length = 0;
        self.cut = false;
        self.like = false;
    }

    /// Returns whether the name suggests a model. Some parsers end a name at a NUL, others read it as
    /// punctuation: both count. A name that is longer than every wanted key counts too, whatever it
    /// is: no API has one, and a hint below it costs an open request nothing.
    pub(crate) fn is_like(&self) -> bool {
        self.like || self.exact.get().is_none_or(is_model_like)
    }

    /// Adds a piece of the name that divides no UTF-8 sequence. Bytes that are not UTF-8 are added
    /// unchanged.
    pub(crate) fn push(&mut self, mut piece: &[u8]) {
        while let [byte, rest @ ..] = piece {
            self.exact.push(*byte);
            piece = rest;
            if self.cut {
                continue;
            }
            match (byte, rest) {
                (0, _) => {
                    self.cut = true;
                    self.like = self.is_like();
                }
                (1..0x20 | 0x7f | b'_', _) => {}
                (0xc2, [0x80..=0x9f, rest @ ..]) => {
                    self.exact.push(0x80);
                    piece = rest;
                }
                (0xc5, [0xbf, rest @ ..]) => {
                    self.exact.push(0xbf);
                    self.folded.push(b's');
                    piece = rest;
                }
                (0xe2, [0x84, 0xaa, rest @ ..]) => {
                    self.exact.push(0xaa);
                    self.folded.push(b'k');
                    piece = rest;
                }
                _ => self.folded.push(byte.to_ascii_lowercase()),
            }
        }
    }

    /// Adds a surrogate without its other half, which some parsers drop.
    pub(crate) fn push_lone(&mut self) {
        self.exact.push(0xed);
    }

    /// Returns the folded name, or `None` if it is longer than every wanted key.
    #[inline]
    pub(crate) fn folded(&self) -> Option<&[u8]> {
        self.folded.get()
    }

    /// Returns the one of these wanted keys that the name matches in some parser.
    pub(crate) fn find(&self, bundle: Bundle<'_>, keys: Span) -> Option<Wanted> {
        let exact = self.exact.get();
        let wanted = self.folded().and_then(|folded| documented(bundle, keys, folded, exact));
        wanted.or_else(|| like(bundle, keys).filter(|_| self.is_like()))
    }
}

/// Remembers what the last names of up to fifteen bytes match, because documents repeat their keys.
///
/// INVARIANT: it is asked about one bundle only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(Vec<Slot>);

#[derive(Clone, Debug)]
struct Slot {
    keys: Span,
    name: [u64; 2],
    wanted: Option<Wanted>,
}

/// Enough for the keys of messages, their parts and tools. A power of two.
const SLOTS: usize = 32;

impl Known {
    /// As [`Key::find`], for a complete name. `name` is the number that its bytes make. `key` is
    /// overwritten.
    pub(crate) fn find(
        &mut self,
        bundle: Bundle<'_>,
        keys: Span,
        name: [u64; 2],
        bytes: &[u8],
        key: &mut Key,
    ) -> Option<Wanted> {
        if self.0.is_empty() {
            // No set is there, so no name is found in a free slot.
            let free = Slot { keys: Span { at: NONE, len: 0 }, name: [0; 2], wanted: None };
            self.0.resize(SLOTS, free);
        }
        // The top bits of a product depend on all bits of name and set.
        let [low, high] = name;
        let mixed = (low ^ high ^ u64::from(keys.at) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let [top, ..] = mixed.to_be_bytes();
        let slot = self.0.get_mut(usize::from(top) % SLOTS)?;
        if slot.name != name || slot.keys != keys {
            let wanted = find_plain(bundle, keys, bytes).unwrap_or_else(|| {
                key.clear();
                key.push(bytes);
                key.find(bundle, keys)
            });
            *slot = Slot { keys, name, wanted };
        }
        slot.wanted
    }
}

/// As [`Key::find`], for a name in one piece that equals its folded form. Returns `None` if it does
/// not equal it.
fn find_plain(bundle: Bundle<'_>, keys: Span, name: &[u8]) -> Option<Option<Wanted>> {
    let plain = name.len() <= limits::KEY_BYTES
        && name.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9'));
    plain.then(|| {
        documented(bundle, keys, name, Some(name))
            .or_else(|| like(bundle, keys).filter(|_| is_model_like(name)))
    })
}

/// Up to this number of keys are compared one by one, because most of them differ in length.
const FEW: u32 = 16;

/// The key `~` of a state, if it has one.
fn like(bundle: Bundle<'_>, keys: Span) -> Option<Wanted> {
    // INVARIANT: `~` sorts after every letter.
    let last = bundle
        .table::<l::StateKey>(section::STATE_KEYS)
        .span(keys)
        .get(keys.len.checked_sub(1)?)?;
    (bundle.text(last.folded) == "~").then_some(Wanted {
        target: last.target,
        number: 0,
        exact: true,
        like: true,
    })
}

fn documented(
    bundle: Bundle<'_>,
    keys: Span,
    folded: &[u8],
    exact: Option<&[u8]>,
) -> Option<Wanted> {
    let table = bundle.table::<l::StateKey>(section::STATE_KEYS).span(keys);
    let same = |key: &l::StateKey| {
        key.folded.len as usize == folded.len() && bundle.text(key.folded).as_bytes() == folded
    };
    let mut number = if keys.len <= FEW {
        (0..keys.len).find(|&number| table.get(number).as_ref().is_some_and(same))?
    } else {
        table.search(|key| bundle.text(key.folded).as_bytes().cmp(folded))?.0
    };
    // An API may document two spellings. Then `model_id` and `modelId` are both exact, and one of
    // them after the other is a repetition.
    while number > 0 && table.get(number - 1).as_ref().is_some_and(same) {
        number -= 1;
    }
    let mut wanted = Wanted { target: NONE, number, exact: false, like: false };
    let mut at = number;
    while let Some(key) = table.get(at).filter(same) {
        if exact.is_some_and(|exact| bundle.text(key.name).as_bytes() == exact) {
            return Some(Wanted { target: key.target, exact: true, ..wanted });
        }
        if wanted.target == NONE {
            wanted.target = key.target;
        }
        at += 1;
    }
    Some(wanted)
}

/// The last word of a name that suggests a model.
const NOUNS: [&[u8]; 4] = [b"model", b"models", b"engine", b"deployment"];
/// Words that may follow one of [`NOUNS`].
const LABELS: [&[u8]; 4] = [b"id", b"ids", b"name", b"names"];

/// Returns whether a name suggests a model: `answering_model`, `selectedModelId`,
/// `model-name`, but not `supermodel`.
pub(crate) fn is_model_like(name: &[u8]) -> bool {
    match before(name, &NOUNS, false) {
        Some(_) => true,
        // Servers that ignore case read `modelid` as `modelId`.
        None => {
            before(name, &LABELS, true).is_some_and(|name| before(name, &NOUNS, false).is_some())
        }
    }
}

/// Returns the text before the last word of the name if that word is one of `words`. Case shows
/// where a word begins and is ignored within it. A `joined` word may begin anywhere.
fn before<'n>(mut name: &'n [u8], words: &[&[u8]], joined: bool) -> Option<&'n [u8]> {
    while let Some((last, front)) = name.split_last() {
        if last.is_ascii_alphanumeric() {
            break;
        }
        name = front;
    }
    for word in words {
        let Some((front, tail)) =
            name.len().checked_sub(word.len()).and_then(|at| name.split_at_checked(at))
        else {
            continue;
        };
        let begins = match (front.last(), tail) {
            (Some(last), [first, second, ..]) if last.is_ascii_alphanumeric() => {
                first.is_ascii_uppercase()
                    && !(last.is_ascii_uppercase() && second.is_ascii_uppercase())
            }
            _ => true,
        };
        if (begins || joined) && tail.eq_ignore_ascii_case(word) {
            return Some(front);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_like(name: &str) -> bool {
        let mut key = Key::EMPTY;
        key.push(name.as_bytes());
        key.is_like()
    }

    /// Names and sets in an order in which they displace each other.
    #[cfg(feature = "author")]
    #[test]
    fn a_remembered_key_is_the_key_that_is_found() {
        use crate::testing::automaton;
        let owned = automaton::bundle(&automaton::chat());
        let bundle = owned.view();
        let sets: Vec<Span> =
            bundle.table::<l::State>(section::STATES).iter().map(|state| state.keys).collect();
        let mut names: Vec<String> = bundle
            .table::<l::StateKey>(section::STATE_KEYS)
            .iter()
            .flat_map(|key| [bundle.text(key.name).to_owned(), bundle.text(key.folded).to_owned()])
            .collect();
        names.extend(["", "x", "Model", "MODEL_ID", "answering_model", "_"].map(str::to_owned));
        names.retain(|name| name.len() < 16 && name.is_ascii());
        let mut known = Known::default();
        let mut key = Key::EMPTY;
        for round in 0..3 {
            for (at, name) in names.iter().enumerate() {
                let mut bytes = [0; 16];
                bytes[..name.len()].copy_from_slice(name.as_bytes());
                let [low, high] = [&bytes[..8], &bytes[8..]]
                    .map(|half| u64::from_le_bytes(half.try_into().unwrap()));
                for keys in sets.iter().skip(if round == 1 { at % 3 } else { 0 }) {
                    let mut naive = Key::EMPTY;
                    naive.push(name.as_bytes());
                    let found = known.find(bundle, *keys, [low, high], name.as_bytes(), &mut key);
                    assert_eq!(found, naive.find(bundle, *keys), "{name} {keys:?}");
                    let again = known.find(bundle, *keys, [low, high], name.as_bytes(), &mut key);
                    assert_eq!(again, found, "{name} {keys:?}");
                }
            }
        }
    }

    #[test]
    fn a_name_longer_than_every_wanted_key_is_taken_for_a_models() {
        let many = "very_".repeat(99);
        for name in [format!("{many}model"), format!("selected_model\0{many}"), many] {
            let mut key = Key::EMPTY;
            for piece in name.as_bytes().chunks(7) {
                key.push(piece);
            }
            assert!(key.is_like() && key.exact.get().is_none(), "{name:?}");
        }
    }

    #[test]
    fn the_last_word_tells_what_is_called_like_a_model() {
        for name in [
            "model",
            "Models",
            "MODEL",
            "answering_model",
            "answering-models",
            "answeringModel",
            "selectedModelId",
            "selected.model.name",
            "HTTPModel",
            "gpt4Model",
            "MODEL_ID",
            "modelID",
            "model_ids",
            "deployment",
            "embedding_deployment_name",
            "engine",
            "search_engine",
            "model_",
            "answering_mODEL",
            "reasoning model",
            "x\0model",
            "model\0x",
            "\0aModel",
            "model\0",
            "mod\u{e9}_model",
            "\u{e9}model",
            "model\u{200b}",
            "model\u{17f}",
            "model\u{a0}id",
            "_model",
            "modelid",
            "MODELID",
            "answering_modelname",
            "selectedModelid",
            "x-modelid",
        ] {
            assert!(is_like(name), "{name:?}");
        }
        for name in [
            "supermodel",
            "remodel",
            "model_list",
            "modeled",
            "modelling",
            "id",
            "name",
            "user_id",
            "model_kwargs",
            "SUPERMODEL",
            "engineer",
            "",
            "_",
            "supermodelid",
            "modelkid",
            "fileid",
        ] {
            assert!(!is_like(name), "{name:?}");
        }
    }

    fn folded(name: &str) -> Option<Vec<u8>> {
        let mut key = Key::EMPTY;
        key.push(name.as_bytes());
        key.folded().map(<[u8]>::to_vec)
    }

    #[test]
    fn what_parsers_drop_or_fold_is_dropped_or_folded() {
        for name in [
            "model",
            "MODEL",
            "_mo_del",
            "mo\u{1}del\u{7f}",
            "mod\u{85}el",
            "model\0",
            "model\0x",
            "m___odel",
        ] {
            assert_eq!(folded(name).as_deref(), Some(b"model".as_slice()), "{name:?}");
        }
        assert_eq!(folded("model\u{17f}").as_deref(), Some(b"models".as_slice()));
        assert_eq!(folded("fallbac\u{212a}s").as_deref(), Some(b"fallbacks".as_slice()));
        assert_ne!(folded("mod\u{e9}l").as_deref(), Some(b"model".as_slice()));
        assert_eq!(folded(&"x".repeat(limits::KEY_BYTES + 1)), None);
        assert_eq!(
            folded(&format!("{}model", "_".repeat(10_000))).as_deref(),
            Some(b"model".as_slice())
        );
    }
}
