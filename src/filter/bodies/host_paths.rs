//! Paths and sockets of the host that a body names and that are no mounts: of
//! logs, profiles, runtimes, drivers and annotations.
//!
//! A directory of the list may be named in each of these places, as in a mount.
//! Two are stricter: a profile in a file and a program cannot be judged, even
//! within the list, where a client could write them itself.

use super::directories::{BindMounts, climbs};
use super::fields::Node;
use super::read::{Driver, Map, Text};
use super::refusal::{Closed, Fault, Refusal, Unfit};
use crate::json::Tree;

/// Files of profiles that Podman's client names by default.
const DEFAULT_PROFILES: [&str; 3] = [
    "/usr/share/containers/seccomp.json",
    "/etc/containers/seccomp.json",
    "/etc/crio/seccomp.json",
];

/// Options of log drivers whose values are always files: a relative path is found
/// below the directory of the daemon.
const LOG_FILES: [&str; 5] =
    ["path", "splunk-capath", "syslog-tls-ca-cert", "syslog-tls-cert", "syslog-tls-key"];

/// Options of log drivers whose values are never paths, even if they look like one.
const LOG_TEXTS: [&str; 14] = [
    "awslogs-create-group",
    "awslogs-create-stream",
    "awslogs-credentials-endpoint",
    "awslogs-datetime-format",
    "awslogs-group",
    "awslogs-multiline-pattern",
    "awslogs-stream",
    "env",
    "env-regex",
    "labels",
    "labels-regex",
    "splunk-index",
    "splunk-source",
    "tag",
];

/// Checks a driver of logs with its options: they name files, addresses that
/// may be sockets of the host, and Podman's file of the log.
pub(super) fn check_log(allowed: &BindMounts, log: &Driver<'_>) -> Result<(), Refusal> {
    check_driver(&log.name.place, log.name.value)?;
    let Some(options) = &log.options else { return Ok(()) };
    for (key, option) in options.texts()? {
        check_key(&option.place, key)?;
        check_socket(allowed, &option.place, option.value)?;
        // Podman compares the name without case.
        let names_file = LOG_FILES.iter().any(|name| key.eq_ignore_ascii_case(name));
        let is_path = option.value.starts_with(['/', '.', '~']) && !LOG_TEXTS.contains(&key);
        if (names_file || is_path) && !option.value.is_empty() {
            allowed.check_raw_path(&option.place, option.value)?;
        }
    }
    Ok(())
}

/// Checks the name of an option or annotation: Podman joins it with its value by
/// `=` and splits the text at the first one, which may be within the name.
fn check_key(place: &str, key: &str) -> Result<(), Refusal> {
    match key.contains('=') {
        true => Err(Refusal::value(place, Unfit::Key, key)),
        false => Ok(()),
    }
}

/// Checks a text that may be the address of a socket of the host: `unix:///run/x`
/// and `unixgram:` are paths as well.
pub(super) fn check_socket(
    allowed: &BindMounts,
    place: &str,
    address: &str,
) -> Result<(), Refusal> {
    if !is_socket(address) {
        return Ok(());
    }
    let (_, rest) = address.trim().split_once(':').unwrap_or_default();
    let path = rest.strip_prefix("//").unwrap_or(rest);
    match path.starts_with('/') && !path.contains(['%', '?', '#']) {
        true => allowed.check_raw_path(place, path),
        false => Err(Refusal::value(place, Unfit::Socket, address)),
    }
}

fn is_socket(address: &str) -> bool {
    let scheme = address.trim().split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| scheme.starts_with("unix"))
}

/// Checks the name of a driver: daemons look for its plugin's socket or program
/// at a path that they make of the name.
pub(super) fn check_driver(place: &str, driver: &str) -> Result<(), Refusal> {
    let is_path = driver.starts_with(['/', '.', '~'])
        || driver.split('/').any(|segment| matches!(segment, "." | ".." | ""));
    match is_path && !driver.is_empty() {
        true => Err(Refusal::value(place, Unfit::Driver, driver)),
        false => Ok(()),
    }
}

/// Checks the name of a runtime, in whose place Podman takes a program's path.
pub(super) fn check_runtime(place: &str, runtime: &str) -> Result<(), Refusal> {
    match runtime.contains('/') {
        true => Err(Refusal::value(place, Unfit::Program, runtime)),
        false => Ok(()),
    }
}

