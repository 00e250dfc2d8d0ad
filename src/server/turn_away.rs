//! Answers connections for which there is no place with a 503, off the acceptor.
//!
//! **Invariant:** bounded: beyond [`LINGERING_MAX`] connections the oldest is
//! closed at once; each is closed after [`LINGER`] at the latest.
//!
//! A plain close would be a reset when the client's request arrives, and take
//! the answer away from it.

use super::admission::Refusal;
use crate::http1::{Reply, Version};
use crate::relay::socket::{self, Socket};
use crate::session::Client;
use rustix::event::{PollFd, PollFlags};
use rustix::net::Shutdown;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

const LINGERING_MAX: usize = 64;
const LINGER: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(20);
const STACK_BYTES: usize = 64 * 1024;
const RETRY_AFTER_SECONDS: u32 = 1;

/// At most one warning in this time; the rest are counted in it.
const WARN_EVERY: Duration = Duration::from_secs(1);

/// The thread that turns connections away.
#[derive(Debug)]
pub(super) struct TurnAway {
    refused: SyncSender<Refused>,
}

#[derive(Debug)]
struct Refused {
    socket: Socket,
    client: Client,
    refusal: Refusal,
}

struct Lingering {
    socket: Socket,
    until: Instant,
}

impl TurnAway {
    /// Starts the thread.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn start() -> io::Result<Self> {
        let (refused, refusals) = sync_channel(LINGERING_MAX);
        let builder = thread::Builder::new().name("turn away".into()).stack_size(STACK_BYTES);
        builder.spawn(move || run(&refusals))?;
        Ok(Self { refused })
    }

    /// Answers and closes a connection. Never waits: in a flood, connections are
    /// closed without an answer.
    pub(super) fn refuse(&self, socket: Socket, client: Client, refusal: Refusal) {
        let _ = self.refused.try_send(Refused { socket, client, refusal });
    }
}

fn run(refusals: &Receiver<Refused>) {
    let mut lingering: VecDeque<Lingering> = VecDeque::new();
    let mut warnings = Warnings::default();
    loop {
        let received = if lingering.is_empty() {
            refusals.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            refusals.recv_timeout(TICK)
        };
        match received {
            Ok(refused) => {
                warnings.note(&refused);
                if lingering.len() >= LINGERING_MAX {
                    lingering.pop_front();
                }
                lingering.push_back(answer(refused));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        lingering.retain(is_still_open);
    }
}

fn answer(refused: Refused) -> Lingering {
    let text = match refused.refusal {
        Refusal::Full => "socket-proxy: too many connections (-maxconnections)",
        Refusal::ClientFull => {
            "socket-proxy: too many connections from this address (-maxconnectionsperclient)"
        }
        Refusal::NoThread => "socket-proxy: no thread for another connection",
    };
    let mut reply = Reply::new(503, text);
    reply.retry_after_seconds = Some(RETRY_AFTER_SECONDS);
    let mut bytes = Vec::new();
    reply.print(false, Version::Http11, false, &mut bytes);
    let _ = refused.socket.send(&[IoSlice::new(&bytes)]);
    refused.socket.shutdown(Shutdown::Write);
    Lingering { socket: refused.socket, until: Instant::now() + LINGER }
}

/// Discards what the client sends until it closes or its time is over.
fn is_still_open(lingering: &Lingering) -> bool {
    if Instant::now() >= lingering.until {
        return false;
    }
    let mut fds = [PollFd::new(&lingering.socket, PollFlags::IN)];
    if !matches!(socket::poll(&mut fds, Some(Duration::ZERO)), Ok(ready) if ready > 0) {
        return true;
    }
    !matches!(lingering.socket.receive(&mut [0; 4096]), Ok(0) | Err(_))
}

#[derive(Default)]
struct Warnings {
    last: Option<Instant>,
    unlogged: usize,
}

impl Warnings {
    fn note(&mut self, refused: &Refused) {
        self.unlogged += 1;
        if self.last.is_some_and(|last| last.elapsed() < WARN_EVERY) {
            return;
        }
        let reason = match refused.refusal {
            Refusal::Full => "too many connections",
            Refusal::ClientFull => "too many connections from this client",
            Refusal::NoThread => "no thread for the connection",
        };
        log::warn!(
            reason, client:% = refused.client, response = 503, refused = self.unlogged;
            "turned away"
        );
        *self = Self { last: Some(Instant::now()), unlogged: 0 };
    }
}
