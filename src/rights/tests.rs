//! The rights of containers in a world that changes, with events that come, come
//! late or never.

use super::*;
use crate::engine::fake::{FakeContainer, FakeEngine};
use crate::engine::fake_daemon::await_condition;
use crate::filter::Policy;
use crate::filter::Source;
use crate::filter::rules::RuleVerdict;
use crate::http1::Method;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

const PROXY: &str = "proxy";
const OWN: &str = "10.1.0.2";
const NET: &str = "net1";
const OTHER_NET: &str = "net2";

/// How a question for a network begins.
const NETWORKS: &str = "/networks/";

/// How the target of a look at all containers begins.
const LOOKS: &str = "/containers/json?filters=%7B%22network";

/// A proxy's world: its container at 10.1.0.2, and the objects that tests add.
struct World {
    engine: FakeEngine,
    rights: Option<Rights>,
}

impl World {
    fn new(containers: impl IntoIterator<Item = FakeContainer>) -> Self {
        Self::with_driver("bridge", containers)
    }

    fn with_driver(driver: &str, containers: impl IntoIterator<Item = FakeContainer>) -> Self {
        let engine = FakeEngine::start();
        engine.set_driver(NET, driver);
        engine.put(FakeContainer::new("proxy-id", NET, OWN).named(PROXY));
        containers.into_iter().for_each(|container| engine.put(container));
        Self { engine, rights: None }.started()
    }

    fn started(mut self) -> Self {
        let config = ContainerRights {
            proxy_container_name: PROXY.to_owned(),
            label_prefix: "socket-proxy".to_owned(),
            label_guard: None,
        };
        self.rights = Some(Rights::start(self.engine.socket(), &config).unwrap());
        self
    }

    fn rights(&self) -> &Rights {
        self.rights.as_ref().unwrap()
    }

    /// Waits until the table is that of a look at all containers.
    fn await_table(&self) {
        await_condition(|| self.rights().view.glance().table.is_ok());
    }

    fn await_no_table(&self) {
        await_condition(|| self.rights().view.glance().table.is_err());
    }

    /// Waits until the events sent before have been processed.
    fn await_events(&self) {
        let marker = FakeContainer::new("marker", NET, "10.1.255.254");
        self.engine.put(marker);
        self.engine.container_event("start", "marker", "marker");
        self.await_holder("10.1.255.254", "marker");
        self.engine.remove("marker");
        self.engine.container_event("destroy", "marker", "marker");
    }

    fn await_holder(&self, address: &str, id: &str) {
        let address = address.parse().unwrap();
        await_condition(|| match self.rights().view.glance().table {
            Ok(table) => match table.whose(address) {
                Whose::Claimed(holders) => holders.iter().any(|holder| holder.id == id),
                _ => false,
            },
            Err(_) => false,
        });
    }

    fn connect(&self, address: &str) -> Client<'_> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        Client {
            world: self,
            local: OWN.parse().unwrap(),
            address: address.parse().unwrap(),
            socket: Socket::from(OwnedFd::from(ours)),
            peer: Some(theirs),
            identity: ClientIdentity::default(),
        }
    }

    /// The owner of the rights of a new connection's first request.
    fn ask(&self, address: &str) -> String {
        self.connect(address).ask()
    }
}

/// A client's connection.
struct Client<'a> {
    world: &'a World,
    /// Where it reached the proxy.
    local: IpAddr,
    address: IpAddr,
    socket: Socket,
    peer: Option<UnixStream>,
    identity: ClientIdentity,
}

impl Client<'_> {
    fn answer(&mut self) -> Entitlement {
        let (rights, local) = (self.world.rights(), self.local);
        rights.policy_at(|| Some(local), &self.socket, self.address, &mut self.identity)
    }

    fn ask(&mut self) -> String {
        match self.answer() {
            Entitlement::Listener => "listener".to_owned(),
            Entitlement::Labels(policy) => shown(&policy, self.address),
            Entitlement::Unknown(_) => "unknown".to_owned(),
        }
    }
}

fn shown(policy: &Policy, address: IpAddr) -> String {
    assert!(policy.peers().admits(address, |_, _| false), "{address} {policy:?}");
    match &policy.source() {
        Source::Labels { container, .. } => format!("labels of {container}"),
        Source::InvalidLabel { label, container } => format!("invalid {label} of {container}"),
        other => panic!("{other:?}"),
    }
}

