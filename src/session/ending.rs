//! The reasons to end a client connection: one table, for logs and for the way to
//! close.

use crate::outcome::{BodyFailure, Refusal};
use crate::relay::{Direction, Fault};

/// Why a client connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The client closed between two requests.
    ClientDone,
    /// The client requested it, or speaks HTTP/1.0.
    Asked,
    /// The head had bare LF, so that nothing behind it is read.
    BareLf,
    /// No request within the idle time.
    Idle,
    /// The head did not arrive in time.
    SlowHead,
    /// The body that had to be judged did not arrive in time.
    SlowBody,
    /// The request's head is malformed.
    BadRequest,
    /// The request's body is malformed.
    BadBody,
    /// The request was refused, and the connection could not go on.
    Refused,
    /// The client vanished.
    ClientGone,
    /// The client ended in the middle of a message.
    ClientTruncated,
    /// The daemon could not be reached.
    Unreachable,
    /// The daemon failed or ended before its message did.
    DaemonFailed,
    /// The daemon's message is malformed.
    BadResponse,
    /// The daemon did not read the whole upload.
    UploadUnfinished,
    /// Receivers leave too much untaken.
    Stalled,
    /// The answer was sent before the whole upload had come.
    UploadLate,
    /// A raw stream ended; its client may have sent input that was not read.
    RawStreamEnded,
    /// A tunnel ended.
    TunnelEnded,
    /// The program is stopping.
    Stopping,
    /// There was no place for it.
    NoPlace,
}

impl CloseReason {
    /// The reason in words.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::ClientDone => "client closed",
            Self::Asked => "requested by the client",
            Self::BareLf => "lines ended with a bare LF",
            Self::Idle => "idle for too long",
            Self::SlowHead => "head took too long",
            Self::SlowBody => "body took too long",
            Self::BadRequest => "malformed request",
            Self::BadBody => "malformed request body",
            Self::Refused => "request refused",
            Self::ClientGone => "client gone",
            Self::ClientTruncated => "client ended in the middle of a message",
            Self::Unreachable => "daemon unreachable",
            Self::DaemonFailed => "daemon failed or ended in the middle of a message",
            Self::BadResponse => "malformed response",
            Self::UploadUnfinished => "daemon did not read the whole upload",
            Self::Stalled => "too many stalled transfers",
            Self::UploadLate => "response sent before the end of the upload",
            Self::RawStreamEnded => "raw stream ended",
            Self::TunnelEnded => "tunnel ended",
            Self::Stopping => "proxy is stopping",
            Self::NoPlace => "no place",
        }
    }

    /// Whether the client may still be sending while it has an answer to read,
    /// so that an immediate close could take the answer away from it.
    #[must_use]
    pub fn lingers(self) -> bool {
        matches!(
            self,
            Self::BareLf
                | Self::SlowHead
                | Self::SlowBody
                | Self::BadRequest
                | Self::BadBody
                | Self::Refused
                | Self::Unreachable
                | Self::DaemonFailed
                | Self::BadResponse
                | Self::UploadUnfinished
                | Self::Stalled
                | Self::UploadLate
                | Self::RawStreamEnded
                | Self::TunnelEnded
                | Self::NoPlace
        )
    }
}

/// Whether a client connection is reused after an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum After {
    /// Another request may come.
    Reuse,
    /// It is closed once the client could read its whole answer.
    Close(CloseReason),
    /// It is closed in the middle of an answer, and the client notices.
    Cut(CloseReason),
}

impl From<&Fault> for CloseReason {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::Client(_) | Fault::ClientGone => Self::ClientGone,
            Fault::Stalled => Self::Stalled,
            Fault::Daemon(_) | Fault::Truncated(Direction::Download) => Self::DaemonFailed,
            Fault::Truncated(Direction::Upload) => Self::ClientTruncated,
            Fault::Framing(Direction::Upload, _) => Self::BadBody,
            Fault::Framing(Direction::Download, _) => Self::BadResponse,
        }
    }
}

/// For a refusal after which the connection ends.
impl From<&Refusal> for CloseReason {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Denied(_)
            | Refusal::Moved
            | Refusal::Unidentified(_)
            | Refusal::NoMemory
            | Refusal::OtherDaemon
            | Refusal::Answer(_)
            | Refusal::Body(BodyFailure::TooLarge | BodyFailure::UsedUp) => Self::Refused,
            Refusal::UnknownMethod(_) | Refusal::Malformed(_) => Self::BadRequest,
            Refusal::SlowHead => Self::SlowHead,
            Refusal::Body(BodyFailure::Slow) => Self::SlowBody,
            Refusal::Body(BodyFailure::Gone) => Self::ClientTruncated,
            Refusal::Body(BodyFailure::Malformed(_)) | Refusal::BodyFraming(_) => Self::BadBody,
            Refusal::NoPlace(_) => Self::NoPlace,
            Refusal::Stalled => Self::Stalled,
            Refusal::Daemon(_) => Self::Unreachable,
        }
    }
}
