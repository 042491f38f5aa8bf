#!/usr/bin/env python3
"""Counts the instructions and the allocations of memwatch's innermost work, and holds them to thresholds.

    Benchmarks/micro.py [--update] [--no-build] [NAME ...]

Times on a shared machine say little; these counts are the same in every run. Each body of
`memwatch-micro` (Benchmarks/Micro/Bodies) runs once under valgrind's callgrind, which counts what happens between
entering and leaving one function, and each call of malloc and its kin in it. Benchmarks/Micro/thresholds.json
has what was counted last; 5 % more instructions than that is a failure, as is 1 % more allocations (of fewer
than a hundred: a single one). Far fewer is a note: --update makes that the new threshold.

Exit status: 0 all held, 1 one did not, 69 valgrind is missing.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE.parent
PROGRAM = pathlib.Path(os.environ.get("MEMWATCH_BIN_DIR", PACKAGE / ".build" / "release")) / "memwatch-micro"
THRESHOLDS = HERE / "Micro" / "thresholds.json"
MEASURED = "*MicroMeasured*"
# Every way to get memory: Swift asks for some of it aligned.
ALLOCATORS = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign", "valloc"}
# glibc's own ways from one of them to another are the same allocation.
INNER = ALLOCATORS | {"_mid_memalign.constprop.0", "_mid_memalign"}
# A library's fast paths (memcpy, memchr) differ between processors, and glibc between systems.
TOLERANCE_PERCENT = 5
# SQLite asks for memory once more or less with the luck of its pages: one in a hundred may be that.
ALLOCATIONS_TOLERANCE_PERCENT = 1


def build():
    # Everything on standard error: the table alone is the output.
    subprocess.run(
        ["swift", "build", "-c", "release", "--static-swift-stdlib", "--product", "memwatch-micro"],
        cwd=PACKAGE, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def names():
    return subprocess.run([PROGRAM, "list"], check=True, capture_output=True, text=True).stdout.split()


def without_debug_information(directory):
    """A copy of the program that valgrind can read: it gives up on Swift's DWARF, and needs names only."""
    copy = f"{directory}/memwatch-micro"
    subprocess.run(["strip", "--strip-debug", "-o", copy, PROGRAM], check=True)
    return copy


def count(program, name):
    """Instructions and allocations of one body.

    callgrind counts instructions between entering and leaving the function, but calls from the start of the
    program to its end: two runs, one of which does the work once more, tell the calls of one.
    """
    once, twice = callgrind(program, name, 1), callgrind(program, name, 2)
    return {"instructions": once["instructions"], "allocations": twice["allocations"] - once["allocations"]}


def callgrind(program, name, rounds):
    with tempfile.TemporaryDirectory(prefix="memwatch-micro.") as scratch:
        out, directory = f"{scratch}/callgrind", f"{scratch}/d"
        os.mkdir(directory, 0o700)
        # The same world in every run: no environment, hashes with a fixed seed.
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--toggle-collect={MEASURED}", f"--callgrind-out-file={out}",
             "--compress-strings=no", "--compress-pos=no", program, name, directory, str(rounds)],
            env={"PATH": "/usr/bin:/bin", "SWIFT_DETERMINISTIC_HASHING": "1", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr.strip()[-400:]}")
        return parsed(pathlib.Path(out).read_text())


def parsed(text):
    """The totals of a callgrind file, and its calls into the allocator."""
    instructions, allocations, called = None, 0, None
    for line in text.splitlines():
        if line.startswith(("summary:", "totals:")):
            instructions = int(line.split()[1])
        elif line.startswith("cfn="):
            called = line[4:].split("'")[0].split("@")[0]
        elif line.startswith("fn="):
            inside = line[3:].split("'")[0].split("@")[0]
        elif match := re.match(r"calls=(\d+)", line):
            if called in ALLOCATORS and inside not in INNER:
                allocations += int(match.group(1))
    if not instructions:
        raise RuntimeError("callgrind counted nothing")
    return {"instructions": instructions, "allocations": allocations}


def versions():
    """What else decides the counts."""
    def first_line(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        return (done.stdout or done.stderr).strip().splitlines()[0] if done.returncode == 0 else None
    return {"swift": re.sub(r".*(Swift version \S+).*", r"\1", first_line("swift", "--version") or "unknown"),
            "valgrind": first_line("valgrind", "--version"), "libc": os.confstr("CS_GNU_LIBC_VERSION")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--update", action="store_true", help="make what is counted now the thresholds")
    parser.add_argument("--no-build", action="store_true", help="count the release build that is there")
    parser.add_argument("names", metavar="NAME", nargs="*")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("micro.py: valgrind is missing (Debian's package valgrind)", file=sys.stderr)
        sys.exit(69)
    if not options.no_build and "MEMWATCH_BIN_DIR" not in os.environ:
        build()
    known = json.loads(THRESHOLDS.read_text()) if THRESHOLDS.exists() else {"counts": {}}
    known.setdefault("counts", {})
    failed = False
    print(f"{'':22} {'instructions':>14} {'threshold':>12} {'':>8}  {'allocations':>11} {'threshold':>9}")
    with tempfile.TemporaryDirectory(prefix="memwatch-micro.") as scratch:
        program = without_debug_information(scratch)
        counted = {name: count(program, name) for name in options.names or names()}
    for name, found in counted.items():
        bar = known["counts"].get(name)
        words = verdict(found, bar)
        bad = words.startswith("FAIL") and not options.update
        failed = failed or bad
        change = f"{100 * (found['instructions'] / bar['instructions'] - 1):+.1f} %" if bar else ""
        print(f"{name:22} {found['instructions']:14,} {bar['instructions'] if bar else 0:12,} {change:>8}  "
              f"{found['allocations']:11,} {bar['allocations'] if bar else 0:9,}  {words}")
        known["counts"][name] = found if options.update else bar
    if options.update:
        known = {"measured with": versions(), "counts": known["counts"]}
        THRESHOLDS.write_text(json.dumps(known, indent=2) + "\n")
    elif failed:
        print(f"The thresholds were counted with {', '.join(map(str, known['measured with'].values()))}; here are "
              f"{', '.join(map(str, versions().values()))}. Benchmarks/micro.py --update makes new ones.")
    sys.exit(1 if failed else 0)


def verdict(found, bar):
    if bar is None:
        return "FAIL: no threshold"
    if found["allocations"] > bar["allocations"] * (100 + ALLOCATIONS_TOLERANCE_PERCENT) // 100:
        return "FAIL: more allocations"
    if found["instructions"] > bar["instructions"] * (1 + TOLERANCE_PERCENT / 100):
        return "FAIL: more instructions"
    if found["instructions"] < bar["instructions"] * (1 - TOLERANCE_PERCENT / 100) \
            or found["allocations"] < bar["allocations"] * (100 - ALLOCATIONS_TOLERANCE_PERCENT) // 100:
        return "pass, far below: --update keeps what was won"
    return "pass"


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"micro.py: {error}")
