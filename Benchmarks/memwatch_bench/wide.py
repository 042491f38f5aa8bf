"""A huge map of which little changes: the daemon's whole tick against one full look."""

import statistics
import time

from .daemon import Daemon
from .measure import cpu_per_round
from .session import NotMeasured, printed, say
from .targets import Churn

AREAS, CHANGES, HZ = 30_000, 10, 10


def measure(session):
    with Churn(session, "wide", AREAS, CHANGES, HZ) as wide:
        look, command = full_look(session, wide)
        for source in ("perf", "sampling"):
            try:
                tick(session, wide, source, look, command)
            except NotMeasured as reason:
                session.row(f"wide-tick-{source}", None, reason=str(reason))


def full_look(session, wide):
    """CPU nanoseconds of a full look at this very process by somebody who knows it: read, parse, compare.

    It stands still meanwhile, so there is nothing to classify or to write down either.
    """
    command = [session.ours("memwatch-bench"), "later", "20", wide.pid]
    wide.stop()
    try:
        return statistics.median(cpu_per_round(command) for _ in range(5)), command
    finally:
        wide.go_on()


def tick(session, wide, source, look, command):
    say(f"Measuring: ticks over {AREAS} VMAs of which {CHANGES} change, {source} ...")
    with Daemon(session, interval="100ms", source=source) as daemon:
        time.sleep(2)
        idle = daemon.share_of_core(2)
        daemon.attach([wide.pid], "--interval", "100ms")
        time.sleep(3)
        found = daemon.share_of_core(10 if session.quick else 60)
    # The daemon ticks at its own rate whether anything is watched or not; that is not this target's cost.
    own = idle["cpu_ns"] / idle["wall_ns"]
    each = found["cpu_ns"] / max(1, found["ticks"])
    session.row(
        f"wide-tick-{source}", each / look, commands=[printed(wide.command), daemon.command, printed(command)],
        detail=f"{each / 1e6:.2f} ms a tick ({found['ticks']} ticks, {found['looks']} full looks, "
        f"{found['late']} late), a full look {look / 1e6:.2f} ms, idle {100 * own:.1f} % of a core")
