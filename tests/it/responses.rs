//! A hostile or broken daemon cannot deceive the client.
//!
//! The real binary runs between a raw client and a daemon that follows a
//! script. Three things are told apart: a whole answer, a refusal of ours, and
//! a connection that was cut so that the client can see it.

use crate::support::PATIENCE;
use crate::support::outcome::{speaks_json, waited};
use crate::support::proxied::Proxied;
use crate::support::raw_client::{Delivery, End, RawClient, Wait};
use crate::support::scripted_daemon::{OK, ScriptedDaemon, Step};
use crate::support::strict::{Framing, Response, show};
use std::time::Duration;

const GET: &str = "GET /x HTTP/1.1\r\nHost: d\r\n\r\n";
const GET_10: &str = "GET /x HTTP/1.0\r\n\r\n";
const HEAD: &str = "HEAD /x HTTP/1.1\r\nHost: d\r\n\r\n";
const ATTACH: &str =
    "POST /a/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
/// How soon a daemon connection must be dropped when its client has gone, on a busy
/// machine.
const DROPPED_WITHIN: Duration = Duration::from_secs(3);

/// The proxy with its daemon.
struct Stand {
    daemon: ScriptedDaemon,
    proxied: Proxied,
}

/// The result of an exchange at the client.
#[derive(Debug)]
enum Seen {
    Whole(Response),
    Refused(Response),
    Cut(End, Vec<u8>),
}

impl Stand {
    fn new() -> Self {
        let daemon = ScriptedDaemon::start(Vec::new());
        let methods = ["-allowGET=.*", "-allowHEAD=.*", "-allowPOST=/[^d].*", "-allowPUT=.*"];
        let flags = [&methods[..], &["-loglevel=debug"]].concat();
        let flags: Vec<_> = flags.into_iter().map(str::to_owned).collect();
        let proxied = Proxied::start(daemon.socket_path(), &flags);
        daemon.forget_start();
        Self { daemon, proxied }
    }

    fn client(&self) -> RawClient {
        RawClient::connect(self.proxied.address())
    }

