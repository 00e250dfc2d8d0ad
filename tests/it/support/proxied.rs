//! The real binary with given flags, in front of a given daemon socket.

use super::PATIENCE;
use super::live::Live;
use super::proxy::{LISTENING, binary, free_port};
use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

/// How often another port is tried when another process took the free one first.
const ATTEMPTS_MAX: u32 = 10;

/// A running proxy; dropped, it is killed.
pub(crate) struct Proxied {
    live: Live,
    address: SocketAddr,
}

impl Proxied {
    /// Starts the proxy on a free port and waits until it listens.
    pub(crate) fn start(socket_path: &Path, flags: &[String]) -> Self {
        Self::start_as(&[], socket_path, flags)
    }

    /// As [`Self::start`], under a command such as `["prlimit", "--nofile=64"]`
    /// that replaces itself with the proxy.
    pub(crate) fn start_as(wrapper: &[&str], socket_path: &Path, flags: &[String]) -> Self {
        for _ in 0..ATTEMPTS_MAX {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
            let live = Live::start(&mut command(wrapper, socket_path, flags, address.port()));
            let proxied = Self { live, address };
            if proxied.live.says(LISTENING, PATIENCE) {
                return proxied;
            }
            let text = proxied.log();
            assert!(text.contains("in use"), "the proxy did not start:\n{text}");
        }
        panic!("no free port in {ATTEMPTS_MAX} attempts");
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.live.pid()
    }

    /// All that the proxy has written, invalid UTF-8 replaced.
    pub(crate) fn log(&self) -> String {
        self.live.text()
    }

    pub(crate) fn log_bytes(&self) -> Vec<u8> {
        self.live.bytes()
    }

    /// Waits for a piece of text in the log.
    #[track_caller]
    pub(crate) fn await_log(&self, text: &str) {
        self.live.await_text(text);
    }

    /// Whether the process still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.live.is_running()
    }

    /// Resident memory, counted page by page (`VmRSS` is off by some pages for each
    /// thread).
    pub(crate) fn rss_kib(&self) -> u64 {
        self.number("smaps_rollup", "Rss:")
    }

    /// The most resident memory that it had so far.
    pub(crate) fn peak_rss_kib(&self) -> u64 {
        self.number("status", "VmHWM:")
    }

    /// Threads of the process.
    pub(crate) fn threads(&self) -> u64 {
        self.number("status", "Threads:")
    }

    /// Open file descriptors of the process.
    pub(crate) fn descriptors(&self) -> usize {
        let directory = format!("/proc/{}/fd", self.pid());
        std::fs::read_dir(directory).map_or(0, Iterator::count)
    }

    /// Processor time used so far, in clock ticks (hundredths of a second).
    pub(crate) fn cpu_ticks(&self) -> u64 {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let numbers: Vec<u64> =
            after_name.split_whitespace().map(|word| word.parse().unwrap_or(0)).collect();
        numbers.get(11).copied().unwrap_or(0) + numbers.get(12).copied().unwrap_or(0)
    }

    fn number(&self, file: &str, key: &str) -> u64 {
        let text =
            std::fs::read_to_string(format!("/proc/{}/{file}", self.pid())).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        let log = self.live.end();
        let quiet = std::thread::panicking() || !log.contains("panicked");
        assert!(quiet, "the proxy panicked:\n{log}");
    }
}

fn command(wrapper: &[&str], socket_path: &Path, flags: &[String], port: u16) -> Command {
    let binary = binary();
    let mut words = wrapper.iter().map(OsStr::new).chain([binary.as_os_str()]);
    let mut command = Command::new(words.next().unwrap_or_default());
    command
        .args(words)
        .arg(format!("-socketpath={}", socket_path.display()))
        .arg("-listenip=127.0.0.1")
        .arg(format!("-proxyport={port}"))
        .args(flags)
        .env_clear();
    command
}
