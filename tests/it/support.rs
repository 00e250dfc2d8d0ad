//! Code that the tests share: processes, directories, daemons, and the raw-bytes harness.
//!
//! The harness is a client, daemons and a strict reader of the messages. It does not
//! use the crate's own HTTP code: a judge must not be the defendant. Nothing here
//! sleeps in the hope that something has happened; conditions are awaited, each with a
//! deadline that fails the test.

// Processes and their surroundings.
pub(crate) mod process;
pub(crate) mod live;
pub(crate) mod terminal;
pub(crate) mod routes;
pub(crate) mod scratch;
pub(crate) mod skip;
pub(crate) mod proxy;

// Real daemons, and a name server.
pub(crate) mod engine;
pub(crate) mod podman;
pub(crate) mod name_server;

// The raw-bytes harness.
pub(crate) mod strict;
pub(crate) mod raw_client;
pub(crate) mod recording_daemon;
pub(crate) mod scripted_daemon;
pub(crate) mod random;
pub(crate) mod cases;
pub(crate) mod outcome;
pub(crate) mod proxied;

use std::time::Duration;

/// How long to wait for an event that must happen. Long, because CI is not idle: only
/// a test that fails waits for all of it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
