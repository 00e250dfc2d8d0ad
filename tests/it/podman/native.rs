//! `podman --remote` on Podman's own paths, `/libpod/…`.

use super::remote::{Remote, same_on_every_route};
use crate::engine::routes::{AWAIT_GO, IMAGE};
use crate::support::terminal::Terminal;
use std::fs;

#[test]
fn version_and_info_read_the_same() {
    same_on_every_route(|client| {
        let version = client.podman(&["version"]);
        assert!(version.success().contains("Server:"), "{version:?}");
        let info = "{{.Host.OS}} {{.Host.CgroupManager}} {{.Store.GraphDriverName}}";
        (version, client.podman(&["info", "--format", info]).success())
    });
}

#[test]
fn lists_and_questions_read_the_same() {
    same_on_every_route(|client| {
        client.start_podman_container("exec sleep 600");
        let name = client.name.as_str();
        let by_name = format!("name={name}");
        let columns = "{{.ID}} {{.Names}} {{.Image}} {{.Command}}";
        let questions: [&[&str]; 5] = [
            &["ps", "--no-trunc", "--filter", &by_name, "--format", columns],
            &["images", "--no-trunc", "--quiet", IMAGE],
            &["inspect", "--format", "{{json .Config.Cmd}} {{.State.Status}}", name],
            &["top", name, "user"],
            &["inspect", "--type", "container", "no-such"],
        ];
        questions.map(|question| client.normal(client.podman(question)))
    });
}

#[test]
fn a_run_carries_input_both_outputs_and_the_exit_code() {
    same_on_every_route(|client| {
        let script = "wc -c; echo err >&2; exit 3";
        let arguments = ["run", "--rm", "-i", "--network=none", IMAGE, "sh", "-c", script];
        let outcome = client.podman_with_input(&arguments, &vec![b'x'; 1 << 20]);
        assert_eq!(
            (outcome.code, outcome.stdout_text().as_str(), outcome.stderr_text().as_str()),
            (Some(3), "1048576\n", "err\n")
        );
    });
}

#[test]
fn a_run_on_a_terminal_is_a_conversation() {
    same_on_every_route(|client| {
        let script = "stty size; read line; echo \"got $line\"; exit 5";
        let arguments = ["run", "--rm", "-it", "--network=none", IMAGE, "sh", "-c", script];
        let mut terminal = Terminal::start(&client.remote_command(&arguments), (33, 77));
        terminal.await_text("33 77\r\n");
        terminal.write("typed\n");
        terminal.await_text("got typed\r\n");
        assert_eq!(terminal.exit_code(), Some(5));
    });
}

#[test]
fn followed_logs_come_as_they_are_written_and_end_with_the_container() {
    same_on_every_route(|client| {
        client.start_podman_container(&format!("echo first; {AWAIT_GO}; echo last"));
        let mut logs = client.podman_live(&["logs", "--follow", &client.name]);
        logs.await_text("first\n");
        assert!(logs.is_running(), "{}", logs.text());
        client.podman(&["exec", &client.name, "touch", "/go"]).success_or_end();
        assert_eq!((logs.exit_code(), logs.text().as_str()), (Some(0), "first\nlast\n"));
    });
}

/// The client reads the stream of an exec off the socket after a mere 200. The
/// silence is longer than a client that seems to be gone was once given.
#[test]
fn an_exec_gives_both_outputs_after_a_silence_and_the_exit_code() {
    same_on_every_route(|client| {
        client.start_podman_container("exec sleep 600");
        let script = "sleep 2; echo out; echo err >&2; exit 4";
        let outcome = client.podman(&["exec", &client.name, "sh", "-c", script]);
        assert_eq!(
            (outcome.code, outcome.stdout_text().as_str(), outcome.stderr_text().as_str()),
            (Some(4), "out\n", "err\n")
        );
    });
}

/// After a mere 200 too; the client ends its direction, and so does the input.
#[test]
fn an_exec_carries_piped_input_and_its_end() {
    same_on_every_route(|client| {
        client.start_podman_container("exec sleep 600");
        let script = "wc -c; echo err >&2; exit 4";
        let arguments = ["exec", "--interactive", &client.name, "sh", "-c", script];
        let outcome = client.podman_with_input(&arguments, &vec![b'x'; 1 << 20]);
        assert_eq!(
            (outcome.code, outcome.stdout_text().as_str(), outcome.stderr_text().as_str()),
            (Some(4), "1048576\n", "err\n")
        );
    });
}

#[test]
fn an_exec_on_a_terminal_is_a_conversation() {
    same_on_every_route(|client| {
        client.start_podman_container("exec sleep 600");
        let script = "read line; echo \"got $line\"; exit 5";
        let arguments = ["exec", "-it", &client.name, "sh", "-c", script];
        let mut terminal = Terminal::start(&client.remote_command(&arguments), (33, 77));
        terminal.write("typed\n");
        terminal.await_text("got typed\r\n");
        assert_eq!(terminal.exit_code(), Some(5));
    });
}

/// Its client ends its direction at once, and waits for its output for longer than
/// a client that seems to be gone was once given.
#[test]
fn an_exec_whose_input_has_ended_still_gets_its_output() {
    same_on_every_route(|client| {
        client.start_podman_container("exec sleep 600");
        let script = "sleep 2; echo out; exit 4";
        let outcome = client.podman(&["exec", "--interactive", &client.name, "sh", "-c", script]);
        assert_eq!((outcome.code, outcome.stdout_text().as_str()), (Some(4), "out\n"));
    });
}

#[test]
fn a_built_image_is_saved_removed_and_loaded_again() {
    same_on_every_route(|client| {
        let context = client.file("context");
        fs::create_dir(&context).expect("a directory of ours");
        fs::write(context.join("Dockerfile"), format!("FROM {IMAGE}\nCOPY blob /blob\n"))
            .and_then(|()| fs::write(context.join("blob"), vec![b'x'; 4 << 20]))
            .expect("files of ours");
        let tag = format!("localhost/{}", client.name);
        let [context, archive] =
            [context, client.file("archive")].map(|path| path.display().to_string());
        client.podman(&["build", "--tag", &tag, &context]).success();
        client.podman(&["save", "--output", &archive, &tag]).success();
        client.podman(&["rmi", &tag]).success();
        client.podman(&["load", "--input", &archive]).success();
        let read = ["run", "--rm", "--network=none", &tag, "wc", "-c", "/blob"];
        let size = client.podman(&read).success();
        client.podman(&["rmi", &tag]).success();
        assert_eq!(size, "4194304 /blob");
    });
}

#[test]
fn files_are_copied_in_and_out_and_a_container_is_removed() {
    same_on_every_route(|client| {
        client.start_podman_container("exec sleep 600");
        let (there, back) = (client.file("there"), client.file("back"));
        let content = vec![b'y'; 1 << 20];
        fs::write(&there, &content).expect("a file of ours");
        let inside = format!("{}:/tmp/blob", client.name);
        client.podman(&["cp", &there.display().to_string(), &inside]).success();
        client.podman(&["cp", &inside, &back.display().to_string()]).success();
        assert!(fs::read(back).is_ok_and(|copied| copied == content));
        let removed = client.podman(&["rm", "--force", "--time=0", &client.name]);
        let gone = client.podman(&["container", "exists", &client.name]);
        (client.normal(removed), gone.code)
    });
}
