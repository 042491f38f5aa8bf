#!/usr/bin/env bash
# Runs every example of README.md that is marked for it, against a private daemon and a real process.
#
#     scripts/readme-examples.sh [DIRECTORY WITH THE PROGRAMS]
#
# A block that begins with "```sh test-example" must succeed, and must print something. In it, PID is
# a process under watch whose heap has grown, HISTORY the database. Ends with 0 if all do, and 77 if
# jq or sqlite3 is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
bin=$(cd "${1:-$here/.build/release}" && pwd)
# shellcheck source=scripts/private-daemon.sh
. "$here/scripts/private-daemon.sh"

for program in jq sqlite3; do
    command -v "$program" >/dev/null || { echo "$program is missing: the README's examples cannot run" >&2; exit 77; }
done

make_scratch
cleanup() {
    # memgrow stays until its standard input ends.
    [[ -z ${to_grow:-} ]] || exec {to_grow}>&-
    stop_daemon
}
trap cleanup EXIT
start_daemon

mkfifo "$scratch/in" "$scratch/out"
"$bin/memgrow" malloc --step --hold <"$scratch/in" >"$scratch/out" &
grow=$!
exec {to_grow}>"$scratch/in" {from_grow}<"$scratch/out"
"$bin/memwatch" attach "$grow" --interval 100ms >/dev/null
# Every step at once; then wait until a look has seen growth.
for ((step = 0; step < 16; step++)); do echo >&"$to_grow"; done
grew() { [[ $("$bin/memwatch" events "$grow" --event brk-grow,mmap --format ndjson) == *'"delta"'* ]]; }
until_true grew || fail "memwatch saw no growth of memgrow"
kill -0 "$grow" 2>/dev/null || fail "memgrow ended"

count=0
while IFS= read -r -d $'\1' example; do
    count=$((count + 1))
    if ! output=$(cd "$scratch" && PATH=$bin:$PATH PID=$grow HISTORY=$history \
        bash -euo pipefail -c "$example" 2>"$scratch/example.err" </dev/null); then
        fail "This example failed:
$example
$(cat "$scratch/example.err")"
    fi
    [[ -n $output ]] || fail "This example printed nothing:
$example"
done < <(awk '/^```sh test-example$/ { inside = 1; next } /^```$/ && inside { inside = 0; printf "\1"; next } inside' \
    "$here/README.md")
exec {from_grow}<&-
((count > 0)) || fail "README.md has no example marked test-example"
echo "$count examples of README.md work"
