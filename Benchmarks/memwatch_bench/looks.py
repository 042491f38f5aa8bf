"""First full looks and unchanged ticks over 200 processes, against the C floor and the peers."""

from . import peers
from .measure import Pairs, cpu, cpu_per_round
from .session import NotMeasured, printed, say
from .targets import Herd

COUNT, AREAS = 200, 215


def measure(session):
    quick = session.quick
    with Herd(session, COUNT, AREAS) as herd:
        bench = session.ours("memwatch-bench")
        rounds = "5" if quick else "15"
        floor = [session.compiled("floor"), rounds, *herd.pids]
        first = [bench, "first", rounds, *herd.pids]
        later_tick(session, herd, floor)
        say("Measuring: first full looks against the floor ...")
        pairs = Pairs(9 if quick else 25, lambda: cpu_per_round(first), lambda: cpu_per_round(floor))
        first_look(session, herd, "first-look", pairs, first, floor)
        # Nobody has a file open of a process seen for the first time.
        opening = [floor[0], "--open", *floor[1:]]
        anew = Pairs(9 if quick else 25, lambda: cpu_per_round(first), lambda: cpu_per_round(opening))
        first_look(session, herd, "first-look-opened", anew, first, opening)
        against_peers(session, herd, pairs.our_median, pairs.their_median)


def first_look(session, herd, row, pairs, first, floor):
    session.row(
        row, pairs.ratio, spread=pairs.spread, pairs=pairs.count,
        detail=f"{pairs.our_median / 1e6:.2f} ms, floor {pairs.their_median / 1e6:.2f} ms for {herd.areas():,} VMAs",
        commands=[printed(first), printed(floor)])


def later_tick(session, herd, floor):
    """A whole tick of the tracer over targets that did not change."""
    tick = [session.ours("memwatch-bench"), "tick", "30" if session.quick else "50", *herd.pids]
    say("Measuring: unchanged ticks against the floor ...")
    try:
        cpu_per_round(tick)
    except NotMeasured as reason:
        session.row("later-tick", None, reason=str(reason), commands=[printed(tick)])
        return
    # Ten ticks a second: each measurement takes its time.
    pairs = Pairs(7 if session.quick else 15, lambda: cpu_per_round(tick), lambda: cpu_per_round(floor))
    session.row(
        "later-tick", pairs.ratio, spread=pairs.spread, pairs=pairs.count,
        detail=f"{pairs.our_median / 1e3:.0f} µs, floor {pairs.their_median / 1e6:.2f} ms",
        commands=[printed(tick), printed(floor)])


def against_peers(session, herd, ours, floor):
    """How many times the floor each peer takes for the same, and ours against it.

    A peer's CPU is that of its whole run over all the processes, as its users pay for it; ours is that of
    the daemon's look alone. The rows ask who is ahead, and the margins are far beyond a start-up.
    """
    count = 1 if session.quick else 3
    for row, name, command in peers.one_shots(session, herd.pids):
        say(f"Measuring: {name} ...")
        try:
            words = command()
            figures = sorted(cpu(words) for _ in range(count))
        except NotMeasured as reason:
            session.row(row, None, reason=str(reason))
            continue
        theirs = figures[len(figures) // 2]
        against(session, row, name, ours, theirs, floor, count, words)
    try:
        with peers.Exporter(session, "herd") as exporter:
            exporter.scrape()
            figures = sorted(exporter.scrape() for _ in range(count))
            against(session, "first-look-exporter", "a scrape", ours, figures[len(figures) // 2], floor, count,
                    exporter.command)
    except NotMeasured as reason:
        session.row("first-look-exporter", None, reason=str(reason))


def against(session, row, name, ours, theirs, floor, count, command):
    session.row(
        row, ours / theirs, pairs=count, times_floor=theirs / floor,
        detail=f"{name} takes {theirs / floor:.1f} x the floor, memwatch {ours / floor:.2f} x",
        commands=[printed(command)])
