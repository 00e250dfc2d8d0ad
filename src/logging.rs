//! Placeholder of logging.
