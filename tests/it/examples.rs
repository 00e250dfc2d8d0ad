//! The allowlists in `examples` work as their files describe.
//!
//! Each row of `tests/cases/examples.tsv` is a request that an application
//! makes, or one that no example may let through. The flags are read from the
//! files themselves, as users copy them.

use crate::support::skip::skip_unless_required;
use socket_proxy::advice::lint::lint;
use socket_proxy::advice::presets;
use socket_proxy::api::{Operation, exact};
use socket_proxy::config::{Config, Invocation, ListenAddress};
use socket_proxy::filter::Rules;
use socket_proxy::http1::Method;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file of a row that holds for all.
const ALL_FILES: &str = "*";

/// One line of the table.
struct Row {
    file: String,
    allowed: bool,
    method: Method,
    path: String,
}

fn table() -> Vec<Row> {
    let text = include_str!("../cases/examples.tsv");
    text.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

fn row(line: &str) -> Row {
    let mut cells = line.split('\t');
    let mut cell = || cells.next().unwrap_or_else(|| panic!("too few cells: {line}"));
    let file = cell().to_owned();
    let allowed = match cell() {
        "allow" => true,
        "deny" => false,
        other => panic!("{other}: {line}"),
    };
    let method = Method::from_name(cell()).unwrap_or_else(|| panic!("{line}"));
    Row { file, allowed, method, path: cell().to_owned() }
}

fn directory(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(kind)
}

/// The flags of the proxy in a compose file or a pod, `- '-flag'` or
/// `- '-flag=value'`, and those of a quadlet.
fn flags(text: &str) -> Vec<(String, String)> {
    let listed =
        text.lines().filter_map(|line| line.trim().strip_prefix("- '")?.strip_suffix('\''));
    let of_quadlet =
        text.lines().filter_map(|line| line.strip_prefix("Exec=")).flat_map(str::split_whitespace);
    listed
        .chain(of_quadlet)
        .filter_map(|word| word.strip_prefix('-'))
        .filter(|flag| !flag.starts_with('-'))
        .map(|flag| flag.replace("$$", "$").replace("''", "'"))
        .map(|flag| match flag.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (flag, String::new()),
        })
        .collect()
}

/// The rules of the default listener.
fn rules(text: &str) -> Rules {
    config(text).listeners[0].policy.rules().clone()
}

/// The files of one kind, by their names, that run the proxy.
fn files_of(kind: &str) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(directory(kind)).unwrap().map(|entry| entry.unwrap().path());
    let read = entries.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(path).unwrap())
    });
    read.filter(|(_, text)| text.contains("-allow=")).collect()
}

/// All examples by their names.
fn files() -> BTreeMap<String, String> {
    ["compose", "kubernetes", "quadlet"].into_iter().flat_map(files_of).collect()
}

#[test]
fn applications_get_what_they_ask_for() {
    let rules: BTreeMap<_, _> =
        files().into_iter().map(|(name, text)| (name, self::rules(&text))).collect();
    for Row { file, allowed, method, path } in table().iter().filter(|row| row.file != ALL_FILES) {
        let verdict = rules[file].judge(*method, path);
        assert_eq!(verdict.is_allowed(), *allowed, "{file}: {method} {path}: {verdict:?}");
    }
}

/// The operations that a file's rows need.
fn asked(table: &[Row], name: &str) -> BTreeSet<Operation> {
    let rows = table.iter().filter(|row| row.file == name && row.allowed);
    rows.filter_map(|row| exact(row.method, &row.path)).collect()
}

#[test]
fn no_operation_is_open_for_which_nobody_asks() {
    let table = table();
    for (name, text) in files() {
        let lint = lint(&rules(&text));
        assert_eq!(lint.undecided, [], "{name}");
        let opened: BTreeSet<_> = lint.openings.into_keys().collect();
        assert_eq!(opened, asked(&table, &name), "{name}: what is open, and what is asked for");
    }
}

#[test]
fn dangerous_neighbours_are_refused() {
    let table = table();
    let denied: Vec<&Row> = table.iter().filter(|row| row.file == ALL_FILES).collect();
    assert!(denied.len() >= 40);
    for (name, text) in files() {
        let (rules, asked) = (rules(&text), asked(&table, &name));
        for Row { method, path, .. } in &denied {
            let is_meant = exact(*method, path).is_some_and(|operation| asked.contains(&operation));
            let verdict = rules.judge(*method, path);
            assert_eq!(verdict.is_allowed(), is_meant, "{name}: {method} {path}: {verdict:?}");
        }
    }
}

