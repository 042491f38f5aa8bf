#!/usr/bin/env bash
# Runs the tests of `make test` under a sanitizer: scripts/sanitize.sh thread|address [SWIFT TEST OPTION...]
#
# The programs that the tests start are built with it too. What it reports goes to .build/sanitize-NAME/reports,
# one file for each process; any report is a failure. What is not memwatch's own and known is in
# Tests/Sanitizers/NAME.suppressions, each with its reason.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly sanitizer=${1:?thread or address}
shift
case $sanitizer in thread | address) ;; *) echo "no sanitizer $sanitizer: thread or address" >&2; exit 64 ;; esac

readonly scratch=$PWD/.build/sanitize-$sanitizer
readonly reports=$scratch/reports
readonly suppressions=$PWD/Tests/Sanitizers/$sanitizer.suppressions
rm -rf -- "$reports"
# Programs that run as other users report too.
mkdir -p "$reports"
chmod 1777 "$reports"

export MEMWATCH_SANITIZER=$sanitizer
# Reports do not change what a program answers: they are counted here, so that one does not hide the next.
case $sanitizer in
    thread)
        export TSAN_OPTIONS="log_path=$reports/report suppressions=$suppressions exitcode=0 halt_on_error=0 history_size=4"
        ;;
    address)
        export ASAN_OPTIONS="log_path=$reports/report detect_leaks=1"
        export LSAN_OPTIONS="suppressions=$suppressions print_suppressions=0 report_objects=1 exitcode=0"
        # It keeps the number of every thread that ended, unless it was created detached, and takes a later thread of the
        # same number for that one: the leak check does not look at it, and reports what only that thread holds. With
        # the kernel's own limit (32768) a whole run comes round, so it gets the limit that systemd sets.
        readonly limit=/proc/sys/kernel/pid_max most=4194304
        before=$(<"$limit")
        if ((before < most)); then
            if echo "$most" 2>/dev/null >"$limit"; then
                trap 'echo "$before" >"$limit"' EXIT
            else
                echo "== $limit is $before and cannot be set: a leak of what one thread holds may be none" >&2
            fi
        fi
        ;;
esac

options=(--sanitize="$sanitizer" --scratch-path "$scratch")
if [[ $sanitizer == thread ]]; then
    mkdir -p "$scratch"
    clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
    for source in Tests/Sanitizers/*.c; do
        object=$scratch/$(basename "$source" .c).o
        "$clang" -Wall -Wextra -O1 -g -c "$source" -o "$object"
        options+=(-Xlinker "$object")
    done
fi
swift build --build-tests "${options[@]}"
# The program whose memory is known must have no memory but its own: a sanitizer maps terabytes.
swift build --product memgrow
cp --remove-destination -- "$(swift build --show-bin-path)/memgrow" "$scratch/debug/memgrow"
status=0
swift test --skip-build --disable-xctest --no-parallel --skip '^SystemTests\.' "${options[@]}" "$@" || status=$?

count=0
while IFS= read -r -d '' file; do
    # What a test runs under strace cannot look for its leaks at the end, and says so.
    if [[ $sanitizer == address ]] && ! grep -vqE '^==[0-9]+==(LeakSanitizer has enc|HINT: )' "$file"; then
        continue
    fi
    grep -hE '^(WARNING|ERROR|SUMMARY|==[0-9]+==ERROR)' "$file" || true
    count=$((count + 1))
done < <(find "$reports" -type f -size +0 -print0)
echo "== $sanitizer sanitizer: $count processes reported something, in $reports"
((status == 0 && count == 0))
