//! A strict, independent reader of HTTP/1.1 messages, for judging the proxy.
//!
//! It reads only the one spelling that the proxy promises to print. `Ok(None)`
//! means that the bytes are so far the beginning of such a message; `Err` names
//! the first thing that is not. It repairs nothing and is not fast.

use std::fmt::Write as _;

/// The only Host that may be sent, for any Host of the client.
pub(crate) const HOST: &str = "docker";

/// A field as it stood in a head.
pub(crate) type Field = (String, String);

/// A request that the daemon received.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) body: Vec<u8>,
}

/// A final response that the client received.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) fields: Vec<Field>,
    pub(crate) body: Vec<u8>,
    pub(crate) framing: Framing,
}

/// How the end of a body is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

/// A message and how many bytes it took.
pub(crate) type Read<T> = Result<Option<(T, usize)>, String>;

impl Request {
    /// The path, percent-decoded once.
    pub(crate) fn path(&self) -> Vec<u8> {
        percent_decode(self.target.split('?').next().unwrap_or_default())
    }

    /// The part behind the first `?`, if any.
    pub(crate) fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.fields, name)
    }
}

impl Response {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.fields, name)
    }
}

/// Reads a request as the proxy must print it.
pub(crate) fn read_request(bytes: &[u8]) -> Read<Request> {
    let Some((request, framing, head_bytes)) = read_request_head(bytes)? else { return Ok(None) };
    let rest = &bytes[head_bytes..];
    let body = match framing {
        Framing::None => Some((Vec::new(), 0)),
        Framing::Length(length) => sized(rest, length),
        Framing::Chunked => read_chunked(rest)?,
        Framing::UntilClose => return Err("a request body of unknown end".to_owned()),
    };
    Ok(body.map(|(body, used)| (Request { body, ..request }, head_bytes + used)))
}

/// Reads only the head of a request; the body stays empty.
pub(crate) fn read_request_head(bytes: &[u8]) -> Result<Option<(Request, Framing, usize)>, String> {
    let Some((lines, head_bytes)) = head_lines(bytes)? else { return Ok(None) };
    let start = lines.first().ok_or("no request line")?;
    let [method, target, "HTTP/1.1"] = start.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("request line {start:?}"));
    };
    if method.is_empty() || !method.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(format!("method {method:?}"));
    }
    check_target(target)?;
    let fields = fields_of(&lines[1..])?;
    let framing = request_framing(&fields)?;
    check_request_fields(&fields)?;
    let (method, target) = (method.to_owned(), target.to_owned());
    Ok(Some((Request { method, target, fields, body: Vec::new() }, framing, head_bytes)))
}

/// Reads a response; `eof` means that no byte will follow.
pub(crate) fn read_response(bytes: &[u8], method: &str, eof: bool) -> Read<Response> {
    let Some((lines, head_bytes)) = head_lines(bytes)? else { return Ok(None) };
    let start = lines.first().ok_or("no status line")?;
    let status = read_status(start)?;
    let fields = fields_of(&lines[1..])?;
    let framing = response_framing(&fields, status, method)?;
    let rest = &bytes[head_bytes..];
    let body = match framing {
        Framing::None => Some((Vec::new(), 0)),
        Framing::Length(length) => sized(rest, length),
        Framing::Chunked => read_chunked(rest)?,
        Framing::UntilClose => eof.then(|| (rest.to_vec(), rest.len())),
    };
    Ok(body.map(|(body, used)| (Response { status, fields, body, framing }, head_bytes + used)))
}

/// Reads a chunked body in its canonical spelling: no leading zeros, no
/// extensions, no trailers.
pub(crate) fn read_chunked(bytes: &[u8]) -> Read<Vec<u8>> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let Some(line_bytes) = line_end(&bytes[at..])? else { return Ok(None) };
        let line = &bytes[at..at + line_bytes];
        let size = chunk_size(line)?;
        at += line_bytes + 2;
        let Some((data, _)) = sized(&bytes[at..], size) else { return Ok(None) };
        body.extend_from_slice(&data);
        at += size;
        match bytes[at..].get(..2) {
            Some(b"\r\n") => at += 2,
            None if b"\r\n".starts_with(&bytes[at..]) => return Ok(None),
            _ => return Err(format!("after a chunk: {}", show(&bytes[at..]))),
        }
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

