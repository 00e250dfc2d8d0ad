//! Requests in logs: ours, the Go program's, and access logs.
//!
//! ```text
//! time=… level=WARN msg="blocked request" method=GET URL=/v1.51/info client=10.0.0.2:4711
//! {"level":"DEBUG","msg":"allowed request","method":"GET","URL":{"Path":"/info"},"client":"…"}
//! haproxy[7]: 10.0.0.2:4711 [26/Nov/2026:03:45:31.000] … "GET /v1.51/info HTTP/1.1"
//! ```
//!
//! A line may begin with a prefix: a time, or `name-1  | ` of `docker compose logs`.
//! A line without a request is no error.
//!
//! **Invariant:** text from a client cannot turn a line into another request:
//! values are unquoted as the log quoted them, and read once.

use crate::http1::{Method, Target, encode_path};
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};

/// The messages of lines about requests, and whether the request was allowed.
/// `finished request` is left out: it repeats an allowed one.
const MESSAGES: [(&str, Decision); 3] = [
    ("allowed request", Decision::Allowed),
    ("blocked request", Decision::Blocked),
    ("learned", Decision::Blocked),
];

/// The mark with which the log ends a URL that it cuts.
const CUT_MARK: char = '…';

/// The decision that the log states for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It was let through.
    Allowed,
    /// It was refused, or would have been.
    Blocked,
    /// The log does not say.
    Unknown,
}

/// A request that a log has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The client, without a port; empty if the log does not name it.
    pub client: String,
    /// Its method.
    pub method: Method,
    /// Its decoded path in normal form.
    pub path: String,
    /// Whether it was allowed.
    pub decision: Decision,
}

/// The meaning of a line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// About a request.
    Request(LoggedRequest),
    /// About a request whose target is not whole, or not one that the proxy
    /// would forward.
    Unusable,
    /// About something else.
    Other,
}

/// Reads a line of a log.
#[must_use]
pub fn read_line(line: &[u8]) -> Line {
    let text = String::from_utf8_lossy(line);
    read_json(&text).unwrap_or_else(|| read_plain(&text))
}

/// Reads a line that is not within JSON.
fn read_plain(text: &str) -> Line {
    let nested = || read_request_json(&json_of(text)?);
    let known = nested().or_else(|| read_logfmt(text)).or_else(|| read_access_log(text));
    known.unwrap_or(Line::Other)
}

/// The JSON that a line ends with. Something may follow it, such as a line end
/// of another system.
fn json_of(text: &str) -> Option<Value> {
    let object = text.get(text.find('{')?..)?;
    serde_json::Deserializer::from_str(object).into_iter().next()?.ok()
}

/// A line within the JSON of Docker's json-file driver or of journald.
fn read_json(text: &str) -> Option<Line> {
    let value = json_of(text)?;
    let field = |name: &str| value.get(name).and_then(Value::as_str);
    match field("log").or_else(|| field("MESSAGE")) {
        Some(line) => Some(read_plain(line.trim_end())),
        None => read_request_json(&value),
    }
}

fn read_request_json(value: &Value) -> Option<Line> {
    let field = |name: &str| value.get(name).and_then(Value::as_str);
    let url = value.get("URL")?;
    // Go's JSON handler prints the fields of its url.URL.
    let target = url.as_str().or_else(|| url.get("Path")?.as_str())?;
    let is_decoded = url.is_object();
    let decision = decision_of(field("msg")?)?;
    Some(request(
        field("client").unwrap_or_default(),
        field("method")?,
        target,
        is_decoded,
        decision,
    ))
}

fn read_logfmt(text: &str) -> Option<Line> {
    let start = text.find("msg=")?;
    let (mut method, mut url, mut client, mut message) = Default::default();
    for (key, value) in Pairs(text.get(start..)?) {
        match key {
            "msg" => message = Some(value),
            "method" => method = Some(value),
            "URL" => url = Some(value),
            "client" => client = Some(value),
            _ => {}
        }
    }
    let (message, method, url): (String, String, String) = (message?, method?, url?);
    let client: String = client.unwrap_or_default();
    Some(request(&client, &method, &url, false, decision_of(&message)?))
}

