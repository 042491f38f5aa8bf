"""A soak: many churning targets for half an hour, and nothing of the daemon may grow.

Every ten seconds the daemon's private memory (Private_Dirty: without its code and constants, which come and go
with what is used) and its descriptors are read. The criterion: after a sixth of the time (five minutes of
thirty) for warming up, the most seen in the last third is at most 1.05 times the most seen in the first third of
what is left. The rings of the kernel's events are the whole machine's: a build or a storm of forks beside it is
part of what the daemon takes in.
"""

import time

from .daemon import Daemon
from .session import printed, say, utc_now
from .targets import Crowd

# Processes, and how many of them a minute end and are replaced.
COUNT, ENDS = 500, 60


def measure(session):
    seconds = 60 * session.soak_minutes
    with Crowd(session, COUNT, ENDS) as crowd, Daemon(session, source="auto") as daemon:
        # By a rule, so that those that take the places of the ended are watched too.
        daemon.checked("attach", "--comm", "crowd")
        series = sampled(daemon, seconds)
        status = daemon.status()
    session.results.soak = {
        "time": utc_now(), "minutes": session.soak_minutes, "targets": COUNT, "series": series,
        "ends": ENDS, "event_source": status["event_source"], "looks": status["looks"], "late_ticks": status["late_ticks"],
    }
    commands = [f"make soak MINUTES={session.soak_minutes:g}", printed(crowd.command), daemon.command]
    for row, field, scale, digits, unit in (
            ("soak-private", "private", 1 << 20, ".1f", " MiB"), ("soak-descriptors", "descriptors", 1, ",.0f", "")):
        warm = [point[field] for point in series if point["seconds"] >= seconds / 6]
        first, last = warm[:len(warm) // 3], warm[-(len(warm) // 3):]
        if not first or not last:
            session.row(row, None, reason="too short a soak")
            continue
        session.row(
            row, max(last) / max(first), commands=commands,
            detail=f"{max(first) / scale:{digits}}{unit} at first, {max(last) / scale:{digits}}{unit} at last; "
            f"{session.soak_minutes:g} minutes, {COUNT} targets, {ENDS} of them replaced a minute, "
            f"{status['looks']:,} looks")


def sampled(daemon, seconds):
    series, began = [], time.monotonic()
    every = min(10, seconds / 30)
    while (now := time.monotonic() - began) < seconds:
        memory = daemon.memory()
        point = {
            "seconds": round(now, 1), "descriptors": daemon.descriptors(), "private": memory["dirty"],
            "rss": memory["rss"],
        }
        series.append(point)
        if len(series) % 6 == 1:
            say(f"  {now:5.0f} s  private {point['private'] / (1 << 20):.1f} MiB, {point['descriptors']} descriptors")
        time.sleep(max(0, every - (time.monotonic() - began - now)))
    return series


