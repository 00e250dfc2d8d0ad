//! Tests that skip where a machine lacks something, and fail where it must not.

use std::io::{Write, stderr};

/// Says why a test skips, or fails it if the variable is 1.
#[track_caller]
pub(crate) fn skip_unless_required(variable: &str, reason: &str) {
    let required = std::env::var(variable).is_ok_and(|value| value == "1");
    assert!(!required, "{variable} is set, but {reason}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not `eprintln!`, whose output is hidden for tests that do not fail.
    let _ = writeln!(stderr(), "{test} is skipped: {reason}");
}
