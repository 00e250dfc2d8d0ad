//! Mounts in Podman's specs, and volumes. Directories of the host are another rule's.

use super::values::{TEXT, TEXTS};
use crate::filter::bodies::safe::exceptions::Kind;
use crate::filter::bodies::safe::judge::{member_mut, text_of};
use crate::filter::bodies::safe::mounts::{
    BIND_OPTIONS, JUDGED_WITH_DRIVER, TMPFS_OPTIONS, check_volume, exceptional_type, name_of,
    of_volume,
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
        let Some(options) = member_mut(tree, "options") else { return };
        judge.each(&place.field("options"), options, |judge, place, option| {
            let Some(text) = judge.text(place, option) else { return };
            if !text.split(',').all(|word| word.is_empty() || is_known(word)) {
                judge.refuse_value(place, option);
            }
        });
    },
};

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
        let Some(options) = member_mut(tree, "Options") else { return };
        judge.each(&place.field("Options"), options, |judge, place, option| {
            let Some(text) = judge.text(place, option) else { return };
            match text.strip_prefix("volume-opt=") {
                Some(pair) => {
                    if let Some(kind) = pair.strip_prefix("type=").and_then(exceptional_type) {
                        judge.need(place, option, Kind::VolumeOption, kind);
                    }
                }
                None if text.split(',').all(|word| BIND_OPTIONS.contains(&word)) => {}
                None => judge.refuse_value(place, option),
            }
        });
    },
};

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
pub(super) const VOLUME: Judgement = of_volume(&[&VOLUME_CREATE], |judge, place, tree| {
    check_volume(judge, place, tree, &VOLUME_CREATE, ["Driver", "Options"]);
});

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
