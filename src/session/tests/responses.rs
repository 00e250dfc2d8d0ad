//! Responses of the daemon, good and bad.

use super::*;

const HTTP_1_0: &str = "GET /info HTTP/1.0\r\n\r\n";
const HEAD: &str = "HEAD /info HTTP/1.1\r\nHost: d\r\n\r\n";

/// A response, and the bytes that a client gets whose connection goes on.
#[test]
fn a_response_with_an_end_of_its_own_leaves_the_connection_open() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    let rows = [
        (GET, OK, OK),
        (GET, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", OK),
        (GET, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", OK),
        (GET, chunked, chunked),
        (GET, "HTTP/1.1 200 OK\r\n\r\nbody", chunked),
        (GET, "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"),
        (
            GET,
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        ),
        (
            HEAD,
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        ),
        (
            GET,
            "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            OK,
        ),
    ];
    for (request, response, got) in rows {
        let scene = Scene::new([send(request), send(GET), EndSending]);
        let scene = scene.answered(response).answered(OK);
        scene.check(response, CloseReason::ClientDone, &format!("{got}{OK}"));
    }
}

#[test]
fn a_response_to_http_1_0_is_its_connections_last() {
    let plain = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbody";
    let rows = [
        (OK, LAST_OK),
        ("HTTP/1.1 200 OK\r\n\r\nbody", plain),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", plain),
    ];
    for (response, got) in rows {
        let scene = Scene::new([send(HTTP_1_0), send(GET)]).answered(response);
        scene.check(response, CloseReason::Asked, got);
    }
}

/// The answer where the daemon closes instead of responding.
pub(super) fn without_response() -> String {
    last("502 Bad Gateway", "the daemon closed the connection without a response")
}

/// The answer where its response has a fault.
pub(super) fn invalid(error: http1::Error) -> String {
    last("502 Bad Gateway", &format!("the daemon's response is invalid: {error}"))
}

#[test]
fn a_daemon_that_fails_before_its_response_is_a_502() {
    for response in ["", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 102 Processing\r\n\r\n"] {
        let scene = Scene::new([send(GET), send(GET)]).answered(response);
        scene.check(response, CloseReason::DaemonFailed, &without_response());
    }
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nx\r\n";
    let interim = "HTTP/1.1 102 Processing\r\n\r\n".repeat(17);
    let rows = [
        ("SSH-2.0-OpenSSH\r\n\r\n", http1::Error::Version),
        (tunnels::SWITCHED, http1::Error::Upgrade),
        (&interim, http1::Error::Interim),
        (chunk, http1::Error::Chunk),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            http1::Error::ContentLength,
        ),
    ];
    for (response, error) in rows {
        let scene = Scene::new([send(GET), send(GET)]).answered(response);
        scene.check(response, CloseReason::BadResponse, &invalid(error));
    }
}

/// Nothing that would end the response for its client is written.
#[test]
fn a_response_that_ends_too_early_is_cut() {
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let rows = [
        (length, "", CloseReason::DaemonFailed),
        (chunked, "", CloseReason::DaemonFailed),
        (chunked, "4\r\nmo", CloseReason::DaemonFailed),
        (chunked, "4 \r\nmore\r\n", CloseReason::BadResponse),
    ];
    for (response, rest, reason) in rows {
        let heard = if response == length { "half" } else { "half\r\n" };
        let scene = Scene::new([send(GET), Hear(heard), Meet]);
        let scene = scene.daemon([Hear(HEAD_END), send(response), Meet, send(rest)]);
        scene.check(rest, reason, response);
    }
}

/// A part of a 100 must not end up within a 502.
#[test]
fn a_daemon_that_fails_behind_a_100_is_a_502_behind_it() {
    let expecting = load("Content-Length: 2\r\nExpect: 100-continue\r\n", "");
    let scene = Scene::new([send(expecting), Hear(CONTINUE), send("ok")]).daemon([Hear("ok")]);
    let got = CONTINUE.to_owned() + &without_response();
    scene.check("behind a 100", CloseReason::DaemonFailed, &got);
}

#[test]
fn a_client_that_hangs_up_ends_its_exchange() {
    let waiting = Scene::new([send(GET), Meet, HangUp]);
    let waiting = waiting.daemon([Hear(HEAD_END), Meet, AwaitHangUp]);
    waiting.check("before the response", CloseReason::ClientGone, "");
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    let reading = Scene::new([send(GET), Hear("half"), HangUp]);
    let reading = reading.daemon([Hear(HEAD_END), send(head), send("half"), AwaitHangUp]);
    let got = format!("{head}half");
    reading.check("within it", CloseReason::ClientGone, &got);
}

/// As BusyBox's `nc` does.
#[test]
fn a_client_that_ends_its_direction_still_gets_its_response() {
    let scene = Scene::new([send(GET), EndSending]).daemon([Hear(HEAD_END), send(OK)]);
    scene.check("half-close", CloseReason::ClientDone, OK);
}
