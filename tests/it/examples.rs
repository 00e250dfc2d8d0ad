//! The allowlists in `examples/compose` do what their files say.
//!
//! Each row of `tests/cases/examples.tsv` is a request that an application
//! makes, or one that it must not get through. The patterns are read from the
//! compose files themselves, so that what is tested is what people copy.

use crate::support::skip::skip_unless_required;
use socket_proxy::config::{Config, Endpoint, Invocation};
use socket_proxy::filter::Rules;
use socket_proxy::filter::rules::RuleVerdict;
use socket_proxy::http1::Method;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

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

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/compose")
}

/// The flags of the proxy in a compose file: `- '-flag'` or `- '-flag=value'`.
fn flags(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("- '-")?.strip_suffix('\''))
        .filter(|flag| !flag.starts_with('-'))
        .map(|flag| flag.replace("$$", "$").replace("''", "'"))
        .map(|flag| match flag.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (flag, String::new()),
        })
        .collect()
}

fn rules(text: &str) -> Rules {
    let patterns = flags(text)
        .into_iter()
        .filter_map(|(name, value)| Some((Method::from_name(name.strip_prefix("allow")?)?, value)));
    Rules::compile(patterns).unwrap()
}

/// All compose files by their names.
fn files() -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn applications_get_what_they_ask_for_and_nothing_beside_it() {
    let rules: BTreeMap<_, _> =
        files().into_iter().map(|(name, text)| (name, self::rules(&text))).collect();
    for Row { file, allowed, method, path } in table() {
        let verdict = rules[&file].judge(method, &path);
        assert_eq!(verdict.is_allowed(), allowed, "{file}: {method} {path}: {verdict:?}");
    }
}

fn pattern<'r>(rules: &'r Rules, method: Method, path: &str) -> Option<&'r String> {
    match rules.judge(method, path) {
        RuleVerdict::Allowed(rule) => Some(&rule.written),
        _ => None,
    }
}

#[test]
fn every_file_has_its_rows_and_every_pattern_is_needed() {
    let table = table();
    for (name, text) in files() {
        let rules = rules(&text);
        let rows = table.iter().filter(|row| row.file == name);
        let used: BTreeSet<_> = rows
            .clone()
            .filter(|row| row.allowed)
            .map(|row| (row.method, pattern(&rules, row.method, &row.path)))
            .collect();
        for (method, rule) in rules.patterns() {
            assert!(used.contains(&(method, Some(&rule.written))), "{name}: nobody needs {rule:?}");
        }
        assert!(rows.filter(|row| !row.allowed).count() >= 20, "{name}: too few neighbours");
    }
}

#[test]
fn a_method_without_requests_has_no_pattern() {
    let table = table();
    for (name, text) in files() {
        let asked: BTreeSet<_> = table
            .iter()
            .filter(|row| row.file == name && row.allowed)
            .map(|row| row.method)
            .collect();
        let allowed: BTreeSet<_> = rules(&text).methods().collect();
        assert_eq!(allowed, asked, "{name}");
        assert_eq!(rules(&text).top_level_alternations().count(), 0, "{name}");
    }
}

/// The allowlist in the labels of each service: `socket-proxy.allow.get: 'PATTERN'`.
fn labels(text: &str) -> BTreeMap<&str, BTreeSet<(Method, String)>> {
    let mut found: BTreeMap<&str, BTreeSet<_>> = BTreeMap::new();
    let mut service = "";
    for line in text.lines() {
        match line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')) {
            Some(name) if !name.starts_with(' ') => service = name,
            _ => {}
        }
        let Some(label) = line.trim().strip_prefix("socket-proxy.allow.") else { continue };
        let (name, value) = label.split_once(": '").unwrap();
        let method = name.split('.').next().unwrap().to_uppercase();
        let value = value.strip_suffix('\'').unwrap().to_owned();
        found.entry(service).or_default().insert((Method::from_name(&method).unwrap(), value));
    }
    found
}

/// So that the rows of the application's own file hold here too.
fn check_same_as_in_own_file(application: &str, allowlist: BTreeSet<(Method, String)>) {
    let own = rules(&files()[&format!("{application}.yml")]);
    let own = own.patterns().map(|(method, rule)| (method, rule.written.clone()));
    assert_eq!(allowlist, own.collect(), "{application}");
}

#[test]
fn the_labels_of_an_application_say_what_the_flags_in_its_own_file_say() {
    let files = files();
    let found = labels(&files["container-rights.yml"]);
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), ["dozzle", "traefik"]);
    for (service, allowlist) in found {
        check_same_as_in_own_file(service, allowlist);
    }
}

#[test]
fn the_listener_of_an_application_says_what_the_flags_in_its_own_file_say() {
    let config = config(&files()["unix-listeners.yml"]);
    let named: Vec<_> = config.listeners.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!(named, ["", "traefik", "dozzle"]);
    for listener in config.listeners.iter().filter(|listener| !listener.name.is_empty()) {
        assert!(matches!(listener.endpoint, Endpoint::Unix { .. }), "{}", listener.name);
        let patterns = listener.policy.rules().patterns();
        let allowlist = patterns.map(|(method, rule)| (method, rule.written.clone())).collect();
        check_same_as_in_own_file(&listener.name, allowlist);
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

/// All that the flags of a file say.
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
    let mut sources: BTreeMap<String, String> = files();
    sources.insert("README".to_owned(), fenced(include_str!("../../README.md")));
    let manual = include_str!("../../docs/container-rights.md");
    sources.insert("container-rights.md".to_owned(), fenced(manual));
    for (name, text) in sources {
        let path = scratch.join("compose.yml");
        std::fs::write(&path, &text).unwrap();
        let output = Command::new("docker-compose")
            .args(["-f", path.to_str().unwrap(), "config"])
            .envs(["DOCKER_GID", "WOODPECKER_SERVER", "WOODPECKER_AGENT_SECRET"].map(|v| (v, "1")))
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

/// The items of a service's command, in whatever quotes.
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

/// Homepage and JupyterHub are excused: their clients don't ask for a ping.
#[test]
fn the_flags_are_taken_without_a_warning() {
    for (name, text) in files() {
        let mut warnings = config(&text).warnings;
        if !rules(&text).methods().any(|method| method == Method::Head) {
            warnings.retain(|warning| !warning.contains("HEAD /_ping"));
        }
        assert!(warnings.is_empty(), "{name}: {warnings:?}");
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

#[test]
fn every_proxy_is_shut_in() {
    for (name, text) in files() {
        for line in ["read_only: true", "cap_drop: [ALL]", "mem_limit: 64m", "internal: true"] {
            assert!(text.contains(line), "{name} lacks {line}");
        }
        assert!(text.contains("no-new-privileges:true"), "{name}");
        let flags: BTreeMap<_, _> = flags(&text).into_iter().collect();
        let from = &flags["allowfrom"];
        assert!(text.contains(&format!("\n  {from}:\n")), "{name}: {from} is no service");
        let creates = rules(&text).judge(Method::Post, "/v1.51/containers/create").is_allowed();
        if creates {
            assert!(flags.contains_key("allowbindmountfrom"), "{name} may mount anything");
            let is_exact = flags.contains_key("bindmountsexact");
            // Containers that it updates have the mounts that they had.
            assert!(is_exact || name == "watchtower.yml", "{name} may mount planted links");
        }
    }
}
