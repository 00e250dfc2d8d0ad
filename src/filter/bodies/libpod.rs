//! Mounts in bodies of Podman's own API, `/libpod/`: specs of containers and pods.
//!
//! Keys here are those of Podman 4.3 to 5.x that give a container a place of
//! the host's file system: `mounts`, `volumes`, `overlay_volumes`, `rootfs`,
//! `init_path` (bound over the container's init), `base_hosts_file`, and those
//! that take over the mounts of something else: `volumes_from`, and `pod`,
//! whose infra container hands its mounts on. Other keys pass: devices,
//! namespaces, privileges, and files that Podman itself reads or writes
//! (`seccomp_profile_path`, `conmon_pid_file`, the log's `path`).

use super::directories::BindMounts;
use super::fields::{Fields, Node, Refusal, quoted};
use super::mounts::{check_mount_options, check_volumes_from};
use super::volumes::{check_options, check_pairs, check_source, check_subpath};

/// File systems of an OCI mount that show nothing of the host.
const HARMLESS_TYPES: [&str; 4] = ["tmpfs", "ramfs", "devpts", "mqueue"];

/// Checks the spec of a container or a pod.
pub(super) fn check_spec(allowed: &BindMounts, body: &Node<'_>) -> Result<(), Refusal> {
    let spec = body.fields(&[
        "mounts",
        "volumes",
        "overlay_volumes",
        "image_volumes",
        "volumes_from",
        "rootfs",
        "init_path",
        "base_hosts_file",
        "pod",
    ])?;
    spec.items("mounts")?.iter().try_for_each(|mount| check_mount(allowed, mount))?;
    spec.items("volumes")?.iter().try_for_each(|volume| check_named_volume(allowed, volume))?;
    spec.items("overlay_volumes")?.iter().try_for_each(|volume| check_overlay(allowed, volume))?;
    spec.items("image_volumes")?.iter().try_for_each(check_image_volume)?;
    check_volumes_from(&spec, "volumes_from")?;
    if let Some(pod) = spec.get("pod").filter(|pod| pod.text() != Ok("")) {
        return Err(format!(
            "{} takes over the mounts of a pod, which cannot be judged",
            pod.place()
        ));
    }
    ["rootfs", "init_path", "base_hosts_file"]
        .iter()
        .try_for_each(|name| check_host_path(allowed, &spec, name))
}

/// Checks a body of volumes create, of both trees: the Engine's has
/// `DriverOpts`, Podman's own has `Options`.
pub(super) fn check_volume(allowed: &BindMounts, body: &Node<'_>) -> Result<(), Refusal> {
    let volume = body.fields(&["Name", "Driver", "DriverOpts", "Options"])?;
    check_source(allowed, "Name", volume.text("Name")?)?;
    let driver = volume.text("Driver")?;
    for options in ["DriverOpts", "Options"].iter().filter_map(|name| volume.get(name)) {
        check_options(allowed, driver, &options)?;
    }
    Ok(())
}

/// An OCI runtime's mount: the option `bind` outweighs the type.
fn check_mount(allowed: &BindMounts, mount: &Node<'_>) -> Result<(), Refusal> {
    let fields = mount.fields(&["type", "source", "options"])?;
    let options = options_of(allowed, &fields)?;
    let kind = fields.text("type")?;
    if kind == "bind" || options.iter().any(|option| matches!(*option, "bind" | "rbind")) {
        return check_layer(allowed, &fields);
    }
    match HARMLESS_TYPES.contains(&kind) {
        true => Ok(()),
        false => {
            Err(format!("{} has the type {}, which cannot be judged", mount.place(), quoted(kind)))
        }
    }
}

fn check_named_volume(allowed: &BindMounts, volume: &Node<'_>) -> Result<(), Refusal> {
    let fields = volume.fields(&["Name", "Options", "SubPath"])?;
    check_source(allowed, &format!("{}.Name", volume.place()), fields.text("Name")?)?;
    check_subpath(&format!("{}.SubPath", volume.place()), fields.text("SubPath")?)?;
    let mut driver_options: Vec<(&str, &str)> = Vec::new();
    for option in fields.items("Options")? {
        let text = option.text()?;
        match text.starts_with("volume-opt") {
            true => driver_options.push(driver_option(&option, text, &driver_options)?),
            false => check_mount_options(allowed, option.place(), text)?,
        }
    }
    check_pairs(allowed, "local", &format!("{}.Options", volume.place()), &driver_options)
}

/// `volume-opt=key=value`, once for each key.
fn driver_option<'t>(
    option: &Node<'_>,
    text: &'t str,
    before: &[(&str, &str)],
) -> Result<(&'t str, &'t str), Refusal> {
    let pair = text.split_once('=').and_then(|(_, pair)| pair.split_once('='));
    pair.filter(|(key, _)| before.iter().all(|(other, _)| other != key)).ok_or_else(|| {
        format!(
            "{} is not volume-opt=key=value, once for each key: {}",
            option.place(),
            quoted(text)
        )
    })
}

