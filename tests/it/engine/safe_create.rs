//! `-safecreate` against real Engines: every container, volume, network and service
//! that is created through the proxy is ordinary, for any body.
//!
//! The Engine decides the meaning of a body. Bodies are built from a table (see
//! `safe_bodies.rs`), sent through the proxy, and the created objects are inspected;
//! containers are started as well. `SOCKET_PROXY_LONG=1` tries every value in every
//! spelling; `SOCKET_PROXY_SEED` repeats a run.

use super::api::{Answer, Api};
use super::safe_inside::{REPORT, Report};
use super::safe_oracle as oracle;
use super::safe_stand::{Look, Stand, Subject};
use crate::support::engine::{self, Engine, skip};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::time::Duration;

/// For bodies of containers; the others take a fifth each.
const TIME: Duration = Duration::from_secs(8);

/// Containers: inspected, started, and removed.
fn containers(stand: &Stand) -> Subject<'_> {
    let command = format!("[\"sh\",\"-c\",{}]", Value::from(REPORT));
    let base = [("Image", "\"busybox:latest\""), ("Cmd", &command)];
    Subject::new(stand, "ContainerCreate", "/containers/create", &base, |answer, look| {
        let id = answer.json()["Id"].as_str().filter(|_| answer.status == 201)?.to_owned();
        let faults = of_container(stand, &id, look);
        remove(&stand.engine, &format!("/containers/{id}?force=1&v=1"));
        Some(faults)
    })
}

fn of_container(stand: &Stand, id: &str, look: Look) -> Vec<String> {
    let mut faults = oracle::of_container(&stand.engine, id);
    let report = (look == Look::Inside).then(|| Report::of(&stand.engine, id)).flatten();
    faults.extend(report.iter().flat_map(|it| it.faults(&stand.ordinary, &stand.host)));
    faults
}

fn remove(engine: &Api, path: &str) {
    let removed = engine.call("DELETE", path, "");
    assert!(matches!(removed.status, 200 | 204), "{}", removed.text);
}

#[test]
fn no_spelling_of_any_value_creates_more_than_an_ordinary_container() {
    let Some(engine) = engine::shared() else { return };
    containers(&Stand::new(engine, &[])).check_spellings(TIME);
}

#[test]
fn the_judge_of_containers_sees_every_danger_that_an_engine_takes() {
    let Some(engine) = engine::shared() else { return };
    // Not known to Engine 20.10, and the default of cgroup v1.
    let but = ["HostConfig.Annotations", "HostConfig.Cgroup", "HostConfig.CgroupnsMode"];
    containers(&Stand::new(engine, &[])).check_judge(18, &but);
}

#[test]
fn containers_of_ordinary_values_pass() {
    let Some(engine) = engine::shared() else { return };
    containers(&Stand::new(engine, &[])).check_ordinary(3);
}

/// An ordinary container.
fn created(engine: &Api) -> String {
    let body = json!({"Image": "busybox:latest", "Cmd": ["sh", "-c", REPORT]}).to_string();
    let created = engine.post("/containers/create", &body);
    created.json()["Id"].as_str().expect("a container").to_owned()
}

#[test]
fn updates_give_a_container_no_more() {
    let Some(engine) = engine::shared() else { return };
    let stand = Stand::new(engine, &[]);
    let id = created(&stand.engine);
    let path = format!("/containers/{id}/update");
    let subject = Subject::new(&stand, "ContainerUpdate", &path, &[], |answer, _| {
        (answer.status == 200).then(|| oracle::of_container(&stand.engine, &id))
    });
    subject.check_ordinary(2);
    subject.check_spellings(TIME / 5);
    drop(subject);
    remove(&stand.engine, &format!("/containers/{id}?force=1"));
}

