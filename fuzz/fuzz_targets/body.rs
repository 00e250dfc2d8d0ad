//! Invariant: any body is refused by the rules, or becomes one that they pass unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| socket_proxy_fuzz::invariants::body(data));
