//! A container seen from within: its own report, compared with that of an ordinary
//! container and with the host's.

use super::api::Api;
use std::collections::{BTreeMap, BTreeSet};

/// The command of containers in these tests. Each line of output begins with its key.
pub(crate) const REPORT: &str = "grep -E '^(Cap|Seccomp:)' /proc/self/status; \
    for n in net pid ipc uts; do echo ns:$n $(readlink /proc/self/ns/$n); done; \
    sed 's/^/mount: /' /proc/self/mountinfo; ls /dev | sed 's/^/dev: /'; \
    sed 's/^/cgroup: /' /proc/self/cgroup; echo end";

/// One container's report: its lines by their key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report(BTreeMap<String, BTreeSet<String>>);

/// File systems that a container may have beyond an ordinary one's.
const OWN_FILE_SYSTEMS: [&str; 3] = ["tmpfs", "mqueue", "devpts"];

/// Whether an overlay is made of the Engine's own layers, as that of an image mount is.
fn is_of_images(overlay: &str) -> bool {
    let mut directories = overlay.split(',').filter(|option| option.contains("dir="));
    directories.all(|option| option.contains("/overlay2/"))
}

/// Masked by late Engines only; a list of an early one passes.
const OFTEN_OPEN: [&str; 2] = ["/proc/interrupts", "/sys/devices/virtual/powercap"];

/// Devices of a terminal, and of shared memory.
const OWN_DEVICES: [&str; 3] = ["console", "shm", "mqueue"];

impl Report {
    /// Starts a container if it does not run, waits for its end, and reads its log: `None`
    /// if it did not start, or has no log of this kind.
    pub(crate) fn of(engine: &Api, id: &str) -> Option<Report> {
        let started = engine.call("POST", &format!("/containers/{id}/start"), "");
        if !matches!(started.status, 204 | 304) {
            return None;
        }
        engine.call("POST", &format!("/containers/{id}/wait"), "");
        let log = engine.call("GET", &format!("/containers/{id}/logs?stdout=1"), "");
        let mut report = Report::default();
        for line in log.log().lines() {
            let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            report.0.entry(word.to_owned()).or_default().insert(rest.trim().to_owned());
        }
        report.0.contains_key("end").then_some(report)
    }

    fn lines(&self, word: &str) -> impl Iterator<Item = &str> {
        self.0.get(word).into_iter().flatten().map(String::as_str)
    }

    fn bits(&self, word: &str) -> u64 {
        let bits = self.lines(word).next().and_then(|bits| u64::from_str_radix(bits, 16).ok());
        bits.unwrap_or(u64::MAX)
    }

    /// Mount points below /proc and /sys: the masked and read-only paths.
    fn covered(&self) -> BTreeSet<&str> {
        let points = self.lines("mount:").filter_map(|line| line.split(' ').nth(4));
        points.filter(|point| point.starts_with("/proc/") || point.starts_with("/sys/")).collect()
    }

    /// The rights that this container has beyond an ordinary one.
    pub(crate) fn faults(&self, ordinary: &Report, host: &Report) -> Vec<String> {
        let mut faults = Vec::new();
        for word in ["CapPrm:", "CapEff:", "CapBnd:", "CapInh:", "CapAmb:"] {
            let more = self.bits(word) & !ordinary.bits("CapBnd:");
            if more != 0 {
                faults.push(format!("{word} {more:x} beyond the ordinary"));
            }
        }
        if !self.lines("Seccomp:").eq(ordinary.lines("Seccomp:")) {
            faults.push("another seccomp mode".to_owned());
        }
        for word in ["ns:net", "ns:pid", "ns:ipc", "ns:uts"] {
            if self.lines(word).eq(host.lines(word)) {
                faults.push(format!("{word} of the host"));
            }
        }
        let open: Vec<_> = ordinary.covered().difference(&self.covered()).copied().collect();
        let open: Vec<_> = open.into_iter().filter(|point| !OFTEN_OPEN.contains(point)).collect();
        if !open.is_empty() {
            faults.push(format!("not covered: {open:?}"));
        }
        let devices: BTreeSet<_> = ordinary.lines("dev:").chain(OWN_DEVICES).collect();
        let foreign = self.lines("dev:").filter(|name| !devices.contains(name));
        faults.extend(foreign.map(|name| format!("device {name}")));
        faults.extend(self.foreign_mounts(ordinary));
        faults.extend(self.foreign_cgroups(ordinary));
        faults
    }

    fn foreign_mounts(&self, ordinary: &Report) -> Vec<String> {
        let point = |line: &'_ str| line.split(' ').nth(4).map(str::to_owned);
        let usual: BTreeSet<_> = ordinary.lines("mount:").filter_map(point).collect();
        let is_own = |line: &&str| {
            let (mount, file_system) = line.split_once(" - ").unwrap_or((line, ""));
            let kind = file_system.split(' ').next().unwrap_or_default();
            let root = mount.split(' ').nth(3).unwrap_or_default();
            OWN_FILE_SYSTEMS.contains(&kind)
                || kind == "overlay" && is_of_images(file_system)
                || root.contains("/volumes/")
                || mount.split(' ').nth(4) == Some("/sbin/docker-init")
        };
        let more =
            self.lines("mount:").filter(|line| point(line).is_none_or(|it| !usual.contains(&it)));
        more.filter(|line| !is_own(line)).map(|line| format!("mount {line}")).collect()
    }

    /// Cgroups are siblings of an ordinary container's, or unseen.
    fn foreign_cgroups(&self, ordinary: &Report) -> Vec<String> {
        let parent = |line: &str| line.rsplit_once('/').map(|(parent, _)| parent.to_owned());
        let usual: BTreeSet<_> = ordinary.lines("cgroup:").filter_map(parent).collect();
        let seen = self.lines("cgroup:").filter(|line| !line.ends_with(":/"));
        let foreign = seen.filter(|line| parent(line).is_none_or(|it| !usual.contains(&it)));
        foreign.map(|line| format!("cgroup {line}")).collect()
    }
}