    /// Sends a request while the daemon plays a script.
    fn exchange(&self, request: &str, script: Vec<Step>) -> Seen {
        self.daemon.play(script);
        let mut client = self.client();
        client.send(request.as_bytes());
        see(&mut client, request).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The daemon answers with these bytes and closes.
    fn answered(&self, request: &str, response: &[u8]) -> Seen {
        self.exchange(request, vec![Step::ReadHead, Step::Send(response.to_vec())])
    }
}

fn see(client: &mut RawClient, request: &str) -> Result<Seen, String> {
    let method = request.split(' ').next().unwrap_or_default();
    match client.answer(method, PATIENCE)? {
        Wait::Answer(answer) if answer.response.status == 502 => {
            if method != "HEAD" {
                speaks_json(&answer.response)?;
            }
            match client.drain(PATIENCE)? {
                (rest, End::Fin) if rest.is_empty() => Ok(Seen::Refused(answer.response)),
                (rest, end) => Err(format!("after the refusal: {end:?} {}", show(&rest))),
            }
        }
        Wait::Answer(answer) => Ok(Seen::Whole(answer.response)),
        Wait::Ended(end, bytes) => Ok(Seen::Cut(end, bytes)),
        silence => Err(waited(&silence)),
    }
}

fn check_refused(stand: &Stand, request: &str, response: &[u8]) {
    match stand.answered(request, response) {
        Seen::Refused(_) => {}
        other => panic!("{} became {other:?}", show(response)),
    }
}

/// The client gets this status, body and framing; then the same connection
/// serves it the next answer, not a leftover of this one.
fn check_whole(stand: &Stand, request: &str, response: &[u8], expected: (u16, &[u8], Framing)) {
    stand.daemon.play(vec![Step::ReadHead, Step::Send(response.to_vec())]);
    let mut client = stand.client();
    client.send(request.as_bytes());
    let seen = see(&mut client, request);
    let Ok(Seen::Whole(seen)) = seen else { panic!("{} became {seen:?}", show(response)) };
    assert_eq!((seen.status, &seen.body[..], seen.framing), expected, "{}", show(response));
    stand.daemon.play(vec![Step::ReadHead, Step::Send(OK.to_vec())]);
    client.send(GET.as_bytes());
    let Ok(Seen::Whole(next)) = see(&mut client, GET) else { panic!("no next answer") };
    assert_eq!(next.body, b"ok", "after {}", show(response));
}

#[test]
fn a_response_of_doubtful_framing_is_refused() {
    let stand = Stand::new();
    let framings = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length:",
        "Content-Length: five",
        "Content-Length: 9223372036854775808",
        "Content-Length: 18446744073709551621",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding:",
        "Content_Length: 5",
        "Transfer_Encoding: chunked",
        "Connection: Content-Length\r\nContent-Length: 5",
    ];
    for framing in framings {
        let response = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        check_refused(&stand, GET, response.as_bytes());
    }
    check_refused(&stand, GET, b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

#[test]
fn what_is_not_a_status_line_is_refused() {
    let stand = Stand::new();
    let lines: [&[u8]; 22] = [
        b"HTTP/1.1 99 X",
        b"HTTP/1.1 600 X",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 -200 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1\t200 OK",
        b"HTTP/1.1 OK",
        b"HTTP/1.1",
        b"HTTP/1.2 200 OK",
        b"HTTP/2 200 OK",
        b"HTTP/2.0 200 OK",
        b"http/1.1 200 OK",
        b"ICY 200 OK",
        b"200 OK",
        b"\r\nHTTP/1.1 200 OK",
        b" HTTP/1.1 200 OK",
        b"HTTP/1.1 200 O\x00K",
        b"HTTP/1.1 200 O\x1bK",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
        b"GET / HTTP/1.1",
    ];
    for line in lines {
        let response = [line, b"\r\nContent-Length: 2\r\n\r\nok"].concat();
        check_refused(&stand, GET, &response);
    }
    check_refused(&stand, GET, b"<html>an error page</html>");
    check_refused(&stand, GET, b"\n\n");
}

#[test]
fn a_malformed_response_head_is_refused() {
    let stand = Stand::new();
    let fields: [&[u8]; 13] = [
        b"X: a\n",
        b"X: a\r",
        b"X: a\r\n b\r\n",
        b" X: a\r\n",
        b"X : a\r\n",
        b": a\r\n",
        b"X\r\n",
        b"X(: a\r\n",
        b"X: a\x00b\r\n",
        b"X: a\x1b[31m\r\n",
        b"X: a\x7f\r\n",
        b"X\x00: a\r\n",
        b"X: a\r\r\n",
    ];
    for field in fields {
        let response = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", field, b"\r\nok"].concat();
        check_refused(&stand, GET, &response);
    }
}

#[test]
fn a_switch_of_protocols_that_was_not_asked_for_is_refused() {
    let stand = Stand::new();
    let plain = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nbytes";
    check_refused(&stand, GET, plain);
    check_refused(&stand, HEAD, plain);
    check_refused(&stand, GET_10, plain);
    let others = [
        "Connection: Upgrade\r\nUpgrade: h2c",
        "Connection: Upgrade\r\nUpgrade: websocket",
        "Connection: Upgrade\r\nUpgrade: tcp, h2c",
        "Connection: Upgrade\r\nUpgrade: tcp\r\nUpgrade: tcp",
        "Connection: Upgrade\r\nUpgrade: tcp\r\nUpgrade: h2c",
        "Connection: Upgrade\r\nUpgrade:",
        "Connection: Upgrade",
    ];
    for fields in others {
        let response = format!("HTTP/1.1 101 UPGRADED\r\n{fields}\r\n\r\nbytes");
        check_refused(&stand, ATTACH, response.as_bytes());
    }
}

#[test]
fn a_response_head_without_an_end_is_refused() {
    let stand = Stand::new();
    let begin = Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec());
    let endless: [(&str, &[u8]); 4] = [
        ("fields", b"X-Filler: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"),
        ("one field", b"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
        ("interim responses", b"\r\nHTTP/1.1 100 Continue\r\nX: y\r\n"),
        ("early hints", b"\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n"),
    ];
    for (what, piece) in endless {
        let begin = if what.starts_with("one") || what == "fields" {
            begin.clone()
        } else {
            Step::Send(b"HTTP/1.1 102 Processing\r\n".to_vec())
        };
        let script = vec![Step::ReadHead, begin, Step::SendForever(piece.to_vec())];
        let seen = stand.exchange(GET, script);
        assert!(matches!(seen, Seen::Refused(_)), "endless {what}: {seen:?}");
        stand.daemon.await_idle().unwrap();
    }
    let large = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &vec![b'y'; 140_000], b"\r\n\r\n"].concat();
    check_refused(&stand, GET, &large);
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(250));
    check_refused(&stand, GET, many.as_bytes());
}

#[test]
fn a_response_is_framed_anew_for_the_client() {
    let stand = Stand::new();
    let length = |bytes| Framing::Length(bytes);
    #[allow(clippy::type_complexity, reason = "a table is read, not passed on")]
    let rows: [(&[u8], (u16, &[u8], Framing)); 17] = [
        (OK, (200, b"ok", length(2))),
        (b"HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\nok", (200, b"ok", length(2))),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", (200, b"", length(0))),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokEXTRA", (200, b"ok", length(2))),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
            (200, b"ok", length(2)),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
            (200, b"ok", Framing::Chunked),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0002;a=\"b\"\r\nok\r\n00\r\nX-T: 1\r\n\r\nEXTRA",
            (200, b"ok", Framing::Chunked),
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nok", (200, b"ok", Framing::Chunked)),
        (b"HTTP/1.0 200 OK\r\n\r\nok", (200, b"ok", Framing::Chunked)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", (200, b"ok", length(2))),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"", Framing::None)),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", (204, b"", Framing::None)),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok", (304, b"", Framing::None)),
        (b"HTTP/1.1 299 \r\nContent-Length: 2\r\n\r\nok", (299, b"ok", length(2))),
        (b"HTTP/1.1 599\r\nContent-Length: 2\r\n\r\nok", (599, b"ok", length(2))),
        (
            b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            (200, b"ok", length(2)),
        ),
        (b"HTTP/1.1 200 \xe9\r\nX: \xe9\r\nContent-Length: 2\r\n\r\nok", (200, b"ok", length(2))),
    ];
    for (response, expected) in rows {
        check_whole(&stand, GET, response, expected);
    }
}

