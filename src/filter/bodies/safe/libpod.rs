//! Podman's own tree: which bodies pass.
//!
//! There is no table yet, so that no body does.

#[cfg(test)]
use super::table::FieldTable;
use super::table::Values;
use crate::filter::bodies::endpoints::Inspection;

/// The tables, for the documentation.
#[cfg(test)]
pub(super) fn documented() -> Vec<&'static FieldTable> {
    Vec::new()
}

/// The values of a body of Podman's own tree; `None` if none passes.
pub(super) fn values(_: Inspection) -> Option<&'static Values> {
    None
}
