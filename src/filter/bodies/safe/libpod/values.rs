//! Values of Podman's specs that only a function can judge.

use crate::filter::bodies::safe::exceptions::Kind;
use crate::filter::bodies::safe::judge::{Judge, Place, member, text_of};
use crate::filter::bodies::safe::table::{FieldTable, Judgement, Values::*, rows};
use crate::json::Tree;

/// `pidns`.
pub(super) const PID: Judgement = Judgement {
    passes: "a namespace of the container's own: `private`",
    opened_by: &[Kind::Pid, Kind::Pods],
    tables: &[&NAMESPACE],
    judge: |judge, place, tree| check_namespace(judge, place, tree, Kind::Pid, &["private"]),
};

/// `ipcns`.
pub(super) const IPC: Judgement = Judgement {
    passes: "a namespace of the container's own: `private`, `shareable`, `none`",
    opened_by: &[Kind::Ipc, Kind::Pods],
    tables: &[&NAMESPACE],
    judge: |judge, place, tree| {
        check_namespace(judge, place, tree, Kind::Ipc, &["private", "shareable", "none"]);
    },
};

/// `utsns`.
pub(super) const UTS: Judgement = Judgement {
    passes: "a namespace of the container's own: `private`",
    opened_by: &[Kind::Uts, Kind::Pods],
    tables: &[&NAMESPACE],
    judge: |judge, place, tree| check_namespace(judge, place, tree, Kind::Uts, &["private"]),
};

/// `cgroupns`.
pub(super) const CGROUPNS: Judgement = Judgement {
    passes: "a namespace of the container's own: `private`",
    opened_by: &[Kind::Cgroupns, Kind::Pods],
    tables: &[&NAMESPACE],
    judge: |judge, place, tree| check_namespace(judge, place, tree, Kind::Cgroupns, &["private"]),
};

/// `netns`. A namespace of `pasta` and `slirp4netns` is a rootless container's default.
pub(super) const NETNS: Judgement = Judgement {
    passes: "`private`, `bridge`, `none`, and `pasta` and `slirp4netns` without options",
    opened_by: &[Kind::Network, Kind::NetworkOption, Kind::Pods],
    tables: &[&NAMESPACE],
    judge: |judge, place, tree| {
        let mode = text_of(tree, "nsmode");
        match matches!(mode, "pasta" | "slirp4netns") {
            true => {
                let (mode, value) = (mode.to_owned(), text_of(tree, "value").to_owned());
                judge.object(&NAMESPACE, place, tree);
                if !value.is_empty() {
                    let shown = Tree::String(value.into());
                    judge.need(&place.field("value"), &shown, Kind::NetworkOption, &mode);
                }
            }
            false => {
                let own = ["private", "bridge", "none"];
                check_namespace(judge, place, tree, Kind::Network, &own);
            }
        }
    },
};

/// `userns`. Other mappings than the daemon's default leave its devices unguarded
/// (Podman sets no rule of the device cgroup in a user namespace).
pub(super) const USERNS: Judgement = Judgement {
    passes: "the daemon's default",
    opened_by: &[Kind::Userns, Kind::Pods],
    tables: &[&NAMESPACE],
    judge: |judge, place, tree| {
        let value = text_of(tree, "value").to_owned();
        check_namespace(judge, place, tree, Kind::Userns, &[]);
        let is_plain = |part: &str| {
            let number = part.split_once('=').map_or("", |(key, number)| match key {
                "size" | "uid" | "gid" => number,
                _ => "",
            });
            !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
        };
        if !value.is_empty() && !value.split(',').all(is_plain) {
            judge.refuse_value(&place.field("value"), &Tree::String(value.into()));
        }
    },
};

const NAMESPACE: FieldTable = FieldTable {
    title: "Podman: a namespace",
    source: "podman pkg/specgen/namespaces.go: Namespace",
    also: &[],
    rows: rows! {
        "nsmode" => By(&TEXT);
        "value" => By(&TEXT);
    },
};

/// Judges the owner of a namespace: the container, its pod, the host, another
/// container. A namespace given by its path has no owner.
fn check_namespace(
    judge: &mut Judge<'_>,
    place: &Place<'_>,
    tree: &mut Tree<'_>,
    kind: Kind,
    own: &[&str],
) {
    judge.object(&NAMESPACE, place, tree);
    let (mode, value) = (text_of(tree, "nsmode"), text_of(tree, "value"));
    let (shown, mode_place) = (Tree::String(mode.into()), place.field("nsmode"));
    match mode {
        "pod" if value.is_empty() => judge.need(&mode_place, &shown, Kind::Pods, ""),
        _ if kind.takes(mode) => judge.need(&mode_place, &shown, kind, mode),
        mode if !matches!(mode, "" | "default") && !own.contains(&mode) => {
            judge.refuse_value(&mode_place, &shown);
        }
        _ if !value.is_empty() => {
            judge.refuse_value(&place.field("value"), &Tree::String(value.into()));
        }
        _ => {}
    }
}

