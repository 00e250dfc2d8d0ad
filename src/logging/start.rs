//! The log lines at start: version, configuration, allowlists, advice.
//!
//! The lines and keys are those of the Go program; keys may be added, none is
//! dropped. The allowlist of the default listener is a small table in text mode,
//! printed unquoted: patterns full of backslashes are unreadable when quoted.

use super::escape::printable;
use crate::api::Operation;
use crate::config::{Config, Effect, Honoured, ListenAddress, Listener};
use log::{Level, Log, Metadata};

/// Logs the start of the program and its configuration.
pub fn announce(config: &Config) {
    let logger = log::logger();
    let table = announce_to(logger, config);
    let is_shown = logger.enabled(&Metadata::builder().level(Level::Info).build());
    if is_shown {
        super::write_raw(&table);
    }
    for warning in &config.warnings {
        log::warn!(logger: logger, "{warning}");
    }
}

/// Logs all but the advice; the answer is the table of text mode.
fn announce_to(logger: &dyn Log, config: &Config) -> String {
    log::info!(
        logger: logger, version = env!("CARGO_PKG_VERSION"), os = os(), arch = arch(),
        runtime = "rust", URL = env!("CARGO_PKG_REPOSITORY");
        "starting socket-proxy"
    );
    configuration(logger, config);
    watchdog(logger, config);
    container_rights(logger, config);
    honoured(logger, config);
    config.listeners.iter().filter(|listener| !listener.name.is_empty()).for_each(|listener| {
        named_listener(logger, listener);
    });
    config.listeners.iter().for_each(|listener| bind_mounts(logger, listener));
    config.listeners.iter().for_each(|listener| created(logger, listener));
    config.listeners.iter().for_each(|listener| targets(logger, listener));
    if config.log.json {
        config.listeners.iter().for_each(|listener| allowlist(logger, listener));
        String::new()
    } else {
        config.listeners.iter().map(allowlist_table).collect()
    }
}

fn configuration(logger: &dyn Log, config: &Config) {
    let limits = config.limits;
    let default = config.listeners.iter().find(|listener| listener.name.is_empty());
    let rights = config.container_rights.as_ref();
    let endpoint = |listener: &Listener| listener.endpoint.to_string();
    let address = default.filter(|listener| !is_unix(listener)).map(endpoint);
    let socket = default.filter(|listener| is_unix(listener)).map(endpoint);
    log::info!(
        logger: logger,
        socketpath:% = config.socket_path.display(),
        listenaddress = address.as_deref(),
        proxysocketendpoint = socket.as_deref(),
        proxysocketendpointfilemode = default.and_then(file_mode).as_deref(),
        loglevel = config.log.level.as_str(),
        logjson = config.log.json,
        allowfrom = default.and_then(allowfrom).as_deref(),
        shutdowngracetime = config.shutdown_grace.as_secs(),
        waitforsocket = config.wait_for_socket.as_secs(),
        allowhealthcheck = config.serve_health,
        metrics = config.metrics.map(|address| address.to_string()).as_deref(),
        maxconnections = limits.connections_max,
        maxconnectionsperclient = limits.connections_per_client_max,
        headertimeout = limits.header_timeout.as_secs(),
        idletimeout = limits.idle_timeout.as_secs(),
        restrictbindmounts = default.map(restricts_bind_mounts),
        proxycontainername = rights.map(|rights| rights.proxy_container_name.as_str()),
        dockerlabelprefix = rights.map(|rights| rights.label_prefix.as_str());
        "configuration info"
    );
    if socket.is_some() {
        log::info!(
            logger: logger, "proxysocketendpoint is set, so the TCP listener is deactivated"
        );
    }
}

fn watchdog(logger: &dyn Log, config: &Config) {
    match config.watchdog_interval {
        Some(interval) => log::info!(
            logger: logger, interval = interval.as_secs(),
            stoponwatchdog = config.stop_on_watchdog;
            "watchdog enabled"
        ),
        None => log::info!(logger: logger, "watchdog disabled"),
    }
}

fn container_rights(logger: &dyn Log, config: &Config) {
    let Some(rights) = &config.container_rights else { return };
    log::info!(
        logger: logger, proxycontainername = rights.proxy_container_name.as_str();
        "Proxy container name provided"
    );
    if !config.listeners.iter().all(is_unix) {
        log::info!(logger: logger, "per-container allowlists enabled!");
    }
}

