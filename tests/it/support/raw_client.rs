//! A client that sends bytes as they are, in the pieces it is told, and reads
//! answers strictly while it still sends.

use super::PATIENCE;
use super::random::Random;
use super::strict::{self, Response, show};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// One client connection.
pub(crate) struct RawClient {
    stream: TcpStream,
    unread: Vec<u8>,
    end: Option<End>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer closed its direction.
    Fin,
    /// The peer cut the connection.
    Reset,
}

/// A final response with the interim ones before it.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) interim: Vec<u16>,
    pub(crate) response: Response,
}

/// The result of a wait for a response.
#[derive(Debug)]
pub(crate) enum Wait {
    /// A complete final response.
    Answer(Answer),
    /// The connection ended; the bytes are the part of a response that had arrived.
    Ended(End, Vec<u8>),
    /// Neither in time.
    Silence(Vec<u8>),
}

/// In which pieces bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    /// One byte per write. Of a long message only the first 1500 and the last
    /// 200 bytes: the middle of a long message is a filling.
    Bytewise,
    /// In a few pieces, cut as the seed decides, with a pause at each cut so
    /// that they arrive apart.
    Split(u64),
}

impl RawClient {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("connect to the proxy"))
    }

    /// Connects from a given loopback address, as another client would.
    pub(crate) fn connect_from(source: Ipv4Addr, address: SocketAddr) -> Self {
        use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
        let fd = socket(AddressFamily::INET, SocketType::STREAM, None).expect("make a socket");
        bind(&fd, &SocketAddr::from((source, 0))).expect("bind to a loopback address");
        connect(&fd, &address).expect("connect to the proxy");
        Self::over(TcpStream::from(fd))
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("set TCP_NODELAY");
        stream.set_write_timeout(Some(PATIENCE)).expect("set a write timeout");
        Self { stream, unread: Vec::new(), end: None }
    }

    /// Another handle on the connection, for sending from another thread.
    pub(crate) fn sender(&self) -> Sender {
        Sender { stream: self.stream.try_clone().expect("clone the connection") }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends bytes at once; a peer that has gone is not an error here.
    pub(crate) fn send(&self, bytes: &[u8]) {
        let _ = (&self.stream).write_all(bytes);
    }

    /// Waits for the final response to a request with this method.
    ///
    /// # Errors
    /// If the received bytes are not an HTTP/1.1 response.
    pub(crate) fn answer(&mut self, method: &str, patience: Duration) -> Result<Wait, String> {
        let deadline = Instant::now() + patience;
        let mut interim = Vec::new();
        loop {
            let eof = self.end == Some(End::Fin);
            if let Some((response, used)) = strict::read_response(&self.unread, method, eof)? {
                self.unread.drain(..used);
                if (100..200).contains(&response.status) && response.status != 101 {
                    interim.push(response.status);
                    continue;
                }
                return Ok(Wait::Answer(Answer { interim, response }));
            }
            if let Some(end) = self.end {
                return Ok(Wait::Ended(end, std::mem::take(&mut self.unread)));
            }
            if !self.read_more(deadline) {
                return Ok(Wait::Silence(self.unread.clone()));
            }
        }
    }

    /// Waits until exactly these bytes have come.
    ///
    /// # Errors
    /// If others come, or the connection ends before.
    pub(crate) fn expect_bytes(&mut self, expected: &[u8]) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while self.unread.len() < expected.len() && self.end.is_none() && self.read_more(deadline) {
        }
        if self.unread.get(..expected.len()) == Some(expected) {
            self.unread.drain(..expected.len());
            return Ok(());
        }
        Err(format!("expected {}, got {}", show(expected), show(&self.unread)))
    }

    /// Ends this direction.
    pub(crate) fn fin(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads to the end; returns the bytes and how the connection ended.
    ///
    /// # Errors
    /// If the peer does not close in time.
    pub(crate) fn drain(&mut self, patience: Duration) -> Result<(Vec<u8>, End), String> {
        let deadline = Instant::now() + patience;
        while self.end.is_none() && self.read_more(deadline) {}
        let bytes = std::mem::take(&mut self.unread);
        self.end
            .map(|end| (bytes.clone(), end))
            .ok_or_else(|| format!("the connection stayed open, after {}", show(&bytes)))
    }

    /// Reads the available bytes; `false` when the deadline has passed.
    fn read_more(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        self.stream.set_read_timeout(Some(left)).expect("set a read timeout");
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.end = Some(End::Fin),
            Ok(count) => self.unread.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return false;
            }
            Err(_) => self.end = Some(End::Reset),
        }
        true
    }
}

/// The sending half of a client.
pub(crate) struct Sender {
    stream: TcpStream,
}

impl Sender {
    /// Sends a message in pieces; `false` if the peer has gone before its end.
    pub(crate) fn deliver(&mut self, message: &[u8], delivery: Delivery) -> bool {
        let cuts = cuts(message.len(), delivery);
        let mut start = 0;
        for cut in cuts.into_iter().chain([message.len()]) {
            if self.stream.write_all(&message[start..cut]).is_err() {
                return false;
            }
            start = cut;
            if matches!(delivery, Delivery::Split(_)) && cut < message.len() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        true
    }

    pub(crate) fn fin(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

/// The offsets at which a message is cut.
fn cuts(length: usize, delivery: Delivery) -> Vec<usize> {
    match delivery {
        Delivery::Whole => Vec::new(),
        Delivery::Bytewise => (1..length).filter(|at| *at < 1500 || *at + 200 > length).collect(),
        Delivery::Split(seed) => {
            let mut random = Random::new(seed);
            let mut cuts: Vec<_> = (0..1 + random.below(5)).map(|_| random.below(length)).collect();
            cuts.sort_unstable();
            cuts.dedup();
            cuts
        }
    }
}
