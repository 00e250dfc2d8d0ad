//! Crowds of clients, and how they behave: as attackers and slow readers do.
//!
//! A crowd is held while the proxy's memory is looked at, and gone when dropped.

use super::PING;
use super::subject::Subject;
use crate::support::Result;
use crate::support::address::Connection;
use crate::support::streams::Streams;
use std::io::{self, ErrorKind, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

/// A crowd that has moved nothing for so long moves nothing any more.
const STILL: Duration = Duration::from_millis(700);
/// A crowd that moves for longer is measured while it moves.
const MOVES_MAX: Duration = Duration::from_secs(20);
/// Threads that write for a crowd.
const WRITERS: usize = 8;

/// The behaviour of each client of a crowd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Reads events.
    Stream,
    /// Requests events and sends bytes behind, which remain unread.
    Behind,
    /// Sends a head of so many bytes without its end.
    Head(usize),
    /// Sends a judged body of 1 MiB without its last byte.
    Body,
    /// Sends a byte of a head each second.
    Dribble,
    /// Asks for a download, reads so many bytes of it, and stops reading.
    Download(&'static str, usize),
    /// Sends an upload that the daemon does not read.
    Upload(&'static str),
    /// Opens a tunnel in which neither end reads.
    Tunnel,
}

/// Connected clients.
#[derive(Debug)]
pub(super) enum Crowd {
    Streams(Streams),
    Others(Vec<Connection>),
}

impl Habit {
    /// Gathers so many clients of a network, which do this until nothing moves.
    pub(super) fn gather(self, subject: &Subject, network: [u8; 2], count: usize) -> Result<Crowd> {
        let mut clients = subject.connect_many(network, count)?;
        if self == Self::Stream {
            return Ok(Crowd::Streams(Streams::begin(clients, 0)?));
        }
        each(&mut clients, |client| drop(client.write_all(self.request().as_bytes())));
        match self {
            Self::Download(_, bytes) => each(&mut clients, |client| read_some(client, bytes)),
            Self::Upload("chunked") => push(&mut clients, &chunks())?,
            Self::Behind | Self::Upload(_) | Self::Tunnel => {
                push(&mut clients, &vec![b'x'; 64 * 1024])?
            }
            _ => {}
        }
        // Bytes in transit arrive.
        thread::sleep(STILL);
        Ok(Crowd::Others(clients))
    }

    fn request(self) -> String {
        match self {
            Self::Head(bytes) => head_of(bytes),
            Self::Dribble => "GET /".into(),
            Self::Body => format!(
                "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\
                 \r\nContent-Length: 1048576\r\n\r\n{}",
                "[".repeat(1_048_575)
            ),
            Self::Download(framing, _) => format!(
                "GET /v1.43/images/get?framing={framing}&bytes={} HTTP/1.1\r\nHost: d\r\n\r\n",
                1_u64 << 40
            ),
            Self::Upload(framing) => {
                let framing = match framing {
                    "chunked" => "Transfer-Encoding: chunked".into(),
                    _ => format!("Content-Length: {}", 1_u64 << 40),
                };
                format!("POST /v1.43/images/load?wedged=1 HTTP/1.1\r\nHost: d\r\n{framing}\r\n\r\n")
            }
            Self::Tunnel => "POST /v1.43/containers/x/attach?direction=wedged HTTP/1.1\r\n\
                Host: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
                .into(),
            Self::Stream | Self::Behind => "GET /v1.43/events HTTP/1.1\r\nHost: d\r\n\r\n".into(),
        }
    }
}

fn head_of(bytes: usize) -> String {
    format!("GET {PING} HTTP/1.1\r\nHost: d\r\nX: {}", "y".repeat(bytes))
}

impl Crowd {
    /// Each client sends a byte a second for so long; a refused one starts again.
    pub(super) fn dribble(&mut self, time: Duration) {
        let Self::Others(clients) = self else { return };
        let begun = Instant::now();
        while begun.elapsed() < time {
            thread::sleep(Duration::from_secs(1));
            each(clients, |client| drop(client.write(b"x")));
        }
    }

    /// Whether all streams go on.
    pub(super) fn check_streams(&mut self, count: usize) -> Result<()> {
        let Self::Streams(streams) = self else { return Ok(()) };
        let events = streams.count_events(Duration::from_secs(3))?;
        if events < count as u64 {
            return Err(format!("{events} events came for {count} streams").into());
        }
        Ok(())
    }
}

/// Does something for all clients, several at the same time; a refused one stops.
fn each(clients: &mut [Connection], act: impl Fn(&mut Connection) + Sync) {
    let share = clients.len().div_ceil(WRITERS).max(1);
    thread::scope(|scope| {
        for share in clients.chunks_mut(share) {
            scope.spawn(|| share.iter_mut().for_each(&act));
        }
    });
}

fn read_some(client: &mut Connection, bytes: usize) {
    let mut buffer = vec![0; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let now = left.min(buffer.len());
        match client.read(&mut buffer[..now]) {
            Ok(0) | Err(_) => return,
            Ok(count) => left -= count,
        }
    }
}

/// Sends the same bytes over and over until no connection takes any more.
fn push(clients: &mut [Connection], bytes: &[u8]) -> Result<()> {
    for client in clients.iter() {
        rustix::io::ioctl_fionbio(client, true)?;
    }
    // Where each is within the bytes, so that chunks stay well formed.
    let mut sent = vec![0; clients.len()];
    let (begun, mut moved) = (Instant::now(), Instant::now());
    while moved.elapsed() < STILL && begun.elapsed() < MOVES_MAX {
        for (client, sent) in clients.iter_mut().zip(&mut sent) {
            if send_on(client, bytes, sent)? {
                moved = Instant::now();
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Whether anything was taken; a client that was refused sends nothing.
fn send_on(client: &mut Connection, bytes: &[u8], sent: &mut usize) -> io::Result<bool> {
    match client.write(&bytes[*sent..]) {
        Ok(count) => {
            *sent = (*sent + count) % bytes.len();
            Ok(count > 0)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(_) => Ok(false),
    }
}

/// Chunks as clients send them, some large.
fn chunks() -> Vec<u8> {
    format!("8000\r\n{}\r\n", "x".repeat(0x8000)).into_bytes()
}
