//! A small client of the Engine's API: list, inspect, follow events.
//!
//! **Invariant:** every question has a connection of its own, and all but the
//! stream of events must be answered within [`ANSWER_LIMIT`]; nothing that is
//! received grows without a bound.
//!
//! Paths carry no version, so that every Engine answers in its own.

use super::containers::{Change, Container};
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
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Time for a whole answer. An inspection waits for a container that is just
/// being started, which takes a second or two on a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A list of 500 containers with many labels has about 2 MiB.
const LIST_BYTES_MAX: usize = 32 << 20;

/// An inspection has 10 KiB, and more with the output of health checks.
const INSPECTION_BYTES_MAX: usize = 4 << 20;

/// An event has the labels of its container in it.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// No more changes than about that many are taken before they are dealt with.
const CHANGES_AT_ONCE: usize = 1000;

/// The message of an error is for the log.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

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
}

/// The Engine behind a unix socket.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    socket: PathBuf,
}

impl Engine {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// The container with that id or name; `None` if there is none.
    ///
    /// The Engine answers under the container's lock: one that is just being
    /// started or stopped is seen before or after it, never in between.
    pub(super) fn inspect(&self, container: &str) -> Result<Option<Container>, ApiError> {
        let target = format!("/containers/{}/json", percent_encoded(container));
        match self.ask(&target)?.json(INSPECTION_BYTES_MAX) {
            Err(ApiError::Status(404, _)) => Ok(None),
            Err(error) => Err(error),
            Ok(answer) => match Container::from_inspection(&answer) {
                Some(container) => Ok(Some(container)),
                None => Err(ApiError::Shape("an inspection")),
            },
        }
    }

    /// The running containers on any of these networks.
    pub(super) fn list_of_networks(&self, networks: &[&str]) -> Result<Vec<Container>, ApiError> {
        self.list(&json!({ "network": networks }).to_string())
    }

    /// Those of these containers that are running.
    pub(super) fn list_of_ids(&self, ids: &[&str]) -> Result<Vec<Container>, ApiError> {
        let mut containers = self.list(&json!({ "id": ids }).to_string())?;
        // The Engine takes ids for beginnings of ids.
        containers.retain(|container| ids.contains(&container.id.as_str()));
        Ok(containers)
    }

    /// The Engine answers from a copy that may be some milliseconds old, and so
    /// never waits for a container that is just being started or stopped.
    fn list(&self, filters: &str) -> Result<Vec<Container>, ApiError> {
        let target = format!("/containers/json?filters={}", percent_encoded(filters));
        let answer = self.ask(&target)?.json(LIST_BYTES_MAX)?;
        Container::from_list(&answer).ok_or(ApiError::Shape("a list of containers"))
    }

    /// All that changes from now on.
    pub(super) fn events(&self) -> Result<Events, ApiError> {
        let filters = json!({ "type": ["container", "network"], "event": ACTIONS }).to_string();
        let answer = self.ask(&format!("/events?filters={}", percent_encoded(&filters)))?;
        match answer.status {
            200 => Ok(Events { answer, line: Vec::new() }),
            _ => answer.json(MESSAGE_BYTES_MAX).and(Err(ApiError::Shape("a stream of events"))),
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
        let (buffer, body) = (Buffer::default(), BodyReader::Done);
        let mut answer = Answer { socket, buffer, status: 0, body, deadline };
        answer.read_head()?;
        Ok(answer)
    }
}

/// A stream of events.
#[derive(Debug)]
pub(super) struct Events {
    answer: Answer,
    line: Vec<u8>,
}

impl Events {
    /// The socket, to wait for more.
    pub(super) fn socket(&self) -> &Socket {
        &self.answer.socket
    }

