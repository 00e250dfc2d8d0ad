//! A small listener for one path, used for health and for metrics.
//!
//! **Invariant:** it has two threads of its own, and a full pool of the proxy
//! cannot starve it. One waits for all heads at once, and no silent client delays
//! another; the other makes the answers.
//! **Invariant:** all is bounded: clients (`WAITING_MAX`, the oldest is dropped for
//! a new one) and their time (`CLIENT_LIMIT`, for the request and again for the
//! answer). Requests that come while an answer is made share it.
//!
//! This deliberately does not keep connections open, or answer anything else.

use super::STACK_BYTES;
use crate::http1::{self, FieldStorage, HeadScan, Method, Reply, Request, Version};
use crate::relay::buffer::Buffer;
use crate::relay::socket::{Socket, poll};
use rustix::event::{PollFd, PollFlags};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::iter;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Time for a client's request, and for it to take the answer.
pub(super) const CLIENT_LIMIT: Duration = Duration::from_secs(1);

/// Clients whose request has not arrived.
pub(super) const WAITING_MAX: usize = 64;

/// Clients that wait for an answer.
pub(super) const ASKERS_MAX: usize = 64;

/// Longest head of a request.
pub(super) const HEAD_BYTES_MAX: usize = 2048;

/// Pause after an accept that failed for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The content that a listener serves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    /// Its name, for threads and the log.
    pub(super) name: &'static str,
    /// The one method.
    pub(super) method: Method,
    /// The one path.
    pub(super) path: &'static str,
    /// The answer to all other requests.
    pub(super) otherwise: &'static str,
}

/// Serves for as long as the program lives. `answer` makes a whole response.
///
/// # Errors
/// If a thread cannot be started.
pub(super) fn serve(
    listener: TcpListener,
    service: Service,
    answer: impl FnMut() -> Vec<u8> + Send + 'static,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let (askers, queue) = sync_channel(ASKERS_MAX);
    let spawn = |name: String, run: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name(name).stack_size(STACK_BYTES).spawn(run)
    };
    let heads = Heads::new(listener, service, askers);
    spawn(service.name.to_owned(), Box::new(move || heads.run()))?;
    spawn(format!("{} answer", service.name), Box::new(move || answer_askers(&queue, answer)))?;
    Ok(())
}

/// Reads the heads of all clients at once.
struct Heads {
    listener: TcpListener,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
    service: Service,
    askers: SyncSender<Socket>,
    has_complained: bool,
}

/// A client whose request has not arrived.
struct Waiting {
    client: Socket,
    received: Buffer,
    scan: HeadScan,
    until: Instant,
}

impl Heads {
    fn new(listener: TcpListener, service: Service, askers: SyncSender<Socket>) -> Self {
        Self { listener, waiting: VecDeque::new(), service, askers, has_complained: false }
    }

    fn run(mut self) {
        loop {
            self.wait();
            self.accept();
            for _ in 0..self.waiting.len() {
                if let Some(waiting) = self.waiting.pop_front() {
                    self.read(waiting);
                }
            }
        }
    }

    /// Waits for a connection, for bytes, or for a client's time to be over.
    fn wait(&self) {
        let clients = self.waiting.iter().map(|waiting| &waiting.client);
        let mut fds = vec![PollFd::new(&self.listener, PollFlags::IN)];
        fds.extend(clients.map(|client| PollFd::new(client, PollFlags::IN)));
        let next = self.waiting.iter().map(|waiting| waiting.until).min();
        let limit = next.map(|until| until.saturating_duration_since(Instant::now()));
        if poll(&mut fds, limit).is_err() {
            thread::sleep(ACCEPT_PAUSE);
        }
    }

    fn accept(&mut self) {
        for _ in 0..WAITING_MAX {
            match self.listener.accept() {
                Ok((client, _)) => self.admit(client),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if !self.has_complained {
                        log::warn!(
                            origin = self.service.name, error:% = error;
                            "listener cannot accept"
                        );
                    }
                    self.has_complained = true;
                    thread::sleep(ACCEPT_PAUSE);
                    return;
                }
            }
        }
    }

    fn admit(&mut self, client: TcpStream) {
        self.has_complained = false;
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting {
            client: Socket::from(OwnedFd::from(client)),
            received: Buffer::default(),
            scan: HeadScan::of_request(),
            until: Instant::now() + CLIENT_LIMIT,
        });
    }

    /// Reads the available bytes of a request, and answers a complete one. A client
    /// that went away or is too slow gets no answer.
    fn read(&mut self, mut waiting: Waiting) {
        match waiting.read(self.service) {
            // A full queue holds enough requests; this one is dropped.
            Arrival::Expected => drop(self.askers.try_send(waiting.client)),
            Arrival::Other { reply, to_head } => send(&waiting.client, &reply, to_head),
            Arrival::Part if Instant::now() < waiting.until => self.waiting.push_back(waiting),
            Arrival::Part | Arrival::Gone => {}
        }
    }
}

