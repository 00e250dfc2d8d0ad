//! Podman's own tree: containers, pods, updates, volumes and networks.
//!
//! A spec is that of `podman create`: every namespace is an object, devices are paths,
//! and profiles, logs and process ids are files of the host. Files and directories of
//! the host are another rule's, as in the Engine's tree.

mod mounts;
mod networks;
mod pods;
mod resources;
#[cfg(test)]
mod tests;
mod values;

use super::container;
use super::exceptions::Kind;
use super::host_config::{CAPABILITIES, GROUPS, OOM_SCORE};
use super::table::{FieldTable, Values, Values::*, rows};
use crate::filter::bodies::endpoints::Inspection;
use mounts::{ARTIFACT_VOLUME, IMAGE_VOLUME, MOUNT, NAMED_VOLUME, OVERLAY_VOLUME};
use networks::ENDPOINT;
use resources::{DEVICE_LIMITS, RESOURCES, RLIMIT};
use values::{
    APPARMOR, AUTO_USERNS_OPTIONS, CGROUPNS, DEVICE_PATH, DEVICE_RULES, IDENTITY, IPC, NETNS,
    NETWORK_OPTIONS, PID, PROC_OPTION, SECCOMP_POLICY, SECCOMP_PROFILE, SECRET, SECRET_ENVIRONMENT,
    SELINUX_OPTION, USERNS, UTS,
};
pub(super) use values::{TEXT, TRUTH};

/// The values of a body of Podman's own tree; `None` if none passes.
pub(super) fn values(inspection: Inspection) -> Option<&'static Values> {
    Some(match inspection {
        Inspection::LibpodContainerCreate => &Object(&CREATE),
        Inspection::LibpodContainerExec => &Object(&container::EXEC),
        Inspection::LibpodContainerUpdate => &Object(&resources::UPDATE),
        Inspection::LibpodPodCreate => &Object(&pods::CREATE),
        Inspection::LibpodVolumeCreate => &By(&mounts::VOLUME),
        Inspection::LibpodNetworkCreate => &Object(&networks::CREATE),
        Inspection::LibpodNetworkConnect => &Object(&networks::CONNECT),
        Inspection::LibpodNetworkUpdate => &Object(&networks::UPDATE),
        _ => return None,
    })
}

/// The tables with which the documentation begins.
#[cfg(test)]
pub(super) fn documented() -> Vec<&'static FieldTable> {
    vec![
        &CREATE,
        &resources::UPDATE,
        &pods::CREATE,
        &mounts::VOLUME_CREATE,
        &networks::CREATE,
        &networks::CONNECT,
        &networks::UPDATE,
    ]
}

