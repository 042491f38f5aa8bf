"""A private memwatchd: its own socket, its own history, no journal."""

import json
import os
import subprocess
import time

from .measure import process_cpu_ns
from .session import NotMeasured


class Daemon:
    def __init__(self, session, interval="1s", source="sampling", full_scan="10s", state=None, extra=""):
        self.session = session
        directory = session.directory()
        self.socket, self.state = str(directory / "socket"), state or directory / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        configuration = directory / "memwatchd.toml"
        configuration.write_text(
            f'[sampling]\ninterval = "{interval}"\nfull_scan_interval = "{full_scan}"\n'
            f'[events]\nsource = "{source}"\n[journal]\nenabled = false\n{extra}')
        self.log = directory / "log"
        self.program, self.client = session.ours("memwatchd"), session.ours("memwatch")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [self.program, "--config", configuration, "--socket", self.socket, "--state-directory", self.state],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = self.process.pid
        self.command = f"memwatchd ([sampling] interval = {interval}, [events] source = {source})"

    def __enter__(self):
        until = time.monotonic() + 20
        while True:
            status = self.memwatch("status", "--format", "json")
            if status.returncode == 0:
                break
            if self.process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                raise NotMeasured("memwatchd does not answer: " + self.log.read_text()[-200:])
            time.sleep(0.02)
        if self.source_wanted_but_refused(json.loads(status.stdout)):
            self.__exit__()
            raise NotMeasured("the kernel's events are refused here")
        return self

    def source_wanted_but_refused(self, status):
        return 'source = "perf"' in self.config_text() and status["event_source"] != "perf"

    def config_text(self):
        return (self.log.parent / "memwatchd.toml").read_text()

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def memwatch(self, *words):
        return subprocess.run(
            [self.client, *map(str, words), "--socket", self.socket], capture_output=True, text=True,
            stdin=subprocess.DEVNULL)

    def checked(self, *words):
        done = self.memwatch(*words)
        if done.returncode != 0:
            raise NotMeasured(f"memwatch {words[0]}: {done.stderr.strip()[:200]}")
        return done.stdout

    def status(self):
        return json.loads(self.checked("status", "--format", "json"))

    def attach(self, pids, *words):
        """Attaches, in portions that a command line has room for."""
        for first in range(0, len(pids), 2000):
            self.checked("attach", *pids[first:first + 2000], *words)

    def cpu_ns(self):
        return process_cpu_ns(self.pid)

    def memory(self):
        """Bytes: private (clean and dirty), of it dirty, and resident, from smaps_rollup of the daemon itself."""
        fields = {}
        with open(f"/proc/{self.pid}/smaps_rollup") as rollup:
            next(rollup)
            for line in rollup:
                name, value = line.split(":")
                fields[name] = int(value.split()[0]) * 1024
        return {
            "private": fields["Private_Clean"] + fields["Private_Dirty"], "dirty": fields["Private_Dirty"],
            "rss": fields["Rss"],
        }

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def share_of_core(self, seconds):
        """Of one core, in percent, over that time; and the ticks and late ticks in it."""
        before, cpu, began = self.status(), self.cpu_ns(), time.monotonic_ns()
        time.sleep(seconds)
        cpu, wall, after = self.cpu_ns() - cpu, time.monotonic_ns() - began, self.status()
        return {
            "percent": 100 * cpu / wall, "cpu_ns": cpu, "wall_ns": wall,
            "ticks": after["ticks"] - before["ticks"], "late": after["late_ticks"] - before["late_ticks"],
            "looks": after["looks"] - before["looks"], "status": after,
        }
