#!/usr/bin/env bash
# make demo: a program gets memory in each of the ways there are, one step at a time, while a private
# memwatchd watches it. After every step the demo waits until memwatch reports what the program itself
# measured, to the byte; if it does not, the demo fails.
#
#     scripts/demo.sh [DIRECTORY WITH THE PROGRAMS]
#
# Touches nothing outside a temporary directory, needs no root, and leaves nothing behind.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
bin=$(cd "${1:-$here/.build/release}" && pwd -P)
# shellcheck source=scripts/private-daemon.sh
. "$here/scripts/private-daemon.sh"

# Longer than any look takes on a busy machine: what is not there by then is not coming.
readonly patience=20

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    bold=$'\e[1m' plain=$'\e[0m'
else
    bold='' plain=''
fi
heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
say() { printf '  %s\n' "$*"; }

# run COMMAND...: shows a memwatch command and what it prints.
run() {
    printf '\n  %s$ memwatch %s%s\n' "$bold" "$*" "$plain"
    "$bin/memwatch" "$@" | sed 's/^/  /'
}

# bytes N: 204800 -> "200 KiB" where that is exact.
bytes() {
    local amount=${1#-} sign=+
    [[ $1 != -* ]] || sign=-
    if ((amount >= 1048576 && amount % 1048576 == 0)); then
        echo "$sign$((amount / 1048576)) MiB"
    elif ((amount >= 1024 && amount % 1024 == 0)); then
        echo "$sign$((amount / 1024)) KiB"
    else
        echo "$sign$amount bytes"
    fi
}

# field NAME LINE: the value of a member of a flat JSON object, without its quotes; nothing if it is
# null or not there. memgrow and memwatch quote nothing in the members that are asked for.
field() {
    if [[ $2 =~ \"$1\":(\"([^\"]*)\"|-?[0-9]+) ]]; then
        echo "${BASH_REMATCH[2]:-${BASH_REMATCH[1]}}"
    fi
}

make_scratch
cleanup() {
    end_program
    stop_daemon
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# memgrow as a C program is usually built. SwiftPM's link brings Swift's and C++'s runtimes with it, which
# malloc before main begins: the talk's first malloc would find room in the heap and move no break.
memgrow=$scratch/memgrow
cc -O2 -pthread -o "$memgrow" "$here"/Sources/memgrow/*.c 2>/dev/null || memgrow=$bin/memgrow

# begin_program ARGUMENTS...: starts memgrow, which waits before each step, and watches it.
begin_program() {
    rm -f "$scratch/in" "$scratch/out" "$scratch/events"
    mkfifo "$scratch/in" "$scratch/out" "$scratch/events"
    # In the scratch directory, where the file that it maps is made.
    (cd "$scratch" && TMPDIR=$scratch exec "$memgrow" "$@" --step --hold <in >out) &
    program=$!
    exec {to_program}>"$scratch/in" {from_program}<"$scratch/out"
    next_line
    [[ $(field event "$line") == ready ]] || fail "memgrow did not start: $line"
    say "memgrow $* is process $program."

    "$bin/memwatch" attach "$program" --interval 100ms >/dev/null
    # From before now: the first event is that of the attaching, and once it has come nothing after
    # it can be missed.
    (
        # Or this process would keep memgrow's standard input open too.
        exec {to_program}>&- {from_program}<&-
        exec "$bin/memwatch" events "$program" --since -1m --follow --format ndjson
    ) >"$scratch/events" 2>"$scratch/follow.err" &
    follower=$!
    exec {from_events}<"$scratch/events"
    next_event
    [[ $(field event "$event") == attached ]] || fail "the first event is not that of the attaching: $event"
}

end_program() {
    # memgrow holds what it has until its standard input ends.
    if [[ -n ${to_program:-} ]]; then exec {to_program}>&- {from_program}<&-; fi
    if [[ -n ${follower:-} ]]; then kill "$follower" 2>/dev/null || true; wait "$follower" 2>/dev/null || true; fi
    if [[ -n ${from_events:-} ]]; then exec {from_events}<&-; fi
    if [[ -n ${program:-} ]]; then wait "$program" 2>/dev/null || true; fi
    to_program='' from_program='' follower='' from_events=''
}

# finish_program: lets memgrow go, and waits until memwatch has seen it go.
finish_program() {
    exec {to_program}>&-
    to_program=''
    wait "$program" || true
    while next_event && [[ $(field event "$event") != exit ]]; do :; done
    exec {from_program}<&-
    end_program
}

next_line() {
    IFS= read -r -t "$patience" -u "$from_program" line || fail "memgrow stopped talking"
}

next_event() {
    IFS= read -r -t "$patience" -u "$from_events" event \
        || fail "no further event from memwatch in $patience s. $(cat "$scratch/follow.err")"
}

# step: lets memgrow go one step, and sets what it says: $line, $kind, $delta.
step() {
    echo >&"$to_program"
    next_line
    kind=$(field kind "$line")
    delta=$(field delta "$line")
}

# expect: reads events until those of $kind add up to $delta, and says which they were.
expect() {
    local sum=0 names='' change
    [[ -n $delta && $delta != 0 ]] || return 0
    while [[ $sum != "$delta" ]]; do
        next_event
        [[ $(field kind "$event") == "$kind" ]] || continue
        change=$(field delta "$event")
        sum=$((sum + ${change:-0}))
        names+=${names:+, }$(field event "$event")
        # More than asked for never becomes what was asked for.
        ((delta < 0 ? sum >= delta : sum <= delta)) \
            || fail "memgrow measured $delta bytes of $kind, memwatch reports $sum: $event"
    done
    printf '      memwatch: %s%-11s %-9s %10s%s   as memgrow measured it, to the byte\n' \
        "$bold" "$names" "$kind" "$(bytes "$delta")" "$plain"
}

# expect_stack: the kernel extends the stack to the page that was touched, and a call needs a little
# more than its frame, so here memwatch's figure may be the larger one.
expect_stack() {
    local low
    low=$(field start "$line")
    while :; do
        next_event
        [[ $(field event "$event") == stack-grow ]] || continue
        (($(field start "$event") <= low)) && break
    done
    printf '      memwatch: %s%-11s %-9s %10s%s   down to the address memgrow reached\n' \
        "$bold" stack-grow stack "$(bytes "$(field delta "$event")")" "$plain"
}

began=$SECONDS
start_daemon
heading "The talk: malloc, brk, mmap"
begin_program talk
for ((number = 1; ; number++)); do
    step
    [[ $(field event "$line") == "say" ]] || break
    say "$(field say "$line")"
    expect
    # The last sentence of the talk is the one about unmapping; memgrow then waits, its work done.
    [[ $(field say "$line") != "It unmaps"* ]] || break
done
run events "$program"
finish_program

heading "malloc: small blocks come from the heap, a large one gets a mapping of its own"
begin_program malloc --size 64KiB --count 4 --free
for ask in 1 2 3 4; do
    step
    if [[ -n $delta && $delta != 0 ]]; then
        say "Block $ask of 64 KiB: malloc had too little, and moved the program break up, further than needed."
        expect
    else
        say "Block $ask of 64 KiB: malloc still had room, and asked the kernel for nothing."
    fi
done
run regions "$program" --kind heap
for ask in 4 3 2 1; do
    step
    if [[ -n $delta && $delta != 0 ]]; then
        say "Block $ask is freed: enough lies free at the top, and malloc moves the break down."
        expect
    else
        say "Block $ask is freed: malloc keeps it for the next one who asks."
    fi
done
finish_program

heading "malloc again: 1 MiB is above its limit for the heap"
begin_program malloc --size 1MiB --count 1
step
say "malloc calls mmap for it: a little more than 1 MiB, for its own book-keeping."
expect
finish_program

heading "sbrk: the program moves the break itself, up and down again"
begin_program sbrk --size 256KiB --count 2
for direction in up up down down; do
    step
    say "The break goes $direction by 256 KiB."
    expect
done
run history "$program" --kind heap
finish_program

heading "mmap: every block with a place and a protection of its own"
begin_program mmap --size 1MiB --count 1 --keep
for sentence in \
    "Private and anonymous: memory like malloc's large blocks." \
    "Shared and anonymous: a child would see what is written here." \
    "A file, mapped as data." \
    "Inaccessible: addresses reserved, and no memory behind them." \
    "Executable: what a just-in-time compiler writes its code to."; do
    step
    say "$sentence"
    expect
done
run regions "$program"
run regions "$program" --summary
finish_program

heading "Recursion: the kernel grows the stack by itself"
begin_program stack --size 256KiB --count 4
for level in 1 2 3 4; do
    step
    say "Level $level of the recursion takes 256 KiB."
    expect_stack
done
run history "$program" --kind stack
finish_program
run events "$program"

heading "Done: the processes are gone, their history stays"
run list --all
printf '\n  Every byte that memgrow measured was in the events. %d s, and nothing is left behind.\n' "$((SECONDS - began))"