fn labelled(id: &str, address: &str) -> FakeContainer {
    FakeContainer::new(id, NET, address).label("socket-proxy.allow.get", "/info")
}

fn plain(id: &str, address: &str) -> FakeContainer {
    FakeContainer::new(id, NET, address)
}

#[test]
fn a_container_has_the_rights_of_its_labels_at_all_its_addresses() {
    let both = labelled("a", "10.1.0.3").on(OTHER_NET, "10.2.0.3", "fd00:2::3");
    let world = World::new([both, plain("b", "10.1.0.4")]);
    let own = FakeContainer::new("proxy-id", NET, "10.1.0.2").named(PROXY);
    world.engine.put(own.on(OTHER_NET, "10.2.0.2", "fd00:2::2"));
    world.engine.network_event("connect", OTHER_NET, "proxy-id");
    world.await_holder("10.2.0.3", "a");
    for address in ["10.1.0.3", "10.2.0.3", "fd00:2::3"] {
        assert_eq!(world.ask(address), "labels of a", "{address}");
    }
    assert_eq!(world.ask("10.1.0.4"), "listener");
}

#[test]
fn rules_and_bind_mounts_are_those_of_the_labels() {
    let from = ("socket-proxy.allow.bindmountfrom", "/home");
    let world = World::new([labelled("a", "10.1.0.3").label(from.0, from.1)]);
    let mut client = world.connect("10.1.0.3");
    let answer = client.answer();
    let Entitlement::Labels(policy) = answer else { panic!("{answer:?}") };
    assert!(policy.rules().judge(Method::Get, "/info").is_allowed());
    assert!(!policy.rules().judge(Method::Get, "/version").is_allowed());
    assert!(policy.bodies().bind_mounts.as_ref().unwrap().admits("/home/x"));
    let denial = policy.bodies().inspection(Method::Post, "/libpod/play/kube", None).unwrap_err();
    assert!(
        denial
            .to_string()
            .ends_with("unset the label socket-proxy.allow.bindmountfrom to allow it")
    );
}

#[test]
fn a_container_with_denials_alone_has_rights_of_its_own_which_are_none() {
    let denied = plain("a", "10.1.0.3").label("socket-proxy.deny", "SystemInfo");
    let world = World::new([denied]);
    let Entitlement::Labels(policy) = world.connect("10.1.0.3").answer() else { panic!() };
    assert!(policy.rules().is_empty());
    assert!(matches!(policy.rules().judge(Method::Get, "/info"), RuleVerdict::Denied(_)));
    assert!(!policy.rules().judge(Method::Get, "/version").is_allowed());
}

#[test]
fn addresses_that_are_no_containers_cost_the_engine_nothing() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    world.await_table();
    let before = world.engine.count("/");
    for address in ["127.0.0.1", "::1", "10.1.0.1", "10.1.0.2", "192.168.1.1", "fd00::9"] {
        assert_eq!(world.ask(address), "listener", "{address}");
    }
    assert_eq!(world.engine.count("/"), before);
}

#[test]
fn the_proxys_own_container_has_no_rights_by_labels() {
    let own = labelled("proxy-id", "10.1.0.2").named(PROXY);
    let world = World::new([own]);
    world.await_table();
    assert_eq!(world.ask("10.1.0.2"), "listener");
}

#[test]
fn a_container_on_no_shared_network_has_no_rights_here() {
    let elsewhere =
        FakeContainer::new("a", OTHER_NET, "10.1.0.3").label("socket-proxy.allow.get", ".*");
    let world = World::new([elsewhere]);
    world.await_table();
    world.engine.container_event("start", "a", "a");
    world.await_events();
    assert_eq!(world.ask("10.1.0.3"), "unknown");
}

#[test]
fn a_container_that_starts_later_has_its_rights_with_its_event() {
    let world = World::new([]);
    world.await_table();
    world.engine.put(labelled("a", "10.1.0.3"));
    world.engine.container_event("start", "a", "a");
    world.await_holder("10.1.0.3", "a");
    let lists = world.engine.count(LOOKS);
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
    assert_eq!(world.engine.count(LOOKS), lists, "no look was needed");
}

