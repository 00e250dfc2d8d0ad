//! Invariant: any bytes are refused, or become one response that prints the same for ever.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| socket_proxy_fuzz::invariants::response_head(data));
