//! The output of the metrics listener after real exchanges, and who may read it.

use crate::support::PATIENCE;
use crate::support::process::until;
use crate::support::proxied::Proxied;
use crate::support::proxy::{binary, free_port};
use crate::support::scripted_daemon::{ScriptedDaemon, Step};
use crate::support::skip::skip_unless_required;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const RULES: [&str; 3] =
    ["-allow=SystemInfo,ImageInspect", "-allow=ImagePrune", "-deny=ImageInspect"];

/// A proxy with metrics, and their address.
fn start(daemon: &ScriptedDaemon, flags: &[&str]) -> (Proxied, SocketAddr) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let metrics = format!("-metrics={address}");
    let flags: Vec<_> = flags.iter().copied().chain([&*metrics]).map(str::to_owned).collect();
    (Proxied::start(daemon.socket_path(), &flags), address)
}

/// Sends a request on a connection of its own and reads until its end.
fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn request(line: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
}

fn page(metrics: SocketAddr) -> String {
    let answer = ask(metrics, &request("GET /metrics"));
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(head.ends_with("\r\nConnection: close"), "{head}");
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", page.len())), "{head}");
    page.to_owned()
}

/// The samples of some families that are not 0.
fn samples(page: &str, families: &[&str]) -> Vec<String> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("socket_proxy_"));
    let is_wanted = |line: &&str| {
        families.iter().any(|family| line.starts_with(family)) && !line.ends_with(" 0")
    };
    lines.filter(is_wanted).map(str::to_owned).collect()
}

/// Waits until a page has a line.
#[track_caller]
fn await_line(metrics: SocketAddr, line: &str) {
    let has_line = || page(metrics).lines().any(|found| found == line).then_some(());
    assert!(until(PATIENCE, has_line).is_some(), "{line:?} is not in {}", page(metrics));
}

#[test]
fn requests_are_counted_by_operation_and_verdict_and_answers_by_class() {
    let daemon =
        ScriptedDaemon::start(vec![Step::ReadHead, Step::Send(OK.to_vec()), Step::AwaitClose]);
    let (proxied, metrics) = start(&daemon, &RULES);
    for (line, status) in [
        ("GET /v1.51/info", 200),
        ("GET /info?x=1", 200),
        ("GET //info", 301),
        ("GET /v1.51/images/secret-name/json", 403),
        ("GET /no/such/operation", 403),
        ("DELETE /v1.51/images/x", 405),
        ("BREW /v1.51/images/x", 405),
        ("GET /v1.51/../info", 400),
    ] {
        let answer = ask(proxied.address(), &request(line));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
    }
    await_line(metrics, "socket_proxy_connections{listener=\"default\"} 0");
    let page = page(metrics);
    assert_eq!(
        samples(&page, &["requests_total", "answers_total", "connections_total", "body_bytes"]),
        [
            r#"requests_total{listener="default",operation="ImageInspect",verdict="denied_rule"} 1"#,
            r#"requests_total{listener="default",operation="ImageDelete",verdict="denied_rule"} 1"#,
            r#"requests_total{listener="default",operation="SystemInfo",verdict="allowed"} 2"#,
            r#"requests_total{listener="default",operation="SystemInfo",verdict="redirected"} 1"#,
            r#"requests_total{listener="default",operation="unknown",verdict="denied_rule"} 2"#,
            r#"requests_total{listener="default",operation="unknown",verdict="invalid"} 1"#,
            r#"answers_total{listener="default",by="daemon",class="2xx"} 2"#,
            r#"answers_total{listener="default",by="proxy",class="3xx"} 1"#,
            r#"answers_total{listener="default",by="proxy",class="4xx"} 5"#,
            r#"body_bytes_total{listener="default",direction="down"} 4"#,
            r#"connections_total{listener="default"} 8"#,
        ]
    );
    assert!(!page.contains("secret"), "{page}");
    assert!(page.contains("\nsocket_proxy_daemon_up 1\n"), "{page}");
    check_by_promtool(&page);
}

