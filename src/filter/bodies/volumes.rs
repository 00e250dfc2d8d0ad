//! Options of volume drivers, wherever a body may carry them.
//!
//! The Engine's `local` driver gives its options to mount(2), Podman's gives
//! them to mount(8). So nearly every kind of mount is at hand: block devices,
//! overlays of host directories, bind mounts. Three shapes don't read the host
//! and pass: nfs, cifs and tmpfs. A bind mount passes if its device is within
//! the listed directories. All else is refused.
//!
//! The effect of a volume plugin's options is unknown. An absolute path in them
//! may be one of the host and is judged as one; everything else passes. Volumes
//! that exist already are not looked at.

use super::directories::{BindMounts, climbs};
use super::read::Map;
use super::refusal::{Fault, Refusal, Unfit};
use crate::json::folds_alike;
use crate::text::bounded;

/// The options of the `local` driver that take part in a mount.
const MOUNT_OPTIONS: [&str; 3] = ["type", "device", "o"];

/// Words of mount(8) and mount(2) that turn a mount into another kind of mount
/// or read further places of the host.
const REFUSED_WORDS: [&str; 7] =
    ["remount", "move", "loop", "offset", "sizelimit", "helper", "uhelper"];

/// Options of nfs and cifs whose values are never paths of this host, even if
/// they look like one.
const FOREIGN_VALUES: [&str; 10] = [
    "user",
    "username",
    "pass",
    "password",
    "password2",
    "dom",
    "domain",
    "prefixpath",
    "mountpath",
    "workgroup",
];

/// Checks a driver's options.
pub(super) fn check_options(
    allowed: &BindMounts,
    driver: &str,
    options: &Map<'_>,
) -> Result<(), Refusal> {
    let mut pairs = Vec::new();
    for (key, value) in options.entries() {
        let value = if value.is_null() { "" } else { value.text()? };
        pairs.push((key, value));
    }
    check_pairs(allowed, driver, &options.place, &pairs)
}

/// Like [`check_options`], for options that were already read.
pub(super) fn check_pairs(
    allowed: &BindMounts,
    driver: &str,
    place: &str,
    pairs: &[(&str, &str)],
) -> Result<(), Refusal> {
    match driver {
        "" | "local" => check_local(allowed, place, pairs),
        _ => check_plugin(allowed, place, pairs),
    }
}

/// Checks the name of a volume that could also be a path: a path is judged, and
/// a name that a daemon could take for a relative path is refused.
///
/// Docker's `local` driver and Podman take letters, digits, `_`, `.` and `-`;
/// plugins may take more. Podman reads a source that begins with a dot as a
/// path from its own working directory.
pub(super) fn check_source(allowed: &BindMounts, place: &str, source: &str) -> Result<(), Refusal> {
    if source.starts_with('/') {
        return allowed.check_path(place, source);
    }
    let relative = source.starts_with(['.', '~', '-']) || source.contains('\\') || climbs(source);
    match relative {
        true => Err(Refusal::value(place, Unfit::Source, source)),
        false => Ok(()),
    }
}

/// Checks a path below the root of a volume or image.
pub(super) fn check_subpath(place: &str, path: &str) -> Result<(), Refusal> {
    let leaves = path.starts_with('/') || climbs(path);
    match leaves {
        true => Err(Refusal::value(place, Unfit::Subpath, path)),
        false => Ok(()),
    }
}

fn check_local(allowed: &BindMounts, place: &str, pairs: &[(&str, &str)]) -> Result<(), Refusal> {
    let mut values = [""; 3];
    for (key, value) in pairs {
        for (name, slot) in MOUNT_OPTIONS.iter().zip(&mut values) {
            if key == name {
                *slot = value;
            } else if folds_alike(key, name) {
                return Err(Refusal::new(place, Fault::Key { key: (*key).to_owned(), name }));
            }
        }
    }
    let [kind, device, options] = values;
    let words: Vec<&str> = options.split(',').map(str::trim).collect();
    words.iter().try_for_each(|word| check_word(allowed, place, word))?;
    if kind == "bind" || words.iter().any(|word| is_bind(word)) {
        return check_bind(allowed, place, kind, device);
    }
    match reads_the_host(kind, device) {
        false => Ok(()),
        true => Err(Refusal::new(
            place,
            Fault::Mount {
                kind: kind.to_owned(),
                device: device.to_owned(),
                allowed: Box::new(allowed.clone()),
            },
        )),
    }
}

/// Whether a word asks for a bind mount: to mount(8) `bind=` and `bind=x` are
/// `bind`.
fn is_bind(word: &str) -> bool {
    let key = word.split('=').next().unwrap_or_default();
    let key = key.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    key.eq_ignore_ascii_case("bind") || key.eq_ignore_ascii_case("rbind")
}

