//! Bodies of the Engine's API, which Podman serves as well: Engine 20.10 to 29.

use super::{Driver, Map, Read, Text, readers};
use crate::filter::bodies::fields::Node;
use crate::json::reads_alike;

readers! {
    /// Create, start and update of a container. Beside its own fields a body may
    /// hold those of [`HostConfig`], which Engines up to 26 read there.
    Container<'t> {
        args_escaped: Option<Node<'t>> = "ArgsEscaped",
        attach_stderr: bool = "AttachStderr",
        attach_stdin: bool = "AttachStdin",
        attach_stdout: bool = "AttachStdout",
        command: Option<Node<'t>> = "Cmd",
        domain_name: &'t str = "Domainname",
        entrypoint: Option<Node<'t>> = "Entrypoint",
        environment: Vec<Text<'t>> = "Env",
        exposed_ports: Option<Map<'t>> = "ExposedPorts",
        health_check: Option<Node<'t>> = "Healthcheck",
        host_config: Option<HostConfig<'t>> = "HostConfig",
        host_name: &'t str = "Hostname",
        image: &'t str = "Image",
        labels: Option<Map<'t>> = "Labels",
        mac_address: &'t str = "MacAddress",
        network_disabled: bool = "NetworkDisabled",
        networks: Option<Networks<'t>> = "NetworkingConfig",
        on_build: Vec<Text<'t>> = "OnBuild",
        open_stdin: bool = "OpenStdin",
        shell: Vec<Text<'t>> = "Shell",
        stdin_once: bool = "StdinOnce",
        stop_signal: Option<Node<'t>> = "StopSignal",
        stop_timeout: Option<Node<'t>> = "StopTimeout",
        tty: bool = "Tty",
        user: &'t str = "User",
        volumes: Option<Map<'t>> = "Volumes",
        working_directory: &'t str = "WorkingDir",
    }

    /// The settings of a container that concern its host.
    HostConfig<'t> {
        annotations: Option<Map<'t>> = "Annotations",
        auto_remove: bool = "AutoRemove",
        binds: Vec<Text<'t>> = "Binds",
        block_reads: Vec<Node<'t>> = "BlkioDeviceReadBps",
        block_read_operations: Vec<Node<'t>> = "BlkioDeviceReadIOps",
        block_writes: Vec<Node<'t>> = "BlkioDeviceWriteBps",
        block_write_operations: Vec<Node<'t>> = "BlkioDeviceWriteIOps",
        block_weight: Option<Node<'t>> = "BlkioWeight",
        block_weights: Vec<Node<'t>> = "BlkioWeightDevice",
        capabilities: Vec<Text<'t>> = "Capabilities",
        capabilities_added: Option<Node<'t>> = "CapAdd",
        capabilities_dropped: Option<Node<'t>> = "CapDrop",
        cgroup: &'t str = "Cgroup",
        cgroup_parent: &'t str = "CgroupParent",
        cgroup_mode: &'t str = "CgroupnsMode",
        console_size: Option<Node<'t>> = "ConsoleSize",
        container_id_file: Option<Text<'t>> = "ContainerIDFile",
        cpu_count: Option<Node<'t>> = "CpuCount",
        cpu_percent: Option<Node<'t>> = "CpuPercent",
        cpu_period: Option<Node<'t>> = "CpuPeriod",
        cpu_quota: Option<Node<'t>> = "CpuQuota",
        cpu_realtime_period: Option<Node<'t>> = "CpuRealtimePeriod",
        cpu_realtime_runtime: Option<Node<'t>> = "CpuRealtimeRuntime",
        cpu_shares: Option<Node<'t>> = "CpuShares",
        cpu_set: &'t str = "CpusetCpus",
        memory_set: &'t str = "CpusetMems",
        device_rules: Vec<Text<'t>> = "DeviceCgroupRules",
        device_requests: Vec<Node<'t>> = "DeviceRequests",
        devices: Vec<Node<'t>> = "Devices",
        dns: Vec<Text<'t>> = "Dns",
        dns_options: Vec<Text<'t>> = "DnsOptions",
        dns_search: Vec<Text<'t>> = "DnsSearch",
        extra_hosts: Vec<Text<'t>> = "ExtraHosts",
        groups: Vec<Text<'t>> = "GroupAdd",
        init: Option<Node<'t>> = "Init",
        io_bandwidth: Option<Node<'t>> = "IOMaximumBandwidth",
        io_operations: Option<Node<'t>> = "IOMaximumIOps",
        ipc_mode: &'t str = "IpcMode",
        isolation: &'t str = "Isolation",
        kernel_memory: Option<Node<'t>> = "KernelMemory",
        kernel_memory_tcp: Option<Node<'t>> = "KernelMemoryTCP",
        links: Vec<Text<'t>> = "Links",
        log_config: Option<LogConfig<'t>> = "LogConfig",
        masked_paths: Option<Node<'t>> = "MaskedPaths",
        memory: Option<Node<'t>> = "Memory",
        memory_reservation: Option<Node<'t>> = "MemoryReservation",
        memory_swap: Option<Node<'t>> = "MemorySwap",
        swappiness: Option<Node<'t>> = "MemorySwappiness",
        mounts: Vec<Mount<'t>> = "Mounts",
        nano_cpus: Option<Node<'t>> = "NanoCpus",
        network_mode: &'t str = "NetworkMode",
        oom_kill_disabled: Option<Node<'t>> = "OomKillDisable",
        oom_score: Option<Node<'t>> = "OomScoreAdj",
        pid_mode: &'t str = "PidMode",
        pids_limit: Option<Node<'t>> = "PidsLimit",
        ports: Option<Map<'t>> = "PortBindings",
        privileged: bool = "Privileged",
        publish_all_ports: bool = "PublishAllPorts",
        read_only_paths: Option<Node<'t>> = "ReadonlyPaths",
        read_only_root: bool = "ReadonlyRootfs",
        restart_policy: Option<Node<'t>> = "RestartPolicy",
        runtime: &'t str = "Runtime",
        security_options: Vec<Text<'t>> = "SecurityOpt",
        shm_size: Option<Node<'t>> = "ShmSize",
        storage_options: Option<Map<'t>> = "StorageOpt",
        sysctls: Option<Map<'t>> = "Sysctls",
        tmpfs: Option<Map<'t>> = "Tmpfs",
        ulimits: Vec<Node<'t>> = "Ulimits",
        user_namespace: &'t str = "UsernsMode",
        uts_mode: &'t str = "UTSMode",
        volume_driver: &'t str = "VolumeDriver",
        volumes_from: Vec<Node<'t>> = "VolumesFrom",
    }

    /// The networks of a new container.
    Networks<'t> {
        endpoints: Option<Map<'t>> = "EndpointsConfig",
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
        read_only: bool = "ReadOnly",
        consistency: Option<Text<'t>> = "Consistency",
        bind_options: Option<BindOptions<'t>> = "BindOptions",
        volume_options: Option<VolumeOptions<'t>> = "VolumeOptions",
        image_options: Option<ImageOptions<'t>> = "ImageOptions",
        tmpfs_options: Option<Node<'t>> = "TmpfsOptions",
        cluster_options: Option<Node<'t>> = "ClusterOptions",
    }

    /// Options of a bind mount.
    BindOptions<'t> {
        propagation: Option<Text<'t>> = "Propagation",
        non_recursive: bool = "NonRecursive",
        create_mount_point: bool = "CreateMountpoint",
        read_only_non_recursive: bool = "ReadOnlyNonRecursive",
        read_only_force_recursive: bool = "ReadOnlyForceRecursive",
    }

    /// Options of a mounted volume.
    VolumeOptions<'t> {
        no_copy: bool = "NoCopy",
        labels: Option<Map<'t>> = "Labels",
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
        name: &'t str = "Name",
        labels: Option<Map<'t>> = "Labels",
        task: Option<Task<'t>> = "TaskTemplate",
        mode: Option<Node<'t>> = "Mode",
        update: Option<Node<'t>> = "UpdateConfig",
        rollback: Option<Node<'t>> = "RollbackConfig",
        networks: Vec<Attachment<'t>> = "Networks",
        endpoints: Option<Node<'t>> = "EndpointSpec",
    }

    /// The template of a service's tasks.
    Task<'t> {
        plugin: Option<Node<'t>> = "PluginSpec",
        container: Option<ContainerSpec<'t>> = "ContainerSpec",
        attachment: Option<Node<'t>> = "NetworkAttachmentSpec",
        resources: Option<Resources<'t>> = "Resources",
        restart_policy: Option<Node<'t>> = "RestartPolicy",
        placement: Option<Node<'t>> = "Placement",
        force_update: Option<Node<'t>> = "ForceUpdate",
        runtime: &'t str = "Runtime",
        networks: Vec<Attachment<'t>> = "Networks",
        log_driver: Option<DriverConfig<'t>> = "LogDriver",
    }

    /// The resources of a service's containers.
    Resources<'t> {
        limits: Option<TaskLimits<'t>> = "Limits",
        reservations: Option<Node<'t>> = "Reservations",
        swap: Option<Node<'t>> = "SwapBytes",
        swappiness: Option<Node<'t>> = "MemorySwappiness",
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
        aliases: Vec<Text<'t>> = "Aliases",
        driver_options: Option<Map<'t>> = "DriverOpts",
    }

    /// A container of a service.
    ContainerSpec<'t> {
        image: &'t str = "Image",
        labels: Option<Map<'t>> = "Labels",
        command: Option<Node<'t>> = "Command",
        arguments: Option<Node<'t>> = "Args",
        host_name: &'t str = "Hostname",
        environment: Vec<Text<'t>> = "Env",
        directory: &'t str = "Dir",
        user: &'t str = "User",
        groups: Vec<Text<'t>> = "Groups",
        privileges: Option<Privileges<'t>> = "Privileges",
        init: Option<Node<'t>> = "Init",
        stop_signal: Option<Node<'t>> = "StopSignal",
        tty: bool = "TTY",
        open_stdin: bool = "OpenStdin",
        read_only: bool = "ReadOnly",
        mounts: Vec<Mount<'t>> = "Mounts",
        stop_grace_period: Option<Node<'t>> = "StopGracePeriod",
        health_check: Option<Node<'t>> = "Healthcheck",
        hosts: Vec<Text<'t>> = "Hosts",
        dns: Option<Node<'t>> = "DNSConfig",
        secrets: Vec<Node<'t>> = "Secrets",
        configs: Vec<Node<'t>> = "Configs",
        isolation: &'t str = "Isolation",
        sysctls: Option<Map<'t>> = "Sysctls",
        capabilities_added: Vec<Text<'t>> = "CapabilityAdd",
        capabilities_dropped: Vec<Text<'t>> = "CapabilityDrop",
        ulimits: Vec<Node<'t>> = "Ulimits",
        oom_score: Option<Node<'t>> = "OomScoreAdj",
    }

    /// Privileges of a service's containers.
    Privileges<'t> {
        credentials: Option<Node<'t>> = "CredentialSpec",
        selinux: Option<Node<'t>> = "SELinuxContext",
        seccomp: Option<Seccomp<'t>> = "Seccomp",
        app_armor: Option<Node<'t>> = "AppArmor",
        no_new_privileges: bool = "NoNewPrivileges",
    }

    /// The profile for system calls of a service's containers.
    Seccomp<'t> {
        mode: &'t str = "Mode",
        profile: Option<Node<'t>> = "Profile",
    }

    /// Create of a volume. Podman's own tree has `Options` and `Label`.
    Volume<'t> {
        name: &'t str = "Name",
        driver: &'t str = "Driver",
        driver_options: Option<Map<'t>> = "DriverOpts",
        options: Option<Map<'t>> = "Options",
        labels: Option<Map<'t>> = "Labels",
        label: Option<Map<'t>> = "Label",
        cluster: Option<Node<'t>> = "ClusterVolumeSpec",
        ignores_existing: bool = "IgnoreIfExists",
    }

    /// Create of a network.
    Network<'t> {
        name: &'t str = "Name",
        checks_duplicate: bool = "CheckDuplicate",
        driver: &'t str = "Driver",
        scope: &'t str = "Scope",
        internal: bool = "Internal",
        attachable: bool = "Attachable",
        ingress: bool = "Ingress",
        config_only: bool = "ConfigOnly",
        config_from: Option<Node<'t>> = "ConfigFrom",
        addresses: Option<Addresses<'t>> = "IPAM",
        enable_ipv4: Option<Node<'t>> = "EnableIPv4",
        enable_ipv6: Option<Node<'t>> = "EnableIPv6",
        options: Option<Map<'t>> = "Options",
        labels: Option<Map<'t>> = "Labels",
    }

    /// How a network gives addresses.
    Addresses<'t> {
        driver: &'t str = "Driver",
        config: Vec<Node<'t>> = "Config",
        options: Option<Map<'t>> = "Options",
    }

    /// Create of a secret.
    Secret<'t> {
        name: &'t str = "Name",
        labels: Option<Map<'t>> = "Labels",
        data: Option<Node<'t>> = "Data",
        driver: Option<DriverConfig<'t>> = "Driver",
        templating: Option<Node<'t>> = "Templating",
    }

    /// Update of a swarm.
    Swarm<'t> {
        name: &'t str = "Name",
        labels: Option<Map<'t>> = "Labels",
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
        exits: bool = "Exit",
    }
}

