//! Real clients against a real Engine, through the real program.
//!
//! Each test does the same straight on the Engine's socket and through the
//! proxy, over TCP and over a unix socket, and compares the results at the client.
//! Names and ids, which always differ, are replaced before. How to run it with
//! an Engine of your own, and when it skips: see `tests/it/support/engine.rs`.

mod api;
mod files;
pub(crate) mod routes;
mod safe_bodies;
mod safe_inside;
mod safe_oracle;
mod safe_stand;

mod builds;
mod compose;
mod crowd;
mod hijack;
mod learning;
mod listeners;
mod monitoring;
mod mounts;
mod operations;
mod prometheus;
mod python;
mod queries;
mod refusals;
mod restart;
mod rights;
mod safe_clients;
mod safe_create;
mod safe_limits;
mod spellings;
mod streams;
mod targets;
mod terminals;
mod transfers;
