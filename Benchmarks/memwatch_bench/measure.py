"""How things are measured: CPU of children and of other processes, wall time, pairs taken in turn."""

import json
import os
import statistics
import subprocess
import time

from .session import NotMeasured


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def spread(values):
    return percentile(values, 0.1), percentile(values, 0.9)


class Pairs:
    """Two things measured in turn (A B A B ...): the figure is the median of the pairs' ratios, so that
    whatever else the machine does meets both."""

    def __init__(self, count, ours, theirs, warm=True):
        if warm:
            ours(), theirs()  # caches, the page cache, the frequency governor
        self.ours, self.theirs = [], []
        for index in range(count):
            # The order within a pair changes, so that neither is always the one that comes second.
            if index % 2:
                self.ours.append(ours()), self.theirs.append(theirs())
            else:
                self.theirs.append(theirs()), self.ours.append(ours())
        self.ratios = [a / b for a, b in zip(self.ours, self.theirs) if b > 0]
        if not self.ratios:
            raise NotMeasured("too quick to be measured")
        self.count, self.ratio, self.spread = len(self.ratios), statistics.median(self.ratios), spread(self.ratios)
        self.our_median, self.their_median = statistics.median(self.ours), statistics.median(self.theirs)


def json_line(command):
    """Runs a command of ours and reads the one JSON line it prints."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise NotMeasured(f"{os.path.basename(command[0])} {command[1]}: {done.stderr.strip()[:200]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def cpu_per_round(command):
    """CPU nanoseconds of one round, from the JSON line that floor and memwatch-bench print."""
    figures = json_line(command)
    return figures["cpu_ns"] / figures["rounds"]


def start(command, output=None):
    """Starts a command as cheaply as it can be, its output thrown away or put into that file."""
    null = os.open(os.devnull, os.O_RDWR)
    out = null if output is None else os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
        return os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    finally:
        os.close(null)
        if output is not None:
            os.close(out)


def wall(command, output=None):
    """Wall time of a command from start to end, in nanoseconds."""
    began = time.perf_counter_ns()
    _, status = os.waitpid(start(command, output), 0)
    elapsed = time.perf_counter_ns() - began
    ended_well(command, status)
    return elapsed


def cpu(command):
    """CPU time of a command and of what it started and waited for, in nanoseconds (getrusage)."""
    _, status, usage = os.wait4(start(command), 0)
    ended_well(command, status)
    return (usage.ru_utime + usage.ru_stime) * 1e9


def ended_well(command, status):
    if status != 0:
        raise NotMeasured(f"{os.path.basename(command[0])} ended with {os.waitstatus_to_exitcode(status)}")


def process_cpu_ns(pid):
    """CPU time of another process in nanoseconds, all its threads, those that ended too.

    Its clock is clock_getcpuclockid(3)'s: the scheduler's own sum, not the ticks of /proc/PID/stat.
    """
    return time.clock_gettime_ns(((~pid) << 3) | 2)


def slope(xs, ys):
    """Slope of log y over log x by least squares: 1 is proportional, 0 does not grow."""
    import math
    points = [(math.log(x), math.log(y)) for x, y in zip(xs, ys) if x > 0 and y > 0]
    if len(points) < 2:
        return None
    mx, my = statistics.fmean(p[0] for p in points), statistics.fmean(p[1] for p in points)
    across = sum((x - mx) ** 2 for x, _ in points)
    return sum((x - mx) * (y - my) for x, y in points) / across if across else None
