//! Values of `HostConfig` that only a function can judge.

use super::exceptions::{Kind, capability};
use super::judge::{Judge, Place, member, member_mut, says_nothing, text_of};
use super::table::{FieldTable, Judgement, Values::*, rows};
use crate::json::{Tree, fold};

/// The capabilities of an ordinary container (moby `daemon/pkg/oci/caps`).
const DEFAULT_CAPABILITIES: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// The paths that Engine 20.10 masks (moby `oci/defaults.go`). Later ones mask
/// more, and an inspected container lists the paths that its Engine masked.
const MASKED: [&str; 10] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
];

const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Options of the log drivers `json-file` and `local`, and of the local copies that
/// the Engine keeps for other drivers.
const LOG_OPTIONS: [&str; 14] = [
    "cache-compress",
    "cache-disabled",
    "cache-max-file",
    "cache-max-size",
    "compress",
    "env",
    "env-regex",
    "labels",
    "labels-regex",
    "max-buffer-size",
    "max-file",
    "max-size",
    "mode",
    "tag",
];

/// The capabilities that a request for GPUs may name.
const GPU_CAPABILITIES: [&str; 8] =
    ["gpu", "nvidia", "compat32", "compute", "display", "graphics", "utility", "video"];

/// `CapAdd`: the Engine reads one text like a list of one.
pub(super) const CAPABILITIES: Judgement = Judgement {
    passes: "the 14 default capabilities",
    opened_by: &[Kind::CapAdd],
    tables: &[],
    judge: |judge, place, tree| {
        if matches!(tree, Tree::String(_)) {
            return check_capability(judge, place, tree);
        }
        judge.each(place, tree, |judge, place, item| check_capability(judge, place, item));
    },
};

fn check_capability(judge: &mut Judge<'_>, place: &Place<'_>, tree: &Tree<'_>) {
    let Some(text) = judge.text(place, tree) else { return };
    let name = capability(text);
    if !name.is_empty() && !DEFAULT_CAPABILITIES.contains(&name.as_str()) {
        judge.need(place, tree, Kind::CapAdd, &name);
    }
}

/// `MaskedPaths`.
pub(super) const MASKED_PATHS: Judgement = Judgement {
    passes: "`null`, and lists with all that Engine 20.10 masks",
    opened_by: &[Kind::Unmasked],
    tables: &[],
    judge: |judge, place, tree| check_paths(judge, place, tree, &MASKED),
};

/// `ReadonlyPaths`.
pub(super) const READ_ONLY_PATHS: Judgement = Judgement {
    passes: "`null`, and lists with all that Engine 20.10 makes read-only",
    opened_by: &[Kind::Unmasked],
    tables: &[],
    judge: |judge, place, tree| check_paths(judge, place, tree, &READ_ONLY),
};

fn check_paths(judge: &mut Judge<'_>, place: &Place<'_>, tree: &mut Tree<'_>, needed: &[&str]) {
    judge.each(place, tree, |judge, place, item| {
        judge.text(place, item);
    });
    let Tree::Array(items) = tree else { return };
    let has = |path: &&str| items.iter().any(|item| matches!(item, Tree::String(it) if it == path));
    if !needed.iter().all(has) {
        judge.need(place, tree, Kind::Unmasked, "");
    }
}

/// `SecurityOpt`: a key and a value, with `=` or, as older clients write it, `:`.
pub(super) const SECURITY_OPTION: Judgement = Judgement {
    passes: "`no-new-privileges`, `apparmor=docker-default`, `seccomp=builtin`",
    opened_by: &[Kind::SecurityOpt],
    tables: &[],
    judge: |judge, place, tree| {
        let Some(text) = judge.text(place, tree) else { return };
        let option = canonical_option(text);
        let is_ordinary = match option.split_once('=') {
            None => option == "no-new-privileges",
            Some(("no-new-privileges", value)) => {
                matches!(value, "1" | "t" | "T" | "true" | "True" | "TRUE")
            }
            Some(("apparmor", value)) => value == "docker-default",
            Some(("seccomp", value)) => value == "builtin",
            Some(_) => false,
        };
        match is_ordinary {
            true => {}
            false if is_profile(&option) => {
                judge.need(place, tree, Kind::SecurityOpt, "seccomp=profile");
            }
            false => judge.need(place, tree, Kind::SecurityOpt, &option),
        }
    },
};

/// A security option with `=`. The Engine looks for `=` first, then for `:`.
pub(super) fn canonical_option(option: &str) -> String {
    match option.contains('=') {
        true => option.to_owned(),
        false => option.replacen(':', "=", 1),
    }
}

/// Whether an option is a profile for system calls in full, which no list can name.
fn is_profile(option: &str) -> bool {
    option.strip_prefix("seccomp=").is_some_and(|value| value.trim_start().starts_with('{'))
}

/// An item of `Devices`.
pub(super) const DEVICES: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::Device, Kind::Cdi],
    tables: &[&DEVICE],
    judge: |judge, place, tree| {
        judge.object(&DEVICE, place, tree);
        let (path, place) = (text_of(tree, "PathOnHost"), place.field("PathOnHost"));
        let shown = Tree::String(path.into());
        match path {
            "" => {}
            path if path.split('/').any(|part| part == "..") => judge.refuse_value(&place, &shown),
            path if path.starts_with('/') => judge.need(&place, &shown, Kind::Device, path),
            name => judge.need(&place, &shown, Kind::Cdi, name),
        }
    },
};

