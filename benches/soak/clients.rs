//! Clients, each of which repeats one thing and checks the answers.

use super::content::Content;
use super::daemon::json_bytes;
use super::support::address::Connection;
use super::support::wire::{Body, Wire};
use super::world::{Failure, World};
use rustix::net::sockopt::set_socket_linger;
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

/// The exchange that a client repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Small questions on one connection.
    Ask,
    /// A small question on a connection of its own.
    AskOnce,
    /// A large answer; in chunks, or with a length.
    Download { chunked: bool },
    /// A large answer, read slowly.
    ReadSlowly,
    /// A large body; in chunks, or with a length.
    Upload { chunked: bool },
    /// A tunnel in both directions.
    Tunnel,
    /// A stream of numbers that goes on until it is left.
    Stream,
    /// Resets connections in the middle of a transfer.
    Reset,
}

/// The clients that take part, and how many of each.
pub(super) const CROWD: [(Habit, usize); 10] = [
    (Habit::Ask, 30),
    (Habit::AskOnce, 8),
    (Habit::Download { chunked: false }, 4),
    (Habit::Download { chunked: true }, 4),
    (Habit::ReadSlowly, 6),
    (Habit::Upload { chunked: false }, 4),
    (Habit::Upload { chunked: true }, 4),
    (Habit::Tunnel, 6),
    (Habit::Stream, 24),
    (Habit::Reset, 6),
];

/// Bytes of a large body.
const LARGE_BYTES: usize = 1024 * 1024 + 7;
/// Bytes of a tunnel, which go there and back.
const TUNNEL_BYTES: usize = 300_007;
/// Questions on a connection before it is closed.
const QUESTIONS: usize = 200;
/// The pause between two requests; with it two cores suffice.
const PAUSE: Duration = Duration::from_millis(5);
const SLOW_BYTES: u64 = 64 * 1024;
const SLOW_PAUSE: Duration = Duration::from_millis(30);

impl Habit {
    /// Repeats it until the world ends.
    pub(super) fn live(self, world: &World) {
        while world.go_on() {
            world.attempt(self, || self.once(world));
            thread::sleep(PAUSE);
        }
    }

    fn once(self, world: &World) -> Result<(), Failure> {
        let number = world.next_number();
        let mut wire = Wire::new(world.address.connect().map_err(Failure::cut)?);
        match self {
            Self::Ask => (0..QUESTIONS).try_for_each(|_| {
                if !world.is_working() {
                    return Ok(());
                }
                ask(&mut wire, world.next_number())?;
                thread::sleep(PAUSE);
                Ok(())
            }),
            Self::AskOnce => ask(&mut wire, number),
            Self::Download { chunked } => download(&mut wire, number, chunked, Duration::ZERO),
            Self::ReadSlowly => download(&mut wire, number, false, SLOW_PAUSE),
            Self::Upload { chunked } => upload(&mut wire, number, chunked),
            Self::Tunnel => tunnel(wire, number),
            Self::Stream => stream(&mut wire, number),
            Self::Reset => reset(wire, number),
        }
    }
}

fn get(wire: &mut Wire<Connection>, number: u64, what: &str) -> Result<Body, Failure> {
    let head = format!("GET /v1.43/containers/{number}/{what} HTTP/1.1\r\nHost: d\r\n\r\n");
    wire.stream.write_all(head.as_bytes()).map_err(Failure::cut)?;
    answer(wire, 200)
}

/// The head of an answer. Faults of the daemon are answered with 502 or 503.
fn answer(wire: &mut Wire<Connection>, wanted: u16) -> Result<Body, Failure> {
    let head = wire.response().map_err(Failure::cut)?;
    match head.status {
        status if status == wanted => Ok(head.body),
        502 | 503 => Err(Failure::cut(format!("answered {}", head.status))),
        status => Err(Failure::Wrong(format!("answered {status}"))),
    }
}

fn ask(wire: &mut Wire<Connection>, number: u64) -> Result<(), Failure> {
    let body = get(wire, number, "json")?;
    read(wire, body, number, json_bytes(number))
}

/// Reads the whole body of a number.
fn read(wire: &mut Wire<Connection>, body: Body, number: u64, bytes: usize) -> Result<(), Failure> {
    let (mut content, mut foreign) = (Content::of(number), None);
    let read = wire.read_body(body, &mut |piece| {
        foreign = foreign.take().or(content.check(piece).err());
        Ok(())
    });
    match (foreign, read) {
        (Some(error), _) => Err(Failure::Wrong(error.to_string())),
        (None, Err(error)) => Err(Failure::cut(error)),
        (None, Ok(read)) if read != bytes as u64 => {
            Err(Failure::Wrong(format!("ended cleanly after {read} of {bytes} bytes")))
        }
        (None, Ok(_)) => Ok(()),
    }
}