/// Makes a request wait, and calls `then` once its address was looked up in its
/// network.
fn ask_and_then(world: &World, address: &str, then: impl FnOnce()) -> String {
    world.await_table();
    let asked_before = world.engine.count(NETWORKS);
    thread::scope(|scope| {
        let asked = scope.spawn(|| world.ask(address));
        await_condition(|| world.engine.count(NETWORKS) > asked_before);
        then();
        asked.join().unwrap()
    })
}

#[test]
fn a_request_that_comes_before_any_list_shows_its_container_has_its_rights() {
    let world = World::new([]);
    world.await_table();
    world.engine.freeze_looks();
    let before = world.engine.count("/containers/json");
    world.engine.put(labelled("a", "10.1.0.3"));
    world.engine.put(plain("b", "10.1.0.4"));
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
    assert_eq!(world.ask("10.1.0.4"), "listener");
    assert_eq!(world.engine.count("/containers/json"), before, "no list was needed");
}

#[test]
fn a_request_that_comes_before_its_network_knows_waits_for_it() {
    let world = World::new([]);
    let found = ask_and_then(&world, "10.1.0.3", || {
        world.engine.put(labelled("a", "10.1.0.3"));
    });
    assert_eq!(found, "labels of a");
}

#[test]
fn however_many_containers_start_at_once_none_has_the_listeners_rights() {
    let world = World::new([]);
    world.await_table();
    world.engine.freeze_looks();
    thread::scope(|scope| {
        for number in 1..=120 {
            let world = &world;
            scope.spawn(move || {
                let (id, address) = (format!("c{number}"), format!("10.1.1.{number}"));
                world.engine.put(labelled(&id, &address));
                assert_eq!(world.ask(&address), format!("labels of {id}"));
                world.engine.container_event("start", &id, &id);
            });
        }
    });
}

#[test]
fn a_client_that_left_while_its_address_was_looked_for_has_no_rights() {
    let world = World::new([]);
    world.await_table();
    let before = world.engine.count(NETWORKS);
    let mut client = world.connect("10.1.0.3");
    let peer = client.peer.take();
    let found = thread::scope(|scope| {
        let asked = scope.spawn(|| client.ask());
        await_condition(|| world.engine.count(NETWORKS) > before);
        drop(peer);
        world.engine.put(labelled("a", "10.1.0.3"));
        world.engine.container_event("start", "a", "a");
        asked.join().unwrap()
    });
    assert_eq!(found, "unknown");
}

#[test]
fn an_address_that_nobody_has_has_no_rights() {
    for driver in ["bridge", "overlay"] {
        let world = World::with_driver(driver, []);
        world.await_table();
        let before = world.engine.count("/");
        assert_eq!(world.ask("10.1.0.77"), "unknown", "{driver}");
        let questions = world.engine.count("/") - before;
        assert!((2..=11).contains(&questions), "{questions} questions for one client");
        world.engine.put(labelled("a", "10.1.0.77"));
        assert_eq!(world.ask("10.1.0.77"), "labels of a");
    }
}

#[test]
fn machines_on_a_macvlans_network_have_the_listeners_rights_at_once() {
    for driver in ["macvlan", "ipvlan"] {
        let world = World::with_driver(driver, []);
        world.await_table();
        let before = world.engine.count("/");
        assert_eq!(world.ask("10.1.0.77"), "listener", "{driver}");
        assert_eq!(world.engine.count("/") - before, 1, "one question for each connection");
        world.engine.put(labelled("a", "10.1.0.77"));
        assert_eq!(world.ask("10.1.0.77"), "labels of a");
        assert_eq!(world.ask("fd01::77"), "unknown", "it may be any container's");
    }
}

#[test]
fn a_container_that_ends_is_not_taken_for_a_machine_of_its_network() {
    for driver in ["macvlan", "ipvlan"] {
        let world = World::with_driver(driver, [labelled("a", "10.1.0.77")]);
        world.await_table();
        world.engine.remove("a");
        assert_eq!(world.ask("10.1.0.77"), "unknown", "{driver}: the last word of a");
        // The next client is not a, whose start would have been an event.
        await_condition(|| world.ask("10.1.0.77") == "listener");
        let mut client = world.connect("10.1.0.78");
        client.peer = None;
        assert_eq!(client.ask(), "unknown", "{driver}: it may have been a container's");
    }
}

