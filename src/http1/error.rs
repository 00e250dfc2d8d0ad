//! Errors in a message, and the status with which each is reported to the sender.
//!
//! The texts are constants: a response never echoes the refused message.

/// A fault in a request, a response or a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The first byte cannot begin a message: TLS, a PROXY v2 preamble, noise.
    NotHttp,
    /// A line ends with LF alone where it must not, or has a CR elsewhere.
    LineEnd,
    /// A control character in a head.
    Control,
    /// The start line does not have three parts with one space between them.
    StartLine,
    /// A version other than HTTP/1.0 and HTTP/1.1.
    Version,
    /// A method that no allowlist can name.
    Method,
    /// The target's form is not allowed for its method, or has bad characters.
    Target,
    /// The target's path is not in normal form once it is decoded.
    Path,
    /// The head is too long, and its start line has not ended.
    TargetTooLong,
    /// The head is too long, or has too many fields.
    HeadTooLarge,
    /// A field line is malformed: no colon, a space before it, a fold, a bad name.
    Field,
    /// A name that others read as a framing field (`Content_Length`).
    FieldAlias,
    /// No Host, more than one, or a malformed one.
    Host,
    /// Connection is malformed or nominates a field that must not be dropped.
    Connection,
    /// Content-Length is malformed, repeated or beside Transfer-Encoding.
    ContentLength,
    /// Transfer-Encoding in HTTP/1.0, or repeated.
    TransferEncoding,
    /// A transfer coding other than chunked.
    TransferCoding,
    /// An expectation other than 100-continue.
    Expectation,
    /// A chunk's size line or its end is malformed.
    Chunk,
    /// The trailer section is malformed or too long.
    Trailer,
    /// A status that is not a status (below 100, above 599).
    Status,
    /// A 101 that was not requested, or to another protocol.
    Upgrade,
    /// Too many interim responses.
    Interim,
}

impl Error {
    /// The status for the client when its request has this fault
    /// (RFC 9110 §15; RFC 9112 §3, §6).
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            Self::Method => 405,
            Self::TargetTooLong => 414,
            Self::HeadTooLarge => 431,
            Self::TransferCoding => 501,
            Self::Expectation => 417,
            _ => 400,
        }
    }

    /// One clause that explains the fault, for answers and logs.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::NotHttp => "this is not HTTP/1.1 (TLS and the PROXY protocol are not supported)",
            Self::LineEnd => {
                "lines must end with CR LF (bare LF only without body, Upgrade and Expect)"
            }
            Self::Control => "control character in the head",
            Self::StartLine => "malformed start line",
            Self::Version => "only HTTP/1.1 and HTTP/1.0 are supported",
            Self::Method => "method not allowed",
            Self::Target => "malformed request target",
            Self::Path => "path not in normal form",
            Self::TargetTooLong => "request target too long",
            Self::HeadTooLarge => "head too large",
            Self::Field => "malformed header field",
            Self::FieldAlias => "field name that resembles a framing field",
            Self::Host => "exactly one valid Host field is required",
            Self::Connection => "malformed Connection field, or one that nominates a field in use",
            Self::ContentLength => "malformed, repeated or contradicted Content-Length",
            Self::TransferEncoding => "Transfer-Encoding is repeated, or used with HTTP/1.0",
            Self::TransferCoding => "only the chunked transfer coding is supported",
            Self::Expectation => "only the expectation 100-continue is supported",
            Self::Chunk => "malformed chunk",
            Self::Trailer => "malformed trailer section",
            Self::Status => "invalid status code",
            Self::Upgrade => "unrequested protocol switch",
            Self::Interim => "too many interim responses",
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.explain())
    }
}

impl std::error::Error for Error {}
