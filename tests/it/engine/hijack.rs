//! Clients that speak to the Engine as no docker client does: without Upgrade on
//! attach and exec, with a half-closed connection, or with unread bodies.

use super::routes::{Client, IMAGE, same_on_every_route};
use crate::support::PATIENCE;
use crate::support::engine::skip;
use crate::support::process::run;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/engine/dockerode.js");

/// `cat` ends only if the end of the input is passed on.
const ECHO: &str = r#"{"AttachStdin":true,"AttachStdout":true,"Cmd":["cat"]}"#;

const START: &str = r#"{"Detach":false,"Tty":false}"#;

/// A connection to the address in `DOCKER_HOST`.
enum Raw {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Raw {
    #[track_caller]
    fn connect(client: &Client) -> Raw {
        let raw = match client.host().split_once("://") {
            Some(("unix", path)) => UnixStream::connect(path).map(Raw::Unix),
            Some((_, address)) => TcpStream::connect(address).map(Raw::Tcp),
            None => panic!("{}", client.host()),
        };
        let raw = raw.expect("connect");
        match &raw {
            Raw::Tcp(stream) => stream.set_read_timeout(Some(PATIENCE)),
            Raw::Unix(stream) => stream.set_read_timeout(Some(PATIENCE)),
        }
        .expect("set a read timeout");
        raw
    }

    #[track_caller]
    fn send(&mut self, text: &str) {
        match self {
            Raw::Tcp(stream) => stream.write_all(text.as_bytes()),
            Raw::Unix(stream) => stream.write_all(text.as_bytes()),
        }
        .expect("send");
    }

