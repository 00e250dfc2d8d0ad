//! Bodies that create and connect: the label, pins, and references.

use super::{Town, message};
use crate::engine::routes::IMAGE;
use crate::support::scratch::unique;
use serde_json::{Value, json};

#[track_caller]
fn create(town: &Town, name: &str, more: Value) -> (u16, String) {
    let mut body = json!({ "Image": IMAGE, "Cmd": ["sleep", "600"] });
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    let (status, answer) =
        town.own.ask(&format!("POST /containers/create?name={name}"), &body.to_string());
    (status, message(&answer))
}

#[test]
fn a_network_that_changes_hands_between_create_and_start_is_not_joined() {
    let Some(town) = Town::new() else { return };
    let (network, name) = (unique("net"), unique("own"));
    for how in [
        json!({ "HostConfig": { "NetworkMode": network } }),
        json!({ "NetworkingConfig": { "EndpointsConfig": { network.as_str(): null } },
                "HostConfig": { "NetworkMode": network } }),
    ] {
        town.own.docker(&["network", "create", &network]).success();
        let (status, text) = create(&town, &name, how.clone());
        assert_eq!(status, 201, "{how}: {text}");
        town.straight.docker(&["network", "rm", &network]).success();
        let label = format!("--label={}", town.foreign.label);
        town.straight.docker(&["network", "create", &label, &network]).success();
        let start = town.own.docker(&["start", &name]);
        assert_ne!(start.code, Some(0), "{how}: {start:?}");
        let connected = town.straight.docker(&[
            "network",
            "inspect",
            "--format",
            "{{len .Containers}}",
            &network,
        ]);
        assert_eq!(connected.success(), "0", "{how}");
        town.straight.docker(&["rm", "--force", &name]).success();
        town.straight.docker(&["network", "rm", &network]).success();
    }
}

#[test]
fn a_network_that_changes_hands_while_a_container_is_stopped_is_not_joined() {
    let Some(town) = Town::new() else { return };
    let (network, name) = (unique("net"), unique("own"));
    town.own.docker(&["network", "create", &network]).success();
    assert_eq!(create(&town, &name, json!({})).0, 201);
    town.own.docker(&["network", "connect", &network, &name]).success();
    town.straight.docker(&["network", "rm", &network]).success();
    let label = format!("--label={}", town.foreign.label);
    town.straight.docker(&["network", "create", &label, &network]).success();
    let start = town.own.docker(&["start", &name]);
    assert_ne!(start.code, Some(0), "{start:?}");
    let connected =
        town.straight.docker(&["network", "inspect", "--format", "{{len .Containers}}", &network]);
    assert_eq!(connected.success(), "0");
}

#[test]
fn a_network_id_of_another_network_is_refused() {
    let Some(town) = Town::new() else { return };
    let (own, foreign) = (unique("net"), unique("net"));
    town.own.docker(&["network", "create", &own]).success();
    let label = format!("--label={}", town.foreign.label);
    let id = town.straight.docker(&["network", "create", &label, &foreign]).success();
    let endpoints = json!({ own.as_str(): { "NetworkID": id } });
    let body = json!({ "NetworkingConfig": { "EndpointsConfig": endpoints } });
    let refusal = create(&town, &unique("own"), body);
    assert_eq!(refusal, (400, format!("network {id} not found")));
    let container = unique("own");
    town.start(&town.own, &container, &[]);
    let body = json!({ "Container": container, "EndpointConfig": { "NetworkID": id } });
    let (status, _) = town.own.ask(&format!("POST /networks/{own}/connect"), &body.to_string());
    assert_eq!(status, 400);
}