fn download(
    wire: &mut Wire<Connection>,
    number: u64,
    chunked: bool,
    pause: Duration,
) -> Result<(), Failure> {
    let what = if chunked { "export" } else { "archive" };
    let body = get(wire, number, &format!("{what}?bytes={LARGE_BYTES}"))?;
    if pause.is_zero() {
        return read(wire, body, number, LARGE_BYTES);
    }
    let (mut content, mut left) = (Content::of(number), LARGE_BYTES as u64);
    while left > 0 {
        let now = left.min(SLOW_BYTES);
        let mut foreign = None;
        let taken = wire.read(now, &mut |piece| {
            foreign = foreign.take().or(content.check(piece).err());
            Ok(())
        });
        if let Some(error) = foreign {
            return Err(Failure::Wrong(error.to_string()));
        }
        taken.map_err(Failure::cut)?;
        left -= now;
        thread::sleep(pause);
    }
    Ok(())
}

fn upload(wire: &mut Wire<Connection>, number: u64, chunked: bool) -> Result<(), Failure> {
    let framing = match chunked {
        true => "Transfer-Encoding: chunked".to_owned(),
        false => format!("Content-Length: {LARGE_BYTES}"),
    };
    let head = format!(
        "PUT /v1.43/containers/{number}/archive?bytes={LARGE_BYTES} HTTP/1.1\r\nHost: d\r\n\
         {framing}\r\n\r\n"
    );
    wire.stream.write_all(head.as_bytes()).map_err(Failure::cut)?;
    Content::of(number).send(&mut wire.stream, LARGE_BYTES, chunked).map_err(Failure::cut)?;
    let body = answer(wire, 200)?;
    read(wire, body, number, 16)
}

/// Sends and reads at the same time, which fills both directions.
fn tunnel(mut wire: Wire<Connection>, number: u64) -> Result<(), Failure> {
    let head = format!(
        "POST /v1.43/containers/{number}/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\n\
         Upgrade: tcp\r\nContent-Length: 0\r\n\r\n"
    );
    wire.stream.write_all(head.as_bytes()).map_err(Failure::cut)?;
    answer(&mut wire, 101)?;
    let mut sender = wire.stream.try_clone().map_err(Failure::cut)?;
    thread::scope(|scope| {
        let sent = scope.spawn(move || Content::of(number).send(&mut sender, TUNNEL_BYTES, false));
        let read = read(&mut wire, Body::Length(TUNNEL_BYTES as u64), number, TUNNEL_BYTES);
        let sent = sent.join().map_err(|_| Failure::Wrong("a client panicked".to_owned()))?;
        read.and(sent.map_err(Failure::cut))
    })
}

/// Reads some numbers, which must come in order, and leaves.
fn stream(wire: &mut Wire<Connection>, number: u64) -> Result<(), Failure> {
    get(wire, number, "logs")?;
    for expected in 0..100 + number % 200 {
        let line = format!("{expected}\n");
        let chunk = format!("{:x}\r\n{line}\r\n", line.len());
        let mut came = Vec::new();
        let taken = wire.read(chunk.len() as u64, &mut |piece| {
            came.extend_from_slice(piece);
            Ok(())
        });
        taken.map_err(Failure::cut)?;
        if came != chunk.as_bytes() {
            let came = came.escape_ascii();
            return Err(Failure::Wrong(format!("{came} came instead of number {expected}")));
        }
    }
    Ok(())
}

/// Ends a connection at an odd place, upon which the kernel sends a reset.
fn reset(mut wire: Wire<Connection>, number: u64) -> Result<(), Failure> {
    let half_an_upload = format!(
        "PUT /v1.43/containers/{number}/archive?bytes=99999 HTTP/1.1\r\nHost: d\r\n\
         Content-Length: 99999\r\n\r\n0123456789"
    );
    match number % 4 {
        0 => drop(get(&mut wire, number, &format!("archive?bytes={LARGE_BYTES}"))?),
        1 => drop(get(&mut wire, number, &format!("export?bytes={LARGE_BYTES}"))?),
        2 => wire.stream.write_all(half_an_upload.as_bytes()).map_err(Failure::cut)?,
        _ => wire.stream.write_all(b"GET /v1.43/contai").map_err(Failure::cut)?,
    }
    if number % 4 < 2 {
        let mut some = [0; 4096];
        wire.stream.read_exact(&mut some).map_err(Failure::cut)?;
    }
    set_socket_linger(&wire.stream, Some(Duration::ZERO)).map_err(Failure::cut)
}
