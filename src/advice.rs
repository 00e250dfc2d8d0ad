//! Advice to the operator: the operations that a list opens, and the list that a client needs.
//!
//! Pure: nothing here reads a file, a socket or a clock.

pub mod catalogue;
pub mod check;
pub mod language;
pub mod lint;
pub mod logged;
pub mod named;
pub mod needs;
pub mod presets;
pub mod table;
