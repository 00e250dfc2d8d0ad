//! Large bodies in both directions.

use super::files::{first_word, noise, path, sha256};
use super::routes::{Client, same_on_every_route};
use crate::support::PATIENCE;
use crate::support::process::{finish, run};
use std::fs;
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
