//! Requests: parsed strictly, printed canonically.

use super::fields::{self, ConnectionOptions, FieldStorage, Role, Single};
use super::framing::{FramingFields, RequestBody};
use super::hijack::is_hijacking;
use super::{DAEMON_HOST, Error, Method, Takeover, Target};
use httparse::Header;

/// The version that a client speaks (RFC 9110 §2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: no chunks, no keep-alive here, Host optional. The default of nginx
    /// towards its upstreams, and of old health checks.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// A protocol that a tunnel may be opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// `tcp`: attach and exec of Docker.
    Tcp,
    /// `websocket`: `/attach/ws`.
    WebSocket,
    /// `h2c`: BuildKit, on paths that end in `/session` or `/grpc`.
    H2c,
}

impl Upgrade {
    /// The token on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::WebSocket => "websocket",
            Self::H2c => "h2c",
        }
    }

    /// Whether `value`, the one Upgrade field of a message, names this protocol.
    pub(super) fn is_named_by(self, value: &[u8]) -> bool {
        value.eq_ignore_ascii_case(self.as_str().as_bytes())
    }
}

/// How the head that the daemon gets differs from the received one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printed<'p> {
    /// The target in place of the client's own, if there is one.
    pub(crate) target: Option<&'p Target<'p>>,
    /// The body's framing.
    pub(crate) body: RequestBody,
    /// Names of end-to-end fields that are left out.
    pub(crate) without: &'p [&'p str],
}

/// A request that is well-formed; whether it is allowed is the filter's matter.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    method: Method,
    target: Target<'a>,
    version: Version,
    fields: &'a [Header<'a>],
    body: RequestBody,
    connection: ConnectionOptions,
    expects_continue: bool,
    upgrade: Option<Upgrade>,
    has_bare_lf: bool,
}

