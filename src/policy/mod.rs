//! What people write: policies in TOML or JSON, read, checked and typed.

mod model;

pub use model::{
    About, Alias, Atom, Authority, Clause, Comparison, Condition, ElementTest, Entries, Fact, FactKind, FactRef, Family,
    GuardedDialect, LateBound, Licence, LicenceKind, List, Literal, ModelRef, Models, Pattern, Policy, Range, Restriction, Shape,
    Span, State, Test, Token, Unlisted,
};
