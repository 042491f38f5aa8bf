"""The table of figures to reach: one `Row` for each, its bar, and what was measured for it."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Row:
    identifier: str
    group: str
    what: str
    relation: str  # "<=", ">=", "=="
    bar: float
    unit: str  # "x" a ratio, "%", "MiB", "bytes", "ms", "" a count

    def holds(self, figure):
        if figure is None or not math.isfinite(figure):
            return False
        return {"<=": figure <= self.bar, ">=": figure >= self.bar, "==": figure == self.bar}[self.relation]


# The groups are the modules that measure them, and what --only takes.
TABLE = [
    Row("first-look", "looks", "first full look at 200 processes x 215 VMAs, CPU against the C read-only floor",
        "<=", 1.20, "x"),
    Row("first-look-opened", "looks", "the same against a floor that opens the files anew, as a first look must",
        "<=", 1.2, "x"),
    Row("first-look-pmap", "looks", "the same against pmap, CPU", "<=", 1.0, "x"),
    Row("first-look-pmap-x", "looks", "the same against pmap -X, CPU", "<=", 1.0, "x"),
    Row("first-look-psutil", "looks", "the same against psutil's memory_maps, CPU", "<=", 1.0, "x"),
    Row("first-look-smem", "looks", "the same against smem, CPU", "<=", 1.0, "x"),
    Row("first-look-smemstat", "looks", "the same against smemstat, CPU", "<=", 1.0, "x"),
    Row("first-look-exporter", "looks", "the same against a scrape of prometheus-process-exporter, CPU",
        "<=", 1.0, "x"),
    Row("later-tick", "looks", "a later tick over them, nothing changed, CPU against that floor", "<=", 0.02, "x"),
    Row("wide-tick-perf", "wide", "a tick over 30,000 VMAs of which 10 changed, 10 Hz, CPU against a full look; "
        "kernel events", "<=", 0.10, "x"),
    Row("wide-tick-sampling", "wide", "the same by sampling", "<=", 0.10, "x"),
    Row("idle-sampling", "ticks", "10,000 idle targets at 1 s, of one core; sampling", "<=", 3.0, "%"),
    Row("idle-sampling-late", "ticks", "late ticks meanwhile", "==", 0, ""),
    Row("idle-perf", "ticks", "10,000 idle targets at 1 s, of one core; kernel events", "<=", 3.0, "%"),
    Row("idle-perf-late", "ticks", "late ticks meanwhile", "==", 0, ""),
    Row("busy-sampling", "noise", "a busy target watched at 10 Hz by sampling keeps of its throughput", ">=", 0.99, "x"),
    Row("busy-sampling-p999", "noise", "p99.9 of one of its operations, watched against unwatched", "<=", 1.1, "x"),
    Row("busy-perf", "noise", "the same target with kernel events keeps", ">=", 0.97, "x"),
    Row("paced-perf", "noise", "a target of 1,000 mapping calls a second, with kernel events, keeps", ">=", 0.99, "x"),
    Row("resident", "noise", "regions --resident once on the busy target: throughput of that second", ">=", 0.95, "x"),
    Row("resident-stall", "noise", "its longest stall above the unwatched one", "<=", 1.0, "ms"),
    Row("memory-idle", "footprint", "the daemon's private memory, idle", "<=", 8.0, "MiB"),
    Row("memory-idle-rss", "footprint", "its resident set, idle", "<=", 32.0, "MiB"),
    Row("memory-vma", "footprint", "private memory for each VMA tracked (1,000 targets x 215)", "<=", 64.0, "bytes"),
    Row("memory-rss", "footprint", "its resident set with them", "<=", 32.0, "MiB"),
    Row("disk-sample", "disk", "history on disk, for each sample stored (a day of 100 changing targets)",
        "<=", 60.0, "bytes"),
    Row("disk-interval", "disk", "history on disk, for each region interval", "<=", 40.0, "bytes"),
    Row("history-ndjson", "client", "history of 86,400 samples as NDJSON, wall time against sqlite3 -json",
        "<=", 1.5, "x"),
    Row("list", "client", "memwatch list with 20 targets, wall time against pmap PID", "<=", 1.5, "x"),
    Row("regions", "client", "memwatch regions PID (24 areas), wall time against pmap PID", "<=", 1.5, "x"),
    Row("regions-1000", "client", "memwatch regions PID (1,000 areas), wall time against pmap PID", "<=", 1.5, "x"),
    Row("ingest-late", "ingest", "100,000 region changes a second for 10 s: ticks whose write was late", "==", 0, ""),
    Row("soak-private", "soak", "soak: private memory, most in the last third against the first after warming up",
        "<=", 1.05, "x"),
    Row("soak-descriptors", "soak", "soak: descriptors, the same", "<=", 1.05, "x"),
]
BY_IDENTIFIER = {row.identifier: row for row in TABLE}
# Earlier runs that the results keep.
MOST_RUNS = 8
GROUPS = list(dict.fromkeys(row.group for row in TABLE))


class Results:
    """What was measured, as the JSON file has it: figures by row, curves, the soak's series, peers."""

    def __init__(self, document=None):
        document = document or {}
        self.machine = document.get("machine", {})
        self.figures = {row["row"]: row for row in document.get("rows", [])}
        self.curves = document.get("curves", {})
        self.soak = document.get("soak")
        self.peers = document.get("peers", [])
        self.runs = document.get("runs", [])

    def put(self, identifier, figure, *, spread=None, pairs=None, detail="", commands=(), **facts):
        """figure None: not measured, `reason` says why. spread: 10th and 90th percentile."""
        row = BY_IDENTIFIER[identifier]
        if "reason" in facts:
            facts["reason"] = (facts["reason"].strip().splitlines() or ["unknown"])[0][:160]
        self.figures[identifier] = {
            "row": identifier, "group": row.group, "what": row.what, "figure": rounded(figure), "unit": row.unit,
            "bar": f"{row.relation} {row.bar:g}", "status": "not measured" if figure is None
            else "pass" if row.holds(figure) else "FAIL",
            "p10": rounded(spread[0]) if spread else None, "p90": rounded(spread[1]) if spread else None,
            "pairs": pairs, "detail": detail, "commands": list(commands), **facts,
        }

    def begin(self, now, groups, is_whole):
        """Keeps what the rows are now as an earlier run: before a whole run, and before one on another day. What
        a whole run is to measure is forgotten; the soak, which takes its own half hour, stays."""
        times = [row["time"] for row in self.figures.values() if row.get("time")]
        if not times or not (is_whole or max(times)[:10] != now[:10]):
            return
        kept = {name: {"figure": row["figure"], "status": row["status"], "time": row["time"], "commit": row["commit"]}
                for name, row in self.figures.items()}
        machine = {key: self.machine.get(key) for key in ("kernel", "processor", "processors", "system")}
        self.runs = [{"time": max(times), "machine": machine, "rows": kept}, *self.runs][:MOST_RUNS]
        if is_whole:
            self.figures = {name: row for name, row in self.figures.items() if row["group"] not in groups}
            self.curves = {} if "growth" in groups else self.curves

    def before(self, row):
        """The figure that a row had before this one, with its time and commit; None where it is the first."""
        earlier = (run["rows"].get(row["row"]) for run in self.runs)
        return next((old for old in earlier if old and old["time"] != row.get("time") and old["figure"] is not None), None)

    def ordered(self):
        return [self.figures[row.identifier] for row in TABLE if row.identifier in self.figures]

    def document(self):
        return {"machine": self.machine, "rows": self.ordered(), "curves": self.curves, "soak": self.soak,
                "peers": self.peers, "runs": self.runs}


def rounded(figure):
    if figure is None or isinstance(figure, int) or not math.isfinite(figure):
        return figure
    return float(f"{figure:.4g}")
