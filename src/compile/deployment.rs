//! Writes the tables of deployments: for each name the patterns that occur in its targets.
//!
//! Input: the policy, and its bundle without these tables, which finds the patterns in an id
//! exactly as the gate will. Output: `SCOPES`, `DEPLOYMENTS` and `TARGETS`. A target may be another
//! name of the same table (an alias of a router). Such links are followed here, so that the edge
//! needs one look-up only.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::bundle::layout as l;
use crate::bundle::layout::section;
use crate::bundle::view::Bundle;
use crate::bundle::write::Writer;
use crate::policy::model::{Deployment, Deployments, Policy};

pub(crate) fn write(writer: &mut Writer, policy: &Policy, bundle: Bundle<'_>) {
    let mut spans: HashMap<Vec<u32>, l::Span> = HashMap::new();
    let mut judged = HashMap::new();
    let mut scopes: Vec<(&str, l::Span, u32)> = Vec::new();
    for table in &policy.deployments {
        let dialects = dialects(policy, table);
        if dialects == 0 {
            continue;
        }
        let mut known: BTreeMap<&str, (l::Str, BTreeSet<u32>)> = BTreeMap::new();
        for (entry, patterns) in resolved(table, bundle, &mut judged) {
            let whole = writer.text(&entry.name);
            for name in names(entry) {
                let len = u32::try_from(name.len()).unwrap_or(whole.len);
                let position = l::Str { at: whole.at + whole.len - len, len };
                known
                    .entry(name)
                    .or_insert_with(|| (position, BTreeSet::new()))
                    .1
                    .extend(&patterns);
            }
        }
        let mut records = Vec::with_capacity(known.len());
        for (name, patterns) in known.into_values() {
            let patterns: Vec<u32> = patterns.into_iter().collect();
            let targets = *spans
                .entry(patterns)
                .or_insert_with_key(|patterns| writer.extend(section::TARGETS, patterns));
            records.push(l::Deployment { name, targets });
        }
        let names = writer.extend(section::DEPLOYMENTS, &records);
        match table.hosts.as_slice() {
            [] => scopes.push(("", names, dialects)),
            hosts => scopes.extend(hosts.iter().map(|host| (host.as_str(), names, dialects))),
        }
    }
    scopes.sort_by_key(|(host, names, dialects)| (*host, names.at, *dialects));
    scopes.dedup();
    for (host, names, dialects) in scopes {
        let host = writer.text(host);
        writer.push(section::SCOPES, &l::Scope { host, names, dialects, reserved: 0 });
    }
}

/// Returns the entries of a table, each with the patterns that occur in its targets. `judged` holds
/// the patterns of targets that occurred before.
pub(super) fn resolved<'a>(
    table: &'a Deployments,
    bundle: Bundle<'_>,
    judged: &mut HashMap<&'a str, Vec<u32>>,
) -> Vec<(&'a Deployment, BTreeSet<u32>)> {
    let links: HashMap<&str, &Deployment> =
        table.entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    let mut entries = Vec::with_capacity(table.entries.len());
    for entry in &table.entries {
        let mut patterns = BTreeSet::new();
        for (target, is_link) in reached(entry, &links) {
            let found = judged
                .entry(target)
                .or_insert_with(|| crate::mention::findings::patterns_in(bundle, target));
            // Ignore "unlisted" (bit 0) for a target that is itself resolved.
            patterns.extend(found.iter().filter(|pattern| **pattern != 0 || !is_link));
        }
        entries.push((entry, patterns));
    }
    entries
}

/// Returns the names of an entry: its name, and the part of an ARN after its first slash. In a path
/// with an unescaped slash that part is a segment of its own.
pub(super) fn names(entry: &Deployment) -> impl Iterator<Item = &str> {
    let name = entry.name.as_str();
    let tail = name.strip_prefix("arn:").and_then(|rest| rest.split_once('/'));
    let tail = tail.map(|(_, tail)| tail).filter(|tail| !tail.is_empty());
    std::iter::once(name).chain(tail)
}

/// Returns the bits of the dialects in which a table counts.
fn dialects(policy: &Policy, table: &Deployments) -> u32 {
    let Some(listed) = &table.dialects else { return u32::MAX };
    let bits =
        policy.dialects.iter().zip(0u32..).filter(|(guarded, _)| listed.contains(&guarded.id));
    bits.fold(0, |bits, (_, number)| bits | 1u32.checked_shl(number).unwrap_or(0))
}

/// Returns all direct and indirect targets of a name, and for each whether it is a name of the
/// table too.
fn reached<'a>(
    entry: &'a Deployment,
    links: &HashMap<&str, &'a Deployment>,
) -> BTreeMap<&'a str, bool> {
    let mut reached = BTreeMap::new();
    let mut queue = vec![entry];
    while let Some(here) = queue.pop() {
        for target in &here.targets {
            // A name that resolves to itself has the same name as its model.
            let link = links.get(target.as_str()).filter(|_| *target != here.name);
            if reached.insert(target.as_str(), link.is_some()).is_none() {
                queue.extend(link);
            }
        }
    }
    reached
}
