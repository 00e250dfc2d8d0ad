//! A real Prometheus with the files of `examples/monitoring`: it scrapes the proxy,
//! and finds a container through it.

use super::routes::{Client, IMAGE};
use crate::support::PATIENCE;
use crate::support::engine::{self, skip};
use crate::support::process::{run, until};
use crate::support::proxy::{Listen, Proxy};
use crate::support::scratch::Scratch;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/monitoring");

/// A Prometheus; dropped, it is killed.
struct Prometheus {
    child: Child,
    address: String,
}

impl Prometheus {
    /// Starts one with the example's configuration, but for addresses and pace.
    fn start(scratch: &Scratch, proxy: &str, metrics: &str) -> Self {
        let config = fs::read_to_string(Path::new(EXAMPLE).join("prometheus.yml")).unwrap();
        let config = config
            .replace("tcp://socket-proxy:2375", proxy)
            .replace("socket-proxy:9375", metrics)
            .replace("15s", "1s");
        let path = scratch.path().join("prometheus.yml");
        fs::write(&path, config).unwrap();
        fs::copy(Path::new(EXAMPLE).join("alerts.yml"), scratch.path().join("alerts.yml")).unwrap();
        let address = free_address();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.tsdb.path={}", scratch.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(scratch.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { child, address }
    }

    /// Waits until an answer of its API has all these parts.
    #[track_caller]
    fn await_parts(&self, path: &str, parts: &[&str]) {
        let url = format!("http://{}{path}", self.address);
        let mut last = String::new();
        let found = until(PATIENCE, || {
            last = run(Command::new("curl").args(["--silent", &url]), b"").stdout_text();
            parts.iter().all(|part| last.contains(part)).then_some(())
        });
        assert!(found.is_some(), "{url} has not {parts:?}: {last}");
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn prometheus_scrapes_the_proxy_and_finds_containers_through_it() {
    if Command::new("prometheus").arg("--version").output().is_err() {
        return skip("prometheus is missing");
    }
    let Some(engine) = engine::shared() else { return };
    let metrics = free_address();
    let flags = ["-allow=prometheus", &format!("-metrics={metrics}")];
    let proxy = Proxy::start(Listen::Tcp, engine.socket(), &flags);
    let straight = Client::new(engine.socket(), None);
    let label = ["--label", "prometheus.scrape=true", "--expose", "80"];
    let name = straight.name.as_str();
    let start = [&["run", "--detach", "--name", name][..], &label, &[IMAGE]];
    straight.docker(&[&start.concat()[..], &["sleep", "600"]].concat()).success();

    let scratch = Scratch::new();
    let prometheus = Prometheus::start(&scratch, proxy.host(), &metrics);
    let up = "/api/v1/query?query=up%7Bjob%3D%22socket-proxy%22%7D";
    prometheus.await_parts(up, &[r#""job":"socket-proxy"}"#, r#","1"]"#]);
    prometheus.await_parts("/api/v1/query?query=socket_proxy_daemon_up", &[r#","1"]"#]);
    // The listing that found it is counted by then.
    prometheus.await_parts("/api/v1/targets?state=active", &[&format!(r#""container":"{name}""#)]);
    let listed =
        "/api/v1/query?query=socket_proxy_requests_total%7Boperation%3D%22ContainerList%22%7D";
    prometheus.await_parts(listed, &[r#""verdict":"allowed""#, r#""listener":"default""#]);
    prometheus.await_parts("/api/v1/rules", &["SocketProxyDaemonDown", r#""health":"ok""#]);
    assert!(!proxy.log().contains("blocked request"), "{}", proxy.log());
    straight.docker(&["rm", "--force", name]).success();
}
