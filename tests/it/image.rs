//! The image on a real Engine: as it is meant to be run, and under Compose.
//!
//! It is built by the script that people use. An Engine is found as in the
//! other engine tests; see `tests/it/support/engine.rs`.

use crate::support::PATIENCE;
use crate::support::engine::{self, Engine};
use crate::support::process::{self, Outcome, until};
use crate::support::scratch::{Scratch, unique};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SIZE_MAX_BYTES: u64 = 3 * 1024 * 1024;

/// Much less than the time that the Engine waits before it kills.
const STOP_LIMIT: Duration = Duration::from_secs(5);

#[test]
fn the_image_is_small_and_holds_nothing_but_the_program() {
    let Some(host) = Host::find() else { return };
    let inspect = |format| host.docker(&["image", "inspect", "--format", format, host.image]);
    let size: u64 = inspect("{{.Size}}").success().parse().unwrap();
    assert!(size <= SIZE_MAX_BYTES, "{size} bytes");
    assert_eq!(inspect("{{.Config.User}}").success(), "65534:65534");
    assert_eq!(inspect("{{json .Config.ExposedPorts}}").success(), r#"{"2375/tcp":{}}"#);
    assert_eq!(inspect("{{json .Config.Entrypoint}}").success(), r#"["/socket-proxy"]"#);
    let version = host.docker(&["run", "--rm", host.image, "-version"]).success();
    let expected = format!("socket-proxy {} (commit ", env!("CARGO_PKG_VERSION"));
    assert!(version.starts_with(&expected), "{version}");
    let no_shell = host.docker(&["run", "--rm", "--entrypoint=/bin/sh", host.image]);
    assert_ne!(no_shell.code, Some(0), "{no_shell:?}");
}

#[test]
fn shut_in_and_with_little_memory_it_forwards_refuses_and_stops() {
    let Some(host) = Host::find() else { return };
    for memory in ["64m", "16m"] {
        let network = host.network();
        let proxy = host.start_shut_in(memory, &network.name);
        let url = |path| format!("http://{}:2375{path}", proxy.name);
        let ask = |path| host.ask_from(&network.name, &url(path));
        assert!(ask("/version").success().contains("ApiVersion"));
        let refused = ask("/info");
        assert!(refused.stderr_text().contains("403"), "{refused:?}");
        let healthy = host.docker(&["exec", &proxy.name, "/healthcheck"]);
        assert_eq!(healthy.success(), "healthy");
        host.check_stop(&proxy.name);
    }
}

#[test]
fn the_compose_file_of_traefik_lets_traefik_in_and_nobody_else() {
    let Some(host) = Host::find() else { return };
    let project = Project::up(&host);
    let proxy = project.container("socket-proxy");
    let version = "http://socket-proxy:2375/v1.41/version";

    let traefik = project.container("traefik");
    let answer = host.docker(&["exec", &traefik, "wget", "-q", "-O", "-", version]);
    assert!(answer.success().contains("ApiVersion"));
    let other = host.ask_from(&format!("{}_docker-api", project.name), version);
    assert!(other.stderr_text().contains("403"), "{other:?}");
    let logs = host.docker(&["logs", &proxy]).success();
    assert!(logs.contains("reason=\"forbidden IP\""), "{logs}");

    let health = || host.docker(&["inspect", "--format", "{{.State.Health.Status}}", &proxy]);
    let healthy = until(PATIENCE, || (health().success() == "healthy").then_some(()));
    assert!(healthy.is_some(), "{:?}", host.docker(&["inspect", &proxy]));
    host.check_stop(&proxy);
}

/// An Engine with the image.
struct Host {
    engine: &'static Engine,
    image: &'static str,
}

/// A container that is removed on drop.
struct Container<'a> {
    host: &'a Host,
    name: String,
}

/// A network that is removed on drop.
struct Network<'a> {
    host: &'a Host,
    name: String,
}

impl Host {
    #[track_caller]
    fn find() -> Option<Host> {
        static IMAGE: OnceLock<String> = OnceLock::new();
        let engine = engine::shared()?;
        let image = IMAGE.get_or_init(|| build(engine));
        Some(Host { engine, image })
    }

    #[track_caller]
    fn docker(&self, arguments: &[&str]) -> Outcome {
        process::run(on(self.engine, Command::new("docker")).args(arguments), b"")
    }

