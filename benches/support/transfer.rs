//! One large body, or one direction of a tunnel, as fast as it goes.
//!
//! The receiving end counts; a body that is short, or is cut, is an error.

use super::Result;
use super::address::{Address, Connection};
use super::process::Process;
use super::wire::{Wire, write_bulk, write_chunks};
use std::io::Write;
use std::time::Instant;

/// The direction of a transfer, and how its end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    DownloadWithLength,
    DownloadUntilClose,
    DownloadChunked,
    UploadWithLength,
    UploadChunked,
    TunnelDown,
    TunnelUp,
}

/// The result of a transfer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    /// CPU time of the watched process.
    pub(crate) cpu_seconds: f64,
}

/// Moves so many bytes through a peer.
pub(crate) fn run(
    transfer: Transfer,
    bytes: u64,
    address: &Address,
    watched: Option<&Process>,
) -> Result<Outcome> {
    let cpu = || watched.map_or(Ok(0.0), Process::cpu_seconds);
    let mut wire = Wire::new(address.connect()?);
    let (cpu_before, begun) = (cpu()?, Instant::now());
    match transfer {
        Transfer::DownloadWithLength => download(&mut wire, "length", bytes)?,
        Transfer::DownloadUntilClose => download(&mut wire, "close", bytes)?,
        Transfer::DownloadChunked => download(&mut wire, "chunked", bytes)?,
        Transfer::UploadWithLength | Transfer::UploadChunked => {
            upload(&mut wire, transfer, bytes)?;
        }
        Transfer::TunnelDown => tunnel_down(&mut wire, bytes)?,
        Transfer::TunnelUp => tunnel_up(&mut wire, bytes)?,
    }
    Ok(Outcome { seconds: begun.elapsed().as_secs_f64(), cpu_seconds: cpu()? - cpu_before })
}

/// The path of every download; nginx serves a file of this name.
pub(crate) const DOWNLOAD_PATH: &str = "/v1.43/images/get";

fn download(wire: &mut Wire<Connection>, framing: &str, bytes: u64) -> Result<()> {
    let target = format!("{DOWNLOAD_PATH}?framing={framing}&bytes={bytes}");
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    wire.stream.write_all(request.as_bytes())?;
    let head = wire.response()?;
    let length = wire.skip_body(head.body)?;
    if head.status == 200 && length == bytes {
        return Ok(());
    }
    Err(format!("answered {} with {length} of {bytes} bytes", head.status).into())
}

fn upload(wire: &mut Wire<Connection>, transfer: Transfer, bytes: u64) -> Result<()> {
    let head = format!("POST /v1.43/images/load?bytes={bytes} HTTP/1.1\r\nHost: localhost\r\n");
    if transfer == Transfer::UploadChunked {
        wire.stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes())?;
        write_chunks(&mut wire.stream, bytes)?;
    } else {
        wire.stream.write_all(format!("{head}Content-Length: {bytes}\r\n\r\n").as_bytes())?;
        write_bulk(&mut wire.stream, bytes)?;
    }
    match wire.response()?.status {
        200 => Ok(()),
        status => Err(format!("answered {status} to an upload").into()),
    }
}

fn tunnel_down(wire: &mut Wire<Connection>, bytes: u64) -> Result<()> {
    open_tunnel(wire, "down", bytes)?;
    wire.skip(bytes)
}

fn tunnel_up(wire: &mut Wire<Connection>, bytes: u64) -> Result<()> {
    open_tunnel(wire, "up", bytes)?;
    write_bulk(&mut wire.stream, bytes)?;
    // The daemon confirms the whole transfer by one byte.
    wire.skip(1)
}

fn open_tunnel(wire: &mut Wire<Connection>, direction: &str, bytes: u64) -> Result<()> {
    let path = "/v1.43/containers/4f1d6d1b2c3a/attach";
    let request = format!(
        "POST {path}?direction={direction}&bytes={bytes} HTTP/1.1\r\nHost: localhost\r\n\
         Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
    );
    wire.stream.write_all(request.as_bytes())?;
    match wire.response()?.status {
        101 => Ok(()),
        status => Err(format!("answered {status} to an upgrade").into()),
    }
}