#[test]
fn an_address_of_the_link_alone_has_no_rights_and_is_not_waited_for() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    world.await_table();
    let before = world.engine.count("/");
    for address in ["fe80::1", "febf::42", "169.254.3.4", "::ffff:169.254.3.4"] {
        assert_eq!(world.ask(address), "unknown", "{address}");
    }
    assert_eq!(world.engine.count("/"), before);
}

#[test]
fn a_container_with_labels_does_not_leave_them_behind_on_another_network() {
    let a = labelled("a", "10.1.0.3").on(OTHER_NET, "10.2.0.3", "");
    let world = World::new([a, plain("b", "10.1.0.4").on(OTHER_NET, "10.2.0.4", "")]);
    world.await_table();
    assert_eq!(world.ask("10.2.0.3"), "unknown");
    assert_eq!(world.ask("10.2.0.4"), "listener");
}

#[test]
fn an_ipv4_address_in_ipv6_form_is_the_same() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    world.await_table();
    assert_eq!(world.ask("::ffff:10.1.0.3"), "labels of a");
}

#[test]
fn a_container_that_takes_the_proxys_name_changes_nothing() {
    let world = World::new([labelled("a", "10.1.0.3"), plain("b", "10.1.0.4")]);
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
    world.engine.put(FakeContainer::new("proxy-id", NET, OWN).named("old"));
    world.engine.container_event("rename", "proxy-id", "old");
    world.engine.put(FakeContainer::new("thief", OTHER_NET, "10.2.0.9").named(PROXY));
    world.engine.container_event("rename", "thief", PROXY);
    world.engine.break_streams();
    world.await_events();
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
    assert_eq!(world.ask("10.1.0.4"), "listener");
}

#[test]
fn while_the_container_of_the_proxys_name_is_not_its_own_nobodys_rights_are_known() {
    let thief = FakeContainer::new("proxy-id", OTHER_NET, "10.2.0.9").named(PROXY);
    let world = World::new([thief, labelled("a", "10.1.0.3")]);
    world.await_table();
    for address in ["10.1.0.3", "10.2.0.3", "192.168.1.1"] {
        assert_eq!(world.ask(address), "unknown", "{address}");
    }
    assert_eq!(world.ask("127.0.0.1"), "listener");
    world.engine.remove("proxy-id");
    world.engine.put(FakeContainer::new("own", NET, OWN).named(PROXY));
    world.engine.container_event("rename", "own", PROXY);
    await_condition(|| world.ask("10.1.0.3") == "labels of a");
}

#[test]
fn labels_of_any_number_and_size_harm_their_own_container_alone() {
    let crowded = (0..7).map(|number| {
        let container = plain(&format!("crowded{number}"), &format!("10.1.1.{}", 1 + number));
        (0..6_000).fold(container, |container, label| container.label(&format!("l{label}"), "x"))
    });
    let large = (0..35).map(|number| {
        let container = plain(&format!("large{number}"), &format!("10.1.2.{}", 1 + number));
        container.label("text", &"x".repeat(100_000))
    });
    let selfish =
        labelled("selfish", "10.1.3.1").label("socket-proxy.allow.get.1", &"x".repeat(1 << 20));
    let world = World::new(crowded.chain(large).chain([selfish, labelled("a", "10.1.0.3")]));
    world.await_table();
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
    assert_eq!(world.ask("10.1.1.1"), "listener");
    assert_eq!(world.ask("10.1.2.1"), "listener");
    assert_eq!(world.ask("10.1.3.1"), "invalid socket-proxy.allow.get.1 of selfish");
    // Their events have all labels in them.
    let attributes: serde_json::Map<String, serde_json::Value> =
        (0..60_000).map(|label| (format!("l{label}"), "x".repeat(30).into())).collect();
    let streams = world.engine.count("/events");
    world.engine.raw_event(&format!(
        "{{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{{\"ID\":\"crowded1\",\"Attributes\":{}}}}}\n",
        serde_json::Value::from(attributes)
    ));
    world.await_events();
    assert_eq!(world.engine.count("/events"), streams, "the stream is unbroken");
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
}

