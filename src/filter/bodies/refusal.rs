//! Why a body or query is refused: a place, and a fault with its data. Texts are
//! made where a refusal is shown.

use super::directories::BindMounts;
use super::maxima::Excess;
use super::reference::NoName;
use crate::json::SyntaxError;
use crate::text::{bounded, quoted};
use std::fmt::{self, Display, Formatter};

/// Why something in a body or query is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// Where it is, such as `HostConfig.Binds[0]`.
    pub place: String,
    /// Why it is refused.
    pub fault: Fault,
}

/// The kinds of refusals.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The value has another type than the daemon reads there.
    NotA(Type),
    /// A decoder of Go would take the name for this field.
    ReadAs(&'static str),
    /// The value is not allowed here.
    Value(Unfit, String),
    /// No value passes here.
    Closed(Closed),
    /// A key of options that is spelled unlike the one that a daemon looks for.
    Key {
        /// As it is spelled.
        key: String,
        /// As it should be.
        name: &'static str,
    },
    /// A path of the host that is not on the list.
    Outside {
        /// The path.
        path: String,
        /// The list.
        allowed: Box<BindMounts>,
    },
    /// A kind of mount that reads the host.
    Mount {
        /// The type of the file system.
        kind: String,
        /// The mounted device.
        device: String,
        /// The list of directories that may be bound.
        allowed: Box<BindMounts>,
    },
    /// A text that must be JSON.
    NotJson(SyntaxError),
    /// A profile for system calls that must be JSON.
    ProfileNotJson(SyntaxError),
    /// A refusal within a text that is JSON, with a place of its own.
    Within(Box<Refusal>),
    /// An operation that opens host directories by something that is not read.
    UnreadMounts {
        /// The flag or label that restricts mounts.
        unset: String,
    },
    /// An operation that creates containers from something that is not read.
    UnreadContainers,
    /// A network namespace with an address that has rights.
    SharedNetwork {
        /// The mode.
        mode: String,
        /// The flag that allows it.
        allowed_by: &'static str,
    },
    /// A label that grants rights.
    GrantingLabel {
        /// The label's key.
        label: String,
        /// The flag that allows it.
        allowed_by: &'static str,
    },
    /// An image that no pattern covers.
    Image {
        /// Its name in full.
        name: String,
        /// How to add a pattern, in words that end before it.
        how: String,
    },
    /// A name of an image that has no full form.
    NoImage {
        /// As it is written.
        name: String,
        /// Why it has none.
        why: NoName,
    },
    /// An operation that could put any content under the name of an allowed image.
    ImageContent,
    /// A limit that is missing or too high.
    Limit(Excess),
    /// A build whose limits no daemon keeps.
    UnlimitedBuild,
    /// A build that could reach the proxy.
    ReachingBuild {
        /// The flag that allows it.
        allowed_by: &'static str,
    },
}

/// A type of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// An object.
    Object,
    /// An array.
    Array,
    /// A string.
    Text,
    /// `true` or `false`.
    Truth,
    /// A whole number of 64 bits.
    WholeNumber,
}

/// Defines a kind of faults with the words of each.
macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident, $words:ty {
        $($(#[$kind_doc:meta])* $kind:ident: $value:expr,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$kind_doc])* $kind,)+
        }

        impl $name {
            fn words(self) -> $words {
                match self {
                    $(Self::$kind => $value,)+
                }
            }
        }
    };
}

