//! The operations that safe create governs, and how.
//!
//! A governed operation is judged by its body or query, or refused as a whole unless an
//! item names it: those are opaque, or control the host. Operations that are not here
//! create nothing and give no container anything.

use super::exceptions::Kind;
use super::table::Values;
use super::{container, libpod, mounts, network, service};
use crate::api::{Operation, below_libpod};
use crate::filter::bodies::endpoints::Inspection;
use crate::http1::Method;

/// The item without which a whole operation is refused.
pub(super) fn opened_by(operation: Operation) -> Option<Kind> {
    use Operation as Of;
    Some(match operation {
        Of::Session | Of::Grpc => Kind::BuildKit,
        Of::PluginCreate
        | Of::PluginPull
        | Of::PluginUpgrade
        | Of::PluginSet
        | Of::PluginEnable => Kind::Plugins,
        Of::SwarmInit | Of::SwarmJoin | Of::SwarmUpdate | Of::SwarmUnlock | Of::NodeUpdate => {
            Kind::Swarm
        }
        Of::ServiceCreate | Of::ServiceUpdate => Kind::Services,
        Of::CheckpointCreate | Of::ContainerCheckpointLibpod => Kind::Checkpoints,
        Of::ContainerRestoreLibpod => Kind::Restore,
        Of::PlayKubeLibpod | Of::KubeApplyLibpod => Kind::Kube,
        Of::QuadletInstallLibpod => Kind::Quadlets,
        Of::PodCreateLibpod => Kind::Pods,
        Of::LocalBuildLibpod | Of::LocalImagesLibpod | Of::ArtifactLocalLibpod => Kind::Local,
        Of::ImageScpLibpod => Kind::ImageScp,
        Of::ContainerMountLibpod => Kind::ContainerMount,
        Of::SystemCheckLibpod => Kind::SystemCheck,
        Of::ImageImportLibpod => Kind::Import,
        // The Containerfile is not read: `RUN --network=host`, `FROM dir:/etc`.
        Of::ImageBuildLibpod => Kind::PodmanBuild,
        _ => return None,
    })
}

/// The same for parts of Podman's own tree that count as a whole, with all operations
/// that its next version may add there.
pub(super) fn area_opened_by(method: Method, path: &str) -> Option<Kind> {
    let mut segments = below_libpod(path)?.split('/').skip(1);
    match (method, segments.next()?, segments.next().unwrap_or_default()) {
        (_, "local", _) => Some(Kind::Local),
        (Method::Post, "kube" | "play", _) => Some(Kind::Kube),
        (Method::Post, "quadlets", _) => Some(Kind::Quadlets),
        (Method::Post, "artifacts", "local") => Some(Kind::Local),
        (Method::Post, "images", "scp") => Some(Kind::ImageScp),
        _ => None,
    }
}

/// The bodies that pass; `None` if there is no table yet, so none passes.
pub(super) fn values(inspection: Inspection) -> Option<&'static Values> {
    use Values::{Any, By, Object};
    match inspection {
        Inspection::ContainerCreate => Some(&Object(&container::CREATE)),
        Inspection::ContainerStart => Some(&Object(&container::START)),
        Inspection::ContainerUpdate => Some(&Object(&container::UPDATE)),
        Inspection::ContainerExec => Some(&Object(&container::EXEC)),
        Inspection::VolumeCreate => Some(&By(&mounts::VOLUME)),
        Inspection::NetworkCreate => Some(&Object(&network::CREATE)),
        Inspection::NetworkConnect => Some(&Object(&network::CONNECT)),
        Inspection::Service => Some(&Object(&service::SERVICE)),
        Inspection::SecretCreate => Some(&Object(&service::SECRET)),
        // They need an item, and are judged by the other rules alone.
        Inspection::SwarmUpdate | Inspection::CheckpointCreate => Some(&Any),
        // It makes lists of images, which give a container nothing.
        Inspection::LibpodManifest => Some(&Any),
        Inspection::LibpodContainerCreate
        | Inspection::LibpodContainerExec
        | Inspection::LibpodContainerUpdate
        | Inspection::LibpodNetworkConnect
        | Inspection::LibpodNetworkCreate
        | Inspection::LibpodNetworkUpdate
        | Inspection::LibpodPodCreate
        | Inspection::LibpodVolumeCreate => libpod::values(inspection),
    }
}
