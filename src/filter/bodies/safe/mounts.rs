//! Mounts of the Engine's API. Directories of the host are another rule's:
//! `-allowbindmountfrom`, and without it none.

use super::exceptions::Kind;
use super::judge::{Judge, Place, member, text_of};
use super::table::{FieldTable, Judgement, Values::*, rows};
use crate::json::Tree;

/// Options of a mount in the short form, of the Engine and of Podman.
pub(super) const BIND_OPTIONS: [&str; 28] = [
    "O",
    "U",
    "Z",
    "cached",
    "consistent",
    "copy",
    "default",
    "delegated",
    "dev",
    "exec",
    "idmap",
    "nocopy",
    "nodev",
    "noexec",
    "nosuid",
    "private",
    "rbind",
    "ro",
    "rprivate",
    "rro",
    "rshared",
    "rslave",
    "rw",
    "shared",
    "slave",
    "suid",
    "bind",
    "z",
];

/// Options of a tmpfs. `exec`, `dev` and `suid` give no more than the container's own
/// root directory has.
pub(super) const TMPFS_OPTIONS: [&str; 36] = [
    "async",
    "atime",
    "defaults",
    "dev",
    "diratime",
    "dirsync",
    "exec",
    "gid",
    "huge",
    "inode32",
    "inode64",
    "mand",
    "mode",
    "mpol",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "nomand",
    "norelatime",
    "nosuid",
    "nr_blocks",
    "nr_inodes",
    "private",
    "relatime",
    "ro",
    "rprivate",
    "rw",
    "shared",
    "size",
    "slave",
    "strictatime",
    "suid",
    "sync",
    "tmpcopyup",
    "uid",
];

/// `Binds`: `source:target[:options]`.
pub(super) const BINDS: Judgement = Judgement {
    passes: "volumes; directories of `-allowbindmountfrom`; known options",
    opened_by: &[],
    tables: &[],
    judge: |judge, place, tree| {
        let Some(bind) = judge.text(place, tree) else { return };
        if !has_known_options(bind) {
            judge.refuse_value(place, tree);
        }
    },
};

fn has_known_options(bind: &str) -> bool {
    let options = bind.splitn(3, ':').nth(2).unwrap_or_default();
    options.split(',').all(|option| option.is_empty() || BIND_OPTIONS.contains(&option))
}

/// `Volumes`: paths in the container. Podman reads them like `Binds`.
pub(super) const VOLUMES: Judgement = Judgement {
    passes: "paths in the container; as `Binds` with a `:`, as Podman reads them",
    opened_by: &[],
    tables: &[],
    judge: |judge, place, tree| {
        judge.entries(place, tree, |judge, place, path, _| {
            if !has_known_options(path) {
                judge.refuse_value(place, &Tree::String(path.into()));
            }
        });
    },
};

/// `Tmpfs`: paths in the container, with options. Podman joins the two with a `:`.
pub(super) const TMPFS: Judgement = Judgement {
    passes: "paths with the options of a tmpfs, such as `size` and `exec`",
    opened_by: &[],
    tables: &[],
    judge: |judge, place, tree| {
        judge.entries(place, tree, |judge, place, path, options| {
            if path.contains([':', ',']) {
                judge.refuse_value(place, &Tree::String(path.into()));
            }
            (TMPFS_OPTION.judge)(judge, place, options);
        });
    },
};

/// Options of a tmpfs.
pub(super) const TMPFS_OPTION: Judgement = Judgement {
    passes: "options of a tmpfs, such as `size` and `exec`",
    opened_by: &[],
    tables: &[],
    judge: |judge, place, tree| {
        let Some(options) = judge.text(place, tree) else { return };
        let is_known = |option: &str| TMPFS_OPTIONS.contains(&name_of(option));
        if !options.split(',').all(|option| option.is_empty() || is_known(option)) {
            judge.refuse_value(place, tree);
        }
    },
};

/// The name of an option, which may have a value.
pub(super) fn name_of(option: &str) -> &str {
    option.split('=').next().unwrap_or_default()
}

/// A mount in the long form.
pub(super) const MOUNT: FieldTable = FieldTable {
    title: "Mount",
    source: "moby api/types/mount/mount.go: Mount",
    also: &[],
    rows: rows! {
        "BindOptions" => Object(&BIND_OPTIONS_TABLE);
        "ClusterOptions" => Empty(None);
        "Consistency" => Words(&["cached", "consistent", "default", "delegated"], None);
        "ImageOptions" => Object(&IMAGE_OPTIONS);
        "ReadOnly" => Truth;
        "Source" => Text, "directories of the host are restricted by `-allowbindmountfrom`";
        "Target" => Text;
        "TmpfsOptions" => Object(&TMPFS_OPTIONS_TABLE);
        "Type" => Words(&["bind", "image", "tmpfs", "volume"], None);
        "VolumeOptions" => Object(&VOLUME_OPTIONS);
    },
};

