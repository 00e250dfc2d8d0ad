//! Names of images in full: `docker.io/library/busybox:latest`.
//!
//! The grammar is that of `distribution/reference`, read strictly: a text that could be
//! an id, or could be read in two ways, has no full name.

use super::images::TRANSPORTS;
use std::fmt;

/// The registry that a name without one has.
const DEFAULT_REGISTRY: &str = "docker.io";

/// Its name in old clients.
const FORMER_REGISTRY: &str = "index.docker.io";

/// Longest tag.
const TAG_BYTES_MAX: usize = 128;

/// A name of an image that leaves nothing out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FullName<'t> {
    registry: &'t str,
    in_library: bool,
    path: &'t str,
    tag: Option<&'t str>,
    digest: Option<&'t str>,
}

/// Why a text has no full name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoName {
    /// It is empty.
    Empty,
    /// It could be an id, or the beginning of one.
    Id,
    /// It is not a name of an image.
    Malformed,
    /// It has no registry, and the daemon has a list of them.
    Short,
    /// It names all tags.
    AllTags,
    /// It has a tag or digest twice.
    TwoTags,
}

/// Which names a daemon takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// Names without a registry are those of `docker.io`.
    Engine,
    /// Podman's own tree: a name without a registry could be that of any.
    Registry,
}

impl<'t> FullName<'t> {
    /// Reads the name of an image that is used; without tag and digest it is `latest`.
    pub(super) fn used(text: &'t str, naming: Naming) -> Result<Self, NoName> {
        match is_id(text) {
            true => Err(NoName::Id),
            false => Self::pulled(text, naming),
        }
    }

    /// Reads the name of an image that is pulled, where no text is an id; without tag and
    /// digest it means all tags.
    pub(super) fn pulled(text: &'t str, naming: Naming) -> Result<Self, NoName> {
        if text.is_empty() {
            return Err(NoName::Empty);
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (text, None),
        };
        let last = named.rfind('/').map_or(0, |slash| slash + 1);
        let colon = named.get(last..).unwrap_or_default().find(':').map(|colon| last + colon);
        let (name, tag) = named.split_at(colon.unwrap_or(named.len()));
        let tag = tag.strip_prefix(':');
        let (registry, path) = match name.split_once('/') {
            Some((first, path)) if is_registry(first) => (first, path),
            _ if naming == Naming::Registry => return Err(NoName::Short),
            _ => (DEFAULT_REGISTRY, name),
        };
        if naming == Naming::Registry && is_transport(registry) {
            return Err(NoName::Malformed);
        }
        let registry = if registry == FORMER_REGISTRY { DEFAULT_REGISTRY } else { registry };
        let is_name = is_host(registry)
            && path.split('/').all(is_component)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest);
        let in_library = registry == DEFAULT_REGISTRY && !path.contains('/');
        match is_name {
            true => Ok(Self { registry, in_library, path, tag, digest }),
            false => Err(NoName::Malformed),
        }
    }

    /// Whether it names one image by its content.
    pub(super) fn has_digest(&self) -> bool {
        self.digest.is_some()
    }

    /// The name with the tag or digest of a pull's second parameter.
    pub(super) fn with_tag(self, tag: &'t str) -> Result<Self, NoName> {
        match tag {
            "" if self.tag.is_none() && self.digest.is_none() => Err(NoName::AllTags),
            "" => Ok(self),
            _ if self.tag.is_some() || self.digest.is_some() => Err(NoName::TwoTags),
            _ if is_digest(tag) => Ok(Self { digest: Some(tag), ..self }),
            _ if is_tag(tag) => Ok(Self { tag: Some(tag), ..self }),
            _ => Err(NoName::Malformed),
        }
    }
}

impl fmt::Display for FullName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, path, .. } = self;
        let library = if self.in_library { "library/" } else { "" };
        write!(f, "{registry}/{library}{path}")?;
        match (self.tag, self.digest) {
            (None, None) => f.write_str(":latest"),
            (tag, digest) => {
                tag.map_or(Ok(()), |tag| write!(f, ":{tag}"))?;
                digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
            }
        }
    }
}

/// An id, or any number of its first digits; daemons try a name as one. They also take
/// `sha256:` and the beginning of a digest.
fn is_id(text: &str) -> bool {
    let is_algorithm = |name| matches!(name, "sha256" | "sha384" | "sha512");
    match text.split_once(':') {
        Some((name, _)) => is_algorithm(name),
        None => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
    }
}

/// Whether the part before the first slash is a registry and not a part of the path.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':'])
        || first == "localhost"
        || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether Podman could read a registry with a port as a place that has images.
fn is_transport(registry: &str) -> bool {
    let is_other = |name: &str| name == "docker" || TRANSPORTS.contains(&name);
    registry.split_once(':').is_some_and(|(name, _)| is_other(name))
}

