//! Invariant: a chunked body decodes to the same bytes, or the same refusal, however it is split.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| socket_proxy_fuzz::invariants::chunked(data));
