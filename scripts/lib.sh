# Functions that the scripts here share, sourced from the root of the checkout.
#
# Builds are reproducible: time stamps are those of the commit, owners are
# numbers, names are sorted, and no path of the building machine is left in a
# binary.

export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}"

# Built for every release; each static with musl.
# shellcheck disable=SC2034
RELEASE_TARGETS="x86_64-unknown-linux-musl aarch64-unknown-linux-musl
    armv7-unknown-linux-musleabihf i686-unknown-linux-musl"

# Prints the version of the package.
package_version() {
    sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1
}

# Prints the target for a processor as image platforms write it: amd64, arm64,
# armv7.
target_of() {
    case $1 in
        amd64*) echo x86_64-unknown-linux-musl ;;
        arm64*) echo aarch64-unknown-linux-musl ;;
        armv7) echo armv7-unknown-linux-musleabihf ;;
        *) echo "no target is known for the processor $1" >&2; return 2 ;;
    esac
}

# Prints the image platform of a target.
platform_of() {
    case $1 in
        x86_64-*) echo linux/amd64 ;;
        aarch64-*) echo linux/arm64 ;;
        armv7-*) echo linux/arm/v7 ;;
        *) echo "no image platform is known for $1" >&2; return 2 ;;
    esac
}

# Prints the commit of this checkout, with -modified if the files are not its own,
# and nothing where there is none: in a tarball, in the context of an image. The
# environment takes precedence.
commit_of_source() {
    if [ -n "${SOCKET_PROXY_COMMIT:-}" ]; then
        echo "$SOCKET_PROXY_COMMIT"
    elif [ -e .git ] && commit=$(git rev-parse HEAD 2>/dev/null); then
        git diff --quiet HEAD -- && echo "$commit" || echo "$commit-modified"
    fi
}

# Builds both binaries for a target and prints the directory they are in, whole:
# CARGO_TARGET_DIR may be absolute or not.
build_binaries() {
    target=$1
    # Where the component rust-src is installed, rustc shows its paths in place of
    # those of the release.
    std=$(rustc --print sysroot)/lib/rustlib/src/rust
    hash=$(rustc -vV | sed -n 's/^commit-hash: //p')
    SOCKET_PROXY_COMMIT=$(commit_of_source)
    export SOCKET_PROXY_COMMIT
    # Added to the flags of .cargo/config.toml; RUSTFLAGS would replace them.
    cargo build --quiet --release --locked --bins --target "$target" --config "target.$target.rustflags = [
        '--remap-path-prefix=$std=/rustc/$hash',
        '--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo',
        '--remap-path-prefix=$PWD=/socket-proxy']" >&2
    (cd "${CARGO_TARGET_DIR:-target}/$target/release" && pwd)
}

# Copies the program of a directory into another, with a link beside it by whose name
# it is the health check.
place_program() {
    cp "$1/socket-proxy" "$2"
    ln -s socket-proxy "$2/healthcheck"
}

# tar, such that the same files make the same bytes.
reproducible_tar() {
    tar --sort=name --format=ustar --mtime="@$SOURCE_DATE_EPOCH" \
        --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX "$@"
}
