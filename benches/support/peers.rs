//! The peers: how each is started so that it does the same work.
//!
//! All serve the same stand-in daemon and none logs single requests (HAProxy
//! would by the usual configuration of such proxies, at a price).

use super::Result;
use super::address::Address;
use super::process::Process;
use super::transfer::DOWNLOAD_PATH;
use std::fs;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lets this program serve more connections than any scenario opens.
pub(crate) const UNLIMITED: [&str; 2] = ["-maxconnections=4000", "-maxconnectionsperclient=4000"];
/// The patterns of the two filters that use regular expressions.
const ALLOW_GET: &str = r"/v1\.[0-9]+/(_ping|containers/json|events|images/get)";
const ALLOW_POST: &str = r"/v1\.[0-9]+/(images/load|containers/[a-zA-Z0-9_.-]+/attach)";

/// The program between the client and the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Nobody: the client talks to the daemon's socket.
    Daemon,
    /// The relay without HTTP.
    Floor,
    /// The relay that dials the daemon for each request.
    Redial,
    /// This program.
    Proxy,
    /// HAProxy, configured like the well-known Docker proxies.
    HaProxy,
    /// nginx, which sends a file instead of asking the daemon.
    Nginx,
    /// The Go program that this one replaces.
    Original,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Daemon,
        Self::Floor,
        Self::Redial,
        Self::Proxy,
        Self::HaProxy,
        Self::Nginx,
        Self::Original,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Floor => "relay",
            Self::Redial => "redial",
            Self::Proxy => "socket-proxy",
            Self::HaProxy => "HAProxy",
            Self::Nginx => "nginx",
            Self::Original => "original",
        }
    }
}

/// A running peer.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    pub(crate) address: Address,
    /// None for the daemon itself, whose cost is not measured.
    pub(crate) process: Option<Process>,
}

/// A running daemon, and a directory for sockets and configurations.
#[derive(Debug)]
pub(crate) struct Stage {
    directory: PathBuf,
    proxy: PathBuf,
    _daemon: Process,
}

impl Stage {
    /// Starts the daemon. `proxy` is the binary of this program.
    pub(crate) fn set(proxy: PathBuf) -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("proxy-bench-{}", std::process::id()));
        fs::create_dir(&directory)?;
        let socket = directory.join("daemon.sock");
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("daemon").arg(&socket);
        let daemon = Process::start(&mut command, &Address::Unix(socket))?;
        Ok(Self { directory, proxy, _daemon: daemon })
    }

    /// The size of this program's binary and of the health check's beside it.
    pub(crate) fn binary_bytes(&self) -> Result<u64> {
        let health_check = self.proxy.with_file_name("healthcheck");
        Ok(fs::metadata(&self.proxy)?.len() + fs::metadata(health_check)?.len())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join("daemon.sock")
    }

    /// Starts a peer; the error is the reason why there is none.
    pub(crate) fn start(&self, kind: Kind) -> Result<Peer> {
        self.start_as(kind, &UNLIMITED.map(String::from), |command| command)
    }

    /// Starts a peer, this program with further flags, by a changed command.
    pub(crate) fn start_as(
        &self,
        kind: Kind,
        flags: &[String],
        change: impl FnOnce(Command) -> Command,
    ) -> Result<Peer> {
        let port = Address::unused()?;
        let command = match kind {
            Kind::Daemon => {
                let address = Address::Unix(self.socket());
                return Ok(Peer { kind, address, process: None });
            }
            Kind::Floor => self.floor("floor", port)?,
            Kind::Redial => self.floor("redial", port)?,
            Kind::Proxy => self.proxy(port, flags),
            Kind::HaProxy => self.haproxy(port)?,
            Kind::Nginx => self.nginx(port)?,
            Kind::Original => self.original(port)?,
        };
        let (mut command, address) = (change(command), Address::Tcp(port));
        let process = Process::start(&mut command, &address)
            .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        Ok(Peer { kind, address, process: Some(process) })
    }

    fn floor(&self, role: &str, port: SocketAddr) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(role).arg(self.socket()).arg(port.to_string());
        Ok(command)
    }

    fn proxy(&self, port: SocketAddr, flags: &[String]) -> Command {
        let mut command = Command::new(&self.proxy);
        self.add_address_flags(&mut command, port);
        // Those who name operations need no patterns.
        if !flags.iter().any(|flag| flag.starts_with("-allow=")) {
            add_patterns(&mut command);
        }
        command.args(flags);
        command
    }

    fn original(&self, port: SocketAddr) -> Result<Command> {
        let binary = original().ok_or("PEER_SOCKET_PROXY does not name a binary of it")?;
        let mut command = Command::new(binary);
        self.add_address_flags(&mut command, port);
        add_patterns(&mut command);
        Ok(command)
    }

    /// The flags that this program shares with its original.
    fn add_address_flags(&self, command: &mut Command, port: SocketAddr) {
        command
            .arg(format!("-listenip={}", port.ip()))
            .arg(format!("-proxyport={}", port.port()))
            .arg(format!("-socketpath={}", self.socket().display()))
            .arg("-allowfrom=127.0.0.0/16");
    }

    fn haproxy(&self, port: SocketAddr) -> Result<Command> {
        let file = self.directory.join("haproxy.cfg");
        let text = include_str!("haproxy.cfg")
            .replace("@PORT@", &port.to_string())
            .replace("@SOCKET@", &self.socket().display().to_string());
        fs::write(&file, text)?;
        let mut command = Command::new(find("haproxy")?);
        command.arg("-q").arg("-db").arg("-f").arg(file);
        Ok(command)
    }

    fn nginx(&self, port: SocketAddr) -> Result<Command> {
        let file = self.directory.join("nginx.conf");
        let text = include_str!("nginx.conf")
            .replace("@PORT@", &port.to_string())
            .replace("@DIRECTORY@", &self.directory.display().to_string());
        fs::write(&file, text)?;
        let mut command = Command::new(find("nginx")?);
        command.arg("-e").arg("stderr").arg("-c").arg(file);
        Ok(command)
    }

    /// Makes the file that nginx sends for a download.
    pub(crate) fn write_download_file(&self, bytes: u64) -> Result<()> {
        let path = self.directory.join(DOWNLOAD_PATH.trim_start_matches('/'));
        fs::create_dir_all(path.parent().ok_or("a file without a directory")?)?;
        let mut file = BufWriter::new(fs::File::create(path)?);
        super::wire::write_bulk(&mut file, bytes)?;
        Ok(file.flush()?)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A file that cannot be removed is left to the cleaner of temporary files.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The original's binary, if the user has named one.
pub(crate) fn original() -> Option<PathBuf> {
    std::env::var_os("PEER_SOCKET_PROXY").map(PathBuf::from)
}

/// Finds a program; Debian keeps servers in directories that users' `PATH`s
/// leave out.
pub(crate) fn find(program: &str) -> Result<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
    let found = path.split(':').map(|one| Path::new(one).join(program)).find(|one| one.is_file());
    found.ok_or_else(|| format!("{program} is not installed").into())
}

fn add_patterns(command: &mut Command) {
    command.arg(format!("-allowGET={ALLOW_GET}")).arg(format!("-allowPOST={ALLOW_POST}"));
}
