#!/usr/bin/env bash
# Installs what some tests need beyond what building needs. A test whose program is missing
# skips and says why, so nothing here is required, and nothing here stops anything: what
# cannot be installed is named, and the script still ends with 0.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

# What is looked for, and the Debian package that has it.
readonly programs=(
    "journalctl systemd"             # reading back what went to the journal
    "systemd-nspawn systemd-container"
    "debootstrap debootstrap"        # the Debian that "make test-system" boots
    "strace strace"                  # what a process really asked the kernel for
    "chromium chromium"              # a real browser for the report, driven as its users do
    "chromedriver chromium-driver"
    "promtool prometheus"            # what Prometheus itself says of our metrics and rules
    "tmux tmux"                      # a real terminal for "memwatch watch"
    "jq jq"                          # the README's examples
    "sqlite3 sqlite3"
    "pmap procps"
    "valgrind valgrind"              # counts of instructions: "make bench-micro"
    "lintian lintian"                # what Debian has against a package
    "man man-db"
    "fish fish"                      # each shell reads its completions
    "zsh zsh"
    "setfattr attr"
    "setcap libcap2-bin"
    "unshare util-linux"
    "python3 python3"                # real processes whose memory must add up
    "javac default-jdk-headless"     # "java FILE.java" compiles first
    "node nodejs"
)

packages=()
for entry in "${programs[@]}"; do
    read -r program package <<<"$entry"
    command -v "$program" >/dev/null || packages+=("$package")
done
[[ -x /lib/systemd/systemd-journald || -x /usr/lib/systemd/systemd-journald ]] || packages+=(systemd)
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || command -v postgres >/dev/null \
    || packages+=(postgresql)
python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)

if ((${#packages[@]} > 0)); then
    if command -v apt-get >/dev/null && { ((EUID == 0)) || command -v sudo >/dev/null; }; then
        as_root=()
        ((EUID == 0)) || as_root=(sudo)
        say "Installing what some tests use: ${packages[*]}"
        "${as_root[@]}" apt-get update -qq >&2 || true
        for package in "${packages[@]}"; do
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -qq --no-install-recommends "$package" </dev/null >&2 \
                || say "Could not install $package; the tests that use it skip."
        done
    else
        say "Some tests use ${packages[*]} (Debian's names), missing here; they skip."
    fi
fi

# A Python of our own with numpy, for a process that has a large library in it; nothing is put into the
# system's. "make test" hands it to the tests as MEMWATCH_TEST_PYTHON.
readonly venv=.build/test-python
if [[ ! -e $venv/complete ]]; then
    if python3 -m venv --clear "$venv" >&2 && "$venv/bin/python3" -m pip install --quiet numpy >&2; then
        touch "$venv/complete"
    else
        say "Could not prepare $venv with numpy from PyPI; the tests that use it take python3 as it is, or skip."
    fi
fi
