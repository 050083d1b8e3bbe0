//! Assigns a bit of the denied set to each pattern, and computes the bits that each rule closes or
//! lifts.
//!
//! Input: families and the models of rules. Output: `FAMILIES`, `PATTERNS`, the token trie, the
//! table of exact ids, masks.
//!
//! In an id only maximal occurrences count. So once `mythos-5-20260601` is declared, it hides the
//! `mythos-5` inside it. A restriction on the shorter pattern therefore closes the longer too,
//! wherever an occurrence of the longer can contain one of the shorter, unless `[models]` assigns
//! the longer to another family. A licence lifts exactly the patterns that it names: a pattern
//! inside an occurrence is already hidden by it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, NONE16, section};
use crate::bundle::write::Writer;
use crate::policy::model::{ModelRef, Models, Pattern, Policy, Shape, Token};

/// The patterns of a policy. Bit 0 stands for an id in which none occurs.
pub(crate) struct Universe {
    patterns: Vec<(Shape, Option<usize>)>,
    numbers: HashMap<String, usize>,
}

impl Universe {
    pub(crate) fn new(policy: &Policy) -> Self {
        let mut universe = Self { patterns: Vec::new(), numbers: HashMap::new() };
        for (family, declared) in policy.families.iter().enumerate() {
            for pattern in &declared.patterns {
                universe.add(&pattern.shape, Some(family));
            }
            for alias in &declared.aliases {
                universe.add(&Shape::Exact(alias.id.clone()), Some(family));
            }
        }
        let models = policy.restrictions.iter().map(|rule| &rule.models);
        for item in models
            .chain(policy.licences.iter().filter_map(|rule| rule.models.as_ref()))
            .flat_map(|models| &models.items)
        {
            if let ModelRef::Pattern(pattern) = item {
                universe.add(&pattern.shape, None);
            }
        }
        universe
    }

    fn add(&mut self, shape: &Shape, family: Option<usize>) {
        let text = text(shape);
        if !self.numbers.contains_key(&text) {
            self.patterns.push((shape.clone(), family));
            self.numbers.insert(text, self.patterns.len());
        }
    }

    /// Returns the number of words of a mask.
    pub(crate) fn words(&self) -> usize {
        (self.patterns.len() + 1).div_ceil(64)
    }

    /// Returns the patterns with their families, from bit 1 on.
    pub(super) fn patterns(&self) -> &[(Shape, Option<usize>)] {
        &self.patterns
    }

    /// Returns the bit of a pattern.
    pub(super) fn bit(&self, shape: &Shape) -> Option<usize> {
        self.numbers.get(&text(shape)).copied()
    }

    /// Returns the bits of the patterns that a list of models names.
    pub(super) fn named(&self, models: &Models) -> Vec<u64> {
        let mut mask = vec![0; self.words()];
        for item in &models.items {
            match item {
                ModelRef::Everything => {
                    (0..=self.patterns.len()).for_each(|bit| set(&mut mask, bit))
                }
                ModelRef::Family(family) => {
                    for (bit, (_, of)) in (1..).zip(&self.patterns) {
                        if of == &Some(*family) {
                            set(&mut mask, bit);
                        }
                    }
                }
                ModelRef::Pattern(Pattern { shape, .. }) => {
                    self.numbers.get(&text(shape)).into_iter().for_each(|bit| set(&mut mask, *bit))
                }
            }
        }
        mask
    }

    /// Returns the bits that a licence lifts.
    pub(crate) fn lifted(&self, models: &Models) -> Vec<u64> {
        self.named(models)
    }

    /// Returns the bits that a restriction closes.
    pub(crate) fn closed(&self, models: &Models) -> Vec<u64> {
        let mut mask = self.named(models);
        let named: Vec<&(Shape, Option<usize>)> = (1..)
            .zip(&self.patterns)
            .filter(|(bit, _)| has(&mask, *bit))
            .map(|(_, pattern)| pattern)
            .collect();
        for (bit, (longer, family)) in (1..).zip(&self.patterns) {
            let closes = |(shorter, of): &&(Shape, Option<usize>)| {
                (family.is_none() || of.is_none() || family == of) && may_hold(longer, shorter)
            };
            if !has(&mask, bit) && named.iter().any(closes) {
                set(&mut mask, bit);
            }
        }
        mask
    }

    pub(crate) fn write(&self, writer: &mut Writer, policy: &Policy) {
        for family in &policy.families {
            let record =
                l::Family { id: writer.text(&family.id), title: writer.text(&family.title) };
            writer.push(section::FAMILIES, &record);
        }
        writer.push(section::PATTERNS, &l::Pattern { family: NONE16, ..Default::default() });
        let mut exact: BTreeMap<&str, u32> = BTreeMap::new();
        let mut trie = vec![Node::default()];
        for (bit, (shape, family)) in (1u32..).zip(&self.patterns) {
            let family = family.and_then(|family| u16::try_from(family).ok()).unwrap_or(NONE16);
            let text = writer.text(&text(shape));
            let is_exact = u16::from(matches!(shape, Shape::Exact(_)));
            writer.push(
                section::PATTERNS,
                &l::Pattern { text, family, exact: is_exact, reserved: 0 },
            );
            match shape {
                Shape::Exact(id) => drop(exact.insert(id, bit)),
                Shape::Tokens(tokens) => insert(&mut trie, tokens, bit),
            }
        }
        for (id, pattern) in exact {
            let text = writer.text(id);
            writer.push(section::EXACT, &l::Exact { text, pattern, reserved: 0 });
        }
        write_trie(writer, &trie);
    }
}

