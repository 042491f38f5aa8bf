"""A hundred thousand region changes a second into the history, for ten seconds."""

from .measure import json_line
from .session import printed, say


def measure(session):
    command = [session.ours("memwatch-bench-history"), "ingest", str(session.directory()), "100000", "10", "1"]
    say("Measuring: 100,000 region changes a second ...")
    found = json_line(command)
    session.row(
        "ingest-late", found["late_ticks"], commands=[printed(command)],
        detail=f"{found['ticks']} ticks of {found['changes_per_second']:,} changes, with {found['events']:,} events: "
        f"median {found['median_tick_ms']:.0f} ms, longest {found['longest_tick_ms']:.0f} ms of 1,000; "
        f"{found['ns_per_change'] / 1e3:.2f} µs a change")
