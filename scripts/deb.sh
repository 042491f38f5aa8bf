#!/usr/bin/env bash
# The Debian package of programs that are built: .build/deb/memwatch_VERSION_ARCHITECTURE.deb.
#
#   scripts/deb.sh [BUILD]                  packs the programs in BUILD (.build/release)
#   scripts/deb.sh dependencies             installs what that needs, where it is missing
#   scripts/deb.sh as-version VERSION DEB OUTPUT
#                                           the same package with another version number, for tests of upgrades;
#                                           made, where OUTPUT is not newer
#
# debian/ says what is in it; scripts/install.sh, which "make install" calls too, where it goes.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
fail() { say "deb: $*"; exit 1; }

dependencies() {
    local packages=() as_root=()
    command -v dh >/dev/null || packages+=(debhelper)
    command -v dpkg-buildpackage >/dev/null || packages+=(dpkg-dev)
    ((${#packages[@]} > 0)) || return 0
    command -v apt-get >/dev/null || fail "a Debian package is made on Debian or Ubuntu; ${packages[*]} is missing"
    if ((EUID != 0)); then
        command -v sudo >/dev/null || fail "as root: apt-get install ${packages[*]}"
        as_root=(sudo)
    fi
    say "Installing what makes packages: ${packages[*]}"
    "${as_root[@]}" apt-get update -qq >&2 || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null >&2
}

# The changelog has the package's version, Version.swift the programs'.
agreed_version() {
    local packaged built
    packaged=$(dpkg-parsechangelog -S Version)
    built=$(sed -n 's/.*static let text = "\(.*\)".*/\1/p' Sources/MemwatchInterface/Version.swift)
    [[ $packaged == "$built" ]] \
        || fail "debian/changelog begins with $packaged, and Sources/MemwatchInterface/Version.swift says $built"
    printf '%s\n' "$packaged"
}

pack() {
    local build version source
    build=$(realpath "$1")
    [[ -d $build/generated ]] || scripts/generated-files.sh "$build"
    version=$(agreed_version)
    # On a copy, because debhelper writes into the tree and beside it.
    source=.build/deb/memwatch-$version
    rm -rf -- .build/deb
    mkdir -p "$source"
    cp -a -- README.md CHANGELOG.md LICENSE config debian docs scripts systemd "$source"
    # Swift's programs keep their symbols for a debugger apart only when a whole Debian build is asked for:
    # it takes a minute, and "make deb" is for the package.
    (cd "$source" && MEMWATCH_BUILD=$build DEB_BUILD_OPTIONS="noautodbgsym parallel=$(nproc)" \
        dpkg-buildpackage -b -us -uc -d) >.build/deb/log 2>&1 \
        || { tail -n 20 .build/deb/log >&2; fail "dpkg-buildpackage failed; all it said is in .build/deb/log"; }
    rm -rf -- "$source"
    ls -- "$PWD"/.build/deb/memwatch_*.deb
}

as_version() {
    local version=$1 deb=$2 output=$3 tree
    if [[ $output -nt $deb ]]; then return 0; fi
    mkdir -p "$(dirname "$output")"
    tree=$(mktemp -d)
    dpkg-deb --raw-extract "$deb" "$tree"
    sed -i "s/^Version: .*/Version: $version/" "$tree/DEBIAN/control"
    dpkg-deb --root-owner-group -Znone --build "$tree" "$output.new" >&2
    rm -rf -- "$tree"
    mv -- "$output.new" "$output"
}

case ${1:-} in
    dependencies) dependencies ;;
    as-version) as_version "${@:2}" ;;
    *) dependencies; pack "${1:-.build/release}" ;;
esac