impl<'a> Request<'a> {
    /// Parses a head whose end [`super::HeadScan`] has found.
    ///
    /// # Errors
    /// The first thing in it that RFC 9112 forbids or leaves in doubt.
    pub fn parse(head: &'a [u8], storage: &'a mut FieldStorage<'a>) -> Result<Self, Error> {
        let mut tokens = httparse::Request::new(&mut []);
        let parsed = tokens.parse_with_uninit_headers(head, storage.slots(head));
        if parsed != Ok(httparse::Status::Complete(head.len())) {
            return Err(parsed.err().map_or(Error::StartLine, fault));
        }
        let (Some(method), Some(raw_target)) = (tokens.method, tokens.path) else {
            return Err(Error::StartLine);
        };
        let version = if tokens.version == Some(1) { Version::Http11 } else { Version::Http10 };
        let fields: &'a [Header<'a>] = tokens.headers;
        let noted = NotedFields::note(fields)?;
        let has_bare_lf = has_bare_lf(head);
        if has_bare_lf && !noted.ends_with_its_head() {
            return Err(Error::LineEnd);
        }
        noted.check_host(version)?;
        let body = noted.framing.request_body(version == Version::Http11)?;
        let method = Method::from_name(method).ok_or(Error::Method)?;
        let target = Target::parse(raw_target, method)?;
        let expects_continue = noted.expects_continue(version)? && body != RequestBody::Empty;
        let upgrade = noted.upgrade(version, method, target.path());
        let connection = noted.connection;
        Ok(Self {
            method,
            target,
            version,
            fields,
            body,
            connection,
            expects_continue,
            upgrade,
            has_bare_lf,
        })
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The target in normal form.
    #[must_use]
    pub fn target(&self) -> &Target<'a> {
        &self.target
    }

    /// The client's version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The body's framing.
    #[must_use]
    pub fn body(&self) -> RequestBody {
        self.body
    }

    /// Whether the client waits for a 100 before it sends the body.
    #[must_use]
    pub fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// The protocol to which the client wants to switch, if it may.
    #[must_use]
    pub fn upgrade(&self) -> Option<Upgrade> {
        self.upgrade
    }

    /// How the daemon may take the connection over. `None` for a head with bare LF,
    /// since the bytes behind such a head are dropped.
    #[must_use]
    pub fn takeover(&self) -> Takeover {
        match self.upgrade {
            Some(upgrade) => Takeover::Upgrade(upgrade),
            None if self.has_bare_lf => Takeover::Never,
            None if is_hijacking(self.method, self.target.path()) => Takeover::Hijack,
            None => Takeover::Never,
        }
    }

    /// Whether the client's connection may carry another request.
    #[must_use]
    pub fn keeps_alive(&self) -> bool {
        self.version == Version::Http11 && !self.connection.close && !self.has_bare_lf
    }

    /// Whether a line of the head ended with LF alone. Others may read another
    /// end of the head there, so nothing behind it is read.
    #[must_use]
    pub fn has_bare_lf(&self) -> bool {
        self.has_bare_lf
    }

    /// The values of a field, by its name in any case.
    pub fn field_values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        let named = move |field: &&'a Header<'a>| field.name.eq_ignore_ascii_case(name);
        self.fields.iter().filter(named).map(|field| field.value)
    }

    /// Appends the head that the daemon gets, changed as `printed` says.
    pub(crate) fn print(&self, printed: &Printed<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        printed.target.unwrap_or(&self.target).print(out);
        out.extend_from_slice(b" HTTP/1.1\r\n");
        fields::print_field("Host", DAEMON_HOST.as_bytes(), out);
        match self.upgrade {
            None => out.extend_from_slice(b"Connection: close\r\n"),
            Some(upgrade) => {
                out.extend_from_slice(b"Connection: Upgrade\r\n");
                fields::print_field("Upgrade", upgrade.as_str().as_bytes(), out);
            }
        }
        print_framing(printed.body, self.method, out);
        let nominates = self.connection.nominates;
        fields::print_end_to_end(self.fields, nominates, printed.without, out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes the one framing field. An empty body is announced where the method
/// expects one (RFC 9110 §8.6).
fn print_framing(body: RequestBody, method: Method, out: &mut Vec<u8>) {
    match body {
        RequestBody::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        RequestBody::Length(length) => print_content_length(length.get(), out),
        RequestBody::Empty => {
            if matches!(method, Method::Post | Method::Put | Method::Patch) {
                print_content_length(0, out);
            }
        }
    }
}

pub(super) fn print_content_length(length: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Length: ");
    print_decimal(length, out);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn print_decimal(value: u64, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = std::io::Write::write_fmt(out, format_args!("{value}"));
}

/// Counts instead of stopping at the first, which the compiler vectorizes.
fn has_bare_lf(head: &[u8]) -> bool {
    let pairs = head.iter().zip(head.iter().skip(1));
    pairs.filter(|(before, byte)| **byte == b'\n' && **before != b'\r').count() > 0
}

/// httparse's refusals in our words.
pub(super) fn fault(error: httparse::Error) -> Error {
    match error {
        httparse::Error::Version => Error::Version,
        httparse::Error::TooManyHeaders => Error::HeadTooLarge,
        httparse::Error::HeaderName | httparse::Error::HeaderValue => Error::Field,
        httparse::Error::Token | httparse::Error::NewLine | httparse::Error::Status => {
            Error::StartLine
        }
    }
}

/// The fields that mean something to a proxy, each noted once.
#[derive(Default)]
struct NotedFields<'a> {
    host: Single<'a>,
    framing: FramingFields<'a>,
    connection: ConnectionOptions,
    expect: Option<&'a [u8]>,
    expect_repeated: bool,
    upgrade: Option<&'a [u8]>,
    upgrade_repeated: bool,
}

impl<'a> NotedFields<'a> {
    fn note(fields: &'a [Header<'a>]) -> Result<Self, Error> {
        let mut noted = Self::default();
        for field in fields {
            let value = fields::trim(field.value);
            match fields::role(field.name) {
                Role::Host => noted.host.set(value, Error::Host)?,
                Role::ContentLength => {
                    noted.framing.content_length.set(value, Error::ContentLength)?;
                }
                Role::TransferEncoding => {
                    noted.framing.transfer_encoding.set(value, Error::TransferEncoding)?;
                }
                Role::Connection => noted.connection.add(value)?,
                Role::Upgrade => noted.upgrade_repeated |= noted.upgrade.replace(value).is_some(),
                Role::Expect => noted.expect_repeated |= noted.expect.replace(value).is_some(),
                Role::FramingAlias => return Err(Error::FieldAlias),
                Role::HopByHop | Role::EndToEnd => {}
            }
        }
        Ok(noted)
    }

    /// Whether no field makes anything behind the head a part of the request,
    /// in any reading.
    fn ends_with_its_head(&self) -> bool {
        self.framing.is_absent() && self.upgrade.is_none() && self.expect.is_none()
    }

    fn check_host(&self, version: Version) -> Result<(), Error> {
        match self.host.value() {
            Some(host) if fields::is_host(host) => Ok(()),
            None if version == Version::Http10 => Ok(()),
            _ => Err(Error::Host),
        }
    }

    /// An HTTP/1.0 client cannot understand a 100 (RFC 9110 §10.1.1).
    fn expects_continue(&self, version: Version) -> Result<bool, Error> {
        match self.expect {
            None => Ok(false),
            Some(value) if value.eq_ignore_ascii_case(b"100-continue") && !self.expect_repeated => {
                Ok(version == Version::Http11)
            }
            Some(_) => Err(Error::Expectation),
        }
    }

    /// Anything but one known token, nominated by Connection, is ignored, as a
    /// server may (RFC 9110 §7.8), and not forwarded. Clients of attach and exec
    /// may omit Connection, since the Engine does not check it. It switches to
    /// `tcp` there, whichever protocol was requested.
    fn upgrade(&self, version: Version, method: Method, path: &str) -> Option<Upgrade> {
        let value = self.upgrade?;
        if version == Version::Http10 || self.upgrade_repeated {
            return None;
        }
        let named = |upgrade: &Upgrade| upgrade.is_named_by(value);
        let upgrade = [Upgrade::Tcp, Upgrade::WebSocket, Upgrade::H2c].into_iter().find(named)?;
        if is_hijacking(method, path) {
            return (upgrade == Upgrade::Tcp).then_some(upgrade);
        }
        let is_buildkit = path.ends_with("/session") || path.ends_with("/grpc");
        (self.connection.upgrade && (upgrade != Upgrade::H2c || is_buildkit)).then_some(upgrade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(head: &str) -> Result<String, Error> {
        let mut storage = FieldStorage::new();
        let request = Request::parse(head.as_bytes(), &mut storage)?;
        Ok(print(&request, &Printed { target: None, body: request.body(), without: &[] }))
    }

    fn print(request: &Request<'_>, printed: &Printed<'_>) -> String {
        let mut out = Vec::new();
        request.print(printed, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn check(head: &str, expected: &str) {
        let first = printed(head).unwrap();
        assert_eq!(first, expected, "{head:?}");
        assert_eq!(printed(&first).unwrap(), expected, "printing is a fixed point");
    }

    fn check_refused(lines: &str, error: Error) {
        assert_eq!(printed(&format!("{lines}\r\n\r\n")), Err(error), "{lines:?}");
    }

    #[test]
    fn what_is_sent_is_printed_from_the_parsed_value() {
        check(
            "GET /%63ontainers/json?a=1 HTTP/1.1\r\nhost: x:1\r\nX-A:b\r\nX-A:  c \r\nConnection: keep-alive\r\n\r\n",
            "GET /containers/json?a=1 HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nX-A: b\r\nX-A: c\r\n\r\n",
        );
        check(
            "POST /x HTTP/1.1\r\nHost: d\r\ncontent-LENGTH:\t5 \r\nExpect: 100-continue\r\n\r\n",
            "POST /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Length: 5\r\n\r\n",
        );
        check(
            "POST /x HTTP/1.0\r\n\r\n",
            "POST /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        );
        check(
            "PUT /x HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: Chunked\r\n\r\n",
            "PUT /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
    }

    #[test]
    fn another_target_and_body_are_printed_and_fields_left_out() {
        let head = b"POST /a?b HTTP/1.1\r\nHost: d\r\nContent-Type: x/y\r\nX-A: 1\r\n\r\n";
        let mut storage = FieldStorage::new();
        let request = Request::parse(head, &mut storage).unwrap();
        let target = Target::parse("/c?d=e", Method::Post).unwrap();
        let without = ["content-type"];
        let printed =
            Printed { target: Some(&target), body: RequestBody::Chunked, without: &without };
        assert_eq!(
            print(&request, &printed),
            "POST /c?d=e HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n"
        );
    }

    #[test]
    fn fields_of_one_hop_end_here() {
        check(
            "GET /x HTTP/1.1\r\nHost: d\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: x\r\nX-Forwarded-For: a\r\nForwarded: b\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n\r\n",
            "GET /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nX-End: 2\r\n\r\n",
        );
    }

    #[test]
    fn one_known_upgrade_that_connection_nominates_is_sent() {
        check(
            "POST /exec/a/start HTTP/1.1\r\nHost: d\r\nConnection: keep-alive, Upgrade\r\nupgrade: TCP\r\n\r\n",
            "POST /exec/a/start HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
        );
        check(
            "POST /v1.41/exec/a/start HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: close\r\n\r\n",
            "POST /v1.41/exec/a/start HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
        );
        for ignored in [
            "HTTP/1.0\r\nUpgrade: tcp",
            "HTTP/1.1\r\nHost: d\r\nUpgrade: websocket",
            "HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: websocket",
            "HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c",
        ] {
            check(
                &format!("POST /exec/a/start {ignored}\r\n\r\n"),
                "POST /exec/a/start HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            );
        }
        let ignored = [
            "Upgrade: tcp",
            "Connection: Upgrade\r\nUpgrade: h2c",
            "Connection: Upgrade\r\nUpgrade: tcp, h2c",
            "Connection: Upgrade\r\nUpgrade: tcp\r\nUpgrade: tcp",
            "Connection: Upgrade\r\nUpgrade: tls",
        ];
        for fields in ignored {
            check(
                &format!("GET /x HTTP/1.1\r\nHost: d\r\n{fields}\r\n\r\n"),
                "GET /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
            );
        }
    }

    #[test]
    fn a_start_line_has_three_parts_and_one_space_between_them() {
        for line in [
            "GET  / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET /a /b HTTP/1.1",
            "GET /",
            "G{} / HTTP/1.1",
            "GET / HTTP/1.10",
        ] {
            assert!(printed(&format!("{line}\r\nHost: d\r\n\r\n")).is_err(), "{line}");
        }
        for version in ["HTTP/1.2", "HTTP/2.0", "HTTP/01.1", "RTSP/1.0", "http/1.1"] {
            check_refused(&format!("GET / {version}\r\nHost: d"), Error::Version);
        }
        check_refused("get / HTTP/1.1\r\nHost: d", Error::Method);
        check_refused("PROPFIND / HTTP/1.1\r\nHost: d", Error::Method);
    }

    #[test]
    fn a_doubtful_field_is_refused() {
        let rows = [
            ("X: y", Error::Host),
            ("Host: d\r\nhOST: e", Error::Host),
            ("Host: a/b", Error::Host),
            ("Host: d\r\nX-A: b\r\n c", Error::Field),
            ("Host: d\r\nX-A : b", Error::Field),
            ("Host: d\r\n: b", Error::Field),
            ("Host: d\r\nX(A): b", Error::Field),
            ("Host: d\r\nContent_Length: 5", Error::FieldAlias),
            ("Host: d\r\nContent-Length: 5\r\nContent-Length: 5", Error::ContentLength),
            ("Host: d\r\nContent-Length: 5, 5", Error::ContentLength),
            ("Host: d\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", Error::ContentLength),
            (
                "Host: d\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                Error::TransferEncoding,
            ),
            ("Host: d\r\nTransfer-Encoding: gzip, chunked", Error::TransferCoding),
            ("Host: d\r\nTransfer-Encoding: \"chunked\"", Error::TransferCoding),
            ("Host: d\r\nTransfer-Encoding: ", Error::TransferCoding),
            ("Host: d\r\nConnection: Content-Length", Error::Connection),
            ("Host: d\r\nContent-Length: 5\r\nExpect: 200-ok", Error::Expectation),
            ("Host: d\r\nExpect: 100-continue\r\nExpect: 100-continue", Error::Expectation),
        ];
        for (fields, error) in rows {
            check_refused(&format!("POST /x HTTP/1.1\r\n{fields}"), error);
        }
        check_refused("POST /x HTTP/1.0\r\nTransfer-Encoding: chunked", Error::TransferEncoding);
    }

    #[test]
    fn a_head_with_bare_lf_is_a_request_that_ends_with_it() {
        let forwarded = "GET /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";
        for head in [
            "GET /x HTTP/1.0\n\n",
            "GET /x HTTP/1.0\r\n\n",
            "GET /x HTTP/1.0\n\r\n",
            "GET /x HTTP/1.1\nHost: d\nConnection: keep-alive\n\n",
            "GET /x HTTP/1.1\r\nHost: d\n\r\n",
        ] {
            assert_eq!(printed(head).as_deref(), Ok(forwarded), "{head:?}");
            let mut storage = FieldStorage::new();
            let request = Request::parse(head.as_bytes(), &mut storage).unwrap();
            assert!(request.has_bare_lf() && !request.keeps_alive(), "{head:?}");
        }
        for field in [
            "Content-Length: 0",
            "content-length: 5",
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: identity",
            "Upgrade: tcp",
            "Upgrade:",
            "Expect: 100-continue",
            "Expect: x",
        ] {
            for head in [
                format!("POST /x HTTP/1.1\nHost: d\n{field}\n\n"),
                format!("POST /x HTTP/1.1\r\nHost: d\r\n{field}\r\n\n"),
                format!("POST /x HTTP/1.1\r\nHost: d\n{field}\r\n\r\n"),
            ] {
                assert_eq!(printed(&head), Err(Error::LineEnd), "{head:?}");
            }
        }
        let alias = "POST /x HTTP/1.1\nHost: d\nContent_Length: 5\n\n";
        assert_eq!(printed(alias), Err(Error::FieldAlias));
        assert_eq!(printed("GET /x HTTP/1.1\nHost: d\n a\n\n"), Err(Error::Field));
        assert_eq!(printed("GET /x HTTP/1.1\nA: b\n\n"), Err(Error::Host));
    }

    #[test]
    fn more_fields_than_the_limit_are_refused() {
        let fields = "X: y\r\n".repeat(super::super::FIELDS_MAX);
        check_refused(
            &format!("GET / HTTP/1.1\r\nHost: d\r\n{}", fields.trim_end()),
            Error::HeadTooLarge,
        );
    }
}
