//! docs/operations-of-the-api.md is made of the table in `api`.
//!
//! `scripts/generate` writes it.

use socket_proxy::api::{Class, Operation, Tree};
use std::fmt::Write;
use std::fs;
use std::path::Path;

const INTRODUCTION: &str = "\
# What are the operations called?

The names for `-allow`, `-deny` and container labels, by class. A name covers exactly
the paths of its operation: those of the Engine with any version (`/v1.51`) or none,
those of Podman's own tree (`/libpod`) with a version. `{x}` is one segment of a path,
`{x*}` may have slashes in it. A class as an item of a list covers its whole table;
`reads` includes `harmless`, and `all` is everything.

This file is made of the program's own table.
";

fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    for class in Class::ALL {
        let (name, gives) = (class.as_str(), class.gives());
        writeln!(text, "\n## `{name}`: {gives}\n").unwrap();
        text.push_str("| operation | requests | what it does |\n|---|---|---|\n");
        let of_class = || Operation::ALL.iter().filter(|operation| operation.class() == class);
        for tree in [Tree::Engine, Tree::Libpod] {
            for operation in of_class().filter(|operation| operation.facts().tree == tree) {
                let routes = operation.facts().routes.iter();
                let requests: Vec<String> = routes
                    .map(|route| format!("`{} {}`", route.method, route.template.as_str()))
                    .collect();
                let (requests, summary) = (requests.join(", "), operation.facts().summary);
                writeln!(text, "| `{operation}` | {requests} | {summary} |").unwrap();
            }
        }
    }
    text
}

#[test]
fn the_document_of_operations_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations-of-the-api.md");
    let expected = document();
    if std::env::var_os("SOCKET_PROXY_GENERATE").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(found == expected, "scripts/generate writes it");
    for operation in Operation::ALL {
        assert!(found.contains(&format!("| `{operation}` |")), "{operation}");
    }
}
