//! Answers connections without a place with a 503, outside the acceptor thread.
//!
//! **Invariant:** bounded: beyond [`LINGERING_MAX`] connections the oldest is
//! closed at once; each is closed after [`LINGER`] at the latest.
//!
//! A plain close would be a reset when the client's request arrives, and take the
//! answer away from it. Strangers without a place get no answer.

use super::admission::NoPlace;
use crate::http1::Version;
use crate::journal::Throttle;
use crate::outcome::Refusal;
use crate::relay::socket::{self, Socket};
use crate::session::Client;
use rustix::event::{PollFd, PollFlags};
use rustix::net::Shutdown;
use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const LINGERING_MAX: usize = 64;
const LINGER: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(20);
const STACK_BYTES: usize = 64 * 1024;

/// At most one warning in this time; the rest are counted in it.
const WARN_EVERY: Duration = Duration::from_secs(1);

/// The thread that turns connections away.
#[derive(Debug)]
pub(super) struct Overload {
    refused: SyncSender<Refused>,
    warnings: Mutex<Warnings>,
    /// How many, by `NoPlace as usize`.
    counts: [AtomicU64; NoPlace::ALL.len()],
}

#[derive(Debug)]
struct Refused {
    socket: Socket,
    reason: NoPlace,
}

struct Lingering {
    socket: Socket,
    until: Instant,
}

impl Overload {
    /// Starts the thread.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn start() -> io::Result<Self> {
        let (refused, refusals) = sync_channel(LINGERING_MAX);
        let builder = thread::Builder::new().name("overload".into()).stack_size(STACK_BYTES);
        builder.spawn(move || run(&refusals))?;
        Ok(Self { refused, warnings: Mutex::default(), counts: Default::default() })
    }

    /// Answers and closes a connection. Never waits: in a flood, connections are
    /// closed without an answer.
    pub(super) fn refuse(&self, socket: Socket, client: Client, reason: NoPlace) {
        if !matches!(reason, NoPlace::Stranger | NoPlace::Unproven) {
            let _ = self.refused.try_send(Refused { socket, reason });
        }
        self.note(client, reason);
    }

    /// Logs that a connection was refused, or counts it for the next line.
    pub(super) fn note(&self, client: Client, reason: NoPlace) {
        if let Some(count) = self.counts.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).note(client, reason);
    }
}

impl Overload {
    /// How many connections were turned away, by the reason's label.
    pub(super) fn refused(&self) -> Vec<(&'static str, u64)> {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        NoPlace::ALL.into_iter().map(NoPlace::label).zip(counts).collect()
    }
}

fn run(refusals: &Receiver<Refused>) {
    let mut lingering: VecDeque<Lingering> = VecDeque::new();
    let mut swept = Instant::now();
    loop {
        let received = if lingering.is_empty() {
            refusals.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            refusals.recv_timeout(TICK)
        };
        match received {
            Ok(refused) => {
                if lingering.len() >= LINGERING_MAX {
                    lingering.pop_front();
                }
                lingering.push_back(answer(refused));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // Not after each of a flood: looking at all of them costs a call for each.
        if swept.elapsed() >= TICK {
            lingering.retain(is_still_open);
            swept = Instant::now();
        }
    }
}

fn answer(refused: Refused) -> Lingering {
    let mut bytes = Vec::new();
    Refusal::no_place(refused.reason.explain()).print(false, Version::Http11, false, &mut bytes);
    let _ = refused.socket.send(&[IoSlice::new(&bytes)]);
    refused.socket.shutdown(Shutdown::Write);
    Lingering { socket: refused.socket, until: Instant::now() + LINGER }
}

/// Discards the client's data until it closes or its time is over.
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

/// One warning for each reason in a while.
#[derive(Debug, Default)]
struct Warnings(HashMap<NoPlace, Throttle>);

impl Warnings {
    fn note(&mut self, client: Client, reason: NoPlace) {
        let throttle = self.0.entry(reason).or_default();
        let Some(left_out) = throttle.pass(WARN_EVERY, Instant::now()) else { return };
        let (text, response) = match reason {
            NoPlace::Full => ("too many connections", Some(503)),
            NoPlace::ClientFull => ("too many connections from this client", Some(503)),
            NoPlace::NoThread => ("no thread for the connection", Some(503)),
            NoPlace::Stranger | NoPlace::Unproven => (reason.explain(), None),
        };
        log::warn!(
            reason = text, client:% = client, response, refused = left_out + 1;
            "turned away"
        );
    }
}
