//! The reasons for refusals, worded for the log, the client and the operator.
//!
//! The log's reasons are those that people alert on; the client's message says
//! which flag would allow the request. Neither repeats the allowlists.

use super::bodies::{BodyDenial, DenialKind};
use super::rules::Rule;
use super::targets::TargetDenial;
use crate::api::{Class, Operation, exact, generalise, recognise};
use crate::http1::{Method, Request};
use crate::text;
use std::borrow::Cow;

/// Longest path of an answer, which shows it twice.
const PATH_BYTES_MAX: usize = 1024;

/// Longest pattern of an answer.
const PATTERN_BYTES_MAX: usize = 256;

/// Where a policy was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In flags or variables.
    Options {
        /// The listener's name; empty for the default one.
        listener: String,
        /// Where to write more.
        additions: Additions,
    },
    /// In the labels of a container.
    Labels {
        /// The container's name.
        container: String,
        /// Where to write more.
        additions: Additions,
    },
    /// In the labels of a container, one of which cannot be used, so that it
    /// has no rights.
    InvalidLabel {
        /// That label.
        label: String,
        /// The container's name.
        container: String,
    },
}

/// The flags, variables or labels in which a further right can be written
/// without taking another one away. A flag would replace all variables of its
/// method, a variable or label of the same name its former value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Additions {
    /// One for each method; a method that is missing has its plain flag.
    pub patterns: Vec<(Method, String)>,
    /// How to allow an operation, in words that end before its name; empty for the
    /// plain flag.
    pub names: String,
    /// Parts of presets in use that have an operation: `dozzle+actions`.
    pub parts: Vec<(Operation, String)>,
    /// Advice about a client's address, in words that end before it.
    pub address: String,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// The client's address is not on the list.
    Address,
    /// The method has no pattern.
    Method {
        /// The methods that have one.
        allowed: Vec<Method>,
    },
    /// No pattern of the method matches the path.
    Path {
        /// Whether the original's anchoring would have let it through.
        ungrouped_matches: bool,
        /// A pattern that nearly matches.
        near_miss: Option<NearMiss>,
    },
    /// A rule denies the operation, even if others allow it.
    Named(Rule),
    /// The body violates a rule.
    Body(BodyDenial),
    /// It concerns something outside of the client's targets.
    Target(TargetDenial),
}

/// A pattern that would match a slightly different path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NearMiss {
    /// It matches the path without its version.
    Version(Rule),
    /// It matches the path together with the query.
    Query(Rule),
}

impl std::fmt::Display for NearMiss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Version(Rule { written, origin }) | Self::Query(Rule { written, origin })) =
            self;
        let pattern = text::cut(written, PATTERN_BYTES_MAX);
        match self {
            Self::Version(_) => write!(
                f,
                "{origin}={pattern} does not match the version of the API; write (/v[0-9.]+)? \
                 before the path to match any version"
            ),
            Self::Query(_) => {
                write!(f, "{origin}={pattern} contains the query, but only the path is matched")
            }
        }
    }
}

impl Denial {
    /// The log's reason.
    #[must_use]
    pub fn reason(&self) -> Cow<'_, str> {
        match self {
            Self::Address => "forbidden IP".into(),
            Self::Method { .. } => "method not allowed".into(),
            Self::Path { .. } => "path not allowed".into(),
            Self::Named(rule) => format!("denied by {}={}", rule.origin, rule.written).into(),
            Self::Body(denial) => denial.to_string().into(),
            Self::Target(denial) => denial.reason().into(),
        }
    }

    /// The change that would allow the request, for the log: most applications
    /// swallow the answer.
    #[must_use]
    pub fn advice(&self, source: &Source, request: &Request<'_>) -> Option<String> {
        let near_miss = match self {
            Self::Method { .. } => None,
            Self::Path { near_miss, .. } => near_miss.as_ref(),
            Self::Address | Self::Named(_) | Self::Body(_) | Self::Target(_) => return None,
        };
        let change = advised(source, request.method(), request.target().path());
        Some(match near_miss {
            Some(near) => format!("{near}; {change}"),
            None => change,
        })
    }

    /// The message of the answer. `client` is its address or identity.
    #[must_use]
    pub fn message(&self, source: &Source, request: &Request<'_>, client: &str) -> String {
        let (method, full_path) = (request.method(), request.target().path());
        let path = &*text::cut(full_path, PATH_BYTES_MAX);
        let advice = || advised(source, method, full_path);
        let explained = match self {
            Self::Address => {
                format!("requests from {client} are not allowed; {}", source.admit(client))
            }
            Self::Method { .. } => {
                format!("{method} is not allowed; to allow this request, {}", advice())
            }
            Self::Path { near_miss, .. } => format!(
                "{method} {path} is not allowed; {}to allow it, {}",
                near_miss.as_ref().map_or_else(String::new, |near| format!("{near}; ")),
                advice()
            ),
            Self::Named(rule) => format!(
                "{method} {path} is denied by {}={}, which wins over every rule that allows it",
                rule.origin, rule.written
            ),
            Self::Body(denial) => denial.to_string(),
            Self::Target(denial) => match denial.words_of_daemon() {
                Some(words) => return words,
                None => denial.to_string(),
            },
        };
        format!("socket-proxy: {explained}")
    }

    /// The answer's status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Method { .. } => 405,
            Self::Address | Self::Path { .. } | Self::Named(_) => 403,
            Self::Target(denial) => denial.status(),
            Self::Body(denial) => match denial.kind() {
                DenialKind::Syntax => 400,
                DenialKind::MediaType => 415,
                DenialKind::Restriction => 403,
            },
        }
    }
}

