//! The completions in `contrib`, in the shells that they are for, and the man
//! page as its readers show it.
//!
//! A shell that is not installed is skipped; with `SOCKET_PROXY_REQUIRE_SHELLS=1` the
//! test fails.

use crate::support::process;
use crate::support::skip::skip_unless_required;
use std::process::{Command, Stdio};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A line up to the cursor, and something that is offered for its last word.
const COMPLETED: [(&str, &str); 8] = [
    ("socket-proxy -allowG", "-allowGET"),
    ("socket-proxy -allowGET=/version -maxconn", "-maxconnections"),
    ("socket-proxy -logjson -allowh", "-allowhealthcheck"),
    ("socket-proxy -loglevel=", "DEBUG"),
    ("socket-proxy -loglevel=W", "WARN"),
    ("socket-proxy -loglevel ", "ERROR"),
    ("socket-proxy -socketpath=/etc/pass", "/etc/passwd"),
    ("socket-proxy -allowbindmountfrom=/us", "/usr"),
];

#[test]
fn bash_completes_flags_values_files_and_directories() {
    let script = format!(
        "source {ROOT}/contrib/completions/socket-proxy.bash
         read -ra COMP_WORDS <<<\"${{1//=/ = }}\"
         [[ $1 != *[\\ =] ]] || COMP_WORDS+=('')
         COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
         _socket_proxy; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    check("bash", |line| vec!["-c".into(), script.clone(), "bash".into(), line.into()]);
}

#[test]
fn fish_completes_flags_values_files_and_directories() {
    let script = |line: &str| {
        format!("source {ROOT}/contrib/completions/socket-proxy.fish; complete -C '{line}'")
    };
    check("fish", |line| vec!["--no-config".into(), "-c".into(), script(line)]);
}

#[test]
fn zsh_completes_flags_values_files_and_directories() {
    let capture = format!("{ROOT}/tests/support/completed.zsh");
    let directory = format!("{ROOT}/contrib/completions");
    check("zsh", |line| vec!["-f".into(), capture.clone(), directory.clone(), line.into()]);
}

#[test]
fn the_man_page_has_no_error_for_its_reader() {
    if !is_there("mandoc") {
        return;
    }
    let page = format!("{ROOT}/contrib/man/socket-proxy.1");
    let lint = process::run(Command::new("mandoc").args(["-T", "lint", "-W", "error", &page]), b"");
    assert_eq!(lint.success(), "");
    let text = process::run(Command::new("mandoc").args(["-T", "ascii", &page]), b"").success();
    assert!(text.contains("(/v1\\.[0-9]+)?/info"), "backslashes are kept:\n{text}");
}

#[track_caller]
fn check(shell: &str, arguments: impl Fn(&str) -> Vec<String>) {
    if !is_there(shell) {
        return;
    }
    for (line, expected) in COMPLETED {
        let outcome = process::run(Command::new(shell).args(arguments(line)), b"");
        let offered = outcome.stdout_text();
        // zsh shows the last part of a path, fish the whole word and its description.
        let is_offered = |found: &str| {
            let found = found.split('\t').next().unwrap_or_default().trim_end_matches(['=', '/']);
            !found.is_empty()
                && (found.ends_with(expected) || expected.ends_with(&format!("/{found}")))
        };
        assert!(offered.lines().any(is_offered), "{shell}: {line:?}: {outcome:?}");
    }
}

fn is_there(program: &str) -> bool {
    let found = Command::new("which").arg(program).stdout(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return true;
    }
    skip_unless_required("SOCKET_PROXY_REQUIRE_SHELLS", &format!("{program} is not there"));
    false
}
