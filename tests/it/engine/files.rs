//! Files of tests, and their content.

use crate::support::process::run;
use std::path::Path;
use std::process::Command;

/// Bytes that do not compress and are the same every time (xorshift64).
pub(crate) fn noise(bytes: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..bytes / 8).flat_map(|_| word()).collect()
}

#[track_caller]
pub(crate) fn sha256(file: &Path) -> String {
    first_word(&run(Command::new("sha256sum").arg(file), b"").success()).to_owned()
}

pub(crate) fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("our paths are ASCII")
}
