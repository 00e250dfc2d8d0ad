//! Listeners, admission, threads and the end: everything around sessions.
//!
//! **Invariant:** a connection is served only with a place from admission, and
//! its place is freed however the session ends, a panic included.
//! **Invariant:** no accept error ends an acceptor, and none makes it spin.
//!
//! One acceptor thread per listener hands connections to a bounded pool. A
//! connection without a place gets a 503 at once, on a separate thread. Places of
//! clients are for addresses that may be clients': see `door`.

mod admission;
mod bind;
mod door;
mod pool;
mod recent;
mod registry;
mod room;
mod overload;

pub use bind::{BindError, Bound, bind_all, raise_descriptor_limit};

use crate::config::{Config, Limits};
use crate::metrics::{Counters, Gauges, Metrics};
use crate::names::Names;
use crate::relay::socket::{self, Socket};
use crate::relay::{Buffers, Width};
use crate::rights::Rights;
use crate::session::{
    Client, Connection, KnownDaemon, Learner, Memory, Probation, Session, Shared,
};
use admission::{NoPlace, Place};
use door::{Caller, CurrentPlace, Door, Places};
use overload::Overload;
use pool::Pool;
use recent::Found;
use registry::{Entry, Expected, Registry};
use room::{Room, Rooms};
use rustix::event::{PollFd, PollFlags};
use std::io::{self, PipeReader, PipeWriter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Stack of a session's thread. The deepest frame holds the fields of a head;
/// only pages that are touched cost memory.
const STACK_BYTES: usize = 128 * 1024;

/// Threads for connections that have no client's place.
const PLACES_BESIDE: usize = door::STRANGERS_MAX + door::UNPROVEN_MAX + door::FORMER_MAX;

/// First and longest pause after an accept that failed for want of resources.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
const ACCEPT_PAUSE_MAX: Duration = Duration::from_millis(640);

/// How long after the stop a new client may take for its first request.
const FIRST_REQUEST_LIMIT: Duration = Duration::from_secs(2);

/// How long after the grace time sessions may take to notice that they were cut.
const CUT_LIMIT: Duration = Duration::from_secs(1);

/// A running proxy.
#[derive(Debug)]
pub struct Server {
    core: Arc<Core>,
    /// Acceptors end when this is closed.
    running: PipeWriter,
    listeners: Vec<Bound>,
}

/// The state that acceptors and sessions share.
#[derive(Debug)]
struct Core {
    shared: Shared,
    places: Places,
    rooms: Arc<Rooms>,
    pool: Pool<Job>,
    registry: Arc<Registry>,
    overload: Overload,
}

/// The state that one listener's connections share.
#[derive(Debug)]
struct Entrance {
    door: Door,
    counters: Option<Arc<Counters>>,
}

/// A connection on its way to a thread.
#[derive(Debug)]
struct Job {
    core: Arc<Core>,
    connection: Arc<Connection>,
    entrance: Arc<Entrance>,
    caller: Caller,
    place: Place,
    room: Room,
    entry: Entry,
}

impl Server {
    /// Starts to serve the bound listeners of `config`.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(
        config: &Config,
        bound: Vec<Bound>,
        learner: Option<Arc<Learner>>,
        metrics: Option<&Metrics>,
    ) -> io::Result<Self> {
        let core = Arc::new(Core::new(config, learner)?);
        let (ended, running) = io::pipe()?;
        let ended = Arc::new(ended);
        for (index, (bound, listener)) in bound.iter().zip(&config.listeners).enumerate() {
            if bound.is_tcp {
                core.rooms.watch(&bound.socket);
            }
            let acceptor = Acceptor {
                core: Arc::clone(&core),
                listener: Arc::clone(&bound.socket),
                ended: Arc::clone(&ended),
                entrance: Arc::new(Entrance {
                    door: Door::new(listener.policy.clone()),
                    counters: metrics.and_then(|metrics| metrics.listener(index)),
                }),
                is_tcp: bound.is_tcp,
                _accepting: Registry::expect(&core.registry),
            };
            let name = format!("accept {}", listener.name);
            thread::Builder::new()
                .name(name)
                .stack_size(STACK_BYTES)
                .spawn(move || acceptor.run())?;
        }
        Ok(Self { core, running, listeners: bound })
    }

    /// A function that returns the present gauges, for metrics.
    pub fn gauges(&self) -> impl Fn() -> Gauges + Send + 'static {
        let core = Arc::downgrade(&self.core);
        move || core.upgrade().map(|core| core.gauges()).unwrap_or_default()
    }

    /// Stops: no connection is accepted any more, exchanges may end within
    /// `grace`, the rest is cut. A client that has just connected is owed an answer:
    /// its request is mostly here already, or follows in a moment.
    pub fn stop(self, grace: Duration) {
        self.core.shared.stopping.store(true, Ordering::SeqCst);
        drop((self.running, self.listeners));
        let deadline = Instant::now() + grace;
        self.core.registry.end_idle();
        if !self.core.registry.wait_until_empty(deadline.min(Instant::now() + FIRST_REQUEST_LIMIT))
        {
            self.core.registry.end_fresh();
        }
        if !self.core.registry.wait_until_empty(deadline) {
            let cut = self.core.registry.cut_all();
            log::warn!(
                error = "grace time is over, cutting connections", connections = cut;
                "timeout stopping server"
            );
            self.core.registry.wait_until_empty(Instant::now() + CUT_LIMIT);
        }
    }
}

