//! Whole command lines and environments, and the resulting configurations.

mod flags;
mod listeners;
mod single_values;

use super::*;
use crate::http1::Method;
use std::collections::BTreeSet;

type Variables<'a> = &'a [(&'a str, &'a str)];

fn invoke(line: &str, variables: Variables<'_>) -> Result<Invocation, ConfigError> {
    let arguments = line.split(' ').filter(|word| !word.is_empty()).map(Into::into);
    let environment = variables.iter().map(|(name, value)| (name.into(), value.into()));
    Config::from_args_and_env(arguments, environment)
}

fn config(line: &str, variables: Variables<'_>) -> Config {
    match invoke(line, variables) {
        Ok(Invocation::Run(config)) => *config,
        other => panic!("{line} {variables:?}: {other:?}"),
    }
}

/// Everything in a configuration, one fact a text, so that a row can name its changes.
fn facts(config: &Config) -> BTreeSet<String> {
    let limits = config.limits;
    let mut facts = BTreeSet::from([
        format!("socket={}", config.socket_path.display()),
        format!("level={}", config.log.level),
        format!("json={}", config.log.json),
        format!("max={}", limits.connections_max),
        format!("perclient={}", limits.connections_per_client_max),
        format!("header={:?}", limits.header_timeout),
        format!("idle={:?}", limits.idle_timeout),
        format!("grace={:?}", config.shutdown_grace),
        format!("watchdog={:?}", config.watchdog_interval),
        format!("stop={}", config.stop_on_watchdog),
        format!("health={}", config.serve_health),
        format!("metrics={:?}", config.metrics),
        format!("wait={:?}", config.wait_for_socket),
        config.container_rights.as_ref().map_or("rights=None".to_owned(), |rights| {
            format!("rights={} {}", rights.proxy_container_name, rights.label_prefix)
        }),
    ]);
    for Listener { name, endpoint, policy } in &config.listeners {
        let mode = match endpoint {
            ListenAddress::Unix { mode, .. } => format!(" {mode:o}"),
            ListenAddress::Tcp(_) => String::new(),
        };
        facts.insert(format!("{name}:endpoint={endpoint}{mode}"));
        facts.insert(format!("{name}:from={}", policy.peers()));
        facts.insert(format!("{name}:mounts={}", policy.bodies().bind_mounts.is_some()));
        let guard = config.container_rights.as_ref().and_then(|r| r.label_guard.as_ref());
        assert_eq!(policy.bodies().label_guard.as_ref(), guard, "one guard for all");
        facts.extend(guard.map(|_| format!("{name}:guarded")));
    }
    facts
}

/// Checks the changes that a command line and an environment make in the default configuration.
fn check(line: &str, variables: Variables<'_>, changed: &[&str]) {
    let default = facts(&config("", &[]));
    let found = facts(&config(line, variables));
    let new: Vec<&str> = found.difference(&default).map(String::as_str).collect();
    assert_eq!(new, changed, "{line} {variables:?}");
}

