//! Slowness and greed are bounded, and others are served meanwhile.
//!
//! The real binary runs between raw clients and a scripted daemon; its resources
//! are read from `/proc`. Bounds are several times the values measured on an
//! idle machine: they distinguish a leak from noise, not one release from another.

use crate::support::PATIENCE;
use crate::support::outcome::{speaks_json, waited};
use crate::support::proxied::Proxied;
use crate::support::raw_client::{Delivery, End, RawClient, Wait};
use crate::support::scripted_daemon::{OK, ScriptedDaemon, Step, answering};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

const GET: &str = "GET /x HTTP/1.1\r\nHost: d\r\n\r\n";
const ATTACH: &str =
    "POST /a/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
const SWITCHED: &[u8] = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

/// A limit of a second must have struck after this long.
const STRUCK_WITHIN: Duration = Duration::from_secs(5);

/// The memory that one stuck exchange may take: both directions' buffers and a thread.
const EXCHANGE_KIB_MAX: u64 = 64;

struct Stand {
    daemon: ScriptedDaemon,
    proxied: Proxied,
}

impl Stand {
    fn new(flags: &[&str]) -> Self {
        Self::under(&[], flags)
    }

    /// With the proxy started by a command that sets limits on it.
    fn under(wrapper: &[&str], flags: &[&str]) -> Self {
        let daemon = ScriptedDaemon::start(answering());
        let allowed = ["-allowGET=/(x|a).*", "-allowPOST=/.*", "-allowfrom=127.0.0.0/8"];
        let flags: Vec<_> = allowed.iter().chain(flags).map(|&flag| flag.to_owned()).collect();
        let proxied = Proxied::start_as(wrapper, daemon.socket_path(), &flags);
        daemon.forget_start();
        Self { daemon, proxied }
    }

    fn client(&self) -> RawClient {
        RawClient::connect(self.proxied.address())
    }

    /// So many clients that have sent this.
    fn clients(&self, count: usize, request: &str) -> Vec<RawClient> {
        let begin = |_| {
            let client = self.client();
            client.send(request.as_bytes());
            client
        };
        (0..count).map(begin).collect()
    }

    /// A client of another address, on whom others' limits have no bearing.
    fn serves_others(&self) {
        self.daemon.play(answering());
        let mut client =
            RawClient::connect_from(Ipv4Addr::new(127, 0, 0, 2), self.proxied.address());
        client.send(GET.as_bytes());
        let answer = client.answer("GET", PATIENCE).unwrap();
        assert_eq!(status(&answer), Some(200), "{}", waited(&answer));
    }

