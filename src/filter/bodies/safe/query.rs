//! Queries: builds, imports, starts from a checkpoint.
//!
//! A parameter is judged like a field that holds a text. Of a repeated parameter every
//! value is judged, because daemons differ in which one counts.

use super::exceptions::Kind;
use super::judge::{Judge, Place, member, text_of};
use super::libpod;
use super::table::{FieldTable, Judgement, Row, Values::*, rows};
use crate::api::Operation;
use crate::filter::bodies::query::{Parameter, parameters};
use crate::filter::bodies::refusal::Fault;
use crate::json::Tree;

/// The treatment of parameters that are in no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// They pass: clients repeat bodies in queries.
    Passes,
    /// They are refused.
    Refused,
}

/// The judged parameters of an operation.
pub(super) fn table(operation: Operation) -> Option<(&'static FieldTable, Unknown)> {
    use Operation as Of;
    Some(match operation {
        Of::ImageBuild => (&BUILD, Unknown::Refused),
        Of::ImageBuildLibpod | Of::LocalBuildLibpod => (&BUILD_LIBPOD, Unknown::Refused),
        Of::ContainerStart | Of::ContainerStartLibpod => (&START, Unknown::Passes),
        Of::ImageCreate => (&IMAGE_CREATE, Unknown::Passes),
        _ => return None,
    })
}

/// Judges a query by a table.
pub(super) fn check(judge: &mut Judge<'_>, (table, unknown): (&FieldTable, Unknown), query: &str) {
    match parameters(query) {
        Ok(parameters) => {
            parameters.iter().for_each(|it| check_parameter(judge, table, unknown, it))
        }
        Err(refusal) => judge.add_refusal(refusal),
    }
}

fn check_parameter(
    judge: &mut Judge<'_>,
    table: &FieldTable,
    unknown: Unknown,
    Parameter { name, value }: &Parameter,
) {
    let place = Place::BODY;
    let place = place.field(name);
    let mut text = Tree::String(value.as_str().into());
    match (table.row(name), table.row_read_as(name)) {
        (Some(Row { values, .. }), _) => judge.value(values, &place, &mut text),
        (None, Some(Row { name, values, .. })) if !values.are_free() => {
            judge.refuse(&place, Fault::ReadAs(name));
        }
        (None, Some(_)) => {}
        (None, None) if unknown == Unknown::Passes || value.is_empty() => {}
        (None, None) => judge.need(&place, &text, Kind::BuildParameter, name),
    }
}

/// Start of a container.
pub(super) const START: FieldTable = FieldTable {
    title: "Query of container start",
    source: "moby api/server/router/container/container_routes.go: postContainersStart",
    also: &[],
    rows: rows! {
        "checkpoint" => Empty(Some(Kind::Checkpoints));
        "checkpoint-dir" => Empty(Some(Kind::Checkpoints));
    },
};

/// Pull and import of images.
pub(super) const IMAGE_CREATE: FieldTable = FieldTable {
    title: "Query of image create",
    source: "moby api/server/router/image/image_routes.go: postImagesCreate",
    also: &[],
    rows: rows! {
        "fromSrc" => Empty(Some(Kind::Import));
    },
};

/// Another value of a build than its default.
const PARAMETER: Judgement = Judgement {
    passes: "nothing, `[]`, `{}` and `null`",
    opened_by: &[Kind::BuildParameter],
    tables: &[],
    judge: |judge, place, tree| check_plain(judge, place, tree, &["[]", "{}", "null"]),
};

/// The same for a truth value.
const SWITCH: Judgement = Judgement {
    passes: "`0` and `false`",
    opened_by: &[Kind::BuildParameter],
    tables: &[],
    judge: |judge, place, tree| check_plain(judge, place, tree, &["0", "false"]),
};

/// How containers of the build are kept apart. Podman's client sends a number.
const ISOLATION: Judgement = Judgement {
    passes: "`default`, `oci`, `rootless`, `0`, `1`, `3`; not `2`, a mere chroot",
    opened_by: &[Kind::BuildParameter],
    tables: &[],
    judge: |judge, place, tree| {
        check_plain(judge, place, tree, &["default", "oci", "rootless", "0", "1", "3"]);
    },
};

/// Judges a parameter that is empty or has a plain value, or is opened by its name.
fn check_plain(judge: &mut Judge<'_>, place: &Place<'_>, tree: &Tree<'_>, plain: &[&str]) {
    let Some(value) = judge.text(place, tree) else { return };
    if !value.is_empty() && !plain.contains(&value) {
        // Its place is its name alone.
        judge.need(place, tree, Kind::BuildParameter, &place.to_string());
    }
}

