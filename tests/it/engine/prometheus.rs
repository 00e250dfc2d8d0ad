//! Debian's Prometheus with `docker_sd_configs`: a third-party application.

use crate::support::PATIENCE;
use crate::support::live::Live;
use crate::support::process::until;
use crate::support::scratch::Scratch;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

/// Whether the program is there.
pub(crate) fn is_there() -> bool {
    Command::new("prometheus").arg("--version").output().is_ok_and(|out| out.status.success())
}

/// A Prometheus that looks for containers every second.
pub(crate) struct Prometheus {
    program: Live,
    address: String,
    _files: Scratch,
}

impl Prometheus {
    /// Starts one that asks the daemon at `host`.
    #[track_caller]
    pub(crate) fn start(host: &str) -> Prometheus {
        let files = Scratch::new();
        let configuration = files.path().join("prometheus.yml");
        let text = format!(
            "scrape_configs:\n\
             - job_name: containers\n  \
               docker_sd_configs: [{{host: \"{host}\", refresh_interval: 1s}}]\n"
        );
        fs::write(&configuration, text).unwrap();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", configuration.display()));
        command.arg(format!("--storage.tsdb.path={}", files.path().join("data").display()));
        command.arg("--web.listen-address=127.0.0.1:0");
        let program = Live::start(&mut command);
        let marker = "msg=\"Listening on\" address=";
        program.await_text(marker);
        let address = until(PATIENCE, || {
            let log = program.text();
            let (_, rest) = log.split_once(marker)?;
            rest.split_once('\n').map(|(address, _)| address.trim().to_owned())
        });
        let address = address.unwrap_or_else(|| panic!("{}", program.text()));
        Prometheus { program, address, _files: files }
    }

    /// Waits until a container of this name is a target.
    #[track_caller]
    pub(crate) fn await_target(&self, name: &str) {
        let label = format!("\"__meta_docker_container_name\":\"/{name}\"");
        let found = until(PATIENCE, || self.targets().contains(&label).then_some(()));
        assert!(found.is_some(), "{name} was not found: {}", self.program.text());
    }

    /// Its report on its targets; empty while it does not answer.
    fn targets(&self) -> String {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(&self.address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(b"GET /api/v1/targets HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().unwrap_or_default()
    }
}
