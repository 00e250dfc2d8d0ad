//! Interactive commands on a real terminal.

use super::routes::{Client, IMAGE, Route, same_on, same_on_every_route};
use crate::support::PATIENCE;
use crate::support::process::until;
use crate::support::terminal::Terminal;
use rustix::process::Signal;
use std::time::Duration;

#[test]
fn an_interactive_run_follows_the_size_of_its_window() {
    same_on_every_route(|client| {
        check_window(client, &["run", "--rm", "--interactive", "--tty", IMAGE, "sh"]);
    });
}

#[test]
fn an_interactive_exec_follows_the_size_of_its_window() {
    same_on_every_route(|client| {
        client.start_container("sleep 600");
        check_window(client, &["exec", "--interactive", "--tty", &client.name, "sh"]);
    });
}

/// Resizes the window of a shell, and leaves with an exit code.
#[track_caller]
fn check_window(client: &Client, arguments: &[&str]) {
    let mut shell = client.terminal(arguments, (31, 101));
    await_size(&mut shell, "31 101");
    shell.resize((47, 147));
    await_size(&mut shell, "47 147");
    shell.write("exit 5\n");
    assert_eq!(shell.exit_code(), Some(5), "{}", shell.text());
}

/// The client begins to watch its window some time after the shell answers, so
/// its size changes again and again, as when a user drags a corner.
#[track_caller]
fn await_size(shell: &mut Terminal, size: &str) {
    let told = until(PATIENCE, || {
        shell.signal(Signal::WINCH);
        shell.write("stty size\n");
        shell.says(size, Duration::from_millis(300)).then_some(())
    });
    assert!(told.is_some(), "the size is not {size}: {}", shell.text());
}

/// Over TCP the docker client can't detach with its keys, proxy or not.
#[test]
fn a_client_on_a_unix_socket_detaches_with_its_keys_and_attaches_again() {
    same_on(&[Route::Straight, Route::Unix], |client| {
        let run = ["run", "--interactive", "--tty", "--name", &client.name, IMAGE, "sh"];
        let mut shell = client.terminal(&run, (24, 80));
        shell.await_text("# ");
        shell.write("kept=$((6 * 7)); echo kept $kept\n");
        shell.await_text("kept 42");
        assert_eq!(detach(&mut shell), Some(0), "{}", shell.text());

        let mut again = client.terminal(&["attach", &client.name], (24, 80));
        again.write("echo still $kept\n");
        again.await_text("still 42");
        again.write("exit 6\n");
        assert_eq!(again.exit_code(), Some(6), "{}", again.text());
    });
}

/// Types Ctrl-P Ctrl-Q, and gives the client's exit code.
#[track_caller]
fn detach(terminal: &mut Terminal) -> Option<i32> {
    terminal.write("\u{10}\u{11}");
    terminal.exit_code()
}