fn check_overlay(allowed: &BindMounts, volume: &Node<'_>) -> Result<(), Refusal> {
    let fields = volume.fields(&["source", "options"])?;
    options_of(allowed, &fields)?;
    check_layer(allowed, &fields)
}

fn check_image_volume(volume: &Node<'_>) -> Result<(), Refusal> {
    let fields = volume.fields(&["SubPath", "subPath"])?;
    ["SubPath", "subPath"].iter().try_for_each(|name| {
        check_subpath(&format!("{}.{name}", volume.place()), fields.text(name)?)
    })
}

/// A source that Podman may make a layer of an overlay, whose layers are
/// separated by `:` and whose options by `,`.
fn check_layer(allowed: &BindMounts, fields: &Fields<'_>) -> Result<(), Refusal> {
    let Some(source) = fields.get("source") else {
        return Err("a mount has no source".to_owned());
    };
    let path = source.text()?;
    match path.contains([':', ',', '\\']) {
        true => Err(format!("{} could be read as several paths: {}", source.place(), quoted(path))),
        false => allowed.check_path(source.place(), path),
    }
}

fn check_host_path(allowed: &BindMounts, spec: &Fields<'_>, name: &str) -> Result<(), Refusal> {
    match spec.text(name)? {
        "" => Ok(()),
        "none" | "image" if name == "base_hosts_file" => Ok(()),
        path if path.contains([':', ',', '\\']) => {
            Err(format!("{name} could be read as several paths: {}", quoted(path)))
        }
        path => allowed.check_path(name, path),
    }
}

