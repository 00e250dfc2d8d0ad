//! `-allowimage`: the images that containers may be created from, and that may be pulled.
//!
//! A pattern must match the whole name in full, `docker.io/library/busybox:latest`. A dot
//! in it is a dot unless a quantifier follows: `ghcr.io/a/.*` must not cover `ghcrxio/a/b`.
//!
//! **Invariant:** while images are restricted, nothing may put other content under an
//! allowed name: builds, loads, imports, tags and commits are refused.
//!
//! **Invariant:** a digest passes by a pattern with an `@` only. Podman looks for it among
//! all of its images, regardless of the name before it.
//!
//! Deliberately not checked: the contents of an image, and images that others have
//! brought under an allowed name.

use super::query::{Parameter, parameters};
use super::read::{Container, Service, Spec, Volume};
use super::reference::{FullName, Naming, NoName};
use super::refusal::{Closed, Fault, Refusal};
use crate::api::Operation;
use crate::filter::go_regexp::translate;
use crate::filter::rules::set::{Set, SetDraft};
use regex_automata::Anchored;
use std::fmt;
use std::sync::Arc;

/// The maximum weight of all patterns of one list, in bytes.
const WEIGHT_MAX: u64 = 1 << 20;

/// The images from which containers may be created.
#[derive(Debug, Clone)]
pub struct AllowedImages {
    set: Arc<Set>,
    /// Those with an `@`, which alone open digests.
    digests: Arc<Set>,
    patterns: Vec<String>,
    weight: u64,
    /// How to add a pattern, in words that end before it: `add -allowimage=`.
    how: String,
}

/// Why a text is not a pattern for images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImagePatternError {
    /// It is empty.
    Empty,
    /// It is not a pattern.
    Syntax(String),
    /// It has a `*` as shells read it.
    Glob,
    /// It is an incomplete name, which would match nothing.
    NotFull(String),
}

/// Patterns that were checked, and are not compiled yet.
#[derive(Debug, Default)]
pub struct ImagesDraft {
    set: SetDraft,
    digests: SetDraft,
    patterns: Vec<String>,
    weight: u64,
}

impl ImagesDraft {
    /// Adds a pattern.
    ///
    /// # Errors
    /// If it is not a pattern, or would match nothing.
    pub fn add(&mut self, written: &str) -> Result<(), ImagePatternError> {
        let written = written.trim();
        check_pattern(written)?;
        let syntax = |reason| ImagePatternError::Syntax(reason);
        let translated =
            translate(&with_plain_dots(written)).map_err(|error| syntax(error.reason))?;
        self.weight = self.weight.saturating_add(translated.weight);
        if self.weight > WEIGHT_MAX {
            return Err(syntax("the patterns would take more than 1 MiB when compiled".to_owned()));
        }
        self.set.add_whole(&translated);
        if written.contains('@') {
            self.digests.add_whole(&translated);
        }
        self.patterns.push(written.to_owned());
        Ok(())
    }

    /// Whether no pattern was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Compiles all patterns. `how` says how to add another, in words that end before it.
    ///
    /// # Errors
    /// None for patterns that [`Self::add`] took; the crate could have others.
    pub fn compile(self, how: String) -> Result<AllowedImages, ImagePatternError> {
        let Self { set, digests, patterns, weight } = self;
        let compile = |set: SetDraft| {
            let set = set.compile(Anchored::Yes);
            set.map(Arc::new).map_err(|error| ImagePatternError::Syntax(error.to_string()))
        };
        let (set, digests) = (compile(set)?, compile(digests)?);
        Ok(AllowedImages { set, digests, patterns, weight, how })
    }
}

