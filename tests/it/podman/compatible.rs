//! The docker client on the paths that Podman shares with the Engine.

use super::remote::same_on_every_route;
use crate::engine::routes::{AWAIT_GO, Client, IMAGE};

#[test]
fn version_lists_and_questions_read_the_same() {
    same_on_every_route(|client| {
        start(client, "exec sleep 600");
        let by_name = format!("name={}", client.name);
        let columns = "{{.ID}} {{.Names}} {{.Command}} {{.State}}";
        let questions: [&[&str]; 4] = [
            &["version"],
            &["ps", "--no-trunc", "--filter", &by_name, "--format", columns],
            &["inspect", "--format", "{{json .Config.Cmd}}", &client.name],
            &["inspect", "--type", "container", "no-such"],
        ];
        let answers = questions.map(|question| client.normal(client.docker(question)));
        assert!(answers[0].success().contains("Podman Engine"), "{answers:?}");
        answers
    });
}

#[test]
fn a_run_carries_input_both_outputs_and_the_exit_code() {
    same_on_every_route(|client| {
        let script = "wc -c; echo err >&2; exit 3";
        // Not with `--rm`, where Podman gives 0 for every exit code.
        let run = ["run", "-i", "--network=none", "--name", &client.name, IMAGE, "sh", "-c"];
        let arguments = [&run[..], &[script]].concat();
        let outcome = client.docker_with_input(&arguments, &vec![b'x'; 1 << 20]);
        assert_eq!(
            (outcome.code, outcome.stdout_text().as_str(), outcome.stderr_text().as_str()),
            (Some(3), "1048576\n", "err\n")
        );
    });
}

#[test]
fn followed_logs_come_as_they_are_written_and_end_with_the_container() {
    same_on_every_route(|client| {
        start(client, &format!("echo first; {AWAIT_GO}; echo last"));
        let mut logs = client.live(&["logs", "--follow", &client.name]);
        logs.await_text("first\n");
        assert!(logs.is_running(), "{}", logs.text());
        client.go();
        assert_eq!((logs.exit_code(), logs.text().as_str()), (Some(0), "first\nlast\n"));
    });
}

#[test]
fn an_exec_carries_input_both_outputs_and_the_exit_code() {
    same_on_every_route(|client| {
        start(client, "exec sleep 600");
        let script = "cat; echo err >&2; exit 4";
        let arguments = ["exec", "--interactive", &client.name, "sh", "-c", script];
        let outcome = client.docker_with_input(&arguments, b"in\n");
        assert_eq!(
            (outcome.code, outcome.stdout_text().as_str(), outcome.stderr_text().as_str()),
            (Some(4), "in\n", "err\n")
        );
    });
}

#[track_caller]
fn start(client: &Client, script: &str) {
    let run = ["run", "--detach", "--network=none", "--name", &client.name, IMAGE];
    client.docker(&[&run[..], &["sh", "-c", script]].concat()).success();
}