#[test]
fn every_file_uses_a_preset_and_says_what_its_client_can_do_at_worst() {
    for (name, text) in files() {
        assert!(text.contains(" At worst "), "{name}");
        let given = flags(&text);
        let mut lists = given.iter().filter(|(flag, _)| flag.split('@').next() == Some("allow"));
        let is_preset = |list: &str| presets::find(list.split('+').next().unwrap()).is_some();
        // An agent is no application of that name.
        let is_of_agent = name == "safe-agent.yml";
        assert!(lists.all(|(_, list)| is_preset(list) || is_of_agent), "{name}");
        let rules = rules(&text);
        assert_eq!(rules.patterns().count(), 0, "{name}");
        let is_root = rules.judge(Method::Post, "/containers/create").is_allowed();
        assert!(
            !is_root || text.contains("# At worst ") && text.contains(" root on the "),
            "{name}"
        );
    }
    assert!(files()["watchtower.yml"].contains("the container is lost"));
}

/// The lists in the labels of each service: `socket-proxy.allow: 'LIST'`.
fn labels(text: &str) -> BTreeMap<&str, String> {
    let mut found = BTreeMap::new();
    let mut service = "";
    for line in text.lines() {
        match line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')) {
            Some(name) if !name.starts_with(' ') => service = name,
            _ => {}
        }
        let Some(list) = line.trim().strip_prefix("socket-proxy.allow: '") else { continue };
        found.insert(service, list.strip_suffix('\'').unwrap().to_owned());
    }
    assert_eq!(text.matches(" socket-proxy.allow").count(), found.len());
    found
}

/// So that the rows of the application's own file hold here too.
#[track_caller]
fn check_same_as_in_own_file(application: &str, list: &str) {
    let own = flags(&files()[&format!("{application}.yml")]);
    let own: Vec<_> = own.iter().filter(|(name, _)| name == "allow").collect();
    assert_eq!(own, [&("allow".to_owned(), list.to_owned())], "{application}");
}

#[test]
fn the_labels_of_an_application_say_what_the_flags_in_its_own_file_say() {
    let files = files();
    let found = labels(&files["container-rights.yml"]);
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), ["dozzle", "traefik"]);
    for (service, list) in found {
        check_same_as_in_own_file(service, &list);
    }
}

#[test]
fn the_listener_of_an_application_says_what_the_flags_in_its_own_file_say() {
    let text = &files()["unix-listeners.yml"];
    let listeners = config(text).listeners;
    let named: Vec<_> = listeners.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!(named, ["", "traefik", "dozzle"]);
    let flags = flags(text);
    for listener in listeners.iter().filter(|listener| !listener.name.is_empty()) {
        assert!(matches!(listener.endpoint, ListenAddress::Unix { .. }), "{}", listener.name);
        let name = format!("allow@{}", listener.name);
        let list = flags.iter().find(|(flag, _)| *flag == name).map(|(_, list)| list.as_str());
        check_same_as_in_own_file(&listener.name, list.unwrap());
    }
}

/// Each socket is in a volume that one service mounts beside the proxy.
#[test]
fn a_socket_is_shared_with_one_client() {
    let text = &files()["unix-listeners.yml"];
    for application in ["traefik", "dozzle"] {
        let mounts = text.matches(&format!("- {application}-socket:")).count();
        assert_eq!(mounts, 2, "{application}");
        let proxy = format!("- {application}-socket:/run/{application}\n");
        assert!(text.contains(&proxy), "{application}");
        let flag = format!("-listen={application}=unix:/run/{application}/docker.sock,");
        assert!(text.contains(&flag), "{application}");
    }
}

/// The configuration from the flags of a file.
fn config(text: &str) -> Config {
    let arguments = flags(text).into_iter().map(|(name, value)| match value.as_str() {
        "" => format!("-{name}").into(),
        _ => format!("-{name}={value}").into(),
    });
    match Config::from_args_and_env(arguments, []).unwrap() {
        Invocation::Run(config) => *config,
        other => panic!("{other:?}"),
    }
}

