#!/usr/bin/env bash
# Puts real output into README.md, between the lines that mark it:
#   "demo output"   scenes of a fresh scripts/demo.sh
#   "bench output"  some rows of docs/performance/results.json, with --bench ("make bench" measures them)
#
#     scripts/readme-demo.sh [--bench]
#
# Builds first, unless MEMWATCH_BIN_DIR names a directory with the programs. Where they were built is
# nobody's business: the output says ~/memwatch.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT

# replace NAME FILE: puts a fenced FILE between "<!-- NAME output..." and "<!-- end of NAME output -->".
replace() {
    awk -v name="$1" -v file="$2" '
        index($0, "<!-- end of " name " output") == 1 { inside = 0 }
        !inside { print }
        index($0, "<!-- " name " output") == 1 {
            inside = 1
            print "```text"
            while ((getline line < file) > 0) print line
            print "```"
        }' README.md >"$scratch/README.md"
    cat "$scratch/README.md" >README.md
}

# scene TITLE: the part of the demo under the heading that begins with it, without the indentation.
scene() {
    awk -v title="$1" '
        index($0, title) == 1 { inside = 1; print; next }
        inside && /^[^ ]/ { exit }
        inside { sub(/^  /, ""); lines[++count] = $0 }
        END { while (count > 0 && lines[count] == "") count--; for (i = 1; i <= count; i++) print lines[i] }' \
        "$scratch/demo"
}

if [[ -z ${MEMWATCH_BIN_DIR:-} ]]; then make build >&2; fi
bin=$(cd "${MEMWATCH_BIN_DIR:-.build/release}" && pwd -P)
scripts/demo.sh "$bin" | sed "s|$bin|~/memwatch/.build/release|" >"$scratch/demo"
{
    scene "The talk"
    echo
    scene "mmap:"
} >"$scratch/scenes"
replace demo "$scratch/scenes"

if [[ ${1:-} == --bench ]]; then
    Benchmarks/run.py --excerpt >"$scratch/bench"
    replace bench "$scratch/bench"
fi
