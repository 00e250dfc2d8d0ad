#!/usr/bin/env bash
# A private Docker Engine that lives for as long as standard input is open.
#
# When the Engine answers and has `busybox:latest`, one line is printed:
#
#     ready SOCKET GATEWAY
#
# the unix socket, and the address under which its containers reach this host.
# A line `restart` on standard input stops the Engine, starts it again on the
# same data, and prints `ready …` once more. At the end of input, also when
# the process at the other end was killed, the Engine, its containers and all
# its files are removed. The next run removes the leftovers of a killed run
# of this script.
#
# It needs root, dockerd, a docker client, a static busybox, iproute2 and
# util-linux. Nothing is pulled, and the machine's own Engine, its networks
# and its firewall are left alone.
#
# With SOCKET_PROXY_ROOT=/path it is the Engine of that root file system (see
# debian-root), in a throw-away copy, with processes and mounts of its own. The
# network is still this machine's, as for the other Engine.
set -euo pipefail

# Short and fixed, because the Engine makes unix sockets deep below, and such
# a path may have 107 bytes.
prefix=/tmp/socket-proxy-engine
what=engine
root=${SOCKET_PROXY_ROOT:-}
. "${0%/*}/private.sh"

main() {
    require_tools docker busybox ip flock
    [ -n "$root" ] || require_tools dockerd
    remove_leftovers
    claim_directory
    trap 'exit 1' INT TERM HUP
    trap 'remove "$dir"' EXIT
    make_bridge
    start_engine
    import_image
    announce
    while read -r command; do
        [ "$command" = restart ] || fail "unknown command: $command"
        stop_engine "$dir"
        start_engine
        announce
    done
}

announce() {
    echo "ready $dir/docker.sock $gateway"
}

# A bridge of our own, because dockerd would make `docker0`, which may belong to
# the machine's Engine. Each run has a /20 of 10.64.0.0/10 to itself: 16 /24
# blocks, the first for the bridge, the upper eight for networks made later.
make_bridge() {
    local slot=$(($$ % 1024)) subnet
    while :; do
        subnet="10.$((64 + slot / 16)).$((slot % 16 * 16))"
        [ -n "$(ip -4 -oneline address show to "$subnet.0/20")" ] || break
        slot=$(((slot + 1) % 1024))
    done
    gateway="$subnet.1"
    pool="${subnet%.*}.$((slot % 16 * 16 + 8)).0/21"
    bridge=$(bridge_of "$dir")
    ip link add "$bridge" type bridge
    ip address add "$gateway/24" dev "$bridge"
    ip link set "$bridge" up
}

bridge_of() {
    echo "spx-${1##*.}"
}

cgroup_of() {
    basename "$1"
}

# --config-file       else the machine's own /etc/docker/daemon.json is read;
#                     its text may be in SOCKET_PROXY_ENGINE_CONFIG
# --iptables=false    the machine's firewall is not ours; containers reach this
#                     host and each other over the bridge without it
# --userland-proxy    no test publishes ports
# --shutdown-timeout  tests leave containers that ignore SIGTERM
# cgroupfs            the same with and without systemd on the machine, and a
#                     parent by which all processes of containers are found
start_engine() {
    echo "${SOCKET_PROXY_ENGINE_CONFIG:-{\}}" >"$dir/daemon.json"
    local arguments=(--config-file "$dir/daemon.json" --host "unix://$dir/docker.sock"
        --data-root "$dir/data" --exec-root "$dir/exec"
        --bridge "$bridge" --default-address-pool "base=$pool,size=26"
        --iptables=false --ip6tables=false --userland-proxy=false
        --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$(cgroup_of "$dir")"
        --shutdown-timeout 1)
    if [ -n "$root" ]; then
        in_own_root dockerd "$root" "$(programs)" -- \
            dockerd --pidfile /run/dockerd.pid "${arguments[@]}"
    else
        exec dockerd --pidfile "$dir/dockerd.pid" "${arguments[@]}"
    fi </dev/null >>"$dir/dockerd.log" 2>&1 9>&- &
    daemon=$!
    # Else the shell reports how it ended.
    disown "$daemon"
    local deadline=$((SECONDS + 60))
    until docker --host "unix://$dir/docker.sock" version >/dev/null 2>&1; do
        kill -0 "$daemon" 2>/dev/null || fail "dockerd ended: $(tail -n 5 "$dir/dockerd.log")"
        [ $SECONDS -lt $deadline ] || fail "dockerd is silent: $(tail -n 5 "$dir/dockerd.log")"
        sleep 0.1
    done
}

# Tests run the proxy in a container, from the root that the Engine sees.
programs() {
    if [ -n "${SOCKET_PROXY_BINARY:-}" ]; then
        dirname "$SOCKET_PROXY_BINARY"
    else
        # Nothing may have been built yet in a fresh clone.
        local target=${CARGO_TARGET_DIR:-${0%/*}/../../target}
        mkdir -p "$target"
        realpath "$target"
    fi
}

import_image() {
    print_image | docker --host "unix://$dir/docker.sock" import - busybox:latest >/dev/null
}

stop_engine() {
    local pid deadline=$((SECONDS + 20))
    pid=$(cat "$1/dockerd.pid" 2>/dev/null) || return 0
    kill -TERM "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $deadline ]; do
        sleep 0.1
    done
}

# Works on the directory of this run and on those of killed ones, step by step,
# and no step depends on the success of another.
remove() {
    set +e
    trap '' INT TERM HUP PIPE
    remove_networks "$1"
    stop_engine "$1"
    kill_processes "$1"
    unmount "$1"
    ip link delete "$(bridge_of "$1")" 2>/dev/null
    find /sys/fs/cgroup -depth -type d -path "*/$(cgroup_of "$1")*" -exec rmdir {} + 2>/dev/null
    rm -rf --one-file-system "$1"
    set -e
}

# An Engine leaves the bridges of its networks behind when it stops.
remove_networks() {
    local docker=(timeout 20 docker --host "unix://$1/docker.sock")
    "${docker[@]}" ps --all --quiet 2>/dev/null | xargs --no-run-if-empty "${docker[@]}" rm --force
    "${docker[@]}" network prune --force
} >/dev/null 2>&1

# Only processes that outlived a stop: containerd and its shims name the directory in
# their arguments, processes of containers are in the Engine's cgroup.
kill_processes() {
    local name
    name=$(cgroup_of "$1")
    {
        grep --files-with-matches --text --fixed-strings -- "$1/" /proc/[0-9]*/cmdline | cut -d / -f 3
        find /sys/fs/cgroup -path "*/$name/*" -name cgroup.procs -exec cat {} +
    } 2>/dev/null | sort --unique | xargs --no-run-if-empty kill -KILL 2>/dev/null
}

unmount() {
    local mount
    while read -r _ mount _; do
        case "$mount" in "$1"/*) umount --lazy "$mount" ;; esac
    done </proc/mounts
}

main
