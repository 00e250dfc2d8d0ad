//! The rules on request bodies, against rows that a person can review.
//!
//! - `create_bodies.jsonl`: odd bodies and how an Engine interpreted them;
//! - `client_bodies.jsonl`: requests recorded from real clients;
//! - `bodies_more.jsonl`: rows written by hand.
//!
//! - `operations.tsv`: every operation of both daemons; `docs/bind-mounts.md`
//!   says how each is judged.
//!
//! In the second and third, `expect` is `pass` (the body is sent on with the same
//! meaning), `untouched` (it isn't looked at), or the sort of refusal, and
//! `allow` is the list of directories, `/home,/var/log` if it isn't given.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail its test")]

use proptest::prelude::*;
use serde_json::Value;
use socket_proxy::filter::bodies::{
    BindMounts, BodyDenial, BodyRules, DenialKind, Inspection, LabelGuard,
};
use socket_proxy::http1::Method;
use std::path::Path;

/// The result of a request.
#[derive(Debug)]
enum Outcome {
    Untouched,
    Forwarded(Vec<u8>),
    Denied(BodyDenial),
}

pub(crate) fn rows(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn judge(rules: &BodyRules, target: &str, content_type: Option<&str>, body: &[u8]) -> Outcome {
    judge_by(rules, Method::Post, target, content_type, body)
}

fn judge_by(
    rules: &BodyRules,
    method: Method,
    target: &str,
    content_type: Option<&str>,
    body: &[u8],
) -> Outcome {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let types = content_type.map(str::as_bytes).filter(|_| !body.is_empty());
    let form = rules.check_form(method, path, types);
    match form.and_then(|()| rules.inspection(method, path, query)) {
        Err(denial) => Outcome::Denied(denial),
        Ok(None) => Outcome::Untouched,
        Ok(Some(inspection)) => {
            match rules.judge(inspection, content_type.map(str::as_bytes), body) {
                Ok(forwarded) => Outcome::Forwarded(forwarded),
                Err(denial) => Outcome::Denied(denial),
            }
        }
    }
}

fn rules_of(row: &Value) -> BodyRules {
    let list = match row.get("allow") {
        Some(allow) => allow.as_str(),
        None => Some("/home,/var/log"),
    };
    BodyRules {
        bind_mounts: list.map(|list| BindMounts::parse(list).unwrap()),
        label_guard: row["guard"]
            .as_str()
            .map(|prefix| LabelGuard::new(prefix, "-allowlabelgrants")),
        ..BodyRules::default()
    }
}

fn check(row: &Value) {
    let body = match (row.get("body"), row.get("raw")) {
        (Some(body), _) => body.to_string(),
        (None, raw) => raw.and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    let target = row["target"].as_str().unwrap();
    let method = Method::from_name(row["method"].as_str().unwrap_or("POST")).unwrap();
    let content_type = row["content_type"].as_str();
    let outcome = judge_by(&rules_of(row), method, target, content_type, body.as_bytes());
    let name = &row["name"];
    match (row["expect"].as_str().unwrap(), outcome) {
        ("untouched", Outcome::Untouched) => {}
        ("pass", Outcome::Forwarded(forwarded)) => check_forwarded(row, &body, &forwarded),
        ("refuse", Outcome::Denied(denial)) => check_denial(row, &denial, DenialKind::Restriction),
        ("syntax", Outcome::Denied(denial)) => check_denial(row, &denial, DenialKind::Syntax),
        ("media", Outcome::Denied(denial)) => check_denial(row, &denial, DenialKind::MediaType),
        (expected, outcome) => panic!("{name}: {expected} was expected, not {outcome:?}"),
    }
}

fn check_forwarded(row: &Value, body: &str, forwarded: &[u8]) {
    let forwarded = std::str::from_utf8(forwarded).unwrap();
    match row["forwarded"].as_str() {
        Some(expected) => assert_eq!(forwarded, expected, "{}", row["name"]),
        None if body.is_empty() => assert_eq!(forwarded, "", "{}", row["name"]),
        None => {
            let meaning = |text| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(meaning(forwarded), meaning(body), "{}", row["name"]);
        }
    }
}

fn check_denial(row: &Value, denial: &BodyDenial, kind: DenialKind) {
    let (name, reason) = (&row["name"], denial.to_string());
    assert_eq!(denial.kind(), kind, "{name}: {reason}");
    assert!(reason.contains(row["reason"].as_str().unwrap_or_default()), "{name}: {reason}");
    assert!(reason.chars().all(|c| !c.is_control()), "{name}: {reason}");
    assert!(reason.len() < 2000, "{name}: {reason}");
    let guards = row.get("guard").is_some();
    if kind == DenialKind::Restriction && !guards {
        assert!(reason.starts_with("bind mount restriction: "), "{name}: {reason}");
    }
}

pub(crate) fn decode_base64(text: &str) -> Vec<u8> {
    let digit = |byte| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'=').map(digit).collect();
    let mut bytes = Vec::new();
    for group in digits.chunks(4) {
        let bits = group.iter().fold(0u32, |bits, digit| bits << 6 | u32::from(*digit));
        let bits = bits << (6 * (4 - group.len())) << 8;
        bytes.extend(&bits.to_be_bytes()[..group.len() - 1]);
    }
    bytes
}

#[test]
fn requests_of_real_clients_pass_or_are_refused_for_their_mounts() {
    let rows = rows("client_bodies.jsonl");
    assert!(rows.len() > 50);
    rows.iter().for_each(check);
}

#[test]
fn rows_written_by_hand_have_their_outcome() {
    let rows = rows("bodies_more.jsonl");
    assert!(rows.len() > 50);
    rows.iter().for_each(check);
}

/// Whether an Engine gave the container something of the host that the list
/// keeps. Privileges and devices are no directories.
fn gave_a_host_directory(engine: &str) -> bool {
    engine.starts_with("CREATED")
        && ["\"Binds\"", "\"bind\"", "\"device\": \"/\""].iter().any(|sign| engine.contains(sign))
}

#[test]
fn what_an_engine_would_have_given_a_host_directory_is_refused() {
    let rules = BodyRules { bind_mounts: BindMounts::parse("/home").ok(), ..BodyRules::default() };
    let mut refused = 0;
    for row in rows("create_bodies.jsonl") {
        let (name, engine) = (&row["name"], row["engine_20_10"].as_str().unwrap());
        let body = decode_base64(row["body_b64"].as_str().unwrap());
        let outcome = judge(&rules, "/v1.41/containers/create", Some("application/json"), &body);
        if gave_a_host_directory(engine) {
            assert!(matches!(outcome, Outcome::Denied(_)), "{name}: {outcome:?}");
            refused += 1;
        }
        if let Outcome::Forwarded(forwarded) = outcome {
            let meaning = |bytes| serde_json::from_slice::<Value>(bytes).unwrap();
            assert_eq!(meaning(&forwarded), meaning(&body), "{name}");
        }
    }
    assert!(refused >= 14, "{refused}");
}

#[test]
fn bodies_that_no_engine_takes_for_a_mount_pass_only_if_they_are_strict() {
    let rules = BodyRules { bind_mounts: BindMounts::parse("/home").ok(), ..BodyRules::default() };
    for row in rows("create_bodies.jsonl") {
        let body = decode_base64(row["body_b64"].as_str().unwrap());
        let outcome = judge(&rules, "/containers/create", Some("application/json"), &body);
        let name = row["name"].as_str().unwrap();
        let passes = matches!(
            name,
            "MaskedPaths [] ReadonlyPaths []"
                | "NetworkMode HOST upper"
                | "PidMode container:"
                | "Devices"
                | "key with trailing space"
                | "Kelvin in NetworKMode"
                | "dotless i"
                | "fullwidth B"
        );
        assert_eq!(matches!(outcome, Outcome::Forwarded(_)), passes, "{name}: {outcome:?}");
    }
}

#[test]
fn the_path_of_a_listed_directory_must_be_whole() {
    let rules = BodyRules { bind_mounts: BindMounts::parse("/home").ok(), ..BodyRules::default() };
    for (source, passes) in [
        ("/home", true),
        ("/home/", true),
        ("//home//me/.", true),
        ("/var/../home/me", true),
        ("/homes", false),
        ("/home/..", false),
        ("/home/../home2", false),
        ("/", false),
    ] {
        let body = format!(r#"{{"HostConfig":{{"Binds":["{source}:/h"]}}}}"#);
        let outcome =
            rules.judge(Inspection::ContainerCreate, Some(b"application/json"), body.as_bytes());
        assert_eq!(outcome.is_ok(), passes, "{source}: {outcome:?}");
    }
}

/// An operation of a daemon: method, an example of its path, and its name.
fn operations() -> Vec<(Method, String, String)> {
    let text = include_str!("../cases/operations.tsv");
    let rows = text.lines().filter(|line| !line.starts_with(['#']) && !line.starts_with("tree\t"));
    rows.map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let segments =
            cells[2].split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        let version = if cells[0] == "libpod" { "/v5.8.0" } else { "/v1.51" };
        let path = format!("{version}{}", segments.collect::<Vec<_>>().join("/"));
        (Method::from_name(cells[1]).unwrap(), path, cells[3].trim_end_matches('*').to_owned())
    })
    .collect()
}

