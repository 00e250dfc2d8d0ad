//! URLs as the log shows them: without secrets, and of bounded length.
//!
//! The query has no part in a decision, so a hidden value is not missed when
//! somebody looks for a cause. A hidden value is one whose name or text says that
//! it may be a secret: build arguments, environments, credentials of registries,
//! addresses with a password. The path is shown as it is.

use crate::http1::Request;
use crate::text;
use crate::text::percent::{self, Piece};
use std::borrow::Cow;

/// Longest URL of a log line, its mark included. Docker splits lines at 16 KiB.
const URL_BYTES_MAX: usize = 1024;

/// In place of a value.
const HIDDEN: &str = "***";

/// Parameters with secrets, in lower case: of builds (`buildargs`), of Podman
/// (`secrets`), of commits (`changes`, with `ENV`), and of clients that repeat
/// fields of the body in the query (dockerode).
const SECRET_NAMES: [&str; 15] = [
    "auth",
    "authconfig",
    "buildargs",
    "changes",
    "cmd",
    "entrypoint",
    "env",
    "environment",
    "labels",
    "registryauth",
    "registryconfig",
    "pwd",
    "secretenv",
    "setenv",
    "driveropts",
];

/// Parts of names and values, in lower case.
const SECRET_PARTS: [&str; 8] =
    ["apikey", "api_key", "credential", "passwd", "password", "secret", "token", "x-registry-"];

/// The target of a request.
pub(super) fn url(request: &Request<'_>) -> String {
    raw_url(&request.target().to_string())
}

/// The same of a target that was not parsed.
pub(super) fn raw_url(url: &str) -> String {
    let url = &*without_user(url);
    let Some((path, query)) = url.split_once('?') else {
        return text::cut(url, URL_BYTES_MAX).into_owned();
    };
    let parameters: Vec<Cow<'_, str>> = query.split('&').map(without_secret).collect();
    text::cut(&format!("{path}?{}", parameters.join("&")), URL_BYTES_MAX).into_owned()
}

/// The reason of a refusal. A quotation in it is hidden if the log hides a value of
/// the query, or if it looks like a secret itself.
pub(super) fn reason(request: &Request<'_>, reason: &str) -> String {
    let query = request.target().query().unwrap_or_default();
    let hides =
        query.split('&').any(|parameter| matches!(without_secret(parameter), Cow::Owned(_)));
    // Quotes within a quoted text are escaped, so that the outermost ones count.
    let (Some(first), Some(last)) = (reason.find('"'), reason.rfind('"')) else {
        return reason.to_owned();
    };
    let [before, quoted, after] = [0..first, first..last, last..reason.len()]
        .map(|range| reason.get(range).unwrap_or_default());
    match hides || is_secret("", &quoted.to_lowercase()) {
        true => format!("{before}\"{HIDDEN}{after}"),
        false => reason.to_owned(),
    }
}

/// A target without the user in front of a host, which may have a password.
fn without_user(url: &str) -> Cow<'_, str> {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (front, rest) = url.split_at(start);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    match authority.rfind('@') {
        Some(at) if start > 0 || !url.starts_with('/') => {
            Cow::Owned(format!("{front}{HIDDEN}{}", rest.get(at..).unwrap_or_default()))
        }
        _ => Cow::Borrowed(url),
    }
}

fn without_secret(parameter: &str) -> Cow<'_, str> {
    let Some((name, value)) = parameter.split_once('=') else { return Cow::Borrowed(parameter) };
    match is_secret(&decoded(name), &decoded(value)) {
        true => Cow::Owned(format!("{name}={HIDDEN}")),
        false => Cow::Borrowed(parameter),
    }
}

fn is_secret(name: &str, value: &str) -> bool {
    let has_password = |(_, rest): (&str, &str)| rest.contains('@');
    SECRET_NAMES.contains(&name)
        || SECRET_PARTS.iter().any(|part| name.contains(part) || value.contains(part))
        || value.split_once("://").is_some_and(has_password)
}

