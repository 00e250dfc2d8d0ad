//! The invariants for the fuzz targets, shared with `tests/fuzz_smoke.rs`.

pub mod invariants;
#[allow(dead_code)]
#[path = "../../tests/support/strict.rs"]
mod strict;
