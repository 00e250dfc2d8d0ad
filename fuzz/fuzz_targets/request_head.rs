//! Invariant: any bytes are refused, or become one request that prints the same for ever, however they arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| socket_proxy_fuzz::invariants::request_head(data));
