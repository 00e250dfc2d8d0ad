//! Mounts in bodies of Podman's own API, `/libpod/`: specs of containers and pods.
//!
//! Keys here are those of Podman 4.3 to 5.x that give a container a place of
//! the host's file system: `mounts`, `volumes`, `overlay_volumes`, `rootfs`,
//! `init_path` (bound over the container's init), `base_hosts_file`, and those
//! that take over the mounts of something else: `volumes_from`, and `pod`,
//! whose infra container hands its mounts on. Files and sockets that Podman or
//! its programs read or write count as well: logs, process ids, profiles, hosts
//! files, runtimes, annotations. Devices, namespaces and privileges pass.

use super::directories::BindMounts;
use super::fields::{Fields, Node};
use super::host_paths::{
    check_annotations, check_driver, check_file, check_log, check_network_mode,
    check_network_options, check_runtime, check_seccomp, check_security_options, check_time_zone,
};
use super::images::check_image;
use super::mounts::{check_mount_options, check_volumes_from};
use super::refusal::{Closed, Refusal, Unfit};
use super::volumes::{check_options, check_pairs, check_source, check_subpath};

/// File systems of an OCI mount that show nothing of the host.
const HARMLESS_TYPES: [&str; 4] = ["tmpfs", "ramfs", "devpts", "mqueue"];

/// The fields of a spec that mount something.
const MOUNTS: [&str; 9] = [
    "mounts",
    "volumes",
    "overlay_volumes",
    "image_volumes",
    "volumes_from",
    "rootfs",
    "init_path",
    "base_hosts_file",
    "pod",
];

/// The fields of a spec that name other places of the host.
const PLACES: [&str; 13] = [
    "annotations",
    "conmon_pid_file",
    "healthLogDestination",
    "hostsFile",
    "infra_conmon_pid_file",
    "infra_image",
    "log_configuration",
    "netns",
    "network_options",
    "oci_runtime",
    "seccomp_profile_path",
    "security_opt",
    "timezone",
];

/// Where a health check may log without a file of its own.
const HEALTH_LOGS: [&str; 2] = ["local", "events_logger"];

/// Checks the spec of a container or a pod.
pub(super) fn check_spec(allowed: &BindMounts, body: &Node<'_>) -> Result<(), Refusal> {
    let spec = body.fields(&[&MOUNTS[..], &PLACES[..]].concat())?;
    spec.items("mounts")?.iter().try_for_each(|mount| check_mount(allowed, mount))?;
    spec.items("volumes")?.iter().try_for_each(|volume| check_named_volume(allowed, volume))?;
    spec.items("overlay_volumes")?.iter().try_for_each(|volume| check_overlay(allowed, volume))?;
    spec.items("image_volumes")?.iter().try_for_each(check_image_volume)?;
    check_volumes_from(&spec, "volumes_from")?;
    if let Some(pod) = spec.get("pod").filter(|pod| pod.text() != Ok("")) {
        return Err(Refusal::closed(pod.place(), Closed::PodsMounts));
    }
    ["rootfs", "init_path", "base_hosts_file", "hostsFile"]
        .iter()
        .try_for_each(|name| check_host_path(allowed, &spec, name))?;
    check_places(allowed, &spec)
}

fn check_places(allowed: &BindMounts, spec: &Fields<'_>) -> Result<(), Refusal> {
    if let Some(log) = spec.get("log_configuration") {
        check_file(allowed, &log.fields(&["path"])?, "path", &[])?;
        check_log(allowed, &log, ["driver", "options"])?;
    }
    if let Some(network) = spec.get("netns") {
        let network = network.fields(&["nsmode", "value"])?;
        let mode = format!("{}:{}", network.text("nsmode")?, network.text("value")?);
        check_network_mode(allowed, "netns.value", &mode)?;
    }
    check_file(allowed, spec, "conmon_pid_file", &[])?;
    check_file(allowed, spec, "infra_conmon_pid_file", &[])?;
    check_file(allowed, spec, "healthLogDestination", &HEALTH_LOGS)?;
    // Podman pulls it, from an archive of the host as well.
    check_image("infra_image", spec.text("infra_image")?)?;
    check_annotations(allowed, spec, "annotations")?;
    check_network_options(allowed, spec, "network_options")?;
    check_runtime("oci_runtime", spec.text("oci_runtime")?)?;
    check_seccomp(allowed, "seccomp_profile_path", spec.text("seccomp_profile_path")?)?;
    check_security_options(allowed, spec, "security_opt")?;
    check_time_zone(spec, "timezone")
}

/// Checks an update of a container.
pub(super) fn check_update(allowed: &BindMounts, body: &Node<'_>) -> Result<(), Refusal> {
    let fields = body.fields(&["health_log_destination", "healthLogDestination"])?;
    check_file(allowed, &fields, "health_log_destination", &HEALTH_LOGS)?;
    check_file(allowed, &fields, "healthLogDestination", &HEALTH_LOGS)
}

/// Checks a body about a list of manifests: images and files to add to it.
pub(super) fn check_manifest(body: &Node<'_>) -> Result<(), Refusal> {
    let fields = body.fields(&["images", "artifact_files"])?;
    for image in fields.items("images")? {
        check_image(image.place(), image.text()?)?;
    }
    match fields.items("artifact_files")?.first() {
        Some(file) => Err(Refusal::closed(file.place(), Closed::HostFile)),
        None => Ok(()),
    }
}

