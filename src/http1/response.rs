//! Responses: parsed as strictly as requests, and printed for the client.

use super::fields::{self, ConnectionOptions, FieldStorage, Role};
use super::framing::{Encoding, FramingFields, ResponseBody};
use super::request::{fault, print_content_length, print_decimal};
use super::{Error, Upgrade, Version};
use httparse::Header;

/// A response of the daemon that is well-formed.
#[derive(Debug, Clone)]
pub struct Response<'a> {
    status: u16,
    reason: &'a str,
    fields: &'a [Header<'a>],
    nominates: bool,
    body: ResponseBody,
    is_raw_stream: bool,
    upgrade: Option<Upgrade>,
}

/// The property of a request that its response's framing depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Whether the request was HEAD.
    pub head: bool,
    /// How the daemon may take the connection over.
    pub takeover: Takeover,
}

/// How a daemon may take a connection over, for a tunnel without HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// It may not.
    Never,
    /// By a 101 to this protocol.
    Upgrade(Upgrade),
    /// By a 200 with the type of a raw stream and no length. The request carried
    /// `Connection: close`, so the daemon reads no other request from the connection.
    Hijack,
}

impl<'a> Response<'a> {
    /// Parses a head whose end [`super::HeadScan`] has found, as the response to a
    /// request of the kind `asked`.
    ///
    /// # Errors
    /// The first thing in it that RFC 9112 forbids or leaves in doubt, and a 101 to
    /// anything but the one requested protocol.
    pub fn parse(
        head: &'a [u8],
        asked: Asked,
        storage: &'a mut FieldStorage<'a>,
    ) -> Result<Self, Error> {
        let mut tokens = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let parsed =
            config.parse_response_with_uninit_headers(&mut tokens, head, storage.slots(head));
        if parsed != Ok(httparse::Status::Complete(head.len())) {
            return Err(parsed.err().map_or(Error::StartLine, fault));
        }
        let status = checked_status(tokens.code)?;
        let allows_chunked = tokens.version == Some(1);
        let fields: &'a [Header<'a>] = tokens.headers;
        let noted = NotedFields::note(fields)?;
        let mut body = noted.body(status, asked, allows_chunked)?;
        let upgrade = match asked.takeover {
            Takeover::Upgrade(upgrade) if status == 101 => Some(upgrade),
            _ => None,
        };
        let reason = tokens.reason.unwrap_or_default();
        let nominates = noted.connection.nominates;
        let is_raw_stream = has_type(fields, &["raw-stream"]);
        if body == ResponseBody::UntilClose
            && (status, asked.takeover) == (200, Takeover::Hijack)
            && has_type(fields, &["raw-stream", "multiplexed-stream"])
        {
            body = ResponseBody::Tunnel;
        }
        Ok(Self { status, reason, fields, nominates, body, is_raw_stream, upgrade })
    }

    /// The status code, 100 to 599.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The values of a field, by its name in any case.
    pub fn field_values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        let named = move |field: &&'a Header<'a>| field.name.eq_ignore_ascii_case(name);
        self.fields.iter().filter(named).map(|field| field.value)
    }

    /// Whether another response to the same request follows (RFC 9110 §15.2).
    #[must_use]
    pub fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }

    /// The body's framing.
    #[must_use]
    pub fn body(&self) -> ResponseBody {
        self.body
    }

    /// How the body is written for a client of that version.
    #[must_use]
    pub fn encoding(&self, version: Version) -> Encoding {
        if self.is_chunked_for(version) { Encoding::Chunked } else { Encoding::Plain }
    }

    /// Whether the client can only find the body's end by the connection's.
    #[must_use]
    pub fn ends_at_close(&self, version: Version) -> bool {
        matches!(self.body, ResponseBody::Chunked | ResponseBody::UntilClose)
            && !self.is_chunked_for(version)
    }

    /// A body of unknown end is chunked for clients that can read it, but for raw
    /// streams: clients that ask for them without an upgrade (exec of Podman's
    /// remote client) take the bytes off the socket, past their HTTP parser.
    fn is_chunked_for(&self, version: Version) -> bool {
        match self.body {
            _ if version == Version::Http10 => false,
            ResponseBody::Chunked => true,
            ResponseBody::UntilClose => !self.is_raw_stream,
            _ => false,
        }
    }

    /// Appends the head that the client gets. `keep_alive`: whether its
    /// connection may carry another request.
    pub fn print(&self, version: Version, keep_alive: bool, out: &mut Vec<u8>) {
        self.print_head(keep_alive, |out| self.print_framing(version, out), out);
    }

    /// The same for another body of that length.
    pub fn print_for_body(&self, body_bytes: usize, keep_alive: bool, out: &mut Vec<u8>) {
        let length = u64::try_from(body_bytes).unwrap_or(u64::MAX);
        self.print_head(keep_alive, |out| print_content_length(length, out), out);
    }

    fn print_head(
        &self,
        keep_alive: bool,
        print_framing: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(b"HTTP/1.1 ");
        print_decimal(self.status.into(), out);
        out.push(b' ');
        out.extend_from_slice(self.reason.as_bytes());
        out.extend_from_slice(b"\r\n");
        fields::print_end_to_end(self.fields, self.nominates, &[], out);
        print_framing(out);
        match self.upgrade {
            Some(upgrade) => {
                out.extend_from_slice(b"Connection: Upgrade\r\n");
                fields::print_field("Upgrade", upgrade.as_str().as_bytes(), out);
            }
            None if !keep_alive => out.extend_from_slice(b"Connection: close\r\n"),
            None => {}
        }
        out.extend_from_slice(b"\r\n");
    }

    fn print_framing(&self, version: Version, out: &mut Vec<u8>) {
        match self.body {
            ResponseBody::Empty { announced: Some(length) } => print_content_length(length, out),
            ResponseBody::Length(length) => print_content_length(length.get(), out),
            _ if self.is_chunked_for(version) => {
                out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            }
            _ => {}
        }
    }
}

