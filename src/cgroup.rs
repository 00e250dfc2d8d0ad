//! The version of control groups on this host: on version 1 a daemon gives every
//! container the host's cgroup namespace, and shows it in its descriptions of
//! containers.
//!
//! The daemon runs on this host, under the same kernel: the proxy reads its own
//! membership, which every container shows.

use std::fs;
use std::sync::OnceLock;

/// Whether controllers are on version 1, or some of them; read once. If it cannot be
/// read, they are not.
pub fn is_version_1() -> bool {
    static IS_VERSION_1: OnceLock<bool> = OnceLock::new();
    *IS_VERSION_1.get_or_init(|| {
        fs::read_to_string("/proc/self/cgroup").is_ok_and(|membership| has_version_1(&membership))
    })
}

/// Each line is `ID:CONTROLLERS:PATH` (cgroups(7)). Version 2 has no controllers there,
/// and a hierarchy with a name has none of the kernel's.
fn has_version_1(membership: &str) -> bool {
    let controllers = membership.lines().filter_map(|line| line.split(':').nth(1));
    controllers.into_iter().any(|of| !of.is_empty() && !of.starts_with("name="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_are_those_of_version_1() {
        for (membership, expected) in [
            ("0::/system.slice/docker.service\n", false),
            ("0::/\n", false),
            ("1:name=systemd:/x\n0::/\n", false),
            ("12:memory:/docker/a\n1:name=systemd:/docker/a\n0::/x\n", true),
            ("4:cpu,cpuacct:/\n", true),
            ("", false),
            ("nonsense", false),
        ] {
            assert_eq!(has_version_1(membership), expected, "{membership}");
        }
    }
}