    fn network(&self) -> Network<'_> {
        let name = unique("sp-image-net");
        self.docker(&["network", "create", "--internal", &name]).success();
        Network { host: self, name }
    }

    /// Runs it as the documentation recommends.
    fn start_shut_in(&self, memory: &str, network: &str) -> Container<'_> {
        let name = unique("sp-image");
        let group = fs::metadata(self.engine.socket()).unwrap().gid();
        let user = format!("--user=65534:{group}");
        let socket = format!("--volume={}:/var/run/docker.sock:ro", self.engine.socket().display());
        self.docker(&[
            "run",
            "--detach",
            "--name",
            &name,
            "--network",
            network,
            "--read-only",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
            "--memory",
            memory,
            &user,
            &socket,
            self.image,
            "-listenip=0.0.0.0",
            "-allowfrom=0.0.0.0/0",
            "-allowGET=/version",
            "-allowhealthcheck",
        ])
        .success();
        let container = Container { host: self, name };
        let logs = || self.docker(&["logs", &container.name]).success();
        let is_up = || logs().contains("running and listening").then_some(());
        assert!(until(PATIENCE, is_up).is_some(), "{}", logs());
        container
    }

    fn ask_from(&self, network: &str, url: &str) -> Outcome {
        self.docker(&[
            "run",
            "--rm",
            "--network",
            network,
            "busybox:latest",
            "wget",
            "-q",
            "-O",
            "-",
            url,
        ])
    }

    /// Stops a container, which must take little time and end well.
    #[track_caller]
    fn check_stop(&self, name: &str) {
        let begun = Instant::now();
        self.docker(&["stop", "--time=30", name]).success();
        assert!(begun.elapsed() < STOP_LIMIT, "{:?}", begun.elapsed());
        let format = "--format={{.State.ExitCode}} {{.State.OOMKilled}}";
        assert_eq!(self.docker(&["inspect", format, name]).success(), "0 false");
    }
}

fn build(engine: &Engine) -> String {
    let tag = unique("sp-image");
    let script = Path::new(ROOT).join("scripts/build-image");
    let mut command = on(engine, Command::new(script));
    let child = process::spawn(command.arg(&tag));
    // A release build with link-time optimisation on a machine with two cores.
    process::finish(child, Duration::from_secs(600)).success();
    tag
}

fn on(engine: &Engine, mut command: Command) -> Command {
    command.env("DOCKER_HOST", format!("unix://{}", engine.socket().display()));
    command
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let _ = self.host.docker(&["rm", "--force", &self.name]);
    }
}

impl Drop for Network<'_> {
    fn drop(&mut self) {
        let _ = self.host.docker(&["network", "rm", &self.name]);
    }
}

/// Traefik's compose file with a stand-in for Traefik; down on drop.
struct Project<'a> {
    host: &'a Host,
    name: String,
    file: Scratch,
}

impl<'a> Project<'a> {
    fn up(host: &'a Host) -> Self {
        let project = Self { host, name: unique("spimage"), file: Scratch::new() };
        fs::write(project.path(), Self::text(host)).unwrap();
        project.compose(&["up", "--detach"]).success();
        project
    }

    /// The file without the parts that pull, publish or wait.
    fn text(host: &Host) -> String {
        let text =
            fs::read_to_string(Path::new(ROOT).join("examples/compose/traefik.yml")).unwrap();
        let socket = host.engine.socket().display();
        [
            (
                "image: traefik:v3.6",
                "image: busybox:latest\n    entrypoint: [sh, -c, exec sleep 600]",
            ),
            ("ports: [\"80:80\"]", "init: true"),
            ("- /var/run/docker.sock:", &format!("- {socket}:")),
            ("interval: 30s", "interval: 1s"),
        ]
        .iter()
        .fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        })
    }

    fn compose(&self, arguments: &[&str]) -> Outcome {
        let group = fs::metadata(self.host.engine.socket()).unwrap().gid();
        let mut command = on(self.host.engine, Command::new("docker-compose"));
        command
            .arg("--file")
            .arg(self.path())
            .args(["--project-name", &self.name])
            .args(arguments)
            .env("SOCKET_PROXY_IMAGE", self.host.image)
            .env("DOCKER_GID", group.to_string());
        process::run(&mut command, b"")
    }

    fn path(&self) -> std::path::PathBuf {
        self.file.path().join("traefik.yml")
    }

    fn container(&self, service: &str) -> String {
        self.compose(&["ps", "--quiet", service]).success()
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        let _ = self.compose(&["down", "--timeout=1"]);
    }
}