/// One line for each variable of another proxy.
fn honoured(logger: &dyn Log, config: &Config) {
    for Honoured { variable, value, became, effect } in &config.honoured {
        let (variable, value, became) = (variable.as_str(), value.as_str(), became.as_str());
        match effect {
            Effect::Honoured => log::info!(
                logger: logger, variable, value, became; "honoured variable of another proxy"
            ),
            Effect::None => log::warn!(
                logger: logger, variable, value, became; "variable of another proxy has no effect"
            ),
        }
    }
}

fn named_listener(logger: &dyn Log, listener: &Listener) {
    log::info!(
        logger: logger,
        listener = listener.name.as_str(),
        listenaddress:% = listener.endpoint,
        filemode = file_mode(listener).as_deref(),
        allowfrom = allowfrom(listener).as_deref(),
        restrictbindmounts = restricts_bind_mounts(listener);
        "configured listener"
    );
}

fn is_unix(listener: &Listener) -> bool {
    matches!(listener.endpoint, ListenAddress::Unix { .. })
}

/// Clients of a unix socket have no address: a list would promise too much.
fn allowfrom(listener: &Listener) -> Option<String> {
    (!is_unix(listener)).then(|| listener.policy.peers().to_string())
}

fn bind_mounts(logger: &dyn Log, listener: &Listener) {
    let Some(directories) = &listener.policy.bodies().bind_mounts else { return };
    if listener.name.is_empty() {
        log::info!(
            logger: logger, allowbindmountfrom:% = directories;
            "Default Docker bind mount restrictions enabled"
        );
    } else {
        log::info!(
            logger: logger, allowbindmountfrom:% = directories, listener = listener.name.as_str();
            "Docker bind mount restrictions enabled"
        );
    }
}

/// Restrictions of created containers that are not about directories.
fn created(logger: &dyn Log, listener: &Listener) {
    if let Some(containers) = listener.policy.bodies().of_created() {
        log::info!(
            logger: logger, listener = listener_name(listener), containers:% = containers;
            "created containers are restricted"
        );
    }
}

fn targets(logger: &dyn Log, listener: &Listener) {
    let targets = listener.policy.targets();
    for label in &targets.labels {
        log::info!(
            logger: logger, listener = listener_name(listener), targetlabel = label.pair();
            "limited to containers, networks and volumes with a label"
        );
    }
    if targets.hides_env.is_some() {
        log::info!(
            logger: logger, listener = listener_name(listener); "environments are hidden"
        );
    }
}

fn allowlist(logger: &dyn Log, listener: &Listener) {
    let rules = listener.policy.rules();
    let name = listener_name(listener);
    for (rule, operations) in rules.allowed_items() {
        log::info!(
            logger: logger, listener = name, allow = rule.written, operations:% = joined(operations);
            "configured operation allowlist"
        );
    }
    for (rule, operations) in rules.denied_items() {
        log::info!(
            logger: logger, listener = name, deny = rule.written, operations:% = joined(operations);
            "configured operation denials"
        );
    }
    for (method, rule) in rules.patterns() {
        let (method, regex) = (method.as_str(), rule.written.as_str());
        if listener.name.is_empty() {
            log::info!(logger: logger, method, regex; "configured default request allowlist");
        } else {
            let name = listener.name.as_str();
            log::info!(
                logger: logger, listener = name, method, regex;
                "configured request allowlist"
            );
        }
    }
}

fn allowlist_table(listener: &Listener) -> String {
    let title = match listener.name.as_str() {
        "" => "Default request allowlist".to_owned(),
        _ => format!("Request allowlist of {}", listener.title()),
    };
    let mut table = format!("{title}:\n   {:<8} Regex\n", "Method");
    let rules = listener.policy.rules();
    for (method, rule) in rules.patterns() {
        table.push_str(&format!("   {:<8} {}\n", method.as_str(), printable(&rule.written)));
    }
    let allowed = rules.allowed_items().map(|item| ("allow", item));
    let denied = rules.denied_items().map(|item| ("deny", item));
    for (word, (rule, operations)) in allowed.chain(denied) {
        let (item, became) = (printable(&rule.written), joined(operations));
        let is_name = became == rule.written;
        let became = if is_name { String::new() } else { format!(": {became}") };
        table.push_str(&format!("   {word:<8} {item}{became}\n"));
    }
    table
}

/// The operations that an item was expanded to.
fn joined(operations: &[Operation]) -> String {
    if operations.len() == Operation::ALL.len() {
        return "every operation".to_owned();
    }
    operations.iter().map(|operation| operation.name()).collect::<Vec<_>>().join(",")
}

