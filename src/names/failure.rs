//! Why a name has no address, for the log.

use super::Family;
use simple_dns::RCODE;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// A failed look-up: its cause, and the server that is to blame for it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) cause: Cause,
    pub(super) server: Option<SocketAddr>,
}

/// The kind of failure.
#[derive(Debug)]
pub(super) enum Cause {
    /// The name does not exist (NXDOMAIN).
    NoSuchHost,
    /// The name exists, and has no address of this family.
    NoAddress(Family),
    /// The server answered with an error of its own.
    Server(RCODE),
    /// The server neither knows the name nor asks others for us.
    Referral,
    /// The server's answer cannot be parsed.
    Malformed,
    /// No answer came in time.
    Silent,
    /// The server cannot be reached.
    Unreachable(io::Error),
}

impl Cause {
    /// Whether a server answered that the name itself has no records. Asking
    /// another server is of no use then.
    pub(super) fn is_of_the_name(&self) -> bool {
        matches!(self, Self::NoSuchHost | Self::NoAddress(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.server {
            Some(server) => write!(f, "{} (name server {server})", self.cause),
            None => self.cause.fmt(f),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchHost => f.write_str("no such host"),
            Self::NoAddress(family) => write!(f, "the name has no {family} address"),
            Self::Server(code) => f.write_str(name_of(*code)),
            Self::Referral => f.write_str("the server does not offer recursive lookups"),
            Self::Malformed => f.write_str("malformed response"),
            Self::Silent => f.write_str("timed out"),
            Self::Unreachable(error) => error.fmt(f),
        }
    }
}

/// The names of RFC 1035 §4.1.1 as resolvers and their tools print them.
fn name_of(code: RCODE) -> &'static str {
    match code {
        RCODE::FormatError => "server error: FORMERR",
        RCODE::ServerFailure => "server error: SERVFAIL",
        RCODE::NotImplemented => "server error: NOTIMP",
        RCODE::Refused => "server error: REFUSED",
        _ => "server error",
    }
}
