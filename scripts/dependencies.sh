#!/usr/bin/env bash
# Installs what building memwatch needs, where it is missing. Says nothing when all is there.
#
# What is needed is checked by using it (does a program that includes <sqlite3.h> compile and
# link?), not by asking the package manager: a header from anywhere is as good.
set -euo pipefail

readonly swift_major=6 swift_minor=2

say() { printf '%s\n' "$*" >&2; }

# have_library HEADER LIBRARY: a program that uses it compiles and links.
have_library() {
    printf '#include <%s>\nint main(void) { return 0; }\n' "$1" \
        | cc -x c - -o /dev/null "-l$2" 2>/dev/null
}

# The TOML parser is C++ inside; Swift's own clang uses the system's standard library for it.
have_cxx() {
    local compiler
    for compiler in c++ clang++; do
        printf '#include <string>\nint main() { return 0; }\n' \
            | "$compiler" -x c++ -o /dev/null - 2>/dev/null && return 0
    done
    return 1
}

# The names of what is missing, in words that missing_packages() below turns into packages.
missing() {
    local tool
    for tool in git make pkg-config python3; do
        command -v "$tool" >/dev/null || echo "$tool"
    done
    if ! command -v cc >/dev/null; then
        echo cc c++ libsystemd libsqlite3
        return
    fi
    have_cxx || echo c++
    have_library systemd/sd-journal.h systemd || echo libsystemd
    have_library sqlite3.h sqlite3 || echo libsqlite3
}

debian_package() {
    case $1 in
        cc) echo gcc libc6-dev ;;
        c++) echo g++ ;;
        libsystemd) echo libsystemd-dev ;;
        libsqlite3) echo libsqlite3-dev ;;
        *) echo "$1" ;;
    esac
}

# What a person on another system types. $1 is ID and ID_LIKE of os-release.
advice() {
    case " $1 " in
        *" fedora "* | *" rhel "* | *" centos "*)
            echo "sudo dnf install gcc gcc-c++ glibc-devel git make pkgconf-pkg-config python3 systemd-devel sqlite-devel" ;;
        *" arch "*)
            echo "sudo pacman -S --needed gcc git make pkgconf python systemd-libs sqlite" ;;
        *" suse "* | *" opensuse "* | *" sles "*)
            echo "sudo zypper install gcc gcc-c++ glibc-devel git make pkg-config python3 systemd-devel sqlite3-devel" ;;
        *" alpine "*)
            echo "(not possible: Alpine has neither glibc nor systemd, and memwatch needs both)" ;;
        *)
            echo "the packages that hold a C and a C++ compiler, git, make, pkg-config, Python 3, and the headers of" \
                "libsystemd and SQLite 3" ;;
    esac
}

check_swift() {
    local version major minor
    if ! command -v swift >/dev/null; then
        say "memwatch is built with Swift ${swift_major}.${swift_minor} or newer, and there is no swift in PATH." \
            "Install it from https://www.swift.org/install/linux/ and run this again."
        return 1
    fi
    if ! version=$(swift --version 2>&1); then
        say "$(command -v swift) does not start: ${version}"
        say "https://www.swift.org/install/linux/ names the libraries it needs."
        return 1
    fi
    version=$(sed -n '/Swift version/ { s/.*Swift version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p; q; }' <<<"$version")
    major=${version%%.*}
    minor=${version#*.}
    if [[ -z $version ]]; then
        say "swift --version does not say which version it is; going on."
    elif ((major < swift_major || (major == swift_major && minor < swift_minor))); then
        say "memwatch is built with Swift ${swift_major}.${swift_minor} or newer; this is Swift ${version}" \
            "($(command -v swift)). Install a newer one from https://www.swift.org/install/linux/."
        return 1
    fi
}

mapfile -t wanted < <(missing | tr ' ' '\n')
if ((${#wanted[@]} > 0)); then
    if ! command -v apt-get >/dev/null; then
        say "Building memwatch needs ${wanted[*]}, missing here. Install:"
        say "    $(advice "$(sed -n 's/^ID\(_LIKE\)\?=//p' /etc/os-release 2>/dev/null | tr -d '"' | tr '\n' ' ')")"
        exit 1
    fi
    as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            packages=$(for name in "${wanted[@]}"; do debian_package "$name"; done | tr '\n' ' ')
            say "Building memwatch needs ${wanted[*]}, missing here. As root:"
            say "    apt-get update && apt-get install ${packages}"
            exit 1
        fi
        as_root=(sudo)
    fi
    mapfile -t packages < <(for name in "${wanted[@]}"; do debian_package "$name"; done | tr ' ' '\n')
    say "Installing what building needs: ${packages[*]}"
    "${as_root[@]}" apt-get update -qq >&2 || say "apt-get update failed; going on with the lists that are here."
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null >&2

    mapfile -t wanted < <(missing | tr ' ' '\n')
    if ((${#wanted[@]} > 0)); then
        say "After installing, ${wanted[*]} is still missing."
        exit 1
    fi
fi
check_swift
