//! Host names in `-allowfrom`, against name servers good and bad.
//!
//! Each test has a network and an `/etc` of its own, in private namespaces, which
//! only root can make. Without that, tests print the reason and skip; with
//! `SOCKET_PROXY_REQUIRE_NAMESPACES=1` they fail.

use crate::support::PATIENCE;
use crate::support::name_server::{
    A, AAAA, NOTIMP, NXDOMAIN, NameServer, REFUSED, Reply, SERVFAIL,
};
use crate::support::process::until;
use crate::support::proxy::{Listen, Proxy};
use crate::support::scratch::Scratch;
use crate::support::skip::skip_unless_required;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rustix::net::{AddressFamily, SocketType};
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);
const SECOND_SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 54);
const RESOLV_CONF: &str = "nameserver 127.0.0.53\n";

/// Far below the five seconds after which waiting ends.
const AT_ONCE: Duration = Duration::from_secs(2);

const LOOKUP_FAILED: &str = "error looking up allowed client hostname";

/// A network with nothing but this host, and an `/etc` with only the files
/// of the test.
struct World {
    etc: Scratch,
    daemon: Scratch,
}

impl World {
    /// Runs a test in a world of its own.
    fn with(test: impl FnOnce(&Self) + Send + 'static) {
        let name = thread::current().name().unwrap_or("a test").to_owned();
        // Namespaces belong to a thread, and its children inherit them.
        let thread = thread::Builder::new().name(name).spawn(|| match Self::enter() {
            Ok(world) => test(&world),
            Err(reason) => skip(&reason),
        });
        if let Err(panic) = thread.expect("a thread").join() {
            std::panic::resume_unwind(panic);
        }
    }

    fn enter() -> Result<Self, String> {
        let world = Self { etc: Scratch::new(), daemon: Scratch::new() };
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)
            .map_err(|error| format!("no private namespaces: {error}"))?;
        ip(&["link", "set", "lo", "up"])?;
        ip(&["-6", "address", "add", "fd00::1/64", "dev", "lo", "nodad"])?;
        ip(&["-6", "address", "add", "fd00::7/64", "dev", "lo", "nodad"])?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        bind(None, "/", private)?;
        bind(Some(world.etc.path().to_str().unwrap()), "/etc", MsFlags::MS_BIND)?;
        world.write("resolv.conf", RESOLV_CONF);
        serve_daemon(&world.daemon);
        Ok(world)
    }

    fn write(&self, file: &str, content: &str) {
        fs::write(self.etc.path().join(file), content).expect("write a file of /etc");
    }

    fn proxy(&self, allowed_from: &str) -> Proxy {
        let allowed_from = format!("-allowfrom={allowed_from}");
        let flags = ["-listenip=::", "-allowGET=/version", "-loglevel=debug", &allowed_from];
        Proxy::start(Listen::Tcp, &self.daemon.path().join("docker.sock"), &flags)
    }
}

fn skip(reason: &str) {
    skip_unless_required("SOCKET_PROXY_REQUIRE_NAMESPACES", reason);
}

fn ip(words: &[&str]) -> Result<(), String> {
    let status = Command::new("ip").args(words).status();
    match status.map(|status| status.success()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("ip {words:?} failed")),
        Err(error) => Err(format!("ip of iproute2 does not start: {error}")),
    }
}

fn bind(source: Option<&str>, target: &str, flags: MsFlags) -> Result<(), String> {
    mount(source, target, None::<&str>, flags, None::<&str>)
        .map_err(|error| format!("{target} cannot be mounted: {error}"))
}

/// A daemon that answers everything with 200.
fn serve_daemon(scratch: &Scratch) {
    let listener = UnixListener::bind(scratch.path().join("docker.sock")).expect("a socket");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
}

