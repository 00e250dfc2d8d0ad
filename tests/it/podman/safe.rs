//! Safe create: requests of ordinary clients of Podman have the same result as without
//! the proxy, and a request that would open the host is refused with the item that
//! allows it.

use super::remote::Remote;
use crate::engine::routes::{Client, IMAGE};
use crate::support::podman::{self, Podman};
use crate::support::process::Outcome;
use crate::support::proxy::{ALLOW_ALL, Listen, Proxy};
use std::fs;

/// Options of ordinary containers, for `podman --remote` and for the docker client.
#[rustfmt::skip]
const ORDINARY: &[&[&str]] = &[
    &[
        "--env=A=b", "--label=x=y", "--workdir=/tmp", "--user=1000:1000", "--hostname=h",
        "--memory=64m", "--cpus=0.5", "--pids-limit=50", "--cpu-shares=512", "--shm-size=32m",
        "--restart=on-failure:3", "--ulimit=nofile=100:200", "--oom-score-adj=100",
    ],
    &[
        "--entrypoint=/bin/sh", "--interactive", "--tty", "--stop-signal=SIGINT",
        "--cap-drop=all", "--cap-add=chown", "--security-opt=no-new-privileges",
        "--health-cmd=true", "--health-interval=10s", "--health-retries=2",
    ],
    &[
        "--read-only", "--tmpfs=/t:rw,size=1m,exec", "--volume=data:/d:ro",
        "--network=bridge", "--publish=127.0.0.1:18443:443/udp", "--dns=10.0.0.2",
        "--dns-search=x.y", "--add-host=a:10.0.0.1",
    ],
    &[
        "--mount=type=volume,source=data,target=/d", "--mount=type=tmpfs,target=/t",
        "--ipc=private", "--group-add=20", "--network=none",
    ],
    &["--volume=/anonymous", "--publish=18080:80"],
];

/// A proxy with safe create, a client of it, and one without the proxy.
fn clients(podman: &Podman, flags: &[&str]) -> (Proxy, Client, Client) {
    let flags = [ALLOW_ALL, &["-safecreate"], flags].concat();
    let proxy = Proxy::start(Listen::Tcp, podman.socket(), &flags);
    let client = Client::new(podman.socket(), Some(proxy.host()));
    (proxy, client, Client::new(podman.socket(), None))
}

/// The host-related part of an inspected container. Its environment has no order.
const OF_HOST: &str = "{{range .Config.Env}}{{println .}}{{end}}{{json .HostConfig}} {{json .EffectiveCaps}} \
    {{json .Config.Labels}} {{json .Config.Entrypoint}} {{json .Config.Healthcheck}} \
    {{.Config.User}} {{.Config.WorkingDir}} {{json .Config.StopSignal}}";

#[test]
fn ordinary_containers_are_made_as_without_the_proxy() {
    let Some(podman) = podman::shared() else { return };
    let (_proxy, client, straight) = clients(podman, &[]);
    for options in ORDINARY {
        let [straight_ones, ones] = [&straight, &client].map(|client| {
            let made = ["create", "--name", &client.name];
            let made = [&made[..], options, &[IMAGE, "-c", "true"]].concat();
            let native = (client.podman(&made).code, inspect(&straight, client));
            (native, (client.docker(&made).code, inspect(&straight, client)))
        });
        assert_eq!(ones, straight_ones, "{options:?}");
        let ((native, _), (shared, _)) = ones;
        assert_eq!((native, shared), (Some(0), Some(0)), "{options:?}");
    }
}

