//! What a bundle says of itself: to `status`, to the deployment that must feed it facts, to people. It is put into words once, when the
//! bundle is written, and travels with it; only the digest is not known by then.

use alloc::string::String;

#[cfg(feature = "author")]
use super::layout::{self as l, column, fact, list, role, section};
use super::read::Bundle;
#[cfg(feature = "author")]
use crate::{emit, facts::Network};

/// A member whose value is a text.
#[cfg(feature = "author")]
fn text(to: &mut String, name: &str, value: &str) {
    emit::member(to, name);
    emit::string(to, value);
}

impl Bundle<'_> {
    /// The digest in hexadecimal, as logs and `status` show it.
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

    /// The bundle's description as JSON.
    ///
    /// `{digest, id, title, version, expires, dialects, facts, secretLists, needs}`: `expires` is in milliseconds since the epoch or null;
    /// `dialects` say where each takes a credential (`{in: "header" | "query" | "protocol", name, scheme: "bearer" | "plain"}`); `facts` name the claims;
    /// `needs` is what a platform must supply: `region`, `asn`, `ip`, and the network kinds that a rule rests on.
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
impl Bundle<'_> {
    /// The members of that description but for the digest, and the closing brace.
    pub(crate) fn describe(self) -> String {
        let mut to = String::new();
        let meta = self.meta();
        text(&mut to, "id", self.policy_id());
        text(&mut to, "title", meta.map_or("", |meta| self.text(meta.title)));
        emit::member(&mut to, "version");
        emit::number(&mut to, self.policy_version());
        emit::member(&mut to, "expires");
        match u64::try_from(self.expires()) {
            Ok(expires) if self.expires() != i64::MAX => emit::number(&mut to, expires),
            _ => to.push_str("null"),
        }
        self.dialects(&mut to);
        emit::member(&mut to, "facts");
        to.push('[');
        for fact in self.table::<l::Fact>(section::FACTS).iter() {
            emit::separate(&mut to);
            to.push('{');
            text(&mut to, "name", self.text(fact.name));
            text(&mut to, "claim", self.text(fact.claim));
            to.push('}');
        }
        to.push(']');
        emit::member(&mut to, "secretLists");
        let secret = self.table::<l::List>(section::LISTS).iter().any(|list| list.kind == list::TEXT && list.secret != 0);
        to.push_str(if secret { "true" } else { "false" });
        self.needs(&mut to);
        to.push('}');
        to
    }

    fn dialects(self, to: &mut String) {
        emit::member(to, "dialects");
        to.push('[');
        let places = self.table::<l::Place>(section::PLACES);
        for dialect in self.table::<l::Dialect>(section::DIALECTS).iter() {
            emit::separate(to);
            to.push('{');
            text(to, "id", self.text(dialect.id));
            text(to, "prefix", self.text(dialect.prefix));
            emit::member(to, "credentials");
            to.push('[');
            for place in places.span(dialect.credentials).iter() {
                let (carrier, scheme) = match place.role {
                    role::HEADER_BEARER => ("header", "bearer"),
                    role::QUERY_CREDENTIAL => ("query", "plain"),
                    role::PROTOCOL_CREDENTIAL => ("protocol", "plain"),
                    _ => ("header", "plain"),
                };
                emit::separate(to);
                to.push('{');
                text(to, "in", carrier);
                text(to, "name", self.text(place.name));
                text(to, "scheme", scheme);
                to.push('}');
            }
            to.push_str("]}");
        }
        to.push(']');
    }

    fn needs(self, to: &mut String) {
        let (mut region, mut asn, mut ip, mut operation, mut network) = (false, false, false, false, Network::default());
        for column in self.table::<l::Column>(section::COLUMNS).iter() {
            match column.fact {
                fact::B_PLACE => region |= self.names_a_region(&column),
                fact::B_ASN => asn = true,
                fact::B_IP => ip = true,
                fact::B_OPERATION | fact::B_DIALECT => operation = true,
                fact::B_NETWORK if column.kind == column::NETWORK => {
                    network = network.with(Network(1u8.checked_shl(column.aux).unwrap_or(0)))
                }
                _ => {}
            }
        }
        emit::member(to, "needs");
        to.push('{');
        for (name, needed) in [("region", region), ("asn", asn), ("ip", ip), ("operation", operation)] {
            emit::member(to, name);
            to.push_str(if needed { "true" } else { "false" });
        }
        emit::member(to, "network");
        emit::strings(to, Network::KINDS.iter().zip(0..).filter(|(_, bit)| network.has(*bit)).map(|(kind, _)| *kind));
        to.push('}');
    }

    fn names_a_region(self, column: &l::Column) -> bool {
        super::keyed::<l::PlaceKey>(self.section(section::KEYS), column.keys)
            .is_some_and(|keys| keys.iter().any(|key| key.region != [0; 3] && key.region != *b"*\0\0"))
    }
}
