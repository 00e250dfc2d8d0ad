//! The variables of other proxies against the table of the operations they open.

use super::*;
use crate::config::{Config, Invocation};

fn config(dialect: &str, variables: &[(&str, &str)]) -> Config {
    let environment = variables.iter().map(|(name, value)| (name.into(), value.into()));
    let arguments = [format!("-compat={dialect}").into()];
    match Config::from_args_and_env(arguments, environment) {
        Ok(Invocation::Run(config)) => *config,
        other => panic!("{variables:?}: {other:?}"),
    }
}

#[test]
fn the_variables_of_three_dialects_open_what_they_opened_there_or_less() {
    let mut count = 0;
    for row in include_str!("../../../tests/cases/compat.tsv").lines().skip(2) {
        let cells: [&str; 5] = row.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let [dialect, variables, verdict, method, path] = cells;
        let variables: Vec<_> =
            variables.split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect();
        let config = config(dialect, &variables);
        let rules = config.listeners[0].policy.rules();
        let is_allowed = rules.judge(Method::from_name(method).unwrap(), path).is_allowed();
        assert_eq!(is_allowed, verdict == "allow", "{row}");
        count += 1;
    }
    assert!(count > 150);
}

/// The log line of each variable.
fn lines(dialect: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let shown = |line: &Honoured| format!("{}={} {}", line.variable, line.value, line.became);
    config(dialect, variables).honoured.iter().map(shown).collect()
}

#[test]
fn every_variable_has_a_line_that_says_what_it_became() {
    let variables = [
        ("ALLOW_START", "1"),
        ("DELETE", "1"),
        ("DISABLE_IPV6", "1"),
        ("EVENTS", "0"),
        ("INFO", "yes"),
        ("LOGS", "1"),
        ("LOG_LEVEL", "err"),
        ("NETWORKS", "1"),
        ("PATH", "/bin"),
        ("POST", "0"),
        ("SOCKET_PATH", "/run/d.sock"),
        ("VERSION", "1"),
    ];
    let expected = [
        "ALLOW_START=1 nothing: its methods are closed; it needs POST=1",
        "DELETE=1 nothing: this dialect does not have it",
        "DISABLE_IPV6=1 nothing: write -listenip",
        "EVENTS=0 closed",
        "INFO=yes nothing: it is neither 0 nor 1, and counts as 0",
        "LOGS=1 nothing: this dialect does not have it",
        "LOG_LEVEL=err -loglevel=ERROR",
        "NETWORKS=1 NetworkList,NetworkInspect",
        "POST=0 closed",
        "SOCKET_PATH=/run/d.sock -socketpath=/run/d.sock",
        "VERSION=1 SystemVersion",
        "PING=1 SystemPing,SystemPingHead",
    ];
    assert_eq!(lines("tecnativa", &variables), expected);
    let config = config("tecnativa", &variables);
    assert_eq!(config.socket_path, std::path::Path::new("/run/d.sock"));
    assert_eq!(config.log.level, log::LevelFilter::Error);
}

#[test]
fn our_own_flags_and_variables_win_over_and_add_up_with_theirs() {
    let environment = [("SOCKET_PATH", "/a"), ("SP_SOCKETPATH", "/b"), ("INFO", "1")];
    let arguments = ["-compat=linuxserver", "-allow=ContainerList", "-deny=SystemInfo"];
    let environment = environment.map(|(name, value)| (name.into(), value.into()));
    let Ok(Invocation::Run(config)) =
        Config::from_args_and_env(arguments.map(Into::into), environment)
    else {
        panic!("this is a configuration");
    };
    assert_eq!(config.socket_path, std::path::Path::new("/b"));
    let theirs = config.honoured.iter().find(|line| line.variable == "SOCKET_PATH").unwrap();
    assert_eq!(
        (theirs.became.as_str(), theirs.effect),
        ("nothing: SP_SOCKETPATH is set", Effect::None)
    );
    let rules = config.listeners[0].policy.rules();
    assert!(rules.judge(Method::Get, "/containers/json").is_allowed());
    assert!(rules.judge(Method::Get, "/version").is_allowed());
    assert!(!rules.judge(Method::Get, "/info").is_allowed());
}

#[test]
fn without_the_flag_their_variables_open_nothing() {
    let environment = [("CONTAINERS".into(), "1".into())];
    let Ok(Invocation::Run(config)) = Config::from_args_and_env([], environment) else {
        panic!("this is a configuration");
    };
    assert!(config.listeners[0].policy.rules().is_empty());
    assert!(config.honoured.is_empty());
}

#[test]
fn every_section_and_action_has_operations() {
    let post = [("POST".to_owned(), "1".to_owned())];
    let translator = Translator { dialect: Dialect::Linuxserver, variables: &post };
    for (section, _) in SECTIONS.into_iter().chain(LIBPOD_SECTIONS) {
        assert!(!translator.operations(section).unwrap().is_empty(), "{section}");
    }
    for (start, ..) in ACTIONS_ON {
        for (end, _) in ACTIONS {
            let name = format!("{start}{end}");
            assert!(!translator.operations(&name).unwrap().is_empty(), "{name}");
        }
    }
}
