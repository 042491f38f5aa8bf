#!/usr/bin/env bash
# Puts pictures of a real run into README.md and docs/pictures.md, between the lines that mark them: a map, a screen of
# "watch", an explanation. The program is Python's, and leaks.
#
#     scripts/readme-pictures.sh
#
# Needs tmux and python3, and chromium for the picture of the report (docs/pictures/report.png). Builds first, unless MEMWATCH_BIN_DIR names a directory with the programs.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -z ${MEMWATCH_BIN_DIR:-} ]]; then make build >&2; fi
bin=$(cd "${MEMWATCH_BIN_DIR:-.build/release}" && pwd -P)
readonly bin
# shellcheck source=scripts/private-daemon.sh
source scripts/private-daemon.sh
make_scratch
trap 'kill "${program:-}" 2>/dev/null || true; tmux -S "$scratch/tmux" kill-server 2>/dev/null || true; stop_daemon' EXIT
start_daemon

# replace FILE NAME TEXT-FILE: puts a fenced text between "<!-- NAME picture..." and "<!-- end of NAME picture -->".
replace() {
    awk -v name="$2" -v file="$3" '
        index($0, "<!-- end of " name " picture") == 1 { inside = 0 }
        !inside { print }
        index($0, "<!-- " name " picture") == 1 {
            inside = 1
            print "```text"
            while ((getline line < file) > 0) print line
            print "```"
        }' "$1" >"$scratch/replaced"
    cat "$scratch/replaced" >"$1"
}

# Half a minute of small blocks that are never freed, and large ones that come and go.
cat >"$scratch/leaky.py" <<'PYTHON'
import sys, threading, time
kept, cache = [], []
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
for step in range(100_000):
    kept.append([bytearray(1000) for _ in range(40)])
    if step % 20 < 10:
        cache.append(bytearray(4 << 20))
    else:
        cache.pop()
    time.sleep(0.05)
PYTHON
mkfifo "$scratch/go"
python3 "$scratch/leaky.py" <"$scratch/go" >"$scratch/said" &
program=$!
exec {go}>"$scratch/go"
until_true grep -q ready "$scratch/said" || fail "the program did not start"
"$bin/memwatch" attach "$program" --interval 250ms >/dev/null
echo >&"$go"

tmux -S "$scratch/tmux" -f /dev/null new-session -d -x 100 -y 26 -e "MEMWATCH_SOCKET=$MEMWATCH_SOCKET" -e NO_COLOR=1 \
    "$bin/memwatch" watch "$program"
tmux -S "$scratch/tmux" set -g status off
screen() { tmux -S "$scratch/tmux" capture-pane -p -t 0; }
# So that there is something on its lines: forty seconds.
watched() {
    (($("$bin/memwatch" history "$program" --since -40s --step 1s --format ndjson | wc -l) >= 40)) \
        && (($("$bin/memwatch" history "$program" --format ndjson | wc -l) >= 120))
}
for ((i = 0; i < 8; i++)); do until_true watched && break; done
screen >"$scratch/watch"
COLUMNS=100 LINES=30 "$bin/memwatch" map "$program" --resident >"$scratch/map"
COLUMNS=100 "$bin/memwatch" explain "$program" >"$scratch/explain"

"$bin/memwatch" report "$program" -o "$scratch/report.html"

{ echo "\$ memwatch map $program --resident"; cat "$scratch/map"; } >"$scratch/text"
replace README.md map "$scratch/text"
replace docs/pictures.md map "$scratch/text"
{ echo "\$ memwatch watch $program"; cat "$scratch/watch"; } >"$scratch/text"
replace README.md watch "$scratch/text"
replace docs/pictures.md watch "$scratch/text"
{ echo "\$ memwatch explain $program"; cat "$scratch/explain"; } >"$scratch/text"
replace README.md explain "$scratch/text"
replace docs/explain.md explain "$scratch/text"

if command -v chromium >/dev/null; then
    mkdir -p docs/pictures
    sandbox=()
    ((EUID != 0)) || sandbox=(--no-sandbox)
    chromium --headless "${sandbox[@]}" --disable-gpu --hide-scrollbars --window-size=1000,1000 \
        --user-data-dir="$scratch/chromium" --screenshot="$PWD/docs/pictures/report.png" \
        "file://$scratch/report.html" >/dev/null 2>&1
fi
