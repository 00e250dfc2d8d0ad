//! Reads a body that must be judged before anything of the request is sent.
//!
//! **Invariant:** at most [`INSPECTED_BODY_BYTES_MAX`] are held, and an announced
//! larger body is refused before it is read.

use super::memory::{Part, UsedUp, bytes_to_judge};
use super::{CloseReason, Session};
use crate::http1::{self, BodyReader, Reply, Request, RequestBody};
use rustix::event::PollFlags;
use std::io;
use std::time::Instant;

/// Largest body that is judged. Create bodies of real clients are some KiB;
/// Compose configs and secrets, the largest, are limited to 500 KiB by Swarm.
pub(super) const INSPECTED_BODY_BYTES_MAX: usize = 1024 * 1024;

/// What may be received at once: body and framing.
const RECEIVE_BYTES_MAX: usize = 64 * 1024;

/// Why a body could not be read whole.
#[derive(Debug)]
pub(super) enum Failure {
    TooLarge,
    Slow,
    Gone,
    Malformed(http1::Error),
    /// The budget for memory is used up.
    UsedUp,
}

impl Failure {
    pub(super) fn reason(&self) -> CloseReason {
        match self {
            Self::TooLarge | Self::UsedUp => CloseReason::Refused,
            Self::Slow => CloseReason::SlowBody,
            Self::Gone => CloseReason::ClientTruncated,
            Self::Malformed(_) => CloseReason::BadBody,
        }
    }

    pub(super) fn explain(&self) -> &'static str {
        match self {
            Self::TooLarge => "the body is larger than the 1 MiB that can be inspected",
            Self::Slow => "the body took too long",
            Self::Gone => "the client ended before its body did",
            Self::Malformed(error) => error.explain(),
            Self::UsedUp => super::MEMORY_USED_UP,
        }
    }

    pub(super) fn status(&self) -> u16 {
        match self {
            Self::TooLarge => 413,
            Self::Slow => 408,
            Self::Gone => 400,
            Self::Malformed(error) => error.status(),
            Self::UsedUp => 503,
        }
    }

    pub(super) fn reply(&self) -> Option<Reply> {
        let text = format!("socket-proxy: {}", self.explain());
        let mut reply = Reply::new(self.status(), text);
        reply.retry_after_seconds = matches!(self, Self::UsedUp).then_some(1);
        (!matches!(self, Self::Gone)).then_some(reply)
    }
}

impl Session<'_> {
    /// The whole body of a request, unframed.
    pub(super) fn read_body(&mut self, request: &Request<'_>) -> Result<Vec<u8>, Failure> {
        if let RequestBody::Length(length) = request.body()
            && length.get() > INSPECTED_BODY_BYTES_MAX as u64
        {
            return Err(Failure::TooLarge);
        }
        if request.expects_continue() && self.buffers.client.is_empty() {
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| Failure::Gone)?;
        }
        let mut reader = BodyReader::from(request.body());
        let deadline = Instant::now() + self.shared.limits.header_timeout;
        let mut body = Vec::new();
        while !reader.is_done() {
            if self.buffers.client.is_empty() {
                self.receive_body(deadline)?;
            }
            let received = self.buffers.client.filled_mut();
            let decoded = reader.decode(received).map_err(Failure::Malformed)?;
            let data = received.get(decoded.data).unwrap_or_default();
            if let Some(larger) = larger_capacity(&body, data.len()) {
                self.hold.set(Part::Body, larger).map_err(|UsedUp| Failure::UsedUp)?;
                body.reserve_exact(larger - body.len());
            }
            body.extend_from_slice(data);
            self.buffers.client.consume(decoded.consumed);
            if body.len() > INSPECTED_BODY_BYTES_MAX {
                return Err(Failure::TooLarge);
            }
        }
        self.unread = BodyReader::Done;
        self.buffers.client.give_back();
        self.hold.release(Part::Received);
        self.hold.set(Part::Body, bytes_to_judge(&body)).map_err(|UsedUp| Failure::UsedUp)?;
        Ok(body)
    }

    fn receive_body(&mut self, deadline: Instant) -> Result<(), Failure> {
        let socket = &self.connection.socket;
        loop {
            socket.wait(PollFlags::IN, deadline).map_err(|_| Failure::Slow)?;
            let wanted = self.buffers.client.bytes_to_fill(RECEIVE_BYTES_MAX);
            self.hold.set(Part::Received, wanted).map_err(|UsedUp| Failure::UsedUp)?;
            match self.buffers.client.fill(RECEIVE_BYTES_MAX, |space| socket.receive(space)) {
                Ok(filled) if filled.bytes > 0 => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => return Err(Failure::Gone),
            }
        }
    }
}

/// The capacity to give a body before more bytes are added, if it has too little:
/// it doubles, so that a body is copied a few times only.
fn larger_capacity(body: &Vec<u8>, more: usize) -> Option<usize> {
    let needed = body.len() + more;
    (needed > body.capacity()).then(|| needed.max(body.capacity() * 2))
}
