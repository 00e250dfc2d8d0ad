//! Widths of connections: full for the first ones, small for many.
//!
//! **Invariant:** at most [`WIDE_MAX`] connections are wide and [`MIDDLE_MAX`] of
//! middle width, so that the data in sockets and buffers fits the memory of a
//! container, see `relay::Width`.
//!
//! The largest window of a TCP connection is fixed while it is established, by the
//! receive buffer of its listener. So listeners have the buffer sizes of the next
//! connection, which inherits them. A width that was used up is given again when half
//! of its connections have ended, or listeners would change with every connection.

use super::door::Caller;
use crate::relay::Width;
use crate::relay::socket::Socket;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Connections that move bulk at full speed.
const WIDE_MAX: usize = 8;
/// Connections that move it at a third of it.
const MIDDLE_MAX: usize = 24;

/// The widths in use, and the listeners.
#[derive(Debug, Default)]
pub(super) struct Rooms(Mutex<Widths>);

#[derive(Debug, Default)]
struct Widths {
    wide: Taken,
    middle: Taken,
    /// Not kept open by this.
    listeners: Vec<Weak<Socket>>,
}

/// The connections of one width.
#[derive(Debug, Default)]
struct Taken {
    count: usize,
    /// Whether no more are taken before half of them have ended.
    is_full: bool,
}

impl Taken {
    fn change(&mut self, by: isize, max: usize) {
        self.count = self.count.saturating_add_signed(by);
        self.is_full = self.count >= max || (self.is_full && self.count > max / 2);
    }
}

/// A connection's width; given back when dropped.
#[derive(Debug)]
pub(super) struct Room {
    rooms: Arc<Rooms>,
    pub(super) width: Width,
}

impl Rooms {
    /// Gives a TCP listener the size of the next connection, now and from now on.
    pub(super) fn watch(&self, listener: &Arc<Socket>) {
        let mut taken = self.lock();
        listener.limit_segments();
        taken.next().apply(listener);
        taken.listeners.push(Arc::downgrade(listener));
    }

    /// The width of one more connection.
    pub(super) fn take(self: &Arc<Self>, caller: Caller) -> Room {
        let mut taken = self.lock();
        // Strangers send a small head and get a small answer.
        let width = if caller == Caller::Stranger { Width::Narrow } else { taken.next() };
        taken.change(width, 1);
        Room { rooms: Arc::clone(self), width }
    }

    fn lock(&self) -> MutexGuard<'_, Widths> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.rooms.lock().change(self.width, -1);
    }
}

impl Widths {
    fn next(&self) -> Width {
        match self {
            Self { wide, .. } if !wide.is_full => Width::Wide,
            Self { middle, .. } if !middle.is_full => Width::Middle,
            _ => Width::Narrow,
        }
    }

    fn change(&mut self, width: Width, by: isize) {
        let before = self.next();
        match width {
            Width::Wide => self.wide.change(by, WIDE_MAX),
            Width::Middle => self.middle.change(by, MIDDLE_MAX),
            Width::Narrow => {}
        }
        let next = self.next();
        if next != before {
            for listener in self.listeners.iter().filter_map(Weak::upgrade) {
                next.apply(&listener);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{getsockopt, sockopt};

    /// The loopback device would have segments of 64 KiB, which no small window takes.
    #[test]
    fn clients_send_segments_that_fit_the_smallest_window() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let listener = Arc::new(Socket::from(std::os::fd::OwnedFd::from(listener)));
        Rooms::default().watch(&listener);
        let client = std::net::TcpStream::connect(address).unwrap();
        let segment = getsockopt(&client, sockopt::TcpMaxSeg).unwrap();
        assert!(segment as usize <= Width::Narrow.receive_bytes() / 2, "{segment}");
    }

    /// The server leaves the buffers of a wide connection alone.
    #[test]
    fn a_connection_inherits_the_buffers_of_its_width() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket =
            Arc::new(Socket::from(std::os::fd::OwnedFd::from(listener.try_clone().unwrap())));
        let rooms = Arc::new(Rooms::default());
        rooms.watch(&socket);
        let mut taken = Vec::new();
        for width in [Width::Wide, Width::Middle] {
            let _client = std::net::TcpStream::connect(address).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            let received = getsockopt(&accepted, sockopt::RcvBuf).unwrap();
            let sent = getsockopt(&accepted, sockopt::SndBuf).unwrap();
            // The kernel doubles both.
            let expected = (width.receive_bytes() * 2, width.send_bytes() * 2);
            assert_eq!((received, sent), expected, "{width:?}");
            taken.extend((0..WIDE_MAX).map(|_| rooms.take(Caller::Client)));
        }
    }

    #[test]
    fn the_first_are_wide_and_their_width_is_given_on() {
        let rooms = Arc::new(Rooms::default());
        let take = || rooms.take(Caller::Client);
        assert_eq!(rooms.take(Caller::Stranger).width, Width::Narrow);
        let mut taken: Vec<_> = (0..WIDE_MAX + MIDDLE_MAX).map(|_| take()).collect();
        let count = |width| taken.iter().filter(|room| room.width == width).count();
        assert_eq!((count(Width::Wide), count(Width::Middle)), (WIDE_MAX, MIDDLE_MAX));
        assert_eq!(take().width, Width::Narrow);
        // A width is given again when half of its connections have ended.
        taken.truncate(WIDE_MAX + MIDDLE_MAX / 2 + 1);
        assert_eq!(take().width, Width::Narrow);
        taken.pop();
        assert_eq!(take().width, Width::Middle);
        taken.drain(..WIDE_MAX / 2 - 1);
        assert_eq!(take().width, Width::Middle);
        taken.remove(0);
        assert_eq!(take().width, Width::Wide);
    }
}
