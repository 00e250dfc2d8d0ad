//! Whole command lines and environments, and the resulting configurations.

mod listeners;

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
fn metrics_have_an_address_and_a_port() {
    let rows = [
        ("9375", "it has no port behind a colon"),
        ("127.0.0.1", "it has no port behind a colon"),
        (
            ":9375",
            "it has no address before the port; 127.0.0.1 is this machine alone, 0.0.0.0 is all \
             networks",
        ),
        ("proxy:9375", "it is not an IP address"),
        ("::1:9375", "an IPv6 address is written in brackets"),
        ("127.0.0.1:0", "the port is wrong: it is out of range"),
        ("127.0.0.1:metrics", "the port is wrong: it is not a whole number"),
    ];
    for (value, wrong) in rows {
        let error = format!(
            "invalid value \"{value}\" for -metrics: {wrong}; expected ADDRESS:PORT, for example \
             -metrics=127.0.0.1:9375"
        );
        check_error(&format!("-metrics={value}"), &[], 1, &error);
    }
    // A compose file's -metrics=${METRICS} without a value, and a flag that takes back.
    check("-metrics=", &[], &[]);
    check("-metrics=127.0.0.1:1 -metrics=", &[("SP_METRICS", "127.0.0.1:2")], &[]);
}

#[test]
fn file_modes_and_prefixes_need_their_partner() {
    let unix = "-proxysocketendpoint=/a";
    check(&format!("{unix} -proxysocketendpointfilemode=0660"), &[], &[":endpoint=/a 660"]);
    check(&format!("{unix} -proxysocketendpointfilemode=432"), &[], &[":endpoint=/a 660"]);
    check(unix, &[("SP_PROXYSOCKETENDPOINTFILEMODE", "660")], &[":endpoint=/a 660"]);
    let mode = "SP_PROXYSOCKETENDPOINTFILEMODE";
    check(&format!("{unix} -listenip=::1"), &[(mode, "438")], &[":endpoint=/a 666"]);
    check_error(
        unix,
        &[(mode, "432")],
        1,
        "invalid value \"432\" for SP_PROXYSOCKETENDPOINTFILEMODE: mode 0432 (r---wx-w-) does not \
         let the owner of the socket connect to it; YAML turns an unquoted 0660 into 432, so write \
         it in quotes: \"0660\"; expected permissions up to 0777, for example \
         SP_PROXYSOCKETENDPOINTFILEMODE=0660",
    );
    let rights = &[":guarded", "rights=p x.y"];
    check("-proxycontainername=p -dockerlabelprefix=x.y", &[], rights);
    check("-proxycontainername=p", &[("SP_DOCKERLABELPREFIX", "x.y")], rights);
    check("-dockerlabelprefix=x.y", &[], &[]);
    check("-proxycontainername=p -allowlabelgrants", &[], &["rights=p socket-proxy"]);
    check("-proxycontainername=p", &[("SP_ALLOWLABELGRANTS", "1")], &["rights=p socket-proxy"]);
}

#[test]
fn command_lines_are_read_as_go_reads_them() {
    let rows: &[(&str, &[&str])] = &[
        ("-proxyport 80", &[":endpoint=127.0.0.1:80"]),
        ("--proxyport 80", &[":endpoint=127.0.0.1:80"]),
        ("-proxyport=80", &[":endpoint=127.0.0.1:80"]),
        ("--proxyport=80", &[":endpoint=127.0.0.1:80"]),
        ("-proxyport=80 -proxyport=81", &[":endpoint=127.0.0.1:81"]),
        ("-logjson", &["json=true"]),
        ("--logjson", &["json=true"]),
        ("-logjson=true", &["json=true"]),
        ("-logjson=TRUE", &["json=true"]),
        ("-logjson=t", &["json=true"]),
        ("-logjson=1", &["json=true"]),
        ("-logjson=false", &[]),
        ("-logjson=0", &[]),
        ("-logjson -logjson=F", &[]),
        ("-logjson -proxyport 80", &[":endpoint=127.0.0.1:80", "json=true"]),
        ("-logjson false -proxyport=80", &["json=true"]),
        ("-logjson -- -proxyport=80", &["json=true"]),
        ("-- -logjson", &[]),
        ("- -logjson", &[]),
        ("word -logjson", &[]),
        ("-version=false -healthcheck=0", &[]),
        ("-allowfrom=10.0.0.1 -allowfrom=10.0.0.2,web", &[":from=10.0.0.1/32,10.0.0.2/32,web"]),
        ("-allowbindmountfrom=/home -allowbindmountfrom=/srv", &[":mounts=true"]),
    ];
    for (line, changed) in rows {
        check(line, &[], changed);
    }
}

