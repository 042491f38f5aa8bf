"""Charts as SVG, by hand: one line chart, readable on a light and on a dark page."""

import math
from xml.sax.saxutils import escape

# Told apart by shape as well, and each readable on white and on near black.
SERIES = ("#2f7ed8", "#d9730d", "#2e9e5b", "#a05fc4", "#c2405a")
WIDTH, HEIGHT = 760, 380
LEFT, RIGHT, TOP, BOTTOM = 78, 24, 64, 56
# Room for the names of several lines, at their ends.
NAMES = 170

STYLE = """
  .page { fill: #ffffff } .text { fill: #24292f } .faint { fill: #57606a }
  .grid { stroke: #d8dee4; stroke-width: 1 } .axis { stroke: #8c959f; stroke-width: 1.2 }
  .bar { stroke: #8c959f; stroke-width: 1.4; stroke-dasharray: 6 4 }
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
  .title { font-size: 15px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .text { fill: #e6edf3 } .faint { fill: #9198a1 }
    .grid { stroke: #2a313c } .axis { stroke: #656c76 } .bar { stroke: #9198a1 }
  }"""


def short(value):
    """1, 250, 10k, 2.5M: a number as an axis has it."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


class Axis:
    """From values to pixels, logarithmic or linear, with the ticks a person would choose."""

    def __init__(self, values, low, high, log):
        values = [value for value in values if value is not None and (value > 0 or not log)]
        least, most = (min(values), max(values)) if values else (1, 10)
        self.low, self.high, self.log = low, high, log
        if log:
            # A tenth of a decade of air, and never less than a whole one.
            least, most = math.log10(least) - 0.08, math.log10(most) + 0.08
            if most - least < 1:
                middle = (least + most) / 2
                least, most = middle - 0.5, middle + 0.5
            whole = range(math.floor(least), math.ceil(most) + 1)
            steps = (1,) if most - least > 2.2 else (1, 2, 5)
            self.ticks = [s * 10.0 ** e for e in whole for s in steps if least <= math.log10(s * 10.0 ** e) <= most]
        else:
            most = max(most * 1.06, least + 1e-9)
            least = 0 if least >= 0 else least
            raw = (most - least) / 5
            magnitude = 10.0 ** math.floor(math.log10(raw))
            step = next(s * magnitude for s in (1, 2, 2.5, 5, 10) if s * magnitude >= raw)
            self.ticks = [i * step for i in range(math.ceil(least / step), int(most / step) + 1)]
        self.least, self.most = least, most

    def at(self, value):
        value = math.log10(value) if self.log else value
        return self.low + (value - self.least) / (self.most - self.least) * (self.high - self.low)


def marker(shape, x, y, colour):
    if shape == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
    if shape == 1:
        return f'<rect x="{x - 3.6:.1f}" y="{y - 3.6:.1f}" width="7.2" height="7.2" fill="{colour}"/>'
    return f'<path d="M{x:.1f} {y - 4.8:.1f}l4.8 8.4h-9.6z" fill="{colour}"/>'


def line_chart(title, x_label, y_label, series, *, log_x=True, log_y=True, subtitle="", bar=None, dots=True):
    """series: [(name, xs, ys)]; bar: (value, words), drawn across. Values a logarithm cannot have are left out."""
    xs = [x for _, points, _ in series for x in points]
    ys = [y for _, _, points in series for y in points] + ([bar[0]] if bar else [])
    right = WIDTH - RIGHT - (NAMES if len(series) > 1 else 0)
    across = Axis(xs, LEFT, right, log_x)
    if log_x and len(set(xs)) <= 8:
        across.ticks = sorted(set(xs))
    up = Axis(ys, HEIGHT - BOTTOM, TOP, log_y)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" aria-label="{escape(title, {chr(34): "&quot;"})}">',
        f"<style>{STYLE}\n</style>", f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        f'<text class="text title" x="{LEFT}" y="24">{escape(title)}</text>',
    ]
    if subtitle:
        out.append(f'<text class="faint" x="{LEFT}" y="44">{escape(subtitle)}</text>')
    for value in up.ticks:
        y = up.at(value)
        out.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{right:.0f}" y2="{y:.1f}"/>')
        out.append(f'<text class="faint" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{short(value)}</text>')
    for value in across.ticks:
        x = across.at(value)
        out.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>')
        out.append(f'<text class="faint" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{short(value)}</text>')
    out.append(f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{right:.0f}"/>')
    middle = (LEFT + right) / 2
    out.append(f'<text class="text" x="{middle}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x_label)}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    out.append(f'<text class="text" transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">'
               f"{escape(y_label)}</text>")
    if bar:
        y = up.at(bar[0])
        out.append(f'<line class="bar" x1="{LEFT}" y1="{y:.1f}" x2="{right:.0f}" y2="{y:.1f}"/>')
        out.append(f'<text class="faint" x="{LEFT + 8}" y="{y - 6:.1f}">{escape(bar[1])}</text>')
    labels = []
    for index, (name, points, values) in enumerate(series):
        colour = SERIES[index % len(SERIES)]
        drawn = [(across.at(x), up.at(y)) for x, y in zip(points, values)
                 if (x > 0 or not log_x) and (y > 0 or not log_y)]
        if not drawn:
            continue
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in drawn)
        out.append(f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="2.2" stroke-linejoin="round"/>')
        if dots:
            out += [marker(index % 3, x, y, colour) for x, y in drawn]
        labels.append([drawn[-1][1], name, colour])
    if len(labels) > 1:
        for y, name, colour in apart(sorted(labels), 17):
            out.append(f'<text x="{right + 12:.0f}" y="{y + 4:.1f}" fill="{colour}" font-weight="600">{escape(name)}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def apart(labels, step):
    """Moves labels that lie on each other down, and all of them up where the last would leave the picture."""
    for before, label in zip(labels, labels[1:]):
        label[0] = max(label[0], before[0] + step)
    below = labels[-1][0] - (HEIGHT - BOTTOM)
    if below > 0:
        for label in labels:
            label[0] -= below
    return labels


def bar_chart(title, subtitle, bars):
    """bars: [(name, value)], drawn from left to right on a logarithmic scale that begins at 1."""
    step, left = 34, 150
    height = TOP + step * len(bars) + 24
    # From 1, the floor: a bar is what comes on top of it.
    low = 0
    high = math.log10(max(value for _, value in bars) * 1.5)
    def at(value):
        return left + (math.log10(value) - low) / (high - low) * (WIDTH - RIGHT - left)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}\n</style>", f'<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>',
        f'<text class="text title" x="24" y="24">{escape(title)}</text>',
        f'<text class="faint" x="24" y="44">{escape(subtitle)}, logarithmic</text>',
    ]
    for exponent in range(0, math.ceil(high)):
        for factor in (1, 2, 5):
            value = factor * 10 ** exponent
            if low <= math.log10(value) <= high:
                out.append(f'<line class="grid" x1="{at(value):.1f}" y1="{TOP - 8}" x2="{at(value):.1f}" y2="{height - 24}"/>')
                out.append(f'<text class="faint" x="{at(value):.1f}" y="{height - 8}" text-anchor="middle">{value}</text>')
    for index, (name, value) in enumerate(bars):
        y = TOP + index * step
        colour = SERIES[0] if name == "memwatch" else "#8c959f"
        out.append(f'<text class="text" x="{left - 10}" y="{y + 15}" text-anchor="end">{escape(name)}</text>')
        out.append(f'<rect x="{left}" y="{y}" width="{max(2, at(value) - left):.1f}" height="22" rx="3" fill="{colour}"/>')
        # Beside the bar where there is room, else on it.
        out.append(f'<text class="text" x="{at(value) + 6:.1f}" y="{y + 15}">{value:.3g} ×</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"