/// The variables that the files require.
const VARIABLES: [&str; 6] = [
    "AGENT_IMAGE",
    "DOCKER_GID",
    "FORGEJO_INSTANCE",
    "FORGEJO_TOKEN",
    "WOODPECKER_AGENT_SECRET",
    "WOODPECKER_SERVER",
];

/// Compose reads the flags as this test does, and each variable that a file asks
/// for is named in it. Skips where there is no `docker-compose`.
#[test]
fn compose_reads_the_flags_as_they_are_written() {
    let there = Command::new("docker-compose").arg("version").output();
    if !there.is_ok_and(|output| output.status.success()) {
        let reason = "docker-compose is not there";
        return skip_unless_required("SOCKET_PROXY_REQUIRE_ENGINE", reason);
    }
    let scratch = std::env::temp_dir().join(format!("examples-{}", std::process::id()));
    std::fs::create_dir(&scratch).unwrap();
    let mut sources = files_of("compose");
    sources.insert("README".to_owned(), fenced(include_str!("../../README.md")));
    let manual = include_str!("../../docs/container-rights.md");
    sources.insert("container-rights.md".to_owned(), fenced(manual));
    for (name, text) in sources {
        let path = scratch.join("compose.yml");
        std::fs::write(&path, &text).unwrap();
        let output = Command::new("docker-compose")
            .args(["-f", path.to_str().unwrap(), "config"])
            .envs(VARIABLES.map(|variable| (variable, "1")))
            .env("XDG_RUNTIME_DIR", "/run/user/1000")
            .output()
            .unwrap();
        let (read, error) = (utf8(&output.stdout), utf8(&output.stderr));
        assert!(output.status.success(), "{name}: {error}");
        assert!(!error.contains("variable is not set"), "{name}: {error}");
        let flags = command(&read, "socket-proxy");
        assert_eq!(flags, command(&text, "socket-proxy"), "{name}");
        let arguments = flags.iter().map(Into::into);
        match Config::from_args_and_env(arguments, []) {
            Ok(Invocation::Run(config)) => {
                let odd = config.warnings.iter().find(|warning| !warning.contains("HEAD /_ping"));
                assert_eq!(odd, None, "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    std::fs::remove_dir_all(&scratch).unwrap();
}

/// The command lines of the README, as a shell reads them.
#[test]
fn the_command_lines_of_the_readme_are_taken_without_a_warning() {
    let readme = include_str!("../../README.md").replace("\\\n", " ");
    let is_command = |line: &&str| {
        let mut words = line.split_whitespace();
        words.next() == Some("socket-proxy") && words.next().is_some_and(|w| w.starts_with('-'))
    };
    let lines: Vec<&str> = readme.lines().filter(is_command).collect();
    assert!(!lines.is_empty());
    for line in lines {
        let words = line.split_whitespace().skip(1).map(|word| word.replace('\'', "").into());
        let Ok(Invocation::Run(config)) = Config::from_args_and_env(words, []) else {
            panic!("{line}");
        };
        assert_eq!(config.warnings, [""; 0], "{line}");
    }
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The first complete compose file within a text.
fn fenced(text: &str) -> String {
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut files = blocks.filter(|block| block.contains("services:\n") && !block.contains('…'));
    files.next().expect("a compose file").to_owned()
}

/// The items of a service's command, in quotes of any kind.
fn command(text: &str, service: &str) -> Vec<String> {
    let heading = format!("  {service}:");
    let of_service = text.lines().skip_while(|line| *line != heading).skip(1);
    let of_service = of_service.take_while(|line| line.starts_with("   "));
    let items = of_service.skip_while(|line| line.trim() != "command:").skip(1);
    let items = items.filter(|line| !line.trim().starts_with('#'));
    let items = items.map_while(|line| line.trim().strip_prefix("- "));
    items.map(|item| unquoted(item).replace("$$", "$")).collect()
}

/// A scalar of YAML on one line: in single quotes, or plain with a comment.
fn unquoted(item: &str) -> String {
    match item.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(inner) => inner.replace("''", "'"),
        None => item.split(" #").next().unwrap_or_default().trim_end().to_owned(),
    }
}

#[test]
fn the_flags_are_taken_without_a_warning() {
    for (name, text) in files() {
        assert_eq!(config(&text).warnings, [""; 0], "{name}");
    }
}

#[test]
fn the_hub_mounts_the_directory_that_its_users_share_and_nothing_below_or_beside_it() {
    let config = config(&files()["bind-mounts.yml"]);
    let bodies = &config.listeners[0].policy.bodies();
    let is_allowed = |source: &str| {
        let path = "/v1.51/containers/create";
        let inspection = bodies.inspection(Method::Post, path, None).unwrap().unwrap();
        let body = format!(r#"{{"Image":"x","HostConfig":{{"Binds":["{source}:/w:rw"]}}}}"#);
        bodies.judge(inspection, Some(b"application/json"), body.as_bytes()).is_ok()
    };
    for source in ["/srv/jupyterhub/shared", "/srv/jupyterhub/./shared/", "jupyterhub-alice"] {
        assert!(is_allowed(source), "{source}");
    }
    for source in [
        "/",
        "/srv",
        "/srv/jupyterhub/shared-by-others",
        "/srv/jupyterhub/shared/../x",
        "/srv/jupyterhub/shared/planted-link",
    ] {
        assert!(!is_allowed(source), "{source}");
    }
}

/// Whether a file lets this body create a container.
fn creates(name: &str, body: &str) -> bool {
    let config = config(&files()[name]);
    let bodies = config.listeners[0].policy.bodies();
    let path = "/v1.51/containers/create";
    let inspection = bodies.inspection(Method::Post, path, None).unwrap().unwrap();
    bodies.judge(inspection, Some(b"application/json"), body.as_bytes()).is_ok()
}

/// The requests of the clients of the safe examples, each with one change.
#[test]
fn safe_examples_create_what_their_clients_ask_for_and_nothing_dangerous() {
    let job = r#"{"Image":"node:22-bookworm","Entrypoint":["tail","-f","/dev/null"],"Env":["A=b"],
        "WorkingDir":"/workspace","HostConfig":{"NetworkMode":"bridge","Privileged":false,
        "UsernsMode":"","CapAdd":null,"Binds":null,"Mounts":[{"Type":"volume",
        "Source":"job-env","Target":"/var/run/act"}]},"NetworkingConfig":{"EndpointsConfig":{}}}"#;
    let code = r#"{"Image":"docker.io/library/python:3.13-slim","Cmd":["python","-c","1"],
        "AttachStdout":true,"HostConfig":{"NetworkMode":"none","Memory":536870912,
        "NanoCpus":1000000000,"PidsLimit":128}}"#;
    let notebook = r#"{"Image":"quay.io/jupyter/base-notebook:latest","Env":["JUPYTERHUB_USER=a"],
        "ExposedPorts":{"8888/tcp":{}},"Volumes":{"/home/jovyan/work":{}},"HostConfig":{
        "NetworkMode":"notebooks","Binds":["jupyterhub-a:/home/jovyan/work:rw"],"Links":[],
        "Memory":2147483648,"CpuPeriod":100000,"CpuQuota":200000,"PidsLimit":512}}"#;
    let shared = notebook.replace("work:rw\"", "work:rw\",\"/srv/jupyterhub/shared:/shared\"");
    let step = r#"{"Image":"alpine","Labels":{"wp_uuid":"1","wp_step":"build"},
        "WorkingDir":"/woodpecker","AttachStdout":true,"AttachStderr":true,"Env":["CI=woodpecker"],
        "Entrypoint":["/bin/sh","-c","x"],"Volumes":{"/woodpecker":{}},"HostConfig":{
        "Binds":["wp_1_default:/woodpecker"],"LogConfig":{"Type":"json-file","Config":null},
        "Privileged":false,"Devices":null,"Tmpfs":{},"Memory":0,"ShmSize":0}}"#;
    let script = r#"{"Image":"sha256:aa","Hostname":"runner-x","Cmd":["sh"],"Tty":false,
        "AttachStdin":true,"AttachStdout":true,"AttachStderr":true,"OpenStdin":true,
        "StdinOnce":true,"Labels":{"com.gitlab.gitlab-runner.type":"build"},"HostConfig":{
        "Binds":["runner-x-cache-1:/cache"],"NetworkMode":"","RestartPolicy":{"Name":"no"},
        "LogConfig":{"Type":"json-file","Config":null},"Links":null,"Devices":[],
        "DeviceRequests":null,"Privileged":false,"CapAdd":null,"SecurityOpt":null,"IpcMode":"",
        "UsernsMode":"","Isolation":"","VolumeDriver":"","VolumesFrom":null,"OomKillDisable":null,
        "Sysctls":null},"NetworkingConfig":{"EndpointsConfig":{"default":{"MacAddress":""}}}}"#;
    let bind = ("\"Binds\":[", "\"Binds\":[\"/var/run:/var/run\",");
    let privileged = ("\"Privileged\":false", "\"Privileged\":true");
    for (name, body, others) in [
        ("ci-runner.yml", step, &[bind, privileged][..]),
        ("sidecar.yml", step, &[bind, privileged]),
        ("gitlab-runner.yml", script, &[bind, privileged]),
        ("safe-ci.yml", job, &[privileged]),
        ("safe-agent.yml", code, &[("python:3.13-slim\"", "python:3.13\""), ("128", "129")]),
        ("safe-jupyterhub.yml", notebook, &[("2147483648", "0"), ("base-notebook", "other")]),
        ("bind-mounts.yml", &shared, &[("shared:", "shared/below:")]),
    ] {
        assert!(creates(name, body), "{name}");
        let dangers = [
            ("\"HostConfig\":{", "\"HostConfig\":{\"PidMode\":\"host\","),
            (
                "\"HostConfig\":{",
                "\"HostConfig\":{\"CapDrop\":[],\"SecurityOpt\":[\"seccomp=unconfined\"],",
            ),
            ("\"HostConfig\":{", "\"HostConfig\":{\"Devices\":[{\"PathOnHost\":\"/dev/mem\"}],"),
            ("\"HostConfig\":{", "\"VolumesFrom\":[\"x\"],\"HostConfig\":{"),
        ];
        for (from, to) in dangers.iter().chain(others) {
            assert!(!creates(name, &body.replace(from, to)), "{name}: {to}");
        }
    }
}

