//! Many clients at once.

use super::routes::{Client, IMAGE, Route, same_on};
use std::thread;

#[test]
fn twenty_clients_at_once_get_each_their_own_answers() {
    same_on(&[Route::Straight, Route::Tcp], |client| {
        thread::scope(|scope| {
            let clients: Vec<_> =
                (1..=20).map(|number| scope.spawn(move || converse(client, number))).collect();
            for client in clients {
                client.join().expect("every client gets its answers");
            }
        });
    });
}

/// A run with input, two outputs and an exit code of its own.
fn converse(client: &Client, number: i32) {
    let script = format!("cat; echo err {number} >&2; exit {number}");
    let arguments = ["run", "--rm", "--interactive", IMAGE, "sh", "-c", &script];
    let outcome = client.docker_with_input(&arguments, format!("in {number}\n").as_bytes());
    assert_eq!(
        (outcome.code, outcome.stdout_text(), outcome.stderr_text()),
        (Some(number), format!("in {number}\n"), format!("err {number}\n"))
    );
}
