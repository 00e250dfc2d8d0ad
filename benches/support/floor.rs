//! The floors: relays that judge nothing, with a thread for each connection.
//!
//! One copies bytes between a TCP client and a connection to the daemon that
//! stays open as long as the client's. It knows no requests, so its cost is
//! that of sockets, threads and copies; a filter can only come near.
//!
//! The other dials the daemon for each request, as the proxy does. It shows what
//! fresh connections cost, in the proxy and at the daemon.

use super::{Result, acceptors};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

const BUFFER_BYTES: usize = 64 * 1024;

/// Relays until it is killed, with one daemon connection for each client's.
pub(crate) fn run(socket: &Path, address: SocketAddr) -> Result<()> {
    serve(socket, address, relay)
}

/// The same with a fresh daemon connection for each request. Requests have no body.
pub(crate) fn run_redialling(socket: &Path, address: SocketAddr) -> Result<()> {
    serve(socket, address, relay_requests)
}

fn serve(
    socket: &Path,
    address: SocketAddr,
    relay: fn(&TcpStream, &Path) -> Result<()>,
) -> Result<()> {
    let listener = TcpListener::bind(address)?;
    let socket = PathBuf::from(socket);
    acceptors::serve(
        move || listener.accept().map(|(client, _)| client),
        move |client| {
            // A connection that fails is closed, which its client notices.
            drop(client.set_nodelay(true));
            drop(relay(&client, &socket));
        },
    )
}

fn relay(client: &TcpStream, socket: &Path) -> Result<()> {
    let daemon = UnixStream::connect(socket)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut upload_open, mut download_open) = (true, true);
    while upload_open || download_open {
        let watch = |open| if open { PollFlags::IN } else { PollFlags::empty() };
        let mut both =
            [PollFd::new(client, watch(upload_open)), PollFd::new(&daemon, watch(download_open))];
        poll(&mut both, None)?;
        let [from_client, from_daemon] = both.map(|end| !end.revents().is_empty());
        if from_client && upload_open && !move_some(client, &daemon, &mut buffer)? {
            daemon.shutdown(Shutdown::Write)?;
            upload_open = false;
        }
        if from_daemon && download_open && !move_some(&daemon, client, &mut buffer)? {
            client.shutdown(Shutdown::Write)?;
            download_open = false;
        }
    }
    Ok(())
}

/// Copies the bytes that can be read at once; false at the end.
fn move_some(mut from: impl Read, mut to: impl Write, buffer: &mut [u8]) -> Result<bool> {
    let length = from.read(buffer)?;
    to.write_all(&buffer[..length])?;
    Ok(length > 0)
}

fn relay_requests(mut client: &TcpStream, socket: &Path) -> Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut received = 0;
    loop {
        let length = client.read(&mut buffer[received..])?;
        if length == 0 {
            return Ok(());
        }
        received += length;
        let Some(head) = buffer[..received].strip_suffix(b"\r\n\r\n") else { continue };
        let mut daemon = UnixStream::connect(socket)?;
        daemon.write_all(&[head, b"\r\nConnection: close\r\n\r\n"].concat())?;
        while move_some(&daemon, client, &mut buffer)? {}
        received = 0;
    }
}
