//! The messages of a docker client when the proxy refuses.

use super::routes::{Client, IMAGE};
use crate::support::engine;
use crate::support::process::Outcome;
use crate::support::proxy::{Listen, Proxy};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

/// The allowlist of the documentation for Traefik.
const TRAEFIK: &[&str] =
    &[r"-allowGET=/v1\..{1,2}/(version|containers/.*|events.*)", "-allowHEAD=/_ping"];

#[test]
fn the_allowlist_for_traefik_lets_pass_what_traefik_asks() {
    let Some(engine) = engine::shared() else { return };
    let proxy = Proxy::start(Listen::Tcp, engine.socket(), TRAEFIK);
    let straight = Client::new(engine.socket(), None);
    let client = Client::new(engine.socket(), Some(proxy.host()));
    straight.start_container("sleep 600");
    for allowed in [
        &["version"][..],
        &["inspect", &straight.name],
        &["events", "--since", "1", "--until", "2"],
        &["ps", "--filter", &format!("name={}", straight.name), "--format", "{{.ID}}"],
    ] {
        let seen = client.docker(allowed);
        assert_eq!(seen.code, Some(0), "{allowed:?}: {seen:?}");
        assert_eq!(seen, straight.docker(allowed), "{allowed:?}");
    }
}

#[test]
fn the_allowlist_for_traefik_refuses_the_rest_and_the_client_prints_why() {
    let Some(engine) = engine::shared() else { return };
    let proxy = Proxy::start(Listen::Tcp, engine.socket(), TRAEFIK);
    let straight = Client::new(engine.socket(), None);
    let client = Client::new(engine.socket(), Some(proxy.host()));
    straight.start_container("sleep 600");
    let name = straight.name.as_str();
    for (command, code, flag) in [
        (&["images"][..], 1, "-allow=ImageList "),
        (&["run", "--rm", IMAGE, "true"], 125, "-allow=ContainerCreate "),
        (&["rm", "--force", name], 1, "-allow=ContainerDelete "),
        (&["exec", name, "true"], 1, "-allow=ContainerExec "),
        (&["stop", name], 1, "-allow=ContainerStop "),
        (&["system", "info"], 1, "-allow=SystemInfo "),
    ] {
        check_refusal(&client.docker(command), code, flag);
    }
    proxy.await_log("blocked request");
    let state = straight.docker(&["inspect", "--format", "{{.State.Running}}", name]);
    assert_eq!(state.success(), "true", "a refused command had an effect");
}

/// The reason is a sentence of the proxy's, and names the flag that would help.
#[track_caller]
fn check_refusal(outcome: &Outcome, code: i32, flag: &str) {
    let reason = outcome.stderr_text();
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert!(reason.contains("Error response from daemon: "), "{reason}");
    assert!(reason.contains(flag), "{flag} is not in {reason:?}");
}

/// The Engine reads the values of a form before the query, in builds only behind the
/// first 4096 bytes, which it has read ahead. With a multipart form the query is
/// first.
#[test]
fn forms_that_override_the_query_are_refused_under_a_body_rule() {
    let Some(engine) = engine::shared() else { return };
    let flags = ["-allowGET=.*", "-allowPOST=.*", "-allowbindmountfrom=/home"];
    let proxy = Proxy::start(Listen::Tcp, engine.socket(), &flags);
    let host = proxy.host().trim_start_matches("tcp://");
    let (padding, address) = ("x".repeat(4095), "http://127.0.0.1:2/form");
    let head = "Content-Disposition: form-data; name=\"remote\"";
    let parts = format!("{padding}\r\n--B\r\n{head}\r\n\r\n{address}\r\n--B--\r\n");
    let encoded = "application/x-www-form-urlencoded";
    for (target, kind, form) in [
        ("/images/create?fromSrc=-", encoded, format!("fromSrc={address}")),
        ("/build?remote=https://h/x", encoded, format!("{padding}&remote={address}")),
        ("/build?q=1", "multipart/form-data; boundary=B", parts),
    ] {
        let fields = format!("Content-Type: {kind}\r\nContent-Length: {}", form.len());
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n{fields}\r\n\r\n{form}"
        );
        let straight = ask(UnixStream::connect(engine.socket()).expect("connect"), &request);
        assert!(straight.contains(address), "{target}: {straight}");
        let through = ask(TcpStream::connect(host).expect("connect"), &request);
        assert!(through.starts_with("HTTP/1.1 403 "), "{target}: {through}");
        assert!(through.contains("is a form, which could override the query"), "{through}");
    }
}

fn ask(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).expect("send");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("receive to the end");
    String::from_utf8_lossy(&answer).into_owned()
}
