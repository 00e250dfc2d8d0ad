//! Unix listeners as `DOCKER_HOST`, and several listeners with their own rights.

use super::routes::{Client, IMAGE};
use crate::support::PATIENCE;
use crate::support::engine;
use crate::support::process::{Outcome, finish, spawn};
use crate::support::proxy::{ALLOW_ALL, Listen, Proxy};
use crate::support::scratch::Scratch;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Neither is that of the tests, which run as root.
const NOBODY: &str = "65534";

#[test]
fn a_unix_listener_is_a_docker_host_and_its_file_is_gone_at_the_end() {
    let Some(engine) = engine::shared() else { return };
    let mut proxy = Proxy::start(Listen::Unix, engine.socket(), ALLOW_ALL);
    let file = socket_of(&proxy);
    assert_eq!(mode(&file), 0o600);
    let root = Person { user: "0", group: "0" };
    let run = ["run", "--rm", "--network=none", IMAGE, "echo", "hello"];
    assert_eq!(root.docker(proxy.host(), &run).1.success(), "hello");
    assert_eq!(proxy.stop(), Some(0));
    assert!(!file.exists(), "{}", file.display());
}

#[test]
fn the_files_mode_says_who_may_connect_and_the_log_says_who_did() {
    let Some(engine) = engine::shared() else { return };
    let nobody = Person { user: NOBODY, group: NOBODY };
    let member = Person { user: NOBODY, group: "0" };
    for (bits, person, may) in [
        ("0600", member, false),
        ("0660", nobody, false),
        ("0660", member, true),
        ("0666", nobody, true),
    ] {
        let flags = [&format!("-proxysocketendpointfilemode={bits}"), "-loglevel=DEBUG"];
        let proxy = Proxy::start(Listen::Unix, engine.socket(), &[ALLOW_ALL, &flags].concat());
        assert_eq!(format!("{:04o}", mode(&socket_of(&proxy))), bits);
        let (pid, outcome) = person.docker(proxy.host(), &["version"]);
        assert_eq!(outcome.code == Some(0), may, "{bits} {person:?}: {outcome:?}");
        match may {
            true => proxy.await_log(&format!("client=\"{}\"", person.as_client(pid))),
            false => assert!(outcome.stderr_text().contains("permission denied"), "{outcome:?}"),
        }
    }
}

#[test]
fn two_listeners_have_each_their_own_rights() {
    let Some(engine) = engine::shared() else { return };
    let scratch = Scratch::new();
    let second = scratch.path().join("second.sock").display().to_string();
    let reads = "(/v[0-9.]+)?/(_ping|version|containers/json)";
    let by_flags = [
        &format!("-listen=second=unix:{second},mode=0666"),
        &format!("-allowGET@second={reads}"),
        "-allowHEAD@second=/_ping",
    ];
    let by_variables = [
        ("SP_LISTEN_SECOND", &*format!("unix:{second},mode=0666")),
        ("SP_LISTEN_SECOND_ALLOW_GET", reads),
        ("SP_LISTEN_SECOND_ALLOW_HEAD", "/_ping"),
    ];
    for (flags, variables) in [(&by_flags[..], &[][..]), (&[], &by_variables)] {
        let flags = [ALLOW_ALL, flags].concat();
        let proxy = Proxy::start_with(Listen::Tcp, engine.socket(), &flags, variables);
        let first = Client::new(engine.socket(), Some(proxy.host()));
        check_rights_of_second(&first, &second);
    }
}

/// A client of the second listener may only read, while a client of the first may do
/// everything.
#[track_caller]
fn check_rights_of_second(first: &Client, second: &str) {
    assert_eq!(mode(Path::new(second)), 0o666);
    let nobody = Person { user: NOBODY, group: NOBODY };
    let host = format!("unix://{second}");
    first.start_container("exec sleep 600");
    let by_name = format!("name={}", first.name);
    let list = ["ps", "--filter", &by_name, "--format", "{{.Names}}"];
    assert_eq!(nobody.docker(&host, &list).1.success(), first.name);
    for (command, right) in [
        (&["images"][..], "=ImageList ("),
        (&["stop", &first.name], "=ContainerStop ("),
        (&["rm", "--force", &first.name], "=ContainerDelete ("),
    ] {
        let refused = nobody.docker(&host, command).1;
        assert!(refused.stderr_text().contains(right), "{command:?}: {refused:?}");
    }
    first.docker(&["exec", &first.name, "true"]).success();
    first.docker(&["rm", "--force", &first.name]).success();
}

/// Somebody with these numbers, without further groups and capabilities.
#[derive(Debug, Clone, Copy)]
struct Person {
    user: &'static str,
    group: &'static str,
}

impl Person {
    /// Runs a docker client that knows the host from the environment alone, as
    /// this person; its process number comes first.
    #[track_caller]
    fn docker(self, host: &str, arguments: &[&str]) -> (u32, Outcome) {
        // It becomes the client, so that the number stays.
        let mut command = Command::new("setpriv");
        command.args(["--reuid", self.user, "--regid", self.group, "--clear-groups", "docker"]);
        command.args(arguments).env("DOCKER_HOST", host).env("HOME", "/nonexistent");
        command.env_remove("DOCKER_CONTEXT").env_remove("DOCKER_CONFIG");
        let child = spawn(&mut command);
        (child.id(), finish(child, PATIENCE))
    }

    /// How the log calls a process of this person.
    fn as_client(self, pid: u32) -> String {
        format!("pid={pid},uid={},gid={}", self.user, self.group)
    }
}

fn socket_of(proxy: &Proxy) -> PathBuf {
    proxy.host().trim_start_matches("unix://").into()
}

#[track_caller]
fn mode(file: &Path) -> u32 {
    fs::metadata(file).expect("the file exists").permissions().mode() & 0o7777
}