kinds! {
    /// Values that do not pass. The words come before and after the value.
    Unfit, [&'static str; 2] {
        /// Not the source of an import.
        Archive: ["is neither - nor a URL: ", ""],
        /// Not a mount in its short form.
        Bind: ["is not source:target[:options]: ", ""],
        /// A bind mount with the type of another.
        BindOfType: ["has o=bind with type ", "; use none"],
        /// A volume of a build that is no path.
        BuildVolume: ["mounts no absolute path: ", ""],
        /// Not the name of a checkpoint.
        Checkpoint: ["is not the name of a checkpoint: ", ""],
        /// Neither an image nor an address.
        Context: ["names neither an image nor a URL: ", ""],
        /// A path that leaves the context of a build.
        ContextPath: ["leaves the context: ", ""],
        /// A path with `..` that the kernel resolves.
        DotDot: ["names ", " with '..' in it"],
        /// Not the name of a driver.
        Driver: ["is not the name of a driver: ", ""],
        /// A malformed escape of a query.
        Escape: ["has an invalid escape in the parameter ", ""],
        /// A place of the host.
        HostPlace: ["names a place of the host: ", ""],
        /// Not an image of a registry.
        Image: ["names no image of a registry: ", ""],
        /// A name that is split at its `=`.
        Key: ["has a name that Podman would split at its '=': ", ""],
        /// An option of a mount that opens the host.
        MountOption: ["has the mount option ", ", which may open the host"],
        /// A type of mount that is not known.
        MountType: ["has the type ", ", which cannot be judged"],
        /// A namespace that is not known.
        Namespace: ["has an unknown namespace: ", ""],
        /// An option that begins another mount.
        Option: ["has the option ", ""],
        /// A parameter that is not known.
        Parameter: ["has the parameter ", ", which is not known"],
        /// Several paths in one.
        Paths: ["could be read as several paths: ", ""],
        /// A Dockerfile that is preprocessed.
        Preprocessed: ["ends with .in, which Podman preprocesses: ", ""],
        /// A profile for system calls in a file.
        Profile: ["names a seccomp profile in a file, which cannot be judged: ", ""],
        /// A program of the host.
        Program: ["names a program of the host: ", ""],
        /// A path that is not absolute.
        Relative: ["names ", " on the host, which is not an absolute path"],
        /// Not the address of a build context.
        Remote: ["is not a URL of a build context: ", ""],
        /// A directory of a repository.
        RepositoryDirectory: [
            "names a directory of a repository, which Podman could find outside of it: ",
            "",
        ],
        /// Not a secret of a build.
        Secret: ["is not id=NAME,src=FILE of the context: ", ""],
        /// A driver of secrets that opens the host.
        SecretDriver: ["is ", "; only the driver file is allowed"],
        /// Not the address of a socket.
        Socket: ["is not unix:///PATH: ", ""],
        /// Neither a volume nor a path.
        Source: ["names neither a volume nor an absolute path: ", ""],
        /// A path that leaves its volume.
        Subpath: ["leaves its volume: ", ""],
        /// A template of swarm.
        Template: ["has a template that could give any path: ", ""],
        /// Not a zone of time.
        TimeZone: ["is not a time zone: ", ""],
        /// Not an option of a volume, or one that is repeated.
        VolumeOption: ["is not volume-opt=key=value, once for each key: ", ""],
        /// Neither a word nor a number.
        Word: ["is not a word or a number: ", ""],
    }
}

kinds! {
    /// Places where no value passes.
    Closed, &'static str {
        /// Every value could open the host.
        AnyDirectory: "could open any directory of the host",
        /// A file that the client alone may resolve.
        Destination: "has a dest, which only the client may resolve",
        /// A form, whose values come before those of the query.
        Form: "is a form, which could override the query; send another Content-Type",
        /// Two readings of one context.
        ImageAndUrl: "is both an image and a URL",
        /// A file of the host.
        HostFile: "names a file of the host",
        /// Files of the host.
        HostFiles: "names files of the host",
        /// A hook that writes files.
        Hook: "lets a hook write a file of the host",
        /// Content that no name of an image has.
        NoImage: "is not an image with a name",
        /// A container that no limit reaches.
        NoLimits: "has no cgroup, so no limit applies to it",
        /// A mount without a source.
        NoSource: "has no source",
        /// Mounts of another container.
        OthersMounts: "takes over the mounts of another container, which cannot be judged",
        /// A plugin.
        Plugin: "installs a plugin, whose mounts cannot be judged",
        /// Mounts of a pod.
        PodsMounts: "takes over the mounts of a pod, which cannot be judged",
        /// Settings that could set any limit.
        RawLimits: "has raw settings of the cgroup, which could lift a limit",
        /// A query of two readings.
        Semicolon: "has a ';', which some daemons split at; write it %3B",
        /// A text of two readings.
        Separator: "has a comma, quote or line end, which Podman would split at",
        /// Something that is not read.
        Unread: "cannot be judged",
    }
}

impl Refusal {
    /// A refusal of something at a place.
    pub(super) fn new(place: impl Into<String>, fault: Fault) -> Self {
        Self { place: place.into(), fault }
    }

