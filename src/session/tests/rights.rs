//! Policies by the labels of containers, which may change between two requests of one
//! connection.

use super::*;
use crate::config::ContainerRights;
use crate::engine::fake::{FakeContainer, FakeEngine};
use crate::rights::Guess;
use std::net::{TcpListener, TcpStream};

const ADDRESS: &str = "10.1.0.3";
const PING: &str = "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n";

/// A proxy's container, at whose address on the loopback device clients reach it, and
/// the container of a client.
struct World {
    engine: FakeEngine,
}

impl World {
    fn new() -> Self {
        let engine = FakeEngine::start();
        let own = FakeContainer::new("proxy-id", "net0", "127.0.0.1").named("proxy");
        engine.put(own.on("net1", "10.1.0.2", ""));
        engine.script("/info", OK);
        engine.script("/_ping", OK);
        Self { engine }
    }

    /// Puts the client's container into the world, which has a right by its labels.
    fn put_client(&self, name: &str) {
        let container = FakeContainer::new("a", "net1", ADDRESS).named(name);
        self.engine.put(container.label("socket-proxy.allow.get", "/info"));
    }

    fn rights(&self) -> Rights {
        let config = ContainerRights {
            proxy_container_name: "proxy".to_owned(),
            label_prefix: "socket-proxy".to_owned(),
            label_guard: None,
        };
        Rights::start(self.engine.socket(), &config).unwrap()
    }
}

fn await_guess(rights: &Rights, expected: Guess) {
    await_condition(|| rights.guess(ADDRESS.parse().unwrap()) == expected);
}

/// Sends a request, and reads the answer up to its `end`.
fn ask(mut client: &TcpStream, request: &str, end: &str) -> String {
    client.write_all(request.as_bytes()).unwrap();
    let (mut received, mut space) = (Vec::new(), [0; 4096]);
    while !received.ends_with(end.as_bytes()) {
        let count = client.read(&mut space).unwrap();
        assert!(count > 0, "{request} {}", text(&received));
        received.extend_from_slice(&space[..count]);
    }
    text(&received)
}

/// A session of a client at [`ADDRESS`], over TCP: it has an address of the proxy's.
fn connected(world: &World, act: impl FnOnce(&TcpStream, &Rights) + Send) -> CloseReason {
    let Scene { mut shared, .. } = Scene::new([]);
    shared.socket_path = world.engine.socket();
    shared.rights = Some(world.rights());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    let near = Socket::from(OwnedFd::from(listener.accept().unwrap().0));
    let client = Client::tcp(format!("{ADDRESS}:1000").parse().unwrap());
    let connection = Connection::new(near, client, Width::Wide);
    let listeners = policy(&["-allowfrom=0.0.0.0/0", "-allow=SystemPing"]);
    thread::scope(|scope| {
        let rights = shared.rights.as_ref().unwrap();
        scope.spawn(move || {
            act(&far, rights);
            drop(far);
        });
        let listeners = Arc::new(SharedPolicy::new(listeners));
        Session::new(&shared, &connection, listeners, &mut Buffers::default()).serve()
    })
}

/// Reads the answer of a request that is refused with this status.
fn refused(client: &TcpStream, request: &str, status: u16) -> String {
    let answer = ask(client, request, "\"}\n");
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    answer
}

#[test]
fn each_request_of_a_connection_is_judged_by_the_knowledge_of_its_time() {
    let world = World::new();
    world.put_client("a");
    let reason = connected(&world, |client, rights| {
        await_guess(rights, Guess::Labelled);
        assert_eq!(ask(client, GET, OK), OK);
        assert!(refused(client, PING, 403).contains("at the container a\""));
        world.put_client("web");
        world.engine.container_event("rename", "a", "web");
        await_condition(|| refused(client, PING, 403).contains("at the container web\""));
        world.engine.refuse(true);
        world.engine.break_streams();
        await_guess(rights, Guess::Unknown);
        assert!(refused(client, GET, 503).contains("currently unknown"));
        world.engine.refuse(false);
        await_guess(rights, Guess::Labelled);
        assert_eq!(ask(client, GET, OK), OK);
    });
    assert_eq!(reason, CloseReason::ClientDone);
}

#[test]
fn a_connection_whose_container_has_ended_has_no_rights_any_more() {
    let world = World::new();
    world.put_client("a");
    let reason = connected(&world, |client, rights| {
        await_guess(rights, Guess::Labelled);
        assert_eq!(ask(client, GET, OK), OK);
        world.engine.remove("a");
        world.engine.container_event("destroy", "a", "a");
        await_guess(rights, Guess::Unknown);
        let answer = refused(client, GET, 503);
        assert!(answer.contains("Retry-After: 1\r\n\r\n"), "{answer}");
    });
    assert_eq!(reason, CloseReason::ClientDone);
}

/// A socket pair has no address at which the proxy was reached.
#[test]
fn a_client_that_cannot_be_known_learns_nothing_and_may_ask_again() {
    let world = World::new();
    let scene = |request: &str| {
        let mut scene = Scene::new([send(request), EndSending]).from("10.1.0.3:1000");
        scene.shared.rights = Some(world.rights());
        scene
    };
    let why = "the rights of this client are currently unknown: the proxy's address of the connection \
               is unknown";
    let got = ours("503 Service Unavailable", "Retry-After: 1\r\n", why);
    scene(GET).check("a request", CloseReason::ClientDone, &got);
    let got = ours(
        "405 Method Not Allowed",
        "Allow: \r\nConnection: close\r\n",
        http1::Error::Method.explain(),
    );
    let brew = scene("BREW /info HTTP/1.1\r\nHost: d\r\n\r\n");
    brew.check("an unknown method", CloseReason::BadRequest, &got);
}
