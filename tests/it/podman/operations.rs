//! The table of operations against Podman's routes: those of its source, which
//! `tests/cases/podman_routes.tsv` lists, and those of a real service.

use crate::support::PATIENCE;
use crate::support::podman::{Podman, skip};
use crate::support::routes;
use socket_proxy::api::{Operation, Piece, Template, Tree, exact, recognise};
use socket_proxy::http1::Method;
use std::collections::BTreeSet;
use std::path::Path;

/// What paths may have in front: nothing, the Engine's version, and Podman's, of
/// which the first digit decides about manifests.
const PREFIXES: [&str; 5] = ["", "/v1.41", "/v3.4.4", "/v5.8.0", "/v5.8.0-rc1"];

/// A minor release of Podman.
type Release = (u32, u32);

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Handler,
    /// One that always refuses.
    Unsupported,
    /// One that always says that there is no swarm.
    Swarm,
    Nobody,
}

/// A row of the file.
struct Route {
    since: Release,
    last: Option<Release>,
    versions: Vec<&'static str>,
    method: Option<Method>,
    template: Template,
    parameter: Option<&'static str>,
    answer: Answer,
}

/// A request without a version.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    method: &'static str,
    path: String,
    parameter: Option<&'static str>,
}

fn release(text: &str) -> Option<Release> {
    let mut numbers = text.split(['.', '-', '\r']).map_while(|number| number.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

fn routes() -> Vec<Route> {
    let lines = include_str!("../../cases/podman_routes.tsv").lines();
    lines.filter(|line| !line.starts_with('#')).skip(1).map(Route::read).collect()
}

impl Route {
    fn read(line: &'static str) -> Self {
        let columns: Vec<_> = line.split('\t').collect();
        let [since, last, versions, method, template, answer] = columns[..] else {
            panic!("not a row: {line}")
        };
        let (path, parameter) = match template.split_once('?') {
            Some((path, parameter)) => (path, Some(parameter)),
            None => (template, None),
        };
        Self {
            since: release(since).unwrap_or_else(|| panic!("{line}")),
            last: (last != "-").then(|| release(last).unwrap_or_else(|| panic!("{line}"))),
            versions: versions.split(' ').collect(),
            method: (method != "*").then(|| method_of(method)),
            template: Template::new(path),
            parameter,
            answer: match answer {
                "-" => Answer::Handler,
                "unsupported" => Answer::Unsupported,
                "swarm" => Answer::Swarm,
                _ => panic!("{line}"),
            },
        }
    }

    fn is_of(&self, release: Release) -> bool {
        self.since <= release && self.last.is_none_or(|last| release <= last)
    }

    /// Whether the route may have this in front.
    fn takes(&self, prefix: &str) -> bool {
        let version = prefix.strip_prefix("/v");
        self.versions.iter().any(|versions| match (*versions, version) {
            ("-", None) | ("v", Some(_)) => true,
            ("v0-3", Some(version)) => version < "4",
            ("v4-9", Some(version)) => version >= "4",
            ("d", Some(version)) => version.bytes().all(|b| b == b'.' || b.is_ascii_digit()),
            ("-" | "v" | "v0-3" | "v4-9" | "d", _) => false,
            (word, _) => panic!("{word}"),
        })
    }

    fn matches(&self, prefix: &str, request: &Request) -> bool {
        let path = request.path.as_str();
        let text = self.template.as_str();
        let is_path = self.template.matches(path) || text.strip_suffix("{any*}") == Some(path);
        is_path
            && self.takes(prefix)
            && self.method.is_none_or(|method| method.as_str() == request.method)
            && (self.parameter.is_none() || self.parameter == request.parameter)
    }
}

fn method_of(name: &str) -> Method {
    use Method::{Delete, Get, Head, Options, Post, Put};
    let methods = [Delete, Get, Head, Options, Post, Put];
    methods.into_iter().find(|method| method.as_str() == name).expect("a method of the table")
}

/// A path of a template, with this name for each parameter that can have it.
fn fill(template: Template, name: &str) -> String {
    let segment = name.split('/').next().unwrap_or_default();
    let pieces = template.pieces().map(|piece| match piece {
        Piece::Literal(text) => text,
        Piece::Segment(_) => segment,
        Piece::Span(_) => name,
    });
    pieces.collect()
}

/// A template without the names of its parameters. Those of the Engine's tree span
/// slashes more often there than in Podman.
fn shape(template: Template, tree: Tree) -> String {
    let pieces = template.pieces().map(|piece| match (piece, tree) {
        (Piece::Literal(text), _) => text,
        (Piece::Span(_), Tree::Libpod) => "{*}",
        (Piece::Span(_), Tree::Engine) | (Piece::Segment(_), _) => "{}",
    });
    pieces.collect()
}

fn is_libpod(template: Template) -> bool {
    template.as_str().starts_with("/libpod/")
}

#[test]
fn every_handler_of_podman_is_an_operation_of_the_table() {
    for route in routes() {
        let (Some(method), Answer::Handler) = (route.method, route.answer) else { continue };
        let template = route.template.as_str();
        for prefix in PREFIXES.into_iter().filter(|prefix| route.takes(prefix)) {
            for name in ["a", "a/b"] {
                let path = format!("{prefix}{}", fill(route.template, name));
                let tree = if is_libpod(route.template) { Tree::Libpod } else { Tree::Engine };
                let mut found = recognise(method, &path);
                assert!(found.any(|operation| operation.facts().tree == tree), "{method} {path}");
                // The Engine's versions have no letters.
                if tree == Tree::Engine && prefix.ends_with("rc1") {
                    continue;
                }
                let named = exact(method, &path).map(|operation| operation.facts());
                let named = named.unwrap_or_else(|| panic!("{method} {path} has no name"));
                assert_eq!(named.tree, tree, "{method} {path}: {}", named.name);
                let mut routes = named.routes.iter().filter(|it| it.method == method);
                let known =
                    routes.any(|it| shape(it.template, tree) == shape(route.template, tree));
                assert!(known, "{method} {template} is not a route of {}", named.name);
            }
        }
    }
}

#[test]
fn every_operation_of_podmans_own_tree_has_a_handler_in_some_release() {
    let routes = routes();
    for operation in Operation::ALL.iter().filter(|it| it.facts().tree == Tree::Libpod) {
        for route in operation.facts().routes {
            let handler = routes.iter().any(|it| {
                it.answer == Answer::Handler
                    && it.method == Some(route.method)
                    && shape(it.template, Tree::Libpod) == shape(route.template, Tree::Libpod)
            });
            assert!(handler, "{operation}: {} {}", route.method, route.template.as_str());
        }
    }
}

/// The answer to a request that few handlers carry out: its thing is missing, its
/// filters and its body are not JSON, and the image to pull or import has no name.
fn ask(socket: &Path, prefix: &str, request: &Request) -> String {
    let Request { method, path, parameter } = request;
    let parameter = parameter.map(|it| format!("&{it}=%3A")).unwrap_or_default();
    let more_query = format!("&stream=false{parameter}");
    routes::ask(socket, method, &format!("{prefix}{path}"), &more_query, PATIENCE)
}

/// The release in the field that all handlers have in common. It is set before they
/// begin, so a thing that is missing is told from a route that is missing.
fn release_of(answer: &str) -> Option<Release> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    release(head.split_once("\r\nLibpod-Api-Version: ")?.1)
}

/// Who gave an answer. Where there is no route, it is plain text, and 405 where there is
/// one of another method.
fn classify(answer: &str) -> Option<Answer> {
    let is_plain = answer.contains("\r\nContent-Type: text/plain");
    let status = answer.get(9..12).unwrap_or_default();
    if answer.contains("Podman does not support service") && status == "503" {
        Some(Answer::Swarm)
    } else if answer.contains("\"message\":\"Path /") && status == "404" {
        Some(Answer::Unsupported)
    } else if release_of(answer).is_some() {
        Some(Answer::Handler)
    } else if is_plain && matches!(status, "404" | "405") {
        Some(Answer::Nobody)
    } else {
        None
    }
}

/// All requests of the table and of the file.
fn requests(routes: &[Route]) -> BTreeSet<Request> {
    let of_table = Operation::ALL.iter().flat_map(|operation| operation.facts().routes);
    let of_table = of_table.map(|route| (route.method, route.template, None));
    let of_file = routes
        .iter()
        .map(|route| (route.method.unwrap_or(Method::Get), route.template, route.parameter));
    let requests = of_table.chain(of_file).flat_map(|(method, template, parameter)| {
        ["nosuchthing", "no/such/thing"].map(|name| Request {
            method: method.as_str(),
            path: fill(template, name),
            parameter,
        })
    });
    requests.collect()
}

/// Who has to answer: the first handler, or else one of the others.
fn expected(routes: &[Route], release: Release, prefix: &str, request: &Request) -> Answer {
    let of_release = routes.iter().filter(|route| route.is_of(release));
    let matching = of_release.filter(|route| route.matches(prefix, request));
    let mut answers: Vec<_> = matching.map(|route| route.answer).collect();
    answers.sort_by_key(|answer| *answer != Answer::Handler);
    answers.first().copied().unwrap_or(Answer::Nobody)
}

#[test]
fn podman_has_a_handler_for_exactly_the_listed_requests() {
    // These handlers act all the same: the removal of images and the check of the
    // storage, which need no parameter, prunes without filters, the creation of
    // manifest lists, and the end of pods of an empty Kubernetes YAML. So the service is
    // our own, in a throw-away root with a storage of its own, which has one image and
    // nothing else. No request names a file or an address, so none is touched.
    let podman = match Podman::start() {
        Ok(podman) => podman,
        Err(reason) => return skip(&reason),
    };
    let routes = routes();
    let ping = Request { method: "GET", path: "/_ping".to_owned(), parameter: None };
    let release = release_of(&ask(podman.socket(), "", &ping)).expect("a release");
    let mut wrong = Vec::new();
    for request in requests(&routes) {
        for prefix in PREFIXES {
            let answer = ask(podman.socket(), prefix, &request);
            let (found, expected) =
                (classify(&answer), expected(&routes, release, prefix, &request));
            if found != Some(expected) {
                let Request { method, path, .. } = &request;
                wrong.push(format!("{method} {prefix}{path}: {expected:?}, but {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "Podman {release:?}: {wrong:#?}");
}
