//! Request bodies that can give away the host: mounts, and labels that grant
//! rights.
//!
//! Invariants:
//! - The body that is sent is the judged one: the strict tree, printed again.
//! - A body is judged by every reading that a supported daemon has of it:
//!   Engines 20.10 to 29, and Podman 4.3 to 5 in both of its trees.
//! - A body that cannot be judged (YAML, archives, plugins) is refused where it
//!   could give away a right that a rule withholds.
//!
//! A body is first read, then judged: `read` turns it into typed values and knows no
//! rule; `mounts`, `libpod`, `engine` and `labels` judge these values. A refusal is a
//! kind with its data; texts are made where it is shown.
//!
//! Deliberately not done here: judging privileges, devices and namespaces,
//! which open the host by other ways than directories; following symbolic links;
//! looking at volumes, images and pods that exist already. `docs/bind-mounts.md`
//! explains for every operation how it is judged, and why.

mod allowed_images;
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
mod maxima;
mod mounts;
pub(super) mod query;
mod read;
mod reference;
mod refusal;
pub mod safe;
pub(super) mod shapes;
mod volumes;

pub use allowed_images::{AllowedImages, ImagePatternError, ImagesDraft};
pub use directories::{BindMounts, ListError, is_root};
pub use endpoints::Inspection;
pub use labels::LabelGuard;
pub use maxima::{Excess, Maxima, Maximum, NotAMaximum};
pub use reference::NoName;
pub use refusal::{Closed, Fault, Refusal, Type, Unfit};
pub use safe::{Exceptions, SafeCreate, Unsafe};

use crate::api::{below_libpod, recognise};
use crate::http1::Method;
use crate::json::{SyntaxError, Tree};
use crate::text::quoted;
use endpoints::{Endpoint, Recognised};
use fields::Node;
use read::Value;

/// Types of bodies that the Engine reads as parameters, beside those of the query
/// and before them (Go's `Request.FormValue`).
pub(super) const FORMS: [&[u8]; 2] = [b"application/x-www-form-urlencoded", b"multipart/form-data"];

/// The rules of a policy on request bodies. By default there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BodyRules {
    /// The host directories that may be mounted; `None` is no restriction.
    pub bind_mounts: Option<BindMounts>,
    /// The guard against containers with the rights of others; `None` is no restriction.
    pub label_guard: Option<LabelGuard>,
    /// The limits on containers that clients create; `None` is no restriction.
    pub safe_create: Option<SafeCreate>,
    /// The images of the containers that clients may create; `None` is no restriction.
    pub images: Option<AllowedImages>,
    /// How much a container may use.
    pub maxima: Maxima,
}

/// Why a request was refused for its body or its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyDenial {
    /// The body is not strict JSON.
    NotJson(SyntaxError),
    /// The body is JSON, and not an object.
    NotAnObject,
    /// The body has no content type.
    NoMediaType,
    /// The body has another content type than JSON.
    MediaType(String),
    /// A rule refuses something in it.
    Restricted(Rule, Refusal),
    /// Containers could get more than is safe.
    Unsafe(Unsafe),
}

/// The rules on bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The host directories that may be mounted.
    BindMounts,
    /// The guard against containers with the rights of others.
    Labels,
    /// The images of the containers that clients may create.
    Images,
    /// How much a container may use.
    Maxima,
    /// The containers, networks and volumes that clients are limited to.
    Targets,
}

/// The sort of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialKind {
    /// The body is not one strict JSON object: 400.
    Syntax,
    /// The body is not declared to be JSON: 415.
    MediaType,
    /// The body violates the rules: 403.
    Restriction,
}

