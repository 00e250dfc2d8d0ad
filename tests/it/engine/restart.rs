//! An Engine that goes away and comes back while the proxy runs.

use super::routes::Client;
use crate::support::engine::{Engine, skip};
use crate::support::proxy::{ALLOW_ALL, Listen, Proxy};

#[test]
fn an_engine_that_was_restarted_is_found_again_and_its_streams_have_ended() {
    // Only an Engine of our own can be restarted.
    let mut engine = match Engine::start() {
        Ok(engine) => engine,
        Err(reason) => return skip(&reason),
    };
    let proxy = Proxy::start(Listen::Tcp, engine.socket(), ALLOW_ALL);
    let straight = Client::new(engine.socket(), None);
    let client = Client::new(engine.socket(), Some(proxy.host()));
    let before = client.docker(&["version"]).success();

    let mut streams = [&straight, &client].map(|client| {
        let stream = client.live(&["events", "--since", "1", "--format", "{{.Action}}"]);
        stream.await_text("import\n");
        stream
    });
    engine.restart();
    let ends = streams.each_mut().map(|stream| (stream.exit_code(), stream.text()));
    assert_eq!(ends[1], ends[0], "the proxied stream (left) ended in another way");
    assert_eq!(client.docker(&["version"]).success(), before);
}
