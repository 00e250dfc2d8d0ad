//! Our own client of the daemon's API: ping, list, inspect, follow events.
//!
//! **Invariant:** every request has its own connection, and all but the stream of
//! events must make progress within five seconds.
//! **Invariant:** responses are parsed as they arrive; only the requested parts are
//! kept, even if containers have huge labels.
//!
//! Paths carry no version, so every Engine answers in its own.
//!
//! Read: `call`, `ping`, `json_stream`, `containers` (pure), `incoming`, `things`.

mod incoming;
mod call;
mod containers;
mod error;
#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
pub(crate) mod fake_daemon;
mod json_stream;
mod ping;
mod things;

pub use call::{Call, Limit, OwnRequest};
pub use containers::{Attachment, Change, ChangeKind, Container, Labels, Network};
pub use error::EngineError;
pub use ping::{PingError, ping};
pub use things::{Product, Thing, Things};

use crate::http1::percent_encoded;
use crate::relay::socket::Socket;
use incoming::Incoming;
use json_stream::JsonStream;
use serde_json::json;
use std::net::IpAddr;
use std::path::PathBuf;

/// An answer has some KiB for each container; more is labels. It is not kept, so
/// that these bound time, not memory.
const LIST_BYTES_MAX: u64 = 1 << 30;
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// At most about that many changes are taken before they are processed.
const CHANGES_AT_ONCE: usize = 1000;

/// The requested events, in Docker's terms and in Podman's.
const ACTIONS: [&str; 9] =
    ["start", "restart", "die", "died", "destroy", "remove", "rename", "connect", "disconnect"];

/// The Engine behind a unix socket.
#[derive(Debug, Clone)]
pub struct Engine {
    socket: PathBuf,
    /// How the names of the labels begin that are read.
    labels: String,
}

impl Engine {
    /// The Engine behind that socket. Only labels whose names begin with
    /// `label_prefix` and a dot are read.
    #[must_use]
    pub fn new(socket: PathBuf, label_prefix: &str) -> Self {
        Self { socket, labels: format!("{label_prefix}.") }
    }

    /// The container with that id or name; `None` if there is none.
    ///
    /// The Engine answers under the container's lock: one that is just being
    /// started or stopped is seen before or after it, never in between.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn inspect(&self, container: &str) -> Result<Option<Container>, EngineError> {
        let target = format!("/containers/{}/json", percent_encoded(container));
        let read = |json: &mut JsonStream<Incoming>| Container::read_inspection(json, &self.labels);
        found(self.ask(&target)?.read(ANSWER_BYTES_MAX, "an inspection", read))
    }

    /// A network, and which container has an address there; `None` if there is no
    /// such network.
    ///
    /// An address is known here from before its container's process begins until
    /// after it has ended; lists of containers lag.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn network(
        &self,
        network: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<Network>, EngineError> {
        let target = format!("/networks/{}", percent_encoded(network));
        let read = |json: &mut JsonStream<Incoming>| Network::read(json, address);
        found(self.ask(&target)?.read(ANSWER_BYTES_MAX, "a network", read))
    }

    /// Hands on the running containers on any of these networks.
    ///
    /// # Errors
    /// That of `take`, or why there is no answer.
    pub fn list_of_networks<E: From<EngineError>>(
        &self,
        networks: &[&str],
        take: impl FnMut(Container) -> Result<(), E>,
    ) -> Result<(), E> {
        self.list(&json!({ "network": networks }).to_string(), take)
    }

    /// Hands on those of these containers that are running.
    ///
    /// # Errors
    /// That of `take`, or why there is no answer.
    pub fn list_of_ids<E: From<EngineError>>(
        &self,
        ids: &[&str],
        mut take: impl FnMut(Container) -> Result<(), E>,
    ) -> Result<(), E> {
        self.list(&json!({ "id": ids }).to_string(), |container| {
            // The Engine takes ids for beginnings of ids.
            if ids.contains(&container.id.as_str()) { take(container) } else { Ok(()) }
        })
    }

    /// The Engine answers from a copy that may be some time old, and so never
    /// waits for a container that is just being started or stopped.
    fn list<E: From<EngineError>>(
        &self,
        filters: &str,
        take: impl FnMut(Container) -> Result<(), E>,
    ) -> Result<(), E> {
        let target = format!("/containers/json?filters={}", percent_encoded(filters));
        let read = |json: &mut JsonStream<Incoming>| Container::read_list(json, &self.labels, take);
        self.ask(&target)?.read(LIST_BYTES_MAX, "a list of containers", read)
    }

    /// All that changes from now on.
    ///
    /// # Errors
    /// Why there is no stream.
    pub fn events(&self) -> Result<Events, EngineError> {
        let filters = json!({ "type": ["container", "network"], "event": ACTIONS }).to_string();
        let answer = self.ask(&format!("/events?filters={}", percent_encoded(&filters)))?;
        match answer.status() {
            200 => Ok(Events { json: JsonStream::new(answer, "an event") }),
            _ => Err(answer.refusal()),
        }
    }

    fn ask(&self, target: &str) -> Result<Incoming, EngineError> {
        Incoming::to(&self.socket, target)
    }
}

