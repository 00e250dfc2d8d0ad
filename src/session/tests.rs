//! Sessions between a client on a socket pair and a daemon, which both follow scripts.
//!
//! Time limits are either [`PATIENCE`], which no passing test reaches, or [`SHORT`]. The
//! first bytes of a client are in its socket before the session begins.

mod bodies;
mod closing;
mod heads;
mod refusals;
mod responses;
mod rights;
mod stopping;
mod targets;
mod tunnels;

use super::memory::BYTES_PER_CLIENT_MAX;
use super::*;
use crate::api::Operation;
use crate::config::{Config, Invocation};
use crate::engine::fake_daemon::{Directory, PATIENCE, await_condition};
use crate::relay::Stalls;
use rustix::event::{PollFd, PollFlags};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::AtomicUsize;
use std::thread;

/// A limit that is reached.
const SHORT: Duration = Duration::from_millis(30);

/// A socket's buffer has room for so much.
const AT_ONCE_BYTES: usize = 16 * 1024;

/// More than sockets and buffers hold together.
const MUCH_BYTES: usize = 4 << 20;

const GET: &str = "GET /info HTTP/1.1\r\nHost: d\r\n\r\n";

/// As the daemon sends it, and as a client gets it whose connection goes on.
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// As a client gets it whose connection ends.
const LAST_OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

/// A request that no rule allows.
const DENIED: &str = "GET /version HTTP/1.1\r\nHost: d\r\n\r\n";

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// The end of a head.
const HEAD_END: &str = "\r\n\r\n";

/// Allowed requests, and a rule that makes bodies of new containers judged.
const FLAGS: &[&str] = &[
    "-allow=SystemInfo,ImageLoad,ContainerLogs,ContainerAttach,ContainerCreate",
    "-allowHEAD=/info",
    "-allowbindmountfrom=/home",
];

/// A client or a daemon.
type End = UnixStream;

/// One act of a client or a daemon.
#[derive(Debug, Clone)]
enum Act {
    /// Sends bytes; a peer that has gone does not matter.
    Send(Vec<u8>),
    /// Sends one letter after the other, as long as nothing is answered.
    Dribble,
    /// Reads until these are the last received bytes.
    Hear(&'static str),
    /// Reads until the other side has ended its direction.
    HearEnd,
    /// Ends its own direction.
    EndSending,
    /// Closes both directions, even if bytes are unread.
    HangUp,
    /// Waits, without reading, until the other side has closed.
    AwaitHangUp,
    /// Waits until client and daemon have both come here.
    Meet,
    /// Stops the program.
    Stop,
}

use Act::{AwaitHangUp, Dribble, EndSending, HangUp, Hear, Meet, Stop};

fn send(bytes: impl AsRef<[u8]>) -> Act {
    Act::Send(bytes.as_ref().to_vec())
}

/// A client's connection and its daemon, with the scripts of both.
struct Scene {
    flags: Vec<&'static str>,
    shared: Shared,
    directory: Directory,
    client: Client,
    width: Width,
    entry: Entry,
    acts: Vec<Act>,
    /// One script for each expected connection; `None` if nobody listens.
    daemon: Option<Vec<Vec<Act>>>,
}

/// How a scene went.
#[derive(Debug, PartialEq, Eq)]
struct Played {
    reason: CloseReason,
    /// All bytes that the client got.
    got: String,
    /// All bytes that the daemon got, of each connection.
    requests: Vec<String>,
}

/// How a connection comes to its session.
#[derive(Debug)]
enum Entry {
    Client,
    OnProbation(TestSeat),
    TurnedAway(Option<&'static str>),
}

/// A place that may become a client's, or not.
#[derive(Debug)]
enum TestSeat {
    OfStranger,
    OfUnknown,
    Refused,
}

impl Seat for TestSeat {
    fn become_client(&self) -> Result<(), &'static str> {
        match self {
            Self::Refused => Err("too many connections"),
            Self::OfStranger | Self::OfUnknown => Ok(()),
        }
    }
}

impl Scene {
    /// A client over a socket file, which is always admitted.
    fn new(acts: impl Into<Vec<Act>>) -> Self {
        let directory = Directory::new();
        let shared = Shared {
            socket_path: directory.socket(),
            limits: Limits {
                connections_max: 1,
                connections_per_client_max: 1,
                header_timeout: PATIENCE,
                idle_timeout: PATIENCE,
            },
            names: Names::start([]).unwrap(),
            rights: None,
            memory: Memory::default(),
            learner: None,
            daemon: KnownDaemon::default(),
            stopping: AtomicBool::new(false),
        };
        Self {
            flags: FLAGS.to_vec(),
            shared,
            directory,
            client: Client::Unix { pid: 1, uid: 1, gid: 1 },
            width: Width::Wide,
            entry: Entry::Client,
            acts: acts.into(),
            daemon: Some(Vec::new()),
        }
    }

