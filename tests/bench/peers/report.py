# SPDX-License-Identifier: Apache-2.0
"""What was measured as Markdown: the part of docs/performance.md between its markers."""

import math
import statistics

from peers import analysis
from peers.sidecar import NAME as OURS

BEGIN = "<!-- make bench-peers writes from here -->"
END = "<!-- to here -->"
WORKLOADS = {"W1": "spans of two integers", "W2": "HTTP spans", "W3": "HTTP spans, small requests", "W4": "HTTP spans, large requests",
             "W5": "GenAI spans", "W5P": "GenAI spans, what the presets find", "W6": "GenAI spans with messages",
             "W7a": "spans of 100 attributes", "W7b": "spans of 20 attributes of 5 kB", "W8a": "histogram points", "W8b": "exponential histogram points",
             "W9a": "short log records", "W9b": "log records of 1 kB", "W10": "HTTP spans as JSON"}


def ratios(ours, theirs):
    """Of rounds in turns: (median, least, most) of the ratio ours / theirs of each round; None without rounds of both."""
    found = [mine / other for mine, other in zip(ours, theirs) if other > 0]
    return (statistics.median(found), min(found), max(found)) if found else None


def number(value, digits=3):
    """With so many significant digits, and no exponent."""
    if value == 0:
        return "0"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def ratio_text(found):
    return "" if not found else f"{number(found[0], 2)} ({number(found[1], 2)} to {number(found[2], 2)})"


def millions(rates):
    """Items per CPU-second in millions: the median, the least and the most."""
    return f"{number(statistics.median(rates) / 1e6)} ({number(min(rates) / 1e6)} to {number(max(rates) / 1e6)})"


def mib(kib):
    return f"{kib / 1024:.1f}"


def table(head, rows):
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in (head, *rows)]
    return "\n".join(["| " + " | ".join(row) + " |" for row in (cells[0], ["---"] * len(head), *cells[1:])])


def skip_or(found, text):
    return f"skipped: {found['skipped']}" if "skipped" in found else text(found)


def spliced(document, part):
    """The document with this part between its markers; ValueError where it has not exactly one pair of them."""
    if document.count(BEGIN) != 1 or document.count(END) != 1 or document.index(BEGIN) > document.index(END):
        raise ValueError(f"it needs one line {BEGIN} and after it one line {END}")
    return document[:document.index(BEGIN) + len(BEGIN)] + "\n" + part.strip() + "\n" + document[document.index(END):]


# ---- Sections ------------------------------------------------------------------------------------------


def rate_cells(row, others):
    """Ours, and of each other its rate and the ratio."""
    ours = row["peers"].get(OURS, {"skipped": "not measured"})
    cells = [skip_or(ours, lambda one: millions(one["rates"]))]
    for name in others:
        theirs = row["peers"].get(name, {"skipped": "not measured"})
        cells.append(skip_or(theirs, lambda one: millions(one["rates"])))
        cells.append(ratio_text(ratios(ours["rates"], theirs["rates"])) if "rates" in ours and "rates" in theirs else "")
    return cells


def has_it(rows, names):
    """(the names that have the mode, and a text that says why others have not)"""
    why = {name: {row["peers"].get(name, {}).get("skipped") for row in rows} for name in names}
    without = {name: next(iter(told)) for name, told in why.items() if len(told) == 1 and None not in told}
    return [name for name in names if name not in without], "".join(f" ({name} skipped: {told})" for name, told in without.items())


def throughput_section(found):
    parts = []
    for mode in dict.fromkeys(row["mode"] for row in found["throughput"]):
        measured = [row for row in found["throughput"] if row["mode"] == mode]
        others, without = has_it(measured, [name for name in found["versions"] if name != OURS])
        head = ["workload", "a request", OURS] + [cell for name in others for cell in (name, "ratio")]
        rows = [[f"{row['workload']}: {WORKLOADS[row['workload']]}", f"{row['items']} of {row['bytes'] / row['items']:.0f} B",
                 *rate_cells(row, others)] for row in measured]
        parts.append(f"**{mode}**{without}\n\n{table(head, rows)}")
    return "### Items per CPU-second\n\nMillions of spans, points or log records per CPU-second of the process.\n\n" + "\n\n".join(parts)


def itself_text(found):
    one, again = (peer.get("rates", []) for peer in found["itself"]["peers"].values())
    return f"The same build beside itself (in, W2) gave {ratio_text(ratios(one, again))}: a ratio nearer to 1 than that says nothing."


def latency_section(found):
    rows = []
    for row in found["latency"]:
        for name, runs in row["peers"].items():
            if not runs:
                rows.append([row["rate"], name, "failed", "", "", "", ""])
                continue
            middle = {key: statistics.median(one[key] for one in runs) for key in runs[0]}
            rows.append([row["rate"], name, f"{middle['reached']:.0f}",
                         *(f"{middle[key] * 1e3:.2f} ({min(one[key] for one in runs) * 1e3:.2f} to {max(one[key] for one in runs) * 1e3:.2f})"
                           for key in ("p50", "p99", "p999")), f"{100 * middle['core']:.1f} %"])
    return ("### Time to the acknowledgement at fixed rates\n\nW2, 100 spans a request, forwarded without compression; a request is "
            "acknowledged when the sending queue has it. A program that does not reach a rate is measured once at it and at no higher one.\n\n" +
            table(["spans a second", "program", "reached", "p50, ms", "p99, ms", "p99.9, ms", "of a core"], rows))