impl AllowedImages {
    /// The patterns as they were written.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(String::as_str)
    }

    /// An upper bound of the bytes that the patterns take when compiled.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Checks a name of an image.
    pub(super) fn check(&self, place: &str, name: &str, naming: Naming) -> Result<(), Refusal> {
        self.check_full(place, name, FullName::used(name, naming))
    }

    fn check_full(
        &self,
        place: &str,
        written: &str,
        name: Result<FullName<'_>, NoName>,
    ) -> Result<(), Refusal> {
        let (name, set) = match name {
            Ok(name) if name.has_digest() => (name.to_string(), &self.digests),
            Ok(name) => (name.to_string(), &self.set),
            Err(why) => {
                return Err(Refusal::new(place, Fault::NoImage { name: written.to_owned(), why }));
            }
        };
        match set.first_match(&name) {
            Some(_) => Ok(()),
            None => Err(Refusal::new(place, Fault::Image { name, how: self.how.clone() })),
        }
    }

    /// Checks a request by its operation and its query.
    pub(super) fn check_head(&self, operation: Operation, query: &str) -> Result<(), Refusal> {
        if gives_content(operation) {
            return Err(Refusal::new(operation.name(), Fault::ImageContent));
        }
        match operation {
            Operation::ImageCreate => self.check_pull(query),
            Operation::ImagePullLibpod => self.check_libpod_pull(query),
            Operation::ContainerCheckpointLibpod => check_checkpoint(query),
            _ => Ok(()),
        }
    }

    /// Checks the query of a pull: daemons differ in which of repeated values counts.
    fn check_pull(&self, query: &str) -> Result<(), Refusal> {
        let parameters = parameters(query)?;
        let values = |name: &str| -> Vec<&str> {
            let named = parameters.iter().filter(|parameter| parameter.is(name));
            named.map(|parameter| parameter.value.as_str()).collect()
        };
        if values("fromSrc").iter().any(|source| !source.is_empty()) {
            return Err(Refusal::new("fromSrc", Fault::ImageContent));
        }
        match (values("fromImage").as_slice(), values("tag").as_slice()) {
            ([name], tags @ ([] | [_])) => {
                let tag = tags.first().copied().unwrap_or_default();
                let full = FullName::pulled(name, Naming::Engine).and_then(|it| it.with_tag(tag));
                self.check_full("fromImage", name, full)
            }
            ([], _) => self.check_full("fromImage", "", Err(NoName::Empty)),
            (names, tags) => {
                let written = [names, tags].concat().join(" ");
                self.check_full("the query", &written, Err(NoName::TwoTags))
            }
        }
    }

    /// The same for Podman's own tree, where the transport may be named.
    fn check_libpod_pull(&self, query: &str) -> Result<(), Refusal> {
        for parameter in &parameters(query)? {
            let value = parameter.value.as_str();
            if parameter.is("reference") {
                let name = value.strip_prefix("docker://").unwrap_or(value);
                self.check("reference", name, Naming::Registry)?;
            }
            if parameter.is("allTags") && !matches!(value, "" | "false" | "0") {
                return self.check_full("allTags", value, Err(NoName::AllTags));
            }
        }
        Ok(())
    }

    /// Checks a body of containers create.
    pub(super) fn check_container(&self, container: &Container<'_>) -> Result<(), Refusal> {
        self.check("Image", container.image()?, Naming::Engine)?;
        for host_config in container.host_configs()? {
            for mount in host_config.mounts()? {
                self.check_mount(&mount)?;
            }
        }
        Ok(())
    }

    /// Checks a container's spec in Podman's own tree. A root directory outweighs the
    /// image; the raw name is that which an update of the container pulls.
    pub(super) fn check_spec(&self, spec: &Spec<'_>) -> Result<(), Refusal> {
        if !spec.root()?.is_empty() {
            return Err(Refusal::closed("rootfs", Closed::NoImage));
        }
        self.check("image", spec.image()?, Naming::Registry)?;
        self.check_given("raw_image_name", spec.raw_image()?)?;
        self.check_mounted(spec)
    }

    /// Checks a pod's spec: without a name the infra container has Podman's own image.
    pub(super) fn check_pod(&self, spec: &Spec<'_>) -> Result<(), Refusal> {
        self.check_given("infra_image", spec.infra_image()?)?;
        self.check_mounted(spec)
    }

    fn check_mounted(&self, spec: &Spec<'_>) -> Result<(), Refusal> {
        if let Some(artifact) = spec.artifact_volumes()?.first() {
            return Err(Refusal::closed(artifact.place(), Closed::NoImage));
        }
        for volume in spec.image_volumes()? {
            let place = format!("{}.Source", volume.0.place());
            self.check(&place, volume.source()?, Naming::Registry)?;
        }
        Ok(())
    }

    fn check_given(&self, place: &str, name: &str) -> Result<(), Refusal> {
        if name.is_empty() { Ok(()) } else { self.check(place, name, Naming::Registry) }
    }

    /// Checks a body of volumes create: Podman has a driver that shows an image.
    pub(super) fn check_volume(&self, volume: &Volume<'_>) -> Result<(), Refusal> {
        if volume.driver()? != "image" {
            return Ok(());
        }
        for options in [volume.driver_options()?, volume.options()?].iter().flatten() {
            let place = format!("{}.image", options.place);
            self.check(&place, options.text("image")?, Naming::Registry)?;
        }
        Ok(())
    }

    /// Checks a body of services create or update.
    pub(super) fn check_service(&self, service: &Service<'_>) -> Result<(), Refusal> {
        let container = match service.task()? {
            Some(task) => task.container()?,
            None => None,
        };
        let Some(container) = container else {
            return Err(Refusal::new("TaskTemplate", Fault::UnreadContainers));
        };
        self.check("TaskTemplate.ContainerSpec.Image", container.image()?, Naming::Engine)?;
        container.mounts()?.iter().try_for_each(|mount| self.check_mount(mount))
    }

    fn check_mount(&self, mount: &super::read::Mount<'_>) -> Result<(), Refusal> {
        if mount.kind()? != "image" {
            return Ok(());
        }
        let place = format!("{}.Source", mount.0.place());
        self.check(&place, mount.source()?.map_or("", |source| source.value), Naming::Engine)
    }
}