/// `METHOD TARGET HTTP/1.x`, quoted or not, and the first address before it.
fn read_access_log(text: &str) -> Option<Line> {
    let end = text.find(" HTTP/1.")?;
    let before = text.get(..end)?;
    let (rest, target) = before.rsplit_once(' ')?;
    let (front, method) = rest.rsplit_once([' ', '"', '\'']).unwrap_or(("", rest));
    Method::from_name(method)?;
    let address = |word: &str| {
        let word = word.trim_matches(['[', ']', '"', ',']);
        word.parse::<SocketAddr>().map(|a| a.ip()).or_else(|_| word.parse::<IpAddr>()).ok()
    };
    let client = front.split_whitespace().find_map(address);
    let client = client.map_or_else(String::new, |ip| ip.to_string());
    Some(request(&client, method, target, false, Decision::Unknown))
}

fn decision_of(message: &str) -> Option<Decision> {
    MESSAGES.iter().find(|(known, _)| *known == message).map(|(_, decision)| *decision)
}

fn request(client: &str, method: &str, url: &str, is_decoded: bool, decision: Decision) -> Line {
    let Some(method) = Method::from_name(method) else { return Line::Unusable };
    let path = url.split('?').next().unwrap_or_default();
    let is_whole = path.len() < url.len() || !path.contains(CUT_MARK);
    let path = if is_decoded { Some(path.to_owned()) } else { decoded(path, method) };
    match path {
        Some(path) if is_whole && is_normal(&path, method) => {
            Line::Request(LoggedRequest { client: without_port(client), method, path, decision })
        }
        _ => Line::Unusable,
    }
}

fn decoded(path: &str, method: Method) -> Option<String> {
    let target = Target::parse(path, method).ok()?;
    // One with doubled slashes was redirected; the clean one comes again.
    (!target.had_doubled_slashes()).then(|| target.path().to_owned())
}

/// Whether the proxy would judge this decoded path at all.
fn is_normal(path: &str, method: Method) -> bool {
    Target::parse(&encode_path(path), method).is_ok_and(|target| target.path() == path)
}

fn without_port(client: &str) -> String {
    match client.parse::<SocketAddr>() {
        Ok(address) => address.ip().to_canonical().to_string(),
        Err(_) => client.to_owned(),
    }
}

/// The `key=value` pairs of a line; values as Go's text handler quotes them.
struct Pairs<'t>(&'t str);

impl<'t> Iterator for Pairs<'t> {
    type Item = (&'t str, String);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, rest) = self.0.trim_start().split_once('=')?;
        if let Some(quoted) = rest.strip_prefix('"') {
            let (value, rest) = unquote(quoted)?;
            self.0 = rest;
            return Some((key, value));
        }
        let end = rest.find(' ').unwrap_or(rest.len());
        let (value, rest) = rest.split_at_checked(end)?;
        self.0 = rest;
        Some((key, value.to_owned()))
    }
}

