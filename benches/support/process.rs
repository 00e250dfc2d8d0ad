//! A child process, with its CPU time and memory as the kernel reports them.
//!
//! CPU time is `utime + stime` of `/proc/PID/stat`: all threads, also those
//! that have ended (which `task/*/schedstat` forgets). Linux scales the two to
//! the scheduler's exact run time, so the sum isn't sampled, only cut to 10 ms:
//! measure for long enough. A process's CPU clock would be finer, but can't be
//! read for another process without `unsafe`.

use super::Result;
use super::address::Address;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// `USER_HZ`: the unit of times in `/proc`, the same on all common machines.
const TICKS_PER_SECOND: f64 = 100.0;
/// A process that doesn't listen after so long has failed.
const START_MAX: Duration = Duration::from_secs(10);

/// A child process that ends with its owner.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// From the start of the process to the first accepted connection.
    pub(crate) start: Duration,
}

impl Process {
    /// Starts a process and waits until it listens. Its standard output, where
    /// our log goes, is thrown away.
    pub(crate) fn start(command: &mut Command, address: &Address) -> Result<Self> {
        let begun = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut process = Self { child, start: Duration::ZERO };
        while address.connect().is_err() {
            if let Some(status) = process.child.try_wait()? {
                return Err(format!("ended at its start: {status}").into());
            }
            if begun.elapsed() > START_MAX {
                return Err("did not listen".into());
            }
            thread::sleep(Duration::from_micros(100));
        }
        process.start = begun.elapsed();
        Ok(process)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Seconds of CPU time that all threads have used until now.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let stat = self.read("stat")?;
        // The name before the last parenthesis may itself hold blanks.
        let (_, fields) = stat.rsplit_once(") ").ok_or("no name in stat")?;
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
        Ok(ticks.sum::<std::result::Result<u64, _>>()? as f64 / TICKS_PER_SECOND)
    }

    /// Resident bytes, counted page by page (`VmRSS` is off by some pages for
    /// each thread).
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        kibibytes(&self.read("smaps_rollup")?, "Rss:")
    }

    /// The most that was resident since the start, or since it was forgotten.
    pub(crate) fn peak_bytes(&self) -> Result<u64> {
        kibibytes(&self.read("status")?, "VmHWM:")
    }

    /// Resets the peak (proc(5), `clear_refs`).
    pub(crate) fn forget_peak(&self) -> Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.id()), "5")?)
    }

    pub(crate) fn threads(&self) -> Result<u64> {
        Ok(fs::read_dir(format!("/proc/{}/task", self.id()))?.count() as u64)
    }

    pub(crate) fn descriptors(&self) -> Result<u64> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.id()))?.count() as u64)
    }

    fn read(&self, name: &str) -> Result<String> {
        Ok(fs::read_to_string(format!("/proc/{}/{name}", self.id()))?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets this process and its children open as many descriptors as they may.
pub(crate) fn raise_descriptor_limit() -> Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

fn kibibytes(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