/// Checks `SecurityOpt`.
pub(super) fn check_security_options(
    allowed: &BindMounts,
    options: &[Text<'_>],
) -> Result<(), Refusal> {
    options
        .iter()
        .try_for_each(|option| check_security_option(allowed, &option.place, option.value))
}

/// Checks `seccomp=PROFILE`, or with a colon, as older clients write it.
pub(super) fn check_security_option(
    allowed: &BindMounts,
    place: &str,
    option: &str,
) -> Result<(), Refusal> {
    for (key, value) in ['=', ':'].iter().filter_map(|sign| option.split_once(*sign)) {
        if key.trim().eq_ignore_ascii_case("seccomp") {
            check_seccomp(allowed, place, value)?;
        }
        // Podman binds a directory of the host for it.
        if key.trim().eq_ignore_ascii_case("label") && value.trim() == "nested" {
            allowed.check_path(place, "/sys/fs/selinux")?;
        }
    }
    Ok(())
}

/// Checks a profile for system calls: a name, JSON, or with Podman a file. Its
/// `listenerPath` is a socket of the host that receives a process's calls.
pub(super) fn check_seccomp(
    allowed: &BindMounts,
    place: &str,
    profile: &str,
) -> Result<(), Refusal> {
    if matches!(profile, "" | "unconfined" | "builtin" | "default")
        || DEFAULT_PROFILES.contains(&profile)
    {
        return Ok(());
    }
    if !profile.trim_start().starts_with('{') {
        return Err(Refusal::value(place, Unfit::Profile, profile));
    }
    let tree = Tree::parse(profile.as_bytes())
        .map_err(|error| Refusal::new(place, Fault::ProfileNotJson(error)))?;
    check_profile(allowed, &Node::root(&tree)).map_err(|refusal| refusal.within(place))
}

fn check_profile(allowed: &BindMounts, profile: &Node<'_>) -> Result<(), Refusal> {
    match profile.fields(&["listenerPath"])?.text("listenerPath")? {
        "" => Ok(()),
        path => allowed.check_raw_path("listenerPath", path),
    }
}

/// Annotations whose values are always files or sockets of the host. The last
/// one names a file that Podman removes with the container.
const FILE_ANNOTATIONS: [&str; 4] = [
    "run.oci.hooks.",
    "run.oci.pidfd_receiver",
    "run.oci.seccomp.receiver",
    "io.podman.annotations.cid-file",
];

/// Annotations with files that a runtime runs, or that choose its programs.
const PROGRAM_ANNOTATIONS: [&str; 2] = ["org.criu.config", "run.oci.seccomp.plugins"];

/// Checks annotations: the runtime crun takes files, sockets and programs of
/// the host from them, and the files that hooks write to.
pub(super) fn check_annotations(
    allowed: &BindMounts,
    annotations: Option<&Map<'_>>,
) -> Result<(), Refusal> {
    let Some(annotations) = annotations else { return Ok(()) };
    for (key, value) in annotations.entries().filter(|(_, value)| !value.is_null()) {
        if key == "io.containers.trace-syscall" {
            return Err(Refusal::closed(value.place(), Closed::Hook));
        }
        let text = value.text()?;
        check_key(value.place(), key)?;
        check_annotation(allowed, value.place(), key, text)?;
    }
    Ok(())
}

fn check_annotation(
    allowed: &BindMounts,
    place: &str,
    key: &str,
    text: &str,
) -> Result<(), Refusal> {
    if is_socket(text) {
        return check_socket(allowed, place, text);
    }
    if PROGRAM_ANNOTATIONS.contains(&key) && !text.is_empty() {
        return Err(Refusal::value(place, Unfit::Program, text));
    }
    let names_file = FILE_ANNOTATIONS.iter().any(|name| key.starts_with(name));
    let is_path = text.starts_with('/') || text.split('/').any(|segment| segment == "..");
    match !text.is_empty() && (names_file || is_path) {
        true => allowed.check_raw_path(place, text),
        false => Ok(()),
    }
}

/// Checks a mode of networks such as `pasta:--pcap,FILE`, whose options Podman
/// passes to a program on the host.
pub(super) fn check_network_mode(
    allowed: &BindMounts,
    place: &str,
    mode: &str,
) -> Result<(), Refusal> {
    match mode.split_once(':') {
        Some(("pasta" | "slirp4netns", options)) => {
            options.split(',').try_for_each(|option| check_option(allowed, place, option))
        }
        _ => Ok(()),
    }
}

/// Checks the same options in Podman's own tree.
pub(super) fn check_network_options(
    allowed: &BindMounts,
    networks: Option<&Map<'_>>,
) -> Result<(), Refusal> {
    let Some(networks) = networks else { return Ok(()) };
    for (_, options) in networks.entries().filter(|(_, options)| !options.is_null()) {
        for option in options.items()? {
            check_option(allowed, option.place(), option.text()?)?;
        }
    }
    Ok(())
}

/// Checks one word for such a program. Names of options are listed below: the
/// others open files of the host, and the next word may be the file.
fn check_option(allowed: &BindMounts, place: &str, option: &str) -> Result<(), Refusal> {
    let option = option.trim();
    let value = option.split_once('=').map_or(option, |(_, value)| value).trim();
    if is_network(value) {
        return Ok(());
    }
    if value.starts_with(['.', '~']) || value.contains('/') {
        return allowed.check_raw_path(place, value);
    }
    match !option.starts_with('-') || opens_no_file(option) {
        true => Ok(()),
        false => Err(Refusal::value(place, Unfit::Option, option)),
    }
}

/// `10.0.2.0/24`, `fd00::/64`, or ports at an address: `127.0.0.1/8080-8090:80`.
fn is_network(value: &str) -> bool {
    let Some((address, rest)) = value.split_once('/') else { return false };
    let are_numbers = rest.bytes().all(|byte| byte.is_ascii_digit() || b"-:".contains(&byte));
    are_numbers && !rest.is_empty() && address.parse::<std::net::IpAddr>().is_ok()
}

/// Whether a word is the name of an option of pasta that opens no file. Long names
/// must be whole, short ones may have their value attached.
fn opens_no_file(option: &str) -> bool {
    let name = option.split_once('=').map_or(option, |(name, _)| name);
    match option.strip_prefix("--") {
        Some(_) => NETWORK_OPTIONS.contains(&name.trim_start_matches('-')),
        None => option.chars().nth(1).is_some_and(|letter| {
            "amngioDSHtuTUMI".contains(letter)
                || ("46".contains(letter) && option.chars().count() == 2)
        }),
    }
}

/// Long options of pasta that open no file.
const NETWORK_OPTIONS: [&str; 34] = [
    "address",
    "config-net",
    "dhcp-dns",
    "dhcp-search",
    "dns",
    "dns-forward",
    "dns-host",
    "fqdn",
    "gateway",
    "host-lo-to-ns-lo",
    "hostname",
    "interface",
    "ipv4-only",
    "ipv6-only",
    "mac-addr",
    "map-guest-addr",
    "map-gw",
    "map-host-loopback",
    "mtu",
    "netmask",
    "no-dhcp",
    "no-dhcpv6",
    "no-icmp",
    "no-map-gw",
    "no-ndp",
    "no-ra",
    "no-splice",
    "no-tcp",
    "no-udp",
    "ns-ifname",
    "ns-mac-addr",
    "outbound",
    "outbound-if4",
    "outbound-if6",
];

/// Checks a field that names a file of the host, or one of `words` instead.
pub(super) fn check_file(
    allowed: &BindMounts,
    file: Option<&Text<'_>>,
    words: &[&str],
) -> Result<(), Refusal> {
    match file {
        Some(file) if !file.value.is_empty() && !words.contains(&file.value) => {
            allowed.check_raw_path(&file.place, file.value)
        }
        _ => Ok(()),
    }
}

/// Checks a zone of time, a path below a directory of the host.
pub(super) fn check_time_zone(place: &str, zone: &str) -> Result<(), Refusal> {
    match zone.starts_with('/') || climbs(zone) {
        true => Err(Refusal::value(place, Unfit::TimeZone, zone)),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::{HostConfig, Value};
    use super::*;

    fn allowed() -> BindMounts {
        BindMounts::parse("/home,/run/log").unwrap()
    }

    fn log(options: &str) -> Result<(), Refusal> {
        let text = format!(r#"{{"LogConfig":{{"Type":"x","Config":{options}}}}}"#);
        let tree = Tree::parse(text.as_bytes()).unwrap();
        check_log(&allowed(), &HostConfig::read(Node::root(&tree))?.log_config()?.unwrap().log()?)
    }

    #[test]
    fn options_of_log_drivers_name_no_files_and_sockets_outside_of_the_list() {
        for options in [
            "null",
            "{}",
            r#"{"max-size":"10m","tag":"/{{.Name}}","labels":"/a","env":null}"#,
            r#"{"syslog-address":"udp://10.0.0.1:514","syslog-format":"rfc5424"}"#,
            r#"{"fluentd-address":"10.0.0.1:24224"}"#,
            r#"{"fluentd-address":"tcp+tls://h:1"}"#,
            r#"{"gelf-address":"udp://h:12201"}"#,
            r#"{"awslogs-group":"/ecs/app"}"#,
            r#"{"syslog-address":"unix:///run/log/x.sock"}"#,
            r#"{"syslog-address":"unixgram:///run/log/x.sock"}"#,
            r#"{"path":"/home/me/log","syslog-tls-key":null,"tag":"../x","splunk-capath":""}"#,
        ] {
            assert_eq!(log(options), Ok(()), "{options}");
        }
        for options in [
            r#"{"syslog-address":"unix:///var/run/docker.sock"}"#,
            r#"{"syslog-address":"unixgram:///dev/log"}"#,
            r#"{"syslog-address":"UNIX:///dev/log"}"#,
            r#"{"syslog-address":"unix:/dev/log"}"#,
            r#"{"syslog-address":"unix://h/dev/log"}"#,
            r#"{"syslog-address":"unix:///run/log/%2e%2e/x"}"#,
            r#"{"syslog-address":"unix:///run/log/../x"}"#,
            r#"{"syslog-address":"unix://run/log/x"}"#,
            r#"{"fluentd-address":"unix:///run/x"}"#,
            r#"{"gelf-address":"unix:///run/x"}"#,
            r#"{"anything":"unix:///run/x"}"#,
            r#"{"syslog-tls-key":"/etc/ssl/key"}"#,
            r#"{"splunk-capath":"/etc/x"}"#,
            r#"{"path":"/etc/cron.d/x"}"#,
            r#"{"path":"../../../etc/cron.d/x"}"#,
            r#"{"path":"etc/cron.d/x"}"#,
            r#"{"Path":"x"}"#,
            r#"{"path=/etc/cron.d/x":""}"#,
            r#"{"splunk-capath":"etc/x"}"#,
            r#"{"syslog-tls-ca-cert":"x"}"#,
            r#"{"anything":"../x"}"#,
            r#"{"a":1}"#,
            "[]",
        ] {
            assert!(log(options).is_err(), "{options}");
        }
    }

    #[test]
    fn profiles_that_listen_at_a_socket_count_as_its_path() {
        let profile = |path: &str| format!(r#"{{"defaultAction":"SCMP_ACT_NOTIFY","{path}}}"#);
        for option in [
            "no-new-privileges".to_owned(),
            "label=type:x".to_owned(),
            "label=nestedx".to_owned(),
            "apparmor:unconfined".to_owned(),
            "seccomp=unconfined".to_owned(),
            "seccomp:builtin".to_owned(),
            format!("seccomp={}", profile(r#"listenerPath":"""#)),
            format!("seccomp={}", profile(r#"listenerPath":"/run/log/x.sock""#)),
            format!("seccomp={}", profile(r#"syscalls":[{"names":["a=b:c"]}]"#)),
        ] {
            assert_eq!(check_security_option(&allowed(), "x", &option), Ok(()), "{option}");
        }
        for option in [
            "seccomp=/etc/x.json".to_owned(),
            "seccomp:/home/me/x.json".to_owned(),
            "SECCOMP=x.json".to_owned(),
            "label=nested".to_owned(),
            "label:nested".to_owned(),
            format!("seccomp={}", profile(r#"listenerPath":"/run/x.sock""#)),
            format!("seccomp:{}", profile(r#"listenerPath":"/run/x=y.sock""#)),
            format!("seccomp={}", profile(r#"ListenerPath":"/run/x.sock""#)),
            format!("seccomp={}", profile(r#"listener_path":"/run/x.sock""#)),
            format!("seccomp={}", profile(r#"listenerPath":"","listenerPath":"/run/x.sock""#)),
            format!("seccomp= {}x", profile(r#"a":"b""#)),
        ] {
            assert!(check_security_option(&allowed(), "x", &option).is_err(), "{option}");
        }
    }

    #[test]
    fn drivers_and_runtimes_are_names() {
        for driver in ["", "local", "vieux/sshfs:latest", "registry.io:5000/a/b", "a..b"] {
            assert_eq!(check_driver("Driver", driver), Ok(()), "{driver}");
        }
        for driver in ["/x", "../../home/x", "a/../../b", "./x", "a//b", "..", "~/x"] {
            assert!(check_driver("Driver", driver).is_err(), "{driver}");
        }
        assert_eq!(check_runtime("Runtime", "io.containerd.runc.v2"), Ok(()));
        assert!(check_runtime("Runtime", "/home/me/run").is_err());
        assert!(check_runtime("Runtime", "../run").is_err());
    }

    #[test]
    fn annotations_name_no_files_outside_of_the_list() {
        let judge = |annotations: &str| {
            let text = format!(r#"{{"a":{annotations}}}"#);
            let tree = Tree::parse(text.as_bytes()).unwrap();
            let annotations =
                Node::root(&tree).map().unwrap().get("a").map(Map::read).transpose()?;
            check_annotations(&allowed(), annotations.as_ref())
        };
        for annotations in [
            "null",
            r#"{"org.opencontainers.image.source":"https://x/y","b":"/home/x","c":null}"#,
            r#"{"run.oci.hooks.stdout":"/home/x","run.oci.seccomp.receiver":"unix:/run/log/x"}"#,
            r#"{"run.oci.seccomp.plugins":"","io.podman.annotations.cid-file":"/home/x/cid"}"#,
        ] {
            assert_eq!(judge(annotations), Ok(()), "{annotations}");
        }
        for annotations in [
            r#"{"run.oci.hooks.stdout":"/etc/cron.d/x"}"#,
            r#"{"run.oci.seccomp.receiver":"/run/x.sock"}"#,
            r#"{"run.oci.seccomp.receiver":"unix:/run/x.sock"}"#,
            r#"{"io.containers.trace-syscall":"of:/etc/x"}"#,
            r#"{"run.oci.hooks.stdout":"../../etc/cron.d/x"}"#,
            r#"{"run.oci.hooks.stderr":"x"}"#,
            r#"{"run.oci.seccomp.plugins":"a:/etc/x.so"}"#,
            r#"{"run.oci.seccomp.plugins":"/home/x.so"}"#,
            r#"{"org.criu.config":"/home/x"}"#,
            r#"{"io.katacontainers.config.hypervisor.path":"usr/../../x"}"#,
            r#"{"run.oci.seccomp.receiver":"x.sock"}"#,
            r#"{"run.oci.pidfd_receiver":"run/x.sock"}"#,
            r#"{"io.podman.annotations.cid-file":"etc/passwd"}"#,
            r#"{"io.podman.annotations.cid-file":"/etc/passwd"}"#,
            r#"{"io.podman.annotations.cid-file=/etc/passwd":""}"#,
            r#"{"a":1}"#,
        ] {
            assert!(judge(annotations).is_err(), "{annotations}");
        }
    }

    #[test]
    fn programs_of_rootless_networks_get_no_files_outside_of_the_list() {
        for mode in [
            "bridge",
            "host",
            "container:x",
            "ns:/x",
            "pasta",
            "pasta:-T,5201",
            "pasta:-t8080-8090:9090,-m1500,-4",
            "pasta:--ipv4-only,-a,10.0.2.0,-n,24,-g,10.0.2.2,--dns-forward=10.0.2.3,--map-gw",
            "pasta:--config-net, -u ,none,-I,tap0",
            "pasta:-t,127.0.0.1/8080:80,-u,::1/53",
            "x:/etc",
            "slirp4netns:cidr=10.0.2.0/24,allow_host_loopback=true",
            "slirp4netns:cidr=fd00::/64",
        ] {
            assert_eq!(check_network_mode(&allowed(), "x", mode), Ok(()), "{mode}");
        }
        for mode in [
            "pasta:--pcap,/etc/x",
            "pasta:--pcap=/etc/x",
            "pasta:-l,../x",
            "pasta:-p/etc/x",
            "pasta:--pcap,etc/x",
            "pasta:--pcap,x",
            "pasta:--pc=x",
            "pasta:-px",
            "pasta:-4px",
            "pasta:-P,x",
            "pasta:--log-file,x",
            "pasta:--runas,0",
            "pasta:--netns=/proc/1/ns/net",
            "pasta:--mtu,1500, --pcap,x",
            "pasta:10.0.2.0/x",
            "slirp4netns:cidr=../x",
        ] {
            assert!(check_network_mode(&allowed(), "x", mode).is_err(), "{mode}");
        }
    }
}
