#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the figures of docs/drift.md into docs/img/, from runs of the release binary and of the simulations. Seeds are
fixed. Needs matplotlib, numpy and scipy, and the data of AIMON_TESTDATA.

    make VARIANT=release build/release/bin/otelcol-aimon build/release/tests/bench/simulate
    python3 -m venv /tmp/plots && /tmp/plots/bin/pip install matplotlib numpy scipy
    /tmp/plots/bin/python tests/bench/plots.py [--only NAME] [--simulation simulate.csv]

--simulation: what `build/release/tests/bench/simulate csv` printed, instead of running it (minutes)."""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullLocator, PercentFormatter, ScalarFormatter
from scipy.stats import chi2

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.join(ROOT, "build/release/bin/otelcol-aimon")
SIMULATE = os.path.join(ROOT, "build/release/tests/bench/simulate")
OUTPUT = os.path.join(ROOT, "docs/img")
DATA = os.path.join(os.environ.get("AIMON_TESTDATA", os.path.join(ROOT, "../shared/data")), "series")
CALIFORNIA = os.path.join(DATA, "california_housing/california_housing_reference.csv")
AZURE = os.path.join(DATA, "azure_llm_2023/AzureLLMInferenceTrace_conv.csv")
SEED = 20240229
OURS, THEIRS, OTHER, GREY = "#0b6e8f", "#c8511b", "#7a5195", "#8a8a8a"

plt.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "otelcol-aimon", "font.size": 10, "figure.facecolor": "white",
    "savefig.facecolor": "white", "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#e4e4e4", "grid.linewidth": 0.7, "axes.axisbelow": True, "legend.frameon": False,
    "axes.titlesize": 10.5, "axes.titlelocation": "left", "lines.linewidth": 1.8})


def save(figure, name):
    figure.tight_layout()
    path = os.path.join(OUTPUT, name + ".svg")
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    with open(path, encoding="utf-8") as source:
        text = re.sub(r"(\d+\.\d\d)\d{2,}", r"\1", source.read())
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(line.rstrip() for line in text.splitlines()) + "\n")
    plt.close(figure)
    print(f"{path}: {os.path.getsize(path)} bytes", file=sys.stderr)


def aimon(*arguments):
    """The JSON that `otelcol-aimon compare` prints."""
    done = subprocess.run([BINARY, "compare", "--format", "json", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"compare {arguments}: {done.stderr}")
    return json.loads(done.stdout)


def write_table(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path


def read_table(path):
    with open(path, newline="", encoding="utf-8") as source:
        rows = list(csv.reader(source))
    return rows[0], rows[1:]


def sizes_axis(axes, sizes, label):
    axes.set_xscale("log")
    axes.set_xticks(sizes)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label)


def psi_law(simulation, _):
    """(a) PSI of windows of the same distribution: its law, and what was simulated."""
    rows = [line.split(",") for line in simulation.splitlines() if line.startswith("psi_law,")]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.9))
    m = np.geomspace(50, 2000, 200)
    for n, color, shade in ((1000, THEIRS, False), (10000, OURS, True)):
        unit = 1 / n + 1 / m
        if shade:
            left.fill_between(m, unit * chi2.ppf(0.05, 9), unit * chi2.ppf(0.95, 9), color=color, alpha=0.13, lw=0)
        left.plot(m, 9 * unit, color=color, ls="--", lw=1.2)
        left.plot(m, unit * chi2.ppf(0.95, 9), color=color, label=f"reference of {n} rows")
        right.plot(m, chi2.sf(0.1 / unit, 9), color=color, label=f"PSI ≥ 0.1, reference of {n}")
        right.plot(m, chi2.sf(0.2 / unit, 9), color=color, ls=":", label=f"PSI ≥ 0.2, reference of {n}")
        told = [r for r in rows if int(r[1]) == n and r[3] == "10"]
        size = [int(r[2]) for r in told]
        left.plot(size, [float(r[7]) for r in told], "o", color=color, ms=5)
        left.plot(size, [float(r[5]) for r in told], "o", mfc="white", color=color, ms=5)
        right.plot(size, [float(r[8]) for r in told], "o", color=color, ms=5)
        right.plot(size, [float(r[9]) for r in told], "o", mfc="white", color=color, ms=5)
    for mark, text in ((0.1, "0.1 “moderate”"), (0.2, "0.2 “major”")):
        left.axhline(mark, color="black", lw=0.9)
        left.text(1950, mark * 1.04, text, ha="right", va="bottom", fontsize=9)
    left.set_yscale("log")
    left.set_yticks([0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
    left.yaxis.set_major_formatter(ScalarFormatter())
    left.yaxis.set_minor_locator(NullLocator())
    left.set_title("PSI of a window that did not drift (10 bins)\nline: 95th percentile, dashed: mean; dots: simulated")
    left.legend(loc="lower left")
    right.set_title("How often it reaches a fixed threshold\nlines: χ² law, dots: simulated")
    right.yaxis.set_major_formatter(PercentFormatter(1))
    right.legend(loc="upper right", fontsize=9)
    for axes in (left, right):
        sizes_axis(axes, [50, 100, 200, 500, 1000, 2000], "rows of the window")
    save(figure, "psi-null")


def verdict_rates(folder, window, shift, windows, rng, columns, names):
    """Share of (column, window) that each rule calls drifted: real columns, rows drawn independently, all of a window
    moved by `shift` standard deviations."""
    n = 5000
    draw = columns[rng.integers(0, len(columns), n)]
    now = columns[rng.integers(0, len(columns), window * windows)] + shift * draw.std(axis=0)
    tables = ("--reference", write_table(f"{folder}/reference.csv", names, draw.tolist()), "--current",
              write_table(f"{folder}/current.csv", names, now.tolist()), "--window", window, "--dependence", "none")
    ours = [f["rejected_by"] is not None for w in aimon(*tables)["windows"] for f in w["features"]]
    compat = [f for w in aimon(*tables, "--compat", "evidently")["windows"] for f in w["features"]]
    return (np.mean(ours), np.mean([f["detected"] for f in compat]),
            np.mean([f["methods"]["psi"]["drifted"] for f in compat]),
            np.mean([f["methods"]["ks"]["drifted"] for f in compat]))


def power(_, folder):
    """(b) The same columns, stable and shifted, through our verdict and evidently's rules."""
    header, rows = read_table(CALIFORNIA)
    names = ["MedInc", "AveRooms", "Population", "AveOccup", "Latitude", "Longitude"]
    columns = np.array([[float(row[header.index(name)]) for name in names] for row in rows])
    rng = np.random.default_rng(SEED)
    sizes, shifts = [100, 200, 500, 1000, 2000], [0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5]
    stable = [verdict_rates(folder, m, 0, 40, rng, columns, names) for m in sizes]
    moved = [verdict_rates(folder, 500, shift, 30, rng, columns, names) for shift in shifts]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.9))
    for i, (label, color, style) in enumerate((("our defaults, one window", OURS, "-"), ("evidently's default: W₁/σ ≥ 0.1", THEIRS, "-"),
                                               ("evidently's PSI ≥ 0.1", OTHER, "--"), ("KS p ≤ 0.05", GREY, "--"))):
        left.plot(sizes, [s[i] for s in stable], style, marker="o", ms=4, color=color, label=label)
        right.plot(shifts, [s[i] for s in moved], style, marker="o", ms=4, color=color, label=label)
        print(label, [round(float(s[i]), 4) for s in stable], [round(float(s[i]), 4) for s in moved], file=sys.stderr)
    sizes_axis(left, sizes, "rows of the window")
    left.set_title("Nothing drifts: windows of a column\nthat are called drifted all the same")
    right.set_title("Every value moves by so many standard\ndeviations: windows of 500 rows that are found")
    right.set_xlabel("shift / σ")
    left.legend(loc="upper right", fontsize=9)
    for axes in (left, right):
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_ylim(-0.02, 1.03)
    left.set_ylim(-0.01, 0.68)
    save(figure, "power")


