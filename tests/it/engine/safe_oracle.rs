//! Judges the objects that the Engine made, without regard to the body: does one have
//! more than an ordinary container, volume or network?

use super::api::Api;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The capabilities of an ordinary container.
const CAPABILITIES: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// The paths that every supported Engine masks; later ones mask more.
const MASKED: [&str; 10] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];

const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const NO_NEW_PRIVILEGES: [&str; 3] =
    ["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"];

/// Log drivers that write into the Engine's own directory, or nowhere.
const LOG_DRIVERS: [&str; 3] = ["json-file", "local", "none"];

/// Options of networks that the Engine sets by itself, or that keep a network apart.
const NETWORK_OPTIONS: [&str; 4] = [
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.driver.mtu",
    "com.docker.network.enable_ipv4",
    "com.docker.network.enable_ipv6",
];

/// Fields that are empty in an ordinary container.
const EMPTY: [&str; 8] = [
    "Annotations",
    "Cgroup",
    "CgroupParent",
    "DeviceCgroupRules",
    "DeviceRequests",
    "Devices",
    "Sysctls",
    "VolumesFrom",
];

/// The rights of a container beyond an ordinary one: none, if the proxy is right.
pub(crate) fn of_container(engine: &Api, id: &str) -> Vec<String> {
    let container = engine.get(&format!("/containers/{id}/json"));
    let host = &container["HostConfig"];
    assert!(host.is_object(), "{id} cannot be inspected: {container}");
    let mut faults = Vec::new();
    for name in ["Privileged", "OomKillDisable"] {
        if host[name] == true {
            faults.push(name.to_owned());
        }
    }
    for name in EMPTY.into_iter().filter(|name| !is_empty(&host[*name])) {
        faults.push(format!("{name}: {}", host[name]));
    }
    let options = host["StorageOpt"].as_object().into_iter().flatten();
    faults.extend(options.filter(|(name, _)| *name != "size").map(|it| format!("storage: {it:?}")));
    faults.extend(namespaces(host));
    faults.extend(protection(host));
    faults.extend(mounts(engine, &container));
    faults.extend(networks(&container));
    if host["OomScoreAdj"].as_i64().is_some_and(|score| score < 0) {
        faults.push(format!("OomScoreAdj: {}", host["OomScoreAdj"]));
    }
    for (name, values) in [("Runtime", &["runc", ""][..]), ("VolumeDriver", &["", "local"])] {
        if !values.contains(&text(&host[name])) {
            faults.push(format!("{name}: {}", host[name]));
        }
    }
    faults
}

/// Whether a value has no effect. A list of empty devices has none: the Engine creates a
/// container of it that cannot be started.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(is_empty),
        Value::Object(fields) => fields.values().all(is_empty),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn namespaces(host: &Value) -> Vec<String> {
    // On cgroup v1 `host` is the Engine's own default.
    let cgroup = if std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        &["", "private"][..]
    } else {
        &["", "private", "host"]
    };
    let allowed: [(&str, &[&str]); 5] = [
        ("IpcMode", &["", "private", "none", "shareable"]),
        // Daemons take any other word for a namespace of its own.
        ("PidMode", &["", "private"]),
        ("UTSMode", &["", "private"]),
        ("UsernsMode", &["", "private"]),
        ("CgroupnsMode", cgroup),
    ];
    let foreign = allowed.iter().filter(|(name, modes)| !modes.contains(&text(&host[*name])));
    foreign.map(|(name, _)| format!("{name}: {}", host[*name])).collect()
}

fn protection(host: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    faults.extend(capabilities(&host["CapAdd"]));
    for option in texts(&host["SecurityOpt"]) {
        if !NO_NEW_PRIVILEGES.contains(&option) {
            faults.push(format!("SecurityOpt: {option}"));
        }
    }
    // Without a list, the Engine has its own.
    let lists = [("MaskedPaths", &MASKED[..]), ("ReadonlyPaths", &READ_ONLY)];
    for (name, paths) in lists.into_iter().filter(|(name, _)| !host[*name].is_null()) {
        let covered: BTreeSet<_> = texts(&host[name]).into_iter().collect();
        let open: Vec<_> = paths.iter().filter(|path| !covered.contains(*path)).collect();
        if !open.is_empty() {
            faults.push(format!("{name} leave open {open:?}"));
        }
    }
    let log = &host["LogConfig"];
    faults.extend(log_faults(&log["Type"], &log["Config"]));
    faults
}

fn capabilities(added: &Value) -> Vec<String> {
    let is_ordinary = |capability: &str| {
        let name = capability.to_uppercase();
        CAPABILITIES.contains(&name.strip_prefix("CAP_").unwrap_or(&name))
    };
    let foreign = texts(added).into_iter().filter(|capability| !is_ordinary(capability));
    foreign.map(|capability| format!("capability {capability}")).collect()
}

fn log_faults(driver: &Value, options: &Value) -> Option<String> {
    let has_path = options.as_object().into_iter().flatten().any(|(name, value)| {
        let text = text(value);
        name == "path" || text.starts_with('/') || text.contains("://")
    });
    let is_foreign = !LOG_DRIVERS.contains(&text(driver)) || has_path;
    is_foreign.then(|| format!("log {driver} with {options}"))
}