/// With the Engine the flag `bind` outweighs the type. `cifs` would have it
/// unescape and resolve the device first, so that another path is mounted.
fn check_bind(allowed: &BindMounts, place: &str, kind: &str, device: &str) -> Result<(), Refusal> {
    match kind {
        "" | "none" | "bind" => allowed.check_raw_path(&format!("{place}.device"), device),
        _ => Err(Refusal::value(place, Unfit::BindOfType, kind)),
    }
}

/// Whether a mount that is no bind mount may read this host.
fn reads_the_host(kind: &str, device: &str) -> bool {
    // Podman hands the device to mount(8), which would take this for a flag, or
    // for the tag of a block device.
    if device.starts_with('-') || device.split([':', '/']).next().unwrap_or_default().contains('=')
    {
        return true;
    }
    match kind {
        // A size or an owner alone; nothing is mounted.
        "" => !device.is_empty(),
        "nfs" | "nfs4" => device.starts_with('/') || !device.contains(':'),
        "cifs" | "smb3" => !(device.starts_with("//") || device.starts_with("\\\\")),
        "tmpfs" => device.contains('/'),
        _ => true,
    }
}

/// One word of mount options: `ro`, `addr=10.0.0.1`.
fn check_word(allowed: &BindMounts, place: &str, word: &str) -> Result<(), Refusal> {
    let (key, value) = word.split_once('=').unwrap_or((word, ""));
    let key = key.trim().to_ascii_lowercase();
    let value = value.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    let refused = REFUSED_WORDS.contains(&key.as_str())
        || key.starts_with("x-mount")
        || ["lowerdir", "upperdir", "workdir", "datadir"].iter().any(|dir| key.contains(dir));
    if refused {
        return Err(Refusal::value(place, Unfit::MountOption, word));
    }
    if FOREIGN_VALUES.contains(&key.as_str()) {
        return Ok(());
    }
    match value.starts_with('/') || climbs(value) {
        true => allowed.check_raw_path(&format!("{place}.o"), value),
        false => Ok(()),
    }
}

