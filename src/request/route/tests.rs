//! Compares the walk for all dialects at once with the walk for each alone, and checks its bounds.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::bundle::view::OwnedBundle;
use crate::{dialect, policy};

/// Returns a bundle that guards these dialects, each under its vendor's own paths or under a
/// prefix.
fn guarding(dialects: &[(&str, &str)]) -> OwnedBundle {
    let tables: Vec<String> = dialects
        .iter()
        .map(|(id, prefix)| {
            if prefix.is_empty() {
                format!("{id:?}")
            } else {
                format!("{{ id = {id:?}, prefix = {prefix:?} }}")
            }
        })
        .collect();
    let text = format!(
        "format = 1\n[policy]\nid = \"p\"\nversion = 1\ndialects = [{}]\n[models.m]\nids = [\"mythos-5\"]\n\
         [[restrictions]]\nid = \"r\"\nmodels = [\"m\"]\nmessage = \"no\"\n",
        tables.join(", ")
    );
    let loaded =
        policy::load(vec![policy::Source::new("p.toml", text)], &mut policy::Options::default());
    OwnedBundle::new(crate::compile::compile(&loaded.policy.unwrap(), None).unwrap()).unwrap()
}

fn ids() -> Vec<&'static str> {
    dialect::all().iter().map(|source| source.id).collect()
}

/// Operations of the method: dialect, id and whether the operation is weak.
type Matches = BTreeSet<(String, String, bool)>;

fn found(bundle: Bundle<'_>, route: &Route) -> Matches {
    let dialects = bundle.table::<l::Dialect>(section::DIALECTS);
    let operations = bundle.table::<l::Operation>(section::OPERATIONS);
    let named = route.operation_matches.iter().filter_map(|found| {
        let operation = operations
            .get(found.operation)
            .filter(|operation| operation.methods & route.methods != 0)?;
        let dialect = dialects.get(u32::from(found.dialect))?;
        let weak = operation.flags & operation::WEAK != 0;
        Some((bundle.text(dialect.id).to_owned(), bundle.text(operation.id).to_owned(), weak))
    });
    named.collect()
}

/// Returns the index of the first of the trailing ids, if the path is surely a known one.
fn exact(bundle: Bundle<'_>, path: &str) -> Option<usize> {
    let segments: Vec<&[u8]> = path.as_bytes().split(|&b| b == b'/').skip(1).collect();
    let mut route = Route { methods: 0b1_1111, ..Route::default() };
    let search = route.search(&Walk::new(bundle), &segments, Manner::Exact);
    (search.found() == Match::Sure).then_some(search.free)
}

/// Returns paths to try: those of the bundle, with captures filled in.
fn paths(bundle: Bundle<'_>) -> Vec<Vec<String>> {
    fn below(bundle: Bundle<'_>, node: u32, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
        let node = bundle.table::<l::RouteNode>(section::ROUTE_NODES).get(node).unwrap();
        let edges = bundle.table::<l::RouteEdge>(section::ROUTE_EDGES);
        if node.operations.len > 0 {
            paths.push(path.clone());
        }
        for (prefix, span) in [("", node.edges), ("some", node.params)] {
            for edge in edges.span(span).iter() {
                path.push(format!("{prefix}{}", bundle.text(edge.text)));
                below(bundle, edge.target, path, paths);
                path.pop();
            }
        }
        if node.tail != NONE {
            path.push("some".to_owned());
            paths.push(path.clone());
            path.push("more".to_owned());
            paths.push(path.clone());
            path.pop();
            path.pop();
        }
    }
    let mut found = Vec::new();
    below(bundle, 0, &mut Vec::new(), &mut found);
    found
}

