//! Request bodies that can give away the host: mounts, and labels that grant
//! rights.
//!
//! Invariants:
//! - What is sent on is what was judged: the strict tree, printed again.
//! - A body is judged by every reading that a supported daemon has of it:
//!   Engines 20.10 to 29, and Podman 4.3 to 5 in both of its trees.
//! - What cannot be judged (YAML, archives, plugins) is refused where it could
//!   give away what a rule keeps.
//!
//! What the rules deliberately don't do: look at privileges, devices and
//! namespaces, which open the host by other ways than directories; follow
//! symbolic links; look at volumes, images and pods that exist already.
//! `docs/bind-mounts.md` says of every operation how it is judged, and why.

mod build;
mod directories;
mod endpoints;
mod engine;
mod fields;
mod host_parameters;
mod host_paths;
mod images;
mod labels;
mod libpod;
mod mounts;
mod query;
mod shapes;
mod volumes;

pub use directories::BindMounts;
pub use endpoints::Inspection;
pub use labels::LabelGuard;

use crate::http1::Method;
use crate::json::Tree;
use crate::text::quoted;
use endpoints::{Endpoint, Recognised};
use fields::{Node, Refusal};

/// What a policy demands of request bodies. The default demands nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BodyRules {
    /// From which host directories may be mounted; `None` is no restriction.
    pub bind_mounts: Option<BindMounts>,
    /// What keeps containers from rights that others have; `None` is no
    /// restriction.
    pub label_guard: Option<LabelGuard>,
}

/// Why a request was refused for its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyDenial {
    /// Of what sort the refusal is: it decides on the status.
    pub kind: DenialKind,
    /// Field and value, and which flag would allow it; printable, one line.
    pub reason: String,
}

/// The sort of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialKind {
    /// The body is not one strict JSON object: 400.
    Syntax,
    /// The body is not declared to be JSON: 415.
    MediaType,
    /// The body asks for what the rules don't allow: 403.
    Restriction,
}

/// How the reasons of the two rules begin.
const BIND_MOUNTS: &str = "bind mount restriction";
const LABELS: &str = "label restriction";

impl BodyRules {
    /// Whether there is nothing to judge.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bind_mounts.is_none() && self.label_guard.is_none()
    }

    /// Which inspection the body of a request needs, if any. The path is the
    /// decoded one in normal form, the query is as it came, without the `?`.
    ///
    /// # Errors
    /// If the request is refused without a look at its body: it mounts by its
    /// query, or its body cannot be judged.
    pub fn inspection(
        &self,
        method: Method,
        path: &str,
        query: Option<&str>,
    ) -> Result<Option<Inspection>, BodyDenial> {
        if self.is_empty() {
            return Ok(None);
        }
        let query = query.unwrap_or_default();
        let recognised = Recognised::of(method, path);
        if let Some(guard) = self.label_guard.as_ref().filter(|_| recognised.is_build) {
            guard.check_build(path, query).map_err(restricted(LABELS))?;
        }
        if let Some(allowed) = &self.bind_mounts {
            host_parameters::check_query(allowed, recognised.parameters, query)
                .map_err(restricted(BIND_MOUNTS))?;
        }
        let Some(endpoint) = recognised.endpoint else { return Ok(None) };
        match (endpoint, &self.bind_mounts) {
            (Endpoint::Judged(inspection), Some(_)) => Ok(Some(inspection)),
            (Endpoint::Judged(inspection), None) => {
                Ok(Some(inspection).filter(|inspection| inspection.concerns_rights()))
            }
            (Endpoint::Build, Some(allowed)) => build::check_query(allowed, path, query)
                .map(|()| None)
                .map_err(restricted(BIND_MOUNTS)),
            (Endpoint::OpaqueContainers(name) | Endpoint::OpaqueMounts(name), Some(allowed)) => {
                Err(restricted(BIND_MOUNTS)(format!(
                    "{name} opens host directories by what cannot be judged; unset {} to allow it",
                    allowed.list_name()
                )))
            }
            (Endpoint::OpaqueContainers(name), None) => Err(restricted(LABELS)(format!(
                "{name} creates containers from what cannot be judged"
            ))),
            (Endpoint::Build | Endpoint::OpaqueMounts(_), None) => Ok(None),
        }
    }

    /// Judges a body; the answer is the body to send instead of it.
    ///
    /// `content_type` is the value of the request's only such field.
    ///
    /// # Errors
    /// The first thing in the body that is not allowed.
    pub fn judge(
        &self,
        inspection: Inspection,
        content_type: Option<&[u8]>,
        body: &[u8],
    ) -> Result<Vec<u8>, BodyDenial> {
        if body.is_empty() && inspection.bodyless() {
            return Ok(Vec::new());
        }
        check_media_type(inspection, content_type)?;
        let tree = Tree::parse_shaped(body, inspection.shape())
            .map_err(|error| syntax(format!("invalid JSON body: {error}")))?;
        match &tree {
            Tree::Object(_) => self.judge_tree(inspection, &Node::root(&tree))?,
            // What some clients send for no body.
            Tree::Null if inspection.bodyless() => {}
            _ => return Err(syntax("invalid JSON body: it is not an object".to_owned())),
        }
        let mut printed = String::with_capacity(body.len());
        tree.print(&mut printed);
        Ok(printed.into_bytes())
    }

    fn judge_tree(&self, inspection: Inspection, body: &Node<'_>) -> Result<(), BodyDenial> {
        if let Some(allowed) = &self.bind_mounts {
            check_mounts(allowed, inspection, body).map_err(restricted(BIND_MOUNTS))?;
        }
        if let Some(guard) = &self.label_guard {
            check_labels(guard, inspection, body).map_err(restricted(LABELS))?;
        }
        Ok(())
    }
}

