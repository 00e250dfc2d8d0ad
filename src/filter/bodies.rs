//! Request bodies that can give away host directories.

use crate::http1::Method;

/// The host directories that may be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindMounts {
    directories: Vec<String>,
}

/// The kind of a body that must be read and judged before it may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inspection {
    /// `POST /containers/create`.
    ContainerCreate,
}

/// Why a body was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyDenial {
    /// Field and value, and which flag would allow it; printable, one line.
    pub reason: String,
}

impl BindMounts {
    /// Parses a comma-separated list of absolute directories.
    ///
    /// # Errors
    /// A sentence about the first item that is not an absolute directory.
    pub fn parse(_list: &str) -> Result<Self, String> {
        Ok(Self { directories: Vec::new() })
    }

    /// Which inspection a request's body needs, if any.
    #[must_use]
    pub fn inspection(&self, _method: Method, _path: &str) -> Option<Inspection> {
        None
    }

    /// Judges a body; the answer is the body to send instead of it.
    ///
    /// # Errors
    /// The first thing in the body that is not allowed.
    pub fn judge(
        &self,
        _inspection: Inspection,
        _content_type: Option<&[u8]>,
        body: &[u8],
    ) -> Result<Vec<u8>, BodyDenial> {
        Ok(body.to_vec())
    }
}
