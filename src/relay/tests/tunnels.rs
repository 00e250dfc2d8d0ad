//! Tunnels, whose directions end each by itself.

use super::*;
use std::net::{TcpListener, TcpStream};

fn tunnel(relay: &mut Relay<'_>) -> Result<(), Fault> {
    relay.tunnel()
}

/// A tunnel behind a request without a body.
fn tunnelled() -> Exchange {
    Exchange::new(BodyReader::Done, BodyReader::Done)
}

/// Writes until nothing more is taken.
fn fill(end: &mut End) {
    end.set_nonblocking(true).unwrap();
    let full = |end: &mut End| end.write(&[b'x'; 4096]).is_err();
    let mut quiet_since = Instant::now();
    while quiet_since.elapsed() < SHORT {
        if !full(end) {
            quiet_since = Instant::now();
        }
    }
    end.set_nonblocking(false).unwrap();
}

#[test]
fn each_direction_of_a_tunnel_ends_by_itself() {
    let by_client = |mut client: End, mut daemon: End| {
        client.write_all(b"in").unwrap();
        end_sending(&client);
        assert_eq!(read_all(&mut daemon), b"in");
        daemon.write_all(b"out").unwrap();
        drop(daemon);
        assert_eq!(read_all(&mut client), b"out");
        (Some(client), None)
    };
    let by_daemon = |mut client: End, mut daemon: End| {
        daemon.write_all(b"out").unwrap();
        end_sending(&daemon);
        assert_eq!(read_all(&mut client), b"out");
        client.write_all(b"in").unwrap();
        end_sending(&client);
        assert_eq!(read_all(&mut daemon), b"in");
        (Some(client), Some(daemon))
    };
    tunnelled().run(tunnel, by_client).unwrap();
    tunnelled().run(tunnel, by_daemon).unwrap();
}

#[test]
fn the_rest_of_a_body_goes_before_the_input_of_a_tunnel() {
    let exchange = Exchange::new(length(4), BodyReader::Done);
    exchange
        .run(tunnel, |mut client, mut daemon| {
            client.write_all(b"bodyinput").unwrap();
            end_sending(&client);
            assert_eq!(read_all(&mut daemon), b"bodyinput");
            drop(daemon);
            (Some(client), None)
        })
        .unwrap();
}

/// As when a process ends that has not read all of its input.
#[test]
fn a_tunnel_whose_daemon_resets_behind_its_last_byte_has_ended() {
    tunnelled()
        .run(tunnel, |mut client, mut daemon| {
            client.write_all(b"one, two").unwrap();
            daemon.read_exact(&mut [0; 3]).unwrap();
            daemon.write_all(b"done").unwrap();
            drop(daemon);
            assert_eq!(read_all(&mut client), b"done");
            (Some(client), None)
        })
        .unwrap();
}

#[test]
fn what_a_client_sent_before_it_hung_up_reaches_the_daemon() {
    let fault = tunnelled().run(tunnel, |mut client, mut daemon| {
        client.write_all(b"last words").unwrap();
        drop(client);
        assert_eq!(read_all(&mut daemon), b"last words");
        (None, Some(daemon))
    });
    assert!(matches!(fault, Err(Fault::ClientGone)), "{fault:?}");
}

#[test]
fn the_last_bytes_of_a_client_wait_for_room_until_the_limit() {
    let exchange = Exchange { delivery_limit: Some(SHORT), ..tunnelled() };
    let fault = exchange.run(tunnel, |mut client, daemon| {
        fill(&mut client);
        drop(client);
        (None, Some(daemon))
    });
    assert!(matches!(fault, Err(Fault::ClientGone)), "{fault:?}");
}

/// A reset by a client over TCP is heeded though its bytes wait for room.
#[test]
fn a_client_that_resets_a_tunnel_is_gone_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client_end = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let client = Socket::from(OwnedFd::from(listener.accept().unwrap().0));
    let (_daemon_end, daemon) = UnixStream::pair().unwrap();
    let daemon = Socket::from(OwnedFd::from(daemon));
    daemon.set_nonblocking(true).unwrap();
    let mut buffers = Buffers::default();
    let upload = Flow::new(
        Direction::Upload,
        (&client, &daemon),
        (&mut buffers.client, &mut buffers.upload_prefix),
        (BodyReader::Done, Encoding::Plain),
    );
    let download = Flow::new(
        Direction::Download,
        (&daemon, &client),
        (&mut buffers.daemon, &mut buffers.download_prefix),
        (BodyReader::Done, Encoding::Plain),
    );
    let mut relay = Relay::new(&client, &daemon, upload, download);
    let acting = thread::spawn(move || {
        client_end.set_write_timeout(Some(SHORT)).unwrap();
        while client_end.write_all(&[b'x'; 65_536]).is_ok() {}
        rustix::net::sockopt::set_socket_linger(&client_end, Some(Duration::ZERO)).unwrap();
    });
    let fault = relay.tunnel();
    acting.join().unwrap();
    assert!(matches!(fault, Err(Fault::ClientGone | Fault::Client(_))), "{fault:?}");
}
