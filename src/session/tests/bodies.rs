//! Bodies of requests, those that are judged and those that pass.

use super::*;
use crate::session::request_body::INSPECTED_BODY_BYTES_MAX;

/// The head that the daemon gets for a judged body.
fn judged(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /containers/create HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\
         Content-Length: {length}\r\nContent-Type: application/json\r\n\r\n{body}"
    )
}

/// The head that it gets for a body that passes.
fn passed(framing: &str) -> String {
    format!("POST /images/load HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n{framing}\r\n\r\n")
}

#[track_caller]
fn check_passed(scene: Scene, got: &str, request: &str) {
    let played = scene.play();
    assert_eq!(played.reason, CloseReason::ClientDone);
    assert_eq!((played.got.as_str(), played.requests.as_slice()), (got, &[request.to_owned()][..]));
}

#[test]
fn a_judged_body_goes_to_the_daemon_whole_and_with_its_length() {
    let rows = [
        create("Content-Length: 2\r\n", "{}"),
        create("Transfer-Encoding: chunked\r\n", "1\r\n{\r\n1;x=y\r\n}\r\n0\r\nA: b\r\n\r\n"),
    ];
    for request in rows {
        let bytewise = request.bytes().map(|byte| send([byte]));
        let acts: Vec<_> = bytewise.chain([Hear(OK), EndSending]).collect();
        for acts in [vec![send(&request), Hear(OK), EndSending], acts] {
            check_passed(Scene::new(acts).daemon([Hear("{}"), send(OK)]), OK, &judged("{}"));
        }
    }
}

#[test]
fn a_judged_body_that_does_not_come_whole_is_not_sent() {
    let one = "Content-Length: 9\r\n";
    let chunks = "Transfer-Encoding: chunked\r\n";
    let slow = last("408 Request Timeout", "the body took too long");
    let bad = last_bad(http1::Error::Chunk);
    let rows = [
        ("stalls", create(one, "{"), CloseReason::SlowBody, slow.as_str()),
        ("stalls in a chunk", create(chunks, "5\r\n{"), CloseReason::SlowBody, &slow),
        ("malformed", create(chunks, "-1\r\n"), CloseReason::BadBody, &bad),
        ("malformed later", create(chunks, "1\r\n{\r\n0x1\r\n"), CloseReason::BadBody, &bad),
    ];
    for (name, request, reason, got) in rows {
        Scene::new([send(request)]).head_limit(SHORT).check(name, reason, got);
    }
    for request in [create(one, "{"), create(chunks, "1\r\n{\r\n"), create(chunks, "")] {
        let scene = Scene::new([send(&request), EndSending]);
        scene.check(&request, CloseReason::ClientTruncated, "");
    }
}

#[test]
fn a_judged_body_has_a_largest_size() {
    let more = INSPECTED_BODY_BYTES_MAX + 1;
    let too_large = last(
        "413 Content Too Large",
        "the body is larger than 1 MiB, or has more values than can be inspected",
    );
    let announced = create(&format!("Content-Length: {more}\r\n"), "{}");
    Scene::new([send(announced)]).check("announced", CloseReason::Refused, &too_large);
    let expecting = format!("Content-Length: {more}\r\nExpect: 100-continue\r\n");
    let scene = Scene::new([send(create(&expecting, ""))]);
    scene.check("before it is sent", CloseReason::Refused, &too_large);
    let chunk = format!("{more:x}\r\n");
    let head = create("Transfer-Encoding: chunked\r\n", &chunk);
    let scene = Scene::new([send(head), send("x".repeat(more))]);
    scene.check("in a chunk", CloseReason::Refused, &too_large);
    let many = format!("[{}0]", "0,".repeat(400_000));
    let head = create(&format!("Content-Length: {}\r\n", many.len()), "");
    let scene = Scene::new([send(head), send(many)]);
    scene.check("too many values", CloseReason::Refused, &too_large);
    let body = " ".repeat(40_000);
    let head = create(&format!("Content-Length: {}\r\n", body.len()), "");
    let no_memory = last_later("too many large requests at the same time");
    let scene = Scene::new([send(head), send(body)]).without_memory();
    scene.check("no memory for it", CloseReason::Refused, &no_memory);
}

