//! Reads a body that must be judged before anything of the request is sent.
//!
//! **Invariant:** at most [`INSPECTED_BODY_BYTES_MAX`] are held, and an announced
//! larger body is refused before it is read.

use super::Session;
use super::memory::{BYTES_PER_CLIENT_MAX, Part, UsedUp, bytes_to_judge};
use crate::http1::{Request, RequestBody};
use crate::outcome::BodyFailure;
use rustix::event::PollFlags;
use std::io;
use std::time::Instant;

/// Largest body that is judged. Create bodies of real clients are some KiB;
/// Compose configs and secrets, the largest, are limited to 500 KiB by Swarm.
pub(super) const INSPECTED_BODY_BYTES_MAX: usize = 1024 * 1024;

/// The most that is received at once: body and framing.
const RECEIVE_BYTES_MAX: usize = 64 * 1024;

impl Session<'_> {
    /// The whole body of a request, unframed.
    pub(super) fn read_body(&mut self, request: &Request<'_>) -> Result<Vec<u8>, BodyFailure> {
        if let RequestBody::Length(length) = request.body()
            && length.get() > INSPECTED_BODY_BYTES_MAX as u64
        {
            return Err(BodyFailure::TooLarge);
        }
        if request.expects_continue() && self.buffers.client.is_empty() {
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| BodyFailure::Gone)?;
        }
        let deadline = Instant::now() + self.shared.limits.header_timeout;
        let mut body = Vec::new();
        while !self.unread.is_done() {
            if self.buffers.client.is_empty() {
                self.receive_body(deadline)?;
            }
            let received = self.buffers.client.filled_mut();
            let decoded = self.unread.decode(received).map_err(BodyFailure::Malformed)?;
            let data = received.get(decoded.data).unwrap_or_default();
            if let Some(larger) = larger_capacity(&body, data.len()) {
                self.hold.set(Part::Body, larger).map_err(|UsedUp| BodyFailure::UsedUp)?;
                body.reserve_exact(larger - body.len());
            }
            body.extend_from_slice(data);
            self.buffers.client.consume(decoded.consumed);
            if body.len() > INSPECTED_BODY_BYTES_MAX {
                return Err(BodyFailure::TooLarge);
            }
        }
        self.buffers.client.give_back();
        self.hold.release(Part::Received);
        let bytes = bytes_to_judge(&body);
        if bytes > BYTES_PER_CLIENT_MAX {
            return Err(BodyFailure::TooLarge);
        }
        self.hold.set(Part::Body, bytes).map_err(|UsedUp| BodyFailure::UsedUp)?;
        Ok(body)
    }

    fn receive_body(&mut self, deadline: Instant) -> Result<(), BodyFailure> {
        let socket = &self.connection.socket;
        loop {
            socket.wait(PollFlags::IN, deadline).map_err(|_| BodyFailure::Slow)?;
            let wanted = self.buffers.client.bytes_to_fill(RECEIVE_BYTES_MAX);
            self.hold.set(Part::Received, wanted).map_err(|UsedUp| BodyFailure::UsedUp)?;
            match self.buffers.client.fill(RECEIVE_BYTES_MAX, |space| socket.receive(space)) {
                Ok(filled) if filled.bytes > 0 => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => return Err(BodyFailure::Gone),
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
