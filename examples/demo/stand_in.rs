//! A stand-in for the Docker Engine: enough of its API for a demonstration.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;

/// Serves the stand-in from a thread; tells its socket.
///
/// # Errors
/// If the socket cannot be made.
pub(crate) fn start() -> io::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("stand-in-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away in the middle is nothing to stop for.
            thread::spawn(move || answer(stream).unwrap_or_default());
        }
    });
    Ok(path)
}

fn answer(stream: UnixStream) -> io::Result<()> {
    let mut reader = BufReader::new(&stream);
    let mut start_line = String::new();
    reader.read_line(&mut start_line)?;
    let mut field = String::new();
    while reader.read_line(&mut field)? > 2 {
        field.clear();
    }
    let path = start_line.split(' ').nth(1).unwrap_or_default();
    let (status, body) = body(path);
    let body = if start_line.starts_with("HEAD") { "" } else { body };
    write!(
        &stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

fn body(path: &str) -> (&'static str, &'static str) {
    match path.rsplit('/').next().unwrap_or_default() {
        "_ping" => ("200 OK", "OK"),
        "version" => ("200 OK", "{\"Version\":\"0.0.0-stand-in\",\"ApiVersion\":\"1.41\"}\n"),
        "json" => ("200 OK", "[]\n"),
        _ => ("404 Not Found", "{\"message\":\"page not found\"}\n"),
    }
}
