//! Mounts in bodies of the Engine's API: `HostConfig` and service specs, with
//! the other places of the host that they name.
//!
//! Podman serves the same endpoints and reads some fields otherwise. Both
//! readings are judged:
//!
//! - it joins the strings of a `Mounts` element with commas and splits them
//!   again, so a comma in one of them could begin another option;
//! - it reads the keys of `Volumes` like `Binds`, so `"/etc:/h"` is a bind
//!   mount of `/etc`;
//! - it takes `upperdir=` and `workdir=` among the options of a bind mount.
//!
//! Swarm expands templates in sources and driver options, and takes a mount
//! without a type for a bind mount.
//!
//! Privileges, devices and namespaces are not looked at: they open the host as
//! well, but the restriction is one of directories.

use super::directories::BindMounts;
use super::host_paths::{
    check_annotations, check_driver, check_file, check_log, check_network_mode, check_runtime,
    check_security_options,
};
use super::read::{
    Container, ContainerSpec, HostConfig, Map, Mount, Service, Swarm, Text, VolumeOptions,
};
use super::refusal::{Closed, Refusal, Unfit};
use super::volumes::{check_options, check_source, check_subpath};
use std::borrow::Cow;

/// Templates of swarm that expand to a name: no slashes, no dots alone.
const NAMES: [&str; 7] = [
    ".Service.ID",
    ".Service.Name",
    ".Node.ID",
    ".Node.Hostname",
    ".Task.ID",
    ".Task.Name",
    ".Task.Slot",
];

/// The reader of a mount, which decides on the characters that its strings may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// The Engine, or Podman in its place.
    Engine,
    Swarm,
}

/// Checks a body of containers create, start or update.
pub(super) fn check_container(
    allowed: &BindMounts,
    container: &Container<'_>,
) -> Result<(), Refusal> {
    for host_config in container.host_configs()? {
        check_host_config(allowed, &host_config)?;
    }
    let Some(volumes) = container.volumes()? else { return Ok(()) };
    for (path, volume) in volumes.entries() {
        check_bind(allowed, volume.place(), path)?;
    }
    Ok(())
}

/// Checks a body of services create or update.
pub(super) fn check_service(allowed: &BindMounts, service: &Service<'_>) -> Result<(), Refusal> {
    let Some(task) = service.task()? else { return Ok(()) };
    if let Some(plugin) = task.plugin()? {
        return Err(Refusal::closed(plugin.place(), Closed::Plugin));
    }
    if let Some(driver) = task.log_driver()? {
        check_log(allowed, &driver.driver()?)?;
    }
    let Some(container) = task.container()? else { return Ok(()) };
    for mount in container.mounts()? {
        check_mount(allowed, Reader::Swarm, &mount)?;
    }
    check_privileges(&container)
}

/// Checks a body of swarm update: the driver of logs that tasks have if their
/// service names none.
pub(super) fn check_swarm(allowed: &BindMounts, swarm: &Swarm<'_>) -> Result<(), Refusal> {
    let Some(defaults) = swarm.defaults()? else { return Ok(()) };
    match defaults.log_driver()? {
        Some(driver) => check_log(allowed, &driver.driver()?),
        None => Ok(()),
    }
}

/// Checks a mount in the short form `source:target[:options]`; without a colon
/// it is only a target.
pub(super) fn check_bind(allowed: &BindMounts, place: &str, bind: &str) -> Result<(), Refusal> {
    let parts: Vec<&str> = bind.split(':').collect();
    match parts.as_slice() {
        [_target] => Ok(()),
        // Buildah reads `\:` as a colon within a part.
        [source, ..] if source.is_empty() || bind.contains('\\') => {
            Err(Refusal::value(place, Unfit::Bind, bind))
        }
        [source, _target] => check_source(allowed, place, source),
        [source, _target, options] => {
            check_source(allowed, place, source)?;
            check_mount_options(allowed, place, options)
        }
        _ => Err(Refusal::value(place, Unfit::Bind, bind)),
    }
}

