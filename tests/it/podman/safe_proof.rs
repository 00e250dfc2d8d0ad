//! Bodies that safe create lets pass, made by a real Podman and looked at as the OCI
//! runtime gets them: none has more of the host than an ordinary container.
//!
//! Bodies are ordinary ones with fields of a specification added: harmless and
//! dangerous values, odd spellings, repeats. `SOCKET_PROXY_SAFE_BODIES` is how many are
//! judged.

use crate::support::podman::{self, Podman};
use crate::support::random::Random;
use serde_json::{Map, Value, json};
use socket_proxy::filter::bodies::{BodyRules, Exceptions, Inspection, SafeCreate};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// The default number of judged bodies.
const BODIES: usize = 3000;

/// How many of them a daemon makes at most.
const MADE_MAX: usize = 60;

/// Members of a spec, with values that pass and others.
const MEMBERS: &[&str] = &[
    r#""privileged":false"#,
    r#""privileged":true"#,
    r#""cap_add":["CHOWN","CAP_NET_RAW","mknod"]"#,
    r#""cap_add":["ALL"]"#,
    r#""cap_add":["SYS_ADMIN"]"#,
    r#""cap_drop":["ALL"]"#,
    r#""user":"0:0""#,
    r#""user":"1000","groups":["20"]"#,
    r#""groups":["keep-groups"]"#,
    r#""netns":{"nsmode":"host"}"#,
    r#""netns":{"nsmode":"path","value":"/proc/1/ns/net"}"#,
    r#""netns":{"nsmode":"bridge"},"Networks":{}"#,
    r#""pidns":{"nsmode":"host"}"#,
    r#""pidns":{"nsmode":"private"}"#,
    r#""pidns":{"nsmode":"path","value":"/proc/1/ns/pid"}"#,
    r#""ipcns":{"nsmode":"shareable"}"#,
    r#""ipcns":{"nsmode":"host"}"#,
    r#""utsns":{"nsmode":"private"},"hostname":"h""#,
    r#""utsns":{"nsmode":"host"}"#,
    r#""userns":{"nsmode":"host"}"#,
    r#""userns":{"nsmode":"private"},"idmappings":{"UIDMap":[{"container_id":0,"host_id":0,"size":9}],"GIDMap":[{"container_id":0,"host_id":0,"size":9}]}"#,
    r#""idmappings":{"HostUIDMapping":true,"HostGIDMapping":true}"#,
    r#""cgroupns":{"nsmode":"private"}"#,
    r#""cgroup_parent":"/foreign""#,
    r#""cgroups_mode":"disabled""#,
    r#""cgroups_mode":"enabled""#,
    r#""devices":[{"path":"/dev/null:/dev/x"}]"#,
    r#""devices":[{"path":""}]"#,
    r#""host_device_list":[{"path":"/dev/full"}]"#,
    r#""device_cgroup_rule":[{"allow":true,"type":"b","access":"rwm"}]"#,
    r#""resource_limits":{"devices":[{"allow":true,"access":"rwm"}]}"#,
    r#""resource_limits":{"memory":{"limit":67108864},"pids":{"limit":50}}"#,
    r#""resource_limits":{"unified":{"memory.max":"max"}}"#,
    r#""unified":{"pids.max":"max"}"#,
    r#""unmask":["ALL"]"#,
    r#""unmask":[""]"#,
    r#""mask":["/proc/cpuinfo"]"#,
    r#""procfs_opts":["hidepid=0"]"#,
    r#""seccomp_profile_path":"unconfined""#,
    r#""seccomp_policy":"image""#,
    r#""seccomp_policy":"default""#,
    r#""apparmor_profile":"unconfined""#,
    r#""selinux_opts":["disable"]"#,
    r#""label_nested":true"#,
    r#""no_new_privileges":true"#,
    r#""mounts":[{"type":"bind","source":"/etc","destination":"/h"}]"#,
    r#""mounts":[{"type":"tmpfs","source":"tmpfs","destination":"/t","options":["size=1m"]}]"#,
    r#""mounts":[{"type":"tmpfs","source":"/etc","destination":"/t","options":["rbind"]}]"#,
    r#""mounts":[{"type":"devpts","source":"devpts","destination":"/t"}]"#,
    r#""mounts":[{"type":"proc","source":"proc","destination":"/t"}]"#,
    r#""volumes":[{"Name":"proof","Dest":"/v","Options":["rw"]}]"#,
    r#""volumes":[{"Name":"/etc","Dest":"/v"}]"#,
    r#""volumes":[{"Name":"proof2","Dest":"/v","Options":["volume-opt=type=none","volume-opt=o=bind","volume-opt=device=/etc"]}]"#,
    r#""overlay_volumes":[{"source":"/etc","destination":"/o"}]"#,
    r#""image_volumes":[{"Source":"busybox:latest","Destination":"/i"}]"#,
    r#""rootfs":"/""#,
    r#""rootfs_propagation":"shared""#,
    r#""rootfs_propagation":"rslave""#,
    r#""init":true,"init_path":"/usr/bin/true""#,
    r#""base_hosts_file":"/etc/shadow""#,
    r#""conmon_pid_file":"/tmp/socket-proxy-pid""#,
    r#""log_configuration":{"driver":"k8s-file","path":"/tmp/socket-proxy-log"}"#,
    r#""log_configuration":{"driver":"k8s-file","size":1000}"#,
    r#""healthLogDestination":"/tmp""#,
    r#""healthconfig":{"Test":["CMD","true"]}"#,
    r#""annotations":{"io.kubernetes.cri-o.TTY":"false"}"#,
    r#""annotations":{"run.oci.hooks.stdout":"/tmp/x"}"#,
    r#""oci_runtime":"/bin/sh""#,
    r#""oci_runtime":"crun""#,
    r#""sysctl":{"net.ipv4.ip_forward":"1"}"#,
    r#""r_limits":[{"type":"nofile","hard":100,"soft":100}]"#,
    r#""oom_score_adj":-900"#,
    r#""oom_score_adj":100"#,
    r#""env":{"A":"b"},"env_host":true"#,
    r#""env":{"A":"b"},"labels":{"a":"b"},"work_dir":"/tmp""#,
    r#""read_only_filesystem":true,"read_write_tmpfs":true"#,
    r#""systemd":"always""#,
    r#""systemd":"true","umask":"0000""#,
    r#""chroot_directories":["/etc"]"#,
    r#""personality":{"domain":"LINUX32"}"#,
    r#""shm_size":1048576,"timezone":"UTC","timeout":9"#,
    r#""volumes_from":["x"],"pod":"y""#,
    r#""secrets":[{"Source":"s"}]"#,
    r#""throttleReadBpsDevice":{"/dev/null":{"rate":1000}}"#,
    r#""unknown":{"privileged":true}"#,
    r#""unknown":{"privileged":false}"#,
];

