#!/bin/sh
# Captures /proc of a running process as a fixture tree:
#
#     Fixtures/capture.sh PID NUMBER
#
# writes Fixtures/proc/NUMBER. What could tell whose machine it was is replaced: home
# directories, host names in mounts, and nothing is taken that holds arguments or
# environment (cmdline, environ, auxv, mem).
set -eu
pid=$1
number=$2
target=$(dirname "$0")/proc/$number
mkdir -p "$target"
for file in stat statm status maps limits cgroup mountinfo; do
    sed -E \
        -e 's#/home/[^/ ]+#/home/user#g' \
        -e 's#/(root|tmp|work|mnt|media)/[^ ]*/#/srv/example/#g' \
        -e 's#[0-9a-f]{32,}#0123456789abcdef0123456789abcdef#g' \
        "/proc/$pid/$file" > "$target/$file" || rm -f "$target/$file"
done
# Mounts tell much of a machine, and the types of a few are enough.
grep -E ' - (proc|sysfs|tmpfs|ext4|hugetlbfs) ' "$target/mountinfo" | sed -E 's# - ([^ ]+) .*# - \1 none rw#' |
    head -n 5 > "$target/mountinfo.short" || true
mv "$target/mountinfo.short" "$target/mountinfo"
# Of the cgroups, those that systemd manages.
grep -E '^0::|:name=systemd:' "$target/cgroup" > "$target/cgroup.short" || true
mv "$target/cgroup.short" "$target/cgroup"
