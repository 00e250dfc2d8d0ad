//! Bodies of the Engine's API, which Podman serves as well: Engine 20.10 to 29.

use super::{Driver, Map, Read, Text, readers};
use crate::filter::bodies::fields::Node;
use crate::json::reads_alike;

readers! {
    /// Create, start and update of a container. Beside its own fields a body may
    /// hold those of [`HostConfig`], which Engines up to 26 read there.
    Container<'t> {
        host_config: Option<HostConfig<'t>> = "HostConfig",
        image: &'t str = "Image",
        labels: Option<Map<'t>> = "Labels",
        volumes: Option<Map<'t>> = "Volumes",
    }

    /// The settings of a container that concern its host.
    HostConfig<'t> {
        annotations: Option<Map<'t>> = "Annotations",
        binds: Vec<Text<'t>> = "Binds",
        container_id_file: Option<Text<'t>> = "ContainerIDFile",
        cpu_period: Option<Node<'t>> = "CpuPeriod",
        cpu_quota: Option<Node<'t>> = "CpuQuota",
        log_config: Option<LogConfig<'t>> = "LogConfig",
        memory: Option<Node<'t>> = "Memory",
        memory_swap: Option<Node<'t>> = "MemorySwap",
        mounts: Vec<Mount<'t>> = "Mounts",
        nano_cpus: Option<Node<'t>> = "NanoCpus",
        network_mode: &'t str = "NetworkMode",
        pids_limit: Option<Node<'t>> = "PidsLimit",
        runtime: Option<Text<'t>> = "Runtime",
        security_options: Vec<Text<'t>> = "SecurityOpt",
        volume_driver: Option<Text<'t>> = "VolumeDriver",
        volumes_from: Vec<Node<'t>> = "VolumesFrom",
    }

    /// The driver of a container's logs.
    LogConfig<'t> {
        driver: &'t str = "Type",
        options: Option<Map<'t>> = "Config",
    }

    /// A mount in the long form.
    Mount<'t> {
        kind: &'t str = "Type",
        source: Option<Text<'t>> = "Source",
        target: Option<Text<'t>> = "Target",
        consistency: Option<Text<'t>> = "Consistency",
        bind_options: Option<BindOptions<'t>> = "BindOptions",
        volume_options: Option<VolumeOptions<'t>> = "VolumeOptions",
        image_options: Option<ImageOptions<'t>> = "ImageOptions",
    }

    /// Options of a bind mount.
    BindOptions<'t> {
        propagation: Option<Text<'t>> = "Propagation",
    }

    /// Options of a mounted volume.
    VolumeOptions<'t> {
        subpath: Option<Text<'t>> = "Subpath",
        driver_config: Option<DriverConfig<'t>> = "DriverConfig",
    }

    /// Options of a mounted image.
    ImageOptions<'t> {
        subpath: Option<Text<'t>> = "Subpath",
    }

    /// A driver and its options: of volumes, logs and secrets.
    DriverConfig<'t> {
        name: &'t str = "Name",
        options: Option<Map<'t>> = "Options",
    }

    /// Create and update of a service.
    Service<'t> {
        task: Option<Task<'t>> = "TaskTemplate",
        networks: Vec<Attachment<'t>> = "Networks",
    }

    /// The template of a service's tasks.
    Task<'t> {
        plugin: Option<Node<'t>> = "PluginSpec",
        container: Option<ContainerSpec<'t>> = "ContainerSpec",
        resources: Option<Resources<'t>> = "Resources",
        networks: Vec<Attachment<'t>> = "Networks",
        log_driver: Option<DriverConfig<'t>> = "LogDriver",
    }

    /// The resources of a service's containers.
    Resources<'t> {
        limits: Option<TaskLimits<'t>> = "Limits",
        swap: Option<Node<'t>> = "SwapBytes",
    }

    /// The limits of the containers of a service.
    TaskLimits<'t> {
        nano_cpus: Option<Node<'t>> = "NanoCPUs",
        memory: Option<Node<'t>> = "MemoryBytes",
        pids: Option<Node<'t>> = "Pids",
    }

    /// A network of a service.
    Attachment<'t> {
        target: &'t str = "Target",
    }

    /// A container of a service.
    ContainerSpec<'t> {
        image: &'t str = "Image",
        labels: Option<Map<'t>> = "Labels",
        privileges: Option<Privileges<'t>> = "Privileges",
        mounts: Vec<Mount<'t>> = "Mounts",
    }

    /// Privileges of a service's containers.
    Privileges<'t> {
        seccomp: Option<Seccomp<'t>> = "Seccomp",
    }

    /// The profile for system calls of a service's containers.
    Seccomp<'t> {
        profile: Option<Node<'t>> = "Profile",
    }

    /// Create of a volume. Podman's own tree has `Options` and `Label`.
    Volume<'t> {
        name: &'t str = "Name",
        driver: &'t str = "Driver",
        driver_options: Option<Map<'t>> = "DriverOpts",
        options: Option<Map<'t>> = "Options",
    }

    /// Create of a network.
    Network<'t> {
        driver: &'t str = "Driver",
        addresses: Option<Addresses<'t>> = "IPAM",
    }

    /// How a network gives addresses.
    Addresses<'t> {
        driver: &'t str = "Driver",
    }

    /// Create of a secret.
    Secret<'t> {
        driver: Option<DriverConfig<'t>> = "Driver",
    }

    /// Update of a swarm.
    Swarm<'t> {
        defaults: Option<TaskDefaults<'t>> = "TaskDefaults",
    }

    /// The defaults of tasks whose service sets nothing else.
    TaskDefaults<'t> {
        log_driver: Option<DriverConfig<'t>> = "LogDriver",
    }

    /// Create of a checkpoint.
    Checkpoint<'t> {
        name: &'t str = "CheckpointID",
        directory: &'t str = "CheckpointDir",
    }
}

impl<'t> Container<'t> {
    /// The `HostConfig` as it is written at the top level, and the one below.
    pub(in crate::filter::bodies) fn host_configs(&self) -> Read<Vec<HostConfig<'t>>> {
        let top = HostConfig(self.0.clone());
        Ok(std::iter::once(top).chain(self.host_config()?).collect())
    }

    /// Whether the body has no member.
    pub(in crate::filter::bodies) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'t> HostConfig<'t> {
    /// The modes of networks in every spelling.
    pub(in crate::filter::bodies) fn network_modes(&self) -> impl Iterator<Item = Node<'t>> {
        let modes = self.0.entries().filter(|(key, _)| reads_alike(key, "NetworkMode"));
        modes.map(|(_, mode)| mode)
    }
}

impl<'t> LogConfig<'t> {
    pub(in crate::filter::bodies) fn log(&self) -> Read<Driver<'t>> {
        let name = Text { place: format!("{}.Type", self.0.place()), value: self.driver()? };
        Ok(Driver { name, options: self.options()? })
    }
}

impl<'t> DriverConfig<'t> {
    pub(in crate::filter::bodies) fn driver(&self) -> Read<Driver<'t>> {
        let name = Text { place: format!("{}.Name", self.0.place()), value: self.name()? };
        Ok(Driver { name, options: self.options()? })
    }
}
