//! A request on a connection that is in use costs no heap allocation.
//!
//! A session runs on the test's own thread, the only one that is counted,
//! between a client and a daemon on others. The cost of a connection is the
//! same for few requests and for many; the difference is the cost of requests.

use allocation_counter::measure;
use socket_proxy::config::{Config, Invocation};
use socket_proxy::judging::SharedPolicy;
use socket_proxy::metrics::Counters;
use socket_proxy::names::Names;
use socket_proxy::relay::socket::Socket;
use socket_proxy::relay::{Buffers, Width};
use socket_proxy::session::{
    Client, CloseReason, Connection, KnownDaemon, Memory, Session, Shared,
};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

const FEW: u64 = 50;
const MANY: u64 = 1050;

/// A stall of a busy machine makes the connection a quiet one, whose buffers are
/// freed and allocated again. A cost of each request, or of each 50th, is more.
const STALLS_MAX: u64 = 16;

const FLAGS: [&str; 5] = [
    "-allowfrom=localhost",
    "-allowHEAD=/_ping",
    r"-allowGET=/v1\..{1,2}/(version|containers/.*|events.*)",
    r"-allowGET=/v1\..{1,2}/images/json",
    r"-allowPOST=/v1\..{1,2}/containers/[0-9a-f]+/(start|wait)",
];

const SMALL_GET: &str =
    "GET /v1.41/containers/json?all=1 HTTP/1.1\r\nHost: d\r\nUser-Agent: c\r\n\r\n";

/// The end of every answer, by which its client knows it.
const END: &[u8] = b"0\r\n\r\n";

fn with_length(bytes: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: {bytes}\r\n\r\n");
    [head.into_bytes(), vec![b'x'; bytes - END.len()], END.to_vec()].concat()
}

fn chunked(bytes: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{bytes:x}\r\n");
    [head.into_bytes(), vec![b'x'; bytes], b"\r\n".to_vec(), END.to_vec()].concat()
}

#[test]
fn a_small_answer_costs_no_allocation() {
    check(SMALL_GET, &with_length(40));
}

#[test]
fn an_answer_of_5_kib_costs_no_allocation() {
    check(SMALL_GET, &with_length(5 * 1024));
}

#[test]
fn a_chunked_answer_costs_no_allocation() {
    check(SMALL_GET, &chunked(5 * 1024));
}

#[test]
fn a_request_with_a_body_costs_no_allocation() {
    let request = "POST /v1.41/containers/0a/wait HTTP/1.1\r\nHost: d\r\n\
                   Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    check(request, &with_length(16));
}

#[test]
fn a_request_that_no_rule_on_bodies_concerns_costs_no_allocation() {
    let safe = ["-safecreate", "-allowbindmountfrom=/home", "-allowimage=.*", "-maxmemory=1g"];
    let flags = [&FLAGS[..], &safe].concat();
    let wait = "POST /v1.41/containers/0a/wait HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n";
    for request in [SMALL_GET, wait] {
        let answer = with_length(16);
        let few = allocations(&flags, FEW, request, &answer);
        let spent = allocations(&flags, MANY, request, &answer).saturating_sub(few);
        assert!(spent <= STALLS_MAX, "{spent} allocations for {request}");
    }
}

/// The one exception, and a proof that the count would show others.
#[test]
fn an_escaped_path_costs_its_decoded_text() {
    let request = "GET /v1.41/%63ontainers/json HTTP/1.1\r\nHost: d\r\n\r\n";
    let spent = spent(request, &with_length(40));
    assert!(spent >= MANY - FEW, "{spent} allocations");
}

/// Nothing is allocated for `request`, which the daemon answers with `answer`.
fn check(request: &str, answer: &[u8]) {
    let spent = spent(request, answer);
    assert!(spent <= STALLS_MAX, "{spent} allocations for {} requests", MANY - FEW);
}

/// How many more allocations many requests cost than few.
fn spent(request: &str, answer: &[u8]) -> u64 {
    let few = allocations(&FLAGS, FEW, request, answer);
    allocations(&FLAGS, MANY, request, answer).saturating_sub(few)
}

/// How many allocations a session makes that serves that many requests.
fn allocations(flags: &[&str], requests: u64, request: &str, answer: &[u8]) -> u64 {
    // As the program does by default: lines below this level are not even formatted.
    log::set_max_level(log::LevelFilter::Info);
    let config = config(flags);
    let daemon = Daemon::start(answer);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let shared = Shared {
        socket_path: daemon.path.clone(),
        limits: config.limits,
        names: Names::start(["localhost".to_owned()]).unwrap(),
        rights: None,
        memory: Memory::default(),
        learner: None,
        daemon: KnownDaemon::default(),
        stopping: AtomicBool::new(false),
    };
    let policy = Arc::new(SharedPolicy::new(config.listeners[0].policy.clone()));
    let counters = Counters::new("");
    thread::scope(|scope| {
        scope.spawn(|| ask(&TcpStream::connect(address).unwrap(), requests, request));
        let (stream, client) = listener.accept().unwrap();
        let socket = Socket::from(OwnedFd::from(stream));
        let client = Client::tcp(client);
        let connection = Connection::new(socket, client, Width::Wide);
        let mut buffers = Buffers::default();
        let counted = measure(|| {
            // Counted, as where metrics are on.
            let session = Session::new(&shared, &connection, policy, &mut buffers);
            let reason = session.counted_by(Some(&counters)).serve();
            assert_eq!(reason, CloseReason::ClientDone);
        });
        counted.count_total
    })
}

fn config(flags: &[&str]) -> Config {
    match Config::from_args_and_env(flags.iter().map(Into::into), []).unwrap() {
        Invocation::Run(config) => *config,
        other => panic!("{other:?}"),
    }
}

/// Asks, reads the answer whole, and asks again.
fn ask(mut stream: &TcpStream, requests: u64, request: &str) {
    stream.set_nodelay(true).unwrap();
    let mut received = Vec::new();
    for _ in 0..requests {
        stream.write_all(request.as_bytes()).unwrap();
        received.clear();
        while !received.ends_with(END) {
            let mut space = [0; 8192];
            let count = stream.read(&mut space).unwrap();
            assert!(count > 0, "the proxy closed: {:?}", String::from_utf8_lossy(&received));
            received.extend_from_slice(&space[..count]);
        }
        assert!(received.starts_with(b"HTTP/1.1 200 "));
    }
}

/// A daemon that answers every connection with the same bytes.
struct Daemon {
    path: PathBuf,
}

impl Daemon {
    fn start(answer: &[u8]) -> Self {
        let name = format!("allocations-{:?}.sock", thread::current().id());
        let path = std::env::temp_dir().join(format!("{}-{name}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let answer = answer.to_vec();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if !serve(&mut stream.unwrap(), &answer) {
                    return;
                }
            }
        });
        Self { path }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A connection without a request ends its thread.
        drop(UnixStream::connect(&self.path));
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether there was a request.
fn serve(stream: &mut UnixStream, answer: &[u8]) -> bool {
    let mut space = [0; 4096];
    // The proxy sends a head at once, with the part of the body that has arrived.
    let is_request = stream.read(&mut space).unwrap() > 0;
    if is_request {
        stream.write_all(answer).unwrap();
    }
    is_request
}
