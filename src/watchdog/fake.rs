//! A service manager for the tests; its socket lives in a directory of a test.

use super::notify::Notifier;
use crate::engine::fake_daemon::{Directory, PATIENCE};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

/// A service manager: the receiving end of the notification protocol.
pub(super) struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    pub(super) fn new(directory: &Directory) -> Self {
        let path = directory.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, path }
    }

    /// A notifier as the program would make it, with that watchdog limit.
    pub(super) fn notifier(&self, watchdog_limit: Duration) -> Notifier {
        Notifier::from_lookup(|name| match name {
            "NOTIFY_SOCKET" => Some(self.path.clone().into()),
            "WATCHDOG_USEC" => Some(watchdog_limit.as_micros().to_string().into()),
            _ => None,
        })
    }

    /// The next message.
    pub(super) fn next(&self) -> String {
        let mut message = [0; 512];
        let length = self.socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    /// The next message that is not `usual`.
    pub(super) fn next_other_than(&self, usual: &str) -> String {
        std::iter::repeat_with(|| self.next()).find(|message| message != usual).unwrap()
    }
}
