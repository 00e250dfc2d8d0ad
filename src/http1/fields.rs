//! Header fields: the meaning of each name for a proxy, and the names that are
//! forwarded.
//!
//! **Invariant:** the fields that frame a message or belong to one connection
//! (RFC 9110 §7.6.1) never pass; the printers of `request` and `response` write
//! those anew. All others pass unchanged and in order.

use super::{Error, FIELDS_MAX};
use httparse::Header;
use std::mem::MaybeUninit;

/// Fields for which there is room on the stack. A thousand streams keep the
/// stack pages that their heads once touched, so that this is no more than real
/// clients need (about ten); heads with more fields get room from the heap.
const FEW_FIELDS_MAX: usize = 32;

/// Room for the fields of one head.
pub struct FieldStorage<'a> {
    few: [MaybeUninit<Header<'a>>; FEW_FIELDS_MAX],
    many: Vec<MaybeUninit<Header<'a>>>,
}

impl FieldStorage<'_> {
    /// Room that is not written to before it is used.
    #[must_use]
    pub fn new() -> Self {
        Self { few: [const { MaybeUninit::uninit() }; FEW_FIELDS_MAX], many: Vec::new() }
    }
}

impl Default for FieldStorage<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> FieldStorage<'a> {
    /// Room for all fields of `head`, up to the limit.
    pub(super) fn slots(&mut self, head: &[u8]) -> &mut [MaybeUninit<Header<'a>>] {
        let lines = super::scan::count_lines(head);
        if lines <= FEW_FIELDS_MAX {
            return &mut self.few;
        }
        self.many.resize_with(lines.min(FIELDS_MAX), MaybeUninit::uninit);
        &mut self.many
    }
}

/// The meaning of a field's name for a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Host,
    ContentLength,
    TransferEncoding,
    Connection,
    Upgrade,
    Expect,
    /// Ends at this hop, or describes earlier hops, which the daemon must not
    /// believe.
    HopByHop,
    /// Reads as a framing field where `_` and `-` are the same (CGI, WSGI).
    FramingAlias,
    EndToEnd,
}

/// The role of a field by its name, in any case.
pub(super) fn role(name: &str) -> Role {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    match name.len() {
        2 if is("te") => Role::HopByHop,
        4 if is("host") => Role::Host,
        6 if is("expect") => Role::Expect,
        7 if is("upgrade") => Role::Upgrade,
        7 if is("trailer") => Role::HopByHop,
        9 if is("forwarded") => Role::HopByHop,
        10 if is("connection") => Role::Connection,
        10 if is("keep-alive") => Role::HopByHop,
        14 if is("content-length") => Role::ContentLength,
        // Part of an upgrade to h2c that is not forwarded (RFC 7540 §3.2.1).
        14 if is("http2-settings") => Role::HopByHop,
        17 if is("transfer-encoding") => Role::TransferEncoding,
        14 if is_alias(name, "content-length") => Role::FramingAlias,
        17 if is_alias(name, "transfer-encoding") => Role::FramingAlias,
        _ if has_prefix(name, "proxy-") || has_prefix(name, "x-forwarded-") => Role::HopByHop,
        _ => Role::EndToEnd,
    }
}

fn is_alias(name: &str, framing: &str) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    name.bytes().map(fold).eq(framing.bytes())
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The one value of a field that must not be repeated.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Single<'a>(Option<&'a [u8]>);

impl<'a> Single<'a> {
    /// Notes a value.
    ///
    /// # Errors
    /// `repeated`, if there was one before.
    pub(super) fn set(&mut self, value: &'a [u8], repeated: Error) -> Result<(), Error> {
        match self.0.replace(value) {
            None => Ok(()),
            Some(_) => Err(repeated),
        }
    }

    pub(super) fn value(self) -> Option<&'a [u8]> {
        self.0
    }
}

/// The contents of a head's Connection fields (RFC 9110 §7.6.1).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConnectionOptions {
    pub(super) close: bool,
    pub(super) upgrade: bool,
    /// Whether other fields are nominated, which then end at this hop.
    pub(super) nominates: bool,
}

impl ConnectionOptions {
    /// Adds the options of one field.
    ///
    /// # Errors
    /// [`Error::Connection`] for a value that is not a token, and for nominating a
    /// field whose absence would change the meaning of the forwarded message.
    pub(super) fn add(&mut self, value: &[u8]) -> Result<(), Error> {
        for option in list_items(value) {
            let name = std::str::from_utf8(option).map_err(|_| Error::Connection)?;
            match name {
                _ if !is_token(option) => return Err(Error::Connection),
                _ if name.eq_ignore_ascii_case("close") => self.close = true,
                _ if name.eq_ignore_ascii_case("keep-alive") => {}
                _ if name.eq_ignore_ascii_case("upgrade") => self.upgrade = true,
                _ if must_stay(name) => return Err(Error::Connection),
                _ => self.nominates = true,
            }
        }
        Ok(())
    }
}

