//! Reasons why the daemon gave no response.

use crate::http1;
use std::fmt;
use std::io;

/// Why the Engine gave no answer.
#[derive(Debug)]
pub enum EngineError {
    /// No connection, or one that failed.
    Io(io::Error),
    /// The response is not HTTP, or is too large.
    Http(http1::Error),
    /// The connection ended before its answer, or the stream ended.
    Ended,
    /// The answer is too large.
    TooLarge,
    /// The Engine refuses the request.
    Status(u16, String),
    /// The answer does not have the documented shape.
    Shape(&'static str),
}

impl From<io::Error> for EngineError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<http1::Error> for EngineError {
    fn from(error: http1::Error) -> Self {
        Self::Http(error)
    }
}

impl std::error::Error for EngineError {}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                f.write_str("the daemon did not respond in time")
            }
            Self::Io(error) => write!(f, "no connection to the daemon: {error}"),
            Self::Http(error) => write!(f, "the daemon's response is invalid: {error}"),
            Self::Ended => f.write_str("the daemon ended the connection"),
            Self::TooLarge => f.write_str("the daemon's response is too large"),
            Self::Status(status, message) => write!(f, "the daemon returned {status} {message}"),
            Self::Shape(what) => write!(f, "the daemon's response is not {what}"),
        }
    }
}
