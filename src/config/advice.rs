//! Advice: warnings about configurations that are valid but probably not intended.
//!
//! Each piece is one or two sentences that name the flag and the change to
//! make. Advice changes nothing.

use super::never::Paths;
use super::options::{Given, Kind, Slot, Value};
use super::read::is_quoted;
use super::settings::Settings;
use super::values::shown;
use super::{Config, ListenAddress, Listener, additions, migration, targets, values};
use crate::advice::lint::{self, Opener};
use crate::advice::named::is_preset;
use crate::api::{Class, Operation};
use crate::filter::BindMounts;
use crate::filter::bodies::is_root;
use crate::filter::rules::{Rule, RuleVerdict};
use crate::http1::Method;
use std::net::SocketAddr;

/// The path that clients ask with HEAD for the Engine's API version.
const PING: &str = "/_ping";
/// The bit that lets everybody on the host connect to a unix socket.
const MODE_WRITABLE_BY_OTHERS: u32 = 0o002;

/// Patterns of a listener that are tested against the daemons' paths: each takes
/// some 50 µs, and the start should not wait for a thousand.
const EXAMINED_MAX: usize = 200;
/// The most operations that a warning names.
const NAMED_MAX: usize = 3;

/// All advice about a valid configuration.
pub(super) fn advice(settings: &Settings, config: &Config) -> Vec<String> {
    let given = &settings.default;
    let mut advice: Vec<String> = of_values(given).chain(effects(given, config)).collect();
    advice.extend(settings.named.values().flat_map(of_values));
    advice.extend(limits(given, config));
    advice.extend(open_metrics(given, config));
    let paths = Paths::new();
    for listener in &config.listeners {
        let given = settings.named.get(&listener.name).unwrap_or(&settings.default);
        advice.extend(alternations(listener));
        advice.extend(nothing_matched(&paths, listener));
        advice.extend(ping(listener, given));
        advice.extend(reach(listener, given, config.container_rights.is_some()));
        advice.extend(dangers(listener, given));
        advice.extend(targets::warnings(listener));
    }
    advice.extend(nothing_allowed(settings, config));
    advice
}

/// Advice about a pattern's text alone: signs that something between the file
/// and the program doubled a character, or did not.
fn pattern_advice(pattern: &str) -> Vec<String> {
    let mut advice = Vec::new();
    if pattern.contains("$$") {
        advice
            .push("the pattern has $$, which only a compose file turns into $: write $".to_owned());
    }
    if pattern.contains(r"\\") {
        advice.push(
            r"the pattern has \\, which matches a backslash, and no path has one; write one \"
                .to_owned(),
        );
    }
    advice
}

fn of_values(given: &Given) -> impl Iterator<Item = String> {
    given.slots().flat_map(|slot| slot.values.iter().flat_map(|value| value_advice(slot, value)))
}

fn value_advice(slot: &Slot, value: &Value) -> Vec<String> {
    let Value { name, text } = value;
    let kind = slot.option.kind;
    let mut advice = match kind {
        Kind::Pattern(_) => pattern_advice(text),
        _ => Vec::new(),
    };
    advice.iter_mut().for_each(|sentence| *sentence = format!("{name}: {sentence}"));
    if is_quoted(text) {
        advice.push(format!(
            "the value of {name} includes quotes: {}; in a compose file quote the whole item, \
             '{name}=…', or nothing",
            shown(text)
        ));
    } else if text.trim() != text
        && !matches!(
            kind,
            Kind::Operations | Kind::Exceptions | Kind::Addresses | Kind::Directories
        )
    {
        let shown = shown(text);
        advice.push(format!("the value of {name} begins or ends with white space: {shown}"));
    }
    advice.extend(decimal_mode(kind, value));
    advice
}

/// `444` is 0674 in a flag, as in Go; in a variable, `384` is how YAML reads an unquoted 0600.
fn decimal_mode(kind: Kind, value: &Value) -> Option<String> {
    let Value { name, text } = value;
    let mode = values::decimal_file_mode(text).filter(|_| kind == Kind::FileMode)?;
    if value.is_from_flag() {
        return Some(format!(
            "{name}={text} is a decimal number, {mode:04o} in octal; write {name}={mode:04o}"
        ));
    }
    text.contains(['8', '9']).then(|| {
        format!(
            "{name}={text} is not an octal number and is read as {mode:04o}, which YAML turns \
             into {text} if it has no quotes; write {name}: \"{mode:04o}\""
        )
    })
}

