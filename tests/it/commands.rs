//! Questions that the real program answers instead of running: exit codes, tables,
//! and lists of rights with which a run passes.

use crate::support::PATIENCE;
use crate::support::live::Live;
use crate::support::process::{Outcome, finish, run, spawn, until};
use crate::support::proxy::{self, Listen, Proxy};
use crate::support::scratch::Scratch;
use crate::support::skip::skip_unless_required;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// The program with these arguments and this standard input.
fn ask(arguments: &[&str], input: &[u8]) -> Outcome {
    run(proxy::command().args(arguments), input)
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.success()).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

#[test]
fn presets_are_listed_and_shown() {
    let list = ask(&["-presets"], b"").success();
    assert!(list.contains("\ntraefik ") && list.contains("\nuptime-kuma "), "{list}");
    let one = ask(&["-presets=traefik"], b"").success();
    assert!(one.contains("ContainerList") && one.contains("\n+swarm: "), "{one}");
    assert_eq!(json(&ask(&["-presets=traefik", "-logjson"], b""))["name"], "traefik");
    let count = json(&ask(&["-presets", "-logjson"], b"")).as_array().unwrap().len();
    let sentence = format!("for {count} applications");
    for text in [include_str!("../../README.md"), include_str!("../../CHANGELOG.md")] {
        assert!(text.contains(&sentence), "{sentence}");
    }
    let wrong = ask(&["-presets=trafik"], b"");
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr_text().contains("did you mean traefik?"), "{wrong:?}");
}

