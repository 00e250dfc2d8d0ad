//! Placeholder of server.