#[test]
fn an_answer_to_head_has_no_body_whatever_it_announces() {
    let stand = Stand::new();
    let heads: [&[u8]; 4] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
    ];
    for response in heads {
        check_whole(&stand, HEAD, response, (200, b"", Framing::None));
    }
}

#[test]
fn fields_of_the_daemons_hop_end_at_the_proxy() {
    let stand = Stand::new();
    let response = b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\n\
        X-Hop: 1\r\nProxy-Authenticate: x\r\nTrailer: X-T\r\nUpgrade: h2c\r\nApi-Version: 1.41\r\n\
        Content-Length: 2\r\n\r\nok";
    let Seen::Whole(seen) = stand.answered(GET, response) else { panic!("no answer") };
    for name in ["Keep-Alive", "X-Hop", "Proxy-Authenticate", "Trailer", "Upgrade", "Connection"] {
        assert_eq!(seen.field(name), None, "{name}");
    }
    assert_eq!(seen.field("Api-Version"), Some("1.41"));
}

#[test]
fn a_client_of_http_1_0_gets_no_chunks() {
    let stand = Stand::new();
    let rows: [(&[u8], Framing); 3] = [
        (OK, Framing::Length(2)),
        (b"HTTP/1.1 200 OK\r\n\r\nok", Framing::UntilClose),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            Framing::UntilClose,
        ),
    ];
    for (response, framing) in rows {
        let Seen::Whole(seen) = stand.answered(GET_10, response) else { panic!("no answer") };
        assert_eq!((&seen.body[..], seen.framing), (b"ok".as_slice(), framing));
        assert_eq!(seen.field("Transfer-Encoding"), None);
    }
}

/// Responses with a recognizable end.
const ENDED: [&[u8]; 4] = [
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-T: 1\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
];

#[test]
fn a_response_cut_off_anywhere_is_never_a_whole_one() {
    let stand = Stand::new();
    for response in ENDED {
        let Seen::Whole(_) = stand.answered(GET, response) else { panic!("{}", show(response)) };
        for end in 0..response.len() {
            let seen = stand.answered(GET, &response[..end]);
            let visible = matches!(seen, Seen::Refused(_) | Seen::Cut(..));
            assert!(visible, "cut off at {end} of {}: {seen:?}", show(response));
        }
    }
}

#[test]
fn a_client_of_http_1_0_can_see_a_response_cut_off_too() {
    let stand = Stand::new();
    for response in ENDED {
        for end in 0..response.len() {
            let seen = stand.answered(GET_10, &response[..end]);
            let visible = match &seen {
                Seen::Refused(_) | Seen::Cut(End::Reset, _) => true,
                // Fewer bytes than the Content-Length that it was told.
                Seen::Cut(End::Fin, bytes) => !bytes.is_empty() && has_length(bytes),
                Seen::Whole(_) => false,
            };
            assert!(visible, "cut off at {end} of {}: {seen:?}", show(response));
        }
    }
}

fn has_length(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains("Content-Length: ")
}

#[test]
fn a_malformed_body_cuts_the_client_off() {
    let stand = Stand::new();
    let bodies = [
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX : y\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "hello",
    ];
    for body in bodies {
        let response = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let seen = stand.answered(GET, response.as_bytes());
        // The whole of it may be refused if head and fault came together.
        assert!(matches!(seen, Seen::Cut(..) | Seen::Refused(_)), "{body:?}: {seen:?}");
    }
    let long = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}\r\nx\r\n0\r\n\r\n",
        "a".repeat(300)
    );
    let seen = stand.answered(GET, long.as_bytes());
    assert!(matches!(seen, Seen::Cut(..) | Seen::Refused(_)), "{seen:?}");
}

#[test]
fn a_reset_by_the_daemon_is_visible() {
    let stand = Stand::new();
    let rows: [(&[u8], bool); 4] = [
        (b"", false),
        (b"HTTP/1.1 200 OK\r\nContent-Le", false),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", false),
        // Whole before the reset, so it is whole for the client.
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true),
    ];
    for (response, whole) in rows {
        // The rest of the request stays unread: closing is a reset then.
        let seen = stand.exchange(GET, vec![Step::ReadByte, Step::Send(response.to_vec())]);
        assert_eq!(matches!(seen, Seen::Whole(_)), whole, "{}: {seen:?}", show(response));
    }
}

#[test]
fn a_body_until_close_that_ends_in_a_reset_is_not_whole() {
    let stand = Stand::new();
    let response = b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec();
    let seen = stand.exchange(GET, vec![Step::ReadByte, Step::Send(response)]);
    assert!(matches!(seen, Seen::Cut(..) | Seen::Refused(_)), "{seen:?}");
}

#[test]
fn a_malformed_upload_does_not_end_a_response_until_close_cleanly() {
    let stand = Stand::new();
    let raw = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nhello";
    stand.daemon.play(vec![
        Step::ReadHead,
        Step::ReadUntil(b"abc".to_vec()),
        Step::Send(raw.into()),
        Step::AwaitClose,
    ]);
    let mut client = stand.client();
    client.send(upload_head("Transfer-Encoding: chunked").as_bytes());
    client.send(b"3\r\nabc\r\n");
    let Ok(Wait::Silence(_)) = await_bytes(&mut client, b"hello") else { panic!("ended") };
    client.send(b"no size\r\n");
    let ended = client.drain(PATIENCE);
    assert!(matches!(ended, Ok((_, End::Reset))), "{ended:?}");
}