/// The patterns as they were written.
impl fmt::Display for AllowedImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {}", self.patterns.join(", "))
    }
}

impl PartialEq for AllowedImages {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns && self.how == other.how
    }
}

impl Eq for AllowedImages {}

/// Whether an operation could put any content under a name.
fn gives_content(operation: Operation) -> bool {
    use Operation as Of;
    matches!(
        operation,
        Of::ImageBuild
            | Of::ImageCommit
            | Of::ImageLoad
            | Of::ImageTag
            | Of::Session
            | Of::Grpc
            | Of::ImageBuildLibpod
            | Of::ImageCommitLibpod
            | Of::ImageImportLibpod
            | Of::ImageLoadLibpod
            | Of::ImageScpLibpod
            | Of::ImageTagLibpod
            | Of::LocalBuildLibpod
            | Of::LocalImagesLibpod
    )
}

/// A checkpoint may become an image of any name.
fn check_checkpoint(query: &str) -> Result<(), Refusal> {
    let makes_image =
        |parameter: &Parameter| parameter.is("createImage") && !parameter.value.is_empty();
    match parameters(query)?.iter().any(makes_image) {
        true => Err(Refusal::new("createImage", Fault::ImageContent)),
        false => Ok(()),
    }
}

fn check_pattern(written: &str) -> Result<(), ImagePatternError> {
    if written.is_empty() {
        return Err(ImagePatternError::Empty);
    }
    if [":*", "/*", "@*"].iter().any(|glob| written.contains(glob)) || written.starts_with('*') {
        return Err(ImagePatternError::Glob);
    }
    match FullName::pulled(written, Naming::Engine) {
        Ok(name) if name.to_string() != written => {
            Err(ImagePatternError::NotFull(name.to_string()))
        }
        _ => Ok(()),
    }
}

/// The pattern in which a dot without a quantifier is escaped. Classes, escapes and
/// `\Q…\E` stay as they are.
fn with_plain_dots(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\\' if rest.starts_with("\\Q") => rest.find("\\E").map_or(rest.len(), |end| end + 2),
            '\\' => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            '[' => class_bytes(rest),
            _ => c.len_utf8(),
        };
        let (piece, behind) = rest.split_at(length);
        let is_quantified = behind.starts_with(['*', '+', '?', '{']);
        if piece == "." && !is_quantified {
            plain.push('\\');
        }
        plain.push_str(piece);
        rest = behind;
    }
    plain
}

