//! A stand-in for the daemon whose answers belong to the number in the request's path:
//! `/containers/NUMBER/…`.

use super::content::Content;
use super::support::wire::{Body, Head, Wire};
use super::support::{Result, acceptors};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Between two events.
const EVENT_PAUSE: Duration = Duration::from_millis(20);
/// The answers to GET are this long, plus as many bytes as the number.
const JSON_BYTES: usize = 700;

/// How long the answer to a GET of a number is.
pub(super) fn json_bytes(number: u64) -> usize {
    JSON_BYTES + usize::try_from(number % 9000).unwrap_or_default()
}

/// Serves until it is killed.
pub(super) fn run(socket: &Path) -> Result<()> {
    let listener = UnixListener::bind(socket)?;
    acceptors::serve(
        move || listener.accept().map(|(stream, _)| stream),
        // A connection that fails is closed, which its client notices.
        move |stream| drop(converse(stream)),
    )
}

fn converse(stream: UnixStream) -> Result<()> {
    let mut wire = Wire::new(stream);
    while let Some(request) = wire.request()? {
        let mut parts = request.target.rsplit('/');
        let (what, number) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let number: u64 = number.parse().unwrap_or_default();
        let (what, bytes) = what.split_once("?bytes=").unwrap_or((what, "0"));
        let bytes: usize = bytes.parse()?;
        match what {
            "json" => send(&mut wire, number, json_bytes(number), false)?,
            "archive" if request.body != Body::Length(0) => {
                receive(&mut wire, &request, number, bytes)?;
            }
            "archive" => send(&mut wire, number, bytes, false)?,
            "export" => send(&mut wire, number, bytes, true)?,
            "attach" => return echo(wire),
            "logs" => return count(wire),
            _ => wire.stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?,
        }
        if request.close {
            break;
        }
    }
    Ok(())
}

fn send(wire: &mut Wire<UnixStream>, number: u64, bytes: usize, chunked: bool) -> Result<()> {
    let framing = match chunked {
        true => "Transfer-Encoding: chunked".to_owned(),
        false => format!("Content-Length: {bytes}"),
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n{framing}");
    wire.stream.write_all(format!("{head}\r\n\r\n").as_bytes())?;
    Content::of(number).send(&mut wire.stream, bytes, chunked)
}

/// Takes the body of a number; a foreign one is answered with 500.
fn receive(wire: &mut Wire<UnixStream>, request: &Head, number: u64, bytes: usize) -> Result<()> {
    let (mut content, mut fault) = (Content::of(number), None);
    let read = wire.read_body(request.body, &mut |piece| {
        fault = fault.take().or(content.check(piece).err());
        Ok(())
    })?;
    if fault.is_some() || read != bytes as u64 {
        wire.stream.write_all(b"HTTP/1.1 500 Mixed\r\nContent-Length: 0\r\n\r\n")?;
        return Ok(());
    }
    send(wire, number, 16, false)
}

/// Becomes a raw connection that echoes its input.
fn echo(mut wire: Wire<UnixStream>) -> Result<()> {
    wire.stream.write_all(
        b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
          Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    )?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match wire.stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => wire.stream.write_all(&buffer[..count])?,
        }
    }
}

/// Counts from 0 until the client is gone.
fn count(mut wire: Wire<UnixStream>) -> Result<()> {
    wire.stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    for number in 0_u64.. {
        let line = format!("{number}\n");
        wire.stream.write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes())?;
        thread::sleep(EVENT_PAUSE);
    }
    Ok(())
}
