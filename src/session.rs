//! One client connection: reads heads, asks the filter, has exchanges relayed.
//!
//! **Invariant:** every decision about a request is taken here, in the order in
//! which this file reads: head, verdict, body, daemon, response, reuse or close.
//! **Invariant:** each request has a daemon connection of its own, dialled after
//! the verdict; nothing is retried.
//! **Invariant:** a client connection goes on only if both bodies ended exactly.

mod client;
mod ending;
mod exchange;
mod learner;
mod memory;
mod probation;
mod read_head;
mod request_body;
mod search;

pub use client::{Client, Owner};
pub use ending::{After, CloseReason};
pub use learner::Learner;
pub use memory::Memory;
pub use probation::{Probation, Seat};
pub use search::KnownDaemon;

use crate::config::Limits;
use crate::filter::{Denial, InForce, PendingBody, Permit, Standing, Verdict, judge};
use crate::http1::{self, BodyReader, FieldStorage, Method, Reply, Request, Version};
use crate::judging::SharedPolicy;
use crate::metrics::{Counters, Judgement};
use crate::names::Names;
use crate::outcome::{self, Received, Refusal, Sender};
use crate::relay::socket::Socket;
use crate::relay::{Buffers, SKIPPED_BYTES_MAX, SKIPPING_MAX, Width, skip_body, unreachable};
use crate::rights::{self, ClientIdentity, Rights};
use memory::{Hold, Part};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How much of bytes that are not a request is kept for the log.
const SHOWN_BYTES_MAX: usize = 256;

/// How long a close waits for a client that still sends to read its answer.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// The state that all sessions share.
#[derive(Debug)]
pub struct Shared {
    /// The daemon's socket.
    pub socket_path: PathBuf,
    /// Limits on the client's slowness.
    pub limits: Limits,
    /// The host names of all address lists.
    pub names: Names,
    /// The rights of containers, where labels grant them.
    pub rights: Option<Rights>,
    /// The budget for the memory of requests.
    pub memory: Memory,
    /// Set while the proxy learns.
    pub learner: Option<Arc<Learner>>,
    /// The daemon's product, once known.
    pub daemon: KnownDaemon,
    /// Set once, when no further request is to be taken.
    pub stopping: AtomicBool,
}

/// A client connection as the server sees it.
#[derive(Debug)]
pub struct Connection {
    /// The socket.
    pub socket: Socket,
    /// The client at its other end.
    pub client: Client,
    /// How much it may hold on its way.
    pub width: Width,
    /// Whether it waits for a request, so that stopping need not wait for it.
    pub idle: AtomicBool,
    /// Whether its first request may still be on its way, so that stopping waits
    /// for it, though not for long.
    pub fresh: AtomicBool,
}

impl Connection {
    /// A connection that has not sent a request yet.
    #[must_use]
    pub fn new(socket: Socket, client: Client, width: Width) -> Self {
        let (idle, fresh) = (AtomicBool::new(false), AtomicBool::new(true));
        Self { socket, client, width, idle, fresh }
    }
}

/// One client connection with its buffers.
#[derive(Debug)]
pub struct Session<'a> {
    shared: &'a Shared,
    connection: &'a Connection,
    listener: Arc<SharedPolicy>,
    /// The policy of the request in hand.
    policy: Arc<SharedPolicy>,
    identity: ClientIdentity,
    /// The rest of the request's body, while nobody else reads it.
    unread: BodyReader,
    /// Set until the connection has a client's place.
    probation: Option<Probation<'a>>,
    /// Whether its client was found to be none; then it serves no other request.
    is_foreign: bool,
    hold: Hold<'a>,
    /// Where its listener's requests are counted, if they are.
    counters: Option<&'a Counters>,
    buffers: &'a mut Buffers,
    started: Instant,
    quiet_limit_is_set: bool,
}

impl<'a> Session<'a> {
    /// A session whose requests are judged by the policy of its `listener`,
    /// unless its client is a container that has rights of its own.
    pub fn new(
        shared: &'a Shared,
        connection: &'a Connection,
        listener: Arc<SharedPolicy>,
        buffers: &'a mut Buffers,
    ) -> Self {
        let (policy, identity) = (Arc::clone(&listener), ClientIdentity::default());
        let hold = Hold::new(&shared.memory, Owner::from(&connection.client));
        Self {
            shared,
            connection,
            listener,
            policy,
            identity,
            unread: BodyReader::Done,
            probation: None,
            is_foreign: false,
            hold,
            counters: None,
            buffers,
            started: Instant::now(),
            quiet_limit_is_set: false,
        }
    }