/// The status in the first of the received bytes, or `None` while its line has not
/// arrived: for callers that only need to know whether the peer speaks HTTP.
///
/// # Errors
/// Why the line is not a status line.
pub fn read_status(received: &[u8]) -> Result<Option<u16>, Error> {
    let Some(end) = received.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
    let mut tokens = httparse::Response::new(&mut []);
    match tokens.parse(received.get(..=end).unwrap_or_default()) {
        Ok(_) if tokens.version.is_none() => Err(Error::StartLine),
        Ok(_) => checked_status(tokens.code).map(Some),
        Err(error) => Err(fault(error)),
    }
}

fn checked_status(code: Option<u16>) -> Result<u16, Error> {
    code.filter(|code| (100..600).contains(code)).ok_or(Error::Status)
}

/// Whether the one Content-Type is `application/vnd.docker.` and one of `names`:
/// the Engine's types of a stream that is not HTTP's.
fn has_type(fields: &[Header<'_>], names: &[&str]) -> bool {
    let mut types = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("content-type"));
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let (vendor, name) =
        fields::trim(only.value).split_at_checked(VENDOR.len()).unwrap_or_default();
    vendor.eq_ignore_ascii_case(VENDOR)
        && names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// How the Engine's own types begin.
const VENDOR: &[u8] = b"application/vnd.docker.";

/// The fields that mean something to a proxy, each noted once.
#[derive(Default)]
struct NotedFields<'a> {
    framing: FramingFields<'a>,
    connection: ConnectionOptions,
    upgrade: Option<&'a [u8]>,
    upgrade_repeated: bool,
}