/// A thing that the Engine may say it does not have.
fn found<T>(answer: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match answer {
        Err(EngineError::Status(404, _)) => Ok(None),
        other => other.map(Some),
    }
}

/// A stream of events.
#[derive(Debug)]
pub struct Events {
    json: JsonStream<Incoming>,
}

impl Events {
    /// The socket, to wait for more.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        self.json.bytes().socket()
    }

    /// The changes that have arrived. It waits only for the rest of an event that
    /// has begun.
    ///
    /// # Errors
    /// Any end of the stream: changes may have been missed.
    pub fn take(&mut self) -> Result<Vec<Change>, EngineError> {
        let mut changes = Vec::new();
        while changes.len() < CHANGES_AT_ONCE && self.json.bytes_mut().has_begun()? {
            self.json.bytes_mut().allow(ANSWER_BYTES_MAX);
            changes.extend(Change::read_event(&mut self.json)?);
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::fake::FakeEngine;
    use super::*;
    use crate::api::{self, Operation};
    use crate::http1::Method;
    use serde_json::json;

    fn answered(reply: &str) -> Result<Option<Container>, EngineError> {
        let fake = FakeEngine::start();
        fake.script("/containers/c1/json", reply);
        Engine::new(fake.socket(), "socket-proxy").inspect("c1")
    }

    fn check(reply: &str, expected: &str) {
        let shown = match answered(reply) {
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
            "the daemon returned 500 \"broken\"",
        );
        check("HTTP/1.1 200 OK\r\n\r\n{}", "the daemon's response is not an inspection");
        check("HTTP/1.1 200 OK\r\n\r\n<html>", "the daemon's response is not JSON");
        check("", "the daemon ended the connection");
        check("SSH-2.0-x\r\n\r\n", "the daemon's response is invalid");
        check(
            &format!("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{body}"),
            "the daemon ended the connection",
        );
        let huge = "x".repeat(usize::try_from(ANSWER_BYTES_MAX).unwrap());
        let large = format!("HTTP/1.1 200 OK\r\n\r\n{{\"a\":\"{huge}\"}}");
        check(&large, "the daemon's response is too large");
    }

    #[test]
    fn no_daemon_is_an_error() {
        let engine = Engine::new("/nowhere/docker.sock".into(), "socket-proxy");
        assert!(matches!(engine.inspect("c1"), Err(EngineError::Io(_))));
    }

    #[test]
    fn each_question_is_an_operation_of_the_api() {
        let fake = FakeEngine::start();
        let engine = Engine::new(fake.socket(), "socket-proxy");
        let take = |_| Ok::<_, EngineError>(());
        assert!(engine.inspect("a/b c").unwrap().is_none());
        assert!(engine.network("n", None).is_ok());
        assert!(engine.list_of_ids(&["c1"], take).is_ok());
        assert!(engine.list_of_networks(&["n"], take).is_ok());
        assert!(engine.events().is_ok());
        let asked: Vec<_> = fake.requests().iter().map(|target| operation(target)).collect();
        let expected = [
            Operation::ContainerInspect,
            Operation::NetworkInspect,
            Operation::ContainerList,
            Operation::ContainerList,
            Operation::SystemEvents,
        ];
        assert_eq!(asked, expected.map(Some));
    }

    fn operation(target: &str) -> Option<Operation> {
        let path = target.split('?').next().unwrap_or_default();
        api::exact(Method::Get, path)
    }
}