/// Options without effect, because another one is missing.
fn effects(given: &Given, config: &Config) -> impl Iterator<Item = String> {
    let idle_stop = config.stop_on_watchdog && config.watchdog_interval.is_none();
    let unix = given.proxysocketendpoint.is_given();
    let rights = config.container_rights.is_some();
    let is_unix = |listener: &Listener| matches!(listener.endpoint, ListenAddress::Unix { .. });
    let only_unix = config.listeners.iter().all(is_unix);
    [
        (&given.stoponwatchdog, idle_stop, "without -watchdoginterval"),
        (&given.proxysocketendpointfilemode, !unix, "without -proxysocketendpoint"),
        (&given.listenip, unix, "because of -proxysocketendpoint"),
        (&given.proxyport, unix, "because of -proxysocketendpoint"),
        (&given.dockerlabelprefix, !rights, "without -proxycontainername"),
        (&given.allowlabelgrants, !rights, "without -proxycontainername"),
        (&given.proxycontainername, rights && only_unix, "because unix sockets have no addresses"),
    ]
    .into_iter()
    .filter(|(_, is_idle, _)| *is_idle)
    .filter_map(|(slot, _, why)| slot.values.last().map(|value| (value, why)))
    .map(|(value, why)| format!("{} has no effect {why}", value.name))
}

fn limits(given: &Given, config: &Config) -> Option<String> {
    let per_client = given.maxconnectionsperclient.values.last()?;
    let all = config.limits.connections_max;
    let is_over = per_client.text.parse::<usize>().is_ok_and(|count| count > all);
    is_over.then(|| {
        let Value { name, text } = per_client;
        format!("{name}={text} is more than -maxconnections={all}; {all} is used")
    })
}

/// Clients are mostly in one of the networks.
fn open_metrics(given: &Given, config: &Config) -> Option<String> {
    let value = given.metrics.values.last()?;
    config.metrics?.ip().is_unspecified().then(|| {
        let Value { name, text } = value;
        format!(
            "{name}={text} serves metrics, with the operations that clients use, on all networks \
             of the proxy; -allowfrom does not apply to it"
        )
    })
}

/// The Go program anchors such a pattern as `^a|b$`: open at one end of the outer alternatives.
fn alternations(listener: &Listener) -> Vec<String> {
    let sentence = |rule: &Rule| {
        let Rule { written, origin } = rule;
        format!(
            "{origin}: the pattern {} has a | outside of any group. Each alternative must match \
             the whole path. The Go socket-proxy also allowed paths that only begin with the \
             first one or end with the last one; to allow those, write a.*|.*b for a|b. The form \
             ({written}) means the same in both programs and ends this warning",
            shown(written),
        )
    };
    listener.policy.rules().top_level_alternations().map(sentence).collect()
}

fn nothing_matched(paths: &Paths, listener: &Listener) -> Vec<String> {
    // Quotes and white space have their own sentence.
    let is_bare = |pattern: &str| !is_quoted(pattern) && pattern.trim() == pattern;
    let sentence = |(method, rule): (Method, &Rule)| {
        let Rule { written, origin } = rule;
        let reason = paths.reason(method, written).filter(|_| is_bare(written))?;
        Some(format!("{origin}: the pattern {} {reason}", shown(written)))
    };
    listener.policy.rules().patterns().take(EXAMINED_MAX).filter_map(sentence).collect()
}

/// Traefik ≥ 3.6 and others fall back to an old version of the API if this fails. An
/// application with a preset without it asks for no version, or in another way.
fn ping(listener: &Listener, given: &Given) -> Option<String> {
    let rules = &listener.policy.rules();
    let gets = |operation: &Operation| {
        operation.facts().routes.iter().any(|route| route.method == Method::Get)
    };
    let mut names = rules.allowed_items().filter(|(rule, _)| !is_preset(&rule.written));
    let is_get_open = rules.patterns().any(|(method, _)| method == Method::Get)
        || names.any(|(_, operations)| operations.iter().any(gets));
    // A denial is meant.
    let is_ping_decided = allows_nothing(listener)
        || matches!(
            rules.judge(Method::Head, PING),
            RuleVerdict::Allowed(_) | RuleVerdict::Denied(_)
        );
    (is_get_open && !is_ping_decided).then(|| {
        let change = match rules.allowed_items().next() {
            Some(_) => listener.policy.source().allow(Method::Head, PING),
            None => {
                format!("add {}={PING}", additions::pattern(given, &listener.name, Method::Head))
            }
        };
        format!(
            "{}: GET is allowed but HEAD {PING} is not. Docker clients negotiate the API version \
             with it and fall back to an old one without it; {change}",
            listener.title()
        )
    })
}

