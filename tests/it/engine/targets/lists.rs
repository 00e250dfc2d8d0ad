//! Lists, events and prunes, which the Engine filters.

use super::{Town, ids, message};
use crate::support::PATIENCE;
use crate::support::process::until;
use crate::support::random::Random;
use crate::support::scratch::unique;
use std::collections::BTreeSet;

/// Containers with many sorts of labels, states and names.
fn crowd(town: &Town) -> Vec<String> {
    let mut names = Vec::new();
    for owner in [&town.own, &town.foreign] {
        for (suffix, options) in [
            ("plain", &[][..]),
            ("tier", &["--label", "tier=web"]),
            ("both", &["--label", "tier=web", "--label", "x"]),
            ("odd", &["--label", r#"q=a"b\c=é"#]),
        ] {
            let name = unique(suffix);
            let create = ["create", "--label", &owner.label, "--name", &name];
            let create = [&create[..], options, &[super::IMAGE, "true"]].concat();
            town.straight.docker(&create).success();
            names.push(name);
        }
        let name = unique("running");
        town.start(owner, &name, &[]);
        names.push(name);
    }
    names
}

/// A filter by chance; without `limit`, which ends the list before the labels count.
fn filter(random: &mut Random, town: &Town, names: &[String]) -> String {
    let mut fields = Vec::new();
    let name = &names[random.below(names.len())];
    let own_label = town.own.label.as_str();
    let foreign_label = town.foreign.label.as_str();
    let choices: &[(&str, &[&str])] = &[
        ("label", &["tier=web", "x", own_label, foreign_label, "tier", r#"q=a"b\c=é"#, super::KEY]),
        ("label!", &["tier=web"]),
        ("name", &[name, "plain", "^/"]),
        ("status", &["running", "created", "exited"]),
        ("exited", &["0"]),
        ("ancestor", &[super::IMAGE, "no-such"]),
        ("network", &["bridge", "no-such"]),
        ("id", &["0", "a", ""]),
        ("volume", &["no-such"]),
        ("health", &["none"]),
        ("is-task", &["false"]),
    ];
    let is_map = random.below(2) == 0;
    let mut used = BTreeSet::new();
    for _ in 0..random.below(4) {
        let (key, values) = choices[random.below(choices.len())];
        if !used.insert(key) {
            continue;
        }
        let mut chosen = BTreeSet::new();
        for _ in 0..=random.below(2) {
            chosen.insert(values[random.below(values.len())]);
        }
        let quoted = |value: &&str| serde_json::to_string(value).expect("a string");
        let values: Vec<String> = chosen.iter().map(quoted).collect();
        let values = match is_map {
            true => {
                let truth = ["true", "false"][random.below(2)];
                let members: Vec<String> =
                    values.iter().map(|value| format!("{value}:{truth}")).collect();
                format!("{{{}}}", members.join(","))
            }
            false => format!("[{}]", values.join(",")),
        };
        fields.push(format!("\"{key}\":{values}"));
    }
    format!("{{{}}}", fields.join(","))
}

#[test]
fn a_list_by_any_filters_is_the_engines_list_of_the_targets() {
    let Some(town) = Town::new() else { return };
    let names = crowd(&town);
    let own: BTreeSet<String> = {
        let all = format!("{{\"label\":[{}]}}", serde_json::to_string(&town.own.label).unwrap());
        ids(&town.ask(&format!("GET /containers/json?all=1&filters={}", encoded(&all)), "").1)
            .into_iter()
            .collect()
    };
    assert_eq!(own.len(), 5);
    let mut random = Random::new(15);
    let mut lists = 0;
    for _ in 0..150 {
        let filters = filter(&mut random, &town, &names);
        let all = ["all=1&", ""][random.below(2)];
        let request = format!("GET /containers/json?{all}filters={}", encoded(&filters));
        let (status, whole) = town.ask(&request, "");
        let (limited_status, limited) = town.own.ask(&request, "");
        assert_eq!(limited_status, status, "{filters}: {limited} {whole}");
        if status != 200 {
            assert_eq!(message(&limited), message(&whole), "{filters}");
            continue;
        }
        let expected: Vec<String> = ids(&whole).into_iter().filter(|id| own.contains(id)).collect();
        assert_eq!(ids(&limited), expected, "{filters}");
        lists += 1;
    }
    assert!(lists > 50, "only {lists} filters were valid");
}

/// The text as a value in a query.
fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric();
    text.bytes()
        .map(|byte| match plain(&byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

#[test]
fn filters_that_could_be_read_in_two_ways_are_refused() {
    let Some(town) = Town::new() else { return };
    for filters in [
        r#"{"label":{"x":true},"label":null}"#,
        r#"{"label":["x"],"status":{"running":true}}"#,
        "[1]",
        "{",
    ] {
        for list in ["GET /containers/json", "GET /networks", "GET /volumes", "GET /events"] {
            let (status, text) = town.own.ask(&format!("{list}?filters={}", encoded(filters)), "");
            assert_eq!(status, 400, "{list} {filters}: {text}");
        }
    }
    let large = format!("{{\"label\":[\"{}\"]}}", "x".repeat(100_000));
    let (status, text) = town.own.ask(&format!("GET /containers/json?filters={large}"), "");
    assert_eq!((status, text.as_str()), (200, "[]\n"));
}

#[test]
fn before_and_since_are_no_oracles() {
    let Some(town) = Town::new() else { return };
    let (own, foreign) = (unique("own"), unique("foreign"));
    town.start(&town.own, &own, &[]);
    town.start(&town.foreign, &foreign, &[]);
    for key in ["before", "since"] {
        let ask = |name: &str| {
            let filters = format!("{{\"{key}\":[\"{name}\"]}}");
            town.own.ask(&format!("GET /containers/json?filters={}", encoded(&filters)), "")
        };
        assert_eq!(ask(&own).0, 200);
        let (status, text) = ask(&foreign);
        assert_eq!((status, text.replace(&foreign, "no-such")), ask("no-such"));
        assert_eq!(status, 404);
    }
}

#[test]
fn events_are_those_of_targets_and_of_containers_alone() {
    let Some(town) = Town::new() else { return };
    let format = ["--format", "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}"];
    let mut own = town.own.client.live(&[&["events"], &format[..]].concat());
    let mut others =
        town.own.client.live(&[&["events", "--filter", "type=network"], &format[..]].concat());
    // A stream that is not open yet misses events.
    town.own.proxy.await_log("/events");
    let names = [unique("own"), unique("foreign"), unique("last")];
    let seen = until(PATIENCE, || {
        town.start(&town.own, &unique("probe"), &[]);
        own.says("container start", std::time::Duration::from_millis(200)).then_some(())
    });
    assert!(seen.is_some(), "{}", own.text());
    town.start(&town.own, &names[0], &[]);
    town.start(&town.foreign, &names[1], &[]);
    let network = unique("net");
    town.own.docker(&["network", "create", &network]).success();
    town.own.docker(&["network", "connect", &network, &names[0]]).success();
    town.straight.docker(&["exec", &names[1], "true"]).success();
    town.straight.docker(&["rm", "--force", &names[1]]).success();
    town.start(&town.own, &names[2], &[]);
    own.await_text(&format!("container start {}", names[2]));
    let text = own.text();
    assert!(text.contains(&format!("container create {}", names[0])), "{text}");
    assert!(!text.contains(&names[1]), "{text}");
    assert!(text.lines().all(|line| line.starts_with("container ")), "{text}");
    assert_eq!(others.text(), "");
    assert!(others.is_running() && own.is_running());
    // The Engine keeps 256 past events, and those of other tests push these out.
    let past = until(PATIENCE, || {
        let [mine, foreign] = [unique("own"), unique("foreign")];
        town.start(&town.own, &mine, &[]);
        town.start(&town.foreign, &foreign, &[]);
        let past = ["events", "--since", "1", "--until", "0s"];
        let past = town.foreign.docker(&[&past[..], &format].concat()).success();
        assert!(!past.contains(&mine) && !past.contains(&names[0]), "{past}");
        past.contains(&foreign).then_some(())
    });
    assert!(past.is_some(), "past events of the foreign owner");
}

#[test]
fn prunes_remove_what_is_the_owners_alone() {
    let Some(town) = Town::new() else { return };
    let mut things = Vec::new();
    for owner in [&town.own, &town.foreign] {
        let label = format!("--label={}", owner.label);
        let names = ["container", "net", "volume"].map(unique);
        let create = ["create", &label, "--name", &names[0], super::IMAGE, "true"];
        town.straight.docker(&create).success();
        town.straight.docker(&["network", "create", &label, &names[1]]).success();
        town.straight.docker(&["volume", "create", &label, &names[2]]).success();
        things.push(names);
    }
    let types = ["container", "network", "volume"];
    let exists =
        |kind: &str, name: &str| town.straight.docker(&[kind, "inspect", name]).code == Some(0);
    // A form in the body would override the filters of the query.
    let form = "\nContent-Type: application/x-www-form-urlencoded";
    for kind in ["containers", "networks", "volumes"] {
        let (status, _) = town.own.ask(&format!("POST /{kind}/prune{form}"), "filters={}");
        assert_eq!(status, 415, "{kind}");
    }
    for (kind, path) in
        [("container", "containers"), ("network", "networks"), ("volume", "volumes")]
    {
        // From 1.42 on, only volumes without a name are removed unless all are wanted.
        let version = if kind == "volume" { "/v1.41" } else { "" };
        let (status, text) = town.own.ask(&format!("POST {version}/{path}/prune"), "");
        assert_eq!(status, 200, "{kind}: {text}");
    }
    for (index, kind) in types.iter().enumerate() {
        assert!(!exists(kind, &things[0][index]), "{kind} of the owner");
        assert!(exists(kind, &things[1][index]), "{kind} of another");
    }
}
