//! How much a connection may hold on its way: in our buffers and in the kernel's.
//!
//! The kernel charges socket buffers to the container's memory. Without a limit, a
//! socket takes up to some MiB, so twenty slow readers fill 64 MiB. A few
//! connections get buffers large enough for fast bulk transfers; many get small
//! ones.

use super::buffer::BULK_BYTES;
use super::socket::Socket;

/// A connection's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Bulk at full speed.
    Wide,
    /// Bulk at a third of it.
    Middle,
    /// For one of many.
    Narrow,
}

impl Width {
    /// The most that one direction receives at once.
    pub(super) fn buffer_bytes(self) -> usize {
        match self {
            Self::Wide => BULK_BYTES,
            Self::Middle => 16 * 1024,
            // A packet of a unix socket, with the kernel's part, fits a page.
            Self::Narrow => 3584,
        }
    }

    /// The limit of the receive buffer. The kernel doubles it, for its own
    /// overhead.
    #[must_use]
    pub fn receive_bytes(self) -> usize {
        match self {
            Self::Wide => 128 * 1024,
            Self::Middle => 16 * 1024,
            Self::Narrow => 4 * 1024,
        }
    }

    /// The limit of the send buffer; counted likewise.
    #[must_use]
    pub fn send_bytes(self) -> usize {
        match self {
            Self::Wide => 64 * 1024,
            Self::Middle => 16 * 1024,
            Self::Narrow => 4 * 1024,
        }
    }

    /// Applies the share to both directions of a socket.
    pub fn apply(self, socket: &Socket) {
        socket.limit_received(self.receive_bytes());
        socket.limit_sent(self.send_bytes());
    }
}