/// The warning about a listener that everybody or nobody can reach.
fn reach(listener: &Listener, given: &Given, has_labels: bool) -> Option<String> {
    let title = listener.title();
    let peers = &listener.policy.peers();
    let flag = name_of(&given.allowfrom, &listener.name);
    match &listener.endpoint {
        ListenAddress::Unix { mode, .. } if mode & MODE_WRITABLE_BY_OTHERS != 0 => Some(format!(
            "{title} is a unix socket with mode {mode:04o}: every user of this host can connect"
        )),
        ListenAddress::Unix { .. } if given.allowfrom.is_given() => Some(format!(
            "{flag} has no effect: {title} is a unix socket, where the mode of the file decides"
        )),
        ListenAddress::Tcp(address) if address.ip().to_canonical().is_loopback() => {
            (!peers.admits_only_loopback()).then(|| unreachable(listener, *address, given))
        }
        ListenAddress::Tcp(address) if peers.admits_everyone() => Some(format!(
            "{title} listens on {address} and {flag}={peers} admits everyone who can reach it; \
             list the networks or host names of its clients instead"
        )),
        // Clients with labels need no place on the list.
        ListenAddress::Tcp(_) if has_labels && !given.allowfrom.is_given() => None,
        ListenAddress::Tcp(address) if peers.admits_only_loopback() => Some(format!(
            "{title} listens on {address} but {flag}={peers} admits only this host itself; \
             list the networks or host names of its clients, for example {flag}=traefik"
        )),
        _ => None,
    }
}

/// Clients elsewhere are meant, and cannot connect.
fn unreachable(listener: &Listener, address: SocketAddr, given: &Given) -> String {
    let flag = name_of(&given.allowfrom, &listener.name);
    let fix = match listener.name.as_str() {
        "" => "-listenip=0.0.0.0 (or SP_LISTENIP=0.0.0.0)".to_owned(),
        name => format!("-listen={name}=tcp:0.0.0.0:{}", address.port()),
    };
    format!(
        "{} listens on {address}, where only this host itself can connect, but {flag}={} admits \
         others; to serve them write {fix}",
        listener.title(),
        listener.policy.peers()
    )
}

/// The flag or variable that gave an option its values.
fn name_of(slot: &Slot, listener: &str) -> String {
    let name = slot.values.last().map(|value| value.name.clone());
    name.unwrap_or_else(|| slot.option.flag_for(listener))
}

/// Rights that are as good as being root on the host.
fn dangers(listener: &Listener, given: &Given) -> Vec<String> {
    let bodies = listener.policy.bodies();
    let mounts = name_of(&given.allowbindmountfrom, &listener.name);
    let mut advice = Vec::new();
    let safe = given.safecreate.option.flag_for(&listener.name);
    advice.extend(dangerous_patterns(listener, &mounts, &safe));
    advice.extend(create_by_name(listener, &mounts, &safe));
    advice.extend(root_by_exception(listener));
    let directories = bodies.bind_mounts.iter().flat_map(BindMounts::directories);
    let root = directories.filter(|directory| is_root(directory));
    advice.extend(root.map(|directory| {
        format!(
            "{mounts} lists {directory}, and a client that may mount it is root on the host; list \
             the directories that it needs"
        )
    }));
    advice.extend(bodies.bind_mounts.as_ref().and_then(|listed| replaceable(listed, &mounts)));
    advice
}

/// A list that is exact and yet not safe from symbolic links.
fn replaceable(listed: &BindMounts, mounts: &str) -> Option<String> {
    let is_below = |inner: &&str, outer: &str| {
        let rest = inner.strip_prefix(outer).filter(|rest| !rest.is_empty());
        rest.is_some_and(|rest| outer == "/" || rest.starts_with('/'))
    };
    let below = |outer| Some((outer, listed.directories().find(|inner| is_below(inner, outer))?));
    let (outer, inner) = listed.directories().filter(|_| listed.is_exact()).find_map(below)?;
    Some(format!(
        "{mounts} lists {inner} below {outer}: a client that writes in {outer} can replace {inner} \
         by a symbolic link and mount its target; list one of them"
    ))
}

