//! Answers of our own, in the shape of the Engine's errors.
//!
//! Docker clients print the `message` of `{"message": "…"}` to their user
//! (Engine API, `ErrorResponse`).

use super::request::print_decimal;
use super::{Method, Version};

/// An answer that the proxy gives by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// What the client's user reads. Escaped when printed.
    pub message: String,
    /// The methods to list in `Allow` (RFC 9110 §15.5.6); only for 405.
    pub allow: Vec<Method>,
    /// Seconds for `Retry-After`; only for 503.
    pub retry_after_seconds: Option<u32>,
}

impl Reply {
    /// An answer with that status and message.
    #[must_use]
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), allow: Vec::new(), retry_after_seconds: None }
    }

    /// Appends head and, unless the request was HEAD, body.
    pub fn print(&self, to_head: bool, version: Version, keep_alive: bool, out: &mut Vec<u8>) {
        let mut body = b"{\"message\":".to_vec();
        print_json_string(&self.message, &mut body);
        body.extend_from_slice(b"}\n");
        out.extend_from_slice(b"HTTP/1.1 ");
        print_decimal(self.status.into(), out);
        out.push(b' ');
        out.extend_from_slice(reason_phrase(self.status).as_bytes());
        out.extend_from_slice(b"\r\nContent-Type: application/json\r\nContent-Length: ");
        print_decimal(body.len() as u64, out);
        out.extend_from_slice(b"\r\n");
        self.print_allow(out);
        if let Some(seconds) = self.retry_after_seconds {
            out.extend_from_slice(format!("Retry-After: {seconds}\r\n").as_bytes());
        }
        if !keep_alive || version == Version::Http10 {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
        if !to_head {
            out.extend_from_slice(&body);
        }
    }

    fn print_allow(&self, out: &mut Vec<u8>) {
        if self.status == 405 {
            let names: Vec<&str> = self.allow.iter().map(|method| method.as_str()).collect();
            out.extend_from_slice(format!("Allow: {}\r\n", names.join(", ")).as_bytes());
        }
    }
}

/// Appends `text` as a JSON string; controls and everything that a terminal
/// could take for a command are escaped.
pub fn print_json_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            _ if c.is_control() => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes())
            }
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

/// The reason phrases of the statuses that the proxy itself gives (RFC 9110 §15).
fn reason_phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        403 => "Forbidden",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
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
            "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\nContent-Length: 32\r\nAllow: GET, HEAD\r\n\r\n{\"message\":\"no \\\"POST\\\"\\u000a\"}\n"
        );
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