#[test]
fn lint_lists_more_than_was_meant_by_a_wide_pattern() {
    let pattern = r"-allowGET=/v1\..{1,2}/(version|containers/.*|events.*)";
    let value = json(&ask(&["-lint", "-logjson", pattern], b""));
    let operations = value["listeners"][0]["operations"].as_array().unwrap().clone();
    let names: Vec<&str> = operations.iter().map(|o| o["operation"].as_str().unwrap()).collect();
    for name in ["ContainerArchive", "ContainerExport", "ContainerLogs", "ContainerAttachWebsocket"]
    {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    assert_eq!(value["listeners"][0]["undecided"], Value::Array(Vec::new()));
    // The same rules allow every witness.
    let witnesses = operations.iter().map(|o| o["rules"][0]["witness"].as_str().unwrap());
    let lines = witnesses.collect::<Vec<_>>().join("\n");
    let checked = ask(&["-check=-", pattern], lines.as_bytes());
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert_eq!(checked.stdout_text().matches("allowed    GET ").count(), operations.len());

    let table = ask(&["-lint", pattern], b"").success();
    assert!(table.contains("! files: contents of files\n"), "{table}");
    assert!(!table.contains('\u{1b}'), "colours without a terminal: {table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

#[test]
fn lint_names_an_empty_policy_and_every_listener() {
    let empty = ask(&["-lint", "-loglevel=debug"], b"");
    assert!(empty.success().contains("opens nothing"), "{empty:?}");
    assert!(empty.stderr_text().contains("The policy is empty"), "{empty:?}");
    let several = ask(
        &["-lint", "-allow=harmless", "-listen=web=unix:/a", "-allow@web=all", "-deny@web=all"],
        b"",
    );
    let text = several.success();
    assert!(text.contains("the default listener (127.0.0.1:2375) opens "), "{text}");
    assert!(text.contains("the listener web (/a) opens nothing"), "{text}");
    assert_eq!(ask(&["-lint", "-allowGET=("], b"").code, Some(1));
}

#[test]
fn check_answers_with_the_rule_or_the_change_and_an_exit_code() {
    let rows = [
        (&["-check=GET /info", "-allow=reads"][..], 0, "by -allow=reads"),
        (&["-check", "GET /info", "-allowGET=/info"], 0, "by -allowGET=/info"),
        (&["-check=GET /info"], 1, "to allow it, add -allow=SystemInfo"),
        (&["-check=GET /info", "-allow=all", "-deny=SystemInfo"], 1, "denied by -deny=SystemInfo"),
        (&["-check=GET /info", "-check=POST /build", "-allow=reads"], 1, "refused    POST /build"),
        (
            &["-check@web=GET /info", "-listen=web=unix:/a", "-allow@web=reads"],
            0,
            "by -allow@web=reads",
        ),
    ];
    for (arguments, code, part) in rows {
        let outcome = ask(arguments, b"");
        assert_eq!(outcome.code, Some(code), "{arguments:?} {outcome:?}");
        assert!(outcome.stdout_text().contains(part), "{arguments:?} {outcome:?}");
    }
    let answer = json(&ask(&["-check=GET /info", "-allow=reads", "-logjson"], b""));
    assert_eq!((&answer["verdict"], &answer["class"]), (&"allowed".into(), &"reads".into()));
}

#[test]
fn check_reads_lines_and_names_the_wrong_ones() {
    let arguments = ["-check=-", "-allow=reads"];
    assert_eq!(ask(&arguments, b"# comment\n\nGET /info\nGET /version\n").code, Some(0));
    let rows = [
        (&b"GET /info\nPOST /build\n"[..], ""),
        (b"GET /info\n\nGET\n", "-check=-: line 3: it has no path; expected METHOD PATH"),
        (b"GET info", "-check=-: line 1: \"info\" is not a path: "),
        (b"FETCH /x", "\"FETCH\" is not a method"),
        (b"\xff\xfe\x00\n", "-check=-: line 1: "),
        (b"", "standard input has no request"),
        (&[b'x'; 200_000], "-check=-: line 1: it is too long"),
    ];
    for (input, part) in rows {
        let outcome = ask(&arguments, input);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stderr_text().contains(part), "{part} {outcome:?}");
    }
    let wrong = ask(&["-check=GET info", "-allow=reads"], b"");
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr_text().contains("for -check: \"info\" is not a path"), "{wrong:?}");
}

#[test]
fn input_that_cannot_be_used_is_named() {
    let scratch = Scratch::new();
    let missing = scratch.path().join("missing").display().to_string();
    let directory = scratch.path().display().to_string();
    let garbage: Vec<u8> =
        (0..1 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let rows = [
        (format!("-suggest={missing}"), &b""[..], "cannot read the log: No such file"),
        (format!("-suggest={directory}"), b"", "cannot read the log: Is a directory"),
        ("-suggest=-".to_owned(), b"", "none of its 0 lines has a request"),
        ("-suggest=-".to_owned(), b"hello\nworld\n", "none of its 2 lines has a request"),
        ("-suggest=-".to_owned(), &garbage, "lines has a request"),
        (
            "-suggest=-".to_owned(),
            b"msg=\"blocked request\" method=GET URL=/a/../b client=1.2.3.4:1\n",
            "(1 are about requests that no rule can allow)",
        ),
    ];
    for (argument, input, part) in rows {
        let outcome = ask(&[&argument], input);
        assert_eq!(outcome.code, Some(1), "{argument} {outcome:?}");
        assert!(outcome.stderr_text().contains(part), "{part}: {outcome:?}");
        assert_eq!(outcome.stdout_text(), "");
    }
    let form = ask(&["-suggest=-", "-format=xml"], b"");
    assert!(
        form.stderr_text().contains("expected flags, variables, compose or labels"),
        "{form:?}"
    );
}

#[test]
fn forged_requests_of_a_log_stay_what_they_are() {
    let log = concat!(
        "time=x level=WARN msg=\"blocked request\" method=GET URL=\"/x\\\" msg=\\\"allowed request\\\" ",
        "method=POST URL=\\\"/build\" client=10.0.0.2:1\n",
        "time=x level=WARN msg=\"blocked request\" reason=\"method=POST URL=/build\" method=GET ",
        "URL=/info client=10.0.0.2:1\n",
    );
    let list = ask(&["-suggest=-", "-format=flags"], log.as_bytes()).success();
    assert!(list.ends_with("-allow=SystemInfo"), "{list}");
    assert!(list.starts_with("# This log has refused requests only"), "{list}");
}

/// A log of 16 MiB (or of `SUGGEST_MIB`) is read in the memory of a small one.
#[test]
fn a_huge_log_is_read_in_constant_memory() {
    let mib: usize = std::env::var("SUGGEST_MIB").map_or(16, |text| text.parse().unwrap());
    let mut child = spawn(proxy::command().arg("-suggest=-"));
    let pid = child.id();
    let mut input = child.stdin.take().unwrap();
    let mut piece = Vec::new();
    for n in 0_u32.. {
        if piece.len() >= 1 << 20 {
            break;
        }
        let path = format!("/unknown/{}/{n}", "x".repeat(900));
        let line =
            format!("msg=\"allowed request\" method=GET URL={path} client=10.0.{}.1:1\n", n % 256);
        piece.extend_from_slice(line.as_bytes());
    }
    piece.extend([b'z'; 300_000]);
    piece.push(b'\n');
    for _ in 0..mib {
        input.write_all(&piece).unwrap();
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    drop(input);
    let outcome = finish(child, PATIENCE);
    assert!(peak_kib < 32 << 10, "{peak_kib} KiB");
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stderr_text().contains("lines are longer than"), "{:?}", outcome.stderr_text());
}

/// A daemon that answers everything with 200 and closes.
fn daemon(scratch: &Scratch) -> PathBuf {
    let path = scratch.path().join("daemon.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                read_head(&mut stream);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            });
        }
    });
    path
}

