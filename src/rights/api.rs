//! A small client of the Engine's API: list, inspect, follow events.
//!
//! **Invariant:** every question has a connection of its own, and all but the
//! stream of events must go on within [`ANSWER_LIMIT`].
//! **Invariant:** answers are read as they arrive; only the pieces that are
//! asked for are kept, whatever labels containers have.
//!
//! Paths carry no version, so that every Engine answers in its own.

use super::containers::{Change, Container, Network};
use super::json::{Bytes, Json};
use crate::http1::{
    self, Asked, BodyReader, FieldStorage, HEAD_BYTES_MAX, HeadScan, INTERIM_RESPONSES_MAX,
    Response, Takeover,
};
use crate::relay::buffer::{BULK_BYTES, Buffer};
use crate::relay::socket::Socket;
use rustix::event::PollFlags;
use serde_json::{Value, json};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Time for the next piece of an answer. An inspection waits for a container that
/// is just being started, which takes a second or two on a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// An answer has some KiB for each container; more is labels. It is not kept, so
/// that these bound time, not memory.
const LIST_BYTES_MAX: u64 = 1 << 30;
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// No more changes than about that many are taken before they are dealt with.
const CHANGES_AT_ONCE: usize = 1000;

/// The message of an error is for the log.
const MESSAGE_BYTES_MAX: u64 = 4 << 10;

/// The events that are asked for, in Docker's words and in Podman's.
const ACTIONS: [&str; 9] =
    ["start", "restart", "die", "died", "destroy", "remove", "rename", "connect", "disconnect"];

/// Why the Engine gave no answer.
#[derive(Debug)]
pub(super) enum ApiError {
    /// No connection, or one that failed.
    Io(io::Error),
    /// What came is not HTTP, or too much of it.
    Http(http1::Error),
    /// The connection ended before its answer, or the stream ended.
    Ended,
    /// The answer is too large.
    TooLarge,
    /// The Engine says no.
    Status(u16, String),
    /// The answer does not have the documented shape.
    Shape(&'static str),
    /// No thread could be started to compile patterns.
    NoThread(io::Error),
}

/// The Engine behind a unix socket.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    socket: PathBuf,
    /// How the names of the labels begin that are read.
    labels: String,
}

impl Engine {
    pub(super) fn new(socket: PathBuf, label_prefix: &str) -> Self {
        Self { socket, labels: format!("{label_prefix}.") }
    }

    /// The container with that id or name; `None` if there is none.
    ///
    /// The Engine answers under the container's lock: one that is just being
    /// started or stopped is seen before or after it, never in between.
    pub(super) fn inspect(&self, container: &str) -> Result<Option<Container>, ApiError> {
        let target = format!("/containers/{}/json", percent_encoded(container));
        let read = |json: &mut Json<Answer>| Container::read_inspection(json, &self.labels);
        found(self.ask(&target)?.read(ANSWER_BYTES_MAX, "an inspection", read))
    }

    /// A network, and which container has an address there; `None` if there is no
    /// such network.
    ///
    /// An address is known here from before its container's process begins until
    /// after it has ended; lists of containers lag.
    pub(super) fn network(
        &self,
        network: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<Network>, ApiError> {
        let target = format!("/networks/{}", percent_encoded(network));
        let read = |json: &mut Json<Answer>| Network::read(json, address);
        found(self.ask(&target)?.read(ANSWER_BYTES_MAX, "a network", read))
    }

    /// Hands on the running containers on any of these networks.
    pub(super) fn list_of_networks(
        &self,
        networks: &[&str],
        take: impl FnMut(Container) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        self.list(&json!({ "network": networks }).to_string(), take)
    }

    /// Hands on those of these containers that are running.
    pub(super) fn list_of_ids(
        &self,
        ids: &[&str],
        mut take: impl FnMut(Container) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        self.list(&json!({ "id": ids }).to_string(), |container| {
            // The Engine takes ids for beginnings of ids.
            if ids.contains(&container.id.as_str()) { take(container) } else { Ok(()) }
        })
    }

    /// The Engine answers from a copy that may be some time old, and so never
    /// waits for a container that is just being started or stopped.
    fn list(
        &self,
        filters: &str,
        take: impl FnMut(Container) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let target = format!("/containers/json?filters={}", percent_encoded(filters));
        let read = |json: &mut Json<Answer>| Container::read_list(json, &self.labels, take);
        self.ask(&target)?.read(LIST_BYTES_MAX, "a list of containers", read)
    }

    /// All that changes from now on.
    pub(super) fn events(&self) -> Result<Events, ApiError> {
        let filters = json!({ "type": ["container", "network"], "event": ACTIONS }).to_string();
        let answer = self.ask(&format!("/events?filters={}", percent_encoded(&filters)))?;
        match answer.status {
            200 => Ok(Events { json: Json::new(answer, "an event") }),
            _ => Err(answer.refusal()),
        }
    }

    fn ask(&self, target: &str) -> Result<Answer, ApiError> {
        let deadline = Instant::now() + ANSWER_LIMIT;
        let socket = Socket::dial(&self.socket)?;
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nUser-Agent: socket-proxy\r\n\
             Connection: close\r\n\r\n",
            http1::DAEMON_HOST
        );
        socket.send_all(head.as_bytes(), deadline)?;
        let mut answer = Answer {
            socket,
            buffer: Buffer::default(),
            status: 0,
            body: BodyReader::Done,
            data: 0..0,
            consumed: 0,
            bytes_left: 0,
        };
        answer.read_head()?;
        Ok(answer)
    }
}

