//! Values: those that are taken, wrong ones and empty ones.

use super::*;

#[test]
fn metrics_have_an_address_and_a_port() {
    let rows = [
        ("9375", "it has no port after a colon"),
        ("127.0.0.1", "it has no port after a colon"),
        (
            ":9375",
            "it has no address before the port; 127.0.0.1 is only this machine, 0.0.0.0 is all \
             networks",
        ),
        ("proxy:9375", "it is not an IP address"),
        ("::1:9375", "an IPv6 address is written in brackets"),
        ("127.0.0.1:0", "the port is invalid: it is out of range"),
        ("127.0.0.1:metrics", "the port is invalid: it is not a whole number"),
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

/// A flag, its variable, a wrong value, and the rest of the message behind the name.
const WRONG_VALUES: [(&str, &str, &str, &str); 15] = [
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
        "\"10.0.0.256\" is not a network, address or host name; expected comma-separated \
         networks, addresses or host names, for example NAME=127.0.0.1,10.0.0.0/8,web",
    ),
    (
        "allowfrom",
        "SP_ALLOWFROM",
        ",",
        "it is empty; expected comma-separated networks, addresses or host names, \
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

#[test]
fn wrong_values_are_named_with_an_example() {
    for (flag, variable, value, rest) in WRONG_VALUES {
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
