//! The targets, filters and arguments that a request's query names.

use super::*;

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
