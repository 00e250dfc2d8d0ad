//! Restricted bind mounts, requested by real clients in all their ways.

use super::routes::{Client, IMAGE};
use crate::support::engine::{self, Engine, skip};
use crate::support::process::{Outcome, run};
use crate::support::proxy::{ALLOW_ALL, Listen, Proxy};
use crate::support::scratch::Scratch;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A proxy that lets one directory of the host be mounted, which holds a file.
struct Stand {
    directory: Scratch,
    proxy: Proxy,
    client: Client,
    straight: Client,
}

impl Stand {
    fn new(engine: &Engine) -> Stand {
        Stand::with_flags(engine, &[])
    }

    fn with_flags(engine: &Engine, more: &[&str]) -> Stand {
        let directory = Scratch::new();
        fs::write(directory.path().join("file"), "of the host").expect("a file of ours");
        let flag = format!("-allowbindmountfrom={}", directory.path().display());
        let flags = [ALLOW_ALL, &[flag.as_str()], more].concat();
        let proxy = Proxy::start(Listen::Tcp, engine.socket(), &flags);
        let client = Client::new(engine.socket(), Some(proxy.host()));
        Stand { directory, proxy, client, straight: Client::new(engine.socket(), None) }
    }

    fn path(&self) -> String {
        self.directory.path().display().to_string()
    }

    /// Makes a volume of the client's name that is a directory of the host.
    fn create_volume(&self, directory: &str) -> Outcome {
        let device = format!("--opt=device={directory}");
        let name = &self.client.name;
        let bind = ["--opt=type=none", "--opt=o=bind", &device, name];
        self.client.docker(&[&["volume", "create"], &bind[..]].concat())
    }

    /// Runs a command with one way to mount something at `/h`.
    fn run_with(&self, mount: &[&str], command: &[&str]) -> Outcome {
        let run = ["run", "--rm", "--network=none"];
        self.client.docker(&[&run[..], mount, &[IMAGE], command].concat())
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        // Most tests make none.
        let _ = self.straight.docker(&["volume", "rm", "--force", &self.client.name]);
    }
}

#[test]
fn an_allowed_directory_is_mounted_in_every_way() {
    let Some(engine) = engine::shared() else { return };
    let stand = Stand::new(engine);
    let (path, name) = (stand.path(), &stand.client.name);
    stand.create_volume(&path).success();
    let options = format!("volume-opt=type=none,volume-opt=o=bind,volume-opt=device={path}");
    for mount in [
        ["-v", &format!("{path}:/h")],
        ["-v", &format!("{path}/.:/h:ro")],
        ["--mount", &format!("type=bind,source={path},target=/h")],
        ["--mount", &format!("type=bind,source={path},target=/h,readonly")],
        ["--mount", &format!("type=volume,target=/h,{options}")],
        ["-v", &format!("{name}:/h")],
    ] {
        let read = stand.run_with(&mount, &["cat", "/h/file"]);
        assert_eq!((read.code, read.stdout_text().as_str()), (Some(0), "of the host"), "{mount:?}");
    }
    let write = ["sh", "-c", "echo back > /h/made"];
    stand.run_with(&["-v", &format!("{path}:/h")], &write).success();
    let made = fs::read_to_string(stand.directory.path().join("made"));
    assert_eq!(made.expect("the container made it"), "back\n");
}

#[test]
fn places_that_are_not_of_the_host_are_mounted() {
    let Some(engine) = engine::shared() else { return };
    let stand = Stand::new(engine);
    let named = format!("{}:/h", stand.client.name);
    for mount in [
        &["-v", "/h"][..],
        &["-v", &named],
        &["--tmpfs", "/h"],
        &["--mount", "type=tmpfs,target=/h"],
        &["--mount", "type=volume,target=/h"],
    ] {
        stand.run_with(mount, &["touch", "/h/file"]).success();
    }
}

#[test]
fn a_directory_that_is_not_allowed_is_refused_in_every_way_and_the_client_prints_why() {
    let Some(engine) = engine::shared() else { return };
    let stand = Stand::new(engine);
    let path = stand.path();
    for mount in [
        ["-v", "/etc:/h"],
        ["-v", "/:/h:ro"],
        ["-v", &format!("{path}/../../etc:/h")],
        ["-v", &format!("{path}2:/h")],
        ["--mount", "type=bind,source=/etc,target=/h"],
        ["--mount", &format!("type=bind,source={path}/../../etc,target=/h")],
        [
            "--mount",
            "type=volume,target=/h,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/etc",
        ],
        ["--volumes-from", &stand.straight.name],
    ] {
        let outcome = stand.run_with(&mount, &["true"]);
        assert_eq!(outcome.code, Some(125), "{mount:?}: {outcome:?}");
        check_reason(&outcome, "bind mount restriction: HostConfig.");
    }
    let outcome = stand.create_volume("/etc");
    check_reason(&outcome, "bind mount restriction: DriverOpts.device mounts");
    check_reason(&outcome, "add /etc to -allowbindmountfrom to allow it");
    let volumes = stand.straight.docker(&["volume", "ls", "--quiet"]).success();
    assert!(!volumes.contains(&stand.client.name), "a refused volume was made");
    stand.proxy.await_log("blocked request");
}

