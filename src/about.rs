//! The identity of this program: its version, commit and build target.
//!
//! There is no build script: `scripts/lib.sh` passes the commit, and a build by
//! cargo alone does not know one. Two builds of one commit stay identical.

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit of the source, with `-modified` if the source was another one;
/// `unknown` if it was not passed to the build.
pub const COMMIT: &str = match option_env!("SOCKET_PROXY_COMMIT") {
    Some(commit) if !commit.is_empty() => commit,
    _ => "unknown",
};

/// The target by rustc's name for it, as far as its parts tell.
pub const TARGET: &str = if cfg!(not(target_os = "linux")) {
    "unknown"
} else if cfg!(all(target_arch = "x86_64", target_env = "musl")) {
    "x86_64-unknown-linux-musl"
} else if cfg!(target_arch = "x86_64") {
    "x86_64-unknown-linux-gnu"
} else if cfg!(all(target_arch = "aarch64", target_env = "musl")) {
    "aarch64-unknown-linux-musl"
} else if cfg!(target_arch = "aarch64") {
    "aarch64-unknown-linux-gnu"
} else if cfg!(all(target_arch = "arm", target_env = "musl")) {
    "armv7-unknown-linux-musleabihf"
} else if cfg!(target_arch = "arm") {
    "armv7-unknown-linux-gnueabihf"
} else if cfg!(all(target_arch = "x86", target_env = "musl")) {
    "i686-unknown-linux-musl"
} else if cfg!(target_arch = "x86") {
    "i686-unknown-linux-gnu"
} else {
    "unknown"
};

/// All of it in one line.
#[must_use]
pub fn line() -> String {
    format!("socket-proxy {VERSION} (commit {COMMIT}, {TARGET})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_version_commit_and_target() {
        let line = line();
        assert!(line.starts_with(&format!("socket-proxy {VERSION} (commit ")), "{line}");
        assert!(line.ends_with(&format!(", {TARGET})")) && TARGET != "unknown", "{line}");
        assert!(TARGET.contains(std::env::consts::OS), "{TARGET}");
    }
}
