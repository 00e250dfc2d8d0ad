//! The host directories that may be mounted, and which paths lie within them.
//!
//! Paths are compared by their components after lexical cleaning, as the Engine
//! cleans the source of a bind mount (`path.Clean`). Symbolic links on the host
//! are not followed: a proxy cannot see them. A client that may write in a
//! mounted directory can plant one and mount it, unless the list is exact.

use super::fields::Node;
use super::refusal::{Closed, Fault, Refusal, Unfit};
use crate::text::{bounded, quoted};
use std::fmt;

/// Directories and files with which a client is root on the host.
const ROOT_DIRECTORIES: [&str; 18] = [
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/proc",
    "/root",
    "/run",
    "/run/docker.sock",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
    "/var/lib",
    "/var/lib/docker",
    "/var/run",
    "/var/run/docker.sock",
];

/// Whether a client that may mount this path is root on the host.
#[must_use]
pub fn is_root(path: &str) -> bool {
    ROOT_DIRECTORIES.contains(&path)
}

/// Why a text is not a list of directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListError {
    /// An item that is not absolute.
    Relative(String),
    /// No item at all.
    Empty,
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relative(item) => write!(f, "{} is not an absolute directory", quoted(item)),
            Self::Empty => f.write_str("the list names no directory"),
        }
    }
}

impl std::error::Error for ListError {}

/// The host directories that may be mounted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BindMounts {
    /// Clean and absolute.
    directories: Vec<String>,
    /// Whether only the directories themselves may be mounted.
    exact: bool,
    /// Whether another rule judges the reuse of other containers' mounts.
    leaves_others: bool,
    /// The flag or label that lists them, for messages.
    written_in: String,
}