/// Whether this Engine still does. If so, the judge of containers has to see it.
fn takes_bodies_of_starts(stand: &Stand) -> bool {
    let id = created(&stand.engine);
    let path = format!("/v1.23/containers/{id}/start");
    let started = stand.engine.post(&path, r#"{"PidMode":"host","Binds":["/:/h"]}"#);
    let is_gone = started.status == 400 && started.text.contains("too old");
    assert!(is_gone || started.status == 204, "{}", started.text);
    let faults = of_container(stand, &id, Look::Inside).join("\n");
    for fault in ["PidMode: ", "mount: ", "Binds: ", "ns:pid of the host"] {
        assert!(is_gone != faults.contains(fault), "{fault:?}: {faults}");
    }
    remove(&stand.engine, &format!("/containers/{id}?force=1"));
    !is_gone
}

/// Up to API 1.23, which Engine 24 and older serve, the start has the fields that are in
/// the `HostConfig` of a create.
#[test]
fn starts_with_a_body_give_a_container_no_more() {
    let Some(engine) = engine::shared() else { return };
    let stand = Stand::new(engine, &[]);
    if !takes_bodies_of_starts(&stand) {
        return;
    }
    let id = RefCell::new(String::new());
    let judge = |answer: &Answer, look| {
        if answer.is_refusal() {
            return None;
        }
        let id = id.take();
        // A start that fails may leave its fields in the container, for the next start.
        let path = format!("/containers/{id}/start");
        let starts = answer.status == 204 || stand.engine.post(&path, "").status == 204;
        let faults = starts.then(|| of_container(&stand, &id, look));
        remove(&stand.engine, &format!("/containers/{id}?force=1&v=1"));
        faults
    };
    let subject = Subject::new(&stand, "ContainerStart", "", &[], judge)
        .with_fields_of("ContainerCreate", "HostConfig.")
        .at(|| {
            if id.borrow().is_empty() {
                id.replace(created(&stand.engine));
            }
            format!("/v1.23/containers/{}/start", id.borrow())
        });
    subject.check_ordinary(1);
    subject.check_spellings(TIME / 2);
    drop(subject);
    let id = id.take();
    if !id.is_empty() {
        remove(&stand.engine, &format!("/containers/{id}?force=1"));
    }
}

#[test]
fn commands_in_containers_have_no_privileges() {
    let Some(engine) = engine::shared() else { return };
    let stand = Stand::new(engine, &[]);
    let path = format!("/containers/{}/exec", stand.other.name);
    let base = [("Cmd", "[\"true\"]")];
    let subject = Subject::new(&stand, "ContainerExec", &path, &base, |answer, _| {
        let id = answer.json()["Id"].as_str().filter(|_| answer.status == 201)?.to_owned();
        let exec = stand.engine.get(&format!("/exec/{id}/json"));
        let is_privileged = exec["ProcessConfig"]["privileged"] == true;
        Some(if is_privileged { vec![exec.to_string()] } else { vec![] })
    });
    subject.check_judge(1, &[]);
    subject.check_ordinary(2);
    subject.check_spellings(TIME / 5);
}

#[test]
fn volumes_are_directories_of_the_engine() {
    let Some(engine) = engine::shared() else { return };
    let stand = Stand::new(engine, &[]);
    let base = [("Name", "\"@unique@\"")];
    let subject = Subject::new(&stand, "VolumeCreate", "/volumes/create", &base, |answer, _| {
        let name = answer.json()["Name"].as_str().filter(|_| answer.status == 201)?.to_owned();
        let volume = stand.engine.get(&format!("/volumes/{name}"));
        remove(&stand.engine, &format!("/volumes/{name}?force=1"));
        Some(oracle::of_volume(&volume).into_iter().collect())
    });
    subject.check_judge(1, &[]);
    subject.check_ordinary(2);
    subject.check_spellings(TIME / 5);
}

#[test]
fn networks_are_bridges_with_private_subnets() {
    let Some(engine) = engine::shared() else { return };
    let stand = Stand::new(engine, &[]);
    let base = [("Name", "\"@unique@\"")];
    let subject = Subject::new(&stand, "NetworkCreate", "/networks/create", &base, |answer, _| {
        let id = answer.json()["Id"].as_str().filter(|_| answer.status == 201)?.to_owned();
        let network = stand.engine.get(&format!("/networks/{id}"));
        remove(&stand.engine, &format!("/networks/{id}"));
        Some(oracle::of_network(&network))
    });
    subject.check_judge(3, &[]);
    subject.check_ordinary(2);
    subject.check_spellings(TIME / 5);
}

#[test]
fn connections_to_networks_give_a_container_no_more() {
    let Some(engine) = engine::shared() else { return };
    let stand = Stand::new(engine, &[]);
    let id = created(&stand.engine);
    let container = json!(id).to_string();
    let path = format!("/networks/{}", stand.name_of("@network@"));
    let judge = |answer: &Answer, _| {
        (answer.status == 200).then(|| {
            let faults = oracle::of_container(&stand.engine, &id);
            let leave = json!({"Container": id, "Force": true}).to_string();
            let left = stand.engine.post(&format!("{path}/disconnect"), &leave);
            assert_eq!(left.status, 200, "{}", left.text);
            faults
        })
    };
    let base = [("Container", container.as_str())];
    let subject = Subject::new(&stand, "NetworkConnect", &format!("{path}/connect"), &base, judge);
    subject.check_judge(1, &[]);
    subject.check_ordinary(2);
    subject.check_spellings(TIME / 5);
    drop(subject);
    remove(&stand.engine, &format!("/containers/{id}?force=1"));
}

/// Members that a service needs, beside its name.
const SERVICE: [(&str, &str); 2] = [
    ("Mode", r#"{"Replicated":{"Replicas":0}}"#),
    ("TaskTemplate.ContainerSpec.Image", "\"busybox:latest\""),
];

/// An Engine of its own that is a swarm.
pub(super) fn swarm() -> Option<Engine> {
    let engine = match Engine::start() {
        Ok(engine) => engine,
        Err(reason) => {
            skip(&reason);
            return None;
        }
    };
    let init = json!({"ListenAddr": "127.0.0.1:0", "AdvertiseAddr": "127.0.0.1"}).to_string();
    let answer = Api::straight(engine.socket()).post("/swarm/init", &init);
    assert_eq!(answer.status, 200, "{}", answer.text);
    Some(engine)
}

#[test]
fn services_have_ordinary_containers() {
    let Some(engine) = swarm() else { return };
    let stand = Stand::new(&engine, &["-safecreateallow=services"]);
    let base = [("Name", "\"@unique@\""), SERVICE[0], SERVICE[1]];
    let judge = |answer: &Answer, _| {
        let made = answer.status == 201 || answer.status == 200;
        let json = answer.json();
        let id = json["ID"].as_str().or(json["Id"].as_str()).filter(|_| made)?.to_owned();
        let service = stand.engine.get(&format!("/services/{id}"));
        remove(&stand.engine, &format!("/services/{id}"));
        Some(oracle::of_service(&service))
    };
    let subject = Subject::new(&stand, "ServiceCreate", "/services/create", &base, judge);
    check_services(&subject, &subject);
}

/// A service that is updated again and again: its specification is replaced as a whole.
#[test]
fn updated_services_have_ordinary_containers() {
    let Some(engine) = swarm() else { return };
    let stand = Stand::new(&engine, &["-safecreateallow=services"]);
    // Some fields of a service cannot be changed any more once they are set.
    check_services(&updates(&stand, "judged"), &updates(&stand, "updated"));
}

/// The updates of a service that is made for them.
fn updates<'s>(stand: &'s Stand, name: &'s str) -> Subject<'s> {
    let name_json = json!(name).to_string();
    let base = [("Name", name_json.as_str()), SERVICE[0], SERVICE[1]];
    let spec = json!({
        "Name": name,
        "Mode": {"Replicated": {"Replicas": 0}},
        "TaskTemplate": {"ContainerSpec": {"Image": "busybox:latest"}},
    });
    let created = stand.engine.post("/services/create", &spec.to_string());
    assert!(matches!(created.status, 200 | 201), "{}", created.text);
    let service = move || stand.engine.get(&format!("/services/{name}"));
    let judge =
        move |answer: &Answer, _| (answer.status == 200).then(|| oracle::of_service(&service()));
    Subject::new(stand, "ServiceUpdate", "", &base, judge)
        .with_fields_of("ServiceCreate", "")
        .at(move || format!("/services/{name}/update?version={}", service()["Version"]["Index"]))
}

fn check_services(judged: &Subject, subject: &Subject) {
    // Not known to Engine 20.10, or ignored without `Runtime`.
    let container =
        ["Privileges", "OomScoreAdj"].map(|it| format!("TaskTemplate.ContainerSpec.{it}"));
    let task = ["PluginSpec", "NetworkAttachmentSpec"].map(|it| format!("TaskTemplate.{it}"));
    let but: Vec<_> = container.iter().chain(&task).map(String::as_str).collect();
    judged.check_judge(5, &but);
    subject.check_ordinary(2);
    subject.check_spellings(TIME / 5);
}