fn is_host(registry: &str) -> bool {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        !name.is_empty() && name.bytes().all(plain)
    };
    let of_ipv6 = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    port.is_none_or(is_port)
        && match of_ipv6 {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_name(host),
        }
}

/// Lower-case letters and digits, separated by `.`, `_`, `__` or hyphens.
fn is_component(part: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_plain = |byte: u8| is_word(byte) || b"._-".contains(&byte);
    let edges = [part.bytes().next(), part.bytes().last()];
    part.bytes().all(is_plain) && edges.iter().all(|byte| byte.is_some_and(is_word))
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_plain = |byte: u8| is_word(byte) || b".-".contains(&byte);
    tag.len() <= TAG_BYTES_MAX
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(is_plain)
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric();
    !algorithm.is_empty()
        && algorithm.bytes().all(is_plain)
        && hex.len() >= 32
        && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl fmt::Display for NoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "names no image",
            Self::Id => "could be the id of any image; name the image",
            Self::Malformed => "is not a name of an image",
            Self::Short => "has no registry; the daemon could use any",
            Self::AllTags => "means all tags; name one",
            Self::TwoTags => "has a tag or digest twice",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(text: &str) -> Result<String, NoName> {
        FullName::used(text, Naming::Engine).map(|name| name.to_string())
    }

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn names_are_completed() {
        for (text, expected) in [
            ("busybox", "docker.io/library/busybox:latest"),
            ("busybox:1.36", "docker.io/library/busybox:1.36"),
            ("docker.io/busybox", "docker.io/library/busybox:latest"),
            ("index.docker.io/busybox:a", "docker.io/library/busybox:a"),
            ("a/b", "docker.io/a/b:latest"),
            ("ghcr.io/a/b:c", "ghcr.io/a/b:c"),
            ("localhost/a", "localhost/a:latest"),
            ("localhost:5000/a:b", "localhost:5000/a:b"),
            ("[::1]:5000/a", "[::1]:5000/a:latest"),
            ("DOCKER.IO/a", "DOCKER.IO/a:latest"),
            ("docker.io/library/9", "docker.io/library/9:latest"),
            ("cafe:latest", "docker.io/library/cafe:latest"),
        ] {
            assert_eq!(full(text), Ok(expected.to_owned()), "{text}");
        }
        let pinned = format!("busybox:1@{DIGEST}");
        assert_eq!(full(&pinned), Ok(format!("docker.io/library/{pinned}")));
        assert_eq!(full(&format!("a@{DIGEST}")), Ok(format!("docker.io/library/a@{DIGEST}")));
    }

    #[test]
    fn ids_and_malformed_names_have_no_full_name() {
        for text in ["9", "CAFE", "0123456789ab", &DIGEST[7..], DIGEST, "sha256:9", "sha512:ab"] {
            assert_eq!(full(text), Err(NoName::Id), "{text}");
        }
        assert_eq!(full(""), Err(NoName::Empty));
        for text in [
            "busybox:",
            "/busybox",
            "busybox/",
            "a//b",
            "a b",
            " a",
            "a\n",
            "Busybox",
            "a@b",
            "a@",
            "a:b:c",
            "dir:/etc",
            "docker://a",
            "a/../b",
            "a:-b",
            "-a",
            "a@sha256:0",
            "a/b:c/d",
            "ä",
            "http://h/a",
            "a%2fb",
        ] {
            assert_eq!(full(text), Err(NoName::Malformed), "{text}");
        }
    }

    #[test]
    fn podmans_own_tree_needs_a_registry() {
        let full = |text| FullName::used(text, Naming::Registry).map(|name| name.to_string());
        assert_eq!(full("busybox"), Err(NoName::Short));
        assert_eq!(full("a/b"), Err(NoName::Short));
        assert_eq!(full("docker.io/a"), Ok("docker.io/library/a:latest".to_owned()));
        for transport in ["docker", "oci", "sif", "tarball"] {
            let name: &'static str = format!("{transport}:5000/a").leak();
            assert_eq!(full(name), Err(NoName::Malformed), "{name}");
        }
    }

    #[test]
    fn a_pull_names_one_tag() {
        let pulled = |name: &'static str, tag| {
            FullName::pulled(name, Naming::Engine)?.with_tag(tag).map(|name| name.to_string())
        };
        assert_eq!(pulled("a", "b"), Ok("docker.io/library/a:b".to_owned()));
        assert_eq!(pulled("a:b", ""), Ok("docker.io/library/a:b".to_owned()));
        assert_eq!(pulled("a", DIGEST), Ok(format!("docker.io/library/a@{DIGEST}")));
        assert_eq!(pulled("a", ""), Err(NoName::AllTags));
        assert_eq!(pulled("a:b", "c"), Err(NoName::TwoTags));
        assert_eq!(pulled("a", "b c"), Err(NoName::Malformed));
    }
}