/// The length of the class with which a text begins. A `]` right at its start is a
/// character of it, and one behind `[:` ends that name alone.
fn class_bytes(text: &str) -> usize {
    let start = if text.starts_with("[^") { 2 } else { 1 };
    let (mut is_escaped, mut is_in_name, mut before) = (false, false, '\0');
    for (at, c) in text.char_indices().skip(start) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            ':' if before == '[' => is_in_name = true,
            ']' if is_in_name && before == ':' => is_in_name = false,
            ']' if at > start => return at + 1,
            _ => {}
        }
        before = c;
    }
    text.len()
}

impl fmt::Display for ImagePatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::Syntax(reason) => f.write_str(reason),
            Self::Glob => f.write_str("a pattern is a regular expression; write .* for any text"),
            Self::NotFull(name) => {
                write!(f, "names are compared in full, so it matches nothing; write {name}")
            }
        }
    }
}

impl std::error::Error for ImagePatternError {}

#[cfg(test)]
mod tests {
    use super::super::BodyRules;
    use super::super::read::read_text;
    use super::*;
    use crate::http1::Method;

    fn images(patterns: &[&str]) -> AllowedImages {
        let mut draft = ImagesDraft::default();
        patterns.iter().for_each(|pattern| draft.add(pattern).unwrap());
        draft.compile("add -allowimage=".to_owned()).unwrap()
    }

    fn error(pattern: &str) -> String {
        ImagesDraft::default().add(pattern).unwrap_err().to_string()
    }

