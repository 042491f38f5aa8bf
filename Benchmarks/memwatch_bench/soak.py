"""A soak: many churning targets for half an hour, and nothing of the daemon may grow.

Every ten seconds the daemon's private memory and its descriptors are read. The criterion: after a sixth
of the time (five minutes of thirty) for warming up, the most seen in the last third is at most 1.05 times the
most seen in the first third of what is left.
"""

import subprocess
import time

from .daemon import Daemon
from .measure import slope
from .session import printed, say, utc_now

COUNT = 500


def measure(session):
    seconds = 60 * session.soak_minutes
    churn = Churners(session, COUNT)
    try:
        with Daemon(session, source="auto") as daemon:
            daemon.attach(churn.pids)
            series = sampled(daemon, churn, seconds)
            status = daemon.status()
    finally:
        churn.end()
    session.results.soak = {
        "time": utc_now(), "minutes": session.soak_minutes, "targets": COUNT, "series": series,
        "event_source": status["event_source"], "looks": status["looks"], "late_ticks": status["late_ticks"],
    }
    commands = [f"make soak MINUTES={session.soak_minutes:g}", churn.command, daemon.command]
    for row, field, scale, unit in (("soak-private", "private", 1 << 20, "MiB"), ("soak-descriptors", "descriptors", 1, "")):
        warm = [point[field] for point in series if point["seconds"] >= seconds / 6]
        first, last = warm[:len(warm) // 3], warm[-(len(warm) // 3):]
        if not first or not last:
            session.row(row, None, reason="too short a soak")
            continue
        session.row(
            row, max(last) / max(first), commands=commands,
            detail=f"{max(first) / scale:.1f} {unit} at first, {max(last) / scale:.1f} {unit} at last; "
            f"{session.soak_minutes:g} minutes, {COUNT} targets, {status['looks']:,} looks")


def sampled(daemon, churn, seconds):
    series, began = [], time.monotonic()
    every = min(10, seconds / 30)
    while (now := time.monotonic() - began) < seconds:
        point = {"seconds": round(now, 1), "descriptors": daemon.descriptors(), **daemon.memory()}
        series.append(point)
        if len(series) % 6 == 1:
            say(f"  {now:5.0f} s  private {point['private'] / (1 << 20):.1f} MiB, {point['descriptors']} descriptors")
        time.sleep(max(0, every - (time.monotonic() - began - now)))
    return series


class Churners:
    """Processes that map, unmap, protect and move their break for as long as they live (Floor/churn.c)."""

    def __init__(self, session, count):
        program = session.compiled("churn")
        words = [program, "wide", "60", "4", "5"]
        self.command = printed(words) + f" ({count} of them)"
        self.processes = [
            subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(count)]
        self.pids = [str(process.pid) for process in self.processes]

    def end(self):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
            process.stdin.close()