def california(_, folder):
    """(c) Real rows over time, week by week: D and PSI, and what the verdict made of them."""
    header, rows = read_table(CALIFORNIA)
    time = header.index("timestamp")
    before = write_table(f"{folder}/before.csv", header, [r for r in rows if r[time] < "2021"])
    after = write_table(f"{folder}/after.csv", header, [r for r in rows if r[time] >= "2021"])
    result = aimon("--reference", before, "--current", after, "--timestamp", "timestamp", "--window", "W",
                   "--reference-windows", "--columns", "MedInc,HouseAge")
    weeks = [w for w in result["windows"] if not w["incomplete"]]
    starts = [np.datetime64(w["start"][:10]) for w in weeks]
    figure, axes = plt.subplots(2, 1, figsize=(9.4, 5.2), sharex=True)
    for i, (name, title) in enumerate((("HouseAge", "HouseAge: detected"),
                                       ("MedInc", "MedInc: large statistics, no verdict"))):
        features = [next(f for f in w["features"] if f["name"] == name) for w in weeks]
        inner = [f["statistics"] for f in features]
        twin = axes[i].twinx()
        twin.grid(False)
        twin.spines["right"].set_visible(True)
        twin.bar(starts, [s["psi"]["value"] for s in inner], width=4, color=OTHER, alpha=0.28, label="PSI")
        axes[i].plot(starts, [s["ks"]["value"] for s in inner], "-o", ms=4, color=OURS, label="KS D")
        axes[i].set_zorder(twin.get_zorder() + 1)
        axes[i].patch.set_visible(False)
        rejected = [(t, f["statistics"]["ks"]["value"]) for t, f in zip(starts, features) if f["rejected_by"]]
        if rejected:
            axes[i].plot(*zip(*rejected), "o", ms=9, mfc="none", mew=1.8, color=THEIRS, label="rejects in this week")
        span = "detected (2 of 3 weeks)"
        for start, feature in zip(starts, features):
            if feature["detected"]:
                axes[i].axvspan(start - np.timedelta64(84, "h"), start + np.timedelta64(84, "h"), color=THEIRS, alpha=0.14,
                                lw=0, label=span)
                span = None
        phi = np.median([f["design_effect"] for f in features])
        axes[i].axvline(np.datetime64("2020-12-28") - np.timedelta64(84, "h"), color="black", lw=1)
        axes[i].set_title(f"{title} (median design effect {phi:.0f})")
        axes[i].set_ylim(0, 0.85)
        axes[i].set_ylabel("KS D", color=OURS)
        twin.set_ylabel("PSI", color=OTHER)
        handles = axes[i].get_legend_handles_labels()
        more = twin.get_legend_handles_labels()
        axes[i].legend(handles[0] + more[0], handles[1] + more[1], loc="upper left", fontsize=9)
    axes[0].text(np.datetime64("2020-12-22"), 0.79, "reference's own weeks", ha="right", fontsize=9)
    axes[0].text(np.datetime64("2020-12-27"), 0.79, "windows", ha="left", fontsize=9)
    save(figure, "california")


