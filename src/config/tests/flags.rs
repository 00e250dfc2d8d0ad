//! Command lines as words: how flags are written, and mistakes in them.

use super::*;

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
            "ignored, because the first argument that is not a flag ends the flags (write true \
             and false as -flag=true): \"true\" \"-allowfrom=web\"",
        ),
        (
            "-- -logjson",
            "ignored, because the first argument that is not a flag ends the flags (write true \
             and false as -flag=true): \"-logjson\"",
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
    let needs_name = "only -allowfrom, -allow, -deny, -allow<METHOD>, -allowbindmountfrom, -bindmountsexact, -targetlabel, -hideenv, -safecreate, -safecreateallow, -allowimage, -maxmemory, -maxcpus, -maxpids and -check take a listener's name after an @";
    let expected = format!("expected {}", values::LISTENER_NAME);
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
        (
            "-allowGET@my-web=/a",
            format!("invalid name of a listener in \"-allowGET@my-web\"; {expected}"),
        ),
        ("-allowGET@=/a", format!("invalid name of a listener in \"-allowGET@\"; {expected}")),
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
