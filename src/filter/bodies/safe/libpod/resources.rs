//! Limits in Podman's specs and updates, as the OCI runtime reads them.

use super::values::DEVICE_RULES;
use crate::filter::bodies::refusal::{Fault, Type};
use crate::filter::bodies::safe::exceptions::Kind;
use crate::filter::bodies::safe::table::{FieldTable, Judgement, Values::*, rows};
use crate::json::Tree;

/// Limits of a container.
pub(super) const RESOURCES: FieldTable = FieldTable {
    title: "Podman: limits",
    source: "runtime-spec specs-go/config.go: LinuxResources",
    also: &[],
    rows: rows! {
        "blockIO" => Object(&BLOCK_IO);
        "cpu" => Object(&CPU);
        "devices" => By(&DEVICE_RULES);
        "hugepageLimits" => Each(&Object(&HUGE_PAGES));
        "memory" => Object(&MEMORY);
        "network" => Empty(None), "classes of the host's firewall";
        "pids" => Object(&PIDS);
        "rdma" => Empty(None);
        "unified" => Empty(None), "raw settings of the cgroup";
    },
};

/// Update of a container.
pub(super) const UPDATE: FieldTable = FieldTable {
    title: "Podman: container update",
    source: "podman pkg/api/handlers/types.go: UpdateEntities",
    also: &[&RESOURCES],
    rows: rows! {
        "BlkIOWeightDevice" => Each(&Object(&DEVICE_PATH_LIMIT));
        "DeviceReadBPs" => Each(&Object(&DEVICE_PATH_LIMIT));
        "DeviceReadIOPs" => Each(&Object(&DEVICE_PATH_LIMIT));
        "DeviceWriteBPs" => Each(&Object(&DEVICE_PATH_LIMIT));
        "DeviceWriteIOPs" => Each(&Object(&DEVICE_PATH_LIMIT));
        "Env" => Texts;
        "UnsetEnv" => Texts;
        "health_cmd" => Text, "runs in the container";
        "health_interval" => Text;
        "health_log_destination" => Text, "`local`, `events_logger`, or a directory of `-allowbindmountfrom`";
        "health_max_log_count" => Number;
        "health_max_log_size" => Number;
        "health_on_failure" => Text;
        "health_retries" => Number;
        "health_start_period" => Text;
        "health_startup_cmd" => Text, "runs in the container";
        "health_startup_interval" => Text;
        "health_startup_retries" => Number;
        "health_startup_success" => Number;
        "health_startup_timeout" => Text;
        "health_timeout" => Text;
        "no_healthcheck" => Truth;
        "r_limits" => Each(&Object(&RLIMIT));
    },
};

/// Limits of block devices by their paths.
pub(super) const DEVICE_LIMITS: FieldTable = FieldTable {
    title: "Podman: limits of block devices",
    source: "podman pkg/specgen/specgen.go: ContainerResourceConfig",
    also: &[],
    rows: rows! {
        "throttleReadBpsDevice" => MapOf(&Object(&DEVICE_LIMIT)), "limits existing access only";
        "throttleReadIOPSDevice" => MapOf(&Object(&DEVICE_LIMIT));
        "throttleWriteBpsDevice" => MapOf(&Object(&DEVICE_LIMIT));
        "throttleWriteIOPSDevice" => MapOf(&Object(&DEVICE_LIMIT));
        "weightDevice" => MapOf(&Object(&DEVICE_LIMIT));
    },
};

const DEVICE_LIMIT: FieldTable = FieldTable {
    title: "Podman: limit of a block device",
    source: "runtime-spec specs-go/config.go: LinuxThrottleDevice, LinuxWeightDevice",
    also: &[],
    rows: rows! {
        "leafWeight" => Number;
        "major" => Number;
        "minor" => Number;
        "rate" => Number;
        "weight" => Number;
    },
};

const DEVICE_PATH_LIMIT: FieldTable = FieldTable {
    title: "Podman: limit of a block device in an update",
    source: "podman libpod/define/container_update.go: UpdateContainerDevicesLimits",
    also: &[],
    rows: rows! {
        "Path" => Text, "limits existing access only";
        "Rate" => Number;
        "Weight" => Number;
    },
};

const BLOCK_IO: FieldTable = FieldTable {
    title: "Podman: limits of all block devices",
    source: "runtime-spec specs-go/config.go: LinuxBlockIO",
    also: &[],
    rows: rows! {
        "leafWeight" => Number;
        "throttleReadBpsDevice" => Each(&Object(&DEVICE_LIMIT));
        "throttleReadIOPSDevice" => Each(&Object(&DEVICE_LIMIT));
        "throttleWriteBpsDevice" => Each(&Object(&DEVICE_LIMIT));
        "throttleWriteIOPSDevice" => Each(&Object(&DEVICE_LIMIT));
        "weight" => Number;
        "weightDevice" => Each(&Object(&DEVICE_LIMIT));
    },
};

const CPU: FieldTable = FieldTable {
    title: "Podman: processors",
    source: "runtime-spec specs-go/config.go: LinuxCPU",
    also: &[],
    rows: rows! {
        "burst" => Number;
        "cpus" => Text;
        "idle" => Number;
        "mems" => Text;
        "period" => Number, "restricted by `-maxcpus`";
        "quota" => Number, "restricted by `-maxcpus`";
        "realtimePeriod" => Empty(Some(Kind::Realtime));
        "realtimeRuntime" => Empty(Some(Kind::Realtime));
        "shares" => Number;
    },
};

const MEMORY: FieldTable = FieldTable {
    title: "Podman: memory",
    source: "runtime-spec specs-go/config.go: LinuxMemory",
    also: &[],
    rows: rows! {
        "checkBeforeUpdate" => Truth;
        "disableOOMKiller" => False(Kind::Oom);
        "kernel" => Number;
        "kernelTCP" => Number;
        "limit" => Number, "restricted by `-maxmemory`";
        "reservation" => Number;
        "swap" => Number, "restricted by `-maxmemory`";
        "swappiness" => Number;
        "useHierarchy" => Truth;
    },
};

const PIDS: FieldTable = FieldTable {
    title: "Podman: processes",
    source: "runtime-spec specs-go/config.go: LinuxPids",
    also: &[],
    rows: rows! {
        "limit" => Number, "restricted by `-maxpids`";
    },
};

const HUGE_PAGES: FieldTable = FieldTable {
    title: "Podman: huge pages",
    source: "runtime-spec specs-go/config.go: LinuxHugepageLimit",
    also: &[],
    rows: rows! {
        "limit" => By(&UNSIGNED);
        "pageSize" => Text;
    },
};

/// A limit of processes.
pub(super) const RLIMIT: FieldTable = FieldTable {
    title: "Podman: limit of processes",
    source: "runtime-spec specs-go/config.go: POSIXRlimit",
    also: &[],
    rows: rows! {
        "hard" => By(&UNSIGNED);
        "soft" => By(&UNSIGNED);
        "type" => Text;
    },
};

/// No limit is the largest number of 64 bits, or -1.
const UNSIGNED: Judgement = Judgement {
    passes: "any integer",
    opened_by: &[],
    tables: &[],
    judge: |judge, place, tree| {
        let is_whole = matches!(tree, Tree::Number(digits) if digits.parse::<i128>().is_ok());
        if !is_whole && *tree != Tree::Null {
            judge.refuse(place, Fault::NotA(Type::WholeNumber));
        }
    },
};
