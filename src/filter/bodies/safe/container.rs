//! Containers of the Engine's API: create, start with a body, update, exec.
//!
//! Engines up to 26 read the fields of [`HOST_CONFIG`] at the top level of a create
//! body as well, so they are judged there, too.

use super::exceptions::Kind;
use super::host_config::{
    CAPABILITIES, DEVICE_REQUEST, DEVICES, GROUPS, LOG_CONFIG, MASKED_PATHS, OOM_SCORE,
    READ_ONLY_PATHS, SECURITY_OPTION,
};
use super::mounts::{BINDS, MOUNT, TMPFS, VOLUMES};
use super::namespaces::{CGROUPNS, IPC, NETWORK, PID, USERNS, UTS};
use super::network::ENDPOINTS;
use super::table::{FieldTable, Judgement, Values::*, rows};

/// Create of a container.
pub(super) const CREATE: FieldTable = FieldTable {
    title: "Container create",
    source: "moby api/types/container/config.go: Config",
    also: &[&HOST_CONFIG],
    rows: rows! {
        "ArgsEscaped" => Truth;
        "AttachStderr" => Truth;
        "AttachStdin" => Truth;
        "AttachStdout" => Truth;
        "Cmd" => Any;
        "Cpuset" => Text, "the former name of CpusetCpus, read up to Engine 26";
        "Domainname" => Text;
        "Entrypoint" => Any;
        "Env" => Each(&By(&ENVIRONMENT));
        "ExposedPorts" => Any;
        "Healthcheck" => Object(&HEALTHCHECK);
        "HostConfig" => Object(&HOST_CONFIG);
        "Hostname" => Text;
        "Image" => Text, "restricted by `-allowimage`";
        "Labels" => Any, "restricted where labels grant rights";
        "MacAddress" => Text;
        "NetworkDisabled" => Truth;
        "NetworkingConfig" => Object(&NETWORKING);
        "OnBuild" => Texts;
        "OpenStdin" => Truth;
        "Shell" => Texts;
        "StdinOnce" => Truth;
        "StopSignal" => Any;
        "StopTimeout" => Number;
        "Tty" => Truth;
        "User" => Text, "`0` and `root` are ordinary: root of the container";
        "Volumes" => By(&VOLUMES);
        "WorkingDir" => Text;
        "name" => Text, "dockerode repeats the query here; ignored";
        "platform" => Text, "dockerode repeats the query here; ignored";
    },
};

/// `Env`: Podman fills names that end with `*` from its own environment.
pub(super) const ENVIRONMENT: Judgement = Judgement {
    passes: "strings, except `NAME*` without a value",
    opened_by: &[],
    tables: &[],
    judge: |judge, place, tree| {
        if judge.text(place, tree).is_some_and(|text| text.ends_with('*') && !text.contains('=')) {
            judge.refuse_value(place, tree);
        }
    },
};

const HEALTHCHECK: FieldTable = FieldTable {
    title: "Health check",
    source: "moby api/types/container/health.go: HealthConfig",
    also: &[],
    rows: rows! {
        "Interval" => Number;
        "Retries" => Number;
        "StartInterval" => Number;
        "StartPeriod" => Number;
        "Test" => Any, "runs in the container";
        "Timeout" => Number;
    },
};

const NETWORKING: FieldTable = FieldTable {
    title: "Networks of a container",
    source: "moby api/types/network/network.go: NetworkingConfig",
    also: &[],
    rows: rows! {
        "EndpointsConfig" => By(&ENDPOINTS);
    },
};

const RESTART_POLICY: FieldTable = FieldTable {
    title: "Restart policy",
    source: "moby api/types/container/hostconfig.go: RestartPolicy",
    also: &[],
    rows: rows! {
        "MaximumRetryCount" => Number;
        "Name" => Text;
    },
};

/// The settings of a container that concern its host.
pub(super) const HOST_CONFIG: FieldTable = FieldTable {
    title: "HostConfig",
    source: "moby api/types/container/hostconfig.go: HostConfig",
    also: &[&RESOURCES],
    rows: rows! {
        "Annotations" => Keys(&ANNOTATIONS, Kind::Annotation);
        "AutoRemove" => Truth;
        "Binds" => Each(&By(&BINDS));
        "CapAdd" => By(&CAPABILITIES);
        "CapDrop" => Any;
        "Capabilities" => Empty(None), "an exact list of capabilities, before Engine 20.10";
        "Cgroup" => Empty(None), "another container's cgroup";
        "CgroupnsMode" => By(&CGROUPNS);
        "ConsoleSize" => Any;
        "ContainerIDFile" => Text,
            "restricted by `-allowbindmountfrom`: Podman removes it with the container";
        "Dns" => Texts;
        "DnsOptions" => Texts;
        "DnsSearch" => Texts;
        "ExtraHosts" => Texts;
        "GroupAdd" => Each(&By(&GROUPS));
        "Init" => Truth;
        "IpcMode" => By(&IPC);
        "Isolation" => Words(&["default"], None), "Windows only";
        "Links" => Texts, "the other container's environment becomes visible";
        "LogConfig" => By(&LOG_CONFIG);
        "MaskedPaths" => By(&MASKED_PATHS);
        "Mounts" => Each(&Object(&MOUNT));
        "NetworkMode" => By(&NETWORK);
        "OomScoreAdj" => By(&OOM_SCORE);
        "PidMode" => By(&PID);
        "PortBindings" => Any, "ports of the host are ordinary";
        "Privileged" => False(Kind::Privileged);
        "PublishAllPorts" => Truth;
        "ReadonlyPaths" => By(&READ_ONLY_PATHS);
        "ReadonlyRootfs" => Truth;
        "RestartPolicy" => Object(&RESTART_POLICY);
        "Runtime" => Words(&["runc"], Some(Kind::Runtime));
        "SecurityOpt" => Each(&By(&SECURITY_OPTION));
        "ShmSize" => Number;
        "StorageOpt" => Keys(&["size"], Kind::VolumeOption);
        "Sysctls" => Keys(&[], Kind::Sysctl);
        "Tmpfs" => By(&TMPFS);
        "UTSMode" => By(&UTS);
        "UsernsMode" => By(&USERNS);
        "VolumeDriver" => Words(&["local"], Some(Kind::VolumeDriver));
        "VolumesFrom" => Empty(Some(Kind::VolumesFrom));
    },
};