const UPLOAD_BYTES: usize = 8 << 20;

fn upload_head(framing: &str) -> String {
    format!("POST /x HTTP/1.1\r\nHost: d\r\n{framing}\r\n\r\n")
}

/// Uploads while the daemon plays a script, and awaits the answer.
fn upload(stand: &Stand, script: Vec<Step>) -> (RawClient, Wait) {
    stand.daemon.play(script);
    let mut client = stand.client();
    let head = upload_head(&format!("Content-Length: {UPLOAD_BYTES}"));
    let mut sender = client.sender();
    let answer = std::thread::scope(|scope| {
        scope.spawn(move || {
            let message = [head.as_bytes(), &vec![b'u'; UPLOAD_BYTES]].concat();
            sender.deliver(&message, Delivery::Whole);
        });
        client.answer("POST", PATIENCE)
    });
    (client, answer.unwrap_or_else(|why| panic!("{why}")))
}

#[test]
fn an_answer_before_the_upload_ended_comes_at_once_and_the_upload_goes_on() {
    let stand = Stand::new();
    let script = vec![Step::ReadHead, Step::Send(OK.to_vec()), Step::ReadBody(UPLOAD_BYTES)];
    let (mut client, answer) = upload(&stand, script);
    assert!(matches!(answer, Wait::Answer(_)), "{}", waited(&answer));
    assert!(closes(&answer), "nobody could know then that the upload would end");
    stand.daemon.await_idle().unwrap();
    assert!(stand.daemon.received().len() > UPLOAD_BYTES, "the upload was cut short");
    assert_eq!(client.drain(PATIENCE), Ok((Vec::new(), End::Fin)));
}

/// Whether the answer announces that its connection ends.
fn closes(answer: &Wait) -> bool {
    let Wait::Answer(answer) = answer else { panic!("{}", waited(answer)) };
    answer.response.field("Connection") == Some("close")
}

/// Sends a request as Go's client does, with the body behind the head, while the
/// daemon answers as soon as it has the head. Whether the connection is kept; if so,
/// it must serve on.
fn is_kept(stand: &Stand, script: &[Step], head: &str, body: &[u8]) -> bool {
    stand.daemon.play(script.to_vec());
    let mut client = stand.client();
    let mut sender = client.sender();
    let answer = std::thread::scope(|scope| {
        client.send(head.as_bytes());
        scope.spawn(move || sender.deliver(body, Delivery::Whole));
        client.answer("POST", PATIENCE).unwrap_or_else(|why| panic!("{why}"))
    });
    if closes(&answer) {
        assert_eq!(client.drain(PATIENCE), Ok((Vec::new(), End::Fin)));
        return false;
    }
    stand.daemon.play(vec![Step::ReadHead, Step::Send(OK.to_vec())]);
    client.send(GET.as_bytes());
    let next = see(&mut client, GET);
    assert!(matches!(&next, Ok(Seen::Whole(next)) if next.body == b"ok"), "{head}: {next:?}");
    true
}

const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}";

#[test]
fn a_connection_that_is_kept_after_an_early_answer_serves_on() {
    let stand = Stand::new();
    let closing = vec![Step::ReadHead, Step::Send(NOT_FOUND.to_vec())];
    let resetting = vec![Step::ReadByte, Step::Send(NOT_FOUND.to_vec())];
    let reading = vec![Step::ReadHead, Step::Send(NOT_FOUND.to_vec()), Step::AwaitEnd];
    let length = |path: &str, bytes: usize| {
        format!("POST {path} HTTP/1.1\r\nHost: d\r\nContent-Length: {bytes}\r\n\r\n")
    };
    let chunked = "POST /x HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    let many_chunks =
        [b"5;x=y\r\nhello\r\n".repeat(9000), b"0\r\nX-T: 1\r\n\r\n".to_vec()].concat();
    let mut kept = 0;
    for script in [closing, resetting, reading] {
        for _ in 0..10 {
            kept += usize::from(is_kept(&stand, &script, &length("/x", 5), b"hello"));
        }
        kept += usize::from(is_kept(&stand, &script, &length("/x", 200_000), &[b'b'; 200_000]));
        kept += usize::from(is_kept(&stand, &script, &chunked, b"5\r\nhello\r\n0\r\n\r\n"));
        kept += usize::from(is_kept(&stand, &script, &chunked, &many_chunks));
        // Refused by the proxy itself.
        kept += usize::from(is_kept(&stand, &script, &length("/denied", 5), b"hello"));
        kept +=
            usize::from(is_kept(&stand, &script, &length("/denied", 200_000), &[b'b'; 200_000]));
        // A part of it may have reached the daemon before the answer.
        is_kept(&stand, &script, &length("/x", 300_000), &vec![b'b'; 300_000]);
        is_kept(&stand, &script, &length("/x", 3_000_000), &vec![b'b'; 3_000_000]);
        // Too long to be read for nothing.
        assert!(!is_kept(&stand, &script, &length("/denied", 300_000), &vec![b'b'; 300_000]));
    }
    // A machine that is too busy for the moment that the proxy waits is forgiven.
    assert!(kept > 20, "only {kept} of 45 connections were kept");
}

