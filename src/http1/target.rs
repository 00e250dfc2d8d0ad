//! Request targets: one decoded path, judged and printed canonically.
//!
//! **Invariant:** a [`Target`] exists only in normal form: valid UTF-8, no
//! controls, no `\`, no `%`, no `.` or `..` segment, and no empty one but behind
//! one trailing slash. The daemon decodes the printed path once and routes by
//! exactly the string that was judged.
//!
//! Doubled slashes are taken out, as the daemon does; such a target says so, and
//! is answered with a redirect, never forwarded.
//!
//! The Engine matches routes against the once-decoded path, and Podman against
//! the encoded one; the canonical encoding reads the same for both.

use super::{Error, Method};
use crate::text::percent;
use std::borrow::Cow;

/// The target of a request (RFC 9112 §3.2) in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    path: Cow<'a, str>,
    query: Option<Cow<'a, str>>,
    had_doubled_slashes: bool,
}

impl<'a> Target<'a> {
    /// Parses origin-form, absolute-form with scheme `http`, and `*` for OPTIONS.
    ///
    /// # Errors
    /// [`Error::Target`] for another form or raw bytes outside of RFC 3986;
    /// [`Error::Path`] for a path that is not in normal form.
    pub fn parse(raw: &'a str, method: Method) -> Result<Self, Error> {
        if raw == "*" && method == Method::Options {
            return Ok(Self { path: Cow::Borrowed(raw), query: None, had_doubled_slashes: false });
        }
        let origin = origin_form(raw)?;
        let (path, query) = match origin.split_once('?') {
            Some((path, query)) => (path, Some(encode_query(query)?)),
            None => (origin, None),
        };
        let had_doubled_slashes = path.contains("//");
        let path = match had_doubled_slashes {
            true => Cow::Owned(decode(&without_doubled_slashes(path))?.into_owned()),
            false => decode(path)?,
        };
        Ok(Self { path, query, had_doubled_slashes })
    }

    /// The decoded path, which the rules judge.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query without the `?`, as it was received but for raw UTF-8, which is
    /// encoded.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Whether the path was written with doubled slashes, to which the daemon
    /// answers with a redirect to this target.
    #[must_use]
    pub fn had_doubled_slashes(&self) -> bool {
        self.had_doubled_slashes
    }

    /// The same target, without the bytes that it was parsed from.
    #[must_use]
    pub fn into_owned(self) -> Target<'static> {
        Target {
            path: Cow::Owned(self.path.into_owned()),
            query: self.query.map(|query| Cow::Owned(query.into_owned())),
            had_doubled_slashes: self.had_doubled_slashes,
        }
    }

    /// Appends the canonical encoding: `/` and every pchar plain, all else `%XX`.
    pub(crate) fn print(&self, out: &mut Vec<u8>) {
        print_path(&self.path, out);
        if let Some(query) = &self.query {
            out.push(b'?');
            out.extend(query.as_bytes());
        }
    }
}

/// The canonical encoding of a decoded path, for users who will send it.
#[must_use]
pub fn encode_path(path: &str) -> String {
    let mut printed = Vec::new();
    print_path(path, &mut printed);
    String::from_utf8_lossy(&printed).into_owned()
}

fn print_path(path: &str, out: &mut Vec<u8>) {
    for byte in path.bytes() {
        if byte == b'/' || is_pchar(byte) {
            out.push(byte);
        } else {
            out.extend(percent::encode(byte));
        }
    }
}

/// As it is printed for the daemon; for logs.
impl std::fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut printed = Vec::new();
        self.print(&mut printed);
        f.write_str(&String::from_utf8_lossy(&printed))
    }
}

/// Strips scheme and authority of absolute-form (RFC 9112 §3.2.2: a server must
/// accept it, and ignore Host then; the daemon gets one constant Host anyway).
/// `http:/path`, without an authority, is the request of systeminformation (npm).
fn origin_form(raw: &str) -> Result<&str, Error> {
    if raw.starts_with('/') {
        return Ok(raw);
    }
    let rest = match raw.split_at_checked("http:".len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http:") => rest,
        _ => return Err(Error::Target),
    };
    match rest.strip_prefix("//") {
        Some(rest) => behind_authority(rest),
        None if rest.starts_with('/') => Ok(rest),
        None => Err(Error::Target),
    }
}

fn behind_authority(rest: &str) -> Result<&str, Error> {
    let (authority, origin) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if authority.is_empty()
        || authority.starts_with(':')
        || !super::fields::is_host(authority.as_bytes())
    {
        return Err(Error::Target);
    }
    match origin.bytes().next() {
        None => Ok("/"),
        Some(b'/') => Ok(origin),
        Some(_) => Err(Error::Target),
    }
}