impl BodyRules {
    /// The restrictions on created containers beside mounts and labels, for the log.
    #[must_use]
    pub fn of_created(&self) -> Option<String> {
        let safe = self.safe_create.as_ref().map(ToString::to_string);
        let images = self.images.as_ref().map(ToString::to_string);
        let Maxima { memory, cpus, pids } = &self.maxima;
        let maxima = [memory, cpus, pids].into_iter().flatten().map(ToString::to_string);
        let all: Vec<String> = safe.into_iter().chain(images).chain(maxima).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Whether there is nothing to judge.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The inspection that the body of a request needs, if any. The path is the
    /// decoded one in normal form, the query is the original one without the `?`.
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
            guard.check_build(path, query).map_err(restricted(Rule::Labels))?;
        }
        if let Some(safe) = &self.safe_create {
            safe.check_head(method, path, query).map_err(BodyDenial::Unsafe)?;
        }
        if let Some(allowed) = self.directories() {
            host_parameters::check_query(allowed, recognised.parameters, query)
                .map_err(restricted(Rule::BindMounts))?;
        }
        self.check_images_and_limits(method, path, query)?;
        let Some(endpoint) = recognised.endpoint else { return Ok(None) };
        if let (Endpoint::OpaqueContainers(name), Some(rule)) = (endpoint, self.of_containers()) {
            return Err(restricted(rule)(Refusal::new(name, Fault::UnreadContainers)));
        }
        // A list of images could have the name of an allowed one.
        if endpoint == Endpoint::Judged(Inspection::LibpodManifest) && self.images.is_some() {
            return Err(restricted(Rule::Images)(Refusal::new(
                "/libpod/manifests",
                Fault::ImageContent,
            )));
        }
        // Requests that open host directories as a whole have an item of safe create.
        let opaque = self.bind_mounts.as_ref().filter(|_| self.safe_create.is_none());
        let listed = match endpoint {
            Endpoint::Judged(_) | Endpoint::Build => self.directories(),
            Endpoint::OpaqueContainers(_) | Endpoint::OpaqueMounts(_) => opaque,
        };
        match (endpoint, listed) {
            (Endpoint::Judged(inspection), _) => {
                Ok(Some(inspection).filter(|inspection| self.concerns(*inspection)))
            }
            (Endpoint::Build, Some(allowed)) => build::check_query(allowed, path, query)
                .map(|()| None)
                .map_err(restricted(Rule::BindMounts)),
            (Endpoint::OpaqueContainers(name) | Endpoint::OpaqueMounts(name), Some(allowed)) => {
                let unset = allowed.list_name().to_owned();
                Err(restricted(Rule::BindMounts)(Refusal::new(name, Fault::UnreadMounts { unset })))
            }
            (Endpoint::OpaqueContainers(name), None) if self.label_guard.is_some() => {
                Err(restricted(Rule::Labels)(Refusal::new(name, Fault::UnreadContainers)))
            }
            (_, None) => Ok(None),
        }
    }

    /// The host directories that may be mounted: safe create without a list has none.
    fn directories(&self) -> Option<&BindMounts> {
        let unlisted = || self.safe_create.as_ref().map(SafeCreate::directories);
        self.bind_mounts.as_ref().or_else(unlisted)
    }

    /// Whether a rule judges such bodies.
    fn concerns(&self, inspection: Inspection) -> bool {
        self.safe_create.is_some()
            || (self.bind_mounts.is_some() && inspection.concerns_directories())
            || (self.label_guard.is_some() && inspection.concerns_rights())
            || (self.images.is_some() && inspection.concerns_images())
            || (!self.maxima.is_empty() && inspection.concerns_limits())
    }

    /// A rule on each created container; it requires a readable body in creates.
    fn of_containers(&self) -> Option<Rule> {
        match (&self.images, self.maxima.is_empty()) {
            (Some(_), _) => Some(Rule::Images),
            (None, false) => Some(Rule::Maxima),
            (None, true) => None,
        }
    }

    fn check_images_and_limits(
        &self,
        method: Method,
        path: &str,
        query: &str,
    ) -> Result<(), BodyDenial> {
        if self.of_containers().is_none() || method != Method::Post {
            return Ok(());
        }
        for operation in recognise(method, path) {
            let images = self.images.as_ref();
            let checked = images.map_or(Ok(()), |images| images.check_head(operation, query));
            checked.map_err(restricted(Rule::Images))?;
            self.maxima.check_head(operation, query).map_err(restricted(Rule::Maxima))?;
        }
        Ok(())
    }

    /// Refuses a form as the body of a request that is judged by its query: the
    /// Engine would read the parameters of the form instead. Of a build it reads the
    /// form behind the first 4096 bytes (Engines 20.10 and 28.5), later versions the
    /// whole. Podman's own tree reads the query alone, and takes the contexts of a
    /// build as a form.
    ///
    /// # Errors
    /// If one of `types`, the content types that are declared, is a form's.
    pub fn check_form<'t>(
        &self,
        method: Method,
        path: &str,
        types: impl IntoIterator<Item = &'t [u8]>,
    ) -> Result<(), BodyDenial> {
        let rule = match (self.directories(), &self.label_guard, self.of_containers()) {
            (Some(_), _, _) => Rule::BindMounts,
            (None, Some(_), _) => Rule::Labels,
            (None, None, Some(rule)) => rule,
            (None, None, None) => return Ok(()),
        };
        // Go trims white space outside of ASCII, too.
        let is_form = |given: &[u8]| {
            !given.is_ascii() || FORMS.iter().any(|form| essence(given).eq_ignore_ascii_case(form))
        };
        let recognised = Recognised::of(method, path);
        let is_by_query = recognised.is_build || !recognised.parameters.is_empty();
        match is_by_query && below_libpod(path).is_none() && types.into_iter().any(is_form) {
            true => Err(restricted(rule)(Refusal::closed("the body", Closed::Form))),
            false => Ok(()),
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
        let mut tree = Tree::parse_shaped(body, inspection.shape()).map_err(BodyDenial::NotJson)?;
        match &tree {
            Tree::Object(_) => self.judge_tree(inspection, &mut tree)?,
            // Some clients send `null` for no body.
            Tree::Null if inspection.bodyless() => {}
            _ => return Err(BodyDenial::NotAnObject),
        }
        let mut printed = String::with_capacity(body.len());
        tree.print(&mut printed);
        Ok(printed.into_bytes())
    }

    /// Violations of safe create and the first refusal of a directory are one answer.
    fn judge_tree(&self, inspection: Inspection, body: &mut Tree<'_>) -> Result<(), BodyDenial> {
        let violations = self.safe_create.as_ref().map(|safe| safe.judge(inspection, body));
        let body = Node::root(body);
        let directories = self.directories().filter(|_| inspection.concerns_directories());
        let mounts = directories.map_or(Ok(()), |it| check_mounts(it, inspection, body.clone()));
        match (&self.safe_create, violations, mounts) {
            (Some(safe), Some(mut violations), mounts) => {
                mounts.err().into_iter().for_each(|refusal| violations.add_refusal(refusal));
                safe.verdict(violations).map_err(BodyDenial::Unsafe)?;
            }
            (_, _, mounts) => mounts.map_err(restricted(Rule::BindMounts))?,
        }
        if let Some(guard) = &self.label_guard {
            check_labels(guard, inspection, body.clone()).map_err(restricted(Rule::Labels))?;
        }
        if let Some(images) = &self.images {
            check_images(images, inspection, body.clone()).map_err(restricted(Rule::Images))?;
        }
        if !self.maxima.is_empty() {
            check_maxima(&self.maxima, inspection, body).map_err(restricted(Rule::Maxima))?;
        }
        Ok(())
    }
}

