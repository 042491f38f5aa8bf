"""The client from start to end: list and regions against pmap, a day's samples against sqlite3."""

import json
import os
import subprocess

from .daemon import Daemon
from .measure import Pairs, json_line, wall
from .session import NotMeasured, printed, say
from .targets import Target


def measure(session):
    guarded(session, ["regions", "regions-1000", "list"], against_pmap)
    guarded(session, ["history-ndjson"], day_of_samples)


def guarded(session, rows, body):
    try:
        body(session)
    except NotMeasured as reason:
        for row in rows:
            session.row(row, None, reason=str(reason))


def against_pmap(session):
    pmap, memwatch = session.tool("pmap", "procps"), stripped(session)
    count = 60 if session.quick else 200
    with Target(session, 24) as small, Target(session, 1000) as large, Daemon(session) as daemon:
        for row, target in (("regions", small), ("regions-1000", large)):
            compare(session, row, count, [memwatch, "regions", target.pid], [pmap, target.pid])
        others = [Target(session, 24) for _ in range(18)]
        try:
            daemon.attach([small.pid, large.pid, *(target.pid for target in others)])
            compare(session, "list", count, [memwatch, "list", "--socket", daemon.socket], [pmap, small.pid])
        finally:
            for target in others:
                target.__exit__()


def compare(session, row, count, ours, theirs):
    say(f"Measuring: memwatch {row} against pmap ...")
    pairs = Pairs(count, lambda: wall(ours), lambda: wall(theirs))
    session.row(
        row, pairs.ratio, spread=pairs.spread, pairs=pairs.count,
        detail=f"{pairs.our_median / 1e6:.1f} ms, pmap {pairs.their_median / 1e6:.1f} ms",
        commands=[printed(ours), printed(theirs)])


def stripped(session):
    """The client without its symbol table, as packages install programs, pmap among them."""
    program = str(session.scratch / "memwatch")
    done = subprocess.run(["strip", "-o", program, session.ours("memwatch")], capture_output=True)
    return program if done.returncode == 0 else session.ours("memwatch")


def day_of_samples(session):
    """A history with 86,400 samples of one process, told by the daemon and by sqlite3 from one file."""
    sqlite3 = session.tool("sqlite3", "sqlite3")
    generator = session.ours("memwatch-bench-history")
    state = session.directory()
    made = json_line([generator, "fill", str(state), "86400"])
    pid, file = str(made["pid"]), str(state / "history.sqlite")
    # Kept as they were taken while this measures: a day is what becomes minutes otherwise.
    with Daemon(session, state=state, extra='[history]\nraw_age = "2d"\n') as daemon:
        ours = [stripped(session), "history", pid, "--since", "-2d", "--format", "ndjson", "--socket", daemon.socket]
        theirs = [sqlite3, "-json", "-readonly", file,
                  f"SELECT * FROM samples WHERE pid = {pid} AND resolution = 'raw' ORDER BY time_us"]
        a, b = str(session.scratch / "ours.ndjson"), str(session.scratch / "theirs.json")
        wall(ours, a), wall(theirs, b)
        lines = sum(1 for _ in open(a, "rb"))
        if lines != made["samples"] or len(json.load(open(b))) != made["samples"]:
            raise NotMeasured(f"memwatch history told {lines} of {made['samples']} samples")
        say("Measuring: a day of samples as NDJSON against sqlite3 ...")
        pairs = Pairs(5 if session.quick else 15, lambda: wall(ours, a), lambda: wall(theirs, b))
        session.row(
            "history-ndjson", pairs.ratio, spread=pairs.spread, pairs=pairs.count,
            detail=f"{pairs.our_median / 1e6:.0f} ms, sqlite3 {pairs.their_median / 1e6:.0f} ms for {lines:,} samples",
            commands=[printed(ours), printed(theirs)])
        os.unlink(a), os.unlink(b)
