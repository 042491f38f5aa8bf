/// What makes a mount namespace fit for a systemd-journald of a test's own.
package enum JournaldSetup {
    /// A shell script for inside the namespace. Everything journald writes is then in a tmpfs that ends with it:
    /// the machine's own journal is neither seen nor touched.
    ///
    /// `Audit=` (empty) leaves the kernel's auditing alone; RateLimitBurst=0 leaves limiting to memwatch.
    package static let script = """
        set -e
        mount -t tmpfs tmpfs /run
        mkdir -p /run/systemd/journal /run/log/journal /run/systemd/journald.conf.d
        if [ -d /var/log ]; then mount -t tmpfs tmpfs /var/log; fi
        if [ -d /var/lib/systemd ]; then mount -t tmpfs tmpfs /var/lib/systemd; fi
        echo 0123456789abcdef0123456789abcdef > /run/machine-id
        if [ -e /etc/machine-id ]; then mount --bind /run/machine-id /etc/machine-id; fi
        cat > /run/systemd/journald.conf.d/test.conf << END
        [Journal]
        Storage=volatile
        RateLimitBurst=0
        ReadKMsg=no
        Audit=
        ForwardToSyslog=no
        ForwardToKMsg=no
        ForwardToConsole=no
        ForwardToWall=no
        END
        """
}
