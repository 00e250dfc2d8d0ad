//! The requests that the rules inspect, by the operations that they may mean.
//!
//! [`crate::api::recognise`] finds an operation wherever a supported daemon might
//! route to it, behind anything and with or without a slash at the end. That may
//! look at more than a daemon would route (`/x/containers/create`), never at less;
//! no operation of either daemon that takes another kind of body ends like one of
//! these. Some parts of Podman's own tree are looked at as a whole.

use super::host_parameters::{self, Parameters};
use super::shapes;
use crate::api::{Operation, below_libpod, recognise};
use crate::http1::Method;
use crate::json::Shape;

/// The kind of a body that must be read and judged before it may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inspection {
    /// `POST /containers/create`.
    ContainerCreate,
    /// `POST /containers/{id}/start`: Engines up to 24 take a `HostConfig` here
    /// if the request names an API version up to 1.23.
    ContainerStart,
    /// `POST /containers/{id}/update`, of both trees.
    ContainerUpdate,
    /// `POST /volumes/create`.
    VolumeCreate,
    /// `POST /services/create` and `POST /services/{id}/update`.
    Service,
    /// `POST /libpod/containers/create`.
    LibpodContainerCreate,
    /// `POST /libpod/pods/create`.
    LibpodPodCreate,
    /// `POST /libpod/volumes/create`.
    LibpodVolumeCreate,
    /// `POST /libpod/containers/{name}/update`.
    LibpodContainerUpdate,
    /// `POST /networks/create`.
    NetworkCreate,
    /// `POST /libpod/networks/create`.
    LibpodNetworkCreate,
    /// `POST /secrets/create`; Podman's own tree takes the secret itself.
    SecretCreate,
    /// `POST /swarm/update`.
    SwarmUpdate,
    /// `POST /containers/{id}/checkpoints`.
    CheckpointCreate,
    /// `POST` and `PUT /libpod/manifests/…`.
    LibpodManifest,
    /// `POST /containers/{id}/exec`.
    ContainerExec,
    /// `POST /networks/{id}/connect`.
    NetworkConnect,
    /// `POST /libpod/containers/{name}/exec`.
    LibpodContainerExec,
    /// `POST /libpod/networks/{name}/connect`.
    LibpodNetworkConnect,
    /// `POST /libpod/networks/{name}/update`.
    LibpodNetworkUpdate,
}

