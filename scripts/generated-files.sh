#!/usr/bin/env bash
# Man pages and shell completions, from what the built programs say of their own command line.
#
#   scripts/generated-files.sh [BUILD]      writes BUILD/generated; BUILD is .build/release
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
readonly here
readonly build=${1:-$here/.build/release}
readonly output=$build/generated

rm -rf -- "$output.new"
mkdir -p -- "$output.new"/{man,bash,zsh,fish}

page() { "$here/scripts/manual.py" "$here/docs/man/$1.in" "$build/$2" "${@:3}" >"$output.new/man/$1"; }
page memwatch.1 memwatch
page memwatchd.8 memwatchd
page memwatchd.toml.5 memwatchd "$here/config/memwatchd.toml"

# Each shell looks for a file whose name it makes from the command's.
for program in memwatch memwatchd; do
    # It is read by a shell, and never run: Debian wants no "#!" in it.
    "$build/$program" --generate-completion-script bash | sed '1{/^#!/d}' >"$output.new/bash/$program"
    "$build/$program" --generate-completion-script zsh >"$output.new/zsh/_$program"
    "$build/$program" --generate-completion-script fish >"$output.new/fish/$program.fish"
done

rm -rf -- "$output"
mv -T -- "$output.new" "$output"
