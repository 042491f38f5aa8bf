"""The history on disk: bytes for each stored sample and each region interval, over a simulated day."""

from .measure import json_line
from .session import printed, say


def measure(session):
    command = [session.ours("memwatch-bench-history"), "size", str(session.directory())]
    say("Measuring: a simulated day of 100 changing targets on disk ...")
    found = json_line(command)
    detail = f"{found['file_bytes'] / 1e6:.1f} MB in all, {found['free_bytes'] / 1e6:.1f} MB of it free"
    session.row("disk-sample", found["bytes_per_sample"], commands=[printed(command)],
                detail=f"{found['samples']:,} samples; {detail}")
    session.row("disk-interval", found["bytes_per_interval"], commands=[printed(command)],
                detail=f"{found['intervals']:,} intervals; {found['events']:,} events take "
                f"{found['bytes_per_event']:.0f} bytes each")
    session.results.curves.pop("disk", None)
