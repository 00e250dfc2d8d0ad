//! The health listener, `HEAD /health` on 127.0.0.1:55555.
//!
//! **Invariant:** the daemon's time is bounded (`HEALTH_PROBE_LIMIT`). Requests that
//! come during a probe share its result.
//!
//! The address is fixed and local: a client that can connect shares the network
//! namespace with the proxy.

use super::listener::{self, Service};
use crate::config::HEALTH_ADDRESS;
use crate::engine::{PingError, ping};
use crate::http1::{Method, Reply, Version};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the daemon may take, so that the answer reaches the health check
/// within [`super::healthcheck::HEALTHCHECK_LIMIT`].
const HEALTH_PROBE_LIMIT: Duration = Duration::from_secs(3);

/// Carries the cause to the health check, since an answer to HEAD has no body.
pub(super) const CAUSE_FIELD: &str = "Socket-Proxy-Cause";

const SERVICE: Service = Service {
    name: "health",
    method: Method::Head,
    path: "/health",
    otherwise: "only HEAD /health is served here",
};

/// A listener that is bound but does not serve yet.
#[derive(Debug)]
pub struct HealthListener {
    listener: TcpListener,
    socket: PathBuf,
}

impl HealthListener {
    /// Binds [`HEALTH_ADDRESS`], for the health of the daemon behind `socket`.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub fn bind(socket: &Path) -> io::Result<Self> {
        Self::bind_to(HEALTH_ADDRESS, socket)
    }

    fn bind_to(address: SocketAddr, socket: &Path) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address)?, socket: socket.to_owned() })
    }

    /// Serves for as long as the program lives.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn serve(self) -> io::Result<()> {
        listener::serve(self.listener, SERVICE, move || ask_daemon(&self.socket))
    }
}

/// The response about the daemon behind a socket.
fn ask_daemon(socket: &Path) -> Vec<u8> {
    let outcome = ping(socket, HEALTH_PROBE_LIMIT);
    if let Err(cause) = &outcome {
        log::error!(origin = "healthcheck", error:% = cause; "health check failed");
    }
    let mut response = Vec::new();
    health_reply(&outcome).print(true, Version::Http11, false, &mut response);
    response
}