/// An endpoint that matters to the rules on bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Takes a body that can be judged.
    Judged(Inspection),
    /// Takes mounts in its query.
    Build,
    /// Creates containers from something that cannot be judged: YAML, an
    /// archive, an image, a manager elsewhere. The text names it.
    OpaqueContainers(&'static str),
    /// Opens host directories by something that cannot be judged, but creates
    /// no container.
    OpaqueMounts(&'static str),
}

impl Inspection {
    fn of(operation: Operation) -> Option<Self> {
        use Operation as Of;
        Some(match operation {
            Of::ContainerCreate => Self::ContainerCreate,
            Of::ContainerStart | Of::ContainerStartLibpod => Self::ContainerStart,
            Of::ContainerUpdate => Self::ContainerUpdate,
            Of::VolumeCreate => Self::VolumeCreate,
            Of::ServiceCreate | Of::ServiceUpdate => Self::Service,
            Of::NetworkCreate => Self::NetworkCreate,
            Of::SecretCreate => Self::SecretCreate,
            Of::SwarmUpdate => Self::SwarmUpdate,
            Of::CheckpointCreate => Self::CheckpointCreate,
            Of::ContainerCreateLibpod => Self::LibpodContainerCreate,
            Of::PodCreateLibpod => Self::LibpodPodCreate,
            Of::VolumeCreateLibpod => Self::LibpodVolumeCreate,
            Of::ContainerUpdateLibpod => Self::LibpodContainerUpdate,
            Of::NetworkCreateLibpod => Self::LibpodNetworkCreate,
            Of::ContainerExec => Self::ContainerExec,
            Of::NetworkConnect => Self::NetworkConnect,
            Of::ContainerExecLibpod => Self::LibpodContainerExec,
            Of::NetworkConnectLibpod => Self::LibpodNetworkConnect,
            Of::NetworkUpdateLibpod => Self::LibpodNetworkUpdate,
            _ => return None,
        })
    }

    /// Whether the endpoint is sensible without a body.
    pub(super) fn bodyless(self) -> bool {
        matches!(
            self,
            Self::ContainerStart
                | Self::ContainerUpdate
                | Self::VolumeCreate
                | Self::LibpodContainerUpdate
                | Self::LibpodManifest
        )
    }

    /// Where the body has maps.
    pub(super) fn shape(self) -> &'static Shape {
        match self {
            Self::ContainerCreate | Self::ContainerStart | Self::ContainerUpdate => {
                &shapes::CONTAINER
            }
            Self::Service => &shapes::SERVICE,
            Self::VolumeCreate | Self::LibpodVolumeCreate => &shapes::VOLUME,
            Self::LibpodContainerCreate | Self::LibpodPodCreate | Self::LibpodContainerUpdate => {
                &shapes::LIBPOD_SPEC
            }
            Self::NetworkCreate => &shapes::NETWORK,
            Self::LibpodNetworkCreate => &shapes::LIBPOD_NETWORK,
            Self::SecretCreate => &shapes::SECRET,
            Self::SwarmUpdate => &shapes::SWARM,
            Self::CheckpointCreate | Self::ContainerExec | Self::LibpodContainerExec => &Shape::Any,
            Self::NetworkConnect => &shapes::NETWORK_CONNECT,
            Self::LibpodNetworkConnect | Self::LibpodNetworkUpdate => {
                &shapes::LIBPOD_NETWORK_CONNECT
            }
            Self::LibpodManifest => &shapes::LIBPOD_MANIFEST,
        }
    }

    /// Whether a body may come without a content type. Podman's own client
    /// sends none to its tree, and Podman reads JSON under any type.
    pub(super) fn type_optional(self) -> bool {
        matches!(
            self,
            Self::LibpodContainerCreate
                | Self::LibpodPodCreate
                | Self::LibpodVolumeCreate
                | Self::LibpodContainerUpdate
                | Self::LibpodNetworkCreate
                | Self::LibpodManifest
                | Self::LibpodContainerExec
                | Self::LibpodNetworkConnect
                | Self::LibpodNetworkUpdate
        )
    }

    /// Whether the body can name a directory of the host.
    pub(super) fn concerns_directories(self) -> bool {
        !matches!(
            self,
            Self::ContainerExec
                | Self::NetworkConnect
                | Self::LibpodContainerExec
                | Self::LibpodNetworkConnect
                | Self::LibpodNetworkUpdate
        )
    }

    /// Whether the body can name the image of a container.
    pub(super) fn concerns_images(self) -> bool {
        matches!(
            self,
            Self::ContainerCreate
                | Self::Service
                | Self::LibpodContainerCreate
                | Self::LibpodPodCreate
                | Self::VolumeCreate
                | Self::LibpodVolumeCreate
        )
    }

    /// Whether the body can set or lift the limits of a container.
    pub(super) fn concerns_limits(self) -> bool {
        matches!(
            self,
            Self::ContainerCreate
                | Self::Service
                | Self::LibpodContainerCreate
                | Self::LibpodPodCreate
                | Self::ContainerStart
                | Self::ContainerUpdate
                | Self::LibpodContainerUpdate
        )
    }

    /// Whether the body can give a container labels or another's address.
    pub(super) fn concerns_rights(self) -> bool {
        matches!(
            self,
            Self::ContainerCreate
                | Self::ContainerStart
                | Self::Service
                | Self::LibpodContainerCreate
                | Self::LibpodPodCreate
        )
    }
}

/// The properties of a request that follow from its method and path.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recognised {
    /// The endpoint, if it matters.
    pub(super) endpoint: Option<Endpoint>,
    /// The parameters of its query that name places of the host.
    pub(super) parameters: Parameters,
    /// Whether it builds an image.
    pub(super) is_build: bool,
}

