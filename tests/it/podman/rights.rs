//! Allow patterns for both trees of paths, and restricted mounts.

use super::remote::Remote;
use crate::engine::routes::{Client, IMAGE};
use crate::support::podman::{self, Podman};
use crate::support::process::Outcome;
use crate::support::proxy::{ALLOW_ALL, Listen, Proxy};
use crate::support::scratch::Scratch;
use std::fs;

const EXAMPLE: &str = include_str!("../../../examples/compose/podman.yml");

/// Questions about containers, in Podman's own tree only.
const NATIVE_READS: &str =
    "-allowGET=(/v[0-9.]+)?/libpod/(_ping|version|containers/json|containers/[^/]+/json)";

/// A proxy with these flags, a client of it, and one without the proxy.
fn clients(podman: &Podman, flags: &[&str]) -> (Proxy, Client, Client) {
    let proxy = Proxy::start(Listen::Tcp, podman.socket(), flags);
    let client = Client::new(podman.socket(), Some(proxy.host()));
    (proxy, client, Client::new(podman.socket(), None))
}

#[test]
fn patterns_of_podmans_own_tree_open_that_and_nothing_else() {
    let Some(podman) = podman::shared() else { return };
    let (_proxy, client, straight) = clients(podman, &[NATIVE_READS]);
    straight.start_podman_container("exec sleep 600");
    let name = straight.name.as_str();
    for allowed in [&["version"][..], &["ps"], &["inspect", "--type=container", name]] {
        client.podman(allowed).success();
    }
    for (command, flag) in [
        (&["images"][..], "-allow=ImageListLibpod "),
        (&["exec", name, "true"], "-allow=ContainerExecLibpod "),
        (&["rm", "--force", name], "-allow=ContainerDeleteLibpod "),
        (&["run", "--network=none", IMAGE, "true"], "-allow="),
    ] {
        check_refused(&client.podman(command), flag);
    }
    check_refused(&client.docker(&["ps"]), "-allow=ContainerList ");
    let state = straight.podman(&["inspect", "--format", "{{.State.Status}}", name]);
    assert_eq!(state.success(), "running", "a refused command had an effect");
}

#[test]
fn the_example_for_traefik_lets_pass_what_traefik_asks_and_no_native_path() {
    let Some(podman) = podman::shared() else { return };
    let (_proxy, client, straight) = clients(podman, &example_rights());
    straight.start_podman_container("exec sleep 600");
    let id = straight.podman(&["inspect", "--format", "{{.Id}}", &straight.name]).success();
    for allowed in [
        &["version"][..],
        &["ps", "--no-trunc", "--filter", &format!("id={id}")],
        &["inspect", "--type=container", "--format", "{{.Name}}", &id],
        &["events", "--since", "1", "--until", "2"],
    ] {
        let seen = client.docker(allowed);
        assert_eq!(seen.code, Some(0), "{allowed:?}: {seen:?}");
    }
    check_refused(&client.docker(&["images"]), "-allow=ImageList ");
    // Podman's client sends its own ping first, and reports only its status.
    let ping = client.podman(&["ps"]);
    assert!(ping.code == Some(125) && ping.stderr_text().contains("403"), "{ping:?}");
}

#[test]
fn network_namespaces_of_others_are_refused_where_labels_grant_rights() {
    let Some(podman) = podman::shared() else { return };
    let flags = [ALLOW_ALL, &["-proxycontainername=nobody"]].concat();
    let (_proxy, client, straight) = clients(podman, &flags);
    straight.start_podman_container("exec sleep 600");
    let shared = format!("--network=container:{}", straight.name);
    for network in [shared.as_str(), "--network=host", "--network=ns:/proc/1/ns/net"] {
        check_refused(&client.podman(&["create", network, IMAGE, "true"]), "-allowlabelgrants");
        if !network.contains("ns:") {
            check_refused(&client.docker(&["create", network, IMAGE, "true"]), "-allowlabelgrants");
        }
    }
    let created = client.podman(&["create", "--network=none", IMAGE, "true"]).success();
    straight.podman(&["rm", &created]).success();
}

