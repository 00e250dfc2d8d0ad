//! Invariant: an accepted target is in normal form, and its printed form parses to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| socket_proxy_fuzz::invariants::target(data));
