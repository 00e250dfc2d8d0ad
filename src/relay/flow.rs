//! One direction of an exchange: received bytes, decoded, written anew.
//!
//! **Invariant:** a flow reads only when it has nothing left to write: a receiver
//! that stops reading stops the sender, and memory stays bounded.
//! **Invariant:** bytes behind the body's end stay in the buffer.
//! **Invariant:** chunks are never merged. Of a daemon's chunks only large ones are
//! split; the beginning of a smaller one waits in the buffer for the rest.

use super::Fault;
use super::buffer::{BULK_BYTES, Buffer};
use super::skip::{SKIPPED_BYTES_MAX, SKIPPING_MAX, skip_body};
use super::socket::Socket;
use super::splice::Splice;
use super::width::Width;
use crate::http1::chunked::{Chunks, Split};
use crate::http1::{BodyReader, Encoding};
use rustix::event::PollFlags;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::time::Instant;

/// The most that an upload moves through a pipe in one call: the backlog of the
/// client's socket, since a unix socket has no packets to fill.
const UPLOAD_CALL_BYTES: usize = 512 * 1024;

/// Which of the two peers a flow reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Client to daemon.
    Upload,
    /// Daemon to client.
    Download,
}

/// The event that a flow waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Need {
    /// Bytes from its sender.
    Read,
    /// Room at its receiver.
    Write,
    /// Nothing: it can go on at once.
    Again,
    /// Nothing: it has ended and everything is written.
    Ended,
}

/// One direction.
#[derive(Debug)]
pub struct Flow<'a> {
    direction: Direction,
    from: &'a Socket,
    to: &'a Socket,
    /// The bytes received and not yet written.
    pub buffer: &'a mut Buffer,
    /// The bytes written first: a printed head, a chunk's size line.
    pub prefix: &'a mut Vec<u8>,
    reader: BodyReader,
    encoding: Encoding,
    piece: Piece,
    bulk: Bulk<'a>,
    width: Width,
    /// Whether the receiver's socket has been limited to the width.
    is_limited: bool,
    /// Whether the buffer holds a part of a chunk that is sent whole.
    awaits_rest: bool,
    /// Whether the receiver takes no more.
    abandoned: bool,
    /// Whether the sender may have bytes for us.
    pub readable: bool,
    /// Bytes of the body that were received.
    received_bytes: u64,
    /// Bytes of the body that were written.
    pub body_bytes: u64,
}

/// How far a body has become a bulk transfer.
#[derive(Debug)]
enum Bulk<'a> {
    /// Not yet.
    No,
    /// It has filled a bulk buffer.
    Seen,
    /// It goes through a pipe.
    Piped(Splice<'a>),
    /// It has to be copied: there is no pipe, or the sockets cannot be spliced.
    Copied,
}

/// Body bytes on their way out, between prefix and suffix.
#[derive(Debug, Default)]
struct Piece {
    data: Range<usize>,
    /// Of `data`, without the framing of chunks.
    body_bytes: usize,
    consumed: usize,
    suffix: &'static [u8],
    sent: usize,
}

impl Piece {
    fn is_unset(&self) -> bool {
        self.consumed == 0 && self.suffix.is_empty() && self.sent == 0
    }
}

impl<'a> Flow<'a> {
    /// A flow for a body that `reader` finds and `encoding` writes.
    pub fn new(
        direction: Direction,
        (from, to): (&'a Socket, &'a Socket),
        (buffer, prefix): (&'a mut Buffer, &'a mut Vec<u8>),
        (reader, encoding): (BodyReader, Encoding),
    ) -> Self {
        let piece = Piece::default();
        let (bulk, awaits_rest, abandoned, readable) = (Bulk::No, false, false, false);
        Self {
            direction,
            from,
            to,
            buffer,
            prefix,
            reader,
            encoding,
            piece,
            bulk,
            width: Width::Wide,
            is_limited: false,
            awaits_rest,
            abandoned,
            readable,
            received_bytes: 0,
            body_bytes: 0,
        }
    }

    /// The same flow, but for a connection of that width.
    #[must_use]
    pub fn within(mut self, width: Width) -> Self {
        self.width = width;
        self
    }

    /// The bytes held for a receiver that takes nothing: the buffer, its socket's
    /// queue, and for an upload the queue of the client's socket too: more than its
    /// limit, if a larger window was announced.
    pub(super) fn stalled_bytes(&self) -> usize {
        let behind = match self.direction {
            Direction::Upload => self.width.receive_bytes().max(self.from.waiting_bytes() / 2),
            Direction::Download => 0,
        };
        self.buffer.held_bytes() + 2 * (self.width.send_bytes() + behind)
    }

    /// Whether the body goes through a pipe.
    #[cfg(test)]
    pub(super) fn is_piped(&self) -> bool {
        matches!(self.bulk, Bulk::Piped(_))
    }

    /// Begins another body in the same direction.
    pub fn begin(&mut self, reader: BodyReader, encoding: Encoding) {
        (self.reader, self.encoding) = (reader, encoding);
    }