/// A thing that the Engine may say it does not have.
fn found<T>(answer: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match answer {
        Err(ApiError::Status(404, _)) => Ok(None),
        other => other.map(Some),
    }
}

/// A stream of events.
#[derive(Debug)]
pub(super) struct Events {
    json: Json<Answer>,
}

impl Events {
    /// The socket, to wait for more.
    pub(super) fn socket(&self) -> &Socket {
        &self.json.bytes().socket
    }

    /// The changes that have arrived. It waits only for the rest of an event that
    /// has begun.
    ///
    /// # Errors
    /// The stream's end, in whatever way: changes may have been missed.
    pub(super) fn take(&mut self) -> Result<Vec<Change>, ApiError> {
        let mut changes = Vec::new();
        while changes.len() < CHANGES_AT_ONCE && self.json.bytes_mut().has_begun()? {
            self.json.bytes_mut().bytes_left = ANSWER_BYTES_MAX;
            changes.extend(Change::read_event(&mut self.json)?);
        }
        Ok(changes)
    }
}

/// An answer whose head has been read.
#[derive(Debug)]
struct Answer {
    socket: Socket,
    buffer: Buffer,
    status: u16,
    body: BodyReader,
    /// The decoded data at the start of the buffer, without what was taken.
    data: Range<usize>,
    /// What of the buffer that data and its framing take.
    consumed: usize,
    /// How much more of the body is read.
    bytes_left: u64,
}

impl Answer {
    fn read_head(&mut self) -> Result<(), ApiError> {
        for _ in 0..=INTERIM_RESPONSES_MAX {
            let mut scan = HeadScan::default();
            let head_bytes = loop {
                match scan.find_end(self.buffer.filled())? {
                    Some(head_bytes) => break head_bytes,
                    None => self.receive_some(HEAD_BYTES_MAX + 1)?,
                }
            };
            let is_final = self.parse_head(head_bytes)?;
            self.buffer.consume(head_bytes);
            if is_final {
                return Ok(());
            }
        }
        Err(http1::Error::Interim.into())
    }

    fn parse_head(&mut self, head_bytes: usize) -> Result<bool, http1::Error> {
        let head = self.buffer.filled().get(..head_bytes).unwrap_or_default();
        let mut storage = FieldStorage::new();
        let response =
            Response::parse(head, Asked { head: false, takeover: Takeover::Never }, &mut storage)?;
        self.status = response.status();
        self.body = BodyReader::from(response.body());
        Ok(!response.is_interim())
    }

