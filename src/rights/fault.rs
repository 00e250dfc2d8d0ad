//! Why the rights of a client are unknown at the moment.

use crate::engine::EngineError;
use std::fmt;
use std::io;

/// A fault on the way to a container's rights.
#[derive(Debug)]
pub(super) enum Fault {
    /// The daemon gave no answer.
    Engine(EngineError),
    /// No thread could be started to compile patterns.
    NoThread(io::Error),
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::NoThread(error) => {
                write!(f, "cannot start a thread to compile patterns: {error}")
            }
        }
    }
}
