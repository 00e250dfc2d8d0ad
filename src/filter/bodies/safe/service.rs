//! Services and secrets of a swarm. Services need the item `services`; their tasks are
//! containers, judged like others.

use super::container::ENVIRONMENT;
use super::exceptions::Kind;
use super::host_config::{CAPABILITIES, GROUPS, OOM_SCORE};
use super::judge::{says_nothing, text_of};
use super::mounts::MOUNT;
use super::namespaces::{check_network_name, is_network};
use super::table::{FieldTable, Judgement, Values::*, rows};
use crate::json::Tree;

/// Create and update of a service.
pub(super) const SERVICE: FieldTable = FieldTable {
    title: "Service",
    source: "moby api/types/swarm/service.go: ServiceSpec",
    also: &[],
    rows: rows! {
        "EndpointSpec" => Any, "ports of the host are ordinary";
        "Labels" => Any;
        "Mode" => Any;
        "Name" => Text;
        "Networks" => Each(&By(&ATTACHMENT));
        "RollbackConfig" => Any;
        "TaskTemplate" => Object(&TASK);
        "UpdateConfig" => Any;
    },
};

const TASK: FieldTable = FieldTable {
    title: "Task",
    source: "moby api/types/swarm/task.go: TaskSpec",
    also: &[],
    rows: rows! {
        "ContainerSpec" => Object(&CONTAINER);
        "ForceUpdate" => Number;
        "LogDriver" => Object(&LOG_DRIVER);
        "NetworkAttachmentSpec" => Empty(None);
        "Networks" => Each(&By(&ATTACHMENT));
        "Placement" => Any;
        "PluginSpec" => Empty(Some(Kind::Plugins));
        "Resources" => Any, "restricted by `-maxmemory`, `-maxcpus` and `-maxpids`";
        "RestartPolicy" => Any;
        "Runtime" => Words(&["container"], Some(Kind::Plugins));
    },
};

/// A network of a service. The Engine takes a target for a name, an id, or the beginning
/// of an id, and the id of the network `host` is as good as its name: no text is safe by
/// its form.
const ATTACHMENT: Judgement = Judgement {
    passes: "none",
    opened_by: &[Kind::ServiceNetwork, Kind::Network, Kind::NetworkOption],
    tables: &[&ATTACHMENT_FIELDS],
    judge: |judge, place, tree| {
        let (target, here) = (text_of(tree, "Target").to_owned(), place.field("Target"));
        if is_network(&target) && !target.is_empty() {
            judge.need(&here, &Tree::String(target.as_str().into()), Kind::ServiceNetwork, &target);
        } else {
            check_network_name(judge, &here, &target);
        }
        judge.object(&ATTACHMENT_FIELDS, place, tree);
    },
};

const ATTACHMENT_FIELDS: FieldTable = FieldTable {
    title: "Network of a service",
    source: "moby api/types/swarm/network.go: NetworkAttachmentConfig",
    also: &[],
    rows: rows! {
        "Aliases" => Texts;
        "DriverOpts" => Keys(&[], Kind::NetworkOption);
        "Target" => Text;
    },
};

/// The driver of logs, as for containers under other names.
const LOG_DRIVER: FieldTable = FieldTable {
    title: "Log driver of a service",
    source: "moby api/types/swarm/common.go: Driver",
    also: &[],
    rows: rows! {
        "Name" => Words(&["json-file", "local", "none"], Some(Kind::LogDriver));
        "Options" => Any, "paths of the host are restricted by `-allowbindmountfrom`";
    },
};

const CONTAINER: FieldTable = FieldTable {
    title: "Container of a service",
    source: "moby api/types/swarm/container.go: ContainerSpec",
    also: &[],
    rows: rows! {
        "Args" => Texts;
        "CapabilityAdd" => By(&CAPABILITIES);
        "CapabilityDrop" => Any;
        "Command" => Texts;
        "Configs" => Any;
        "DNSConfig" => Any;
        "Dir" => Text;
        "Env" => Each(&By(&ENVIRONMENT));
        "Groups" => Each(&By(&GROUPS));
        "Healthcheck" => Any;
        "Hostname" => Text;
        "Hosts" => Texts;
        "Image" => Text, "restricted by `-allowimage`";
        "Init" => Truth;
        "Isolation" => Words(&["default"], None);
        "Labels" => Any;
        "Mounts" => Each(&Object(&MOUNT));
        "OomScoreAdj" => By(&OOM_SCORE);
        "OpenStdin" => Truth;
        "Privileges" => Object(&PRIVILEGES);
        "ReadOnly" => Truth;
        "Secrets" => Any;
        "StopGracePeriod" => Number;
        "StopSignal" => Any;
        "Sysctls" => Keys(&[], Kind::Sysctl);
        "TTY" => Truth;
        "Ulimits" => Any;
        "User" => Text;
    },
};

const PRIVILEGES: FieldTable = FieldTable {
    title: "Privileges of a service",
    source: "moby api/types/swarm/container.go: Privileges",
    also: &[],
    rows: rows! {
        "AppArmor" => By(&APPARMOR);
        "CredentialSpec" => Empty(None), "Windows only";
        "NoNewPrivileges" => Truth;
        "SELinuxContext" => By(&SELINUX);
        "Seccomp" => By(&SECCOMP);
    },
};

const APPARMOR: Judgement = Judgement {
    passes: "mode `default`",
    opened_by: &[Kind::SecurityOpt],
    tables: &[],
    judge: |judge, place, tree| match text_of(tree, "Mode") {
        "" | "default" if has_only(tree, &["Mode"]) => {}
        _ => judge.need(place, tree, Kind::SecurityOpt, "apparmor=unconfined"),
    },
};

const SELINUX: Judgement = Judgement {
    passes: "nothing",
    opened_by: &[Kind::SecurityOpt],
    tables: &[],
    judge: |judge, place, tree| {
        if !says_nothing(tree) {
            judge.need(place, tree, Kind::SecurityOpt, "label=disable");
        }
    },
};

const SECCOMP: Judgement = Judgement {
    passes: "mode `default`",
    opened_by: &[Kind::SecurityOpt],
    tables: &[],
    judge: |judge, place, tree| match text_of(tree, "Mode") {
        "" | "default" if has_only(tree, &["Mode"]) => {}
        "unconfined" => judge.need(place, tree, Kind::SecurityOpt, "seccomp=unconfined"),
        _ => judge.need(place, tree, Kind::SecurityOpt, "seccomp=profile"),
    },
};

/// Whether an object has values in these fields alone.
fn has_only(tree: &Tree<'_>, names: &[&str]) -> bool {
    let Tree::Object(members) = tree else { return false };
    members.iter().all(|(key, value)| names.contains(&key.as_ref()) || says_nothing(value))
}

/// Create of a secret.
pub(super) const SECRET: FieldTable = FieldTable {
    title: "Secret create",
    source: "moby api/types/swarm/secret.go: SecretSpec",
    also: &[],
    rows: rows! {
        "Data" => Text;
        "Driver" => Object(&SECRET_DRIVER);
        "Labels" => Any;
        "Name" => Text;
        "Templating" => Any;
    },
};

const SECRET_DRIVER: FieldTable = FieldTable {
    title: "Driver of a secret",
    source: "moby api/types/swarm/common.go: Driver",
    also: &[],
    rows: rows! {
        "Name" => Words(&["file"], Some(Kind::SecretDriver));
        "Options" => Empty(Some(Kind::SecretDriver));
    },
};