/// Checks comma-separated options of a mount for host paths: Podman overlays a
/// mount with `O,upperdir=…,workdir=…`.
pub(super) fn check_mount_options(
    allowed: &BindMounts,
    place: &str,
    options: &str,
) -> Result<(), Refusal> {
    for option in options.split(',').map(str::trim) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let key = key.to_ascii_lowercase();
        if key.starts_with("volume-opt") {
            return Err(Refusal::value(place, Unfit::Option, option));
        }
        let layer = ["upperdir", "workdir", "lowerdir"].iter().any(|name| key.contains(name));
        if layer || value.contains('/') {
            value.split(':').try_for_each(|path| allowed.check_raw_path(place, path))?;
        }
    }
    Ok(())
}

fn check_host_config(allowed: &BindMounts, config: &HostConfig<'_>) -> Result<(), Refusal> {
    for bind in config.binds()? {
        check_bind(allowed, &bind.place, bind.value)?;
    }
    for mount in config.mounts()? {
        check_mount(allowed, Reader::Engine, &mount)?;
    }
    allowed.check_volumes_from(&config.volumes_from()?)?;
    if let Some(log) = config.log_config()? {
        check_log(allowed, &log.log()?)?;
    }
    check_security_options(allowed, &config.security_options()?)?;
    check_annotations(allowed, config.annotations()?.as_ref())?;
    // Ordinary values are judged by other rules or none, so any spelling may pass.
    for mode in config.network_modes() {
        check_network_mode(allowed, mode.place(), mode.text().unwrap_or_default())?;
    }
    // Podman removes this file together with the container.
    check_file(allowed, config.container_id_file()?.as_ref(), &[])?;
    if let Some(runtime) = config.runtime()? {
        check_runtime(&runtime.place, runtime.value)?;
    }
    let Some(driver) = config.volume_driver()? else { return Ok(()) };
    check_driver(&driver.place, driver.value)
}

/// A profile of a service comes in base64, as no command line sends it.
fn check_privileges(container: &ContainerSpec<'_>) -> Result<(), Refusal> {
    let Some(privileges) = container.privileges()? else { return Ok(()) };
    let Some(seccomp) = privileges.seccomp()? else { return Ok(()) };
    match seccomp.profile()? {
        Some(profile) if profile.text() != Ok("") => {
            Err(Refusal::closed(profile.place(), Closed::Unread))
        }
        _ => Ok(()),
    }
}

fn check_mount(allowed: &BindMounts, reader: Reader, mount: &Mount<'_>) -> Result<(), Refusal> {
    for text in [mount.source()?, mount.target()?, mount.consistency()?] {
        check_text(reader, text.as_ref())?;
    }
    if let Some(options) = mount.bind_options()? {
        check_text(reader, options.propagation()?.as_ref())?;
    }
    if let Some(options) = mount.image_options()? {
        check_mounted_subpath(reader, options.subpath()?.as_ref())?;
    }
    if let Some(options) = mount.volume_options()? {
        check_volume_options(allowed, reader, &options)?;
    }
    check_mount_source(allowed, mount)
}

fn check_mount_source(allowed: &BindMounts, mount: &Mount<'_>) -> Result<(), Refusal> {
    let place = format!("{}.Source", mount.0.place());
    let source = mount.source()?.map_or("", |source| source.value);
    let source = expand(&place, source)?;
    match mount.kind()? {
        // Swarm's default is a bind mount.
        "bind" | "" => allowed.check_path(&place, &source),
        "volume" => check_source(allowed, &place, &source),
        "tmpfs" if source.is_empty() => Ok(()),
        // The names of an image and of a cluster volume.
        "image" | "cluster" => Ok(()),
        kind => Err(Refusal::value(mount.0.place(), Unfit::MountType, kind)),
    }
}