#[test]
fn what_is_under_way_is_shown_and_a_daemon_that_fails_is_counted_once() {
    let daemon =
        ScriptedDaemon::start(vec![Step::ReadHead, Step::Send(OK.to_vec()), Step::AwaitClose]);
    let (proxied, metrics) = start(&daemon, &["-allow=SystemEvents", "-learn=reads"]);
    daemon.play(vec![
        Step::ReadHead,
        Step::Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
        Step::AwaitClose,
    ]);
    let mut stream = TcpStream::connect(proxied.address()).unwrap();
    stream.write_all(request("GET /events").as_bytes()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_exact(&mut [0; 15]).unwrap();
    daemon.play(vec![Step::ReadHead, Step::Send(OK.to_vec()), Step::AwaitClose]);
    await_line(metrics, "socket_proxy_requests_in_progress{listener=\"default\"} 1");
    await_line(metrics, "socket_proxy_places_taken{kind=\"client\"} 1");
    await_line(metrics, "socket_proxy_places{kind=\"client\"} 1024");
    // A connection that ends without a word, and then none at all.
    daemon.play(vec![Step::ReadHead]);
    let answer = ask(proxied.address(), &request("GET /info"));
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let _ = std::fs::remove_file(daemon.socket_path());
    let answer = ask(proxied.address(), &request("GET /events"));
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    drop(stream);
    await_line(metrics, "socket_proxy_requests_in_progress{listener=\"default\"} 0");
    let page = page(metrics);
    let duration = "request_duration_seconds_count";
    assert_eq!(
        samples(&page, &["requests_total", "answers_total", duration, "learn"]),
        [
            r#"requests_total{listener="default",operation="SystemInfo",verdict="learned"} 1"#,
            r#"requests_total{listener="default",operation="SystemEvents",verdict="allowed"} 2"#,
            r#"answers_total{listener="default",by="daemon",class="2xx"} 1"#,
            r#"answers_total{listener="default",by="proxy",class="5xx"} 2"#,
            r#"request_duration_seconds_count{listener="default",flow="plain"} 1"#,
            r#"request_duration_seconds_count{listener="default",flow="stream"} 1"#,
            "learning 1",
            "learned_operations_total 1",
        ]
    );
    assert!(page.contains("\nsocket_proxy_daemon_up 0\n"), "{page}");
    check_by_promtool(&page);
}

#[test]
fn connections_that_are_turned_away_are_counted_and_do_not_hide_the_page() {
    let daemon =
        ScriptedDaemon::start(vec![Step::ReadHead, Step::Send(OK.to_vec()), Step::AwaitClose]);
    let (proxied, metrics) = start(&daemon, &["-allow=SystemInfo", "-maxconnections=1"]);
    let _held = TcpStream::connect(proxied.address()).unwrap();
    await_line(metrics, "socket_proxy_places_taken{kind=\"client\"} 1");
    let mut refused = TcpStream::connect(proxied.address()).unwrap();
    let mut answer = String::new();
    refused.set_read_timeout(Some(PATIENCE)).unwrap();
    refused.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    await_line(metrics, "socket_proxy_connections_refused_total{reason=\"full\"} 1");
}

#[test]
fn only_get_of_metrics_is_answered() {
    let daemon = ScriptedDaemon::start(vec![Step::ReadHead, Step::Send(OK.to_vec())]);
    let (_proxied, metrics) = start(&daemon, &["-allowGET=.*"]);
    for (line, status) in [
        ("GET /metrics", 200),
        ("GET /metrics?x=1", 200),
        ("HEAD /metrics", 405),
        ("POST /metrics", 405),
        ("GET /", 404),
        ("GET /v1.51/info", 404),
        ("GET /metrics/", 404),
        ("HEAD /health", 404),
    ] {
        let answer = ask(metrics, &request(line));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
        assert!(status == 200 || line.starts_with("HEAD") || answer.contains("only GET /metrics"));
    }
}

#[test]
fn readers_that_do_not_read_hold_nobody_up() {
    let daemon =
        ScriptedDaemon::start(vec![Step::ReadHead, Step::Send(OK.to_vec()), Step::AwaitClose]);
    let (_proxied, metrics) = start(&daemon, &["-allow=SystemInfo"]);
    let mut deaf = Vec::new();
    for _ in 0..32 {
        let mut stream = TcpStream::connect(metrics).unwrap();
        stream.write_all(request("GET /metrics").as_bytes()).unwrap();
        deaf.push(stream);
    }
    let begun = Instant::now();
    page(metrics);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[test]
fn without_the_flag_nothing_listens_and_a_taken_address_ends_the_start() {
    let daemon = ScriptedDaemon::start(vec![Step::AwaitClose]);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let output = Command::new(binary())
        .arg(format!("-metrics={}", taken.local_addr().unwrap()))
        .arg(format!("-socketpath={}", daemon.socket_path().display()))
        .arg(format!("-proxysocketendpoint={}.proxy", daemon.socket_path().display()))
        .env_clear()
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{log}");
    assert!(log.contains("cannot serve metrics on 127.0.0.1:"), "{log}");
    assert!(log.contains("Address already in use"), "{log}");
    let silent = Proxied::start(daemon.socket_path(), &[]);
    assert!(!silent.log().contains(" metrics="), "{}", silent.log());
}

/// Form and names as Prometheus wants them.
fn check_by_promtool(page: &str) {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        return skip_unless_required("SOCKET_PROXY_REQUIRE_PROMETHEUS", "promtool is missing");
    };
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}
