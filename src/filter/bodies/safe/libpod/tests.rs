//! Podman's own tree, one line each.

use crate::filter::bodies::safe::tests::{judge, opened, pass, refused, rules};

const CREATE: &str = "/v5.8.0/libpod/containers/create";
const POD: &str = "/v5.8.0/libpod/pods/create";
const UPDATE: &str = "/v5.8.0/libpod/containers/x/update";
const EXEC: &str = "/v5.8.0/libpod/containers/x/exec";
const VOLUME: &str = "/v5.8.0/libpod/volumes/create";
const NETWORK: &str = "/v5.8.0/libpod/networks/create";
const CONNECT: &str = "/v5.8.0/libpod/networks/x/connect";

#[test]
fn ordinary_values_pass() {
    for body in [
        r#"{"image":"a","privileged":false,"cap_add":["CHOWN","net_raw"],"cap_drop":["all"]}"#,
        r#"{"netns":{"nsmode":"bridge"},"pidns":{"nsmode":"private"},"ipcns":{"nsmode":"shareable"}}"#,
        r#"{"netns":{"nsmode":"pasta"},"utsns":{},"userns":{"nsmode":"","value":""},"cgroupns":null}"#,
        r#"{"idmappings":{"HostUIDMapping":true,"UIDMap":[{"container_id":0,"host_id":0,"size":9}]}}"#,
        r#"{"mounts":[{"type":"tmpfs","source":"tmpfs","destination":"/t","options":["size=1m,exec"]}]}"#,
        r#"{"mounts":[{"type":"devpts"},{"type":"mqueue","options":["nosuid"]}],"overlay_volumes":[]}"#,
        r#"{"volumes":[{"Name":"v","Dest":"/v","Options":["rw,z","nodev"],"SubPath":"a"}]}"#,
        r#"{"r_limits":[{"type":"nofile","hard":18446744073709551615,"soft":-1}],"oom_score_adj":5}"#,
        r#"{"resource_limits":{"memory":{"limit":1,"swap":2},"cpu":{"quota":1},"pids":{"limit":5}}}"#,
        r#"{"log_configuration":{"driver":"k8s-file","size":1,"options":{"tag":"x"}},"systemd":"true"}"#,
        r#"{"seccomp_policy":"default","seccomp_profile_path":"/usr/share/containers/seccomp.json"}"#,
        r#"{"healthLogDestination":"local","base_hosts_file":"none","oci_runtime":"crun","user":"0"}"#,
        r#"{"Networks":{"n":{"aliases":["a"],"static_ips":["10.0.0.2"],"static_mac":"","interface_name":""}}}"#,
        r#"{"personality":{"domain":"LINUX32"},"mask":["/x"],"devices":[],"secrets":null,"unified":{}}"#,
    ] {
        pass(CREATE, body);
    }
    pass(UPDATE, r#"{"memory":{"limit":1},"Env":null,"health_cmd":"true","r_limits":[]}"#);
    pass(
        VOLUME,
        r#"{"Name":"v","Driver":"local","Label":{},"Labels":null,"Options":{},"UID":null}"#,
    );
    pass(
        NETWORK,
        r#"{"driver":"bridge","subnets":[{"subnet":"10.9.0.0/24","lease_range":{"start_ip":"10.9.0.2"}}],"options":{"mtu":"1400","isolate":"true"},"ipam_options":{"driver":"host-local"},"network_interface":"podman12"}"#,
    );
    pass(CONNECT, r#"{"container":"c","aliases":["z"],"interface_name":""}"#);
    pass(EXEC, r#"{"Cmd":["sh"],"Privileged":false,"User":"0"}"#);
}

#[test]
fn each_danger_has_an_item() {
    for (field, item) in [
        (r#""privileged":true"#, "privileged"),
        (r#""cap_add":["all"]"#, "capadd:ALL"),
        (r#""devices":[{"path":"/dev/fuse"}]"#, "device:/dev/fuse"),
        (r#""devices":[{"path":"/dev/fuse:/dev/x:rwm"}]"#, "device:/dev/fuse"),
        (r#""devices":[{"path":"a.b/c=d"}]"#, "cdi:a.b/c=d"),
        (r#""host_device_list":[{"path":"/dev/kvm"}]"#, "device:/dev/kvm"),
        (
            r#""device_cgroup_rule":[{"allow":true,"type":"c","major":10,"access":"rwm"}]"#,
            "devicerule:c 10:* rwm",
        ),
        (r#""resource_limits":{"devices":[{"allow":true,"access":"rwm"}]}"#, "devicerule: *:* rwm"),
        (r#""resource_limits":{"memory":{"disableOOMKiller":true}}"#, "oom"),
        (r#""resource_limits":{"cpu":{"realtimeRuntime":1}}"#, "realtime"),
        (r#""netns":{"nsmode":"host"}"#, "network:host"),
        (r#""netns":{"nsmode":"container","value":"x"}"#, "network:container"),
        (
            r#""netns":{"nsmode":"slirp4netns","value":"allow_host_loopback=true"}"#,
            "networkoption:slirp4netns",
        ),
        (r#""network_options":{"pasta":["-T","auto"]}"#, "networkoption:pasta"),
        (r#""pidns":{"nsmode":"host"}"#, "pid:host"),
        (r#""pidns":{"nsmode":"container","value":"x"}"#, "pid:container"),
        (r#""ipcns":{"nsmode":"host"}"#, "ipc:host"),
        (r#""utsns":{"nsmode":"host"}"#, "uts:host"),
        (r#""cgroupns":{"nsmode":"host"}"#, "cgroupns:host"),
        (r#""userns":{"nsmode":"host"}"#, "userns:host"),
        (r#""userns":{"nsmode":"auto","value":"size=1000"}"#, "userns:auto"),
        (r#""userns":{"nsmode":"keep-id","value":"uid=1,gid=2"}"#, "userns:keep-id"),
        (r#""pidns":{"nsmode":"pod"}"#, "pods"),
        (r#""pod":"p""#, "pods"),
        (r#""volumes_from":["x"]"#, "volumesfrom"),
        (r#""unmask":["ALL"]"#, "unmasked"),
        (r#""selinux_opts":["disable"]"#, "securityopt:label=disable"),
        (r#""label_nested":true"#, "securityopt:label=nested"),
        (r#""apparmor_profile":"unconfined""#, "securityopt:apparmor=unconfined"),
        (r#""seccomp_profile_path":"unconfined""#, "securityopt:seccomp=unconfined"),
        (r#""seccomp_policy":"image""#, "securityopt:seccomp-policy=image"),
        (r#""procfs_opts":["hidepid=2"]"#, "securityopt:proc-opts=hidepid=2"),
        (r#""cgroup_parent":"/x""#, "cgroupparent:/x"),
        (r#""oci_runtime":"kata""#, "runtime:kata"),
        (r#""sysctl":{"net.ipv4.ip_forward":"1"}"#, "sysctl:net.ipv4.ip_forward"),
        (r#""annotations":{"a":"b"}"#, "annotation:a"),
        (r#""log_configuration":{"driver":"passthrough"}"#, "logdriver:passthrough"),
        (r#""log_configuration":{"options":{"x":"y"}}"#, "logoption:x"),
        (r#""secrets":[{"Source":"s"}]"#, "secret:s"),
        (r#""secret_env":{"A":"s"}"#, "secret:s"),
        (r#""oom_score_adj":-1"#, "oom"),
        (r#""gpus":["all"]"#, "gpus"),
        (
            r#""volumes":[{"Name":"v","Options":["volume-opt=type=nfs","volume-opt=device=:/x"]}]"#,
            "volumeoption:nfs",
        ),
        (
            r#""Networks":{"n":{"options":{"host_interface_name":"eth0"}}}"#,
            "networkoption:host_interface_name",
        ),
        (r#""new_field":{"a":1}"#, "field:new_field"),
    ] {
        opened(CREATE, &format!(r#"{{"image":"a",{field}}}"#), item);
    }
}

#[test]
fn each_danger_of_other_requests_has_an_item() {
    opened(UPDATE, r#"{"devices":[{"type":"b","access":"r"}]}"#, "devicerule:b *:* r");
    opened(EXEC, r#"{"Privileged":true}"#, "execprivileged");
    opened(VOLUME, r#"{"Driver":"image"}"#, "volumedriver:image");
    opened(VOLUME, r#"{"Options":{"type":"tmpfs"}}"#, "volumeoption:tmpfs");
    opened(NETWORK, r#"{"driver":"macvlan"}"#, "networkdriver:macvlan");
    opened(NETWORK, r#"{"options":{"parent":"eth0"}}"#, "networkoption:parent");
    opened(NETWORK, r#"{"network_interface":"docker0"}"#, "networkoption:interface");
    opened(NETWORK, r#"{"subnets":[{"subnet":"8.8.8.0/24"}]}"#, "networkoption:subnet");
    opened(NETWORK, r#"{"ipam_options":{"driver":"dhcp"}}"#, "networkdriver:dhcp");
    opened(CONNECT, r#"{"container":"c","options":{"x":"y"}}"#, "networkoption:x");
    opened(
        "/v5.8.0/libpod/networks/x/update",
        r#"{"adddnsservers":["1.1.1.1"]}"#,
        "networkoption:dns",
    );
}

#[test]
fn some_values_have_no_item() {
    for (field, part) in [
        (r#""netns":{"nsmode":"path","value":"/proc/1/ns/net"}"#, "no option allows it"),
        (r#""pidns":{"nsmode":"path","value":"/proc/1/ns/pid"}"#, "no option allows it"),
        (r#""pidns":{"value":"x"}"#, "pidns.value"),
        (r#""netns":{"nsmode":"ns:/proc/1/ns/net"}"#, "netns.nsmode"),
        (r#""netns":{"nsmode":["host"]}"#, "not a string"),
        (r#""netns":"host""#, "not an object"),
        (r#""utsns":{"nsmode":"container","value":"x"}"#, "no option allows it"),
        (r#""userns":{"nsmode":"private"}"#, "no option allows it"),
        (r#""userns":{"nsmode":"auto","value":"uidmapping=0:0:1"}"#, "uidmapping"),
        (r#""idmappings":{"UIDMap":[{"container_id":0,"host_id":1000,"size":1}]}"#, "UIDMap[0]"),
        (r#""idmappings":{"AutoUserNsOpts":{"PasswdFile":"/etc/shadow"}}"#, "PasswdFile"),
        (r#""cgroups_mode":"disabled""#, "no option allows it"),
        (r#""unified":{"memory.max":"max"}"#, "no option allows it"),
        (r#""resource_limits":{"unified":{"a":"b"}}"#, "no option allows it"),
        (r#""resource_limits":{"network":{"classID":1}}"#, "no option allows it"),
        (r#""devices_from":["x"]"#, "no option allows it"),
        (r#""devices":[{"path":"/dev/../dev/sda"}]"#, "no option allows it"),
        (r#""devices":[{"path":"dev/sda"}]"#, "no option allows it"),
        (r#""devices":[{"path":"/dev/null","major":8}]"#, "devices[0].major"),
        (r#""device_cgroup_rule":[null]"#, "device_cgroup_rule"),
        (r#""device_cgroup_rule":[{}]"#, "devicerule"),
        (r#""device_cgroup_rule":[{"allow":false}]"#, "devicerule"),
        (r#""resource_limits":{"devices":[null]}"#, "devices"),
        (r#""env_host":true"#, "no option allows it"),
        (r#""hostusers":["root"]"#, "no option allows it"),
        (r#""chroot_directories":["/x"]"#, "no option allows it"),
        (r#""rootfs_propagation":"shared""#, "no option allows it"),
        (r#""intelRdt":{"closID":"x"}"#, "no option allows it"),
        (r#""mounts":[{"type":"proc"}]"#, "mounts[0].type"),
        (r#""mounts":[{"type":"ramfs"}]"#, "mounts[0].type"),
        (r#""mounts":[{"type":"tmpfs","options":["rbind"]}]"#, "mounts[0].options[0]"),
        (r#""mounts":[{"type":"tmpfs","options":["nosuid,bind"]}]"#, "mounts[0].options[0]"),
        (r#""mounts":[{"type":"bind","source":"/etc"}]"#, "no directory is listed"),
        (r#""volumes":[{"Name":"/etc","Dest":"/d"}]"#, "no directory is listed"),
        (r#""volumes":[{"Name":"v","Options":["upperdir=/x"]}]"#, "Options[0]"),
        (r#""overlay_volumes":[{"source":"/etc"}]"#, "no directory is listed"),
        (r#""rootfs":"/""#, "rootfs"),
        (r#""init_path":"/bin/sh""#, "init_path"),
        (r#""conmon_pid_file":"/etc/x""#, "conmon_pid_file"),
        (r#""healthLogDestination":"/etc""#, "healthLogDestination"),
        (r#""log_configuration":{"path":"/etc/x"}"#, "log_configuration.path"),
        (r#""timezone":"../../x""#, "timezone"),
        (r#""seccomp_profile_path":"/etc/x.json""#, "seccomp_profile_path"),
    ] {
        refused(CREATE, &format!(r#"{{"image":"a",{field}}}"#), part);
    }
}

/// A decoder of Go compares names without case, and of the newest without `_`.
#[test]
fn other_spellings_are_refused() {
    for field in [
        r#""Privileged":true"#,
        r#""privi_leged":true"#,
        r#""capAdd":["ALL"]"#,
        r#""netNS":{"nsmode":"host"}"#,
        r#""netns":{"NSMode":"host"}"#,
        r#""netns":{"n\u017fmode":"host"}"#,
        r#""devices":[{"Path":"/dev/sda"}]"#,
        r#""secrets":[{"source":"s"}]"#,
        r#""mounts":[{"Type":"tmpfs"}]"#,
        r#""volumes":[{"Name":"v","options":["upperdir=/x"]}]"#,
        r#""idmappings":{"uidmap":[{"container_id":0,"host_id":1,"size":1}]}"#,
        r#""idmappings":{"UIDMap":[{"container_id":0,"hostId":1,"size":1}]}"#,
        r#""resource_limits":{"Devices":[{"allow":true}]}"#,
        r#""resourceLimits":{"devices":[{"allow":true}]}"#,
        r#""health_log_destination":"/etc""#,
        r#""HealthLogDestination":"/etc""#,
    ] {
        refused(CREATE, &format!(r#"{{"image":"a",{field}}}"#), "would be read as");
    }
    refused(UPDATE, r#"{"Devices":[{"allow":true}]}"#, "would be read as");
    refused(EXEC, r#"{"privileged":true}"#, "would be read as");
}

#[test]
fn pods_need_an_item_and_are_judged() {
    opened(POD, r#"{"name":"p","pidns":{"nsmode":"private"},"shared_namespaces":["net"]}"#, "pods");
    for (field, part) in [
        (r#""pod_devices":["/dev/sda"]"#, "device:/dev/sda"),
        (r#""security_opt":["label=disable"]"#, "securityopt:label=disable"),
        (r#""netns":{"nsmode":"host"}"#, "network:host"),
        (r#""mounts":[{"type":"bind","source":"/etc"}]"#, "no directory is listed"),
        (r#""infra_conmon_pid_file":"/etc/x""#, "infra_conmon_pid_file"),
        (r#""serviceContainerID":"x""#, "serviceContainerID"),
        (r#""privileged":true"#, "field:privileged"),
    ] {
        let refusal = judge(&rules("pods"), POD, &format!(r#"{{"name":"p",{field}}}"#));
        assert!(refusal.as_ref().is_err_and(|it| it.contains(part)), "{field}: {refusal:?}");
    }
}

#[test]
fn builds_of_podmans_client_pass_unless_they_share_a_namespace() {
    let encoded = |text: &str| text.replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
    let build = |query: &str| format!("/v5.8.0/libpod/build?{}", encoded(query));
    let mappings = r#"idmappingoptions={"HostUIDMapping":true,"HostGIDMapping":true,"UIDMap":[],
        "AutoUserNs":false,"AutoUserNsOpts":{"Size":0,"PasswdFile":"","AdditionalUIDMappings":null}}"#;
    let mappings = mappings.replace([' ', '\n'], "");
    let ordinary = format!(
        "dockerfile=Dockerfile&forcerm=1&httpproxy=1&isolation=0&jobs=1&labels=[\"x=y\"]&layers=1&\
         networkmode=0&output=b&pullpolicy=missing&rm=1&shmsize=67108864&t=b&{mappings}&\
         seccomp=/usr/share/containers/seccomp.json&nsoptions=[{{\"Name\":\"user\",\"Host\":true,\
         \"Path\":\"\"}},{{\"Name\":\"network\",\"Host\":false,\"Path\":\"\"}}]"
    );
    opened(&build("t=b"), "", "podmanbuild");
    let allowed = "podmanbuild";
    assert_eq!(judge(&rules(allowed), &build(&ordinary), ""), Ok("untouched".to_owned()));
    for (query, item) in [
        (r#"nsoptions=[{"Name":"network","Host":true}]"#, "buildnetwork:host"),
        (r#"nsoptions=[{"Name":"network","Path":"n"}]"#, "buildnetwork:n"),
        (r#"nsoptions=[{"Name":"pid","Host":true}]"#, "pid:host"),
        (r#"nsoptions=[{"Name":"ipc","Host":true}]"#, "ipc:host"),
        ("isolation=2", "buildparameter:isolation"),
        ("isolation=chroot", "buildparameter:isolation"),
        ("seccomp=unconfined", "buildparameter:seccomp"),
        ("networkmode=host", "buildnetwork:host"),
        ("devices=[\"/dev/sda\"]", "buildparameter:devices"),
    ] {
        let refusal = judge(&rules(allowed), &build(query), "").unwrap_err();
        assert!(refusal.ends_with(&format!("-safecreateallow={item}")), "{refusal}");
        assert!(judge(&rules(&format!("{allowed},{item}")), &build(query), "").is_ok(), "{item}");
    }
    for (query, part) in [
        (r#"nsoptions=[{"Name":"network","host":true}]"#, "would be read as Host"),
        (r#"nsoptions=[{"name":"network","Host":true}]"#, "would be read as Name"),
        (r#"nsoptions=[{"Name":"mount","Host":true}]"#, "nsoptions"),
        (r#"nsoptions=[{"Name":"user","Path":"/proc/1/ns/user"}]"#, "nsoptions"),
        (r#"nsoptions={"Name":"pid"}"#, "not an array"),
        (r#"nsoptions=[{"Name":"pid"}] x"#, "JSON"),
        (r#"idmappingoptions={"UIDMap":[{"container_id":0,"host_id":5}]}"#, "UIDMap[0]"),
        ("sourcePolicy=x", "sourcePolicy"),
    ] {
        refused(&build(query), "", part);
    }
    // Numbers are the prefixes of ids of networks to the Engine.
    opened("/v1.51/build?networkmode=1", "", "buildnetwork:1");
}
