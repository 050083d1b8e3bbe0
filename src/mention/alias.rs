//! Resolves names by the tables of the policy that say which model a name leads to at the origin.
//!
//! ```text
//! host, dialects of the request -> scopes: those without a host, those of this host   per request
//! a name -> binary search in each scope that shares a dialect with the request        per part
//! ```
//!
//! Input: folded names. Output: bits of the patterns in the models to which they resolve.
//! [`model_id`](crate::mention::model_id) judges the name itself, and the bits of this module come
//! on top. A name resolves only if it does so in every dialect that the request may belong to,
//! because the gate does not guess which of them the origin speaks.

use crate::bundle::layout as l;
use crate::bundle::layout::{Span, section};
use crate::bundle::operation::OperationMatch;
use crate::bundle::view::{Bundle, Table};
use crate::compact::bits::set;
use crate::http::head::{Head, host};

/// The tables of the policy that hold for a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// One bit for each dialect that the request may belong to.
    dialects: u32,
    /// The scopes without a host, and those of the request's host.
    spans: [Span; 2],
}

const NOWHERE: Span = Span { at: 0, len: 0 };

impl Default for Scope {
    fn default() -> Self {
        Self { dialects: 0, spans: [NOWHERE; 2] }
    }
}

impl Scope {
    /// Returns the tables that hold for a request of this route and head.
    pub(crate) fn of(
        bundle: Bundle<'_>,
        operation_matches: &[OperationMatch],
        head: &Head<'_>,
    ) -> Self {
        let table: Table<'_, l::Scope> = bundle.table(section::SCOPES);
        let mut dialects = 0;
        for operation_match in operation_matches {
            dialects |= bit(operation_match.dialect);
        }
        if table.len() == 0 {
            return Self { dialects, ..Self::default() };
        }
        let host = host(head);
        let own = if host.is_empty() { NOWHERE } else { run(bundle, table, &host) };
        Self { dialects, spans: [run(bundle, table, b""), own] }
    }

    /// Returns the tables of a request inside another. It goes to the same host, whatever host it
    /// names.
    pub(crate) fn in_batch(mut self, batch: &Self) -> Self {
        self.spans = batch.spans;
        self
    }

    /// Returns the prefix of the dialects. Dialects of different prefixes share no path.
    pub(crate) fn prefix<'a>(&self, bundle: Bundle<'a>) -> &'a str {
        let dialect =
            bundle.table::<l::Dialect>(section::DIALECTS).get(self.dialects.trailing_zeros());
        dialect.map_or("", |dialect| bundle.text(dialect.prefix))
    }

    /// Sets the bits of everything that a name resolves to. Returns false if the name is not known
    /// in every dialect.
    pub(crate) fn resolve(&self, bundle: Bundle<'_>, name: &[u8], bits: &mut [u64]) -> bool {
        let names: Table<'_, l::Deployment> = bundle.table(section::DEPLOYMENTS);
        let mut known = 0;
        for span in self.spans {
            for scope in bundle.table::<l::Scope>(section::SCOPES).span(span).iter() {
                if scope.dialects & self.dialects == 0 {
                    continue;
                }
                let found = names
                    .span(scope.names)
                    .search(|known| bundle.text(known.name).as_bytes().cmp(name));
                if let Some((_, found)) = found {
                    known |= scope.dialects;
                    for pattern in bundle.table::<u32>(section::TARGETS).span(found.targets).iter()
                    {
                        set(bits, pattern);
                    }
                }
            }
        }
        self.dialects != 0 && self.dialects & !known == 0
    }
}

/// Returns the bit of a dialect. If a policy guards too many dialects, the last ones have no bit
/// and are in no scope.
fn bit(dialect: u16) -> u32 {
    1u32.checked_shl(dialect.into()).unwrap_or(0)
}

/// Returns the scopes of a host.
fn run(bundle: Bundle<'_>, table: Table<'_, l::Scope>, host: &[u8]) -> Span {
    let same = |scope: &l::Scope| bundle.text(scope.host).as_bytes() == host;
    let Some((mut at, _)) = table.search(|scope| bundle.text(scope.host).as_bytes().cmp(host))
    else {
        return NOWHERE;
    };
    while at > 0 && table.get(at - 1).as_ref().is_some_and(same) {
        at -= 1;
    }
    let mut len = 0;
    while table.get(at + len).as_ref().is_some_and(same) {
        len += 1;
    }
    Span { at, len }
}
