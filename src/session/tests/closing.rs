//! Each reason to end a connection, by an example.

use super::*;

/// An example that ends for a reason, and the bytes that its client gets.
fn example(reason: CloseReason) -> (Scene, String) {
    use CloseReason as R;
    match reason {
        R::ClientDone => {
            (Scene::new([send(GET), Hear(OK), EndSending]).answered(OK), OK.to_owned())
        }
        R::Asked => {
            let request = "GET /info HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
            (Scene::new([send(request)]).answered(OK), LAST_OK.to_owned())
        }
        R::BareLf => {
            let request = "GET /info HTTP/1.1\nHost: d\n\n";
            (Scene::new([send(request)]).answered(OK), LAST_OK.to_owned())
        }
        R::Idle => (Scene::new([send(GET)]).answered(OK).idle_limit(SHORT), OK.to_owned()),
        R::SlowHead => (
            Scene::new([send("x"), Dribble]).head_limit(SHORT),
            last("408 Request Timeout", "the request's head took too long"),
        ),
        R::SlowBody => (
            Scene::new([send(create("Content-Length: 2\r\n", "{"))]).head_limit(SHORT),
            last("408 Request Timeout", "the body took too long"),
        ),
        R::BadRequest => {
            (Scene::new([send("GET /info HTTP/1.1\r\n\r\n")]), last_bad(http1::Error::Host))
        }
        R::BadBody => (
            Scene::new([send(create("Transfer-Encoding: chunked\r\n", "x\r\n"))]),
            last_bad(http1::Error::Chunk),
        ),
        R::Refused => (
            Scene::new([send("GET /version HTTP/1.0\r\n\r\n")]),
            last("403 Forbidden", &unlisted("GET /version", Operation::SystemVersion)),
        ),
        R::ClientGone => (
            Scene::new([send(GET), Meet, HangUp]).daemon([Hear(HEAD_END), Meet, AwaitHangUp]),
            String::new(),
        ),
        R::ClientTruncated => (Scene::new([send("GET /inf"), EndSending]), String::new()),
        R::Unreachable => {
            let scene = Scene::new([send("GET /info HTTP/1.0\r\n\r\n")]).without_daemon();
            let got = last("502 Bad Gateway", &scene.away());
            (scene, got)
        }
        R::DaemonFailed => {
            (Scene::new([send(GET)]).daemon([Hear(HEAD_END)]), responses::without_response())
        }
        R::BadResponse => (
            Scene::new([send(GET)]).answered("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok"),
            responses::invalid(http1::Error::ContentLength),
        ),
        R::UploadUnfinished => (
            Scene::new([send(load("Content-Length: 9\r\n", "half"))])
                .daemon([Hear("half"), send(OK)]),
            LAST_OK.to_owned(),
        ),
        R::UploadLate => late_upload(),
        R::Stalled => stalled_upload(),
        R::RawStreamEnded => raw_stream(),
        R::TunnelEnded => tunnel(),
        R::Stopping => (Scene::new([send(GET), Hear(OK), Stop]).answered(OK), OK.to_owned()),
        R::NoPlace => {
            (Scene::new([send(GET)]).seated(TestSeat::Refused), last_later("too many connections"))
        }
    }
}

/// The daemon answers before it has read the request; the rest comes too late.
fn late_upload() -> (Scene, String) {
    (
        Scene::new([send(load("Content-Length: 8\r\n", "half")), Hear(LAST_OK), send("more")])
            .daemon([Hear("half"), send(OK), Hear("more")]),
        LAST_OK.to_owned(),
    )
}

fn stalled_upload() -> (Scene, String) {
    (
        Scene::new([
            send(load(&format!("Content-Length: {MUCH_BYTES}\r\n"), "")),
            send(vec![b'x'; MUCH_BYTES]),
        ])
        .without_room_for_stalls()
        .daemon([AwaitHangUp]),
        last_later("too many stalled transfers"),
    )
}

fn raw_stream() -> (Scene, String) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n";
    let logs = "GET /containers/a/logs HTTP/1.1\r\nHost: d\r\n\r\n";
    (
        Scene::new([send(logs)]).answered(format!("{head}\r\nlines")),
        format!("{head}Connection: close\r\n\r\nlines"),
    )
}

fn tunnel() -> (Scene, String) {
    (
        Scene::new([send(tunnels::ATTACH), Hear("out"), send("in"), EndSending]).daemon([
            Hear(HEAD_END),
            send(tunnels::SWITCHED),
            send("out"),
            Hear("in"),
        ]),
        format!("{}out", tunnels::SWITCHED),
    )
}

/// The reason behind each in the table; one that is new does not compile without.
fn next(reason: CloseReason) -> Option<CloseReason> {
    use CloseReason as R;
    Some(match reason {
        R::ClientDone => R::Asked,
        R::Asked => R::BareLf,
        R::BareLf => R::Idle,
        R::Idle => R::SlowHead,
        R::SlowHead => R::SlowBody,
        R::SlowBody => R::BadRequest,
        R::BadRequest => R::BadBody,
        R::BadBody => R::Refused,
        R::Refused => R::ClientGone,
        R::ClientGone => R::ClientTruncated,
        R::ClientTruncated => R::Unreachable,
        R::Unreachable => R::DaemonFailed,
        R::DaemonFailed => R::BadResponse,
        R::BadResponse => R::UploadUnfinished,
        R::UploadUnfinished => R::Stalled,
        R::Stalled => R::UploadLate,
        R::UploadLate => R::RawStreamEnded,
        R::RawStreamEnded => R::TunnelEnded,
        R::TunnelEnded => R::Stopping,
        R::Stopping => R::NoPlace,
        R::NoPlace => return None,
    })
}

#[test]
fn a_connection_can_end_for_every_reason_of_the_table() {
    for reason in std::iter::successors(Some(CloseReason::ClientDone), |reason| next(*reason)) {
        let (scene, got) = example(reason);
        scene.check(&format!("{reason:?}"), reason, &got);
    }
}