    /// Reads the whole body of a 200.
    fn read<T>(
        mut self,
        bytes_max: u64,
        whole: &'static str,
        read: impl FnOnce(&mut Json<Self>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        if self.status != 200 {
            return Err(self.refusal());
        }
        self.bytes_left = bytes_max;
        let mut json = Json::new(self, whole);
        let value = read(&mut json)?;
        json.end()?;
        Ok(value)
    }

    /// The error of another status than 200, with the Engine's message.
    fn refusal(mut self) -> ApiError {
        let mut body = Vec::new();
        self.bytes_left = MESSAGE_BYTES_MAX;
        while let Ok(Some(byte)) = self.peek() {
            body.push(byte);
            self.advance();
        }
        let value = serde_json::from_slice::<Value>(&body).ok();
        let message = value.and_then(|value| Some(value.get("message")?.to_string()));
        ApiError::Status(self.status, message.unwrap_or_default())
    }

    /// Decodes what has arrived; false if there is no data in it.
    fn decode(&mut self) -> Result<bool, ApiError> {
        self.buffer.consume(std::mem::take(&mut self.consumed));
        let decoded = self.body.decode(self.buffer.filled_mut())?;
        (self.data, self.consumed) = (decoded.data, decoded.consumed);
        Ok(!self.data.is_empty())
    }

    /// Whether an event has begun, or `false` before one has; skips the lines'
    /// ends, and does not wait.
    fn has_begun(&mut self) -> Result<bool, ApiError> {
        loop {
            while let Some(byte) =
                self.buffer.filled().get(self.data.clone()).and_then(<[u8]>::first)
            {
                if !byte.is_ascii_whitespace() {
                    return Ok(true);
                }
                self.data.start += 1;
            }
            if self.decode()? {
                continue;
            }
            if self.body.is_done() {
                return Err(ApiError::Ended);
            }
            match self.receive(BULK_BYTES) {
                Ok(0) => return Err(ApiError::Ended),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn receive(&mut self, bytes_max: usize) -> io::Result<usize> {
        let socket = &self.socket;
        Ok(self.buffer.fill(bytes_max, |space| socket.receive(space))?.bytes)
    }

    /// Receives something, or fails after a while.
    fn receive_some(&mut self, bytes_max: usize) -> Result<(), ApiError> {
        let deadline = Instant::now() + ANSWER_LIMIT;
        loop {
            match self.receive(bytes_max) {
                Ok(0) => return Err(ApiError::Ended),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.socket.wait(PollFlags::IN, deadline)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Bytes for Answer {
    fn piece(&mut self) -> Result<&[u8], ApiError> {
        while self.data.is_empty() {
            if self.decode()? {
                break;
            }
            if self.body.is_done() {
                return Ok(&[]);
            }
            match self.receive_some(BULK_BYTES) {
                Err(ApiError::Ended) if self.body.ends_at_close() => return Ok(&[]),
                received => received?,
            }
        }
        if self.bytes_left == 0 {
            return Err(ApiError::TooLarge);
        }
        Ok(self.buffer.filled().get(self.data.clone()).unwrap_or_default())
    }

    fn take(&mut self, count: usize) {
        self.data.start = (self.data.start + count).min(self.data.end);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.bytes_left = self.bytes_left.saturating_sub(count);
    }
}

impl From<io::Error> for ApiError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<http1::Error> for ApiError {
    fn from(error: http1::Error) -> Self {
        Self::Http(error)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                f.write_str("the daemon does not answer in time")
            }
            Self::Io(error) => write!(f, "no connection to the daemon: {error}"),
            Self::Http(error) => write!(f, "the daemon's answer is invalid: {error}"),
            Self::Ended => f.write_str("the daemon ended the connection"),
            Self::TooLarge => f.write_str("the daemon's answer is too large"),
            Self::Status(status, message) => write!(f, "the daemon answers {status} {message}"),
            Self::NoThread(error) => write!(f, "no thread to compile patterns: {error}"),
            Self::Shape(what) => write!(f, "the daemon's answer is not {what}"),
        }
    }
}

/// Everything but unreserved characters (RFC 3986 §2.3) as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::super::fake::{FakeEngine, Reply};
    use super::*;
    use serde_json::json;

    fn answered(reply: Reply) -> Result<Option<Container>, ApiError> {
        let fake = FakeEngine::start();
        fake.script("/containers/c1/json", reply);
        Engine::new(fake.socket(), "socket-proxy").inspect("c1")
    }

    fn check(reply: &str, expected: &str) {
        let shown = match answered(Reply::Raw(reply.to_owned())) {
            Ok(Some(container)) => container.name,
            Ok(None) => "none".to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(shown.starts_with(expected), "{reply:?}: {shown}");
    }

    fn inspection() -> String {
        json!({"Id": "c1", "Name": "/web", "State": {"Running": true}, "Config": {},
            "NetworkSettings": {"Networks": {}}})
        .to_string()
    }

    #[test]
    fn an_answer_is_read_whatever_its_framing() {
        let body = inspection();
        let length = body.len();
        check(&format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"), "web");
        check(
            &format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
            ),
            "web",
        );
        check(&format!("HTTP/1.1 200 OK\r\n\r\n{body}"), "web");
        check(&format!("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{body}"), "web");
    }

    #[test]
    fn an_answer_that_is_none_is_an_error() {
        let body = inspection();
        check("HTTP/1.1 404 Not Found\r\n\r\n{\"message\":\"no\"}", "none");
        check(
            "HTTP/1.1 500 Oh\r\n\r\n{\"message\":\"broken\"}",
            "the daemon answers 500 \"broken\"",
        );
        check("HTTP/1.1 200 OK\r\n\r\n{}", "the daemon's answer is not an inspection");
        check("HTTP/1.1 200 OK\r\n\r\n<html>", "the daemon's answer is not JSON");
        check("", "the daemon ended the connection");
        check("SSH-2.0-x\r\n\r\n", "the daemon's answer is invalid");
        check(
            &format!("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{body}"),
            "the daemon ended the connection",
        );
        let huge = "x".repeat(usize::try_from(ANSWER_BYTES_MAX).unwrap());
        let large = format!("HTTP/1.1 200 OK\r\n\r\n{{\"a\":\"{huge}\"}}");
        check(&large, "the daemon's answer is too large");
    }

    #[test]
    fn no_daemon_is_an_error() {
        let engine = Engine::new("/nowhere/docker.sock".into(), "socket-proxy");
        assert!(matches!(engine.inspect("c1"), Err(ApiError::Io(_))));
    }

    #[test]
    fn filters_are_encoded() {
        assert_eq!(percent_encoded(r#"{"a":["b-c"]}"#), "%7B%22a%22%3A%5B%22b-c%22%5D%7D");
    }
}
