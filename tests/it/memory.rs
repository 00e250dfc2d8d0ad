//! The memory that clients can occupy before their requests are judged is bounded for
//! all together, and ordinary requests are served meanwhile.

use crate::support::PATIENCE;
use crate::support::proxied::Proxied;
use crate::support::raw_client::{RawClient, Wait};
use crate::support::scripted_daemon::{ScriptedDaemon, Step, answering};
use crate::support::skip::skip_unless_required;
use std::net::Ipv4Addr;
use std::time::Duration;

/// The budget of 7 MiB, and the memory of connections, threads and the allocator.
const GROWN_KIB_MAX: u64 = 36 * 1024;

/// Of the released program with rights by name.
const IDLE_KIB_MAX: u64 = 1792;

const ATTACKERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3), Ipv4Addr::new(127, 0, 0, 4)];

struct Stand {
    _daemon: ScriptedDaemon,
    proxied: Proxied,
}

impl Stand {
    fn new() -> Self {
        Self::of(answering())
    }

    fn of(daemon: Vec<Step>) -> Self {
        let daemon = ScriptedDaemon::start(daemon);
        let flags = [
            "-allowfrom=127.0.0.0/8",
            "-allowGET=/x",
            "-allowPOST=/containers/create",
            "-allowbindmountfrom=/srv",
            "-headertimeout=60",
            "-maxconnections=700",
        ];
        let proxied = Proxied::start(daemon.socket_path(), &flags.map(str::to_owned));
        Self { _daemon: daemon, proxied }
    }

    /// So many connections from the attackers in turn, and then their memory.
    fn attack(&self, count: usize, bytes: &[u8]) -> Vec<RawClient> {
        let before_kib = self.proxied.rss_kib();
        let clients: Vec<_> = (0..count)
            .map(|number| {
                let source = ATTACKERS[number % ATTACKERS.len()];
                let client = RawClient::connect_from(source, self.proxied.address());
                client.stream().set_write_timeout(Some(Duration::from_secs(2))).unwrap();
                client.send(bytes);
                client
            })
            .collect();
        self.serves(Ipv4Addr::LOCALHOST, &get(0));
        self.serves(Ipv4Addr::LOCALHOST, &create("{}"));
        self.serves(ATTACKERS[0], &get(2000));
        let grown_kib = self.proxied.rss_kib().saturating_sub(before_kib);
        assert!(grown_kib < GROWN_KIB_MAX, "{count} connections took {grown_kib} KiB");
        clients
    }

    fn serves(&self, source: Ipv4Addr, request: &str) {
        assert_eq!(self.ask(source, request), Some(200));
    }

    fn ask(&self, source: Ipv4Addr, request: &str) -> Option<u16> {
        let mut client = RawClient::connect_from(source, self.proxied.address());
        client.send(request.as_bytes());
        match client.answer("GET", PATIENCE) {
            Ok(Wait::Answer(answer)) => Some(answer.response.status),
            _ => None,
        }
    }

    /// Once the attack is over, its memory is free again.
    fn recovers(&self, clients: Vec<RawClient>, request: &str) {
        drop(clients);
        let deadline = std::time::Instant::now() + PATIENCE;
        while self.ask(ATTACKERS[0], request) != Some(200) {
            assert!(std::time::Instant::now() < deadline, "the memory is not given back");
        }
    }
}

fn get(field_bytes: usize) -> String {
    format!("GET /x HTTP/1.1\r\nHost: d\r\nX: {}\r\n\r\n", "y".repeat(field_bytes))
}

