//! Targets that are looked up before a request is sent, and answers that are changed
//! before they are passed on.

use super::*;
use crate::filter::targets::AnswerError;
use crate::json::Tree;

const INSPECT: &str = "GET /containers/web/json HTTP/1.1\r\nHost: d\r\n\r\n";

const BAD_GATEWAY: &str = "502 Bad Gateway";

fn json(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn chunked(body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
    )
}

/// Environments are hidden in its answers.
fn hidden(acts: impl Into<Vec<Act>>) -> Scene {
    Scene::new(acts).under(&["-allow=ContainerInspect,SystemInfo", "-hideenv"])
}

#[test]
fn an_answer_that_is_changed_leaves_the_connection_open() {
    let with_env = r#"{"Config":{"Env":["A=secret"]}}"#;
    let changed = json(r#"{"Config":{"Env":[]}}"#);
    let until_close = format!("HTTP/1.1 200 OK\r\n\r\n{with_env}");
    for response in [json(with_env), chunked(with_env), until_close] {
        let scene = hidden([send(INSPECT), send(GET), EndSending]);
        let scene = scene.answered(&response).answered(OK);
        scene.check(&response, CloseReason::ClientDone, &format!("{changed}{OK}"));
    }
    let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
    let scene = hidden([send(INSPECT), EndSending]).answered(missing);
    scene.check("an error passes unchanged", CloseReason::ClientDone, missing);
}

#[test]
fn nothing_is_passed_on_of_an_answer_that_cannot_be_changed() {
    let compressed = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}";
    let malformed = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nx\r\n";
    let refused = |why: AnswerError| (CloseReason::Refused, last(BAD_GATEWAY, &why.to_string()));
    let not_json = AnswerError::NotJson(Tree::parse(b"{").unwrap_err());
    let truncated = json("{}").replace(": 2", ": 9");
    let rows = [
        (compressed.to_owned(), refused(AnswerError::Compressed)),
        (json("{"), refused(not_json)),
        (truncated, (CloseReason::DaemonFailed, responses::without_response())),
        (malformed.to_owned(), (CloseReason::BadResponse, responses::invalid(http1::Error::Chunk))),
    ];
    for (response, (reason, got)) in rows {
        hidden([send(INSPECT), send(GET)]).answered(&response).check(&response, reason, &got);
    }
}

#[test]
fn an_answer_that_is_changed_has_a_budget() {
    let much = "x".repeat(BYTES_PER_CLIENT_MAX);
    let scene = hidden([send(INSPECT)]).daemon([Hear(HEAD_END), send(json(&much)), AwaitHangUp]);
    let got = last(BAD_GATEWAY, &AnswerError::TooLarge.to_string());
    scene.check("larger than it", CloseReason::Refused, &got);
    let some = format!("{{\"A\":\"{}\"}}", "x".repeat(20_000));
    let scene = hidden([send(INSPECT)]).answered(json(&some)).without_memory();
    let got = last_later("too many large requests at the same time");
    scene.check("others hold it", CloseReason::Refused, &got);
}

const ENGINE: &str = r#"{"Components":[{"Name":"Engine"}]}"#;

/// The client is limited to containers with a label.
fn limited(acts: impl Into<Vec<Act>>) -> Scene {
    Scene::new(acts).under(&["-allow=ContainerInspect", "-targetlabel=a=b"])
}

fn inspection(label: &str) -> String {
    json(&format!(
        r#"{{"Id":"0123456789ab","Name":"/web","Config":{{"Labels":{{"a":"{label}"}}}}}}"#
    ))
}

#[test]
fn a_target_is_looked_up_for_each_request_and_sent_by_its_id() {
    let acts = [send(INSPECT), Hear(OK), send(INSPECT), Hear(OK), send(INSPECT), EndSending];
    let scene = limited(acts).answered(json(ENGINE));
    let scene = scene.answered(inspection("b")).answered(OK).answered(inspection("b")).answered(OK);
    let played = scene.answered(inspection("c")).play();
    let missing = "{\"message\":\"No such container: web\"}\n";
    let length = missing.len();
    let missing = format!(
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         \r\n{missing}"
    );
    assert_eq!(played.got, format!("{OK}{OK}{missing}"));
    assert_eq!(played.reason, CloseReason::ClientDone);
    let targets: Vec<_> =
        played.requests.iter().filter_map(|sent| sent.split(' ').nth(1)).collect();
    let (by_name, by_id) = ("/containers/web/json", "/containers/0123456789ab/json");
    assert_eq!(targets, ["/version", by_name, by_id, by_name, by_id, by_name]);
}

#[test]
fn a_target_that_cannot_be_looked_up_is_not_touched() {
    let other = json(r#"{"Components":[{"Name":"Podman Engine"}]}"#);
    let later = |why: &str| ours("503 Service Unavailable", "Retry-After: 1\r\n", why);
    let scene = limited([send(INSPECT), EndSending]).answered(other);
    let got = later("targets can be limited only with Docker's Engine");
    scene.check("Podman", CloseReason::ClientDone, &got);
    for answer in ["", "HTTP/1.1 200 OK\r\n\r\n{}"] {
        let last_request = INSPECT.replace("Host: d", "Host: d\r\nConnection: close");
        let scene = limited([send(last_request)]).answered(json(ENGINE)).answered(answer);
        let played = scene.play();
        assert_eq!(played.reason, CloseReason::Unreachable, "{answer}");
        let why = "{\"message\":\"socket-proxy: a target could not be looked up: ";
        assert!(played.got.contains(why) && played.got.starts_with("HTTP/1.1 502 "), "{played:?}");
    }
}
