//! The table of operations against the Engine's own routes.

use crate::support::engine::{Engine, skip};
use crate::support::routes::ask;
use socket_proxy::api::{Operation, Tree};
use std::path::Path;
use std::time::Duration;

/// Operations that not every supported Engine serves: added in API 1.42 (cluster
/// volumes) and 1.56, or removed in Engine 22.
const NOT_EVERYWHERE: [&str; 3] = ["VolumeUpdate", "ImageAttestations", "ContainerCopy"];

/// Routes of an operation that other routes of it make up for.
const ALIASES: [&str; 1] = ["/secret/{id}"];

/// Longest wait for an answer; a handler that is silent is there.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

fn answer(socket: &Path, method: &str, path: &str) -> String {
    ask(socket, method, path, "", ANSWER_LIMIT)
}

#[test]
fn every_operation_of_the_table_is_a_route_of_the_engine() {
    // Some routes act on any request, so the Engine is our own.
    let engine = match Engine::start() {
        Ok(engine) => engine,
        Err(reason) => return skip(&reason),
    };
    assert!(answer(engine.socket(), "GET", "/nothing/of/this").contains("page not found"));
    let mut missing = Vec::new();
    let of_engine = Operation::ALL.iter().filter(|it| it.facts().tree == Tree::Engine);
    for operation in of_engine.filter(|it| !NOT_EVERYWHERE.contains(&it.name())) {
        for route in operation.facts().routes {
            let template = route.template.as_str();
            let path: String = template
                .split('/')
                .map(|segment| if segment.starts_with('{') { "nosuchthing" } else { segment })
                .collect::<Vec<_>>()
                .join("/");
            let answer = answer(engine.socket(), route.method.as_str(), &path);
            if answer.contains("page not found") && !ALIASES.contains(&template) {
                missing.push(format!("{operation}: {} {path}", route.method));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
