#!/usr/bin/env bash
# A Debian system with a real systemd as PID 1, for Tests/SystemTests and for looking at by hand.
#
#   scripts/test-machine.sh prepare [SUITE]              build the system that is booted, once
#   scripts/test-machine.sh check [SUITE]                is it there? (exit status)
#   scripts/test-machine.sh boot [SUITE] [--package=DEB] [OPTION...]
#                                                        boot a throwaway copy; ends with standard input
#   scripts/test-machine.sh shell [SUITE] [--package=DEB] [OPTION...]
#                                                        the same, with a shell in it
#   scripts/test-machine.sh clean                        remove what prepare built
#
# SUITE is a Debian release (bookworm). OPTIONs go to systemd-nspawn (--bind-ro=DIR). Needs root,
# systemd-container and debootstrap; prepare needs the Debian mirror too. What prepare builds is kept in
# MEMWATCH_TEST_MACHINE (.build/test-machine) and never written to again: a booted machine writes to a
# layer in memory, which is gone with it.
#
# With --package= that memwatch is installed there, its units disabled: who boots the machine says when they
# start. What the installation wrote is kept as a layer beside the package, for the next machine.
#
# boot prints "booted PID" when everything in it has started; nsenter -t PID -a runs commands there. The
# machine ends, as when its plug is pulled, with standard input or with this script, however that ends:
# no killed test leaves one behind.
set -euo pipefail

script=$(realpath "$0")
readonly script
here=$(dirname "$(dirname "$script")")
cache=${MEMWATCH_TEST_MACHINE:-$here/.build/test-machine}
readonly here cache

# dbus for systemctl's --wait and for systemd-run; SQLite is the one library that memwatchd wants beside
# libsystemd. A change here makes another recipe, and what was built by the old one is thrown away.
readonly packages=systemd,systemd-sysv,dbus,libsqlite3-0
readonly recipe="1 $packages"

say() { printf '%s\n' "$*" >&2; }
fail() { say "test-machine: $*"; exit 1; }

# MARK: The system that is booted

is_complete() { [[ $(cat "$cache/$1/.recipe" 2>/dev/null) == "$recipe" ]]; }

# Every file as its package brought it: an interrupted disk or a curious hand is found in a second.
is_sound() { is_complete "$1" && [[ -z $(chroot "$cache/$1" dpkg --verify 2>&1) ]]; }