/// The query as it is sent: raw UTF-8 becomes `%XX`, all else stays.
fn encode_query(raw: &str) -> Result<Cow<'_, str>, Error> {
    let is_legal = |c: char| if c.is_ascii() { is_query_char(c) } else { !c.is_control() };
    if !raw.chars().all(is_legal) {
        return Err(Error::Target);
    }
    if raw.is_ascii() {
        return Ok(Cow::Borrowed(raw));
    }
    let mut encoded = String::with_capacity(raw.len().saturating_mul(2));
    for byte in raw.bytes() {
        match byte.is_ascii() {
            true => encoded.push(char::from(byte)),
            false => encoded.extend(percent::encode(byte).map(char::from)),
        }
    }
    Ok(Cow::Owned(encoded))
}

/// Only slashes that are written so: `%2f` beside a slash stays an error.
fn without_doubled_slashes(path: &str) -> String {
    let mut clean = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !clean.ends_with('/') {
            clean.push(c);
        }
    }
    clean
}

/// Decodes a path once and holds it to normal form.
fn decode(raw: &str) -> Result<Cow<'_, str>, Error> {
    let mut escaped = false;
    for byte in raw.bytes() {
        match byte {
            b'%' => escaped = true,
            b'/' => {}
            _ if is_pchar(byte) => {}
            _ => return Err(Error::Target),
        }
    }
    let path = if escaped { Cow::Owned(unescape(raw)?) } else { Cow::Borrowed(raw) };
    // `/networks/` is a route of the Engine; `/networks%2F` is an alias of it.
    let judged = match path.strip_suffix('/') {
        Some(rest) if raw.ends_with('/') && rest.len() > 1 => rest,
        _ => &path,
    };
    if is_normal(judged) { Ok(path) } else { Err(Error::Path) }
}

fn unescape(raw: &str) -> Result<String, Error> {
    let decoded = percent::decode(raw).ok_or(Error::Target)?;
    String::from_utf8(decoded).map_err(|_| Error::Path)
}

/// `/` alone, or segments that are neither empty nor `.` nor `..` and hold no
/// character that some reader of the path could take for syntax.
fn is_normal(path: &str) -> bool {
    let Some(segments) = path.strip_prefix('/') else { return false };
    let forbidden = |c: char| c.is_control() || c == '\\' || c == '%';
    !path.contains(forbidden)
        && (segments.is_empty() || segments.split('/').all(|s| !matches!(s, "" | "." | "..")))
}

/// `pchar` of RFC 3986 §3.3 without escapes.
fn is_pchar(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'&'..=b'.' | b'0'..=b';')
        || matches!(byte, b'!' | b'$' | b'=' | b'@' | b'_' | b'~')
}

/// Printable ASCII but `#`. Some clients send raw JSON in `filters=` (`curl -g`).
fn is_query_char(c: char) -> bool {
    c.is_ascii_graphic() && c != '#'
}

