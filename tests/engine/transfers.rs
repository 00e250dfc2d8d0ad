//! Large bodies in both directions.

use crate::process::{Outcome, PATIENCE, finish, run};
use crate::routes::{Client, IMAGE, same_on_every_route};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_copied_file_of_64_mib_is_the_same_in_the_container_and_back() {
    const BYTES: usize = 64 << 20;
    same_on_every_route(|client| {
        client.start_container("sleep 600");
        let (there, back) = (client.file("there"), client.file("back"));
        fs::write(&there, noise(BYTES)).expect("a file of ours");
        let inside = format!("{}:/blob", client.name);
        client.docker(&["cp", path(&there), &inside]).success();
        let sum = client.docker(&["exec", &client.name, "sha256sum", "/blob"]).success();
        client.docker(&["cp", &inside, path(&back)]).success();
        assert_eq!(first_word(&sum), sha256(&there));
        assert_eq!(sha256(&back), sha256(&there));
    });
}

#[test]
fn a_saved_image_loads_again_from_a_pipe() {
    same_on_every_route(|client| {
        let id = import_noise(client, 8 << 20);
        let mut save = client.command(&["save", &client.name]);
        let mut save = save.stdout(Stdio::piped()).spawn().expect("docker is there");
        let saved = save.stdout.take().expect("a pipe of ours");
        let archive = client.file("archive");
        let copy = std::thread::spawn({
            let archive = archive.clone();
            move || std::io::copy(&mut { saved }, &mut fs::File::create(archive)?)
        });
        assert_eq!(finish(save, PATIENCE).code, Some(0));
        copy.join().expect("no panic").expect("the archive is written");
        client.docker(&["rmi", &client.name]).success();

        let file = fs::File::open(&archive).expect("a file of ours");
        let load = client.command(&["load"]).stdin(file).output().expect("docker is there");
        assert!(load.status.success(), "{load:?}");
        let loaded = client.docker(&["image", "inspect", "--format", "{{.Id}}", &client.name]);
        assert_eq!(loaded.success(), id);
    });
}

#[test]
fn an_import_from_a_pipe_makes_a_working_image() {
    same_on_every_route(|client| {
        import_noise(client, 4 << 20);
        let cat = client.docker(&["create", &client.name, "none"]).success();
        let exported = client.file("exported");
        client.docker(&["export", "--output", path(&exported), &cat]).success();
        client.docker(&["rm", &cat]).success();
        let listed = run(Command::new("tar").arg("-tf").arg(&exported), b"").success();
        assert!(listed.contains("blob"), "{listed}");
    });
}

#[test]
fn a_classic_build_sends_its_context_and_streams_its_steps() {
    same_on_every_route(|client| {
        let outcome = client.normal(build(client, "docker", "0").expect("every client can"));
        assert!(outcome.stdout_text().contains("Successfully built"), "{outcome:?}");
        outcome.stdout_text()
    });
}

#[test]
fn a_buildkit_build_runs_over_its_session() {
    same_on_every_route(|client| {
        let builders = ["docker", "/usr/bin/docker"];
        let built = builders.iter().find_map(|program| build(client, program, "1"));
        match built {
            Some(outcome) => assert_eq!(outcome.code, Some(0), "{outcome:?}"),
            None => crate::engine::skip("no docker client here can build with BuildKit"),
        }
    });
}

/// Builds an image from a context of 4 MiB; `None` if the client has no builder
/// of this kind. The blob's checksum is verified by the build itself.
fn build(client: &Client, program: &str, buildkit: &str) -> Option<Outcome> {
    let context = client.file("context");
    let _ = fs::create_dir(&context);
    let blob = context.join("blob");
    fs::write(&blob, noise(4 << 20)).expect("a file of ours");
    let dockerfile = format!(
        "FROM {IMAGE}\nCOPY blob /blob\nRUN echo '{}  /blob' | sha256sum -c\n",
        sha256(&blob)
    );
    fs::write(context.join("Dockerfile"), dockerfile).expect("a file of ours");
    let template = client.command(&["build", "--no-cache", "--tag", &client.name, path(&context)]);
    let mut command = Command::new(program);
    command.args(template.get_args()).env("DOCKER_BUILDKIT", buildkit);
    command.env("DOCKER_CONFIG", client.file("config"));
    let outcome = run(&mut command, b"");
    let absent = outcome.stderr_text().contains("buildx component is missing");
    (!absent).then_some(outcome)
}

/// Imports an image of one large file under the client's name.
#[track_caller]
fn import_noise(client: &Client, bytes: usize) -> String {
    fs::write(client.file("blob"), noise(bytes)).expect("a file of ours");
    let directory = client.file("").display().to_string();
    let mut tar = Command::new("tar");
    let archive = run(tar.args(["-C", &directory, "--mtime=@0", "-c", "blob"]), b"");
    let imported = client.docker_with_input(&["import", "-", &client.name], &archive.stdout);
    imported.success()
}

/// Bytes that do not compress and are the same every time (xorshift64).
fn noise(bytes: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..bytes / 8).flat_map(|_| word()).collect()
}

#[track_caller]
fn sha256(file: &Path) -> String {
    first_word(&run(Command::new("sha256sum").arg(file), b"").success()).to_owned()
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("our paths are ASCII")
}
