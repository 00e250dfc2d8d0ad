//! The outcome of requests under `-targetlabel`, in a small world of things.

use super::*;
use crate::api::Targeting;
use crate::filter::rules::Draft;
use crate::filter::{
    BodyRules, ClientAllowlist, InForce, Policy, Source, Standing, Verdict, judge,
};
use crate::http1::{FieldStorage, Request};

const OWN: &str = "0a00000000000000000000000000000000000000000000000000000000000001";
const FOREIGN: &str = "0b00000000000000000000000000000000000000000000000000000000000002";
const NET: &str = "1a00000000000000000000000000000000000000000000000000000000000003";
const FOREIGN_NET: &str = "1b00000000000000000000000000000000000000000000000000000000000004";
const EXEC: &str = "2a00000000000000000000000000000000000000000000000000000000000005";

/// The daemon of the tests.
fn answer(question: &Question) -> Fact {
    let Question::Thing(kind, reference) = question else {
        return Fact::Members(vec![OWN.to_owned()]);
    };
    use TargetKind::{Container, Exec, Network, Volume};
    let reference = reference.strip_prefix('/').unwrap_or(reference);
    let (id, name, value) = match (kind, reference) {
        (Container, OWN | "own" | "0a" | "other/link") => (OWN, "own", "web"),
        (Container, FOREIGN | "foreign" | "0b") => (FOREIGN, "foreign", "db"),
        (Exec, EXEC) => (EXEC, "own", "web"),
        (Exec, "foreign") => ("foreign", "foreign", "db"),
        (Network, NET | "net" | "1a") => (NET, "net", "web"),
        (Network, "1c") => ("1c", "container:foreign", "web"),
        (Network, "1d") => ("1d", FOREIGN_NET, "web"),
        (Network, FOREIGN_NET | "foreign") => (FOREIGN_NET, "foreign", "db"),
        (Volume, "vol") => ("vol", "vol", "web"),
        (Volume, "foreign") => ("foreign", "foreign", "db"),
        _ => return Fact::Missing,
    };
    let labels = vec![("project".to_owned(), value.to_owned())];
    Fact::Found(Found { id: id.to_owned(), name: name.to_owned(), labels })
}

fn rules(labels: &[&str], hides_env: bool) -> TargetRules {
    TargetRules {
        labels: labels
            .iter()
            .map(|text| TargetLabel::parse(text, "-targetlabel").unwrap())
            .collect(),
        hides_env: hides_env.then(|| "-hideenv".to_owned()),
    }
}

/// The bytes that are sent for a request, or the status and reason of its refusal.
fn outcome(
    targets: &TargetRules,
    head: &str,
    body: &str,
) -> (Vec<Question>, Result<String, String>) {
    let mut draft = Draft::new(1 << 20);
    for method in crate::http1::Method::ALL {
        let rule = crate::filter::rules::Rule { written: ".*".into(), origin: "test".into() };
        draft.add(method, rule).unwrap();
    }
    let policy = Policy::new(
        Source::default(),
        ClientAllowlist::default(),
        draft.compile().unwrap(),
        BodyRules::default(),
        targets.clone(),
    );
    let length = match body.is_empty() {
        true => String::new(),
        false => format!("Content-Length: {}\r\n", body.len()),
    };
    let head = format!("{head} HTTP/1.1\r\nHost: d\r\n{length}Accept-Encoding: gzip\r\n\r\n");
    let mut storage = FieldStorage::new();
    let request = Request::parse(head.as_bytes(), &mut storage).unwrap();
    let in_force = InForce { policy: &policy, listener: &policy, learning: None };
    let mut verdict = judge(in_force, &request, Standing::Admitted);
    let mut facts = Facts::new();
    loop {
        verdict = match verdict {
            Verdict::Allowed(permit) => {
                let mut sent = Vec::new();
                permit.print(&mut sent);
                let sent = String::from_utf8(sent).unwrap();
                let asked = facts.into_iter().map(|(question, _)| question).collect();
                return (asked, Ok(sent));
            }
            Verdict::BodyNeeded(pending) => pending.judge_body(body.as_bytes().to_vec()),
            Verdict::SearchNeeded(search, questions) => {
                facts.extend(questions.into_iter().map(|q| (q.clone(), answer(&q))));
                search.go_on(&facts).into()
            }
            Verdict::Denied(denial) => {
                let reply = denial.reply(&Source::default(), &request, "c");
                let asked = facts.into_iter().map(|(question, _)| question).collect();
                return (asked, Err(format!("{} {}", reply.status, reply.message)));
            }
            Verdict::Moved => return (Vec::new(), Err("301".to_owned())),
        };
    }
}

