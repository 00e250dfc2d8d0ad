//! Which requests are looked at, by method and path.
//!
//! The path is the decoded one in normal form, so that each endpoint has one
//! spelling but for what stands in front: the Engine takes `/v` and any digits
//! and dots there, Podman letters too, and `/libpod` before its second tree. A
//! path is therefore recognised by its *last* segments, whatever precedes them,
//! and with or without a slash at its end.
//! That may look at more than a daemon would route (`/x/containers/create`),
//! never at less; no endpoint of either daemon that takes another kind of body
//! ends like one of these.
//!
//! Names of containers and plugins span slashes in the Engine, so
//! `/containers/create/start` starts a container named `create`.

use super::shapes;
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
            Self::CheckpointCreate => &Shape::Any,
            Self::LibpodManifest => &shapes::LIBPOD_MANIFEST,
        }
    }

    /// Whether a body may come without a content type. Podman's own client
    /// sends none to its tree, and Podman reads JSON whatever the type is.
    pub(super) fn type_optional(self) -> bool {
        matches!(
            self,
            Self::LibpodContainerCreate
                | Self::LibpodPodCreate
                | Self::LibpodVolumeCreate
                | Self::LibpodContainerUpdate
                | Self::LibpodNetworkCreate
                | Self::LibpodManifest
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

impl Endpoint {
    /// The endpoint that a method and a path reach. Both daemons route nearly
    /// all of these by POST alone.
    pub(super) fn of(method: Method, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let in_libpod = libpod(&segments);
        match (method, in_libpod.unwrap_or_default()) {
            // Its paths are those of the host, whatever the method.
            (_, ["local", ..]) => return Some(Self::OpaqueMounts("/libpod/local")),
            (Method::Put | Method::Post, ["manifests", ..]) => {
                return Some(Self::Judged(Inspection::LibpodManifest));
            }
            (Method::Post, _) => {}
            _ => return None,
        }
        Self::opaque_of_libpod(in_libpod.unwrap_or_default())
            .or_else(|| Self::created(&segments, in_libpod.is_some()))
            .or_else(|| Self::of_existing(&segments, in_libpod.is_some()))
    }

    fn opaque_of_libpod(segments: &[&str]) -> Option<Self> {
        Some(match segments {
            ["kube" | "play", ..] => Self::OpaqueContainers("/libpod/kube/play"),
            ["quadlets", ..] => Self::OpaqueContainers("/libpod/quadlets"),
            ["containers", _, .., "restore"] => Self::OpaqueContainers("/libpod/…/restore"),
            ["artifacts", "local", ..] => Self::OpaqueMounts("/libpod/artifacts/local"),
            // It reaches the stores of the host's other users.
            ["images", "scp", ..] => Self::OpaqueMounts("/libpod/images/scp"),
            _ => return None,
        })
    }

    fn created(segments: &[&str], libpod: bool) -> Option<Self> {
        Some(match (segments, libpod) {
            ([.., "containers", "create"], false) => Self::Judged(Inspection::ContainerCreate),
            ([.., "containers", "create"], true) => Self::Judged(Inspection::LibpodContainerCreate),
            ([.., "volumes", "create"], false) => Self::Judged(Inspection::VolumeCreate),
            ([.., "volumes", "create"], true) => Self::Judged(Inspection::LibpodVolumeCreate),
            ([.., "pods", "create"], true) => Self::Judged(Inspection::LibpodPodCreate),
            ([.., "services", "create"], _) => Self::Judged(Inspection::Service),
            ([.., "networks", "create"], false) => Self::Judged(Inspection::NetworkCreate),
            ([.., "networks", "create"], true) => Self::Judged(Inspection::LibpodNetworkCreate),
            ([.., "secrets", "create"], false) => Self::Judged(Inspection::SecretCreate),
            ([.., "swarm", "update"], _) => Self::Judged(Inspection::SwarmUpdate),
            ([.., "build"], _) => Self::Build,
            // A plugin has mounts of its own, and gives them to its volumes.
            ([.., "plugins", "create" | "pull"], _) => Self::OpaqueMounts("/plugins/…"),
            // A manager elsewhere then creates what it likes on this host.
            ([.., "swarm", "init" | "join"], _) => Self::OpaqueContainers("/swarm/…"),
            _ => return None,
        })
    }

    fn of_existing(segments: &[&str], libpod: bool) -> Option<Self> {
        let (last, names) = segments.split_last()?;
        let of = |resource: &str| {
            names.split_last().is_some_and(|(_, before)| before.contains(&resource))
        };
        Some(match (*last, segments, libpod) {
            ("update", [.., "services", _, _], _) => Self::Judged(Inspection::Service),
            ("update", _, false) if of("containers") => Self::Judged(Inspection::ContainerUpdate),
            ("update", _, true) if of("containers") => {
                Self::Judged(Inspection::LibpodContainerUpdate)
            }
            ("start", _, _) if of("containers") => Self::Judged(Inspection::ContainerStart),
            ("checkpoints", _, _) if of("containers") => Self::Judged(Inspection::CheckpointCreate),
            ("upgrade" | "set", _, _) if of("plugins") => Self::OpaqueMounts("/plugins/…"),
            _ => return None,
        })
    }
}

/// What follows `/libpod` or `/vX/libpod`. Elsewhere the word is a name.
pub(super) fn libpod<'a, 'p>(segments: &'a [&'p str]) -> Option<&'a [&'p str]> {
    match segments {
        ["libpod", rest @ ..] => Some(rest),
        [version, "libpod", rest @ ..] if version.starts_with('v') => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, endpoint: Option<Endpoint>) {
        assert_eq!(Endpoint::of(Method::Post, path), endpoint, "{path}");
        assert_eq!(Endpoint::of(Method::Post, &format!("{path}/")), endpoint, "{path}/");
        assert_eq!(Endpoint::of(Method::Get, path), None, "{path}");
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
            let endpoint = Endpoint::of(Method::Post, path);
            assert!(endpoint.is_some(), "{path}");
            check(&format!("{path}/"), endpoint);
        }
        for method in [Method::Get, Method::Post] {
            let endpoint = Endpoint::of(method, "/libpod/local/build/");
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
            let endpoint = Endpoint::of(Method::Post, path);
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
            let endpoint = Endpoint::of(Method::Post, path);
            assert!(matches!(endpoint, Some(Endpoint::OpaqueMounts(_))), "{path}");
        }
    }

    #[test]
    fn some_are_reached_by_other_methods() {
        for method in Method::ALL {
            let endpoint = Endpoint::of(method, "/v5.8.0/libpod/local/x");
            assert!(matches!(endpoint, Some(Endpoint::OpaqueMounts(_))), "{method}");
        }
        let manifest = Some(Endpoint::Judged(Inspection::LibpodManifest));
        assert_eq!(Endpoint::of(Method::Put, "/v5.8.0/libpod/manifests/a/b"), manifest);
        assert_eq!(Endpoint::of(Method::Put, "/containers/x/archive"), None);
    }

    #[test]
    fn bodies_without_containers_are_judged_too() {
        check_judged("/v1.51/networks/create", Inspection::NetworkCreate);
        check_judged("/v5.8.0/libpod/networks/create", Inspection::LibpodNetworkCreate);
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
            "/containers/a/exec",
            "/containers/a/rename",
            "/containers/a/attach",
            "/containers/create/exec",
            "/exec/0123/start",
            "/images/create",
            "/images/load",
            "/images/a/tag",
            "/networks/a/connect",
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
