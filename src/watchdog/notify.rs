//! The service manager's notification protocol (sd_notify(3)).
//!
//! One datagram per message, to the socket that `NOTIFY_SOCKET` names.
//!
//! Invariants: a program that no manager started behaves the same and sends
//! nothing; a manager that does not listen never holds the program up for longer
//! than a second; a message cannot be split by its content.
//!
//! This deliberately does not remove the variables from the environment (nothing is
//! executed that could inherit them), nor speak `vsock:`, which is for virtual
//! machines.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

const SEND_LIMIT: Duration = Duration::from_secs(1);

/// A line to the service manager; without one, every message goes nowhere.
#[derive(Debug, Clone, Default)]
pub struct Notifier {
    socket: Option<Arc<UnixDatagram>>,
    watchdog_pace: Option<Duration>,
}

impl Notifier {
    /// The service manager's settings from the environment.
    ///
    /// A socket that cannot be reached is logged and treated as none: the
    /// manager will find out by its own time limit.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    pub(super) fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let Some(name) = lookup("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self::default();
        };
        match connect(&name) {
            Ok(socket) => {
                Self { socket: Some(Arc::new(socket)), watchdog_pace: watchdog_pace(lookup) }
            }
            Err(error) => {
                log::warn!(socket:% = name.display(), error:% = error;
                    "cannot reach the service manager (NOTIFY_SOCKET)");
                Self::default()
            }
        }
    }

    /// How often the manager's watchdog wants to be fed: twice in its time
    /// limit, as sd_watchdog_enabled(3) advises. `None` if it has no limit.
    #[must_use]
    pub fn watchdog_pace(&self) -> Option<Duration> {
        self.watchdog_pace
    }

    /// The listeners are open: units that wait for this one may start.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// The program is stopping and finishes its pending work.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// One line for `systemctl status`.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", text.replace(char::is_control, "?")));
    }

    /// Feeds the manager's watchdog.
    pub fn alive(&self) {
        if self.watchdog_pace.is_some() {
            self.send("WATCHDOG=1");
        }
    }

    fn send(&self, message: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(message.as_bytes()) {
            log::debug!(error:% = error, message; "cannot notify the service manager");
        }
    }
}

/// `@` begins the name of an abstract socket, anything else is a path.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_write_timeout(Some(SEND_LIMIT))?;
    Ok(socket)
}

/// `WATCHDOG_USEC`, unless `WATCHDOG_PID` names another process.
fn watchdog_pace(lookup: impl Fn(&str) -> Option<OsString>) -> Option<Duration> {
    let number = |name| lookup(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
    if lookup("WATCHDOG_PID").is_some()
        && number("WATCHDOG_PID") != Some(u64::from(std::process::id()))
    {
        return None;
    }
    number("WATCHDOG_USEC").filter(|usec| *usec >= 2).map(|usec| Duration::from_micros(usec / 2))
}

#[cfg(test)]
mod tests {
    use super::super::fake::Manager;
    use super::*;
    use crate::engine::fake_daemon::Directory;

    fn notifier(variables: &[(&str, &str)]) -> Notifier {
        Notifier::from_lookup(|name| {
            let (_, value) = variables.iter().find(|(variable, _)| *variable == name)?;
            Some((*value).into())
        })
    }

    #[test]
    fn messages_are_the_protocols_own() {
        let directory = Directory::new();
        let manager = Manager::new(&directory);
        let notifier = manager.notifier(Duration::from_secs(30));
        let check = |say: &dyn Fn(&Notifier), expected| {
            say(&notifier);
            assert_eq!(manager.next(), expected);
        };
        check(&|it| it.ready(), "READY=1");
        check(&|it| it.stopping(), "STOPPING=1");
        check(&|it| it.alive(), "WATCHDOG=1");
        check(&|it| it.status("fine"), "STATUS=fine");
        check(&|it| it.status("a\nREADY=1"), "STATUS=a?READY=1");
    }

    #[test]
    fn an_abstract_name_is_a_socket_too() {
        let name = format!("socket-proxy-test-{}", std::process::id());
        let manager =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        notifier(&[("NOTIFY_SOCKET", &format!("@{name}"))]).ready();
        let mut message = [0; 64];
        assert_eq!(manager.recv(&mut message).unwrap(), 7);
        assert_eq!(&message[..7], b"READY=1");
    }

    #[test]
    fn without_a_manager_nothing_is_sent_and_nothing_fails() {
        for name in ["", "/nonexistent/notify", "vsock:2:1234", "relative"] {
            let notifier = notifier(&[("NOTIFY_SOCKET", name), ("WATCHDOG_USEC", "1000")]);
            assert!(notifier.socket.is_none(), "{name}");
            assert_eq!(notifier.watchdog_pace(), None, "{name}");
            notifier.ready();
        }
    }

    #[test]
    fn the_watchdog_is_fed_twice_in_its_limit_if_it_means_us() {
        let own = std::process::id().to_string();
        let check = |variables: &[(&str, &str)], expected| {
            let lookup = |name: &str| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
            };
            assert_eq!(watchdog_pace(lookup), expected, "{variables:?}");
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        check(&[], None);
        check(&[("WATCHDOG_USEC", "30000000")], seconds(15));
        check(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", &own)], seconds(15));
        check(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "1")], None);
        check(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "x")], None);
        check(&[("WATCHDOG_USEC", "0")], None);
        check(&[("WATCHDOG_USEC", "soon")], None);
        check(&[("WATCHDOG_PID", &own)], None);
    }
}
