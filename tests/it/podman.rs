//! Real clients against a real Podman, through the real program.
//!
//! As in the tests of the Engine, the same is done straight on the socket and
//! through the proxy, over TCP and over a unix socket, and the results at the
//! client are compared: by `podman --remote` on Podman's own tree of paths, and by the
//! docker client on the tree that it shares with the Engine. When it skips: see
//! `tests/it/support/podman.rs`.
//!
//! Containers have the network `none`, for which Podman needs no firewall.

mod remote;

mod compatible;
mod native;
mod operations;
mod rights;
mod safe;
mod safe_proof;
mod targets;