/// Checks that all dialects together find exactly what each of them finds alone.
fn compare(
    all: Bundle<'_>,
    alone: &[OwnedBundle],
    method: &str,
    path: &str,
) -> Result<(), TestCaseError> {
    let together = route(all, method, path);
    let united = found(all, &together);
    let known = exact(all, path);
    for bundle in alone {
        let bundle = bundle.view();
        let single = route(bundle, method, path);
        // Exact routes win over endings, and longer endings over shorter ones, in any dialect. A
        // literal of one dialect is not an id to another. A weak operation counts only where no
        // other operation does.
        if known.is_some_and(|free| exact(bundle, path).is_none_or(|own| own < free)) {
            continue;
        }
        for (dialect, operation, weak) in found(bundle, &single) {
            let is_there = united.iter().any(|(d, o, _)| (d, o) == (&dialect, &operation));
            let known =
                || together.operations(all).any(|operation| operation.flags & operation::WEAK == 0);
            prop_assert!(
                is_there || weak && known(),
                "{} {}: {} {}, {:?}",
                method,
                path,
                dialect,
                operation,
                united
            );
        }
    }
    Ok(())
}

#[test]
fn all_dialects_together_find_what_each_finds() {
    let alone: Vec<OwnedBundle> = ids().iter().map(|id| guarding(&[(id, "")])).collect();
    let all = guarding(&ids().iter().map(|id| (*id, "")).collect::<Vec<_>>());
    let all = all.view();
    for path in paths(all) {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            compare(all, &alone, method, &format!("/{}", path.join("/"))).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, ..ProptestConfig::default() })]

    #[test]
    fn so_they_do_on_random_paths(cut in 0..8usize, seeds in prop::collection::vec(any::<prop::sample::Index>(), 1..4), method in 0..5usize) {
        SHARED.with(|(all, alone, paths)| {
            // Pieces of known paths, one after the other.
            let mut path: Vec<&str> = Vec::new();
            for seed in &seeds {
                let piece = &paths[seed.index(paths.len())];
                path.extend(piece.iter().skip(if path.is_empty() { 0 } else { cut.min(piece.len()) }).map(String::as_str));
            }
            compare(all.view(), alone, ["GET", "POST", "PUT", "PATCH", "DELETE"][method], &format!("/{}", path.join("/")))
        })?;
    }
}

thread_local! {
    static SHARED: (OwnedBundle, Vec<OwnedBundle>, Vec<Vec<String>>) = {
        let alone = ids().iter().map(|id| guarding(&[(id, "")])).collect();
        let all = guarding(&ids().iter().map(|id| (*id, "")).collect::<Vec<_>>());
        let paths = paths(all.view());
        (all, alone, paths)
    };
}

#[test]
fn dialects_under_one_prefix_and_under_several_are_each_found() {
    let bundle = guarding(&[
        ("openai", ""),
        ("gemini", ""),
        ("bedrock", "/aws"),
        ("cohere", "/co"),
        ("mistral", "/co"),
    ]);
    let bundle = bundle.view();
    let found = |method: &str, path: &str| -> Vec<String> {
        found(bundle, &route(bundle, method, path))
            .into_iter()
            .map(|(dialect, operation, _)| format!("{dialect}.{operation}"))
            .collect()
    };
    // A literal of one dialect is a capture of another.
    assert_eq!(found("GET", "/v1/models/haiku-4"), ["gemini.models.get", "openai.retrieveModel"]);
    assert_eq!(
        found("GET", "/co/v1/models/haiku-4"),
        ["cohere.get-model", "mistral.modelsRetrieve"]
    );
    assert_eq!(found("POST", "/aws/model/x/converse"), ["bedrock.Converse"]);
    // By its ending a path is found in every dialect, whatever the prefix.
    assert_eq!(found("POST", "/proxy/model/x/converse"), ["bedrock.Converse"]);
    assert_eq!(found("POST", "/v1beta/models/m:generateContent"), ["gemini.generateContent"]);
}

#[test]
fn the_longest_paths_are_walked_in_bounds() {
    SHARED.with(|(all, _, _)| {
        for part in
            ["v1", "models", "projects", "x", "V1", "accounts", "model", "x:generateContent"]
        {
            let path = format!("/{part}").repeat(limits::PATH_SEGMENTS);
            for method in ["POST", "BREW"] {
                let route = route(all.view(), method, &path);
                assert!(
                    route.guarded && route.operation_matches.len() < 200,
                    "{} operation matches of {path}",
                    route.operation_matches.len()
                );
            }
            let more = route(all.view(), "POST", &format!("{path}/{part}"));
            assert!(more.trouble.is_some(), "{path}");
        }
    });
}
