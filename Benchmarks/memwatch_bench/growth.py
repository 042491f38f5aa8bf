"""How cost grows: with targets, with VMAs, with changes a tick, with the length of the history."""

import statistics
import time

from .daemon import Daemon
from .measure import cpu_per_round, json_line, slope
from .session import NotMeasured, printed, say
from .targets import Churn, Herd, Target

TARGETS = (10, 100, 1000, 3000, 10_000)
AREAS = (100, 300, 1000, 3000, 10_000, 30_000, 65_500)
CHANGES = (0, 10, 100, 1000, 10_000)
DAYS = (1, 7, 30, 90, 365)


def measure(session):
    for name, body in (("areas", with_areas), ("changes", with_changes), ("targets", with_targets),
                       ("history", with_history)):
        try:
            body(session)
        except (NotMeasured, KeyError, OSError) as reason:
            say(f"growth with {name}: not measured: {reason}")
            session.curve(name, reason=f"{reason}")


def points(xs, ys):
    return {"x": list(xs), "y": [float(f"{y:.4g}") for y in ys], "slope": slope(xs, ys)}


def with_areas(session):
    """CPU of a first look, of a later one, and of reading alone."""
    floor, bench = session.compiled("floor"), session.ours("memwatch-bench")
    names = {"first look": [bench, "first"], "later look": [bench, "later"], "reading alone": [floor]}
    xs, ys = [], {name: [] for name in names}
    for areas in AREAS:
        say(f"Growth: a look at {areas} areas ...")
        with Target(session, areas) as target:
            xs.append(target.areas)
            rounds = str(max(3, 200_000 // areas))
            for name, words in names.items():
                ys[name].append(statistics.median(
                    cpu_per_round([*words, rounds, target.pid]) for _ in range(3)) / 1e3)
    session.curve("areas", x="VMAs", y="CPU of one look, µs", series={name: points(xs, ys[name]) for name in names},
                  commands=["memwatch-bench first ROUNDS PID", "memwatch-bench later ROUNDS PID", "floor ROUNDS PID"])


def with_targets(session):
    """The whole daemon's CPU for one tick of one second, full looks included."""
    xs, ys, late = [], [], []
    with Herd(session, max(TARGETS), 0) as herd:
        for count in TARGETS:
            say(f"Growth: {count} idle targets ...")
            with Daemon(session) as daemon:
                daemon.attach(herd.pids[:count])
                time.sleep(12)
                found = daemon.share_of_core(10)
            xs.append(count), ys.append(found["cpu_ns"] / 1e3 / max(1, found["wall_ns"] / 1e9)), late.append(found["late"])
    session.curve("targets", x="idle targets", y="CPU of the daemon, µs a second",
                  series={"sampling": points(xs, ys)}, late=late,
                  commands=[" ".join(herd.command), daemon.command])


def with_changes(session):
    """The whole daemon's CPU for one second of a process of 30,000 VMAs, of which so many change."""
    found = {"perf": [], "sampling": []}
    for changes in CHANGES:
        say(f"Growth: {changes} changes a tick ...")
        # A churn of nothing is one that stands still.
        with Churn(session, "wide", 30_000, max(1, changes), 1) as wide:
            if changes == 0:
                wide.stop()
            for source, ys in found.items():
                with Daemon(session, source=source) as daemon:
                    daemon.attach([wide.pid])
                    time.sleep(3)
                    share = daemon.share_of_core(10)
                ys.append(share["cpu_ns"] / 1e6 / max(1, share["wall_ns"] / 1e9))
    # A logarithm has no 0: the slope is that of the others, the still process is told beside it.
    session.curve(
        "changes", x="changes a second", y="CPU of the daemon, ms a second",
        series={{"perf": "kernel events"}.get(source, source): points(CHANGES[1:], ys[1:]) for source, ys in found.items()},
        still={source: float(f"{ys[0]:.4g}") for source, ys in found.items()},
        commands=["churn wide 30000 CHANGES 1", daemon.command])


def with_history(session):
    """A tick's write, a query of the last hour, a map of an hour ago; and the file's size."""
    xs, rows = [], []
    for days in DAYS:
        say(f"Growth: a history of {days} days ...")
        rows.append(json_line([session.ours("memwatch-bench-history"), "length", str(session.directory()), str(days)]))
        xs.append(days)
    times = {"a tick's write": "write_ms", "history of the last hour": "history_hour_ms",
             "map of an hour ago": "regions_hour_ago_ms", "map of half the time ago": "regions_halfway_ms"}
    command = printed(["memwatch-bench-history", "length", "DIRECTORY", "DAYS"])
    session.curve("history", x="days of history", y="wall time, ms", commands=[command],
                  series={name: points(xs, [row[field] for row in rows]) for name, field in times.items()})
    session.curve("history-size", x="days of history", y="bytes on disk", commands=[command],
                  series={"history.sqlite": points(xs, [row["file_bytes"] for row in rows])})