impl<'t> Container<'t> {
    /// The `HostConfig` as it is written at the top level, and the one below.
    pub(in crate::filter::bodies) fn host_configs(&self) -> Read<Vec<HostConfig<'t>>> {
        let top = HostConfig(self.0.clone());
        Ok(std::iter::once(top).chain(self.host_config()?).collect())
    }

    /// The fields at the top level that neither level knows.
    #[allow(dead_code, reason = "a reader knows all fields; rules judge some of them")]
    pub(in crate::filter::bodies) fn unknown_at_both_levels(
        &self,
    ) -> impl Iterator<Item = Node<'t>> {
        let all = self.0.entries().filter(|(key, _)| !Self::FIELDS.contains(key));
        all.filter(|(key, _)| !HostConfig::FIELDS.contains(key)).map(|(_, node)| node)
    }
}

impl<'t> Container<'t> {
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
        let name = Text { place: format!("{}.Type", self.place()), value: self.driver()? };
        Ok(Driver { name, options: self.options()? })
    }
}

impl<'t> DriverConfig<'t> {
    pub(in crate::filter::bodies) fn driver(&self) -> Read<Driver<'t>> {
        let name = Text { place: format!("{}.Name", self.place()), value: self.name()? };
        Ok(Driver { name, options: self.options()? })
    }
}
