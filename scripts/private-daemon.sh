# Sourced, not run: a memwatchd of one's own in a temporary directory, for the demo and for checking
# the README's examples. It keeps away from everything: own socket, own history, no journal.
#
# Sets $scratch, $MEMWATCH_SOCKET (exported) and $history. Expects $bin, the directory with the programs.
# shellcheck shell=bash

fail() {
    printf '\n%s\n' "$*" >&2
    if [[ -s ${scratch:-}/memwatchd.log ]]; then
        printf 'What memwatchd said:\n' >&2
        sed 's/^/    /' "$scratch/memwatchd.log" >&2
    fi
    exit 1
}

make_scratch() {
    # A socket's path has at most 107 bytes; TMPDIR may be long.
    local base=${TMPDIR:-/tmp}
    ((${#base} <= 60)) || base=/tmp
    scratch=$(mktemp -d "$base/memwatch.XXXXXX")
    export MEMWATCH_SOCKET=$scratch/socket
    # shellcheck disable=SC2034 # for whoever sources this
    history=$scratch/state/history.sqlite
}

# until_true COMMAND...: asks again until it succeeds, for at most about 10 s. For what gives no event
# to a shell; the pause is a read that times out, because nothing is ever written there.
until_true() {
    local tries
    for ((tries = 0; tries < 400; tries++)); do
        "$@" && return 0
        read -r -t 0.025 -u "$never" || true
    done
    return 1
}

# shellcheck disable=SC2154 # bin is set by whoever sources this
daemon_answers_or_died() {
    "$bin/memwatch" status >/dev/null 2>&1 || ! kill -0 "$daemon" 2>/dev/null
}

# shellcheck disable=SC2154
start_daemon() {
    # Open for reading and writing, so that it never ends and never has anything to read.
    mkfifo "$scratch/never"
    exec {never}<>"$scratch/never"
    mkdir -m 700 "$scratch/state"
    printf '[journal]\nenabled = false\n' >"$scratch/memwatchd.toml"
    "$bin/memwatchd" --config "$scratch/memwatchd.toml" --socket "$MEMWATCH_SOCKET" \
        --state-directory "$scratch/state" </dev/null >"$scratch/memwatchd.log" 2>&1 &
    daemon=$!
    until_true daemon_answers_or_died || fail "memwatchd did not answer on $MEMWATCH_SOCKET"
    kill -0 "$daemon" 2>/dev/null || fail "memwatchd ended at once"
}

# Ends what was started, whatever happened; safe to call twice.
stop_daemon() {
    if [[ -n ${daemon:-} ]]; then
        kill "$daemon" 2>/dev/null || true
        wait "$daemon" 2>/dev/null || true
        daemon=
    fi
    if [[ -n ${scratch:-} ]]; then rm -rf -- "$scratch"; fi
}