    /// The daemon's next connection.
    fn daemon(mut self, acts: impl Into<Vec<Act>>) -> Self {
        self.daemon.get_or_insert_default().push(acts.into());
        self
    }

    /// The same, on which a request is answered so.
    fn answered(self, response: impl AsRef<[u8]>) -> Self {
        self.daemon([Hear(HEAD_END), send(response)])
    }

    fn without_daemon(mut self) -> Self {
        self.daemon = None;
        self
    }

    /// The message about a daemon that is not there.
    fn away(&self) -> String {
        let error = std::io::Error::from(rustix::io::Errno::NOENT);
        unreachable::explain(&self.shared.socket_path, &error)
    }

    fn head_limit(mut self, limit: Duration) -> Self {
        self.shared.limits.header_timeout = limit;
        self
    }

    fn idle_limit(mut self, limit: Duration) -> Self {
        self.shared.limits.idle_timeout = limit;
        self
    }

    fn from(mut self, address: &str) -> Self {
        self.client = Client::tcp(address.parse().unwrap());
        self
    }

    fn seated(self, seat: TestSeat) -> Self {
        self.entering(Entry::OnProbation(seat))
    }

    fn entering(mut self, entry: Entry) -> Self {
        self.entry = entry;
        self
    }

    /// Under these rules alone.
    fn under(mut self, flags: &[&'static str]) -> Self {
        self.flags = flags.to_vec();
        self
    }

    /// Others use up the budget for requests, so that only uncounted memory is left.
    fn without_memory(self) -> Self {
        for uid in 1..=2 {
            let mut hold = Hold::new(&self.shared.memory, Owner::User(1000 + uid));
            let mut bytes = BYTES_PER_CLIENT_MAX;
            while bytes > 0 && hold.set(Part::Body, bytes).is_err() {
                bytes -= 1024;
            }
            // Others never give it back.
            std::mem::forget(hold);
        }
        self
    }

    /// Others use up the budget for slow receivers.
    fn without_room_for_stalls(mut self) -> Self {
        self.shared.memory.stalls = Stalls::used_up();
        self.width = Width::Narrow;
        self
    }

    fn play(self) -> Played {
        let (mut far, near) = UnixStream::pair().unwrap();
        let near = Socket::from(OwnedFd::from(near));
        let Self { flags, shared, directory, client, width, entry, acts, daemon } = self;
        let policy = Arc::new(SharedPolicy::new(policy(&flags)));
        let connection = Connection::new(near, client, width);
        let stage = Stage { shared: &shared, connection: &connection, met: AtomicUsize::new(0) };
        let acts = send_first(&mut far, acts);
        let listener = daemon.as_ref().map(|_| UnixListener::bind(directory.socket()).unwrap());
        let (reason, got, requests) = thread::scope(|scope| {
            let client = scope.spawn(|| stage.act_to_end(far, acts));
            let serving = listener.as_ref().zip(daemon);
            let serving =
                serving.map(|(listener, scripts)| scope.spawn(|| stage.serve(listener, scripts)));
            let mut buffers = Buffers::default();
            let session = Session::new(&shared, &connection, policy, &mut buffers);
            let reason = match &entry {
                Entry::Client => session.serve(),
                Entry::OnProbation(seat @ TestSeat::OfStranger) => {
                    session.serve_on(Probation::of_stranger(seat))
                }
                Entry::OnProbation(seat) => session.serve_on(Probation::of_unknown(seat)),
                Entry::TurnedAway(reason) => session.turn_away(*reason),
            };
            // The close that follows, while others may still look at the connection.
            connection.socket.shutdown(rustix::net::Shutdown::Both);
            if let Some(listener) = &listener {
                rustix::net::shutdown(listener, rustix::net::Shutdown::Both).unwrap();
            }
            let requests = serving.map(|serving| serving.join().unwrap()).unwrap_or_default();
            (reason, client.join().unwrap(), requests)
        });
        Played { reason, got, requests }
    }

    /// Plays it; the connection must end for that reason, and its client must have got
    /// exactly these bytes.
    #[track_caller]
    fn check(self, name: &str, reason: CloseReason, got: &str) {
        let played = self.play();
        assert_eq!((played.reason, played.got.as_str()), (reason, got), "{name}");
    }
}

/// The state that the acting threads share.
struct Stage<'a> {
    shared: &'a Shared,
    connection: &'a Connection,
    /// How often a client or a daemon has come to [`Meet`].
    met: AtomicUsize,
}

impl Stage<'_> {
    /// The client's part: all its acts, and then reading to the end.
    fn act_to_end(&self, end: End, acts: Vec<Act>) -> String {
        let (end, mut received) = self.act(end, acts);
        if let Some(mut end) = end {
            hear_end(&mut end, &mut received);
        }
        text(&received)
    }

