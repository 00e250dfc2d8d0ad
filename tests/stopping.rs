//! How the program ends: by which signals, and with or without grace.

#[path = "support/live.rs"]
mod live;
#[path = "support/process.rs"]
mod process;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/scratch.rs"]
mod scratch;

use live::Live;
use process::PATIENCE;
use rustix::process::Signal;
use scratch::Scratch;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

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
        let scratch = Scratch::new();
        let socket = scratch.path().join("docker.sock");
        let endpoint = scratch.path().join("proxy.sock");
        let daemon = UnixListener::bind(&socket).unwrap();
        let mut command = proxy::command();
        command
            .arg(format!("-socketpath={}", socket.display()))
            .arg(format!("-proxysocketendpoint={}", endpoint.display()))
            .args(["-allowGET=/version", "-shutdowngracetime=60"]);
        let proxy = Live::start(&mut command);
        proxy.await_text(LISTENING);
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