impl Core {
    fn new(config: &Config, learner: Option<Arc<Learner>>) -> io::Result<Self> {
        let names = config.listeners.iter().flat_map(|listener| listener.policy.peers().names());
        let Limits { connections_max, connections_per_client_max, .. } = config.limits;
        let rights = config.container_rights.as_ref();
        let rights = rights.map(|rights| Rights::start(config.socket_path.clone(), rights));
        Ok(Self {
            shared: Shared {
                socket_path: config.socket_path.clone(),
                limits: config.limits,
                names: Names::start(names.map(str::to_owned))?,
                rights: rights.transpose()?,
                memory: Memory::default(),
                learner,
                daemon: KnownDaemon::default(),
                stopping: AtomicBool::new(false),
            },
            places: Places::new(connections_max, connections_per_client_max),
            rooms: Arc::default(),
            pool: Pool::new(connections_max + PLACES_BESIDE, STACK_BYTES),
            registry: Arc::default(),
            overload: Overload::start()?,
        })
    }
}

impl Core {
    fn gauges(&self) -> Gauges {
        Gauges {
            places: self.places.gauges(),
            refused: self.overload.refused(),
            learned: self.shared.learner.as_ref().map(|learner| learner.learned()),
        }
    }
}

impl pool::Job for Job {
    fn run(self, buffers: &mut Buffers) {
        // The entry first: it is dropped last.
        let Self { entry: _entry, core, connection, entrance, caller, place, room: _room } = self;
        let door = &entrance.door;
        let counters = entrance.counters.as_deref();
        let _open = counters.map(Counters::connection);
        let client = connection.client;
        let taken = CurrentPlace::new(&core.places, &client, place);
        let policy = Arc::clone(&door.policy);
        let session = Session::new(&core.shared, &connection, policy, buffers);
        let mut session = session.counted_by(counters);
        let reason = match settle(caller, door, &mut session, &taken) {
            Ok(Caller::Client) => session.serve(),
            Ok(Caller::Stranger) => session.serve_on(Probation::of_stranger(&taken)),
            Ok(_) => session.serve_on(Probation::of_unknown(&taken)),
            Err(refusal) => {
                core.overload.note(client, refusal);
                session.turn_away((refusal != NoPlace::Stranger).then(|| refusal.explain()))
            }
        };
        log::trace!(client:% = client, reason = reason.explain(); "connection closed");
    }
}