/// Bytes in a form for messages: escaped, and shortened in the middle.
pub(crate) fn show(bytes: &[u8]) -> String {
    let text = bytes.escape_ascii().to_string();
    if text.len() <= 300 {
        return format!("\"{text}\"");
    }
    format!("\"{}…{}\" ({} bytes)", &text[..200], &text[text.len() - 60..], bytes.len())
}

/// Decodes `%XX` once; anything else stays.
pub(crate) fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    decoded
}

fn field<'a>(fields: &'a [Field], name: &str) -> Option<&'a str> {
    fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The lines of a head and its length with the empty line; each ends in CRLF.
fn head_lines(bytes: &[u8]) -> Result<Option<(Vec<String>, usize)>, String> {
    let mut lines = Vec::new();
    let mut at = 0;
    loop {
        let Some(line_bytes) = line_end(&bytes[at..])? else { return Ok(None) };
        let line = &bytes[at..at + line_bytes];
        at += line_bytes + 2;
        if line.is_empty() {
            return Ok(Some((lines, at)));
        }
        if let Some(bad) = line.iter().find(|b| b.is_ascii_control() && **b != b'\t') {
            return Err(format!("control byte {bad:#04x} in line {}", show(line)));
        }
        lines.push(line.iter().map(|byte| char::from(*byte)).collect());
    }
}

/// The length of the first line, without its CRLF. A lone CR or LF is an error.
fn line_end(bytes: &[u8]) -> Result<Option<usize>, String> {
    let Some(at) = bytes.iter().position(|b| matches!(b, b'\r' | b'\n')) else { return Ok(None) };
    match (bytes[at], bytes.get(at + 1)) {
        (b'\r', Some(b'\n')) => Ok(Some(at)),
        (b'\r', None) => Ok(None),
        _ => Err(format!("a lone CR or LF after {}", show(&bytes[..at]))),
    }
}

fn sized(bytes: &[u8], size: usize) -> Option<(Vec<u8>, usize)> {
    bytes.get(..size).map(|body| (body.to_vec(), size))
}

fn chunk_size(line: &[u8]) -> Result<usize, String> {
    let canonical = !line.is_empty()
        && line.len() <= 15
        && line.iter().all(u8::is_ascii_hexdigit)
        && (line == b"0" || line[0] != b'0');
    let text = std::str::from_utf8(line).unwrap_or_default();
    usize::from_str_radix(text, 16)
        .ok()
        .filter(|_| canonical)
        .ok_or_else(|| format!("chunk line {}", show(line)))
}

fn read_status(line: &str) -> Result<u16, String> {
    let rest = line.strip_prefix("HTTP/1.1 ").ok_or_else(|| format!("status line {line:?}"))?;
    let digits = rest.get(..3).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
    let separated = rest.len() == 3 || rest.as_bytes().get(3) == Some(&b' ');
    digits
        .filter(|_| separated)
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| format!("status line {line:?}"))
}

fn fields_of(lines: &[String]) -> Result<Vec<Field>, String> {
    lines.iter().map(|line| read_field(line)).collect()
}

