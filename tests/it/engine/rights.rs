//! Rights by labels of containers, on a real network of a real Engine.
//!
//! The proxy runs in a container, as it does in earnest: its program and the
//! Engine's socket come from this host's root, which is mounted there.

use super::routes::{Client, IMAGE};
use crate::support::PATIENCE;
use crate::support::engine::{self, Engine, skip};
use crate::support::live::Live;
use crate::support::process::{Outcome, until};
use crate::support::proxy::{self, Listen, Proxy};
use crate::support::scratch::Scratch;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Allowed to every container.
const FOR_ALL: &str = "/version";
/// Allowed only to labelled containers.
const BY_LABEL: &str = "/info";
const LABEL: &str = "socket-proxy.allow.get=/info";

/// How many containers start at once.
const CROWD: usize = 120;

const FLAGS: &[&str] = &["-allowfrom=0.0.0.0/0,::/0", "-allowGET=/version"];

/// A network with a proxy on it.
struct Town {
    straight: Client,
    network: String,
    proxy_name: String,
    /// Where the proxy listens.
    target: String,
    subnet: Option<String>,
    live: Option<Live>,
    containers: AtomicUsize,
}

impl Town {
    fn new(socket: &Path, subnet: Option<&str>, more: &[&str]) -> Town {
        let straight = Client::new(socket, None);
        let network = format!("{}-net", straight.name);
        let mut create = vec!["network", "create"];
        if let Some(subnet) = subnet {
            create.extend(["--subnet", subnet]);
        }
        create.extend(more);
        straight.docker(&[&create[..], &[&network]].concat()).success();
        let proxy_name = format!("{}-proxy", straight.name);
        Town {
            network,
            proxy_name,
            target: String::new(),
            subnet: subnet.map(str::to_owned),
            live: None,
            containers: AtomicUsize::new(0),
            straight,
        }
    }

    /// Starts the proxy in a container on the network.
    fn with_proxy(self, socket: &Path) -> Town {
        self.with_proxy_at(socket, "-listenip=0.0.0.0")
    }

    fn with_proxy_at(mut self, socket: &Path, listen: &str) -> Town {
        let name = format!("-proxycontainername={}", self.proxy_name);
        let socket = format!("-socketpath={}", socket.display());
        let program = proxy::binary().display().to_string();
        let run = ["run", "--rm", "--name", &self.proxy_name, "--network", &self.network];
        let root = ["--volume", "/:/host:ro", IMAGE, "chroot", "/host", &program, &name, &socket];
        let live = self.straight.live(&[&run[..], &root[..], FLAGS, &[listen]].concat());
        live.await_text("socket-proxy running and listening...");
        self.live = Some(live);
        self.target = format!("{}:2375", self.address_of(&self.proxy_name));
        self
    }

    fn address_of(&self, name: &str) -> String {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        self.straight.docker(&["inspect", "--format", format, name]).success()
    }

    /// The nth address of the subnet.
    fn address(&self, number: u8) -> String {
        let subnet = self.subnet.as_ref().expect("a subnet of ours");
        subnet.replace(".0/24", &format!(".{number}"))
    }

    fn unique(&self) -> String {
        let number = self.containers.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.straight.name)
    }

    /// Starts a container that does nothing by itself.
    fn start(&self, name: &str, options: &[&str]) {
        let run = ["run", "--detach", "--init", "--name", name, "--network", &self.network];
        self.straight.docker(&[&run[..], options, &[IMAGE, "sleep", "600"]].concat()).success();
    }

    /// The status of a request from a running container.
    fn ask_from(&self, name: &str, path: &str) -> u16 {
        let url = format!("http://{}{path}", self.target);
        status(&self.straight.docker(&["exec", name, "wget", "-q", "-O", "/dev/null", &url]))
    }

    /// The status line that this host gets.
    fn ask_from_host(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.target).expect("the proxy's container is near");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// The status of a request with which a new container starts.
    fn ask_first(&self, options: &[&str], path: &str) -> u16 {
        let url = format!("http://{}{path}", self.target);
        let name = self.unique();
        let run = ["run", "--rm", "--name", &name, "--network", &self.network];
        let wget = [IMAGE, "wget", "-q", "-O", "/dev/null", &url];
        status(&self.straight.docker(&[&run[..], options, &wget].concat()))
    }
}

