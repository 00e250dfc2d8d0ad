//! The real program at its start and end: exit codes, and why.

use crate::support::live::Live;
use crate::support::proxy;
use crate::support::scratch::Scratch;
use rustix::process::Signal;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const LISTENING: &str = "socket-proxy running and listening...";
const WAITING: &str = "waiting for the socket to appear";
/// The user id of nobody on all systems.
const NOBODY: u32 = 65534;

/// The program in front of a socket, listening on a socket in the same place.
fn program(binary: Option<&Path>, scratch: &Scratch, more: &[&str]) -> Command {
    let mut command = match binary {
        None => proxy::command(),
        Some(binary) => Command::new(binary),
    };
    command
        .arg(format!("-socketpath={}", daemon(scratch).display()))
        .arg(format!("-proxysocketendpoint={}", scratch.path().join("p.sock").display()))
        .args(more);
    command
}

fn daemon(scratch: &Scratch) -> PathBuf {
    scratch.path().join("docker.sock")
}

/// As the user nobody, without the rights of root. A copy of the binary, since
/// that user may not read every directory.
fn as_nobody(scratch: &Scratch, more: &[&str]) -> Command {
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o777)).unwrap();
    let binary = scratch.path().join("program");
    fs::copy(proxy::binary(), &binary).unwrap();
    fs::set_permissions(&binary, Permissions::from_mode(0o755)).unwrap();
    let mut command = program(Some(&binary), scratch, more);
    if rustix::process::geteuid().is_root() {
        command.gid(NOBODY).uid(NOBODY);
    }
    command
}

/// In the image it is a link, which takes no room.
#[test]
fn called_as_healthcheck_the_program_is_the_health_check() {
    let scratch = Scratch::new();
    let link = scratch.path().join("healthcheck");
    std::os::unix::fs::symlink(proxy::binary(), &link).unwrap();
    let output = Command::new(link).arg("-nonsense").output().unwrap();
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(line.starts_with("unhealthy: ") || line == "healthy\n", "{line}");
    assert_eq!(output.status.success(), line == "healthy\n");
}

#[track_caller]
fn check_refused(live: &mut Live, cause: &str) {
    live.await_text("msg=\"socket not available\"");
    live.await_text(cause);
    assert_eq!(live.exit_code(), Some(2));
    assert!(!live.text().contains(LISTENING), "{}", live.text());
}

#[test]
fn a_socket_that_cannot_be_connected_to_ends_the_start_with_its_reason() {
    let scratch = Scratch::new();
    check_refused(&mut Live::start(&mut program(None, &scratch, &[])), "does not exist");
    let listener = UnixListener::bind(daemon(&scratch)).unwrap();
    drop(listener);
    check_refused(
        &mut Live::start(&mut program(None, &scratch, &[])),
        "the daemon is not listening",
    );
}

#[test]
fn a_socket_that_may_not_be_opened_ends_the_start_with_owner_group_and_mode() {
    let scratch = Scratch::new();
    let _listener = UnixListener::bind(daemon(&scratch)).unwrap();
    fs::set_permissions(daemon(&scratch), Permissions::from_mode(0o400)).unwrap();
    check_refused(&mut Live::start(&mut as_nobody(&scratch, &[])), "with mode 0400, this process");
}

#[test]
fn a_socket_is_waited_for_until_it_listens_and_may_be_opened() {
    let scratch = Scratch::new();
    let mut waiting = Live::start(&mut as_nobody(&scratch, &["-waitforsocket=60"]));
    waiting.await_text(WAITING);
    let listener = UnixListener::bind(daemon(&scratch)).unwrap();
    fs::set_permissions(daemon(&scratch), Permissions::from_mode(0o777)).unwrap();
    waiting.await_text(LISTENING);
    waiting.signal(Signal::TERM);
    assert_eq!(waiting.exit_code(), Some(0));
    waiting.await_text("msg=\"shutdown finished - exiting\" \"exit code\"=0");

    fs::set_permissions(daemon(&scratch), Permissions::from_mode(0o400)).unwrap();
    let forbidden = Live::start(&mut as_nobody(&scratch, &["-waitforsocket=60"]));
    forbidden.await_text(WAITING);
    fs::set_permissions(daemon(&scratch), Permissions::from_mode(0o777)).unwrap();
    forbidden.await_text(LISTENING);

    drop((forbidden, listener));
    let refused = Live::start(&mut as_nobody(&scratch, &["-waitforsocket=60"]));
    refused.await_text(WAITING);
    fs::remove_file(daemon(&scratch)).unwrap();
    let _listener = UnixListener::bind(daemon(&scratch)).unwrap();
    fs::set_permissions(daemon(&scratch), Permissions::from_mode(0o777)).unwrap();
    refused.await_text(LISTENING);
}

#[test]
fn a_wait_that_is_over_ends_with_the_reason_too() {
    let scratch = Scratch::new();
    let _listener = UnixListener::bind(daemon(&scratch)).unwrap();
    fs::set_permissions(daemon(&scratch), Permissions::from_mode(0o400)).unwrap();
    let mut live = Live::start(&mut as_nobody(&scratch, &["-waitforsocket=1"]));
    check_refused(&mut live, "with mode 0400, this process");
}

#[test]
fn a_listener_that_cannot_be_had_is_named_as_in_the_go_program() {
    let scratch = Scratch::new();
    let _listener = UnixListener::bind(daemon(&scratch)).unwrap();
    let mut live = Live::start(&mut program(None, &scratch, &["-proxysocketendpoint=/none/p"]));
    live.await_text("msg=\"error creating socket\" error=\"cannot listen on /none/p");
    assert_eq!(live.exit_code(), Some(2));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("-proxyport={}", taken.local_addr().unwrap().port());
    let mut live =
        Live::start(&mut program(None, &scratch, &["-proxysocketendpoint=", port.as_str()]));
    live.await_text("msg=\"error listening on address\" error=\"cannot listen on 127.0.0.1");
    assert_eq!(live.exit_code(), Some(2));
}

#[test]
fn a_wrong_value_is_logged_and_explained() {
    let scratch = Scratch::new();
    let mut live = Live::start(&mut program(None, &scratch, &["-loglevel=loud"]));
    live.await_text("level=ERROR msg=\"error initializing config\"");
    live.await_text("invalid value \"loud\" for -loglevel: ");
    assert_eq!(live.exit_code(), Some(1));
    let mut live = Live::start(&mut program(None, &scratch, &["-loglvl=loud"]));
    live.await_text("did you mean -loglevel?");
    assert_eq!(live.exit_code(), Some(2));
    assert!(!live.text().contains("level=ERROR"), "{}", live.text());
}

#[test]
fn a_daemon_that_goes_away_ends_the_program_from_within() {
    let scratch = Scratch::new();
    let listener = UnixListener::bind(daemon(&scratch)).unwrap();
    let more = ["-watchdoginterval=1", "-stoponwatchdog", "-loglevel=debug"];
    let mut live = Live::start(&mut program(None, &scratch, &more));
    live.await_text(LISTENING);
    live.await_text("level=DEBUG msg=\"watchdog running\"");
    drop(listener);
    live.await_text("level=ERROR msg=\"socket is unavailable\" origin=watchdog error=");
    live.await_text("msg=\"stopping socket-proxy because of unavailable socket\" origin=watchdog");
    live.await_text("msg=\"received internal shutdown - shutting down\"");
    live.await_text("msg=\"shutdown finished - exiting\" \"exit code\"=10");
    assert_eq!(live.exit_code(), Some(10));
}
