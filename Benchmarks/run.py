#!/usr/bin/env python3
"""Measures what memwatch costs, against a C program that only reads and against the tools people use now.

    Benchmarks/run.py [--quick] [--only GROUP,...] [--json FILE] [--page]

Prints a table: every figure with its bar, and whether it holds. Figures are ratios of one run wherever
that can be: pairs taken in turn (A B A B ...) on the same targets, so that whatever else the machine does
meets both. What cannot be measured here is said, with its reason.

    --quick        fewer rounds and pairs, no growth curves: under 3 minutes
    --only         groups of rows, and "growth", "soak"; the others stay as the JSON file has them
    --json FILE    the figures (default: docs/performance/results.json with --page, else .build/bench.json)
    --page         render docs/performance.md and its pictures from them
    --render       render only, from what is in the JSON file: docs/performance.md, or FILE's own page beside it
    --excerpt      print some rows of docs/performance/results.json, for README.md
    --no-build     measure the release build that is there
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from memwatch_bench import (  #
    client, disk, footprint, growth, ingest, looks, noise, page, peers, rows, soak, table, ticks, wide)
from memwatch_bench.session import PACKAGE, NotMeasured, Session, machine, say, utc_now  #

RELEASE = pathlib.Path(os.environ.get("MEMWATCH_BIN_DIR", PACKAGE / ".build" / "release"))
PRODUCTS = ("memwatch", "memwatchd", "memwatch-bench", "memwatch-bench-history")
RESULTS, PAGE = PACKAGE / "docs" / "performance" / "results.json", PACKAGE / "docs" / "performance.md"
MODULES = {
    "looks": looks, "wide": wide, "ticks": ticks, "noise": noise, "footprint": footprint, "disk": disk,
    "client": client, "ingest": ingest, "growth": growth, "soak": soak,
}
USUAL = [name for name in MODULES if name not in ("growth", "soak")]


def build():
    for product in PRODUCTS:
        say(f"Building {product} ...")
        subprocess.run(
            ["swift", "build", "-c", "release", "--static-swift-stdlib", "--product", product],
            cwd=PACKAGE, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def measure(session, groups, save):
    for name in groups:
        say(f"-- {name}")
        try:
            MODULES[name].measure(session)
        except (NotMeasured, OSError, KeyError, ValueError, IndexError, subprocess.SubprocessError) as error:
            reason = str(error) if isinstance(error, NotMeasured) else f"{type(error).__name__}: {error}"
            say(f"{name}: not measured: {reason}")
            # What of the group was measured before that stays; the rest says why it is missing.
            for row in rows.TABLE:
                if row.group == name and row.identifier not in session.measured:
                    session.row(row.identifier, None, reason=reason)
        # After each group: a run that is stopped keeps what it has.
        save()


def save(results, file):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results.document(), indent=1) + "\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and pairs, no growth curves")
    parser.add_argument("--only", metavar="GROUP,...", help=f"of {', '.join(MODULES)}")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="write the figures there")
    parser.add_argument("--page", action="store_true", help="render docs/performance.md from them")
    parser.add_argument("--render", action="store_true", help="measure nothing, render the page")
    parser.add_argument("--excerpt", action="store_true", help="measure nothing, print some rows of the results")
    parser.add_argument("--no-build", action="store_true", help="measure the release build that is there")
    parser.add_argument("--soak-minutes", type=float, default=30, metavar="N", help="how long a soak is")
    options = parser.parse_args()
    options.groups = options.only.split(",") if options.only else USUAL + ([] if options.quick else ["growth"])
    for name in options.groups:
        if name not in MODULES:
            parser.error(f"{name} is none of {', '.join(MODULES)}")
    options.page = options.page or options.render
    options.json = options.json or (RESULTS if options.page else PACKAGE / ".build" / "bench.json")
    return options


def main():
    options = arguments()
    if options.excerpt:
        print(table.excerpt(rows.Results(json.loads(RESULTS.read_text()))))
        return
    results = rows.Results(json.loads(options.json.read_text()) if options.json.exists() else {})
    if not options.render:
        results.begin(utc_now(), options.groups, is_whole=not options.only)
        if not options.no_build and "MEMWATCH_BIN_DIR" not in os.environ:
            build()
        peers.install()
        results.machine, results.peers = machine(), peers.versions()
        with tempfile.TemporaryDirectory(prefix="memwatch-bench.") as directory:
            session = Session(directory, RELEASE, options.quick, results)
            session.soak_minutes = options.soak_minutes
            measure(session, options.groups, lambda: save(results, options.json))
        print(table.text(results, options.groups))
    if options.page:
        page.render(results, PAGE if options.json.resolve() == RESULTS else options.json.with_suffix(".md"))


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"run.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