    /// A refusal of a value.
    pub(super) fn value(place: impl Into<String>, unfit: Unfit, value: impl Into<String>) -> Self {
        Self::new(place, Fault::Value(unfit, value.into()))
    }

    /// A refusal of any value at a place.
    pub(super) fn closed(place: impl Into<String>, closed: Closed) -> Self {
        Self::new(place, Fault::Closed(closed))
    }

    /// The same within a text that is at `place`.
    pub(super) fn within(self, place: &str) -> Self {
        Self::new(place, Fault::Within(Box::new(self)))
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Fault::Within(refusal) => write!(f, "{}: {refusal}", self.place),
            fault => write!(f, "{} {fault}", self.place),
        }
    }
}

impl std::error::Error for Refusal {}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotA(wanted) => f.write_str(wanted.fault()),
            Self::ReadAs(name) => write!(f, "would be read as {name}; write {name}"),
            Self::Value(unfit, value) => {
                let [before, after] = unfit.words();
                write!(f, "{before}{}{after}", unfit.show(value))
            }
            Self::Closed(closed) => f.write_str(closed.words()),
            Self::Key { key, name } => write!(f, "has {}; write {name}", quoted(key)),
            Self::Outside { path, allowed } => write_outside(path, allowed, f),
            Self::Mount { kind, device, allowed } => write!(
                f,
                "mounts type {}, device {}; only nfs, cifs, tmpfs and o=bind of a directory \
                 within {} are allowed",
                quoted(kind),
                quoted(device),
                allowed.list(),
            ),
            Self::NotJson(error) => write!(f, "is not strict JSON: {error}"),
            Self::ProfileNotJson(error) => {
                write!(f, "has a seccomp profile that is invalid JSON: {error}")
            }
            Self::Within(refusal) => refusal.fmt(f),
            Self::UnreadMounts { unset } => write!(
                f,
                "could open host directories and cannot be judged; unset {unset} to allow it"
            ),
            Self::UnreadContainers => {
                f.write_str("creates containers from input that cannot be judged")
            }
            Self::SharedNetwork { mode, allowed_by } => write!(
                f,
                "is {}, which would give the container an address with others' rights at this \
                 proxy; set {allowed_by} to allow it",
                quoted(mode)
            ),
            Self::GrantingLabel { label, allowed_by } => write!(
                f,
                "has {}, which would grant rights at this proxy; set {allowed_by} to allow it",
                quoted(label)
            ),
            Self::Image { name, how } => write!(
                f,
                "is {}, which is not allowed; to allow it, {how}{}",
                quoted(name),
                bounded(name)
            ),
            Self::NoImage { name, why } => write!(f, "{} {why}", quoted(name)),
            Self::ImageContent => f.write_str(
                "could put any content under the name of an allowed image; unset -allowimage to \
                 allow it",
            ),
            Self::Limit(excess) => excess.fmt(f),
            Self::UnlimitedBuild => f.write_str(
                "builds with BuildKit, which enforces no limits; use the classic builder",
            ),
            Self::ReachingBuild { allowed_by } => write!(
                f,
                "could run on this proxy's networks with labels of its own; use \
                 networkmode=none or BuildKit (version=2) without a networkmode, or set \
                 {allowed_by}"
            ),
        }
    }
}

fn write_outside(path: &str, allowed: &BindMounts, f: &mut Formatter<'_>) -> fmt::Result {
    let (path, advice) = (quoted(path), allowed.advice(path));
    match allowed.is_empty() {
        true => write!(f, "mounts {path} of the host, and no directory is listed; {advice}"),
        false => {
            write!(f, "mounts {path} of the host, which is outside of {}; {advice}", allowed.list())
        }
    }
}

impl Type {
    fn fault(self) -> &'static str {
        match self {
            Self::Object => "is not an object",
            Self::Array => "is not an array",
            Self::Text => "is not a string",
            Self::Truth => "is neither true nor false",
            Self::WholeNumber => "is not a whole number",
        }
    }
}

impl Unfit {
    fn show(self, value: &str) -> String {
        match self {
            Self::Escape | Self::RepositoryDirectory | Self::TimeZone => bounded(value),
            _ => quoted(value),
        }
    }
}
