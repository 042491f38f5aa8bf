"""What every measurement uses: the programs, a scratch directory, and where its figures go."""

import datetime
import os
import pathlib
import platform
import re
import shlex
import shutil
import subprocess
import sys

from . import rows

BENCHMARKS = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = BENCHMARKS.parent


class NotMeasured(Exception):
    """A row that cannot be measured here; the text says why, and what would help."""


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def utc_now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def printed(command):
    """A command as a person would type it: no directories of this machine, long lists of pids cut."""
    words, numbers = [], 0
    for word in map(str, command):
        path = pathlib.PurePath(word)
        word = path.name if path.is_absolute() and not word.startswith("/proc") else word
        numbers = numbers + 1 if word.isdigit() else 0
        if numbers == 4:
            words.append("...")
        elif numbers < 4:
            words.append(shlex.quote(re.sub(r"(\b\d+,\d+),[\d,]+", r"\1,...", word)))
    return " ".join(words)


class Session:
    def __init__(self, scratch, release, quick, results):
        self.scratch, self.release, self.quick, self.results = pathlib.Path(scratch), release, quick, results
        self.made, self.measured, self.soak_minutes = 0, set(), 30

    def ours(self, name):
        """A program of this package, as `make` built it."""
        path = self.release / name
        if not path.exists():
            raise NotMeasured(f"{name} is not built")
        return str(path)

    def compiled(self, name):
        """A small C program of Benchmarks/Floor, compiled here."""
        source, program = BENCHMARKS / "Floor" / f"{name}.c", self.scratch / name
        if not program.exists():
            if not source.exists():
                raise NotMeasured(f"Benchmarks/Floor/{name}.c is missing")
            command = [os.environ.get("CC", "cc"), "-O2", "-pthread", "-o", program, source]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise NotMeasured(f"{name}.c does not compile: {done.stderr.strip().splitlines()[:1]}")
        return str(program)

    def tool(self, name, package):
        path = shutil.which(name)
        if path is None:
            raise NotMeasured(f"{name} is missing (Debian's package {package})")
        return path

    def directory(self):
        """A new directory of mode 0700, gone when the benchmark ends."""
        self.made += 1
        path = self.scratch / f"d{self.made}"
        path.mkdir(mode=0o700)
        return path

    def row(self, identifier, figure, **facts):
        """Writes down what one row of the table measured; see `rows.Results.put`."""
        self.measured.add(identifier)
        self.results.put(identifier, figure, time=utc_now(), commit=commit(), quick=self.quick, **facts)

    def curve(self, identifier, **facts):
        self.results.curves[identifier] = {"time": utc_now(), "commit": commit(), "quick": self.quick, **facts}


def commit():
    """The commit that the programs were built of, as far as git can tell."""
    def git(*words):
        return subprocess.run(["git", "-C", PACKAGE, *words], capture_output=True, text=True).stdout.strip()
    if "text" not in _commit:
        changed = "+" if git("status", "--porcelain", "--untracked-files=no", "--", "Sources") else ""
        _commit["text"] = (os.environ.get("MEMWATCH_BENCH_COMMIT") or git("rev-parse", "--short=10", "HEAD") + changed)
    return _commit["text"] or None


_commit = {}


def machine():
    """What the figures were measured on."""
    model = memory = None
    try:
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
        for line in open("/proc/meminfo"):
            if line.startswith("MemTotal"):
                memory = int(line.split()[1]) * 1024
                break
    except OSError:
        pass
    release = platform.freedesktop_os_release() if hasattr(platform, "freedesktop_os_release") else {}
    return {
        "kernel": platform.release(), "architecture": platform.machine(), "processor": model,
        "processors": len(os.sched_getaffinity(0)), "memory_bytes": memory,
        "system": release.get("PRETTY_NAME"), "time": utc_now(), "commit": commit(),
    }