fn check_volume_options(
    allowed: &BindMounts,
    reader: Reader,
    options: &VolumeOptions<'_>,
) -> Result<(), Refusal> {
    check_mounted_subpath(reader, options.subpath()?.as_ref())?;
    let Some(driver) = options.driver_config()? else { return Ok(()) };
    let driver = driver.driver()?;
    check_driver(&driver.name.place, driver.name.value)?;
    let Some(options) = driver.options else { return Ok(()) };
    if reader == Reader::Swarm {
        refuse_templates(&options)?;
    }
    check_options(allowed, driver.name.value, &options)
}

fn check_mounted_subpath(reader: Reader, subpath: Option<&Text<'_>>) -> Result<(), Refusal> {
    check_text(reader, subpath)?;
    subpath.map_or(Ok(()), |subpath| check_subpath(&subpath.place, subpath.value))
}

/// Podman joins these texts and reads them again as one line of commas and
/// quotes; the strings of swarm stay apart.
fn check_text(reader: Reader, text: Option<&Text<'_>>) -> Result<(), Refusal> {
    match (text, reader) {
        (Some(text), Reader::Engine) if text.value.contains([',', '"', '\n', '\r']) => {
            Err(Refusal::closed(text.place.as_str(), Closed::Separator))
        }
        _ => Ok(()),
    }
}

/// A text with a plain name in place of each template that gives a name. Only
/// swarm expands them; for others this changes nothing that is judged, as a
/// name within a path neither leaves nor enters a directory.
fn expand<'t>(place: &str, text: &'t str) -> Result<Cow<'t, str>, Refusal> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((template, after)) = after.split_once("}}") else { break };
        if !NAMES.contains(&template.trim()) {
            return Err(Refusal::value(place, Unfit::Template, text));
        }
        expanded.push_str(before);
        expanded.push_str("name");
        rest = after;
    }
    match expanded.is_empty() {
        true => Ok(Cow::Borrowed(text)),
        false => Ok(Cow::Owned(expanded + rest)),
    }
}

