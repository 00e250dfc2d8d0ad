//! Properties of the whole table.

use super::template::Piece;
use super::*;
use regex::Regex;
use std::collections::BTreeSet;

/// Pairs of operations with a common path, the one that is routed to first.
const OVERLAPS: [(Operation, Operation); 11] = {
    use Operation as O;
    [
        (O::CheckpointDelete, O::ContainerDelete),
        (O::ArtifactDeleteAllLibpod, O::ArtifactDeleteLibpod),
        (O::ImageDeleteAllLibpod, O::ImageDeleteLibpod),
        (O::NetworkListLibpod, O::NetworkInspectLibpod),
        (O::ImagePushLibpod, O::ImageScpLibpod),
        (O::ImageTagLibpod, O::ImageScpLibpod),
        (O::ImageUntagLibpod, O::ImageScpLibpod),
        (O::ManifestPushV3Libpod, O::ManifestCreateLibpod),
        (O::ManifestPushLibpod, O::ManifestCreateLibpod),
        (O::ManifestAddLibpod, O::ManifestCreateLibpod),
        (O::ManifestPushLibpod, O::ManifestAddLibpod),
    ]
};

/// Names made of the table's own words, which are the ones that could confuse.
fn names(spanning: bool) -> Vec<String> {
    let mut words = BTreeSet::from(["a".to_owned(), "libpod".to_owned(), "v1.41".to_owned()]);
    for route in Operation::ALL.iter().flat_map(|operation| operation.facts().routes) {
        for piece in route.template.pieces() {
            if let Piece::Literal(text) = piece {
                words.extend(text.split('/').filter(|w| !w.is_empty()).map(str::to_owned));
                if spanning && text.len() > 1 {
                    words.insert(format!("a{}", text.trim_end_matches('/')));
                    words.insert(format!("{}/a", text.trim_matches('/')));
                }
            }
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

/// Paths of a template, each parameter filled with every name.
fn paths(template: Template) -> Vec<String> {
    let (segments, spans) = (names(false), names(true));
    let mut paths = vec![String::new()];
    for (position, piece) in template.pieces().enumerate() {
        let names: &[String] = match piece {
            Piece::Literal(text) => &[text.to_owned()],
            // A second parameter needs fewer names to be unlike the first.
            Piece::Segment(_) | Piece::Span(_) if position > 2 => &["a".into(), "json".into()],
            Piece::Segment(_) => &segments,
            Piece::Span(_) => &spans,
        };
        paths = paths
            .iter()
            .flat_map(|path| names.iter().map(move |name| format!("{path}{name}")))
            .collect();
    }
    paths
}

fn prefixes(operation: Operation) -> &'static [&'static str] {
    match operation.facts().tree {
        Tree::Engine => &["", "/v1.41", "/v01.041.", "/v."],
        Tree::Libpod => &["/v5.8.0", "/v4.3.1-rc1"],
    }
}

fn overlaps(first: Operation, second: Operation) -> bool {
    OVERLAPS.contains(&(first, second))
}

#[test]
fn a_path_of_an_operation_is_named_and_recognised_as_it() {
    for &operation in Operation::ALL {
        for route in operation.facts().routes {
            for path in paths(route.template) {
                for prefix in prefixes(operation) {
                    let path = format!("{prefix}{path}");
                    let named = exact(route.method, &path);
                    assert!(
                        named.is_some_and(|named| named == operation || overlaps(named, operation)),
                        "{operation} {path}: {named:?}"
                    );
                    let mut recognised = recognise(route.method, &path);
                    assert!(recognised.any(|found| found == operation), "{operation} {path}");
                }
            }
        }
    }
}

#[test]
fn the_pattern_of_an_operation_admits_its_paths_and_no_others() {
    let patterns: Vec<(Operation, crate::http1::Method, Regex)> = Operation::ALL
        .iter()
        .flat_map(|&operation| operation.patterns().map(move |(m, p)| (operation, m, p)))
        .map(|(operation, method, p)| {
            (operation, method, Regex::new(&format!("^(?:{p})$")).unwrap())
        })
        .collect();
    let mut seen = BTreeSet::new();
    for &operation in Operation::ALL {
        for route in operation.facts().routes {
            for path in paths(route.template) {
                let path = format!("{}{path}", prefixes(operation)[0]);
                for (other, method, pattern) in &patterns {
                    if *method != route.method || !pattern.is_match(&path) || *other == operation {
                        continue;
                    }
                    let pair =
                        if operation < *other { (operation, *other) } else { (*other, operation) };
                    assert!(overlaps(pair.0, pair.1), "{operation} and {other} have {path}");
                    seen.insert(pair);
                }
            }
        }
    }
    let missing: Vec<_> = OVERLAPS.iter().filter(|pair| !seen.contains(pair)).collect();
    assert!(missing.is_empty(), "these do not overlap: {missing:?}");
}

#[test]
fn a_path_that_only_ends_like_an_operation_is_recognised_and_not_named() {
    use crate::http1::Method::{Delete, Get, Post};
    let rows = [
        (Post, "/x/y/containers/create", Operation::ContainerCreate),
        (Post, "/v1.41/containers/create/", Operation::ContainerCreate),
        (Post, "/vx/containers/create", Operation::ContainerCreate),
        (Post, "/v5.8.0-rc1/containers/create", Operation::ContainerCreate),
        (Post, "/libpod/containers/create", Operation::ContainerCreateLibpod),
        (Post, "/vx/libpod/containers/create", Operation::ContainerCreateLibpod),
        (Post, "/v5/libpod/containers/a/b/start", Operation::ContainerStartLibpod),
        (Post, "/libpod/x/containers/create", Operation::ContainerCreateLibpod),
        (Post, "/libpod/services/create", Operation::ServiceCreate),
        (Post, "/v5/libpod/containers/a/checkpoints", Operation::CheckpointCreate),
        (Post, "/services/a/b/update", Operation::ServiceUpdate),
        (Get, "/x/containers/a/json/", Operation::ContainerInspect),
        (Delete, "/x/images/a", Operation::ImageDelete),
    ];
    for (method, path, operation) in rows {
        assert_eq!(exact(method, path), None, "{path}");
        assert!(recognise(method, path).any(|found| found == operation), "{path}");
    }
}

#[test]
fn a_path_of_no_operation_has_no_name() {
    use crate::http1::Method::{Get, Options, Post};
    let rows = [
        (Get, "/"),
        (Get, "/containers"),
        (Get, "/containers/json/"),
        (Get, "/infoX"),
        (Get, "/Info"),
        (Get, "/v1.41"),
        (Get, "/v1.41/v1.41/info"),
        (Get, "/libpod/info"),
        (Get, "/v./libpod/info"),
        (Post, "/info"),
        (Post, "/containers/a/json"),
        (Options, "*"),
    ];
    for (method, path) in rows {
        assert_eq!(exact(method, path), None, "{method:?} {path}");
    }
    assert_eq!(exact(Get, "/networks/"), Some(Operation::NetworkList));
    assert_eq!(exact(Get, "/libpod/_ping"), Some(Operation::SystemPingLibpod));
}

#[test]
fn podmans_own_tree_begins_behind_a_version() {
    let rows = [
        ("/libpod/info", Some("/info")),
        ("/v5.8.0/libpod/a/b", Some("/a/b")),
        ("/vx/libpod", Some("")),
        ("/libpod/", Some("/")),
        ("/libpodx/info", None),
        ("/x/libpod/info", None),
        ("/v1/v1/libpod/info", None),
        ("/containers/libpod/json", None),
        ("*", None),
    ];
    for (path, below) in rows {
        assert_eq!(below_libpod(path), below, "{path}");
    }
}

#[test]
fn an_image_named_like_another_operation_is_an_image() {
    use crate::http1::Method::Delete;
    let found: Vec<_> = recognise(Delete, "/images/registry/containers/alpine").collect();
    assert_eq!(found, [Operation::ImageDelete]);
}

#[test]
fn names_are_found_exactly_and_once() {
    let names: BTreeSet<_> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    assert_eq!(names.len(), Operation::ALL.len());
    assert_eq!(Operation::from_name("ContainerList"), Some(Operation::ContainerList));
    assert_eq!(Operation::from_name("containerlist"), None);
    assert_eq!(Operation::from_name(""), None);
}

/// A row of the table in the words of `tests/cases/operations.tsv`.
fn row(operation: Operation, route: &Route) -> String {
    let Facts { name, naming, tree, subject, class, flow, .. } = operation.facts();
    let tree = match tree {
        Tree::Engine => "engine",
        Tree::Libpod => "libpod",
    };
    let star = if *naming == Naming::Ours { "*" } else { "" };
    let subject = match subject {
        Subject::Nothing => "-".to_owned(),
        Subject::InQuery(subject, parameter) => {
            format!("{} (query {parameter}=)", format!("{subject:?}").to_lowercase())
        }
        subject => format!("{subject:?}").to_lowercase(),
    };
    let flow = match flow {
        Flow::Plain => "-".to_owned(),
        flow => format!("{flow:?}").to_lowercase(),
    };
    let template = route.template.as_str().replace("*}", "}");
    [
        tree,
        route.method.as_str(),
        &template,
        &format!("{name}{star}"),
        &subject,
        class.as_str(),
        &flow,
    ]
    .join("\t")
}

#[test]
fn the_table_says_of_every_operation_what_the_collected_facts_say() {
    let facts = include_str!("../../tests/cases/operations.tsv");
    let facts = facts.lines().filter(|line| !line.starts_with('#')).skip(1);
    let facts: BTreeSet<String> =
        facts.map(|line| line.replace("images (query", "image (query")).collect();
    let rows = Operation::ALL
        .iter()
        .flat_map(|operation| operation.facts().routes.iter().map(|route| row(*operation, route)));
    let rows: BTreeSet<String> = rows.collect();
    let only = |some: &BTreeSet<String>, others: &BTreeSet<String>| -> Vec<String> {
        some.difference(others).map(|row| row.replace('\t', " ")).collect()
    };
    // Routes that the documents do not mention; an operation has one subject.
    assert_eq!(
        only(&rows, &facts),
        [
            "engine GET /networks/ NetworkList - reads -",
            "engine OPTIONS / Options* - harmless -",
            "libpod POST /libpod/manifests/create ManifestCreateLibpod image changes -",
        ]
    );
    assert_eq!(
        only(&facts, &rows),
        ["libpod POST /libpod/manifests/create ManifestCreateLibpod image (query name=) changes -"]
    );
}

#[test]
fn operations_on_one_target_have_one_route_with_its_name_alone() {
    for operation in Operation::ALL {
        let facts = operation.facts();
        let is_target = matches!(
            facts.subject,
            Subject::Container | Subject::Exec | Subject::Network | Subject::Volume
        );
        match facts.targeting {
            Targeting::One | Targeting::Join => {
                let [route] = facts.routes else { panic!("{operation} has one route") };
                let path =
                    route.template.as_str().replace("{id*}", "a/b").replace("{name*}", "a/b");
                let (before, name, after) = route.template.split_name(&path).unwrap();
                assert!(is_target && name == "a/b", "{operation}");
                assert_eq!(format!("{before}{name}{after}"), path);
            }
            Targeting::Outside => assert!(!is_target, "{operation}"),
            _ => {}
        }
        if facts.tree == Tree::Libpod {
            assert_eq!(facts.targeting, Targeting::Never, "{operation}");
        }
    }
}

#[test]
fn the_name_in_a_path_is_found_by_its_template() {
    let split = |template, path| Template::new(template).split_name(path);
    assert_eq!(
        split("/containers/{id*}/json", "/containers/a/json/json"),
        Some(("/containers/", "a/json", "/json"))
    );
    assert_eq!(split("/networks/{id*}", "/networks/a"), Some(("/networks/", "a", "")));
    assert_eq!(split("/networks/{id*}", "/networks/"), None);
    assert_eq!(split("/containers/{id*}/json", "/containers/json"), None);
    assert_eq!(split("/containers/json", "/containers/json"), None);
    assert_eq!(split("/a/{x}/b/{y}", "/a/1/b/2"), None);
}