#[test]
fn heavy_patterns_of_many_containers_harm_those_that_come_last() {
    // Each is just below the limit of one container.
    let heavy = (1..=9).map(|number| {
        plain(&format!("heavy{number}"), &format!("10.1.1.{number}"))
            .label("socket-proxy.allow.get", r"/\pL{50}")
    });
    let world = World::new(heavy);
    world.await_table();
    let found: Vec<String> = (1..=9).map(|number| world.ask(&format!("10.1.1.{number}"))).collect();
    let granted = found.iter().filter(|found| found.starts_with("labels of")).count();
    let void = found.iter().filter(|found| found.starts_with("invalid")).count();
    assert_eq!((granted, void), (5, 4), "{found:?}");
}

#[test]
fn long_lists_of_many_containers_are_bounded_as_patterns_are() {
    let list = "SystemPing,".repeat(1450);
    let long = (1..=170).map(|number| {
        plain(&format!("long{number}"), &format!("10.1.1.{number}"))
            .label("socket-proxy.allow", &list)
    });
    let world = World::new(long);
    world.await_table();
    let last = |number: u8| world.ask(&format!("10.1.1.{number}"));
    let found: Vec<String> = (1..=170).map(last).collect();
    let granted = found.iter().filter(|found| found.starts_with("labels of")).count();
    let void = found.iter().filter(|found| found.starts_with("invalid")).count();
    assert!(granted > 0 && void > 0 && granted + void == 170, "{found:?}");
}

#[test]
fn rights_end_with_the_container() {
    for action in ["die", "destroy"] {
        let world = World::new([labelled("a", "10.1.0.3")]);
        let mut client = world.connect("10.1.0.3");
        assert_eq!(client.ask(), "labels of a");
        world.engine.put(labelled("a", "10.1.0.3").stopped());
        world.engine.container_event(action, "a", "a");
        world.await_events();
        assert_eq!(client.ask(), "unknown", "{action}");
        assert_eq!(world.ask("10.1.0.3"), "unknown", "{action}");
    }
}

#[test]
fn rights_end_when_the_container_leaves_the_network_and_stay_when_it_leaves_another() {
    let both = labelled("a", "10.1.0.3").on(OTHER_NET, "10.2.0.3", "");
    let world = World::new([both]);
    let mut client = world.connect("10.1.0.3");
    assert_eq!(client.ask(), "labels of a");
    world.engine.put(labelled("a", "10.1.0.3"));
    world.engine.network_event("disconnect", OTHER_NET, "a");
    world.await_events();
    assert_eq!(client.ask(), "labels of a");
    world.engine.put(labelled("a", "10.1.0.9"));
    world.engine.network_event("disconnect", NET, "a");
    world.await_holder("10.1.0.9", "a");
    assert_eq!(client.ask(), "unknown");
    assert_eq!(world.ask("10.1.0.9"), "labels of a");
}

#[test]
fn a_move_that_is_not_listed_yet_is_seen_a_moment_later() {
    let world = World::new([]);
    world.await_table();
    let target = "/containers/json?filters=%7B%22id%22%3A%5B%22a%22%5D%7D";
    world.engine.script(target, "HTTP/1.1 200 OK\r\n\r\n[]");
    world.engine.put(labelled("a", "10.1.0.3"));
    world.engine.network_event("connect", NET, "a");
    await_condition(|| world.engine.count(target) == 1);
    world.engine.unscript(target);
    world.await_holder("10.1.0.3", "a");
    assert_eq!(world.engine.count(target), 2);
}

#[test]
fn an_address_that_changed_hands_without_a_word_gives_no_rights() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    world.await_table();
    world.engine.put(labelled("a", "10.1.0.3").stopped());
    world.engine.put(plain("b", "10.1.0.3"));
    assert_eq!(world.ask("10.1.0.3"), "listener");
}

#[test]
fn an_address_that_changed_hands_is_not_given_back_by_an_old_list() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    world.await_table();
    world.engine.freeze_looks();
    world.engine.remove("a");
    world.engine.put(plain("b", "10.1.0.3"));
    assert_eq!(world.ask("10.1.0.3"), "listener", "its network knows better");
    world.engine.container_event("start", "b", "b");
    world.await_holder("10.1.0.3", "b");
    assert_eq!(world.ask("10.1.0.3"), "listener", "of two claims the true one is found");
    world.engine.thaw_looks();
}