/// Driver options decide on the kind of a mount, so they may hold no template
/// but those that give a name.
fn refuse_templates(options: &Map<'_>) -> Result<(), Refusal> {
    for (_, option) in options.texts()? {
        expand(&option.place, option.value)?;
    }
    Ok(())
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

    /// Judges the members of a `HostConfig` in its place and at the top level.
    fn check_passes(members: &str) {
        for body in [format!("{{{members}}}"), format!("{{\"HostConfig\":{{{members}}}}}")] {
            assert_eq!(judge(check_container, &body), Ok(()), "{body}");
        }
    }

    fn check_refused(members: &str, refusal: &str) {
        for body in [format!("{{{members}}}"), format!("{{\"HostConfig\":{{{members}}}}}")] {
            let refused = judge(check_container, &body).expect_err(&body).to_string();
            assert!(refused.contains(refusal), "{body}: {refused}");
        }
    }

    fn service(mount: &str) -> String {
        format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Mounts":[{mount}]}}}}}}"#)
    }

    fn check_service_refused(mount: &str, refusal: &str) {
        let refused = judge(check_service, &service(mount)).expect_err(mount).to_string();
        assert!(refused.contains(refusal), "{mount}: {refused}");
    }

    #[test]
    fn binds_of_listed_directories_and_volumes_pass() {
        check_passes("");
        check_passes(r#""Binds":null,"Mounts":null,"VolumesFrom":null"#);
        check_passes(r#""Binds":[],"Mounts":[],"VolumesFrom":[]"#);
        check_passes(r#""Binds":["/home/me:/data","/var/log:/l:ro,z","vol:/v","/anonymous"]"#);
        check_passes(r#""Binds":["/home/me:/d:rw,rslave,nocopy,cached"]"#);
        check_passes(r#""Binds":["/home/me:/d:O,upperdir=/home/u,workdir=/home/w"]"#);
    }

    #[test]
    fn binds_of_other_directories_are_refused() {
        check_refused(r#""Binds":["/etc:/h"]"#, "Binds[0] mounts \"/etc\" of the host");
        check_refused(r#""Binds":["v:/v","/homes:/h"]"#, "Binds[1] mounts \"/homes\"");
        check_refused(r#""Binds":["//:/h"]"#, "outside");
        check_refused(
            r#""Binds":["/home/../:/h:ro"]"#,
            "list the directories that are needed in -allowbindmountfrom, not",
        );
        check_refused(r#""Binds":["./x:/h"]"#, "neither a volume nor an absolute path");
        check_refused(r#""Binds":["~/x:/h"]"#, "neither a volume nor an absolute path");
        check_refused(r#""Binds":["/home:/h:O,upperdir=/etc,workdir=/home"]"#, "\"/etc\"");
        check_refused(r#""Binds":["/home:/h:O,upperdirx=etc"]"#, "not an absolute path");
        check_refused(r#""Binds":["v:/h:volume-opt=device=/etc"]"#, "volume-opt");
    }

    #[test]
    fn binds_of_another_form_are_refused() {
        check_refused(r#""Binds":[null]"#, "Binds[0] is not a string");
        check_refused(r#""Binds":["a:b:c:d"]"#, "is not source:target[:options]");
        check_refused(r#""Binds":[":/h"]"#, "is not source:target[:options]");
        check_refused(r#""Binds":["/home\\:/etc:/h"]"#, "is not source:target[:options]");
        check_refused(r#""Binds":"/etc:/h""#, "Binds is not an array");
        check_refused(r#""Binds":{"/etc":"/h"}"#, "Binds is not an array");
        check_refused(r#""binds":["/home:/h"]"#, "would be read as Binds");
        check_refused(r#""Bindſ":[]"#, "would be read as Binds");
        check_refused(r#""VOLUMESFROM":[]"#, "would be read as VolumesFrom");
    }

    #[test]
    fn mounts_are_judged_by_their_type() {
        check_passes(
            r#""Mounts":[{"Type":"bind","Source":"/home/me","Target":"/h","ReadOnly":true}]"#,
        );
        check_passes(r#""Mounts":[{"Type":"volume","Source":"data","Target":"/h"}]"#);
        check_passes(r#""Mounts":[{"Type":"volume","Target":"/h","VolumeOptions":null}]"#);
        check_passes(r#""Mounts":[{"Type":"tmpfs","Target":"/h","TmpfsOptions":{"SizeBytes":1}}]"#);
        check_passes(r#""Mounts":[{"Type":"image","Source":"busybox:1","Target":"/h"}]"#);
        check_passes(r#""Mounts":[{"Type":"cluster","Source":"group:g","Target":"/h"}]"#);
        check_refused(
            r#""Mounts":[{"Type":"bind","Source":"/"}]"#,
            "Mounts[0].Source mounts \"/\"",
        );
        check_refused(r#""Mounts":[{"Type":"bind","Source":"home"}]"#, "not an absolute path");
        check_refused(r#""Mounts":[{"Type":"bind"}]"#, "not an absolute path");
        check_refused(r#""Mounts":[{"Source":"/etc"}]"#, "outside");
        check_refused(r#""Mounts":[{"Type":null,"Source":"/etc"}]"#, "outside");
        check_refused(r#""Mounts":[{"Type":"volume","Source":"/etc"}]"#, "outside");
        check_refused(r#""Mounts":[{"Type":"tmpfs","Source":"/etc"}]"#, "cannot be judged");
        check_refused(r#""Mounts":[{"Type":"BIND","Source":"/home"}]"#, "cannot be judged");
        check_refused(r#""Mounts":[{"Type":"npipe","Source":"\\\\.\\pipe"}]"#, "cannot be judged");
        check_refused(r#""Mounts":[{"Type":"glob","Source":"/etc/*"}]"#, "cannot be judged");
        check_refused(r#""Mounts":[{"Type":["bind"],"Source":"/home"}]"#, "Type is not a string");
        check_refused(r#""Mounts":[{"type":"volume"}]"#, "would be read as Type");
        check_refused(r#""Mounts":[null]"#, "Mounts[0] is not an object");
    }

    #[test]
    fn options_of_mounts_are_judged_whatever_the_type() {
        check_passes(
            r#""Mounts":[{"Type":"volume","Source":"v","VolumeOptions":{"NoCopy":true,"Labels":{"a":"b"},
            "Subpath":"a/b","DriverConfig":{"Name":"local","Options":{"type":"nfs","device":":/x","o":"addr=h"}}}}]"#,
        );
        for kind in ["volume", "tmpfs", "image", "cluster"] {
            let driver = r#"{"Options":{"type":"none","device":"/","o":"bind"}}"#;
            let mount = format!(
                r#""Mounts":[{{"Type":"{kind}","VolumeOptions":{{"DriverConfig":{driver}}}}}]"#
            );
            check_refused(&mount, "VolumeOptions.DriverConfig.Options.device mounts \"/\"");
        }
        check_refused(
            r#""Mounts":[{"Type":"volume","VolumeOptions":{"Subpath":"../x"}}]"#,
            "Subpath leaves its volume",
        );
        check_refused(
            r#""Mounts":[{"Type":"image","Source":"x","ImageOptions":{"Subpath":"/x"}}]"#,
            "Subpath leaves its volume",
        );
        check_refused(
            r#""Mounts":[{"Type":"volume","VolumeOptions":{"driverconfig":{}}}]"#,
            "would be read as DriverConfig",
        );
    }

    #[test]
    fn podman_finds_no_second_option_in_a_string_of_a_mount() {
        for member in [
            r#""Source":"v,type=bind,source=/etc""#,
            r#""Target":"/h,source=/etc""#,
            r#""Consistency":"cached,src=/etc""#,
            r#""BindOptions":{"Propagation":"rslave,src=/etc"}"#,
            r#""VolumeOptions":{"Subpath":"a,src=/etc"}"#,
            r#""ImageOptions":{"Subpath":"a,src=/etc"}"#,
            r#""Source":"v\nx""#,
            r#""Target":"\"/h\"""#,
        ] {
            check_refused(&format!(r#""Mounts":[{{"Type":"volume",{member}}}]"#), "comma");
        }
    }

    #[test]
    fn places_of_the_host_that_are_no_mounts_are_judged() {
        check_passes(
            r#""LogConfig":{"Type":"syslog","Config":{"syslog-address":"tcp://h:514","tag":"x"}},
            "ContainerIDFile":"/home/x/cid","SecurityOpt":["no-new-privileges"],"Annotations":{"a":"b"},"NetworkMode":"bridge",
            "Runtime":"runc","VolumeDriver":"local""#,
        );
        for members in [
            r#""LogConfig":{"Type":"syslog","Config":{"syslog-address":"unix:///run/x"}}"#,
            r#""LogConfig":{"Type":"../../home/x"}"#,
            r#""ContainerIDFile":"/etc/passwd""#,
            r#""ContainerIDFile":"passwd""#,
            r#""SecurityOpt":["seccomp={\"listenerPath\":\"/run/x\"}"]"#,
            r#""Annotations":{"run.oci.hooks.stdout":"/etc/x"}"#,
            r#""NetworkMode":"pasta:--pcap,/etc/x""#,
            r#""networK_mode":"pasta:--pcap,/etc/x""#,
            r#""Runtime":"/home/x/run""#,
            r#""VolumeDriver":"../../home/x""#,
            r#""Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"../x"}}}]"#,
            r#""logconfig":{}"#,
            r#""Security_Opt":[]"#,
        ] {
            check_refused(members, "");
        }
    }

    #[test]
    fn places_of_the_host_in_services_and_their_defaults_are_judged() {
        let log = |address: &str| {
            format!(
                r#"{{"LogDriver":{{"Name":"fluentd","Options":{{"fluentd-address":"{address}"}}}}}}"#
            )
        };
        for (address, passes) in [("h:24224", true), ("unix:///run/x", false)] {
            let service = format!(r#"{{"TaskTemplate":{}}}"#, log(address));
            assert_eq!(judge(check_service, &service).is_ok(), passes, "{address}");
            let swarm = format!(r#"{{"TaskDefaults":{}}}"#, log(address));
            assert_eq!(judge(check_swarm, &swarm).is_ok(), passes, "{address}");
        }
        let privileges = |privileges: &str| {
            let body =
                format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Privileges":{privileges}}}}}}}"#);
            judge(check_service, &body)
        };
        assert_eq!(
            privileges(r#"{"Seccomp":{"Mode":"unconfined"},"NoNewPrivileges":true}"#),
            Ok(())
        );
        assert!(privileges(r#"{"Seccomp":{"Mode":"custom","Profile":"e30="}}"#).is_err());
    }

    #[test]
    fn volumes_of_others_are_refused() {
        check_refused(r#""VolumesFrom":["other:ro"]"#, "mounts of another container");
        check_refused(r#""VolumesFrom":"other""#, "VolumesFrom is not an array");
    }

    #[test]
    fn keys_of_volumes_are_targets_or_binds() {
        assert_eq!(judge(check_container, r#"{"Volumes":{"/data":{},"/home/x:/y":{}}}"#), Ok(()));
        let refused =
            judge(check_container, r#"{"Volumes":{"/etc:/h":{}}}"#).unwrap_err().to_string();
        assert!(refused.contains("\"/etc\""), "{refused}");
        assert!(judge(check_container, r#"{"Volumes":["/etc"]}"#).is_err());
        assert!(judge(check_container, r#"{"volumes":{"/data":{}}}"#).is_err());
    }

    #[test]
    fn a_body_is_an_object() {
        assert!(judge(check_container, "[]").is_err());
        assert!(judge(check_container, r#"{"HostConfig":[]}"#).is_err());
        assert!(judge(check_container, r#"{"hostconfig":{}}"#).is_err());
        assert_eq!(judge(check_container, r#"{"HostConfig":null}"#), Ok(()));
    }

    #[test]
    fn services_are_judged_like_containers() {
        for body in ["{}", r#"{"TaskTemplate":null}"#, r#"{"TaskTemplate":{"ContainerSpec":{}}}"#] {
            assert_eq!(judge(check_service, body), Ok(()), "{body}");
        }
        let mount = r#"{"Type":"bind","Source":"/home/a,b","Target":"/h"}"#;
        assert_eq!(judge(check_service, &service(mount)), Ok(()));
        check_service_refused(
            r#"{"Type":"bind","Source":"/etc","Target":"/h"}"#,
            "TaskTemplate.ContainerSpec.Mounts[0].Source mounts \"/etc\"",
        );
        check_service_refused(r#"{"Source":"/etc","Target":"/h"}"#, "outside");
        check_service_refused(r#"{"Type":"Bind","Source":"/etc"}"#, "cannot be judged");
        let plugin = r#"{"TaskTemplate":{"PluginSpec":{"Remote":"vieux/sshfs"}}}"#;
        assert!(
            judge(check_service, plugin).unwrap_err().to_string().contains("installs a plugin")
        );
        assert!(judge(check_service, r#"{"tasktemplate":{}}"#).is_err());
    }

    #[test]
    fn templates_of_swarm_pass_only_if_they_give_a_name() {
        for source in
            ["/home/{{.Task.Slot}}", "/home/{{ .Service.Name }}/x", "/home/a{{.Node.Hostname}}"]
        {
            let mount = format!(r#"{{"Type":"bind","Source":"{source}","Target":"/h"}}"#);
            assert_eq!(judge(check_service, &service(&mount)), Ok(()), "{source}");
        }
        let mount =
            r#"{"Type":"volume","Source":"{{.Service.Name}}-{{.Task.Slot}}","Target":"/h"}"#;
        assert_eq!(judge(check_service, &service(mount)), Ok(()));
        check_service_refused(
            r#"{"Type":"volume","Source":"{{index .Service.Labels \"x\"}}"}"#,
            "could give any path",
        );
        check_service_refused(r#"{"Type":"bind","Source":"/home/{{\"../etc\"}}"}"#, "any path");
        check_service_refused(r#"{"Type":"bind","Source":"/{{.Service.Name}}"}"#, "outside");
        check_service_refused(
            r#"{"Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"size":"{{env}}"}}}}"#,
            "any path",
        );
    }
}