/// Create of a container.
pub(super) const CREATE: FieldTable = FieldTable {
    title: "Podman: container create",
    source: "podman pkg/specgen/specgen.go: SpecGenerator",
    also: &[&SHARED, &SECURITY],
    rows: rows! {
        "annotations" => Keys(&ANNOTATIONS, Kind::Annotation);
        "artifact_volumes" => Each(&Object(&ARTIFACT_VOLUME));
        "base_hosts_file" => Text, "`none`, `image`, or a file of `-allowbindmountfrom`";
        "command" => Any;
        "conmon_pid_file" => Text, "a file of `-allowbindmountfrom`";
        "containerCreateCommand" => Any, "shown by inspect";
        "create_working_dir" => Truth;
        "dependencyContainers" => Texts, "containers that are started before this one";
        "entrypoint" => Any;
        "env" => MapOf(&Text);
        "env_host" => Empty(None), "the environment of the Podman service";
        "envmerge" => Texts;
        "expose" => Any;
        "group_entry" => Text;
        "healthLogDestination" => Text, "`local`, `events_logger`, or a directory of `-allowbindmountfrom`";
        "healthMaxLogCount" => Number;
        "healthMaxLogSize" => Number;
        "health_check_on_failure_action" => Any;
        "healthconfig" => Object(&HEALTHCHECK);
        "hostusers" => Empty(None), "accounts of the host";
        "httpproxy" => Truth, "true by default";
        "image" => Text, "restricted by `-allowimage`";
        "image_arch" => Text;
        "image_os" => Text;
        "image_variant" => Text;
        "image_volume_mode" => Words(&["anonymous", "bind", "ignore", "tmpfs"], None);
        "init" => Truth;
        "init_container_type" => Words(&["always", "once"], None), "of a pod";
        "init_path" => Text, "a file of `-allowbindmountfrom`";
        "log_configuration" => Object(&LOG);
        "manage_password" => Truth;
        "namespace" => Text, "up to Podman 4.9, a name space of container names";
        "oci_runtime" => Words(&["crun", "runc"], Some(Kind::Runtime));
        "passwd_entry" => Text;
        "personality" => Object(&PERSONALITY);
        "pod" => Empty(Some(Kind::Pods));
        "publish_image_ports" => Truth;
        "raw_image_name" => Text, "restricted by `-allowimage`";
        "remove" => Truth;
        "removeImage" => Empty(None), "removes the image with the container";
        "rootfs" => Text, "a directory of `-allowbindmountfrom`";
        "rootfs_mapping" => Empty(None);
        "rootfs_overlay" => Truth;
        "rootfs_propagation" => Words(&["private", "rprivate", "rslave", "slave"], None);
        "sdnotifyMode" => Words(&["conmon", "container", "healthy", "ignore"], None);
        "secret_env" => By(&SECRET_ENVIRONMENT);
        "secrets" => Each(&By(&SECRET));
        "startupHealthConfig" => Object(&HEALTHCHECK);
        "stdin" => Truth;
        "stop_signal" => Any;
        "stop_timeout" => Number;
        "storage_opts" => Keys(&["inodes", "size"], Kind::VolumeOption);
        "systemd" => Words(&["always", "false", "true"], None);
        "terminal" => Truth;
        "timeout" => Number;
        "timezone" => Text, "a name below the host's directory of time zones, or `local`";
        "unsetenv" => Texts;
        "unsetenvall" => Truth;
        "use_image_hostname" => Truth;
        "use_image_hosts" => Truth;
        "use_image_resolve_conf" => Truth;
        "volatile" => Truth;
        "work_dir" => Text;
    },
};

/// The security settings of a container's processes.
const SECURITY: FieldTable = FieldTable {
    title: "Podman: privileges and limits of a container",
    source: "podman pkg/specgen/specgen.go: SpecGenerator",
    also: &[&DEVICE_LIMITS],
    rows: rows! {
        "apparmor_profile" => By(&APPARMOR);
        "cap_add" => By(&CAPABILITIES);
        "cap_drop" => Any;
        "cgroupns" => By(&CGROUPNS);
        "cgroups_mode" => Words(&["enabled", "no-conmon"], None), "without a cgroup there are no limits";
        "chroot_directories" => Empty(None);
        "device_cgroup_rule" => By(&DEVICE_RULES);
        "devices" => Each(&By(&DEVICE_PATH));
        "devices_from" => Empty(None), "devices of another container";
        "gpus" => Empty(Some(Kind::Gpus));
        "groups" => Each(&By(&GROUPS));
        "host_device_list" => Each(&By(&DEVICE_PATH));
        "intelRdt" => Empty(None);
        "label_nested" => By(&values::LABEL_NESTED);
        "mask" => Texts, "in addition to the paths masked by default";
        "no_new_privileges" => Truth;
        "oom_score_adj" => By(&OOM_SCORE);
        "privileged" => False(Kind::Privileged);
        "procfs_opts" => Each(&By(&PROC_OPTION));
        "r_limits" => Each(&Object(&RLIMIT));
        "read_only_filesystem" => Truth;
        "read_write_tmpfs" => Truth;
        "seccomp_policy" => By(&SECCOMP_POLICY);
        "seccomp_profile_path" => By(&SECCOMP_PROFILE);
        "selinux_opts" => Each(&By(&SELINUX_OPTION));
        "umask" => Text;
        "unified" => Empty(None), "raw settings of the cgroup";
        "unmask" => Empty(Some(Kind::Unmasked));
        "user" => Text, "`0` and `root` are ordinary: root of the container";
    },
};

