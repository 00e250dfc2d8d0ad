//! Bodies of Podman's own API: Podman 4.3 to 5.8.

use super::{Driver, Map, Read, Text, readers};
use crate::filter::bodies::fields::Node;

readers! {
    /// The spec of a container or of a pod.
    Spec<'t> {
        annotations: Option<Map<'t>> = "annotations",
        artifact_volumes: Vec<Node<'t>> = "artifact_volumes",
        base_hosts_file: &'t str = "base_hosts_file",
        cgroups_mode: &'t str = "cgroups_mode",
        conmon_pid_file: Option<Text<'t>> = "conmon_pid_file",
        health_log: Option<Text<'t>> = "healthLogDestination",
        hosts_file: &'t str = "hostsFile",
        image: &'t str = "image",
        image_volumes: Vec<ImageVolume<'t>> = "image_volumes",
        infra_conmon_pid_file: Option<Text<'t>> = "infra_conmon_pid_file",
        infra_command: Option<Node<'t>> = "infra_command",
        infra_image: &'t str = "infra_image",
        init_path: &'t str = "init_path",
        labels: Option<Map<'t>> = "labels",
        log: Option<LogConfiguration<'t>> = "log_configuration",
        mounts: Vec<OciMount<'t>> = "mounts",
        network_namespace: Option<Namespace<'t>> = "netns",
        network_options: Option<Map<'t>> = "network_options",
        oci_runtime: &'t str = "oci_runtime",
        overlay_volumes: Vec<OverlayVolume<'t>> = "overlay_volumes",
        pod: Option<Node<'t>> = "pod",
        raw_image: &'t str = "raw_image_name",
        resource_limits: Option<Resources<'t>> = "resource_limits",
        root: &'t str = "rootfs",
        seccomp_profile: &'t str = "seccomp_profile_path",
        security_options: Vec<Text<'t>> = "security_opt",
        time_zone: &'t str = "timezone",
        unified: Option<Map<'t>> = "unified",
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
        options: Option<Map<'t>> = "options",
    }

    /// A mount as an OCI runtime reads it.
    OciMount<'t> {
        kind: &'t str = "type",
        source: Option<Text<'t>> = "source",
        options: Vec<Text<'t>> = "options",
    }

    /// A volume by name, or a directory of the host.
    NamedVolume<'t> {
        name: &'t str = "Name",
        options: Vec<Text<'t>> = "Options",
        subpath: &'t str = "SubPath",
    }

    /// A directory of the host below an overlay.
    OverlayVolume<'t> {
        source: Option<Text<'t>> = "source",
        options: Vec<Text<'t>> = "options",
    }

    /// An image that is mounted. Podman's versions spell one field in two ways.
    ImageVolume<'t> {
        source: &'t str = "Source",
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
        images: Vec<Text<'t>> = "images",
        files: Vec<Node<'t>> = "artifact_files",
    }

    /// Create of a network.
    PodmanNetwork<'t> {
        driver: &'t str = "driver",
        addresses: Option<Map<'t>> = "ipam_options",
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
        let name = Text { place: format!("{}.driver", self.0.place()), value: self.driver()? };
        Ok(Driver { name, options: self.options()? })
    }
}

impl Namespace<'_> {
    /// Refuses a key that would be read as one of the names.
    pub(in crate::filter::bodies) fn check_spelling(&self) -> Read<()> {
        let mut names = Self::FIELDS.iter();
        names.try_for_each(|name| self.0.check_spelling(name, Self::FIELDS))
    }
}