/// Returns the text of a pattern: tokens joined by `-`, or `=` and the exact id.
pub(super) fn text(shape: &Shape) -> String {
    match shape {
        Shape::Exact(id) => format!("={id}"),
        Shape::Tokens(tokens) => {
            let tokens: Vec<String> = tokens
                .iter()
                .map(|token| match token {
                    Token::Word(word) => word.clone(),
                    Token::Prefix(prefix) => format!("{prefix}*"),
                })
                .collect();
            tokens.join("-")
        }
    }
}

/// Returns whether some occurrence of `longer` can contain an occurrence of `shorter`.
pub(super) fn may_hold(longer: &Shape, shorter: &Shape) -> bool {
    let Shape::Tokens(inner) = shorter else { return false };
    tokens(longer)
        .windows(inner.len())
        .any(|run| run.iter().zip(inner).all(|(a, b)| may_equal(a, b)))
}

/// Returns the positions in `longer` at which every occurrence of it contains one of `shorter`.
pub(super) fn positions(longer: &Shape, shorter: &Shape) -> Vec<Range<usize>> {
    let Shape::Tokens(inner) = shorter else { return Vec::new() };
    let windows = tokens(longer);
    let windows = windows.windows(inner.len()).enumerate();
    windows
        .filter(|(_, run)| run.iter().zip(inner).all(|(a, b)| must_equal(a, b)))
        .map(|(at, run)| at..at + run.len())
        .collect()
}

/// Returns whether some occurrence of `longer` can contain one of `shorter` that covers these
/// positions.
pub(super) fn may_cover(longer: &Shape, shorter: &Shape, positions: &Range<usize>) -> bool {
    let Shape::Tokens(inner) = shorter else { return false };
    let windows = tokens(longer);
    windows.windows(inner.len()).enumerate().any(|(at, run)| {
        at <= positions.start
            && positions.end <= at + run.len()
            && run.iter().zip(inner).all(|(a, b)| may_equal(a, b))
    })
}

/// Returns the tokens of a pattern. Those of an exact id are its words.
fn tokens(shape: &Shape) -> Cow<'_, [Token]> {
    match shape {
        Shape::Tokens(tokens) => Cow::Borrowed(tokens),
        Shape::Exact(id) => {
            let folded = id.to_ascii_lowercase();
            let words = folded
                .split(|c: char| !c.is_ascii_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(|word| Token::Word(word.to_owned()));
            Cow::Owned(words.collect())
        }
    }
}

/// Returns whether some token matches both.
fn may_equal(a: &Token, b: &Token) -> bool {
    match (a, b) {
        (Token::Word(a), Token::Word(b)) => a == b,
        (Token::Word(word), Token::Prefix(prefix)) | (Token::Prefix(prefix), Token::Word(word)) => {
            word.starts_with(prefix.as_str())
        }
        (Token::Prefix(a), Token::Prefix(b)) => {
            a.starts_with(b.as_str()) || b.starts_with(a.as_str())
        }
    }
}

/// Returns whether every token that matches `a` matches `b`.
fn must_equal(a: &Token, b: &Token) -> bool {
    match (a, b) {
        (Token::Word(a), Token::Word(b)) => a == b,
        (Token::Word(text) | Token::Prefix(text), Token::Prefix(prefix)) => {
            text.starts_with(prefix.as_str())
        }
        (Token::Prefix(_), Token::Word(_)) => false,
    }
}

#[derive(Default)]
struct Node {
    words: BTreeMap<String, usize>,
    prefixes: BTreeMap<String, usize>,
    pattern: Option<u32>,
}

fn insert(trie: &mut Vec<Node>, tokens: &[Token], pattern: u32) {
    let mut at = 0;
    for token in tokens {
        let next = trie.len();
        let Some(node) = trie.get_mut(at) else { return };
        let (edges, text) = match token {
            Token::Word(word) => (&mut node.words, word),
            Token::Prefix(prefix) => (&mut node.prefixes, prefix),
        };
        at = *edges.entry(text.clone()).or_insert(next);
        if at == next {
            trie.push(Node::default());
        }
    }
    if let Some(node) = trie.get_mut(at) {
        node.pattern = Some(pattern);
    }
}

/// Writes the nodes breadth first, so that edge `i` leads to node `i + 1` and the reader can check
/// cheaply that the edges form a tree.
fn write_trie(writer: &mut Writer, trie: &[Node]) {
    let mut queue = std::collections::VecDeque::from([0]);
    let mut edges = 0u32;
    while let Some(node) = queue.pop_front().and_then(|index: usize| trie.get(index)) {
        let mut span = |writer: &mut Writer, to: &BTreeMap<String, usize>| {
            let at = edges;
            for (token, target) in to {
                edges += 1;
                let token = writer.text(token);
                writer
                    .push(section::TRIE_EDGES, &l::TrieEdge { token, target: edges, reserved: 0 });
                queue.push_back(*target);
            }
            l::Span { at, len: edges - at }
        };
        let (words, prefixes) = (span(writer, &node.words), span(writer, &node.prefixes));
        let pattern = node.pattern.unwrap_or(NONE);
        writer.push(
            section::TRIE_NODES,
            &l::TrieNode { edges: words, prefixes, pattern, reserved: 0 },
        );
    }
}

pub(super) fn set(mask: &mut [u64], bit: usize) {
    if let Some(word) = mask.get_mut(bit / 64) {
        *word |= 1 << (bit % 64);
    }
}

pub(super) fn has(mask: &[u64], bit: usize) -> bool {
    mask.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
}
