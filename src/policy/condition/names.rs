//! The names that conditions may use.

use std::collections::BTreeMap;

use crate::policy::model::{Fact, List};

/// The names that conditions may use. A name whose declaration is broken maps to `None`: conditions
/// may use it without a further report.
#[derive(Default)]
pub(crate) struct Names<'a> {
    pub(crate) facts: &'a [Fact],
    pub(crate) lists: &'a [List],
    pub(crate) by_name: BTreeMap<&'a str, Option<Name>>,
    /// All known dialects. The value says whether the policy guards the dialect.
    pub(crate) dialects: BTreeMap<&'a str, bool>,
}

#[derive(Clone, Copy)]
pub(crate) enum Name {
    Fact(usize),
    List(usize),
}
