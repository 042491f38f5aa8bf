"""What the daemon itself takes of memory: idle, and with a thousand targets."""

import time

from .daemon import Daemon
from .session import printed, say
from .targets import Herd

COUNT, AREAS, MIB = 1000, 215, 1 << 20


def measure(session):
    with Herd(session, COUNT, AREAS) as herd:
        areas = herd.areas()
        with Daemon(session) as daemon:
            say("Measuring: the daemon's memory, idle and with a thousand targets ...")
            # Into its steady state: the first ticks, the first retention pass.
            time.sleep(5)
            idle = daemon.memory()
            commands = [daemon.command, "cat /proc/PID/smaps_rollup"]
            session.row("memory-idle", idle["private"] / MIB, commands=commands, detail="Private_Clean + Private_Dirty")
            session.row("memory-idle-rss", idle["rss"] / MIB, commands=commands, detail="Rss")
            daemon.attach(herd.pids)
            # Two rounds of full looks.
            time.sleep(25)
            full = daemon.memory()
            tracked = daemon.status()["targets"]
    commands = [" ".join(herd.command), *commands]
    session.row(
        "memory-vma", (full["private"] - idle["private"]) / areas, commands=commands,
        detail=f"{(full['private'] - idle['private']) / MIB:.1f} MiB more for {areas:,} VMAs of {tracked} targets")
    session.row("memory-rss", full["rss"] / MIB, commands=commands, detail="Rss")