#[test]
fn an_address_that_went_from_a_plain_to_a_labelled_container_is_seen_at_once() {
    let world = World::new([plain("a", "10.1.0.3")]);
    assert_eq!(world.ask("10.1.0.3"), "listener");
    world.engine.remove("a");
    world.engine.put(labelled("b", "10.1.0.3"));
    assert_eq!(world.ask("10.1.0.3"), "labels of b");
}

#[test]
fn a_connection_keeps_its_origin_when_the_address_gets_another_holder() {
    let world = World::new([plain("a", "10.1.0.3")]);
    let mut client = world.connect("10.1.0.3");
    assert_eq!(client.ask(), "listener");
    world.engine.remove("a");
    world.engine.container_event("destroy", "a", "a");
    world.engine.put(labelled("b", "10.1.0.3"));
    world.engine.container_event("start", "b", "b");
    world.await_holder("10.1.0.3", "b");
    assert_eq!(client.ask(), "unknown");
    assert_eq!(world.ask("10.1.0.3"), "labels of b");
}

#[test]
fn a_broken_stream_is_taken_up_again_with_a_fresh_look() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    let mut client = world.connect("10.1.0.3");
    assert_eq!(client.ask(), "labels of a");
    world.engine.refuse(true);
    world.engine.break_streams();
    world.await_no_table();
    world.engine.remove("a");
    world.engine.put(plain("b", "10.1.0.3"));
    world.engine.put(labelled("c", "10.1.0.4"));
    world.engine.refuse(false);
    assert_eq!(world.ask("10.1.0.3"), "listener");
    assert_eq!(world.ask("10.1.0.4"), "labels of c");
    assert_eq!(client.ask(), "unknown");
    world.engine.put(labelled("d", "10.1.0.5"));
    world.engine.container_event("start", "d", "d");
    world.await_holder("10.1.0.5", "d");
}

#[test]
fn while_the_engine_is_silent_nobodys_rights_are_known() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    let mut client = world.connect("10.1.0.3");
    assert_eq!(client.ask(), "labels of a");
    world.engine.refuse(true);
    world.engine.break_streams();
    world.await_no_table();
    assert_eq!(client.ask(), "unknown");
    assert_eq!(world.ask("10.1.0.3"), "unknown");
    assert_eq!(world.ask("127.0.0.1"), "listener");
    world.engine.refuse(false);
    world.await_table();
    assert_eq!(client.ask(), "labels of a", "it is the same container on the same connection");
}

#[test]
fn an_engine_behind_a_new_socket_is_found() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    world.await_table();
    world.engine.replace_socket();
    world.engine.break_streams();
    world.engine.remove("a");
    world.engine.put(labelled("b", "10.1.0.3"));
    assert_eq!(world.ask("10.1.0.3"), "labels of b");
}

#[test]
fn a_restarted_container_has_its_rights_again() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
    world.engine.put(labelled("a", "10.1.0.3").stopped());
    world.engine.container_event("die", "a", "a");
    world.engine.put(labelled("a", "10.1.0.4"));
    world.engine.container_event("start", "a", "a");
    world.engine.container_event("restart", "a", "a");
    world.await_holder("10.1.0.4", "a");
    assert_eq!(world.ask("10.1.0.4"), "labels of a");
    assert_eq!(world.ask("10.1.0.3"), "unknown");
}

#[test]
fn a_container_with_an_invalid_label_loses_its_own_rights_alone() {
    let bad = labelled("bad", "10.1.0.4").label("socket-proxy.allow.post", "(");
    let world = World::new([labelled("a", "10.1.0.3"), bad, labelled("c", "10.1.0.5")]);
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
    assert_eq!(world.ask("10.1.0.4"), "invalid socket-proxy.allow.post of bad");
    assert_eq!(world.ask("10.1.0.5"), "labels of c");
    let mut client = world.connect("10.1.0.4");
    let answer = client.answer();
    let Entitlement::Labels(policy) = answer else { panic!("{answer:?}") };
    assert_eq!(policy.rules().judge(Method::Get, "/info"), RuleVerdict::MethodNotAllowed);
}

#[test]
fn a_renamed_container_is_named_anew() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    let mut client = world.connect("10.1.0.3");
    assert_eq!(client.ask(), "labels of a");
    world.engine.put(labelled("a", "10.1.0.3").named("web"));
    world.engine.container_event("rename", "a", "web");
    world.await_events();
    assert_eq!(client.ask(), "labels of web");
}

