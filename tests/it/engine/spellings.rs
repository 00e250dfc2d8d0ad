//! Requests as real clients spell them: the proxy's answer is the Engine's own.

use crate::support::engine;
use crate::support::proxy::{Listen, Proxy};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

const EVERYTHING: &[&str] = &["-allowGET=.*", "-allowHEAD=.*", "-allowPOST=.*", "-allowDELETE=.*"];

/// An answer's status, Location, Content-Type and body.
type Answer = (String, Option<String>, Option<String>, String);

#[test]
fn doubled_slashes_get_the_engines_own_redirect() {
    let targets = [
        "//v1.24/containers/json?all=1&a=%2f//",
        "//",
        "///_ping",
        "/containers//a%20b;c%c3%bc/json",
        "/networks//",
        "//no/such/route",
    ];
    let mut requests: Vec<_> = targets.iter().map(|target| request("GET", target)).collect();
    requests.extend(targets.iter().map(|target| request("DELETE", target)));
    requests.push(create("//containers/create?name=x"));
    requests.push("GET //_ping HTTP/1.0\r\n\r\n".to_owned());
    check(&requests);
}

#[test]
fn odd_targets_reach_the_engine_as_written() {
    let long = format!("/containers/json?a={}", "b".repeat(127 * 1024));
    let targets = [
        "http:/_ping",
        "HTTP:/containers/no-such/json",
        "/networks/no-such/",
        "/containers/no-such/",
        "/volumes/",
        "/containers/json/",
        "/_ping/",
        "/containers/json?filters={\"label\":[\"a=ü\"]}",
        "/containers/no-such/json?a=\"<ü>\"",
        &long,
    ];
    let mut requests: Vec<_> = targets.iter().map(|target| request("GET", target)).collect();
    requests.push(create("/containers/create/"));
    check(&requests);
}

#[test]
fn lines_may_end_with_lf_alone() {
    let requests = [
        "GET /_ping HTTP/1.0\n\n",
        "GET /_ping HTTP/1.0\r\n\n",
        "GET /containers/no-such/json HTTP/1.1\nHost: d\nConnection: close\n\n",
        "POST /containers/no-such/stop HTTP/1.1\r\nHost: d\nConnection: close\n\r\n",
    ];
    check(&requests.map(str::to_owned));
}

/// Sends each request straight and through the proxy, and compares the answers.
#[track_caller]
fn check(requests: &[String]) {
    let Some(engine) = engine::shared() else { return };
    let proxy = Proxy::start(Listen::Tcp, engine.socket(), EVERYTHING);
    let host = proxy.host().trim_start_matches("tcp://");
    for request in requests {
        let straight = ask(UnixStream::connect(engine.socket()).expect("connect"), request);
        let through = ask(TcpStream::connect(host).expect("connect"), request);
        assert_eq!(through, straight, "{request:.200}");
    }
}

/// A request with this method and target, after which the Engine closes.
fn request(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
}

fn create(target: &str) -> String {
    let fields = "Connection: close\r\nContent-Type: application/json\r\nContent-Length: 2";
    format!("POST {target} HTTP/1.1\r\nHost: d\r\n{fields}\r\n\r\n{{}}")
}

fn ask(mut stream: impl Read + Write, request: &str) -> Answer {
    stream.write_all(request.as_bytes()).expect("send");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("receive to the end");
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").expect("a whole head");
    let field = |name: &str| {
        head.lines().find_map(|line| line.strip_prefix(name)).map(|v| v.trim().to_owned())
    };
    let status = head.lines().next().unwrap_or_default().split(' ').nth(1);
    (
        status.unwrap_or_default().to_owned(),
        field("Location:"),
        field("Content-Type:"),
        body.to_owned(),
    )
}