fn create(body: &str) -> String {
    let head = "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// How many of the clients were refused for want of memory.
fn refused(clients: &mut [RawClient]) -> usize {
    let is_refused = |client: &mut RawClient| {
        let answer = client.answer("GET", Duration::from_millis(20));
        matches!(answer, Ok(Wait::Answer(answer)) if answer.response.status == 503)
    };
    clients.iter_mut().map(is_refused).filter(|is_refused| *is_refused).count()
}

/// A build with the functions of its start in order; `scripts/order-functions` orders them.
#[test]
fn an_idle_proxy_that_is_released_has_little_memory() {
    if std::env::var_os("SOCKET_PROXY_BINARY").is_none() {
        let reason = "SOCKET_PROXY_BINARY does not name a program as it is released";
        return skip_unless_required("SOCKET_PROXY_REQUIRE_RELEASED", reason);
    }
    let daemon = ScriptedDaemon::start(answering());
    let proxied = Proxied::start(daemon.socket_path(), &["-allow=traefik".to_owned()]);
    let resident_kib = proxied.rss_kib();
    assert!((1..=IDLE_KIB_MAX).contains(&resident_kib), "{resident_kib} KiB");
    println!("{resident_kib} KiB");
}

#[test]
fn hundreds_of_unfinished_large_heads_are_bounded_together() {
    let stand = Stand::new();
    let whole = get(127 * 1024);
    let mut clients = stand.attack(510, whole.trim_end().as_bytes());
    assert!(refused(&mut clients) > 200);
    stand.proxied.await_log("too many large requests at the same time");
    stand.recovers(clients, &whole);
}

#[test]
fn hundreds_of_unfinished_judged_bodies_are_bounded_together() {
    let stand = Stand::new();
    let whole = create(&format!("{{\"a\":\"{}\"}}", "b".repeat(1024 * 1024 - 64)));
    let mut clients = stand.attack(250, &whole.as_bytes()[..whole.len() - 1]);
    assert!(refused(&mut clients) > 150);
    stand.proxied.await_log("too many large requests at the same time");
    stand.recovers(clients, &whole);
}

#[test]
fn a_body_that_grows_many_times_when_it_is_read_is_weighed_before() {
    let stand = Stand::new();
    let values = "0,".repeat(30_000);
    let request = create(&format!("{{\"a\":[{values}0]}}"));
    let clients = stand.attack(60, request.as_bytes());
    stand.recovers(clients, &request);
}

#[test]
fn a_body_that_alone_has_too_many_values_is_too_large_for_ever() {
    let stand = Stand::new();
    let many = format!(r#"{{"Cmd":[{}0]}}"#, "0,".repeat(100_000));
    for _ in 0..2 {
        assert_eq!(stand.ask(Ipv4Addr::LOCALHOST, &create(&many)), Some(413));
    }
}

#[test]
fn hundreds_of_slow_readers_are_bounded_together_and_the_first_are_served() {
    let endless = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n".to_vec();
    let bulk = Step::SendForever(vec![b'x'; 64 * 1024]);
    let stand = Stand::of(vec![Step::ReadHead, Step::Send(endless.clone()), bulk]);
    let mut clients: Vec<_> = (0..600)
        .map(|_| {
            let client = RawClient::connect_from(ATTACKERS[0], stand.proxied.address());
            client.send(get(0).as_bytes());
            client
        })
        .collect();
    stand.proxied.await_log("too many stalled transfers");
    let start = [&endless[..15], b"\r\n"].concat();
    clients[0].expect_bytes(&start).unwrap();
    let mut late = RawClient::connect(stand.proxied.address());
    late.send(get(0).as_bytes());
    late.expect_bytes(&start).unwrap();
}

/// The proxy with answers that it must read before it passes them on.
fn hiding(script: Vec<Step>) -> (ScriptedDaemon, Proxied) {
    let daemon = ScriptedDaemon::start(script);
    let flags = ["-allowfrom=127.0.0.0/8", "-allowGET=/.*", "-hideenv", "-maxconnections=700"];
    let proxied = Proxied::start(daemon.socket_path(), &flags.map(str::to_owned));
    (daemon, proxied)
}

fn inspect_from(source: Ipv4Addr, proxied: &Proxied) -> RawClient {
    let client = RawClient::connect_from(source, proxied.address());
    client.send(b"GET /containers/a/json HTTP/1.1\r\nHost: d\r\n\r\n");
    client
}

fn inspection(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn an_answer_that_must_be_changed_and_is_too_large_is_refused_for_ever() {
    let text =
        |bytes: usize| format!(r#"{{"Config":{{"Env":["A"]}},"a":"{}"}}"#, "b".repeat(bytes));
    let values = |count: usize| format!(r#"{{"a":[{}0]}}"#, "0,".repeat(count));
    let (daemon, proxied) = hiding(answering());
    for (body, expected) in [
        (text(10), 200),
        (text(1 << 20), 200),
        (values(30_000), 200),
        (text(5 << 19), 502),
        (text(9 << 20), 502),
        (values(40_000), 502),
        (text(10), 200),
    ] {
        let script = [Step::ReadHead, Step::Send(inspection(&body)), Step::AwaitClose];
        daemon.play(script.to_vec());
        let mut client = inspect_from(ATTACKERS[0], &proxied);
        match client.answer("GET", PATIENCE) {
            Ok(Wait::Answer(answer)) => {
                assert_eq!(answer.response.status, expected, "{} bytes", body.len());
                let shown = String::from_utf8_lossy(&answer.response.body);
                let is_told = shown.contains("too large to rewrite");
                assert!(is_told == (expected == 502) && !shown.contains("[\"A\"]"));
            }
            other => panic!("{} bytes: {other:?}", body.len()),
        }
    }
}

#[test]
fn hundreds_of_answers_that_must_be_changed_are_bounded_together() {
    let whole = inspection(&format!(r#"{{"a":"{}"}}"#, "b".repeat(1 << 20)));
    let most = whole[..whole.len() - 1].to_vec();
    let (daemon, proxied) = hiding(vec![Step::ReadHead, Step::Send(most), Step::AwaitEnd]);
    let before_kib = proxied.rss_kib();
    let mut clients: Vec<_> =
        (0..200).map(|number| inspect_from(ATTACKERS[number % 3], &proxied)).collect();
    proxied.await_log("too many large requests at the same time");
    // All but the first few are refused; these wait for the last byte.
    let deadline = std::time::Instant::now() + PATIENCE;
    let mut count = 0;
    while count < 190 && std::time::Instant::now() < deadline {
        count += refused(&mut clients);
    }
    assert!(count >= 190, "{count} of 200 were refused");
    let grown_kib = proxied.rss_kib().saturating_sub(before_kib);
    assert!(grown_kib < GROWN_KIB_MAX, "200 answers took {grown_kib} KiB");
    drop(clients);
    daemon.play(vec![Step::ReadHead, Step::Send(whole), Step::AwaitClose]);
    let deadline = std::time::Instant::now() + PATIENCE;
    let status = || match inspect_from(ATTACKERS[0], &proxied).answer("GET", PATIENCE) {
        Ok(Wait::Answer(answer)) => answer.response.status,
        _ => 0,
    };
    while status() != 200 {
        assert!(std::time::Instant::now() < deadline, "the memory is not given back");
    }
}
