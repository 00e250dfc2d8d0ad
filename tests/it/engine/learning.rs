//! Learned lists: with the list, a real client can repeat its requests from the time
//! of learning, and send no others.

use super::prometheus::{self, Prometheus};
use super::python;
use super::routes::{AWAIT_GO, Client, IMAGE};
use crate::support::engine::{self, skip};
use crate::support::process::run;
use crate::support::proxy::{Listen, Proxy};
use std::process::Command;

/// The flags of the list that the proxy printed at its end.
#[track_caller]
fn learned(mut proxy: Proxy) -> Vec<String> {
    assert_eq!(proxy.stop(), Some(0));
    let log = proxy.log();
    let lines = log.lines().filter_map(|line| line.strip_prefix("      - '"));
    let flags: Vec<String> = lines
        .filter_map(|line| line.strip_suffix('\''))
        .map(|flag| flag.replace("''", "'").replace("$$", "$"))
        .collect();
    assert!(!flags.is_empty(), "{log}");
    flags
}

/// A proxy with a learned list, and a client of it.
struct Taught {
    _proxy: Proxy,
    client: Client,
    flags: Vec<String>,
}

/// Acts through a proxy that learns, then through one that has the list.
#[track_caller]
fn act_twice(act: impl Fn(&Client)) -> Option<Taught> {
    let engine = engine::shared()?;
    let learning = Proxy::start(Listen::Tcp, engine.socket(), &["-learn=all"]);
    act(&Client::new(engine.socket(), Some(learning.host())));
    let flags = learned(learning);
    assert!(flags.iter().all(|flag| flag.starts_with("-allow=")), "{flags:?}");
    let given: Vec<&str> = flags.iter().map(String::as_str).collect();
    let proxy = Proxy::start(Listen::Tcp, engine.socket(), &given);
    let client = Client::new(engine.socket(), Some(proxy.host()));
    act(&client);
    assert!(!proxy.log().contains("blocked request"), "{}", proxy.log());
    Some(Taught { _proxy: proxy, client, flags })
}

#[test]
fn the_docker_client_can_do_with_the_list_what_it_did_and_nothing_else() {
    let taught = act_twice(|client| {
        client.start_container("echo hello; exec sleep 600");
        let name = client.name.as_str();
        client.docker(&["exec", name, "true"]).success();
        assert_eq!(client.docker(&["logs", name]).success(), "hello");
        client.docker(&["inspect", "--type=container", name]).success();
        client.docker(&["rm", "--force", name]).success();
    });
    let Some(Taught { client, .. }) = &taught else { return };
    for other in [&["images"][..], &["volume", "ls"], &["system", "info"], &["tag", IMAGE, "x"]] {
        let refused = client.docker(other);
        assert!(refused.stderr_text().contains("to allow it, add -allow="), "{refused:?}");
    }
}

#[test]
fn the_python_sdk_can_do_with_the_list_what_it_did_and_nothing_else() {
    let Some(interpreter) = python::with_sdk() else {
        return skip("no python3 here has the docker SDK (package python3-docker)");
    };
    let script = |client: &Client| {
        let arguments = [python::SCRIPT, client.host(), &client.name];
        run(Command::new(interpreter).args(arguments), b"")
    };
    let straight = engine::shared().map(|engine| Client::new(engine.socket(), None));
    let Some(straight) = straight else { return };
    let taught = act_twice(|client| {
        let commands = format!("echo first; {AWAIT_GO}; exit 8");
        let start = ["run", "--detach", "--name", &client.name, IMAGE, "sh", "-c", &commands];
        straight.docker(&start).success();
        script(client).success();
        straight.docker(&["rm", "--force", &client.name]).success();
    });
    let Some(Taught { client, .. }) = &taught else { return };
    let refused = client.docker(&["ps"]);
    assert!(refused.stderr_text().contains("add -allow=ContainerList"), "{refused:?}");
}

#[test]
fn prometheus_finds_its_targets_with_the_list_and_nothing_else_is_open() {
    if !prometheus::is_there() {
        return skip("there is no Prometheus here (package prometheus)");
    }
    let Some(engine) = engine::shared() else { return };
    let straight = Client::new(engine.socket(), None);
    straight.start_container("exec sleep 600");
    let taught = act_twice(|client| {
        Prometheus::start(client.host()).await_target(&straight.name);
    });
    let Some(Taught { client, flags, .. }) = &taught else { return };
    assert_eq!(*flags, ["-allow=ContainerList,SystemPingHead,NetworkList"]);
    let name = straight.name.as_str();
    for other in [&["inspect", name][..], &["logs", name], &["exec", name, "true"], &["info"]] {
        let refused = client.docker(other);
        assert!(refused.stderr_text().contains("to allow it, add -allow="), "{refused:?}");
    }
}
