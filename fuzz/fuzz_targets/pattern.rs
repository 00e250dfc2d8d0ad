//! Invariant: a pattern is refused, or its translation compiles and is matched against the whole path.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| socket_proxy_fuzz::invariants::pattern(data));