fn check_plugin(allowed: &BindMounts, place: &str, pairs: &[(&str, &str)]) -> Result<(), Refusal> {
    for (key, value) in pairs {
        for word in
            value.split(',').flat_map(|word| [word, word.split_once('=').unwrap_or_default().1])
        {
            if word.trim().starts_with('/') {
                allowed.check_raw_path(&format!("{place}.{}", bounded(key)), word.trim())?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(driver: &str, pairs: &[(&str, &str)]) -> Result<(), Refusal> {
        let allowed = BindMounts::parse("/home,/var/log").unwrap();
        check_pairs(&allowed, driver, "DriverOpts", pairs)
    }

    fn check_passes(driver: &str, pairs: &[(&str, &str)]) {
        assert_eq!(judge(driver, pairs), Ok(()), "{driver} {pairs:?}");
    }

    fn check_refused(driver: &str, pairs: &[(&str, &str)], refusal: &str) {
        let refused = judge(driver, pairs).expect_err(&format!("{driver} {pairs:?}")).to_string();
        assert!(refused.contains(refusal), "{pairs:?}: {refused}");
    }

    fn local<'a>(kind: &'a str, device: &'a str, o: &'a str) -> [(&'a str, &'a str); 3] {
        [("type", kind), ("device", device), ("o", o)]
    }

    #[test]
    fn shapes_that_do_not_read_the_host_pass() {
        check_passes("", &[]);
        check_passes("local", &[("size", "10G")]);
        check_passes("local", &[("o", "uid=1000,gid=1000,size=1g")]);
        check_passes("", &local("nfs", ":/export/a", "addr=10.0.0.1,rw,nfsvers=4,soft"));
        check_passes("", &local("nfs4", "nas.lan:/export", "rw,noatime"));
        check_passes(
            "",
            &local("cifs", "//nas/share", "username=W/u,password=/a../b,vers=3.0,uid=1"),
        );
        check_passes("", &local("cifs", "//nas/share", "prefixpath=/sub,file_mode=0777"));
        check_passes("", &local("tmpfs", "tmpfs", "size=100m,uid=1000,mode=0700"));
        check_passes("", &local("tmpfs", "", ""));
    }

    #[test]
    fn a_bind_within_the_list_passes_and_any_other_is_refused() {
        check_passes("local", &local("none", "/home/me/data", "bind"));
        check_passes("local", &local("none", "/var/log", "rbind,ro,rslave"));
        check_passes("local", &local("bind", "/home", "bind"));
        check_passes("local", &[("o", "bind"), ("device", "/home/./x//")]);
        for o in [
            "bind",
            "rbind",
            "ro,bind",
            " bind ",
            "BIND",
            "rw, rbind",
            "bind=",
            "rbind=",
            "ro,bind=1",
            "bind =x",
            "Bind=,ro",
            "\"bind\"",
            "bind,bind=0",
        ] {
            check_refused("", &local("none", "/etc", o), "outside of -allowbindmountfrom");
        }
        check_refused("", &local("bind", "/etc", ""), "outside");
        check_refused("", &local("none", "/home/../etc", "bind"), "'..'");
        check_refused("", &local("none", "/home/a/../b", "bind"), "'..'");
        check_refused("", &local("none", "home", "bind"), "not an absolute path");
        check_refused("", &local("none", "", "bind"), "not an absolute path");
        check_refused("", &local("nfs", "/home", "bind"), "use none");
        check_refused("", &local("nfs", ":/home", "bind="), "use none");
        check_refused("", &local("nfs", "UUID=0a1b:/x", "rw"), "only nfs");
        check_refused("", &local("cifs", "//home/%2e%2e/etc", "bind"), "use none");
        check_refused("", &local("tmpfs", "/etc", "bind"), "use none");
    }

    #[test]
    fn other_kinds_of_mount_are_refused() {
        check_refused("", &local("ext4", "/dev/sda1", ""), "type \"ext4\", device \"/dev/sda1\"");
        check_refused("", &local("ext4", "/home/disk.img", "loop"), "\"loop\"");
        check_refused("", &local("overlay", "overlay", "lowerdir=/etc"), "lowerdir");
        check_refused("", &local("overlay", "overlay", "ro"), "only nfs");
        check_refused("", &local("", "/dev/sda1", ""), "only nfs");
        check_refused("", &local("none", "/etc", ""), "only nfs");
        check_refused("", &local("NFS", ":/x", "addr=h"), "only nfs");
        check_refused("", &local("nfs", "/etc", "addr=h"), "only nfs");
        check_refused("", &local("nfs", "--source=/etc:", ""), "only nfs");
        check_refused("", &local("cifs", "/etc", ""), "only nfs");
        check_refused("", &local("tmpfs", "/etc", ""), "only nfs");
        check_refused("", &local("tmpfs", "-B", ""), "only nfs");
        for kind in ["proc", "sysfs", "9p", "virtiofs", "fuse.sshfs", "btrfs", "debugfs"] {
            check_refused("", &local(kind, "x", ""), "only nfs");
        }
    }

    #[test]
    fn options_that_open_the_host_are_refused_in_every_shape() {
        for o in [
            "lowerdir=/etc",
            "UPPERDIR=/home/a",
            "workdir=x",
            "remount",
            "move",
            "loop=/dev/loop0",
            "x-mount.subdir=a",
            "X-mount.idmap=/proc/1/ns/user",
            "helper=x",
            "credentials=/root/.smb",
            "fd=\"/etc/x\"",
            "x=a/../../b",
        ] {
            for (kind, device) in
                [("nfs", ":/x"), ("cifs", "//h/s"), ("tmpfs", "tmpfs"), ("none", "/home")]
            {
                let o = format!("bind,{o}");
                let options =
                    if kind == "none" { o.as_str() } else { o.strip_prefix("bind,").unwrap() };
                assert!(judge("local", &local(kind, device, options)).is_err(), "{kind} {options}");
            }
        }
    }

    #[test]
    fn misspelled_options_are_refused_by_name() {
        check_refused("", &[("Device", "/home")], "\"Device\"; write device");
        check_refused("", &[("TYPE", "nfs")], "write type");
        check_refused("", &[("O", "ro")], "write o");
    }

    #[test]
    fn a_plugin_may_have_any_option_but_a_path_outside_of_the_list() {
        check_passes("vieux/sshfs:latest", &[("sshcmd", "me@host:/data"), ("port", "22")]);
        check_passes("local-persist", &[("mountpoint", "/home/data")]);
        check_passes("LOCAL", &[("type", "none")]);
        check_refused("local-persist", &[("mountpoint", "/etc")], "DriverOpts.mountpoint mounts");
        check_refused("LOCAL", &local("none", "/etc", "bind"), "DriverOpts.device mounts");
        check_refused("x", &[("o", "ro,lowerdir=/etc")], "DriverOpts.o mounts");
        check_refused("x", &[("p", " /etc")], "outside");
    }

    #[test]
    fn the_source_of_a_volume_is_a_name_or_a_listed_path() {
        let allowed = BindMounts::parse("/home").unwrap();
        for name in ["", "data", "my_data-1.2", "gluster/sub", "a..b"] {
            assert_eq!(check_source(&allowed, "x", name), Ok(()), "{name}");
        }
        assert_eq!(check_source(&allowed, "x", "/home/a"), Ok(()));
        for name in ["/etc", ".", "..", "./x", "../x", "~", "~/x", "a/../../etc", "C:\\x", "-x"] {
            assert!(check_source(&allowed, "x", name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_subpath_stays_below_its_volume() {
        for path in ["", "a", "a/b", "a..b/..c"] {
            assert_eq!(check_subpath("x", path), Ok(()), "{path}");
        }
        for path in ["/", "/a", "..", "../a", "a/../../b", "a/.."] {
            assert!(check_subpath("x", path).is_err(), "{path}");
        }
    }
}
