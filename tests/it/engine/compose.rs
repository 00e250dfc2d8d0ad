//! Compose, from a project's start to its end.
//!
//! Compose 2 is a plugin of the docker client. Where that is missing, compose 1 is
//! tested, which neither waits for health nor copies.

use super::files::path;
use super::routes::{AWAIT_GO, Client, has_plugin, same_on_every_route};
use crate::support::live::Live;
use crate::support::process::{Outcome, run};
use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const BUSYBOX: &str = "image: 'busybox:latest'";

#[test]
fn a_project_is_up_runs_commands_follows_logs_and_is_down() {
    same_on_every_route(|client| {
        let script = format!("echo first; {AWAIT_GO}; echo last; exec sleep 600");
        let project = Project::new(client, &service(&script, BUSYBOX, None));
        project.run(&["up", "--detach"]).success();
        let before = project.containers();
        let mut logs = project.live(&["logs", "--follow", "--no-color"]);
        logs.await_text("first\n");
        let exec = ["exec", "-T", "app", "sh", "-c", "touch /go; cat; echo err >&2; exit 3"];
        let exec = project.run_with(&exec, b"in\n");
        assert_eq!((exec.code, exec.stdout_text().as_str()), (Some(3), "in\n"), "{exec:?}");
        assert!(exec.stderr_text().contains("err\n"), "{exec:?}");
        logs.await_text("last\n");
        assert!(logs.is_running(), "{}", logs.text());
        project.run(&["stop", "--timeout", "0"]).success();
        assert_eq!(logs.exit_code(), Some(0));
        project.down();
        (before, project.containers())
    });
}

#[test]
fn compose_2_builds_waits_until_a_service_is_well_and_copies_both_ways() {
    if !has_plugin("compose") {
        return;
    }
    same_on_every_route(|client| {
        let build = "build: {dockerfile_inline: \"FROM busybox:latest\\nRUN touch /built\"}";
        let health = "test: ['CMD', 'test', '-e', '/well'], retries: 60";
        let script = "sleep 1; touch /well; exec sleep 600";
        let project = Project::new(client, &service(script, build, Some(health)));
        project.run(&["up", "--build", "--wait", "--wait-timeout", "60"]).success();
        project.run(&["exec", "app", "ls", "/well", "/built"]).success();
        let (there, back) = (client.file("there"), client.file("back"));
        fs::write(&there, vec![b'x'; 1 << 20]).expect("a file of ours");
        project.run(&["cp", path(&there), "app:/blob"]).success();
        project.run(&["cp", "app:/blob", path(&back)]).success();
        assert_eq!(fs::read(back).expect("compose made it").len(), 1 << 20);
        project.down();
        assert_eq!(project.containers(), "");
    });
}

#[test]
fn compose_2_says_that_a_service_does_not_get_well() {
    if !has_plugin("compose") {
        return;
    }
    same_on_every_route(|client| {
        let health = "test: ['CMD', 'false'], retries: 1";
        let project = Project::new(client, &service("exec sleep 600", BUSYBOX, Some(health)));
        let up = project.run(&["up", "--wait"]);
        assert_eq!(up.code, Some(1), "{up:?}");
        assert!(up.stderr_text().contains("is unhealthy"), "{up:?}");
        project.down();
    });
}

/// A project of the client's name with one service.
struct Project<'a> {
    client: &'a Client,
    file: PathBuf,
    is_compose_2: bool,
    is_up: Cell<bool>,
}

impl Project<'_> {
    fn new<'a>(client: &'a Client, service: &str) -> Project<'a> {
        let file = client.file("compose.yml");
        fs::write(&file, format!("version: '3'\nservices: {{app: {{{service}}}}}\n"))
            .expect("a file of ours");
        Project { client, file, is_compose_2: has_plugin("compose"), is_up: Cell::new(true) }
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, b"")
    }

    #[track_caller]
    fn run_with(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        run(&mut self.command(arguments), input)
    }

    #[track_caller]
    fn live(&self, arguments: &[&str]) -> Live {
        Live::start(&mut self.command(arguments))
    }

    #[track_caller]
    fn down(&self) {
        let down = ["down", "--volumes", "--rmi", "local", "--timeout", "0"];
        self.run(&down).success();
        self.is_up.set(false);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let project = ["--project-name", &self.client.name, "--file", path(&self.file)];
        let arguments = [&project[..], arguments].concat();
        if self.is_compose_2 {
            return self.client.command(&[&["compose"], &arguments[..]].concat());
        }
        let mut command = Command::new("docker-compose");
        command.args(arguments).env("DOCKER_HOST", self.client.host());
        command
    }

    /// The project's containers as the Engine lists them.
    fn containers(&self) -> String {
        let project = format!("label=com.docker.compose.project={}", self.client.name);
        let columns = "{{.Image}} {{.Command}} {{.State}}";
        self.client.docker(&["ps", "--all", "--filter", &project, "--format", columns]).success()
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        if self.is_up.get() && self.file.exists() {
            let _ = self.command(&["down", "--volumes", "--timeout", "0"]).output();
        }
    }
}

/// A service from `image:` or `build:`, with a health check or without.
fn service(script: &str, origin: &str, health: Option<&str>) -> String {
    let check = health.map(|test| format!(", healthcheck: {{{test}, interval: 1s}}"));
    format!("{origin}, command: ['sh', '-c', '{script}']{}", check.unwrap_or_default())
}