/// Fields whose nomination is an attack (CVE-2026-26365 and its kin).
fn must_stay(name: &str) -> bool {
    !matches!(role(name), Role::EndToEnd | Role::HopByHop)
        || name.eq_ignore_ascii_case("content-type")
}

/// Appends the end-to-end fields among `fields`, but for those named by `without`.
pub(super) fn print_end_to_end(
    fields: &[Header<'_>],
    nominates: bool,
    without: &[&str],
    out: &mut Vec<u8>,
) {
    for field in fields {
        let is_left_out = without.iter().any(|name| field.name.eq_ignore_ascii_case(name));
        if role(field.name) == Role::EndToEnd
            && !is_left_out
            && !(nominates && is_nominated(field.name, fields))
        {
            print_field(field.name, field.value, out);
        }
    }
}

pub(super) fn print_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn is_nominated(name: &str, fields: &[Header<'_>]) -> bool {
    fields
        .iter()
        .filter(|field| role(field.name) == Role::Connection)
        .flat_map(|field| list_items(field.value))
        .any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
}

/// The items of a comma-separated list without their white space; empty items
/// are skipped (RFC 9110 §5.6.1.2).
pub(super) fn list_items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim).filter(|item| !item.is_empty())
}

/// Strips optional white space: SP and HTAB (RFC 9110 §5.6.3).
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

pub(super) fn is_token(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|byte| is_token_byte(*byte))
}

/// `tchar` of RFC 9110 §5.6.2.
pub(super) fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'^'..=b'`' | b'#'..=b'\'')
        || matches!(byte, b'!' | b'*' | b'+' | b'-' | b'.' | b'|' | b'~')
}

/// `uri-host [":" port]` of RFC 9110 §7.2. Empty is legal; escapes occur in
/// the Host of clients that put a socket's path there.
pub(super) fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value.iter().rposition(|byte| *byte == b':') {
        Some(colon) if value.last() != Some(&b']') => value.split_at(colon),
        _ => (value, [].as_slice()),
    };
    let port_ok = port.iter().skip(1).all(u8::is_ascii_digit);
    port_ok && (is_name(host) || is_ip_literal(host))
}

fn is_name(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(byte))
}

fn is_ip_literal(host: &[u8]) -> bool {
    match host {
        [b'[', inner @ .., b']'] => {
            inner.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_role_in_any_case() {
        let rows = [
            ("Host", Role::Host),
            ("hOST", Role::Host),
            ("Content-Length", Role::ContentLength),
            ("content_length", Role::FramingAlias),
            ("Transfer_Encoding", Role::FramingAlias),
            ("Proxy-Connection", Role::HopByHop),
            ("X-Forwarded-For", Role::HopByHop),
            ("TE", Role::HopByHop),
            ("X-Registry-Auth", Role::EndToEnd),
            ("Transfer-Encodingx", Role::EndToEnd),
        ];
        for (name, expected) in rows {
            assert_eq!(role(name), expected, "{name}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port() {
        for good in
            ["", "d", "d:80", "d:", "127.0.0.1:2375", "[::1]", "[::1]:2375", "a_b-c.d", "%2Frun"]
        {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in ["a/b", "u@d", "d:x", "d:8:0", "[::1", "::1]", "a b", "\u{e9}", "d\\", "[::1]x"]
        {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn connection_must_not_nominate_what_gives_a_message_its_meaning() {
        for bad in
            ["content-length", "close, Transfer-Encoding", "Host", "Content-Type", "Expect", "a b"]
        {
            assert_eq!(
                ConnectionOptions::default().add(bad.as_bytes()),
                Err(Error::Connection),
                "{bad}"
            );
        }
        let mut options = ConnectionOptions::default();
        options.add(b"Keep-Alive, ,UPGRADE ,\tX-Hop").unwrap();
        assert_eq!(options, ConnectionOptions { close: false, upgrade: true, nominates: true });
    }

    #[test]
    fn token_bytes_are_those_of_the_grammar() {
        let grammar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        for byte in 0..=255 {
            assert_eq!(is_token_byte(byte), grammar(byte), "{byte:#x}");
        }
    }
}
