//! A proxy that learns: passed requests, denied requests, and the list at the end.

use crate::support::PATIENCE;
use crate::support::proxied::Proxied;
use crate::support::raw_client::{RawClient, Wait};
use crate::support::scripted_daemon::{ScriptedDaemon, answering};

/// The requests of an application in these tests.
const REQUESTS: [(&str, &str); 4] = [
    ("HEAD", "/_ping"),
    ("GET", "/v1.51/containers/json?all=1"),
    ("GET", "/v1.51/containers/abc/json"),
    ("POST", "/v1.51/containers/abc/restart"),
];

struct Stand {
    _daemon: ScriptedDaemon,
    proxied: Proxied,
}

impl Stand {
    fn new(flags: &[&str]) -> Self {
        let daemon = ScriptedDaemon::start(answering());
        let flags: Vec<_> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let proxied = Proxied::start(daemon.socket_path(), &flags);
        Self { _daemon: daemon, proxied }
    }

    fn status(&self, method: &str, target: &str) -> u16 {
        let mut client = RawClient::connect(self.proxied.address());
        let head = format!("{method} {target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
        client.send(head.as_bytes());
        match client.answer(method, PATIENCE) {
            Ok(Wait::Answer(answer)) => answer.response.status,
            other => panic!("{method} {target}: {other:?}"),
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.proxied.pid().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }
}

/// The flags of the list that a learning proxy prints.
fn flags_of(log: &str) -> Vec<String> {
    let lines = log.lines().filter_map(|line| line.strip_prefix("      - '"));
    let texts = lines.filter_map(|line| line.strip_suffix('\''));
    texts.map(|text| text.replace("''", "'").replace("$$", "$")).collect()
}

#[test]
fn the_list_that_was_learned_lets_the_same_pass_and_nothing_else() {
    let learning = Stand::new(&["-learn=all"]);
    learning.proxied.await_log("root on the host");
    for (method, target) in REQUESTS {
        assert_eq!(learning.status(method, target), 200, "{method} {target}");
    }
    learning.signal("USR1");
    learning.proxied.await_log("    command:");
    let log = learning.proxied.log();
    assert!(log.contains("msg=learned method=POST"), "{log}");
    let flags = flags_of(&log);
    let list = "-allow=ContainerList,ContainerInspect,ContainerRestart,SystemPingHead";
    assert_eq!(flags, [list], "{log}");

    let taught = Stand::new(&[list]);
    for (method, target) in REQUESTS {
        assert_eq!(taught.status(method, target), 200, "{method} {target}");
    }
    for (method, target, status) in [
        ("GET", "/v1.51/containers/abc/logs", 403),
        ("GET", "/_ping", 403),
        ("POST", "/v1.51/containers/abc/stop", 403),
        ("DELETE", "/v1.51/containers/abc", 405),
    ] {
        assert_eq!(taught.status(method, target), status, "{method} {target}");
    }
}

#[test]
fn reading_may_be_learned_alone_and_denials_and_unknown_paths_stay_refused() {
    let stand = Stand::new(&["-learn=reads", "-deny=ContainerLogs", "-allow=SystemVersion"]);
    for (method, target, status) in [
        ("GET", "/version", 200),
        ("GET", "/info", 200),
        ("GET", "/containers/abc/json", 200),
        ("GET", "/containers/abc/logs", 403),
        ("GET", "/containers/abc/archive", 403),
        ("POST", "/containers/abc/restart", 405),
        ("GET", "/nothing/of/this", 403),
        ("GET", "/a/../b", 400),
    ] {
        assert_eq!(stand.status(method, target), status, "{method} {target}");
    }
    stand.signal("TERM");
    stand.proxied.await_log("shutdown finished");
    let log = stand.proxied.log();
    let flags = flags_of(&log);
    assert_eq!(
        flags,
        [
            "-allow=ContainerInspect,ContainerRestart,ContainerArchive,SystemInfo,SystemVersion",
            "-allowGET=/nothing/of/this",
        ],
        "{log}"
    );
    assert!(log.contains("# gives contents of files: ContainerArchive"), "{log}");
}

#[test]
fn without_learning_a_report_is_not_given() {
    let stand = Stand::new(&["-allow=SystemInfo"]);
    stand.signal("USR1");
    assert_eq!(stand.status("GET", "/info"), 200);
    assert_eq!(stand.status("GET", "/version"), 403);
    stand.signal("TERM");
    stand.proxied.await_log("shutdown finished");
    assert!(!stand.proxied.log().contains("command:"));
}
