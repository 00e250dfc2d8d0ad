//! References to images and to places that hold them: names, addresses, archives.
//!
//! Podman reads `dir:/etc` where a name of an image is expected, and then takes
//! or writes a directory of the host. The Engine knows names alone.

use super::refusal::{Refusal, Unfit};

/// Podman's transports beside `docker`: directories and archives of the host,
/// stores at any path, and a daemon's socket.
pub(super) const TRANSPORTS: [&str; 10] = [
    "atomic",
    "containers-storage",
    "dir",
    "docker-archive",
    "docker-daemon",
    "oci",
    "oci-archive",
    "ostree",
    "sif",
    "tarball",
];

/// The daemon's reading of the address of a build context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetcher {
    /// The Engine and Podman's compatible tree: neither takes a path.
    Compatible,
    /// Podman's own tree takes all but URLs for a path of the host, and joins
    /// the directory behind `#branch:` without a look at `..` or at symbolic
    /// links in the repository.
    Libpod,
}

/// Checks the name of an image.
pub(super) fn check_image(place: &str, image: &str) -> Result<(), Refusal> {
    let transport = image.trim().split(':').next().unwrap_or_default();
    match image.contains(':') && TRANSPORTS.contains(&transport) {
        true => Err(Refusal::value(place, Unfit::Image, image)),
        false => Ok(()),
    }
}

/// Checks the source of an import: the request's body or a URL. Podman takes
/// everything else for a file of the host.
pub(super) fn check_archive(place: &str, source: &str) -> Result<(), Refusal> {
    match matches!(source, "" | "-") || is_http(source) {
        true => Ok(()),
        false => Err(Refusal::value(place, Unfit::Archive, source)),
    }
}

/// Checks the address of a build context elsewhere.
pub(super) fn check_remote(place: &str, address: &str, fetcher: Fetcher) -> Result<(), Refusal> {
    let (repository, fragment) = address.split_once('#').unwrap_or((address, ""));
    let climbs = address.split(['/', ':', '#', '\\', '?', '=']).any(|part| part == "..");
    let has_directory = fragment.contains(':');
    let is_known = match fetcher {
        // BuildKit's client holds the context, or sends it by another request.
        Fetcher::Compatible => {
            matches!(address, "client-session" | "upload-request")
                || is_url(repository)
                || is_scp(repository)
        }
        Fetcher::Libpod => is_url(repository) && !has_directory,
    };
    match is_known && !climbs && is_reference(fragment) {
        true => Ok(()),
        false if has_directory && !climbs && is_url(repository) => {
            Err(Refusal::value(place, Unfit::RepositoryDirectory, address))
        }
        false => Err(Refusal::value(place, Unfit::Remote, address)),
    }
}

/// Whether an address is one of HTTP, with TLS or without.
pub(super) fn is_http(address: &str) -> bool {
    address.starts_with("http://") || address.starts_with("https://")
}

fn is_url(address: &str) -> bool {
    let has_host = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    ["http://", "https://", "git://"]
        .iter()
        .any(|scheme| address.strip_prefix(scheme).is_some_and(has_host))
        || is_github(address)
}

/// `github.com/OWNER/REPOSITORY` and nothing more: Podman makes a directory's
/// name of the last part.
fn is_github(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("github.com/") else { return false };
    let names: Vec<&str> = rest.split('/').collect();
    names.len() == 2 && names.iter().all(|name| is_name(name))
}

/// `git@HOST:PATH`.
fn is_scp(address: &str) -> bool {
    let Some((host, path)) = address.strip_prefix("git@").and_then(|rest| rest.split_once(':'))
    else {
        return false;
    };
    is_name(host) && !path.is_empty() && !path.starts_with(['/', '-'])
}

/// The text behind `#`: a branch, tag or commit, and a directory.
fn is_reference(fragment: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@+".contains(c);
    !fragment.starts_with('-') && fragment.chars().all(plain)
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_registries_pass_and_places_of_the_host_do_not() {
        for image in [
            "",
            "alpine",
            "alpine:3",
            "dir",
            "dir/oci",
            "localhost:5000/dir:oci",
            "docker://alpine",
            "a@sha256:0123",
        ] {
            assert_eq!(check_image("t", image), Ok(()), "{image}");
        }
        for image in [
            "dir:/etc",
            "dir:etc",
            " dir:/etc",
            "oci:/srv/x:tag",
            "oci-archive:/etc/cron.d/x",
            "docker-archive:/x.tar",
            "containers-storage:[overlay@/x+/y]alpine",
            "docker-daemon:alpine:3",
        ] {
            assert!(check_image("t", image).is_err(), "{image}");
        }
    }

    #[test]
    fn an_import_comes_from_the_body_or_a_url() {
        for source in ["", "-", "https://x/a.tar", "http://x"] {
            assert_eq!(check_archive("fromSrc", source), Ok(()), "{source}");
        }
        for source in ["/etc/x.tar", "x.tar", "file:///etc/x", "HTTP://x", "./-", "dir:/x"] {
            assert!(check_archive("fromSrc", source).is_err(), "{source}");
        }
    }

    #[test]
    fn contexts_elsewhere_are_urls() {
        for address in [
            "https://github.com/a/b.git",
            "https://github.com/a/b.git#v1.2",
            "https://user@h/a/b.git#refs/pull/1/head",
            "git://h/a.git#main",
            "http://h/x.tar.gz",
            "github.com/a/b",
        ] {
            for fetcher in [Fetcher::Compatible, Fetcher::Libpod] {
                assert_eq!(check_remote("remote", address, fetcher), Ok(()), "{address}");
            }
        }
        for address in [
            "/etc",
            "etc",
            "",
            ".",
            "file:///etc",
            "ssh://git@h/a.git",
            "git@/../../etc",
            "git@/../x:y",
            "git@h:/../etc",
            "git@h:../etc",
            "git@",
            "http:///etc",
            "https://",
            "HTTPS://h/a.git",
            "git:///etc/.git",
            "github.com/../../etc",
            "github.com/a/b/c",
            "github.com/a/b?x=/link",
            "https://h/a.git#main:../..",
            "https://h/a.git#:..",
            "https://h/../a.git",
            "https://h/a.git#-x",
            "https://h/a.git#a b",
            "https://h/a.git#a#b",
        ] {
            for fetcher in [Fetcher::Compatible, Fetcher::Libpod] {
                assert!(check_remote("remote", address, fetcher).is_err(), "{address}");
            }
        }
    }

    #[test]
    fn podmans_own_tree_takes_more_for_paths_than_the_other() {
        for address in [
            "client-session",
            "upload-request",
            "git@github.com:a/b.git",
            "git@github.com:a/b.git#main:docker",
            "https://h/a.git#main:docker",
            "https://h/a.git#:link",
        ] {
            assert_eq!(check_remote("remote", address, Fetcher::Compatible), Ok(()), "{address}");
            assert!(check_remote("remote", address, Fetcher::Libpod).is_err(), "{address}");
        }
    }
}