    /// The same, and its requests are counted.
    #[must_use]
    pub fn counted_by(mut self, counters: Option<&'a Counters>) -> Self {
        self.counters = counters;
        self
    }

    /// The client that is served.
    pub fn client(&self) -> &Client {
        &self.connection.client
    }

    /// Whether the listener's address list admits the client.
    pub fn admits_its_client(&mut self) -> bool {
        self.standing() == Standing::Admitted
    }

    /// Serves a connection that has no client's place, which it may get.
    pub fn serve_on(mut self, probation: Probation<'a>) -> CloseReason {
        self.probation = Some(probation);
        self.serve()
    }

    /// Ends a connection for which there is no place, with an answer if there is
    /// something to say.
    pub fn turn_away(self, reason: Option<&'static str>) -> CloseReason {
        let asked = Received::Bytes(&[]);
        let reply = |reason| Refusal::NoPlace(reason).reply(asked, &self.sender());
        if let Some(reply) = reason.and_then(reply) {
            self.reply(&reply, false);
            self.connection.socket.close_lingering(probation::LINGER_MAX);
        }
        CloseReason::NoPlace
    }

    /// Serves requests until the connection has to end, and ends it.
    pub fn serve(mut self) -> CloseReason {
        self.buffers.client.clear();
        let mut is_first = true;
        let reason = loop {
            match self.serve_one(is_first) {
                After::Reuse if is_first => {
                    is_first = false;
                    self.connection.fresh.store(false, Ordering::SeqCst);
                }
                After::Reuse => {}
                After::Close(reason) => {
                    // Bytes behind a last request: more of them may be on their way.
                    if reason.lingers() || !self.buffers.client.is_empty() {
                        // Nothing that was received is needed any more.
                        *self.buffers = Buffers::default();
                        self.hold.release_all();
                        let limit = if self.is_last() { probation::LINGER_MAX } else { LINGER_MAX };
                        self.connection.socket.close_lingering(limit);
                    }
                    break reason;
                }
                After::Cut(reason) => break reason,
            }
        };
        self.buffers.give_back();
        reason
    }

    fn serve_one(&mut self, is_first: bool) -> After {
        match self.read_head(is_first) {
            Ok(head_bytes) => self.answer(head_bytes),
            Err(read_head::Failure::Close(reason)) => After::Close(reason),
            Err(read_head::Failure::Malformed(error)) => {
                self.refuse_received(&Refusal::Malformed(error))
            }
            Err(read_head::Failure::UsedUp) => self.refuse_received(&Refusal::NoMemory),
            Err(read_head::Failure::Slow) => self.refuse_received(&Refusal::SlowHead),
        }
    }

    /// Answers the request whose head is at the start of the buffer.
    // Apart, so that a connection that waits for a head needs no stack for this.
    #[inline(never)]
    fn answer(&mut self, head_bytes: usize) -> After {
        self.started = Instant::now();
        // The head and its print.
        if self.hold.set(Part::Head, head_bytes * 2).is_err() {
            return self.refuse_received(&Refusal::NoMemory);
        }
        let mut head = std::mem::take(&mut self.buffers.head);
        head.clear();
        head.extend_from_slice(self.buffers.client.filled().get(..head_bytes).unwrap_or_default());
        self.buffers.client.consume(head_bytes);
        self.buffers.client.give_back();
        self.hold.release(Part::Received);
        let after = self.answer_head(&head);
        self.buffers.head = head;
        self.buffers.shrink_head();
        self.hold.release(Part::Head);
        self.hold.release(Part::Body);
        self.hold.release(Part::Answer);
        after
    }