const BIND_OPTIONS_TABLE: FieldTable = FieldTable {
    title: "Bind options",
    source: "moby api/types/mount/mount.go: BindOptions",
    also: &[],
    rows: rows! {
        "CreateMountpoint" => Truth;
        "NonRecursive" => Truth;
        "Propagation" =>
            Words(&["private", "rprivate", "rshared", "rslave", "shared", "slave"], None);
        "ReadOnlyForceRecursive" => Truth;
        "ReadOnlyNonRecursive" => Truth;
    },
};

const IMAGE_OPTIONS: FieldTable = FieldTable {
    title: "Image options",
    source: "moby api/types/mount/mount.go: ImageOptions",
    also: &[],
    rows: rows! {
        "Subpath" => Text;
    },
};

const TMPFS_OPTIONS_TABLE: FieldTable = FieldTable {
    title: "Tmpfs options",
    source: "moby api/types/mount/mount.go: TmpfsOptions",
    also: &[],
    rows: rows! {
        "Mode" => Number;
        "Options" => Each(&Each(&By(&TMPFS_OPTION)));
        "SizeBytes" => Number;
    },
};

const VOLUME_OPTIONS: FieldTable = FieldTable {
    title: "Volume options",
    source: "moby api/types/mount/mount.go: VolumeOptions",
    also: &[],
    rows: rows! {
        "DriverConfig" => By(&DRIVER_CONFIG);
        "Labels" => Any;
        "NoCopy" => Truth;
        "Subpath" => Text;
    },
};

const DRIVER_CONFIG: Judgement = of_volume(&[&DRIVER], |judge, place, tree| {
    check_volume(judge, place, tree, &DRIVER, ["Name", "Options"]);
});

const DRIVER: FieldTable = FieldTable {
    title: "Driver of a volume",
    source: "moby api/types/mount/mount.go: Driver",
    also: &[],
    rows: rows! {
        "Name" => Words(&["local"], Some(Kind::VolumeDriver));
        "Options" => By(&JUDGED_WITH_DRIVER);
    },
};

/// Create of a volume.
pub(super) const VOLUME: Judgement = of_volume(&[&VOLUME_CREATE], |judge, place, tree| {
    check_volume(judge, place, tree, &VOLUME_CREATE, ["Driver", "DriverOpts"]);
});

/// The fields of a volume's create body.
pub(super) const VOLUME_CREATE: FieldTable = FieldTable {
    title: "Volume create",
    source: "moby api/types/volume/create_options.go: CreateOptions",
    also: &[],
    rows: rows! {
        "ClusterVolumeSpec" => Empty(Some(Kind::Services));
        "Driver" => Words(&["local"], Some(Kind::VolumeDriver));
        "DriverOpts" => By(&JUDGED_WITH_DRIVER);
        "Labels" => Any;
        "Name" => Text;
    },
};

/// Options that are judged together with the name of their driver.
pub(super) const JUDGED_WITH_DRIVER: Judgement = Judgement {
    passes: "of driver `local`: none, a size, or a bind mount of a directory of `-allowbindmountfrom`",
    opened_by: &[Kind::VolumeDriver, Kind::VolumeOption],
    tables: &[],
    judge: |judge, place, tree| {
        judge.entries(place, tree, |judge, place, _, value| {
            judge.text(place, value);
        });
    },
};

/// The rule for objects that name the driver of a volume and its options.
pub(super) const fn of_volume(
    tables: &'static [&'static FieldTable],
    judge: fn(&mut Judge<'_>, &Place<'_>, &mut Tree<'_>),
) -> Judgement {
    Judgement {
        passes: "driver `local`, without options or with those of a bind mount",
        opened_by: &[Kind::VolumeDriver, Kind::VolumeOption],
        tables,
        judge,
    }
}

/// Judges such an object, in which the driver and its options have these names. Of a
/// driver that is no plugin, file systems of the network and of memory are exceptions;
/// options that mount a directory of the host are judged by the rule for these.
pub(super) fn check_volume(
    judge: &mut Judge<'_>,
    place: &Place<'_>,
    tree: &mut Tree<'_>,
    table: &FieldTable,
    [driver, options]: [&str; 2],
) {
    if matches!(text_of(tree, driver), "" | "local")
        && let Some(given) = member(tree, options)
        && let Some(kind) = exceptional_type(text_of(given, "type"))
    {
        judge.need(&place.field(options), given, Kind::VolumeOption, kind);
    }
    judge.object(table, place, tree);
}

/// The item's word for a file system that is an exception among those of volumes.
pub(super) fn exceptional_type(kind: &str) -> Option<&'static str> {
    match kind {
        "nfs" | "nfs4" => Some("nfs"),
        "cifs" | "smb3" => Some("cifs"),
        "tmpfs" => Some("tmpfs"),
        _ => None,
    }
}