/// Asks once, from that address; the status and how long it took.
fn ask(proxy: &Proxy, from: IpAddr) -> (u16, Duration) {
    let port = proxy.host().rsplit(':').next().unwrap().parse().unwrap();
    let (family, to): (_, IpAddr) = match from {
        IpAddr::V4(_) => (AddressFamily::INET, Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(_) => (AddressFamily::INET6, "fd00::1".parse().unwrap()),
    };
    let socket = rustix::net::socket(family, SocketType::STREAM, None).expect("a socket");
    rustix::net::bind(&socket, &SocketAddr::new(from, 0)).expect("bind the client's address");
    // The kernel sets the routes of a new network up in its own time.
    let connected = || rustix::net::connect(&socket, &SocketAddr::new(to, port)).ok();
    until(PATIENCE, connected).expect("connect to the proxy");
    let mut stream = TcpStream::from(socket);
    let started = Instant::now();
    stream.write_all(b"GET /version HTTP/1.0\r\n\r\n").expect("send a request");
    let mut answer = String::new();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    if status == Some(403) {
        assert!(answer.contains("are not allowed"), "{answer}");
    }
    (status.expect("a status"), started.elapsed())
}

#[track_caller]
fn check_admitted(proxy: &Proxy, from: IpAddr) {
    let (status, took) = ask(proxy, from);
    assert_eq!(status, 200, "{from}: {}", proxy.log());
    assert!(took < AT_ONCE, "{from}: {took:?}: {}", proxy.log());
}

#[track_caller]
fn check_denied_at_once(proxy: &Proxy, from: IpAddr) {
    let (status, took) = ask(proxy, from);
    assert_eq!(status, 403, "{from}: {}", proxy.log());
    assert!(took < AT_ONCE, "{from}: {took:?}: {}", proxy.log());
}

fn v4() -> IpAddr {
    Ipv4Addr::new(127, 0, 9, 7).into()
}

fn v6() -> IpAddr {
    "fd00::7".parse().unwrap()
}

/// So many addresses, of which that of the IPv4 client is the last.
fn addresses(count: u32) -> Vec<IpAddr> {
    let other = |number: u32| IpAddr::from(Ipv4Addr::from(0x0a00_0000 + number));
    (1..count).map(other).chain([v4()]).collect()
}

#[test]
fn bad_answers_about_the_other_family_do_not_matter() {
    World::with(|world| {
        let server = NameServer::start(SERVER);
        let bad = [
            Reply::Code(NXDOMAIN),
            Reply::Code(SERVFAIL),
            Reply::Code(NOTIMP),
            Reply::Code(REFUSED),
            Reply::Silence,
            Reply::Garbage,
            Reply::WrongId(vec![v6()]),
            Reply::Addresses(vec![]),
        ];
        for reply in bad {
            for (client, good, other) in [(v4(), A, AAAA), (v6(), AAAA, A)] {
                server.set("web", good, Reply::Addresses(vec![client]));
                server.set("web", other, reply.clone());
                check_admitted(&world.proxy("web"), client);
            }
        }
    });
}

#[test]
fn a_name_may_have_hundreds_of_addresses() {
    World::with(|world| {
        let server = NameServer::start(SERVER);
        for count in [1, 2, 48, 49, 74, 75, 76, 77, 100, 500, 4000] {
            let name = format!("tasks.web{count}");
            server.set(&name, A, Reply::Addresses(addresses(count)));
            check_admitted(&world.proxy(&name), v4());
            let by_tcp = server.asked(&name).iter().any(|asked| asked.by_tcp);
            assert_eq!(by_tcp, count > 75, "{count}");
        }
        server.set("long", A, Reply::Oversized(addresses(500)));
        check_admitted(&world.proxy("long"), v4());
        assert!(server.asked("long").iter().all(|asked| !asked.by_tcp));
    });
}

#[test]
fn a_truncated_answer_counts_if_there_is_no_other() {
    World::with(|world| {
        let server = NameServer::start_without_tcp(SERVER);
        let mut found = addresses(500);
        found.reverse();
        server.set("web", A, Reply::Addresses(found));
        let (status, _) = ask(&world.proxy("web"), v4());
        assert_eq!(status, 200);
    });
}

#[test]
fn a_slow_name_delays_no_other() {
    World::with(|world| {
        let server = NameServer::start(SERVER);
        server.set_other(Reply::Silence);
        server.set("web", A, Reply::Addresses(vec![v4()]));
        let slow: Vec<String> = (0..100).map(|number| format!("slow{number}")).collect();
        let proxy = world.proxy(&format!("{},web", slow.join(",")));
        check_admitted(&proxy, v4());
        // Not even while it is still being looked up.
        check_admitted(&proxy, v4());
        let (status, took) = ask(&proxy, Ipv4Addr::new(127, 0, 9, 8).into());
        assert_eq!(status, 403);
        assert!(took < Duration::from_secs(7), "{took:?}");
    });
}

#[test]
fn a_name_that_cannot_be_resolved_is_logged_once_with_its_cause() {
    World::with(|world| {
        let server = NameServer::start(SERVER);
        let rows = [
            (Reply::Code(NXDOMAIN), "no such host"),
            (Reply::Code(SERVFAIL), "SERVFAIL"),
            (Reply::Code(NOTIMP), "NOTIMP"),
            (Reply::Code(REFUSED), "REFUSED"),
            (Reply::Addresses(vec![]), "no IPv4 address"),
        ];
        for (reply, cause) in rows {
            server.set_other(reply);
            let proxy = world.proxy("web");
            let lookups = server.asked("web").len();
            check_denied_at_once(&proxy, v4());
            let first = server.asked("web").len() - lookups;
            // Again, until it has been re-resolved.
            let asked_again = || {
                check_denied_at_once(&proxy, v4());
                (server.asked("web").len() >= lookups + 2 * first).then_some(())
            };
            until(PATIENCE, asked_again).expect("another look-up");
            let log = proxy.log();
            let lines: Vec<&str> =
                log.lines().filter(|line| line.contains(LOOKUP_FAILED)).collect();
            assert_eq!(lines.len(), 1, "{log}");
            assert!(lines[0].contains("web") && lines[0].contains(cause), "{}", lines[0]);
            assert!(lines[0].contains("WARN"), "{}", lines[0]);
        }
    });
}

#[test]
fn a_silent_server_is_waited_for_five_seconds_and_named() {
    World::with(|world| {
        let server = NameServer::start(SERVER);
        server.set_other(Reply::Silence);
        let proxy = world.proxy("web");
        let (status, took) = ask(&proxy, v4());
        assert_eq!(status, 403);
        assert!((AT_ONCE..Duration::from_secs(7)).contains(&took), "{took:?}");
        proxy.await_log(LOOKUP_FAILED);
        assert!(proxy.log().contains("timed out"), "{}", proxy.log());
        assert!(proxy.log().contains("127.0.0.53:53"), "{}", proxy.log());
        assert_eq!(server.asked("web").len(), 2);
        world.write("resolv.conf", &format!("{RESOLV_CONF}options timeout:1 attempts:1\n"));
        check_denied_at_once(&proxy, v4());
    });
}

#[test]
fn without_a_server_there_is_a_cause_too() {
    World::with(|world| {
        let proxy = world.proxy("web");
        check_denied_at_once(&proxy, v4());
        proxy.await_log(LOOKUP_FAILED);
        assert!(proxy.log().contains("refused"), "{}", proxy.log());
    });
}

#[test]
fn forged_answers_are_passed_over() {
    World::with(|world| {
        let server = NameServer::start(SERVER);
        let stranger = Ipv4Addr::new(127, 0, 9, 8).into();
        let forged = |address| {
            let addresses = vec![address];
            vec![Reply::Garbage, Reply::WrongId(addresses.clone()), Reply::WrongQuestion(addresses)]
        };
        let mut replies = forged(stranger);
        replies.push(Reply::Addresses(vec![v4()]));
        server.set("web", A, Reply::Several(replies));
        let proxy = world.proxy("web");
        check_admitted(&proxy, v4());
        check_denied_at_once(&proxy, stranger);
    });
}

#[test]
fn the_next_server_is_asked_when_one_fails() {
    World::with(|world| {
        world.write("resolv.conf", "nameserver 127.0.0.53\nnameserver 127.0.0.54\n");
        // The first server's port is closed.
        let second = NameServer::start(SECOND_SERVER);
        second.set("web", A, Reply::Addresses(vec![v4()]));
        check_admitted(&world.proxy("web"), v4());
        let first = NameServer::start(SERVER);
        let bad = [
            Reply::Silence,
            Reply::Garbage,
            Reply::Code(REFUSED),
            Reply::Code(SERVFAIL),
            Reply::Code(NOTIMP),
        ];
        for reply in bad {
            first.set_other(reply);
            check_admitted(&world.proxy("web"), v4());
        }
        // A slow server still counts, even if the next one answers meanwhile.
        first.set_other(Reply::Late(Duration::from_millis(1200), vec![v4()]));
        second.set("slow", A, Reply::Code(NXDOMAIN));
        check_admitted(&world.proxy("slow"), v4());
        // That there is no such name is an answer.
        first.set_other(Reply::Code(NXDOMAIN));
        check_denied_at_once(&world.proxy("web"), v4());
    });
}

#[test]
fn a_server_may_fail_once() {
    World::with(|world| {
        let server = NameServer::start(SERVER);
        server.set_other(Reply::Late(Duration::from_millis(900), vec![v4()]));
        check_admitted(&world.proxy("late"), v4());
        server.set("old", A, Reply::OnlyWithoutEdns(vec![v4()]));
        check_admitted(&world.proxy("old"), v4());
        server.set("alias", A, Reply::Alias("web.example", addresses(30)));
        check_admitted(&world.proxy("alias"), v4());
    });
}

#[test]
fn servers_are_used_as_the_options_say() {
    World::with(|world| {
        let (first, second) = (NameServer::start(SERVER), NameServer::start(SECOND_SERVER));
        for server in [&first, &second] {
            server.set_other(Reply::Addresses(vec![v4()]));
        }
        let both = format!("{RESOLV_CONF}nameserver 127.0.0.54\n");
        world.write("resolv.conf", &both);
        check_admitted(&world.proxy("web"), v4());
        assert_eq!((first.asked("web").len(), second.asked("web").len()), (1, 0));
        world.write("resolv.conf", &format!("{both}options use-vc\n"));
        check_admitted(&world.proxy("tcp"), v4());
        assert!(first.asked("tcp").iter().all(|asked| asked.by_tcp));
        world.write("resolv.conf", &format!("{both}options rotate\n"));
        let proxy = world.proxy("a,b");
        check_denied_at_once(&proxy, v6());
        let asked = |server: &NameServer| server.asked("a").len() + server.asked("b").len();
        assert!(asked(&first) > 0 && asked(&second) > 0);
    });
}

#[test]
fn search_domains_are_tried_as_the_settings_say() {
    World::with(|world| {
        let server = NameServer::start(SERVER);
        let kubernetes = "search ns.svc.example svc.example example\noptions ndots:5\n";
        world.write("resolv.conf", &format!("{RESOLV_CONF}{kubernetes}"));
        server.set("web.svc.example", A, Reply::Addresses(vec![v4()]));
        check_admitted(&world.proxy("web"), v4());
        assert_eq!(server.names_asked(), ["web.ns.svc.example", "web.svc.example"]);
        check_admitted(&world.proxy("web.svc.example."), v4());
        // A domain whose server is silent does not use up the time limit.
        server.set("web.ns.svc.example", A, Reply::Silence);
        check_admitted(&world.proxy("web"), v4());
        let docker = format!("{RESOLV_CONF}search example\noptions ndots:0 edns0 trust-ad\n");
        world.write("resolv.conf", &docker);
        server.set("db", A, Reply::Addresses(vec![v4()]));
        check_admitted(&world.proxy("db"), v4());
        assert!(server.asked("db.example").is_empty());
    });
}

#[test]
fn the_hosts_file_comes_first() {
    World::with(|world| {
        let server = NameServer::start(SERVER);
        world.write("hosts", "127.0.9.7 web other # ours\nfd00::7 web\n::1 localhost\n");
        let proxy = world.proxy("WEB");
        check_admitted(&proxy, v4());
        check_admitted(&proxy, v6());
        check_denied_at_once(&world.proxy("other"), v6());
        check_admitted(&world.proxy("localhost.localhost"), Ipv4Addr::LOCALHOST.into());
        assert_eq!(server.names_asked(), [""; 0]);
        world.write("hosts", "127.0.9.8 web\n");
        until(PATIENCE, || (ask(&proxy, v4()).0 == 403).then_some(())).expect("a new hosts file");
    });
}

#[test]
fn an_empty_etc_means_the_server_of_this_host() {
    World::with(|world| {
        fs::remove_file(world.etc.path().join("resolv.conf")).unwrap();
        let server = NameServer::start(Ipv4Addr::LOCALHOST);
        server.set("web", A, Reply::Addresses(vec![v4()]));
        let proxy = world.proxy("web");
        check_admitted(&proxy, v4());
        check_admitted(&world.proxy("localhost"), Ipv4Addr::LOCALHOST.into());
        // It is read again when it comes.
        NameServer::start(SERVER).set("web", A, Reply::Code(NXDOMAIN));
        world.write("resolv.conf", RESOLV_CONF);
        until(PATIENCE, || (ask(&proxy, v4()).0 == 403).then_some(())).expect("another server");
    });
}

#[test]
fn a_name_that_changes_its_address_is_looked_up_again_after_a_second() {
    World::with(|world| {
        let server = NameServer::start(SERVER);
        let next = Ipv4Addr::new(127, 0, 9, 8).into();
        server.set("web", A, Reply::Addresses(vec![v4()]));
        let proxy = world.proxy("web");
        check_admitted(&proxy, v4());
        let changed = Instant::now();
        server.set("web", A, Reply::Addresses(vec![next]));
        until(PATIENCE, || (ask(&proxy, next).0 == 200).then_some(())).expect("the new address");
        assert!(changed.elapsed() < AT_ONCE, "{:?}", changed.elapsed());
        check_denied_at_once(&proxy, v4());
    });
}

#[test]
fn clients_of_one_moment_share_a_lookup() {
    World::with(|world| {
        let server = NameServer::start(SERVER);
        server.set("web", A, Reply::Late(Duration::from_millis(300), vec![v4()]));
        let proxy = world.proxy("web");
        thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| check_admitted(&proxy, v4()));
            }
        });
        let asked = server.asked("web").len();
        assert!(asked <= 3, "{asked} questions for 50 clients");
    });
}

#[test]
fn a_client_in_a_listed_network_costs_no_lookup() {
    World::with(|world| {
        let server = NameServer::start(SERVER);
        server.set_other(Reply::Silence);
        check_admitted(&world.proxy("web,127.0.0.0/8"), v4());
        assert_eq!(server.names_asked(), [""; 0]);
    });
}
