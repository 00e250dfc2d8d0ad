//! Containers that start, end, move or change their names.

use super::*;

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