/// A way to an Engine's socket that can be cut.
struct Way {
    _directory: Scratch,
    socket: PathBuf,
    connections: Arc<Mutex<Option<Vec<UnixStream>>>>,
}

impl Way {
    fn to(engine: &Path) -> Way {
        let directory = Scratch::new();
        let socket = directory.path().join("docker.sock");
        let connections = Arc::new(Mutex::new(Some(Vec::new())));
        let way = Way { _directory: directory, socket, connections };
        let listener = UnixListener::bind(way.socket()).expect("a path of ours");
        let (engine, connections) = (engine.to_owned(), Arc::clone(&way.connections));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if let Some(open) = connections.lock().expect("the connections").as_mut() {
                    let daemon = UnixStream::connect(&engine).expect("the Engine listens");
                    open.extend(
                        [&client, &daemon].map(|end| end.try_clone().expect("a descriptor")),
                    );
                    copy(&client, &daemon);
                    copy(&daemon, &client);
                }
            }
        });
        way
    }

    fn socket(&self) -> &Path {
        &self.socket
    }

    fn cut(&self) {
        let open = self.connections.lock().expect("the connections").take();
        for end in open.into_iter().flatten() {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn open(&self) {
        *self.connections.lock().expect("the connections") = Some(Vec::new());
    }
}

fn copy(from: &UnixStream, to: &UnixStream) {
    let ends = [from, to].map(|end| end.try_clone().expect("a descriptor"));
    std::thread::spawn(move || {
        let [mut from, mut to] = ends;
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

impl Drop for Town {
    fn drop(&mut self) {
        let count = self.containers.load(Ordering::Relaxed);
        let names = (0..count).map(|number| format!("{}-{number}", self.straight.name));
        let names: Vec<String> = names.chain([self.proxy_name.clone()]).collect();
        let remove = ["rm", "--force"].into_iter().chain(names.iter().map(String::as_str));
        let _ = self.straight.command(&remove.collect::<Vec<_>>()).output();
        let _ = self.straight.command(&["network", "rm", &self.network]).output();
        if std::thread::panicking() {
            eprintln!("{}", self.live.as_ref().map(Live::text).unwrap_or_default());
        }
    }
}

/// The status of the answer that wget got.
#[track_caller]
fn status(outcome: &Outcome) -> u16 {
    if outcome.code == Some(0) {
        return 200;
    }
    let text = outcome.stderr_text();
    let code = text.split("HTTP/1.1 ").nth(1).and_then(|rest| rest.get(..3));
    code.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no answer: {outcome:?}"))
}

/// A subnet that the Engine of these tests does not give away by itself.
fn own_subnet(engine: &Engine) -> Option<String> {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let Some(gateway) = engine.gateway() else {
        skip("only a private Engine has addresses to choose from");
        return None;
    };
    let mut parts = gateway.split('.').map(|part| part.parse::<usize>().expect("an IPv4 address"));
    let mut next = || parts.next().expect("four parts");
    let (a, b, c) = (next(), next(), next());
    let block = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(block < 8, "the upper blocks are the Engine's");
    Some(format!("{a}.{b}.{}.0/24", c + block))
}

#[track_caller]
fn check_labelled(town: &Town, name: &str) {
    assert_eq!(town.ask_from(name, BY_LABEL), 200, "{name} has the rights of its labels");
    assert_eq!(town.ask_from(name, FOR_ALL), 403, "{name} has no others");
}

#[track_caller]
fn check_plain(town: &Town, name: &str) {
    assert_eq!(town.ask_from(name, BY_LABEL), 403, "{name} has no rights by labels");
    assert_eq!(town.ask_from(name, FOR_ALL), 200, "{name} has everybody's rights");
}

#[test]
fn containers_have_the_rights_of_their_labels_whenever_they_started() {
    let Some(engine) = engine::shared() else { return };
    let town = Town::new(engine.socket(), None, &[]);
    let (before, after) = (town.unique(), town.unique());
    let (plain, void) = (town.unique(), town.unique());
    town.start(&before, &["--label", LABEL]);
    town.start(&void, &["--label", LABEL, "--label", "socket-proxy.allow.head=("]);
    let town = town.with_proxy(engine.socket());
    town.start(&after, &["--label", LABEL]);
    town.start(&plain, &[]);
    check_labelled(&town, &before);
    check_labelled(&town, &after);
    check_plain(&town, &plain);
    assert_eq!(town.ask_from(&void, BY_LABEL), 405, "an invalid label voids the others");
    assert_eq!(town.ask_from(&void, FOR_ALL), 405, "and gives nothing else");
    check_labelled(&town, &before);
}

#[test]
fn a_container_sees_only_the_targets_of_its_labels() {
    let Some(engine) = engine::shared() else { return };
    let town = Town::new(engine.socket(), None, &[]).with_proxy(engine.socket());
    let [own, foreign, hiding] = [town.unique(), town.unique(), town.unique()];
    let owner = format!("sp-test.owner={own}");
    let target = format!("socket-proxy.target={owner}");
    let rights = "socket-proxy.allow=ContainerInspect,ContainerTop";
    town.start(&own, &["--label", rights, "--label", &target, "--label", &owner]);
    town.start(&foreign, &["--label", rights]);
    town.start(&hiding, &["--label", rights, "--label", "socket-proxy.hideenv=true"]);
    let inspect = |name: &str| format!("/containers/{name}/json");
    assert_eq!(town.ask_from(&own, &inspect(&own)), 200, "its own");
    for name in [&foreign, "missing"] {
        assert_eq!(town.ask_from(&own, &inspect(name)), 404, "{name}");
    }
    assert_eq!(town.ask_from(&foreign, &inspect(&own)), 200, "no target limits it");
    let top = format!("/containers/{own}/top?ps_args=e");
    assert_eq!(town.ask_from(&hiding, &top), 403, "it would show environments");
    assert_eq!(town.ask_from(&hiding, &inspect(&own)), 200);
}

#[test]
fn the_very_first_request_of_a_container_has_its_rights() {
    let Some(engine) = engine::shared() else { return };
    let town = Town::new(engine.socket(), None, &[]).with_proxy(engine.socket());
    for round in 0..10 {
        assert_eq!(town.ask_first(&["--label", LABEL], BY_LABEL), 200, "round {round}");
        assert_eq!(town.ask_first(&["--label", LABEL], FOR_ALL), 403, "round {round}");
        assert_eq!(town.ask_first(&[], FOR_ALL), 200, "round {round}");
    }
}

#[test]
fn whoever_gets_the_address_of_a_killed_container_does_not_get_its_rights() {
    let Some(engine) = engine::shared() else { return };
    let Some(subnet) = own_subnet(engine) else { return };
    let town = Town::new(engine.socket(), Some(&subnet), &[]).with_proxy(engine.socket());
    let address = town.address(77);
    for round in 0..5 {
        let labelled = town.unique();
        town.start(&labelled, &["--ip", &address, "--label", LABEL]);
        check_labelled(&town, &labelled);
        town.straight.docker(&["kill", &labelled]).success();
        assert_eq!(town.ask_first(&["--ip", &address], BY_LABEL), 403, "round {round}");
        assert_eq!(town.ask_first(&["--ip", &address], FOR_ALL), 200, "round {round}");
    }
}

#[test]
fn whoever_gets_the_address_of_a_disconnected_container_does_not_get_its_rights() {
    let Some(engine) = engine::shared() else { return };
    let Some(subnet) = own_subnet(engine) else { return };
    let town = Town::new(engine.socket(), Some(&subnet), &[]).with_proxy(engine.socket());
    let (address, other) = (town.address(77), town.address(78));
    let labelled = town.unique();
    town.start(&labelled, &["--ip", &address, "--label", LABEL]);
    check_labelled(&town, &labelled);
    town.straight.docker(&["network", "disconnect", &town.network, &labelled]).success();
    assert_eq!(town.ask_first(&["--ip", &address], BY_LABEL), 403);
    let connect = ["network", "connect", "--ip", &other, &town.network, &labelled];
    town.straight.docker(&connect).success();
    check_labelled(&town, &labelled);
    assert_eq!(town.ask_first(&["--ip", &address], BY_LABEL), 403);
}

#[test]
fn a_container_keeps_its_rights_when_it_is_restarted_or_renamed() {
    let Some(engine) = engine::shared() else { return };
    let town = Town::new(engine.socket(), None, &[]).with_proxy(engine.socket());
    let (name, renamed) = (town.unique(), town.unique());
    town.start(&name, &["--label", LABEL]);
    check_labelled(&town, &name);
    town.straight.docker(&["restart", "--time", "0", &name]).success();
    check_labelled(&town, &name);
    town.straight.docker(&["rename", &name, &renamed]).success();
    check_labelled(&town, &renamed);
    town.straight.docker(&["pause", &renamed]).success();
    town.straight.docker(&["unpause", &renamed]).success();
    check_labelled(&town, &renamed);
}

#[test]
fn networks_that_the_proxy_joins_later_count_too() {
    let Some(engine) = engine::shared() else { return };
    let town = Town::new(engine.socket(), None, &[]).with_proxy(engine.socket());
    let mut other = Town::new(engine.socket(), None, &[]);
    let labelled = other.unique();
    other.start(&labelled, &["--label", LABEL]);
    town.straight.docker(&["network", "connect", &other.network, &town.proxy_name]).success();
    let format =
        format!("{{{{(index .NetworkSettings.Networks \"{}\").IPAddress}}}}", other.network);
    let address = town.straight.docker(&["inspect", "--format", &format, &town.proxy_name]);
    other.target = format!("{}:2375", address.success());
    check_labelled(&other, &labelled);
    town.straight.docker(&["network", "disconnect", &other.network, &town.proxy_name]).success();
}

#[test]
fn addresses_of_both_families_have_the_rights() {
    let Some(engine) = engine::shared() else { return };
    if !Path::new("/proc/net/if_inet6").exists() {
        return skip("this machine has no IPv6");
    }
    let Some(subnet) = own_subnet(engine) else { return };
    let v6 = ["--ipv6", "--subnet", "fd53:6f63:6b65:7400::/64"];
    let mut town = Town::new(engine.socket(), Some(&subnet), &v6)
        .with_proxy_at(engine.socket(), "-listenip=::");
    let labelled = town.unique();
    town.start(&labelled, &["--label", LABEL]);
    check_labelled(&town, &labelled);
    let format = "{{range .NetworkSettings.Networks}}{{.GlobalIPv6Address}}{{end}}";
    let address = town.straight.docker(&["inspect", "--format", format, &town.proxy_name]);
    town.target = format!("[{}]:2375", address.success());
    check_labelled(&town, &labelled);
}

#[test]
fn labels_that_grant_rights_are_not_given_to_new_containers_through_the_proxy() {
    let Some(engine) = engine::shared() else { return };
    for (more, code) in [(&[][..], Some(1)), (&["-allowlabelgrants"][..], Some(0))] {
        let flags = ["-proxycontainername=nobody", "-allowPOST=.*", "-allowHEAD=.*"];
        let proxy = Proxy::start(Listen::Tcp, engine.socket(), &[&flags[..], more].concat());
        let client = Client::new(engine.socket(), Some(proxy.host()));
        let create = ["create", "--name", &client.name, "--label", LABEL, IMAGE, "true"];
        let outcome = client.docker(&create);
        assert_eq!(outcome.code, code, "{more:?}: {outcome:?}");
        assert_eq!(outcome.stderr_text().contains("-allowlabelgrants"), more.is_empty());
    }
}

#[test]
fn rights_are_there_again_when_the_engine_was_out_of_sight() {
    let Some(engine) = engine::shared() else { return };
    let Some(subnet) = own_subnet(engine) else { return };
    let way = Way::to(engine.socket());
    let town = Town::new(engine.socket(), Some(&subnet), &[]).with_proxy(way.socket());
    let (labelled, plain, moved) = (town.unique(), town.unique(), town.unique());
    let address = town.address(77);
    town.start(&labelled, &["--label", LABEL]);
    town.start(&plain, &[]);
    town.start(&moved, &["--ip", &address, "--label", LABEL]);
    check_labelled(&town, &labelled);
    check_labelled(&town, &moved);
    way.cut();
    assert_eq!(town.ask_from(&labelled, FOR_ALL), 503);
    assert_eq!(town.ask_from(&plain, FOR_ALL), 503);
    town.straight.docker(&["kill", &moved]).success();
    let heir = town.unique();
    town.start(&heir, &["--ip", &address]);
    way.open();
    // The proxy answers 503 while it does not know the container, and 403 if it denies.
    let answered = until(PATIENCE, || match town.ask_from(&labelled, BY_LABEL) {
        503 => None,
        status => Some(status),
    });
    assert_eq!(answered, Some(200));
    check_labelled(&town, &labelled);
    check_plain(&town, &plain);
    check_plain(&town, &heir);
    assert_eq!(town.ask_first(&["--label", LABEL], BY_LABEL), 200);
}

#[test]
fn of_a_hundred_containers_that_start_at_once_none_has_the_listeners_rights() {
    // It is a burden, and the machine's Engine may serve others.
    let engine = match Engine::start() {
        Ok(engine) => engine,
        Err(reason) => return skip(&reason),
    };
    let Some(subnet) = own_subnet(&engine) else { return };
    let town = Town::new(engine.socket(), Some(&subnet), &[]).with_proxy(engine.socket());
    let url = format!("http://{}{FOR_ALL}", town.target);
    let script = format!("wget -O /dev/null {url} 2>&1 | grep -E 'HTTP/1.1|saved|100%'; sleep 60");
    let names: Vec<String> = (0..CROWD).map(|_| town.unique()).collect();
    for name in &names {
        let create = ["create", "--name", name, "--network", &town.network, "--label", LABEL];
        town.straight.docker(&[&create[..], &[IMAGE, "sh", "-c", &script]].concat()).success();
    }
    std::thread::scope(|scope| {
        for names in names.chunks(4) {
            let start: Vec<&str> =
                ["start"].into_iter().chain(names.iter().map(String::as_str)).collect();
            let town = &town;
            scope.spawn(move || town.straight.docker(&start).success());
        }
    });
    let statuses: Vec<String> = names
        .iter()
        .map(|name| {
            let answered = || {
                let log = town.straight.docker(&["logs", name]).success();
                (!log.is_empty()).then_some(log)
            };
            until(PATIENCE, answered).unwrap_or_else(|| panic!("{name} was not answered"))
        })
        .collect();
    let denied = statuses.iter().filter(|status| status.contains(" 403 ")).count();
    assert_eq!(denied, CROWD, "{statuses:?}");
}

#[test]
fn labels_in_bulk_neither_blind_nor_bloat_the_proxy() {
    // Every list of this Engine has 50 MB of labels.
    let engine = match Engine::start() {
        Ok(engine) => engine,
        Err(reason) => return skip(&reason),
    };
    let scratch = Scratch::new();
    let (many, large) = (scratch.path().join("many"), scratch.path().join("large"));
    let lines: String = (0..60_000).map(|number| format!("label{number}=x\n")).collect();
    std::fs::write(&many, lines).expect("a file of ours");
    let lines: String =
        (0..20).map(|number| format!("l{number}={}\n", "x".repeat(52_000))).collect();
    std::fs::write(&large, lines).expect("a file of ours");
    let town = Town::new(engine.socket(), None, &[]);
    let (crowded, labelled) = (town.unique(), town.unique());
    let files = [(&many, 6), (&large, 35)];
    for (file, count) in files {
        for _ in 0..count {
            let file = file.to_str().expect("a path of ours");
            town.start(&town.unique(), &["--label-file", file]);
        }
    }
    let town = town.with_proxy(engine.socket());
    town.start(&crowded, &["--label-file", many.to_str().expect("a path of ours")]);
    town.start(&labelled, &["--label", LABEL]);
    // The first inspection of all takes time; until then the status is 503.
    let answered = until(PATIENCE, || match town.ask_from(&labelled, BY_LABEL) {
        503 => None,
        status => Some(status),
    });
    assert_eq!(answered, Some(200));
    check_labelled(&town, &labelled);
    check_plain(&town, &crowded);
    assert_eq!(town.ask_first(&["--label", LABEL], FOR_ALL), 403);
    let status =
        town.straight.docker(&["exec", &town.proxy_name, "cat", "/proc/1/status"]).success();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<u64>().ok());
    assert!(kibibytes.is_some_and(|kibibytes| kibibytes < 32 << 10), "{peak:?}");
}

#[test]
fn a_container_that_takes_the_proxys_name_changes_nothing() {
    let Some(engine) = engine::shared() else { return };
    let town = Town::new(engine.socket(), None, &[]).with_proxy(engine.socket());
    let (labelled, plain, thief) = (town.unique(), town.unique(), town.unique());
    let moved = town.unique();
    town.start(&labelled, &["--label", LABEL]);
    town.start(&plain, &[]);
    check_labelled(&town, &labelled);
    town.straight.docker(&["rename", &town.proxy_name, &moved]).success();
    let run = ["run", "--detach", "--init", "--name", &thief, "--network", "none"];
    town.straight.docker(&[&run[..], &[IMAGE, "sleep", "600"]].concat()).success();
    town.straight.docker(&["rename", &thief, &town.proxy_name]).success();
    check_labelled(&town, &labelled);
    check_plain(&town, &plain);
    assert_eq!(town.ask_first(&["--label", LABEL], FOR_ALL), 403);
}

#[test]
fn a_host_on_an_internal_network_has_the_listeners_rights_at_once() {
    let Some(engine) = engine::shared() else { return };
    let town = Town::new(engine.socket(), None, &["--internal"]).with_proxy(engine.socket());
    let begun = std::time::Instant::now();
    for round in 0..3 {
        let status = town.ask_from_host(FOR_ALL);
        assert!(status.starts_with("HTTP/1.1 200"), "round {round}: {status}");
    }
    // Each round that waited for a container would take half a second.
    assert!(begun.elapsed() < std::time::Duration::from_millis(1400), "{:?}", begun.elapsed());
}

#[test]
fn a_client_cannot_take_another_containers_address_through_the_proxy() {
    let Some(engine) = engine::shared() else { return };
    let flags = ["-proxycontainername=nobody", "-allowPOST=.*", "-allowHEAD=.*", "-allowGET=.*"];
    let proxy = Proxy::start(Listen::Tcp, engine.socket(), &flags);
    let client = Client::new(engine.socket(), Some(proxy.host()));
    for (mode, refused) in [("container:x", true), ("host", true), ("none", false)] {
        let name = format!("{}-{}", client.name, mode.replace(':', "-"));
        let create = ["create", "--name", &name, "--network", mode, IMAGE, "true"];
        let outcome = client.docker(&create);
        assert_eq!(outcome.stderr_text().contains("-allowlabelgrants"), refused, "{outcome:?}");
        assert_eq!(outcome.code == Some(0), !refused, "{mode}: {outcome:?}");
        let _ = Client::new(engine.socket(), None).command(&["rm", &name]).output();
    }
}
