"""docs/performance.md and its pictures, from the figures in the JSON file."""

import pathlib
import re

from . import charts, rows, table

# Why rows do not hold, written by hand: a heading of row identifiers, and text for each.
LIMITS = pathlib.Path(__file__).with_name("limits.md")

INTRODUCTION = """# What watching costs

<!-- Written by Benchmarks/run.py --page from docs/performance/results.json: change those, not this. -->

memwatch is meant to run beside a database that must not stall, so what it costs is measured, by a program
that anyone can run:

```
make bench          every row below, the growth curves, and this page
make bench-quick    every row with fewer rounds, in less than three minutes
make soak           half an hour with 500 churning targets
```

Figures are ratios of one run wherever that can be: pairs taken in turn on the same targets (A B A B ...), the
figure the median of the pairs' ratios, the spread their 10th and 90th percentile. The **floor** is a C program
that only reads the same files ([Benchmarks/Floor/floor.c](../Benchmarks/Floor/floor.c)): nothing that looks at
a process through `maps` and `status` costs less.
"""

GROUPS = {
    "looks": ("Looks", "Two hundred processes of 215 VMAs, as servers have them: read, parsed, classified, added up. "
              "A peer's CPU is that of its whole run over the same processes."),
    "wide": ("Huge maps", "CPU of the daemon's whole tick, against one full look at the same process."),
    "ticks": ("Idle targets", "CPU of the daemon, with everything it does, once it has settled."),
    "noise": ("What the watched notice", "A process of 20,000 VMAs and 4 GB resident maps, touches and unmaps as fast "
              "as it can, unwatched and watched at 10 Hz in turn."),
    "footprint": ("Memory of the daemon", "From its own smaps_rollup."),
    "disk": ("The history on disk", "A day of 100 changing targets on a simulated clock, indexes included."),
    "client": ("The client", "From the start of the program to its end."),
    "ingest": ("Ingest", "Region changes as the tracer delivers them, with their events."),
    "soak": ("Soak", "No growth after the first sixth of the time: the most seen in the last third of what is left is "
             "at most 1.05 times the most seen in the first."),
}

CURVES = {
    "targets": ("Idle targets", "the whole daemon, sampling at 1 s, full looks included"),
    "areas": ("VMAs of one process", "nearly all of a look is the kernel writing the text of maps"),
    "changes": ("Changes a tick", "a process of 30,000 VMAs at 1 s, the whole daemon"),
    "history": ("Length of the history", "10 targets on a simulated clock; days become minutes and hours as configured"),
    "history-size": ("Size of the history", "the same files; rolled up after 1 day and 7 days"),
}


def render(results, path):
    pictures = path.parent / "performance"
    pictures.mkdir(parents=True, exist_ok=True)
    out = [INTRODUCTION, measured_on(results), summary(results)]
    for group, (title, words) in GROUPS.items():
        found = [row for row in results.ordered() if row["group"] == group]
        if not found:
            continue
        out.append(f"## {title}\n\n{words}\n\n{rows_table(found, results)}")
        if group == "looks":
            out.append(peer_chart(found, pictures))
        if group == "soak" and results.soak:
            out.append(soak_chart(results.soak, pictures))
        out.append(commands(found))
    if any("series" in curve for curve in results.curves.values()):
        out.append(growth(results, pictures))
    out.append(limits(results))
    path.write_text("\n\n".join(part for part in out if part).rstrip() + "\n")


def measured_on(results):
    machine = results.machine
    if not machine:
        return ""
    times = sorted({row["time"] for row in results.figures.values()})
    commits = sorted({row["commit"] for row in results.figures.values() if row["commit"]})
    memory = f"{machine['memory_bytes'] / (1 << 30):.0f} GiB" if machine.get("memory_bytes") else "unknown"
    when = times[0] if len(times) == 1 else f"{times[0]} to {times[-1]}" if times else ""
    lines = [
        f"Measured on {machine.get('processor') or machine.get('architecture')}, {machine['processors']} processors, "
        f"{memory} of memory, Linux {machine['kernel']}, {machine.get('system') or 'unknown system'}; {when}; "
        f"commit {', '.join(commits) or 'unknown'} (a + behind it: with changes not committed)."]
    if results.peers:
        lines.append("Peers: " + ", ".join(f"{peer['package']} {peer['version']}" for peer in results.peers) + ".")
    return "\n".join(lines)


def summary(results):
    found = results.ordered()
    counts = {status: sum(1 for row in found if row["status"] == status) for status in ("pass", "FAIL", "not measured")}
    text = f"**{counts['pass']} of {len(rows.TABLE)} figures hold.**"
    if counts["FAIL"]:
        text += f" {counts['FAIL']} do not."
    missing = counts["not measured"] + len(rows.TABLE) - len(found)
    text += f" {missing} were not measured." if missing else ""
    for run in results.runs:
        held = sum(1 for row in run["rows"].values() if row["status"] == "pass")
        commits = sorted({row["commit"] for row in run["rows"].values() if row["commit"]})
        text += f" On {run['time'][:10]} ({', '.join(commits) or 'unknown commit'}): {held} of {len(run['rows'])} measured."
    return text