    /// The daemon's part: a script for each connection. It closes at a script's end.
    fn serve(&self, listener: &UnixListener, scripts: Vec<Vec<Act>>) -> Vec<String> {
        let mut requests = Vec::new();
        let mut scripts = scripts.into_iter();
        while let Ok((end, _)) = listener.accept() {
            let script = scripts.next().expect("no further connection was expected");
            requests.push(text(&self.act(end, script).1));
        }
        assert_eq!(scripts.len(), 0, "a connection was expected");
        requests
    }

    fn act(&self, end: End, acts: Vec<Act>) -> (Option<End>, Vec<u8>) {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
        end.set_write_timeout(Some(PATIENCE)).unwrap();
        let (mut end, mut received) = (end, Vec::new());
        for act in acts {
            match act {
                Act::Send(bytes) => drop(end.write_all(&bytes)),
                Dribble => dribble(&mut end),
                Hear(text) => hear(&mut end, text, &mut received),
                Act::HearEnd => hear_end(&mut end, &mut received),
                EndSending => end.shutdown(Shutdown::Write).unwrap(),
                HangUp => return (None, received),
                AwaitHangUp => await_event(&end, PollFlags::empty(), PATIENCE).unwrap(),
                Meet => self.meet(),
                Stop => self.stop(),
            }
        }
        (Some(end), received)
    }

    fn meet(&self) {
        let arrived = self.met.fetch_add(1, Ordering::SeqCst) + 1;
        let both = arrived.next_multiple_of(2);
        await_condition(|| self.met.load(Ordering::SeqCst) >= both);
    }

    /// Stops the program as the server does: an idle connection is ended.
    fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let Connection { socket, fresh, idle, .. } = self.connection;
        if !fresh.load(Ordering::SeqCst) && idle.load(Ordering::SeqCst) {
            socket.shutdown(rustix::net::Shutdown::Read);
        }
    }
}

/// Sends what a client sends before it waits for anything, and returns its further acts.
fn send_first(end: &mut End, acts: Vec<Act>) -> Vec<Act> {
    let mut room = AT_ONCE_BYTES;
    let mut further = acts.into_iter().peekable();
    while let Some(Act::Send(bytes)) =
        further.next_if(|act| matches!(act, Act::Send(bytes) if bytes.len() <= room))
    {
        room -= bytes.len();
        end.write_all(&bytes).unwrap();
    }
    further.collect()
}

fn policy(flags: &[&str]) -> crate::filter::Policy {
    match Config::from_args_and_env(flags.iter().map(Into::into), []) {
        Ok(Invocation::Run(config)) => config.listeners[0].policy.clone(),
        other => panic!("{other:?}"),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn hear(end: &mut End, expected: &str, received: &mut Vec<u8>) {
    let mut space = [0; 64 * 1024];
    while !received.ends_with(expected.as_bytes()) {
        match end.read(&mut space) {
            Ok(count @ 1..) => received.extend_from_slice(&space[..count]),
            ended => panic!("{expected:?} never came: {:?}, {ended:?}", text(received)),
        }
    }
}

fn hear_end(end: &mut End, received: &mut Vec<u8>) {
    if let Err(error) = end.read_to_end(received) {
        // An end that leaves bytes of ours unread.
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{}", text(received));
    }
}

fn dribble(end: &mut End) {
    await_condition(|| {
        let _ = (&*end).write_all(b"x");
        await_event(end, PollFlags::IN, Duration::from_millis(1)).is_ok()
    });
}

/// Waits for an event or a hang-up.
fn await_event(end: &End, events: PollFlags, limit: Duration) -> Result<(), &'static str> {
    let mut fds = [PollFd::new(end, events)];
    match crate::relay::socket::poll(&mut fds, Some(limit)).unwrap() {
        0 => Err("nothing happened"),
        _ => Ok(()),
    }
}

/// An answer of the proxy's own.
fn ours(status: &str, fields: &str, message: &str) -> String {
    let body = format!("{{\"message\":\"socket-proxy: {message}\"}}\n");
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         {fields}\r\n{body}"
    )
}

/// The same, after which the connection ends.
fn last(status: &str, message: &str) -> String {
    ours(status, "Connection: close\r\n", message)
}

/// The same about a malformed message.
fn last_bad(error: http1::Error) -> String {
    last("400 Bad Request", error.explain())
}

/// The message about a request that no rule allows.
fn unlisted(request: &str, operation: Operation) -> String {
    let summary = operation.facts().summary;
    format!("{request} is not allowed; to allow it, add -allow={operation} ({summary})")
}

/// The same that asks to come again.
fn last_later(message: &str) -> String {
    ours("503 Service Unavailable", "Retry-After: 1\r\nConnection: close\r\n", message)
}

fn post(path: &str, fields: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: d\r\n{fields}\r\n{body}")
}

/// A request whose body is judged.
fn create(fields: &str, body: &str) -> String {
    post("/containers/create", &format!("Content-Type: application/json\r\n{fields}"), body)
}

/// A request whose body passes unread.
fn load(fields: &str, body: &str) -> String {
    post("/images/load", fields, body)
}
