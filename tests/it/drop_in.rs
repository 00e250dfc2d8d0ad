//! A configuration that was written for wollomatic/socket-proxy 1.3 to 1.13.1 starts
//! unchanged: its flags and variables in all forms of Go's `flag` package, and each
//! pattern of public compose files (`tests/cases/allow_patterns.tsv`).

use crate::support::proxied::Proxied;
use crate::support::scratch::Scratch;
use crate::support::scripted_daemon::{ScriptedDaemon, Step};
use socket_proxy::config::{Config, Invocation};

/// Flag, the version that brought it, and values as people write them.
const FLAGS: &[(&str, &str, &[&str])] = &[
    ("allowfrom", "1.3", &["127.0.0.1/32", "0.0.0.0/0", "172.16.0.0/12,10.0.0.5", "traefik", ""]),
    ("allowGET", "1.3", &[r"/v1\..{1,2}/(version|containers/.*|events.*)", ".*", ""]),
    ("allowHEAD", "1.3", &["/_ping", ".*"]),
    ("allowPOST", "1.3", &[r"/v1\..{1,2}/containers/.*/(start|stop)"]),
    ("allowPUT", "1.3", &["/x"]),
    ("allowPATCH", "1.3", &["/x"]),
    ("allowDELETE", "1.3", &["/v1.*/containers/.*"]),
    ("allowCONNECT", "1.3", &["/x"]),
    ("allowTRACE", "1.3", &["/x"]),
    ("allowOPTIONS", "1.3", &["/x"]),
    ("allowhealthcheck", "1.3", &["true", "false", "1", "0", "t", "F", "TRUE", "False"]),
    ("listenip", "1.3", &["0.0.0.0", "127.0.0.1", "::", "::1"]),
    ("logjson", "1.3", &["true", "false"]),
    ("loglevel", "1.3", &["DEBUG", "info", "Warn", "error"]),
    ("proxyport", "1.3", &["2375", "1", "65535"]),
    ("shutdowngracetime", "1.3", &["0", "5", "10"]),
    ("socketpath", "1.3", &["/var/run/docker.sock", "/run/user/1000/docker.sock"]),
    ("stoponwatchdog", "1.3", &["true", "false"]),
    ("watchdoginterval", "1.3", &["0", "60", "3600"]),
    ("proxysocketendpoint", "1.5", &["/run/proxy/docker.sock"]),
    ("proxysocketendpointfilemode", "1.5", &["0600", "0660", "0666"]),
    ("allowbindmountfrom", "1.8", &["/home,/var/log"]),
    ("proxycontainername", "1.11", &["socket-proxy"]),
    ("dockerlabelprefix", "1.13", &["socket-proxy", "com.example"]),
];

const IS_SWITCH: [&str; 3] = ["allowhealthcheck", "logjson", "stoponwatchdog"];

#[track_caller]
fn starts(flags: &[String], variables: &[(String, String)]) -> Config {
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    match Config::from_args_and_env(flags.iter().map(Into::into), variables) {
        Ok(Invocation::Run(config)) => *config,
        other => panic!("{flags:?}: {other:?}"),
    }
}

/// Variables have the name of their flag, but for those of patterns.
fn variable(flag: &str) -> String {
    match flag.strip_prefix("allow").filter(|rest| rest.starts_with(|c: char| c.is_uppercase())) {
        Some(method) => format!("SP_ALLOW_{method}"),
        None => format!("SP_{}", flag.to_uppercase()),
    }
}

#[test]
fn every_flag_of_every_version_is_taken_in_all_its_forms() {
    for (flag, version, values) in FLAGS {
        for value in *values {
            // An empty address list is the one value that is refused on purpose.
            if *flag == "allowfrom" && value.is_empty() {
                continue;
            }
            let mut forms =
                vec![vec![format!("-{flag}={value}")], vec![format!("--{flag}={value}")]];
            match IS_SWITCH.contains(flag) {
                true => forms.push(vec![format!("-{flag}")]),
                false => forms.push(vec![format!("-{flag}"), (*value).to_owned()]),
            }
            let configs: Vec<_> = forms.iter().map(|form| starts(form, &[])).collect();
            let by_variable = starts(&[], &[(variable(flag), (*value).to_owned())]);
            let same = |config: &Config| config.listeners.len() == by_variable.listeners.len();
            assert!(configs.iter().all(same), "-{flag} of {version}: {value}");
        }
        // An empty variable is the default.
        starts(&[], &[(variable(flag), String::new())]);
    }
}

/// Method and pattern of real allowlists.
fn patterns() -> Vec<(&'static str, &'static str)> {
    let rows = include_str!("../cases/allow_patterns.tsv").lines();
    let rows =
        rows.filter(|line| !line.starts_with('#')).map(|line| line.split_once('\t').unwrap());
    rows.map(|(method, rest)| (method, rest.split('\t').next().unwrap())).collect()
}

#[test]
fn every_pattern_of_public_compose_files_is_taken_alone_and_beside_the_others() {
    let patterns = patterns();
    assert!(patterns.len() > 100);
    let flag = |(method, pattern): &(&str, &str)| format!("-allow{method}={pattern}");
    for row in &patterns {
        let config = starts(&[flag(row)], &[]);
        assert_eq!(config.listeners[0].policy.rules().patterns().count(), 1, "{row:?}");
    }
    let all: Vec<String> = patterns.iter().map(flag).collect();
    let numbered = patterns.iter().enumerate();
    let variables: Vec<(String, String)> = numbered
        .map(|(index, (method, pattern))| {
            (format!("SP_ALLOW_{method}_{index}"), (*pattern).to_owned())
        })
        .collect();
    for config in [starts(&all, &[]), starts(&[], &variables)] {
        assert_eq!(config.listeners[0].policy.rules().patterns().count(), patterns.len());
    }
}

#[test]
fn the_program_starts_with_all_flags_of_the_last_version_at_once() {
    let daemon = ScriptedDaemon::start(vec![Step::ReadHead]);
    let scratch = Scratch::new();
    let endpoint = scratch.path().join("proxy.sock").display().to_string();
    // The health check has one address, which other tests may use.
    let left_out = ["socketpath", "listenip", "proxyport", "allowhealthcheck"];
    let mut flags = vec![format!("-proxysocketendpoint={endpoint}")];
    for (flag, _, values) in FLAGS.iter().filter(|(flag, ..)| !left_out.contains(flag)) {
        if *flag != "proxysocketendpoint" {
            flags.push(format!("-{flag}={}", values[0]));
        }
    }
    let proxied = Proxied::start(daemon.socket_path(), &flags);
    assert!(!proxied.log().contains("level=ERROR"), "{}", proxied.log());
}