/// `network_options`: a map from a program to its options.
pub(super) const NETWORK_OPTIONS: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::NetworkOption],
    tables: &[],
    judge: |judge, place, tree| {
        judge.entries(place, tree, |judge, place, program, options| {
            judge.value(&Texts, place, options);
            if !matches!(options, Tree::Array(items) if items.is_empty()) {
                judge.need(place, options, Kind::NetworkOption, program);
            }
        });
    },
};

/// An item of `devices`: `PATH[:PATH[:PERMISSIONS]]`, or the name of a CDI device.
pub(super) const DEVICE_PATH: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::Device, Kind::Cdi],
    tables: &[&DEVICE],
    judge: |judge, place, tree| {
        judge.object(&DEVICE, place, tree);
        check_device(judge, &place.field("path"), text_of(tree, "path"));
    },
};

/// A device as texts name it.
pub(super) const DEVICE_TEXT: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::Device, Kind::Cdi],
    tables: &[],
    judge: |judge, place, tree| {
        let Some(path) = judge.text(place, tree) else { return };
        check_device(judge, place, path);
    },
};

fn check_device(judge: &mut Judge<'_>, place: &Place<'_>, device: &str) {
    let shown = Tree::String(device.into());
    if !device.starts_with('/') {
        // Podman takes a text that is no CDI device for a path.
        return match device.contains('=') && !device.contains(':') {
            true => judge.need(place, &shown, Kind::Cdi, device),
            false => judge.refuse_value(place, &shown),
        };
    }
    let path = device.split(':').next().unwrap_or_default();
    match path.split('/').any(|part| part == "..") {
        true => judge.refuse_value(place, &shown),
        false => judge.need(place, &shown, Kind::Device, path),
    }
}

const DEVICE: FieldTable = FieldTable {
    title: "Podman: device",
    source: "runtime-spec specs-go/config.go: LinuxDevice",
    also: &[],
    rows: rows! {
        "fileMode" => Empty(None);
        "gid" => Empty(None);
        "major" => Empty(None);
        "minor" => Empty(None);
        "path" => By(&TEXT);
        "type" => Empty(None);
        "uid" => Empty(None);
    },
};

/// `device_cgroup_rule`. Each item makes Podman allow the devices that it names, and
/// one that names nothing means all devices to crun: `null` and `{}` are rules as well.
pub(super) const DEVICE_RULES: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::DeviceRule],
    tables: &[&DEVICE_RULE_FIELDS],
    judge: |judge, place, tree| {
        if matches!(tree, Tree::Array(items) if items.contains(&Tree::Null)) {
            return judge.refuse_value(place, tree);
        }
        judge.value(&Each(&By(&DEVICE_RULE)), place, tree);
    },
};

/// One rule, named as on the command line: `c 10:200 rwm`.
const DEVICE_RULE: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::DeviceRule],
    tables: &[&DEVICE_RULE_FIELDS],
    judge: |judge, place, tree| {
        judge.object(&DEVICE_RULE_FIELDS, place, tree);
        let rule = format!(
            "{} {}:{} {}",
            text_of(tree, "type"),
            number_or_star(tree, "major"),
            number_or_star(tree, "minor"),
            text_of(tree, "access")
        );
        judge.need(place, tree, Kind::DeviceRule, &rule);
    },
};

const DEVICE_RULE_FIELDS: FieldTable = FieldTable {
    title: "Podman: rule of the device cgroup",
    source: "runtime-spec specs-go/config.go: LinuxDeviceCgroup",
    also: &[],
    rows: rows! {
        "access" => By(&TEXT);
        "allow" => Truth, "a rule counts in either case";
        "major" => By(&NUMBER);
        "minor" => By(&NUMBER);
        "type" => By(&TEXT);
    },
};

/// A number of a device; `-1` means all as well.
fn number_or_star<'t>(tree: &'t Tree<'_>, name: &str) -> &'t str {
    match member(tree, name) {
        Some(Tree::Number(digits)) if *digits != "-1" => digits,
        _ => "*",
    }
}

/// `apparmor_profile`.
pub(super) const APPARMOR: Judgement = Judgement {
    passes: "the empty string: Podman's own profile",
    opened_by: &[Kind::SecurityOpt],
    tables: &[],
    judge: |judge, place, tree| check_security(judge, place, tree, "apparmor"),
};

/// An item of `selinux_opts`, such as `disable`.
pub(super) const SELINUX_OPTION: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::SecurityOpt],
    tables: &[],
    judge: |judge, place, tree| check_security(judge, place, tree, "label"),
};

/// An item of `procfs_opts`.
pub(super) const PROC_OPTION: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::SecurityOpt],
    tables: &[],
    judge: |judge, place, tree| check_security(judge, place, tree, "proc-opts"),
};

/// `label_nested`: as `label=nested`.
pub(super) const LABEL_NESTED: Judgement = Judgement {
    passes: "`false`",
    opened_by: &[Kind::SecurityOpt],
    tables: &[],
    judge: |judge, place, tree| {
        if judge.truth(place, tree) == Some(true) {
            judge.need(place, tree, Kind::SecurityOpt, "label=nested");
        }
    },
};