#[test]
fn shared_namespaces_and_volumes_are_those_of_targets() {
    let Some(town) = Town::new() else { return };
    let (own, foreign) = (unique("own"), unique("foreign"));
    let id = town.start(&town.own, &own, &["--volume", "/data"]);
    town.start(&town.foreign, &foreign, &["--volume", "/data"]);
    for field in ["NetworkMode", "PidMode", "IpcMode"] {
        let with = |name: &str| json!({ "HostConfig": { field: format!("container:{name}") } });
        let name = unique("shares");
        if field != "IpcMode" {
            assert_eq!(create(&town, &name, with(&own)).0, 201, "{field}");
            let shown = town.inspected(&name, &format!("{{{{.HostConfig.{field}}}}}"));
            assert_eq!(shown, format!("container:{id}"));
            town.own.docker(&["start", &name]).success();
        }
        let expected = (400, format!("No such container: {foreign}"));
        assert_eq!(create(&town, &name, with(&foreign)), expected, "{field}");
    }
    let from = |name: &str| json!({ "HostConfig": { "VolumesFrom": [format!("{name}:ro")] } });
    assert_eq!(create(&town, &unique("from"), from(&own)).0, 201);
    assert_eq!(create(&town, &unique("from"), from(&foreign)).0, 400);
    let links = |name: &str| json!({ "HostConfig": { "Links": [format!("{name}:db")] } });
    assert_eq!(create(&town, &unique("linked"), links(&own)).0, 201);
    assert_eq!(create(&town, &unique("linked"), links(&foreign)).0, 400);
}

#[test]
fn a_link_within_a_network_reaches_a_target_by_its_alias() {
    let Some(town) = Town::new() else { return };
    let (network, name) = (unique("net"), unique("own"));
    town.own.docker(&["network", "create", &network]).success();
    let run = ["run", "--detach", "--init", "--network", &network, "--name", &name, IMAGE];
    town.own.docker(&[&run[..], &["sleep", "600"]].concat()).success();
    let link = format!("{name}:other");
    let ping = ["ping", "-c1", "-W5", "other"];
    let run = ["run", "--rm", "--network", &network, "--link", &link, IMAGE];
    town.own.docker(&[&run[..], &ping].concat()).success();
}

#[test]
fn volumes_of_mounts_are_those_of_targets_and_new_ones_get_the_label() {
    let Some(town) = Town::new() else { return };
    let (own, foreign) = (unique("vol"), unique("vol"));
    town.own.docker(&["volume", "create", &own]).success();
    let label = format!("--label={}", town.foreign.label);
    town.straight.docker(&["volume", "create", &label, &foreign]).success();
    let mount = |source: &str| json!({ "HostConfig": { "Mounts": [{ "Type": "volume", "Source": source, "Target": "/v" }] } });
    assert_eq!(create(&town, &unique("own"), mount(&own)).0, 201);
    let (status, of_foreign) = create(&town, &unique("own"), mount(&foreign));
    let (_, of_missing) = create(&town, &unique("own"), mount("no-such"));
    assert_eq!((status, of_foreign.replace(&foreign, "no-such")), (400, of_missing));
    let name = unique("own");
    assert_eq!(create(&town, &name, mount("")).0, 201);
    let volume = town.inspected(&name, "{{(index .Mounts 0).Name}}");
    town.own.docker(&["volume", "inspect", &volume]).success();
    let (status, text) =
        town.own.ask("POST /volumes/create", &json!({ "Name": foreign, "Labels": {} }).to_string());
    assert_eq!(status, 409, "{text}");
    assert!(!text.contains(&town.foreign.label), "{text}");
}

#[test]
fn nobody_takes_the_label_of_another() {
    let Some(town) = Town::new() else { return };
    let (key, value) = town.foreign.label.split_once('=').expect("a label");
    let labels = json!({ "Labels": { key: value } });
    assert_eq!(create(&town, &unique("own"), labels.clone()).0, 403);
    for path in ["/networks/create", "/volumes/create"] {
        let mut body = labels.clone();
        body["Name"] = unique("own").into();
        assert_eq!(town.own.ask(&format!("POST {path}"), &body.to_string()).0, 403, "{path}");
    }
}

#[test]
fn old_ways_to_start_with_a_body_are_closed() {
    let Some(town) = Town::new() else { return };
    let name = unique("own");
    assert_eq!(create(&town, &name, json!({})).0, 201);
    let body = json!({ "NetworkMode": "host", "VolumesFrom": ["x"] }).to_string();
    for version in ["", "/v1.23", "/v1.24"] {
        let request = format!("POST {version}/containers/{name}/start");
        assert_eq!(town.own.ask(&request, &body).0, 403, "{version}");
    }
    assert_eq!(town.own.ask(&format!("POST /containers/{name}/start"), "{}").0, 204);
}
