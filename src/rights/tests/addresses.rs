//! The container behind an address, or that there is none.

use super::*;

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