#[test]
fn an_answer_before_a_body_that_does_not_come_announces_the_close() {
    let stand = Stand::new();
    let script = vec![Step::ReadHead, Step::Send(NOT_FOUND.to_vec())];
    for path in ["/x", "/denied"] {
        for fields in ["Content-Length: 5", "Content-Length: 5\r\nExpect: 100-continue"] {
            let head = format!("POST {path} HTTP/1.1\r\nHost: d\r\n{fields}\r\n\r\n");
            assert!(!is_kept(&stand, &script, &head, b"hell"), "{head}");
            assert!(!is_kept(&stand, &script, &head, b""), "{head}");
        }
        let head = format!("POST {path} HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert!(!is_kept(&stand, &script, &head, b"5\r\nhello\r\n0\r\n"), "{head}");
        if path == "/denied" {
            assert!(!is_kept(&stand, &script, &head, b"5\r\nhelloX"), "{head}");
        }
    }
}

#[test]
fn an_answer_of_a_daemon_that_then_closes_reaches_the_client_whole() {
    let stand = Stand::new();
    for begin in [Step::ReadHead, Step::ReadByte] {
        let (mut client, answer) = upload(&stand, vec![begin, Step::Send(OK.to_vec())]);
        assert!(matches!(answer, Wait::Answer(_)), "{}", waited(&answer));
        // The upload was not taken whole, so this connection cannot serve on.
        client.drain(PATIENCE).unwrap();
    }
}

#[test]
fn a_client_that_uploads_on_after_a_refusal_is_not_reset() {
    let stand = Stand::new();
    for answer in ["", "no status line\r\n\r\n"] {
        stand.daemon.play(vec![Step::ReadHead, Step::Send(answer.into())]);
        let mut client = stand.client();
        client.send(upload_head(&format!("Content-Length: {UPLOAD_BYTES}")).as_bytes());
        let Ok(Wait::Answer(answer)) = client.answer("POST", PATIENCE) else { panic!("no answer") };
        assert_eq!(answer.response.status, 502);
        let upload = vec![b'u'; UPLOAD_BYTES];
        assert!(client.sender().deliver(&upload, Delivery::Whole));
    }
}

#[test]
fn bytes_behind_a_last_request_do_not_take_its_answer_away() {
    let stand = Stand::new();
    for head in ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"]
    {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
        stand.daemon.play(vec![Step::ReadHead, Step::Send(answer)]);
        let mut client = stand.client();
        client.send(&[head.as_bytes(), &vec![b'x'; UPLOAD_BYTES]].concat());
        let Ok(Wait::Answer(answer)) = client.answer("GET", PATIENCE) else { panic!("no answer") };
        assert_eq!(answer.response.body, b"ok");
        assert_eq!(client.drain(PATIENCE).expect("the end"), (Vec::new(), End::Fin));
    }
}

#[test]
fn download_and_upload_wait_for_nothing_but_each_others_bytes() {
    let stand = Stand::new();
    stand.daemon.play(vec![
        Step::ReadHead,
        Step::ReadUntil(b"1".to_vec()),
        Step::Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n".to_vec()),
        Step::ReadUntil(b"2\r\n".to_vec()),
        Step::Send(b"1\r\nb\r\n0\r\n\r\n".to_vec()),
    ]);
    let mut client = stand.client();
    client.send(upload_head("Transfer-Encoding: chunked").as_bytes());
    client.send(b"3\r\n111\r\n");
    let Ok(Wait::Silence(begun)) = await_bytes(&mut client, b"1\r\na\r\n") else { panic!("ended") };
    assert!(begun.ends_with(b"1\r\na\r\n"), "{}", show(&begun));
    client.send(b"3\r\n222\r\n0\r\n\r\n");
    let Ok(Wait::Answer(answer)) = client.answer("POST", PATIENCE) else { panic!("no answer") };
    assert_eq!(answer.response.body, b"ab");
}

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// docker-py and others take one chunk for one event.
#[test]
fn chunks_that_arrive_together_are_not_merged() {
    let stand = Stand::new();
    let event = format!("bb8\r\n{}\r\n", "e".repeat(3000));
    let rows = [
        ("1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n", "1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n"),
        ("01;x=y\r\na\r\n0A\r\n0123456789\r\n", "1\r\na\r\na\r\n0123456789\r\n"),
        (&event.repeat(2), &event.repeat(2)),
    ];
    for (sent, expected) in rows {
        let response = [CHUNKED, sent.as_bytes(), b"0\r\nX-T: 1\r\n\r\n"].concat();
        stand.daemon.play(vec![Step::ReadHead, Step::Send(response)]);
        let mut client = stand.client();
        client.send(GET.as_bytes());
        client.expect_bytes(&[CHUNKED, expected.as_bytes(), b"0\r\n\r\n"].concat()).unwrap();
    }
}

#[test]
fn an_event_that_arrives_in_parts_stays_one_chunk() {
    let stand = Stand::new();
    let begin = [CHUNKED, b"bb8\r\n", &[b'e'; 1000]].concat();
    let end = [&[b'e'; 2000][..], b"\r\n"].concat();
    stand.daemon.play(vec![
        Step::ReadHead,
        Step::Send(begin),
        Step::AwaitGo,
        Step::Send(end.clone()),
    ]);
    let mut client = stand.client();
    client.send(GET.as_bytes());
    client.expect_bytes(CHUNKED).unwrap();
    stand.daemon.go();
    client.expect_bytes(&[b"bb8\r\n", &[b'e'; 1000][..], &end].concat()).unwrap();
}

#[test]
fn a_chunk_is_passed_on_when_its_data_is_there_and_a_large_one_before() {
    let stand = Stand::new();
    for (sent, expected) in [("5\r\nhello", "5\r\nhello\r\n"), ("100000\r\nab", "2\r\nab\r\n")] {
        let response = [CHUNKED, sent.as_bytes()].concat();
        stand.daemon.play(vec![Step::ReadHead, Step::Send(response), Step::AwaitEnd]);
        let mut client = stand.client();
        client.send(GET.as_bytes());
        client.expect_bytes(&[CHUNKED, expected.as_bytes()].concat()).unwrap();
    }
}

#[test]
fn chunks_of_an_upload_are_not_merged_either() {
    let stand = Stand::new();
    let chunks = b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n";
    stand.daemon.play(vec![Step::ReadUntil(b"0\r\n\r\n".to_vec()), Step::Send(OK.to_vec())]);
    let mut client = stand.client();
    client.send(&[upload_head("Transfer-Encoding: chunked").as_bytes(), chunks].concat());
    assert!(matches!(see(&mut client, "POST"), Ok(Seen::Whole(_))));
    assert!(stand.daemon.received().ends_with(chunks), "{}", show(&stand.daemon.received()));
}

/// Waits for an answer that is not whole yet, until it ends in these bytes.
fn await_bytes(client: &mut RawClient, end: &[u8]) -> Result<Wait, String> {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        match client.answer("POST", Duration::from_millis(20))? {
            Wait::Silence(bytes)
                if bytes.ends_with(end) || deadline < std::time::Instant::now() =>
            {
                return Ok(Wait::Silence(bytes));
            }
            Wait::Silence(_) => {}
            other => return Ok(other),
        }
    }
}

