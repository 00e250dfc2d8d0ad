# Functions for the scripts of private daemons, which source this file.
#
# A private daemon has a directory `$prefix.XXXXXX` to itself. A script that
# sources this sets `prefix` and `what`, and defines `remove DIRECTORY`, which removes a
# daemon, running or not, with everything that it made.
#
# With SOCKET_PROXY_ROOT=/path the daemon is that of another root file system,
# made by `debian-root`, and not this machine's.

fail() {
    echo "private $what: $*" >&2
    exit 1
}

# require_tools TOOL...
require_tools() {
    [ "$(id -u)" = 0 ] || fail "only root can start it"
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || fail "$tool is not installed"
    done
}

# The lock is held by this script for as long as it lives, and by nothing that
# it starts. It is renamed into place after it was taken, so that no other run
# ever sees a directory in use without a lock.
claim_directory() {
    dir=$(mktemp -d "$prefix.XXXXXX")
    exec 9>"$dir/lock.new"
    flock 9
    mv "$dir/lock.new" "$dir/lock"
}

# The leftovers of killed runs.
remove_leftovers() {
    local lock
    for lock in "$prefix".*/lock; do
        if [ -e "$lock" ] && flock --nonblock "$lock" true; then
            remove "${lock%/lock}"
        fi
    done
}

# The file system of an image that holds nothing but a static busybox, as tar.
print_image() {
    local root="$dir/root" applet
    mkdir -p "$root/bin" "$root/etc" "$root/tmp"
    cp "$(command -v busybox)" "$root/bin/busybox"
    chroot "$root" /bin/busybox true 2>/dev/null || fail "busybox is not static"
    for applet in $(busybox --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    tar -C "$root" -c .
}

# in_own_root NAME ROOT SHARED… -- COMMAND… becomes a daemon in a throw-away copy
# of a root file system, with the temporary directories and the SHARED ones of
# this machine. Its process id is in the file $dir/NAME.pid. The command in
# `under`, if any, starts the whole.
in_own_root() {
    local place=$dir/$1
    mkdir -p "$place"
    exec ${under[@]+"${under[@]}"} unshare --mount --pid --fork --kill-child=KILL \
        "${0%/*}/own-root" "$2" "$place" "${prefix%/*}" "${TMPDIR:-/tmp}" "${@:3}"
}