    fn answer_head(&mut self, head: &[u8]) -> After {
        let mut storage = FieldStorage::new();
        let request = match Request::parse(head, &mut storage) {
            Ok(request) => request,
            Err(http1::Error::Method) => return self.refuse_unknown_method(head),
            Err(error) => {
                return self.refuse_last(&Refusal::Malformed(error), Received::Bytes(head));
            }
        };
        self.unread = BodyReader::from(request.body());
        if let Err(cause) = self.choose_policy() {
            return self.refuse(&request, &Refusal::Unidentified(cause));
        }
        let policy = Arc::clone(&self.policy);
        let standing = self.standing();
        if standing == Standing::Admitted
            && let Err(after) = self.end_probation(&request)
        {
            return after;
        }
        let (listener, shared) = (Arc::clone(&self.listener), self.shared);
        let learning = shared.learner.as_ref().map(|learner| learner.learning());
        let in_force = InForce { policy: &policy, listener: &listener, learning };
        let mut verdict = policy.in_lane(|| judge(in_force, &request, standing));
        loop {
            verdict = match verdict {
                Verdict::Allowed(permit) => return self.forward(&permit),
                Verdict::Denied(denial) => return self.refuse(&request, &Refusal::Denied(denial)),
                Verdict::Moved => return self.refuse(&request, &Refusal::Moved),
                Verdict::BodyNeeded(pending) => match self.read_body(&request) {
                    Ok(body) => self.judge_body(&policy, pending, body),
                    Err(failure) => {
                        let refusal = Refusal::Body(failure);
                        return self.refuse_last(&refusal, Received::Request(&request));
                    }
                },
                Verdict::SearchNeeded(search, questions) => match self.search(search, questions) {
                    Ok(verdict) => verdict,
                    Err(refusal) => return self.refuse(&request, &refusal),
                },
            };
        }
    }

