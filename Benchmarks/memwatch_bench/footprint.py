"""What the daemon itself takes of memory: idle, and with a thousand targets."""

import os
import time

from .daemon import Daemon
from .session import printed, say
from .targets import Herd

COUNT, AREAS, MIB = 1000, 215, 1 << 20


def measure(session):
    with Herd(session, COUNT, AREAS) as herd:
        areas = herd.areas()
        read_from_disk(session.ours("memwatchd"))
        with Daemon(session) as daemon:
            say("Measuring: the daemon's memory, idle and with a thousand targets ...")
            # Into its steady state: what start-up took is given back after a second, and then every 15.
            time.sleep(5)
            idle = daemon.memory()
            commands = [daemon.command, "cat /proc/PID/smaps_rollup"]
            session.row(
                "memory-idle", idle["private"] / MIB, commands=commands,
                detail="Private_Clean (code and constants that are mapped) + Private_Dirty "
                f"({idle['dirty'] / MIB:.1f} MiB)")
            session.row("memory-idle-rss", idle["rss"] / MIB, commands=commands, detail="Rss")
            daemon.attach(herd.pids)
            # Two rounds of full looks.
            time.sleep(25)
            full = daemon.memory()
            tracked = daemon.status()["targets"]
    commands = [" ".join(herd.command), *commands]
    # Most of it is written to; the rest is code, more or less of which is mapped by what was done last.
    session.row(
        "memory-vma", (full["private"] - idle["private"]) / areas, commands=commands,
        detail=f"{(full['private'] - idle['private']) / MIB:.1f} MiB more for {areas:,} VMAs of {tracked} targets; "
        f"without code, {(full['dirty'] - idle['dirty']) / areas:.0f} bytes")
    session.row("memory-rss", full["rss"] / MIB, commands=commands, detail="Rss")


def read_from_disk(program):
    """Has the page cache hold the program as after a start of the machine.

    The kernel (6.18) maps code in the pieces in which the page cache holds it. Those that a linker has just written
    are large, and 3 MiB more are mapped, of which nothing is used.
    """
    file = os.open(program, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)