impl Default for Source {
    fn default() -> Self {
        Self::Options { listener: String::new(), additions: Additions::default() }
    }
}

impl Source {
    /// The change that would allow a method and a path, as the end of a sentence.
    #[must_use]
    pub fn allow(&self, method: Method, path: &str) -> String {
        let operation = exact(method, path);
        match (self, operation) {
            (Self::Options { listener, additions }, Some(operation)) => {
                additions.name(operation, || format!("add {}=", flag("allow", listener)))
            }
            (Self::Labels { container, additions }, Some(operation)) => {
                let add = additions.name(operation, String::new);
                format!("{add} at the container {container}")
            }
            (Self::Options { listener, additions }, None) => {
                format!("add {}{}", additions.pattern_name(method, listener), pattern(path))
            }
            (Self::Labels { container, additions }, None) => {
                let label = additions.pattern_name(method, "");
                format!("add the label {label}{} to the container {container}", pattern(path))
            }
            (Self::InvalidLabel { label, container }, _) => format!(
                "correct the label {label} of the container {container}: it is invalid, so the \
                 container has no rights"
            ),
        }
    }

    fn admit(&self, client: &str) -> String {
        match self {
            Self::Options { additions, .. } if !additions.address.is_empty() => {
                format!("{}{client}", additions.address)
            }
            Self::Options { listener, .. } => {
                format!("add the address to {}", flag("allowfrom", listener))
            }
            Self::Labels { container, .. } | Self::InvalidLabel { container, .. } => {
                format!("its rights come from container {container}")
            }
        }
    }

    /// The container whose labels they are.
    #[must_use]
    pub fn container(&self) -> Option<&str> {
        match self {
            Self::Options { .. } => None,
            Self::Labels { container, .. } | Self::InvalidLabel { container, .. } => {
                Some(container)
            }
        }
    }
}

impl Additions {
    /// The change that allows an operation, with the effect of the operation.
    fn name(&self, operation: Operation, plain: impl FnOnce() -> String) -> String {
        let names = if self.names.is_empty() { plain() } else { self.names.clone() };
        let mut change = format!("{names}{operation} ({})", operation.facts().summary);
        for (_, part) in self.parts.iter().filter(|(has_it, _)| *has_it == operation) {
            let preset = part.split('+').next().unwrap_or_default();
            change.push_str(&format!(", or write {part} for {preset}"));
        }
        change
    }

    fn pattern_name(&self, method: Method, listener: &str) -> String {
        let known = self.patterns.iter().find(|(of, _)| *of == method);
        known.map_or_else(|| flag(&format!("allow{method}"), listener), |(_, name)| name.clone())
    }
}

/// The value of a flag that allows a path. Nobody reads a very long one.
fn pattern(path: &str) -> String {
    match path.len() {
        ..=PATTERN_BYTES_MAX => format!("={}", generalise(path)),
        _ => " with a pattern for this path".to_owned(),
    }
}

fn flag(name: &str, listener: &str) -> String {
    if listener.is_empty() { format!("-{name}") } else { format!("-{name}@{listener}") }
}

/// The change that would allow a request, and the other rights that it gives the client.
fn advised(source: &Source, method: Method, path: &str) -> String {
    source.allow(method, path) + &danger(method, path)
}

