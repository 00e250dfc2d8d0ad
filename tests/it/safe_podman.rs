//! Safe create, against requests of real clients of Podman: `tests/cases/safe_podman.jsonl`.
//!
//! Each row has a recorded body of `podman --remote` 4.3 or 5.8. `expect` is `pass` or
//! `refuse`, `open` the items of `-safecreateallow`.

use serde_json::Value;
use socket_proxy::filter::bodies::{BodyRules, Exceptions, SafeCreate};
use socket_proxy::http1::Method;

fn rules(row: &Value) -> BodyRules {
    let items = row["open"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut exceptions = Exceptions::default();
    items.for_each(|item| exceptions.merge(Exceptions::parse(item).expect(item)));
    let how = "add -safecreateallow=".to_owned();
    let safe = SafeCreate::new(exceptions, how, "-allowbindmountfrom".to_owned());
    BodyRules { safe_create: Some(safe), ..BodyRules::default() }
}

/// The forwarded body, or the reason of the refusal.
fn judge(row: &Value) -> Result<Value, String> {
    let (rules, target) = (rules(row), row["target"].as_str().expect("a target"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let inspection = rules.inspection(Method::Post, path, Some(query));
    let inspection = inspection.map_err(|denial| denial.to_string())?.expect("a governed body");
    let body = row["body"].to_string();
    let sent = rules.judge(inspection, None, body.as_bytes()).map_err(|it| it.to_string())?;
    Ok(serde_json::from_slice(&sent).expect("JSON"))
}

#[test]
fn recorded_bodies_of_podmans_clients_pass_unless_they_ask_for_more() {
    let rows = include_str!("../cases/safe_podman.jsonl").lines();
    let rows: Vec<Value> = rows
        .map(|row| serde_json::from_str(row).unwrap_or_else(|e| panic!("{e}: {row}")))
        .collect();
    assert!(rows.len() > 60, "{}", rows.len());
    for row in &rows {
        let name = &row["name"];
        match (row["expect"].as_str(), judge(row)) {
            (Some("pass"), Ok(sent)) => assert_eq!(sent, row["body"], "{name}"),
            (Some("refuse"), Err(denial)) => {
                assert!(denial.starts_with("safe create: "), "{name}: {denial}");
            }
            (expected, outcome) => panic!("{name}: {expected:?} was expected: {outcome:?}"),
        }
    }
}