#[test]
fn the_first_bytes_of_a_tunnel_may_share_the_segment_of_its_101() {
    let stand = Stand::new();
    let response =
        b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nfirst".to_vec();
    stand.daemon.play(vec![Step::ReadHead, Step::Send(response), Step::ReadUntil(b"up".to_vec())]);
    let mut client = stand.client();
    client.send(ATTACH.as_bytes());
    let Ok(Seen::Whole(switched)) = see(&mut client, ATTACH) else { panic!("no 101") };
    assert_eq!(switched.status, 101);
    client.expect_bytes(b"first").unwrap();
    client.send(b"up");
    let (rest, end) = client.drain(PATIENCE).unwrap();
    assert_eq!((&rest[..], end), (b"".as_slice(), End::Fin));
}

/// A 200 with which the daemon takes the connection over.
fn hijacked(name: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.{name}\r\n\r\n").into_bytes()
}

/// dockerode without `hijack`, `podman --remote exec`.
#[test]
fn attach_and_exec_are_tunnels_after_a_mere_200() {
    let stand = Stand::new();
    let paths = [
        "/containers/a/attach?stdin=1",
        "/v1.41/containers/a/b/attach",
        "/exec/0a/start",
        "/v4.3.1/libpod/containers/a/attach",
        "/v4.3.1/libpod/exec/0a/start",
    ];
    for (path, version) in paths.iter().flat_map(|path| [(path, "1.0"), (path, "1.1")]) {
        for name in ["raw-stream", "multiplexed-stream"] {
            stand.daemon.play(vec![
                Step::ReadHead,
                Step::ReadUntil(b"{}".to_vec()),
                Step::Send([&hijacked(name)[..], b"first"].concat()),
                Step::ReadUntil(b"input".to_vec()),
                Step::Send(b"heard".to_vec()),
                Step::AwaitEnd,
                Step::Send(b"bye".to_vec()),
            ]);
            let mut client = stand.client();
            let head =
                format!("POST {path} HTTP/{version}\r\nHost: d\r\nContent-Length: 2\r\n\r\n");
            client.send(head.as_bytes());
            client.send(b"{}");
            let answer = hijacked(name);
            let head = [&answer[..answer.len() - 2], b"Connection: close\r\n\r\nfirst"].concat();
            client.expect_bytes(&head).unwrap();
            client.send(b"input");
            client.expect_bytes(b"heard").unwrap();
            client.fin();
            assert_eq!(client.drain(PATIENCE), Ok((b"bye".to_vec(), End::Fin)), "{path}");
            let received = String::from_utf8(stand.daemon.received()).unwrap();
            assert!(received.contains("\r\nConnection: close\r\n"), "{received}");
            assert!(received.ends_with("\r\n\r\n{}input"), "{received}");
        }
    }
    stand.proxied.await_log("closed=\"tunnel ended\"");
}