    #[test]
    fn a_dot_without_a_quantifier_is_a_dot() {
        for (pattern, expected) in [
            ("ghcr.io/a/.*", r"ghcr\.io/a/.*"),
            (r"ghcr\.io/a/.+", r"ghcr\.io/a/.+"),
            ("a.{3}.?.", r"a.{3}.?\."),
            ("[.]x.[^].].", r"[.]x\.[^].]\."),
            (r"\Qa.b\E.", r"\Qa.b\E\."),
            ("[[:alpha:].].", r"[[:alpha:].]\."),
            ("[a:].[\\].].", r"[a:]\.[\].]\."),
        ] {
            assert_eq!(with_plain_dots(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_covers_whole_names_in_full() {
        let images = images(&["docker.io/library/busybox:.*", "ghcr.io/team/[a-z]+:v1"]);
        let check = |name: &str| images.check("Image", name, Naming::Engine);
        for name in ["busybox", "busybox:1", "docker.io/library/busybox:1", "ghcr.io/team/a:v1"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for name in ["alpine", "busybox2", "x/busybox", "ghcrxio/team/a:v1", "ghcr.io/team/a:v10"] {
            let refusal = check(name).unwrap_err().to_string();
            assert!(refusal.contains("; to allow it, add -allowimage="), "{refusal}");
        }
        for name in ["", "9", "cafe", "busybox@x"] {
            assert!(check(name).is_err(), "{name}");
        }
    }

    /// To Podman a digest is that of any image that it has.
    #[test]
    fn a_digest_needs_a_pattern_with_an_at_sign() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let name = format!("docker.io/library/busybox:1@{digest}");
        let passes = |patterns: &[&str]| images(patterns).check("x", &name, Naming::Registry);
        assert!(passes(&["docker.io/library/busybox:.*"]).is_err());
        assert!(passes(&[".*"]).is_err());
        let exact = format!("docker.io/library/busybox:1@{digest}");
        assert_eq!(passes(&["docker.io/library/busybox:.*", &exact]), Ok(()));
        assert_eq!(passes(&["docker.io/library/busybox:1@sha256:.*"]), Ok(()));
    }

    #[test]
    fn specs_of_podman_name_images_in_full() {
        let images = images(&["docker.io/library/busybox:.*"]);
        let judge = |body: &str| {
            read_text(body).and_then(|spec| images.check_spec(&spec)).map_err(|it| it.to_string())
        };
        let full = r#""image":"docker.io/library/busybox""#;
        for more in [
            "",
            r#","raw_image_name":"docker.io/library/busybox:1","rootfs":"""#,
            r#","image_volumes":[{"Source":"docker.io/library/busybox:2","Destination":"/i"}]"#,
        ] {
            assert_eq!(judge(&format!("{{{full}{more}}}")), Ok(()), "{more}");
        }
        for more in [
            r#","rootfs":"/""#,
            r#","raw_image_name":"docker.io/library/alpine""#,
            r#","raw_image_name":"busybox""#,
            r#","image_volumes":[{"Source":"docker.io/library/alpine"}]"#,
            r#","artifact_volumes":[{"source":"a"}]"#,
            r#","Raw_Image_Name":"x""#,
        ] {
            assert!(judge(&format!("{{{full}{more}}}")).is_err(), "{more}");
        }
        for image in ["", "busybox", "cafe", "containers-storage:5000/library/busybox", "dir:/x"] {
            assert!(judge(&format!(r#"{{"image":"{image}"}}"#)).is_err(), "{image}");
        }
        assert!(judge("{}").is_err());
    }

    #[test]
    fn pods_and_volumes_of_podman_name_images_in_full() {
        let images = images(&["docker.io/library/busybox:.*"]);
        let pod = |body: &str| read_text(body).and_then(|spec| images.check_pod(&spec));
        assert_eq!(pod(r#"{"name":"p"}"#), Ok(()));
        assert_eq!(pod(r#"{"infra_image":"docker.io/library/busybox:1"}"#), Ok(()));
        assert!(pod(r#"{"infra_image":"docker.io/library/alpine"}"#).is_err());
        let volume = |body: &str| read_text(body).and_then(|volume| images.check_volume(&volume));
        assert_eq!(volume(r#"{"Name":"v","Driver":"local","Options":{"image":"x"}}"#), Ok(()));
        for options in ["Options", "DriverOpts"] {
            let body = |image| format!(r#"{{"Driver":"image","{options}":{{"image":"{image}"}}}}"#);
            assert_eq!(volume(&body("docker.io/library/busybox:1")), Ok(()));
            assert!(volume(&body("docker.io/library/alpine:1")).is_err());
        }
    }

    #[test]
    fn no_request_of_podman_puts_content_under_a_name() {
        let images = images(&[".*"]);
        for (operation, query) in [
            (Operation::ImageLoadLibpod, ""),
            (Operation::ImageBuildLibpod, "t=x"),
            (Operation::ContainerCheckpointLibpod, "createImage=docker.io/library/busybox"),
        ] {
            assert!(images.check_head(operation, query).is_err(), "{operation:?}");
        }
        let plain = images.check_head(Operation::ContainerCheckpointLibpod, "createImage=&keep=1");
        assert_eq!(plain, Ok(()));
        let rules = BodyRules { images: Some(images), ..BodyRules::default() };
        for (method, path) in [
            (Method::Post, "/v5.8.0/libpod/manifests/docker.io/library/busybox"),
            (Method::Put, "/v5.8.0/libpod/manifests/docker.io/library/busybox"),
            (Method::Post, "/v3.0.0/libpod/manifests/x/add"),
        ] {
            assert!(rules.inspection(method, path, None).is_err(), "{path}");
        }
    }

    #[test]
    fn patterns_that_would_match_nothing_are_mistakes() {
        assert!(error("busybox").ends_with("write docker.io/library/busybox:latest"));
        assert!(error("ghcr.io/a/b").ends_with("write ghcr.io/a/b:latest"));
        assert!(error("docker.io/library/busybox:*").contains("write .* for any text"));
        assert!(error("*").contains("write .* for any text"));
        assert_eq!(error(""), "it is empty");
        assert!(!error("(").is_empty());
    }
}
