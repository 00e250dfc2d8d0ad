//! Builds: the classic builder's, and BuildKit's with its sessions, secrets,
//! caches and outputs.
//!
//! BuildKit's client is buildx where the docker client has that plugin, else the
//! one that Engine 20.10's client has built in. Both take the same arguments.

use super::files::{noise, path, sha256};
use super::routes::{Client, IMAGE, has_plugin, same_on_every_route};
use crate::support::process::{Outcome, run};
use std::fs;
use std::process::Command;

#[test]
fn a_classic_build_sends_its_context_and_streams_its_steps() {
    same_on_every_route(|client| {
        let context = context(client);
        let build = ["build", "--no-cache", "--tag", &client.name, &context];
        let outcome = run(client.command(&build).env("DOCKER_BUILDKIT", "0"), b"");
        let outcome = client.normal(outcome);
        assert!(outcome.stdout_text().contains("Successfully built"), "{outcome:?}");
        outcome.stdout_text()
    });
}

#[test]
fn a_buildkit_build_runs_over_its_session() {
    same_on_every_route(|client| {
        let context = context(client);
        build(client, &["--no-cache", "--tag", &client.name, &context], b"").success();
    });
}

#[test]
fn a_buildkit_build_reads_a_secret_that_the_image_does_not_have() {
    same_on_every_route(|client| {
        let secret = client.file("secret");
        fs::write(&secret, "open sesame").expect("a file of ours");
        let secret = format!("id=word,src={}", path(&secret));
        let dockerfile = format!(
            "FROM {IMAGE}\n\
             RUN --mount=type=secret,id=word wc -c < /run/secrets/word > /length\n\
             RUN test ! -e /run/secrets/word\n"
        );
        let tag = ["--no-cache", "--secret", &secret, "--tag", &client.name];
        build(client, &[&tag[..], &["-"]].concat(), dockerfile.as_bytes()).success();
        assert_eq!(in_image(client, &["cat", "/length"]), "11");
    });
}

#[test]
fn a_buildkit_build_finds_the_cache_of_the_one_before() {
    same_on_every_route(|client| {
        let mount = format!("--mount=type=cache,id={},target=/cache", client.name);
        let count = "echo $ROUND >> /cache/rounds; cp /cache/rounds /rounds";
        let dockerfile = format!("FROM {IMAGE}\nARG ROUND\nRUN {mount} {count}\n");
        // Not with `--no-cache`, which also begins with an empty mount.
        for (round, rounds) in [("ROUND=1", "1"), ("ROUND=2", "1\n2")] {
            let tag = ["--build-arg", round, "--tag", &client.name, "-"];
            build(client, &tag, dockerfile.as_bytes()).success();
            assert_eq!(in_image(client, &["cat", "/rounds"]), rounds);
        }
    });
}

#[test]
fn a_buildkit_build_gives_its_files_to_the_client_in_every_form() {
    same_on_every_route(|client| {
        let context = context(client);
        let only = client.file("Only");
        fs::write(&only, "FROM scratch\nCOPY blob /there/\n").expect("a file of ours");
        let [directory, archive] = ["made", "made.tar"].map(|name| client.file(name));
        let local = format!("type=local,dest={}", path(&directory));
        let tar = format!("type=tar,dest={}", path(&archive));
        let make = |output: &str| {
            build(client, &["--file", path(&only), "--output", output, &context], b"")
        };
        make(&local).success();
        make(&tar).success();
        let piped = make("-");
        assert_eq!(piped.code, Some(0), "{piped:?}");
        let sum = sha256(&client.file("context/blob"));
        assert_eq!(sha256(&directory.join("there/blob")), sum);
        for archive in [fs::read(&archive).expect("the client made it"), piped.stdout] {
            let unpacked = run(Command::new("tar").args(["-xO", "there/blob"]), &archive);
            fs::write(client.file("unpacked"), unpacked.stdout).expect("a file of ours");
            assert_eq!(sha256(&client.file("unpacked")), sum);
        }
    });
}

#[test]
fn a_buildkit_build_that_fails_tells_the_step_and_makes_nothing() {
    same_on_every_route(|client| {
        let dockerfile = format!("FROM {IMAGE}\nRUN echo before >&2; exit 7\n");
        let tag = ["--no-cache", "--progress=plain", "--tag", &client.name, "-"];
        let outcome = build(client, &tag, dockerfile.as_bytes());
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        for part in ["before", "exit code: 7"] {
            assert!(outcome.stderr_text().contains(part), "{outcome:?}");
        }
        assert_ne!(client.docker(&["image", "inspect", &client.name]).code, Some(0));
    });
}

/// Only buildx has it, which asks for all targets over one session.
#[test]
fn buildx_bakes_two_targets_at_once() {
    if !has_plugin("buildx") {
        return;
    }
    same_on_every_route(|client| {
        let file = client.file("bake.json");
        let target = |name: &str| {
            let dockerfile = format!("FROM {IMAGE}\\nRUN echo {name} > /name\\n");
            let output = format!("type=local,dest={}", path(&client.file(name)));
            format!(r#""{name}":{{"dockerfile-inline":"{dockerfile}","output":["{output}"]}}"#)
        };
        let targets = format!("{{\"target\":{{{},{}}}}}", target("one"), target("two"));
        fs::write(&file, targets).expect("a file of ours");
        let mut bake = client.command(&["buildx", "bake", "--file", path(&file), "one", "two"]);
        // A directory where it may write without a prompt.
        run(bake.current_dir(client.file("")), b"").success();
        for name in ["one", "two"] {
            let made = fs::read_to_string(client.file(name).join("name"));
            assert_eq!(made.expect("the client made it").trim(), name);
        }
    });
}

/// Builds with the first BuildKit client that there is.
#[track_caller]
fn build(client: &Client, arguments: &[&str], input: &[u8]) -> Outcome {
    let template = client.command(&[&["build"], arguments].concat());
    let attempt = |program: &&str| {
        let mut command = Command::new(program);
        command.args(template.get_args()).env("DOCKER_BUILDKIT", "1");
        command.env("DOCKER_CONFIG", client.file(""));
        let outcome = run(&mut command, input);
        let absent = outcome.stderr_text().contains("buildx component is missing");
        (!absent).then_some(outcome)
    };
    let built = ["docker", "/usr/bin/docker"].iter().find_map(attempt);
    built.expect("a docker client with BuildKit")
}

/// A context with a file of 4 MiB and the Dockerfile that verifies its checksum.
fn context(client: &Client) -> String {
    let context = client.file("context");
    let _ = fs::create_dir(&context);
    let blob = context.join("blob");
    fs::write(&blob, noise(4 << 20)).expect("a file of ours");
    let dockerfile = format!(
        "FROM {IMAGE}\nCOPY blob /blob\nRUN echo '{}  /blob' | sha256sum -c\n",
        sha256(&blob)
    );
    fs::write(context.join("Dockerfile"), dockerfile).expect("a file of ours");
    path(&context).to_owned()
}

/// The output of a command in the image of the client's name.
#[track_caller]
fn in_image(client: &Client, command: &[&str]) -> String {
    client.docker(&[&["run", "--rm", &client.name], command].concat()).success()
}
