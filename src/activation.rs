//! Socket activation: listeners that the service manager opened for us
//! (sd_listen_fds(3)).
//!
//! What this deliberately does not do: decide what a listener is for. Its name
//! (`FileDescriptorName=`) is handed on beside it.

use listenfd::ListenFd;
use rustix::net::sockopt;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

/// A listener that was passed to the program.
#[derive(Debug)]
pub struct PassedListener {
    /// The name of the descriptor; the socket unit's name by default.
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
/// If a passed descriptor is not a listening stream socket. What a unit file
/// passes is meant; to serve a part of it would hide the mistake.
pub fn passed_listeners() -> io::Result<Vec<PassedListener>> {
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
