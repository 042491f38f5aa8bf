#!/usr/bin/env bash
# Puts memwatch's files below $DESTDIR$PREFIX, or removes exactly those again.
#
#   PREFIX=/usr/local DESTDIR= scripts/install.sh install|uninstall
#
# MEMWATCH_BUILD names another directory than .build/release to take the programs from.
#
# One list, files(), says what goes where; both directions read it.
set -euo pipefail

readonly prefix=${PREFIX:-/usr/local} destdir=${DESTDIR:-}
here=$(cd "$(dirname "$0")/.." && pwd)
readonly here
readonly release=${MEMWATCH_BUILD:-$here/.build/release}
readonly generated=$release/generated
# The configuration is always below /etc: that is where the daemon looks.
readonly configuration=$destdir/etc/memwatch/memwatchd.toml
# Debian's zsh looks below /usr where its packages put completions, and in zsh's own place below /usr/local.
zsh=share/zsh/site-functions
[[ $prefix != /usr || ! -e /etc/debian_version ]] || zsh=share/zsh/vendor-completions
readonly zsh

say() { printf '%s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }

# each DIRECTORY MODE FILE...: one line of files() for every file that is there.
each() {
    local directory=$1 mode=$2 file
    shift 2
    for file in "$@"; do
        [[ -f $file ]] && printf '%s\t%s\t%s\n' "$mode" "$file" "$prefix/$directory/$(basename "$file")"
    done
    return 0
}

# MODE, source, destination (without DESTDIR), separated by tabs. "unit" is a mode of 644 for
# files in which @BINDIR@ stands for the daemon's directory.
files() {
    each bin 755 "$release/memwatch"
    each sbin 755 "$release/memwatchd"
    each lib/systemd/system unit "$here"/systemd/*.service "$here"/systemd/*.socket
    each lib/systemd/system/memwatchd.service.d unit "$here"/systemd/memwatchd.service.d/*.conf
    each lib/systemd/system/memwatchd.socket.d unit "$here"/systemd/memwatchd.socket.d/*.conf
    each lib/systemd/user unit "$here"/systemd/user/*.service "$here"/systemd/user/*.socket
    each lib/systemd/catalog 644 "$here"/systemd/*.catalog
    printf '%s\t%s\t%s\n' 644 "$here/systemd/memwatch.sysusers.conf" "$prefix/lib/sysusers.d/memwatch.conf"
    each share/man/man1 644 "$generated"/man/*.1
    each share/man/man5 644 "$generated"/man/*.5
    each share/man/man8 644 "$generated"/man/*.8
    each share/bash-completion/completions 644 "$generated"/bash/*
    each "$zsh" 644 "$generated"/zsh/*
    each share/fish/vendor_completions.d 644 "$generated"/fish/*
    each share/memwatch 644 "$here"/config/memwatchd.toml
    each share/memwatch/prometheus 644 "$here"/config/prometheus/*
    # With the licence in it, where a Debian system has it.
    each share/doc/memwatch 644 "$here"/README.md "$here"/CHANGELOG.md "$here"/docs/*.md \
        "$here"/debian/copyright
}

install_all() {
    [[ -x $release/memwatch && -x $release/memwatchd ]] \
        || fail "there is no release build in $release; run \"make\" first"
    [[ -d $generated ]] || fail "the man pages are not made; run scripts/generated-files.sh $release"
    local mode source destination
    while IFS=$'\t' read -r mode source destination; do
        if [[ $mode == unit ]]; then
            # In a unit file %, spaces and quotes mean something; a plain path needs none of it.
            if [[ ! $prefix =~ ^[A-Za-z0-9_./+-]+$ ]]; then
                say "not installed, a unit cannot name a program in \"$prefix\": $(basename "$source")"
                continue
            fi
            install -d -- "$(dirname "$destdir$destination")"
            sed "s|@BINDIR@|$prefix/sbin|g" "$source" >"$destdir$destination.new"
            chmod 644 "$destdir$destination.new"
            mv -f -- "$destdir$destination.new" "$destdir$destination"
        else
            # Unlinks first, so that a running daemon keeps the file it runs from.
            install -D -m "$mode" -- "$source" "$destdir$destination"
        fi
    done < <(files)

    if [[ -e $configuration ]]; then
        say "kept $configuration"
    elif [[ -f $here/config/memwatchd.toml ]]; then
        if install -D -m 644 -- "$here/config/memwatchd.toml" "$configuration" 2>/dev/null; then
            say "wrote $configuration"
        else
            say "not writable: $configuration; the defaults hold without it"
        fi
    fi
    install -d -- "${configuration%/*}/conf.d" 2>/dev/null || true
    say "memwatch is in $destdir$prefix"
    [[ -z $destdir ]] || return 0
    if [[ $prefix != /usr && $prefix != /usr/local ]]; then
        say "note: systemd looks for units below /usr and /usr/local; for others:"
        say "      systemctl link $prefix/lib/systemd/system/memwatchd.service (and .socket)"
        say "      systemctl --user link $prefix/lib/systemd/user/memwatchd.service (and .socket)"
        return 0
    fi
    if ((EUID == 0)) && [[ -d /run/systemd/system ]]; then
        say "Next: systemd-sysusers && systemctl daemon-reload && journalctl --update-catalog"
        say "      systemctl enable --now memwatchd.socket memwatchd.service"
    fi
}

uninstall_all() {
    local mode source destination directory
    while IFS=$'\t' read -r mode source destination; do
        rm -f -- "$destdir$destination"
    done < <(files)
    # What is built is removed even when the build directory is gone and files() cannot list it.
    local built=(bin/memwatch sbin/memwatchd share/man/man{1/memwatch.1,5/memwatchd.toml.5,8/memwatchd.8})
    built+=(share/bash-completion/completions/memwatch{,d} "$zsh"/_memwatch{,d}
        share/fish/vendor_completions.d/memwatch{,d}.fish)
    rm -f -- "${built[@]/#/$destdir$prefix/}"
    # Only directories of our own, and only when empty.
    for directory in share/doc/memwatch share/memwatch/prometheus share/memwatch \
        lib/systemd/system/memwatchd.{service,socket}.d; do
        [[ ! -d $destdir$prefix/$directory ]] || rmdir --ignore-fail-on-non-empty -- "$destdir$prefix/$directory"
    done
    say "memwatch is no longer in $destdir$prefix"
    [[ ! -e $configuration ]] || say "kept $configuration"
    [[ ! -d $destdir/var/lib/memwatch ]] || say "kept $destdir/var/lib/memwatch (the history)"
}

[[ $prefix == /* ]] || fail "PREFIX must be an absolute path, and is \"$prefix\""
case ${1:-} in
    install) install_all ;;
    uninstall) uninstall_all ;;
    *) fail "say install or uninstall" ;;
esac
