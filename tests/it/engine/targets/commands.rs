//! Each command on a target, and the same on a foreign and on a missing container.

use super::Town;
use crate::engine::routes::IMAGE;
use crate::support::scratch::unique;
use std::fs;

#[test]
fn every_command_works_on_a_target_and_finds_no_other_container() {
    let Some(town) = Town::new() else { return };
    let (own, foreign) = (unique("own"), unique("foreign"));
    town.start(&town.own, &own, &[]);
    town.start(&town.foreign, &foreign, &[]);
    let file = town.own.client.file("file");
    fs::write(&file, "content").expect("a file of ours");
    let file = file.to_str().expect("a path of ours");
    let back = town.own.client.file("back");
    let back = back.to_str().expect("a path of ours");
    let commands: &[&[&str]] = &[
        &["inspect", "--type", "container", "NAME"],
        &["exec", "NAME", "echo", "x"],
        &["cp", file, "NAME:/file"],
        &["cp", "NAME:/file", back],
        &["logs", "NAME"],
        &["stats", "--no-stream", "NAME"],
        &["top", "NAME"],
        &["diff", "NAME"],
        &["port", "NAME"],
        &["update", "--memory", "64m", "--memory-swap", "64m", "NAME"],
        &["pause", "NAME"],
        &["unpause", "NAME"],
        &["export", "--output", back, "NAME"],
        &["commit", "NAME", "IMAGE"],
        &["kill", "--signal", "WINCH", "NAME"],
        &["restart", "--time", "0", "NAME"],
        &["stop", "--time", "0", "NAME"],
        &["wait", "NAME"],
        &["start", "NAME"],
        &["rename", "NAME", "NAME-2"],
        &["rename", "NAME-2", "NAME"],
        &["rm", "--force", "NAME"],
    ];
    let image = town.straight.name.to_lowercase();
    let with = |command: &[&str], name: &str| {
        let words: Vec<String> = command
            .iter()
            .map(|word| word.replace("NAME", name).replace("IMAGE", &image))
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        town.own.docker(&words)
    };
    for command in commands {
        let of_foreign = with(command, &foreign);
        let of_missing = with(command, "no-such");
        assert!(of_foreign.stderr_text().contains("No such"), "{command:?}: {of_foreign:?}");
        assert_eq!(of_foreign.code, of_missing.code, "{command:?}");
        assert_eq!(
            of_foreign.stderr_text().replace(&foreign, "no-such"),
            of_missing.stderr_text(),
            "{command:?}"
        );
        with(command, &own).success();
    }
    let state =
        town.inspected(&foreign, "{{.State.Running}} {{.State.Paused}} {{.HostConfig.Memory}}");
    assert_eq!(state, "true false 0");
}

#[test]
fn a_container_runs_attached_and_its_logs_are_followed() {
    let Some(town) = Town::new() else { return };
    let name = unique("own");
    let run = ["run", "-i", "--rm", "--name", &name, IMAGE, "sh", "-c", "cat; exit 3"];
    let outcome = town.own.client.docker_with_input(&run, b"through\n");
    assert_eq!((outcome.code, outcome.stdout_text().as_str()), (Some(3), "through\n"));
    let script = "echo first; until [ -e /go ]; do sleep 0.05; done; echo last";
    town.own.docker(&["run", "--detach", "--name", &name, IMAGE, "sh", "-c", script]).success();
    let label = town.inspected(&name, &format!("{{{{index .Config.Labels \"{}\"}}}}", super::KEY));
    assert!(town.own.label.ends_with(&label) && !label.is_empty(), "{label}");
    let mut logs = town.own.client.live(&["logs", "--follow", &name]);
    logs.await_text("first\n");
    town.own.docker(&["exec", &name, "touch", "/go"]).success_or_end();
    logs.await_text("last\n");
    assert_eq!(logs.exit_code(), Some(0));
    assert_eq!(town.own.docker(&["wait", &name]).success(), "0");
    assert!(town.foreign.docker(&["logs", &name]).stderr_text().contains("No such container"));
}

#[test]
fn an_exec_instance_belongs_to_the_owner_of_its_container() {
    let Some(town) = Town::new() else { return };
    let name = unique("own");
    town.start(&town.own, &name, &[]);
    let body = r#"{"Cmd":["echo","x"],"AttachStdout":true}"#;
    let (status, created) = town.own.ask(&format!("POST /containers/{name}/exec"), body);
    assert_eq!(status, 201, "{created}");
    let created: serde_json::Value = serde_json::from_str(&created).expect("JSON");
    let id = created["Id"].as_str().expect("an id");
    for request in ["GET /exec/ID/json", "POST /exec/ID/start", "POST /exec/ID/resize?h=1&w=1"] {
        let foreign = town.foreign.ask(&request.replace("ID", id), "");
        let missing = town.foreign.ask(&request.replace("ID", "nope"), "");
        let (status, text) = missing;
        assert_eq!(foreign, (status, text.replace("nope", id)), "{request}");
        assert_eq!(status, 404);
    }
    assert_eq!(town.own.ask(&format!("GET /exec/{id}/json"), "").0, 200);
    let (status, _) = town.own.ask(&format!("POST /exec/{id}/start"), r#"{"Detach":true}"#);
    assert!(matches!(status, 200 | 204), "{status}");
}

#[test]
fn networks_and_volumes_are_made_used_and_removed_by_their_owner_alone() {
    let Some(town) = Town::new() else { return };
    let [own, foreign, container] = ["net", "net", "own"].map(unique);
    let foreign_label = format!("--label={}", town.foreign.label);
    town.straight.docker(&["network", "create", &foreign_label, &foreign]).success();
    town.straight.docker(&["volume", "create", &foreign_label, &foreign]).success();
    town.own.docker(&["network", "create", &own]).success();
    town.own.docker(&["volume", "create", &own]).success();
    town.start(&town.own, &container, &[]);
    town.own.docker(&["network", "connect", "--alias", "a", &own, &container]).success();
    town.own.docker(&["network", "disconnect", &own, &container]).success();
    for command in [
        &["network", "inspect", "NAME"][..],
        &["network", "connect", "NAME", &container],
        &["network", "disconnect", "NAME", &container],
        &["network", "rm", "NAME"],
        &["volume", "inspect", "NAME"],
        &["volume", "rm", "NAME"],
        &["run", "--rm", "--network", "NAME", IMAGE, "true"],
        &["run", "--rm", "--volume", "NAME:/v", IMAGE, "true"],
    ] {
        let with = |name: &str| {
            let words: Vec<&str> =
                command.iter().map(|word| if *word == "NAME" { name } else { word }).collect();
            let volume = format!("{name}:/v");
            let words: Vec<&str> =
                words.iter().map(|word| if *word == "NAME:/v" { &volume } else { *word }).collect();
            town.own.docker(&words)
        };
        let (of_foreign, of_missing) = (with(&foreign), with("no-such"));
        assert_ne!(of_foreign.code, Some(0), "{command:?}: {of_foreign:?}");
        assert_eq!(
            of_foreign.stderr_text().replace(&foreign, "no-such"),
            of_missing.stderr_text(),
            "{command:?}"
        );
    }
    let volume = format!("{own}:/v");
    town.own
        .docker(&["run", "--rm", "--network", &own, "--volume", &volume, IMAGE, "touch", "/v/x"])
        .success();
    town.own.docker(&["network", "rm", &own]).success();
    town.own.docker(&["volume", "rm", &own]).success();
}
