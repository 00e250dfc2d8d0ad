//! Names that change hands, an Engine that restarts, and many containers.

use super::{KEY, Town, ids};
use crate::engine::routes::IMAGE;
use crate::support::engine::{Engine, skip};
use crate::support::scratch::unique;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// How often a request meets names that are being swapped.
const MEETINGS: usize = 150;

#[test]
fn a_name_that_changes_hands_between_check_and_use_leads_to_no_other_container() {
    let Some(town) = Town::new() else { return };
    let [shared, own, foreign] = ["shared", "own", "foreign"].map(unique);
    let own_id = town.start(&town.own, &shared, &[]);
    let foreign_id = town.start(&town.foreign, &foreign, &[]);
    let stop = AtomicBool::new(false);
    let host = town.straight.host();
    let (mut seen, mut missed) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let rename = |id: &str, name: &str| {
                super::ask(host, &format!("POST /containers/{id}/rename?name={name}"), "");
            };
            while !stop.load(Ordering::Relaxed) {
                rename(&own_id, &own);
                rename(&foreign_id, &shared);
                rename(&foreign_id, &foreign);
                rename(&own_id, &shared);
            }
        });
        for meeting in 0..MEETINGS {
            let action = ["json", "top", "changes"][meeting % 3];
            let (status, answer) = town.own.ask(&format!("GET /containers/{shared}/{action}"), "");
            match status {
                200 => seen += 1,
                404 => missed += 1,
                other => panic!("{other} {answer}"),
            }
            assert!(!answer.contains(&foreign_id), "{answer}");
            if action == "json" && status == 200 {
                let shown: Value = serde_json::from_str(&answer).expect("JSON");
                assert_eq!(shown["Id"], json!(own_id));
            }
            if meeting % 5 == 0 {
                let (status, answer) =
                    town.own.ask(&format!("POST /containers/{shared}/pause"), "");
                assert!(matches!(status, 204 | 404), "{status} {answer}");
                let unpause = format!("POST /containers/{own_id}/unpause");
                super::ask(host, &unpause, "");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(seen > 0 && missed > 0, "the names were not swapped: {seen} {missed}");
    assert_eq!(town.inspected(&foreign_id, "{{.State.Paused}}"), "false");
}

#[test]
fn a_container_that_another_owner_made_under_the_same_name_is_not_found() {
    let Some(town) = Town::new() else { return };
    let name = unique("same");
    town.start(&town.own, &name, &[]);
    assert_eq!(town.own.ask(&format!("GET /containers/{name}/json"), "").0, 200);
    town.straight.docker(&["rm", "--force", &name]).success();
    town.start(&town.foreign, &name, &[]);
    assert_eq!(town.own.ask(&format!("GET /containers/{name}/json"), "").0, 404);
    assert_eq!(town.foreign.ask(&format!("GET /containers/{name}/json"), "").0, 200);
    let other = unique("renamed");
    town.foreign.docker(&["rename", &name, &other]).success();
    assert_eq!(town.foreign.ask(&format!("GET /containers/{name}/json"), "").0, 404);
    town.start(&town.own, &name, &[]);
    assert_eq!(town.own.ask(&format!("GET /containers/{name}/json"), "").0, 200);
}

#[test]
fn targets_are_the_same_after_a_restart_of_the_engine() {
    // Only an Engine of our own can be restarted.
    let mut engine = match Engine::start() {
        Ok(engine) => engine,
        Err(reason) => return skip(&reason),
    };
    let town = Town::at(engine.socket());
    let (own, foreign) = (unique("own"), unique("foreign"));
    let id = town.start(&town.own, &own, &["--restart", "always"]);
    town.start(&town.foreign, &foreign, &[]);
    let seen = || ids(&town.own.ask("GET /containers/json?all=1", "").1);
    assert_eq!(seen().len(), 1);
    engine.restart();
    assert_eq!(seen(), [id]);
    town.own.docker(&["inspect", &own]).success();
    assert_ne!(town.own.docker(&["inspect", "--type", "container", &foreign]).code, Some(0));
}

#[test]
fn of_five_hundred_containers_each_owner_sees_its_own() {
    const CONTAINERS: usize = 500;
    let Some(town) = Town::new() else { return };
    let value =
        |owner: &super::Owner| owner.label.trim_start_matches(&format!("{KEY}=")).to_owned();
    let mut own = Vec::new();
    for number in 0..CONTAINERS {
        let owner = if number % 5 == 0 { &town.own } else { &town.foreign };
        let body =
            json!({ "Image": IMAGE, "Cmd": ["true"], "Labels": { KEY: value(owner) } }).to_string();
        let (status, answer) = town.ask("POST /containers/create", &body);
        assert_eq!(status, 201, "{answer}");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let id = answer["Id"].as_str().expect("an id").to_owned();
        if number % 5 == 0 {
            own.push(id);
        }
    }
    own.sort();
    assert_eq!(ids(&town.own.ask("GET /containers/json?all=1", "").1), own);
    assert_eq!(
        ids(&town.foreign.ask("GET /containers/json?all=1", "").1).len(),
        CONTAINERS * 4 / 5
    );
    for id in own.iter().step_by(10) {
        assert_eq!(town.own.ask(&format!("GET /containers/{id}/json"), "").0, 200);
        assert_eq!(town.foreign.ask(&format!("GET /containers/{id}/json"), "").0, 404);
    }
    assert_eq!(town.own.ask("POST /containers/prune", "").0, 200);
    assert_eq!(ids(&town.own.ask("GET /containers/json?all=1", "").1), [""; 0]);
    assert_eq!(town.foreign.ask("POST /containers/prune", "").0, 200);
}
