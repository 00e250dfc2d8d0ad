//! Patterns that are deep or heavy, in flags of the real binary.

use crate::support::PATIENCE;
use crate::support::proxied::Proxied;
use crate::support::proxy::binary;
use crate::support::raw_client::{RawClient, Wait};
use crate::support::scripted_daemon::{OK, ScriptedDaemon, Step};
use std::process::{Command, Output};

/// A stack on which no deep pattern could be compiled.
const SMALL_STACK: [&str; 2] = ["prlimit", "--stack=262144"];

fn nested(levels: usize) -> String {
    ["(", &"(a|b".repeat(levels), &"c)".repeat(levels), ")"].concat()
}

#[test]
fn deep_patterns_start_and_deny_whatever_the_stack_of_the_process() {
    let daemon = ScriptedDaemon::start(vec![Step::ReadHead, Step::Send(OK.to_vec())]);
    let flags = [format!("-allowGET=/ok|/{}", nested(40)), format!("-allowHEAD=/{}", nested(249))];
    let mut proxied = Proxied::start_as(&SMALL_STACK, daemon.socket_path(), &flags);
    for (method, path, status) in [
        ("GET", "/denied", 403),
        ("GET", "/ok", 200),
        ("HEAD", "/denied", 403),
        ("GET", "/ok/x", 403),
    ] {
        let mut client = RawClient::connect(proxied.address());
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: d\r\n\r\n").as_bytes());
        let Ok(Wait::Answer(answer)) = client.answer(method, PATIENCE) else { panic!("{path}") };
        assert_eq!(answer.response.status, status, "{method} {path}");
    }
    assert!(proxied.is_alive());
}

fn refused(flag: &str) -> Output {
    let [wrapper, limit] = SMALL_STACK;
    let mut command = Command::new(wrapper);
    command.arg(limit).arg(binary()).arg(flag).env_clear().output().expect("the proxy starts")
}

#[test]
fn patterns_beyond_the_limits_are_refused_by_the_name_of_their_flag() {
    for (pattern, reason) in [
        (format!("/{}", nested(252)), "nest deeper than 250 levels"),
        (format!("/{}", nested(10_000)), "nest deeper than 250 levels"),
        ("(".repeat(60_000), "no closing"),
        (r"/\pL{1000}".to_owned(), "it would take more than 16 MiB when compiled"),
    ] {
        let output = refused(&format!("-allowPOST={pattern}"));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{:.300}", text);
        assert!(text.contains("-allowPOST") && text.contains(reason), "{:.300}", text);
    }
}

#[test]
fn the_heaviest_patterns_cost_a_bounded_amount_of_memory() {
    let daemon = ScriptedDaemon::start(Vec::new());
    let flags = vec![r"-allowGET=/\pL{120}".to_owned(), r"-allowPOST=/\pL{120}".to_owned()];
    let proxied = Proxied::start(daemon.socket_path(), &flags);
    // Compiling takes about as much as the patterns weigh: 16 MiB at most.
    assert!(proxied.peak_rss_kib() < 48 << 10, "{} KiB", proxied.peak_rss_kib());
    println!("{} KiB at the peak, {} KiB now", proxied.peak_rss_kib(), proxied.rss_kib());
}
