//! Metrics of the process, by the standard names of Prometheus clients.
//!
//! Values that `/proc` does not show, for example in a sandbox, are left out.

use super::page::{Kind, Page};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::time::{Duration, SystemTime};

/// Prints them. `started` is when the program began.
pub(super) fn print(page: &mut Page, started: SystemTime) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |name| field(&status, name).map(|kibibytes: u64| kibibytes * 1024);
    page.family(
        "process_cpu_seconds_total",
        Kind::Counter,
        "Total user and system CPU time in seconds.",
    );
    page.sample_seconds(&[], cpu_time());
    let gauges = [
        ("process_resident_memory_bytes", "Resident memory in bytes.", bytes("VmRSS")),
        ("process_virtual_memory_bytes", "Virtual memory in bytes.", bytes("VmSize")),
        ("process_threads", "Number of threads.", field(&status, "Threads")),
        ("process_open_fds", "Number of open file descriptors.", open_descriptors()),
        (
            "process_max_fds",
            "Maximum number of open file descriptors.",
            getrlimit(Resource::Nofile).current,
        ),
    ];
    for (name, help, value) in gauges {
        page.family(name, Kind::Gauge, help);
        value.into_iter().for_each(|value| page.sample(&[], value));
    }
    page.family("process_start_time_seconds", Kind::Gauge, "Start time in seconds since 1970.");
    page.sample_seconds(&[], started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
}

fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// A number in `/proc/self/status`: `VmRSS: 1234 kB`.
fn field(status: &str, name: &str) -> Option<u64> {
    let mut lines = status.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(found, _)| *found == name)?;
    value.split_whitespace().next()?.parse().ok()
}

/// Without the one by which they are counted.
fn open_descriptors() -> Option<u64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    Some((count as u64).saturating_sub(1))
}