#[test]
fn a_client_that_expects_a_100_gets_one_before_it_sends() {
    let expecting = "Content-Length: 2\r\nExpect: 100-continue\r\n";
    let got = format!("{CONTINUE}{OK}");
    let scene = |head: String| {
        let acts = [send(head), Hear(CONTINUE), send("{}"), Hear(OK), EndSending];
        Scene::new(acts).daemon([Hear("{}"), send(OK)])
    };
    check_passed(scene(create(expecting, "")), &got, &judged("{}"));
    let passed = passed("Content-Length: 2");
    check_passed(scene(load(expecting, "")), &got, &format!("{passed}{{}}"));
}

#[test]
fn a_client_that_has_sent_already_gets_no_100() {
    let expecting = "Content-Length: 2\r\nExpect: 100-continue\r\n";
    let scene = |request: String| {
        Scene::new([send(request), Hear(OK), EndSending]).daemon([Hear("{}"), send(OK)])
    };
    check_passed(scene(create(expecting, "{}")), OK, &judged("{}"));
    let passed = passed("Content-Length: 2");
    check_passed(scene(load(expecting, "{}")), OK, &format!("{passed}{{}}"));
}

#[test]
fn a_body_that_passes_keeps_its_framing() {
    let rows = [
        ("Content-Length: 4\r\n", "body", passed("Content-Length: 4") + "body"),
        (
            "Transfer-Encoding: Chunked\r\n",
            "4;x=y\r\nbody\r\n000\r\nA: b\r\n\r\n",
            passed("Transfer-Encoding: chunked") + "4\r\nbody\r\n0\r\n\r\n",
        ),
        ("", "", passed("Content-Length: 0")),
    ];
    for (fields, body, request) in rows {
        let heard = if body.is_empty() { HEAD_END } else { &request[request.len() - 4..] };
        let heard = heard.to_owned().leak();
        let scene = Scene::new([send(load(fields, body)), Hear(OK), EndSending]);
        check_passed(scene.daemon([Hear(heard), send(OK)]), OK, &request);
    }
}

#[test]
fn a_fault_in_a_body_that_passes_ends_its_exchange() {
    let chunks = "Transfer-Encoding: chunked\r\n";
    let bad = last_bad(http1::Error::Chunk);
    let scene = Scene::new([send(load(chunks, "4\r\nbody\r\n4 \r\n"))]).daemon([AwaitHangUp]);
    scene.check("malformed", CloseReason::BadBody, &bad);
    for request in [load("Content-Length: 9\r\n", "body"), load(chunks, "4\r\nbody\r\n")] {
        let scene = Scene::new([send(&request), EndSending]).daemon([AwaitHangUp]);
        scene.check(&request, CloseReason::ClientTruncated, "");
    }
}

/// The daemon answers before it has taken an upload, for instance an error.
#[test]
fn an_early_answer_ends_the_connection_if_the_upload_does_not_come_soon() {
    let scene = |acts: Vec<Act>| {
        let begin = send(load("Content-Length: 8\r\n", "half"));
        Scene::new([vec![begin], acts].concat())
    };
    let soon = scene(vec![Meet, send("rest"), Meet, Hear(OK), EndSending]);
    let soon = soon.daemon([Hear("half"), Meet, Meet, send(OK), Hear("rest")]);
    soon.check("soon", CloseReason::ClientDone, OK);
    let late = scene(vec![Hear(LAST_OK), send("rest")]);
    let late = late.daemon([Hear("half"), send(OK), Hear("rest")]);
    late.check("late", CloseReason::UploadLate, LAST_OK);
    let never = scene(vec![]).daemon([Hear("half"), send(OK)]);
    never.check("never", CloseReason::UploadUnfinished, LAST_OK);
}
