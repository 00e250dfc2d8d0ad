//! The raw-bytes harness: a client, daemons and a strict reader of what they saw.
//!
//! A test includes this file as `#[path = "support/wire.rs"] mod wire;`.
//! Nothing in here uses the crate's own HTTP code: a judge must not be the
//! defendant. Nothing here sleeps in the hope that something has happened;
//! conditions are awaited, each with a deadline that fails the test.
#![allow(dead_code, reason = "each test uses its own part of the harness")]

pub(crate) mod cases;
pub(crate) mod outcome;
pub(crate) mod proxied;
pub(crate) mod random;
pub(crate) mod raw_client;
pub(crate) mod recording_daemon;
pub(crate) mod scripted_daemon;
pub(crate) mod strict;
pub(crate) mod temp;

use std::time::Duration;

/// How long to wait for something that must happen. Long, because the machine
/// may be busy; nothing waits for it to pass unless a test is failing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