fn listener_name(listener: &Listener) -> Option<&str> {
    Some(listener.name.as_str()).filter(|name| !name.is_empty())
}

fn file_mode(listener: &Listener) -> Option<String> {
    match listener.endpoint {
        ListenAddress::Unix { mode, .. } => Some(format!("{mode:04o}")),
        ListenAddress::Tcp(_) => None,
    }
}

fn restricts_bind_mounts(listener: &Listener) -> bool {
    listener.policy.bodies().bind_mounts.is_some()
}

/// The system's name in Go.
fn os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    }
}

/// The processor's name in Go.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64",
        arch => arch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Invocation;
    use std::io::{self, Write};
    use std::sync::mpsc::{Sender, channel};

    struct Pieces(Sender<String>);

    impl Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(String::from_utf8_lossy(bytes).into_owned()).unwrap();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines without their times, and the table.
    fn announced(arguments: &[&str]) -> (Vec<String>, String) {
        let arguments = arguments.iter().map(Into::into);
        let Ok(Invocation::Run(config)) = Config::from_args_and_env(arguments, []) else {
            panic!("the arguments make no configuration");
        };
        let (sender, pieces) = channel();
        let target = env_logger::Target::Pipe(Box::new(Pieces(sender)));
        log::set_max_level(log::LevelFilter::Trace);
        let logger = super::super::builder(config.log, target).build();
        let table = announce_to(&logger, &config);
        drop(logger);
        let without_time = |line: String| {
            let (_, rest) = line.split_once(if config.log.json { ',' } else { ' ' }).unwrap();
            rest.trim_end().to_owned()
        };
        (pieces.iter().map(without_time).collect(), table)
    }

    fn starting() -> String {
        let (version, arch) = (env!("CARGO_PKG_VERSION"), arch());
        format!(
            "level=INFO msg=\"starting socket-proxy\" version={version} os={} arch={arch} \
             runtime=rust URL=\"\"",
            os()
        )
    }

    #[test]
    fn the_lines_of_the_default_configuration_keep_their_keys() {
        let (lines, table) = announced(&[]);
        assert_eq!(
            lines,
            [
                starting().as_str(),
                "level=INFO msg=\"configuration info\" socketpath=/var/run/docker.sock \
                 listenaddress=127.0.0.1:2375 loglevel=INFO logjson=false allowfrom=127.0.0.1/32 \
                 shutdowngracetime=10 waitforsocket=0 allowhealthcheck=false maxconnections=1024 \
                 maxconnectionsperclient=768 headertimeout=10 idletimeout=120 \
                 restrictbindmounts=false",
                "level=INFO msg=\"watchdog disabled\"",
            ]
        );
        assert_eq!(table, "Default request allowlist:\n   Method   Regex\n");
    }

    #[test]
    fn every_listener_has_its_line() {
        let (lines, table) = announced(&[
            "-listen=web=unix:/run/web.sock,mode=0660",
            "-listen=db=tcp:[::1]:2376",
            "-allowfrom@db=db,10.0.0.0/8",
            "-allowbindmountfrom@web=/home",
            "-safecreate@db",
            "-safecreateallow@db=gpus,network:host",
            "-maxpids@db=9",
            "-watchdoginterval=5",
            "-proxycontainername=proxy",
        ]);
        let expected = [
            "level=INFO msg=\"watchdog enabled\" interval=5 stoponwatchdog=false",
            "level=INFO msg=\"Proxy container name provided\" proxycontainername=proxy",
            "level=INFO msg=\"per-container allowlists enabled!\"",
            "level=INFO msg=\"configured listener\" listener=web listenaddress=/run/web.sock \
             filemode=0660 restrictbindmounts=true",
            "level=INFO msg=\"configured listener\" listener=db listenaddress=[::1]:2376 \
             allowfrom=10.0.0.0/8,db restrictbindmounts=false",
            "level=INFO msg=\"Docker bind mount restrictions enabled\" allowbindmountfrom=/home \
             listener=web",
            "level=INFO msg=\"created containers are restricted\" listener=db \
             containers=\"safe but for gpus, network:host; -maxpids@db=9\"",
        ];
        assert_eq!(lines.get(2..), Some(expected.map(String::from).as_slice()));
        let rights = " proxycontainername=proxy dockerlabelprefix=socket-proxy";
        assert!(lines[1].ends_with(rights), "{}", lines[1]);
        assert_eq!(table.matches("Request allowlist of the listener ").count(), 2);
    }

    #[test]
    fn a_unix_socket_has_the_keys_of_its_flags() {
        let (lines, _) = announced(&["-proxysocketendpoint=/a", "-allowbindmountfrom=/home,/srv"]);
        let begins = "level=INFO msg=\"configuration info\" socketpath=/var/run/docker.sock \
                      proxysocketendpoint=/a proxysocketendpointfilemode=0600 loglevel=INFO \
                      logjson=false shutdowngracetime=10 ";
        assert!(lines[1].starts_with(begins), "{}", lines[1]);
        let expected = [
            "level=INFO msg=\"proxysocketendpoint is set, so the TCP listener is deactivated\"",
            "level=INFO msg=\"watchdog disabled\"",
            "level=INFO msg=\"Default Docker bind mount restrictions enabled\" \
             allowbindmountfrom=\"/home, /srv\"",
        ];
        assert_eq!(lines.get(2..), Some(expected.map(String::from).as_slice()));
    }

    #[test]
    fn every_variable_of_another_proxy_has_its_line() {
        let (lines, _) = announced(&["-compat=tecnativa"]);
        let honoured = "level=INFO msg=\"honoured variable of another proxy\" ";
        assert_eq!(
            lines.get(3..),
            Some(
                [
                    format!("{honoured}variable=EVENTS value=1 became=SystemEvents"),
                    format!("{honoured}variable=PING value=1 became=SystemPing,SystemPingHead"),
                    format!("{honoured}variable=VERSION value=1 became=SystemVersion"),
                ]
                .as_slice()
            )
        );
    }

    #[test]
    fn json_mode_has_no_table() {
        let (lines, table) = announced(&["-logjson", "-loglevel=info"]);
        assert_eq!(table, "");
        assert!(lines[0].starts_with("\"level\":\"INFO\",\"msg\":\"starting socket-proxy\""));
        assert!(lines[1].contains("\"logjson\":true,\"allowfrom\":\"127.0.0.1/32\""));
    }

    #[test]
    fn quiet_levels_announce_nothing() {
        assert_eq!(announced(&["-loglevel=warn"]).0, [""; 0]);
    }

    #[test]
    fn every_item_is_shown_with_all_that_it_became() {
        let arguments = ["-allow=sablier,autoheal,ContainerStats,all", "-deny=autoheal,ImageBuild"];
        let (_, table) = announced(&arguments);
        let autoheal = "autoheal: ContainerList,ContainerRestart";
        let sablier = table.lines().find(|line| line.starts_with("   allow    sablier: "));
        assert!(sablier.is_some_and(|line| line.contains("ContainerList")), "{table}");
        let end = format!(
            "   allow    {autoheal}\n   allow    ContainerStats\n   allow    all: every operation\n   \
             deny     {autoheal}\n   deny     ImageBuild\n"
        );
        assert!(table.ends_with(&end), "{table}");
        let (lines, _) = announced(&[&arguments[..], &["-logjson"]].concat());
        let denial = r#""configured operation denials","deny":"autoheal","operations":"ContainerList,ContainerRestart"}"#;
        assert!(lines.iter().any(|line| line.ends_with(denial)), "{lines:?}");
    }

    #[test]
    fn allowlists_are_lines_in_json_mode_and_a_table_in_text_mode() {
        let arguments = [
            r#"-allowGET=/v1\..*/"a""#,
            "-allowPOST=/b\u{1b}",
            "-listen=web=unix:/a",
            "-allowDELETE@web=/c d",
        ];
        let (lines, table) = announced(&arguments);
        assert!(!lines.iter().any(|line| line.contains("allowlist")), "{lines:?}");
        assert_eq!(
            table,
            "Default request allowlist:\n   Method   Regex\n   GET      /v1\\..*/\"a\"\n   \
             POST     /b\\x1b\n\
             Request allowlist of the listener web:\n   Method   Regex\n   DELETE   /c d\n"
        );
        let (lines, table) = announced(&[&arguments[..], &["-logjson"]].concat());
        let start = "\"level\":\"INFO\",\"msg\":\"configured";
        let expected = [
            format!(
                r#"{start} default request allowlist","method":"GET","regex":"/v1\\..*/\"a\""}}"#
            ),
            format!(r#"{start} default request allowlist","method":"POST","regex":"/b\u001b"}}"#),
            format!(
                r#"{start} request allowlist","listener":"web","method":"DELETE","regex":"/c d"}}"#
            ),
        ];
        assert_eq!(lines.get(4..), Some(expected.as_slice()));
        assert_eq!(table, "");
    }
}
