# Functions for the suites of other projects, which source this file.
#
# A suite runs twice, straight on a daemon's socket and through the proxy, which
# allows everything. Every test that passes straight must pass through the proxy
# too, and the log of the proxy must not have a denial. Tests that fail straight
# want a registry or another network; they are counted and no more is said.

cache=${SOCKET_PROXY_ROOTS:-/var/cache/socket-proxy-tests}
top=$(realpath "${BASH_SOURCE[0]%/*}/../..")
program=${SOCKET_PROXY_BINARY:-$top/target/debug/socket-proxy}

fail() {
    echo "$suite: $*" >&2
    exit 1
}

# The source of a package on PyPI, unpacked in $work, and an environment in which
# it runs: install PACKAGE==VERSION FURTHER…
install() {
    local source=$1 environment=$cache/$suite-${1#*==}
    if [ ! -e "$environment" ]; then
        rm -rf "$environment.new"
        # Debian's Python, even if another one is first in $PATH.
        /usr/bin/python3 -m venv --copies "$environment.new"
        "$environment.new/bin/python" -m pip --quiet install "$@"
        "$environment.new/bin/python" -m pip --quiet download --no-deps \
            --no-binary :all: --dest "$environment.new/source" "$source" ||
            fail "its source is not to be had"
        mv "$environment.new" "$environment"
    fi
    tar -C "$work" --strip-components 1 -xzf "$environment"/source/*.tar.gz
    # Not its `bin/pytest`, whose first line has the directory's old name.
    pytest=("$environment/bin/python" -m pytest)
}

# A proxy that refuses nothing and logs everything.
open_proxy=("$program" -loglevel=debug -shutdowngracetime=1)
for method in GET HEAD POST PUT PATCH DELETE OPTIONS; do
    open_proxy+=("-allow$method=.*")
done

# start_proxy FLAG… waits until it listens.
start_proxy() {
    "${open_proxy[@]}" "$@" >"$work/proxy.log" &
    local proxy=$!
    until grep --quiet 'running and listening' "$work/proxy.log"; do
        kill -0 "$proxy" 2>/dev/null || fail "the proxy ended: $(tail -n 3 "$work/proxy.log")"
        sleep 0.1
    done
}

# run_tests ROUTE ARGUMENT… writes the names of the tests that passed.
run_tests() {
    local route=$1
    shift
    (cd "$work" && "${pytest[@]}" -p no:cacheprovider -o addopts= --timeout=60 -rA --tb=short "$@") \
        >"$work/$route.log" 2>&1 || true
    sed -n 's/^PASSED \([^ ]*::.*\)/\1/p' "$work/$route.log" | sort >"$work/$route.passed"
}

# compare LEAST: at least so many tests pass straight, and all of them through
# the proxy.
compare() {
    local lost straight refused
    straight=$(wc -l <"$work/straight.passed")
    [ "$straight" -ge "$1" ] ||
        fail "only $straight tests pass straight: $(tail -n 20 "$work/straight.log")"
    lost=$(comm -23 "$work/straight.passed" "$work/proxied.passed")
    if [ -n "$lost" ]; then
        tail -n 200 "$work/proxied.log" >&2
        fail "pass straight, but not through the proxy:"$'\n'"$lost"
    fi
    grep --quiet 'msg="finished request"' "$work/proxy.log" || fail "nothing went through the proxy"
    refused=$(grep -E 'level=(WARN|ERROR)' "$work/proxy.log" | grep 'msg="blocked request"' | head -n 5 || true)
    [ -z "$refused" ] || fail "the proxy refused:"$'\n'"$refused"
    echo "$suite: $straight passed, 0 failed of those that pass straight;" \
        "$(grep --count 'msg="finished request"' "$work/proxy.log") requests, none refused"
}

work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
