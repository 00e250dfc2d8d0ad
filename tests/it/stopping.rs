//! How the program ends: by which signals, and with or without grace; and that a
//! log without a reader delays neither the end nor anything before it.

use crate::support::PATIENCE;
use crate::support::live::Live;
use crate::support::process;
use crate::support::proxy;
use crate::support::scratch::Scratch;
use rustix::process::Signal;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

const LISTENING: &str = "socket-proxy running and listening...";
const GET: &[u8] = b"GET /version HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";

/// A proxy on a unix socket, in front of a daemon that answers when told to.
struct Stand {
    proxy: Live,
    daemon: UnixListener,
    endpoint: PathBuf,
    _scratch: Scratch,
}

impl Stand {
    fn new() -> Self {
        Self::with(&["-shutdowngracetime=60"])
    }

    fn with(flags: &[&str]) -> Self {
        Self::of(proxy::command().args(flags))
    }

    fn of(command: &mut Command) -> Self {
        let scratch = Scratch::new();
        let socket = scratch.path().join("docker.sock");
        let endpoint = scratch.path().join("proxy.sock");
        let daemon = UnixListener::bind(&socket).unwrap();
        command
            .arg(format!("-socketpath={}", socket.display()))
            .arg(format!("-proxysocketendpoint={}", endpoint.display()))
            .arg("-allowGET=/version");
        let proxy = Live::start(command);
        proxy.await_text(LISTENING);
        // Before it listens, the proxy tries the daemon's socket out.
        drop(daemon.accept().unwrap());
        Self { proxy, daemon, endpoint, _scratch: scratch }
    }

    /// A client whose request is at the daemon, and the daemon's side of it.
    fn exchange(&self) -> (UnixStream, UnixStream) {
        let mut client = UnixStream::connect(&self.endpoint).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(GET).unwrap();
        let mut daemon = self.daemon.accept().unwrap().0;
        assert!(daemon.read(&mut [0; 4096]).unwrap() > 0);
        (client, daemon)
    }
}

fn finish((mut client, mut daemon): (UnixStream, UnixStream)) {
    daemon.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"), "{answer}");
}

#[test]
fn a_signal_that_stops_leaves_requests_their_grace() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP] {
        let mut stand = Stand::new();
        let exchange = stand.exchange();
        stand.proxy.signal(signal);
        stand.proxy.await_text("shutting down");
        finish(exchange);
        assert_eq!(stand.proxy.exit_code(), Some(0), "{signal:?}");
    }
}

#[test]
fn a_client_that_asks_for_nothing_does_not_hold_up_the_end() {
    // Neither the time for a head nor the grace ends before the test's patience.
    let mut stand = Stand::with(&["-headertimeout=3600", "-shutdowngracetime=3600"]);
    let mut client = UnixStream::connect(&stand.endpoint).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    // Connections are accepted in their order: it is in the proxy's hands now.
    finish(stand.exchange());
    stand.proxy.signal(Signal::TERM);
    assert_eq!(client.read(&mut [0; 16]).unwrap(), 0, "closed without an answer");
    assert_eq!(stand.proxy.exit_code(), Some(0));
}

#[test]
fn a_second_signal_ends_the_program_at_once_unless_it_is_a_hangup() {
    let mut stand = Stand::new();
    let _exchange = stand.exchange();
    stand.proxy.signal(Signal::HUP);
    stand.proxy.await_text("shutting down");
    stand.proxy.signal(Signal::HUP);
    stand.proxy.signal(Signal::USR1);
    assert!(stand.proxy.is_running());
    stand.proxy.signal(Signal::TERM);
    assert_eq!(stand.proxy.exit_code(), Some(128 + 15));
}

/// As `nohup` starts it.
#[test]
fn a_hangup_that_is_ignored_from_the_start_stays_ignored() {
    let mut stand = Stand::of(Command::new("env").arg("--ignore-signal=HUP").arg(proxy::binary()));
    stand.proxy.signal(Signal::HUP);
    finish(stand.exchange());
    assert!(stand.proxy.is_running());
    stand.proxy.signal(Signal::TERM);
    assert_eq!(stand.proxy.exit_code(), Some(0));
}

