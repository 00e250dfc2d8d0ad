//! Where the bodies of the two daemons hold maps.
//!
//! Go matches the names of struct fields without regard to case, but the keys
//! of a map exactly. Labels such as `MAINTAINER` and `maintainer` may therefore
//! be present side by side. Each shape lists the maps of one body in both of
//! its spellings, if two daemons serve it. A field that is missing here costs
//! no safety: its objects count as structs.

use crate::json::Shape::{self, Any, List, Map, Struct};

/// A map whose values hold no further maps.
const MAP: Shape = Map(&Any);

/// `EndpointsConfig` of create and connect.
const ENDPOINTS: Shape = Map(&Struct(&[("DriverOpts", &MAP)]));

const LOG_CONFIG: Shape = Struct(&[("Config", &MAP)]);

const MOUNTS: Shape = List(&Struct(&[("VolumeOptions", &VOLUME_OPTIONS)]));

const VOLUME_OPTIONS: Shape = Struct(&[("Labels", &MAP), ("DriverConfig", &WITH_OPTIONS)]);

/// A driver with its options: of logs, volumes and secrets.
const WITH_OPTIONS: Shape = Struct(&[("Options", &MAP)]);

const HOST_CONFIG: Shape = Struct(&[
    ("Annotations", &MAP),
    ("DeviceRequests", &List(&WITH_OPTIONS)),
    ("LogConfig", &LOG_CONFIG),
    ("Mounts", &MOUNTS),
    ("PortBindings", &MAP),
    ("StorageOpt", &MAP),
    ("Sysctls", &MAP),
    ("Tmpfs", &MAP),
]);

/// Create, start and update of the Engine's tree. Engines up to 26 read the
/// fields of `HostConfig` at the top level as well.
pub(in crate::filter) const CONTAINER: Shape = Struct(&[
    ("Annotations", &MAP),
    ("DeviceRequests", &List(&WITH_OPTIONS)),
    ("ExposedPorts", &MAP),
    ("HostConfig", &HOST_CONFIG),
    ("Labels", &MAP),
    ("LogConfig", &LOG_CONFIG),
    ("Mounts", &MOUNTS),
    ("NetworkingConfig", &Struct(&[("EndpointsConfig", &ENDPOINTS)])),
    ("PortBindings", &MAP),
    ("StorageOpt", &MAP),
    ("Sysctls", &MAP),
    ("Tmpfs", &MAP),
    ("Volumes", &MAP),
]);

const NETWORK_ATTACHMENTS: Shape = List(&Struct(&[("DriverOpts", &MAP)]));

const TASK_TEMPLATE: Shape = Struct(&[
    ("ContainerSpec", &Struct(&[("Labels", &MAP), ("Mounts", &MOUNTS), ("Sysctls", &MAP)])),
    ("LogDriver", &WITH_OPTIONS),
    ("Networks", &NETWORK_ATTACHMENTS),
]);

/// Create and update of services.
pub(super) const SERVICE: Shape = Struct(&[
    ("Labels", &MAP),
    ("Networks", &NETWORK_ATTACHMENTS),
    ("TaskTemplate", &TASK_TEMPLATE),
]);

const TOPOLOGIES: Shape = List(&Struct(&[("Segments", &MAP)]));

const CLUSTER_VOLUME: Shape = Struct(&[(
    "AccessibilityRequirements",
    &Struct(&[("Requisite", &TOPOLOGIES), ("Preferred", &TOPOLOGIES)]),
)]);

/// Create of volumes, of both trees.
pub(in crate::filter) const VOLUME: Shape = Struct(&[
    ("ClusterVolumeSpec", &CLUSTER_VOLUME),
    ("DriverOpts", &MAP),
    ("Label", &MAP),
    ("Labels", &MAP),
    ("Options", &MAP),
]);

const LIBPOD_RESOURCES: Shape = Struct(&[("rdma", &MAP), ("unified", &MAP)]);

/// Specs of containers and pods, and updates, of Podman's own tree.
pub(super) const LIBPOD_SPEC: Shape = Struct(&[
    ("annotations", &MAP),
    ("env", &MAP),
    ("expose", &MAP),
    ("labels", &MAP),
    ("log_configuration", &Struct(&[("options", &MAP)])),
    ("Networks", &Map(&Struct(&[("options", &MAP)]))),
    ("network_options", &MAP),
    ("resource_limits", &LIBPOD_RESOURCES),
    ("rdma", &MAP),
    ("secret_env", &MAP),
    ("storage_opts", &MAP),
    ("sysctl", &MAP),
    ("throttleReadBpsDevice", &MAP),
    ("throttleReadIOPSDevice", &MAP),
    ("throttleWriteBpsDevice", &MAP),
    ("throttleWriteIOPSDevice", &MAP),
    ("unified", &MAP),
    ("weightDevice", &MAP),
]);

/// Create of networks.
pub(in crate::filter) const NETWORK: Shape = Struct(&[
    (
        "IPAM",
        &Struct(&[("Config", &List(&Struct(&[("AuxiliaryAddresses", &MAP)]))), ("Options", &MAP)]),
    ),
    ("Labels", &MAP),
    ("Options", &MAP),
]);

/// Connect of a container to a network.
pub(super) const NETWORK_CONNECT: Shape =
    Struct(&[("EndpointConfig", &Struct(&[("DriverOpts", &MAP)]))]);

/// The same in Podman's own tree, and update of a network there.
pub(super) const LIBPOD_NETWORK_CONNECT: Shape = Struct(&[("options", &MAP)]);

/// Create of networks in Podman's own tree.
pub(super) const LIBPOD_NETWORK: Shape =
    Struct(&[("ipam_options", &MAP), ("labels", &MAP), ("options", &MAP)]);

/// Create of secrets.
pub(super) const SECRET: Shape =
    Struct(&[("Driver", &WITH_OPTIONS), ("Labels", &MAP), ("Templating", &WITH_OPTIONS)]);

/// Update of a swarm.
pub(super) const SWARM: Shape = Struct(&[
    ("CAConfig", &Struct(&[("ExternalCAs", &List(&WITH_OPTIONS))])),
    ("Labels", &MAP),
    ("TaskDefaults", &Struct(&[("LogDriver", &WITH_OPTIONS)])),
]);

/// Lists of manifests.
pub(super) const LIBPOD_MANIFEST: Shape =
    Struct(&[("annotations", &MAP), ("artifact_annotations", &MAP), ("index_annotations", &MAP)]);

/// Connect of a container to a network, and disconnect.
pub(in crate::filter) const CONNECT: Shape =
    Struct(&[("EndpointConfig", &Struct(&[("DriverOpts", &MAP)]))]);