fn health_reply(outcome: &Result<(), PingError>) -> Reply {
    match outcome {
        Ok(()) => Reply::new(200, "the daemon answers"),
        Err(error) => {
            let cause = error.to_string();
            Reply { field: Some((CAUSE_FIELD, cause.clone())), ..Reply::new(503, cause) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::healthcheck::{HEALTHCHECK_LIMIT, ask_health};
    use super::listener::{ASKERS_MAX, CLIENT_LIMIT, HEAD_BYTES_MAX, WAITING_MAX, answer_askers};
    use super::*;
    use crate::engine::fake_daemon::{self, Directory};
    use crate::relay::socket::Socket;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};
    use std::os::fd::OwnedFd;
    use std::sync::mpsc::sync_channel;
    use std::thread;
    use std::time::Instant;

    /// Serves the health of a directory's socket on some free port.
    fn serve(directory: &Directory) -> SocketAddr {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = HealthListener::bind_to(any_port, &directory.socket()).unwrap();
        let address = listener.listener.local_addr().unwrap();
        listener.serve().unwrap();
        address
    }

    fn check(address: SocketAddr, request: &str, expected: &str) {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with(expected), "{request:?}: {reply:?}, not {expected:?}");
        let end = if request.starts_with("HEAD ") { "\r\n\r\n" } else { "\"}\n" };
        assert!(reply.ends_with(end), "{request:?}: {reply:?}");
    }

    #[test]
    fn only_head_of_health_is_answered() {
        let directory = Directory::new();
        fake_daemon::answering(&directory.socket(), fake_daemon::PONG);
        let address = serve(&directory);
        check(address, "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ");
        check(address, "HEAD /health HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ");
        check(address, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ");
        check(address, "POST /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ");
        check(address, "head /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ");
        check(address, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ");
        check(address, "HEAD /health/ HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ");
        check(address, "GET /containers/json HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ");
        check(address, "nonsense\r\n\r\n", "HTTP/1.1 400 ");
        check(address, "GET /health HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ");
        check(address, "\u{16}\u{3}\u{1}", "HTTP/1.1 400 ");
    }

    #[test]
    fn a_dead_daemon_is_503_with_its_cause_until_it_is_back() {
        let directory = Directory::new();
        let address = serve(&directory);
        check(address, "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 503 ");
        let cause = ask_health(address, fake_daemon::PATIENCE).unwrap_err().to_string();
        assert!(cause.contains("No such file or directory"), "{cause}");
        fake_daemon::answering(&directory.socket(), fake_daemon::PONG);
        assert!(ask_health(address, fake_daemon::PATIENCE).is_ok());
    }

    #[test]
    fn silent_clients_hold_nobody_up() {
        let directory = Directory::new();
        fake_daemon::answering(&directory.socket(), fake_daemon::PONG);
        let address = serve(&directory);
        // More than may wait, and none ever sends a byte.
        let _silent: Vec<_> =
            (0..4 * WAITING_MAX).map(|_| TcpStream::connect(address).unwrap()).collect();
        let begun = Instant::now();
        assert!(ask_health(address, HEALTHCHECK_LIMIT).is_ok());
        assert!(begun.elapsed() < CLIENT_LIMIT, "took {:?}", begun.elapsed());
    }

    #[test]
    fn a_silent_client_is_closed_in_time_and_so_is_one_that_talks_on() {
        let directory = Directory::new();
        let address = serve(&directory);
        let mut silent = TcpStream::connect(address).unwrap();
        silent.set_read_timeout(Some(fake_daemon::PATIENCE)).unwrap();
        assert_eq!(silent.read(&mut [0]).unwrap(), 0);
        check(address, &"x".repeat(HEAD_BYTES_MAX), "HTTP/1.1 431 ");
    }

    #[test]
    fn askers_at_the_same_time_share_one_probe() {
        const ASKERS: usize = 8;
        let directory = Directory::new();
        let daemon = fake_daemon::Held::new(&directory.socket());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let connect = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (client, Socket::from(OwnedFd::from(listener.accept().unwrap().0)))
        };
        let (askers, queue) = sync_channel(ASKERS_MAX);
        let socket = directory.socket();
        thread::spawn(move || answer_askers(&queue, || ask_daemon(&socket)));
        let mut clients = Vec::new();
        for number in 0..ASKERS {
            let (client, asker) = connect();
            askers.send(asker).unwrap();
            clients.push(client);
            if number == 0 {
                fake_daemon::await_condition(|| daemon.asked() == 1);
            }
        }
        let answered = |mut client: &TcpStream| {
            let mut reply = String::new();
            client.read_to_string(&mut reply).unwrap();
            assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
        };
        daemon.release();
        clients.iter().for_each(answered);
        assert_eq!(daemon.asked(), 1);
        let (client, asker) = connect();
        askers.send(asker).unwrap();
        daemon.release();
        answered(&client);
        assert_eq!(daemon.asked(), 2, "an outcome must not outlive its round");
    }

    #[test]
    fn the_health_check_learns_in_time_what_is_wrong_with_a_daemon() {
        use std::os::unix::net::UnixListener;
        let check = |directory: &Directory, expected: &str| {
            let begun = Instant::now();
            let cause = ask_health(serve(directory), HEALTHCHECK_LIMIT).unwrap_err().to_string();
            assert!(cause.contains(expected), "{cause}, not {expected}");
            assert!(begun.elapsed() < HEALTHCHECK_LIMIT, "took {:?}", begun.elapsed());
        };
        let [silent, full, slow] = std::array::from_fn(|_| Directory::new());
        let _silent = UnixListener::bind(silent.socket()).unwrap();
        let _queue = fake_daemon::full_queue(&full.socket());
        let dribbling = UnixListener::bind(slow.socket()).unwrap();
        thread::spawn(move || {
            let mut client = dribbling.accept().unwrap().0;
            while client.write_all(b"H").is_ok() {
                thread::sleep(Duration::from_millis(500));
            }
        });
        thread::scope(|scope| {
            scope.spawn(|| check(&silent, "sent no response to HEAD /_ping for 3 s"));
            scope.spawn(|| check(&full, "accepted no connection for 3 s"));
            scope.spawn(|| check(&slow, "sent no response to HEAD /_ping for 3 s"));
        });
    }
}