impl<'a> NotedFields<'a> {
    fn note(fields: &'a [Header<'a>]) -> Result<Self, Error> {
        let mut noted = Self::default();
        for field in fields {
            let value = fields::trim(field.value);
            match fields::role(field.name) {
                Role::ContentLength => {
                    noted.framing.content_length.set(value, Error::ContentLength)?;
                }
                Role::TransferEncoding => {
                    noted.framing.transfer_encoding.set(value, Error::TransferEncoding)?;
                }
                Role::Connection => noted.connection.add(value)?,
                Role::Upgrade => noted.upgrade_repeated |= noted.upgrade.replace(value).is_some(),
                Role::FramingAlias => return Err(Error::FieldAlias),
                Role::Host | Role::Expect | Role::HopByHop | Role::EndToEnd => {}
            }
        }
        Ok(noted)
    }

    /// In the order of RFC 9112 §6.3.
    fn body(&self, status: u16, asked: Asked, chunks: bool) -> Result<ResponseBody, Error> {
        match status {
            101 if self.switches_to(asked.takeover) => Ok(ResponseBody::Tunnel),
            101 => Err(Error::Upgrade),
            100..=199 | 204 => Ok(ResponseBody::Empty { announced: None }),
            _ if asked.head || status == 304 => {
                self.framing.announced(chunks).map(|announced| ResponseBody::Empty { announced })
            }
            _ => self.framing.response_body(chunks),
        }
    }

    fn switches_to(&self, asked: Takeover) -> bool {
        let Takeover::Upgrade(asked) = asked else { return false };
        !self.upgrade_repeated && self.upgrade.is_some_and(|value| asked.is_named_by(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU64;

    const GET: Asked = Asked { head: false, takeover: Takeover::Never };
    const HEAD: Asked = Asked { head: true, takeover: Takeover::Never };
    const ATTACH: Asked = Asked { head: false, takeover: Takeover::Upgrade(Upgrade::Tcp) };
    const LEGACY: Asked = Asked { head: false, takeover: Takeover::Hijack };

    fn check(asked: Asked, head: &str, body: Result<ResponseBody, Error>) {
        let head = format!("{head}\r\n\r\n");
        let mut storage = FieldStorage::new();
        let parsed = Response::parse(head.as_bytes(), asked, &mut storage);
        assert_eq!(parsed.map(|response| response.body()), body, "{head:?}");
    }

    fn printed(asked: Asked, head: &str, version: Version, keep_alive: bool) -> String {
        let mut storage = FieldStorage::new();
        let mut out = Vec::new();
        Response::parse(head.as_bytes(), asked, &mut storage)
            .unwrap()
            .print(version, keep_alive, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_body_ends_as_the_rfc_says() {
        let length = |n| Ok(ResponseBody::Length(NonZeroU64::new(n).unwrap()));
        let empty = |announced| Ok(ResponseBody::Empty { announced });
        check(GET, "HTTP/1.1 200 OK\r\nContent-Length: 5", length(5));
        check(GET, "HTTP/1.1 200 OK\r\nContent-Length: 0", empty(Some(0)));
        check(GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", Ok(ResponseBody::Chunked));
        check(GET, "HTTP/1.1 404 Not Found", Ok(ResponseBody::UntilClose));
        check(GET, "HTTP/1.0 200 OK", Ok(ResponseBody::UntilClose));
        check(HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5", empty(Some(5)));
        check(HEAD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", empty(None));
        check(GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5", empty(Some(5)));
        check(GET, "HTTP/1.1 204 No Content\r\nContent-Length: 5", empty(None));
        check(GET, "HTTP/1.1 100 Continue", empty(None));
        check(GET, "HTTP/1.1 200", Ok(ResponseBody::UntilClose));
    }

    #[test]
    fn a_doubtful_response_is_refused() {
        check(
            GET,
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
            Err(Error::ContentLength),
        );
        check(
            GET,
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5",
            Err(Error::ContentLength),
        );
        check(GET, "HTTP/1.1 200 OK\r\nContent-Length: -5", Err(Error::ContentLength));
        check(HEAD, "HTTP/1.1 200 OK\r\nContent-Length: x", Err(Error::ContentLength));
        check(GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip", Err(Error::TransferCoding));
        check(GET, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked", Err(Error::TransferEncoding));
        check(GET, "HTTP/1.1 600 What", Err(Error::Status));
        check(GET, "HTTP/1.1 099 What", Err(Error::Status));
        check(GET, "HTTP/1.1 20 OK", Err(Error::StartLine));
        check(GET, "HTTP/2.0 200 OK", Err(Error::Version));
        check(GET, "HTTP/1.1 200 OK\r\nA : b", Err(Error::Field));
    }

    #[test]
    fn a_status_line_has_a_version_and_three_digits() {
        let rows = [
            ("HTTP/1.1 200 OK\r\n", Ok(Some(200))),
            ("HTTP/1.0 503 \r\nA: b\r\n\r\n", Ok(Some(503))),
            ("HTTP/1.1 204\r\n\0", Ok(Some(204))),
            ("HTTP/1.1 200 OK\r", Ok(None)),
            ("", Ok(None)),
            ("HTTP/1.1 20\r\n", Err(Error::StartLine)),
            ("HTTP/1.1 2000 OK\r\n", Err(Error::StartLine)),
            ("HTTP/1.1 +20 OK\r\n", Err(Error::StartLine)),
            ("HTTP/1.1 099 OK\r\n", Err(Error::Status)),
            ("HTTP/1.1 600 OK\r\n", Err(Error::Status)),
            ("HTTP/2.0 200 OK\r\n", Err(Error::Version)),
            ("SSH-2.0-OpenSSH_9.2\r\n", Err(Error::Version)),
            ("\r\nHTTP/1.1 200 OK\r\n", Err(Error::StartLine)),
        ];
        for (received, expected) in rows {
            assert_eq!(read_status(received.as_bytes()), expected, "{received:?}");
        }
    }

    #[test]
    fn a_switch_is_believed_only_if_it_was_asked_for() {
        let switch = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp";
        check(ATTACH, switch, Ok(ResponseBody::Tunnel));
        check(GET, switch, Err(Error::Upgrade));
        check(ATTACH, "HTTP/1.1 101 UPGRADED\r\nUpgrade: h2c", Err(Error::Upgrade));
        check(ATTACH, "HTTP/1.1 101 UPGRADED", Err(Error::Upgrade));
        check(ATTACH, "HTTP/1.1 404 Not Found", Ok(ResponseBody::UntilClose));
    }

    #[test]
    fn a_body_of_unknown_end_is_chunked_for_those_who_can_read_it() {
        let head = "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nServer: d\r\n\r\n";
        assert_eq!(
            printed(GET, head, Version::Http11, true),
            "HTTP/1.1 200 OK\r\nServer: d\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        assert_eq!(
            printed(GET, head, Version::Http10, false),
            "HTTP/1.1 200 OK\r\nServer: d\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn a_raw_stream_without_an_end_is_not_chunked() {
        let raw = "Content-Type: application/vnd.docker.raw-stream\r\n";
        assert_eq!(
            printed(GET, &format!("HTTP/1.1 200 OK\r\n{raw}\r\n"), Version::Http11, false),
            format!("HTTP/1.1 200 OK\r\n{raw}Connection: close\r\n\r\n")
        );
        let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{raw}\r\n");
        assert!(printed(GET, &chunked, Version::Http11, true).contains("chunked"));
    }

    #[test]
    fn a_connection_is_hijacked_by_a_raw_stream_without_a_length_alone() {
        let raw = "Content-Type: application/vnd.docker.raw-stream";
        let multiplexed = "Content-Type: Application/vnd.docker.multiplexed-stream ";
        for fields in [raw, multiplexed] {
            check(LEGACY, &format!("HTTP/1.1 200 OK\r\n{fields}"), Ok(ResponseBody::Tunnel));
        }
        let ends_at_close = [
            (GET, format!("HTTP/1.1 200 OK\r\n{raw}")),
            (ATTACH, format!("HTTP/1.1 200 OK\r\n{raw}")),
            (LEGACY, format!("HTTP/1.1 201 Created\r\n{raw}")),
            (LEGACY, format!("HTTP/1.1 404 Not Found\r\n{raw}")),
            (LEGACY, format!("HTTP/1.1 200 OK\r\n{raw}\r\n{raw}")),
            (LEGACY, "HTTP/1.1 200 OK\r\nContent-Type: application/json".to_owned()),
            (LEGACY, format!("HTTP/1.1 200 OK\r\n{raw}; q=1")),
            (LEGACY, "HTTP/1.1 200 OK".to_owned()),
        ];
        for (asked, head) in ends_at_close {
            check(asked, &head, Ok(ResponseBody::UntilClose));
        }
        let chunked = format!("HTTP/1.1 200 OK\r\n{raw}\r\nTransfer-Encoding: chunked");
        check(LEGACY, &chunked, Ok(ResponseBody::Chunked));
        let empty = Ok(ResponseBody::Empty { announced: Some(0) });
        check(LEGACY, &format!("HTTP/1.1 200 OK\r\n{raw}\r\nContent-Length: 0"), empty);
        check(LEGACY, "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp", Err(Error::Upgrade));
        assert_eq!(
            printed(LEGACY, &format!("HTTP/1.1 200 OK\r\n{raw}\r\n\r\n"), Version::Http11, false),
            format!("HTTP/1.1 200 OK\r\n{raw}\r\nConnection: close\r\n\r\n")
        );
    }

    #[test]
    fn a_switch_is_printed_with_the_one_protocol() {
        let head =
            "HTTP/1.1 101 UPGRADED\r\nContent-Type: a\r\nContent-Length: 5\r\nupgrade: TCP\r\n\r\n";
        assert_eq!(
            printed(ATTACH, head, Version::Http11, false),
            "HTTP/1.1 101 UPGRADED\r\nContent-Type: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        );
    }
}
