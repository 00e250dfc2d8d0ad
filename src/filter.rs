//! The filter: who may ask the daemon for what. Pure: no I/O, no clock.
//!
//! A [`Policy`] holds one listener's (or one container's) allowlists.

pub mod bodies;
pub mod go_regexp;
pub mod peers;
pub mod rules;

pub use bodies::BindMounts;
pub use peers::Peers;
pub use rules::Rules;

/// The allowlists that apply to one client. The default allows nothing.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Which client addresses may ask at all.
    pub peers: Peers,
    /// Which methods and paths they may ask for.
    pub rules: Rules,
    /// From which host directories they may mount; `None` means no restriction.
    pub bind_mounts: Option<BindMounts>,
}