/// Checks a network: its drivers are programs that Podman looks for by name.
pub(super) fn check_network(body: &Node<'_>) -> Result<(), Refusal> {
    let network = body.fields(&["driver", "ipam_options"])?;
    check_driver("driver", network.text("driver")?)?;
    match network.get("ipam_options") {
        Some(options) => check_driver("ipam_options.driver", options.map()?.text("driver")?),
        None => Ok(()),
    }
}

/// Checks a body of volumes create, of both trees: the Engine's has
/// `DriverOpts`, Podman's own has `Options`.
pub(super) fn check_volume(allowed: &BindMounts, body: &Node<'_>) -> Result<(), Refusal> {
    let volume = body.fields(&["Name", "Driver", "DriverOpts", "Options"])?;
    check_source(allowed, "Name", volume.text("Name")?)?;
    let driver = volume.text("Driver")?;
    check_driver("Driver", driver)?;
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
        false => Err(Refusal::value(mount.place(), Unfit::MountType, kind)),
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
    pair.filter(|(key, _)| before.iter().all(|(other, _)| other != key))
        .ok_or_else(|| Refusal::value(option.place(), Unfit::VolumeOption, text))
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
        return Err(Refusal::closed("a mount", Closed::NoSource));
    };
    let path = source.text()?;
    match path.contains([':', ',', '\\']) {
        true => Err(Refusal::value(source.place(), Unfit::Paths, path)),
        false => allowed.check_path(source.place(), path),
    }
}

fn check_host_path(allowed: &BindMounts, spec: &Fields<'_>, name: &str) -> Result<(), Refusal> {
    match spec.text(name)? {
        "" => Ok(()),
        "none" | "image" if matches!(name, "base_hosts_file" | "hostsFile") => Ok(()),
        path if path.contains([':', ',', '\\']) => Err(Refusal::value(name, Unfit::Paths, path)),
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
    use super::*;
    use crate::json::Tree;

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
        let refused = judge(check_spec, body).expect_err(body).to_string();
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
        for name in ["rootfs", "init_path", "base_hosts_file", "hostsFile"] {
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
    fn files_and_sockets_of_the_host_that_are_no_mounts_are_judged() {
        check_passes(
            r#"{"log_configuration":{"driver":"k8s-file","path":"/home/x/log","options":{"tag":"/x"}},
            "conmon_pid_file":"/home/x/pid","healthLogDestination":"local","timezone":"Europe/Rome",
            "oci_runtime":"crun","network_options":{"slirp4netns":["cidr=10.0.0.0/8"]},
            "netns":{"nsmode":"bridge"},"seccomp_profile_path":"unconfined","annotations":{"a":"b"},
            "security_opt":["seccomp=unconfined"],"seccomp_policy":"default"}"#,
        );
        check_passes(
            r#"{"log_configuration":{"path":null},"healthLogDestination":"","hostsFile":"none"}"#,
        );
        for body in [
            r#"{"log_configuration":{"path":"/etc/cron.d/x"}}"#,
            r#"{"log_configuration":{"options":{"path":"/etc/cron.d/x"}}}"#,
            r#"{"log_configuration":{"driver":"../x"}}"#,
            r#"{"conmon_pid_file":"/etc/x"}"#,
            r#"{"conmon_pid_file":"x"}"#,
            r#"{"infra_conmon_pid_file":"/etc/x"}"#,
            r#"{"infra_image":"docker-archive:/etc/x.tar"}"#,
            r#"{"healthLogDestination":"/etc"}"#,
            r#"{"health_log_destination":"local"}"#,
            r#"{"hostsFile":"/etc/shadow"}"#,
            r#"{"oci_runtime":"/home/x/run"}"#,
            r#"{"seccomp_profile_path":"/home/x.json"}"#,
            r#"{"security_opt":["seccomp=/etc/x.json"]}"#,
            r#"{"timezone":"../../../etc/shadow"}"#,
            r#"{"timezone":"/etc/shadow"}"#,
            r#"{"annotations":{"run.oci.seccomp.receiver":"/run/x"}}"#,
            r#"{"network_options":{"pasta":["--pcap","/etc/x"]}}"#,
            r#"{"netns":{"nsmode":"pasta","value":"--pcap,/etc/x"}}"#,
        ] {
            check_refused(body, "");
        }
        let update = |body: &str| judge(check_update, body);
        assert_eq!(update(r#"{"memory":{},"health_log_destination":"local"}"#), Ok(()));
        assert!(update(r#"{"health_log_destination":"/etc"}"#).is_err());
        assert!(update(r#"{"HealthLogDestination":"local"}"#).is_err());
    }

    #[test]
    fn manifests_and_networks_name_no_places_of_the_host() {
        let manifest = |body: &str| judge(|_, body| check_manifest(body), body);
        let passes = r#"{"operation":"update","images":["docker://x"],"artifact_files":null}"#;
        assert_eq!(manifest(passes), Ok(()));
        assert!(manifest(r#"{"images":["x","dir:/etc"]}"#).is_err());
        assert!(manifest(r#"{"artifact_files":["/etc/shadow"]}"#).is_err());
        assert!(manifest(r#"{"Images":[]}"#).is_err());
        let network = |body: &str| judge(|_, body| check_network(body), body);
        assert_eq!(network(r#"{"driver":"bridge","ipam_options":{"driver":"dhcp"}}"#), Ok(()));
        assert!(network(r#"{"driver":"../../home/x"}"#).is_err());
        assert!(network(r#"{"ipam_options":{"driver":"/x"}}"#).is_err());
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
            let refused = judge(check_volume, &body("/etc")).unwrap_err().to_string();
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
