//! The items of `-safecreateallow`: the rights that a container may get beside
//! those of every ordinary container.
//!
//! ```text
//! privileged,capadd:NET_ADMIN,device:/dev/fuse,network:host
//! ```
//!
//! An item is a word, for most with an argument behind a colon. Each denial names
//! the item that would have allowed the value, in the form that is parsed here.
//! Items are compared exactly, but for capabilities, which have no `CAP_` and are in
//! capitals.

use super::host_config::canonical_option;
use crate::text::nearest::nearest;
use crate::text::quoted;
use std::collections::BTreeSet;
use std::fmt;

/// The text behind the colon of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Argument {
    /// Nothing; there is no colon either.
    None,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A text, in capitals in the documentation.
    Text(&'static str),
    /// A text that may have commas.
    Line(&'static str),
}

use Argument::{Line, None as Alone, Text, Words};

/// Defines [`Kind`] with the word and the argument of each.
macro_rules! kinds {
    ($($kind:ident $word:literal $argument:expr, $opens:literal;)+) => {
        /// The kinds of items.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $word, "`: ", $opens, ".")] $kind,)+
        }

        impl Kind {
            /// All kinds, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// The word before the colon.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$kind => $word,)+ }
            }

            /// The rights that an item of this kind gives a client, for the documentation.
            #[must_use]
            pub fn opens(self) -> &'static str {
                match self { $(Self::$kind => $opens,)+ }
            }

            fn argument(self) -> Argument {
                match self { $(Self::$kind => $argument,)+ }
            }
        }
    };
}

#[rustfmt::skip]
kinds! {
    Privileged "privileged" Alone, "privileged containers: root on the host";
    ExecPrivileged "execprivileged" Alone, "commands with all privileges in a container";
    CapAdd "capadd" Text("NAME"), "a capability other than the 14 default ones";
    Device "device" Line("PATH"), "a device of the host, by its exact path";
    DeviceRule "devicerule" Text("RULE"), "a rule of the device cgroup, such as `c 10:200 rwm`";
    Gpus "gpus" Alone, "GPUs by `--gpus`";
    Cdi "cdi" Text("NAME"), "a CDI device, such as `nvidia.com/gpu=0`";
    Network "network" Words(&["host", "container"]), "the network namespace of the host or of other containers";
    Pid "pid" Words(&["host", "container"]), "the process namespace of the host or of other containers";
    Ipc "ipc" Words(&["host", "container"]), "the IPC namespace of the host or of other containers";
    Uts "uts" Words(&["host"]), "the host name of the host";
    Userns "userns" Words(&["host", "auto", "keep-id", "no-map"]),
        "a user namespace other than the daemon's default: `host` for none, or another of Podman's";
    Cgroupns "cgroupns" Words(&["host"]), "the cgroup namespace of the host; on cgroup v1 every container has it";
    CgroupParent "cgroupparent" Line("NAME"), "a parent cgroup, and so other limits";
    VolumesFrom "volumesfrom" Alone, "all mounts of other containers";
    SecurityOpt "securityopt" Line("OPTION"), "a security option, such as `seccomp=unconfined` or `label=disable`";
    Unmasked "unmasked" Alone, "`/proc` and `/sys` without masked and read-only paths";
    Runtime "runtime" Text("NAME"), "another runtime than the default one";
    Sysctl "sysctl" Text("NAME"), "a kernel parameter of the container";
    Oom "oom" Alone, "containers that the kernel spares when memory runs out";
    Realtime "realtime" Alone, "real-time scheduling";
    LogDriver "logdriver" Text("NAME"), "another log driver; options with paths of the host stay refused";
    LogOption "logoption" Text("NAME"), "an option of the log drivers json-file and local";
    VolumeDriver "volumedriver" Text("NAME"), "volumes of a plugin";
    VolumeOption "volumeoption" Words(&["nfs", "cifs", "tmpfs"]),
        "volumes of this type with the client's options";
    Annotation "annotation" Text("NAME"), "an annotation, which may change the runtime's behaviour";
    NetworkDriver "networkdriver" Text("NAME"), "networks of another driver than bridge";
    NetworkOption "networkoption" Text("NAME"), "an option of networks and their endpoints; `subnet` is public subnets";
    BuildNetwork "buildnetwork" Text("NAME"), "builds on this network";
    BuildRemote "buildremote" Alone, "builds of a context that the daemon fetches";
    BuildParameter "buildparameter" Text("NAME"), "a parameter of builds, with any value";
    BuildKit "buildkit" Alone, "BuildKit, whose requests cannot be judged";
    PodmanBuild "podmanbuild" Alone, "builds in Podman's own tree, whose Containerfile may take the host's network and files";
    Import "import" Alone, "images from archives";
    Services "services" Alone, "services of a swarm; their fields are judged";
    ServiceNetwork "servicenetwork" Text("NAME"), "services in this network, named as the client names it: the docker client by its id";
    Secret "secret" Text("NAME"), "a secret of Podman in a container";
    SecretDriver "secretdriver" Text("NAME"), "secrets of another driver than file";
    Swarm "swarm" Alone, "control of the swarm and its nodes: root on the host";
    Plugins "plugins" Alone, "plugins of the daemon: root on the host";
    Checkpoints "checkpoints" Alone, "checkpoints of containers";
    Restore "restore" Alone, "Podman's restored containers, which cannot be judged";
    Kube "kube" Alone, "Podman's containers from Kubernetes YAML, which cannot be judged";
    Quadlets "quadlets" Alone, "Podman's systemd units: root on the host";
    Pods "pods" Alone, "Podman's pods; their fields are judged";
    Local "local" Alone, "Podman's operations on files of the host";
    ImageScp "imagescp" Alone, "Podman's copies of images between users and hosts";
    ContainerMount "containermount" Alone, "Podman's mounts of containers on the host";
    SystemCheck "systemcheck" Alone, "Podman's repair of its storage, which removes damaged containers";
    Field "field" Text("PLACE"), "a field that is not in the table, with any value, such as `HostConfig.New`";
}

