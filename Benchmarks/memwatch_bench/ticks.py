"""Ten thousand idle targets at one second: the whole daemon's CPU, and whether each tick was on time."""

import time

from .daemon import Daemon
from .session import NotMeasured, say
from .targets import Herd

COUNT = 10_000


def measure(session):
    with Herd(session, COUNT, 0) as herd:
        for source, row in (("sampling", "idle-sampling"), ("perf", "idle-perf")):
            try:
                idle(session, herd, source, row)
            except NotMeasured as reason:
                session.row(row, None, reason=str(reason))
                session.row(row + "-late", None, reason=str(reason))


def idle(session, herd, source, row):
    say(f"Measuring: {COUNT} idle targets, {source} ...")
    # Attaching is a burst, and the first full looks come with it: what is asked is how it goes on.
    with Daemon(session, source=source) as daemon:
        daemon.attach(herd.pids)
        time.sleep(12)
        found = daemon.share_of_core(15 if session.quick else 30)
        targets = found["status"]["targets"]
        if targets != len(herd.pids):
            raise NotMeasured(f"{targets} of {len(herd.pids)} targets are watched")
        commands = [" ".join(herd.command), daemon.command, "memwatch attach PID..."]
        seconds = found["wall_ns"] / 1e9
        session.row(
            row, found["percent"], commands=commands,
            detail=f"{found['cpu_ns'] / 1e6:.0f} ms CPU in {seconds:.0f} s, "
            f"{found['looks'] / seconds:.0f} looks/s")
        session.row(
            row + "-late", found["late"], commands=["memwatch status --format json"],
            detail=f"{found['ticks']} ticks in {seconds:.0f} s")
