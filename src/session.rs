//! Placeholder of session.
