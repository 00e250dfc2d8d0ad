#!/usr/bin/env bash
# A private Podman service that lives for as long as standard input is open.
#
# When Podman answers and has `busybox:latest`, one line is printed:
#
#     ready SOCKET
#
# At the end of input, also when the process at the other end was killed, the
# service, its containers and all its files are removed. The next run removes
# the leftovers of a killed run of this script.
#
# The service has namespaces of its own for processes, mounts and the network:
# killing the first process ends everything in it, and the machine's own Podman
# (its state in /run, its locks in /dev/shm) is neither seen nor touched.
# Containers should have the network `none`: another one needs iptables.
#
# It runs in a throw-away copy of the machine's root file system, or of the one
# in SOCKET_PROXY_ROOT (see debian-root): Podman 4.3 can be made to remove
# directories outside of a build's context. Only the temporary directory is the
# machine's own.
#
# It needs root, podman with runc, a static busybox and util-linux. Nothing is
# pulled.
set -euo pipefail

prefix=/tmp/socket-proxy-podman
what=Podman
root=${SOCKET_PROXY_ROOT:-/}
. "${0%/*}/private.sh"

main() {
    require_tools podman busybox flock setpriv unshare
    [ "$root" != / ] || require_tools runc conmon
    remove_leftovers
    claim_directory
    trap 'exit 1' INT TERM HUP
    trap 'remove "$dir"' EXIT
    configure
    start_service
    print_image | remote import - busybox:latest >/dev/null 2>&1
    echo "ready $dir/podman.sock"
    # Nobody gives orders; this waits for the end. It is no other process, which
    # would keep the lock.
    while read -r _; do :; done
}

# default_ulimits  a service without CAP_SYS_RESOURCE cannot raise its own
# cgroupfs, file   the same with and without systemd on the machine
# vfs              works on every file system, and the one image is small
configure() {
    cat >"$dir/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
CONF
    cat >"$dir/storage.conf" <<CONF
[storage]
driver = "vfs"
graphroot = "$dir/data"
runroot = "/run/containers/storage"
CONF
    export CONTAINERS_CONF="$dir/containers.conf" CONTAINERS_STORAGE_CONF="$dir/storage.conf"
    # Podman 5 would complain of it on every command.
    export PODMAN_IGNORE_CGROUPSV1_WARNING=1
}

start_service() {
    under=(setpriv --pdeathsig KILL unshare --net)
    in_own_root podman "$root" -- podman system service --time=0 "unix://$dir/podman.sock" \
        </dev/null >"$dir/podman.log" 2>&1 9>&- &
    service=$!
    local deadline=$((SECONDS + 60))
    until remote version >/dev/null 2>&1; do
        kill -0 "$service" 2>/dev/null || fail "it ended: $(tail -n 5 "$dir/podman.log")"
        [ $SECONDS -lt $deadline ] || fail "it is silent: $(tail -n 5 "$dir/podman.log")"
        sleep 0.1
    done
}

remote() {
    podman --remote --url "unix://$dir/podman.sock" "$@"
}

# Works on the directory of this run and on those of killed ones, whose
# processes died with them. The first process of a namespace has not ended
# before all others have.
remove() {
    set +e
    trap '' INT TERM HUP PIPE
    if [ -n "${service:-}" ]; then
        kill -KILL "$(cat "$1/podman.pid")" 2>/dev/null
        wait "$service" 2>/dev/null
    fi
    remove_cgroups "$1"
    rm -rf --one-file-system "$1"
    set -e
}

# Those of containers that existed until the end. Podman removes others itself.
remove_cgroups() {
    local container
    for container in "$1"/data/vfs-containers/*/; do
        container=$(basename "$container")
        find /sys/fs/cgroup -depth -type d -path "*/libpod-*$container*" -exec rmdir {} +
    done
} 2>/dev/null

main
