//! Requests judged by the rule alone and with host directories, one line each.

use super::{Exceptions, SafeCreate};
use crate::filter::bodies::{BindMounts, BodyRules};
use crate::http1::Method;

const CREATE: &str = "/v1.51/containers/create";

pub(super) fn rules(items: &str) -> BodyRules {
    let exceptions = match items {
        "" => Exceptions::default(),
        items => Exceptions::parse(items).unwrap(),
    };
    let how = "add -safecreateallow=".to_owned();
    let safe = SafeCreate::new(exceptions, how, "-allowbindmountfrom".to_owned());
    BodyRules { safe_create: Some(safe), ..BodyRules::default() }
}

/// The request that is sent, or the reason for a refusal.
pub(super) fn judge(rules: &BodyRules, target: &str, body: &str) -> Result<String, String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let inspection =
        rules.inspection(Method::Post, path, Some(query)).map_err(|e| e.to_string())?;
    let Some(inspection) = inspection else { return Ok("untouched".to_owned()) };
    let body = rules.judge(inspection, Some(b"application/json"), body.as_bytes());
    body.map(|body| String::from_utf8(body).unwrap()).map_err(|e| e.to_string())
}

pub(super) fn pass(target: &str, body: &str) {
    assert_eq!(judge(&rules(""), target, body), Ok(body.to_owned()), "{target}");
}

/// Refused, with the item that allows it; with the item it passes.
pub(super) fn opened(target: &str, body: &str, item: &str) {
    let refusal = judge(&rules(""), target, body).expect_err(body);
    assert!(refusal.ends_with(&format!("; to allow it, add -safecreateallow={item}")), "{refusal}");
    assert!(judge(&rules(item), target, body).is_ok(), "{item} does not allow {body}");
}

/// Refused; no item on the list allows it.
pub(super) fn refused(target: &str, body: &str, part: &str) {
    let refusal = judge(&rules(""), target, body).expect_err(body);
    assert!(refusal.contains(part), "{refusal}");
}

