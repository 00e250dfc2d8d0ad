//! Exchanges between the ends of socket pairs: half-closes, pipes, early ends, limits.

mod heads;
mod tunnels;

use super::*;
use crate::http1::RequestBody;
use std::io::{Read, Write};
use std::net;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Instant;

/// A limit that strikes.
const SHORT: Duration = Duration::from_millis(50);

/// More than sockets and buffers hold together.
const MUCH_BYTES: usize = 4 << 20;

/// The other end of a socket.
type End = UnixStream;

/// The bytes to move, and the limit for silence.
struct Exchange {
    upload: BodyReader,
    download: BodyReader,
    /// Those of the program if there are none.
    silence_limit: Option<Duration>,
    delivery_limit: Option<Duration>,
}

impl Exchange {
    fn new(upload: BodyReader, download: BodyReader) -> Self {
        Self { upload, download, silence_limit: None, delivery_limit: None }
    }

    /// Relays in this thread while client and daemon act in another, and closes the
    /// relay's sockets. Both ends are open until the relay has decided, unless they
    /// are dropped by the acting threads.
    fn run<T>(
        self,
        work: impl FnOnce(&mut Relay<'_>) -> T,
        act: impl FnOnce(End, End) -> (Option<End>, Option<End>) + Send + 'static,
    ) -> T {
        self.run_on(Width::Wide, &Stalls::default(), work, act)
    }

    /// The same on a connection of that width.
    fn run_on<T>(
        self,
        width: Width,
        stalls: &Stalls,
        work: impl FnOnce(&mut Relay<'_>) -> T,
        act: impl FnOnce(End, End) -> (Option<End>, Option<End>) + Send + 'static,
    ) -> T {
        let (client_end, client) = UnixStream::pair().unwrap();
        let (daemon_end, daemon) = UnixStream::pair().unwrap();
        let [client, daemon] = [client, daemon].map(|end| Socket::from(OwnedFd::from(end)));
        // As a dial leaves it.
        daemon.set_nonblocking(true).unwrap();
        let acting = thread::spawn(move || act(client_end, daemon_end));
        let mut buffers = Buffers::default();
        let upload = Flow::new(
            Direction::Upload,
            (&client, &daemon),
            (&mut buffers.client, &mut buffers.upload_prefix),
            (self.upload, Encoding::Plain),
        );
        let download = Flow::new(
            Direction::Download,
            (&daemon, &client),
            (&mut buffers.daemon, &mut buffers.download_prefix),
            (self.download, Encoding::Plain),
        );
        let mut relay = Relay::new(&client, &daemon, upload, download).within(width, stalls);
        relay.silence_limit = self.silence_limit.unwrap_or(relay.silence_limit);
        relay.delivery_limit = self.delivery_limit.unwrap_or(relay.delivery_limit);
        let result = work(&mut relay);
        drop(relay);
        drop((client, daemon));
        drop(acting.join().unwrap());
        result
    }
}

fn pump(relay: &mut Relay<'_>) -> Result<(), Fault> {
    relay.pump()
}

fn length(bytes: usize) -> BodyReader {
    BodyReader::Length(NonZeroU64::new(bytes as u64).unwrap())
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

fn end_sending(end: &End) {
    end.shutdown(net::Shutdown::Write).unwrap();
}

/// Everything up to the end of data; a reset counts as one.
fn read_all(end: &mut End) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = end.read_to_end(&mut all);
    all
}

#[test]
fn a_download_flows_while_the_daemon_takes_no_upload() {
    let exchange = Exchange::new(length(MUCH_BYTES), length(MUCH_BYTES));
    let moved = exchange.run(
        |relay| {
            relay.pump().unwrap();
            assert!(relay.upload.is_piped() && relay.download.is_piped(), "bulk is piped");
            (relay.upload.body_bytes, relay.download.body_bytes)
        },
        |mut client, mut daemon| {
            let mut sender = client.try_clone().unwrap();
            let sending = thread::spawn(move || sender.write_all(&pattern(MUCH_BYTES)));
            // The daemon reads nothing before all of its answer has been taken.
            let serving = thread::spawn(move || {
                daemon.write_all(&pattern(MUCH_BYTES)).unwrap();
                let mut taken = vec![0; MUCH_BYTES];
                daemon.read_exact(&mut taken).unwrap();
                assert!(taken == pattern(MUCH_BYTES), "the upload is changed");
                daemon
            });
            let mut taken = vec![0; MUCH_BYTES];
            client.read_exact(&mut taken).unwrap();
            assert!(taken == pattern(MUCH_BYTES), "the download is changed");
            sending.join().unwrap().unwrap();
            (Some(client), Some(serving.join().unwrap()))
        },
    );
    assert_eq!(moved, (MUCH_BYTES as u64, MUCH_BYTES as u64));
}

#[test]
fn bytes_behind_a_piped_body_stay_for_the_next_request() {
    const NEXT: &[u8] = b"GET /next HTTP/1.1\r\n\r\n";
    let exchange = Exchange::new(length(MUCH_BYTES), length(2));
    let left = exchange.run(
        |relay| {
            relay.pump().unwrap();
            let mut next = relay.upload.buffer.filled().to_vec();
            while next.len() < NEXT.len() {
                let mut space = [0; 64];
                let count = relay.client.receive(&mut space).unwrap();
                next.extend_from_slice(&space[..count]);
            }
            next
        },
        |mut client, mut daemon| {
            let mut sender = client.try_clone().unwrap();
            let sending = thread::spawn(move || {
                sender.write_all(&[pattern(MUCH_BYTES), NEXT.to_vec()].concat()).unwrap();
            });
            let mut taken = vec![0; MUCH_BYTES];
            daemon.read_exact(&mut taken).unwrap();
            sending.join().unwrap();
            daemon.write_all(b"ok").unwrap();
            client.read_exact(&mut [0; 2]).unwrap();
            (Some(client), Some(daemon))
        },
    );
    assert_eq!(left, NEXT);
}

#[test]
fn a_daemon_that_closes_early_ends_the_upload_alone() {
    let exchange = Exchange::new(length(MUCH_BYTES), length(5));
    let received_all = exchange.run(
        |relay| {
            relay.pump().unwrap();
            assert_eq!(relay.download.body_bytes, 5);
            relay.upload.is_received()
        },
        |mut client, mut daemon| {
            let mut sender = client.try_clone().unwrap();
            let sending = thread::spawn(move || drop(sender.write_all(&pattern(MUCH_BYTES))));
            daemon.read_exact(&mut [0; 1000]).unwrap();
            daemon.write_all(b"early").unwrap();
            drop(daemon);
            assert_eq!(read_all(&mut client), b"early");
            drop(client);
            sending.join().unwrap();
            (None, None)
        },
    );
    assert!(!received_all);
}

#[test]
fn a_body_that_ends_early_is_a_fault_of_its_sender() {
    let fault = Exchange::new(length(10), length(5)).run(pump, |mut client, daemon| {
        client.write_all(b"half").unwrap();
        end_sending(&client);
        (Some(client), Some(daemon))
    });
    assert!(matches!(fault, Err(Fault::Truncated(Direction::Upload))), "{fault:?}");
    let fault = Exchange::new(length(10), length(5)).run(pump, |client, mut daemon| {
        daemon.write_all(b"half").unwrap();
        drop(daemon);
        (Some(client), None)
    });
    assert!(matches!(fault, Err(Fault::Truncated(Direction::Download))), "{fault:?}");
}

#[test]
fn a_malformed_chunk_is_a_fault_of_its_sender() {
    let chunked = || BodyReader::from(RequestBody::Chunked);
    let fault = Exchange::new(chunked(), length(5)).run(pump, |mut client, daemon| {
        client.write_all(b"5 \r\nhello\r\n").unwrap();
        (Some(client), Some(daemon))
    });
    assert!(matches!(fault, Err(Fault::Framing(Direction::Upload, _))), "{fault:?}");
    let fault = Exchange::new(length(10), chunked()).run(pump, |client, mut daemon| {
        daemon.write_all(b"-5\r\nhello\r\n").unwrap();
        (Some(client), Some(daemon))
    });
    assert!(matches!(fault, Err(Fault::Framing(Direction::Download, _))), "{fault:?}");
}

#[test]
fn a_body_until_the_close_ends_with_it() {
    let exchange = Exchange::new(BodyReader::Done, BodyReader::UntilClose);
    exchange
        .run(pump, |mut client, mut daemon| {
            daemon.write_all(b"all there is").unwrap();
            drop(daemon);
            client.read_exact(&mut [0; 12]).unwrap();
            (Some(client), None)
        })
        .unwrap();
}

#[test]
fn receivers_that_leave_too_much_untaken_cut_their_exchange() {
    let stalls = Stalls::default();
    let mut held = Vec::new();
    // All of the budget but less than a page.
    let mut bytes = 1 << 30;
    while bytes > 2048 {
        match stalls.hold(bytes) {
            Some(stall) => held.push(stall),
            None => bytes /= 2,
        }
    }
    let exchange = Exchange::new(BodyReader::Done, length(MUCH_BYTES));
    let fault = exchange.run_on(Width::Narrow, &stalls, pump, |client, mut daemon| {
        let _ = daemon.write_all(&pattern(MUCH_BYTES));
        (Some(client), Some(daemon))
    });
    assert!(matches!(fault, Err(Fault::Stalled)), "{fault:?}");
}

/// The rest of an upload is received before the response, if it is short and comes
/// soon.
#[test]
fn the_rest_of_an_upload_is_awaited_for_a_moment() {
    let rows: [(&str, usize, &[u8], bool); 4] = [
        ("all there", 5, b"hello", true),
        ("half of it", 10, b"hello", false),
        ("nothing", 10, b"", false),
        ("too much to come", MUCH_BYTES, b"hello", false),
    ];
    for (name, announced, sent, whole) in rows {
        let began = Instant::now();
        let received = Exchange::new(length(announced), BodyReader::Done).run(
            |relay| {
                relay.upload.finish_upload().unwrap();
                relay.upload.is_received()
            },
            move |mut client, daemon| {
                // The relay may have decided already.
                let _ = client.write_all(sent);
                (Some(client), Some(daemon))
            },
        );
        assert_eq!(received, whole, "{name}");
        let waits = !whole && announced < MUCH_BYTES;
        assert!(!waits || began.elapsed() >= SKIPPING_MAX, "{name}: it did not wait");
    }
}

#[test]
fn an_upload_that_the_daemon_takes_no_more_of_is_skipped_to_its_end() {
    let exchange = Exchange::new(length(100_000), BodyReader::Done);
    let left = exchange.run(
        |relay| {
            relay.upload.abandon();
            relay.upload.finish_upload().unwrap();
            assert!(relay.upload.is_received());
            relay.upload.buffer.filled().to_vec()
        },
        |mut client, daemon| {
            client.write_all(&[pattern(100_000), b"GET".to_vec()].concat()).unwrap();
            (Some(client), Some(daemon))
        },
    );
    assert!(b"GET".starts_with(&left), "{left:?}");
}
