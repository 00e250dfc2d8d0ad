//! The outcome of requests under `-targetlabel`, in a small world of things.

mod bodies;
mod queries;

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
                let message = denial.message(&Source::default(), &request, "c");
                let asked = facts.into_iter().map(|(question, _)| question).collect();
                return (asked, Err(format!("{} {message}", denial.status())));
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