/// Annotations that Podman adds to ordinary containers.
const ANNOTATIONS: [&str; 3] =
    ["io.kubernetes.cri-o.TTY", "io.podman.annotations.cpuset", "io.podman.annotations.pids-limit"];

const ULIMIT: FieldTable = FieldTable {
    title: "Limit of processes",
    source: "go-units ulimit.go: Ulimit",
    also: &[],
    rows: rows! {
        "Hard" => Number;
        "Name" => Text;
        "Soft" => Number;
    },
};

const WEIGHT: FieldTable = FieldTable {
    title: "Weight or rate of a block device",
    source: "moby api/types/blkiodev/blkio.go: WeightDevice, ThrottleDevice",
    also: &[],
    rows: rows! {
        "Path" => Text, "limits existing access only";
        "Rate" => Number;
        "Weight" => Number;
    },
};

/// Limits and devices, which an update can change.
const RESOURCES: FieldTable = FieldTable {
    title: "Resources",
    source: "moby api/types/container/hostconfig.go: Resources",
    also: &[],
    rows: rows! {
        "BlkioDeviceReadBps" => Each(&Object(&WEIGHT));
        "BlkioDeviceReadIOps" => Each(&Object(&WEIGHT));
        "BlkioDeviceWriteBps" => Each(&Object(&WEIGHT));
        "BlkioDeviceWriteIOps" => Each(&Object(&WEIGHT));
        "BlkioWeight" => Number;
        "BlkioWeightDevice" => Each(&Object(&WEIGHT));
        "CgroupParent" => Words(&[], Some(Kind::CgroupParent));
        "CpuCount" => Number;
        "CpuPercent" => Number;
        "CpuPeriod" => Number, "restricted by `-maxcpus`";
        "CpuQuota" => Number, "restricted by `-maxcpus`";
        "CpuRealtimePeriod" => Empty(Some(Kind::Realtime));
        "CpuRealtimeRuntime" => Empty(Some(Kind::Realtime));
        "CpuShares" => Number;
        "CpusetCpus" => Text;
        "CpusetMems" => Text;
        "DeviceCgroupRules" => Each(&Words(&[], Some(Kind::DeviceRule)));
        "DeviceRequests" => Each(&By(&DEVICE_REQUEST));
        "Devices" => Each(&By(&DEVICES));
        "IOMaximumBandwidth" => Number;
        "IOMaximumIOps" => Number;
        "KernelMemory" => Number;
        "KernelMemoryTCP" => Number;
        "Memory" => Number, "restricted by `-maxmemory`";
        "MemoryReservation" => Number;
        "MemorySwap" => Number, "restricted by `-maxmemory`";
        "MemorySwappiness" => Number;
        "NanoCpus" => Number, "restricted by `-maxcpus`";
        "OomKillDisable" => False(Kind::Oom);
        "PidsLimit" => Number, "restricted by `-maxpids`";
        "Ulimits" => Each(&Object(&ULIMIT));
    },
};

/// Start of a container: up to Engine 24 the body is a `HostConfig`.
pub(super) const START: FieldTable = FieldTable {
    title: "Container start",
    source: "moby api/server/router/container/container_routes.go: postContainersStart",
    also: &[&HOST_CONFIG],
    rows: rows! {
        "detachKeys" => Text, "dockerode repeats the query here; ignored";
    },
};

/// Update of a container.
pub(super) const UPDATE: FieldTable = FieldTable {
    title: "Container update",
    source: "moby api/types/container/hostconfig.go: UpdateConfig",
    also: &[&RESOURCES],
    rows: rows! {
        "RestartPolicy" => Object(&RESTART_POLICY);
    },
};

/// Preparation of a command in a container.
pub(super) const EXEC: FieldTable = FieldTable {
    title: "Exec create",
    source: "moby api/types/container/exec.go: ExecOptions",
    also: &[],
    rows: rows! {
        "AttachStderr" => Truth;
        "AttachStdin" => Truth;
        "AttachStdout" => Truth;
        "Cmd" => Any;
        "ConsoleSize" => Any;
        "Container" => Text, "ignored; the path has the container";
        "Detach" => Truth, "ignored";
        "DetachKeys" => Text;
        "Env" => Texts;
        "ExecIDs" => Any, "ignored";
        "Privileged" => False(Kind::ExecPrivileged);
        "Tty" => Truth;
        "User" => Text;
        "WorkingDir" => Text;
    },
};
