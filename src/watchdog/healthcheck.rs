//! The `healthcheck` command: asks the health listener, prints one line.
//!
//! **Invariant:** it ends within four seconds, even if the proxy or the daemon
//! hangs. Five seconds are the usual `timeout:` of Compose files, and Docker drops
//! the line of a check that it has to kill.

use super::health::CAUSE_FIELD;
use crate::config::HEALTH_ADDRESS;
use crate::engine::{Call, EngineError, Limit, OwnRequest};
use crate::http1::{FieldStorage, Method, Response};
use crate::relay::socket::Socket;
use crate::text::visible_ascii;
use std::fmt;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

/// The time for connecting and for the answer.
pub(super) const HEALTHCHECK_LIMIT: Duration = Duration::from_millis(3600);

/// The time for the whole command, including a blocked standard output.
const ALARM_LIMIT: Duration = Duration::from_millis(3900);

/// Longest head of an answer.
const HEAD_BYTES_MAX: usize = 2048;

/// Asks the health listener of this machine, prints one line and answers with
/// the exit code for it: the whole of the `healthcheck` command.
#[must_use]
pub fn healthcheck() -> ExitCode {
    // Without the thread, the limit on the connection still holds.
    let _ = thread::Builder::new().spawn(|| {
        thread::sleep(ALARM_LIMIT);
        std::process::exit(1);
    });
    let outcome = ask_health(HEALTH_ADDRESS, HEALTHCHECK_LIMIT);
    let (line, code) = match outcome {
        Ok(()) => ("healthy".to_owned(), ExitCode::SUCCESS),
        Err(cause) => (format!("unhealthy: {cause}"), ExitCode::FAILURE),
    };
    // The exit code counts, even if the line is not read.
    let _ = writeln!(std::io::stdout(), "{line}");
    code
}

pub(super) fn ask_health(address: SocketAddr, limit: Duration) -> Result<(), Unhealthy> {
    let unhealthy = |cause| Unhealthy { address, cause };
    ask(address, limit).map_err(unhealthy)
}

fn ask(address: SocketAddr, limit: Duration) -> Result<(), UnhealthyCause> {
    let request = OwnRequest { method: Method::Head, target: "/health", host: "localhost" };
    let deadline = Limit::Whole(Instant::now() + limit);
    let stream =
        TcpStream::connect_timeout(&address, limit).map_err(UnhealthyCause::NoConnection)?;
    let socket = Socket::from(OwnedFd::from(stream));
    let mut call = Call::ask(socket, request, deadline).map_err(UnhealthyCause::NoAnswer)?;
    let head_bytes = call.receive_head(HEAD_BYTES_MAX)?;
    let mut storage = FieldStorage::new();
    let head = call.received(head_bytes);
    let response =
        Response::parse(head, request.asked(), &mut storage).map_err(EngineError::from)?;
    match response.status() {
        200 => Ok(()),
        status => Err(told(&response).map_or(UnhealthyCause::Status(status), UnhealthyCause::Told)),
    }
}

/// The error that our listener reported; printable, since another program may have
/// bound the port in its place.
fn told(response: &Response<'_>) -> Option<String> {
    let value = response.field_values(CAUSE_FIELD).next()?;
    Some(visible_ascii(std::str::from_utf8(value).ok()?))
}

/// Why the proxy or its daemon counts as unhealthy.
#[derive(Debug)]
pub(super) struct Unhealthy {
    address: SocketAddr,
    cause: UnhealthyCause,
}

#[derive(Debug)]
enum UnhealthyCause {
    NoConnection(io::Error),
    NoAnswer(io::Error),
    NotHttp,
    Status(u16),
    /// In the words of our listener.
    Told(String),
}

impl From<EngineError> for UnhealthyCause {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Io(error) => Self::NoAnswer(error),
            _ => Self::NotHttp,
        }
    }
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address;
        match &self.cause {
            UnhealthyCause::NoConnection(error) => {
                write!(f, "cannot connect to {address}: {error} (is -allowhealthcheck set?)")
            }
            UnhealthyCause::NoAnswer(error) => write!(f, "no response from {address}: {error}"),
            UnhealthyCause::NotHttp => write!(f, "the response from {address} is not HTTP"),
            UnhealthyCause::Status(status) => write!(f, "{address} returned {status}"),
            UnhealthyCause::Told(cause) => f.write_str(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake_daemon::PATIENCE;
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn the_health_check_says_what_is_wrong_with_who_answers() {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = bound.local_addr().unwrap();
        let short = Duration::from_millis(100);
        let check = |expected: &str| {
            let cause = ask_health(address, short).unwrap_err().to_string();
            assert!(cause.contains(expected), "{cause}, not {expected}");
        };
        check("no response from");
        drop(bound);
        check("is -allowhealthcheck set?");
    }

    fn check_answer(answer: &'static str, expected: Result<(), &str>) {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = bound.local_addr().unwrap();
        thread::spawn(move || {
            let mut client = bound.accept().unwrap().0;
            let _ = client.read(&mut [0; 512]);
            let _ = client.write_all(answer.as_bytes());
        });
        let outcome = ask_health(address, PATIENCE).map_err(|error| error.to_string());
        let expected = expected.map_err(|cause| cause.replace("ADDRESS", &address.to_string()));
        assert_eq!(outcome, expected, "{answer:?}");
    }

    #[test]
    fn a_cause_is_printed_in_one_line() {
        check_answer("HTTP/1.1 503 x\r\nSocket-Proxy-Cause: a\tb\r\n\r\n", Err("a?b"));
        check_answer("HTTP/1.1 503 x\r\nSocket-Proxy-Cause: \u{9b}0m\r\n\r\n", Err("?0m"));
    }

    #[test]
    fn only_a_whole_answer_of_200_is_healthy() {
        check_answer("HTTP/1.1 200 OK\r\n\r\n", Ok(()));
        check_answer("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n", Ok(()));
        check_answer("HTTP/1.1 404 Not Found\r\n\r\n", Err("ADDRESS returned 404"));
        for answer in ["", "HTTP/1.1 200 OK\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\0"] {
            check_answer(answer, Err("the response from ADDRESS is not HTTP"));
        }
        let endless: &'static str = Box::leak(format!("HTTP/1.1 200 {}", "x".repeat(2048)).into());
        check_answer(endless, Err("the response from ADDRESS is not HTTP"));
    }
}
