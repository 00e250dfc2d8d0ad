//! Why a request is refused, told to the log, to the client and to the operator.
//!
//! The log's reasons are those that people alert on; the client's message says
//! which flag would allow the request. Neither repeats the allowlists.

use super::bodies::{BodyDenial, DenialKind};
use crate::http1::{Method, Reply, Request};
use std::borrow::Cow;

/// Where a policy was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Source {
    /// In flags or variables without a listener's name.
    #[default]
    Flags,
    /// In flags or variables of a named listener.
    Listener(String),
    /// In the labels of a container.
    Labels {
        /// The labels' prefix.
        prefix: String,
        /// The container's name.
        container: String,
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
            Self::Body(denial) => denial.reason.as_str().into(),
        }
    }

    /// The client's answer. `client` is its address or identity.
    #[must_use]
    pub fn reply(&self, source: &Source, request: &Request<'_>, client: &str) -> Reply {
        let (method, path) = (request.method(), request.target().path());
        let explained = match self {
            Self::Address => format!("requests from {client} are not allowed; {}", source.admit()),
            Self::Method { .. } => format!(
                "{method} is not allowed; to allow this request, add {}",
                source.allow(method, path)
            ),
            Self::Path { .. } => format!(
                "{method} {path} is not allowed; to allow it, add {}",
                source.allow(method, path)
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
            Self::Address | Self::Path { .. } => 403,
            Self::Body(denial) => match denial.kind {
                DenialKind::Syntax => 400,
                DenialKind::MediaType => 415,
                DenialKind::Restriction => 403,
            },
        }
    }
}

impl Source {
    /// The flag or label that would allow a method and a path.
    fn allow(&self, method: Method, path: &str) -> String {
        let pattern = suggest_pattern(path);
        match self {
            Self::Flags => format!("-allow{method}={pattern}"),
            Self::Listener(name) => format!("-allow{method}@{name}={pattern}"),
            Self::Labels { prefix, container } => {
                let method = method.as_str().to_ascii_lowercase();
                format!("the label {prefix}.allow.{method}={pattern} to the container {container}")
            }
            Self::InvalidLabel { label, container } => format!(
                "a valid label {label} to the container {container}, whose present one is \
                 invalid and voids its rights"
            ),
        }
    }

    fn admit(&self) -> String {
        match self {
            Self::Flags => "add the address to -allowfrom".to_owned(),
            Self::Listener(name) => format!("add the address to -allowfrom@{name}"),
            Self::Labels { container, .. } | Self::InvalidLabel { container, .. } => {
                format!("its rights come from container {container}")
            }
        }
    }

    /// The listener whose flags they are; empty for the default one.
    #[must_use]
    pub fn listener(&self) -> &str {
        match self {
            Self::Listener(name) => name,
            Self::Flags | Self::Labels { .. } | Self::InvalidLabel { .. } => "",
        }
    }

    /// The container whose labels they are.
    #[must_use]
    pub fn container(&self) -> Option<&str> {
        match self {
            Self::Flags | Self::Listener(_) => None,
            Self::Labels { container, .. } | Self::InvalidLabel { container, .. } => {
                Some(container)
            }
        }
    }
}

/// A pattern for exactly this path, in any version of the API.
fn suggest_pattern(path: &str) -> String {
    let version_end = path.get(1..).and_then(|rest| rest.find('/')).map(|at| at + 1);
    let (version, rest) = path.split_at(version_end.unwrap_or(0));
    let is_version = version.strip_prefix("/v").is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    });
    let (prefix, literal) = if is_version { ("/v[0-9.]+", rest) } else { ("", path) };
    let mut pattern = prefix.to_owned();
    for c in literal.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::FieldStorage;

    #[test]
    fn a_suggested_pattern_is_literal_but_for_the_version() {
        let rows = [
            ("/_ping", "/_ping"),
            ("/v1.41/images/json", "/v[0-9.]+/images/json"),
            ("/volumes/a.b", r"/volumes/a\.b"),
            ("/v/x", "/v/x"),
            ("/", "/"),
            ("*", r"\*"),
        ];
        for (path, pattern) in rows {
            assert_eq!(suggest_pattern(path), pattern, "{path}");
        }
    }

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
        let labels = Source::Labels { prefix: "socket-proxy".into(), container: "ci".into() };
        let rows = [
            (path.clone(), Source::Flags, 403, "add -allowPOST=/v[0-9.]+/containers/create"),
            (path.clone(), Source::Listener("ci".into()), 403, "add -allowPOST@ci=/v[0-9.]+/"),
            (
                Denial::Method { allowed: vec![] },
                Source::InvalidLabel {
                    label: "socket-proxy.allow.x".into(),
                    container: "ci".into(),
                },
                405,
                "add a valid label socket-proxy.allow.x to the container ci, whose present",
            ),
            (path, labels, 403, "socket-proxy.allow.post=/v[0-9.]+/containers/create to the"),
            (Denial::Method { allowed: vec![Method::Get] }, Source::Flags, 405, "add -allowPOST="),
            (Denial::Address, Source::Flags, 403, "10.0.0.2 are not allowed; add the address to"),
        ];
        for (denial, source, status, part) in rows {
            let (got, text) = message(&denial, &source);
            assert!(got == status && text.contains(part), "{got} {text}");
        }
    }
}
