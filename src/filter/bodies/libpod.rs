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
use super::host_paths::{
    check_annotations, check_driver, check_file, check_log, check_network_mode,
    check_network_options, check_runtime, check_seccomp, check_security_options, check_time_zone,
};
use super::images::check_image;
use super::mounts::check_mount_options;
use super::read::{
    ImageVolume, Manifest, NamedVolume, OciMount, OverlayVolume, PodmanNetwork, Spec, Text, Update,
    Volume,
};
use super::refusal::{Closed, Refusal, Unfit};
use super::volumes::{check_options, check_pairs, check_source, check_subpath};

/// File systems of an OCI mount that show nothing of the host.
const HARMLESS_TYPES: [&str; 4] = ["tmpfs", "ramfs", "devpts", "mqueue"];

/// Where a health check may log without a file of its own.
const HEALTH_LOGS: [&str; 2] = ["local", "events_logger"];

/// Checks the spec of a container or a pod.
pub(super) fn check_spec(allowed: &BindMounts, spec: &Spec<'_>) -> Result<(), Refusal> {
    spec.mounts()?.iter().try_for_each(|mount| check_mount(allowed, mount))?;
    spec.volumes()?.iter().try_for_each(|volume| check_named_volume(allowed, volume))?;
    spec.overlay_volumes()?.iter().try_for_each(|volume| check_overlay(allowed, volume))?;
    spec.image_volumes()?.iter().try_for_each(check_image_volume)?;
    allowed.check_volumes_from(&spec.volumes_from()?)?;
    allowed.check_pod(spec.pod()?.as_ref())?;
    check_host_path(allowed, "rootfs", spec.root()?)?;
    check_host_path(allowed, "init_path", spec.init_path()?)?;
    check_hosts_file(allowed, "base_hosts_file", spec.base_hosts_file()?)?;
    check_hosts_file(allowed, "hostsFile", spec.hosts_file()?)?;
    check_places(allowed, spec)
}

fn check_places(allowed: &BindMounts, spec: &Spec<'_>) -> Result<(), Refusal> {
    if let Some(log) = spec.log()? {
        check_file(allowed, log.path()?.as_ref(), &[])?;
        check_log(allowed, &log.log()?)?;
    }
    if let Some(network) = spec.network_namespace()? {
        let mode = format!("{}:{}", network.mode()?, network.value()?);
        check_network_mode(allowed, "netns.value", &mode)?;
    }
    check_file(allowed, spec.conmon_pid_file()?.as_ref(), &[])?;
    check_file(allowed, spec.infra_conmon_pid_file()?.as_ref(), &[])?;
    check_file(allowed, spec.health_log()?.as_ref(), &HEALTH_LOGS)?;
    // Podman pulls it, from an archive of the host as well.
    check_image("infra_image", spec.infra_image()?)?;
    check_annotations(allowed, spec.annotations()?.as_ref())?;
    check_network_options(allowed, spec.network_options()?.as_ref())?;
    check_runtime("oci_runtime", spec.oci_runtime()?)?;
    check_seccomp(allowed, "seccomp_profile_path", spec.seccomp_profile()?)?;
    check_security_options(allowed, &spec.security_options()?)?;
    check_time_zone("timezone", spec.time_zone()?)
}

/// Checks an update of a container.
pub(super) fn check_update(allowed: &BindMounts, update: &Update<'_>) -> Result<(), Refusal> {
    check_file(allowed, update.health_log()?.as_ref(), &HEALTH_LOGS)?;
    check_file(allowed, update.later_health_log()?.as_ref(), &HEALTH_LOGS)
}

/// Checks a body about a list of manifests: images and files to add to it.
pub(super) fn check_manifest(manifest: &Manifest<'_>) -> Result<(), Refusal> {
    for image in manifest.images()? {
        check_image(&image.place, image.value)?;
    }
    match manifest.files()?.first() {
        Some(file) => Err(Refusal::closed(file.place(), Closed::HostFile)),
        None => Ok(()),
    }
}

/// Checks a network: its drivers are programs that Podman looks for by name.
pub(super) fn check_network(network: &PodmanNetwork<'_>) -> Result<(), Refusal> {
    check_driver("driver", network.driver()?)?;
    match network.addresses()? {
        Some(options) => check_driver("ipam_options.driver", options.text("driver")?),
        None => Ok(()),
    }
}

/// Checks a body of volumes create, of both trees: the Engine's has
/// `DriverOpts`, Podman's own has `Options`.
pub(super) fn check_volume(allowed: &BindMounts, volume: &Volume<'_>) -> Result<(), Refusal> {
    check_source(allowed, "Name", volume.name()?)?;
    let driver = volume.driver()?;
    check_driver("Driver", driver)?;
    for options in [volume.driver_options()?, volume.options()?].iter().flatten() {
        check_options(allowed, driver, options)?;
    }
    Ok(())
}