fn check_error(line: &str, variables: Variables<'_>, exit_code: u8, first_line: &str) {
    match invoke(line, variables) {
        Err(error) => {
            assert_eq!(error.messages().next(), Some(first_line), "{line} {variables:?}");
            assert_eq!(error.exit_code(), exit_code, "{line} {variables:?}");
        }
        other => panic!("{line} {variables:?}: {other:?}"),
    }
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let expected = [
        ":endpoint=127.0.0.1:2375",
        ":from=127.0.0.1/32",
        ":mounts=false",
        "grace=10s",
        "header=10s",
        "health=false",
        "idle=120s",
        "json=false",
        "level=INFO",
        "max=1024",
        "metrics=None",
        "perclient=768",
        "rights=None",
        "socket=/var/run/docker.sock",
        "stop=false",
        "wait=0ns",
        "watchdog=None",
    ];
    let found = facts(&config("", &[]));
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn every_option_does_the_same_as_a_flag_and_as_a_variable() {
    let rights = &[":guarded", "rights=p socket-proxy"];
    let rows: &[(&str, &str, &str, &[&str])] = &[
        ("allowfrom", "SP_ALLOWFROM", "10.0.0.0/8,web", &[":from=10.0.0.0/8,web"]),
        ("allowbindmountfrom", "SP_ALLOWBINDMOUNTFROM", "/home,/var/log", &[":mounts=true"]),
        ("allowhealthcheck", "SP_ALLOWHEALTHCHECK", "true", &["health=true"]),
        ("metrics", "SP_METRICS", "127.0.0.1:9375", &["metrics=Some(127.0.0.1:9375)"]),
        ("metrics", "SP_METRICS", "[::1]:9375", &["metrics=Some([::1]:9375)"]),
        ("listenip", "SP_LISTENIP", "0.0.0.0", &[":endpoint=0.0.0.0:2375"]),
        ("listenip", "SP_LISTENIP", "::1", &[":endpoint=[::1]:2375"]),
        ("listenip", "SP_LISTENIP", "[::1]", &[":endpoint=[::1]:2375"]),
        ("proxyport", "SP_PROXYPORT", "65535", &[":endpoint=127.0.0.1:65535"]),
        ("proxysocketendpoint", "SP_PROXYSOCKETENDPOINT", "/a", &[":endpoint=/a 600"]),
        ("socketpath", "SP_SOCKETPATH", "/run/docker.sock", &["socket=/run/docker.sock"]),
        ("loglevel", "SP_LOGLEVEL", "debug", &["level=DEBUG"]),
        ("logjson", "SP_LOGJSON", "1", &["json=true"]),
        ("shutdowngracetime", "SP_SHUTDOWNGRACETIME", "0", &["grace=0ns"]),
        ("watchdoginterval", "SP_WATCHDOGINTERVAL", "60", &["watchdog=Some(60s)"]),
        ("stoponwatchdog", "SP_STOPONWATCHDOG", "T", &["stop=true"]),
        ("waitforsocket", "SP_WAITFORSOCKET", "30", &["wait=30s"]),
        ("maxconnections", "SP_MAXCONNECTIONS", "800", &["max=800"]),
        ("maxconnections", "SP_MAXCONNECTIONS", "100", &["max=100", "perclient=100"]),
        ("maxconnectionsperclient", "SP_MAXCONNECTIONSPERCLIENT", "2", &["perclient=2"]),
        ("headertimeout", "SP_HEADERTIMEOUT", "5", &["header=5s"]),
        ("idletimeout", "SP_IDLETIMEOUT", "7", &["idle=7s"]),
        ("proxycontainername", "SP_PROXYCONTAINERNAME", "p", rights),
    ];
    for (flag, variable, value, changed) in rows {
        check(&format!("-{flag}={value}"), &[], changed);
        check("", &[(variable, value)], changed);
        // A flag wins, also over a variable that could not be used.
        check(&format!("-{flag}={value}"), &[(variable, "no such value\u{1}")], changed);
        // An empty variable says nothing.
        check("", &[(variable, "")], &[]);
    }
}

#[test]
fn every_variable_that_a_flag_overrides_is_named() {
    let rows: [(&str, Variables<'_>, &str); 4] = [
        (
            "-allowGET=/a",
            &[("SP_ALLOW_GET", "/b"), ("SP_ALLOW_GET_2", "/c")],
            "-allowGET overrides SP_ALLOW_GET, SP_ALLOW_GET_2, which have no effect",
        ),
        (
            "-allowfrom=web",
            &[("SP_ALLOWFROM", "10.0.0.0/8")],
            "-allowfrom overrides SP_ALLOWFROM, which has no effect",
        ),
        (
            "-listen=web=unix:/a -allowGET@web=/a",
            &[("SP_LISTEN_WEB_ALLOW_GET", "/b")],
            "-allowGET@web overrides SP_LISTEN_WEB_ALLOW_GET, which has no effect",
        ),
        (
            "-listen=web=unix:/a",
            &[("SP_LISTEN_WEB", "unix:/b")],
            "-listen=web overrides SP_LISTEN_WEB, which has no effect",
        ),
    ];
    for (line, variables, warning) in rows {
        let warnings = config(line, variables).warnings;
        assert!(warnings.contains(&warning.to_owned()), "{line}: {warnings:?}");
        let warnings = config(line, &[]).warnings;
        assert!(!warnings.iter().any(|warning| warning.contains("overrides")), "{warnings:?}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let error = invoke(
        "-compat=x -proxyport=x -proxyport=0 -allowfrom=a..b -listen=web -allowfrom@db=x",
        &[("SP_LOGLEVEL", "loud"), ("SP_LISTEN_A_B", "x")],
    )
    .map(drop)
    .unwrap_err();
    let starts = [
        "unknown variable \"SP_LISTEN_A_B\"; SP_LISTEN_<NAME> makes a listener",
        "invalid value \"web\" for -listen: it has no name",
        "invalid value \"x\" for -compat:",
        "no listener is called db (-allowfrom@db)",
        "invalid value \"x\" for -proxyport:",
        "invalid value \"0\" for -proxyport:",
        "invalid value \"a..b\" for -allowfrom:",
        "invalid value \"loud\" for SP_LOGLEVEL:",
    ];
    let messages: Vec<&str> = error.messages().collect();
    assert_eq!(messages.len(), starts.len(), "{error}");
    for (message, start) in messages.iter().zip(starts) {
        assert!(message.starts_with(start), "{message}");
    }
    assert_eq!(error.to_string().lines().count(), starts.len());
}

#[test]
fn help_version_and_health_check_come_before_wrong_values() {
    for line in ["-h", "-help", "--h", "--help", "-proxyport=x --help", "-help=1", "-h -nonsense"] {
        assert!(matches!(invoke(line, &[]), Ok(Invocation::Help(_))), "{line}");
    }
    let variables = [("SP_LOGLEVEL", "loud"), ("SP_LISTEN_A_B", "x")];
    for line in ["-version", "--version", "-version=T", "-proxyport=x -version"] {
        let version = crate::about::line();
        match invoke(line, &variables) {
            Ok(Invocation::Version(text)) => assert_eq!(text, version),
            other => panic!("{line}: {other:?}"),
        }
    }
    for line in ["-healthcheck", "-proxyport=x -healthcheck=true"] {
        assert!(matches!(invoke(line, &variables), Ok(Invocation::Healthcheck)), "{line}");
    }
    check_error(
        "-version=x",
        &[],
        1,
        "invalid value \"x\" for -version: it is neither true nor false; \
         expected true or false, for example -version=true",
    );
    check("", &[("SP_VERSION", "1.13.1"), ("SP_HEALTHCHECK", "true")], &[]);
}
