//! Bodies of Podman's own API: Podman 4.3 to 5.8.

use super::{Driver, Map, Read, Text, readers};
use crate::filter::bodies::fields::Node;

readers! {
    /// The spec of a container or of a pod. Those of its fields that no rule
    /// judges are not listed.
    Spec<'t> {
        annotations: Option<Map<'t>> = "annotations",
        artifact_volumes: Vec<Node<'t>> = "artifact_volumes",
        apparmor_profile: &'t str = "apparmor_profile",
        base_hosts_file: &'t str = "base_hosts_file",
        capabilities_added: Option<Node<'t>> = "cap_add",
        capabilities_dropped: Option<Node<'t>> = "cap_drop",
        cgroup_namespace: Option<Namespace<'t>> = "cgroupns",
        cgroup_parent: &'t str = "cgroup_parent",
        cgroups_mode: &'t str = "cgroups_mode",
        chroot_directories: Option<Node<'t>> = "chroot_directories",
        command: Option<Node<'t>> = "command",
        conmon_pid_file: Option<Text<'t>> = "conmon_pid_file",
        device_rules: Option<Node<'t>> = "device_cgroup_rule",
        devices: Option<Node<'t>> = "devices",
        devices_from: Option<Node<'t>> = "devices_from",
        entrypoint: Option<Node<'t>> = "entrypoint",
        environment: Option<Map<'t>> = "env",
        groups: Option<Node<'t>> = "groups",
        health_log: Option<Text<'t>> = "healthLogDestination",
        host_devices: Option<Node<'t>> = "host_device_list",
        hosts_file: &'t str = "hostsFile",
        id_mappings: Option<Node<'t>> = "idmappings",
        image: &'t str = "image",
        image_volumes: Vec<ImageVolume<'t>> = "image_volumes",
        infra_conmon_pid_file: Option<Text<'t>> = "infra_conmon_pid_file",
        infra_command: Option<Node<'t>> = "infra_command",
        infra_image: &'t str = "infra_image",
        init: bool = "init",
        init_path: &'t str = "init_path",
        ipc_namespace: Option<Namespace<'t>> = "ipcns",
        labels: Option<Map<'t>> = "labels",
        log: Option<LogConfiguration<'t>> = "log_configuration",
        mask: Option<Node<'t>> = "mask",
        mounts: Vec<OciMount<'t>> = "mounts",
        name: &'t str = "name",
        network_namespace: Option<Namespace<'t>> = "netns",
        network_options: Option<Map<'t>> = "network_options",
        networks: Option<Map<'t>> = "Networks",
        oci_runtime: &'t str = "oci_runtime",
        overlay_volumes: Vec<OverlayVolume<'t>> = "overlay_volumes",
        pid_namespace: Option<Namespace<'t>> = "pidns",
        pod: Option<Node<'t>> = "pod",
        ports: Option<Node<'t>> = "portmappings",
        privileged: bool = "privileged",
        raw_image: &'t str = "raw_image_name",
        rlimits: Option<Node<'t>> = "r_limits",
        resource_limits: Option<Resources<'t>> = "resource_limits",
        root: &'t str = "rootfs",
        seccomp_policy: &'t str = "seccomp_policy",
        seccomp_profile: &'t str = "seccomp_profile_path",
        secret_environment: Option<Map<'t>> = "secret_env",
        secrets: Option<Node<'t>> = "secrets",
        security_options: Vec<Text<'t>> = "security_opt",
        selinux_options: Option<Node<'t>> = "selinux_opts",
        sysctls: Option<Map<'t>> = "sysctl",
        systemd: &'t str = "systemd",
        time_zone: &'t str = "timezone",
        unified: Option<Map<'t>> = "unified",
        unmask: Option<Node<'t>> = "unmask",
        user: &'t str = "user",
        user_namespace: Option<Namespace<'t>> = "userns",
        uts_namespace: Option<Namespace<'t>> = "utsns",
        volumes: Vec<NamedVolume<'t>> = "volumes",
        volumes_from: Vec<Node<'t>> = "volumes_from",
    }

    /// Limits as an OCI runtime reads them.
    Resources<'t> {
        cpu: Option<CpuLimits<'t>> = "cpu",
        memory: Option<MemoryLimits<'t>> = "memory",
        pids: Option<PidsLimit<'t>> = "pids",
        unified: Option<Map<'t>> = "unified",
    }

    /// Limits of memory.
    MemoryLimits<'t> {
        limit: Option<Node<'t>> = "limit",
        swap: Option<Node<'t>> = "swap",
    }

    /// Limits of processors.
    CpuLimits<'t> {
        quota: Option<Node<'t>> = "quota",
        period: Option<Node<'t>> = "period",
    }

    /// A limit of processes.
    PidsLimit<'t> {
        limit: Option<Node<'t>> = "limit",
    }

    /// A namespace and its owner.
    Namespace<'t> {
        mode: &'t str = "nsmode",
        value: &'t str = "value",
    }

    /// The driver of a container's logs, with the file of the log.
    LogConfiguration<'t> {
        driver: &'t str = "driver",
        path: Option<Text<'t>> = "path",
        size: Option<Node<'t>> = "size",
        options: Option<Map<'t>> = "options",
    }

    /// A mount as an OCI runtime reads it.
    OciMount<'t> {
        destination: &'t str = "destination",
        kind: &'t str = "type",
        source: Option<Text<'t>> = "source",
        options: Vec<Text<'t>> = "options",
        uid_mappings: Option<Node<'t>> = "uidMappings",
        gid_mappings: Option<Node<'t>> = "gidMappings",
    }

    /// A volume by name, or a directory of the host.
    NamedVolume<'t> {
        name: &'t str = "Name",
        destination: &'t str = "Dest",
        options: Vec<Text<'t>> = "Options",
        is_anonymous: bool = "IsAnonymous",
        subpath: &'t str = "SubPath",
    }

    /// A directory of the host below an overlay.
    OverlayVolume<'t> {
        destination: &'t str = "destination",
        source: Option<Text<'t>> = "source",
        options: Vec<Text<'t>> = "options",
    }

    /// An image that is mounted. Podman's versions spell one field in two ways.
    ImageVolume<'t> {
        source: &'t str = "Source",
        destination: &'t str = "Destination",
        read_write: bool = "ReadWrite",
        subpath: &'t str = "SubPath",
        later_subpath: &'t str = "subPath",
    }

    /// Update of a container. Podman's versions spell one field in two ways.
    Update<'t> {
        health_log: Option<Text<'t>> = "health_log_destination",
        later_health_log: Option<Text<'t>> = "healthLogDestination",
    }

    /// An addition to a list of manifests.
    Manifest<'t> {
        operation: &'t str = "operation",
        images: Vec<Text<'t>> = "images",
        files: Vec<Node<'t>> = "artifact_files",
    }

    /// Create of a network.
    PodmanNetwork<'t> {
        name: &'t str = "name",
        driver: &'t str = "driver",
        interface: &'t str = "network_interface",
        options: Option<Map<'t>> = "options",
        addresses: Option<Map<'t>> = "ipam_options",
        labels: Option<Map<'t>> = "labels",
    }
}

impl<'t> Update<'t> {
    /// The limits, which are fields of the update itself.
    pub(in crate::filter::bodies) fn resources(&self) -> Resources<'t> {
        Resources(self.0.clone())
    }
}

impl<'t> LogConfiguration<'t> {
    pub(in crate::filter::bodies) fn log(&self) -> Read<Driver<'t>> {
        let name = Text { place: format!("{}.driver", self.place()), value: self.driver()? };
        Ok(Driver { name, options: self.options()? })
    }
}