impl BindMounts {
    /// Parses a comma-separated list of absolute directories.
    ///
    /// Items are trimmed and cleaned; empty items are skipped.
    ///
    /// # Errors
    /// A sentence about the first item that is not an absolute directory, or
    /// about the list if it names none: an empty list could mean that nothing
    /// or that everything may be mounted.
    pub fn parse(list: &str) -> Result<Self, ListError> {
        let mut directories = Vec::new();
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if !item.starts_with('/') {
                return Err(ListError::Relative(item.to_owned()));
            }
            directories.push(clean(item));
        }
        match directories.is_empty() {
            true => Err(ListError::Empty),
            false => {
                let written_in = "-allowbindmountfrom".to_owned();
                Ok(Self { directories, exact: false, leaves_others: false, written_in })
            }
        }
    }

    /// A list without a directory: none may be mounted.
    #[must_use]
    pub fn none() -> Self {
        let written_in = "-allowbindmountfrom".to_owned();
        Self { directories: Vec::new(), exact: false, leaves_others: false, written_in }
    }

    /// The same directories, listed by another flag or a label.
    #[must_use]
    pub fn written_in(self, written_in: String) -> Self {
        Self { written_in, ..self }
    }

    /// The same list, but nothing below a directory may be mounted.
    #[must_use]
    pub fn exactly(self, exact: bool) -> Self {
        Self { exact, ..self }
    }

    /// The same list; whether mounts of other containers may be taken over is judged by
    /// another rule.
    #[must_use]
    pub fn leaving_others(self) -> Self {
        Self { leaves_others: true, ..self }
    }

    /// Whether nothing below the directories may be mounted.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// The name of the list, and its directories.
    pub(super) fn list(&self) -> String {
        if self.directories.is_empty() {
            return format!("{} (none)", self.written_in);
        }
        let exactly = if self.exact { ", exactly" } else { "" };
        format!("{} ({}{exactly})", self.written_in, bounded(&self.to_string()))
    }

    /// How a path would be allowed.
    pub(super) fn advice(&self, path: &str) -> String {
        let (path, list) = (clean(path), &self.written_in);
        let add = bounded(&path);
        if path == "/" {
            // A client that mounts all of the host is root on it.
            format!("list the directories that are needed in {list}, not the whole host")
        } else if path.contains(',') {
            format!("{list} cannot list a directory with a comma in its name")
        } else if self.exact && self.has_above(&path) {
            "a directory below a listed one is mounted as a volume with a subpath".to_owned()
        } else if is_root(&path) {
            format!("add {add} to {list} to allow it. Beware: it makes the client root on the host")
        } else {
            format!("add {add} to {list} to allow it")
        }
    }

    /// Whether no directory may be mounted.
    pub(super) fn is_empty(&self) -> bool {
        self.directories.is_empty()
    }

    fn has_above(&self, path: &str) -> bool {
        let above =
            |directory: &str| path.strip_prefix(directory).is_some_and(|r| r.starts_with('/'));
        self.directories().any(above)
    }

    /// The name of the list of directories.
    pub(super) fn list_name(&self) -> &str {
        &self.written_in
    }

    /// The directories in their clean form.
    pub fn directories(&self) -> impl Iterator<Item = &str> {
        self.directories.iter().map(String::as_str)
    }

    /// Whether an absolute path lies within one of the directories, or is one
    /// of them if the list is exact.
    #[must_use]
    pub fn admits(&self, path: &str) -> bool {
        let path = clean(path);
        self.directories().any(|directory| match path.strip_prefix(directory) {
            None => false,
            Some("") => true,
            Some(rest) => !self.exact && (directory == "/" || rest.starts_with('/')),
        })
    }

    /// Refuses fields that add the mounts of something outside of the body.
    pub(super) fn check_volumes_from(&self, containers: &[Node<'_>]) -> Result<(), Refusal> {
        match containers.first() {
            Some(first) if !self.leaves_others => {
                Err(Refusal::closed(first.place(), Closed::OthersMounts))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a pod, whose containers share its mounts.
    pub(super) fn check_pod(&self, pod: Option<&Node<'_>>) -> Result<(), Refusal> {
        match pod.filter(|pod| pod.text() != Ok("")) {
            Some(pod) if !self.leaves_others => {
                Err(Refusal::closed(pod.place(), Closed::PodsMounts))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a host path that is not within the directories.
    pub(super) fn check_path(&self, place: &str, path: &str) -> Result<(), Refusal> {
        if !path.starts_with('/') {
            return Err(Refusal::value(place, Unfit::Relative, path));
        }
        if self.admits(path) {
            return Ok(());
        }
        Err(Refusal::new(
            place,
            Fault::Outside { path: path.to_owned(), allowed: Box::new(self.clone()) },
        ))
    }

    /// Like [`Self::check_path`], for paths that the kernel resolves and not
    /// the Engine: there `..` leaves the target of a symbolic link.
    pub(super) fn check_raw_path(&self, place: &str, path: &str) -> Result<(), Refusal> {
        if climbs(path) {
            return Err(Refusal::value(place, Unfit::DotDot, path));
        }
        self.check_path(place, path)
    }
}

impl fmt::Display for BindMounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.directories.join(", "))
    }
}

/// Whether a segment of a path is `..`.
pub(super) fn climbs(path: &str) -> bool {
    path.split('/').any(|segment| segment == "..")
}

/// An absolute path without empty, `.` and `..` segments.
fn clean(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str, path: &str, admitted: bool) {
        assert_eq!(BindMounts::parse(list).unwrap().admits(path), admitted, "{list}: {path}");
    }

    #[test]
    fn a_directory_admits_itself_and_what_is_below() {
        check("/home,/var/log", "/home", true);
        check("/home,/var/log", "/home/a/b", true);
        check("/home,/var/log", "/var/log/x", true);
        check("/home,/var/log", "/homes", false);
        check("/home,/var/log", "/hom", false);
        check("/home,/var/log", "/var", false);
        check("/home,/var/log", "/", false);
        check("/home", "/Home", false);
        check("/", "/", true);
        check("/", "/etc", true);
    }

    #[test]
    fn an_exact_list_admits_its_directories_and_nothing_below() {
        let exact = BindMounts::parse("/home,/srv/a/").unwrap().exactly(true);
        for (path, admitted) in [
            ("/home", true),
            ("//home/./", true),
            ("/home/../home", true),
            ("/srv/a", true),
            ("/home/a", false),
            ("/home/link/..", true),
            ("/srv", false),
            ("/", false),
        ] {
            assert_eq!(exact.admits(path), admitted, "{path}");
        }
        let refusal = exact.check_path("x", "/home/a").unwrap_err().to_string();
        assert!(refusal.contains("(/home, /srv/a, exactly)"), "{refusal}");
        let root = BindMounts::parse("/").unwrap().exactly(true);
        assert!(root.admits("/") && !root.admits("/etc"));
    }

    #[test]
    fn paths_are_cleaned_before_they_are_compared() {
        check("/home", "//home//a/", true);
        check("/home", "/./home/./a", true);
        check("/home", "/etc/../home", true);
        check("/home", "/home/../etc", false);
        check("/home", "/home/a/../../etc", false);
        check("/home", "/../../etc", false);
        check("/home", "/home/..", false);
        check("/home", "/home/...", true);
        check(" /home/ , /a/../b/ ,, ", "/b/c", true);
    }

    #[test]
    fn a_list_names_absolute_directories() {
        assert_eq!(
            BindMounts::parse("/a, b/").unwrap_err().to_string(),
            "\"b/\" is not an absolute directory"
        );
        assert_eq!(
            BindMounts::parse(" , ").unwrap_err().to_string(),
            "the list names no directory"
        );
        let mounts = BindMounts::parse("/a//b/,/c/.").unwrap();
        assert_eq!(mounts.to_string(), "/a/b, /c");
    }

    #[test]
    fn a_remedy_gives_no_more_than_it_says() {
        let mounts = BindMounts::parse("/srv").unwrap();
        let rows = [
            ("/data", "add /data to -allowbindmountfrom to allow it"),
            (
                "/",
                "list the directories that are needed in -allowbindmountfrom, not the whole host",
            ),
            ("/data,b", "cannot list a directory with a comma"),
            ("/etc", "Beware: it makes the client root on the host"),
            ("/var/run/docker.sock", "Beware: it makes the client root on the host"),
        ];
        for (path, part) in rows {
            assert!(mounts.advice(path).contains(part), "{path}: {}", mounts.advice(path));
        }
        let exact = mounts.exactly(true);
        assert!(exact.advice("/srv/a").contains("a volume with a subpath"));
        assert!(exact.advice("/srv2").contains("add /srv2"));
    }

    #[test]
    fn a_refusal_names_place_path_list_and_remedy() {
        let mounts = BindMounts::parse("/home,/var/log").unwrap();
        assert_eq!(
            mounts.check_path("HostConfig.Binds[0]", "/home/../etc").unwrap_err().to_string(),
            "HostConfig.Binds[0] mounts \"/home/../etc\" of the host, which is outside of \
             -allowbindmountfrom (/home, /var/log); add /etc to -allowbindmountfrom to allow it. Beware: \
             it makes the client root on the host"
        );
        let mounts = mounts.written_in("-allowbindmountfrom@ci".to_owned());
        assert_eq!(
            mounts.check_path("x", "/etc").unwrap_err().to_string(),
            "x mounts \"/etc\" of the host, which is outside of -allowbindmountfrom@ci (/home, \
             /var/log); add /etc to -allowbindmountfrom@ci to allow it. Beware: it makes the client \
             root on the host"
        );
        assert!(
            mounts
                .check_path("x", "home")
                .unwrap_err()
                .to_string()
                .contains("not an absolute path")
        );
        assert!(
            mounts.check_raw_path("x", "/home/a/../b").unwrap_err().to_string().contains("'..'")
        );
        assert_eq!(mounts.check_raw_path("x", "/home/./a//b"), Ok(()));
    }
}
