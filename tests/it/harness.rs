//! The harness on trial: a check that cannot fail is a defect.
//!
//! In the proxy's place stand mutants, each wrong in one way, and the checks
//! must find every one of them out; and one that refuses rightly, for which the
//! cases of refusal must pass.

#![allow(clippy::unwrap_used, reason = "a mutant that cannot run must fail the test")]

use crate::support::PATIENCE;
use crate::support::cases::{Case, Expect, cases};
use crate::support::outcome::{Gate, check};
use crate::support::raw_client::{Delivery, RawClient, Wait};
use crate::support::recording_daemon::{RecordingDaemon, SERVED};
use crate::support::scripted_daemon::{ScriptedDaemon, Step};
use crate::support::strict;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const SHARED: &str = include_str!("../cases/http_requests.jsonl");

const REFUSAL: &[u8] = b"HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nAllow: GET\r\n\
    Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"message\":\"no\"}";
const PING: &[u8] = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";

/// How long the checks wait for a mutant: they are to fail, and soon.
const HASTE: Duration = Duration::from_millis(50);

/// Replaces the proxy; its arguments are the client and the daemon's socket.
type Mutant = fn(&mut TcpStream, &Path);

#[test]
fn a_relay_of_bytes_passes_no_case_but_tunnels() {
    // Of a tunnel a relay is a fair imitation.
    check_none_passes(relay, |case| case.outcome.expect != Expect::Tunnel);
}

#[test]
fn a_gate_that_refuses_passes_refusals_and_nothing_else() {
    let passed = passing(refuse, PATIENCE, |case| case.outcome.status.is_empty());
    assert!(passed.len() > 100, "only {} passed", passed.len());
    let refusals = [Expect::Reject, Expect::Deny, Expect::Either, Expect::Abort];
    for case in cases(SHARED).iter().filter(|case| passed.contains(&case.id)) {
        assert!(refusals.contains(&case.outcome.expect), "{} passed", case.id);
    }
}

#[test]
fn a_refusal_that_leaks_one_byte_to_the_daemon_is_found() {
    check_none_passes(refuse_and_leak, refused);
}

#[test]
fn a_refusal_without_a_close_is_found() {
    check_none_passes(refuse_and_stay, refused);
}

#[test]
fn a_refusal_cut_off_by_a_reset_is_found() {
    check_none_passes(refuse_and_reset, refused);
}

#[test]
fn a_refusal_that_is_not_json_is_found() {
    check_none_passes(refuse_in_html, refused);
}

#[test]
fn a_gate_that_serves_every_request_as_a_ping_is_found_by_refusals() {
    check_none_passes(print_ping, |case| {
        matches!(case.outcome.expect, Expect::Reject | Expect::Deny | Expect::Abort)
    });
}

#[test]
fn a_gate_that_prints_a_ping_passes_the_ping() {
    assert_eq!(passing(print_ping, PATIENCE, |case| case.id == "RL-01"), ["RL-01"]);
}

#[test]
fn the_strict_reader_takes_only_what_the_proxy_promises() {
    let good: [&[u8]; 5] = [
        PING,
        b"POST /a%20b;c HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /x?a={} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
    ];
    for bytes in good {
        let read = strict::read_request(bytes);
        assert_eq!(read.map(|r| r.map(|(_, used)| used)), Ok(Some(bytes.len())));
        for end in 0..bytes.len() {
            assert!(matches!(strict::read_request(&bytes[..end]), Ok(None)), "{end} of {bytes:?}");
        }
    }
}

#[test]
fn the_strict_reader_refuses_everything_else() {
    let bad = [
        "GET /x HTTP/1.0\r\nHost: docker\r\nConnection: close\r\n\r\n",
        "GET  /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
        "GET http://d/x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
        "GET /%78 HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
        "GET /%2e%2e/x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
        "GET /a//b HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
        "GET /a%5cb HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
        "GET /a%20b%2F HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
        "GET /x?a#b HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
        "GET /x HTTP/1.1\nHost: d\nConnection: close\n\n",
        "GET /x HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: docker\r\nHost: docker\r\nConnection: close\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: docker\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: docker\r\nConnection: keep-alive\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp, h2c\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nUpgrade: tcp\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nTransfer_Encoding: x\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost : docker\r\nConnection: close\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nX: a\r\n b\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Length: 02\r\n\r\n{}",
        "POST /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "POST /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n05\r\nhello\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
    ];
    for text in bad {
        assert!(strict::read_request(text.as_bytes()).is_err(), "{text:?} was taken");
    }
}

