//! Small automatons for the tests of the body readers, and comparable results of these readers.

use crate::bundle::layout as l;
use crate::bundle::layout::{NONE, Span, role, section};
use crate::bundle::view::OwnedBundle;
use crate::bundle::write::{Header, Writer};
use crate::mention::findings::Findings;

/// A state to be written. States refer to each other by index.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestAutomaton {
    pub(crate) role: u8,
    pub(crate) keys: Vec<(&'static str, u32)>,
    pub(crate) other: Option<u32>,
    pub(crate) element: Option<u32>,
    pub(crate) prefix: &'static str,
}

impl TestAutomaton {
    pub(crate) fn role(role: u8) -> Self {
        Self { role, ..Self::default() }
    }

    pub(crate) fn keys(keys: &[(&'static str, u32)]) -> Self {
        Self { keys: keys.to_vec(), ..Self::default() }
    }

    pub(crate) fn element(self, element: u32) -> Self {
        Self { element: Some(element), ..self }
    }

    pub(crate) fn other(self, other: u32) -> Self {
        Self { other: Some(other), ..self }
    }

    pub(crate) fn with(self, role: u8) -> Self {
        Self { role, ..self }
    }
}

/// Returns a bundle with these states and no rules.
pub(crate) fn bundle(states: &[TestAutomaton]) -> OwnedBundle {
    let mut writer = Writer::default();
    let empty = writer.text("");
    writer.push(
        section::PATTERNS,
        &l::Pattern { text: empty, family: l::NONE16, exact: 0, reserved: 0 },
    );
    writer.push(
        section::META,
        &l::Meta { title: empty, mask_words: 1, unknown_state: NONE, ..Default::default() },
    );
    for state in states {
        let mut keys: Vec<_> = state
            .keys
            .iter()
            .map(|(name, target)| (name.replace('_', "").to_ascii_lowercase(), *name, *target))
            .collect();
        keys.sort();
        let keys: Vec<_> = keys
            .iter()
            .map(|(folded, name, target)| l::StateKey {
                name: writer.text(name),
                folded: writer.text(folded),
                target: *target,
                reserved: 0,
            })
            .collect();
        let keys = if keys.is_empty() {
            Span { at: 0, len: 0 }
        } else {
            writer.extend(section::STATE_KEYS, &keys)
        };
        let prefix = writer.text(state.prefix);
        let (other, element) = (state.other.unwrap_or(NONE), state.element.unwrap_or(NONE));
        let prefix_len = u16::try_from(prefix.len).unwrap();
        let record = l::State {
            keys,
            other,
            element,
            role: state.role,
            reserved: 0,
            prefix_len,
            prefix_at: prefix.at,
        };
        writer.push(section::STATES, &record);
    }
    let header = Header { policy_id: "sketch", version: 1, expires: i64::MAX, flags: 0 };
    OwnedBundle::new(writer.finish(&header)).unwrap()
}

/// Returns states similar to those of chat completions.
pub(crate) fn chat() -> Vec<TestAutomaton> {
    vec![
        TestAutomaton::keys(&[
            ("model", 1),
            ("models", 2),
            ("fallbacks", 3),
            ("tools", 6),
            ("extra_body", 9),
            ("payload", 10),
            ("previous_id", 11),
            ("any", 12),
        ]),
        TestAutomaton::role(role::PRIMARY),
        TestAutomaton::role(role::MENTION).element(5),
        TestAutomaton::default().element(4),
        TestAutomaton::keys(&[("model", 5), ("modelId", 5), ("model_id", 5)]).with(role::MENTION),
        TestAutomaton::role(role::MENTION),
        TestAutomaton::default().element(7),
        TestAutomaton::keys(&[("model", 5), ("type", 8)]).with(role::MUST_NAME),
        TestAutomaton {
            role: role::MUST_NAME_TYPE,
            prefix: "advisor :clock :file",
            ..TestAutomaton::default()
        },
        TestAutomaton::keys(&[("model", 5)]).with(role::BINDS),
        TestAutomaton::role(role::NESTED_JSON).element(0),
        TestAutomaton::role(role::BINDS_IF_UNNAMED),
        TestAutomaton::keys(&[("model", 5)]).other(12).element(12).with(role::NOTHING),
    ]
}

/// Findings of a reader, for comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestFindings {
    pub(crate) mentions: Vec<String>,
    pub(crate) named: bool,
    pub(crate) binds: bool,
    pub(crate) suspect: bool,
}

impl From<&Findings> for TestFindings {
    fn from(findings: &Findings) -> Self {
        Self {
            mentions: findings.kept().iter().map(|mention| mention.text.clone()).collect(),
            named: findings.names_a_model(),
            binds: findings.binds(),
            suspect: findings.suspect(),
        }
    }
}
