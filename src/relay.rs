//! Placeholder of relay.