/// Operations of the classes files, runs and host that patterns open: names are
/// meant as they are written, patterns often open more.
fn dangerous_patterns(listener: &Listener, directories: &str, safe: &str) -> Option<String> {
    let found = lint::dangers_of_patterns(listener.policy.rules());
    let mut openings: Vec<(&Operation, &Opener)> =
        found.openings.iter().filter_map(|(op, openers)| Some((op, openers.first()?))).collect();
    // An operator who restricts mounts has thought about bodies.
    let bodies = listener.policy.bodies();
    let is_judged = bodies.bind_mounts.is_some() || bodies.safe_create.is_some();
    openings.retain(|(operation, _)| !(is_judged && mounts(**operation)));
    let is_refused =
        |of: Operation| bodies.safe_create.as_ref().is_some_and(|safe| safe.refuses(of));
    openings.retain(|(operation, _)| !is_refused(**operation));
    let of = |class| openings.iter().filter(move |(operation, _)| operation.class() == class);
    let openings: Vec<_> = Class::ALL.into_iter().rev().flat_map(of).collect();
    let (_, worst) = openings.first()?;
    let count = openings.len();
    let names: Vec<String> =
        openings.iter().take(NAMED_MAX).map(|(operation, _)| operation.to_string()).collect();
    let more =
        if count > NAMED_MAX { format!(" and {} more", count - NAMED_MAX) } else { String::new() };
    let mut classes: Vec<Class> = openings.iter().map(|(operation, _)| operation.class()).collect();
    classes.dedup();
    let gives: Vec<&str> = classes.into_iter().map(Class::gives).collect();
    let creates = openings.iter().any(|(operation, _)| creates_containers(**operation));
    let hint = match creates {
        true => format!(
            ". Add {safe}, which isolates created containers from the host, or list the \
             directories that they may mount, for example {directories}=/srv/data; a list alone \
             still allows privileged containers"
        ),
        false => String::new(),
    };
    let Rule { written, origin } = &worst.rule;
    Some(format!(
        "{}: patterns open {}{more}, which give a client {} ({origin}: the pattern {}); name \
         the operations that it needs with -allow, or deny these with -deny; -lint lists them \
         all{hint}",
        listener.title(),
        names.join(", "),
        gives.join(", "),
        shown(written),
    ))
}

/// Exceptions that make safe create ineffective.
fn root_by_exception(listener: &Listener) -> Option<String> {
    let safe = listener.policy.bodies().safe_create.as_ref()?;
    let items = safe.exceptions().items().filter(|item| item.gives_the_host());
    let items: Vec<String> = items.map(ToString::to_string).collect();
    (!items.is_empty()).then(|| {
        format!(
            "{}: exceptions of safe create make a client root on the host: {}",
            listener.title(),
            items.join(", ")
        )
    })
}

/// A named right is meant, but not the directories that it opens.
fn create_by_name(listener: &Listener, mounts: &str, safe: &str) -> Option<String> {
    let bodies = listener.policy.bodies();
    if bodies.bind_mounts.is_some() || bodies.safe_create.is_some() {
        return None;
    }
    let mut named = listener.policy.rules().named();
    let (operation, rule) = named.find(|(operation, _)| creates_containers(*operation))?;
    Some(format!(
        "{}={} opens {operation}, and a client that may create any container is root on the host; \
         add {safe}, which isolates created containers from the host, or list the directories \
         that they may mount, for example {mounts}=/srv/data; a list alone still allows \
         privileged containers",
        rule.origin, rule.written
    ))
}

/// Whether the operation's body can mount directories of the host.
fn mounts(operation: Operation) -> bool {
    use Operation::{ServiceUpdate, VolumeCreate, VolumeCreateLibpod};
    creates_containers(operation)
        || matches!(operation, ServiceUpdate | VolumeCreate | VolumeCreateLibpod)
}

fn creates_containers(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::ContainerCreate | Operation::ContainerCreateLibpod | Operation::ServiceCreate
    )
}

/// A named listener without rights is a mistake by itself, unless the proxy learns
/// them. The default one may be empty if others are not, or if rights come from labels.
fn nothing_allowed(settings: &Settings, config: &Config) -> Vec<String> {
    if config.learning.is_some() {
        return Vec::new();
    }
    let is_empty = |listener: &&Listener| allows_nothing(listener);
    let has_rights =
        config.container_rights.is_some() || !config.listeners.iter().all(|l| is_empty(&l));
    if !has_rights && let Some(warning) = migration::warning(&settings.of_haproxy_proxies) {
        return vec![warning];
    }
    let is_mistake = |listener: &&Listener| !listener.name.is_empty() || !has_rights;
    let sentence = |listener: &Listener| {
        let title = listener.title();
        if !listener.policy.rules().is_empty() {
            return format!(
                "{title} denies all that it allows, so every request is refused; -deny wins over \
                 -allow"
            );
        }
        let [flag, variable] = additions::names_spelled(&listener.name);
        format!(
            "{title} allows nothing, so every request is refused; add for example {flag}=traefik \
             (or {variable}=traefik); -presets lists the presets"
        )
    };
    config.listeners.iter().filter(is_empty).filter(is_mistake).map(sentence).collect()
}

/// Whether no request can pass. A pattern may open paths of no operation, which no
/// denial closes.
fn allows_nothing(listener: &Listener) -> bool {
    let rules = listener.policy.rules();
    rules.patterns().next().is_none() && rules.named().next().is_none()
}

#[cfg(test)]
mod tests {
    use super::super::Invocation;
    use super::*;

    /// A configuration without any advice.
    const QUIET: [&str; 2] = ["-allowGET=/version", "-allowHEAD=/_ping"];

