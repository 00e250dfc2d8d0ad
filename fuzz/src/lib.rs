//! The invariants for the fuzz targets, shared with `tests/it/fuzz_smoke.rs`.

pub mod invariants;
#[allow(dead_code)]
#[path = "../../tests/it/support/strict.rs"]
mod strict;