/// The second cell of each row of the table in `docs/bind-mounts.md`.
fn documented() -> std::collections::BTreeMap<&'static str, &'static str> {
    let table = include_str!("../../docs/bind-mounts.md").split("## Operations").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells[3].len() > 10, "no reason: {row}");
        (cells[1], cells[2])
    })
    .collect()
}

#[test]
fn every_operation_has_a_row_in_the_docs_and_is_judged_as_it_says() {
    let rules = BodyRules { bind_mounts: BindMounts::parse("/home").ok(), ..BodyRules::default() };
    let documented = documented();
    let operations = operations();
    assert!(operations.len() > 200);
    for (method, path, name) in &operations {
        let how = *documented.get(name.as_str()).unwrap_or_else(|| panic!("no row for {name}"));
        let judged = match rules.inspection(*method, path, None) {
            Err(denial) if denial.kind() == DenialKind::Restriction => "refused",
            Err(denial) => panic!("{name}: {denial}"),
            Ok(Some(_)) => "body",
            Ok(None) => "no body",
        };
        // A value that no parameter of a place of the host may have.
        let parameters = [
            "dir",
            "checkpoint-dir",
            "fromSrc",
            "URL",
            "reference",
            "destination",
            "images",
            "path",
            "driver",
            "volume",
        ];
        let of_host = |name: &&str| {
            rules.inspection(*method, path, Some(&format!("{name}=dir:/etc"))).is_err()
        };
        let by_query = judged != "refused" && parameters.iter().any(of_host);
        let expected = match (judged, by_query) {
            ("body", true) => "body and query",
            ("no body", true) => "query",
            ("no body", false) => "not judged",
            (judged, _) => judged,
        };
        assert_eq!(how, expected, "{name}: {method} {path}");
    }
    for name in documented.keys() {
        assert!(operations.iter().any(|(_, _, known)| known == name), "nobody serves {name}");
    }
}

