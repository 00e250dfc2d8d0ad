//! Heads of requests: their time, their size, their end.

use super::*;
use crate::http1::HEAD_BYTES_MAX;

const SLOW: &str = "the request's head took too long";

#[test]
fn a_head_must_be_whole_in_time_however_many_bytes_of_it_come() {
    let slow = last("408 Request Timeout", SLOW);
    let begun = |acts: &[Act]| Scene::new(acts).head_limit(SHORT);
    begun(&[send("x"), Dribble]).check("byte by byte", CloseReason::SlowHead, &slow);
    begun(&[send("GET /")]).check("half, then nothing", CloseReason::SlowHead, &slow);
    let stranger = begun(&[send("GET /")]).seated(TestSeat::OfStranger);
    stranger.check("of a stranger", CloseReason::SlowHead, &slow);
    let later = begun(&[send(GET), Hear(OK), Dribble]).answered(OK);
    later.check("of a later request", CloseReason::SlowHead, &format!("{OK}{slow}"));
}

#[test]
fn a_client_that_never_sends_a_byte_gets_none() {
    Scene::new([]).head_limit(SHORT).check("silence", CloseReason::SlowHead, "");
    let unknown = Scene::new([]).head_limit(SHORT).seated(TestSeat::OfUnknown);
    unknown.check("silence on probation", CloseReason::SlowHead, "");
}

/// A wait of more than a moment goes on without buffers.
#[test]
fn a_connection_may_idle_as_long_as_its_limit() {
    for limit in [SHORT, crate::relay::QUIET + SHORT] {
        let begun = Instant::now();
        let scene = Scene::new([send(GET)]).answered(OK).idle_limit(limit);
        scene.check("idle", CloseReason::Idle, OK);
        assert!(begun.elapsed() >= limit, "{limit:?}");
    }
}

#[test]
fn a_head_is_found_however_its_bytes_are_cut() {
    let bytewise = GET.bytes().map(|byte| send([byte]));
    let acts: Vec<_> = bytewise.chain([Hear(OK), EndSending]).collect();
    Scene::new(acts).answered(OK).check("byte by byte", CloseReason::ClientDone, OK);
    let both = format!("{GET}{GET}");
    let scene = Scene::new([send(both), EndSending]).answered(OK).answered(OK);
    scene.check("two at once", CloseReason::ClientDone, &format!("{OK}{OK}"));
    let (front, back) = GET.split_at(GET.len() - 2);
    let scene = Scene::new([send(format!("{GET}{front}")), Hear(OK), send(back), EndSending]);
    let scene = scene.answered(OK).answered(OK);
    scene.check("one and a half at once", CloseReason::ClientDone, &format!("{OK}{OK}"));
}

#[test]
fn a_client_that_ends_within_a_head_gets_no_answer() {
    for head in ["G", "GET /info HTTP/1.1\r\nHost: d\r\n"] {
        Scene::new([send(head), EndSending]).check(head, CloseReason::ClientTruncated, "");
    }
    Scene::new([EndSending]).check("no head", CloseReason::ClientDone, "");
    Scene::new([HangUp]).check("gone before a byte", CloseReason::ClientDone, "");
}

#[test]
fn bytes_that_are_not_a_request_end_their_connection_with_an_answer() {
    let two_framings = post("/x", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "");
    let rows = [
        ("\x16\x03\x01", "400 Bad Request", http1::Error::NotHttp),
        ("GET /info\r\n\r\n", "400 Bad Request", http1::Error::StartLine),
        ("GET / HTTP/2.0\r\n\r\n", "505 HTTP Version Not Supported", http1::Error::Version),
        ("GET /a/../b HTTP/1.0\r\n\r\n", "400 Bad Request", http1::Error::Path),
        (&two_framings, "400 Bad Request", http1::Error::ContentLength),
    ];
    for (bytes, status, error) in rows {
        // Another request behind it is not read.
        let scene = Scene::new([send(format!("{bytes}{GET}"))]);
        scene.check(bytes, CloseReason::BadRequest, &last(status, error.explain()));
    }
}

#[test]
fn an_unknown_method_gets_the_list_of_the_known_ones() {
    let got = ours(
        "405 Method Not Allowed",
        "Allow: GET, HEAD, POST\r\nConnection: close\r\n",
        "method not allowed",
    );
    let brew = "BREW /info HTTP/1.1\r\nHost: d\r\n\r\n";
    Scene::new([send(brew)]).check("unknown method", CloseReason::BadRequest, &got);
    let got = last("403 Forbidden", "forbidden IP");
    let stranger = Scene::new([send(brew)]).from("10.0.0.9:1");
    stranger.check("of a stranger", CloseReason::BadRequest, &got);
}

#[test]
fn a_head_has_a_largest_size() {
    let head = |bytes: usize| {
        let start = "GET /info HTTP/1.1\r\nHost: d\r\nA: ";
        format!("{start}{}{HEAD_END}", "a".repeat(bytes - start.len() - HEAD_END.len()))
    };
    let too_large =
        last("431 Request Header Fields Too Large", http1::Error::HeadTooLarge.explain());
    let scene = Scene::new([send(head(HEAD_BYTES_MAX)), Hear(OK), EndSending]).answered(OK);
    scene.check("largest", CloseReason::ClientDone, OK);
    let scene = Scene::new([send(head(HEAD_BYTES_MAX + 1))]);
    scene.check("larger", CloseReason::BadRequest, &too_large);
    let scene = Scene::new([send(head(16 * 1024))]).seated(TestSeat::OfStranger);
    scene.check("large for a stranger", CloseReason::BadRequest, &too_large);
    let scene = Scene::new([send(head(16 * 1024))]).without_memory();
    let no_memory = last_later("too many large requests at the same time");
    scene.check("no memory for it", CloseReason::Refused, &no_memory);
    let scene = Scene::new([send(GET), Hear(OK), EndSending]).answered(OK).without_memory();
    scene.check("an ordinary one needs none", CloseReason::ClientDone, OK);
}
