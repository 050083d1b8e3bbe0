//! The parts of a policy that its author wants in the public bundle, by name.

use std::collections::BTreeSet;
use std::fmt;

use crate::policy::diagnostic::suggestion;
use crate::policy::model::{FactRef, Policy};

/// Built-in facts that a page does not know. They are dropped like declared ones.
pub(super) const SERVER_FACTS: [(&str, FactRef); 2] = [("asn", FactRef::Asn), ("ip", FactRef::Ip)];

/// The parts of a policy that stay in its public bundle because their author names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    pub(super) authorities: BTreeSet<String>,
    pub(super) deployments: BTreeSet<String>,
    pub(super) facts: BTreeSet<String>,
    pub(super) families: BTreeSet<String>,
    pub(super) rules: BTreeSet<String>,
}

impl Keep {
    /// Reads names such as `fact:us_person`. The kinds are `authority`, `deployments`, `fact`,
    /// `family` and `rule`. A named rule keeps its id and its state, a named authority its texts.
    ///
    /// # Errors
    ///
    /// [`KeepError`] for the first name that the policy does not have.
    pub fn read<'a>(
        names: impl IntoIterator<Item = &'a str>,
        policy: &Policy,
    ) -> Result<Self, KeepError> {
        let mut keep = Self::default();
        for name in names {
            let error = |help| KeepError { name: name.to_owned(), help };
            let Some((kind, id)) = name.split_once(':') else {
                return Err(error(Some(format!(
                    "write a kind and a name, such as `fact:us_person`; {}",
                    known_kinds()
                ))));
            };
            let Some(kept) = keep.of_kind(kind) else {
                return Err(error(match kind {
                    "list" => Some(
                        "a list stays if a rule that stays looks it up; a secret list never does"
                            .to_owned(),
                    ),
                    _ => suggestion::help(kind, KINDS).help,
                }));
            };
            let declared = declared(policy, kind);
            if !declared.contains(&id) {
                return Err(error(suggestion::help(id, declared.iter().copied()).help));
            }
            kept.insert(id.to_owned());
        }
        Ok(keep)
    }

    pub(super) fn of_kind(&mut self, kind: &str) -> Option<&mut BTreeSet<String>> {
        match kind {
            "authority" => Some(&mut self.authorities),
            "deployments" => Some(&mut self.deployments),
            "fact" => Some(&mut self.facts),
            "family" => Some(&mut self.families),
            "rule" => Some(&mut self.rules),
            _ => None,
        }
    }
}

pub(super) const KINDS: [&str; 5] = ["authority", "deployments", "fact", "family", "rule"];

fn known_kinds() -> String {
    suggestion::help("", KINDS).help.unwrap_or_default()
}

/// Returns the names of a kind that a policy has.
pub(super) fn declared<'a>(policy: &'a Policy, kind: &str) -> Vec<&'a str> {
    match kind {
        "authority" => policy.authorities.iter().map(|entry| entry.id.as_str()).collect(),
        "deployments" => policy.deployments.iter().map(|entry| entry.name.as_str()).collect(),
        "fact" => policy
            .facts
            .iter()
            .map(|entry| entry.name.as_str())
            .chain(SERVER_FACTS.map(|(name, _)| name))
            .collect(),
        "family" => policy.families.iter().map(|entry| entry.id.as_str()).collect(),
        _ => policy
            .restrictions
            .iter()
            .map(|rule| rule.id.as_str())
            .chain(policy.licences.iter().map(|rule| rule.id.as_str()))
            .collect(),
    }
}

/// A name to keep that the policy does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepError {
    /// The name as given.
    pub name: String,
    /// Advice.
    pub help: Option<String>,
}

impl fmt::Display for KeepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the policy has no `{}` to keep", self.name.escape_debug())
    }
}

impl std::error::Error for KeepError {}
