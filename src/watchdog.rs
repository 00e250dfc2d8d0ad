//! Placeholder of watchdog.
