//! Queries: builds, imports, starts from a checkpoint.
//!
//! A parameter is judged like a field that holds a text. Of a repeated parameter every
//! value is judged, because daemons differ in which one counts.

use super::exceptions::Kind;
use super::judge::{Judge, Place};
use super::table::{FieldTable, Judgement, Row, Values::*, rows};
use crate::api::Operation;
use crate::filter::bodies::query::{Parameter, parameters};
use crate::filter::bodies::refusal::Fault;
use crate::json::Tree;

/// What becomes of parameters that are in no table.
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
        Of::ImageBuild | Of::ImageBuildLibpod | Of::LocalBuildLibpod => (&BUILD, Unknown::Refused),
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
    judge: |judge, place, tree| {
        let Some(value) = judge.text(place, tree) else { return };
        if !matches!(value, "" | "[]" | "{}" | "null") {
            // Its place is its name alone.
            judge.need(place, tree, Kind::BuildParameter, &place.to_string());
        }
    },
};

/// The same for a truth value.
const SWITCH: Judgement = Judgement {
    passes: "`0` and `false`",
    opened_by: &[Kind::BuildParameter],
    tables: &[],
    judge: |judge, place, tree| {
        let Some(value) = judge.text(place, tree) else { return };
        if !matches!(value, "" | "0" | "false") {
            judge.need(place, tree, Kind::BuildParameter, &place.to_string());
        }
    },
};

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

/// A build of an image: parameters of the Engine and of Podman.
pub(super) const BUILD: FieldTable = FieldTable {
    title: "Query of image build",
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
        "idmappingoptions" => By(&PARAMETER);
        "ignore" => Text;
        "inheritannotations" => Text;
        "inheritlabels" => Text;
        "isolation" => Words(&["default", "0"], Some(Kind::BuildParameter));
        "jobs" => Text;
        "labelopts" => By(&PARAMETER);
        "labels" => Text;
        "layerLabel" => Text;
        "layers" => Text;
        "manifest" => Text;
        "memory" => Text;
        "memswap" => Text;
        "networkmode" => Words(&["default", "none"], Some(Kind::BuildNetwork));
        "nocache" => Text;
        "nohosts" => Text;
        "nsoptions" => By(&PARAMETER);
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
        "seccomp" => By(&PARAMETER);
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
