//! Waits for a request and reads its head within the time limits.
//!
//! A client may idle between requests, or before its first; once a head has
//! begun, it must be complete within an absolute time. When the program stops, a
//! request that has arrived is still answered.

use super::memory::{Part, UsedUp};
use super::{CloseReason, Session};
use crate::http1::{self, HeadScan};
use crate::relay::QUIET;
use rustix::event::PollFlags;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Why there is no head.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection ends without an answer.
    Close(CloseReason),
    /// The received bytes cannot be a head.
    Malformed(http1::Error),
    /// A part of a head arrived, and the rest did not in time.
    Slow,
    /// A part of a head arrived, and there is no memory for the rest.
    UsedUp,
}

/// Whether there is something to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readable {
    Now,
    /// The program is stopping, and nothing of a request has come.
    Never,
}

impl Session<'_> {
    /// Reads a head to the start of the buffer; returns its length.
    pub(super) fn read_head(&mut self, is_first: bool) -> Result<usize, Failure> {
        let mut scan = HeadScan::of_request();
        let mut deadline = is_first.then(|| Instant::now() + self.head_limit());
        loop {
            let received = self.buffers.client.filled();
            if let Some(head_bytes) = scan.find_end(received).map_err(Failure::Malformed)? {
                return Ok(head_bytes);
            }
            if received.len() >= self.head_bytes_max() {
                return Err(Failure::Malformed(http1::Error::HeadTooLarge));
            }
            self.hold_received()?;
            let received = match deadline {
                _ if self.takes_no_more() && self.buffers.client.is_empty() => self.receive_last(),
                None if self.buffers.client.is_empty() => self.receive_idle(),
                _ => {
                    let limit = self.head_limit();
                    self.receive_until(*deadline.get_or_insert_with(|| Instant::now() + limit))
                }
            };
            match received {
                Ok(0) => return Err(Failure::Close(self.reason_of_end())),
                Ok(_) => {}
                Err(error) => return Err(self.failure(&error, is_first)),
            }
        }
    }

    /// Holds the memory that the head that has begun may take with the next bytes.
    fn hold_received(&mut self) -> Result<(), Failure> {
        let received = &self.buffers.client;
        let wanted = match received.is_empty() {
            true => 0,
            false => received.bytes_to_fill(self.head_bytes_max() + 1),
        };
        self.hold.set(Part::Received, wanted).map_err(|UsedUp| Failure::UsedUp)
    }

    /// Waits between two requests; the program need not wait for us meanwhile.
    /// A client that stays quiet for long is waited for without buffers.
    fn receive_idle(&mut self) -> io::Result<usize> {
        let bytes_max = self.head_bytes_max() + 1;
        let socket = &self.connection.socket;
        let limit = self.shared.limits.idle_timeout;
        if !self.quiet_limit_is_set {
            socket.set_receive_timeout(Some(QUIET.min(limit)))?;
            self.quiet_limit_is_set = true;
        }
        self.connection.idle.store(true, Ordering::SeqCst);
        let received = if self.takes_no_more() {
            return self.receive_last();
        } else {
            let fill = |space: &mut [u8]| socket.receive_waiting(space);
            self.buffers.client.fill(bytes_max, fill).map(|filled| filled.bytes)
        };
        self.connection.idle.store(false, Ordering::SeqCst);
        match received {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && limit > QUIET => {
                self.buffers.client.release();
                self.buffers.daemon.release();
                let deadline = Instant::now() + limit.saturating_sub(QUIET);
                match self.await_readable(deadline)? {
                    Readable::Now => self.receive_until(deadline),
                    Readable::Never => self.receive_last(),
                }
            }
            received => received,
        }
    }

    /// Whether the program is stopping and waits for no further request. A new
    /// client's first one may still be on its way.
    fn takes_no_more(&self) -> bool {
        self.is_stopping() && !self.connection.fresh.load(Ordering::SeqCst)
    }

    /// Receives the available bytes, without waiting.
    fn receive_last(&mut self) -> io::Result<usize> {
        self.connection.idle.store(false, Ordering::SeqCst);
        let bytes_max = self.head_bytes_max() + 1;
        let fill = |space: &mut [u8]| self.connection.socket.receive(space);
        match self.buffers.client.fill(bytes_max, fill) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            received => received.map(|filled| filled.bytes),
        }
    }

    /// Receives the available bytes, or waits for some. A new client's request has
    /// mostly arrived when its thread runs.
    fn receive_until(&mut self, deadline: Instant) -> io::Result<usize> {
        let bytes_max = self.head_bytes_max() + 1;
        loop {
            let fill = |space: &mut [u8]| self.connection.socket.receive(space);
            match self.buffers.client.fill(bytes_max, fill) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => return received.map(|filled| filled.bytes),
            }
            if self.await_readable(deadline)? == Readable::Never {
                return self.receive_last();
            }
        }
    }

    fn await_readable(&self, deadline: Instant) -> io::Result<Readable> {
        let is_idle = self.buffers.client.is_empty();
        self.connection.idle.store(is_idle, Ordering::SeqCst);
        // After the mark: the thread that stops the program sees the one, or we the
        // other.
        if is_idle && self.takes_no_more() {
            return Ok(Readable::Never);
        }
        let ready = self.connection.socket.wait(PollFlags::IN, deadline);
        self.connection.idle.store(false, Ordering::SeqCst);
        ready.map(|()| Readable::Now)
    }

    fn reason_of_end(&self) -> CloseReason {
        match (self.is_stopping(), self.buffers.client.is_empty()) {
            (true, true) => CloseReason::Stopping,
            (false, true) => CloseReason::ClientDone,
            (_, false) => CloseReason::ClientTruncated,
        }
    }

    fn failure(&self, error: &io::Error, is_first: bool) -> Failure {
        match error.kind() {
            io::ErrorKind::TimedOut if self.buffers.client.is_empty() => {
                Failure::Close(if is_first { CloseReason::SlowHead } else { CloseReason::Idle })
            }
            io::ErrorKind::TimedOut => Failure::Slow,
            io::ErrorKind::WouldBlock => Failure::Close(CloseReason::Idle),
            _ => Failure::Close(CloseReason::ClientGone),
        }
    }
}
