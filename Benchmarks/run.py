#!/usr/bin/env python3
"""Measures what looking at a process costs, as ratios of one run.

    Benchmarks/run.py [--quick] [--json FILE]

Every ratio comes from pairs taken in turn (A B A B ...) on the same target, so that whatever
else the machine does meets both; the figure is the median of the pairs' ratios, the spread their
10th and 90th percentile. Needs a C compiler, strace and pmap (procps); what is missing is said,
and its row left out. Figures, never tests: the exit status says only whether measuring worked.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE.parent
RELEASE = pathlib.Path(os.environ.get("MEMWATCH_BIN_DIR", PACKAGE / ".build" / "release"))
AREAS = 1000


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def build_ours():
    for product in ("memwatch", "memwatchd", "memwatch-bench"):
        say(f"Building {product} ...")
        subprocess.run(
            ["swift", "build", "-c", "release", "--static-swift-stdlib", "--product", product],
            cwd=PACKAGE, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def build_floor(scratch):
    for name in ("floor", "target"):
        subprocess.run(
            [os.environ.get("CC", "cc"), "-O2", "-o", scratch / name, HERE / "Floor" / f"{name}.c"], check=True)


class Target:
    """A running process with a known number of areas; ends with its standard input."""

    def __init__(self, program, areas):
        self.process = subprocess.Popen(
            [program, str(areas)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        pid, count = self.process.stdout.readline().split()
        self.pid, self.areas = pid, int(count)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def cpu_per_round(command):
    """CPU nanoseconds of one round, from the JSON line that floor and memwatch-bench print."""
    figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures["cpu_ns"] / figures["rounds"]


def wall(command):
    """Wall time of a command from start to end, in nanoseconds, its output thrown away."""
    devnull = os.open(os.devnull, os.O_RDWR)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, devnull, 0), (os.POSIX_SPAWN_DUP2, devnull, 1)]
        start = time.perf_counter_ns()
        child = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
        _, status = os.waitpid(child, 0)
        elapsed = time.perf_counter_ns() - start
    finally:
        os.close(devnull)
    if status != 0:
        raise RuntimeError(f"{' '.join(command)} ended with status {os.waitstatus_to_exitcode(status)}")
    return elapsed


def pairs(count, ours, theirs):
    """Runs the two in turn and returns (median of ours, median of theirs, ratios)."""
    ours(), theirs()  # warm: caches, the page cache, the frequency governor
    a, b = [], []
    for _ in range(count):
        b.append(theirs())
        a.append(ours())
    return statistics.median(a), statistics.median(b), [x / y for x, y in zip(a, b)]


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def system_calls(command):
    """How often each system call was made, by strace -c."""
    with tempfile.NamedTemporaryFile("r") as table:
        subprocess.run(
            ["strace", "-f", "-c", "-o", table.name, *command], check=True, stdout=subprocess.DEVNULL)
        counts = {}
        for line in table.read().splitlines():
            # % time, seconds, usecs/call, calls, [errors,] name
            match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
            if match and match.group(2) != "total":
                counts[match.group(2)] = int(match.group(1))
        return counts


class Daemon:
    """A private memwatchd that looks every 100 ms, and in full once an hour."""

    def __init__(self, scratch):
        self.socket = str(scratch / "socket")
        state = scratch / "state"
        state.mkdir(mode=0o700)
        configuration = scratch / "memwatchd.toml"
        configuration.write_text(
            '[sampling]\ninterval = "100ms"\nfull_scan_interval = "1h"\n'
            '[events]\nsource = "sampling"\n[journal]\nenabled = false\n')
        self.process = subprocess.Popen(
            [RELEASE / "memwatchd", "--config", configuration, "--socket", self.socket, "--state-directory", state],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def memwatch(self, *words):
        return subprocess.run(
            [RELEASE / "memwatch", *words, "--socket", self.socket], capture_output=True, text=True)

    def __enter__(self):
        until = time.monotonic() + 10
        while self.memwatch("status").returncode != 0:
            if self.process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                raise RuntimeError("memwatchd does not answer: " + self.process.stderr.read())
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def calls_about(self, pid, seconds):
        """The system calls the daemon makes on files of that process, and how many are preads of statm."""
        # -y shows the path behind each descriptor, also of those opened before strace came.
        with tempfile.NamedTemporaryFile("r") as log:
            tracer = subprocess.Popen(
                ["strace", "-f", "-y", "-e", "trace=%file,%desc", "-o", log.name, "-p", str(self.process.pid)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(seconds)
            tracer.send_signal(2)
            tracer.wait()
            about = re.compile(rf"/proc/{pid}[/>]")
            lines = [line for line in log.read().splitlines() if about.search(line)]
        return len(lines), sum(1 for line in lines if re.search(rf"pread64\(\d+</proc/{pid}/statm>", line))


class Table:
    def __init__(self):
        self.rows = []

    def ratio(self, what, bar, ours, theirs, ratios, unit, names):
        median = statistics.median(ratios)
        scale = {"µs": 1e3, "ms": 1e6}[unit]
        self.rows.append({
            "what": what, "figure": round(median, 3), "bar": bar, "pass": median <= bar,
            "p10": round(percentile(ratios, 0.1), 3), "p90": round(percentile(ratios, 0.9), 3),
            "pairs": len(ratios),
            "detail": f"{names[0]} {ours / scale:.1f} {unit}, {names[1]} {theirs / scale:.1f} {unit}",
        })

    def exact(self, what, bar, figure, detail):
        self.rows.append({"what": what, "figure": figure, "bar": bar, "pass": figure == bar, "detail": detail})

    def text(self):
        head = ("what", "figure", "bar", "", "spread", "of")
        lines = [head]
        for row in self.rows:
            exact = "p10" not in row
            lines.append((
                row["what"],
                str(row["figure"]) if exact else f"{row['figure']:.2f} x",
                f"= {row['bar']}" if exact else f"<= {row['bar']:.2f} x",
                "pass" if row["pass"] else "FAIL",
                "" if exact else f"{row['p10']:.2f} - {row['p90']:.2f}, {row['pairs']} pairs",
                row["detail"],
            ))
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def measure(scratch, quick):
    table = Table()
    bench, memwatch, floor = str(RELEASE / "memwatch-bench"), str(RELEASE / "memwatch"), str(scratch / "floor")
    rounds, count = (100, 7) if quick else (400, 25)
    starts = 40 if quick else 200
    with Target(scratch / "target", AREAS) as target, Target(scratch / "target", 0) as small:
        for mode, what in (
            ("first", f"first full look at {target.areas} areas, CPU"),
            ("later", f"later full look at {target.areas} areas, CPU"),
        ):
            say(f"Measuring: {what} ...")
            table.ratio(
                what, 1.5,
                *pairs(count,
                       lambda: cpu_per_round([bench, mode, str(rounds), target.pid]),
                       lambda: cpu_per_round([floor, str(rounds), target.pid])),
                "µs", ("memwatch", "read-only C loop"))

        if shutil.which("strace"):
            say("Counting: system calls of a look at an unchanged process ...")
            less, more = (system_calls([bench, "unchanged", str(n), target.pid]) for n in (1000, 3000))
            grown = {name: more[name] - less.get(name, 0) for name in more if more[name] != less.get(name, 0)}
            detail = ", ".join(f"{calls / 2000:g} {name}" for name, calls in sorted(grown.items()))
            cost = statistics.median(
                cpu_per_round([bench, "unchanged", "20000", target.pid]) for _ in range(5))
            table.exact(
                "look at an unchanged process, system calls", 1, sum(grown.values()) / 2000,
                f"{detail}; {cost / 1e3:.2f} µs CPU")

            say("Counting: what memwatchd does to an unchanged target between full looks ...")
            with Daemon(scratch) as daemon:
                attached = daemon.memwatch("attach", target.pid)
                if attached.returncode != 0:
                    raise RuntimeError(f"cannot attach: {attached.stderr}")
                time.sleep(1)  # its first, full look
                calls, statm = daemon.calls_about(target.pid, 3 if quick else 10)
                if statm == 0:
                    raise RuntimeError("memwatchd made no pread of statm while strace watched it")
                table.exact(
                    "memwatchd's tick over an unchanged target, system calls on its files", 1, calls / statm,
                    f"{calls} calls in {statm} ticks")
        else:
            say("strace is missing: not counting the system calls of a look at an unchanged process")

        pmap = shutil.which("pmap")
        if pmap:
            for process, words in ((target, f"{target.areas} areas"), (small, f"{small.areas} areas")):
                say(f"Measuring: memwatch regions against pmap, {words} ...")
                table.ratio(
                    f"memwatch regions PID, {words}, wall", 2.5,
                    *pairs(starts,
                           lambda: wall([memwatch, "regions", process.pid]),
                           lambda: wall([pmap, process.pid])),
                    "ms", ("memwatch regions", "pmap"))
        else:
            say("pmap is missing (package procps): not measuring memwatch regions against it")
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and pairs")
    parser.add_argument("--no-build", action="store_true", help="measure the release build that is there")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        if not options.no_build:
            build_ours()
        build_floor(scratch)
        table = measure(scratch, options.quick)
    print(table.text())
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(table.rows, indent=2) + "\n")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"run.py: {error}")
