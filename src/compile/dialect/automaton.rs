//! Builds the pointer automaton: one deterministic automaton for all wanted locations of all
//! bodies.
//!
//! Input: a set of [`Pattern`]s for each start. Output: the sections `STATES` and `STATE_KEYS`.
//! This module does not read requests.
//!
//! ```text
//! position            (pattern, number of completed steps)
//! state               the set of possible positions of a value, closed under `**` and groups
//! key k from a set    every position whose step is a key that folds like k, `{}` or `**`,
//!                     or `~` if k suggests a model
//! key `~` from a set  the same for all other keys whose names suggest a model; it sorts last
//! other, element      the same with only `{}` and `**`; with `*` and `**`
//! role                the strongest role of the positions without further steps
//! equal states        of all starts are merged (Moore's partition refinement),
//!                     numbered in the order of the starts
//! ```
//!
//! Matching pointers one by one would cost the scanner a step for each pointer and key. Sharing
//! equal states keeps the tables small, because most operations have the same tools, fallbacks and
//! graders below their roots.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, Span, role, section};
use crate::bundle::write::Writer;
use crate::dialect::document::DATA;
use crate::dialect::error::Mistake;
use crate::dialect::pointer::{LIKE, Pointer, Step, fold};
use crate::limits;
use crate::mention::key::is_model_like;

/// A pointer, its role, and the text prefix on which the role depends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pattern {
    pub(crate) pointer: Pointer,
    pub(crate) role: u8,
    pub(crate) prefix: String,
}

/// Roles, strongest first. If several roles apply in one state, the first of this list wins. Roles
/// that bind a model come first, since they never let a request pass, whatever the text. An opaque
/// name is stronger than a plain one, since it reveals less. A hint can deny; a suspect only
/// defers.
const STRENGTH: [u8; 15] = [
    role::DELEGATES,
    role::BINDS,
    role::OPAQUE,
    role::DEPLOYMENT,
    role::PRIMARY,
    role::MENTION,
    role::BINDS_IF_UNNAMED,
    role::SELECTOR,
    role::HINT,
    role::SUSPECT,
    role::REQUEST,
    role::MUST_NAME,
    role::MUST_NAME_TYPE,
    role::ROW,
    role::CURSOR,
];

/// The state in which nothing is wanted. Reaching it is not an error.
const INERT: usize = 0;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct AutomatonState {
    role: u8,
    prefix: String,
    /// Exact names and target state, by folded name.
    keys: BTreeMap<String, (BTreeSet<String>, usize)>,
    other: Option<usize>,
    element: Option<usize>,
}

/// Collects starts and then writes them.
#[derive(Debug)]
pub(crate) struct Automaton {
    states: Vec<AutomatonState>,
    starts: BTreeMap<Vec<Pattern>, usize>,
}

/// A start of an [`Automaton`] that is not written yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Start(usize);

type Set = BTreeSet<(usize, usize)>;

impl Default for Automaton {
    fn default() -> Self {
        Self { states: vec![AutomatonState::default()], starts: BTreeMap::new() }
    }
}

impl Automaton {
    /// Returns the start for these patterns, `None` if nothing is wanted. Equal sets share one
    /// start.
    pub(crate) fn start(&mut self, mut patterns: Vec<Pattern>) -> Result<Option<Start>, Mistake> {
        patterns.sort();
        patterns.dedup();
        if patterns.iter().all(|pattern| pattern.role == DATA) {
            return Ok(None);
        }
        if let Some(&known) = self.starts.get(&patterns) {
            return Ok(Some(Start(known)));
        }
        let start =
            Subsets { patterns: &patterns, states: &mut self.states, known: BTreeMap::new() }
                .build()?;
        self.starts.insert(patterns, start);
        Ok(Some(Start(start)))
    }

    /// Merges equal states and writes those that are reachable from `order`. Returns the state
    /// number of each start in `order`.
    pub(crate) fn write(&self, writer: &mut Writer, order: &[Option<Start>]) -> Vec<u32> {
        let class = self.classes();
        let of = |state: usize| class.get(state).copied().unwrap_or_default();
        let mut numbers: BTreeMap<usize, u32> = BTreeMap::new();
        let mut queue: Vec<usize> = Vec::new();
        let mut number = |state: usize, queue: &mut Vec<usize>| {
            let next = u32::try_from(queue.len()).unwrap_or(NONE);
            *numbers.entry(of(state)).or_insert_with(|| {
                queue.push(state);
                next
            })
        };
        let starts = order
            .iter()
            .map(|start| start.map_or(NONE, |Start(state)| number(state, &mut queue)))
            .collect();
        let mut at = 0;
        while let Some(state) = queue.get(at).and_then(|&state| self.states.get(state)) {
            at += 1;
            let mut keys: Vec<l::StateKey> = Vec::new();
            for (folded, (names, target)) in &state.keys {
                let target = number(*target, &mut queue);
                let folded = writer.text(folded);
                keys.extend(names.iter().map(|name| l::StateKey {
                    name: writer.text(name),
                    folded,
                    target,
                    reserved: 0,
                }));
            }
            let keys = if keys.is_empty() {
                Span { at: 0, len: 0 }
            } else {
                writer.extend(section::STATE_KEYS, &keys)
            };
            let prefix = writer.text(&state.prefix);
            let record = l::State {
                keys,
                other: state.other.map_or(NONE, |state| number(state, &mut queue)),
                element: state.element.map_or(NONE, |state| number(state, &mut queue)),
                role: state.role,
                prefix_len: u16::try_from(prefix.len).unwrap_or_default(),
                prefix_at: if prefix.len == 0 { 0 } else { prefix.at },
                ..l::State::default()
            };
            writer.push(section::STATES, &record);
        }
        starts
    }

