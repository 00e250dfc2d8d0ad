//! Real clients against a real Engine, through the real program.
//!
//! Each test does the same straight on the Engine's socket and through the
//! proxy, over TCP and over a unix socket, and compares what the client saw.
//! What differs by nature (names, ids) is replaced before. How to run it with
//! an Engine of your own, and when it skips: see `tests/support/engine.rs`.

#[path = "../support/engine.rs"]
mod engine;
#[path = "../support/live.rs"]
mod live;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/scratch.rs"]
mod scratch;
#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/terminal.rs"]
mod terminal;

mod files;
mod routes;

mod builds;
mod compose;
mod crowd;
mod hijack;
mod learning;
mod listeners;
mod mounts;
mod operations;
mod python;
mod queries;
mod refusals;
mod restart;
mod rights;
mod spellings;
mod streams;
mod terminals;
mod transfers;