/// Inspects and removes this client's container.
fn inspect(straight: &Client, client: &Client) -> String {
    let seen = straight.podman(&["inspect", "--type=container", "--format", OF_HOST, &client.name]);
    straight.podman(&["rm", "--force", "--time=0", "--volumes", &client.name]).success();
    let seen = client.normal_text(&seen.success());
    let mut lines: Vec<&str> = seen.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn ordinary_networks_volumes_commands_and_builds_pass() {
    let Some(podman) = podman::shared() else { return };
    let (_proxy, client, _) = clients(podman, &["-safecreateallow=podmanbuild"]);
    let name = client.name.as_str();
    client.podman(&["volume", "create", "--label=a=b", name]).success();
    client.podman(&["volume", "rm", name]).success();
    client.docker(&["volume", "create", "--label=a=b", name]).success();
    client.docker(&["volume", "rm", name]).success();
    let network = ["network", "create", "--label=a=b", "--internal", "--opt=mtu=1400", name];
    client.podman(&network).success();
    client.podman(&["network", "rm", name]).success();
    client.start_podman_container("exec sleep 600");
    client.podman(&["exec", "--env=A=b", "--user=0", name, "true"]).success();
    client.docker(&["exec", "--env=A=b", "--user=0", name, "true"]).success();
    let (context, tag) = (context(&client), format!("localhost/{name}"));
    let build = ["build", "--network=none", "--pull=never", "--tag", &tag, &context];
    client.podman(&build).success();
    client.podman(&["rmi", &tag]).success();
    let hosts = [&["build", "--network=host"], &build[2..]].concat();
    check_refused(&client.podman(&hosts), "-safecreateallow=buildnetwork:host");
    let privileged = client.podman(&["exec", "--privileged", name, "true"]);
    check_refused(&privileged, "-safecreateallow=execprivileged");
}

#[test]
fn containers_that_would_open_the_host_are_refused_with_the_item_that_allows_them() {
    let Some(podman) = podman::shared() else { return };
    let (_proxy, client, straight) = clients(podman, &[]);
    for (options, item) in [
        (&["--privileged"][..], "privileged"),
        (&["--cap-add=sys_admin"], "capadd:SYS_ADMIN"),
        (&["--pid=host"], "pid:host"),
        (&["--ipc=host"], "ipc:host"),
        (&["--uts=host"], "uts:host"),
        (&["--network=host"], "network:host"),
        (&["--userns=host"], "userns:host"),
        (&["--volumes-from=x"], "volumesfrom"),
        (&["--security-opt=seccomp=unconfined"], "securityopt:seccomp=unconfined"),
        (&["--security-opt=label=disable"], "securityopt:label=disable"),
        (&["--cgroup-parent=/x"], "cgroupparent:/x"),
        (&["--sysctl=net.ipv4.ip_forward=1"], "sysctl:net.ipv4.ip_forward"),
        (&["--volume=/etc:/h"], "add /etc to -allowbindmountfrom"),
    ] {
        let create = [&["create", "--name", &client.name], options, &[IMAGE, "true"]].concat();
        check_refused(&client.podman(&create), item);
        check_refused(&client.docker(&create), item);
    }
    for (options, item) in [
        (&["--security-opt=unmask=ALL"][..], "unmasked"),
        (&["--device=/dev/null"], "device:/dev/null"),
        (&["--userns=auto"], "userns:auto"),
        (&["--network=ns:/proc/1/ns/net"], "netns.nsmode"),
        (&["--pid=ns:/proc/1/ns/pid"], "pidns.nsmode"),
        (&["--device-cgroup-rule=c 1:3 rwm"], "devicerule:c 1:3 rwm"),
        (&["--annotation=run.oci.keep_original_groups=1"], "run.oci.keep_original_groups"),
        (&["--cgroups=disabled"], "cgroups_mode"),
        (&["--pod=x"], "pods"),
    ] {
        let create = [&["create", "--name", &client.name], options, &[IMAGE, "true"]].concat();
        check_refused(&client.podman(&create), item);
    }
    assert_ne!(straight.podman(&["container", "exists", &client.name]).code, Some(0));
    let context = context(&client);
    check_refused(&client.podman(&["build", &context]), "-safecreateallow=podmanbuild");
    check_refused(&client.podman(&["kube", "play", "/dev/null"]), "-safecreateallow=kube");
    check_refused(&client.podman(&["pod", "create", &client.name]), "-safecreateallow=pods");
}

#[test]
fn an_item_allows_what_its_denial_named() {
    let Some(podman) = podman::shared() else { return };
    let items = ["-safecreateallow=capadd:NET_ADMIN,network:host", "-safecreateallow=pid:host"];
    let (_proxy, client, _) = clients(podman, &items);
    let options = ["--cap-add=net_admin", "--network=host", "--pid=host"];
    let create = [&["create", "--name", &client.name], &options[..], &[IMAGE, "true"]].concat();
    client.podman(&create).success();
    client.podman(&["rm", &client.name]).success();
    client.docker(&create).success();
}

/// Podman gives an imported image the registry `localhost`.
#[test]
fn images_and_limits_are_restricted() {
    let Some(podman) = podman::shared() else { return };
    let flags = ["-maxmemory=128m", "-maxcpus=1", "-maxpids=100", "-allowimage=localhost/b.*:.*"];
    let (_proxy, client, _) = clients(podman, &flags);
    let limits = ["--memory=64m", "--cpus=0.5", "--pids-limit=50"];
    let run = |limits: &[&str], image: &str| {
        let run = ["run", "--detach", "--network=none", "--stop-timeout=0", "--name", &client.name];
        client.podman(&[&run[..], limits, &[image, "sleep", "600"]].concat())
    };
    check_limited(&run(&limits[1..], "localhost/busybox:latest"), "memory.limit is not set");
    check_limited(&run(&limits[..2], "localhost/busybox:latest"), "pids.limit is not set");
    check_limited(&run(&limits, IMAGE), "has no registry; the daemon could use any");
    run(&limits, "localhost/busybox:latest").success();
    client.podman(&["update", "--memory=96m", &client.name]).success_or_end();
    check_limited(&client.podman(&["update", "--memory=1g", &client.name]), "allows at most");
    check_limited(&client.podman(&["commit", &client.name, "b:1"]), "content under the name");
    check_limited(&client.podman(&["tag", "localhost/busybox", "b:1"]), "content under the name");
}

#[track_caller]
fn check_limited(outcome: &Outcome, part: &str) {
    let reason = outcome.stderr_text();
    assert_ne!(outcome.code, Some(0), "{outcome:?}");
    assert!(reason.contains(part), "{part} is not in {reason:?}");
}

/// A directory with a Dockerfile.
fn context(client: &Client) -> String {
    let context = client.file("context");
    fs::create_dir(&context).expect("a directory of ours");
    fs::write(context.join("Dockerfile"), format!("FROM {IMAGE}\nRUN true\n")).expect("a file");
    context.display().to_string()
}

/// Both clients print the proxy's reason.
#[track_caller]
fn check_refused(outcome: &Outcome, part: &str) {
    let reason = outcome.stderr_text();
    assert_ne!(outcome.code, Some(0), "{part}: {outcome:?}");
    assert!(reason.contains("socket-proxy: safe create: "), "{part}: {reason}");
    assert!(reason.contains(part), "{part} is not in {reason:?}");
}
