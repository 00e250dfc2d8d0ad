//! The `healthcheck` command: asks the health listener, prints one line.
//!
//! **Invariant:** it ends within four seconds, whatever the proxy and the daemon
//! do. Five seconds are the usual `timeout:` of Compose files, and Docker drops
//! the line of a check that it has to kill.

use super::health::{CAUSE_FIELD, printable};
use crate::config::HEALTH_ADDRESS;
use crate::engine::ask::{self, Deadline, Wanted};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// The time for connecting and for the answer.
pub const HEALTHCHECK_LIMIT: Duration = Duration::from_millis(3600);

/// The time for the whole, standard output that nobody reads included.
const ALARM_LIMIT: Duration = Duration::from_millis(3900);

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
    // The exit code counts, also where nobody reads the line.
    let _ = writeln!(std::io::stdout(), "{line}");
    code
}

pub(super) fn ask_health(address: SocketAddr, limit: Duration) -> Result<(), String> {
    const REQUEST: &[u8] = b"HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let deadline = Deadline::after(limit);
    let mut stream = TcpStream::connect_timeout(&address, limit).map_err(|error| {
        format!("cannot connect to {address}: {error} (is -allowhealthcheck set?)")
    })?;
    let head = ask::ask(&mut stream, REQUEST, Wanted::Head, deadline)
        .map_err(|error| format!("no answer from {address}: {error}"))?;
    match ask::status(&head) {
        Some(200) => Ok(()),
        Some(code) => Err(cause(&head).unwrap_or_else(|| format!("{address} answered {code}"))),
        None => Err(format!("what answers on {address} does not speak HTTP")),
    }
}

/// What our listener said is wrong; printable, since anyone may have bound
/// the port in its place.
fn cause(head: &[u8]) -> Option<String> {
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut fields);
    response.parse(head).ok()?;
    let field = response.headers.iter().find(|field| field.name == CAUSE_FIELD)?;
    Some(printable(std::str::from_utf8(field.value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn the_health_check_says_what_is_wrong_with_who_answers() {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = bound.local_addr().unwrap();
        let short = Duration::from_millis(100);
        let check = |expected: &str| {
            let cause = ask_health(address, short).unwrap_err();
            assert!(cause.contains(expected), "{cause}, not {expected}");
        };
        check("no answer from");
        drop(bound);
        check("is -allowhealthcheck set?");
    }

    #[test]
    fn a_cause_is_printed_in_one_line() {
        let head = b"HTTP/1.1 503 x\r\nSocket-Proxy-Cause: a\tb\r\n\r\n";
        assert_eq!(cause(head).as_deref(), Some("a?b"));
    }
}