/// How a volume differs from a directory of the Engine's own.
pub(crate) fn of_volume(volume: &Value) -> Option<String> {
    let is_plain = text(&volume["Driver"]) == "local" && is_empty(&volume["Options"]);
    (!is_plain).then(|| format!("volume: {volume}"))
}

/// How a network differs from a bridge with a private subnet.
pub(crate) fn of_network(network: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, usual) in [
        ("Driver", json!("bridge")),
        ("Scope", json!("local")),
        ("Ingress", json!(false)),
        ("ConfigOnly", json!(false)),
    ] {
        if network[name] != usual {
            faults.push(format!("{name}: {}", network[name]));
        }
    }
    let ipam = &network["IPAM"];
    if text(&ipam["Driver"]) != "default" || !is_empty(&ipam["Options"]) {
        faults.push(format!("IPAM: {ipam}"));
    }
    for pool in ipam["Config"].as_array().into_iter().flatten() {
        if !text(&pool["Subnet"]).starts_with("10.") {
            faults.push(format!("subnet: {pool}"));
        }
    }
    for (name, value) in network["Options"].as_object().into_iter().flatten() {
        if !NETWORK_OPTIONS.contains(&name.as_str()) {
            faults.push(format!("option {name}={value}"));
        }
    }
    faults
}

/// The rights of the containers of a service beyond ordinary ones.
pub(crate) fn of_service(service: &Value) -> Vec<String> {
    let spec = &service["Spec"];
    let task = &spec["TaskTemplate"];
    let container = &task["ContainerSpec"];
    let mut faults = capabilities(&container["CapabilityAdd"]);
    for mount in container["Mounts"].as_array().into_iter().flatten() {
        let options = &mount["VolumeOptions"]["DriverConfig"];
        let is_own = matches!(text(&mount["Type"]), "volume" | "tmpfs" | "image");
        if !is_own || !is_empty(&options["Options"]) {
            faults.push(format!("mount: {mount}"));
        }
    }
    let privileges = &container["Privileges"];
    if privileges["SELinuxContext"]["Disable"] == true
        || !is_empty(&privileges["CredentialSpec"])
        || !matches!(text(&privileges["Seccomp"]["Mode"]), "" | "default")
        || !matches!(text(&privileges["AppArmor"]["Mode"]), "" | "default")
    {
        faults.push(format!("Privileges: {privileges}"));
    }
    if !is_empty(&container["Sysctls"])
        || container["OomScoreAdj"].as_i64().is_some_and(|it| it < 0)
    {
        faults.push(format!("container: {container}"));
    }
    if !is_empty(&task["PluginSpec"])
        || !is_empty(&task["NetworkAttachmentSpec"])
        || !matches!(text(&task["Runtime"]), "" | "container")
    {
        faults.push(format!("no container: {task}"));
    }
    if !is_empty(&task["LogDriver"]) {
        faults.extend(log_faults(&task["LogDriver"]["Name"], &task["LogDriver"]["Options"]));
    }
    if !is_empty(&task["Networks"]) || !is_empty(&spec["Networks"]) {
        faults.push(format!("networks: {} {}", task["Networks"], spec["Networks"]));
    }
    faults
}

fn mounts(engine: &Api, container: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for mount in container["Mounts"].as_array().into_iter().flatten() {
        match text(&mount["Type"]) {
            "tmpfs" | "image" => {}
            "volume" => {
                let volume = engine.get(&format!("/volumes/{}", volume_name(mount)));
                faults.extend(of_volume(&volume));
            }
            _ => faults.push(format!("mount: {mount}")),
        }
    }
    for mount in container["HostConfig"]["Mounts"].as_array().into_iter().flatten() {
        let options = &mount["VolumeOptions"]["DriverConfig"];
        if text(&mount["Type"]) == "bind" || !is_empty(&options["Options"]) {
            faults.push(format!("Mounts: {mount}"));
        }
    }
    let binds = texts(&container["HostConfig"]["Binds"]);
    let of_host = binds.iter().filter(|bind| bind.starts_with('/') && bind[1..].contains(":/"));
    faults.extend(of_host.map(|bind| format!("Binds: {bind}")));
    faults
}

/// Some Engines do not name anonymous volumes here, but give their paths.
fn volume_name(mount: &Value) -> &str {
    let source = text(&mount["Source"]);
    let after = source.rsplit_once("/volumes/").map_or("", |(_, after)| after);
    let by_place = after.split('/').next().unwrap_or_default();
    mount["Name"].as_str().unwrap_or(by_place)
}

fn networks(container: &Value) -> Vec<String> {
    let mode = text(&container["HostConfig"]["NetworkMode"]);
    let networks = container["NetworkSettings"]["Networks"].as_object();
    let names = networks.into_iter().flatten().map(|(name, _)| name.as_str());
    // A container that joins the network `host` by its id has a namespace of its own.
    let foreign = names.filter(|name| name.contains(':'));
    let foreign = foreign.chain([mode].into_iter().filter(|it| *it == "host" || it.contains(':')));
    let mut faults: Vec<_> = foreign.map(|name| format!("network: {name}")).collect();
    for (_, endpoint) in networks.into_iter().flatten() {
        if !is_empty(&endpoint["DriverOpts"]) {
            faults.push(format!("DriverOpts: {}", endpoint["DriverOpts"]));
        }
    }
    faults
}