const DEVICE: FieldTable = FieldTable {
    title: "Device",
    source: "moby api/types/container/hostconfig.go: DeviceMapping",
    also: &[],
    rows: rows! {
        "CgroupPermissions" => Text;
        "PathInContainer" => Text;
        "PathOnHost" => By(&JUDGED_WITH_DEVICE);
    },
};

const JUDGED_WITH_DEVICE: Judgement = Judgement {
    passes: "the empty string",
    opened_by: &[Kind::Device, Kind::Cdi],
    tables: &[],
    judge: |judge, place, tree| {
        judge.text(place, tree);
    },
};

/// An item of `DeviceRequests`.
pub(super) const DEVICE_REQUEST: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::Gpus, Kind::Cdi],
    tables: &[&REQUEST],
    judge: |judge, place, tree| {
        judge.object(&REQUEST, place, tree);
        if text_of(tree, "Driver") == "cdi" {
            return check_cdi(judge, place, tree);
        }
        if says_nothing(tree) {
            return;
        }
        match is_of_gpus(tree) {
            true => judge.need(place, tree, Kind::Gpus, ""),
            false => judge.refuse_value(place, tree),
        }
    },
};

const REQUEST: FieldTable = FieldTable {
    title: "Device request",
    source: "moby api/types/container/hostconfig.go: DeviceRequest",
    also: &[],
    rows: rows! {
        "Capabilities" => Each(&Texts);
        "Count" => Number;
        "DeviceIDs" => By(&JUDGED_WITH_REQUEST);
        "Driver" => By(&JUDGED_WITH_REQUEST);
        "Options" => Empty(None);
    },
};

const JUDGED_WITH_REQUEST: Judgement = Judgement {
    passes: "of GPUs or CDI devices, as a whole",
    opened_by: &[Kind::Gpus, Kind::Cdi],
    tables: &[],
    judge: |_, _, _| {},
};

fn check_cdi(judge: &mut Judge<'_>, place: &Place<'_>, tree: &mut Tree<'_>) {
    let Some(names) = member_mut(tree, "DeviceIDs") else { return };
    judge.each(&place.field("DeviceIDs"), names, |judge, place, item| {
        let Some(name) = judge.text(place, item) else { return };
        judge.need(place, item, Kind::Cdi, name);
    });
}

fn is_of_gpus(tree: &Tree<'_>) -> bool {
    let has_known_driver = match member(tree, "Driver") {
        None | Some(Tree::Null) => true,
        Some(Tree::String(driver)) => matches!(driver.as_ref(), "" | "nvidia"),
        Some(_) => false,
    };
    let is_plain = |id: &Tree<'_>| matches!(id, Tree::String(id) if !id.contains(['/', '=']));
    let has_plain_ids = match member(tree, "DeviceIDs") {
        None | Some(Tree::Null) => true,
        Some(Tree::Array(ids)) => ids.iter().all(is_plain),
        Some(_) => false,
    };
    let is_gpu = |of: &Tree<'_>| {
        let Tree::Array(words) = of else { return false };
        let known = |word: &Tree<'_>| matches!(word, Tree::String(it) if GPU_CAPABILITIES.contains(&it.as_ref()));
        words.iter().all(known) && words.iter().any(|word| *word == Tree::String("gpu".into()))
    };
    let asks_for_gpus = match member(tree, "Capabilities") {
        Some(Tree::Array(sets)) => !sets.is_empty() && sets.iter().all(is_gpu),
        _ => false,
    };
    has_known_driver && has_plain_ids && asks_for_gpus
}

/// `GroupAdd`: Podman keeps the groups of the user under one name.
pub(super) const GROUPS: Judgement = Judgement {
    passes: "all but `keep-groups`",
    opened_by: &[],
    tables: &[],
    judge: |judge, place, tree| {
        let Some(group) = judge.text(place, tree) else { return };
        if fold(group.trim()) == "keep-groups" {
            judge.refuse_value(place, tree);
        }
    },
};

/// `LogConfig`: the options are those of the driver.
pub(super) const LOG_CONFIG: Judgement = Judgement {
    passes: "`json-file`, `local` and `none`, with their options",
    opened_by: &[Kind::LogDriver],
    tables: &[&LOG, &OTHER_LOG],
    judge: |judge, place, tree| {
        let driver = text_of(tree, "Type");
        let is_ordinary = matches!(driver, "" | "json-file" | "local" | "none");
        judge.object(if is_ordinary { &LOG } else { &OTHER_LOG }, place, tree);
    },
};

const LOG: FieldTable = FieldTable {
    title: "LogConfig",
    source: "moby api/types/container/hostconfig.go: LogConfig",
    also: &[],
    rows: rows! {
        "Config" => Keys(&LOG_OPTIONS, Kind::LogOption);
        "Type" => Words(&["json-file", "local", "none"], Some(Kind::LogDriver));
    },
};

const OTHER_LOG: FieldTable = FieldTable {
    title: "LogConfig of another driver",
    source: "moby api/types/container/hostconfig.go: LogConfig",
    also: &[],
    rows: rows! {
        "Config" => Any, "paths of the host are restricted by `-allowbindmountfrom`";
        "Type" => Words(&[], Some(Kind::LogDriver));
    },
};

/// `OomScoreAdj`: below 0 others are killed first.
pub(super) const OOM_SCORE: Judgement = Judgement {
    passes: "0 and more",
    opened_by: &[Kind::Oom],
    tables: &[],
    judge: |judge, place, tree| {
        if judge.number(place, tree).is_some_and(|score| score < 0) {
            judge.need(place, tree, Kind::Oom, "");
        }
    },
};
