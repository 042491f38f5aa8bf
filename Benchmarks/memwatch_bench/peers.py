"""The tools people use now, from Debian's packages: where they are, and how each is asked."""

import os
import pathlib
import shutil
import subprocess
import time
import urllib.request

from .measure import process_cpu_ns
from .session import BENCHMARKS, NotMeasured, say

# What is looked for, and the Debian package that has it.
PROGRAMS = {
    "pmap": "procps", "smem": "smem", "smemstat": "smemstat", "strace": "strace", "sqlite3": "sqlite3",
    "prometheus-process-exporter": "prometheus-process-exporter",
}
# Debian's modules belong to Debian's Python, whichever python3 comes first in PATH.
PYTHON = "/usr/bin/python3"


def install():
    """Installs what is missing, where this may be done; what stays missing is said by its row."""
    script = BENCHMARKS.parent / "scripts" / "bench-peers.sh"
    subprocess.run([str(script)], stdin=subprocess.DEVNULL)


def one_shots(session, pids):
    """(row, name, version, command) of the peers that look once and end. NotMeasured where missing."""
    def pmap(*flags):
        return lambda: [session.tool("pmap", "procps"), *flags, *pids]

    def psutil():
        if subprocess.run([PYTHON, "-c", "import psutil"], capture_output=True).returncode != 0:
            raise NotMeasured("psutil is missing (Debian's package python3-psutil)")
        # Per mapping, as `memory_maps(grouped=False)` is what its users call to learn of regions.
        code = "import psutil,sys\nfor pid in sys.argv[1:]: psutil.Process(int(pid)).memory_maps(grouped=False)"
        return [PYTHON, "-c", code, *pids]

    # smem takes no pids: it looks at every process there is, and prints those whose name fits.
    return [
        ("first-look-pmap", "pmap", pmap()),
        ("first-look-pmap-x", "pmap -X", pmap("-X")),
        ("first-look-psutil", "psutil", psutil),
        ("first-look-smem", "smem", lambda: [session.tool("smem", "smem"), "-P", "^herd"]),
        ("first-look-smemstat", "smemstat", lambda: [session.tool("smemstat", "smemstat"), "-p", ",".join(pids)]),
    ]


class Exporter:
    """prometheus-process-exporter for the herd only, with smaps as it is by default."""

    PORT = 19256

    def __init__(self, session, name):
        program = session.tool("prometheus-process-exporter", "prometheus-process-exporter")
        self.command = [program, "-procnames", name, f"-web.listen-address=127.0.0.1:{self.PORT}"]
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.name = name

    def __enter__(self):
        until = time.monotonic() + 15
        while True:
            try:
                if f'groupname="{self.name}"' in self.text():
                    return self
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                raise NotMeasured("prometheus-process-exporter does not answer")
            time.sleep(0.05)

    def text(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.PORT}/metrics", timeout=60) as answer:
            return answer.read().decode()

    def scrape(self):
        """CPU nanoseconds of one scrape."""
        before = process_cpu_ns(self.process.pid)
        self.text()
        return process_cpu_ns(self.process.pid) - before

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def versions():
    """What the peers are, for the page."""
    found = []
    packages = sorted({*PROGRAMS.values(), "python3-psutil"})
    if shutil.which("dpkg-query"):
        for package in packages:
            done = subprocess.run(
                ["dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", package], capture_output=True, text=True)
            if done.stdout.startswith("ii"):
                found.append({"package": package, "version": done.stdout[3:].strip()})
    return found
