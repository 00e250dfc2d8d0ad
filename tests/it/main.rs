//! All integration tests: one crate, so that it is linked once and the shared
//! code is compiled once.
//!
//! The tests share a process. None changes state that all threads share (environment,
//! current directory, umask, signal masks, limits); a test that needs such a change
//! starts the program with it. Namespaces are entered by threads of their own.
//!
//! `cargo test --test it -- limits::` runs one module, `-- engine:: podman::` those
//! with real daemons. `tests/allocations.rs` is a crate of its own, since it counts
//! with a global allocator.

mod support;

// The files of the project against each other.
mod tidy;
mod completions;
mod documents;
mod examples;
mod log_lines;
mod migration;
mod monitoring;
mod operations_document;
mod troubleshooting;

// The library, without sockets.
mod bodies;
mod fuzz_smoke;
mod properties;
mod safe_engine;
mod safe_podman;

// The program between clients and scripted daemons.
mod harness;
mod requests;
mod responses;
mod limits;
mod memory;
mod metrics;
mod patterns;
mod drop_in;
mod places;
mod strangers;
mod learning;

// The program as a process: its start, its end, its commands, its surroundings.
mod commands;
mod health_check;
mod names;
mod start;
mod stopping;
mod systemd;

// The program between real clients and real daemons.
mod engine;
mod image;
mod podman;