#[test]
fn the_end_of_a_hijacked_output_is_passed_on_before_the_input_ends() {
    let stand = Stand::new();
    let script = vec![Step::ReadHead, Step::Send(hijacked("raw-stream")), Step::Fin];
    stand.daemon.play([script, vec![Step::ReadUntil(b"late".to_vec())]].concat());
    let mut client = stand.client();
    client.send(b"POST /exec/a/start HTTP/1.1\r\nHost: d\r\n\r\n");
    assert!(matches!(client.drain(PATIENCE), Ok((head, End::Fin)) if head.starts_with(b"HTTP")));
    client.send(b"late");
    stand.daemon.await_bytes(b"late").unwrap();
}

/// The rest of a body that was framed is unframed first.
#[test]
fn input_behind_a_chunked_body_reaches_a_hijacking_daemon() {
    let stand = Stand::new();
    let body = b"3\r\nabc\r\n0\r\n\r\n";
    stand.daemon.play(vec![
        Step::ReadHead,
        Step::Send(hijacked("raw-stream")),
        Step::ReadUntil(b"input".to_vec()),
        Step::Send(b"heard".to_vec()),
    ]);
    let mut client = stand.client();
    let head =
        "POST /containers/a/attach HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.send(head.as_bytes());
    let Ok(Wait::Silence(_)) = await_bytes(&mut client, b"\r\n\r\n") else { panic!("ended") };
    client.send(body);
    client.send(b"input");
    assert!(matches!(client.drain(PATIENCE), Ok((all, End::Fin)) if all.ends_with(b"heard")));
    assert!(stand.daemon.received().ends_with(&[&body[..], b"input"].concat()));
}

#[test]
fn input_and_end_that_come_before_the_200_wait_for_it() {
    let stand = Stand::new();
    for head in [hijacked("raw-stream"), SWITCHED.to_vec()] {
        let is_switch = head == SWITCHED;
        stand.daemon.play(vec![Step::ReadHead, Step::AwaitGo, Step::Send(head), Step::AwaitEnd]);
        let mut client = stand.client();
        let upgrade = if is_switch { "Upgrade: tcp\r\n" } else { "" };
        let request = format!("POST /exec/a/start HTTP/1.1\r\nHost: d\r\n{upgrade}\r\ninput");
        client.send(request.as_bytes());
        client.fin();
        stand.daemon.await_bytes(b"\r\n\r\n").unwrap();
        stand.daemon.go();
        stand.daemon.await_bytes(b"input").unwrap();
        assert!(matches!(client.drain(PATIENCE), Ok((_, End::Fin))));
    }
}

#[test]
fn input_is_not_passed_on_to_another_operation_that_answers_with_a_raw_stream() {
    let stand = Stand::new();
    for request in [
        "POST /containers/a/start",
        "POST /libpod/containers/a/attach",
        "GET /containers/a/attach",
        "POST /containers/a/exec/b/start",
    ] {
        let script = vec![Step::ReadHead, Step::Send(hijacked("raw-stream")), Step::AwaitGo];
        stand.daemon.play(script);
        let mut client = stand.client();
        client.send(format!("{request} HTTP/1.1\r\nHost: d\r\n\r\n").as_bytes());
        let Ok(Wait::Silence(_)) = await_bytes(&mut client, b"\r\n\r\n") else { panic!("ended") };
        client.send(b"GET /smuggled HTTP/1.1\r\n\r\n");
        stand.daemon.go();
        assert!(matches!(client.drain(PATIENCE), Ok((_, End::Fin))), "{request}");
        stand.daemon.await_idle().unwrap();
        assert!(stand.daemon.received().ends_with(b"\r\n\r\n"), "{request}");
        assert!(!String::from_utf8_lossy(&stand.daemon.received()).contains("smuggled"));
    }
}

const SWITCHED: &[u8] = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

/// The Engine looks at the mere presence of Upgrade.
#[test]
fn an_upgrade_without_connection_counts_on_attach_and_exec_alone() {
    let stand = Stand::new();
    for (path, counts) in
        [("/v1.41/containers/a/attach", true), ("/exec/a/start", true), ("/x", false)]
    {
        stand.daemon.play(vec![Step::ReadHead, Step::Send(SWITCHED.to_vec()), Step::AwaitEnd]);
        let mut client = stand.client();
        client.send(format!("POST {path} HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\n\r\n").as_bytes());
        let answer = client.answer("POST", PATIENCE).unwrap();
        let Wait::Answer(answer) = &answer else { panic!("{}", waited(&answer)) };
        assert_eq!(answer.response.status, if counts { 101 } else { 502 }, "{path}");
        let received = String::from_utf8(stand.daemon.received()).unwrap();
        assert_eq!(received.contains("\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"), counts);
    }
}

