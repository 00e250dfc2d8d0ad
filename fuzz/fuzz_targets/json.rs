//! Invariant: any bytes are refused, or become a JSON value whose print is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| socket_proxy_fuzz::invariants::json(data));
