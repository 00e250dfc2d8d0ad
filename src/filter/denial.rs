//! Why a request is refused, told to the log, to the client and to the operator.
//!
//! The log's reasons are those that people alert on; the client's message says
//! which flag would allow the request. Neither repeats the allowlists.

use super::bodies::{BodyDenial, DenialKind};
use super::rules::Rule;
use crate::api::generalise;
use crate::http1::{Method, Reply, Request};
use crate::text;
use std::borrow::Cow;

/// Longest path of an answer, which shows it twice.
const PATH_BYTES_MAX: usize = 1024;

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
    /// What to do about a client's address, in words that end before it.
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
    },
    /// A rule denies the operation, whatever others allow.
    Named(Rule),
    /// The body asks for what it may not have.
    Body(BodyDenial),
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
            Self::Body(denial) => denial.reason.as_str().into(),
        }
    }

    /// The client's answer. `client` is its address or identity.
    #[must_use]
    pub fn reply(&self, source: &Source, request: &Request<'_>, client: &str) -> Reply {
        let (method, path) = (request.method(), request.target().path());
        let path = &*text::cut(path, PATH_BYTES_MAX);
        let explained = match self {
            Self::Address => {
                format!("requests from {client} are not allowed; {}", source.admit(client))
            }
            Self::Method { .. } => format!(
                "{method} is not allowed; to allow this request, add {}{}",
                source.allow(method, path),
                danger(method, path)
            ),
            Self::Path { .. } => format!(
                "{method} {path} is not allowed; to allow it, add {}{}",
                source.allow(method, path),
                danger(method, path)
            ),
            Self::Named(rule) => format!(
                "{method} {path} is denied by {}={}, which wins over every rule that allows it",
                rule.origin, rule.written
            ),
            Self::Body(denial) => denial.reason.clone(),
        };
        let mut reply = Reply::new(self.status(), format!("socket-proxy: {explained}"));
        if let Self::Method { allowed } = self {
            reply.allow.clone_from(allowed);
        }
        reply
    }

    /// The answer's status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Method { .. } => 405,
            Self::Address | Self::Path { .. } | Self::Named(_) => 403,
            Self::Body(denial) => match denial.kind {
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
    /// The flag, variable or label that would allow a method and a path.
    fn allow(&self, method: Method, path: &str) -> String {
        let pattern = generalise(path);
        match self {
            Self::Options { listener, additions } => {
                format!("{}={pattern}", additions.pattern_name(method, listener))
            }
            Self::Labels { container, additions } => {
                let label = additions.pattern_name(method, "");
                format!("the label {label}={pattern} to the container {container}")
            }
            Self::InvalidLabel { label, container } => format!(
                "a valid label {label} to the container {container}, whose present one is \
                 invalid and voids its rights"
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
    fn pattern_name(&self, method: Method, listener: &str) -> String {
        let known = self.patterns.iter().find(|(of, _)| *of == method);
        known.map_or_else(|| flag(&format!("allow{method}"), listener), |(_, name)| name.clone())
    }
}

fn flag(name: &str, listener: &str) -> String {
    if listener.is_empty() { format!("-{name}") } else { format!("-{name}@{listener}") }
}

/// Sections of the API where posting anything is as good as being root.
const HOST_SECTIONS: [&str; 9] =
    ["build", "grpc", "kube", "local", "play", "plugins", "quadlets", "session", "swarm"];
/// Sections and last segments of further such operations.
const HOST_ACTIONS: [(&str, &str); 9] = [
    ("containers", "create"),
    ("containers", "checkpoints"),
    ("containers", "mount"),
    ("containers", "restore"),
    ("nodes", "update"),
    ("pods", "create"),
    ("services", "create"),
    ("services", "update"),
    ("volumes", "create"),
];

/// What a suggestion must not keep silent about: operations that give the host
/// away, whatever the pattern looks like.
fn danger(method: Method, path: &str) -> &'static str {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let is_version = |segment: &&str| {
        segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let versioned = usize::from(segments.first().is_some_and(is_version));
    let segments = segments.get(versioned..).unwrap_or_default();
    let gives_root = match segments.strip_prefix(&["libpod"]).unwrap_or(segments) {
        [section, ..] if HOST_SECTIONS.contains(section) => true,
        [section, .., action] => HOST_ACTIONS.contains(&(*section, *action)),
        _ => false,
    };
    if method == Method::Post && gives_root {
        ". Beware: a client that may do this is as good as root on the host"
    } else {
        ""
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
        let reply = denial.reply(source, &request, "10.0.0.2");
        (reply.status, reply.message)
    }

    #[test]
    fn an_answer_names_the_flag_that_would_allow() {
        let path = Denial::Path { ungrouped_matches: false };
        let labels = Source::Labels {
            container: "ci".into(),
            additions: Additions {
                patterns: vec![(Method::Post, "socket-proxy.allow.post.1".into())],
                address: String::new(),
            },
        };
        let flags = || Source::default();
        let of = |listener: &str| Source::Options {
            listener: listener.into(),
            additions: Additions::default(),
        };
        let variables = || Source::Options {
            listener: String::new(),
            additions: Additions {
                patterns: vec![(Method::Post, "SP_ALLOW_POST_2".into())],
                address: "append to SP_ALLOWFROM: ,".into(),
            },
        };
        let rows = [
            (path.clone(), flags(), 403, "add -allowPOST=/v[0-9.]+/containers/create. Beware: "),
            (path.clone(), of("ci"), 403, "add -allowPOST@ci=/v[0-9.]+/"),
            (path.clone(), variables(), 403, "add SP_ALLOW_POST_2=/v[0-9.]+/containers/create"),
            (Denial::Address, variables(), 403, "not allowed; append to SP_ALLOWFROM: ,10.0.0.2"),
            (Denial::Address, of("ci"), 403, "not allowed; add the address to -allowfrom@ci"),
            (
                Denial::Method { allowed: vec![] },
                Source::InvalidLabel {
                    label: "socket-proxy.allow.x".into(),
                    container: "ci".into(),
                },
                405,
                "add a valid label socket-proxy.allow.x to the container ci, whose present",
            ),
            (path, labels, 403, "socket-proxy.allow.post.1=/v[0-9.]+/containers/create to the"),
            (Denial::Method { allowed: vec![Method::Get] }, flags(), 405, "add -allowPOST="),
            (Denial::Address, flags(), 403, "10.0.0.2 are not allowed; add the address to"),
        ];
        for (denial, source, status, part) in rows {
            let (got, text) = message(&denial, &source);
            assert!(got == status && text.contains(part), "{got} {text}");
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
        for path in ["/", "/containers/create/start", "/containers/a/start", "/images/create"] {
            assert_eq!(danger(Method::Post, path), "", "{path}");
        }
    }
}