/// The exchange of `yes | docker run -i alpine seq 99999`.
#[test]
fn the_output_of_a_tunnel_is_whole_though_its_daemon_closed_with_input_unread() {
    let stand = Stand::new();
    // More than a buffer, and less than the client's socket takes unread.
    let output = vec![b'o'; 96 << 10];
    stand.daemon.play(vec![
        Step::ReadHead,
        Step::Send(b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".to_vec()),
        Step::ReadUntil(b"i".to_vec()),
        Step::Send(output.clone()),
    ]);
    let mut client = stand.client();
    client.send(ATTACH.as_bytes());
    let mut sender = client.sender();
    let received = std::thread::scope(|scope| {
        let input = vec![b'i'; UPLOAD_BYTES];
        scope.spawn(move || sender.deliver(&input, Delivery::Whole));
        // Bytes that have not reached the client yet must not be discarded.
        stand.daemon.await_idle().unwrap();
        client.drain(PATIENCE).unwrap()
    });
    assert!(received.0.ends_with(&output), "{} bytes, {:?}", received.0.len(), received.1);
}

/// Lets a client go while the daemon is in the middle of a script; the daemon's
/// connection must be dropped soon.
fn check_dropped(stand: &Stand, request: &[u8], script: Vec<Step>, leave: impl Fn(RawClient)) {
    stand.daemon.play(script);
    let client = stand.client();
    client.send(request);
    stand.daemon.await_bytes(b"\r\n\r\n").unwrap();
    leave(client);
    let took = stand.daemon.await_idle().unwrap();
    assert!(took < DROPPED_WITHIN, "it took {took:?}");
}

fn reset(client: RawClient) {
    rustix::net::sockopt::set_socket_linger(client.stream(), Some(Duration::ZERO)).unwrap();
}

#[test]
fn a_client_that_disappears_ends_the_exchange_with_a_silent_daemon() {
    let stand = Stand::new();
    // A mere close looks like a half-close: the daemon is told, and decides.
    let silent = |until: Step| vec![Step::ReadHead, until];
    let streaming = |until: Step| {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n".to_vec();
        vec![Step::ReadHead, Step::Send(head), until]
    };
    let half = upload_head("Content-Length: 10") + "half";
    for request in [GET, GET_10, HEAD, ATTACH, &half] {
        check_dropped(&stand, request.as_bytes(), silent(Step::AwaitEnd), drop);
        check_dropped(&stand, request.as_bytes(), silent(Step::AwaitClose), reset);
    }
    check_dropped(&stand, GET.as_bytes(), streaming(Step::AwaitEnd), drop);
    check_dropped(&stand, GET.as_bytes(), streaming(Step::AwaitClose), reset);
}

#[test]
fn a_client_that_disappears_ends_an_endless_download() {
    let stand = Stand::new();
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let script =
        vec![Step::ReadHead, Step::Send(head), Step::SendForever(b"endless download\n".to_vec())];
    check_dropped(&stand, GET.as_bytes(), script.clone(), drop);
    check_dropped(&stand, GET.as_bytes(), script, reset);
}

#[test]
fn the_daemon_hears_of_a_clients_end_and_may_still_answer() {
    let stand = Stand::new();
    stand.daemon.play(vec![Step::ReadHead, Step::AwaitEnd, Step::Send(OK.to_vec())]);
    let mut client = stand.client();
    client.send(GET.as_bytes());
    stand.daemon.await_bytes(b"\r\n\r\n").unwrap();
    client.fin();
    assert!(matches!(see(&mut client, GET), Ok(Seen::Whole(_))));
}

/// As BusyBox's `nc` does for `POST /containers/x/stop`.
#[test]
fn a_client_that_ended_its_direction_gets_an_answer_that_takes_its_time() {
    let stand = Stand::new();
    for request in [GET.to_owned(), GET_10.to_owned(), upload_head("Content-Length: 2") + "{}"] {
        stand.daemon.play(vec![Step::ReadHead, Step::AwaitGo, Step::Send(OK.to_vec())]);
        let mut client = stand.client();
        client.send(request.as_bytes());
        client.fin();
        let early = client.answer("GET", Duration::from_millis(1500)).unwrap();
        assert!(matches!(&early, Wait::Silence(bytes) if bytes.is_empty()), "{}", waited(&early));
        stand.daemon.go();
        assert!(matches!(see(&mut client, &request), Ok(Seen::Whole(_))), "{request}");
    }
}

#[test]
fn a_daemon_that_is_not_there_is_named_and_one_that_returns_is_served() {
    let stand = Stand::new();
    let path = stand.daemon.socket_path().display().to_string();
    std::fs::remove_file(&path).unwrap();
    check_unreachable(&stand, &path);
    // A socket file without a listener.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    check_unreachable(&stand, &path);
    // A file that is no socket.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"").unwrap();
    check_unreachable(&stand, &path);
    stand.daemon.listen();
    assert!(matches!(stand.answered(GET, OK), Seen::Whole(_)));
}

fn check_unreachable(stand: &Stand, path: &str) {
    let Seen::Refused(response) = stand.answered(GET_10, OK) else { panic!("served") };
    let message = String::from_utf8_lossy(&response.body).into_owned();
    assert!(message.contains(path), "{message}");
}

#[test]
fn a_socket_that_was_replaced_is_picked_up_at_once() {
    let stand = Stand::new();
    let mut client = stand.client();
    for round in 0..3 {
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{round}");
        stand.daemon.play(vec![Step::ReadHead, Step::Send(response.into_bytes())]);
        client.send(GET.as_bytes());
        let Ok(Seen::Whole(seen)) = see(&mut client, GET) else { panic!("round {round}") };
        assert_eq!(seen.body, round.to_string().as_bytes());
        stand.daemon.listen();
    }
}