impl BodyDenial {
    /// The kind of the denial, which decides on the status.
    #[must_use]
    pub fn kind(&self) -> DenialKind {
        match self {
            Self::NotJson(_) | Self::NotAnObject => DenialKind::Syntax,
            Self::NoMediaType | Self::MediaType(_) => DenialKind::MediaType,
            Self::Restricted(..) | Self::Unsafe(_) => DenialKind::Restriction,
        }
    }
}

/// The field, its value, and the flag that would allow it; printable, on one line.
impl std::fmt::Display for BodyDenial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, "invalid JSON body: {error}"),
            Self::NotAnObject => f.write_str("invalid JSON body: it is not an object"),
            Self::NoMediaType => {
                f.write_str("the body has no Content-Type; it must be application/json")
            }
            Self::MediaType(given) => {
                write!(f, "the body's Content-Type {} must be application/json", quoted(given))
            }
            Self::Restricted(rule, refusal) => write!(f, "{rule}: {refusal}"),
            Self::Unsafe(violations) => write!(f, "safe create: {violations}"),
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::BindMounts => "bind mount restriction",
            Self::Labels => "label restriction",
            Self::Images => "image restriction",
            Self::Maxima => "limit restriction",
            Self::Targets => "target restriction",
        })
    }
}

impl std::error::Error for BodyDenial {}