impl std::fmt::Display for BodyDenial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for BodyDenial {}

fn check_mounts(
    allowed: &BindMounts,
    inspection: Inspection,
    body: &Node<'_>,
) -> Result<(), Refusal> {
    match inspection {
        Inspection::ContainerCreate | Inspection::ContainerStart | Inspection::ContainerUpdate => {
            mounts::check_container(allowed, body)
        }
        Inspection::LibpodContainerUpdate => {
            mounts::check_container(allowed, body)?;
            libpod::check_update(allowed, body)
        }
        Inspection::Service => mounts::check_service(allowed, body),
        Inspection::VolumeCreate | Inspection::LibpodVolumeCreate => {
            libpod::check_volume(allowed, body)
        }
        Inspection::LibpodContainerCreate | Inspection::LibpodPodCreate => {
            libpod::check_spec(allowed, body)
        }
        Inspection::NetworkCreate => engine::check_network(body),
        Inspection::LibpodNetworkCreate => libpod::check_network(body),
        Inspection::SecretCreate => engine::check_secret(body),
        Inspection::SwarmUpdate => mounts::check_swarm(allowed, body),
        Inspection::CheckpointCreate => engine::check_checkpoint(allowed, body),
        Inspection::LibpodManifest => libpod::check_manifest(body),
    }
}

/// A pod's labels are those of its infra container, which holds its addresses.
fn check_labels(
    guard: &LabelGuard,
    inspection: Inspection,
    body: &Node<'_>,
) -> Result<(), Refusal> {
    match inspection {
        Inspection::ContainerCreate | Inspection::ContainerStart => guard.check_container(body),
        Inspection::LibpodContainerCreate | Inspection::LibpodPodCreate => guard.check_spec(body),
        Inspection::Service => guard.check_service(body),
        Inspection::ContainerUpdate
        | Inspection::VolumeCreate
        | Inspection::LibpodVolumeCreate
        | Inspection::LibpodContainerUpdate
        | Inspection::NetworkCreate
        | Inspection::LibpodNetworkCreate
        | Inspection::SecretCreate
        | Inspection::SwarmUpdate
        | Inspection::CheckpointCreate
        | Inspection::LibpodManifest => Ok(()),
    }
}

/// The Engine takes `application/json` with any parameters for a body, and on
/// many endpoints `application/x-www-form-urlencoded` would override the query.
fn check_media_type(inspection: Inspection, content_type: Option<&[u8]>) -> Result<(), BodyDenial> {
    let Some(content_type) = content_type else {
        return match inspection.type_optional() {
            true => Ok(()),
            false => Err(media_type("the body has no Content-Type; it must be application/json")),
        };
    };
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    match essence.trim_ascii().eq_ignore_ascii_case(b"application/json") {
        true => Ok(()),
        false => {
            let shown = quoted(&String::from_utf8_lossy(content_type));
            Err(media_type(&format!("the body's Content-Type {shown} must be application/json")))
        }
    }
}

fn restricted(rule: &'static str) -> impl FnOnce(Refusal) -> BodyDenial {
    move |refusal| BodyDenial {
        kind: DenialKind::Restriction,
        reason: format!("{rule}: {refusal}"),
    }
}

fn syntax(reason: String) -> BodyDenial {
    BodyDenial { kind: DenialKind::Syntax, reason }
}

fn media_type(reason: &str) -> BodyDenial {
    BodyDenial { kind: DenialKind::MediaType, reason: reason.to_owned() }
}
