//! Answers of our own, in the shape of the Engine's errors.
//!
//! Docker clients print the `message` of `{"message": "…"}` to their user
//! (Engine API, `ErrorResponse`).

use super::fields::print_field;
use super::request::{print_content_length, print_decimal};
use super::{Method, Target, Version};
use crate::text::{Escaped, cut, print_json_string, visible, visible_ascii};

/// An answer that the proxy gives by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The message for the client's user. Escaped when printed.
    pub message: String,
    /// The methods to list in `Allow` (RFC 9110 §15.5.6); only for 405.
    pub allow: Vec<Method>,
    /// Seconds for `Retry-After`; only for 503.
    pub retry_after_seconds: Option<u32>,
    /// Where to ask instead; only for 301, which has no body.
    pub location: Option<String>,
    /// The name and value of one more field, for responses to HEAD. Characters that
    /// a field must not contain are replaced.
    pub field: Option<(&'static str, String)>,
}

/// Longest message. A denial names the path, which may be as long as a head.
const MESSAGE_BYTES_MAX: usize = 4096;

impl Reply {
    /// An answer with that status and message.
    #[must_use]
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        let (message, allow) = (message.into(), Vec::new());
        Self { status, message, allow, retry_after_seconds: None, location: None, field: None }
    }

    /// A redirect in the Engine's own form: no type, no body.
    #[must_use]
    pub fn moved(target: &Target<'_>) -> Self {
        Self { location: Some(target.to_string()), ..Self::new(301, "") }
    }

    /// Appends head and, unless the request was HEAD, body.
    pub fn print(&self, to_head: bool, version: Version, keep_alive: bool, out: &mut Vec<u8>) {
        let body = self.body();
        out.extend_from_slice(b"HTTP/1.1 ");
        print_decimal(self.status.into(), out);
        out.push(b' ');
        out.extend_from_slice(reason_phrase(self.status).as_bytes());
        match &self.location {
            None => out.extend_from_slice(b"\r\nContent-Type: application/json"),
            Some(location) => {
                out.extend_from_slice(b"\r\nLocation: ");
                out.extend_from_slice(location.as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
        print_content_length(body.len() as u64, out);
        self.print_allow(out);
        if let Some(seconds) = self.retry_after_seconds {
            out.extend_from_slice(format!("Retry-After: {seconds}\r\n").as_bytes());
        }
        if let Some((name, value)) = &self.field {
            print_field(name, visible_ascii(value).as_bytes(), out);
        }
        if !keep_alive || version == Version::Http10 {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
        if !to_head {
            out.extend_from_slice(&body);
        }
    }

    fn body(&self) -> Vec<u8> {
        if self.location.is_some() {
            return Vec::new();
        }
        // Clients decode the JSON and print the text on a terminal.
        let text = visible(&self.message);
        let message = cut(&text, MESSAGE_BYTES_MAX);
        let mut body = "{\"message\":".to_owned();
        print_json_string(&message, Escaped::Hidden, &mut body);
        body.push_str("}\n");
        body.into_bytes()
    }

    fn print_allow(&self, out: &mut Vec<u8>) {
        if self.status == 405 {
            let names: Vec<&str> = self.allow.iter().map(|method| method.as_str()).collect();
            out.extend_from_slice(format!("Allow: {}\r\n", names.join(", ")).as_bytes());
        }
    }
}

/// Appends a 200 with a text of ours, after which the connection ends.
pub fn print_page(content_type: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    print_field("Content-Type", content_type.as_bytes(), out);
    print_content_length(text.len() as u64, out);
    out.extend_from_slice(b"Connection: close\r\n\r\n");
    out.extend_from_slice(text.as_bytes());
}

/// The reason phrases of the statuses that the proxy itself gives (RFC 9110 §15).
fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_an_error_of_the_engine_api() {
        let mut out = Vec::new();
        let mut reply = Reply::new(405, "no \"POST\"\n");
        reply.allow = vec![Method::Get, Method::Head];
        reply.print(false, Version::Http11, true, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\nContent-Length: 32\r\nAllow: GET, HEAD\r\n\r\n{\"message\":\"no \\\"POST\\\"\\\\u{a}\"}\n"
        );
    }

    #[test]
    fn a_redirect_has_the_form_of_the_engines() {
        let target = Target::parse("//a/%62//c?d=%2f\u{e9}", Method::Get).unwrap();
        let mut out = Vec::new();
        Reply::moved(&target).print(false, Version::Http11, true, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HTTP/1.1 301 Moved Permanently\r\nLocation: /a/b/c?d=%2f%C3%A9\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn a_message_is_cut_to_its_limit() {
        let mut out = Vec::new();
        Reply::new(403, "é".repeat(70_000)).print(false, Version::Http11, true, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("é…(140000 bytes)\"}\n"), "{text}");
        assert!(text.len() < MESSAGE_BYTES_MAX + 200, "{text}");
    }

    #[test]
    fn the_value_of_a_field_cannot_break_its_line() {
        let mut out = Vec::new();
        let mut reply = Reply::new(503, "no");
        reply.field = Some(("Cause", "no\r\nSet-Cookie: x\u{1b}[0m ü".to_owned()));
        reply.print(true, Version::Http11, false, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("\r\nCause: no??Set-Cookie: x?[0m ?\r\n"), "{text}");
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let mut out = Vec::new();
        Reply::new(403, "no").print(true, Version::Http10, true, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 17\r\nConnection: close\r\n\r\n"
        );
    }
}