    fn warnings(arguments: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
        let environment = variables.iter().map(|(name, value)| (name.into(), value.into()));
        match Config::from_args_and_env(arguments.iter().map(Into::into), environment) {
            Ok(Invocation::Run(config)) => config.warnings,
            other => panic!("{arguments:?} {variables:?}: {other:?}"),
        }
    }

    /// Checks all advice about a configuration.
    fn check(arguments: &[&str], variables: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(warnings(arguments, variables), expected, "{arguments:?} {variables:?}");
    }

    /// Checks all advice about further arguments to a quiet configuration.
    fn check_more(arguments: &[&str], expected: &[&str]) {
        check(&[&QUIET, arguments].concat(), &[], expected);
    }

    #[test]
    fn a_sound_configuration_gets_no_advice() {
        check_more(&[], &[]);
        check_more(&["-listenip=0.0.0.0", "-allowfrom=10.0.0.0/8"], &[]);
        check_more(&["-listenip=::", "-allowfrom=traefik"], &[]);
        check_more(&["-proxysocketendpoint=/a", "-proxysocketendpointfilemode=0660"], &[]);
        check_more(&["-watchdoginterval=5", "-stoponwatchdog"], &[]);
        check_more(&["-stoponwatchdog=false"], &[]);
        check_more(&["-maxconnections=10", "-maxconnectionsperclient=10"], &[]);
        check_more(&["-maxconnections=10"], &[]);
        check_more(&["-listen=web=unix:/a", "-allowPOST@web=/auth"], &[]);
        check(&["-proxycontainername=p", "-dockerlabelprefix=x"], &[], &[]);
        check(&["-proxycontainername=p", "-listenip=0.0.0.0"], &[], &[]);
    }

    #[test]
    fn values_that_carry_quotes_or_spaces_are_named() {
        let quotes = |name: &str, shown: &str| {
            format!(
                "the value of {name} includes quotes: \"{shown}\"; in a compose file quote the \
                 whole item, '{name}=…', or nothing"
            )
        };
        let head = ("SP_ALLOW_HEAD", "/_ping");
        let variables = [head, ("SP_ALLOW_GET", "\"/version\"")];
        check(&[], &variables, &[&quotes("SP_ALLOW_GET", "\"/version\"")]);
        check_more(&["-allowPOST='/info'"], &[&quotes("-allowPOST", "'/info'")]);
        check_more(&["-socketpath='/a'"], &[&quotes("-socketpath", "'/a'")]);
        let spaces = "the value of -allowPOST begins or ends with white space: \" /info\"";
        check_more(&["-allowPOST= /info"], &[spaces]);
        let spaces = "the value of SP_ALLOW_GET begins or ends with white space: \"/a\\n\"";
        check(&[], &[head, ("SP_ALLOW_GET", "/a\n")], &[spaces]);
        check_more(&["-allowfrom= 127.0.0.1 , ::1 "], &[]);
        check_more(
            &["-allowPOST=\""],
            &["-allowPOST: the pattern \"\"\" opens nothing: a path begins with /"],
        );
    }

    #[test]
    fn options_without_effect_are_named() {
        check_more(
            &["-stoponwatchdog"],
            &["-stoponwatchdog has no effect without -watchdoginterval"],
        );
        check_more(
            &["-proxysocketendpointfilemode=0660"],
            &["-proxysocketendpointfilemode has no effect without -proxysocketendpoint"],
        );
        check_more(
            &["-proxysocketendpoint=/a", "-listenip=::1", "-proxyport=1"],
            &[
                "-listenip has no effect because of -proxysocketendpoint",
                "-proxyport has no effect because of -proxysocketendpoint",
            ],
        );
        check_more(
            &["-dockerlabelprefix=x"],
            &["-dockerlabelprefix has no effect without -proxycontainername"],
        );
        check_more(
            &["-allowlabelgrants"],
            &["-allowlabelgrants has no effect without -proxycontainername"],
        );
        check_more(
            &["-proxycontainername=p", "-proxysocketendpoint=/a"],
            &["-proxycontainername has no effect because unix sockets have no addresses"],
        );
        check_more(
            &["-proxysocketendpoint=/a", "-allowfrom=web"],
            &["-allowfrom has no effect: the default listener is a unix socket, where the mode \
                 of the file decides"],
        );
        check_more(
            &["-maxconnections=10", "-maxconnectionsperclient=11"],
            &["-maxconnectionsperclient=11 is more than -maxconnections=10; 10 is used"],
        );
        check_more(
            &["-proxysocketendpoint=/a", "-proxysocketendpointfilemode=432"],
            &["-proxysocketendpointfilemode=432 is a decimal number, 0660 in octal; \
               write -proxysocketendpointfilemode=0660"],
        );
        check(
            &[&QUIET[..], &["-proxysocketendpoint=/a"]].concat(),
            &[("SP_PROXYSOCKETENDPOINTFILEMODE", "384")],
            &["SP_PROXYSOCKETENDPOINTFILEMODE=384 is not an octal number and is read as 0600, \
               which YAML turns into 384 if it has no quotes; \
               write SP_PROXYSOCKETENDPOINTFILEMODE: \"0600\""],
        );
    }