fn host_config(fields: &str) -> String {
    format!(r#"{{"Image":"a","HostConfig":{{{fields}}}}}"#)
}

#[test]
fn a_denial_names_field_value_and_item() {
    let denied = |body: &str| judge(&rules(""), CREATE, body).unwrap_err();
    assert_eq!(
        denied(r#"{"HostConfig":{"Privileged":true}}"#),
        "safe create: HostConfig.Privileged=true is not allowed; to allow it, add \
         -safecreateallow=privileged"
    );
    assert_eq!(
        denied(r#"{"HostConfig":{"PidMode":"host","New":1}}"#),
        "safe create: HostConfig.PidMode=\"host\" is not allowed; to allow it, add \
         -safecreateallow=pid:host. HostConfig.New is not a known field; to allow it, add \
         -safecreateallow=field:HostConfig.New"
    );
    assert_eq!(
        denied(r#"{"HostConfig":{"Binds":["/etc:/h"]}}"#),
        "safe create: HostConfig.Binds[0] mounts \"/etc\" of the host, and no directory \
         is listed; add /etc to -allowbindmountfrom to allow it. \
         Beware: it makes the client root on the host"
    );
}

#[test]
fn five_violations_are_named_and_the_others_counted() {
    let body = r#"{"A":1,"B":1,"C":1,"D":1,"E":1,"F":1,"HostConfig":{"Privileged":true}}"#;
    let denied = judge(&rules(""), CREATE, body).unwrap_err();
    assert!(denied.ends_with("field:E. 2 more faults of this request are not shown"), "{denied}");
}

#[test]
fn a_fault_that_two_rules_see_is_counted_once_where_it_is_not_named() {
    let unknown = r#""A":1,"B":1,"C":1,"D":1"#;
    for (body, last) in [
        (r#""E":1,"mounts":[]"#, "1 more fault of this request is not shown"),
        (r#""E":1,"HostConfig":{"Binds":[1]}"#, "1 more fault of this request is not shown"),
        (r#""E":1,"HostConfig":{"Binds":[1,2]}"#, "2 more faults of this request are not shown"),
        (r#""E":1,"HostConfig":{"Binds":["/:/h"]}"#, "1 more fault of this request is not shown"),
        (r#""HostConfig":{"Binds":[1,2]}"#, "1 more fault of this request is not shown"),
        (r#""mounts":[]"#, "mounts would be read as Mounts; write Mounts"),
    ] {
        let denied = judge(&rules(""), CREATE, &format!("{{{unknown},{body}}}")).unwrap_err();
        assert!(denied.ends_with(&format!(". {last}")), "{body}: {denied}");
    }
}

/// The rule for host directories reads some of the same fields.
#[test]
fn a_fault_that_two_rules_see_is_named_once() {
    for (body, refusal) in [
        (r#"{"HostConfig":{"mounts":[]}}"#, "HostConfig.mounts would be read as Mounts"),
        (r#"{"HostConfig":{"Mounts":[7]}}"#, "HostConfig.Mounts[0] is not an object"),
        (r#"{"HostConfig":{"Binds":[1]}}"#, "HostConfig.Binds[0] is not a string"),
        (r#"{"HostConfig":[]}"#, "HostConfig is not an object"),
        (r#"{"hostconfig":{}}"#, "hostconfig would be read as HostConfig"),
        (r#"{"mounts":[]}"#, "mounts would be read as Mounts"),
    ] {
        let denied = judge(&rules(""), CREATE, body).unwrap_err();
        let denied = denied.split_once("; write ").map_or(&*denied, |(fault, _)| fault);
        assert_eq!(denied, format!("safe create: {refusal}"));
    }
}

#[test]
fn ordinary_values_pass() {
    for fields in [
        r#""CapAdd":["CHOWN","CAP_NET_RAW","kill"],"CapDrop":["ALL"],"Privileged":false"#,
        r#""SecurityOpt":["no-new-privileges","no-new-privileges:true","no-new-privileges=1"]"#,
        r#""NetworkMode":"my-net","PidMode":"","IpcMode":"shareable","CgroupnsMode":"private""#,
        r#""Binds":["/anonymous","vol:/v:ro,nocopy"],"Tmpfs":{"/t":"size=1m,exec"}"#,
        r#""Mounts":[{"Type":"volume","Source":"v","Target":"/v"},{"Type":"tmpfs","Target":"/t"}]"#,
        r#""LogConfig":{"Type":"json-file","Config":{"max-size":"1m"}},"Runtime":"runc""#,
        r#""MaskedPaths":null,"ReadonlyPaths":null,"Links":["a:b"],"OomScoreAdj":500"#,
        r#""PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]},"PublishAllPorts":true"#,
        r#""Devices":[],"DeviceRequests":null,"DeviceCgroupRules":null,"VolumesFrom":[]"#,
    ] {
        pass(CREATE, &host_config(fields));
    }
}

#[test]
fn each_danger_has_an_item() {
    for (fields, item) in [
        (r#""Privileged":true"#, "privileged"),
        (r#""CapAdd":["CHOWN","sys_admin"]"#, "capadd:SYS_ADMIN"),
        (r#""CapAdd":"ALL""#, "capadd:ALL"),
        (r#""Devices":[{"PathOnHost":"/dev/fuse","CgroupPermissions":"rwm"}]"#, "device:/dev/fuse"),
        (r#""Devices":[{"PathOnHost":"vendor.com/class=a"}]"#, "cdi:vendor.com/class=a"),
        (r#""DeviceCgroupRules":["c 1:3 rwm"]"#, "devicerule:c 1:3 rwm"),
        (r#""DeviceRequests":[{"Count":-1,"Capabilities":[["gpu"]]}]"#, "gpus"),
        (r#""DeviceRequests":[{"Driver":"cdi","DeviceIDs":["a.b/c=d"]}]"#, "cdi:a.b/c=d"),
        (r#""NetworkMode":"host""#, "network:host"),
        (r#""NetworkMode":"container:x""#, "network:container"),
        (r#""PidMode":"container:x""#, "pid:container"),
        (r#""IpcMode":"host""#, "ipc:host"),
        (r#""UTSMode":"host""#, "uts:host"),
        (r#""UsernsMode":"host""#, "userns:host"),
        (r#""CgroupnsMode":"host""#, "cgroupns:host"),
        (r#""CgroupParent":"/a""#, "cgroupparent:/a"),
        (r#""VolumesFrom":["x"]"#, "volumesfrom"),
        (r#""SecurityOpt":["seccomp:unconfined"]"#, "securityopt:seccomp=unconfined"),
        (r#""SecurityOpt":["label=level:s0:c1,c2"]"#, "securityopt:label=level:s0:c1,c2"),
        (r#""SecurityOpt":["seccomp={}"]"#, "securityopt:seccomp=profile"),
        (r#""SecurityOpt":["no-new-privileges:false"]"#, "securityopt:no-new-privileges=false"),
        (r#""MaskedPaths":[]"#, "unmasked"),
        (r#""ReadonlyPaths":["/proc/bus"]"#, "unmasked"),
        (r#""Runtime":"kata""#, "runtime:kata"),
        (r#""Sysctls":{"net.core.somaxconn":"1"}"#, "sysctl:net.core.somaxconn"),
        (r#""LogConfig":{"Type":"syslog"}"#, "logdriver:syslog"),
        (r#""VolumeDriver":"nfs""#, "volumedriver:nfs"),
        (r#""Annotations":{"run.oci.x":"1"}"#, "annotation:run.oci.x"),
        (r#""OomKillDisable":true"#, "oom"),
        (r#""New":{"a":1}"#, "field:HostConfig.New"),
    ] {
        opened(CREATE, &host_config(fields), item);
    }
}

#[test]
fn the_hosts_cgroups_are_ordinary_on_version_1() {
    let body = host_config(r#""CgroupnsMode":"host""#);
    let BodyRules { safe_create, .. } = rules("");
    let safe_create = safe_create.map(|safe| safe.on_cgroup_version_1(true));
    let rules = BodyRules { safe_create, ..BodyRules::default() };
    assert_eq!(judge(&rules, CREATE, &body), Ok(body));
    assert!(judge(&rules, CREATE, &host_config(r#""PidMode":"host""#)).is_err());
}

#[test]
fn the_top_level_is_judged_like_host_config() {
    opened(CREATE, r#"{"Privileged":true}"#, "privileged");
    opened(CREATE, r#"{"PidMode":"host"}"#, "pid:host");
    refused(CREATE, r#"{"privileged":true}"#, "would be read as Privileged");
}

#[test]
fn other_spellings_of_judged_fields_are_refused() {
    for body in [
        r#"{"hostconfig":{}}"#,
        r#"{"Host_Config":{}}"#,
        r#"{"Hoſtconfig":{}}"#,
        r#"{"HostConfig":{"PRIVILEGED":false}}"#,
        r#"{"HostConfig":{"Mounts":[{"type":"volume"}]}}"#,
    ] {
        refused(CREATE, body, "would be read as");
    }
    pass(CREATE, r#"{"image":"a","CMD":["b"]}"#);
}

#[test]
fn what_is_not_known_and_says_nothing_is_left_out() {
    let body = r#"{"Image":"a","New":null,"X":[],"Y":{"a":{}},"NetworkingConfig":{"N":null}}"#;
    let sent = judge(&rules(""), CREATE, body);
    assert_eq!(sent, Ok(r#"{"Image":"a","NetworkingConfig":{}}"#.to_owned()));
}

#[test]
fn opaque_operations_have_an_item() {
    for (path, item) in [
        ("/session", "buildkit"),
        ("/v1.51/grpc", "buildkit"),
        ("/plugins/pull?remote=x", "plugins"),
        ("/swarm/init", "swarm"),
        ("/nodes/a/update", "swarm"),
        ("/services/create", "services"),
        ("/containers/a/checkpoints", "checkpoints"),
        ("/v5.8.0/libpod/play/kube", "kube"),
        ("/v5.8.0/libpod/local/anything", "local"),
        ("/v5.8.0/libpod/images/scp/a", "imagescp"),
        ("/v5.8.0/libpod/containers/a/restore", "restore"),
        ("/containers/a/start?checkpoint=c", "checkpoints"),
        ("/images/create?fromSrc=-", "import"),
        ("/build?version=2", "buildkit"),
        ("/build?networkmode=host", "buildnetwork:host"),
        ("/build?extrahosts=a:1.2.3.4", "buildparameter:extrahosts"),
    ] {
        let body =
            if path.ends_with("create") || path.ends_with("checkpoints") { "{}" } else { "" };
        opened(path, body, item);
    }
    for path in ["/build?t=a&q=1", "/containers/a/start", "/images/create?fromImage=a&tag=b"] {
        assert!(judge(&rules(""), path, "").is_ok(), "{path}");
    }
}

#[test]
fn a_privileged_command_has_an_item() {
    opened("/containers/a/exec", r#"{"Cmd":["sh"],"Privileged":true}"#, "execprivileged");
    pass("/containers/a/exec", r#"{"Cmd":["sh"],"Privileged":false,"Container":"a"}"#);
}

#[test]
fn listed_directories_may_be_mounted() {
    let bind_mounts = BindMounts::parse("/home").ok();
    let rules = BodyRules { bind_mounts, ..rules("") };
    let body = |source: &str| host_config(&format!(r#""Binds":["{source}:/h:ro"]"#));
    assert!(judge(&rules, CREATE, &body("/home/me")).is_ok());
    assert!(judge(&rules, CREATE, &body("/etc")).is_err());
}
