//! Addresses on no list take nothing from clients: no place, no memory, no time.
//!
//! Addresses of the loopback network play them, with the limits at their default.

use crate::support::PATIENCE;
use crate::support::outcome::speaks_json;
use crate::support::proxied::Proxied;
use crate::support::raw_client::{End, RawClient, Wait};
use crate::support::scripted_daemon::{ScriptedDaemon, answering};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

const GET: &str = "GET /x HTTP/1.1\r\nHost: d\r\n\r\n";
const CLIENT: Ipv4Addr = Ipv4Addr::LOCALHOST;
const STRANGERS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];

struct Stand {
    _daemon: ScriptedDaemon,
    proxied: Proxied,
}

impl Stand {
    fn new(flags: &[&str]) -> Self {
        let daemon = ScriptedDaemon::start(answering());
        let flags: Vec<_> = ["-allowGET=/x"].iter().chain(flags).map(|&f| f.to_owned()).collect();
        let proxied = Proxied::start(daemon.socket_path(), &flags);
        Self { _daemon: daemon, proxied }
    }

    fn connect(&self, source: Ipv4Addr, bytes: &str) -> RawClient {
        let client = RawClient::connect_from(source, self.proxied.address());
        client.send(bytes.as_bytes());
        client
    }

    /// So many connections of each stranger.
    fn crowd(&self, count: usize, bytes: &str) -> Vec<RawClient> {
        let of = |source| (0..count).map(move |_| self.connect(source, bytes));
        STRANGERS.into_iter().flat_map(of).collect()
    }

    /// More clients than strangers may be at once are served, each promptly.
    fn serves_clients(&self) {
        let mut clients: Vec<_> = (0..40).map(|_| self.connect(CLIENT, GET)).collect();
        for client in &mut clients {
            check_status(client, 200);
        }
    }
}

fn check_status(client: &mut RawClient, expected: u16) {
    match client.answer("GET", PATIENCE) {
        Ok(Wait::Answer(answer)) => assert_eq!(answer.response.status, expected),
        other => panic!("{other:?}, not {expected}"),
    }
}

/// With clients admitted by a number, and by a name.
fn by_number_and_by_name(check: impl Fn(&Stand)) {
    for list in ["-allowfrom=127.0.0.1", "-allowfrom=localhost"] {
        check(&Stand::new(&[list, "-headertimeout=60", "-idletimeout=60"]));
    }
}

#[test]
fn silent_keep_alive_connections_of_strangers_leave_clients_alone() {
    by_number_and_by_name(|stand| {
        let _crowd = stand.crowd(256, GET);
        stand.serves_clients();
        assert!(stand.proxied.threads() < 200, "{} threads", stand.proxied.threads());
        stand.proxied.await_log("reason=\"forbidden IP\" method=GET URL=/x");
    });
}

#[test]
fn unfinished_heads_of_strangers_leave_clients_alone_and_end_in_time() {
    by_number_and_by_name(|stand| {
        let before_kib = stand.proxied.rss_kib();
        let head = format!("GET /x HTTP/1.1\r\nX: {}", "y".repeat(7000));
        let mut crowd = stand.crowd(256, &head);
        stand.serves_clients();
        let begun = Instant::now();
        for stranger in &mut crowd {
            stranger.drain(PATIENCE).unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        let grown_kib = stand.proxied.rss_kib().saturating_sub(before_kib);
        assert!(grown_kib < 16 * 1024, "grown by {grown_kib} KiB");
        stand.proxied.await_log("too many connections from addresses that are not allowed");
    });
}

#[test]
fn a_stranger_is_told_so_once_and_its_connection_ends() {
    by_number_and_by_name(|stand| {
        let mut stranger = stand.connect(STRANGERS[0], &[GET, GET].concat());
        let Ok(Wait::Answer(refused)) = stranger.answer("GET", PATIENCE) else { panic!() };
        assert_eq!(refused.response.status, 403);
        speaks_json(&refused.response).unwrap();
        assert_eq!(stranger.drain(PATIENCE), Ok((Vec::new(), End::Fin)));
        // A client's own connection stays.
        let mut client = stand.connect(CLIENT, &[GET, GET].concat());
        check_status(&mut client, 200);
        check_status(&mut client, 200);
    });
}

#[test]
fn a_strangers_head_is_short_and_soon() {
    let stand = Stand::new(&["-allowfrom=127.0.0.1", "-headertimeout=60"]);
    let long = format!("GET /x HTTP/1.1\r\nHost: d\r\nX: {}\r\n\r\n", "y".repeat(8200));
    check_status(&mut stand.connect(STRANGERS[0], &long), 431);
    let fits = format!("GET /x HTTP/1.1\r\nHost: d\r\nX: {}\r\n\r\n", "y".repeat(8000));
    check_status(&mut stand.connect(STRANGERS[0], &fits), 403);
    check_status(&mut stand.connect(CLIENT, &long), 200);
    let begun = Instant::now();
    check_status(&mut stand.connect(STRANGERS[0], "GET /x HTTP"), 408);
    assert!(begun.elapsed() < Duration::from_secs(20), "took {:?}", begun.elapsed());
}

#[test]
fn a_client_by_name_beyond_the_limits_is_told_so() {
    let stand = Stand::new(&["-allowfrom=localhost", "-maxconnectionsperclient=3"]);
    let mut held: Vec<_> = (0..3).map(|_| stand.connect(CLIENT, GET)).collect();
    held.iter_mut().for_each(|client| check_status(client, 200));
    check_status(&mut stand.connect(CLIENT, GET), 503);
    stand.proxied.await_log("too many connections from this client");
}