/// Resolves the host names, which the door could not wait for, and takes the place
/// that the result gives.
fn settle(
    caller: Caller,
    door: &Door,
    session: &mut Session<'_>,
    taken: &CurrentPlace<'_>,
) -> Result<Caller, NoPlace> {
    let Caller::PerhapsNamed { or_labelled, .. } = caller else { return Ok(caller) };
    let found = if session.admits_its_client() { Found::Client } else { Found::Stranger };
    door.remember(session.client(), found);
    match found {
        Found::Client => taken.become_client().map(|()| Caller::Client),
        Found::Stranger if or_labelled => Ok(Caller::PerhapsLabelled),
        Found::Stranger => taken.become_stranger().map(|()| Caller::Stranger),
    }
}

/// Accepts the connections of one listener.
struct Acceptor {
    core: Arc<Core>,
    listener: Arc<Socket>,
    ended: Arc<PipeReader>,
    entrance: Arc<Entrance>,
    is_tcp: bool,
    _accepting: Expected,
}

impl Acceptor {
    fn run(self) {
        let mut pause = ACCEPT_PAUSE;
        while self.wait() {
            match self.accept() {
                Ok((socket, client)) => {
                    pause = ACCEPT_PAUSE;
                    self.admit(socket, client);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    log::error!(error:% = error; "cannot accept connections, trying again");
                    thread::sleep(pause);
                    pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
                }
            }
        }
    }

    /// Waits for a connection; false when there is to be none any more. The
    /// listener is not shut down for that: one that was passed in is the service
    /// manager's too, and serves the next start.
    fn wait(&self) -> bool {
        let mut fds = [
            PollFd::new(&*self.ended, PollFlags::empty()),
            PollFd::new(&*self.listener, PollFlags::IN),
        ];
        let polled = socket::poll(&mut fds, None);
        let [ended, _] = fds;
        polled.is_err() || ended.revents().is_empty()
    }

    fn accept(&self) -> io::Result<(Socket, Client)> {
        let (fd, address) =
            rustix::net::acceptfrom_with(&*self.listener, rustix::net::SocketFlags::CLOEXEC)?;
        let socket = Socket::from(fd);
        let tcp = address.and_then(|address| std::net::SocketAddr::try_from(address).ok());
        let client = match (self.is_tcp, tcp) {
            (false, _) => Client::unix(&socket),
            (true, Some(address)) => Client::tcp(address),
            // A client without an address passes for one that opened a socket file.
            (true, None) => return Err(io::ErrorKind::ConnectionAborted.into()),
        };
        Ok((socket, client))
    }

    fn admit(&self, socket: Socket, client: Client) {
        let caller = self.entrance.door.look(self.core.shared.rights.as_ref(), &client);
        match self.core.places.admit(caller, &client) {
            Err(refusal) => self.core.overload.refuse(socket, client, refusal),
            Ok(place) => {
                let room = self.core.rooms.take(caller);
                // A wide one has inherited its buffers, or smaller ones.
                if !(self.is_tcp && room.width == Width::Wide) {
                    room.width.apply(&socket);
                }
                let connection = Arc::new(Connection::new(socket, client, room.width));
                let entry = Registry::enter(&self.core.registry, Arc::clone(&connection));
                let (core, entrance) = (Arc::clone(&self.core), Arc::clone(&self.entrance));
                let job = Job { core, connection, entrance, caller, place, room, entry };
                if let Err(job) = self.core.pool.submit(job) {
                    self.turn_away(job);
                }
            }
        }
    }

    /// No thread could be started for a connection that had a place.
    fn turn_away(&self, job: Job) {
        drop(job.entry);
        if let Ok(connection) = Arc::try_unwrap(job.connection) {
            self.core.overload.refuse(connection.socket, connection.client, NoPlace::NoThread);
        }
    }
}

/// Errors that concern the connection that was to be accepted, not the listener
/// (accept(2), "Error handling").
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | Interrupted | WouldBlock)
        || matches!(rustix::io::Errno::from_io_error(error), Some(rustix::io::Errno::PROTO))
}