/// A JSON text from the words of create bodies: spelled in several ways,
/// repeated, nested where they belong and where they don't.
fn create_body() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "HostConfig",
        "hostconfig",
        "Ho\\u017ftConfig",
        "Binds",
        "BINDS",
        "bind\\u017f",
        "Mounts",
        "mounts",
        "Source",
        "source",
        "\\u0053ource",
        "Type",
        "Volumes",
        "VolumeOptions",
        "DriverConfig",
        "Options",
        "device",
        "o",
        "type",
        "Image",
    ]);
    let text = prop::sample::select(vec![
        "\"/home/a:/h\"",
        "\"/etc:/h\"",
        "\"/home/../etc:/h\"",
        "\"v:/h\"",
        "\"bind\"",
        "\"volume\"",
        "\"none\"",
        "\"nfs\"",
        "\"/home/a\"",
        "\"/etc\"",
        "\":/etc\"",
        "null",
        "1",
    ]);
    text.prop_map(str::to_owned).prop_recursive(5, 24, 4, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(","))),
            3 => prop::collection::vec((key.clone(), inner, any::<bool>()), 0..4).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(key, value, listed)| match listed {
 true => format!("\"{key}\":[{value}]"),
 false => format!("\"{key}\":{value}"),
 }).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// All strings below `keys`, which are compared as Go compares them; `[]` is