    #[test]
    fn metrics_for_everyone_are_named() {
        for address in ["0.0.0.0:9375", "[::]:9375"] {
            let flag = format!("-metrics={address}");
            let warning = format!(
                "{flag} serves metrics, with the operations that clients use, on all networks of \
                 the proxy; -allowfrom does not apply to it"
            );
            check_more(&[&flag], &[&warning]);
        }
        check_more(&["-metrics=127.0.0.1:9375"], &[]);
        check_more(&["-metrics=10.0.0.2:9375"], &[]);
    }

    #[test]
    fn listeners_for_everyone_or_nobody_are_named() {
        check_more(
            &["-listenip=0.0.0.0", "-allowfrom=0.0.0.0/0"],
            &["the default listener listens on 0.0.0.0:2375 and -allowfrom=0.0.0.0/0 admits \
               everyone who can reach it; list the networks or host names of its clients instead"],
        );
        check_more(
            &["-listen=web=tcp:0.0.0.0:80", "-allowPOST@web=/info"],
            &[
                "the listener web listens on 0.0.0.0:80 but -allowfrom@web=127.0.0.1/32 admits only \
               this host itself; list the networks or host names of its clients, for example \
               -allowfrom@web=traefik",
            ],
        );
        check_more(
            &["-listen=web=unix:/a,mode=0666", "-allowPOST@web=/info"],
            &["the listener web is a unix socket with mode 0666: every user of this host can \
               connect"],
        );
        check_more(&["-allowfrom=127.0.0.0/8,::1,localhost"], &[]);
    }

    #[test]
    fn a_forgotten_listenip_is_named() {
        let sentence = |from: &str| {
            format!(
                "the default listener listens on 127.0.0.1:2375, where only this host itself can \
                 connect, but {from} admits others; to serve them write -listenip=0.0.0.0 (or \
                 SP_LISTENIP=0.0.0.0)"
            )
        };
        check_more(&["-allowfrom=traefik"], &[&sentence("-allowfrom=traefik")]);
        check_more(&["-allowfrom=10.0.0.0/8"], &[&sentence("-allowfrom=10.0.0.0/8")]);
        check_more(&["-allowfrom=0.0.0.0/0"], &[&sentence("-allowfrom=0.0.0.0/0")]);
        check(&QUIET, &[("SP_ALLOWFROM", "web")], &[&sentence("SP_ALLOWFROM=web")]);
        check_more(
            &["-listen=web=tcp:[::1]:80", "-allowfrom@web=web", "-allowPOST@web=/auth"],
            &[
                "the listener web listens on [::1]:80, where only this host itself can connect, but \
               -allowfrom@web=web admits others; to serve them write -listen=web=tcp:0.0.0.0:80",
            ],
        );
    }

