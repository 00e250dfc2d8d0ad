//! Socket activation: listeners that the service manager opened for us
//! (sd_listen_fds(3)).
//!
//! **Invariant:** the numbers in the variables are validated before anything is
//! allocated or opened for them.
//!
//! This deliberately does not decide the purpose of a listener. Its name
//! (`FileDescriptorName=`) is passed on with it; older systemd, systemfd and
//! `systemd-socket-activate` give none.

use listenfd::ListenFd;
use rustix::net::sockopt;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

/// The most sockets that can be passed. There are no more listeners than a person
/// writes down.
const PASSED_MAX: u32 = 256;

/// Descriptors below are the standard streams (sd_listen_fds(3)).
const FIRST_DESCRIPTOR: u32 = 3;

/// Above any limit on open files, far below the end of the numbers.
const DESCRIPTOR_MAX: u32 = 1 << 24;

/// A listener that was passed to the program.
#[derive(Debug)]
pub struct PassedListener {
    /// The name of the descriptor; the socket unit's name by default, empty if
    /// there is none.
    pub name: String,
    /// The listener, in blocking mode.
    pub socket: PassedSocket,
}

/// The kinds of listener that can be served.
#[derive(Debug)]
pub enum PassedSocket {
    /// TCP, of either address family.
    Tcp(TcpListener),
    /// A unix stream socket.
    Unix(UnixListener),
}

/// Takes the listeners that were passed, in their order; none if the program
/// was started in an ordinary way.
///
/// Call it once, before any thread is started: the variables of the protocol
/// are removed from the environment.
///
/// # Errors
/// If a passed descriptor is not a listening stream socket. A unit file passes all
/// of them on purpose; to serve only some would hide the mistake.
pub fn passed_listeners() -> io::Result<Vec<PassedListener>> {
    if !are_for_us(|name| std::env::var(name).ok(), std::process::id())? {
        return Ok(Vec::new());
    }
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':').map(str::to_owned);
    let mut passed = ListenFd::from_env();
    (0..passed.len())
        .map(|index| {
            let name = names.next().unwrap_or_default();
            let socket = take(&mut passed, index)
                .map_err(|error| io::Error::other(format!("passed socket {index}: {error}")))?;
            Ok(PassedListener { name, socket })
        })
        .collect()
}

/// Whether sockets are passed to the process with this id. Like systemfd, a
/// manager may leave `LISTEN_PID` out.
///
/// # Errors
/// If the numbers make no sense.
fn are_for_us(variable: impl Fn(&str) -> Option<String>, our_id: u32) -> io::Result<bool> {
    let Some(count) = variable("LISTEN_FDS") else { return Ok(false) };
    if let Some(id) = variable("LISTEN_PID").filter(|id| !id.is_empty())
        && id.parse() != Ok(our_id)
    {
        log::warn!(pid:% = id; "ignoring passed sockets: LISTEN_PID names another process");
        return Ok(false);
    }
    number("LISTEN_FDS", &count, 0, PASSED_MAX)?;
    if let Some(first) = variable("LISTEN_FDS_FIRST_FD") {
        number("LISTEN_FDS_FIRST_FD", &first, FIRST_DESCRIPTOR, DESCRIPTOR_MAX)?;
    }
    Ok(true)
}

fn number(name: &str, value: &str, min: u32, max: u32) -> io::Result<()> {
    match value.parse() {
        Ok(number) if (min..=max).contains(&number) => Ok(()),
        _ => {
            let text = format!("{name}={value:?} is not a number from {min} to {max}");
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
    }
}

fn take(passed: &mut ListenFd, index: usize) -> io::Result<PassedSocket> {
    if let Ok(Some(listener)) = passed.take_unix_listener(index) {
        listening(&listener)?;
        listener.set_nonblocking(false)?;
        return Ok(PassedSocket::Unix(listener));
    }
    if let Ok(Some(listener)) = passed.take_tcp_listener(index) {
        listening(&listener)?;
        listener.set_nonblocking(false)?;
        return Ok(PassedSocket::Tcp(listener));
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a TCP nor a unix stream socket"))
}

/// `Accept=yes` in a socket unit passes connections instead of the listener.
fn listening(socket: impl AsFd) -> io::Result<()> {
    if sockopt::socket_acceptconn(socket)? {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a listener (Accept=yes?)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], expected: Result<bool, &str>) {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let found = are_for_us(find, 7).map_err(|error| error.to_string());
        assert_eq!(found.as_ref().map_err(String::as_str).copied(), expected, "{variables:?}");
    }

    #[test]
    fn sockets_are_taken_only_if_their_numbers_make_sense_and_they_are_for_us() {
        let count = |number| ("LISTEN_FDS", number);
        let process = |id| ("LISTEN_PID", id);
        check(&[], Ok(false));
        check(&[process("7")], Ok(false));
        check(&[count("1"), process("7")], Ok(true));
        check(&[count("1")], Ok(true));
        check(&[count("1"), process("")], Ok(true));
        check(&[count("1"), process("8")], Ok(false));
        check(&[count("1"), process("seven")], Ok(false));
        check(&[count("2147483647"), process("8")], Ok(false));
        let refused = |number| format!("LISTEN_FDS={number:?} is not a number from 0 to 256");
        for number in ["2147483647", "257", "-1", "", "x", "99999999999999999999"] {
            check(&[count(number), process("7")], Err(&refused(number)));
        }
        let first = |number| [count("1"), ("LISTEN_FDS_FIRST_FD", number)];
        check(&first("10"), Ok(true));
        for number in ["0", "2147483647", "-1"] {
            let refused =
                format!("LISTEN_FDS_FIRST_FD={number:?} is not a number from 3 to 16777216");
            check(&first(number), Err(&refused));
        }
    }
}