/// One exception.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    kind: Kind,
    /// Empty for kinds without one.
    argument: String,
}

/// A text that is no item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemError {
    /// The list has no item.
    Empty,
    /// The word is not known.
    Unknown(String),
    /// The kind needs an argument of this form.
    Argument {
        /// The item as it was written.
        written: String,
        /// All of its forms.
        forms: String,
    },
    /// A device's path is not absolute or has `..` in it.
    Path(String),
}

/// The rights that containers may get beside those of every ordinary container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions {
    items: BTreeSet<Item>,
    /// Whether the host's cgroup namespace is that of every container.
    host_cgroups: bool,
}

impl Item {
    /// An item that a denial can name.
    pub(in crate::filter::bodies) fn new(kind: Kind, argument: &str) -> Self {
        Self { kind, argument: argument.to_owned() }
    }

    /// Whether a client that has it is root on the host without a further step.
    #[must_use]
    pub fn gives_the_host(&self) -> bool {
        let argument = self.argument.as_str();
        match self.kind {
            Kind::Privileged
            | Kind::Plugins
            | Kind::Swarm
            | Kind::Quadlets
            | Kind::Kube
            | Kind::Local => true,
            Kind::CapAdd => matches!(argument, "ALL" | "SYS_ADMIN" | "SYS_MODULE" | "SYS_RAWIO"),
            Kind::Pid => argument == "host",
            Kind::DeviceRule => argument.starts_with('a') || argument.starts_with('b'),
            _ => false,
        }
    }

    fn parse(written: &str) -> Result<Self, ItemError> {
        let (word, argument) = match written.split_once(':') {
            Some((word, argument)) => (word, Some(argument)),
            None => (written, None),
        };
        let kind = Kind::ALL.iter().copied().find(|kind| kind.word() == word);
        let kind = kind.ok_or_else(|| ItemError::Unknown(written.to_owned()))?;
        let refused = || ItemError::Argument {
            written: written.to_owned(),
            forms: kind.forms().join(" or "),
        };
        let argument = match (kind.argument(), argument) {
            (Argument::None, None) => String::new(),
            (Argument::Words(words), Some(argument)) if words.contains(&argument) => {
                argument.to_owned()
            }
            (Argument::Text(_) | Argument::Line(_), Some(argument)) if !argument.is_empty() => {
                argument.to_owned()
            }
            _ => return Err(refused()),
        };
        match kind {
            Kind::CapAdd => Ok(Self::new(kind, &capability(&argument))),
            Kind::SecurityOpt => Ok(Self::new(kind, &canonical_option(&argument))),
            Kind::Device if !is_exact_path(&argument) => Err(ItemError::Path(written.to_owned())),
            _ => Ok(Self { kind, argument }),
        }
    }
}

/// A capability as items name it: in capitals, without `CAP_`.
pub(super) fn capability(name: &str) -> String {
    let name = name.to_ascii_uppercase();
    name.strip_prefix("CAP_").unwrap_or(&name).to_owned()
}

fn is_exact_path(path: &str) -> bool {
    path.starts_with('/') && !path.split('/').any(|part| part == "..")
}

impl Kind {
    /// How items of this kind are written.
    #[must_use]
    pub fn forms(self) -> Vec<String> {
        let word = self.word();
        match self.argument() {
            Argument::None => vec![word.to_owned()],
            Argument::Words(words) => words.iter().map(|of| format!("{word}:{of}")).collect(),
            Argument::Text(name) | Argument::Line(name) => vec![format!("{word}:{name}")],
        }
    }

    /// Whether an item of this kind can have that word as its argument.
    pub(super) fn takes(self, word: &str) -> bool {
        matches!(self.argument(), Argument::Words(words) if words.contains(&word))
    }

    fn may_have_commas(self) -> bool {
        matches!(self.argument(), Argument::Line(_))
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.argument.as_str() {
            "" => f.write_str(self.kind.word()),
            argument => write!(f, "{}:{argument}", self.kind.word()),
        }
    }
}