    #[test]
    fn rights_that_give_the_host_away_are_named() {
        let patterns = |opened: &str, gives: &str, pattern: &str| {
            format!(
                "the default listener: patterns open {opened}, which give a client {gives} \
                 (-allowPOST: the pattern \"{pattern}\"); name the operations that it needs with \
                 -allow, or deny these with -deny; -lint lists them all"
            )
        };
        let mount = ". Add -safecreate, which isolates created containers from the host, or list the \
                     directories that they may mount, for example -allowbindmountfrom=/srv/data; \
                     a list alone still allows privileged containers";
        let create = |pattern: &str| {
            let warning = patterns("ContainerCreate", "root on the host", pattern);
            format!("{warning}{mount}")
        };
        check_more(&["-allowPOST=/containers/create"], &[&create("/containers/create")]);
        check_more(&["-allowPOST=/containers/create", "-allowbindmountfrom=/srv"], &[]);
        let opened = "ContainerCreate, CheckpointCreate, ContainerAttach and 2 more";
        let gives = "root on the host, code execution in containers, contents of files";
        let pattern = "/v1[.][0-9]+/containers/.*";
        let warning = patterns(opened, gives, pattern) + mount;
        check_more(&["-allowPOST=/v1[.][0-9]+/containers/.*"], &[&warning]);
        let warning = create("/services/create").replace("ContainerCreate", "ServiceCreate");
        check_more(&["-allowPOST=/services/create"], &[&warning]);
        let found = warnings(&[&QUIET[..], &["-allowPOST=.*"]].concat(), &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains(" more, which give a client root on the host, code"),
            "{found:?}"
        );
        check_more(&["-allow=ContainerCreate,Session", "-safecreate"], &[]);
        check_more(&["-allowPOST=/(containers/create|session)", "-safecreate"], &[]);
        check_more(
            &["-safecreate", "-safecreateallow=gpus,privileged,capadd:SYS_ADMIN"],
            &["the default listener: exceptions of safe create make a client root on the host: \
               privileged, capadd:SYS_ADMIN"],
        );
        // Names are meant as they are written, but a create can mount any directory.
        check_more(&["-allow=ContainerExec,ContainerArchive"], &[]);
        check_more(
            &["-allow=ContainerCreate"],
            &["-allow=ContainerCreate opens ContainerCreate, and a client that may create any \
               container is root on the host; add -safecreate, which isolates created containers \
               from the host, or list the directories that they may mount, for example \
               -allowbindmountfrom=/srv/data; a list alone still allows privileged containers"],
        );
        let mounts = |name: &str, directory: &str| {
            format!(
                "{name} lists {directory}, and a client that may mount it is root on the host; \
                 list the directories that it needs"
            )
        };
        check_more(&["-allowbindmountfrom=/srv,//"], &[&mounts("-allowbindmountfrom", "/")]);
        check_more(&["-allowbindmountfrom=/etc/."], &[&mounts("-allowbindmountfrom", "/etc")]);
        let variable = ("SP_ALLOWBINDMOUNTFROM", "/");
        check(&QUIET, &[variable], &[&mounts("SP_ALLOWBINDMOUNTFROM", "/")]);
    }

    #[test]
    fn an_exact_list_with_a_directory_below_another_is_named() {
        let warning = "-allowbindmountfrom lists /srv/a/b below /srv/a: a client that writes in \
                       /srv/a can replace /srv/a/b by a symbolic link and mount its target; list \
                       one of them";
        let exact = "-bindmountsexact";
        check_more(&["-allowbindmountfrom=/srv/a/b,/x,/srv/a/", exact], &[warning]);
        check_more(&["-allowbindmountfrom=/srv/a,/srv/ab,/srv/b", exact], &[]);
        check_more(&["-allowbindmountfrom=/srv/a,/srv/a", exact], &[]);
        check_more(&["-allowbindmountfrom=/srv/a/b,/srv/a"], &[]);
    }

    #[test]
    fn an_alternation_outside_of_groups_is_explained() {
        let sentence = |name: &str| {
            format!(
                "{name}: the pattern \"/info|/events\" has a | outside of any group. Each \
                 alternative must match the whole path. The Go socket-proxy also allowed paths \
                 that only begin with the first one or end with the last one; to allow those, \
                 write a.*|.*b for a|b. The form (/info|/events) means the same in both programs \
                 and ends this warning"
            )
        };
        check_more(&["-allowPOST=/info|/events"], &[&sentence("-allowPOST")]);
        check_more(&["-allowPOST=(/info|/events)"], &[]);
        let variables = [("SP_ALLOW_POST", "/auth"), ("SP_ALLOW_POST_2", "/info|/events")];
        check(&QUIET, &variables, &[&sentence("SP_ALLOW_POST_2")]);
        check_more(
            &["-listen=web=unix:/a", "-allowPOST@web=/info|/events"],
            &[&sentence("-allowPOST@web")],
        );
    }

    #[test]
    fn patterns_that_open_nothing_are_named_where_they_were_written() {
        check_more(
            &["-allowPOST=info"],
            &["-allowPOST: the pattern \"info\" opens nothing: a path begins with /"],
        );
        check(
            &QUIET,
            &[("SP_ALLOW_POST_2", r"/info\?x")],
            &["SP_ALLOW_POST_2: the pattern \"/info\\?x\" opens nothing: the query is not part \
                 of the path; remove the ? and everything after it"],
        );
    }

    #[test]
    fn an_open_get_without_ping_is_named() {
        let sentence = |title: &str, name: &str| {
            format!(
                "{title}: GET is allowed but HEAD /_ping is not. Docker clients negotiate the API \
                 version with it and fall back to an old one without it; add {name}=/_ping"
            )
        };
        let default = sentence("the default listener", "-allowHEAD");
        check(&["-allowGET=/info"], &[], &[&default]);
        check(&["-allowGET=/info", "-allowHEAD=/v1.41/_ping"], &[], &[&default]);
        check(&["-allowGET=/info", "-allowHEAD=.*"], &[], &[]);
        check(&["-allowPOST=/info"], &[], &[]);
        check(&["-allow=uptime-kuma"], &[], &[]);
        let name = "add -allow=SystemPingHead (checks that the daemon answers)";
        let default = default.replace("add -allowHEAD=/_ping", name);
        check(&["-allow=uptime-kuma,ContainerStats"], &[], &[&default]);
        let variable = sentence("the default listener", "SP_ALLOW_HEAD_2");
        check(&["-allowGET=/info"], &[("SP_ALLOW_HEAD", "/version")], &[&variable]);
        let web = sentence("the listener web", "-allowHEAD@web");
        check(&["-listen=web=unix:/a", "-allowGET@web=/info"], &[], &[&web]);
    }