    /// Returns the class of each state. Two states are in one class if no sequence of steps
    /// distinguishes them.
    fn classes(&self) -> Vec<usize> {
        let mut class = vec![0; self.states.len()];
        let mut count = 0;
        loop {
            let mut seen = BTreeMap::new();
            let next: Vec<usize> = self
                .states
                .iter()
                .zip(&class)
                .map(|(state, &own)| {
                    let of = |state: usize| class.get(state).copied().unwrap_or_default();
                    let keys: Vec<_> =
                        state.keys.values().map(|(names, target)| (names, of(*target))).collect();
                    let signature = (
                        own,
                        state.role,
                        &state.prefix,
                        keys,
                        state.other.map(of),
                        state.element.map(of),
                    );
                    let fresh = seen.len();
                    *seen.entry(signature).or_insert(fresh)
                })
                .collect();
            let found = seen.len();
            class = next;
            if found == count {
                return class;
            }
            count = found;
        }
    }
}

/// The subset construction of one start.
struct Subsets<'a> {
    patterns: &'a [Pattern],
    states: &'a mut Vec<AutomatonState>,
    known: BTreeMap<Set, usize>,
}

impl Subsets<'_> {
    fn build(mut self) -> Result<usize, Mistake> {
        let start = self.close((0..self.patterns.len()).map(|pattern| (pattern, 0)));
        let start = self.without_guesses(start);
        let mut queue = Vec::new();
        let start = self.number(start, &mut queue);
        while let Some((set, number)) = queue.pop() {
            let state = self.state(&set, &mut queue)?;
            if let Some(location) = self.states.get_mut(number) {
                *location = state;
            }
        }
        Ok(start)
    }

    fn step(&self, (pattern, at): (usize, usize)) -> Option<&Step> {
        self.patterns.get(pattern)?.pointer.steps.get(at)
    }

    /// Adds all positions that need no further step.
    fn close(&self, positions: impl IntoIterator<Item = (usize, usize)>) -> Set {
        let mut set = Set::new();
        let mut queue: Vec<_> = positions.into_iter().collect();
        while let Some((pattern, at)) = queue.pop() {
            if !set.insert((pattern, at)) {
                continue;
            }
            if self.step((pattern, at)) == Some(&Step::Deep) {
                queue.push((pattern, at + 1));
            }
            let loops =
                self.patterns.get(pattern).map_or(&[][..], |pattern| &pattern.pointer.loops);
            queue.extend(
                loops.iter().filter(|(end, _)| *end == at).map(|&(_, start)| (pattern, start)),
            );
        }
        set
    }

    /// Returns the patterns that end in this set.
    fn ends<'a>(&'a self, set: &'a Set) -> impl Iterator<Item = &'a Pattern> {
        set.iter()
            .filter(|&&position| self.step(position).is_none())
            .filter_map(|&(pattern, _)| self.patterns.get(pattern))
    }

    fn number(&mut self, set: Set, queue: &mut Vec<(Set, usize)>) -> usize {
        if let Some(&known) = self.known.get(&set) {
            return known;
        }
        let number = self.states.len();
        self.states.push(AutomatonState::default());
        self.known.insert(set.clone(), number);
        queue.push((set, number));
        number
    }

    /// Returns the state after a step. A position was reached by a key that its pattern names
    /// (`exact`) or by a wildcard (`wild`). User data cuts off positions that were reached by a
    /// wildcard. Locations that a pointer names below user data stay. A named key is stronger than
    /// user data that was reached by a wildcard.
    fn target(
        &mut self,
        exact: Vec<(usize, usize)>,
        wild: Vec<(usize, usize)>,
        queue: &mut Vec<(Set, usize)>,
    ) -> Option<usize> {
        let is_data = |set: &Set| self.ends(set).any(|pattern| pattern.role == DATA);
        let named = self.close(exact.iter().copied());
        let wild = self.close(wild);
        let set = if is_data(&named) {
            let below: Set =
                named.into_iter().filter(|&position| self.step(position).is_some()).collect();
            if below.is_empty() {
                return Some(INERT);
            }
            below
        } else if !is_data(&wild) {
            self.close(named.into_iter().chain(wild))
        } else if named.is_empty() {
            return Some(INERT);
        } else {
            named
        };
        let set = self.without_guesses(set);
        if set.is_empty() { None } else { Some(self.number(set, queue)) }
    }

    /// Removes guesses where a role applies and no location below it is documented. An object or
    /// list there is an ambiguity, which the role itself handles.
    fn without_guesses(&self, set: Set) -> Set {
        let leads_into_text = |position: (usize, usize)| {
            matches!(self.step(position), Some(Step::Lines | Step::Nested | Step::Base64))
        };
        // A guess at a name within an encoded text begins there and stays.
        let is_guess = |position: (usize, usize)| {
            !leads_into_text(position)
                && self.patterns.get(position.0).is_some_and(|pattern| pattern.pointer.is_guess())
        };
        let is_object = |role: u8| matches!(role, role::MUST_NAME | role::REQUEST);
        let documented = |&&position: &&(usize, usize)| !is_guess(position);
        let has_role = set.iter().filter(documented).any(|&position| {
            self.step(position).is_none()
                && self.patterns.get(position.0).is_some_and(|pattern| !is_object(pattern.role))
        });
        let holds_text = set.iter().any(|&position| leads_into_text(position));
        let goes_deeper = set.iter().filter(documented).any(|&position| {
            matches!(self.step(position), Some(Step::Key(_) | Step::Any | Step::Deep))
        });
        if holds_text || has_role && !goes_deeper {
            set.into_iter().filter(|&position| !is_guess(position)).collect()
        } else {
            set
        }
    }

    fn state(
        &mut self,
        set: &Set,
        queue: &mut Vec<(Set, usize)>,
    ) -> Result<AutomatonState, Mistake> {
        let mut state = AutomatonState::default();
        let strongest = self
            .ends(set)
            .filter_map(|pattern| {
                let rank = STRENGTH.iter().position(|&role| role == pattern.role)?;
                // A role for certain texts only is weaker than one for all texts.
                Some((!pattern.prefix.is_empty(), rank, pattern.prefix.clone()))
            })
            .min();
        if let Some((_, rank, prefix)) = strongest {
            state.role = STRENGTH.get(rank).copied().unwrap_or_default();
            state.prefix = prefix;
        }

        let (mut names, mut any, mut each, mut nested) =
            (BTreeMap::<String, BTreeSet<String>>::new(), vec![], vec![], vec![]);
        let mut like = Vec::new();
        for &(pattern, at) in set {
            let Some(step) = self.step((pattern, at)) else { continue };
            match step {
                Step::Key(keys) => {
                    for key in keys {
                        names.entry(fold(key)).or_default().insert(key.clone());
                    }
                }
                Step::Like => {
                    names.entry(LIKE.to_owned()).or_default().insert(LIKE.to_owned());
                    like.push((pattern, at + 1));
                }
                Step::Each => each.push((pattern, at + 1)),
                Step::Any => any.push((pattern, at + 1)),
                Step::Deep => {
                    any.push((pattern, at));
                    each.push((pattern, at));
                }
                Step::Lines | Step::Nested | Step::Base64 => {
                    state.role = match step {
                        Step::Lines => role::LINES,
                        Step::Nested => role::NESTED_JSON,
                        _ => role::NESTED_BASE64,
                    };
                    state.prefix = String::new();
                    nested.push((pattern, at + 1));
                }
            }
        }
        // The scanner has one bit for each key record, and each exact name is a record.
        let found = names.values().map(BTreeSet::len).sum();
        if found > limits::KEYS_PER_OBJECT {
            return Err(Mistake::TooManyKeys { found });
        }
        // A text that contains documents has no elements of its own.
        let below = if nested.is_empty() { each } else { nested };
        state.element = self.target(Vec::new(), below, queue);
        state.other = self.target(Vec::new(), any.clone(), queue);
        for (folded, exact) in names {
            let positions = set
                .iter()
                .filter(|&&position| matches!(self.step(position), Some(Step::Key(keys)) if keys.iter().any(|key| fold(key) == folded)))
                .map(|&(pattern, at)| (pattern, at + 1))
                .collect();
            let mut wild = any.clone();
            if folded == LIKE || exact.iter().any(|name| is_model_like(name.as_bytes())) {
                wild.extend_from_slice(&like);
            }
            if let Some(target) = self.target(positions, wild, queue) {
                state.keys.insert(folded, (exact, target));
            }
        }
        state.prune();
        Ok(state)
    }
}

impl AutomatonState {
    /// Removes transitions into the inert state where they have no effect. Below a mention they
    /// stay, since there they show that a value other than a text may occur. Keys stay too, since
    /// they show that a form field belongs to the user.
    fn prune(&mut self) {
        if self.role == role::NOTHING {
            self.element = self.element.filter(|&state| state != INERT);
            self.other = self.other.filter(|&state| state != INERT);
        }
    }
}