#[test]
fn ignored_and_swallowed_words_are_named() {
    let rows = [
        (
            "-logjson true -allowfrom=web",
            "ignored, because flags end at the first word that is none \
             (true and false are written -flag=true): \"true\" \"-allowfrom=web\"",
        ),
        (
            "-- -logjson",
            "ignored, because flags end at the first word that is none \
             (true and false are written -flag=true): \"-logjson\"",
        ),
        (
            "-allowGET -allowHEAD=/_ping",
            "-allowGET has no value of its own, so the next word became its value: \
             \"-allowHEAD=/_ping\"",
        ),
    ];
    for (line, warning) in rows {
        let warnings = config(line, &[]).warnings;
        assert_eq!(warnings.first().map(String::as_str), Some(warning), "{line}");
    }
    assert!(!config("--", &[]).warnings.iter().any(|warning| warning.starts_with("ignored")));
    // A word with a hyphen that is no flag is a value like any other.
    assert!(!config("-allowGET -x", &[]).warnings.iter().any(|w| w.contains("next word")));
}

#[test]
fn wrong_flags_end_with_the_usage() {
    let needs_name = "only -allowfrom, -allow, -deny, -allow<METHOD>, -allowbindmountfrom, -bindmountsexact, -targetlabel, -hideenv, -safecreate, -safecreateallow, -allowimage, -maxmemory, -maxcpus, -maxpids and -check take a listener's name behind an @";
    let name = format!("a name is {}", values::LISTENER_NAME);
    let rows = [
        ("-listenport=80", "unknown flag \"-listenport\"; did you mean -proxyport?".to_owned()),
        (
            "-stoponwatchchannel",
            "unknown flag \"-stoponwatchchannel\"; did you mean -stoponwatchdog?".to_owned(),
        ),
        ("-allowget=/a", "unknown flag \"-allowget\"; did you mean -allowGET?".to_owned()),
        ("--alowfrom=a", "unknown flag \"-alowfrom\"; did you mean -allowfrom?".to_owned()),
        ("-nonsense", "unknown flag \"-nonsense\"".to_owned()),
        ("-nonsense -h", "unknown flag \"-nonsense\"".to_owned()),
        ("-x\u{1b}[0m", "unknown flag \"-x\\u{1b}[0m\"".to_owned()),
        ("-proxyport", "flag needs an argument: -proxyport".to_owned()),
        ("-logjson -allowGET@web", "flag needs an argument: -allowGET@web".to_owned()),
        ("---logjson", "bad flag syntax: \"---logjson\"".to_owned()),
        ("-=x", "bad flag syntax: \"-=x\"".to_owned()),
        ("--=x", "bad flag syntax: \"--=x\"".to_owned()),
        ("-proxyport@web=80", format!("-proxyport is for the whole program; {needs_name}")),
        ("-listen@web=80", format!("-listen is for the whole program; {needs_name}")),
        ("-allowGET@my-web=/a", format!("bad name of a listener in \"-allowGET@my-web\": {name}")),
        ("-allowGET@=/a", format!("bad name of a listener in \"-allowGET@\": {name}")),
    ];
    for (line, message) in rows {
        check_error(line, &[], 2, &message);
        let text = invoke(line, &[]).map(drop).unwrap_err().to_string();
        assert!(text.ends_with(
            "\nusage: socket-proxy [-flag=value]...   (socket-proxy -h lists all flags)"
        ));
    }
}