impl Recognised {
    /// Recognises a request. Does not allocate.
    pub(super) fn of(method: Method, path: &str) -> Self {
        let mut found = Self::default();
        if method == Method::Post {
            recognise(method, path).for_each(|operation| found.add(operation));
        } else if path.contains("/checkpoints") {
            found.parameters = checkpoint_parameters(path);
        }
        found.add_area(method, path);
        found
    }

    /// Of several operations the last of the table counts: below `/libpod` one of
    /// Podman's own.
    fn add(&mut self, operation: Operation) {
        self.endpoint = match operation {
            // Its body is the secret itself.
            Operation::SecretCreateLibpod => None,
            _ => Endpoint::of(operation).or(self.endpoint),
        };
        self.is_build |= is_build(operation);
        match host_parameters::of(operation) {
            [] => {}
            parameters => self.parameters = parameters,
        }
    }

    /// Parts of Podman's own tree that count as a whole, with all operations
    /// that its next version may add there.
    fn add_area(&mut self, method: Method, path: &str) {
        use Endpoint::{Judged, OpaqueContainers, OpaqueMounts};
        let Some(below) = below_libpod(path) else { return };
        let mut segments = below.split('/').skip(1);
        let area = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        self.endpoint = match (method, area) {
            // Its paths are those of the host, with every method.
            (_, ("local", _)) => Some(OpaqueMounts("/libpod/local")),
            (Method::Put | Method::Post, ("manifests", _)) => {
                self.parameters = host_parameters::MANIFESTS;
                Some(Judged(Inspection::LibpodManifest))
            }
            (Method::Post, ("kube" | "play", _)) => Some(OpaqueContainers("/libpod/kube/play")),
            (Method::Post, ("quadlets", _)) => Some(OpaqueContainers("/libpod/quadlets")),
            (Method::Post, ("artifacts", kind)) => {
                self.parameters = host_parameters::ARTIFACTS;
                match kind {
                    "local" => Some(OpaqueMounts("/libpod/artifacts/local")),
                    _ => self.endpoint,
                }
            }
            // It reaches the stores of the host's other users.
            (Method::Post, ("images", "scp")) => Some(OpaqueMounts("/libpod/images/scp")),
            _ => self.endpoint,
        };
    }
}

/// With every method: one that a daemon does not route does no harm.
fn checkpoint_parameters(path: &str) -> Parameters {
    let of = |method| recognise(method, path).map(host_parameters::of);
    let mut found = of(Method::Get).chain(of(Method::Delete));
    found.find(|parameters| !parameters.is_empty()).unwrap_or_default()
}

fn is_build(operation: Operation) -> bool {
    use Operation::{ImageBuild, ImageBuildLibpod, LocalBuildLibpod};
    matches!(operation, ImageBuild | ImageBuildLibpod | LocalBuildLibpod)
}