    #[test]
    fn listeners_that_allow_nothing_are_named() {
        let sentence = |title: &str, flag: &str, variable: &str| {
            format!(
                "{title} allows nothing, so every request is refused; add for example \
                 {flag}=traefik (or {variable}=traefik); -presets lists the presets"
            )
        };
        let default = sentence("the default listener", "-allow", "SP_ALLOW");
        let web = sentence("the listener web", "-allow@web", "SP_LISTEN_WEB_ALLOW");
        check(&[], &[], &[&default]);
        check(&["-listen=web=unix:/a"], &[], &[&web]);
        check(&["-listen=web=unix:/a", "-proxyport=1"], &[], &[&default, &web]);
        check(&["-listen=web=unix:/a", "-proxyport=1", "-allowPOST@web=/info"], &[], &[]);
        check_more(&["-listen=web=unix:/a"], &[&web]);
        check(&["-learn=reads"], &[], &[]);
    }

    #[test]
    fn a_list_that_is_denied_altogether_is_named() {
        let denied = "the default listener denies all that it allows, so every request is refused; \
                      -deny wins over -allow";
        check(&["-allow=all", "-deny=all"], &[], &[denied]);
        check(&["-allow=traefik,sablier", "-deny=traefik,sablier"], &[], &[denied]);
        // Paths of no operation stay open.
        check(&["-allowPOST=/a.*", "-deny=all"], &[], &[]);
        check(&["-allow=traefik", "-deny=harmless"], &[], &[]);
    }

    #[test]
    fn variables_of_other_proxies_are_translated_while_nothing_is_allowed() {
        let variables = [("CONTAINERS", "1"), ("POST", "0")];
        let found = warnings(&[], &variables);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("CONTAINERS, POST are variables of HAProxy-based proxies"));
        check(&QUIET, &variables, &[]);
    }

    #[test]
    fn patterns_that_cannot_be_compiled_are_named() {
        let Err(error) = Config::from_args_and_env(
            ["-allowGET=/info".into(), "-allowGET=(".into()],
            [("SP_ALLOW_HEAD_2".into(), "[".into())],
        ) else {
            panic!("these are no patterns");
        };
        let starts =
            ["invalid value \"(\" for -allowGET: ", "invalid value \"[\" for SP_ALLOW_HEAD_2: "];
        let end = "; expected a regular expression in Go's syntax for the whole path, for example ";
        let messages: Vec<&str> = error.messages().collect();
        assert_eq!(messages.len(), 2, "{error}");
        for (message, start) in messages.iter().zip(starts) {
            assert!(message.starts_with(start) && message.contains(end), "{message}");
        }
        assert_eq!(error.exit_code(), 1);
    }

    #[test]
    fn patterns_reach_the_listener_they_are_for() {
        let arguments: Vec<String> = Method::ALL
            .iter()
            .flat_map(|method| {
                [format!("-allow{method}=/{method}"), format!("-allow{method}@web=/web/{method}")]
            })
            .chain(["-listen=web=unix:/a".to_owned()])
            .collect();
        let arguments = arguments.into_iter().map(Into::into);
        let Ok(Invocation::Run(config)) = Config::from_args_and_env(arguments, []) else {
            panic!("these are patterns");
        };
        for (listener, prefix) in config.listeners.iter().zip(["", "/web"]) {
            let patterns = listener.policy.rules().patterns();
            let found: Vec<_> = patterns.map(|(method, rule)| (method, &*rule.written)).collect();
            let expected = Method::ALL.map(|method| (method, format!("{prefix}/{method}")));
            let expected = expected.each_ref().map(|(method, pattern)| (*method, pattern.as_str()));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_character_that_was_doubled_on_the_way_is_named() {
        let rows = [
            ("/v1/info$$", Some("write $")),
            (r"/v1\\.41/info", Some(r"write one \")),
            (r"/v1\.41/info$", None),
        ];
        for (pattern, part) in rows {
            let advice = pattern_advice(pattern);
            let named =
                advice.iter().any(|sentence| part.is_some_and(|part| sentence.contains(part)));
            assert_eq!((advice.len(), named), (usize::from(part.is_some()), part.is_some()));
        }
    }
}
