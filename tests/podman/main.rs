//! Real clients against a real Podman, through the real program.
//!
//! As in the tests of the Engine, the same is done straight on the socket and
//! through the proxy, over TCP and over a unix socket, and what the client saw
//! is compared: by `podman --remote` on Podman's own tree of paths, and by the
//! docker client on the tree that it shares with the Engine. When it skips: see
//! `tests/support/podman.rs`.
//!
//! Containers have the network `none`, for which Podman needs no firewall.

#[path = "../support/engine.rs"]
mod engine;
#[path = "../support/live.rs"]
mod live;
#[path = "../support/podman.rs"]
mod podman;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../engine/routes.rs"]
mod routes;
#[path = "../support/scratch.rs"]
mod scratch;
#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/terminal.rs"]
mod terminal;

mod remote;

mod compatible;
mod native;
mod rights;
