//! Builds the route trie, which maps paths to operations.
//!
//! Input: the segments of routes. Output: the sections `ROUTE_NODES` and `ROUTE_EDGES`, breadth
//! first. The meaning of operations is irrelevant here.

use std::collections::BTreeMap;

use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, Span, section};
use crate::bundle::write::Writer;
use crate::dialect::document::Segment;

#[derive(Debug, Default)]
struct Node {
    literals: BTreeMap<String, usize>,
    /// Suffix and target node.
    captures: Vec<(String, usize)>,
    tail: Option<usize>,
    entries: Vec<usize>,
}

/// Paths as a trie. `entries` are numbers that the caller chooses.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
}

impl Default for Trie {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl Trie {
    /// Inserts a path and returns the number of its last node.
    pub(crate) fn insert<'a>(&mut self, path: impl IntoIterator<Item = &'a Segment>) -> usize {
        let mut at = 0;
        for segment in path {
            let fresh = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return at };
            at = match segment {
                Segment::Literal(text) => *node.literals.entry(text.clone()).or_insert(fresh),
                Segment::Capture { suffix, .. } => {
                    match node.captures.iter().find(|(known, _)| known == suffix) {
                        Some(&(_, target)) => target,
                        None => {
                            node.captures.push((suffix.clone(), fresh));
                            fresh
                        }
                    }
                }
                Segment::Tail { .. } => *node.tail.get_or_insert(fresh),
            };
            if at == fresh {
                self.nodes.push(Node::default());
            }
        }
        at
    }

    /// Adds an entry at a node.
    pub(crate) fn push(&mut self, node: usize, entry: usize) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.entries.push(entry);
        }
    }

    /// Returns the entries of each node, in the order in which [`Trie::write`] writes the nodes.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &[usize]> {
        self.order()
            .into_iter()
            .filter_map(|node| self.nodes.get(node))
            .map(|node| node.entries.as_slice())
    }

    /// Writes the trie. `operations` contains the span of each node's operations, in the order of
    /// [`Trie::entries`].
    pub(crate) fn write(&self, writer: &mut Writer, operations: &[Span]) {
        let order = self.order();
        let number: BTreeMap<usize, u32> = order.iter().copied().zip(0..).collect();
        let of = |node: usize| number.get(&node).copied().unwrap_or(NONE);
        for (&at, &operations) in order.iter().zip(operations) {
            let Some(node) = self.nodes.get(at) else { continue };
            let mut edges = Vec::new();
            for (text, &target) in &node.literals {
                edges.push(l::RouteEdge {
                    text: writer.text(text),
                    target: of(target),
                    reserved: 0,
                });
            }
            // The longest suffix comes first. The order of equally long suffixes is irrelevant,
            // since at most one matches.
            let mut captures = node.captures.clone();
            captures.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
            let mut params = Vec::new();
            for (suffix, target) in captures {
                params.push(l::RouteEdge {
                    text: writer.text(&suffix),
                    target: of(target),
                    reserved: 0,
                });
            }
            let span = |writer: &mut Writer, edges: &[l::RouteEdge]| {
                if edges.is_empty() {
                    Span { at: 0, len: 0 }
                } else {
                    writer.extend(section::ROUTE_EDGES, edges)
                }
            };
            let edges = span(writer, &edges);
            let params = span(writer, &params);
            let tail = node.tail.map_or(NONE, of);
            writer.push(
                section::ROUTE_NODES,
                &l::RouteNode { edges, params, operations, tail, reserved: 0 },
            );
        }
    }

    /// Returns the nodes breadth first, so that the root comes first and siblings are adjacent.
    fn order(&self) -> Vec<usize> {
        let mut order = vec![0];
        let mut at = 0;
        while let Some(node) = order.get(at).and_then(|&node| self.nodes.get(node)) {
            at += 1;
            order.extend(node.literals.values());
            order.extend(node.captures.iter().map(|(_, target)| *target));
            order.extend(node.tail);
        }
        order
    }
}