/// `seccomp_policy`: `image` takes the profile of the image.
pub(super) const SECCOMP_POLICY: Judgement = Judgement {
    passes: "`default`",
    opened_by: &[Kind::SecurityOpt],
    tables: &[],
    judge: |judge, place, tree| {
        if judge.text(place, tree).is_some_and(|policy| policy != "default") {
            check_security(judge, place, tree, "seccomp-policy");
        }
    },
};

/// `seccomp_profile_path`: files are another rule's, which knows Podman's own.
pub(super) const SECCOMP_PROFILE: Judgement = Judgement {
    passes: "the files of Podman's own profile",
    opened_by: &[Kind::SecurityOpt],
    tables: &[],
    judge: |judge, place, tree| {
        if judge.text(place, tree).is_some_and(|path| !path.starts_with('/')) {
            check_security(judge, place, tree, "seccomp");
        }
    },
};

/// Judges a field for which the command line has a security option.
fn check_security(judge: &mut Judge<'_>, place: &Place<'_>, tree: &Tree<'_>, option: &str) {
    let Some(value) = judge.text(place, tree) else { return };
    if !value.is_empty() {
        judge.need(place, tree, Kind::SecurityOpt, &format!("{option}={value}"));
    }
}

/// A secret of Podman as a file.
pub(super) const SECRET: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::Secret],
    tables: &[&SECRET_FIELDS],
    judge: |judge, place, tree| {
        judge.object(&SECRET_FIELDS, place, tree);
        let name = text_of(tree, "Source");
        judge.need(&place.field("Source"), &Tree::String(name.into()), Kind::Secret, name);
    },
};

const SECRET_FIELDS: FieldTable = FieldTable {
    title: "Podman: secret of a container",
    source: "podman pkg/specgen/specgen.go: Secret",
    also: &[],
    rows: rows! {
        "GID" => Number;
        "Mode" => Number;
        "Source" => By(&TEXT);
        "Target" => Text;
        "UID" => Number;
    },
};

/// `secret_env`: a map from a variable to a secret.
pub(super) const SECRET_ENVIRONMENT: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::Secret],
    tables: &[],
    judge: |judge, place, tree| {
        judge.entries(place, tree, |judge, place, _, value| {
            let Some(name) = judge.text(place, value) else { return };
            judge.need(place, value, Kind::Secret, name);
        });
    },
};

/// Mappings with which every user is the same outside.
pub(super) const IDENTITY: Judgement = Judgement {
    passes: "every user mapped to the same one",
    opened_by: &[],
    tables: &[&MAPPING],
    judge: |judge, place, tree| {
        judge.object(&MAPPING, place, tree);
        if number_of(tree, "container_id") != number_of(tree, "host_id") {
            judge.refuse_value(place, tree);
        }
    },
};

/// A number of an object; 0 if it is absent, nothing if it is none.
fn number_of(tree: &Tree<'_>, name: &str) -> Option<i64> {
    match member(tree, name) {
        Some(Tree::Number(digits)) => digits.parse().ok(),
        Some(Tree::Null) | None => Some(0),
        Some(_) => None,
    }
}

const MAPPING: FieldTable = FieldTable {
    title: "Podman: mapping of users",
    source: "container-libs storage/pkg/idtools/idtools.go: IDMap",
    also: &[],
    rows: rows! {
        "container_id" => By(&NUMBER);
        "host_id" => By(&NUMBER);
        "size" => By(&NUMBER);
    },
};

/// Options of user namespaces that Podman chooses.
pub(super) const AUTO_USERNS_OPTIONS: FieldTable = FieldTable {
    title: "Podman: options of automatic user namespaces",
    source: "container-libs storage/types/idmappings.go: AutoUserNsOptions",
    also: &[],
    rows: rows! {
        "AdditionalGIDMappings" => Empty(None);
        "AdditionalUIDMappings" => Empty(None);
        "GroupFile" => Empty(None);
        "InitialSize" => Number;
        "PasswdFile" => Empty(None);
        "Size" => Number;
    },
};

/// A text that is judged with the object that has it, and must be spelled exactly.
pub(in crate::filter::bodies::safe) const TEXT: Judgement = Judgement {
    passes: "a string, judged with the others",
    opened_by: &[],
    tables: &[],
    judge: |judge, place, tree| {
        judge.text(place, tree);
    },
};

/// The same for a truth value.
pub(in crate::filter::bodies::safe) const TRUTH: Judgement = Judgement {
    passes: "a boolean, judged with the others",
    opened_by: &[],
    tables: &[],
    judge: |judge, place, tree| {
        judge.truth(place, tree);
    },
};

/// The same for texts.
pub(super) const TEXTS: Judgement = Judgement {
    passes: "strings, judged with the others",
    opened_by: &[],
    tables: &[],
    judge: |judge, place, tree| judge.value(&Texts, place, tree),
};

/// The same for a number.
const NUMBER: Judgement = Judgement {
    passes: "an integer, judged with the others",
    opened_by: &[],
    tables: &[],
    judge: |judge, place, tree| {
        judge.number(place, tree);
    },
};
