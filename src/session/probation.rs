//! Connections without a client's place: strangers, and those that may turn out to
//! be clients.
//!
//! **Invariant:** such a connection serves one request. If the request is refused
//! because of its client, the connection ends; if not, it takes a client's place
//! first.
//! **Invariant:** its head has two seconds at most, and a
//! stranger's 8 KiB.

use super::{After, Session};
use crate::http1::{HEAD_BYTES_MAX, Request};
use crate::outcome::Refusal;
use std::fmt::Debug;
use std::time::Duration;

/// Time for the head.
const HEAD_LIMIT: Duration = Duration::from_secs(2);

/// Longest head of a stranger.
const STRANGER_HEAD_BYTES_MAX: usize = 8 * 1024;

/// How long a close waits for the client to read its answer.
pub(super) const LINGER_MAX: Duration = Duration::from_millis(500);

/// The place of a connection.
pub trait Seat: Debug {
    /// Takes a client's place instead of the present one.
    ///
    /// # Errors
    /// The reason why there is none, for messages.
    fn become_client(&self) -> Result<(), &'static str>;
}

/// The limits of a connection without a client's place.
#[derive(Debug, Clone, Copy)]
pub struct Probation<'a> {
    seat: &'a dyn Seat,
    head_bytes_max: usize,
}

impl<'a> Probation<'a> {
    /// For a client whose address is on no list.
    pub fn of_stranger(seat: &'a dyn Seat) -> Self {
        Self { seat, head_bytes_max: STRANGER_HEAD_BYTES_MAX }
    }

    /// For a client that is not known yet.
    pub fn of_unknown(seat: &'a dyn Seat) -> Self {
        Self { seat, head_bytes_max: HEAD_BYTES_MAX }
    }
}

impl Session<'_> {
    /// The longest head that is read.
    pub(super) fn head_bytes_max(&self) -> usize {
        self.probation.map_or(HEAD_BYTES_MAX, |probation| probation.head_bytes_max)
    }

    /// The time for a head.
    pub(super) fn head_limit(&self) -> Duration {
        let limit = self.shared.limits.header_timeout;
        if self.probation.is_some() { limit.min(HEAD_LIMIT) } else { limit }
    }

    /// Takes a client's place, now that the client is known to be one.
    ///
    /// # Errors
    /// The end of the connection, if there is no place.
    pub(super) fn end_probation(&mut self, request: &Request<'_>) -> Result<(), After> {
        let Some(probation) = self.probation else { return Ok(()) };
        match probation.seat.become_client() {
            Ok(()) => {
                self.probation = None;
                Ok(())
            }
            Err(reason) => Err(self.refuse(request, &Refusal::NoPlace(reason))),
        }
    }
}
