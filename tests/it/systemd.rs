//! The unit files by systemd's own tools, and its protocols by their words.
//!
//! A notify socket and passed descriptors stand in for the service manager, so
//! that these tests need no machine that was booted with systemd. Those of the
//! unit files need `systemd-analyze`; without it they print the reason and skip, and
//! with `SOCKET_PROXY_REQUIRE_SYSTEMD=1` they fail.

use crate::support::PATIENCE;
use crate::support::live::Live;
use crate::support::process::{self};
use crate::support::proxy;
use crate::support::scratch::Scratch;
use crate::support::skip::skip_unless_required;
use rustix::process::Signal;
use socket_proxy::config::{Config, Invocation};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/systemd");
const LISTENING: &str = "socket-proxy running and listening...";

// Unit files.

#[test]
fn the_units_verify_without_a_complaint() {
    let Some(()) = systemd_analyze() else { return };
    let units = Units::install();
    let outcome = process::run(
        Command::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .arg(units.path("socket-proxy.service"))
            .arg(units.path("socket-proxy.socket")),
        b"",
    );
    assert_eq!((outcome.code, outcome.stderr_text().as_str()), (Some(0), ""), "{outcome:?}");
}

#[test]
fn the_service_is_exposed_no_more_than_it_must_be() {
    let Some(()) = systemd_analyze() else { return };
    let units = Units::install();
    units.check_exposure("1.0");
    // With a passed listener it needs no network at all.
    let drop_in = units.path("socket-proxy.service.d");
    fs::create_dir(&drop_in).unwrap();
    fs::copy(Path::new(UNITS).join("activated.conf"), drop_in.join("activated.conf")).unwrap();
    units.check_exposure("0.2");
}

/// systemd reads an os-release file by the same rules as an environment file, and
/// reports for a condition whether a value is this one.
#[test]
fn the_environment_file_says_to_systemd_what_it_says_to_a_reader() {
    let Some(()) = systemd_analyze() else { return };
    let file = Path::new(UNITS).join("socket-proxy.env");
    let settings = settings(&fs::read_to_string(&file).unwrap());
    assert!(settings.iter().any(|(_, value)| value.contains('\\')), "nothing to unquote");
    for (name, value) in &settings {
        assert!(systemd_reads(&file, name, value), "{name} does not arrive as {value}");
    }
    // Without the quotes it would not.
    let scratch = Scratch::new();
    let bare = scratch.path().join("bare.env");
    fs::write(&bare, r"SP_ALLOW_GET=/v1\.[0-9]+/info").unwrap();
    assert!(systemd_reads(&bare, "SP_ALLOW_GET", "/v1.[0-9]+/info"));
    assert!(!systemd_reads(&bare, "SP_ALLOW_GET", r"/v1\.[0-9]+/info"));
}

#[test]
fn the_environment_file_is_a_configuration_without_a_warning_and_the_one_in_the_manual() {
    let text = fs::read_to_string(Path::new(UNITS).join("socket-proxy.env")).unwrap();
    let variables = settings(&text);
    let environment = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
    let Ok(Invocation::Run(config)) = Config::from_args_and_env([], environment) else {
        panic!("{text} is no configuration");
    };
    assert_eq!(config.warnings, [""; 0]);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let block = format!("```\n{}\n```\n", lines.join("\n"));
    assert!(include_str!("../../docs/running.md").contains(&block), "not in the manual:\n{block}");
}

/// `NAME='VALUE'`: within single quotes a shell, and a reader, takes all as it is.
fn settings(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) =
                line.split_once("='").unwrap_or_else(|| panic!("no quotes: {line}"));
            (name.to_owned(), value.strip_suffix('\'').expect("quotes at the end").to_owned())
        })
        .collect()
}