impl Endpoint {
    fn of(operation: Operation) -> Option<Self> {
        use Operation as Of;
        Some(match operation {
            Of::ImageBuild | Of::ImageBuildLibpod => Self::Build,
            Of::ContainerRestoreLibpod => Self::OpaqueContainers("/libpod/…/restore"),
            // A manager elsewhere can then create anything on this host.
            Of::SwarmInit | Of::SwarmJoin => Self::OpaqueContainers("/swarm/…"),
            // A plugin has mounts of its own, and gives them to its volumes.
            Of::PluginCreate | Of::PluginPull | Of::PluginUpgrade | Of::PluginSet => {
                Self::OpaqueMounts("/plugins/…")
            }
            _ => Self::Judged(Inspection::of(operation)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint_of(method: Method, path: &str) -> Option<Endpoint> {
        Recognised::of(method, path).endpoint
    }

    fn check(path: &str, endpoint: Option<Endpoint>) {
        assert_eq!(endpoint_of(Method::Post, path), endpoint, "{path}");
        assert_eq!(endpoint_of(Method::Post, &format!("{path}/")), endpoint, "{path}/");
        assert_eq!(endpoint_of(Method::Get, path), None, "{path}");
    }

    fn check_judged(path: &str, inspection: Inspection) {
        check(path, Some(Endpoint::Judged(inspection)));
    }

    #[test]
    fn every_version_prefix_reaches_the_same_endpoint() {
        for prefix in [
            "",
            "/v1.41",
            "/v1.41.",
            "/v01.041",
            "/v1.40.99999",
            "/v.",
            "/v1.24-rc1",
            "/v4.3.1a",
            "/x/y",
        ] {
            check_judged(&format!("{prefix}/containers/create"), Inspection::ContainerCreate);
            check_judged(&format!("{prefix}/volumes/create"), Inspection::VolumeCreate);
            check_judged(&format!("{prefix}/services/create"), Inspection::Service);
            check_judged(&format!("{prefix}/services/abc/update"), Inspection::Service);
            check_judged(&format!("{prefix}/containers/abc/update"), Inspection::ContainerUpdate);
            check_judged(&format!("{prefix}/containers/abc/start"), Inspection::ContainerStart);
            check(&format!("{prefix}/build"), Some(Endpoint::Build));
        }
        for prefix in ["", "/v1.41", "/v4.3.1", "/v5.0.0-rc1", "/v1a"] {
            check_judged(
                &format!("{prefix}/libpod/containers/create"),
                Inspection::LibpodContainerCreate,
            );
            check_judged(&format!("{prefix}/libpod/pods/create"), Inspection::LibpodPodCreate);
            check_judged(
                &format!("{prefix}/libpod/volumes/create"),
                Inspection::LibpodVolumeCreate,
            );
            check_judged(
                &format!("{prefix}/libpod/containers/a/update"),
                Inspection::LibpodContainerUpdate,
            );
            check(&format!("{prefix}/libpod/build"), Some(Endpoint::Build));
        }
    }

    /// No daemon routes these today; one that ignores the slash must not be a way
    /// around the rules.
    #[test]
    fn a_trailing_slash_hides_nothing() {
        let rows = [
            ("/containers/create", Inspection::ContainerCreate),
            ("/v1.41/containers/create", Inspection::ContainerCreate),
            ("/containers/a/start", Inspection::ContainerStart),
            ("/containers/a/update", Inspection::ContainerUpdate),
            ("/volumes/create", Inspection::VolumeCreate),
            ("/services/create", Inspection::Service),
            ("/services/a/update", Inspection::Service),
            ("/libpod/containers/create", Inspection::LibpodContainerCreate),
            ("/v5.0.0/libpod/pods/create", Inspection::LibpodPodCreate),
            ("/libpod/volumes/create", Inspection::LibpodVolumeCreate),
        ];
        for (path, inspection) in rows {
            check_judged(&format!("{path}/"), inspection);
        }
        for path in ["/build", "/swarm/init", "/plugins/pull", "/libpod/play/kube"] {
            let endpoint = endpoint_of(Method::Post, path);
            assert!(endpoint.is_some(), "{path}");
            check(&format!("{path}/"), endpoint);
        }
        for method in [Method::Get, Method::Post] {
            let endpoint = endpoint_of(method, "/libpod/local/build/");
            assert_eq!(endpoint, Some(Endpoint::OpaqueMounts("/libpod/local")));
        }
    }

    #[test]
    fn names_span_slashes() {
        check_judged("/containers/create/start", Inspection::ContainerStart);
        check_judged("/containers/a/b/c/start", Inspection::ContainerStart);
        check_judged("/containers/create/update", Inspection::ContainerUpdate);
        check_judged("/containers/a/b/update", Inspection::ContainerUpdate);
        check("/plugins/vieux/sshfs:latest/set", Some(Endpoint::OpaqueMounts("/plugins/…")));
    }

    #[test]
    fn a_thing_named_like_an_operation_is_judged_as_that_thing() {
        check_judged("/v1.41/services/swarm/update", Inspection::Service);
        check_judged("/services/containers/update", Inspection::Service);
        check_judged("/containers/swarm/update", Inspection::ContainerUpdate);
        check_judged("/containers/services/a/update", Inspection::ContainerUpdate);
        check_judged("/x/services/swarm/update", Inspection::Service);
        for path in ["/configs/swarm/update", "/nodes/swarm/update", "/exec/containers/a/start"] {
            assert_eq!(endpoint_of(Method::Post, path), None, "{path}");
        }
    }

    #[test]
    fn libpod_may_be_a_name() {
        check("/images/libpod/play/tag", None);
        check("/v1.41/images/libpod/kube/push", None);
        check_judged("/containers/libpod/start", Inspection::ContainerStart);
    }

    #[test]
    fn what_cannot_be_judged_is_known() {
        for path in [
            "/libpod/play/kube",
            "/v4.0.0/libpod/kube/play",
            "/libpod/kube/apply",
            "/libpod/quadlets",
            "/v5.6.0/libpod/containers/a/restore",
            "/swarm/init",
            "/v1.41/swarm/join",
        ] {
            let endpoint = endpoint_of(Method::Post, path);
            assert!(matches!(endpoint, Some(Endpoint::OpaqueContainers(_))), "{path}");
        }
        for path in [
            "/plugins/pull",
            "/plugins/create",
            "/plugins/a/upgrade",
            "/libpod/local/build",
            "/libpod/local/images/load",
            "/v5.8.0/libpod/local/anything/new",
            "/libpod/artifacts/local/add",
            "/libpod/images/scp/root@localhost::x",
        ] {
            let endpoint = endpoint_of(Method::Post, path);
            assert!(matches!(endpoint, Some(Endpoint::OpaqueMounts(_))), "{path}");
        }
    }

    #[test]
    fn some_are_reached_by_other_methods() {
        for method in Method::ALL {
            let endpoint = endpoint_of(method, "/v5.8.0/libpod/local/x");
            assert!(matches!(endpoint, Some(Endpoint::OpaqueMounts(_))), "{method}");
        }
        let manifest = Some(Endpoint::Judged(Inspection::LibpodManifest));
        assert_eq!(endpoint_of(Method::Put, "/v5.8.0/libpod/manifests/a/b"), manifest);
        assert_eq!(endpoint_of(Method::Put, "/containers/x/archive"), None);
    }

    #[test]
    fn bodies_without_containers_are_judged_too() {
        check_judged("/v1.51/networks/create", Inspection::NetworkCreate);
        check_judged("/v5.8.0/libpod/networks/create", Inspection::LibpodNetworkCreate);
        check_judged("/containers/create/exec", Inspection::ContainerExec);
        check_judged("/networks/a/connect", Inspection::NetworkConnect);
        check_judged("/secrets/create", Inspection::SecretCreate);
        check_judged("/swarm/update", Inspection::SwarmUpdate);
        check_judged("/containers/a/b/checkpoints", Inspection::CheckpointCreate);
        check_judged("/v5.8.0/libpod/manifests/create", Inspection::LibpodManifest);
        check_judged("/v3.0.0/libpod/manifests/x/add", Inspection::LibpodManifest);
    }

    #[test]
    fn nothing_else_is_looked_at() {
        for path in [
            "/",
            "/containers/json",
            "/containers/start",
            "/containers/update",
            "/containers/prune",
            "/containers/a/restart",
            "/containers/a/rename",
            "/containers/a/attach",
            "/exec/0123/start",
            "/images/create",
            "/images/load",
            "/images/a/tag",
            "/configs/a/update",
            "/configs/create",
            "/libpod/secrets/create",
            "/nodes/a/update",
            "/swarm/leave",
            "/commit",
            "/build/prune",
            "/build/cancel",
            "/session",
            "/grpc",
            "/plugins/a/enable",
            "/Containers/Create",
            "/containers/creates",
            "/pods/create",
            "/libpod/images/pull",
            "/libpod/pods/a/start",
            "/libpod/containers/a/checkpoint",
        ] {
            check(path, None);
        }
    }
}
