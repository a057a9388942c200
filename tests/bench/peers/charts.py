# SPDX-License-Identifier: Apache-2.0
"""Charts as SVG, without a library: a dot a program at the median, on a logarithmic axis, and a line from the least to the most."""

import html
import math
import statistics

from peers import report
from peers.sidecar import NAME as OURS

COLORS = {OURS: "#0b6e8f", "otelcol": "#c8511b", "Rotel": "#7a5195"}
OTHER = "#8a8a8a"
LABEL, PLOT, RIGHT, ROW, GAP, HEAD = 250, 470, 110, 14, 10, 64


def ticks(low, high):
    """Powers of ten that enclose the values."""
    return [10.0 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def short(value):
    for unit, factor in (("M", 1e6), ("k", 1e3)):
        if value >= factor:
            return f"{report.number(value / factor, 2)} {unit}"
    return report.number(value, 2)


def text(x, y, what, anchor="start", size=11, fill="#222"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">{html.escape(what)}</text>'


def dot(y, name, values, place):
    """The median and its spread, on a row of its own."""
    middle, low, high = statistics.median(values), min(values), max(values)
    color, row = COLORS.get(name, OTHER), y + ROW / 2
    return [f'<path d="M{LABEL} {row:.1f}H{place(low):.1f}" stroke="#d8d8d8" stroke-width="1"/>',
            f'<path d="M{place(low):.1f} {row:.1f}H{place(high):.1f}" stroke="{color}" stroke-width="2"/>',
            f'<circle cx="{place(middle):.1f}" cy="{row:.1f}" r="4.5" fill="{color}"/>',
            text(max(place(middle) + 3, place(high)) + 6, row + 3.5, short(middle), size=10)]


def chart(title, unit, groups):
    """SVG of groups [(label, {program: [values]})] on a logarithmic axis; "" when there is no value."""
    every = [v for _, programs in groups for values in programs.values() for v in values if v > 0]
    if not every:
        return ""
    marks = ticks(min(every), max(every))
    first, span = math.log10(marks[0]), max(1.0, math.log10(marks[-1]) - math.log10(marks[0]))

    def place(value):
        return LABEL + PLOT * (math.log10(value) - first) / span

    body, y = [], HEAD
    for label, programs in groups:
        height = ROW * len(programs)
        body.append(text(LABEL - 8, y + height / 2 + 4, label, "end"))
        for name, values in programs.items():
            body += dot(y, name, values, place)
            y += ROW
        y += GAP
    grid = [f'<path d="M{place(mark):.1f} {HEAD - 6}V{y - GAP + 4}" stroke="#e4e4e4"/>' for mark in marks]
    grid += [text(place(mark), y + 8, short(mark), "middle", 10, "#555") for mark in marks]
    names = list(dict.fromkeys(name for _, programs in groups for name in programs))
    legend = [part for i, name in enumerate(names) for part in (
        f'<rect x="{LABEL + 130 * i}" y="34" width="11" height="11" fill="{COLORS.get(name, OTHER)}"/>', text(LABEL + 130 * i + 16, 44, name))]
    width, height = LABEL + PLOT + RIGHT, y + 34
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>')
    lines = [head, text(8, 20, title, size=13), *legend, *grid, *body, text(LABEL + PLOT / 2, y + 26, unit, "middle", 10, "#555"), "</svg>"]
    return "\n".join(lines) + "\n"


def throughput_chart(found, modes):
    """The rows of these modes."""
    groups = [(f"{row['mode']}, {row['workload']}×{row['items']}",
               {name: one["rates"] for name, one in row["peers"].items() if "rates" in one}) for row in found.get("throughput", []) if row["mode"] in modes]
    return chart("Spans, points or log records per CPU-second of the process", "per CPU-second, logarithmic; line: the least to the most",
                 [group for group in groups if group[1]])


def latency_chart(found):
    groups = [(f"{row['rate']} spans a second, {key.replace('p999', 'p99.9')}", {name: [one[key] * 1e3 for one in runs] for name, runs in row["peers"].items() if runs})
              for row in found.get("latency", []) for key in ("p50", "p99", "p999")]
    return chart("Time to the acknowledgement, W2 forwarded", "ms, logarithmic", [group for group in groups if group[1]])


def memory_chart(found):
    programs = {name: one for name, one in found.get("memory", {}).items() if "skipped" not in one}
    groups = [(label, {name: [one[key]["rss"] / 1024] for name, one in programs.items()})
              for key, label in (("idle", "idle"), ("W2", "after W2"), ("W5", "after W5")) if programs]
    many = {name: [one["after"]["rss"] / 1024] for name, one in found.get("series", {}).items() if "skipped" not in one}
    count = next((one["series"] for one in found.get("series", {}).values() if "series" in one), 0)
    return chart("Resident memory", "MiB, logarithmic", groups + ([(f"with {short(count)} series of span_metrics", many)] if many else []))


def analysis_chart(found):
    libraries = {name.split(":")[0]: one for name, one in found["analysis"].get("peers", {}).items() if "skipped" not in one}
    groups = [("a window of " + name, {"ratio of CPU-seconds": one["window"]}) for name, one in libraries.items()]
    return chart("CPU-seconds of libraries over those of drift, the same rows", "times, logarithmic", groups)


CHARTS = (
    ("peers-in", "Items per CPU-second, received", lambda found: throughput_chart(found, ("in",))),
    ("peers-forwarded", "Items per CPU-second, forwarded", lambda found: throughput_chart(found, ("forwarded", "forwarded in batches"))),
    ("peers-modes", "Items per CPU-second, with statistics, gzip, TLS and HTTP", lambda found: throughput_chart(
        found, ("in, span_metrics", "in, statistics", "gzip in", "gzip in, forwarded with gzip", "TLS in", "HTTP in", "HTTP with JSON in"))),
    ("peers-latency", "Time to the acknowledgement at fixed rates", latency_chart),
    ("peers-memory", "Resident memory", memory_chart),
    ("peers-analysis", "Libraries for drift", analysis_chart),
)


def write(found, folder):
    """Writes the charts that have values; returns [(path, what it shows)]."""
    made = []
    for name, what, draw in CHARTS:
        drawn = draw(found)
        if drawn:
            path = f"{folder}/{name}.svg"
            with open(path, "w", encoding="utf-8") as out:
                out.write(drawn)
            made.append((path, what))
    return made
