//! Code that the benchmarks share: a stand-in daemon, a floor to compare with,
//! clients that put load on a proxy, and eyes on the proxy's process.
//!
//! Read the modules in the order in which they are listed. Nothing here
//! judges, but every answer is verified: wrong answers are fast easily.

// Each of the two benchmarks uses a part of these modules.
#![allow(dead_code)]

pub(crate) mod wire;
pub(crate) mod acceptors;
pub(crate) mod daemon;
pub(crate) mod floor;
pub(crate) mod address;
pub(crate) mod process;
pub(crate) mod rest;
pub(crate) mod peers;
pub(crate) mod load;
pub(crate) mod transfer;
pub(crate) mod streams;
pub(crate) mod stats;

/// An error is a sentence for the person who runs the benchmark.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Plays a helper process, if the arguments ask for one: the benchmarks start
/// themselves again as `ROLE SOCKET [ADDRESS]`, so that CPU time and memory
/// can be told apart by process.
pub(crate) fn play_role_if_asked() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["daemon", socket] => daemon::run(socket.as_ref()),
        ["floor", socket, address] => floor::run(socket.as_ref(), address.parse()?),
        ["redial", socket, address] => floor::run_redialling(socket.as_ref(), address.parse()?),
        _ => Ok(()),
    }
}