/// The state of a request being received.
enum Arrival {
    /// Complete, with the served method and path.
    Expected,
    /// Something else; the answer to it, which has no body where it is to HEAD.
    Other { reply: Reply, to_head: bool },
    /// A part of its head, or nothing.
    Part,
    /// The client's end.
    Gone,
}

impl Waiting {
    fn read(&mut self, service: Service) -> Arrival {
        loop {
            let received = self.received.filled();
            match self.scan.find_end(received) {
                Ok(Some(head_bytes)) => {
                    return judge(received.get(..head_bytes).unwrap_or_default(), service);
                }
                Ok(None) if received.len() < HEAD_BYTES_MAX => {}
                Ok(None) => return malformed(http1::Error::HeadTooLarge, service),
                Err(error) => return malformed(error, service),
            }
            let client = &self.client;
            match self.received.fill(HEAD_BYTES_MAX, |space| client.receive(space)) {
                Ok(filled) if filled.bytes > 0 => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Arrival::Part,
                Ok(_) | Err(_) => return Arrival::Gone,
            }
        }
    }
}

/// Makes one answer for all requests that have come by the time that it is made.
pub(super) fn answer_askers(askers: &Receiver<Socket>, mut answer: impl FnMut() -> Vec<u8>) {
    while let Ok(first) = askers.recv() {
        let response = answer();
        // Before the first is answered: a later request wants a newer answer.
        let others = askers.try_iter().take(ASKERS_MAX);
        deliver(&response, iter::once(first).chain(others).collect());
    }
}

/// Sends a response to all clients at once. A client that does not take it in time
/// gets a reset, so no data of it is left in the kernel.
fn deliver(response: &[u8], clients: Vec<Socket>) {
    let deadline = Instant::now() + CLIENT_LIMIT;
    let mut left: Vec<(Socket, &[u8])> = clients.into_iter().map(|c| (c, response)).collect();
    loop {
        left.retain_mut(|(client, rest)| !send_some(client, rest));
        let limit = deadline.saturating_duration_since(Instant::now());
        if left.is_empty() || limit.is_zero() {
            break;
        }
        let mut fds: Vec<PollFd<'_>> =
            left.iter().map(|(client, _)| PollFd::new(client, PollFlags::OUT)).collect();
        if poll(&mut fds, Some(limit)).is_err() {
            break;
        }
    }
    left.iter().for_each(|(client, _)| client.reset_on_close());
}

/// Sends as much as there is room for; true when there is nothing left to do.
fn send_some(client: &Socket, rest: &mut &[u8]) -> bool {
    while !rest.is_empty() {
        match client.send(&[IoSlice::new(rest)]) {
            Ok(sent) => *rest = rest.get(sent..).unwrap_or_default(),
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        }
    }
    true
}

/// A socket that has sent nothing has room for one answer; if not, it is lost.
fn send(client: &Socket, reply: &Reply, to_head: bool) {
    let mut bytes = Vec::new();
    reply.print(to_head, Version::Http11, false, &mut bytes);
    let _ = client.send(&[IoSlice::new(&bytes)]);
}

fn judge(head: &[u8], service: Service) -> Arrival {
    let mut storage = FieldStorage::new();
    let request = match Request::parse(head, &mut storage) {
        Ok(request) => request,
        Err(error) => return malformed(error, service),
    };
    let to_head = request.method() == Method::Head;
    match request.target().path() == service.path {
        true if request.method() == service.method => Arrival::Expected,
        true => Arrival::Other { reply: other_method(service), to_head },
        false => Arrival::Other { reply: Reply::new(404, service.otherwise), to_head },
    }
}

fn malformed(error: http1::Error, service: Service) -> Arrival {
    let reply = match error {
        http1::Error::Method => other_method(service),
        _ => Reply::new(error.status(), error.explain()),
    };
    Arrival::Other { reply, to_head: false }
}

fn other_method(service: Service) -> Reply {
    let mut reply = Reply::new(405, service.otherwise);
    reply.allow = vec![service.method];
    reply
}