/// An OCI runtime's mount: the option `bind` outweighs the type.
fn check_mount(allowed: &BindMounts, mount: &OciMount<'_>) -> Result<(), Refusal> {
    let options = mount.options()?;
    check_layer_options(allowed, &options)?;
    let mut words = options.iter().flat_map(|option| option.value.split(',')).map(str::trim);
    let kind = mount.kind()?;
    if kind == "bind" || words.any(|word| matches!(word, "bind" | "rbind")) {
        return check_layer(allowed, mount.source()?.as_ref());
    }
    match HARMLESS_TYPES.contains(&kind) {
        true => Ok(()),
        false => Err(Refusal::value(mount.0.place(), Unfit::MountType, kind)),
    }
}

fn check_named_volume(allowed: &BindMounts, volume: &NamedVolume<'_>) -> Result<(), Refusal> {
    let place = volume.0.place();
    check_source(allowed, &format!("{place}.Name"), volume.name()?)?;
    check_subpath(&format!("{place}.SubPath"), volume.subpath()?)?;
    let mut driver_options: Vec<(&str, &str)> = Vec::new();
    for option in volume.options()? {
        match option.value.starts_with("volume-opt") {
            true => driver_options.push(driver_option(&option, &driver_options)?),
            false => check_mount_options(allowed, &option.place, option.value)?,
        }
    }
    check_pairs(allowed, "local", &format!("{place}.Options"), &driver_options)
}

/// `volume-opt=key=value`, once for each key.
fn driver_option<'t>(
    option: &Text<'t>,
    before: &[(&str, &str)],
) -> Result<(&'t str, &'t str), Refusal> {
    let pair = option.value.split_once('=').and_then(|(_, pair)| pair.split_once('='));
    pair.filter(|(key, _)| before.iter().all(|(other, _)| other != key))
        .ok_or_else(|| Refusal::value(option.place.as_str(), Unfit::VolumeOption, option.value))
}

fn check_overlay(allowed: &BindMounts, volume: &OverlayVolume<'_>) -> Result<(), Refusal> {
    check_layer_options(allowed, &volume.options()?)?;
    check_layer(allowed, volume.source()?.as_ref())
}

fn check_image_volume(volume: &ImageVolume<'_>) -> Result<(), Refusal> {
    let place = volume.0.place();
    check_subpath(&format!("{place}.SubPath"), volume.subpath()?)?;
    check_subpath(&format!("{place}.subPath"), volume.later_subpath()?)
}

/// A source that Podman may make a layer of an overlay, whose layers are
/// separated by `:` and whose options by `,`.
fn check_layer(allowed: &BindMounts, source: Option<&Text<'_>>) -> Result<(), Refusal> {
    let Some(source) = source else {
        return Err(Refusal::closed("a mount", Closed::NoSource));
    };
    check_one_path(allowed, &source.place, source.value)
}

fn check_layer_options(allowed: &BindMounts, options: &[Text<'_>]) -> Result<(), Refusal> {
    options.iter().try_for_each(|option| check_mount_options(allowed, &option.place, option.value))
}

fn check_host_path(allowed: &BindMounts, place: &str, path: &str) -> Result<(), Refusal> {
    if path.is_empty() { Ok(()) } else { check_one_path(allowed, place, path) }
}

fn check_hosts_file(allowed: &BindMounts, place: &str, path: &str) -> Result<(), Refusal> {
    match path {
        "none" | "image" => Ok(()),
        path => check_host_path(allowed, place, path),
    }
}

fn check_one_path(allowed: &BindMounts, place: &str, path: &str) -> Result<(), Refusal> {
    match path.contains([':', ',', '\\']) {
        true => Err(Refusal::value(place, Unfit::Paths, path)),
        false => allowed.check_path(place, path),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::{Value, read_text};
    use super::*;

    fn judge<T: Value<'static>>(
        check: impl Fn(&BindMounts, &T) -> Result<(), Refusal>,
        body: &str,
    ) -> Result<(), Refusal> {
        let allowed = BindMounts::parse("/home,/var/log").unwrap();
        read_text(body).and_then(|read| check(&allowed, &read))
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
        let manifest = |body: &str| judge(|_, read| check_manifest(read), body);
        let passes = r#"{"operation":"update","images":["docker://x"],"artifact_files":null}"#;
        assert_eq!(manifest(passes), Ok(()));
        assert!(manifest(r#"{"images":["x","dir:/etc"]}"#).is_err());
        assert!(manifest(r#"{"artifact_files":["/etc/shadow"]}"#).is_err());
        assert!(manifest(r#"{"Images":[]}"#).is_err());
        let network = |body: &str| judge(|_, read| check_network(read), body);
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