#[test]
fn reserved_signals_are_ignored() {
    let mut stand = Stand::new();
    let exchange = stand.exchange();
    stand.proxy.signal(Signal::USR1);
    stand.proxy.signal(Signal::USR2);
    finish(exchange);
    finish(stand.exchange());
    assert!(stand.proxy.is_running());
    stand.proxy.signal(Signal::TERM);
    assert_eq!(stand.proxy.exit_code(), Some(0));
}

/// A proxy whose standard output and error are one pipe without a reader.
struct Unread {
    proxy: std::process::Child,
    output: std::io::PipeReader,
    endpoint: PathBuf,
    _scratch: Scratch,
}

impl Unread {
    fn start(flags: &[&str]) -> Self {
        let scratch = Scratch::new();
        let socket = scratch.path().join("docker.sock");
        let endpoint = scratch.path().join("proxy.sock");
        let daemon = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            for mut client in daemon.incoming().flatten() {
                let _ = client.read(&mut [0; 4096]);
                let _ = client.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
            }
        });
        let (output, input) = std::io::pipe().unwrap();
        rustix::pipe::fcntl_setpipe_size(&output, 4096).unwrap();
        let proxy = proxy::command()
            .arg(format!("-socketpath={}", socket.display()))
            .arg(format!("-proxysocketendpoint={}", endpoint.display()))
            .args(flags)
            .stdout(input.try_clone().unwrap())
            .stderr(input)
            .spawn()
            .unwrap();
        let unread = Self { proxy, output, endpoint, _scratch: scratch };
        process::until(PATIENCE, || unread.connect().ok()).expect("it never listens");
        unread
    }

    fn connect(&self) -> std::io::Result<UnixStream> {
        let client = UnixStream::connect(&self.endpoint)?;
        client.set_read_timeout(Some(PATIENCE))?;
        Ok(client)
    }

    /// Asks again and again over one connection.
    fn ask(&self, count: usize, path: &str, status: &str) {
        let mut client = self.connect().unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: d\r\n\r\n");
        let mut answer = [0; 8192];
        for _ in 0..count {
            client.write_all(request.as_bytes()).unwrap();
            let length = client.read(&mut answer).unwrap();
            assert!(answer[..length].starts_with(format!("HTTP/1.1 {status} ").as_bytes()));
        }
    }

    fn stop(&mut self) -> Option<i32> {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.proxy), Signal::TERM)
            .unwrap();
        let ended = process::until(PATIENCE, || self.proxy.try_wait().ok().flatten());
        ended.expect("it never ends").code()
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

#[test]
fn a_log_that_nobody_reads_holds_up_neither_requests_nor_the_end() {
    let mut unread = Unread::start(&["-allowGET=/version", "-loglevel=debug"]);
    unread.ask(2000, "/version", "204");
    unread.ask(2000, "/denied", "403");
    assert_eq!(unread.stop(), Some(0));
}

#[test]
fn lines_that_are_lost_are_counted_once_the_log_is_read_again() {
    let mut unread = Unread::start(&[]);
    let path = format!("/{}", "x".repeat(900));
    unread.ask(2000, &path, "405");
    let (mut output, log) = (unread.output.try_clone().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let collected = Arc::clone(&log);
    let reader = std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut piece) {
            collected.lock().unwrap().extend_from_slice(&piece[..count]);
        }
    });
    let text = || String::from_utf8(log.lock().unwrap().clone()).unwrap();
    let reported = process::until(PATIENCE, || text().contains("lines dropped").then_some(()));
    assert!(reported.is_some(), "the loss is not reported");
    assert_eq!(unread.stop(), Some(0));
    reader.join().unwrap();
    let log = text();
    let blocked = log.matches("msg=\"blocked request\"").count();
    let dropped: usize = log
        .lines()
        .filter_map(|line| {
            line.split_once("log lines dropped: standard output was not read\" lines=")
        })
        .map(|(_, count)| count.parse::<usize>().unwrap())
        .sum();
    assert_eq!(blocked + dropped, 2000, "{dropped} dropped");
    assert!(dropped > 0);
    assert!(log.ends_with("msg=\"shutdown finished - exiting\" \"exit code\"=0\n"), "{log}");
}

#[test]
fn why_the_program_cannot_start_is_written_before_it_ends() {
    let mut proxy = Live::start(proxy::command().arg("-socketpath=/none/docker.sock"));
    assert_eq!(proxy.exit_code(), Some(2));
    proxy.await_text("msg=\"socket not available\" error=\"the daemon's socket /none/docker.sock");
}