    /// Of a judged body only its print is kept, twice: in the permit and on its way
    /// to the daemon. While targets are looked up, the body may be read again.
    fn judge_body<'r>(
        &mut self,
        policy: &SharedPolicy,
        pending: PendingBody<'r>,
        body: Vec<u8>,
    ) -> Verdict<'r> {
        let body_bytes = body.len();
        let verdict = policy.in_lane(|| pending.judge_body(body));
        if !matches!(verdict, Verdict::SearchNeeded(..)) {
            // Less than judging takes, so it is granted.
            let _ = self.hold.set(Part::Body, body_bytes * 2);
        }
        verdict
    }

    /// Chooses by whose allowlists the request is judged.
    ///
    /// # Errors
    /// The reason why it is unknown.
    fn choose_policy(&mut self) -> Result<(), String> {
        let Some(rights) = &self.shared.rights else { return Ok(()) };
        let Some(address) = self.connection.client.address() else { return Ok(()) };
        match rights.policy_for(&self.connection.socket, address, &mut self.identity) {
            rights::Entitlement::Listener => self.policy = Arc::clone(&self.listener),
            rights::Entitlement::Labels(policy) => self.policy = policy,
            rights::Entitlement::Unknown(cause) => return Err(cause),
        }
        Ok(())
    }

    fn standing(&mut self) -> Standing {
        let Some(address) = self.connection.client.address() else { return Standing::Admitted };
        let resolve = |names: &[String], address| self.shared.names.any_has(names, address);
        if self.policy.peers().admits(address, resolve) {
            self.is_foreign = false;
            Standing::Admitted
        } else {
            self.is_foreign = true;
            Standing::Foreign
        }
    }

    fn forward(&mut self, permit: &Permit<'_>) -> After {
        if permit.is_limited()
            && let Err(refusal) = self.check_daemon()
        {
            return self.refuse(permit.request(), &refusal);
        }
        outcome::log_allowed(permit.request(), &self.connection.client);
        let _in_progress = self.counters.map(Counters::exchange);
        if let Some(learner) = &self.shared.learner {
            learner.note_allowed(&self.connection.client, permit);
        }
        match Socket::dial(&self.shared.socket_path) {
            Ok(daemon) => exchange::run(self, permit, &daemon),
            Err(error) => {
                let cause = unreachable::explain(&self.shared.socket_path, &error);
                let (refusal, judgement) = (Refusal::Daemon(cause), self.judgement(permit));
                self.refuse_as(judgement, permit.request(), &refusal)
            }
        }
    }

    /// The reason why a request is forwarded.
    fn judgement(&self, permit: &Permit<'_>) -> Judgement {
        match &self.shared.learner {
            Some(learner) if learner.let_through(permit) => Judgement::Learned,
            _ => Judgement::Allowed,
        }
    }

    /// Logs a refusal and answers it. The connection may go on.
    fn refuse(&mut self, request: &Request<'_>, refusal: &Refusal) -> After {
        self.refuse_as(Judgement::from(refusal), request, refusal)
    }

    /// The same for a request that may have been allowed.
    fn refuse_as(
        &mut self,
        judgement: Judgement,
        request: &Request<'_>,
        refusal: &Refusal,
    ) -> After {
        let asked = Received::Request(request);
        refusal.log(asked, &self.sender());
        if let Some(counters) = self.counters {
            counters.count_refusal(refusal, judgement, asked);
        }
        if let (Some(learner), Refusal::Denied(denial)) = (&self.shared.learner, refusal) {
            learner.note_denied(&self.connection.client, request, denial);
        }
        let reason = CloseReason::from(refusal);
        match refusal.reply(asked, &self.sender()) {
            Some(reply) => self.reply_to(request, &reply, reason),
            None => After::Close(reason),
        }
    }

    /// Refuses the bytes in the buffer, which are not a request.
    fn refuse_received(&mut self, refusal: &Refusal) -> After {
        let shown = self.buffers.client.filled();
        let shown = shown.get(..shown.len().min(SHOWN_BYTES_MAX)).unwrap_or_default().to_vec();
        self.refuse_last(refusal, Received::Bytes(&shown))
    }

    /// Counts a refusal, logs it and sends its answer. The connection ends: where the
    /// next request would begin is not known.
    fn refuse_last(&self, refusal: &Refusal, asked: Received<'_>) -> After {
        if let Some(counters) = self.counters {
            counters.count_refusal(refusal, Judgement::from(refusal), asked);
        }
        self.end_with(refusal, asked);
        After::Close(CloseReason::from(refusal))
    }

    /// The same for a request that is counted already.
    fn end_with(&self, refusal: &Refusal, asked: Received<'_>) {
        refusal.log(asked, &self.sender());
        let to_head =
            matches!(asked, Received::Request(request) if request.method() == Method::Head);
        if let Some(reply) = refusal.reply(asked, &self.sender()) {
            self.reply(&reply, to_head);
        }
    }

    fn sender(&self) -> Sender<'_> {
        let client = &self.connection.client;
        Sender { client, address: client.address(), source: self.policy.source() }
    }

    /// Answers by ourselves. The connection goes on if the rest of the request's body,
    /// if there is any, can be skipped before, and if no path is refused as written.
    fn reply_to(&mut self, request: &Request<'_>, reply: &Reply, reason: CloseReason) -> After {
        let is_plain = reply.location.is_some() || !request.target().had_doubled_slashes();
        let may_go_on = !self.is_last() && !self.is_stopping();
        let reusable = request.keeps_alive() && is_plain && may_go_on;
        let keep_alive = reusable && self.skip_unread(request);
        let to_head = request.method() == Method::Head;
        let mut answer = Vec::new();
        reply.print(to_head, request.version(), keep_alive, &mut answer);
        match self.send(&answer) {
            Err(_) => After::Close(CloseReason::ClientGone),
            Ok(()) if keep_alive => After::Reuse,
            Ok(()) => After::Close(reason),
        }
    }

    /// Skips the rest of the request's body; false if it is too long, or not there in
    /// a moment. A client that waits for a 100 will not send it.
    fn skip_unread(&mut self, request: &Request<'_>) -> bool {
        let received = &mut self.buffers.client;
        if self.unread.is_done() || (request.expects_continue() && received.is_empty()) {
            return self.unread.is_done();
        }
        let deadline = Instant::now() + SKIPPING_MAX;
        let socket = &self.connection.socket;
        skip_body(socket, received, &mut self.unread, SKIPPED_BYTES_MAX, deadline)
    }

    /// A method outside the nine: like one without patterns, but its request was
    /// not parsed to its end, so the connection cannot go on. A client without any
    /// access, or an unknown one, does not learn the rights of others.
    fn refuse_unknown_method(&mut self, head: &[u8]) -> After {
        let denial = match self.choose_policy() {
            Ok(()) if self.standing() == Standing::Foreign => Denial::Address,
            Ok(()) => Denial::Method { allowed: self.policy.rules().methods().collect() },
            Err(_) => Denial::Method { allowed: Vec::new() },
        };
        self.refuse_last(&Refusal::UnknownMethod(denial), Received::Bytes(head))
    }

    /// Sends an answer after which the connection ends.
    fn reply(&self, reply: &Reply, to_head: bool) {
        let mut answer = Vec::new();
        reply.print(to_head, Version::Http11, false, &mut answer);
        // A client that is gone gets no answer; the connection ends anyway.
        let _ = self.send(&answer);
    }

    fn send(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.connection.socket.send_all(bytes, Instant::now() + self.shared.limits.header_timeout)
    }

    /// Whether no other request is served on this connection, however the current
    /// one ends: strangers keep none open.
    fn is_last(&self) -> bool {
        self.is_foreign || self.probation.is_some()
    }

    fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests;