fn check_mounts(
    allowed: &BindMounts,
    inspection: Inspection,
    body: Node<'_>,
) -> Result<(), Refusal> {
    match inspection {
        Inspection::ContainerCreate | Inspection::ContainerStart | Inspection::ContainerUpdate => {
            mounts::check_container(allowed, &Value::read(body)?)
        }
        Inspection::LibpodContainerUpdate => {
            mounts::check_container(allowed, &Value::read(body.clone())?)?;
            libpod::check_update(allowed, &Value::read(body)?)
        }
        Inspection::Service => mounts::check_service(allowed, &Value::read(body)?),
        Inspection::VolumeCreate | Inspection::LibpodVolumeCreate => {
            libpod::check_volume(allowed, &Value::read(body)?)
        }
        Inspection::LibpodContainerCreate | Inspection::LibpodPodCreate => {
            libpod::check_spec(allowed, &Value::read(body)?)
        }
        Inspection::NetworkCreate => engine::check_network(&Value::read(body)?),
        Inspection::LibpodNetworkCreate => libpod::check_network(&Value::read(body)?),
        Inspection::SecretCreate => engine::check_secret(&Value::read(body)?),
        Inspection::SwarmUpdate => mounts::check_swarm(allowed, &Value::read(body)?),
        Inspection::CheckpointCreate => engine::check_checkpoint(allowed, &Value::read(body)?),
        Inspection::LibpodManifest => libpod::check_manifest(&Value::read(body)?),
        Inspection::ContainerExec
        | Inspection::NetworkConnect
        | Inspection::LibpodContainerExec
        | Inspection::LibpodNetworkConnect
        | Inspection::LibpodNetworkUpdate => Ok(()),
    }
}

/// A pod's labels are those of its infra container, which holds its addresses.
fn check_labels(guard: &LabelGuard, inspection: Inspection, body: Node<'_>) -> Result<(), Refusal> {
    match inspection {
        Inspection::ContainerCreate | Inspection::ContainerStart => {
            guard.check_container(&Value::read(body)?)
        }
        Inspection::LibpodContainerCreate | Inspection::LibpodPodCreate => {
            guard.check_spec(&Value::read(body)?)
        }
        Inspection::Service => guard.check_service(&Value::read(body)?),
        Inspection::ContainerUpdate
        | Inspection::VolumeCreate
        | Inspection::LibpodVolumeCreate
        | Inspection::LibpodContainerUpdate
        | Inspection::NetworkCreate
        | Inspection::LibpodNetworkCreate
        | Inspection::SecretCreate
        | Inspection::SwarmUpdate
        | Inspection::CheckpointCreate
        | Inspection::LibpodManifest
        | Inspection::ContainerExec
        | Inspection::NetworkConnect
        | Inspection::LibpodContainerExec
        | Inspection::LibpodNetworkConnect
        | Inspection::LibpodNetworkUpdate => Ok(()),
    }
}

/// A body of Podman's own tree has no reader of its image yet.
fn check_images(
    images: &AllowedImages,
    inspection: Inspection,
    body: Node<'_>,
) -> Result<(), Refusal> {
    match inspection {
        Inspection::ContainerCreate => images.check_container(&Value::read(body)?),
        Inspection::Service => images.check_service(&Value::read(body)?),
        Inspection::LibpodContainerCreate => images.check_spec(&Value::read(body)?),
        Inspection::LibpodPodCreate => images.check_pod(&Value::read(body)?),
        Inspection::VolumeCreate | Inspection::LibpodVolumeCreate => {
            images.check_volume(&Value::read(body)?)
        }
        _ => Ok(()),
    }
}

fn check_maxima(maxima: &Maxima, inspection: Inspection, body: Node<'_>) -> Result<(), Refusal> {
    match inspection {
        Inspection::ContainerCreate => maxima.check_create(&Value::read(body)?),
        Inspection::ContainerUpdate => maxima.check_update(&Value::read(body)?),
        Inspection::ContainerStart => maxima.check_start(&Value::read(body)?),
        Inspection::Service => maxima.check_service(&Value::read(body)?),
        Inspection::LibpodContainerCreate => maxima.check_spec(&Value::read(body)?),
        Inspection::LibpodPodCreate => maxima.check_pod(&Value::read(body)?),
        Inspection::LibpodContainerUpdate => maxima.check_libpod_update(&Value::read(body)?),
        _ => Ok(()),
    }
}

/// The Engine takes `application/json` with any parameters for a body, and on
/// many endpoints `application/x-www-form-urlencoded` would override the query.
fn check_media_type(inspection: Inspection, content_type: Option<&[u8]>) -> Result<(), BodyDenial> {
    let Some(content_type) = content_type else {
        return match inspection.type_optional() {
            true => Ok(()),
            false => Err(BodyDenial::NoMediaType),
        };
    };
    match essence(content_type).eq_ignore_ascii_case(b"application/json") {
        true => Ok(()),
        false => Err(BodyDenial::MediaType(String::from_utf8_lossy(content_type).into_owned())),
    }
}

/// A media type without its parameters.
pub(super) fn essence(content_type: &[u8]) -> &[u8] {
    content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

fn restricted(rule: Rule) -> impl FnOnce(Refusal) -> BodyDenial {
    move |refusal| BodyDenial::Restricted(rule, refusal)
}
