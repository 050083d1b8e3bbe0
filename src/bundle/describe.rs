//! The bundle's description of itself, for `status`, for the deployment that supplies its facts,
//! and for people. The writer composes it once and stores it in the bundle. Only the digest is
//! added later.

use alloc::string::String;

#[cfg(feature = "author")]
use super::layout as l;
#[cfg(feature = "author")]
use super::layout::{NETWORK_KINDS, fact, list, role, section};
use super::view::Bundle;
#[cfg(feature = "author")]
use crate::compact::json;

#[cfg(feature = "author")]
/// The facts that a platform must supply for the rules that are on as shipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) region: bool,
    pub(crate) asn: bool,
    pub(crate) ip: bool,
    /// A set of [`NETWORK_KINDS`], by bits.
    pub(crate) network: u8,
}

/// Writes a member whose value is a text.
#[cfg(feature = "author")]
fn text(to: &mut String, name: &str, value: &str) {
    json::member(to, name);
    json::string(to, value);
}

impl Bundle<'_> {
    /// Returns the digest in hexadecimal, as logs and `status` show it.
    #[must_use]
    pub fn digest_hex(self) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.digest() {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        text
    }

    /// Returns the bundle's description as JSON:
    ///
    /// `{digest, id, title, version, expires, dialects, facts, secretLists, needs}`
    ///
    /// - `expires` is in milliseconds since the Unix epoch, or null.
    /// - `dialects` say where each takes a credential: `{in: "header" | "query" | "protocol", name,
    ///   scheme: "bearer" | "plain"}`.
    /// - `facts` have a name and a claim.
    /// - `secretLists` says whether a list needs the list key.
    /// - `needs` is what a platform must supply for the rules that are on as shipped: `region`,
    ///   `asn`, `ip` and kinds of `network`. `operation` says whether any rule tests operation or
    ///   dialect.
    #[must_use]
    pub fn to_json(self) -> String {
        let mut to = String::from("{\"digest\":\"");
        to.push_str(&self.digest_hex());
        to.push_str("\",");
        to.push_str(self.meta().map_or("}", |meta| self.text(meta.info)));
        to
    }
}

#[cfg(feature = "author")]
impl<'b> Bundle<'b> {
    /// Returns the name of a list whose entries can be looked up only with the deployment's list
    /// key.
    #[must_use]
    pub fn secret_list(self) -> Option<&'b str> {
        let mut lists = self.table::<l::List>(section::LISTS).iter();
        lists
            .find(|list| list.kind == list::TEXT && list.secret != 0 && list.items.len > 0)
            .map(|list| self.text(list.name))
    }
}

#[cfg(feature = "author")]
impl Bundle<'_> {
    /// Returns the members of the description except for the digest, and the closing brace.
    pub(crate) fn describe(self, needs: Needs) -> String {
        let mut to = String::new();
        let meta = self.meta();
        text(&mut to, "id", self.policy_id());
        text(&mut to, "title", meta.map_or("", |meta| self.text(meta.title)));
        json::member(&mut to, "version");
        json::number(&mut to, self.policy_version());
        json::member(&mut to, "expires");
        match u64::try_from(self.expires()) {
            Ok(expires) if self.expires() != i64::MAX => json::number(&mut to, expires),
            _ => to.push_str("null"),
        }
        self.dialects(&mut to);
        json::member(&mut to, "facts");
        to.push('[');
        for fact in self.table::<l::Fact>(section::FACTS).iter() {
            json::separate(&mut to);
            to.push('{');
            text(&mut to, "name", self.text(fact.name));
            text(&mut to, "claim", self.text(fact.claim));
            to.push('}');
        }
        to.push(']');
        json::member(&mut to, "secretLists");
        let secret = self
            .table::<l::List>(section::LISTS)
            .iter()
            .any(|list| list.kind == list::TEXT && list.secret != 0);
        to.push_str(if secret { "true" } else { "false" });
        self.needs(needs, &mut to);
        to.push('}');
        to
    }

    fn dialects(self, to: &mut String) {
        json::member(to, "dialects");
        to.push('[');
        let locations = self.table::<l::Location>(section::LOCATIONS);
        for dialect in self.table::<l::Dialect>(section::DIALECTS).iter() {
            json::separate(to);
            to.push('{');
            text(to, "id", self.text(dialect.id));
            text(to, "prefix", self.text(dialect.prefix));
            json::member(to, "credentials");
            to.push('[');
            for location in locations.span(dialect.credentials).iter() {
                let (carrier, scheme) = match location.role {
                    role::HEADER_BEARER => ("header", "bearer"),
                    role::QUERY_CREDENTIAL => ("query", "plain"),
                    role::PROTOCOL_CREDENTIAL => ("protocol", "plain"),
                    _ => ("header", "plain"),
                };
                json::separate(to);
                to.push('{');
                text(to, "in", carrier);
                text(to, "name", self.text(location.name));
                text(to, "scheme", scheme);
                to.push('}');
            }
            to.push_str("]}");
        }
        to.push(']');
    }

    fn needs(self, needs: Needs, to: &mut String) {
        // The gate itself knows operation and dialect, so the deployment need not supply them. They
        // count in every state of a rule, since a switch may change the state.
        let columns = self.table::<l::Column>(section::COLUMNS);
        let operation =
            columns.iter().any(|column| matches!(column.fact, fact::B_OPERATION | fact::B_DIALECT));
        json::member(to, "needs");
        to.push('{');
        for (name, needed) in [
            ("region", needs.region),
            ("asn", needs.asn),
            ("ip", needs.ip),
            ("operation", operation),
        ] {
            json::member(to, name);
            to.push_str(if needed { "true" } else { "false" });
        }
        json::member(to, "network");
        json::strings(
            to,
            NETWORK_KINDS
                .iter()
                .zip(0..)
                .filter(|(_, bit)| needs.network >> bit & 1 == 1)
                .map(|(kind, _)| *kind),
        );
        to.push('}');
    }
}
