//! The real binary with given flags, in front of a given daemon socket.

use super::PATIENCE;
use super::proxy::free_port;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

/// How often another port is tried when another process took the free one first.
const ATTEMPTS_MAX: u32 = 10;

/// A running proxy; dropped, it is killed.
pub(crate) struct Proxied {
    child: Child,
    address: SocketAddr,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    sources_ended: u32,
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
            let port = free_port();
            let mut command = command(wrapper, socket_path, flags, port);
            let child = command.spawn().expect("start the proxy");
            let mut proxied = Self {
                child,
                address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
                log: Arc::new(Log::default()),
            };
            proxied.collect_log();
            if proxied.log.wait_for("running and listening").is_ok() {
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
        self.child.id()
    }

    /// All that the proxy has written, invalid UTF-8 replaced.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.log_bytes()).into_owned()
    }

    pub(crate) fn log_bytes(&self) -> Vec<u8> {
        self.log.lines.lock().expect("the log").text.clone()
    }

    /// Waits until the log contains a text.
    ///
    /// # Errors
    /// If it never does.
    pub(crate) fn wait_for_log(&self, text: &str) -> Result<(), String> {
        self.log.wait_for(text)
    }

    /// Whether the process still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Resident memory.
    pub(crate) fn rss_kib(&self) -> u64 {
        self.status_number("VmRSS:")
    }

    /// The most resident memory that it had so far.
    pub(crate) fn peak_rss_kib(&self) -> u64 {
        self.status_number("VmHWM:")
    }

    /// Threads of the process.
    pub(crate) fn threads(&self) -> u64 {
        self.status_number("Threads:")
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

    fn status_number(&self, key: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    fn collect_log(&mut self) {
        let stdout = self.child.stdout.take().expect("standard output is a pipe");
        let stderr = self.child.stderr.take().expect("standard error is a pipe");
        for source in [Box::new(stdout) as Box<dyn Read + Send>, Box::new(stderr)] {
            let log = Arc::clone(&self.log);
            std::thread::spawn(move || log.collect(source));
        }
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let quiet = std::thread::panicking() || !self.log().contains("panicked");
        assert!(quiet, "the proxy panicked:\n{}", self.log());
    }
}

impl Log {
    fn collect(&self, source: impl Read) {
        let mut reader = BufReader::new(source);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            self.lines.lock().expect("the log").text.append(&mut line);
            self.changed.notify_all();
        }
        self.lines.lock().expect("the log").sources_ended += 1;
        self.changed.notify_all();
    }

    fn wait_for(&self, text: &str) -> Result<(), String> {
        let found = |lines: &Lines| String::from_utf8_lossy(&lines.text).contains(text);
        let lines = self.lines.lock().expect("the log");
        let (lines, _) = self
            .changed
            .wait_timeout_while(lines, PATIENCE, |lines| !found(lines) && lines.sources_ended < 2)
            .expect("the log");
        if found(&lines) { Ok(()) } else { Err(format!("{text:?} was never logged")) }
    }
}

fn command(wrapper: &[&str], socket_path: &Path, flags: &[String], port: u16) -> Command {
    let binary = env!("CARGO_BIN_EXE_socket-proxy");
    let mut words = wrapper.iter().copied().chain([binary]);
    let mut command = Command::new(words.next().unwrap_or(binary));
    command
        .args(words)
        .arg(format!("-socketpath={}", socket_path.display()))
        .arg("-listenip=127.0.0.1")
        .arg(format!("-proxyport={port}"))
        .args(flags)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