/// The value of a string as Go quotes it, without the quote before it, and the
/// rest of the text. `None` if it does not end.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => {
                let (_, escape) = chars.next()?;
                let digits = match escape {
                    'x' => 2,
                    'u' => 4,
                    'U' => 8,
                    _ => 0,
                };
                value.push(match escape {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'x' | 'u' | 'U' => {
                        let hex: String = chars.by_ref().take(digits).map(|(_, c)| c).collect();
                        char::from_u32(u32::from_str_radix(&hex, 16).ok()?)?
                    }
                    other => other,
                });
            }
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(&str, Method, &str, Decision)>) {
        let expected = expected.map_or(Line::Other, |(client, method, path, decision)| {
            Line::Request(LoggedRequest {
                client: client.to_owned(),
                method,
                path: path.to_owned(),
                decision,
            })
        });
        assert_eq!(read_line(line.as_bytes()), expected, "{line}");
    }

    #[test]
    fn requests_are_found_in_every_form_of_log() {
        use Decision::{Allowed, Blocked, Unknown};
        let rows = [
            (
                r#"time=2026-01-02T15:04:05.000Z level=DEBUG msg="allowed request" method=GET URL="/v1.51/containers/json?all=1" client=10.0.0.2:4711"#,
                ("10.0.0.2", Method::Get, "/v1.51/containers/json", Allowed),
            ),
            (
                r#"socket-proxy-1  | time=2026-01-02T15:04:05.000Z level=WARN msg="blocked request" reason="path not allowed" method=POST URL=/containers/a%20b/start client=[::ffff:10.0.0.2]:4711 response=403"#,
                ("10.0.0.2", Method::Post, "/containers/a b/start", Blocked),
            ),
            (
                r#"{"time":"x","level":"WARN","msg":"blocked request","method":"GET","URL":"/info","client":"10.0.0.2:1"}"#,
                ("10.0.0.2", Method::Get, "/info", Blocked),
            ),
            (
                r#"proxy | {"level":"DEBUG","msg":"allowed request","method":"GET","URL":{"Scheme":"","Path":"/v1.51/info","RawQuery":""},"client":"10.0.0.2:1"}"#,
                ("10.0.0.2", Method::Get, "/v1.51/info", Allowed),
            ),
            (
                r#"<134>Nov 26 haproxy[7]: 10.0.0.2:4711 [26/Nov/2026:03:45:31.000] fe be/srv 0/0/0/1/1 403 192 - - PR-- 1/1/0/0/0 0/0 "GET /v1.51/info HTTP/1.1""#,
                ("10.0.0.2", Method::Get, "/v1.51/info", Unknown),
            ),
            (
                r#"10.0.0.2 - - [26/Nov/2026:03:45:31 +0000] "HEAD /_ping HTTP/1.1" 200 0"#,
                ("10.0.0.2", Method::Head, "/_ping", Unknown),
            ),
            (
                r#"{"log":"time=x level=WARN msg=\"blocked request\" method=GET URL=/info client=10.0.0.2:1\n","stream":"stdout","time":"x"}"#,
                ("10.0.0.2", Method::Get, "/info", Blocked),
            ),
            (
                r#"{"MESSAGE":"{\"level\":\"WARN\",\"msg\":\"blocked request\",\"method\":\"GET\",\"URL\":\"/info\",\"client\":\"10.0.0.2:1\"}"}"#,
                ("10.0.0.2", Method::Get, "/info", Blocked),
            ),
            (
                r#"time=x level=WARN msg="blocked request" method=GET URL=/info client="unix pid=1""#,
                ("unix pid=1", Method::Get, "/info", Blocked),
            ),
        ];
        for (line, expected) in rows {
            check(line, Some(expected));
        }
    }

    #[test]
    fn lines_without_a_request_are_passed_over() {
        for line in [
            "",
            "garbage \u{fffd}",
            r#"time=x level=INFO msg="socket-proxy running and listening...""#,
            r#"time=x level=DEBUG msg="finished request" method=GET URL=/info client=10.0.0.2:1"#,
            r#"{"msg":"allowed request"}"#,
            "{",
            "GET /info",
            "FETCH /info HTTP/1.1",
            r#"msg="unterminated"#,
        ] {
            check(line, None);
        }
        assert_eq!(read_line(b"\xff\xfe\x00{{{"), Line::Other);
    }

    #[test]
    fn a_target_that_is_not_whole_or_not_normal_is_unusable() {
        for url in ["/containers/aaaa…(60000 bytes)", "/a/../b", "//x", "http://", "x", "/%zz"] {
            let line = format!(r#"msg="blocked request" method=GET URL="{url}" client=1.2.3.4:1"#);
            assert_eq!(read_line(line.as_bytes()), Line::Unusable, "{url}");
        }
        check(
            r#"msg="blocked request" method=GET URL="/build?x=aaaa…(60000 bytes)" client=1.2.3.4:1"#,
            Some(("1.2.3.4", Method::Get, "/build", Decision::Blocked)),
        );
    }

    #[test]
    fn a_request_cannot_forge_another() {
        let line = r#"msg="blocked request" method=GET URL="/x\" msg=\"allowed request\" URL=\"/info" client=1.2.3.4:1"#;
        assert_eq!(read_line(line.as_bytes()), Line::Unusable);
        let line = r#"msg="blocked request" reason="method=POST URL=/info" method=GET URL=/x client=1.2.3.4:1"#;
        check(line, Some(("1.2.3.4", Method::Get, "/x", Decision::Blocked)));
    }
}