/// The version of the builder, whose requests beside this one cannot be judged if it
/// is BuildKit.
const VERSION: Judgement = Judgement {
    passes: "`1`, the classic builder",
    opened_by: &[Kind::BuildKit],
    tables: &[],
    judge: |judge, place, tree| {
        let Some(value) = judge.text(place, tree) else { return };
        if !matches!(value, "" | "1") {
            judge.need(place, tree, Kind::BuildKit, "");
        }
    },
};

/// Mappings of users, as JSON.
const ID_MAPPINGS: Judgement = Judgement {
    passes: "every user mapped to the same one",
    opened_by: &[Kind::BuildParameter],
    tables: &[],
    judge: |judge, place, tree| {
        with_json(judge, place, tree, |judge, place, tree| {
            judge.value(&Object(&libpod::ID_MAPPINGS), place, tree);
        });
    },
};

/// Namespaces of the build's containers, as JSON. Without a user namespace is the
/// default.
const NAMESPACES: Judgement = Judgement {
    passes: "namespaces of its own, and the host's users",
    opened_by: &[Kind::BuildNetwork, Kind::Pid, Kind::Ipc, Kind::Uts, Kind::Cgroupns],
    tables: &[&NAMESPACE],
    judge: |judge, place, tree| {
        with_json(judge, place, tree, |judge, place, tree| {
            judge.each(place, tree, check_namespace);
        });
    },
};

const NAMESPACE: FieldTable = FieldTable {
    title: "Podman: namespace of a build",
    source: "buildah define/types.go: NamespaceOption",
    also: &[],
    rows: rows! {
        "Host" => By(&libpod::TRUTH);
        "Name" => By(&libpod::TEXT);
        "Path" => By(&libpod::TEXT);
    },
};

fn check_namespace(judge: &mut Judge<'_>, place: &Place<'_>, tree: &mut Tree<'_>) {
    judge.object(&NAMESPACE, place, tree);
    let (name, path) = (text_of(tree, "Name"), text_of(tree, "Path"));
    let is_hosts = member(tree, "Host") == Some(&Tree::Bool(true));
    match name {
        "user" if path.is_empty() => {}
        "network" if is_hosts => judge.need(place, tree, Kind::BuildNetwork, "host"),
        // A name of a network: paths are the other rule's.
        "network" if !path.is_empty() => judge.need(place, tree, Kind::BuildNetwork, path),
        _ if !path.is_empty() => judge.refuse_value(place, tree),
        _ if !is_hosts => {}
        "pid" => judge.need(place, tree, Kind::Pid, "host"),
        "ipc" => judge.need(place, tree, Kind::Ipc, "host"),
        "uts" => judge.need(place, tree, Kind::Uts, "host"),
        "cgroup" => judge.need(place, tree, Kind::Cgroupns, "host"),
        _ => judge.refuse_value(place, tree),
    }
}