#[test]
fn arguments_that_are_not_utf8_are_refused() {
    use std::os::unix::ffi::OsStringExt;
    let argument = OsString::from_vec(b"-socketpath=/\xff".to_vec());
    let error = Config::from_args_and_env([argument], []).map(drop).unwrap_err();
    let message = error.messages().next();
    assert_eq!(message, Some("not UTF-8: argument \"-socketpath=/\u{fffd}\""));
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn wrong_values_are_named_with_an_example() {
    let rows = [
        (
            "proxyport",
            "SP_PROXYPORT",
            "70000",
            "it is out of range; expected a port from 1 to 65535, for example NAME=2375",
        ),
        (
            "listenip",
            "SP_LISTENIP",
            "localhost",
            "it is not an IP address; expected an IPv4 or IPv6 address, for example NAME=0.0.0.0",
        ),
        (
            "learn",
            "SP_LEARN",
            "writes",
            "it is neither reads nor all; expected reads or all, for example NAME=reads",
        ),
        (
            "loglevel",
            "SP_LOGLEVEL",
            "warning",
            "it is not a level; expected DEBUG, INFO, WARN or ERROR, for example NAME=INFO",
        ),
        (
            "logjson",
            "SP_LOGJSON",
            "yes",
            "it is neither true nor false; expected true or false, for example NAME=true",
        ),
        (
            "logjson",
            "SP_LOGJSON",
            "\"true\"",
            "it is neither true nor false; the quotes are part of the value; \
             expected true or false, for example NAME=true",
        ),
        (
            "allowfrom",
            "SP_ALLOWFROM",
            "127.0.0.1,10.0.0.256",
            "\"10.0.0.256\" is not a network, address or host name; expected networks, addresses or host \
             names, with commas between, for example NAME=127.0.0.1,10.0.0.0/8,web",
        ),
        (
            "allowfrom",
            "SP_ALLOWFROM",
            ",",
            "it is empty; expected networks, addresses or host names, with commas between, \
             for example NAME=127.0.0.1,10.0.0.0/8,web",
        ),
        (
            "shutdowngracetime",
            "SP_SHUTDOWNGRACETIME",
            "10s",
            "it is not a whole number; expected a number of seconds from 0 to 86400, \
             for example NAME=10",
        ),
        (
            "headertimeout",
            "SP_HEADERTIMEOUT",
            "0",
            "it is out of range; expected a number of seconds from 1 to 86400, for example NAME=10",
        ),
        (
            "maxconnections",
            "SP_MAXCONNECTIONS",
            "-1",
            "it is not a whole number; expected a number from 1 to 1000000, for example NAME=1024",
        ),
        (
            "socketpath",
            "SP_SOCKETPATH",
            "unix:///var/run/docker.sock",
            "a path is written without unix:; expected the path of a unix socket, \
             for example NAME=/var/run/docker.sock",
        ),
        (
            "proxysocketendpointfilemode",
            "SP_PROXYSOCKETENDPOINTFILEMODE",
            "0999",
            "it is not an octal number; expected permissions up to 0777, for example NAME=0660",
        ),
        (
            "proxycontainername",
            "SP_PROXYCONTAINERNAME",
            "a/b",
            "no container can have that name; expected the name of a container, \
             for example NAME=socket-proxy",
        ),
        (
            "dockerlabelprefix",
            "SP_DOCKERLABELPREFIX",
            "a.",
            "a prefix has lower-case letters and digits, with single dots or hyphens between them; \
             expected the beginning of a label's name, for example NAME=socket-proxy",
        ),
    ];
    for (flag, variable, value, rest) in rows {
        let flag = format!("-{flag}");
        let message = |name: &str| {
            format!("invalid value \"{value}\" for {name}: {}", rest.replace("NAME", name))
        };
        check_error(&format!("{flag}={value}"), &[], 1, &message(&flag));
        check_error("", &[(variable, value)], 1, &message(variable));
    }
}

#[test]
fn empty_flags_say_nothing_only_where_go_takes_them_so() {
    for flag in ["allowGET", "allowOPTIONS", "proxysocketendpoint", "proxycontainername"] {
        check(&format!("-{flag}="), &[], &[]);
        let warning = format!("-{flag} is empty and has no effect");
        assert!(config(&format!("-{flag}="), &[]).warnings.contains(&warning), "{flag}");
    }
    let flags = ["allowfrom", "listenip", "proxyport", "socketpath", "loglevel", "logjson"];
    let more = ["allowbindmountfrom", "listen", "dockerlabelprefix", "allowhealthcheck"];
    let limits = ["maxconnections", "idletimeout", "watchdoginterval", "stoponwatchdog"];
    for flag in flags.into_iter().chain(more).chain(limits) {
        let error = invoke(&format!("-{flag}="), &[]).map(drop).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        assert!(error.to_string().starts_with("invalid value \"\" for "), "{error}");
    }
}

/// An empty flag means the same with and without its variable: none, or an error.
#[test]
fn an_empty_flag_overrides_its_variable_like_any_other() {
    let rows = [
        ("proxysocketendpoint", "SP_PROXYSOCKETENDPOINT", "/a"),
        ("proxycontainername", "SP_PROXYCONTAINERNAME", "p"),
        ("allowGET", "SP_ALLOW_GET", "/a"),
        ("allowGET", "SP_ALLOW_GET_2", "/a"),
    ];
    for (flag, variable, value) in rows {
        let config = config(&format!("-{flag}="), &[(variable, value)]);
        assert_eq!(facts(&config), facts(&self::config("", &[])), "{flag}");
        assert_eq!(config.listeners[0].policy.rules().patterns().count(), 0, "{flag}");
        let warning = format!("-{flag} is empty and overrides {variable}, which has no effect");
        assert!(config.warnings.contains(&warning), "{:?}", config.warnings);
    }
    let variables = [
        ("allowfrom", "SP_ALLOWFROM", "web"),
        ("allowbindmountfrom", "SP_ALLOWBINDMOUNTFROM", "/home"),
        ("listenip", "SP_LISTENIP", "0.0.0.0"),
        ("dockerlabelprefix", "SP_DOCKERLABELPREFIX", "x"),
        ("socketpath", "SP_SOCKETPATH", "/a"),
    ];
    for (flag, variable, value) in variables {
        let error = invoke(&format!("-{flag}="), &[(variable, value)]).map(drop).unwrap_err();
        assert!(error.to_string().starts_with(&format!("invalid value \"\" for -{flag}: ")));
    }
    check("-proxysocketendpoint=/a -proxysocketendpoint=", &[], &[]);
    check("-proxysocketendpoint= -proxysocketendpoint=/a", &[], &[":endpoint=/a 600"]);
    let line = "-listen=web=unix:/a -allowGET@web=";
    let web = &config(line, &[("SP_LISTEN_WEB_ALLOW_GET", "/a")]).listeners[0];
    assert_eq!(web.policy.rules().patterns().count(), 0);
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