/// The target that is sent, decoded, or the refusal.
fn target(line: &str) -> String {
    let sent = outcome(&rules(&["project=web"], false), line, "").1;
    match sent {
        Err(refusal) => refusal,
        Ok(sent) => {
            let target = sent.split(' ').nth(1).unwrap().to_owned();
            String::from_utf8(crate::text::percent::decode(&target).unwrap()).unwrap()
        }
    }
}

/// The body that is sent, or the refusal.
fn body(line: &str, body: &str) -> String {
    let (_, sent) = outcome(&rules(&["project=web"], false), line, body);
    sent.map_or_else(|refusal| refusal, |sent| sent.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[test]
fn a_name_in_a_path_becomes_the_id_of_a_target() {
    let own = |line: &str, sent: &str| assert_eq!(target(line), sent.replace("OWN", OWN));
    own("GET /containers/own/json?size=1", "/containers/OWN/json?size=1");
    own("GET /v1.51/containers/0a/logs?follow=1", "/v1.51/containers/OWN/logs?follow=1");
    own(&format!("DELETE /containers/{OWN}?v=1"), "/containers/OWN?v=1");
    own("POST /containers/other/link/start", "/containers/OWN/start");
    own("GET /containers/own/attach/ws", "/containers/OWN/attach/ws");
    own("HEAD /containers/own/archive?path=/", "/containers/OWN/archive?path=/");
    assert_eq!(target(&format!("POST /exec/{EXEC}/start")), format!("/exec/{EXEC}/start"));
    assert_eq!(target("GET /networks/1a?verbose=1"), format!("/networks/{NET}?verbose=1"));
    assert_eq!(target("DELETE /networks/net"), format!("/networks/{NET}"));
    assert_eq!(target("GET /volumes/vol"), "/volumes/vol");
}

#[test]
fn foreign_and_missing_targets_are_answered_alike_in_the_daemons_words() {
    for name in ["foreign", "nope", "0c", "a/b/c"] {
        let expected = format!("404 No such container: {name}");
        assert_eq!(target(&format!("GET /containers/{name}/json")), expected);
        assert_eq!(target(&format!("POST /v1.41/containers/{name}/kill?signal=9")), expected);
        assert_eq!(target(&format!("POST /commit?container={name}")), expected);
        assert_eq!(
            target(&format!("GET /networks/{name}")),
            format!("404 network {name} not found")
        );
        let expected = format!("404 get {name}: no such volume");
        assert_eq!(target(&format!("DELETE /volumes/{name}?force=1")), expected);
        let expected = format!("404 No such exec instance: {name}");
        assert_eq!(target(&format!("GET /exec/{name}/json")), expected);
    }
}

#[test]
fn one_target_costs_one_question() {
    let rules = rules(&["project=web"], false);
    let questions = |line: &str| outcome(&rules, line, "").0.len();
    assert_eq!(questions("GET /containers/own/json"), 1);
    assert_eq!(questions("GET /containers/json"), 0);
    assert_eq!(questions("GET /events"), 0);
    assert_eq!(questions("GET /_ping"), 0);
    assert_eq!(questions("GET /networks/net"), 2, "and who of its containers is a target");
    assert_eq!(questions("POST /containers/prune"), 0);
}

#[test]
fn lists_and_prunes_get_the_label_and_keep_other_filters() {
    let rows = [
        ("GET /containers/json", r#"/containers/json?filters={"label":{"project=web":true}}"#),
        (
            r#"GET /v1.51/containers/json?all=1&filters={"label":["x"],"status":["running"]}"#,
            r#"/v1.51/containers/json?all=1&filters={"label":{"x":true,"project=web":true},"status":{"running":true}}"#,
        ),
        (
            r#"GET /networks?filters={"label":{"project=db":false}}"#,
            r#"/networks?filters={"label":{"project=db":false,"project=web":true}}"#,
        ),
        (
            r#"GET /networks?filters={"label":{"project=web":false},"dangling":{"true":false}}"#,
            r#"/networks?filters={"label":{"project=web":true},"dangling":{"true":false}}"#,
        ),
        (
            r#"GET /networks/?filters={"label!":{"project=web":true}}"#,
            r#"/networks/?filters={"label!":{"project=web":true},"label":{"project=web":true}}"#,
        ),
        (
            r#"GET /volumes?filters=&filters={"label":["x"]}"#,
            r#"/volumes?filters={"label":{"project=web":true}}"#,
        ),
        (
            "POST /volumes/prune?filters=null",
            r#"/volumes/prune?filters={"label":{"project=web":true}}"#,
        ),
        (
            r#"GET /containers/json?%66ilters=%7B%22name%22%3A%5B%22a%5C%22b%22%5D%7D"#,
            r#"/containers/json?filters={"name":{"a\"b":true},"label":{"project=web":true}}"#,
        ),
    ];
    for (line, sent) in rows {
        assert_eq!(target(line), sent, "{line}");
    }
}

#[test]
fn filters_of_two_readings_are_refused() {
    let rows = [
        r#"{"label":{"a":true},"label":null}"#,
        r#"{"label":["a"],"name":{"b":true}}"#,
        r#"{"label":{"a":true,"a":true}}"#,
        r#"{"label":"a"}"#,
        r#"{"label":{"a":1}}"#,
        r#"{"label":[1]}"#,
        r#"{"label":[["a"]]}"#,
        "[]",
        "{",
        "{}{}",
        r#"{"label":["\ud800"]}"#,
        "label=a",
    ];
    for filters in rows {
        let line = format!("GET /containers/json?filters={filters}");
        assert!(target(&line).starts_with("400 "), "{filters}: {}", target(&line));
    }
    assert!(target("GET /containers/json?a;filters={}").starts_with("400 "));
    assert!(target("GET /containers/json?filters=%zz").starts_with("400 "));
}

#[test]
fn before_and_since_name_targets() {
    let list = |filters: &str| target(&format!("GET /containers/json?filters={filters}"));
    assert!(list(r#"{"before":["own"]}"#).contains(&format!(r#""before":{{"{OWN}":true}}"#)));
    assert_eq!(list(r#"{"before":["foreign"]}"#), "404 No such container: foreign");
    assert_eq!(list(r#"{"since":{"nope":true}}"#), "404 No such container: nope");
    assert_eq!(target("GET /containers/json?since=foreign"), "404 No such container: foreign");
}

#[test]
fn events_are_those_of_containers() {
    let events = |query: &str| target(&format!("GET /events{query}"));
    let label = r#""label":{"project=web":true}"#;
    assert_eq!(events(""), format!(r#"/events?filters={{"type":{{"container":true}},{label}}}"#));
    assert_eq!(
        events(r#"?since=1&filters={"type":["network","container"],"event":["die"]}"#),
        format!(
            r#"/events?since=1&filters={{"event":{{"die":true}},"type":{{"container":true}},{label}}}"#
        )
    );
    for types in [r#"{"type":["network"]}"#, r#"{"type":{"image":true}}"#] {
        let expected = format!(r#"/events?filters={{"type":{{"none":true}},{label}}}"#);
        assert_eq!(events(&format!("?filters={types}")), expected);
    }
}

#[test]
fn operations_that_cannot_be_limited_and_unknown_ones_are_refused() {
    for line in [
        "GET /system/df",
        "POST /swarm/init",
        "GET /services",
        "GET /tasks/a",
        "GET /secrets",
        "GET /plugins",
        "POST /containers/own/checkpoints",
        "DELETE /containers/own/checkpoints/a",
        "PUT /volumes/vol",
        "GET /v5.0.0/libpod/containers/json",
        "GET /debug/vars",
        "GET /v1.27/networks",
        "GET /v1.51./containers/json",
        "GET /v1.51.1/containers/json",
        "GET /v1/containers/json",
        "GET /x/containers/json",
        "GET /containers/own/unknown",
        "POST /v9.9/unknown",
    ] {
        assert!(target(line).starts_with("403 "), "{line}: {}", target(line));
    }
    for line in ["GET /_ping", "GET /version", "GET /info", "GET /images/json", "POST /auth"] {
        assert_eq!(target(line), line.split(' ').nth(1).unwrap());
    }
    assert_eq!(target("GET /v1.28/networks").split('?').next(), Some("/v1.28/networks"));
}

#[test]
fn images_are_not_asked_who_uses_them() {
    assert_eq!(target("GET /images/json?manifests=1&all=1"), "/images/json?all=1");
    assert_eq!(target("GET /images/a/b/json?manifests=true"), "/images/a/b/json");
}

#[test]
fn a_build_uses_networks_of_targets_or_of_nobody() {
    assert_eq!(target("POST /build?networkmode=net"), format!("/build?networkmode={NET}"));
    let expected = format!("/build?networkmode=container:{OWN}");
    assert_eq!(target("POST /build?networkmode=container:own"), expected);
    assert_eq!(target("POST /build?networkmode=none"), "/build?networkmode=none");
    assert_eq!(target("POST /build?networkmode=foreign"), "400 network foreign not found");
}

#[test]
fn created_things_get_the_label_and_no_other_value_of_it() {
    let network = body("POST /networks/create", r#"{"Name":"x"}"#);
    assert_eq!(network, r#"{"Name":"x","Labels":{"project":"web"},"CheckDuplicate":true}"#);
    let volume = body("POST /volumes/create", r#"{"Labels":{"a":"b","project":"web"}}"#);
    assert_eq!(volume, r#"{"Labels":{"a":"b","project":"web"}}"#);
    let created = body("POST /containers/create", r#"{"Image":"a","Labels":null}"#);
    assert_eq!(created, r#"{"Image":"a","Labels":{"project":"web"}}"#);
    for line in ["POST /containers/create", "POST /networks/create", "POST /volumes/create"] {
        for given in [
            r#"{"Labels":{"project":"db"}}"#,
            r#"{"Labels":{"project":""}}"#,
            r#"{"Labels":{"project":null}}"#,
            r#"{"labels":{}}"#,
            r#"{"Label_s":{}}"#,
            r#"{"Labels":[]}"#,
        ] {
            assert!(body(line, given).starts_with("403 "), "{line} {given}: {}", body(line, given));
        }
        for given in ["[]", "{", "", r#"{"Labels":{},"Labels":{}}"#] {
            assert!(body(line, given).starts_with("400 "), "{line} {given}: {}", body(line, given));
        }
    }
}

#[test]
fn a_volume_of_a_foreign_name_is_a_conflict() {
    let create = |name: &str| body("POST /volumes/create", &format!(r#"{{"Name":"{name}"}}"#));
    assert!(create("foreign").starts_with("409 "));
    assert!(create("new").contains(r#""project":"web""#));
    assert!(create("vol").contains(r#""project":"web""#));
}

#[test]
fn references_in_a_container_become_ids() {
    let rows = [
        (r#"{"PidMode":"container:own"}"#, r#"{"PidMode":"container:OWN"}"#),
        (r#"{"IpcMode":"container:/own"}"#, r#"{"IpcMode":"container:OWN"}"#),
        (r#"{"NetworkMode":"container:0a"}"#, r#"{"NetworkMode":"container:OWN"}"#),
        (r#"{"VolumesFrom":["own","own:ro"]}"#, r#"{"VolumesFrom":["OWN","OWN:ro"]}"#),
        (
            r#"{"Links":["own","own:a","/own:/other/db"]}"#,
            r#"{"Links":["OWN:own","OWN:a","OWN:db"]}"#,
        ),
        (r#"{"Binds":["/srv:/a","vol:/b:ro","/c"]}"#, r#"{"Binds":["/srv:/a","vol:/b:ro","/c"]}"#),
        (
            r#"{"Mounts":[{"Type":"volume","Source":"vol"}]}"#,
            r#"{"Mounts":[{"Type":"volume","Source":"vol","VolumeOptions":{"Labels":{"project":"web"}}}]}"#,
        ),
        (
            r#"{"NetworkMode":"host","PidMode":"host"}"#,
            r#"{"NetworkMode":"host","PidMode":"host"}"#,
        ),
    ];
    for (given, sent) in rows {
        let expected =
            format!(r#"{{"HostConfig":{sent},"Labels":{{"project":"web"}}}}"#).replace("OWN", OWN);
        let given = format!(r#"{{"HostConfig":{given}}}"#);
        assert_eq!(body("POST /containers/create", &given), expected, "{given}");
    }
}

#[test]
fn networks_are_pinned_by_their_ids() {
    let endpoints = |given: &str| body("POST /containers/create", given);
    let pinned = format!(
        r#"{{"HostConfig":{{"NetworkMode":"net"}},"Labels":{{"project":"web"}},"NetworkingConfig":{{"EndpointsConfig":{{"net":{{"NetworkID":"{NET}"}}}}}}}}"#
    );
    for mode in ["net", "1a", NET] {
        let given = format!(r#"{{"HostConfig":{{"NetworkMode":"{mode}"}}}}"#);
        assert_eq!(endpoints(&given), pinned);
    }
    for endpoint in ["null", "{}", r#"{"NetworkID":""}"#, r#"{"NetworkID":"net"}"#] {
        let given = format!(r#"{{"NetworkingConfig":{{"EndpointsConfig":{{"1a":{endpoint}}}}}}}"#);
        let expected = format!(
            r#"{{"NetworkingConfig":{{"EndpointsConfig":{{"net":{{"NetworkID":"{NET}"}}}}}},"Labels":{{"project":"web"}}}}"#
        );
        assert_eq!(endpoints(&given), expected);
    }
    let links = r#"{"NetworkingConfig":{"EndpointsConfig":{"net":{"Links":["own:a"]}}}}"#;
    assert!(endpoints(links).contains(&format!(r#""Links":["{}:a"]"#, &OWN[..12])));
    let open = r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"NetworkID":"x","A":1}}}}"#;
    assert!(endpoints(open).contains(r#"{"bridge":{"A":1}}"#));
}

#[test]
fn a_network_whose_name_reads_as_something_else_is_not_joined() {
    // Its owner may call it like a mode, or like the id of a foreign one.
    for network in ["1c", "1d"] {
        for given in [
            format!(r#"{{"HostConfig":{{"NetworkMode":"{network}"}}}}"#),
            format!(r#"{{"NetworkMode":"{network}"}}"#),
            format!(r#"{{"NetworkingConfig":{{"EndpointsConfig":{{"{network}":{{}}}}}}}}"#),
        ] {
            let refusal = body("POST /containers/create", &given);
            assert!(refusal.starts_with("403 "), "{given}: {refusal}");
            assert!(refusal.contains("is read as a mode or as an id"), "{given}: {refusal}");
        }
    }
}

#[test]
fn processes_are_listed_by_the_column_of_their_ids_alone() {
    let top = |arguments: &str| target(&format!("GET /containers/own/top?ps_args={arguments}"));
    for plain in ["", "-ef", "aux", "auxww", "-eo%20pid,comm", "-o+pid,user,%25cpu", "axo%20pid"] {
        let sent = top(plain);
        assert!(sent.starts_with(&format!("/containers/{OWN}/top")), "{plain}: {sent}");
    }
    for other in [
        "-oetimes=PID%20-oargs%20-e",
        "-eo%20args,pid",
        "-eo%20pid=X,args",
        "-eo%20pid,args=PID",
        "-eo%20pid,args%20m",
        "-eo%20ppid,pid",
        "-eo%20pid,",
        "-eo%09args,pid",
        "aux%20--help",
        "aux%0b",
        "m",
    ] {
        assert!(top(other).starts_with("400 "), "{other}: {}", top(other));
    }
    let twice = target("GET /containers/own/top?ps_args=aux&PS_ARGS=m");
    assert!(twice.starts_with("400 "), "{twice}");
}

#[test]
fn a_start_from_a_checkpoint_is_refused() {
    for query in ["checkpoint=a", "checkpoint-dir=/x", "Checkpoint=a", "detachKeys=a&checkpoint=a"]
    {
        let refusal = target(&format!("POST /containers/own/start?{query}"));
        assert!(refusal.starts_with("400 "), "{query}: {refusal}");
    }
    let sent = format!("/containers/{OWN}/start?checkpoint=");
    assert_eq!(target("POST /containers/own/start?checkpoint="), sent);
}

#[test]
fn foreign_references_in_a_container_are_refused() {
    for given in [
        r#"{"HostConfig":{"PidMode":"container:foreign"}}"#,
        r#"{"PidMode":"container:foreign"}"#,
        r#"{"HostConfig":{"Cgroup":"container:foreign"}}"#,
        r#"{"HostConfig":{"VolumesFrom":["foreign:ro"]}}"#,
        r#"{"HostConfig":{"Links":["foreign:x"]}}"#,
        r#"{"HostConfig":{"Binds":["foreign:/x"]}}"#,
        r#"{"HostConfig":{"Binds":["new:/x"]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"foreign"}]}}"#,
        r#"{"HostConfig":{"NetworkMode":"foreign"}}"#,
        r#"{"NetworkMode":"nope"}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"foreign":{}}}}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"":{"NetworkID":"foreign"}}}}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"net":{"NetworkID":"foreign"}}}}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"net":{"Links":["foreign:x"]}}}}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"Links":["foreign:x"]}}}}"#,
    ] {
        let refusal = body("POST /containers/create", given);
        assert!(refusal.starts_with("400 "), "{given}: {refusal}");
        let missing = body("POST /containers/create", &given.replace("foreign", "nope"));
        assert_eq!(refusal.replace("foreign", "nope"), missing, "{given}");
    }
    for given in [
        r#"{"HostConfig":{"Mounts":[{"Type":"cluster","Source":"x"}]}}"#,
        r#"{"HostConfig":{"Mounts":[{"type":"volume"}]}}"#,
        r#"{"HostConfig":{"networkMode":"foreign"}}"#,
        r#"{"hostconfig":{}}"#,
        r#"{"HostConfig":{"Links":"own"}}"#,
        r#"{"HostConfig":{"Links":[null]}}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{"net":{},"1a":{}}}}"#,
        r#"{"NetworkingConfig":{"Endpoints_Config":{}}}"#,
    ] {
        let refusal = body("POST /containers/create", given);
        assert!(refusal.starts_with("403 "), "{given}: {refusal}");
    }
}

#[test]
fn a_body_with_very_many_references_is_refused() {
    let links: Vec<String> = (0..100).map(|n| format!(r#""c{n}:a""#)).collect();
    let given = format!(r#"{{"HostConfig":{{"Links":[{}]}}}}"#, links.join(","));
    assert!(body("POST /containers/create", &given).contains("names too many containers"));
}

#[test]
fn a_container_is_connected_by_ids() {
    let connect = |given: &str| body("POST /networks/net/connect", given);
    let expected = format!(r#"{{"Container":"{OWN}","EndpointConfig":{{"NetworkID":"{NET}"}}}}"#);
    assert_eq!(connect(r#"{"Container":"own"}"#), expected);
    assert_eq!(connect(r#"{"Container":"own","EndpointConfig":null}"#), expected);
    assert_eq!(connect(r#"{"Container":"foreign"}"#), "404 No such container: foreign");
    assert_eq!(connect(r#"{"Container":""}"#), "404 No such container: ");
    assert!(connect("{}").starts_with("403 "));
    let given = r#"{"Container":"own","EndpointConfig":{"NetworkID":"foreign"}}"#;
    assert_eq!(connect(given), "400 network foreign not found");
    let given = r#"{"Container":"own"}"#;
    assert_eq!(body("POST /networks/foreign/connect", given), "404 network foreign not found");
    let sent = body("POST /networks/net/disconnect", r#"{"Container":"own","Force":true}"#);
    assert_eq!(sent, format!(r#"{{"Container":"{OWN}","Force":true}}"#));
}

#[test]
fn a_start_and_a_prune_go_without_a_body() {
    let rules = rules(&["project=web"], false);
    for (given, passes) in [("", true), ("{}", true), ("null", true), (r#"{"Binds":[]}"#, false)] {
        let sent = outcome(&rules, "POST /v1.23/containers/own/start", given).1;
        match passes {
            true => assert!(sent.unwrap().contains("Content-Length: 0\r\n"), "{given}"),
            false => assert!(sent.unwrap_err().starts_with("403 "), "{given}"),
        }
    }
    let sent = outcome(&rules, "POST /containers/prune", "filters={}").1.unwrap();
    assert!(sent.ends_with("\r\n\r\n") && sent.contains("Content-Length: 0\r\n"), "{sent}");
}

#[test]
fn a_body_that_may_be_a_form_is_refused() {
    let types = [
        ("application/json", true),
        ("application/json; charset=utf-8", true),
        ("application/x-tar", true),
        ("application/x-www-form-urlencoded", false),
        ("Application/X-WWW-Form-Urlencoded ; a=b", false),
        ("\u{a0}application/x-www-form-urlencoded", false),
        ("multipart/form-data; boundary=x", false),
        ("", false),
        ("json", false),
    ];
    for (content_type, passes) in types {
        let head = format!(
            "POST /containers/own/kill HTTP/1.1\r\nHost: d\r\nContent-Type: {content_type}\r\n\r\n"
        );
        let mut storage = FieldStorage::new();
        let request = Request::parse(head.as_bytes(), &mut storage).unwrap();
        let rules = rules(&["project=web"], false);
        let plan = rules.or(&TargetRules::default()).plan(&request).map(|plan| plan.is_some());
        assert_eq!(plan.is_ok(), passes, "{content_type}: {plan:?}");
    }
}

#[test]
fn a_check_knows_what_is_refused_whatever_it_is_about() {
    let limited = rules(&["project=web"], false);
    let check = |path: &str| limited.check(Method::Get, path, None);
    assert_eq!(check("/containers/json"), Ok(true));
    assert!(check("/system/df").is_err() && check("/unknown").is_err());
    assert_eq!(TargetRules::default().check(Method::Get, "/system/df", None), Ok(false));
    let hides = rules(&[], true);
    assert_eq!(hides.check(Method::Get, "/containers/x/json", None), Ok(false));
    assert!(hides.check(Method::Get, "/containers/x/top", Some("ps_args=e")).is_err());
}

#[test]
fn own_targets_replace_those_of_the_listener_and_having_none_does_not() {
    let (own, listener) = (rules(&["a=b"], false), rules(&["c=d"], true));
    let none = TargetRules::default();
    let keys = |limits: Limits<'_>| limits.labels.iter().map(|l| l.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(own.or(&listener)), ["a"]);
    assert_eq!(own.or(&listener).hides_env, Some("-hideenv"));
    assert_eq!(keys(none.or(&listener)), ["c"]);
    assert_eq!(keys(own.or(&none)), ["a"]);
}

#[test]
fn hidden_environments_are_asked_for_without_compression() {
    let hides = rules(&[], true);
    let sent = outcome(&hides, "GET /containers/x/json", "").1.unwrap();
    assert!(!sent.contains("Accept-Encoding"), "{sent}");
    let sent = outcome(&hides, "GET /containers/json", "").1.unwrap();
    assert!(sent.contains("Accept-Encoding"), "{sent}");
    assert!(outcome(&hides, "GET /unknown", "").1.unwrap_err().starts_with("403 "));
}

#[test]
fn every_operation_of_one_target_refuses_a_foreign_one() {
    for operation in Operation::ALL {
        let facts = operation.facts();
        if !matches!(facts.targeting, Targeting::One | Targeting::Join) {
            continue;
        }
        for route in facts.routes {
            let path = route.template.as_str().replace("{id*}", "foreign");
            let path = path.replace("{name*}", "foreign");
            let is_join = facts.targeting == Targeting::Join;
            let given = if is_join { r#"{"Container":"own"}"# } else { "" };
            let refusal = body(&format!("{} {path}", route.method), given);
            assert!(refusal.starts_with("404 "), "{operation}: {refusal}");
        }
    }
}