def rows_table(found, results):
    before = {row["row"]: results.before(row) for row in found}
    head = ["what", "figure", "bar", "", *(["before"] if any(before.values()) else []), "spread (10–90 %)", "of"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in found:
        status = {"pass": "pass", "FAIL": "**FAIL**"}.get(row["status"], row["status"])
        cells = [row["what"].replace(" x ", " × "), typeset(row["figure"], row["unit"]),
                 row["bar"].replace("<=", "≤").replace(">=", "≥").replace("==", "="), status]
        if any(before.values()):
            cells.append(earlier(before[row["row"]], row["unit"]))
        detail = (row["detail"] or row.get("reason", "")).replace("|", "/")
        cells += [table.spread(row).replace(" - ", "–"), re.sub(r"(?<=\d) x\b", " ×", detail)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def typeset(figure, unit):
    return table.number(figure, unit).replace(" x", " ×")


def earlier(old, unit):
    """The figure of an earlier run, with its day and commit."""
    if old is None:
        return ""
    return f"{typeset(old['figure'], unit)} ({old['time'][:10]}{', ' + old['commit'] if old['commit'] else ''})"


def limits(results):
    """Why the figures that do not hold do not."""
    failed = [row for row in results.ordered() if row["status"] == "FAIL"]
    if not failed:
        return ""
    reasons = {}
    text = re.sub(r"<!--.*?-->", "", LIMITS.read_text(), flags=re.DOTALL)
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        reasons.update({name.strip(): (heading, body.strip()) for name in heading.split(",")})
    out, told = ["## What could not be reached, and why"], set()
    for row in failed:
        heading, body = reasons.get(row["row"], (row["row"], "No reason is written down."))
        if heading in told:
            continue
        told.add(heading)
        named = [name.strip() for name in heading.split(",")]
        which = [other for other in failed if other["row"] in named]
        title = "; ".join(f"{other['what'].replace(' x ', ' × ')}: {typeset(other['figure'], other['unit'])}, the bar is "
                          f"{other['bar'].replace('<=', '≤').replace('>=', '≥')}" for other in which)
        out.append(f"**{title}.** {body}")
    return "\n\n".join(out)


def commands(found):
    seen = list(dict.fromkeys(command for row in found for command in row["commands"]))
    if not seen:
        return ""
    return "Made by:\n\n```\n" + "\n".join(seen) + "\n```"


def picture(name, text, pictures, alternative):
    (pictures / f"{name}.svg").write_text(text)
    return f"![{alternative}]({pictures.name}/{name}.svg)"


def peer_chart(found, pictures):
    """How many times the floor each takes, as bars."""
    bars = [("memwatch", next((row["figure"] for row in found if row["row"] == "first-look"), None))]
    names = {"first-look-pmap": "pmap", "first-look-pmap-x": "pmap -X", "first-look-psutil": "psutil",
             "first-look-smem": "smem", "first-look-smemstat": "smemstat", "first-look-exporter": "process-exporter"}
    bars += [(names[row["row"]], row["times_floor"]) for row in found if row["row"] in names and row.get("times_floor")]
    bars = [(name, value) for name, value in bars if value]
    if len(bars) < 2:
        return ""
    text = charts.bar_chart("One look at 200 processes of 215 VMAs", "CPU, in times the read-only C floor (= 1)",
                            sorted(bars, key=lambda bar: bar[1]))
    return picture("peers", text, pictures, "Bars: CPU of one look in times the floor, memwatch and the peers")


def soak_chart(soak, pictures):
    minutes = [point["seconds"] / 60 for point in soak["series"]]
    first = charts.line_chart(
        f"{soak['minutes']:g} minutes with {soak['targets']} churning targets", "minutes", "private memory, MiB",
        [("private", minutes, [point["private"] / (1 << 20) for point in soak["series"]])],
        log_x=False, log_y=False, dots=False, subtitle=f"{soak['looks']:,} looks, {soak['late_ticks']} late ticks")
    second = charts.line_chart(
        "Its descriptors meanwhile", "minutes", "open descriptors",
        [("descriptors", minutes, [point["descriptors"] for point in soak["series"]])],
        log_x=False, log_y=False, dots=False)
    return (picture("soak", first, pictures, "Line: private memory of memwatchd over the soak") + "\n\n"
            + picture("soak-descriptors", second, pictures, "Line: descriptors of memwatchd over the soak"))


def growth(results, pictures):
    out = ["## How cost grows",
           "Both axes are logarithmic: the slope is the power of growth, 1 proportional, 0 none at all (least squares over "
           "all points)."]
    for name, (title, words) in CURVES.items():
        curve = results.curves.get(name)
        if not curve:
            continue
        out.append(f"### {title}")
        if "series" not in curve:
            out.append(f"Not measured: {curve.get('reason')}")
            continue
        series = [(label, points["x"], points["y"]) for label, points in curve["series"].items()]
        text = charts.line_chart(title, curve["x"], curve["y"], series, subtitle=words)
        out.append(picture(f"growth-{name}", text, pictures, f"Curve: {curve['y']} over {curve['x']}"))
        out.append(growth_table(curve))
        if curve.get("still"):
            out.append("Nothing changing: " + ", ".join(f"{source} {value:g}" for source, value in curve["still"].items())
                       + " ms a second.")
        out.append("Made by `" + "`, `".join(curve["commands"]) + "`.")
    return "\n\n".join(out)


def growth_table(curve):
    xs = next(iter(curve["series"].values()))["x"]
    lines = [f"| {curve['y']} | " + " | ".join(f"{x:,}" for x in xs) + " | slope |",
             "|---" * (len(xs) + 2) + "|"]
    for label, points in curve["series"].items():
        slope = "" if points["slope"] is None else f"{points['slope']:.2f}"
        lines.append(f"| {label} | " + " | ".join(charts.short(y) for y in points["y"]) + f" | {slope} |")
    return "\n".join(lines)
