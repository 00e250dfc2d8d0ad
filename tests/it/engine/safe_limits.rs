//! Limits and images that the docker client must keep to.

use super::routes::{Client, IMAGE};
use crate::support::engine;
use crate::support::process::Outcome;
use crate::support::proxy::{Listen, Proxy};

const FLAGS: &[&str] = &[
    "-allow=all",
    "-maxmemory=128m",
    "-maxcpus=1",
    "-maxpids=100",
    r"-allowimage=docker.io/library/busybox:latest",
];

#[test]
fn a_created_container_keeps_to_the_limits_and_images() {
    let Some(engine) = engine::shared() else { return };
    let proxy = Proxy::start(Listen::Unix, engine.socket(), FLAGS);
    let straight = Client::new(engine.socket(), None);
    let client = Client::new(engine.socket(), Some(proxy.host()));
    let limits = ["--memory=64m", "--cpus=0.5", "--pids-limit=50"];
    let run = |limits: &[&str], image: &str| {
        let run = ["run", "--detach", "--init", "--network=none", "--name", &client.name];
        client.docker(&[&run[..], limits, &[image, "sleep", "600"]].concat())
    };
    for (without, part) in [(0, "Memory is not set"), (1, "NanoCpus"), (2, "PidsLimit")] {
        let mut fewer = limits.to_vec();
        fewer.remove(without);
        check_refused(&run(&fewer, IMAGE), part);
    }
    check_refused(&run(&["--memory=1g", limits[1], limits[2]], IMAGE), "at most");
    check_refused(&run(&["--memory=64m", "--memory-swap=-1", limits[1], limits[2]], IMAGE), "Swap");
    check_refused(&run(&limits, "busybox:1"), "-allowimage");
    run(&limits, IMAGE).success();
    let format = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}";
    let found = straight.docker(&["inspect", "--format", format, &client.name]).success();
    assert_eq!(found, "67108864 500000000 50");
    check_refused(&client.docker(&["update", "--pids-limit=-1", &client.name]), "PidsLimit");
    check_refused(&client.docker(&["update", "--cpus=2", &client.name]), "at most");
    for command in [["commit", client.name.as_str(), "busybox"], ["tag", IMAGE, "busybox:b"]] {
        check_refused(&client.docker(&command), "-allowimage");
    }
    let again = straight.docker(&["inspect", "--format", format, &client.name]).success();
    assert_eq!(again, found, "a refused update has no effect");
}

/// The client prints the reason.
#[track_caller]
fn check_refused(outcome: &Outcome, part: &str) {
    let reason = outcome.stderr_text();
    assert_ne!(outcome.code, Some(0), "{part}: {outcome:?}");
    assert!(reason.contains("restriction: ") && reason.contains(part), "{part}: {reason}");
}
