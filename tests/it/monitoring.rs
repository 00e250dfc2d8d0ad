//! The example in `examples/monitoring` knows the program's metrics, all of them
//! and no others, and its files are valid for Prometheus, Grafana and Compose.

use crate::support::skip::skip_unless_required;
use serde_json::Value;
use socket_proxy::config::{Config, Invocation};
use socket_proxy::metrics::{Build, Gauges, Metrics};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/monitoring").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(example(name)).unwrap()
}

fn dashboard() -> Value {
    serde_json::from_str(&text("dashboard.json")).unwrap()
}

/// The names of all families on a page.
fn families() -> BTreeSet<String> {
    let build = Build { version: "1", commit: "c", target: "t" };
    let page = Metrics::new(build, [""]).page(&Gauges::default(), None);
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The names of families in queries; histograms have ends.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours =
        words.filter(|word| word.starts_with("socket_proxy_") || word.starts_with("process_"));
    ours.map(|word| {
        let ends = ["_bucket", "_sum", "_count"];
        let base = ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
        base.to_owned()
    })
    .collect()
}

/// All queries of the dashboard's panels.
fn queries() -> Vec<String> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_dashboard_has_a_panel_for_each_metric_and_for_no_other() {
    assert_eq!(named(&queries().join("\n")), families());
}

#[test]
fn alerts_speak_of_metrics_that_exist() {
    for file in ["alerts.yml", "alerts_test.yml"] {
        let named = named(&text(file));
        assert!(!named.is_empty() && named.is_subset(&families()), "{file}: {named:?}");
    }
}

#[test]
fn the_document_names_each_metric_and_no_other() {
    let document = include_str!("../../docs/metrics.md");
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let names: BTreeSet<String> = rows
        .filter_map(|line| line.split('`').nth(1))
        .filter(|name| name.starts_with("socket_proxy_") || name.starts_with("process_"))
        .map(str::to_owned)
        .collect();
    assert_eq!(names, families());
}

#[test]
fn panels_have_places_of_their_own() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let place = |key| panel["gridPos"][key].as_u64().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        assert!(place("x") + place("w") <= 24, "{panel}");
        for y in place("y")..place("y") + place("h") {
            for x in place("x")..place("x") + place("w") {
                assert!(taken.insert((x, y)), "{}", panel["title"]);
            }
        }
    }
}

fn promtool(arguments: &[&str]) -> Option<String> {
    let Ok(output) = Command::new("promtool").args(arguments).output() else {
        skip_unless_required("SOCKET_PROXY_REQUIRE_PROMETHEUS", "promtool is missing");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    Some(said)
}

#[test]
fn promtool_takes_configuration_and_rules_and_the_alerts_fire_as_they_should() {
    for arguments in [
        &["check", "config", "prometheus.yml"][..],
        &["check", "rules", "alerts.yml"],
        &["test", "rules", "alerts_test.yml"],
    ] {
        let [words @ .., file] = arguments else { unreachable!() };
        let path = example(file).display().to_string();
        let Some(said) = promtool(&[words, &[&*path]].concat()) else { return };
        assert!(said.contains("SUCCESS"), "{said}");
    }
    let tests = text("alerts_test.yml");
    for line in text("alerts.yml").lines() {
        let Some(alert) = line.trim().strip_prefix("- alert: ") else { continue };
        assert!(tests.contains(&format!("alertname: {alert}\n")), "{alert} is not tested");
    }
}

/// As rules, since promtool checks no dashboards.
#[test]
fn the_queries_of_the_dashboard_are_queries() {
    let rule = |(index, query): (usize, &String)| {
        let query = query.replace("$__rate_interval", "5m").replace("$", "");
        format!("  - {{record: \"r:{index}\", expr: {query:?}}}\n")
    };
    let rules: String = queries().iter().enumerate().map(rule).collect();
    let path = std::env::temp_dir().join(format!("dashboard-{}.yml", std::process::id()));
    fs::write(&path, format!("groups:\n- name: dashboard\n  rules:\n{rules}")).unwrap();
    promtool(&["check", "rules", path.to_str().unwrap()]);
    fs::remove_file(path).unwrap();
}

#[test]
fn the_compose_file_has_flags_that_are_taken() {
    let text = text("compose.yml");
    let flags = text.lines().filter_map(|line| line.trim().strip_prefix("- '-"));
    let flags = flags.map(|flag| format!("-{}", flag.trim_end_matches('\'')).into());
    let Ok(Invocation::Run(config)) = Config::from_args_and_env(flags, []) else {
        panic!("{text}");
    };
    assert_eq!(config.metrics, Some(([0, 0, 0, 0], 9375).into()));
    // The one that the file speaks of.
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(text.contains("Everyone in docker-api can read it"));
    for mounted in text.lines().filter_map(|line| line.trim().strip_prefix("- ./")) {
        let file = mounted.split(':').next().unwrap();
        assert!(example(file).is_file(), "{file}");
    }
}