impl Exceptions {
    /// Parses a comma-separated list. Spaces around items do not count, nor do empty
    /// items. A text that is one item with commas in it, such as a security label,
    /// is that item.
    ///
    /// # Errors
    /// The first invalid item; a list without items.
    pub fn parse(list: &str) -> Result<Self, ItemError> {
        let parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
        let items: Result<BTreeSet<Item>, ItemError> = parts.map(Item::parse).collect();
        let items = match (items, Item::parse(list.trim())) {
            (Ok(items), _) => items,
            (Err(ItemError::Unknown(part)), Ok(whole))
                if whole.kind.may_have_commas() && suggestion(&part).is_none() =>
            {
                BTreeSet::from([whole])
            }
            (Err(error), _) => return Err(error),
        };
        if items.is_empty() { Err(ItemError::Empty) } else { Ok(Self { items, ..Self::default() }) }
    }

    /// Adds the items of another list.
    pub fn merge(&mut self, other: Self) {
        self.items.extend(other.items);
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All items, in order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.iter()
    }

    /// The same, on a host with version 1 of control groups, where every container has
    /// the host's cgroup namespace.
    #[must_use]
    pub(super) fn with_host_cgroups(self, host_cgroups: bool) -> Self {
        Self { host_cgroups, ..self }
    }

    /// Whether the list has this item, or needs none for it.
    #[must_use]
    pub fn has(&self, kind: Kind, argument: &str) -> bool {
        let is_ordinary = self.host_cgroups && kind == Kind::Cgroupns && argument == "host";
        is_ordinary || self.items.iter().any(|item| item.kind == kind && item.argument == argument)
    }
}

fn suggestion(written: &str) -> Option<&'static str> {
    let word = written.split([':', '=']).next().unwrap_or_default();
    nearest(word, Kind::ALL.iter().map(|kind| kind.word()))
}

impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the list has no item"),
            Self::Unknown(written) => {
                write!(f, "{} is not an exception", quoted(written))?;
                match suggestion(written) {
                    Some(word) => write!(f, "; did you mean {word}?"),
                    None => Ok(()),
                }
            }
            Self::Argument { written, forms } => {
                write!(f, "{} is not an exception; write {forms}", quoted(written))
            }
            Self::Path(written) => {
                write!(f, "{} has no absolute path without '..'", quoted(written))
            }
        }
    }
}

impl std::error::Error for ItemError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str, items: &[&str]) {
        let parsed = Exceptions::parse(list).unwrap_or_else(|error| panic!("{list}: {error}"));
        let mut shown: Vec<String> = parsed.items().map(Item::to_string).collect();
        shown.sort();
        assert_eq!(shown, items, "{list}");
    }

    fn check_error(list: &str, message: &str) {
        assert_eq!(Exceptions::parse(list).unwrap_err().to_string(), message);
    }

    #[test]
    fn items_are_words_with_or_without_arguments() {
        check("privileged", &["privileged"]);
        check(" gpus , capadd:cap_net_admin,,capadd:NET_ADMIN", &["capadd:NET_ADMIN", "gpus"]);
        check("network:host,network:container", &["network:container", "network:host"]);
        check(
            "device:/dev/fuse,devicerule:c 1:3 rwm",
            &["device:/dev/fuse", "devicerule:c 1:3 rwm"],
        );
        check("field:HostConfig.New", &["field:HostConfig.New"]);
    }

    #[test]
    fn an_item_with_a_comma_stands_alone() {
        check("securityopt:label=level:s0:c1,c2", &["securityopt:label=level:s0:c1,c2"]);
        check("securityopt:label=disable,gpus", &["gpus", "securityopt:label=disable"]);
        check_error(
            "securityopt:label=disable,privilegd",
            "\"privilegd\" is not an exception; did you mean privileged?",
        );
    }

    #[test]
    fn wrong_items_are_named() {
        check_error("", "the list has no item");
        check_error(" , ", "the list has no item");
        check_error("nonsense", "\"nonsense\" is not an exception");
        check_error("privilged", "\"privilged\" is not an exception; did you mean privileged?");
        check_error("Privileged", "\"Privileged\" is not an exception; did you mean privileged?");
        check_error("capadd", "\"capadd\" is not an exception; write capadd:NAME");
        check_error("capadd:", "\"capadd:\" is not an exception; write capadd:NAME");
        check_error("gpus:all", "\"gpus:all\" is not an exception; write gpus");
        check_error(
            "network:bridge",
            "\"network:bridge\" is not an exception; write network:host or network:container",
        );
        check_error("device:fuse", "\"device:fuse\" has no absolute path without '..'");
        check_error(
            "device:/dev/../sda",
            "\"device:/dev/../sda\" has no absolute path without '..'",
        );
    }

    #[test]
    fn every_kind_is_parsed_in_the_form_in_which_it_is_printed() {
        for form in Kind::ALL.iter().flat_map(|kind| kind.forms()) {
            let item = form.replace(":PATH", ":/x");
            check(&item, &[&item]);
        }
    }
}
