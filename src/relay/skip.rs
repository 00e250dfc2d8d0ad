//! Drops the rest of a body whose request is already answered.
//!
//! **Invariant:** the connection carries another request only if the body's end was
//! found; bytes behind it stay in the buffer.

use super::buffer::Buffer;
use super::socket::Socket;
use crate::http1::BodyReader;
use rustix::event::PollFlags;
use std::io;
use std::time::{Duration, Instant};

/// The most that is skipped, as in Go's server (`maxPostHandlerReadBytes`).
pub const SKIPPED_BYTES_MAX: u64 = 256 * 1024;

/// How long an answer waits for the rest of its request's body. A client that sends
/// its body behind the head needs a moment; one that waits for the answer never will.
pub const SKIPPING_MAX: Duration = Duration::from_millis(100);

/// The most that is received at once of a dropped body.
const SKIPPED_AT_ONCE_BYTES: usize = 16 * 1024;

/// Reads a body to its end and drops it, so that the connection can carry another
/// request. Returns whether the end was found: within `bytes_max` more bytes, before
/// the deadline, and with proper framing. Bytes behind it stay in the buffer.
pub fn skip_body(
    client: &Socket,
    buffer: &mut Buffer,
    reader: &mut BodyReader,
    bytes_max: u64,
    deadline: Instant,
) -> bool {
    let mut left = bytes_max;
    while !reader.is_done() {
        if reader.rest_bytes_min() > left {
            return false;
        }
        if buffer.is_empty() && !receive_before(client, buffer, deadline) {
            return false;
        }
        let Ok(decoded) = reader.decode(buffer.filled_mut()) else { return false };
        buffer.consume(decoded.consumed);
        match left.checked_sub(decoded.consumed as u64) {
            Some(rest) => left = rest,
            None => return false,
        }
    }
    true
}

fn receive_before(client: &Socket, buffer: &mut Buffer, deadline: Instant) -> bool {
    loop {
        match buffer.fill(SKIPPED_AT_ONCE_BYTES, |space| client.receive(space)) {
            Ok(filled) => return filled.bytes > 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
        if client.wait(PollFlags::IN, deadline).is_err() {
            return false;
        }
    }
}