fn read_head(stream: &mut UnixStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// The statuses of requests to a proxy.
fn statuses(proxy: &Proxy, requests: &[&str]) -> Vec<String> {
    let path = proxy.host().strip_prefix("unix://").unwrap();
    let status = |request: &&str| {
        let mut stream = UnixStream::connect(Path::new(path)).unwrap();
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        read_head(&mut stream).split(' ').nth(1).unwrap_or_default().to_owned()
    };
    requests.iter().map(status).collect()
}

#[test]
fn a_run_passes_with_the_list_that_its_log_suggests() {
    let scratch = Scratch::new();
    let daemon = daemon(&scratch);
    let requests = [
        "GET /v1.51/containers/json?all=1",
        "GET /v1.51/containers/a%20b/json",
        "POST /containers/web/restart?t=5",
        "HEAD /_ping",
        "GET /v1.51/x/it's%20$5",
        "DELETE /v1.51/images/team/app:1",
    ];
    let flags = ["-loglevel=debug", "-allow=ContainerList,SystemPingHead"];
    let mut first = Proxy::start(Listen::Unix, &daemon, &flags);
    let before = statuses(&first, &requests);
    assert_eq!(before.iter().filter(|status| *status == "200").count(), 2, "{before:?}");
    assert_eq!(first.stop(), Some(0));

    let log = first.log();
    let value = json(&ask(&["-suggest=-", "-logjson"], log.as_bytes()));
    let client = &value["clients"][0];
    let names = |key: &str, name: &str| -> Vec<String> {
        let items = client[key].as_array().unwrap().iter();
        items.map(|item| item[name].as_str().unwrap().to_owned()).collect()
    };
    let operations = names("operations", "operation");
    let expected =
        ["ContainerList", "ContainerInspect", "ContainerRestart", "ImageDelete", "SystemPingHead"];
    assert_eq!(operations, expected);
    assert_eq!(names("patterns", "pattern"), [r"/v[0-9.]+/x/it's \$5"]);

    let variables = ask(&["-suggest=-", "-format=variables"], log.as_bytes()).success();
    let pairs: Vec<(&str, &str)> = variables
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once('=').unwrap())
        .collect();
    let second = Proxy::start_with(Listen::Unix, &daemon, &[], &pairs);
    assert_eq!(statuses(&second, &requests), ["200"; 6], "{variables}");
    let others = ["GET /info", "GET /containers/web/logs", "GET /v1.51/x", "POST /build"];
    assert!(statuses(&second, &others).iter().all(|status| status != "200"));
}

