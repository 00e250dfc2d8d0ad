//! Connections that become tunnels.

use super::*;

pub(super) const ATTACH: &str = "POST /containers/a/attach HTTP/1.1\r\nHost: d\r\n\
                                 Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
pub(super) const SWITCHED: &str =
    "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

/// Without an upgrade, as dockerode and Podman's remote client send it.
const HIJACK: &str = "POST /containers/a/attach HTTP/1.1\r\nHost: d\r\n\r\n";
const HIJACKED: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\r\n";

/// As the client gets it.
const TAKEN_OVER: &str = "HTTP/1.1 200 OK\r\n\
                          Content-Type: application/vnd.docker.multiplexed-stream\r\n\
                          Connection: close\r\n\r\n";

const BOTH: [(&str, &str, &str); 2] =
    [(ATTACH, SWITCHED, SWITCHED), (HIJACK, HIJACKED, TAKEN_OVER)];

#[test]
fn a_client_that_ends_its_input_gets_the_rest_of_the_output() {
    for (request, response, got) in BOTH {
        let scene = Scene::new([send(request), Hear(HEAD_END), send("input"), EndSending]);
        // The daemon sees the end of the input, and sends more behind it.
        let daemon = [Hear(HEAD_END), send(response), Hear("input"), Act::HearEnd, send("output")];
        let scene = scene.daemon(daemon);
        scene.check(request, CloseReason::TunnelEnded, &format!("{got}output"));
    }
}

#[test]
fn a_daemon_that_ends_its_output_gets_the_rest_of_the_input() {
    for (request, response, got) in BOTH {
        let scene = Scene::new([send(request), Hear("output"), Act::HearEnd, send("input")]);
        let daemon = [Hear(HEAD_END), send(response), send("output"), EndSending, Hear("input")];
        let scene = scene.daemon(daemon);
        scene.check(request, CloseReason::TunnelEnded, &format!("{got}output"));
    }
}

#[test]
fn input_before_the_switch_waits_for_it() {
    for (request, response, got) in BOTH {
        let scene = Scene::new([send(format!("{request}input")), Hear("output")]);
        let daemon = [Hear(HEAD_END), send(response), Hear("input"), send("output")];
        let scene = scene.daemon(daemon);
        scene.check(request, CloseReason::TunnelEnded, &format!("{got}output"));
    }
}

#[test]
fn a_client_that_hangs_up_ends_its_tunnel() {
    for (request, response, got) in BOTH {
        let scene = Scene::new([send(request), Hear(HEAD_END), HangUp]);
        let scene = scene.daemon([Hear(HEAD_END), send(response), Act::HearEnd, AwaitHangUp]);
        scene.check(request, CloseReason::ClientGone, got);
    }
}

#[test]
fn a_daemon_that_does_not_switch_answers_an_ordinary_request() {
    let conflict = "HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\nno";
    let scene = Scene::new([send(ATTACH), Hear("no"), send(GET), EndSending]);
    let scene = scene.answered(conflict).answered(OK);
    scene.check("409", CloseReason::ClientDone, &format!("{conflict}{OK}"));
    let scene = Scene::new([send(HIJACK), Hear("no"), send(GET), EndSending]);
    let scene = scene.answered(conflict).answered(OK);
    scene.check("409 to a hijack", CloseReason::ClientDone, &format!("{conflict}{OK}"));
}

#[test]
fn a_switch_to_another_protocol_is_no_tunnel() {
    let h2c = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let got = responses::invalid(http1::Error::Upgrade);
    Scene::new([send(ATTACH)]).answered(h2c).check("h2c", CloseReason::BadResponse, &got);
}
