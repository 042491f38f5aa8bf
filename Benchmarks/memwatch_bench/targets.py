"""Processes to look at: one with a known number of areas, a herd of idle ones, one that churns."""

import json
import os
import select
import signal
import subprocess
import time

from .session import NotMeasured, say


class Target:
    """One process of about that many areas, none of which changes (Floor/target.c)."""

    def __init__(self, session, areas):
        self.process = subprocess.Popen(
            [session.compiled("target"), str(areas)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        pid, count = self.process.stdout.readline().split()
        self.pid, self.areas = pid, int(count)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)


class Herd:
    """Many idle processes of about that many areas each (Floor/herd.c)."""

    def __init__(self, session, count, areas):
        self.command = ["herd", str(count), str(areas)]
        say(f"Starting {count} processes of {areas} areas ...")
        self.process = subprocess.Popen(
            [session.compiled("herd"), str(count), str(areas)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pids = []
        for line in self.process.stdout:
            if not line.strip().isdigit():
                break
            self.pids.append(line.strip())
        if len(self.pids) != count:
            self.__exit__()
            raise NotMeasured(f"only {len(self.pids)} of {count} processes could be started")

    def areas(self):
        """How many areas all of them have together."""
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/maps", "rb") as maps:
                total += maps.read().count(b"\n")
        return total

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)


class Churn:
    """A process that is hard to watch (Floor/churn.c): busy, paced CALLS, wide VMAS CHANGES HZ."""

    def __init__(self, session, *words):
        self.command = ["churn", *map(str, words)]
        self.process = subprocess.Popen(
            [session.compiled("churn"), *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline().split()
        if ready[:1] != ["ready"]:
            raise NotMeasured("churn did not start; is there enough memory?")
        self.pid = ready[1]

    def begin(self, milliseconds):
        """Has it measure that span from now on; `result` waits for what it found."""
        self.process.stdin.write(f"{milliseconds}\n")
        self.process.stdin.flush()
        self.until = time.monotonic() + milliseconds / 1e3 + 60

    def result(self):
        if not select.select([self.process.stdout], [], [], max(1, self.until - time.monotonic()))[0]:
            raise NotMeasured("churn does not answer")
        return json.loads(self.process.stdout.readline())

    def stop(self):
        os.kill(int(self.pid), signal.SIGSTOP)

    def go_on(self):
        os.kill(int(self.pid), signal.SIGCONT)

    def span(self, milliseconds):
        self.begin(milliseconds)
        return self.result()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.go_on()
        end(self.process)


class Crowd:
    """Processes that change a little all the time, and come and go (Floor/crowd.c)."""

    def __init__(self, session, count, ends):
        self.command = ["crowd", str(count), str(ends)]
        say(f"Starting {count} churning processes ...")
        self.process = subprocess.Popen(
            [session.compiled("crowd"), str(count), str(ends)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline().startswith("ready"):
            raise NotMeasured("crowd did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)


def end(process):
    """Ends a program that lives as long as its standard input."""
    try:
        process.stdin.close()
        process.wait(30)
    except (subprocess.TimeoutExpired, BrokenPipeError):
        process.kill()
        process.wait()
    process.stdout.close()