/// any item of an array.
fn strings_at<'v>(value: &'v Value, keys: &[&str], found: &mut Vec<&'v str>) {
    match (keys, value) {
        ([], Value::String(text)) => found.push(text),
        (["[]", rest @ ..], Value::Array(items)) => {
            items.iter().for_each(|item| strings_at(item, rest, found));
        }
        ([key, rest @ ..], Value::Object(members)) => members
            .iter()
            .filter(|(name, _)| socket_proxy::json::folds_alike(name, key))
            .for_each(|(_, member)| strings_at(member, rest, found)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// An oracle that knows nothing of types, options or nulls: it lists every value
    /// at a place where an Engine expects a host path, in any spelling.
    #[test]
    fn what_is_sent_on_names_no_path_that_is_not_listed(body in create_body()) {
        let rules = BodyRules { bind_mounts: BindMounts::parse("/home").ok(), ..BodyRules::default() };
        let json = Some(&b"application/json"[..]);
        let Ok(forwarded) = rules.judge(Inspection::ContainerCreate, json, body.as_bytes()) else {
            return Ok(());
        };
        let value: Value = serde_json::from_slice(&forwarded).unwrap();
        for prefix in [&[][..], &["HostConfig"]] {
            let at = |keys: &[&str]| {
                let mut found = Vec::new();
                strings_at(&value, &[prefix, keys].concat(), &mut found);
                found.into_iter().map(str::to_owned).collect::<Vec<_>>()
            };
            // Without a colon it is the target of an anonymous volume.
            let mut paths = at(&["Binds", "[]"]);
            paths.retain(|bind| bind.contains(':'));
            paths.extend(at(&["Mounts", "[]", "Source"]));
            paths.extend(at(&["Mounts", "[]", "VolumeOptions", "DriverConfig", "Options", "device"]));
            for path in paths {
                prop_assert!(!path.starts_with("/etc") && !path.contains(".."), "{body}");
            }
        }
        prop_assert_eq!(rules.judge(Inspection::ContainerCreate, json, &forwarded), Ok(forwarded));
    }

    #[test]
    fn no_body_makes_a_judgement_panic(
        body in create_body(),
        inspection in prop::sample::select(vec![
            Inspection::ContainerCreate, Inspection::ContainerStart, Inspection::VolumeCreate,
            Inspection::Service, Inspection::LibpodContainerCreate, Inspection::LibpodPodCreate,
            Inspection::LibpodContainerUpdate, Inspection::NetworkCreate, Inspection::SecretCreate,
            Inspection::SwarmUpdate, Inspection::CheckpointCreate, Inspection::LibpodManifest,
            Inspection::ContainerUpdate, Inspection::LibpodVolumeCreate,
            Inspection::LibpodNetworkCreate,
        ]),
        cut in any::<prop::sample::Index>(),
    ) {
        let rules = BodyRules {
            bind_mounts: BindMounts::parse("/home").ok(),
            label_guard: Some(LabelGuard::new("socket-proxy", "-allowlabelgrants")),
            ..BodyRules::default()
        };
        let json = Some(&b"application/json"[..]);
        let _ = rules.judge(inspection, json, body.as_bytes());
        let _ = rules.judge(inspection, json, &body.as_bytes()[..cut.index(body.len())]);
    }

    /// No host path but a listed one passes in the query of a build.
    #[test]
    fn no_query_of_a_build_names_a_path_that_is_not_listed(
        name in prop::sample::select(vec![
            "volume", "secrets", "dockerfile", "remote", "additionalbuildcontexts", "t",
            "sbom-output", "rusagelogfile", "nsoptions",
        ]),
        value in "(\\[\"|\\{\"a\":\\{\"Value\":\"|a=|id=x,src=|dir:)?(/etc|/home/\\.\\./etc|\\.\\./etc)(:/h)?(\"\\]|\"\\}\\})?",
        tree in prop::sample::select(vec!["/build", "/v1.51/build/", "/v5.8.0/libpod/build"]),
    ) {
        let rules = BodyRules { bind_mounts: BindMounts::parse("/home").ok(), ..BodyRules::default() };
        let query = format!("{name}={value}");
        let verdict = rules.inspection(Method::Post, tree, Some(&query));
        // A path in the container or context, and a name that no registry has.
        let is_none = match name {
            "volume" => !value.contains(':'),
            "t" => !value.starts_with("dir:"),
            "dockerfile" => {
                !value.starts_with(['/', '[', '{']) && value.split('/').all(|part| part != "..")
            }
            _ => false,
        };
        prop_assert!(verdict.is_err() || is_none, "{query}");
    }
}