    /// Whether the body was received whole.
    #[must_use]
    pub fn is_received(&self) -> bool {
        self.reader.is_done()
    }

    /// Whether pending bytes, such as a head, have not been written in any part.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        !self.prefix.is_empty() && self.piece.sent == 0
    }

    /// Gives up: pending bytes are never written. The position in the body is still
    /// known, so that its end can be found.
    pub fn abandon(&mut self) {
        self.abandoned = true;
        self.awaits_rest = false;
        self.prefix.clear();
        self.buffer.consume(std::mem::take(&mut self.piece).consumed);
        self.bulk = Bulk::No;
    }

    /// Goes on as far as an upload can. A daemon that closes early may have answered
    /// before: then the upload ends, and the download goes on.
    ///
    /// # Errors
    /// As [`Self::step`], but for the daemon's.
    pub fn step_upload(&mut self) -> Result<Need, Fault> {
        match self.step() {
            Err(Fault::Daemon(_)) => {
                self.abandon();
                Ok(Need::Ended)
            }
            result => result,
        }
    }

    /// Receives the rest of an upload, if it is short and comes soon: then the
    /// client's connection can carry another request, and the response's head may
    /// promise it. Bytes that the daemon no longer takes are dropped.
    ///
    /// # Errors
    /// The client's I/O, or a malformed body.
    pub fn finish_upload(&mut self) -> Result<(), Fault> {
        let deadline = Instant::now() + SKIPPING_MAX;
        let enough = self.received_bytes.saturating_add(SKIPPED_BYTES_MAX);
        while !self.is_received() {
            let left_max = enough.saturating_sub(self.received_bytes);
            if left_max == 0 || self.reader.rest_bytes_min() > left_max {
                return Ok(());
            }
            let need = match self.step_upload() {
                // The response is whole all the same; the end is seen again.
                Err(Fault::Truncated(_)) => return Ok(()),
                need => need?,
            };
            if self.abandoned {
                skip_body(self.from, self.buffer, &mut self.reader, left_max, deadline);
                return Ok(());
            }
            if !self.await_need(need, deadline)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Waits until the flow can go on; false at the deadline.
    fn await_need(&mut self, need: Need, deadline: Instant) -> Result<bool, Fault> {
        let ready = match need {
            Need::Read => self.from.wait(PollFlags::IN, deadline),
            Need::Write => self.to.wait(PollFlags::OUT, deadline),
            Need::Again | Need::Ended => Ok(()),
        };
        match ready {
            Ok(()) => {
                self.readable |= need == Need::Read;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(false),
            Err(error) => Err(Fault::sender(self.direction, error)),
        }
    }

    /// Goes on as far as it can with at most one receive.
    ///
    /// # Errors
    /// A fault of the sender's framing, its early end, or either side's I/O.
    pub fn step(&mut self) -> Result<Need, Fault> {
        if self.abandoned {
            return Ok(Need::Ended);
        }
        let mut may_receive = true;
        loop {
            // Before writing: a head leaves together with the body behind it,
            // which spares a system call and the receiver a second wake-up.
            if self.has_body_to_decode() {
                self.decode()?;
            }
            if !self.write()? || !self.drain_pipe()? {
                return Ok(Need::Write);
            }
            if self.reader.is_done() {
                return Ok(Need::Ended);
            }
            if !self.buffer.is_empty() && !self.awaits_rest {
                continue;
            }
            if !self.readable {
                return Ok(Need::Read);
            } else if may_receive {
                may_receive = false;
                self.receive_any_way()?;
            } else {
                return Ok(Need::Again);
            }
        }
    }

    fn has_body_to_decode(&self) -> bool {
        let is_unread = !self.buffer.is_empty() && !self.awaits_rest;
        !self.reader.is_done() && is_unread && self.piece.is_unset()
    }

    /// Writes the pending bytes; true if none are left.
    fn write(&mut self) -> Result<bool, Fault> {
        let data = self.buffer.filled().get(self.piece.data.clone()).unwrap_or_default();
        let parts = [self.prefix.as_slice(), data, self.piece.suffix];
        let total: usize = parts.iter().map(|part| part.len()).sum();
        while self.piece.sent < total {
            match send_rest(self.to, parts, self.piece.sent, self.width) {
                Ok(sent) => self.piece.sent += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(Fault::receiver(self.direction, error)),
            }
        }
        self.body_bytes += self.piece.body_bytes as u64;
        self.prefix.clear();
        self.buffer.consume(std::mem::take(&mut self.piece).consumed);
        if self.width != Width::Wide && self.buffer.held_bytes() > self.width.buffer_bytes() {
            self.buffer.release();
        }
        Ok(true)
    }

    fn decode(&mut self) -> Result<(), Fault> {
        let received = self.buffer.filled_mut();
        let received_bytes = received.len();
        let chunks = match (self.encoding, self.direction) {
            (Encoding::Plain, _) => self.reader.decode(received).map(Chunks::one),
            (Encoding::Chunked, Direction::Upload) => {
                self.reader.rechunk(received, Split::Anywhere)
            }
            (Encoding::Chunked, Direction::Download) => {
                self.reader.rechunk(received, Split::LargeOnly)
            }
        }
        .map_err(|error| Fault::Framing(self.direction, error))?;
        let Chunks { first_bytes, printed: data, body_bytes, consumed } = chunks;
        self.awaits_rest = !self.reader.is_done() && consumed < received_bytes;
        self.received_bytes += body_bytes as u64;
        self.encoding.print_before(first_bytes, self.prefix);
        let suffix = self.encoding.after(!data.is_empty(), self.reader.is_done());
        self.piece = Piece { data, body_bytes, consumed, suffix, sent: 0 };
        Ok(())
    }

    /// Through the pipe, where the rest of the body needs no look and there is
    /// enough of it; else into the buffer.
    fn receive_any_way(&mut self) -> Result<(), Fault> {
        let unframed = self.reader.unframed_bytes();
        let is_wide = self.width == Width::Wide;
        if is_wide && self.encoding == Encoding::Plain && unframed > BULK_BYTES as u64 {
            if matches!(self.bulk, Bulk::Seen) {
                self.bulk = self.open_pipe();
            }
            if matches!(self.bulk, Bulk::Piped(_)) {
                return self.receive_into_pipe(unframed);
            }
        }
        self.receive()
    }

    fn open_pipe(&mut self) -> Bulk<'a> {
        let pipe = match self.direction {
            Direction::Upload => Splice::new(self.from, UPLOAD_CALL_BYTES),
            Direction::Download => Splice::new(self.to, BULK_BYTES),
        };
        match pipe {
            Ok(pipe) => {
                self.buffer.release();
                Bulk::Piped(pipe)
            }
            Err(_) => Bulk::Copied,
        }
    }

    fn receive_into_pipe(&mut self, bytes_max: u64) -> Result<(), Fault> {
        let Bulk::Piped(pipe) = &mut self.bulk else { return self.receive() };
        match pipe.fill(self.from, bytes_max) {
            Ok(0) => self.end_of_data(),
            Ok(taken) => {
                self.received_bytes += taken as u64;
                self.reader.skip(taken as u64);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                self.bulk = Bulk::Copied;
                self.receive()
            }
            Err(error) => Err(Fault::sender(self.direction, error)),
        }
    }

    /// Writes the bytes in the pipe; true if none are left.
    fn drain_pipe(&mut self) -> Result<bool, Fault> {
        let Bulk::Piped(pipe) = &mut self.bulk else { return Ok(true) };
        while !pipe.is_empty() {
            match pipe.drain(self.to) {
                Ok(written) => self.body_bytes += written as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(Fault::receiver(self.direction, error)),
            }
        }
        Ok(true)
    }

    fn receive(&mut self) -> Result<(), Fault> {
        // A chunk that is not split waits here for its rest, at any width.
        let bytes_max = if self.awaits_rest { BULK_BYTES } else { self.width.buffer_bytes() };
        match self.buffer.fill(bytes_max, |space| self.from.receive(space)) {
            Ok(filled) if filled.bytes == 0 => self.end_of_data(),
            Ok(filled) => {
                self.limit_receiver(filled.all_space);
                self.readable = filled.all_space;
                self.awaits_rest = false;
                if filled.bytes >= BULK_BYTES && matches!(self.bulk, Bulk::No) {
                    self.bulk = Bulk::Seen;
                }
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(())
            }
            Err(error) => Err(Fault::sender(self.direction, error)),
        }
    }

    /// Limits the queue of the daemon's socket, for a body of more than a few
    /// bytes. The client's has its limit from the start.
    fn limit_receiver(&mut self, is_large: bool) {
        if is_large && !self.is_limited && self.direction == Direction::Upload {
            self.is_limited = true;
            self.to.limit_sent(self.width.send_bytes());
        }
    }

    fn end_of_data(&mut self) -> Result<(), Fault> {
        self.readable = false;
        if !self.reader.ends_at_close() {
            return Err(Fault::Truncated(self.direction));
        }
        self.reader = BodyReader::Done;
        self.piece.suffix = self.encoding.after(false, true);
        Ok(())
    }
}

/// Sends the bytes behind the first `sent` bytes of three parts.
fn send_rest(to: &Socket, parts: [&[u8]; 3], mut sent: usize, width: Width) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); 3];
    let mut count = 0;
    for part in parts {
        let rest = part.get(sent..).unwrap_or_default();
        sent = sent.saturating_sub(part.len());
        if let (false, Some(slot)) = (rest.is_empty(), slices.get_mut(count)) {
            *slot = IoSlice::new(rest);
            count += 1;
        }
    }
    let slices = slices.get(..count).unwrap_or_default();
    if width == Width::Narrow { to.send_apart(slices) } else { to.send(slices) }
}
