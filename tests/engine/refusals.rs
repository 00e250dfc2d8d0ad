//! What a docker client tells its user when the proxy refuses.

use crate::engine;
use crate::process::Outcome;
use crate::proxy::{Listen, Proxy};
use crate::routes::{Client, IMAGE};

/// The allowlist of the documentation for Traefik.
const TRAEFIK: &[&str] =
    &[r"-allowGET=/v1\..{1,2}/(version|containers/.*|events.*)", "-allowHEAD=/_ping"];

#[test]
fn the_allowlist_for_traefik_lets_pass_what_traefik_asks() {
    let Some(engine) = engine::shared() else { return };
    let proxy = Proxy::start(Listen::Tcp, engine.socket(), TRAEFIK);
    let straight = Client::new(engine.socket(), None);
    let client = Client::new(engine.socket(), Some(proxy.host()));
    straight.start_container("sleep 600");
    for allowed in [
        &["version"][..],
        &["inspect", &straight.name],
        &["events", "--since", "1", "--until", "2"],
        &["ps", "--filter", &format!("name={}", straight.name), "--format", "{{.ID}}"],
    ] {
        let seen = client.docker(allowed);
        assert_eq!(seen.code, Some(0), "{allowed:?}: {seen:?}");
        assert_eq!(seen, straight.docker(allowed), "{allowed:?}");
    }
}

#[test]
fn the_allowlist_for_traefik_refuses_the_rest_and_the_client_prints_why() {
    let Some(engine) = engine::shared() else { return };
    let proxy = Proxy::start(Listen::Tcp, engine.socket(), TRAEFIK);
    let straight = Client::new(engine.socket(), None);
    let client = Client::new(engine.socket(), Some(proxy.host()));
    straight.start_container("sleep 600");
    let name = straight.name.as_str();
    for (command, code, flag) in [
        (&["images"][..], 1, "-allow=ImageList "),
        (&["run", "--rm", IMAGE, "true"], 125, "-allow=ContainerCreate "),
        (&["rm", "--force", name], 1, "-allow=ContainerDelete "),
        (&["exec", name, "true"], 1, "-allow=ContainerExec "),
        (&["stop", name], 1, "-allow=ContainerStop "),
        (&["system", "info"], 1, "-allow=SystemInfo "),
    ] {
        check_refusal(&client.docker(command), code, flag);
    }
    proxy.await_log("blocked request");
    let state = straight.docker(&["inspect", "--format", "{{.State.Running}}", name]);
    assert_eq!(state.success(), "true", "a refused command had an effect");
}

/// The reason is a sentence of the proxy's, and names the flag that would help.
#[track_caller]
fn check_refusal(outcome: &Outcome, code: i32, flag: &str) {
    let reason = outcome.stderr_text();
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert!(reason.contains("Error response from daemon: "), "{reason}");
    assert!(reason.contains(flag), "{flag} is not in {reason:?}");
}