#[test]
fn the_proxys_container_is_the_one_with_exactly_its_name() {
    let world = World::new([FakeContainer::new("x", OTHER_NET, "10.2.0.2").named("my-proxy-2")]);
    world.await_table();
    // Without it, one whose id begins so must not be taken.
    world.engine.put(labelled("a", "10.1.0.3"));
    world.engine.remove("proxy-id");
    world.engine.put(FakeContainer::new("proxy-imposter", NET, "10.1.0.9").named("other"));
    world.engine.container_event("destroy", "proxy-id", PROXY);
    world.await_no_table();
    assert_eq!(world.ask("10.1.0.3"), "unknown");
}

#[test]
fn an_event_in_no_shape_at_all_is_followed_by_a_fresh_look() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    world.await_table();
    let streams = world.engine.count("/events");
    world.engine.raw_event("nonsense\n");
    await_condition(|| world.engine.count("/events") > streams);
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
}

#[test]
fn five_hundred_containers_cost_one_inspection_for_each_connection() {
    let address = |number: usize| format!("10.1.{}.{}", 1 + number / 250, 1 + number % 250);
    let all = (0..500).map(|number| labelled(&format!("c{number}"), &address(number)));
    let world = World::new(all);
    world.await_table();
    let (lists, before) = (world.engine.count(LOOKS), world.engine.count("/"));
    for number in (0..500).step_by(10) {
        let mut client = world.connect(&address(number));
        for _ in 0..100 {
            assert_eq!(client.ask(), format!("labels of c{number}"));
        }
    }
    assert_eq!(world.engine.count("/") - before, 50, "one question for each of 50 connections");
    assert_eq!(world.engine.count(LOOKS), lists);
}

#[test]
fn the_thread_ends_with_its_owner() {
    let mut world = World::new([]);
    world.await_table();
    let view = Arc::downgrade(&world.rights().view);
    world.rights = None;
    await_condition(|| view.upgrade().is_none());
}

#[test]
fn a_thread_that_ended_leaves_no_table_behind() {
    let (orders, _) = io::pipe().unwrap();
    let engine = Engine::new("/nowhere".into(), "socket-proxy");
    let view = Arc::new(View::default());
    let grants = Arc::new(Mutex::new(Grants::new("socket-proxy".to_owned(), None)));
    let follower = Follower::new(engine, PROXY.to_owned(), grants, Arc::clone(&view), orders);
    let own = Container { id: "own".into(), ..Container::default() };
    view.publish(Table::new(&own, &[]));
    assert!(view.glance().table.is_ok());
    drop(follower);
    assert!(view.glance().table.is_err());
}

#[test]
fn deep_patterns_in_labels_harm_nobody() {
    let nested = |levels| ["/(", &"(a|b".repeat(levels), &"c)".repeat(levels), ")"].concat();
    let deep = |id: &str, address: &str, levels| {
        plain(id, address).label("socket-proxy.allow.get", &nested(levels))
    };
    let containers = [deep("deep", "10.1.0.3", 150), deep("deeper", "10.1.0.4", 3000)];
    let world = World::new(containers.into_iter().chain([labelled("a", "10.1.0.5")]));
    world.await_table();
    assert_eq!(world.ask("10.1.0.3"), "labels of deep");
    assert_eq!(world.ask("10.1.0.4"), "invalid socket-proxy.allow.get of deeper");
    assert_eq!(world.ask("10.1.0.5"), "labels of a");
    world.engine.put(deep("late", "10.1.0.6", 250));
    assert_eq!(world.ask("10.1.0.6"), "labels of late");
}

#[test]
fn a_guess_knows_labels_and_strangers_and_what_it_does_not_know() {
    let world = World::new([labelled("a", "10.1.0.3"), plain("b", "10.1.0.4")]);
    world.await_table();
    let guess = |address: &str| world.rights().guess(address.parse().unwrap());
    assert_eq!(guess("10.1.0.3"), Guess::Labelled);
    assert_eq!(guess("::ffff:10.1.0.3"), Guess::Labelled);
    assert_eq!(guess("10.1.0.4"), Guess::Unlabelled);
    assert_eq!(guess("10.1.0.5"), Guess::Unknown);
    assert_eq!(guess("10.9.0.5"), Guess::Unlabelled);
    assert_eq!(guess("127.0.0.1"), Guess::Unlabelled);
}