prepare() {
    local suite=$1 new
    ((EUID == 0)) || fail "it takes root to make and boot a system"
    command -v debootstrap >/dev/null || fail "debootstrap is missing; install the package debootstrap"
    command -v systemd-nspawn >/dev/null || fail "systemd-nspawn is missing; install the package systemd-container"
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
    if is_sound "$suite"; then return 0; fi
    new=$cache/$suite.new
    rm -rf --one-file-system -- "$new" "${cache:?}/$suite"
    say "Building a Debian $suite in $cache (once; one to two minutes)"
    # In a mount namespace of its own: a debootstrap that is killed leaves /proc mounted in there.
    if ! unshare --mount debootstrap --variant=minbase --include="$packages" "$suite" "$new" \
        >"$cache/$suite.log" 2>&1; then
        tail -n 5 "$cache/$suite.log" >&2
        fail "debootstrap failed; all it said is in $cache/$suite.log"
    fi
    rm -f -- "$new"/var/cache/apt/archives/*.deb
    # Each machine that boots gets an id of its own.
    : >"$new/etc/machine-id"
    printf '%s\n' "$recipe" >"$new/.recipe"
    # Half-made ones never have this name.
    mv -T -- "$new" "$cache/$suite"
}

# MARK: Control groups

# Where a real systemd runs, it makes a scope for the machine. Elsewhere the machine gets groups of its
# own, below ours, in those hierarchies that systemd in it uses.
groups=()

# own_groups: makes them, and removes those of machines whose script was killed.
own_groups() {
    local number controllers path mount group
    while IFS=: read -r number controllers path; do
        case $number:$controllers in
            0:) mount=$(findmnt -n -o TARGET -t cgroup2 | head -n 1) ;;
            *:name=systemd) mount=$(findmnt -n -o TARGET -t cgroup -O name=systemd | head -n 1) ;;
            *:*memory*) mount=$(findmnt -n -o TARGET -t cgroup -O memory | head -n 1) ;;
            *) continue ;;
        esac
        [[ -n $mount ]] || continue
        for group in "$mount${path%/}"/memwatch-machine-*; do
            if [[ -d $group ]] && ! is_machine "${group##*-}"; then remove_group "$group"; fi
        done
        group=$mount${path%/}/memwatch-machine-$$
        # Version 2 hands controllers down one level at a time; version 1 has no such file.
        if [[ -e $mount${path%/}/cgroup.subtree_control ]]; then
            echo +memory +pids 2>/dev/null >"$mount${path%/}/cgroup.subtree_control" || true
        fi
        mkdir "$group"
        groups+=("$group")
        # A runaway in the machine must not take the memory of what is outside.
        for limit in memory.max memory.limit_in_bytes; do
            if [[ -e $group/$limit ]]; then echo "$((4 << 30))" >"$group/$limit" || true; fi
        done
    done </proc/self/cgroup
}

# is_machine PID: that process is this script, and not another that got its pid later.
is_machine() { tr "\0" " " 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "$script"; } 2>/dev/null

# A group is removed from its leaves up.
remove_group() { find "$1" -depth -type d -exec rmdir {} \; 2>/dev/null || true; }

# MARK: The package in it

# mount_layers LOWER: at $cache/mount/root, what is written to it goes to memory. In a mount namespace of
# its own, which it needs and main gives it.
mount_layers() {
    mount -t tmpfs -o mode=755 tmpfs "$cache/mount"
    mkdir "$cache"/mount/{upper,work,root}
    # A layer must stand for itself, so that it can be copied: whole files, and no directory renamed by a note.
    mount -t overlay overlay "$cache/mount/root" \
        -o "redirect_dir=off,metacopy=off,lowerdir=$1,upperdir=$cache/mount/upper,workdir=$cache/mount/work"
}

# install_package SUITE DEB LAYER: what apt writes to a system in which nothing runs, as when an image is made.
install_package() {
    local suite=$1 deb=$2 layer=$3 root=$cache/mount/root
    local quiet=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive)
    mount_layers "$cache/$suite"
    mount -t proc proc "$root/proc"
    install -m 644 -- "$deb" "$root/tmp/memwatch.deb"
    chroot "$root" "${quiet[@]}" apt-get install -y --no-install-recommends /tmp/memwatch.deb \
        </dev/null >"$layer.log" 2>&1 || { tail -n 20 "$layer.log" >&2; fail "apt does not install $deb"; }
    chroot "$root" "${quiet[@]}" systemctl disable memwatchd.service memwatchd.socket </dev/null >>"$layer.log" 2>&1
    rm -f -- "$root/tmp/memwatch.deb"
    umount "$root/proc"
    rm -rf -- "$layer" "$layer.key"
    cp -a -- "$cache/mount/upper" "$layer"
    umount "$root"
    umount "$cache/mount"
}

# package_layer SUITE DEB: sets layer to that directory; made, where it is not there or of another package.
package_layer() {
    local suite=$1 deb=$2 key
    [[ -r $deb ]] || fail "there is no package $deb"
    layer=$(dirname "$(realpath "$deb")")/installed/$suite
    key="$(stat -c %i:%Z "$cache/$suite") $(sha256sum <"$deb")"
    mkdir -p "$(dirname "$layer")"
    exec 8>"$layer.lock"
    flock 8
    if [[ $(cat "$layer.key" 2>/dev/null) != "$key" ]]; then
        install_package "$suite" "$deb" "$layer"
        printf '%s\n' "$key" >"$layer.key"
    fi
    exec 8>&-
}

# MARK: Booting

# systemd-nspawn, the machine's PID 1 as it is called out here, and who waits for what shall come.
nspawn="" leader="" watcher=""

# Called in a mount namespace of its own, so that every mount ends with the last process in it.
machine() {
    local suite=$1 ready lower=$cache/$1 layer root=$cache/mount/root
    shift
    mkdir -p "$cache/mount"
    if [[ ${1:-} == --package=* ]]; then
        package_layer "$suite" "${1#*=}"
        lower=$layer:$lower
        shift
    fi
    mount_layers "$lower"

    # The last thing that starts in it says so.
    mkfifo -m 600 "$root/booted"
    exec {ready}<>"$root/booted"
    cat >"$root/etc/systemd/system/booted.service" <<'END'
[Unit]
Description=Tell whoever booted this machine
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo >/booted'
END
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -s ../booted.service "$root/etc/systemd/system/multi-user.target.wants/"
    echo "${MEMWATCH_TEST_HOSTNAME:-machine}" >"$root/etc/hostname"
    # It has the capability to load modules, which is all that this unit asks for, but a kernel that is not its own.
    ln -s /dev/null "$root/etc/systemd/system/systemd-modules-load.service"

    local options=(-q -D "$root" --register=no --private-network --capability=all --console=pipe)
    if [[ -d /run/systemd/system ]]; then
        options+=(--property=MemoryMax=4G)
    else
        own_groups
        options+=(--keep-unit)
    fi
    trap 'end_machine' EXIT
    # nspawn's own filter of system calls refuses perf_event_open, hence SYSTEMD_SECCOMP=0. It mounts the
    # controllers of cgroup version 1 read-only, where systemd needs to write to set MemoryMax=. And it
    # dies without its PID 1: setpriv is there twice, so that whatever is killed, all that it started ends.
    (
        for group in "${groups[@]}"; do echo "$BASHPID" >"$group/cgroup.procs"; done
        SYSTEMD_SECCOMP=0 exec setpriv --pdeathsig KILL systemd-nspawn "${options[@]}" "$@" /bin/sh -c '
            if [ -d /sys/fs/cgroup/memory ]; then mount -o remount,bind,rw /sys/fs/cgroup/memory; fi
            exec setpriv --pdeathsig KILL /lib/systemd/systemd'
    ) </dev/null >"$cache/mount/console" 2>&1 &
    nspawn=$!

    # Whichever comes first: it has booted, it has failed to, or a minute has passed.
    timeout 60 head -n 1 <&"$ready" >/dev/null &
    watcher=$!
    if ! wait -n "$watcher" "$nspawn" || ! kill -0 "$nspawn" 2>/dev/null; then
        tail -n 20 "$cache/mount/console" >&2
        fail "the machine did not boot"
    fi
    # Without a newline at its end, which read calls a failure.
    leader=$(<"/proc/$nspawn/task/$nspawn/children")
    leader=${leader%% *}
    # It says "degraded", and fails, where a unit has failed: whoever asked for the machine will see.
    nsenter -t "$leader" -a systemctl is-system-running --wait </dev/null >&2 || true
}

end_machine() {
    local group
    if [[ -n $watcher ]]; then kill "$watcher" 2>/dev/null || true; fi
    # PID 1's end is the end of everything in its pid namespace, before its parent hears of it.
    if [[ -n $nspawn ]]; then
        kill -KILL "${leader:-$nspawn}" 2>/dev/null || true
        wait "$nspawn" 2>/dev/null || true
    fi
    for group in "${groups[@]}"; do remove_group "$group"; done
}

boot() {
    local stdin
    machine "$@"
    printf 'booted %s\n' "$leader"
    exec {stdin}<&0
    cat <&"$stdin" >/dev/null &
    watcher=$!
    wait -n "$watcher" "$nspawn" || true
}

shell() {
    machine "$@"
    nsenter -t "$leader" -a env -i HOME=/root TERM="${TERM:-dumb}" bash -l || true
}

command=${1:-}
suite=${2:-bookworm}
(($# < 2)) && set -- "$command" "$suite"
[[ $suite =~ ^[a-z]+$ ]] || fail "\"$suite\" is not the name of a Debian release"
case $command in
    prepare) prepare "$suite" ;;
    check) is_complete "$suite" ;;
    boot | shell)
        is_complete "$suite" || fail "there is no $suite in $cache; run $script prepare $suite"
        exec unshare --mount --propagation private "$script" "inside-$command" "${@:2}"
        ;;
    inside-boot) boot "${@:2}" ;;
    inside-shell) shell "${@:2}" ;;
    clean) rm -rf --one-file-system -- "$cache" ;;
    *) sed -n 's/^#   //p' "$script" >&2; exit 64 ;;
esac