fn read_field(line: &str) -> Result<Field, String> {
    let (name, value) = line.split_once(':').ok_or_else(|| format!("field line {line:?}"))?;
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return Err(format!("field name in {line:?}"));
    }
    let value = value.strip_prefix(' ').unwrap_or(value);
    if value.trim_matches([' ', '\t']) != value {
        return Err(format!("white space around the value in {line:?}"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// All values of a field that may stand there at most once.
fn single<'a>(fields: &'a [Field], name: &str) -> Result<Option<&'a str>, String> {
    let mut values = fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
    let first = values.next().map(|(_, value)| value.as_str());
    if values.next().is_some() {
        return Err(format!("{name} is repeated"));
    }
    Ok(first)
}

fn request_framing(fields: &[Field]) -> Result<Framing, String> {
    let length = single(fields, "Content-Length")?;
    let coding = single(fields, "Transfer-Encoding")?;
    match (length, coding) {
        (None, None) => Ok(Framing::None),
        (Some(length), None) => read_length(length),
        (None, Some("chunked")) => Ok(Framing::Chunked),
        _ => Err(format!("framing {length:?} {coding:?}")),
    }
}

fn response_framing(fields: &[Field], status: u16, method: &str) -> Result<Framing, String> {
    let length = single(fields, "Content-Length")?.map(read_length).transpose()?;
    let coding = single(fields, "Transfer-Encoding")?;
    if length.is_some() && coding.is_some() {
        return Err("Content-Length with Transfer-Encoding".to_owned());
    }
    if method == "HEAD" || status < 200 || matches!(status, 204 | 304) {
        return Ok(Framing::None);
    }
    match coding {
        None => Ok(length.unwrap_or(Framing::UntilClose)),
        Some("chunked") => Ok(Framing::Chunked),
        Some(other) => Err(format!("Transfer-Encoding {other:?}")),
    }
}

fn read_length(value: &str) -> Result<Framing, String> {
    let length: usize = value.parse().map_err(|_| format!("Content-Length {value:?}"))?;
    if length.to_string() == value {
        Ok(Framing::Length(length))
    } else {
        Err(format!("Content-Length {value:?} is not canonical"))
    }
}

/// Fields that end at the proxy, and the three that it sets itself.
fn check_request_fields(fields: &[Field]) -> Result<(), String> {
    const ABSENT: [&str; 9] = [
        "Expect",
        "Keep-Alive",
        "TE",
        "Trailer",
        "HTTP2-Settings",
        "Proxy-Connection",
        "Proxy-Authorization",
        "Proxy-Authenticate",
        "X-Forwarded-For",
    ];
    if let Some(name) = ABSENT.iter().find(|name| field(fields, name).is_some()) {
        return Err(format!("{name} was forwarded"));
    }
    let host = single(fields, "Host")?;
    if host != Some(HOST) {
        return Err(format!("Host {host:?}"));
    }
    let connection = single(fields, "Connection")?.unwrap_or_default().to_ascii_lowercase();
    let upgrade = single(fields, "Upgrade")?;
    let expected = if upgrade.is_some() { "upgrade" } else { "close" };
    if connection != expected {
        return Err(format!("Connection {connection:?} with Upgrade {upgrade:?}"));
    }
    if upgrade.is_some_and(|token| !["tcp", "websocket", "h2c"].contains(&token)) {
        return Err(format!("Upgrade {upgrade:?}"));
    }
    check_no_aliases(fields)
}

/// A name that some parsers would read as a framing field.
fn check_no_aliases(fields: &[Field]) -> Result<(), String> {
    let alias = fields.iter().map(|(name, _)| name).find(|name| {
        let plain = name.replace('_', "-").to_ascii_lowercase();
        name.contains('_')
            && ["transfer-encoding", "content-length", "host", "connection", "upgrade"]
                .contains(&plain.as_str())
    });
    alias.map_or(Ok(()), |name| Err(format!("the field {name} was forwarded")))
}

/// The target must stand in its canonical spelling.
fn check_target(target: &str) -> Result<(), String> {
    let (path, query) = target.split_once('?').map_or((target, ""), |(p, q)| (p, q));
    if !query.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        return Err(format!("query of target {target:?}"));
    }
    if path == "*" {
        return Ok(());
    }
    let decoded = percent_decode(path);
    let clean = path.starts_with('/') && canonical_path(&decoded) == path && no_dots(&decoded);
    if clean { Ok(()) } else { Err(format!("target {target:?} is not canonical")) }
}

fn no_dots(decoded: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(decoded) else { return false };
    let inner = text.strip_prefix('/').unwrap_or(text);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    text == "/"
        || (inner.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
            && !text.contains(['\\', '%'])
            && !text.chars().any(char::is_control))
}

/// `/` and every pchar (RFC 3986 §3.3) plain, all else as `%XX`.
fn canonical_path(decoded: &[u8]) -> String {
    decoded.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
