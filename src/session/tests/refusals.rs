//! Refused requests: whether the connection carries another one.

use super::*;

fn kept(status: &str, message: &str) -> String {
    ours(status, "", message)
}

const FORBIDDEN: &str = "403 Forbidden";

/// A request with a body that no rule allows.
fn denied(fields: &str, body: &str) -> String {
    post("/auth", fields, body)
}

fn why() -> String {
    unlisted("POST /auth", Operation::SystemAuth)
}

#[test]
fn a_connection_goes_on_behind_a_refusal_whose_request_has_ended() {
    let forbidden = kept(FORBIDDEN, &why());
    let chunks = "Transfer-Encoding: chunked\r\n";
    let expecting = "Content-Length: 4\r\nExpect: 100-continue\r\n";
    let moved = "HTTP/1.1 301 Moved Permanently\r\nLocation: /info\r\nContent-Length: 0\r\n\r\n";
    // More than is received at once with a head.
    let long = "x".repeat(12_000);
    let rows = [
        (DENIED.to_owned(), kept(FORBIDDEN, &unlisted("GET /version", Operation::SystemVersion))),
        (denied("", ""), forbidden.clone()),
        (denied("Content-Length: 4\r\n", "body"), forbidden.clone()),
        (denied("Content-Length: 12000\r\n", &long), forbidden.clone()),
        (denied(chunks, "4\r\nbody\r\n0\r\n\r\n"), forbidden.clone()),
        (denied(chunks, &format!("2ee0\r\n{long}\r\n0\r\nA: b\r\n\r\n")), forbidden.clone()),
        (denied(expecting, "body"), forbidden),
        ("GET //info HTTP/1.1\r\nHost: d\r\n\r\n".to_owned(), moved.to_owned()),
        (
            create("Content-Length: 1\r\n", "{"),
            kept("400 Bad Request", "invalid JSON body: expected a string at byte 1"),
        ),
    ];
    for (request, got) in rows {
        let scene = Scene::new([send(format!("{request}{GET}")), EndSending]);
        let got = format!("{got}{OK}");
        scene.answered(OK).check(&request, CloseReason::ClientDone, &got);
    }
}

#[test]
fn a_connection_ends_behind_a_refusal_whose_request_does_not_end_soon() {
    let forbidden = last(FORBIDDEN, &why());
    let rows = [
        ("the rest never comes", denied("Content-Length: 9\r\n", "body")),
        (
            "a body that waits for a 100",
            denied("Content-Length: 9\r\nExpect: 100-continue\r\n", ""),
        ),
        ("more than is skipped", denied("Content-Length: 1000000\r\n", "body")),
        ("a malformed rest", denied("Transfer-Encoding: chunked\r\n", "4\r\nbodyGET /info")),
    ];
    for (name, request) in rows {
        Scene::new([send(request)]).check(name, CloseReason::Refused, &forbidden);
    }
}

#[test]
fn a_connection_ends_behind_a_refusal_if_its_client_says_so() {
    let rows = [
        ("HTTP/1.0", "GET /version HTTP/1.0\r\n\r\n"),
        ("HTTP/1.0 that would go on", "GET /version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        ("close", "GET /version HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"),
        ("bare LF", "GET /version HTTP/1.1\nHost: d\n\n"),
        ("doubled slashes", "GET //version HTTP/1.1\r\nHost: d\r\n\r\n"),
    ];
    for (name, request) in rows {
        let scene = Scene::new([send(format!("{request}{GET}"))]);
        scene.check(
            name,
            CloseReason::Refused,
            &last(FORBIDDEN, &unlisted("GET /version", Operation::SystemVersion)),
        );
    }
}

#[test]
fn a_refusal_of_head_has_no_body() {
    let head = |version: &str| format!("HEAD /version {version}\r\nHost: d\r\n\r\n");
    let why = "HEAD /version is not allowed; to allow it, add -allowHEAD=/version";
    let without_body = |answer: String| answer.split_inclusive(HEAD_END).next().unwrap().to_owned();
    let scene = Scene::new([send(head("HTTP/1.1") + GET), EndSending]).answered(OK);
    let got = without_body(kept(FORBIDDEN, why)) + OK;
    scene.check("another follows", CloseReason::ClientDone, &got);
    let got = without_body(last(FORBIDDEN, why));
    Scene::new([send(head("HTTP/1.0"))]).check("last", CloseReason::Refused, &got);
}

#[test]
fn a_connection_goes_on_without_a_daemon() {
    let scene = Scene::new([send(format!("{GET}{GET}")), EndSending]).without_daemon();
    let got = kept("502 Bad Gateway", &scene.away());
    scene.check("two requests", CloseReason::ClientDone, &format!("{got}{got}"));
}

#[test]
fn a_stranger_gets_one_answer() {
    let why = "requests from 10.0.0.9 are not allowed; set -allowfrom (or SP_ALLOWFROM) to \
               127.0.0.1/32,10.0.0.9";
    let entries = [
        Entry::Client,
        Entry::OnProbation(TestSeat::OfStranger),
        Entry::OnProbation(TestSeat::OfUnknown),
    ];
    for entry in entries {
        let name = format!("{entry:?}");
        let scene = Scene::new([send(format!("{GET}{GET}"))]).from("10.0.0.9:1").entering(entry);
        scene.check(&name, CloseReason::Refused, &last(FORBIDDEN, why));
    }
}

#[test]
fn a_connection_without_a_place_takes_one_when_its_client_is_known() {
    let taken = Scene::new([send(GET), Hear(OK), send(GET), EndSending]).answered(OK).answered(OK);
    let taken = taken.seated(TestSeat::OfUnknown);
    taken.check("there is one", CloseReason::ClientDone, &format!("{OK}{OK}"));
    let none = Scene::new([send(format!("{GET}{GET}"))]).seated(TestSeat::Refused);
    let full = last_later("too many connections");
    none.check("there is none", CloseReason::NoPlace, &full);
}

#[test]
fn a_connection_that_is_turned_away_gets_an_answer_if_there_is_a_reason_for_it() {
    let scene = |reason| Scene::new([send(GET)]).entering(Entry::TurnedAway(reason));
    let full = last_later("too many connections");
    scene(Some("too many connections")).check("a reason", CloseReason::NoPlace, &full);
    scene(None).check("none", CloseReason::NoPlace, "");
}
