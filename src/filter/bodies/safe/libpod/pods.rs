//! Pods: the namespaces and mounts of their infra container are those of all others.

use super::SHARED;
use super::resources::DEVICE_LIMITS;
use super::values::DEVICE_TEXT;
use crate::filter::bodies::safe::host_config::SECURITY_OPTION;
use crate::filter::bodies::safe::table::{FieldTable, Values::*, rows};

/// Create of a pod.
pub(super) const CREATE: FieldTable = FieldTable {
    title: "Podman: pod create",
    source: "podman pkg/specgen/podspecgen.go: PodSpecGenerator",
    also: &[&SHARED, &DEVICE_LIMITS],
    rows: rows! {
        "exit_policy" => Text;
        "hostsFile" => Text, "`none`, `image`, or a file of `-allowbindmountfrom`";
        "infra_command" => Any;
        "infra_conmon_pid_file" => Text, "a file of `-allowbindmountfrom`";
        "infra_image" => Text, "restricted by `-allowimage`";
        "infra_name" => Text;
        "no_infra" => Truth;
        "no_manage_hostname" => Truth;
        "no_manage_hosts" => Truth;
        "no_manage_resolv_conf" => Truth;
        "pod_create_command" => Any, "shown by inspect";
        "pod_devices" => Each(&By(&DEVICE_TEXT));
        "security_opt" => Each(&By(&SECURITY_OPTION));
        "serviceContainerID" => Empty(None);
        "share_parent" => Truth;
        "shared_namespaces" => Texts, "of the pod's containers among each other";
    },
};