/// Judges the JSON in a text.
fn with_json(
    judge: &mut Judge<'_>,
    place: &Place<'_>,
    tree: &Tree<'_>,
    with: impl Fn(&mut Judge<'_>, &Place<'_>, &mut Tree<'_>),
) {
    let Some(text) = judge.text(place, tree).filter(|text| !text.is_empty()) else { return };
    match Tree::parse(text.as_bytes()) {
        Ok(mut tree) => with(judge, place, &mut tree),
        Err(error) => judge.refuse(place, Fault::NotJson(error)),
    }
}

/// The profile for system calls: files are another rule's, which knows Podman's own.
const SECCOMP: Judgement = Judgement {
    passes: "the files of Podman's own profile",
    opened_by: &[Kind::BuildParameter],
    tables: &[],
    judge: |judge, place, tree| {
        let Some(path) = judge.text(place, tree) else { return };
        if !path.is_empty() && !path.starts_with('/') {
            judge.need(place, tree, Kind::BuildParameter, "seccomp");
        }
    },
};

/// A build of an image in the Engine's tree.
pub(super) const BUILD: FieldTable = FieldTable {
    title: "Query of image build",
    source: "moby api/server/router/build/build_routes.go: newImageBuildOptions",
    also: &[&BUILD_PARAMETERS],
    rows: rows! {
        "idmappingoptions" => By(&PARAMETER);
        "networkmode" => Words(&["default", "none"], Some(Kind::BuildNetwork));
        "nsoptions" => By(&PARAMETER);
        "seccomp" => By(&PARAMETER);
    },
};

/// A build in Podman's own tree, whose client sends numbers and all defaults.
pub(super) const BUILD_LIBPOD: FieldTable = FieldTable {
    title: "Podman: query of image build",
    source: "podman pkg/api/handlers/compat/images_build.go: BuildQuery",
    also: &[&BUILD_PARAMETERS],
    rows: rows! {
        "idmappingoptions" => By(&ID_MAPPINGS);
        "networkmode" => Words(&["0", "1", "2", "default", "none"], Some(Kind::BuildNetwork)),
            "whether there is a network; `nsoptions` says which";
        "nsoptions" => By(&NAMESPACES);
        "seccomp" => By(&SECCOMP);
    },
};

/// Parameters of builds.
const BUILD_PARAMETERS: FieldTable = FieldTable {
    title: "Parameters of builds",
    source: "moby api/server/router/build/build_routes.go: newImageBuildOptions; \
             podman pkg/api/handlers/compat/images_build.go: BuildQuery",
    also: &[],
    rows: rows! {
        "addcaps" => By(&PARAMETER);
        "additionalbuildcontexts" => By(&PARAMETER);
        "allplatforms" => Text;
        "annotations" => Text;
        "apparmor" => By(&PARAMETER);
        "buildargs" => Text;
        "buildid" => Text;
        "cachefrom" => Text;
        "cacheto" => By(&PARAMETER);
        "cachettl" => Text;
        "cgroupparent" => Words(&[], Some(Kind::CgroupParent));
        "compatvolumes" => Text;
        "compression" => Text;
        "cppflags" => By(&PARAMETER);
        "cpuperiod" => Text;
        "cpuquota" => Text;
        "cpusetcpus" => Text;
        "cpusetmems" => Text;
        "cpushares" => Text;
        "createdannotation" => Text;
        "devices" => By(&PARAMETER);
        "dnsoptions" => Text;
        "dnssearch" => Text;
        "dnsservers" => Text;
        "dockerfile" => Text, "restricted by the rule for host directories";
        "dropcaps" => Text;
        "excludes" => Text;
        "extrahosts" => By(&PARAMETER);
        "forcerm" => Text;
        "from" => Text;
        "groupadd" => By(&PARAMETER);
        "httpproxy" => Text;
        "identitylabel" => Text;
        "ignore" => Text;
        "inheritannotations" => Text;
        "inheritlabels" => Text;
        "isolation" => By(&ISOLATION);
        "jobs" => Text;
        "labelopts" => By(&PARAMETER);
        "labels" => Text;
        "layerLabel" => Text;
        "layers" => Text;
        "manifest" => Text;
        "memory" => Text;
        "memswap" => Text;
        "nocache" => Text;
        "nohosts" => Text;
        "omithistory" => Text;
        "osfeature" => Text;
        "osversion" => Text;
        "output" => Text;
        "outputformat" => Text;
        "outputs" => Empty(Some(Kind::BuildKit));
        "platform" => Text;
        "pull" => Text;
        "pullpolicy" => Text;
        "q" => Text;
        "registry" => Text;
        "remote" => Empty(Some(Kind::BuildRemote));
        "retry" => Text;
        "retry-delay" => Text;
        "rewritetimestamp" => Text;
        "rm" => Text;
        "rusage" => Text;
        "rusagelogfile" => By(&PARAMETER);
        "save-stages" => Text;
        "sbom-image-output" => By(&PARAMETER);
        "sbom-image-purl-output" => By(&PARAMETER);
        "sbom-merge-strategy" => By(&PARAMETER);
        "sbom-output" => By(&PARAMETER);
        "sbom-purl-output" => By(&PARAMETER);
        "sbom-scanner-command" => By(&PARAMETER);
        "sbom-scanner-image" => By(&PARAMETER);
        "secrets" => Text, "restricted by the rule for host directories";
        "securityopt" => By(&PARAMETER);
        "session" => Empty(Some(Kind::BuildKit));
        "setenv" => Text;
        "shmsize" => Text;
        "skipunusedstages" => Text;
        "sourcedateepoch" => Text;
        "squash" => Text;
        "stage-labels" => Text;
        "t" => Text;
        "target" => Text;
        "timestamp" => Text;
        "tlsVerify" => By(&SWITCH);
        "transientRunMounts" => By(&PARAMETER);
        "ulimits" => Text;
        "unsetannotation" => Text;
        "unsetenv" => Text;
        "unsetlabel" => Text;
        "version" => By(&VERSION);
        "volume" => By(&PARAMETER);
    },
};