    /// The changes that have arrived, without waiting.
    ///
    /// # Errors
    /// The stream's end, in whatever way: changes may have been missed.
    pub(super) fn take(&mut self) -> Result<Vec<Change>, ApiError> {
        let mut changes = Vec::new();
        loop {
            self.answer.decode(&mut self.line)?;
            self.take_lines(&mut changes)?;
            if self.answer.body.is_done() {
                return Err(ApiError::Ended);
            }
            if changes.len() >= CHANGES_AT_ONCE {
                return Ok(changes);
            }
            match self.answer.receive(BULK_BYTES) {
                Ok(0) => return Err(ApiError::Ended),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(changes),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take_lines(&mut self, changes: &mut Vec<Change>) -> Result<(), ApiError> {
        let complete = self.line.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in self.line.drain(..complete).collect::<Vec<_>>().split(|byte| *byte == b'\n') {
            if !line.trim_ascii().is_empty() {
                let event =
                    serde_json::from_slice(line).map_err(|_| ApiError::Shape("an event"))?;
                changes.extend(Change::from_event(&event));
            }
        }
        if self.line.len() > EVENT_BYTES_MAX { Err(ApiError::TooLarge) } else { Ok(()) }
    }
}

/// An answer whose head has been read.
#[derive(Debug)]
struct Answer {
    socket: Socket,
    buffer: Buffer,
    status: u16,
    body: BodyReader,
    deadline: Instant,
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

    /// The whole body of a 200.
    fn json(mut self, bytes_max: usize) -> Result<Value, ApiError> {
        let bytes_max = if self.status == 200 { bytes_max } else { MESSAGE_BYTES_MAX };
        let mut body = Vec::new();
        loop {
            self.decode(&mut body)?;
            if body.len() > bytes_max {
                return Err(ApiError::TooLarge);
            }
            if self.body.is_done() {
                break;
            }
            match self.receive_some(BULK_BYTES) {
                Err(ApiError::Ended) if self.body.ends_at_close() => break,
                received => received?,
            }
        }
        let value: Result<Value, _> = serde_json::from_slice(&body);
        match (self.status, value) {
            (200, Ok(value)) => Ok(value),
            (200, Err(_)) => Err(ApiError::Shape("JSON")),
            (status, value) => {
                let message = value.ok().and_then(|value| Some(value.get("message")?.to_string()));
                Err(ApiError::Status(status, message.unwrap_or_default()))
            }
        }
    }

    /// Moves what of the body has arrived to the end of `body`.
    fn decode(&mut self, body: &mut Vec<u8>) -> Result<(), ApiError> {
        let received = self.buffer.filled_mut();
        let decoded = self.body.decode(received)?;
        body.extend_from_slice(received.get(decoded.data).unwrap_or_default());
        self.buffer.consume(decoded.consumed);
        Ok(())
    }

    fn receive(&mut self, bytes_max: usize) -> io::Result<usize> {
        let socket = &self.socket;
        Ok(self.buffer.fill(bytes_max, |space| socket.receive(space))?.bytes)
    }

    /// Receives something, or fails at the deadline.
    fn receive_some(&mut self, bytes_max: usize) -> Result<(), ApiError> {
        loop {
            match self.receive(bytes_max) {
                Ok(0) => return Err(ApiError::Ended),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.socket.wait(PollFlags::IN, self.deadline)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
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
        Engine::new(fake.socket()).inspect("c1")
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
        let huge = "x".repeat(INSPECTION_BYTES_MAX);
        check(&format!("HTTP/1.1 200 OK\r\n\r\n\"{huge}\""), "the daemon's answer is too large");
    }

    #[test]
    fn no_daemon_is_an_error() {
        let engine = Engine::new("/nowhere/docker.sock".into());
        assert!(matches!(engine.inspect("c1"), Err(ApiError::Io(_))));
    }

    #[test]
    fn filters_are_encoded() {
        assert_eq!(percent_encoded(r#"{"a":["b-c"]}"#), "%7B%22a%22%3A%5B%22b-c%22%5D%7D");
    }
}
