//! A client that tries every leak that other proxies of this kind had.

use super::{Town, ask, message};
use crate::engine::routes::IMAGE;
use crate::support::scratch::unique;
use serde_json::{Value, json};

/// Everything of a foreign container that must not show.
struct Secrets {
    name: String,
    id: String,
    label: String,
}

impl Secrets {
    fn of(town: &Town, options: &[&str]) -> Secrets {
        let name = unique("foreign");
        let id = town.start(&town.foreign, &name, options);
        Secrets { name, id, label: town.foreign.label.clone() }
    }

    #[track_caller]
    fn check(&self, request: &str, answer: &str) {
        for secret in [&self.id[..12], &self.label] {
            assert!(!answer.contains(secret), "{request} shows {secret}: {answer}");
        }
    }
}

#[test]
fn no_answer_has_an_id_or_a_label_of_another() {
    let Some(town) = Town::new() else { return };
    let secrets = Secrets::of(&town, &[]);
    let own = unique("own");
    town.start(&town.own, &own, &[]);
    let Secrets { name, id, .. } = &secrets;
    let create = json!({ "Image": IMAGE, "Cmd": ["true"] }).to_string();
    let short = &id[..12];
    let requests = [
        ("GET /containers/json?all=1".to_owned(), String::new()),
        (format!("GET /containers/json?all=1&filters={{\"name\":[\"{name}\"]}}"), String::new()),
        (format!("GET /containers/json?all=1&filters={{\"id\":[\"{short}\"]}}"), String::new()),
        (r#"GET /containers/json?all=1&filters={"label!":["x"]}"#.to_owned(), String::new()),
        (format!("POST /containers/create?name={name}"), create),
        (format!("POST /containers/{own}/rename?name={name}"), String::new()),
        (format!("DELETE /images/{IMAGE}"), String::new()),
        ("GET /images/json?manifests=1".to_owned(), String::new()),
        (format!("GET /images/{IMAGE}/json?manifests=1"), String::new()),
        ("GET /networks".to_owned(), String::new()),
        ("GET /v1.27/networks".to_owned(), String::new()),
        ("GET /networks/bridge".to_owned(), String::new()),
        ("GET /volumes".to_owned(), String::new()),
        ("GET /system/df".to_owned(), String::new()),
        ("GET /info".to_owned(), String::new()),
        ("GET /events?since=1&until=1".to_owned(), String::new()),
        (format!("GET /containers/{short}/json"), String::new()),
        (format!("GET /containers/{}/json", &id[..1]), String::new()),
        (format!("GET /containers/{own}/../{name}/json"), String::new()),
        (format!("GET /containers/%2e%2e/containers/{name}/json"), String::new()),
        (format!("GET /containers/%2f{name}/json"), String::new()),
        (format!("GET //containers/{name}/json"), String::new()),
        (format!("GET /v1.41./containers/{name}/json"), String::new()),
        (format!("GET /containers/{name}/json/json"), String::new()),
        (format!("GET /Containers/{name}/json"), String::new()),
        (format!("POST /commit?container={name}&container={own}"), String::new()),
        (format!("POST /commit?container={own}&container={name}"), String::new()),
        (format!("POST /commit?%63ontainer={name}"), String::new()),
        (format!("POST /containers/{own}/exec;x=/{name}"), "{}".to_owned()),
        ("GET /libpod/containers/json".to_owned(), String::new()),
        ("GET /v5.0.0/libpod/containers/json".to_owned(), String::new()),
        ("GET /debug/vars".to_owned(), String::new()),
        ("GET /tasks".to_owned(), String::new()),
    ];
    for (request, body) in &requests {
        let (status, answer) = town.own.ask(request, body);
        let echoes = request.contains(&id[..12]);
        if !(echoes && status == 404) {
            secrets.check(request, &answer);
        }
    }
    assert_eq!(town.inspected(name, "{{.State.Running}}"), "true");
}

#[test]
fn what_changes_a_target_does_not_change_another() {
    let Some(town) = Town::new() else { return };
    let secrets = Secrets::of(&town, &[]);
    let Secrets { name, id, .. } = &secrets;
    for reference in [name.as_str(), id, &id[..12], &id[..4]] {
        for action in ["stop?t=0", "kill", "restart?t=0", "pause", "start", "rename?name=x", "exec"]
        {
            let (status, answer) =
                town.own.ask(&format!("POST /containers/{reference}/{action}"), "");
            let expected = format!("No such container: {reference}");
            assert_eq!((status, message(&answer)), (404, expected), "{action}");
        }
        let (status, _) = town.own.ask(&format!("DELETE /containers/{reference}?force=1"), "");
        assert_eq!(status, 404);
    }
    let state = town.inspected(name, "{{.State.Running}} {{.State.Paused}} {{.Name}}");
    assert_eq!(state, format!("true false /{name}"));
}

#[test]
fn a_container_that_is_named_like_anothers_id_is_not_taken_for_it() {
    let Some(town) = Town::new() else { return };
    let secrets = Secrets::of(&town, &[]);
    let id = &secrets.id;
    // The owner names its own container like the other's id.
    let body = json!({ "Image": IMAGE, "Cmd": ["true"] }).to_string();
    let (status, created) = town.own.ask(&format!("POST /containers/create?name={id}"), &body);
    assert_eq!(status, 201, "{created}");
    let (status, _) = town.own.ask(&format!("GET /containers/{id}/json"), "");
    assert_eq!(status, 404, "the id is the other's");
    let (status, shown) = town.own.ask(&format!("GET /containers/{}/json", &id[..12]), "");
    assert_eq!(status, 404, "{shown}");
}

#[test]
fn of_a_shared_network_only_targets_are_shown() {
    let Some(town) = Town::new() else { return };
    let (network, own) = (unique("net"), unique("own"));
    town.own.docker(&["network", "create", &network]).success();
    let secrets = Secrets::of(&town, &["--network", &network]);
    town.start(&town.own, &own, &["--network", &network]);
    let (status, answer) = town.own.ask(&format!("GET /networks/{network}"), "");
    assert_eq!(status, 200);
    secrets.check("inspect", &answer);
    assert!(!answer.contains(&secrets.name), "{answer}");
    let shown: Value = serde_json::from_str(&answer).expect("JSON");
    let containers = shown["Containers"].as_object().expect("containers");
    assert_eq!(containers.len(), 1, "{answer}");
    // The network cannot be removed while the other exists, and the error does not say why.
    town.straight.docker(&["rm", "--force", &own]).success();
    let (status, answer) = town.own.ask(&format!("DELETE /networks/{network}"), "");
    assert_eq!(status, 403);
    assert!(message(&answer).contains("has active endpoints"), "{answer}");
    secrets.check("remove", &answer);
    assert!(!answer.contains(&secrets.name), "{answer}");
}

#[test]
fn a_volume_in_use_by_another_says_no_more() {
    let Some(town) = Town::new() else { return };
    let volume = unique("vol");
    town.own.docker(&["volume", "create", &volume]).success();
    let secrets = Secrets::of(&town, &["--volume", &format!("{volume}:/v")]);
    let (status, answer) = town.own.ask(&format!("DELETE /volumes/{volume}"), "");
    assert_eq!((status, message(&answer)), (409, "the volume is in use".to_owned()));
    secrets.check("remove", &answer);
}

#[test]
fn an_ambiguous_name_is_answered_like_a_missing_one() {
    let Some(town) = Town::new() else { return };
    // Seventeen ids have two with the same first digit.
    let mut by_digit = std::collections::BTreeMap::<char, usize>::new();
    for _ in 0..17 {
        let name = unique("own");
        let label = format!("--label={}", town.own.label);
        let id =
            town.straight.docker(&["create", &label, "--name", &name, IMAGE, "true"]).success();
        *by_digit.entry(id.chars().next().expect("an id")).or_default() += 1;
    }
    let (digit, _) = by_digit.into_iter().find(|(_, count)| *count > 1).expect("two alike");
    let (status, answer) = town.own.ask(&format!("GET /containers/{digit}/json"), "");
    assert_eq!((status, message(&answer)), (404, format!("No such container: {digit}")));
}

#[test]
fn environments_are_hidden_and_the_rest_of_an_inspection_is_the_same() {
    let Some(town) = Town::new() else { return };
    let Some(engine) = crate::support::engine::shared() else { return };
    let hiding = super::Owner::new(
        engine.socket(),
        &["-hideenv", "-deny=ContainerCreate,ContainerCreateLibpod"],
    );
    let name = unique("own");
    let create = ["run", "--detach", "--env", "PASSWORD=secret-of-mine", "--label", &hiding.label];
    let create =
        [&create[..], &["--label", "A=1", "--label", "a=2", "--name", &name, IMAGE]].concat();
    town.straight.docker(&[&create[..], &["sleep", "600"]].concat()).success();
    let (status, answer) = hiding.ask(&format!("GET /containers/{name}/json"), "");
    assert_eq!(status, 200, "{answer}");
    assert!(!answer.contains("secret-of-mine"), "{answer}");
    let (_, whole) = ask(town.straight.host(), &format!("GET /containers/{name}/json"), "");
    let mut expected: Value = serde_json::from_str(&whole).expect("JSON");
    expected["Config"]["Env"] = json!([]);
    assert_eq!(serde_json::from_str::<Value>(&answer).expect("JSON"), expected);
    for (request, body) in [
        ("GET /containers/NAME/top?ps_args=e", ""),
        ("POST /containers/NAME/exec", r#"{"Cmd":["env"]}"#),
        ("POST /containers/NAME/attach?logs=1", ""),
        ("GET /containers/NAME/archive?path=/proc/1/environ", ""),
        ("GET /containers/NAME/export", ""),
        ("POST /commit?container=NAME", ""),
        ("POST /containers/create", "{}"),
    ] {
        let (status, answer) = hiding.ask(&request.replace("NAME", &name), body);
        assert_eq!(status, 403, "{request}: {answer}");
        assert!(!answer.contains("secret-of-mine"), "{request}");
    }
    town.straight.docker(&["rm", "--force", &name]).success();
}
