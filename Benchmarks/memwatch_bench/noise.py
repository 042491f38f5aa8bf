"""What watching does to the watched: a busy target's throughput, its slow operations, its stalls."""

import statistics
import subprocess
import time

from .daemon import Daemon
from .measure import Pairs, spread
from .session import NotMeasured, printed, say
from .targets import Churn

# Long enough to see the daemon settle on how it watches a target this noisy.
SETTLE = 2.0


def measure(session):
    session.noise = {}
    with Churn(session, "busy") as busy:
        guarded(session, ["busy-sampling", "busy-sampling-p999"], lambda: watched_busy(session, busy, "sampling"))
        guarded(session, ["busy-perf"], lambda: watched_busy(session, busy, "perf"))
        guarded(session, ["resident", "resident-stall"], lambda: resident(session, busy))
    with Churn(session, "paced", 1000) as paced:
        guarded(session, ["paced-perf"], lambda: watched_paced(session, paced))


def guarded(session, rows, body):
    try:
        body()
    except NotMeasured as reason:
        for row in rows:
            session.row(row, None, reason=str(reason))


def in_turn(session, target, source):
    """Spans of the target, unwatched and watched at 10 Hz in turn, by one daemon that runs all the time.

    Ends with an unwatched one, so that each watched span has one before and one behind it.
    """
    count, span = (5, 1000) if session.quick else (20, 4000)
    unwatched, watched = [], []
    with Daemon(session, interval="100ms", source=source) as daemon:
        def without():
            daemon.memwatch("detach", target.pid)
            time.sleep(0.3)
            unwatched.append(target.span(span))

        def with_daemon():
            daemon.checked("attach", target.pid, "--interval", "100ms")
            time.sleep(SETTLE)
            watched.append(target.span(span))

        for _ in range(count):
            without(), with_daemon()
        without()
        status = daemon.status()
    commands = [printed(target.command), daemon.command, f"memwatch attach {target.pid} --interval 100ms"]
    return unwatched, watched, status, commands


def neighbours(unwatched, watched, field):
    """Each watched span's figure and the mean of its two neighbours: a shared machine's speed drifts from span to span."""
    return [(b[field], statistics.mean([before[field], behind[field]]))
            for before, b, behind in zip(unwatched, watched, unwatched[1:])]


def against_neighbours(unwatched, watched, field):
    return [figure / mean for figure, mean in neighbours(unwatched, watched, field)]


def watched_busy(session, busy, source):
    say(f"Measuring: a busy target watched at 10 Hz, {source} ...")
    unwatched, watched, status, commands = in_turn(session, busy, source)
    ratios = against_neighbours(unwatched, watched, "per_second")
    detail = (f"{median(watched, 'per_second'):,.0f} operations/s, unwatched {median(unwatched, 'per_second'):,.0f}; "
              f"{status['late_ticks']} of {status['ticks']} ticks late")
    session.row(f"busy-{source}", statistics.median(ratios), spread=spread(ratios), pairs=len(ratios),
                detail=detail, commands=commands)
    if source == "sampling":
        slow = against_neighbours(unwatched, watched, "p999_us")
        session.row(
            "busy-sampling-p999", statistics.median(slow), spread=spread(slow), pairs=len(slow), commands=commands,
            detail=f"{median(watched, 'p999_us'):.0f} µs, unwatched {median(unwatched, 'p999_us'):.0f} µs")


def watched_paced(session, paced):
    say("Measuring: 1,000 mapping calls a second with kernel events ...")
    unwatched, watched, status, commands = in_turn(session, paced, "perf")
    ratios = against_neighbours(unwatched, watched, "per_second")
    session.row(
        "paced-perf", statistics.median(ratios), spread=spread(ratios), pairs=len(ratios), commands=commands,
        detail=f"{median(watched, 'per_second'):,.0f} operations/s, unwatched "
        f"{median(unwatched, 'per_second'):,.0f}; {status['kernel_records']:,} records")


def resident(session, busy):
    """One `regions --resident` in a second of the busy target, against the seconds before and behind it."""
    say("Measuring: regions --resident on the busy target ...")
    command = [session.ours("memwatch"), "regions", busy.pid, "--resident"]
    unwatched, watched, took = [busy.span(1000)], [], []
    for _ in range(5 if session.quick else 20):
        busy.begin(1000)
        time.sleep(0.05)
        began = time.monotonic()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        took.append(time.monotonic() - began)
        watched.append(busy.result())
        if done.returncode != 0:
            raise NotMeasured("memwatch regions --resident: " + done.stderr.decode().strip()[:200])
        unwatched.append(busy.span(1000))
    ratios = against_neighbours(unwatched, watched, "per_second")
    stalls = [(figure - mean) / 1e3 for figure, mean in neighbours(unwatched, watched, "worst_us")]
    commands = [printed(busy.command), printed(command)]
    session.row("resident", statistics.median(ratios), spread=spread(ratios), pairs=len(ratios), commands=commands,
                detail=f"the call took {statistics.median(took) * 1e3:.0f} ms")
    session.row("resident-stall", statistics.median(stalls), spread=spread(stalls), pairs=len(stalls), commands=commands,
                detail=f"longest {median(watched, 'worst_us'):.0f} µs, unwatched {median(unwatched, 'worst_us'):.0f} µs")


def median(spans, field):
    return statistics.median(span[field] for span in spans)
