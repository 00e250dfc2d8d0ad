//! The man page and the completions in `contrib`, from the table of options.
//!
//! The files are in the repository, for packagers who have no Rust at hand. The
//! test here compares them with the table; `scripts/generate` writes them. None
//! of this is in the program.

use super::{completions, manual};
use std::fs;
use std::path::Path;

/// Path in the repository, and text.
fn files() -> [(&'static str, String); 4] {
    [
        ("contrib/man/socket-proxy.1", manual::page()),
        ("contrib/completions/socket-proxy.bash", completions::bash()),
        ("contrib/completions/_socket-proxy", completions::zsh()),
        ("contrib/completions/socket-proxy.fish", completions::fish()),
    ]
}

#[test]
fn the_man_page_and_the_completions_are_made_from_the_table() {
    let is_writing = std::env::var_os("SOCKET_PROXY_GENERATE").is_some();
    for (name, text) in files() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if is_writing {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        } else {
            let found = fs::read_to_string(&path).unwrap_or_default();
            assert!(found == text, "{name} is not up to date; run scripts/generate");
        }
    }
}