    fn awaits(&self, what: &str, condition: impl Fn(&Proxied) -> bool) {
        // The system buffers megabytes of answers before the peer is stuck.
        let deadline = Instant::now() + PATIENCE;
        while !condition(&self.proxied) {
            assert!(Instant::now() < deadline, "it never came to pass that {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the proxy does nothing, which it must come to by itself.
    fn awaits_rest(&self) {
        // The system buffers megabytes of answers before the peer is stuck.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let before = self.proxied.cpu_ticks();
            std::thread::sleep(Duration::from_millis(300));
            if self.proxied.cpu_ticks() <= before + 1 {
                return;
            }
            assert!(Instant::now() < deadline, "the proxy never comes to rest");
        }
    }

    fn check_memory(&self, exchanges: u64, before_kib: u64) {
        let grown_kib = self.proxied.rss_kib().saturating_sub(before_kib);
        let max_kib = 4096 + exchanges * EXCHANGE_KIB_MAX;
        assert!(grown_kib <= max_kib, "{exchanges} exchanges took {grown_kib} KiB");
    }
}

/// Cuts connections. A mere close would stay behind the bytes that nobody
/// takes, where the proxy cannot see it.
fn reset(clients: Vec<RawClient>) {
    for client in clients {
        let linger = Some(Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(client.stream(), linger).unwrap();
    }
}

fn status(wait: &Wait) -> Option<u16> {
    match wait {
        Wait::Answer(answer) => Some(answer.response.status),
        _ => None,
    }
}

/// The client is told why and then the connection is closed, in time.
fn check_closed_with(client: &mut RawClient, expected: u16) {
    let answer = client.answer("POST", STRUCK_WITHIN).unwrap();
    let Wait::Answer(answer) = &answer else { panic!("{}", waited(&answer)) };
    assert_eq!(answer.response.status, expected);
    speaks_json(&answer.response).unwrap();
    assert_eq!(client.drain(PATIENCE), Ok((Vec::new(), End::Fin)));
}

#[test]
fn a_head_that_comes_too_slowly_is_answered_with_408() {
    let stand = Stand::new(&["-headertimeout=1"]);
    check_closed_with(&mut stand.clients(1, "GET /x HTTP/1.1\r\nHost:").remove(0), 408);
    // The deadline is absolute: a trickle does not move it.
    let mut client = stand.client();
    let mut sender = client.sender();
    let trickle = std::thread::spawn(move || {
        for byte in GET.bytes().cycle().filter(|byte| *byte != b'\r' && *byte != b'\n').take(50) {
            sender.deliver(&[byte], Delivery::Whole);
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    check_closed_with(&mut client, 408);
    drop(client);
    trickle.join().unwrap();
}

#[test]
fn the_head_of_a_later_request_has_the_same_deadline() {
    let stand = Stand::new(&["-headertimeout=1"]);
    let mut client = stand.client();
    client.send(format!("{GET}GET /x HTTP/1.1\r\nHo").as_bytes());
    assert_eq!(status(&client.answer("GET", PATIENCE).unwrap()), Some(200));
    check_closed_with(&mut client, 408);
}

#[test]
fn a_connection_without_a_request_is_closed_in_time() {
    let stand = Stand::new(&["-headertimeout=1", "-idletimeout=1"]);
    let mut silent = stand.client();
    assert_eq!(silent.drain(STRUCK_WITHIN), Ok((Vec::new(), End::Fin)));
    let mut idle = stand.client();
    idle.send(GET.as_bytes());
    assert_eq!(status(&idle.answer("GET", PATIENCE).unwrap()), Some(200));
    assert_eq!(idle.drain(STRUCK_WITHIN), Ok((Vec::new(), End::Fin)));
}

#[test]
fn many_slow_heads_hold_nobody_up_and_are_all_closed() {
    let stand = Stand::new(&["-headertimeout=2"]);
    let before_kib = stand.proxied.rss_kib();
    let mut slow = stand.clients(200, "GET /x HTTP/1.1\r\nX: y");
    stand.serves_others();
    stand.check_memory(200, before_kib);
    for client in &mut slow {
        check_closed_with(client, 408);
    }
}

#[test]
fn a_response_has_no_deadline() {
    let stand = Stand::new(&["-headertimeout=1", "-idletimeout=1"]);
    stand.daemon.play(vec![Step::ReadHead, Step::ReadBody(1), Step::Send(OK.to_vec())]);
    let mut client = stand.client();
    client.send(b"POST /wait HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\n\r\n");
    let early = client.answer("POST", Duration::from_secs(3)).unwrap();
    assert!(matches!(early, Wait::Silence(_)), "{}", waited(&early));
    client.send(b"x");
    assert_eq!(status(&client.answer("POST", PATIENCE).unwrap()), Some(200));
}

#[test]
fn an_inspected_body_that_comes_too_slowly_or_is_too_large_is_refused() {
    let stand = Stand::new(&["-headertimeout=1", "-allowbindmountfrom=/srv"]);
    let head = "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n";
    let slow = format!("{head}Content-Length: 100\r\n\r\n{{");
    check_closed_with(&mut stand.clients(1, &slow).remove(0), 408);
    let slow = format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\n{{");
    check_closed_with(&mut stand.clients(1, &slow).remove(0), 408);
    // Refused by its announced length, before a byte of it is requested.
    let large = format!("{head}Content-Length: 1048577\r\nExpect: 100-continue\r\n\r\n");
    check_closed_with(&mut stand.clients(1, &large).remove(0), 413);
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let large = format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(17));
    check_closed_with(&mut stand.clients(1, &large).remove(0), 413);
    assert_eq!(stand.daemon.accepted(), 0, "the daemon heard of a refused body");
}

/// The Engine reads the parameters of a build from a form, too, and before those of
/// the query that was judged.
#[test]
fn a_form_does_not_override_the_query_that_was_judged() {
    let form = "application/x-www-form-urlencoded";
    let rows = [
        ("/build?networkmode=none", vec![form], "a=b", 403),
        (
            "/v1.41/build/?version=2",
            vec!["Application/X-WWW-Form-URLencoded ; charset=x"],
            "a",
            403,
        ),
        ("/build?t=/libpod/x", vec!["multipart/form-data; boundary=x"], "a", 403),
        ("/build", vec!["application/x-tar", form], "a", 403),
        ("/images/create?fromImage=x", vec![form], "fromSrc=/etc/x", 403),
        // Requests of real clients.
        ("/build?networkmode=none", vec!["application/x-tar"], "tar", 200),
        ("/build?networkmode=none", vec![], "tar", 200),
        ("/images/create?fromImage=x", vec![form], "", 200),
        ("/v5.0.0/libpod/build", vec!["multipart/form-data; boundary=x"], "a", 200),
        ("/containers/a/wait", vec![form], "a", 200),
    ];
    let stand = Stand::new(&["-allowbindmountfrom=/srv"]);
    for (target, types, body, expected) in rows {
        let fields: String = types.iter().map(|t| format!("Content-Type: {t}\r\n")).collect();
        for framing in [
            format!("Content-Length: {}\r\n\r\n{body}", body.len()),
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        ] {
            // Chunks without a byte are no form that could be known to be empty.
            if body.is_empty() && framing.starts_with('T') {
                continue;
            }
            let request = format!("POST {target} HTTP/1.1\r\nHost: d\r\n{fields}{framing}");
            stand.daemon.play(answering());
            let mut client = stand.client();
            client.send(request.as_bytes());
            let answer = client.answer("POST", PATIENCE).unwrap();
            assert_eq!(status(&answer), Some(expected), "{request}: {}", waited(&answer));
        }
    }
}

#[test]
fn a_connection_is_kept_after_a_body_that_was_read_and_denied() {
    let stand = Stand::new(&["-allowbindmountfrom=/srv"]);
    let body = r#"{"Image":"x","HostConfig":{"Binds":["/etc:/etc"]}}"#;
    let mut client = stand.client();
    client.send(
        format!(
            "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
    let answer = client.answer("POST", PATIENCE).unwrap();
    let Wait::Answer(denied) = &answer else { panic!("{}", waited(&answer)) };
    assert_eq!((denied.response.status, denied.response.field("Connection")), (403, None));
    client.send(GET.as_bytes());
    assert_eq!(status(&client.answer("GET", PATIENCE).unwrap()), Some(200));
}

#[test]
fn clients_that_stop_reading_cost_bounded_memory() {
    let stand = Stand::new(&[]);
    let before_kib = stand.proxied.rss_kib();
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let flood = vec![Step::ReadHead, Step::Send(head), Step::SendForever(vec![b'd'; 1 << 16])];
    stand.daemon.play(flood);
    let deaf = stand.clients(50, GET);
    stand.awaits_rest();
    stand.check_memory(50, before_kib);
    stand.serves_others();
    drop(deaf);
    stand.daemon.await_idle().unwrap();
}

#[test]
fn a_daemon_that_stops_reading_costs_bounded_memory() {
    let stand = Stand::new(&[]);
    let before_kib = stand.proxied.rss_kib();
    stand.daemon.play(vec![Step::ReadHead, Step::AwaitClose]);
    let head = "POST /load HTTP/1.1\r\nHost: d\r\nContent-Length: 100000000\r\n\r\n";
    let clients = stand.clients(10, head);
    for client in &clients {
        // Until no more bytes are taken: then all buffers on the way are full.
        client.stream().set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        client.send(&vec![b'u'; 50_000_000]);
    }
    stand.awaits_rest();
    stand.check_memory(10, before_kib);
    reset(clients);
    stand.daemon.await_idle().unwrap();
}

#[test]
fn uploads_that_never_come_cost_bounded_memory_and_end_with_their_clients() {
    let stand = Stand::new(&[]);
    let before_kib = stand.proxied.rss_kib();
    stand.daemon.play(vec![Step::ReadHead, Step::AwaitClose]);
    let announced = "POST /load HTTP/1.1\r\nHost: d\r\nContent-Length: 9223372036854775807\r\n\r\n";
    let chunk =
        "POST /load HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n7FFFFFFFFFFFFFFF\r\n";
    let clients = [stand.clients(50, announced), stand.clients(50, chunk)];
    stand.awaits("all have begun", |_| stand.daemon.accepted() == 100);
    stand.serves_others();
    stand.awaits_rest();
    stand.check_memory(100, before_kib);
    drop(clients);
    stand.daemon.await_idle().unwrap();
}

#[test]
fn bytes_before_a_101_wait_for_it_and_none_is_lost() {
    let stand = Stand::new(&[]);
    stand.daemon.play(vec![
        Step::ReadHead,
        Step::Send(SWITCHED.to_vec()),
        Step::ReadUntil(b"the end".to_vec()),
        Step::Send(b"bye".to_vec()),
    ]);
    let mut client = stand.client();
    let early = [ATTACH.as_bytes(), &vec![b'e'; 60 * 1024], b"the end"].concat();
    client.send(&early);
    assert_eq!(status(&client.answer("POST", PATIENCE).unwrap()), Some(101));
    client.expect_bytes(b"bye").unwrap();
    let received = stand.daemon.received();
    assert!(received.ends_with(&early[ATTACH.len()..]), "{} bytes came", received.len());
}

#[test]
fn bytes_before_a_101_that_never_comes_are_bounded_and_kept_from_the_daemon() {
    let stand = Stand::new(&[]);
    let before_kib = stand.proxied.rss_kib();
    stand.daemon.play(vec![Step::ReadHead, Step::AwaitClose]);
    let clients = stand.clients(10, ATTACH);
    stand.awaits("all have begun", |_| stand.daemon.accepted() == 10);
    for client in &clients {
        client.stream().set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        client.send(&vec![b'e'; 50_000_000]);
    }
    stand.awaits_rest();
    stand.check_memory(10, before_kib);
    let received = stand.daemon.received();
    assert!(received.ends_with(b"\r\n\r\n"), "early bytes leaked");
    reset(clients);
    stand.daemon.await_idle().unwrap();
}

/// In a tunnel nothing else would ever be heard of such a client.
#[test]
fn a_reset_client_whose_daemon_stopped_reading_is_dropped_soon() {
    let stand = Stand::new(&[]);
    let hijacked = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
    let plain = "POST /x/exec/a/start HTTP/1.1\r\nHost: d\r\n";
    let endless = format!("{plain}Content-Length: 100000000\r\n\r\n");
    let legacy = "POST /exec/a/start HTTP/1.1\r\nHost: d\r\n\r\n";
    let rows: [(&str, &[u8]); 4] = [
        (ATTACH, SWITCHED),
        (legacy, hijacked),
        (&endless, b""),
        (&endless, b"HTTP/1.1 200 OK\r\n\r\n"),
    ];
    for (request, answer) in rows {
        stand.daemon.play(vec![Step::ReadHead, Step::Send(answer.to_vec()), Step::AwaitClose]);
        let clients = stand.clients(3, request);
        for client in &clients {
            client.stream().set_write_timeout(Some(Duration::from_millis(300))).unwrap();
            client.send(&vec![b'u'; 50_000_000]);
        }
        stand.awaits_rest();
        reset(clients);
        let took = stand.daemon.await_idle().unwrap();
        assert!(took < STRUCK_WITHIN, "{request}: it took {took:?}");
        stand.awaits_rest();
    }
}

#[test]
fn thousands_of_connections_from_one_address_leave_room_for_others() {
    let stand = Stand::new(&["-headertimeout=60"]);
    let before_kib = stand.proxied.rss_kib();
    let idle = stand.clients(2000, "");
    stand.serves_others();
    assert!(stand.proxied.threads() < 800, "{} threads", stand.proxied.threads());
    stand.check_memory(768, before_kib);
    // In the flood some are closed without an answer; after it, none.
    let refused = (0..50).find_map(|_| match stand.client().answer("GET", PATIENCE) {
        Ok(Wait::Answer(answer)) => Some(answer),
        _ => None,
    });
    let refused = refused.expect("a client too many is told why");
    assert_eq!(refused.response.status, 503);
    assert!(refused.response.field("Retry-After").is_some());
    speaks_json(&refused.response).unwrap();
    drop(idle);
    served_again(&stand);
}

/// Dashboards keep a stats stream open for each container.
#[test]
fn hundreds_of_streams_to_one_address_fit_the_default_limits() {
    let stand = Stand::new(&[]);
    let stream = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";
    stand.daemon.play(vec![Step::ReadHead, Step::Send(stream.to_vec()), Step::AwaitClose]);
    let streams = stand.clients(700, GET);
    stand.awaits("all streams have begun", |_| stand.daemon.accepted() == 700);
    stand.daemon.play(answering());
    let mut client = stand.clients(1, GET).remove(0);
    assert_eq!(status(&client.answer("GET", PATIENCE).unwrap()), Some(200));
    drop(streams);
}

#[test]
fn no_more_connections_than_the_limit_are_served_and_a_place_is_used_again() {
    let stand = Stand::new(&["-maxconnections=8"]);
    let mut held = stand.clients(8, "");
    stand.awaits("all have a thread", |proxied| proxied.threads() >= 8);
    check_closed_with(&mut stand.client(), 503);
    drop(held.pop());
    served_again(&stand);
}

/// A client of the first address is served, once those before are noticed gone.
fn served_again(stand: &Stand) {
    stand.daemon.play(answering());
    stand.awaits("a new client is served", |_| {
        let mut client = stand.client();
        client.send(GET.as_bytes());
        client.answer("GET", PATIENCE).is_ok_and(|answer| status(&answer) == Some(200))
    });
}

#[test]
fn a_proxy_without_file_descriptors_neither_spins_nor_dies_and_recovers() {
    let limited = ["sh", "-c", "ulimit -n 48; exec \"$0\" \"$@\""];
    let mut stand = Stand::under(&limited, &["-headertimeout=60"]);
    let held = stand.clients(100, "GET /x HTTP/1.1\r\n");
    stand.awaits("none is left", |proxied| proxied.descriptors() >= 47);
    let before = stand.proxied.cpu_ticks();
    std::thread::sleep(Duration::from_secs(2));
    let used = stand.proxied.cpu_ticks() - before;
    assert!(used < 40, "{used} of 200 ticks were used for nothing");
    assert!(stand.proxied.is_alive());
    drop(held);
    served_again(&stand);
}

#[test]
fn a_daemon_that_cannot_be_dialled_for_want_of_descriptors_is_a_502() {
    let limited = ["sh", "-c", "ulimit -n 48; exec \"$0\" \"$@\""];
    let stand = Stand::under(&limited, &["-headertimeout=60"]);
    let mut client = stand.client();
    client.send(b"GET /x HTTP/1.1\r\nHost: d\r\n");
    let held = stand.clients(100, "");
    stand.awaits("none is left", |proxied| proxied.descriptors() >= 47);
    client.send(b"\r\n");
    let answer = client.answer("GET", PATIENCE).unwrap();
    assert_eq!(status(&answer), Some(502), "{}", waited(&answer));
    drop(held);
    served_again(&stand);
}

#[test]
fn a_client_that_talks_on_after_its_refusal_is_cut_off() {
    let stand = Stand::new(&["-headertimeout=1"]);
    let client = stand.clients(1, "GET  /x HTTP/1.1\r\n\r\n").remove(0);
    check_cut_off(&client, b"more and more ");
}

#[test]
fn a_client_that_never_reads_its_refusals_is_cut_off() {
    let stand = Stand::new(&["-headertimeout=1"]);
    check_cut_off(&stand.client(), b"GET /denied HTTP/1.1\r\nHost: d\r\n\r\n");
}

/// Sends a thing again and again, until the peer takes no more of it.
fn check_cut_off(client: &RawClient, piece: &[u8]) {
    use std::io::Write;
    // The system buffers megabytes of answers before the peer is stuck.
    let deadline = Instant::now() + PATIENCE;
    while client.stream().write_all(piece).is_ok() {
        assert!(Instant::now() < deadline, "the proxy listens for ever");
    }
}

#[test]
fn who_may_not_ask_is_told_so_before_any_method() {
    let daemon = ScriptedDaemon::start(answering());
    let flags = ["-allowGET=.*", "-allowfrom=127.0.0.1"].map(str::to_owned);
    let proxied = Proxied::start(daemon.socket_path(), &flags);
    daemon.forget_start();
    for method in ["GET", "POST", "M-SEARCH"] {
        let mut client = RawClient::connect_from(Ipv4Addr::new(127, 0, 0, 2), proxied.address());
        client.send(format!("{method} /x HTTP/1.1\r\nHost: d\r\n\r\n").as_bytes());
        let Ok(Wait::Answer(refused)) = client.answer(method, PATIENCE) else { panic!("{method}") };
        assert_eq!(refused.response.status, 403, "{method}");
        assert!(refused.response.field("Allow").is_none(), "{method}");
        let logged = format!("reason=\"forbidden IP\" method={method}");
        proxied.await_log(&logged);
    }
}

#[test]
fn a_long_url_is_cut_in_answers_and_in_the_log() {
    let stand = Stand::new(&[]);
    for target in [format!("/{}", "d".repeat(60_000)), format!("/b?{}", "q".repeat(60_000))] {
        let mut client = stand.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: d\r\n\r\n").as_bytes());
        let Ok(Wait::Answer(refused)) = client.answer("GET", PATIENCE) else { panic!() };
        assert_eq!(refused.response.status, 403);
        assert!(refused.response.body.len() < 4096, "{} bytes", refused.response.body.len());
        stand.proxied.await_log(&format!("…({} bytes)", target.len()));
    }
    let log = stand.proxied.log();
    let longest = log.lines().map(str::len).max();
    assert!(longest < Some(2048), "a line of {longest:?} bytes");
}

#[test]
fn secrets_of_the_query_are_not_logged() {
    let stand = Stand::new(&["-loglevel=debug"]);
    let target = "build?t=x&buildargs=%7B%22A%22:%22hunter2%22%7D&b=PASSWORD%3Dhunter2";
    // Allowed, denied, and malformed.
    for line in [format!("GET /x{target}"), format!("GET /{target}"), format!("GET /{target}#")] {
        let mut client = stand.client();
        client.send(format!("{line} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n").as_bytes());
        client.drain(PATIENCE).unwrap();
    }
    stand.proxied.await_log("response=400");
    let log = stand.proxied.log();
    assert_eq!(log.matches("build?t=x&buildargs=***&b=***").count(), 4, "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}

#[test]
fn secrets_are_not_logged_in_reasons_and_malformed_targets() {
    let stand = Stand::new(&["-loglevel=debug", "-allowPOST=.*", "-allowbindmountfrom=/home"]);
    let lines = [
        "GET http://user:hunter2@host/x",
        "GET user:hunter2@host:80",
        "POST /build?buildargs=%zzhunter2",
        "POST /build?version=PASSWORD%20hunter2",
        "POST /build?remote=ssh%3A%2F%2Fu%3Ahunter2%40h%2Fx",
        "POST /build?secrets=%5B%22id%3Dx%2Csrc%3D%2Fhunter2%22%5D",
        "POST /images/create?fromSrc=ftp%3A%2F%2Fu%3Ahunter2%40h%2Fx",
        "POST /libpod/secrets/create?driveropts=%7B%22k%22%3A%22hunter2%22%7D",
        "POST /build?setenv=A%3Dhunter2",
        "GET /x?pwd=hunter2",
    ];
    for line in lines {
        let mut client = stand.client();
        let head = format!("{line} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
        client.send(head.as_bytes());
        client.drain(PATIENCE).unwrap();
    }
    stand.proxied.await_log("pwd=***");
    let log = stand.proxied.log();
    assert!(!log.contains("hunter2"), "{log}");
}

#[test]
fn hidden_characters_are_escaped_in_answers_as_in_the_log() {
    let stand = Stand::new(&[]);
    let mut client = stand.client();
    client.send(b"GET /%E2%80%AE%E2%81%A6%E2%80%8B%D8%9C HTTP/1.1\r\nHost: d\r\n\r\n");
    let Ok(Wait::Answer(refused)) = client.answer("GET", PATIENCE) else { panic!() };
    let body = String::from_utf8(refused.response.body).unwrap();
    assert!(body.contains(r"GET /\\u{202e}\\u{2066}\\u{200b}\\u{61c} is not allowed"), "{body}");
    assert!(body.is_ascii(), "{body}");
}
