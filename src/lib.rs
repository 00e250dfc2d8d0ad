//! A filtering proxy for the Docker socket.
//!
//! One rule carries the design: *a request reaches the daemon only as a value
//! that was parsed, judged and printed here, alone on a fresh connection.*
//!
//! # The journey of a request
//!
//! 1. [`server`] accepts a connection, admits it and gives it a thread.
//! 2. [`session`] reads the head and asks [`http1`] to parse it.
//! 3. [`filter`] judges: address, method, path and, where a rule asks for it,
//!    the body. [`names`] resolves host names for it. Only its permit can be forwarded.
//! 4. [`relay`] dials the daemon, prints the judged request and moves the two
//!    bodies, or the two directions of a tunnel, at the same time.
//!
//! Read the modules in the order in which they are listed here.

#![warn(clippy::unwrap_used)]

pub mod about;

pub mod text;

pub mod json;

pub mod http1;

pub mod api;

pub mod filter;

pub mod advice;

pub mod cgroup;
pub mod journal;
pub mod large_stack;

pub mod config;
pub mod logging;

pub mod outcome;

pub mod metrics;

pub mod judging;

pub mod relay;

pub mod engine;
pub mod names;

pub mod rights;

pub mod session;

pub mod server;

pub mod commands;

pub mod activation;
pub mod signals;
pub mod stop;
pub mod wait;
pub mod watchdog;
