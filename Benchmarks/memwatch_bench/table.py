"""The table on the terminal."""

import textwrap

UNITS = {"x": " x", "%": " %", "MiB": " MiB", "bytes": " B", "ms": " ms", "": ""}


def number(figure, unit):
    if figure is None:
        return "-"
    text = f"{figure:.3f}" if unit == "x" and figure < 0.1 else f"{figure:.2f}" if isinstance(figure, float) \
        and figure < 100 else f"{figure:.0f}"
    return text + UNITS[unit]


def spread(row):
    if row["figure"] is None or row["p10"] is None:
        return ""
    low, high = (number(row[key], row["unit"]).removesuffix(UNITS[row["unit"]]) for key in ("p10", "p90"))
    return f"{low} - {high}, {row['pairs']} pairs"


def text(results, groups):
    """The rows of those groups."""
    rows = [row for row in results.ordered() if row["group"] in groups]
    lines = [("what", "figure", "bar", "", "spread (10 - 90 %)", "of")]
    for row in rows:
        lines.append((
            row["what"], number(row["figure"], row["unit"]), row["bar"],
            row["status"], spread(row), row["detail"] or row.get("reason", "")))
    width = 58
    widths = [width] + [max(len(line[i]) for line in lines) for i in range(1, 5)]
    out = []
    for line in lines:
        what = textwrap.wrap(line[0], width, subsequent_indent="  ")
        cells = [what[-1].ljust(width), *(cell.ljust(w) for cell, w in zip(line[1:5], widths[1:])), line[5]]
        out += [*what[:-1], "  ".join(cells).rstrip()]
    missed = [row["row"] for row in rows if row["status"] == "FAIL"]
    unmeasured = [row["row"] for row in rows if row["status"] == "not measured"]
    out.append("")
    out.append(f"{sum(1 for row in rows if row['status'] == 'pass')} pass, {len(missed)} FAIL"
               + (f" ({', '.join(missed)})" if missed else "")
               + (f", {len(unmeasured)} not measured ({', '.join(unmeasured)})" if unmeasured else ""))
    return "\n".join(out)


# What a reader of the README wants to know first.
EXCERPT = ("first-look", "first-look-pmap", "first-look-smem", "later-tick", "idle-sampling", "busy-sampling", "busy-perf",
           "resident-stall", "memory-idle", "memory-vma", "disk-sample", "list", "history-ndjson")


def excerpt(results):
    found = [results.figures[name] for name in EXCERPT if name in results.figures]
    cells = [(row["what"], number(row["figure"], row["unit"]), row["bar"], row["status"]) for row in found]
    widths = [max(len(cell[i]) for cell in cells) for i in range(4)]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(cell, widths)).rstrip() for cell in cells)