/// Decoded for comparison, in lower case; `%XX` that are none stay.
fn decoded(raw: &str) -> String {
    let byte = |piece| match piece {
        Piece::Plain(byte) | Piece::Escaped(byte) => byte,
        Piece::Malformed => b'%',
    };
    let bytes: Vec<u8> = percent::pieces(raw).map(byte).collect();
    String::from_utf8_lossy(&bytes).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_query_are_hidden() {
        let rows = [
            ("/info", "/info"),
            ("/build?t=x&buildargs={\"A\":\"b\"}&q=1", "/build?t=x&buildargs=***&q=1"),
            ("/build?%62uildArgs=%7B%7D", "/build?%62uildArgs=***"),
            ("/a?PASSWORD=x&password", "/a?PASSWORD=***&password"),
            ("/a?f=%7b%22e%22%3a%22DB_%50ASSWORD%3dx%22%7d", "/a?f=***"),
            ("/build?remote=https://u:p%40x@h/r.git", "/build?remote=***"),
            ("/build?remote=https%3A%2F%2Fu%3Ap%40h", "/build?remote=***"),
            ("/build?remote=https://h/r.git", "/build?remote=https://h/r.git"),
            ("/images/create?fromImage=a/b@sha256:00", "/images/create?fromImage=a/b@sha256:00"),
            ("/commit?changes=ENV%20A=b&author=me", "/commit?changes=***&author=me"),
            ("/a?X-Registry-Auth=abc&%zz=%&==", "/a?X-Registry-Auth=***&%zz=%&=="),
            ("/containers/create?Env=[\"A=b\"]", "/containers/create?Env=***"),
            ("/containers/create?Cmd=[\"--requirepass\",\"x\"]", "/containers/create?Cmd=***"),
            (
                "/containers/create?Entrypoint=x&Labels={}",
                "/containers/create?Entrypoint=***&Labels=***",
            ),
            ("/a?", "/a?"),
            ("/a?b=c?token=x", "/a?b=***"),
        ];
        for (url, expected) in rows {
            assert_eq!(raw_url(url), expected);
        }
    }

    #[test]
    fn the_user_of_a_target_is_hidden() {
        let rows = [
            ("http://user:pw@host/x", "http://***@host/x"),
            ("HTTP://user:p@w@host", "HTTP://***@host"),
            ("user:pw@host:80", "***@host:80"),
            ("/images/a@sha256:00/json", "/images/a@sha256:00/json"),
            ("http://host/a@b", "http://host/a@b"),
        ];
        for (url, expected) in rows {
            assert_eq!(raw_url(url), expected);
        }
    }

    #[test]
    fn a_reason_quotes_no_secret() {
        let mut storage = crate::http1::FieldStorage::new();
        let head = b"POST /build?version=x&buildargs=y HTTP/1.1\r\nHost: d\r\n\r\n";
        let with_secret = Request::parse(head, &mut storage).unwrap();
        let mut storage = crate::http1::FieldStorage::new();
        let head = b"POST /build?version=x HTTP/1.1\r\nHost: d\r\n\r\n";
        let plain = Request::parse(head, &mut storage).unwrap();
        let rows = [
            (&with_secret, "version is not a word: \"a b\"", "version is not a word: \"***\""),
            (&plain, "version is not a word: \"a b\"", "version is not a word: \"a b\""),
            (&plain, "repeated \"MY_PASSWORD=x\" twice", "repeated \"***\" twice"),
            (&plain, "from \"ftp://u:p@h\"", "from \"***\""),
        ];
        for (request, text, expected) in rows {
            assert_eq!(reason(request, text), expected);
        }
    }

    #[test]
    fn a_long_url_is_cut_after_its_secrets_are_hidden() {
        let long = raw_url(&format!("/{}", "a".repeat(60_000)));
        assert!(long.len() <= URL_BYTES_MAX && long.ends_with("a…(60001 bytes)"), "{long}");
        let long = raw_url(&format!("/a?env={}&b={}", "s".repeat(500), "c".repeat(5000)));
        assert!(long.starts_with("/a?env=***&b=c") && long.len() <= URL_BYTES_MAX, "{long}");
    }
}