    fn fin(&self) {
        let _ = match self {
            Raw::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Raw::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    /// Reads on until the text ends so.
    #[track_caller]
    fn await_end(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            let mut space = [0; 4096];
            let count = match self {
                Raw::Tcp(stream) => stream.read(&mut space),
                Raw::Unix(stream) => stream.read(&mut space),
            };
            match count {
                Ok(count) if count > 0 => text += &String::from_utf8_lossy(&space[..count]),
                ended => panic!("{ended:?} after {text:?}"),
            }
        }
        text
    }

    #[track_caller]
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self {
            Raw::Tcp(stream) => stream.read_to_end(&mut rest),
            Raw::Unix(stream) => stream.read_to_end(&mut rest),
        }
        .expect("the end of the stream");
        rest
    }
}

fn post(path: &str, fields: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: d\r\n{fields}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The id of a new exec.
#[track_caller]
fn create_exec(client: &Client, body: &str) -> String {
    let mut raw = Raw::connect(client);
    raw.send(&post(&format!("/containers/{}/exec", client.name), "", body));
    let text = raw.await_end("}\n");
    let id = text.rsplit("\"Id\":\"").next().and_then(|rest| rest.split('"').next());
    id.unwrap_or_else(|| panic!("{text}")).to_owned()
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn an_exec_without_upgrade_carries_input_output_and_both_ends() {
    same_on_every_route(|client| {
        client.start_container("sleep 600");
        let path = format!("/exec/{}/start", create_exec(client, ECHO));
        let mut raw = Raw::connect(client);
        raw.send(&post(&path, "", START));
        let head = raw.await_end("\r\n\r\n");
        raw.send("to and fro\n");
        raw.fin();
        let output = raw.rest();
        let framed = b"\x01\0\0\0\0\0\0\x0bto and fro\n";
        assert_eq!((status(&head), output.as_slice()), ("200", framed.as_slice()));
    });
}

#[test]
fn an_attach_without_upgrade_carries_input_and_output() {
    same_on_every_route(|client| {
        let create = ["create", "--interactive", "--name", &client.name, IMAGE, "cat"];
        client.docker(&create).success();
        client.docker(&["start", &client.name]).success();
        let mut raw = Raw::connect(client);
        let path = format!("/containers/{}/attach?stream=1&stdin=1&stdout=1", client.name);
        raw.send(&post(&path, "", ""));
        let head = raw.await_end("\r\n\r\n");
        raw.send("to and fro\n");
        let output = raw.await_end("to and fro\n");
        raw.fin();
        (status(&head).to_owned(), output, raw.rest())
    });
}

#[test]
fn an_upgrade_without_connection_is_answered_as_straight() {
    same_on_every_route(|client| {
        client.start_container("sleep 600");
        let path = format!("/exec/{}/start", create_exec(client, ECHO));
        let mut raw = Raw::connect(client);
        raw.send(&post(&path, "Upgrade: tcp\r\n", START));
        let head = raw.await_end("\r\n\r\n");
        raw.send("x\n");
        raw.fin();
        let output = raw.rest();
        assert!(output.ends_with(b"x\n"), "{}", String::from_utf8_lossy(&output));
        assert_eq!(status(&head), "101");
    });
}

#[test]
fn dockerode_without_hijack_is_heard() {
    if Command::new("node").arg("--version").output().is_err() {
        return skip("node is not installed");
    }
    same_on_every_route(|client| {
        client.start_container("sleep 600");
        let outcome = run(Command::new("node").args([SCRIPT, client.host(), &client.name]), b"");
        assert_eq!(outcome.success(), "200\ngot one, got two");
    });
}

/// As BusyBox's `nc` sends it.
#[test]
fn a_half_closed_client_gets_the_answer_to_a_slow_stop() {
    same_on_every_route(|client| {
        client.start_container("trap '' TERM; while :; do sleep 1; done");
        let mut raw = Raw::connect(client);
        raw.send(&post(&format!("/containers/{}/stop?t=2", client.name), "", ""));
        raw.fin();
        assert_eq!(status(&String::from_utf8_lossy(&raw.rest())), "204");
        client.docker(&["inspect", "--format", "{{.State.Status}}", &client.name]).success()
    });
}

#[test]
fn streams_of_a_half_closed_client_end_as_straight() {
    same_on_every_route(|client| {
        client.start_container("sleep 600");
        let name = &client.name;
        for request in [
            "GET /events".to_owned(),
            format!("GET /containers/{name}/logs?follow=1&stdout=1"),
            format!("GET /containers/{name}/stats"),
            format!("POST /containers/{name}/wait"),
        ] {
            let mut raw = Raw::connect(client);
            raw.send(&format!("{request} HTTP/1.1\r\nHost: d\r\n\r\n"));
            raw.fin();
            raw.rest();
        }
    });
}

/// Go's client sends the body in a second packet.
#[test]
fn a_connection_is_kept_though_nobody_read_the_body() {
    same_on_every_route(|client| {
        for _ in 0..40 {
            let mut raw = Raw::connect(client);
            let request = post("/containers/no-such/start", "", "hello");
            let (head, body) = request.split_at(request.len() - 5);
            raw.send(head);
            raw.send(body);
            let answer = raw.await_end("}\n");
            assert_eq!(status(&answer), "404");
            if !answer.contains("Connection: close") {
                raw.send("GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n");
                assert_eq!(status(&raw.await_end("OK")), "200");
            }
        }
    });
}

/// docker-py's undecoded `events()` takes one chunk for one event.
#[test]
fn each_event_is_a_chunk_though_many_come_at_once() {
    same_on_every_route(|client| {
        let label = format!("large={}", "x".repeat(3000));
        let create = ["create", "--label", &label, "--name", &client.name, IMAGE, "true"];
        client.docker(&create).success();
        for names in [[&client.name, "other"], ["other", &client.name]] {
            client.docker(&["rename", names[0], names[1]]).success();
        }
        let id = client.docker(&["inspect", "--format", "{{.Id}}", &client.name]).success();
        let mut raw = Raw::connect(client);
        let query = format!("since=1&until=2000000000&filters={{%22container%22:[%22{id}%22]}}");
        raw.send(&format!("GET /events?{query} HTTP/1.1\r\nHost: d\r\n\r\n"));
        let mut text = String::new();
        while text.matches("\"Action\"").count() < 3 {
            text += &raw.await_end("\r\n");
        }
        let chunks = text.split_once("\r\n\r\n").expect("a head").1;
        let lines: Vec<_> = chunks.split_terminator("\r\n").collect();
        lines.chunks(2).map(|chunk| check_event(chunk)).collect::<Vec<_>>()
    });
}

/// Checks that a chunk is one event; returns its action.
#[track_caller]
fn check_event(chunk: &[&str]) -> String {
    let [size, data] = chunk else { panic!("{chunk:?}") };
    assert_eq!(usize::from_str_radix(size, 16), Ok(data.len()));
    let event: serde_json::Value = serde_json::from_str(data).expect("one event in one chunk");
    event["Action"].as_str().expect("an action").to_owned()
}
