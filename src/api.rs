//! The daemons' operations: the operations of a request, and the access that each
//! gives.
//!
//! One table names every operation of the Engine's API and of Podman's, as their
//! own API documents name them. Everything that has to know an API path asks
//! this room; nothing else parses one.
//!
//! - [`exact`] names a request, for rules by name, logs and suggestions.
//! - [`recognise()`] is for rules that must not miss anything: it finds an
//!   operation wherever a supported daemon might route to it.
//! - [`Operation::patterns`] prints the patterns of an allowlist that admit exactly
//!   one operation, and [`generalise`] the pattern of one path.
//!
//! **Invariant:** a path is always the decoded one in normal form that
//! [`crate::http1::Target`] guarantees. **Invariant:** `recognise` finds each
//! operation that `exact` names.

mod glance;
mod pattern;
mod recognise;
mod table;
mod template;
mod version;

pub use pattern::{ENGINE_VERSION, escape, generalise};
pub use recognise::{below_libpod, exact, recognise};
pub use table::Operation;
pub use template::{Piece, Template};
pub use version::{Version, split_version};

use crate::http1::Method;

/// The two trees of paths. Podman serves both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tree {
    /// The Engine's API, with or without `/v1.51` in front.
    Engine,
    /// Podman's own, below `/libpod`, with a version in front.
    Libpod,
}

/// The access that an operation gives to a client, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Versions, pings, whether a thing exists.
    Harmless,
    /// Names, states and numbers.
    Reads,
    /// Environment variables, command lines, logs.
    Secrets,
    /// Contents of files.
    Files,
    /// Changes that can be undone.
    Changes,
    /// Removals.
    Destroys,
    /// Code in a container.
    Runs,
    /// As good as root on the host.
    Host,
}

impl Class {
    /// All classes, from the least to the most.
    pub const ALL: [Self; 8] = [
        Self::Harmless,
        Self::Reads,
        Self::Secrets,
        Self::Files,
        Self::Changes,
        Self::Destroys,
        Self::Runs,
        Self::Host,
    ];

    /// The name in lists of rights.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Reads => "reads",
            Self::Secrets => "secrets",
            Self::Files => "files",
            Self::Changes => "changes",
            Self::Destroys => "destroys",
            Self::Runs => "runs",
            Self::Host => "host",
        }
    }

    /// Whether a client can take, break or become something by it: files, destroys,
    /// runs, host.
    #[must_use]
    pub fn is_dangerous(self) -> bool {
        self.gives_away() || self == Self::Destroys
    }

    /// Whether a client gets more by it than the API shows: files, runs, host.
    #[must_use]
    pub fn gives_away(self) -> bool {
        matches!(self, Self::Files | Self::Runs | Self::Host)
    }

    /// The access of a client that may use operations of this class.
    #[must_use]
    pub fn gives(self) -> &'static str {
        match self {
            Self::Harmless => "versions and pings",
            Self::Reads => "names and states",
            Self::Secrets => "environment variables, command lines and logs",
            Self::Files => "contents of files",
            Self::Changes => "changes to containers, images and networks",
            Self::Destroys => "removal of containers, images and volumes",
            Self::Runs => "code execution in containers",
            Self::Host => "root on the host",
        }
    }
}

/// How the bytes of an exchange flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// A small request and a small answer.
    Plain,
    /// An answer without an end.
    Stream,
    /// Raw bytes both ways.
    Tunnel,
    /// A large request.
    Upload,
    /// A large answer.
    Download,
    /// An answer that reports progress.
    Progress,
}

/// The kind of thing that an operation works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The daemon, or many things at once.
    Nothing,
    /// A container, by id or name.
    Container,
    /// An image, by reference or id.
    Image,
    /// An exec instance, by id.
    Exec,
    /// A volume, by name.
    Volume,
    /// A network, by id or name.
    Network,
    /// A plugin, by name.
    Plugin,
    /// A node of a swarm.
    Node,
    /// A service of a swarm.
    Service,
    /// A task of a swarm.
    Task,
    /// A secret.
    Secret,
    /// A config of a swarm.
    Config,
    /// An artifact of Podman.
    Artifact,
    /// A pod of Podman.
    Pod,
    /// A quadlet of Podman.
    Quadlet,
    /// Things that a parameter of the query names.
    InQuery(&'static Subject, &'static str),
}

/// How an operation is limited to containers, networks and volumes with a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targeting {
    /// Its path names one, of the kind of its [`Subject`], or the exec instance of one.
    One,
    /// Its query names one container.
    InQuery,
    /// Its path names a network and its body a container.
    Join,
    /// It lists all objects of a kind, and the daemon filters by label.
    List(Subject),
    /// It removes the unused ones of a kind, and the daemon filters by label.
    Prune(Subject),
    /// It follows events, and the daemon filters by label.
    Events,
    /// It makes one of a kind.
    Create(Subject),
    /// It is about none of them.
    Outside,
    /// It cannot be limited: it is about several of them, about a whole swarm, or
    /// about the host.
    Never,
}

/// Whether the name of an operation is the daemon's or ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// The `operationId` of the daemon's API document.
    Documented,
    /// A name of ours: the daemon serves it, its document does not mention it.
    Ours,
}

/// One method and template under which a daemon serves an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path without a version.
    pub template: Template,
}

/// The row of an operation in the table.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The operation's name.
    pub name: &'static str,
    /// Whose name that is.
    pub naming: Naming,
    /// The tree that has it.
    pub tree: Tree,
    /// The kind of object that it works on.
    pub subject: Subject,
    /// The access that it gives.
    pub class: Class,
    /// How its bytes flow.
    pub flow: Flow,
    /// How it is limited to targets.
    pub targeting: Targeting,
    /// All paths that reach it.
    pub routes: &'static [Route],
    /// Its effect, as the end of a sentence that begins with its name.
    pub summary: &'static str,
}

#[cfg(test)]
mod tests;
