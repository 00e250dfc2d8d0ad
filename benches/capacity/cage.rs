//! A memory cgroup with a limit, as `docker run -m` makes one.
//!
//! The figure is all memory that the kernel charges to the group: pages, but also
//! thread stacks, sockets and page tables, which a process does not see in itself.
//! Version 2 is used where it has the memory controller, else version 1, where
//! TCP buffers are counted apart, and only once they have a limit.

use crate::support::Result;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = "/sys/fs/cgroup";

/// A cgroup that is removed with its owner; its processes must end before.
#[derive(Debug)]
pub(crate) struct Cage {
    directory: PathBuf,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Bytes that are charged to the group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Charged {
    pub(crate) now: u64,
    /// The kernel's share of it.
    pub(crate) kernel: u64,
    /// The most that was charged ever.
    pub(crate) peak: u64,
}

impl Cage {
    /// Makes a cgroup with so much memory. Needs root.
    pub(crate) fn build(limit_bytes: u64) -> Result<Self> {
        let (version, parent) = home(&fs::read_to_string("/proc/self/cgroup")?)?;
        let directory = parent.join(format!("proxy-capacity-{}", std::process::id()));
        fs::create_dir(&directory)?;
        let cage = Self { directory, version };
        let limits: &[&str] = match version {
            Version::One => &["memory.limit_in_bytes", "memory.kmem.tcp.limit_in_bytes"],
            Version::Two => &["memory.max"],
        };
        for limit in limits {
            fs::write(cage.directory.join(limit), limit_bytes.to_string())?;
        }
        Ok(cage)
    }

    /// The same command, but run in the cage.
    pub(crate) fn enclose(&self, command: &Command) -> Command {
        let mut enclosed = Command::new("sh");
        enclosed.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]);
        enclosed.arg(self.directory.join("cgroup.procs"));
        enclosed.arg(command.get_program()).args(command.get_args().collect::<Vec<&OsStr>>());
        enclosed
    }

    pub(crate) fn charged(&self) -> Result<Charged> {
        match self.version {
            Version::One => {
                let tcp = self.number("memory.kmem.tcp.usage_in_bytes")?;
                let tcp_peak = self.number("memory.kmem.tcp.max_usage_in_bytes")?;
                Ok(Charged {
                    now: self.number("memory.usage_in_bytes")? + tcp,
                    kernel: self.number("memory.kmem.usage_in_bytes")? + tcp,
                    peak: self.number("memory.max_usage_in_bytes")? + tcp_peak,
                })
            }
            Version::Two => Ok(Charged {
                now: self.number("memory.current")?,
                kernel: self.statistic("kernel")? + self.statistic("sock")?,
                peak: self.number("memory.peak")?,
            }),
        }
    }

    fn number(&self, file: &str) -> Result<u64> {
        Ok(fs::read_to_string(self.directory.join(file))?.trim().parse()?)
    }

    fn statistic(&self, name: &str) -> Result<u64> {
        let text = fs::read_to_string(self.directory.join("memory.stat"))?;
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        text.lines().find_map(value).ok_or_else(|| format!("no {name} in memory.stat").into())
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        // An empty directory of the kernel's; if it remains, another process holds it.
        let _ = fs::remove_dir(&self.directory);
    }
}

/// Where a group may be made: below this process's in version 1; beside it in
/// version 2, where a group with processes can't have limited children.
fn home(memberships: &str) -> Result<(Version, PathBuf)> {
    let path = |prefix: &str| {
        let of_line =
            |line: &str| Some(line.split_once(prefix)?.1.trim_start_matches('/').to_owned());
        memberships.lines().find_map(of_line)
    };
    if let Some(path) = path(":memory:") {
        return Ok((Version::One, Path::new(ROOT).join("memory").join(path)));
    }
    let own = Path::new(ROOT).join(path("0::").ok_or("no cgroups here")?);
    let parent = if own == Path::new(ROOT) { own.as_path() } else { own.parent().unwrap_or(&own) };
    Ok((Version::Two, parent.to_owned()))
}