#[test]
fn a_link_that_a_client_planted_is_mounted_unless_the_list_is_exact() {
    let Some(engine) = engine::shared() else { return };
    for (flags, is_exact) in [(&[][..], false), (&["-bindmountsexact"], true)] {
        let stand = Stand::with_flags(engine, flags);
        let path = stand.path();
        stand.run_with(&["-v", &format!("{path}:/h")], &["ln", "-s", "/", "/h/link"]).success();
        for mount in [
            ["-v", &format!("{path}/link:/h:ro")],
            ["--mount", &format!("type=bind,source={path}/link,target=/h,readonly")],
        ] {
            let outcome = stand.run_with(&mount, &["ls", "/h/etc/passwd"]);
            assert_eq!(outcome.code == Some(0), !is_exact, "{mount:?}: {outcome:?}");
            if is_exact {
                check_reason(&outcome, &format!("({path}, exactly)"));
            }
        }
        let outcome = stand.create_volume(&format!("{path}/link"));
        assert_eq!(outcome.code == Some(0), !is_exact, "{outcome:?}");
    }
}

#[test]
fn sockets_of_the_host_are_no_targets_of_logs() {
    let Some(engine) = engine::shared() else { return };
    let stand = Stand::new(engine);
    let profile = stand.client.file("profile.json");
    fs::write(&profile, r#"{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/run/x.sock"}"#)
        .expect("a file of ours");
    let profile = format!("seccomp={}", profile.display());
    for (option, value) in
        [("--log-opt", "syslog-address=unixgram:///dev/log"), ("--security-opt", profile.as_str())]
    {
        let outcome = stand.run_with(&["--log-driver=syslog", option, value], &["true"]);
        assert_eq!(outcome.code, Some(125), "{option}: {outcome:?}");
        check_reason(&outcome, "bind mount restriction: HostConfig.");
    }
}

#[test]
fn labels_that_differ_by_case_reach_the_engine() {
    let Some(engine) = engine::shared() else { return };
    let stand = Stand::new(engine);
    let labels = ["--label=maintainer=a", "--label=MAINTAINER=b"];
    stand.run_with(&labels, &["true"]).success();
}

#[test]
fn compose_mounts_what_is_allowed_and_prints_why_the_rest_is_not() {
    let Some(engine) = engine::shared() else { return };
    if Command::new("docker-compose").arg("version").output().is_err() {
        return skip("there is no docker-compose");
    }
    let stand = Stand::new(engine);
    let allowed = Compose::up(&stand, &stand.path());
    assert!(allowed.stdout_text().contains("of the host"), "{allowed:?}");
    let refused = Compose::up(&stand, "/etc");
    assert_ne!(refused.code, Some(0), "{refused:?}");
    check_reason(&refused, "bind mount restriction: HostConfig.Binds[0] mounts \"/etc\"");
}

/// The reason is the proxy's. Compose puts it between quotes of its own.
#[track_caller]
fn check_reason(outcome: &Outcome, part: &str) {
    let reason = outcome.stderr_text().replace("\\\"", "\"");
    assert!(reason.contains("socket-proxy: "), "{reason}");
    assert!(reason.contains(part), "{part} is not in {reason:?}");
}

/// A project of one service, which mounts one directory and prints a file in it.
struct Compose<'a> {
    stand: &'a Stand,
    file: &'a Path,
}

impl Compose<'_> {
    /// Up until the service has ended, and down again.
    #[track_caller]
    fn up(stand: &Stand, directory: &str) -> Outcome {
        let file = stand.client.file("compose.yml");
        let service = format!("image: {IMAGE}, network_mode: none, command: cat /h/file");
        let volumes = format!("volumes: ['{directory}:/h']");
        let text = format!("version: '3'\nservices: {{app: {{{service}, {volumes}}}}}\n");
        fs::write(&file, text).expect("a file of ours");
        let project = Compose { stand, file: &file };
        let outcome = project.run(&["up", "--abort-on-container-exit"]);
        project.run(&["down"]).success();
        outcome
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new("docker-compose");
        command.args(["--no-ansi", "--project-name", &self.stand.client.name, "--file"]);
        command.arg(self.file).args(arguments).env("DOCKER_HOST", self.stand.client.host());
        run(&mut command, b"")
    }
}
