//! Requests that show whether a daemon has a route, and that no handler carries out.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The response to a request whose filters and body are not JSON, or the beginning of
/// it that came within `limit`.
pub(crate) fn ask(
    socket: &Path,
    method: &str,
    path: &str,
    more_query: &str,
    limit: Duration,
) -> String {
    let mut stream = UnixStream::connect(socket).expect("connect to the daemon");
    stream.set_read_timeout(Some(limit)).unwrap();
    let body = if matches!(method, "POST" | "PUT") { "{" } else { "" };
    let head = format!(
        "{method} {path}?filters=%7Bbad{more_query} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("send a request");
    let mut response = vec![0; 4096];
    let mut length = 0;
    while let Ok(count @ 1..) = stream.read(&mut response[length..]) {
        length += count;
    }
    String::from_utf8_lossy(&response[..length]).into_owned()
}