fn options_of<'t>(allowed: &BindMounts, fields: &Fields<'t>) -> Result<Vec<&'t str>, Refusal> {
    let mut options = Vec::new();
    for option in fields.items("options")? {
        check_mount_options(allowed, option.place(), option.text()?)?;
        options.extend(option.text()?.split(',').map(str::trim));
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::super::json::Tree;
    use super::*;

    fn judge(
        check: impl Fn(&BindMounts, &Node<'_>) -> Result<(), Refusal>,
        body: &str,
    ) -> Result<(), Refusal> {
        let allowed = BindMounts::parse("/home,/var/log").unwrap();
        check(&allowed, &Node::root(&Tree::parse(body.as_bytes()).unwrap()))
    }

    fn check_passes(body: &str) {
        assert_eq!(judge(check_spec, body), Ok(()), "{body}");
    }

    fn check_refused(body: &str, refusal: &str) {
        let refused = judge(check_spec, body).expect_err(body);
        assert!(refused.contains(refusal), "{body}: {refused}");
    }

    #[test]
    fn mounts_are_judged_by_type_and_options() {
        check_passes(r#"{"image":"x","mounts":null,"volumes":[],"volumes_from":null,"pod":""}"#);
        check_passes(
            r#"{"mounts":[{"destination":"/h","type":"bind","source":"/home","options":["rbind","ro"]}]}"#,
        );
        check_passes(
            r#"{"mounts":[{"type":"tmpfs","source":"tmpfs","options":["size=1g","tmpcopyup"]}]}"#,
        );
        check_passes(r#"{"mounts":[{"type":"devpts","options":["uid=1"]}]}"#);
        check_refused(r#"{"mounts":[{"type":"bind","source":"/etc"}]}"#, "mounts[0].source mounts");
        check_refused(
            r#"{"mounts":[{"type":"tmpfs","source":"/etc","options":["bind"]}]}"#,
            "/etc",
        );
        check_refused(r#"{"mounts":[{"type":"","source":"/etc","options":["ro,rbind"]}]}"#, "/etc");
        check_refused(r#"{"mounts":[{"type":"bind"}]}"#, "no source");
        check_refused(r#"{"mounts":[{"type":"bind","source":"home"}]}"#, "not an absolute path");
        check_refused(r#"{"mounts":[{"type":"bind","source":"/home:/etc"}]}"#, "several paths");
        check_refused(r#"{"mounts":[{"source":"/etc"}]}"#, "cannot be judged");
        check_refused(r#"{"mounts":[{"type":"glob","source":"/etc/*"}]}"#, "cannot be judged");
        check_refused(r#"{"mounts":[{"type":"ext4","source":"/dev/sda1"}]}"#, "cannot be judged");
        check_refused(r#"{"mounts":[{"type":"overlay","options":["lowerdir=/etc"]}]}"#, "/etc");
        check_refused(r#"{"mounts":[{"Type":"tmpfs"}]}"#, "would be read as type");
        check_refused(r#"{"Mounts":[]}"#, "would be read as mounts");
        check_refused(r#"{"mounts":[null]}"#, "not an object");
    }

    #[test]
    fn named_volumes_are_judged_with_their_options() {
        check_passes(
            r#"{"volumes":[{"Name":"data","Dest":"/d","Options":["rw","nodev"],"SubPath":"a"}]}"#,
        );
        check_passes(r#"{"volumes":[{"Name":"/home/me","Dest":"/d","Options":["rw"]}]}"#);
        check_passes(
            r#"{"volumes":[{"Name":"n","Options":["volume-opt=type=nfs","volume-opt=device=:/x",
            "volume-opt=o=addr=h"]}]}"#,
        );
        check_refused(r#"{"volumes":[{"Name":"/etc","Dest":"/d"}]}"#, "volumes[0].Name mounts");
        check_refused(r#"{"volumes":[{"Name":"n","SubPath":"../.."}]}"#, "leaves its volume");
        check_refused(
            r#"{"volumes":[{"Name":"n","Options":["volume-opt=o=bind","volume-opt=device=/etc"]}]}"#,
            "volumes[0].Options.device mounts \"/etc\"",
        );
        check_refused(
            r#"{"volumes":[{"Name":"n","Options":["volume-opt=o=ro","volume-optx=o=bind"]}]}"#,
            "once for each key",
        );
        check_refused(r#"{"volumes":[{"Name":"n","Options":["volume-opt"]}]}"#, "key=value");
        check_refused(
            r#"{"volumes":[{"Name":"n","Options":["O","upperdir=/etc","workdir=/home"]}]}"#,
            "\"/etc\"",
        );
        check_refused(r#"{"volumes":[{"name":"n"}]}"#, "would be read as Name");
        check_refused(r#"{"volumes":{"/etc:/h":{}}}"#, "volumes is not an array");
    }

    #[test]
    fn overlay_and_image_volumes_are_judged() {
        check_passes(
            r#"{"overlay_volumes":[{"destination":"/d","source":"/home/x","options":["O"]}]}"#,
        );
        check_passes(
            r#"{"image_volumes":[{"Source":"busybox","Destination":"/d","subPath":"a"}]}"#,
        );
        check_refused(r#"{"overlay_volumes":[{"source":"/etc"}]}"#, "overlay_volumes[0].source");
        check_refused(r#"{"overlay_volumes":[{"source":"/home:/etc"}]}"#, "several paths");
        check_refused(
            r#"{"overlay_volumes":[{"source":"/home","options":["upperdir=/home/u:/etc"]}]}"#,
            "/etc",
        );
        check_refused(r#"{"image_volumes":[{"Source":"x","SubPath":"../a"}]}"#, "leaves");
        check_refused(r#"{"image_volumes":[{"Source":"x","subpath":"a"}]}"#, "would be read as");
    }

    #[test]
    fn other_ways_to_a_host_path_are_judged() {
        for name in ["rootfs", "init_path", "base_hosts_file"] {
            check_passes(&format!(r#"{{"{name}":"/home/x"}}"#));
            check_refused(&format!(r#"{{"{name}":"/etc"}}"#), "outside");
            check_refused(&format!(r#"{{"{name}":"x"}}"#), "not an absolute path");
            check_refused(&format!(r#"{{"{name}":"/home:/etc"}}"#), "several paths");
            check_refused(&format!(r#"{{"{name}":1}}"#), "not a string");
        }
        check_passes(r#"{"base_hosts_file":"none"}"#);
        check_refused(r#"{"rootfs":"none"}"#, "not an absolute path");
        check_refused(r#"{"volumes_from":["c"]}"#, "another container");
        check_refused(r#"{"pod":"p"}"#, "mounts of a pod");
        check_refused(r#"{"pod":1}"#, "mounts of a pod");
    }

    #[test]
    fn volumes_create_is_judged_in_both_spellings() {
        for options in ["DriverOpts", "Options"] {
            let body = |device| {
                format!(
                    r#"{{"Name":"v","{options}":{{"type":"none","o":"bind","device":"{device}"}}}}"#
                )
            };
            assert_eq!(judge(check_volume, &body("/home/v")), Ok(()));
            let refused = judge(check_volume, &body("/etc")).unwrap_err();
            assert!(refused.contains(&format!("{options}.device mounts \"/etc\"")), "{refused}");
        }
        assert_eq!(
            judge(check_volume, r#"{"Driver":"local","DriverOpts":null,"Labels":{}}"#),
            Ok(())
        );
        for body in [
            r#"{"driveropts":{}}"#,
            r#"{"Driver":1}"#,
            r#"{"Name":"../x"}"#,
            r#"{"DriverOpts":{"type":1}}"#,
            r#"{"DriverOpts":[]}"#,
            "null",
        ] {
            assert!(judge(check_volume, body).is_err(), "{body}");
        }
    }
}
