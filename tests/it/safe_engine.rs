//! Safe create in the Engine's tree, against bodies that a person can review.
//!
//! - `safe_engine.jsonl`: bodies of real clients and by hand; `expect` is `pass`, with the
//!   body that is sent in `sent` if it is another one, or the items that open it;
//! - `client_bodies.jsonl`: recorded bodies, all of which an operator can allow;
//! - `create_bodies.jsonl`: odd bodies and how an Engine interpreted them.

use super::bodies::{decode_base64, rows};
use serde_json::Value;
use socket_proxy::filter::bodies::{BindMounts, BodyRules, Exceptions, SafeCreate};
use socket_proxy::http1::Method;

/// Exceptions with which every recorded request passes.
const ALL_ITEMS: &str = "privileged,device:/dev/null,pid:host,volumeoption:nfs,volumeoption:tmpfs,\
                         volumedriver:vieux/sshfs,volumesfrom,services,pods";

fn rules(items: &str, directories: &str) -> BodyRules {
    let exceptions = match items {
        "" => Exceptions::default(),
        items => Exceptions::parse(items).unwrap(),
    };
    let how = "add -safecreateallow=".to_owned();
    let safe = SafeCreate::new(exceptions, how, "-allowbindmountfrom".to_owned());
    let bind_mounts = BindMounts::parse(directories).ok().map(BindMounts::leaving_others);
    BodyRules { safe_create: Some(safe), bind_mounts, ..BodyRules::default() }
}

/// The forwarded body, or the reason of the refusal.
fn judge(rules: &BodyRules, target: &str, body: &[u8]) -> Result<String, String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let inspection =
        rules.inspection(Method::Post, path, Some(query)).map_err(|denial| denial.to_string())?;
    let Some(inspection) = inspection else { return Ok(String::new()) };
    let sent = rules.judge(inspection, Some(b"application/json"), body);
    sent.map(|sent| String::from_utf8(sent).unwrap()).map_err(|denial| denial.to_string())
}

fn meaning(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn body_of(row: &Value) -> String {
    match row.get("body") {
        Some(body) => body.to_string(),
        None => row["raw"].as_str().unwrap_or_default().to_owned(),
    }
}

#[test]
fn bodies_of_clients_pass_or_name_the_items_that_open_them() {
    let rows = rows("safe_engine.jsonl");
    assert!(rows.len() > 40, "{}", rows.len());
    for row in &rows {
        let (name, target, body) = (&row["name"], row["target"].as_str().unwrap(), body_of(row));
        let directories = row["directories"].as_str().unwrap_or_default();
        let outcome = judge(&rules("", directories), target, body.as_bytes());
        match row["expect"].as_str() {
            Some("pass") => {
                let sent = outcome.unwrap_or_else(|denial| panic!("{name}: {denial}"));
                let expected = row.get("sent").map_or_else(|| meaning(&body), Value::clone);
                assert_eq!(meaning(&sent), expected, "{name}");
            }
            Some("refuse") => {
                let denial = outcome.expect_err(&name.to_string());
                let part = row["reason"].as_str().unwrap();
                assert!(denial.contains(part), "{name}: {denial}");
            }
            Some(items) => {
                let denial = outcome.expect_err(&name.to_string());
                for item in items.split(',') {
                    let advice = format!("add -safecreateallow={item}");
                    assert!(denial.contains(&advice), "{name}: {denial}");
                }
                let outcome = judge(&rules(items, directories), target, body.as_bytes());
                assert!(outcome.is_ok(), "{name} with {items}: {outcome:?}");
            }
            None => panic!("{name} expects nothing"),
        }
    }
}

#[test]
fn all_that_recorded_clients_ask_for_can_be_allowed() {
    let all = rules(ALL_ITEMS, "/home,/var/log");
    let mut seen = 0;
    for row in rows("client_bodies.jsonl") {
        let (name, target) = (&row["name"], row["target"].as_str().unwrap());
        let of_engine = !target.contains("/libpod/");
        let mounts_others = name.as_str().unwrap().contains("volumes-from");
        if !of_engine || (row["expect"] != "pass" && !mounts_others) {
            continue;
        }
        let body = body_of(&row);
        let sent = judge(&all, target, body.as_bytes());
        assert_eq!(sent.as_deref().map(meaning), Ok(meaning(&body)), "{name}");
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}

/// Whether an Engine gave the container more than an ordinary one has.
fn gave_the_host(engine: &str) -> bool {
    let signs = [
        "\"Binds\"",
        "\"bind\"",
        "\"device\": \"/\"",
        "Privileged\": true",
        "\"host\"",
        "PathOnHost",
    ];
    engine.starts_with("CREATED") && signs.iter().any(|sign| engine.contains(sign))
}

#[test]
fn odd_bodies_that_gave_the_host_are_refused() {
    let mut refused = 0;
    for row in rows("create_bodies.jsonl") {
        let (name, engine) = (&row["name"], row["engine_20_10"].as_str().unwrap());
        let body = decode_base64(row["body_b64"].as_str().unwrap());
        let outcome = judge(&rules("", ""), "/v1.41/containers/create", &body);
        assert!(outcome.is_err(), "{name}: {outcome:?}");
        refused += usize::from(gave_the_host(engine));
    }
    assert!(refused >= 16, "{refused}");
}