#[test]
fn a_directory_that_is_allowed_is_mounted_in_every_way() {
    let Some(podman) = podman::shared() else { return };
    let directory = Directory::new();
    let (_proxy, client, _) = clients(podman, &directory.flags());
    let [short, long] = directory.mounts();
    for mount in [&["-v", &short][..], &["--mount", &long]] {
        let arguments = run(mount, &["cat", "/h/file"]);
        assert_eq!(client.podman(&arguments).success(), "of the host", "{mount:?}");
        assert_eq!(client.docker(&arguments).success(), "of the host", "{mount:?}");
    }
    // Places that are not of the host pass, too.
    client.podman(&run(&["--tmpfs=/h"], &["true"])).success();
    client.podman(&run(&["-v", "/h"], &["true"])).success();
}

#[test]
fn a_directory_that_is_not_allowed_is_refused_in_every_way_and_the_client_prints_why() {
    let Some(podman) = podman::shared() else { return };
    let (_proxy, client, straight) = clients(podman, &Directory::new().flags());
    let volume = client.name.as_str();
    let bind = ["--opt=type=none", "--opt=o=bind", "--opt=device=/etc"];
    let create = [&["volume", "create"][..], &bind, &[volume]].concat();
    for (arguments, place) in [
        (run(&["-v", "/etc:/h"], &["true"]), "mounts[0].source"),
        (run(&["--mount=type=bind,source=/etc,target=/h"], &["true"]), "mounts[0].source"),
        (run(&["-v", "/etc:/h:O"], &["true"]), "overlay_volumes[0].source"),
        (run(&["--init", "--init-path=/etc/passwd"], &["true"]), "init_path"),
        (run(&["--volumes-from", volume], &["true"]), "volumes_from[0]"),
        (vec!["run", "--rm", "--network=none", "--rootfs", "/", "true"], "rootfs"),
        (vec!["pod", "create", "--network=none", "-v", "/etc:/h"], "mounts[0].source"),
        (vec!["kube", "play", "/dev/null"], "/libpod/kube/play"),
        (create.clone(), "Options.device"),
    ] {
        check_refused(&client.podman(&arguments), place);
    }
    for (arguments, place) in [
        (run(&["-v", "/etc:/h"], &["true"]), "HostConfig.Binds[0]"),
        (run(&["--mount=type=bind,source=/etc,target=/h"], &["true"]), "HostConfig.Mounts[0]"),
        (create, "DriverOpts.device"),
    ] {
        check_refused(&client.docker(&arguments), place);
    }
    assert_ne!(straight.podman(&["volume", "exists", volume]).code, Some(0));
}

/// Both clients print the proxy's reason.
#[track_caller]
fn check_refused(outcome: &Outcome, part: &str) {
    let reason = outcome.stderr_text();
    assert_ne!(outcome.code, Some(0), "{outcome:?}");
    assert!(reason.contains("socket-proxy: "), "{reason}");
    assert!(reason.contains(part), "{part} is not in {reason:?}");
}

fn run<'a>(options: &[&'a str], command: &[&'a str]) -> Vec<&'a str> {
    [&["run", "--rm", "--network=none"], options, &[IMAGE], command].concat()
}

/// The patterns of the compose file, but not where it listens and for whom.
fn example_rights() -> Vec<&'static str> {
    let flags = EXAMPLE.lines().filter_map(|line| {
        let flag = line.trim().strip_prefix("- '")?.strip_suffix('\'')?;
        flag.starts_with("-allow=").then_some(flag)
    });
    let flags: Vec<_> = flags.collect();
    assert_eq!(flags, ["-allow=traefik"]);
    flags
}

/// The one directory of the host that may be mounted.
struct Directory {
    scratch: Scratch,
    flag: String,
}

impl Directory {
    fn new() -> Self {
        let scratch = Scratch::new();
        fs::write(scratch.path().join("file"), "of the host").expect("a file of ours");
        let flag = format!("-allowbindmountfrom={}", scratch.path().display());
        Self { scratch, flag }
    }

    fn flags(&self) -> Vec<&str> {
        [ALLOW_ALL, &[&self.flag]].concat()
    }

    /// It as a mount at `/h`, in the short form and in the long one.
    fn mounts(&self) -> [String; 2] {
        let path = self.scratch.path().display();
        [format!("{path}:/h"), format!("type=bind,source={path},target=/h")]
    }
}
