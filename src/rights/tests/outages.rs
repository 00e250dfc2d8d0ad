//! An engine that is silent, breaks off or talks nonsense, and the end of the thread.

use super::*;

/// The engine breaks its streams and refuses connections; the client was known before.
fn go_away(world: &World, client: &mut Client<'_>) {
    assert_eq!(client.ask(), "labels of a");
    world.engine.refuse(true);
    world.engine.break_streams();
    world.await_no_table();
}

#[test]
fn a_broken_stream_is_taken_up_again_with_a_fresh_look() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    let mut client = world.connect("10.1.0.3");
    go_away(&world, &mut client);
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
    go_away(&world, &mut client);
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
fn an_event_in_no_shape_at_all_is_followed_by_a_fresh_look() {
    let world = World::new([labelled("a", "10.1.0.3")]);
    world.await_table();
    let streams = world.engine.count("/events");
    world.engine.raw_event("nonsense\n");
    await_condition(|| world.engine.count("/events") > streams);
    assert_eq!(world.ask("10.1.0.3"), "labels of a");
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
