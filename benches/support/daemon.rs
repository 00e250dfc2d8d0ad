//! A stand-in for the daemon: a unix socket that answers cheaply.
//!
//! The end of the path selects the response, as at the Engine; the query its size
//! and form (`bytes`, `framing`, `direction`, `rate`, `wedged`). It answers at once,
//! keeps connections open or closes them as requested, and holds no state.

use super::wire::{Body, Head, Wire, write_bulk, write_chunks};
use super::{Result, acceptors};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The length of the answer to `/containers/json`.
pub(crate) const JSON_BYTES: u64 = 5 * 1024;
/// How often the thread of the event streams looks for due events.
const TICK: Duration = Duration::from_millis(10);
/// The answer to `/_ping`.
const PING: &str = "OK";
/// One event; it has one `{`, so that clients can count events by that byte.
const EVENT: &str = "{\"status\":\"start\",\"id\":\"4f1d6d1b2c3a\",\"from\":\"alpine\",\
    \"Type\":\"container\",\"Action\":\"start\",\"scope\":\"local\",\"time\":1700000000}\n";

/// Serves until it is killed.
pub(crate) fn run(socket: &Path) -> Result<()> {
    let listener = UnixListener::bind(socket)?;
    let events = Arc::new(Events::default());
    thread::spawn({
        let events = Arc::clone(&events);
        move || events.emit_for_ever()
    });
    acceptors::serve(
        move || listener.accept().map(|(stream, _)| stream),
        // A connection that fails is closed, which its client notices.
        move |stream| drop(converse(stream, &events)),
    )
}

fn converse(stream: UnixStream, events: &Events) -> Result<()> {
    let mut wire = Wire::new(stream);
    while let Some(request) = wire.request()? {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let bytes = number(query, "bytes");
        match path.rsplit('/').next().unwrap_or_default() {
            "_ping" => send_small(&mut wire.stream, PING.as_bytes())?,
            "json" => send_small(&mut wire.stream, &[b' '; JSON_BYTES as usize])?,
            "get" => download(&mut wire.stream, query, bytes)?,
            "load" if query.contains("wedged") => return await_hang_up(&wire.stream),
            "load" => upload(&mut wire, &request, bytes)?,
            "attach" => return tunnel(&mut wire, query, bytes),
            "events" => return events.add(wire.stream, number(query, "rate")),
            _ => wire.stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?,
        }
        if request.close || query.contains("framing=close") {
            break;
        }
    }
    Ok(())
}

/// The number that the query gives for a name; 0 without one.
fn number(query: &str, name: &str) -> u64 {
    let value = |pair: &str| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok();
    query.split('&').find_map(value).unwrap_or(0)
}

fn send_small(stream: &mut UnixStream, body: &[u8]) -> Result<()> {
    let mut answer = Vec::with_capacity(256 + body.len());
    write!(
        answer,
        "HTTP/1.1 200 OK\r\nApi-Version: 1.43\r\nContent-Type: application/json\r\n\
         Docker-Experimental: false\r\nOstype: linux\r\nServer: Docker/24.0.7 (linux)\r\n\
         Date: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )?;
    answer.extend_from_slice(body);
    Ok(stream.write_all(&answer)?)
}

fn download(stream: &mut UnixStream, query: &str, bytes: u64) -> Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\n";
    if query.contains("framing=chunked") {
        stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes())?;
        write_chunks(stream, bytes)?;
    } else if query.contains("framing=close") {
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
        write_bulk(stream, bytes)?;
    } else {
        stream.write_all(format!("{head}Content-Length: {bytes}\r\n\r\n").as_bytes())?;
        write_bulk(stream, bytes)?;
    }
    Ok(())
}

/// Reads and discards a body; the status reports whether all of it came.
fn upload(wire: &mut Wire<UnixStream>, request: &Head, bytes: u64) -> Result<()> {
    let status = if wire.skip_body(request.body)? == bytes { "200 OK" } else { "400 Cut" };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    Ok(wire.stream.write_all(answer.as_bytes())?)
}

/// Reads nothing until the client is gone.
fn await_hang_up(stream: &UnixStream) -> Result<()> {
    poll(&mut [PollFd::new(stream, PollFlags::empty())], None)?;
    Ok(())
}

/// Becomes a raw connection. Downwards it sends so many bytes and closes;
/// upwards it swallows so many, answers with one byte and closes.
fn tunnel(wire: &mut Wire<UnixStream>, query: &str, bytes: u64) -> Result<()> {
    let head = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
        Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    wire.stream.write_all(head.as_bytes())?;
    if query.contains("direction=wedged") {
        return Ok(write_bulk(&mut wire.stream, u64::MAX)?);
    }
    if query.contains("direction=down") {
        return Ok(write_bulk(&mut wire.stream, bytes)?);
    }
    wire.skip(bytes)?;
    wire.stream.write_all(b".")?;
    wire.skip_body(Body::UntilClose).map(|_| ())
}

/// Clients of `/events`. One thread serves them all in turn, so that any
/// number of them costs the daemon little.
#[derive(Default)]
struct Events {
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    streams: Vec<UnixStream>,
    /// Events per second for all clients together; 0 is one for each.
    rate: u64,
}

impl Events {
    /// Begins a stream, with a first event at once.
    fn add(&self, mut stream: UnixStream, rate: u64) -> Result<()> {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
            Transfer-Encoding: chunked\r\n\r\n";
        stream.write_all(format!("{head}{:x}\r\n{EVENT}\r\n", EVENT.len()).as_bytes())?;
        stream.set_nonblocking(true)?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.rate = rate;
        clients.streams.push(stream);
        Ok(())
    }

    fn emit_for_ever(&self) {
        let event = format!("{:x}\r\n{EVENT}\r\n", EVENT.len());
        let (mut turn, mut due) = (0, 0.0);
        loop {
            self.emit_some(event.as_bytes(), &mut turn, &mut due);
            thread::sleep(TICK);
        }
    }

    /// Sends one tick's share of events, and forgets clients that are gone or
    /// don't read.
    fn emit_some(&self, event: &[u8], turn: &mut usize, due: &mut f64) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = if clients.rate == 0 { clients.streams.len() as u64 } else { clients.rate };
        *due += rate as f64 * TICK.as_secs_f64();
        while *due >= 1.0 {
            *due -= 1.0;
            if clients.streams.is_empty() {
                continue;
            }
            *turn = (*turn + 1) % clients.streams.len();
            if clients.streams[*turn].write_all(event).is_err() {
                clients.streams.swap_remove(*turn);
            }
        }
    }
}