#[test]
fn other_proxies_variables_are_honoured_and_named() {
    let scratch = Scratch::new();
    let daemon = daemon(&scratch);
    let variables = [("CONTAINERS", "1"), ("DELETE", "1"), ("POST", "0")];
    let proxy = Proxy::start_with(Listen::Unix, &daemon, &["-compat=tecnativa"], &variables);
    let requests = ["GET /containers/json", "GET /containers/web/logs", "POST /containers/create"];
    assert_eq!(statuses(&proxy, &requests), ["200", "403", "405"]);
    let log = proxy.log();
    assert!(log.contains("variable=CONTAINERS value=1 became=ContainerList,"), "{log}");
    let without = "msg=\"variable of another proxy has no effect\" variable=DELETE value=1 \
                   became=\"nothing: this dialect does not have it\"";
    assert!(log.contains(without), "{log}");
    let wrong = ask(&["-compat=haproxy"], b"");
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr_text().contains("expected tecnativa, tecnativa-next or linuxserver"));
}

/// As in a container: the proxy is process 1, and the question has no flags.
#[test]
fn a_bare_question_is_about_process_one() {
    let isolated = ["--pid", "--fork", "--mount-proc", "--kill-child"];
    let can = Command::new("unshare").args(isolated).arg("true").output();
    if !can.is_ok_and(|output| output.status.success()) {
        let reason = "there is no right to make a namespace of processes";
        return skip_unless_required("SOCKET_PROXY_REQUIRE_NAMESPACES", reason);
    }
    let scratch = Scratch::new();
    let daemon = daemon(&scratch);
    let program = proxy::binary();
    let mut command = Command::new("unshare");
    command.args(isolated).arg(&program).args(["-logjson", "-allow=SystemInfo"]);
    command.arg(format!("-socketpath={}", daemon.display()));
    command.arg(format!("-proxysocketendpoint={}", scratch.path().join("p.sock").display()));
    command.env("SP_ALLOW_GET", "/version").env("SP_LISTENIP", "::1");
    let live = Live::start(&mut command);
    live.await_text("running and listening");
    let inner = until(PATIENCE, || inner_process(&program)).expect("the proxy runs");
    let within = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new("nsenter");
        command.args(["-t", &inner, "-p", "-m", "--"]).arg(&program).args(arguments);
        run(command.envs(variables.iter().copied()), b"")
    };
    // An exec gets the variables of its container.
    let inherited = [("SP_ALLOW_GET", "/version"), ("SP_LISTENIP", "::1")];
    for variables in [&[][..], &inherited] {
        let lint = within(&["-lint"], variables);
        assert!(lint.stderr_text().contains("the running proxy"), "{lint:?}");
        let text = lint.success();
        assert!(text.contains("SystemInfo") && text.contains("SystemVersion"), "{text}");
    }
    assert_eq!(within(&["-check=GET /info"], &[]).code, Some(0));
    assert_eq!(within(&["-check=GET /images/json"], &[]).code, Some(1));
    let own = within(&["-check=GET /info"], &[("SP_ALLOW", "ContainerList")]);
    assert_eq!(own.code, Some(1), "{own:?}");
    assert_eq!(within(&["-check=GET /info", "-allow=ContainerList"], &[]).code, Some(1));
    drop(live);
}

/// The process below unshare's that runs the program with `-allow=SystemInfo`.
fn inner_process(program: &Path) -> Option<String> {
    let is_it = |pid: &String| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.starts_with(program.as_os_str().as_encoded_bytes())
            && words.windows(17).any(|part| part == b"-allow=SystemInfo")
    };
    let names = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    names.map(|entry| entry.file_name().to_string_lossy().into_owned()).find(is_it)
}