fn systemd_reads(file: &Path, name: &str, value: &str) -> bool {
    // The condition is unquoted in its turn.
    let value = value.replace('\\', r"\\");
    let condition = format!("ConditionOSRelease={name}={value}");
    let outcome = Command::new("systemd-analyze")
        .args(["condition", &condition])
        .env("SYSTEMD_OS_RELEASE", file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    outcome.unwrap().success()
}

/// The proofs themselves need a machine that boots: see `tests/boot`.
#[test]
fn every_option_of_the_sandbox_has_a_proof_and_a_row_in_the_manual() {
    let read = |name: &str| fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
    let unit = read("contrib/systemd/socket-proxy.service");
    let service = unit.split("[Service]").nth(1).unwrap().split("[Install]").next().unwrap();
    let probes = read("tests/boot/sandbox.py");
    // The first of them opens the part of the unit that limits the program.
    let limits = &service[service.find("LimitNOFILE=").unwrap()..];
    let mut options: Vec<&str> = limits
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    options.dedup();
    let manual = read("docs/sandbox.md");
    let rows: Vec<&str> =
        manual.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(rows, options);
    for option in options {
        let is_there = |text: &str| probes.contains(text);
        let has_probe = is_there(&format!("@probe\ndef {option}():"));
        assert!(has_probe || is_there(&format!("\"{option}\": ")), "{option} has no probe");
    }
}

/// The unit files in a directory of their own, for the program under test.
struct Units(Scratch);

impl Units {
    fn install() -> Self {
        let scratch = Scratch::new();
        for name in ["socket-proxy.service", "socket-proxy.socket"] {
            let text = fs::read_to_string(Path::new(UNITS).join(name)).unwrap();
            let text = text.replace("/usr/local/bin/socket-proxy", &program());
            fs::write(scratch.path().join(name), text).unwrap();
        }
        Self(scratch)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    #[track_caller]
    fn check_exposure(&self, expected: &str) {
        let outcome = process::run(
            Command::new("systemd-analyze")
                .args(["security", "--offline=true", "--no-pager"])
                .arg(self.path("socket-proxy.service")),
            b"",
        );
        let text = outcome.success();
        let level = format!("Overall exposure level for socket-proxy.service: {expected} ");
        assert!(text.contains(&level), "not {expected}:\n{text}");
    }
}

/// Whether systemd's tool is there; if not, the test skips or fails.
fn systemd_analyze() -> Option<()> {
    let found = Command::new("systemd-analyze").arg("--version").stdout(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Some(());
    }
    skip_unless_required("SOCKET_PROXY_REQUIRE_SYSTEMD", "systemd-analyze is not there");
    None
}

// Notification.

#[test]
fn the_manager_hears_of_the_start_and_of_the_stop() {
    let scratch = Scratch::new();
    daemon(&scratch);
    let manager = Manager::new(&scratch);
    let mut proxy = manager.start(&scratch, &[]);
    assert_eq!(manager.next(), "READY=1");
    proxy.signal(Signal::TERM);
    assert_eq!(manager.next(), "STOPPING=1");
    assert_eq!(proxy.exit_code(), Some(0));
}

#[test]
fn the_managers_watchdog_is_fed_only_while_the_daemon_answers() {
    let scratch = Scratch::new();
    daemon(&scratch);
    let manager = Manager::new(&scratch);
    let _proxy = manager.start(&scratch, &[("WATCHDOG_USEC", "100000")]);
    assert_eq!(manager.next(), "READY=1");
    assert_eq!(manager.next(), "WATCHDOG=1");

    fs::remove_file(scratch.path().join("docker.sock")).unwrap();
    let other = std::iter::repeat_with(|| manager.next()).find(|message| message != "WATCHDOG=1");
    assert!(other.unwrap().starts_with("STATUS=the daemon does not answer"));

    daemon(&scratch);
    assert_eq!(manager.next(), "STATUS=the daemon answers");
    assert_eq!(manager.next(), "WATCHDOG=1");
}

#[test]
fn a_start_that_fails_is_never_ready() {
    let scratch = Scratch::new();
    let manager = Manager::new(&scratch);
    let mut command = manager.command(&scratch);
    let mut proxy = Live::start(&mut command);
    assert_eq!(proxy.exit_code(), Some(2));
    manager.0.set_nonblocking(true).unwrap();
    assert!(manager.0.recv(&mut [0; 64]).is_err(), "nothing may have been sent");
}

/// The receiving end of the notification protocol.
struct Manager(UnixDatagram);

impl Manager {
    fn new(scratch: &Scratch) -> Self {
        let socket = UnixDatagram::bind(scratch.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn command(&self, scratch: &Scratch) -> Command {
        let mut command = proxy::command();
        command
            .args(flags(scratch))
            .arg(format!("-proxysocketendpoint={}", scratch.path().join("p.sock").display()))
            .env("NOTIFY_SOCKET", scratch.path().join("notify"));
        command
    }

    fn start(&self, scratch: &Scratch, environment: &[(&str, &str)]) -> Live {
        let mut command = self.command(scratch);
        Live::start(command.envs(environment.iter().copied()))
    }

    fn next(&self) -> String {
        let mut message = [0; 512];
        let length = self.0.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }
}

// The journal.

/// A socket replaces the journal: the variable names its inode.
#[test]
fn lines_have_priorities_where_the_output_is_the_journal() {
    for (shift, info, error) in [(0, "<6>time=", "<3>"), (1, "time=", "")] {
        let scratch = Scratch::new();
        let (mut journal, output) = UnixStream::pair().unwrap();
        let stat = rustix::fs::fstat(&output).unwrap();
        let run = |argument: &str| {
            let mut child = proxy::command()
                .args([argument, "-socketpath=/nonexistent/docker.sock"])
                .env("JOURNAL_STREAM", format!("{}:{}", stat.st_dev, stat.st_ino + shift))
                .stdout(OwnedFd::from(output.try_clone().unwrap()))
                .stderr(OwnedFd::from(output.try_clone().unwrap()))
                .current_dir(scratch.path())
                .spawn()
                .unwrap();
            child.wait().unwrap()
        };
        assert_eq!(run("-loglevel=info").code(), Some(2));
        assert_eq!(run("-loglevel=nonsense").code(), Some(1));
        drop(output);
        let mut text = String::new();
        journal.read_to_string(&mut text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with(info) && lines[0].contains("level=INFO"), "{text}");
        let failed = lines.iter().find(|line| line.contains("level=ERROR")).unwrap();
        assert!(failed.starts_with(&format!("{error}time=")), "{text}");
        let refused = lines.last().unwrap();
        assert!(refused.starts_with(error) && !refused.starts_with("<6>"), "{text}");
    }
}

// Activation.

#[test]
fn a_passed_tcp_listener_is_served_and_outlives_the_program() {
    let scratch = Scratch::new();
    daemon(&scratch);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let connect = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let activate =
        || activated("socket-proxy.socket", listener.try_clone().unwrap(), &scratch, &[]);

    let mut first = activate();
    assert_served(connect());
    first.signal(Signal::TERM);
    assert_eq!(first.exit_code(), Some(0));

    // The manager still has it: a client waits for the next instance.
    let waiting = connect();
    let _second = activate();
    assert_served(waiting);
}

/// Connections at the time of the signal to stop: some wait in the queue, some are
/// accepted, some have a thread. The program is paused while they send, so that it
/// finds the requests and the signal at once.
#[test]
fn a_restart_behind_a_passed_listener_answers_every_client() {
    let scratch = Scratch::new();
    daemon(&scratch);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let connect = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let activate =
        || activated("socket-proxy.socket", listener.try_clone().unwrap(), &scratch, &[]);
    let mut proxy = activate();
    for _ in 0..30 {
        let mut clients: Vec<_> = std::iter::repeat_with(connect).take(4).collect();
        proxy.signal(Signal::STOP);
        clients.extend(std::iter::repeat_with(connect).take(8));
        clients.iter_mut().for_each(ask);
        proxy.signal(Signal::TERM);
        proxy.signal(Signal::CONT);
        assert_eq!(proxy.exit_code(), Some(0));
        proxy = activate();
        clients.into_iter().for_each(assert_answered);
    }
}

#[test]
fn a_passed_unix_listener_goes_to_the_listener_of_its_name() {
    let scratch = Scratch::new();
    daemon(&scratch);
    let path = scratch.path().join("passed.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let own = scratch.path().join("own.sock");
    let flags = [format!("-listen=web=unix:{}", own.display()), "-allowGET@web=/version".into()];
    let _proxy = activated("web", listener, &scratch, &flags);
    assert_served(UnixStream::connect(&path).unwrap());
    assert!(!own.exists(), "the listener was passed and must not be opened");
}

#[test]
fn a_passed_listener_without_a_name_is_the_default_or_the_only_one() {
    let scratch = Scratch::new();
    daemon(&scratch);
    let connect = |listener: &TcpListener| TcpStream::connect(listener.local_addr().unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let own = scratch.path().join("own.sock");
    let named = [format!("-listen=web=unix:{}", own.display()), "-allowGET@web=/version".into()];
    let _proxy = activated("", listener.try_clone().unwrap(), &scratch, &named);
    assert_served(connect(&listener).unwrap());
    assert_served(UnixStream::connect(&own).unwrap());
}

#[test]
fn numbers_of_passed_sockets_that_make_no_sense_are_an_error_at_start() {
    let scratch = Scratch::new();
    daemon(&scratch);
    let mut command = Command::new("sh");
    command
        .args(["-c", "LISTEN_PID=$$ exec \"$@\"", "sh", &program()])
        .args(flags(&scratch))
        .env("LISTEN_FDS", "2147483647");
    let mut proxy = Live::start(&mut command);
    proxy.await_text("LISTEN_FDS=\\\"2147483647\\\" is not a number from 0 to 256");
    assert_eq!(proxy.exit_code(), Some(2));
}

#[test]
fn a_passed_connection_is_refused_at_start() {
    let scratch = Scratch::new();
    daemon(&scratch);
    let (connection, _peer) = UnixStream::pair().unwrap();
    let mut proxy = activate("socket-proxy.socket", connection, &scratch, &[]);
    proxy.await_text("Accept=yes");
    assert_eq!(proxy.exit_code(), Some(2));
}

/// Starts the program as a service manager does, and waits until it serves.
fn activated(name: &str, socket: impl Into<OwnedFd>, scratch: &Scratch, more: &[String]) -> Live {
    let live = activate(name, socket, scratch, more);
    live.await_text(LISTENING);
    live
}

/// The descriptor comes as number 3, and the process is the one that
/// `LISTEN_PID` names: `exec` keeps the shell's.
fn activate(name: &str, socket: impl Into<OwnedFd>, scratch: &Scratch, more: &[String]) -> Live {
    let mut command = Command::new("sh");
    command
        .args(["-c", "LISTEN_PID=$$ exec \"$@\" 3<&0 0</dev/null", "sh", &program()])
        .args(flags(scratch))
        .args(more)
        .env("LISTEN_FDS", "1")
        .stdin(socket.into())
        .stdout(Stdio::piped());
    // Older managers give no names.
    if !name.is_empty() {
        command.env("LISTEN_FDNAMES", name);
    }
    let mut child = command.spawn().unwrap();
    let stdout = child.stdout.take();
    Live::watch(child, None, stdout)
}

#[track_caller]
fn assert_served(mut client: impl Read + Write) {
    ask(&mut client);
    assert_answered(client);
}

fn ask(client: &mut impl Write) {
    client
        .write_all(b"GET /version HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
        .unwrap();
}

#[track_caller]
fn assert_answered(mut client: impl Read) {
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nhello"), "{answer}");
}

// Settings that both need.

fn flags(scratch: &Scratch) -> [String; 2] {
    let socket = scratch.path().join("docker.sock");
    [format!("-socketpath={}", socket.display()), "-allowGET=/version".to_owned()]
}

fn program() -> String {
    proxy::binary().to_str().unwrap().to_owned()
}

/// A daemon that answers every request with `hello`.
fn daemon(scratch: &Scratch) {
    let listener = UnixListener::bind(scratch.path().join("docker.sock")).unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        }
    });
}
