#!/usr/bin/env bash
# Installs the tools that memwatch is measured against, from Debian's packages. What cannot be installed is
# named; its rows are then not measured, and say why.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

readonly programs=(
    "pmap procps"
    "smem smem"
    "smemstat smemstat"
    "strace strace"
    "sqlite3 sqlite3"
    "valgrind valgrind"
    "prometheus-process-exporter prometheus-process-exporter"
)

packages=()
for entry in "${programs[@]}"; do
    read -r program package <<<"$entry"
    command -v "$program" >/dev/null || packages+=("$package")
done
/usr/bin/python3 -c 'import psutil' 2>/dev/null || packages+=(python3-psutil)
((${#packages[@]} > 0)) || exit 0

if command -v apt-get >/dev/null && { ((EUID == 0)) || command -v sudo >/dev/null; }; then
    as_root=()
    ((EUID == 0)) || as_root=(sudo)
    say "Installing what memwatch is measured against: ${packages[*]}"
    "${as_root[@]}" apt-get update -qq >&2 || true
    for package in "${packages[@]}"; do
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$package" </dev/null >&2 \
            || say "Could not install $package; it is not measured."
    done
else
    say "Missing here, and not measured: ${packages[*]} (Debian's names)."
fi