def memory_section(found):
    rows = []
    for name, one in found["memory"].items():
        many, start, size = found["series"].get(name, {}), found["start"].get(name, []), found["size"].get(name, {})
        rows.append([name, *([f"skipped: {one['skipped']}", "", ""] if "skipped" in one else
                             [f"{mib(one[what]['rss'])} ({mib(one[what]['private'])})" for what in ("idle", "W2", "W5")]),
                     skip_or(many, lambda m: f"{m['bytes']:.0f} B ({mib(m['after']['rss'])} MiB)") if many else "",
                     f"{statistics.median(start):.0f} ({min(start):.0f} to {max(start):.0f})" if start else "",
                     skip_or(size, lambda s: f"{s['binary'] / 2**20:.1f} + {s['libraries'] / 2**20:.1f}") if size else ""])
    series = next((one["series"] for one in found["series"].values() if "series" in one), 0)
    return ("### Memory, start and size\n\nResident MiB and how much of it is private, forwarding; a series of `span_metrics` is its counter and "
            f"its histogram, what {series} of them added to the resident memory divided by their number; the start is the time to the "
            "first accepted request.\n\n" +
            table(["program", "idle", "after W2", "after W5", "a series", "start, ms", "binary + libraries, MiB"], rows))


def requests_section(found):
    rows = [[mode, name, *([f"skipped: {one['skipped']}", ""] if "skipped" in one else
                           ["cannot be counted" if one[key] is None else number(one[key]) for key in ("allocations", "calls")])]
            for mode, peers in found["requests"].items() for name, one in peers.items()]
    return ("### Allocations and system calls\n\nOf a request of W2, one after another over one connection: the difference between two lengths "
            "of the same run.\n\n" + table(["mode", "program", "allocations", "system calls"], rows))


def slow_section(found):
    def row(name, one):
        if "skipped" in one:
            return [name, f"skipped: {one['skipped']}", "", "", "", "", ""]
        told = [one["refused"], one["dropped"]]
        missing = "not told" if None in told else f"{one['sent'] - one['arrived'] - sum(told):.0f}"
        return [name, f"{one['sent']}", f"{one['arrived']:.0f}", *("no counter" if value is None else f"{value:.0f}" for value in told), missing,
                f"{mib(one['idle']['rss'])}; {mib(one['after']['peak'])}"]
    return ("### W12: a slow backend\n\nSpans of W2 as fast as they are taken, to a backend that takes 8 MiB a second; the queue may hold 100000 "
            "spans (Rotel's is its own).\n\n" +
            table(["program", "sent", "arrived", "refused", "dropped", "unaccounted", "resident MiB, idle; peak"],
                  [row(name, one) for name, one in found["slow"].items()]))


def bridge_section(found):
    if "skipped" in found["bridge"]:
        return f"### Inside one Collector\n\nskipped: {found['bridge']['skipped']}"
    rows = []
    for workload, stages in found["bridge"]["workloads"].items():
        go, base = (stages.get(name, {}).get("rates") for name in ("span_metrics, in Go", "nothing"))
        for name, one in stages.items():
            if "skipped" in one:
                rows.append([workload, name, f"skipped: {one['skipped']}", "", "", ""])
                continue
            own = "" if not base or name == "nothing" else f"{1e9 * (1 / statistics.median(one['rates']) - 1 / statistics.median(base)):.0f}"
            rows.append([workload, name, millions(one["rates"]), ratio_text(ratios(one["rates"], go)) if go else "", own, mib(one["rss"])])
    return ("### Inside one Collector\n\nThe Collector's own `span_metrics` in Go, and this project's components behind the bridge (`ocb/`), in the same "
            "Collector: the receiver's cost is in all; “own” is what is left without it.\n\n" +
            table(["workload", "stage", "M spans per CPU-second", "over span_metrics in Go", "own, ns a span", "resident MiB"], rows))


def about_section(found):
    about = found["about"]
    lines = [f"Measured {about['date']} in {about['minutes']:.0f} minutes: {about['cpu']}, {about['cores']} cores, {about['memory_gib']:.0f} GiB, "
             f"{about['system']}, load average {about['load']} before. {about['rounds']} rounds in turns of about {about['round_s']} s each; a figure is the median of "
             "the rounds, in brackets the least and the most; a ratio is ours over theirs, of each round.", itself_text(found), "",
             table(["program", "version"], [*found["versions"].items(), *found["analysis"].get("versions", {}).items(), ("h2load", about["h2load"])])]
    lines += ["", *found["notes"]]
    absent = found["absent"]
    if absent:
        lines += ["", "Skipped: " + "; ".join(f"{name}: {why}" for name, why in absent.items()) + "."]
    return "\n".join(lines)


SECTIONS = (("throughput", throughput_section), ("latency", latency_section), ("memory", memory_section), ("requests", requests_section),
            ("slow", slow_section), ("bridge", bridge_section))


def document(found, figures=()):
    """All of it; a part that was not measured is left out."""
    parts = [about_section(found)]
    parts += [f"![{text}]({path})" for path, text in figures]
    parts += [section(found) for key, section in SECTIONS if found.get(key)]
    if "peers" in found["analysis"]:
        parts.append("### Libraries for drift on the same rows\n\n" + analysis.tables(found["analysis"]))
    return "\n\n".join(parts) + "\n"
