//! The wait for the head of a response, and the ends that cut it.

use super::*;
use crate::http1::RequestBody;

fn await_head(relay: &mut Relay<'_>) -> Result<usize, Fault> {
    relay.await_head()
}

/// A request without a body whose response is awaited.
fn asked() -> Exchange {
    Exchange::new(BodyReader::from(RequestBody::Empty), BodyReader::Done)
}

fn await_end(end: &mut End) {
    assert_eq!(end.read(&mut [0]).unwrap(), 0, "only the end was to come");
}

const NO_CONTENT: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

#[test]
fn a_client_that_has_ended_is_waited_for_until_the_limit() {
    let exchange = Exchange { silence_limit: Some(SHORT), ..asked() };
    let fault = exchange.run(await_head, |client, mut daemon| {
        end_sending(&client);
        await_end(&mut daemon);
        (Some(client), Some(daemon))
    });
    assert!(matches!(fault, Err(Fault::ClientGone)), "{fault:?}");
}

#[test]
fn the_limit_after_a_clients_end_is_that_of_the_manual() {
    let manual = include_str!("../../../docs/limits.md");
    assert!(manual.contains("After ten minutes without a byte such an exchange is cut."));
    let limits = asked().run(
        |relay| (relay.silence_limit, relay.delivery_limit),
        |client, daemon| (Some(client), Some(daemon)),
    );
    assert_eq!(limits, (Duration::from_secs(600), Duration::from_secs(10)));
}

#[test]
fn the_daemon_decides_what_the_end_of_a_client_means() {
    let answered = asked().run(await_head, |client, mut daemon| {
        end_sending(&client);
        await_end(&mut daemon);
        daemon.write_all(NO_CONTENT).unwrap();
        (Some(client), Some(daemon))
    });
    assert_eq!(answered.unwrap(), NO_CONTENT.len());
}

/// Go's server would not see the end behind another request either.
#[test]
fn an_end_behind_other_bytes_is_not_passed_on() {
    let answered = asked().run(await_head, |mut client, mut daemon| {
        client.write_all(b"GET /next").unwrap();
        end_sending(&client);
        daemon.set_read_timeout(Some(SHORT)).unwrap();
        assert!(daemon.read(&mut [0]).is_err(), "the end overtook bytes");
        daemon.write_all(NO_CONTENT).unwrap();
        (Some(client), Some(daemon))
    });
    assert_eq!(answered.unwrap(), NO_CONTENT.len());
}

#[test]
fn a_client_that_hangs_up_ends_the_wait_for_a_head() {
    let fault = asked().run(await_head, |client, daemon| {
        drop(client);
        (None, Some(daemon))
    });
    assert!(matches!(fault, Err(Fault::ClientGone)), "{fault:?}");
}

#[test]
fn a_daemon_that_closes_without_a_head_has_ended_too_early() {
    for part in ["", "HTTP/1.1 200 OK\r\n"] {
        let fault = asked().run(await_head, move |client, mut daemon| {
            daemon.write_all(part.as_bytes()).unwrap();
            drop(daemon);
            (Some(client), None)
        });
        assert!(matches!(fault, Err(Fault::Truncated(Direction::Download))), "{fault:?}");
    }
}
