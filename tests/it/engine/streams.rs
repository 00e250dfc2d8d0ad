//! Commands whose responses arrive over time, also with input.

use super::routes::{AWAIT_GO, Client, IMAGE, same_on_every_route};
use crate::support::PATIENCE;
use std::time::Duration;

#[test]
fn a_run_gives_both_outputs_and_the_exit_code() {
    same_on_every_route(|client| {
        let script = "echo out; echo err >&2; exit 3";
        let outcome = client.docker(&["run", "--rm", IMAGE, "sh", "-c", script]);
        assert_eq!(
            (outcome.code, outcome.stdout_text().as_str(), outcome.stderr_text().as_str()),
            (Some(3), "out\n", "err\n")
        );
    });
}

#[test]
fn a_long_output_arrives_whole() {
    let expected: String = (1..=1_000_000).map(|number| format!("{number}\n")).collect();
    same_on_every_route(|client| {
        let outcome = client.docker(&["run", "--rm", IMAGE, "seq", "1", "1000000"]);
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stdout_text() == expected, "{outcome:?}");
    });
}

#[test]
fn a_run_sees_the_end_of_piped_input_and_then_answers() {
    same_on_every_route(|client| {
        let input = vec![b'x'; 4 << 20];
        let outcome =
            client.docker_with_input(&["run", "--rm", "--interactive", IMAGE, "wc", "-c"], &input);
        assert_eq!(outcome.success(), input.len().to_string());
    });
}

#[test]
fn an_exec_sees_the_end_of_piped_input_and_gives_its_exit_code() {
    same_on_every_route(|client| {
        client.start_container("sleep 600");
        let script = "cat; echo err >&2; exit 4";
        let arguments = ["exec", "--interactive", &client.name, "sh", "-c", script];
        let outcome = client.docker_with_input(&arguments, b"in\n");
        assert_eq!(
            (outcome.code, outcome.stdout_text().as_str(), outcome.stderr_text().as_str()),
            (Some(4), "in\n", "err\n")
        );
    });
}

#[test]
fn attach_carries_input_and_output_of_a_running_container() {
    same_on_every_route(|client| {
        // With `run --detach`, the end of one client's input is not the container's.
        client.docker(&["create", "--interactive", "--name", &client.name, IMAGE, "cat"]).success();
        client.docker(&["start", &client.name]).success();
        let outcome = client.docker_with_input(&["attach", &client.name], b"to and fro\n");
        assert_eq!(outcome.success(), "to and fro");
    });
}

#[test]
fn followed_logs_come_as_they_are_written_and_end_with_the_container() {
    same_on_every_route(|client| {
        client.start_container(&format!("echo first; {AWAIT_GO}; echo last"));
        let mut logs = client.live(&["logs", "--follow", &client.name]);
        logs.await_text("first\n");
        assert!(logs.is_running(), "{}", logs.text());
        client.go();
        assert_eq!((logs.exit_code(), logs.text().as_str()), (Some(0), "first\nlast\n"));
    });
}

#[test]
fn events_arrive_while_they_happen() {
    same_on_every_route(|client| {
        let filter = format!("container={}", client.name);
        let format = "{{.Action}}";
        // From the beginning of time, so that it does not matter whether the
        // first event or the subscription comes first.
        let mut events =
            client.live(&["events", "--since", "1", "--filter", &filter, "--format", format]);
        client.docker(&["create", "--name", &client.name, IMAGE, "sleep", "600"]).success();
        events.await_text("create\n");
        // From here on each event is a live one.
        client.docker(&["start", &client.name]).success();
        events.await_text("start\n");
        client.docker(&["rm", "--force", &client.name]).success();
        events.await_text("destroy\n");
        assert!(events.is_running());
    });
}

#[test]
fn stats_show_a_running_container_once() {
    same_on_every_route(|client| {
        client.start_container("exec sleep 600");
        let format = "{{.Name}} {{.PIDs}}";
        let outcome = client.docker(&["stats", "--no-stream", "--format", format, &client.name]);
        assert_eq!(client.normal_text(&outcome.success()), "NAME 1");
    });
}

#[test]
fn wait_is_silent_until_the_container_ends() {
    same_on_every_route(|client| {
        client.start_container(&format!("{AWAIT_GO}; exit 7"));
        let mut wait = client.live(&["wait", &client.name]);
        assert!(!wait.says("\n", Duration::from_secs(1)), "{}", wait.text());
        assert!(wait.is_running());
        client.go();
        assert_eq!((wait.exit_code(), wait.text().as_str()), (Some(0), "7\n"));
    });
}

#[test]
fn a_stop_that_takes_its_time_is_waited_for() {
    same_on_every_route(|client| {
        let on_stop = "trap 'echo stopping; sleep 1; exit 9' TERM";
        client.start_container(&format!("{on_stop}; echo up; while :; do sleep 0.05; done"));
        await_logged(client, "up\n");
        client.docker(&["stop", "--time", "30", &client.name]).success();
        await_logged(client, "stopping\n");
        client.docker(&["inspect", "--format", "{{.State.ExitCode}}", &client.name]).success()
    });
}

#[track_caller]
fn await_logged(client: &Client, text: &str) {
    let logs = client.live(&["logs", "--follow", &client.name]);
    assert!(logs.says(text, PATIENCE), "{}", logs.text());
}
