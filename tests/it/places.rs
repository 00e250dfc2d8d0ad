//! One client leaves places to the others, however it reaches the proxy.

use crate::support::PATIENCE;
use crate::support::proxied::Proxied;
use crate::support::raw_client::{RawClient, Wait};
use crate::support::scratch::Scratch;
use crate::support::scripted_daemon::{ScriptedDaemon, answering};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

const GET: &str = "GET /x HTTP/1.1\r\nHost: d\r\n\r\n";
fn ask(stream: &mut UnixStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(GET.as_bytes()).unwrap();
    let mut answer = [0; 1024];
    let count = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

#[test]
fn a_client_of_a_socket_file_leaves_places_to_others() {
    let daemon = ScriptedDaemon::start(answering());
    let folder = Scratch::new();
    let socket = folder.path().join("web.sock");
    let listen = format!("-listen=web=unix:{}", socket.display());
    let limits = ["-maxconnections=8", "-maxconnectionsperclient=5"];
    let flags = ["-allowGET=/x", "-allowGET@web=/x", &listen].into_iter().chain(limits);
    let flags: Vec<_> = flags.map(str::to_owned).collect();
    let proxied = Proxied::start(daemon.socket_path(), &flags);
    let mut crowd: Vec<_> = (0..5).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    for stream in &mut crowd {
        assert!(ask(stream).starts_with("HTTP/1.1 200"));
    }
    // Nothing is sent before the answer, which a reset could take away.
    let mut refused = UnixStream::connect(&socket).unwrap();
    refused.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = String::new();
    refused.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("from this client"), "{answer}");
    let mut other = RawClient::connect(proxied.address());
    other.send(GET.as_bytes());
    let Ok(Wait::Answer(answer)) = other.answer("GET", PATIENCE) else { panic!() };
    assert_eq!(answer.response.status, 200);
}