#[test]
fn the_scripted_daemon_does_what_its_script_says() {
    let daemon = ScriptedDaemon::start(vec![
        Step::ReadHead,
        Step::Send(b"one".to_vec()),
        Step::Fin,
        Step::AwaitEnd,
    ]);
    let mut stream = UnixStream::connect(daemon.socket_path()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\ntail").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"one");
    daemon.await_bytes(b"tail").unwrap();
    drop(stream);
    daemon.await_idle().unwrap();
    assert_eq!(daemon.accepted(), 1);

    daemon.play(vec![Step::ReadByte]);
    let mut stream = UnixStream::connect(daemon.socket_path()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let reset = stream.read_to_end(&mut answer).unwrap_err();
    assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
}

fn check_none_passes(mutant: Mutant, wanted: impl Fn(&Case) -> bool) {
    let passed = passing(mutant, HASTE, wanted);
    assert!(passed.is_empty(), "passed: {passed:?}");
}

/// Cases of refusal whose client stays to read it.
fn refused(case: &Case) -> bool {
    case.outcome.expect == Expect::Reject && !case.half_close
}

/// The cases that pass with a mutant in the proxy's place.
fn passing(mutant: Mutant, patience: Duration, wanted: impl Fn(&Case) -> bool) -> Vec<String> {
    let chosen: Vec<_> = cases(SHARED).into_iter().filter(wanted).collect();
    assert!(!chosen.is_empty(), "no case was chosen");
    let passes = |case: &&Case| {
        let daemon = RecordingDaemon::with_patience(patience);
        let address = serve(mutant, daemon.socket_path().to_owned());
        check(&Gate { address, daemon: &daemon, patience }, case, Delivery::Whole).is_ok()
    };
    chosen.iter().filter(passes).map(|case| case.id.clone()).collect()
}

/// Serves every connection with a mutant; a plain ping is always served well,
/// so that the case fails and not the client after it.
fn serve(mutant: Mutant, socket_path: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let socket_path = Arc::new(socket_path);
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let socket_path = Arc::clone(&socket_path);
            thread::spawn(move || {
                if is_next_client(&client) {
                    print_ping(&mut client, &socket_path);
                } else {
                    mutant(&mut client, &socket_path);
                }
            });
        }
    });
    address
}

fn is_next_client(client: &TcpStream) -> bool {
    let mut head = [0; 64];
    let next = b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    client.peek(&mut head).is_ok_and(|count| head.get(..count) == Some(next))
}

fn relay(client: &mut TcpStream, socket_path: &Path) {
    let mut daemon = UnixStream::connect(socket_path).unwrap();
    let (mut upload, mut to_daemon) = (client.try_clone().unwrap(), daemon.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut upload, &mut to_daemon);
        let _ = to_daemon.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut daemon, client);
    let _ = client.shutdown(Shutdown::Write);
}

fn refuse(client: &mut TcpStream, _: &Path) {
    refuse_with(client, REFUSAL);
}

fn refuse_in_html(client: &mut TcpStream, _: &Path) {
    refuse_with(
        client,
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 4\r\n\r\n<p/>",
    );
}

fn refuse_and_leak(client: &mut TcpStream, socket_path: &Path) {
    UnixStream::connect(socket_path).unwrap().write_all(b"G").unwrap();
    refuse_with(client, REFUSAL);
}

fn refuse_and_stay(client: &mut TcpStream, _: &Path) {
    let _ = client.write_all(REFUSAL);
    let _ = std::io::copy(client, &mut std::io::sink());
}

fn refuse_and_reset(client: &mut TcpStream, _: &Path) {
    // Closing with bytes unread makes the kernel answer with a reset.
    let mut byte = [0];
    let _ = client.read(&mut byte);
    let _ = client.write_all(REFUSAL);
}

fn refuse_with(client: &mut TcpStream, refusal: &[u8]) {
    let _ = client.write_all(refusal);
    let _ = client.shutdown(Shutdown::Write);
    let _ = std::io::copy(client, &mut std::io::sink());
}

/// Forwards a ping in place of any request.
fn print_ping(client: &mut TcpStream, socket_path: &Path) {
    let mut daemon = UnixStream::connect(socket_path).unwrap();
    daemon.write_all(PING).unwrap();
    let mut answer = vec![0; 4096];
    let mut count = 0;
    while !answer[..count].ends_with(SERVED) {
        count += daemon.read(&mut answer[count..]).unwrap();
    }
    drop(daemon);
    let _ = client.write_all(&answer[..count]);
    let _ = std::io::copy(client, &mut std::io::sink());
}

#[test]
fn an_answer_in_pieces_is_read_while_the_client_still_sends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = RawClient::connect(listener.local_addr().unwrap());
    let (mut peer, _) = listener.accept().unwrap();
    thread::scope(|scope| {
        let mut sender = client.sender();
        scope.spawn(move || sender.deliver(&vec![b'x'; 8 << 20], Delivery::Whole));
        peer.write_all(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Le").unwrap();
        peer.write_all(b"ngth: 2\r\n\r\nok").unwrap();
        let Ok(Wait::Answer(answer)) = client.answer("POST", PATIENCE) else {
            panic!("no answer");
        };
        assert_eq!((answer.interim, answer.response.body), (vec![100], b"ok".to_vec()));
        drop(peer);
    });
}