#[test]
fn what_passes_safe_create_is_an_ordinary_container() {
    let Some(podman) = podman::shared() else { return };
    let count = std::env::var("SOCKET_PROXY_SAFE_BODIES");
    let count = count.ok().and_then(|count| count.parse().ok()).unwrap_or(BODIES);
    let made_max = if count == BODIES { MADE_MAX } else { usize::MAX };
    let ordinary = made(podman, &base(&[])).expect("an ordinary container");
    let (rules, mut random) = (rules(), Random::new(14));
    let (mut passed, mut made_ones) = (0, 0);
    for _ in 0..count {
        let body = base(&members(&mut random));
        let Ok(sent) = rules.judge(Inspection::LibpodContainerCreate, None, body.as_bytes()) else {
            continue;
        };
        passed += 1;
        if made_ones >= made_max {
            continue;
        }
        let sent = String::from_utf8(sent).expect("text");
        if let Some(container) = made(podman, &sent) {
            made_ones += 1;
            let faults = faults(&container, &ordinary);
            assert!(faults.is_empty(), "{body}: {faults:?}");
        }
    }
    println!("{count} bodies, {passed} passed, {made_ones} made");
    assert!(passed > count / 50 && made_ones > 20, "{passed} passed, {made_ones} were made");
}

fn rules() -> BodyRules {
    let how = "add -safecreateallow=".to_owned();
    let safe = SafeCreate::new(Exceptions::default(), how, "-allowbindmountfrom".to_owned());
    BodyRules { safe_create: Some(safe), ..BodyRules::default() }
}

