//! Mounts in Podman's specs, and volumes. Directories of the host are another rule's.

use super::values::{TEXT, TEXTS};
use crate::filter::bodies::safe::exceptions::Kind;
use crate::filter::bodies::safe::judge::{Judge, Place, text_of};
use crate::filter::bodies::safe::mounts::{
    BIND_OPTIONS, JUDGED_WITH_DRIVER, TMPFS_OPTIONS, check_driver,
};
use crate::filter::bodies::safe::table::{FieldTable, Judgement, Values::*, rows};
use crate::json::Tree;

/// An item of `mounts`: a mount as the OCI runtime reads it.
pub(super) const MOUNT: Judgement = Judgement {
    passes: "types `tmpfs`, `devpts`, `mqueue`, and `bind` of a directory of `-allowbindmountfrom`, with known options",
    opened_by: &[],
    tables: &[&MOUNT_FIELDS],
    judge: |judge, place, tree| {
        judge.object(&MOUNT_FIELDS, place, tree);
        let is_known: fn(&str) -> bool = match text_of(tree, "type") {
            "tmpfs" => |option| TMPFS_OPTIONS.contains(&name_of(option)),
            "bind" => |option| BIND_OPTIONS.contains(&option),
            "devpts" | "mqueue" => |option| KERNEL_OPTIONS.contains(&name_of(option)),
            kind => {
                let kind = Tree::String(kind.to_owned().into());
                return judge.refuse_value(&place.field("type"), &kind);
            }
        };
        let Tree::Object(members) = tree else { return };
        let Some((_, options)) = members.iter_mut().find(|(key, _)| key == "options") else {
            return;
        };
        judge.each(&place.field("options"), options, |judge, place, option| {
            let Some(text) = judge.text(place, option) else { return };
            if !text.split(',').all(|word| word.is_empty() || is_known(word)) {
                judge.refuse_value(place, option);
            }
        });
    },
};

fn name_of(option: &str) -> &str {
    option.split('=').next().unwrap_or_default()
}

const MOUNT_FIELDS: FieldTable = FieldTable {
    title: "Podman: mount",
    source: "runtime-spec specs-go/config.go: Mount",
    also: &[],
    rows: rows! {
        "destination" => Text;
        "gidMappings" => Empty(None);
        "options" => By(&TEXTS);
        "source" => Text, "directories of the host are restricted by `-allowbindmountfrom`";
        "type" => By(&TEXT);
        "uidMappings" => Empty(None);
    },
};

/// Options of file systems that the kernel makes for a container.
const KERNEL_OPTIONS: [&str; 12] = [
    "gid",
    "max",
    "mode",
    "newinstance",
    "nodev",
    "noexec",
    "nosuid",
    "private",
    "ptmxmode",
    "ro",
    "rprivate",
    "uid",
];

/// An item of `volumes`.
pub(super) const NAMED_VOLUME: Judgement = Judgement {
    passes: "volumes by name, directories of `-allowbindmountfrom`, known options",
    opened_by: &[Kind::VolumeOption],
    tables: &[&NAMED_VOLUME_FIELDS],
    judge: |judge, place, tree| {
        judge.object(&NAMED_VOLUME_FIELDS, place, tree);
        let Tree::Object(members) = tree else { return };
        let Some((_, options)) = members.iter_mut().find(|(key, _)| key == "Options") else {
            return;
        };
        judge.each(&place.field("Options"), options, |judge, place, option| {
            let Some(text) = judge.text(place, option) else { return };
            match text.strip_prefix("volume-opt=") {
                Some(pair) => check_volume_option(judge, place, option, pair),
                None if text.split(',').all(|word| BIND_OPTIONS.contains(&word)) => {}
                None => judge.refuse_value(place, option),
            }
        });
    },
};

/// `type=nfs`: file systems of the network and of memory are exceptions.
fn check_volume_option(judge: &mut Judge<'_>, place: &Place<'_>, option: &Tree<'_>, pair: &str) {
    match pair {
        "type=nfs" | "type=nfs4" => judge.need(place, option, Kind::VolumeOption, "nfs"),
        "type=cifs" | "type=smb3" => judge.need(place, option, Kind::VolumeOption, "cifs"),
        "type=tmpfs" => judge.need(place, option, Kind::VolumeOption, "tmpfs"),
        _ => {}
    }
}

const NAMED_VOLUME_FIELDS: FieldTable = FieldTable {
    title: "Podman: named volume",
    source: "podman pkg/specgen/volumes.go: NamedVolume",
    also: &[],
    rows: rows! {
        "Dest" => Text;
        "IsAnonymous" => Truth;
        "Name" => Text, "directories of the host are restricted by `-allowbindmountfrom`";
        "Options" => By(&TEXTS);
        "SubPath" => Text;
    },
};

/// A directory of the host below an overlay.
pub(super) const OVERLAY_VOLUME: FieldTable = FieldTable {
    title: "Podman: overlay volume",
    source: "podman pkg/specgen/volumes.go: OverlayVolume",
    also: &[],
    rows: rows! {
        "destination" => Text;
        "options" => Texts, "directories of the host are restricted by `-allowbindmountfrom`";
        "source" => Text, "a directory of `-allowbindmountfrom`";
    },
};

/// An image that is mounted.
pub(super) const IMAGE_VOLUME: FieldTable = FieldTable {
    title: "Podman: image volume",
    source: "podman pkg/specgen/volumes.go: ImageVolume",
    also: &[],
    rows: rows! {
        "Destination" => Text;
        "ReadWrite" => Truth;
        "Source" => Text, "restricted by `-allowimage`";
        "subPath" => Text;
    },
};

/// An artifact that is mounted.
pub(super) const ARTIFACT_VOLUME: FieldTable = FieldTable {
    title: "Podman: artifact volume",
    source: "podman pkg/specgen/volumes.go: ArtifactVolume",
    also: &[],
    rows: rows! {
        "destination" => Text;
        "digest" => Text;
        "name" => Text;
        "source" => Text, "refused while `-allowimage` is set";
        "title" => Text;
    },
};

/// Create of a volume.
pub(super) const VOLUME: Judgement = Judgement {
    passes: "driver `local`, without options or with those of a bind mount",
    opened_by: &[Kind::VolumeDriver, Kind::VolumeOption],
    tables: &[&VOLUME_CREATE],
    judge: |judge, place, tree| {
        let driver = text_of(tree, "Driver").to_owned();
        check_driver(judge, place, tree, &driver, "Options");
        judge.object(&VOLUME_CREATE, place, tree);
    },
};

/// The fields of a volume's create body.
pub(super) const VOLUME_CREATE: FieldTable = FieldTable {
    title: "Podman: volume create",
    source: "podman pkg/domain/entities/volumes.go: VolumeCreateOptions",
    also: &[],
    rows: rows! {
        "Driver" => Words(&["local"], Some(Kind::VolumeDriver));
        "GID" => Number;
        "IgnoreIfExists" => Truth;
        "Label" => Any;
        "Labels" => Any;
        "Name" => Text;
        "Options" => By(&JUDGED_WITH_DRIVER);
        "UID" => Number;
    },
};
