//! The proxy at work: `cargo run --release --example demo`.
//!
//! Starts the real proxy in front of `/var/run/docker.sock` or, where there is
//! no Docker, in front of a small stand-in. Makes some requests, shows what
//! became of them, and keeps listening for yours. `--exit` ends after the table.

mod stand_in;

use socket_proxy::config::{Config, Invocation};
use socket_proxy::server::{self, Server};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The rights of `examples/compose/traefik.yml`.
const RIGHTS: &str = "-allow=traefik";

const REQUESTS: [(&str, &str); 10] = [
    ("HEAD", "/_ping"),
    ("GET", "/v1.41/version"),
    ("GET", "/v1.41/containers/json"),
    ("GET", "/v1.41/containers/web/export"),
    ("GET", "/v1.41/images/json"),
    ("GET", "/v1.41/secrets"),
    ("POST", "/v1.41/containers/create"),
    ("DELETE", "/v1.41/containers/web"),
    ("GET", "/v1.41/containers/../images/json"),
    ("GET", "/v1.41/%69mages/json"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let docker = Path::new("/var/run/docker.sock");
    let socket = if UnixStream::connect(docker).is_ok() {
        println!("Forwarding to Docker: {}", docker.display());
        docker.to_owned()
    } else {
        let socket = stand_in::start()?;
        println!("No Docker found; forwarding to a stand-in: {}", socket.display());
        socket
    };
    let (server, address) = start(&socket)?;
    println!("The proxy listens on {address} with {RIGHTS}\n");
    show(address)?;
    if std::env::args().any(|argument| argument == "--exit") {
        server.stop(Duration::from_secs(1));
        return Ok(());
    }
    println!("\nTry it yourself (Ctrl-C ends):");
    println!("  curl -s http://{address}/v1.41/version");
    println!("  curl -s http://{address}/v1.41/images/json");
    println!("  DOCKER_HOST=tcp://{address} docker ps");
    loop {
        std::thread::park();
    }
}

/// The proxy as the command runs it, on a port that is free.
fn start(socket: &Path) -> Result<(Server, SocketAddr), Box<dyn std::error::Error>> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let arguments = [
        RIGHTS.into(),
        flag("-socketpath", socket.to_owned()),
        flag("-proxyport", address.port().to_string().into()),
    ];
    match Config::from_args_and_env(arguments, [])? {
        Invocation::Run(config) => {
            let bound = server::bind_all(&config, Vec::new())?;
            Ok((Server::start(&config, bound, None, None)?, address))
        }
        _ => Err("the flags ask for something else than running".into()),
    }
}

fn flag(name: &str, value: PathBuf) -> OsString {
    let mut flag = OsString::from(name);
    flag.push("=");
    flag.push(value);
    flag
}

fn show(address: SocketAddr) -> io::Result<()> {
    println!("{:<7}{:<36}{:<8}{:<7}why", "method", "path", "result", "status");
    for (method, path) in REQUESTS {
        let answer = ask(address, method, path)?;
        let status = answer.split(' ').nth(1).unwrap_or("none");
        let reason = answer.split_once("\"message\":\"").map(|(_, text)| text.trim_end());
        let ours = reason.and_then(|text| text.strip_prefix("socket-proxy: "));
        let result = if ours.is_some() { "refused" } else { "passed" };
        let why = ours.map_or("", |text| text.trim_end_matches("\"}"));
        println!("{method:<7}{path:<36}{result:<8}{status:<7}{why}");
    }
    Ok(())
}

fn ask(address: SocketAddr, method: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
