//! The names that conditions may use.

use std::collections::BTreeMap;

use crate::policy::model::{Fact, List};

/// The names that conditions may use. A name that is declared but whose declaration is broken maps to `None`: using it is no mistake.
#[derive(Default)]
pub(crate) struct Names<'a> {
    pub(crate) facts: &'a [Fact],
    pub(crate) lists: &'a [List],
    pub(crate) by_name: BTreeMap<&'a str, Option<Name>>,
    /// The known dialects, and whether each is guarded.
    pub(crate) dialects: BTreeMap<&'a str, bool>,
}

#[derive(Clone, Copy)]
pub(crate) enum Name {
    Fact(usize),
    List(usize),
}