/// The warning that a suggestion carries if it gives away more than names and
/// states. Cautious: any operation that a daemon might see counts.
fn danger(method: Method, path: &str) -> String {
    match recognise(method, path).map(Operation::class).max() {
        Some(Class::Host) => {
            ". Beware: a client that may do this is as good as root on the host".to_owned()
        }
        Some(class) if class.gives_away() => {
            format!(". Beware: it gives the client {}", class.gives())
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::FieldStorage;

    fn message(denial: &Denial, source: &Source) -> (u16, String) {
        let mut storage = FieldStorage::new();
        let head = b"POST /v1.41/containers/create?name=x HTTP/1.1\r\nHost: d\r\n\r\n";
        let request = Request::parse(head, &mut storage).unwrap();
        (denial.status(), denial.message(source, &request, "10.0.0.2"))
    }

    fn source(listener: &str, additions: Additions) -> Source {
        Source::Options { listener: listener.into(), additions }
    }

    #[test]
    fn an_answer_names_the_change_that_would_allow() {
        let path = Denial::Path { ungrouped_matches: false, near_miss: None };
        let labels = Source::Labels {
            container: "ci".into(),
            additions: Additions {
                names: "append to the label socket-proxy.allow: ,".into(),
                ..Additions::default()
            },
        };
        let flags = || Source::default();
        let of = |listener: &str| source(listener, Additions::default());
        let variables = || {
            let additions = Additions {
                names: "set SP_ALLOW=".into(),
                parts: vec![(Operation::ContainerCreate, "dozzle+update".into())],
                address: "append to SP_ALLOWFROM: ,".into(),
                ..Additions::default()
            };
            source("", additions)
        };
        let void =
            Source::InvalidLabel { label: "socket-proxy.allow.x".into(), container: "ci".into() };
        let near = Rule { written: "/containers/create".into(), origin: "-allowPOST".into() };
        let near =
            Denial::Path { ungrouped_matches: false, near_miss: Some(NearMiss::Version(near)) };
        let method = || Denial::Method { allowed: vec![Method::Get] };
        let rows = [
            (
                path.clone(),
                flags(),
                403,
                "add -allow=ContainerCreate (creates a container). Beware: ",
            ),
            (path.clone(), of("ci"), 403, "add -allow@ci=ContainerCreate (creates"),
            (
                path.clone(),
                variables(),
                403,
                "set SP_ALLOW=ContainerCreate (creates a container), or write dozzle+update for dozzle",
            ),
            (Denial::Address, variables(), 403, "not allowed; append to SP_ALLOWFROM: ,10.0.0.2"),
            (Denial::Address, of("ci"), 403, "not allowed; add the address to -allowfrom@ci"),
            (
                method(),
                void,
                405,
                "correct the label socket-proxy.allow.x of the container ci: it is invalid",
            ),
            (
                path,
                labels,
                403,
                "socket-proxy.allow: ,ContainerCreate (creates a container) at the container ci",
            ),
            (near, flags(), 403, "-allowPOST=/containers/create does not match the version"),
            (method(), flags(), 405, "add -allow=ContainerCreate"),
            (Denial::Address, flags(), 403, "10.0.0.2 are not allowed; add the address to"),
        ];
        for (denial, source, status, part) in rows {
            let (got, text) = message(&denial, &source);
            assert!(got == status && text.contains(part), "{got} {text}");
        }
    }

    #[test]
    fn the_log_gets_the_advice_of_the_answer() {
        let mut storage = FieldStorage::new();
        let head = b"GET /v1.51/containers/a/export HTTP/1.1\r\nHost: d\r\n\r\n";
        let request = Request::parse(head, &mut storage).unwrap();
        let near = Rule { written: "/containers/.*".into(), origin: "-allowGET".into() };
        let denial = Denial::Path {
            ungrouped_matches: false,
            near_miss: Some(NearMiss::Version(near.clone())),
        };
        let advice = denial.advice(&Source::default(), &request).unwrap();
        assert_eq!(
            advice,
            "-allowGET=/containers/.* does not match the version of the API; write (/v[0-9.]+)? \
             before the path to match any version; add -allow=ContainerExport (downloads all files of a container). \
             Beware: it gives the client contents of files"
        );
        for none in [Denial::Address, Denial::Named(near)] {
            assert_eq!(none.advice(&Source::default(), &request), None);
        }
    }

    #[test]
    fn a_path_of_no_operation_gets_a_pattern() {
        let additions = Additions {
            patterns: vec![(Method::Get, "SP_ALLOW_GET_2".into())],
            ..Additions::default()
        };
        let rows = [
            (source("", Additions::default()), "add -allowGET=/v[0-9.]+/a\\.b"),
            (source("ci", Additions::default()), "add -allowGET@ci=/v[0-9.]+/a\\.b"),
            (source("", additions), "add SP_ALLOW_GET_2=/v[0-9.]+/a\\.b"),
        ];
        for (source, expected) in rows {
            assert_eq!(source.allow(Method::Get, "/v1.51/a.b"), expected);
        }
    }

    #[test]
    fn a_suggestion_says_when_it_gives_the_host_away() {
        let dangerous = [
            "/containers/create",
            "/v1.51/containers/create",
            "/v1.51./containers/create",
            "/libpod/containers/create",
            "/v5.0.0/libpod/pods/create",
            "/services/create",
            "/services/web/update",
            "/build",
            "/session",
            "/plugins/pull",
            "/swarm/init",
            "/libpod/play/kube",
        ];
        for path in dangerous {
            assert!(danger(Method::Post, path).contains("root"), "{path}");
            assert_eq!(danger(Method::Get, path), "", "{path}");
        }
        assert!(danger(Method::Get, "/containers/a/archive").contains("contents of files"));
        assert!(danger(Method::Post, "/containers/a/exec").contains("code execution"));
        for path in ["/", "/containers/create/start", "/containers/a/start", "/images/create"] {
            assert_eq!(danger(Method::Post, path), "", "{path}");
        }
    }
}