/// The text as a part of a path or a query: everything but unreserved characters
/// (RFC 3986 §2.3) as `%XX`.
#[must_use]
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.extend(percent::encode(byte).map(char::from)),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_target_is_encoded_whole() {
        assert_eq!(percent_encoded(r#"{"a":["b-c"]}"#), "%7B%22a%22%3A%5B%22b-c%22%5D%7D");
        assert_eq!(percent_encoded("a/é?"), "a%2F%C3%A9%3F");
    }

    fn check(raw: &str, path: &str, printed: &str) {
        let target = Target::parse(raw, Method::Get).unwrap();
        assert_eq!(target.path(), path, "{raw}");
        let mut out = Vec::new();
        target.print(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), printed, "{raw}");
        assert_eq!(Target::parse(printed, Method::Get).unwrap(), target, "fixed point of {raw}");
    }

    fn check_refused(raw: &str, error: Error) {
        assert_eq!(Target::parse(raw, Method::Get), Err(error), "{raw}");
    }

    #[test]
    fn what_is_judged_is_the_decoded_path_and_what_is_sent_is_its_canonical_form() {
        check("/", "/", "/");
        check("/a/b?c=d", "/a/b", "/a/b?c=d");
        check("/%63ontainers/create", "/containers/create", "/containers/create");
        check("/containers%2Fcreate", "/containers/create", "/containers/create");
        check(
            "/images/a%40sha256%3Aabc/json",
            "/images/a@sha256:abc/json",
            "/images/a@sha256:abc/json",
        );
        check("/a%20b", "/a b", "/a%20b");
        check("/%e2%84%aa", "/\u{212a}", "/%E2%84%AA");
        check("/a%3fb", "/a?b", "/a%3Fb");
        check("/a??b?", "/a", "/a??b?");
        check("/a?", "/a", "/a?");
        check("/!$&'()*+,;=:@-._~", "/!$&'()*+,;=:@-._~", "/!$&'()*+,;=:@-._~");
        check("http://d/a", "/a", "/a");
        check("HTTP://[::1]:2375/a?b", "/a", "/a?b");
        check("http://d", "/", "/");
        check("/networks/", "/networks/", "/networks/");
        check("/a/%62/?c=/", "/a/b/", "/a/b/?c=/");
        check("/a?f={\"label\":[\"a=b\"]}", "/a", "/a?f={\"label\":[\"a=b\"]}");
    }

    #[test]
    fn an_absolute_form_without_authority_is_its_path() {
        check("http:/a/b?c", "/a/b", "/a/b?c");
        check("HTTP:/a", "/a", "/a");
        check("hTtP:/", "/", "/");
        check("http:/d:80/a", "/d:80/a", "/d:80/a");
        for raw in
            ["http:", "http:a", "http:?a", "http:///a", "http:////a", "http:\\a", "http:%2fa"]
        {
            check_refused(raw, Error::Target);
        }
        for raw in
            ["https:/a", "unix:/a", "tcp:/a", "npipe:/a", "httpx:/a", "ttp:/a", ":/a", "é:/a"]
        {
            check_refused(raw, Error::Target);
        }
    }

    #[test]
    fn raw_utf_8_in_a_query_is_encoded() {
        check("/a?f={\"l\":[\"ü\"]}", "/a", "/a?f={\"l\":[\"%C3%BC\"]}");
        check("/a?\u{20ac}%41\u{1f433}&b", "/a", "/a?%E2%82%AC%41%F0%9F%90%B3&b");
        check("/a?\u{2028}\u{202e}", "/a", "/a?%E2%80%A8%E2%80%AE");
        for raw in ["/a?\u{85}", "/a?\u{e9}#", "/a?\u{e9} b", "/a?\u{e9}\u{7f}", "/a?\u{9f}"] {
            check_refused(raw, Error::Target);
        }
    }

    #[test]
    fn doubled_slashes_are_taken_out_and_noted() {
        let rows = [
            ("//v1.24/containers/json?a=//b", "/v1.24/containers/json?a=//b"),
            ("//", "/"),
            ("///a", "/a"),
            ("/a//b", "/a/b"),
            ("/a///", "/a/"),
            ("//a//%62//c", "/a/b/c"),
            ("//d:80/a%20b", "/d:80/a%20b"),
            ("http://d//a", "/a"),
            ("http:/a//b", "/a/b"),
        ];
        for (raw, printed) in rows {
            let target = Target::parse(raw, Method::Get).unwrap();
            assert!(target.had_doubled_slashes(), "{raw}");
            assert_eq!(target.to_string(), printed, "{raw}");
            assert!(!Target::parse(printed, Method::Get).unwrap().had_doubled_slashes(), "{raw}");
        }
        for raw in ["//.", "//a/../b", "/a//..", "//%2e%2e/a", "//a/%2fb", "/a//%2f", "//a%2f"] {
            check_refused(raw, Error::Path);
        }
        for raw in ["//a#b", "//a\\b", "//\u{e9}", "//u@d\"/a", "//a%", "//a%zz"] {
            check_refused(raw, Error::Target);
        }
    }

    #[test]
    fn a_path_that_a_daemon_would_clean_otherwise_is_refused() {
        for raw in
            ["/.", "/a/./b", "/a/../b", "/a/%2e%2e/b", "/a/.%2E", "/a/.", "/a/./", "/a/../", "/../"]
        {
            check_refused(raw, Error::Path);
        }
        for raw in ["/%2f", "/a%2f", "/a%2f/", "/a/%2f", "/%2fa", "/a%2f%2fb", "/a/%2fb"] {
            check_refused(raw, Error::Path);
        }
        for raw in ["/a%5cb", "/a%25b", "/a%00", "/a%0d%0a", "/a%7f", "/%c0%80", "/a%00/"] {
            check_refused(raw, Error::Path);
        }
        check_refused("/a%c2%85b", Error::Path);
    }

    #[test]
    fn other_forms_and_raw_bytes_outside_of_the_grammar_are_refused() {
        for raw in
            ["", "*", "a", "?/a", "d:80", "https://d/a", "foo:/a", "http:///a", "http://u@d/a"]
        {
            check_refused(raw, Error::Target);
        }
        for raw in ["/a#b", "/a?b#c", "/a\\b", "/a\"", "/a<b>", "/a[b]", "/\u{e9}", "/\u{e9}?a"] {
            check_refused(raw, Error::Target);
        }
        for raw in ["/a%", "/a%1", "/a%zz", "/%u0063", "/a b", "/a\tb", "http://d?/a"] {
            check_refused(raw, Error::Target);
        }
    }

    #[test]
    fn an_asterisk_is_a_target_for_options_alone() {
        let target = Target::parse("*", Method::Options).unwrap();
        let mut out = Vec::new();
        target.print(&mut out);
        assert_eq!((target.path(), out.as_slice()), ("*", b"*".as_slice()));
    }
}
