//! Clients that are limited to containers, networks and volumes with a label, in front
//! of a real Engine.
//!
//! Two owners share an Engine, each with a proxy of its own. The requests of
//! each must work as without a proxy, and reveal nothing of the other.

mod bodies;
mod commands;
mod compose;
mod hostile;
mod lists;
mod races;
mod swarm;

use super::routes::{Client, IMAGE};
use crate::support::engine;
use crate::support::process::Outcome;
use crate::support::proxy::{Listen, Proxy};
use crate::support::scratch::unique;
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The label that names the owner of an object.
const KEY: &str = "sp-test.owner";

/// Two owners and their things; all of it is removed on drop.
struct Town {
    straight: Client,
    own: Owner,
    foreign: Owner,
}

/// An owner with a proxy that shows only their own objects.
struct Owner {
    label: String,
    proxy: Proxy,
    client: Client,
}

impl Owner {
    fn new(socket: &Path, more: &[&str]) -> Owner {
        let label = format!("{KEY}={}", unique("owner"));
        let target = format!("-targetlabel={label}");
        let flags = [&[target.as_str(), "-allow=all", "-loglevel=DEBUG"], more].concat();
        let proxy = Proxy::start(Listen::Unix, socket, &flags);
        let client = Client::new(socket, Some(proxy.host()));
        Owner { label, proxy, client }
    }

    #[track_caller]
    fn docker(&self, arguments: &[&str]) -> Outcome {
        self.client.docker(arguments)
    }

    /// Sends a request as given; returns the status and the body of the response.
    #[track_caller]
    fn ask(&self, request: &str, body: &str) -> (u16, String) {
        ask(self.proxy.host(), request, body)
    }
}

impl Town {
    fn new() -> Option<Town> {
        Some(Town::at(engine::shared()?.socket()))
    }

    fn at(socket: &Path) -> Town {
        let straight = Client::new(socket, None);
        Town { straight, own: Owner::new(socket, &[]), foreign: Owner::new(socket, &[]) }
    }

    /// Starts a container of an owner, without its proxy, and returns its id.
    #[track_caller]
    fn start(&self, owner: &Owner, name: &str, options: &[&str]) -> String {
        let run = ["run", "--detach", "--init", "--label", &owner.label, "--name", name];
        let run = [&run[..], options, &[IMAGE, "sleep", "600"]].concat();
        self.straight.docker(&run).success()
    }

    #[track_caller]
    fn inspected(&self, name: &str, format: &str) -> String {
        self.straight.docker(&["inspect", "--format", format, name]).success()
    }

    /// A request on the Engine's own socket.
    #[track_caller]
    fn ask(&self, request: &str, body: &str) -> (u16, String) {
        ask(self.straight.host(), request, body)
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        let quiet = |arguments: &[&str]| {
            let _ = self.straight.command(arguments).output();
        };
        for owner in [&self.own, &self.foreign] {
            let filter = format!("label={}", owner.label);
            for (list, remove) in [
                (&["ps", "--all", "--quiet", "--filter"][..], &["rm", "--force", "--volumes"][..]),
                (&["network", "ls", "--quiet", "--filter"], &["network", "rm"]),
                (&["volume", "ls", "--quiet", "--filter"], &["volume", "rm", "--force"]),
            ] {
                let listed = self.straight.command(&[list, &[&filter]].concat()).output();
                let listed = listed.map(|output| output.stdout).unwrap_or_default();
                let ids = String::from_utf8_lossy(&listed).into_owned();
                let ids: Vec<&str> = ids.split_whitespace().collect();
                if !ids.is_empty() {
                    quiet(&[remove, &ids].concat());
                }
            }
        }
    }
}

/// Sends a request by HTTP/1.0, whose answers end with the connection.
#[track_caller]
fn ask(host: &str, request: &str, body: &str) -> (u16, String) {
    let path = host.strip_prefix("unix://").expect("a unix socket");
    let mut stream = UnixStream::connect(path).expect("somebody listens");
    let (line, fields) = request.split_once('\n').unwrap_or((request, ""));
    let content = match body.is_empty() || fields.contains("Content-Type") {
        true => "",
        false => "Content-Type: application/json\r\n",
    };
    let fields = if fields.is_empty() { String::new() } else { format!("{fields}\r\n") };
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.0\r\nHost: d\r\n{fields}{content}Content-Length: {length}\r\n\r\n{body}"
    )
    .expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

/// The message of an error, or the unchanged response.
fn message(body: &str) -> String {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    value.get("message").and_then(Value::as_str).unwrap_or(body).to_owned()
}

/// The ids in a list of containers, in order.
fn ids(body: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let mut ids: Vec<String> = value
        .as_array()
        .unwrap_or_else(|| panic!("a list: {body}"))
        .iter()
        .filter_map(|item| item.get("Id")?.as_str().map(str::to_owned))
        .collect();
    ids.sort();
    ids
}