/// The fields that containers and pods have in common.
const SHARED: FieldTable = FieldTable {
    title: "Podman: fields of containers and pods",
    source: "podman pkg/specgen/specgen.go and podspecgen.go: SpecGenerator, PodSpecGenerator",
    also: &[],
    rows: rows! {
        "Networks" => MapOf(&Object(&ENDPOINT));
        "cgroup_parent" => Words(&[], Some(Kind::CgroupParent));
        "cni_networks" => Texts;
        "cpu_period" => Number, "restricted by `-maxcpus`";
        "cpu_quota" => Number, "restricted by `-maxcpus`";
        "dns_option" => Texts;
        "dns_search" => Texts;
        "dns_server" => Texts;
        "hostadd" => Texts;
        "hostname" => Text;
        "idmappings" => Object(&ID_MAPPINGS);
        "image_volumes" => Each(&Object(&IMAGE_VOLUME));
        "ipcns" => By(&IPC);
        "labels" => Any, "restricted where labels grant rights";
        "mounts" => Each(&By(&MOUNT));
        "name" => Text;
        "netns" => By(&NETNS);
        "networkOrder" => Texts;
        "network_options" => By(&NETWORK_OPTIONS);
        "overlay_volumes" => Each(&Object(&OVERLAY_VOLUME));
        "pidns" => By(&PID);
        "portmappings" => Any, "ports of the host are ordinary";
        "resource_limits" => Object(&RESOURCES);
        "restart_policy" => Text;
        "restart_tries" => Number;
        "shm_size" => Number;
        "shm_size_systemd" => Number;
        "sysctl" => Keys(&[], Kind::Sysctl);
        "userns" => By(&USERNS);
        "utsns" => By(&UTS);
        "volumes" => Each(&By(&NAMED_VOLUME));
        "volumes_from" => Empty(Some(Kind::VolumesFrom));
    },
};

/// Annotations that Podman's client adds. Those of security options only repeat
/// settings that are judged in fields of their own.
const ANNOTATIONS: [&str; 8] = [
    "io.kubernetes.cri-o.TTY",
    "io.podman.annotations.apparmor",
    "io.podman.annotations.cpuset",
    "io.podman.annotations.label",
    "io.podman.annotations.memory-nodes",
    "io.podman.annotations.pids-limit",
    "io.podman.annotations.seccomp",
    "io.podman.annotations.userns",
];

const HEALTHCHECK: FieldTable = FieldTable {
    title: "Podman: health check",
    source: "container-libs image/manifest/docker_schema2.go: Schema2HealthConfig; podman libpod/define/healthchecks.go: StartupHealthCheck",
    also: &[],
    rows: rows! {
        "Interval" => Number;
        "Retries" => Number;
        "StartInterval" => Number;
        "StartPeriod" => Number;
        "Successes" => Number;
        "Test" => Any, "runs in the container";
        "Timeout" => Number;
    },
};

/// Mappings of users.
pub(super) const ID_MAPPINGS: FieldTable = FieldTable {
    title: "Podman: mappings of users",
    source: "container-libs storage/types/options.go: IDMappingOptions",
    also: &[],
    rows: rows! {
        "AutoUserNs" => Truth, "counts with a `userns` only";
        "AutoUserNsOpts" => Object(&AUTO_USERNS_OPTIONS);
        "GIDMap" => Each(&By(&IDENTITY));
        "HostGIDMapping" => Truth, "true by default";
        "HostUIDMapping" => Truth, "true by default";
        "UIDMap" => Each(&By(&IDENTITY));
    },
};

const LOG: FieldTable = FieldTable {
    title: "Podman: logs",
    source: "podman pkg/specgen/specgen.go: LogConfig",
    also: &[],
    rows: rows! {
        "driver" => Words(&["journald", "json-file", "k8s-file", "none"], Some(Kind::LogDriver));
        "labels" => Keys(&[], Kind::LogOption);
        "options" => Keys(&["max-size", "tag"], Kind::LogOption);
        "path" => Text, "a file of `-allowbindmountfrom`";
        "size" => Number;
    },
};

const PERSONALITY: FieldTable = FieldTable {
    title: "Podman: execution domain",
    source: "runtime-spec specs-go/config.go: LinuxPersonality",
    also: &[],
    rows: rows! {
        "domain" => Words(&["LINUX", "LINUX32"], None);
        "flags" => Empty(None);
    },
};
