#!/usr/bin/env bash
# Captures the map of a running process for MapDrawingTests: capture-map.sh MEMWATCH PID >maps/NAME.ndjson
#
# The first line has what a drawing needs beside regions; home directories are taken out of paths.
set -euo pipefail
readonly memwatch=$1 pid=$2
field() { awk -v name="$1:" '$1 == name { printf "%.0f", $2 * 1024 }' "/proc/$pid/status"; }
stack=$(awk '/^Max stack size/ { print $4 == "unlimited" ? -1 : $4 }' "/proc/$pid/limits")
printf '{"comm":"%s","vm_size":%s,"rss":%s,"stack_limit":%s}\n' \
    "$(cat "/proc/$pid/comm")" "$(field VmSize)" "$(field VmRSS)" "$stack"
"$memwatch" regions "$pid" --resident --format ndjson | sed -E 's#/(root|home/[^/"]*)/#/home/user/#g; s#/(work|tmp)/[^"]*/#/opt/#g'
