//! The Engine's API without a client library: bytes out, an answer in.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No response in these tests takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) enum Api {
    Unix(PathBuf),
    Tcp(String),
}

/// An answer: 0 and no text if there was none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The message of the response, without the JSON around it.
    pub(crate) fn message(&self) -> String {
        let json = self.json();
        json["message"].as_str().map_or_else(|| self.text.clone(), str::to_owned)
    }

    /// The output of a container, from a response with its log: frames with headers of
    /// 8 bytes, unless it had a terminal.
    pub(crate) fn log(&self) -> String {
        let mut rest = self.bytes.as_slice();
        let mut data = Vec::new();
        while let [0..=2, 0, 0, 0, a, b, c, d, after @ ..] = rest {
            let length = u32::from_be_bytes([*a, *b, *c, *d]);
            let length = usize::try_from(length).unwrap_or_default().min(after.len());
            data.extend_from_slice(&after[..length]);
            rest = &after[length..];
        }
        let data = if data.is_empty() { &self.bytes } else { &data };
        String::from_utf8_lossy(data).into_owned()
    }

    /// Whether it is a refusal of the proxy, and not an answer of the Engine.
    pub(crate) fn is_refusal(&self) -> bool {
        self.text.contains("socket-proxy: ")
    }
}

impl Api {
    pub(crate) fn straight(socket: &Path) -> Api {
        Api::Unix(socket.to_owned())
    }

    /// By the value of `DOCKER_HOST`.
    pub(crate) fn at(host: &str) -> Api {
        match host.strip_prefix("unix://") {
            Some(path) => Api::Unix(path.into()),
            None => Api::Tcp(host.trim_start_matches("tcp://").to_owned()),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.call("GET", path, "").json()
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.call("POST", path, body)
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let fields = format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close",
            body.len()
        );
        let fields = if body.is_empty() { "Connection: close" } else { &fields };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: d\r\n{fields}\r\n\r\n");
        self.send(&[head.as_bytes(), body.as_bytes()].concat())
    }

    /// Sends a request after which the other side closes.
    pub(crate) fn send(&self, request: &[u8]) -> Answer {
        match self {
            Api::Unix(path) => {
                let stream = UnixStream::connect(path).expect("the socket takes connections");
                stream.set_read_timeout(Some(PATIENCE)).expect("a socket of ours");
                exchange(stream, request)
            }
            Api::Tcp(address) => {
                let stream = TcpStream::connect(address).expect("the proxy takes connections");
                stream.set_read_timeout(Some(PATIENCE)).expect("a socket of ours");
                exchange(stream, request)
            }
        }
    }
}

fn exchange(mut stream: impl Read + Write, request: &[u8]) -> Answer {
    // A refusal may come, and the connection end, before everything is sent.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(bytes.len());
    let (head, body) = bytes.split_at(end);
    let body = body.get(4..).unwrap_or_default();
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let is_chunked = head.contains("transfer-encoding: chunked");
    let bytes = if is_chunked { without_chunks(body) } else { body.to_owned() };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Answer { status: status.unwrap_or_default(), text, bytes }
}

fn without_chunks(mut body: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&body[..end]).unwrap_or_default();
        let size = usize::from_str_radix(size, 16).unwrap_or_default();
        let Some(chunk) = body.get(end + 2..end + 2 + size).filter(|chunk| !chunk.is_empty())
        else {
            break;
        };
        data.extend_from_slice(chunk);
        body = body.get(end + 2 + size + 2..).unwrap_or_default();
    }
    data
}