def dependence(_, folder):
    """(d) A trace against its own other rows, in order and shuffled, with and without allowance for dependence."""
    header, rows = read_table(AZURE)
    order = np.random.default_rng(SEED).permutation(len(rows))
    shuffled = write_table(f"{folder}/shuffled.csv", header[1:], [rows[i][1:] for i in order])
    sizes = [200, 500, 1000]
    figure, axes = plt.subplots(figsize=(7.6, 3.8))
    cases = (("in order, dependence: none", AZURE, "none", THEIRS), ("in order, dependence: panes", AZURE, "panes", OURS),
             ("shuffled, dependence: none", shuffled, "none", "#e3a587"),
             ("shuffled, dependence: panes", shuffled, "panes", "#8cc3d6"))
    for i, (label, path, how, color) in enumerate(cases):
        arguments = ["--calibrate", path, "--dependence", how]
        if path == AZURE:
            arguments += ["--timestamp", "TIMESTAMP"]
        shares = []
        for size in sizes:
            features = aimon(*arguments, "--window", size)["features"]
            alarms, windows = (sum(f[key] for f in features) for key in ("alarms", "windows"))
            shares.append(alarms / windows)
        print(label, [round(s, 4) for s in shares], file=sys.stderr)
        bars = axes.bar(np.arange(len(sizes)) + (i - 1.5) * 0.2, shares, 0.19, color=color, label=label)
        axes.bar_label(bars, [f"{100 * s:.0f} %" for s in shares], fontsize=8.5, padding=2)
    axes.set_xticks(range(len(sizes)), [f"{size} rows" for size in sizes])
    axes.grid(axis="x", visible=False)
    axes.set_ylim(0, 1.32)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_title("Azure's conversation trace against its own other rows (level 0.01, both columns):\nwindows that reject, "
                   "though nothing but the hour has changed")
    axes.legend(ncols=2, loc="upper left", fontsize=9)
    save(figure, "dependence")


FIGURES = {"psi-null": psi_law, "power": power, "california": california, "dependence": dependence}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=FIGURES)
    parser.add_argument("--simulation", metavar="FILE")
    options = parser.parse_args()
    if not os.path.isdir(DATA):
        sys.exit(f"{DATA}: no data (AIMON_TESTDATA)")
    simulation = ""
    if options.only in (None, "psi-null"):
        if options.simulation:
            with open(options.simulation, encoding="utf-8") as source:
                simulation = source.read()
        else:
            simulation = subprocess.run([SIMULATE, "csv"], check=True, capture_output=True, text=True).stdout
    os.makedirs(OUTPUT, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, draw in FIGURES.items():
            if options.only in (None, name):
                draw(simulation, folder)


if __name__ == "__main__":
    main()