fn base(members: &[String]) -> String {
    let ordinary = r#""image":"busybox:latest","command":["true"],"log_configuration":{}"#;
    let members: String = members.iter().map(|member| format!(",{member}")).collect();
    let has = |name: &str| members.contains(&format!("\"{name}\""));
    let network = if has("netns") { "" } else { r#","netns":{"nsmode":"none"}"# };
    format!("{{{ordinary}{network}{members}}}")
}

/// A few members, some of them spelled otherwise or repeated.
fn members(random: &mut Random) -> Vec<String> {
    let mut members = Vec::new();
    for _ in 0..=random.below(4) {
        let member = MEMBERS[random.below(MEMBERS.len())];
        let spelled = match random.below(14) {
            0 => member.replacen('_', "", 1),
            1 => member.to_uppercase().replace("TRUE", "true").replace("FALSE", "false"),
            2 => member.replacen('s', "\\u017f", 1),
            3 => format!("{member},{member}"),
            4 => member.replacen("true", "null", 1),
            5 => with_item(member, "[null]"),
            6 => with_item(member, "[{}]"),
            _ => member.to_owned(),
        };
        members.push(spelled);
    }
    members
}

/// The first field of a member with a list as its value.
fn with_item(member: &str, list: &str) -> String {
    format!("{}:{list}", member.split(':').next().unwrap_or_default())
}

/// The result of a body at the daemon: the inspected container and its OCI configuration.
/// Nothing if it makes none.
fn made(podman: &Podman, body: &str) -> Option<Value> {
    let created = ask(podman, "POST", "/v4.3.0/libpod/containers/create", body);
    let id = created["Id"].as_str()?.to_owned();
    let started = ask(podman, "POST", &format!("/v4.3.0/libpod/containers/{id}/init"), "");
    let inspected = ask(podman, "GET", &format!("/v4.3.0/libpod/containers/{id}/json"), "");
    let path = inspected["OCIConfigPath"].as_str().unwrap_or_default();
    let configuration = std::fs::read_to_string(path).ok();
    ask(podman, "DELETE", &format!("/v4.3.0/libpod/containers/{id}?force=true&v=true"), "");
    let runtime = configuration.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    // Some ordinary ones do not start here: there is no firewall for their network.
    let runtime = runtime.filter(|_| started["cause"].is_null())?;
    Some(json!({ "inspected": inspected, "runtime": runtime, "id": id }))
}

fn ask(podman: &Podman, method: &str, target: &str, body: &str) -> Value {
    let mut stream = UnixStream::connect(podman.socket()).expect("connect");
    let length = body.len();
    let request = format!("{method} {target} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).expect("send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    serde_json::from_str(body).unwrap_or(Value::Null)
}

/// The rights that a container has and an ordinary one has not.
fn faults(container: &Value, ordinary: &Value) -> Vec<String> {
    let (host, runtime) = (&container["inspected"]["HostConfig"], &container["runtime"]);
    let (plain, usual) = (&ordinary["inspected"]["HostConfig"], &ordinary["runtime"]);
    let mut faults = Vec::new();
    for name in ["Privileged", "PidMode", "UTSMode", "UsernsMode", "CgroupMode", "CgroupParent"] {
        if host[name] != plain[name] && host[name] != "private" {
            faults.push(format!("{name}: {}", host[name]));
        }
    }
    for name in ["Devices", "VolumesFrom", "CgroupConf", "Cgroups"] {
        if host[name] != plain[name] && host[name] != json!([]) {
            faults.push(format!("{name}: {}", host[name]));
        }
    }
    for (pointer, what) in [
        ("/linux/seccomp/defaultAction", "seccomp"),
        ("/linux/devices", "devices"),
        ("/linux/sysctl", "sysctl"),
        ("/linux/resources/devices", "rules of devices"),
        ("/linux/resources/unified", "raw settings"),
        ("/linux/uidMappings", "users"),
        ("/process/apparmorProfile", "AppArmor"),
        ("/hooks", "hooks"),
    ] {
        if runtime.pointer(pointer) != usual.pointer(pointer) {
            faults.push(format!("{what}: {:?}", runtime.pointer(pointer)));
        }
    }
    for (pointer, what) in [("/linux/maskedPaths", "masked"), ("/linux/readonlyPaths", "read-only")]
    {
        if !texts(usual, pointer).is_subset(&texts(runtime, pointer)) {
            faults.push(format!("not {what}: {:?}", texts(runtime, pointer)));
        }
    }
    faults.extend(foreign_capabilities(runtime));
    faults.extend(foreign_mounts(container, runtime));
    faults.extend(foreign_namespaces(runtime, usual));
    let cgroup = runtime.pointer("/linux/cgroupsPath").and_then(Value::as_str).unwrap_or_default();
    if !cgroup.starts_with("/libpod_parent/libpod-") {
        faults.push(format!("cgroup: {cgroup}"));
    }
    faults
}

fn texts(value: &Value, pointer: &str) -> BTreeSet<String> {
    let items = value.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn foreign_capabilities(runtime: &Value) -> Vec<String> {
    const ORDINARY: [&str; 14] = [
        "CAP_AUDIT_WRITE",
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_MKNOD",
        "CAP_NET_BIND_SERVICE",
        "CAP_NET_RAW",
        "CAP_SETFCAP",
        "CAP_SETGID",
        "CAP_SETPCAP",
        "CAP_SETUID",
        "CAP_SYS_CHROOT",
    ];
    let empty = Map::new();
    let sets = runtime.pointer("/process/capabilities").and_then(Value::as_object);
    let sets = sets.unwrap_or(&empty).keys();
    sets.flat_map(|set| texts(runtime, &format!("/process/capabilities/{set}")))
        .filter(|name| !ORDINARY.contains(&name.as_str()))
        .collect()
}

/// Podman's own files of a container are below its storage, and name the container. On
/// cgroup v1 each container whose command is `/sbin/init` has the hierarchy of systemd,
/// with a masked `release_agent`.
fn foreign_mounts(container: &Value, runtime: &Value) -> Vec<String> {
    let id = container["id"].as_str().unwrap_or_default();
    let mounts = runtime.pointer("/mounts").and_then(Value::as_array).into_iter().flatten();
    let is_own = |source: &str| {
        let storage = ["/data/volumes/", "/data/vfs/", "/sys/fs/cgroup/systemd"];
        source.contains(id) || storage.iter().any(|own| source.contains(own))
    };
    let source = |mount: &Value| {
        let options = texts(mount, "/options");
        let binds =
            mount["type"] == "bind" || options.contains("bind") || options.contains("rbind");
        let source = mount["source"].as_str().unwrap_or_default().to_owned();
        Some(source).filter(|source| binds && !is_own(source))
    };
    mounts.filter_map(source).map(|source| format!("mount of {source}")).collect()
}

fn foreign_namespaces(runtime: &Value, usual: &Value) -> Vec<String> {
    let of = |value: &Value| {
        let all = value.pointer("/linux/namespaces").and_then(Value::as_array);
        all.into_iter().flatten().cloned().collect::<Vec<Value>>()
    };
    let kinds = |value: &Value| -> BTreeSet<String> {
        of(value).iter().map(|it| it["type"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let mut faults: Vec<String> =
        kinds(usual).difference(&kinds(runtime)).map(|kind| format!("the host's {kind}")).collect();
    for namespace in of(runtime) {
        let path = namespace["path"].as_str().unwrap_or_default();
        if !path.is_empty() && !path.contains("/netns/") {
            faults.push(format!("namespace {namespace}"));
        }
    }
    faults
}
