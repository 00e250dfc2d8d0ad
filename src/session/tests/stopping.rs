//! Connections while the program stops.

use super::*;

#[test]
fn a_connection_that_waits_for_a_further_request_ends_at_once() {
    let scene = Scene::new([send(GET), Hear(OK), Stop]).answered(OK);
    scene.check("idle", CloseReason::Stopping, OK);
}

#[test]
fn a_request_that_has_arrived_is_the_last_that_is_served() {
    let both = format!("{OK}{LAST_OK}");
    let front = "GET /in";
    let rows = [
        ("with the one before", vec![send(format!("{GET}{GET}")), Meet, Meet]),
        ("behind it", vec![send(GET), Meet, send(GET), Meet]),
        ("half, and the rest later", vec![send(format!("{GET}{front}")), Meet, Meet, Hear(OK)]),
    ];
    for (name, mut acts) in rows {
        if name.starts_with("half") {
            acts.push(send(&GET[front.len()..]));
        }
        let scene = Scene::new(acts);
        let scene = scene.daemon([Hear(HEAD_END), Meet, Meet, Stop, send(OK)]).answered(OK);
        scene.check(name, CloseReason::Stopping, &both);
    }
}

#[test]
fn a_new_client_is_owed_its_first_answer() {
    let scene = Scene::new([Stop, send(GET)]).answered(OK);
    scene.check("its request comes later", CloseReason::Stopping, LAST_OK);
    let refused = Scene::new([Stop, send(DENIED)]);
    let got = last("403 Forbidden", &unlisted("GET /version", Operation::SystemVersion));
    refused.check("which is refused", CloseReason::Refused, &got);
}