/// The lines that shut a proxy in, for each kind of file.
const SHUT_IN: [(&str, &[&str]); 3] = [
    (
        "compose",
        &[
            "read_only: true",
            "cap_drop: [ALL]",
            "mem_limit: 64m",
            "internal: true",
            "no-new-privileges:true",
        ],
    ),
    (
        "quadlet",
        &[
            "ReadOnly=true",
            "DropCapability=all",
            "--memory=64m",
            "Network=docker-api.network",
            "NoNewPrivileges=true",
        ],
    ),
    (
        "kubernetes",
        &[
            "readOnlyRootFilesystem: true",
            "capabilities: {drop: [ALL]}",
            "limits: {memory: 64Mi}",
            "runAsNonRoot: true",
            "allowPrivilegeEscalation: false",
        ],
    ),
];

#[test]
fn every_proxy_is_shut_in() {
    for (kind, lines) in SHUT_IN {
        let files = files_of(kind);
        assert!(!files.is_empty(), "{kind}");
        for (name, text) in files {
            for line in lines {
                assert!(text.contains(line), "{name} lacks {line}");
            }
        }
    }
    let network = std::fs::read_to_string(directory("quadlet").join("docker-api.network")).unwrap();
    assert!(network.contains("\nInternal=true\n"));
}

#[test]
fn every_proxy_is_for_one_client_and_lets_it_mount_nothing_unlisted() {
    for (name, text) in files() {
        let flags: BTreeMap<_, _> = flags(&text).into_iter().collect();
        let from = &flags["allowfrom"];
        match name.as_str() {
            "sidecar.yml" => assert_eq!(from, "127.0.0.1"),
            "socket-proxy.container" => {
                assert!(directory("quadlet").join(format!("{from}.container")).exists());
            }
            _ => assert!(text.contains(&format!("\n  {from}:\n")), "{name}: {from} is no service"),
        }
        let creates = rules(&text).judge(Method::Post, "/v1.51/containers/create").is_allowed();
        if creates && !flags.contains_key("safecreate") {
            assert!(flags.contains_key("allowbindmountfrom"), "{name} may mount anything");
            let is_exact = flags.contains_key("bindmountsexact");
            // Containers that it updates have the mounts that they had.
            assert!(is_exact || name == "watchtower.yml", "{name} may mount planted links");
        }
    }
}
