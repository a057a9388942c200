#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same rows through drift's own functions and through scipy, evidently, NannyML, whylogs and river: CPU-seconds and memory, as
ratios, of programs that run one after another, several rounds interleaved. Values are in memory before a clock starts.

    tests/bench/peers/analysis.py --bench build/release/tests/bench/drift_bench [--rows 1000000] [--rounds 3]

The libraries live in environments of their own below ${XDG_CACHE_HOME:-~/.cache}/otelcol-aimon, made when they are not there;
one that cannot be installed is skipped."""

import argparse
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import textwrap

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "otelcol-aimon")
COLUMNS = 5

# Each gets the file, rows and columns, and prints its CPU seconds, those of the window alone where it keeps what it knows of the
# reference, its peak memory and, where it has them, the KS distances.
HEAD = """
import json, resource, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
path, rows, columns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
data = np.fromfile(path).reshape(columns, 2 * rows)
def done(seconds, **more):
    print(json.dumps({"seconds": seconds, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, **more}))
"""
PEERS = {
    "scipy: ks_2samp, wasserstein_distance, PSI of deciles": ("evidently", HEAD + """
from scipy.stats import ks_2samp, wasserstein_distance
start, ks = time.process_time(), []
for column in data:
    a, b = column[:rows], column[rows:]
    ks.append(float(ks_2samp(a, b).statistic))
    wasserstein_distance(a, b)
    edges = np.quantile(a, np.arange(1, 10) / 10)
    p = np.bincount(np.searchsorted(edges, a, "right"), minlength=10) / rows
    q = np.bincount(np.searchsorted(edges, b, "right"), minlength=10) / rows
    float(((q - p) * np.log(q / p)).sum())
done(time.process_time() - start, ks=ks)
"""),
    "evidently: DataDriftPreset, its defaults": ("evidently", HEAD + """
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
names = [f"c{i}" for i in range(columns)]
ref = pd.DataFrame(dict(zip(names, data[:, :rows])))
cur = pd.DataFrame(dict(zip(names, data[:, rows:])))
start = time.process_time()
Report([DataDriftPreset()]).run(cur, ref).dict()
done(time.process_time() - start)
"""),
    "NannyML: UnivariateDriftCalculator, KS and JS": ("nannyml", HEAD + """
import logging
logging.disable(logging.CRITICAL)
import pandas as pd, nannyml as nml
names = [f"c{i}" for i in range(columns)]
ref = pd.DataFrame(dict(zip(names, data[:, :rows])))
cur = pd.DataFrame(dict(zip(names, data[:, rows:])))
start = time.process_time()
calc = nml.UnivariateDriftCalculator(column_names=names, chunk_number=10,
                                     continuous_methods=["kolmogorov_smirnov", "jensen_shannon"])
calc.fit(ref)
fitted = time.process_time()
calc.calculate(cur)
done(time.process_time() - start, window=time.process_time() - fitted)
"""),
    "whylogs: two profiles (sketches) and their KS scores": ("whylogs", HEAD + """
import logging
logging.disable(logging.CRITICAL)
import pandas as pd, whylogs as why
from whylogs.viz.drift.column_drift_algorithms import KS, calculate_drift_scores
names = [f"c{i}" for i in range(columns)]
ref = pd.DataFrame(dict(zip(names, data[:, :rows])))
cur = pd.DataFrame(dict(zip(names, data[:, rows:])))
start = time.process_time()
known = why.log(pandas=ref).view()
profiled = time.process_time()
view = why.log(pandas=cur).view()
scores = calculate_drift_scores(target_view=view, reference_view=known, drift_map={name: KS() for name in names})
assert all(scores[name] for name in names)
done(time.process_time() - start, window=time.process_time() - profiled)
"""),
}
# What pip is asked for where it is more than the library's name, and what must be there to import.
PACKAGES = {"whylogs": ["whylogs[viz]", "pandas"]}
IMPORTS = {"whylogs": "whylogs, pandas"}
# A value at a time.
RIVER = HEAD + """
from river import drift
out = {}
for name, make, n in (("adwin", drift.ADWIN, 100000), ("page_hinkley", drift.PageHinkley, 100000), ("kswin", drift.KSWIN, 2000)):
    detector, values = make(), [float(x) for x in data[0][:n]]
    start = time.process_time()
    for x in values:
        detector.update(x)
    out[name] = (time.process_time() - start) / len(values) * 1e9
done(0, ns=out)
"""


def environment(name):
    """The Python of a library's environment, or None."""
    python = f"{CACHE}/{name}-venv/bin/python"

    def imports():
        probe = [python, "-c", "import " + IMPORTS.get(name, name)]
        return os.path.exists(python) and subprocess.run(probe, capture_output=True, check=False).returncode == 0

    if imports():
        return python
    print(f"installing {name} …", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", f"{CACHE}/{name}-venv"], check=False)
    subprocess.run([f"{CACHE}/{name}-venv/bin/pip", "install", "-q", *PACKAGES.get(name, [name])], check=False, capture_output=True)
    return python if imports() else None


def write_rows(path, rows):
    """Five columns: two normal, one log-normal, one with ties, one that moved."""
    rng = random.Random(20260417)
    kinds = [lambda s: rng.gauss(0, 1), lambda s: rng.gauss(0.02 * s, 1), lambda s: rng.lognormvariate(0, 1),
             lambda s: float(rng.randrange(1000)), lambda s: rng.gauss(0.3 * s, 1)]
    with open(path, "wb") as f:
        for kind in kinds:
            for side in (0, 1):
                f.write(struct.pack(f"{rows}d", *(kind(side) for _ in range(rows))))


def run_peer(code, python, path, rows):
    done = subprocess.run([python, "-c", textwrap.dedent(code), path, str(rows), str(COLUMNS)], capture_output=True,
                          check=False)
    if done.returncode:
        return None
    return json.loads(done.stdout.decode().splitlines()[-1])


def median(values):
    return sorted(values)[len(values) // 2]


def versions(pythons):
    """{distribution: version} of what the environments have."""
    found = {}
    for library, python in pythons.items():
        for name in (library, "scipy") if library == "evidently" else (library,):
            code = f"import importlib.metadata as m; print(m.version({name!r}))"
            done = python and subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
            if done and done.returncode == 0:
                found[name] = done.stdout.strip()
    return found


def ours_on(bench, path, rows):
    return json.loads(subprocess.run([bench, path, str(rows), str(COLUMNS)], check=True, capture_output=True).stdout)


def detectors(bench, python, path, rows):
    """(what drift_bench prints, {detector: (ns here, ns in river)})"""
    table = subprocess.run([bench], check=True, capture_output=True).stdout.decode()
    ours = {name: float(ns) for name, ns in re.findall(r"detector (\w+) +([\d.]+) ns", table)}
    theirs = python and run_peer(RIVER, python, path, rows)
    return table, {name: (ours[name], ns) for name, ns in (theirs or {"ns": {}})["ns"].items()}


def environments():
    """{library: its Python, or None}"""
    return {name: environment(name) for name in sorted({name for name, _ in PEERS.values()} | {"river"})}


def compare(bench, pythons, rows, rounds, say=lambda text: None):
    """Everything measured: {"rows", "rounds", "versions", "window", "whole", "bytes_a_feature", "peers", "detectors", "table"};
    "peers": {name: {"window", "whole": ratios of each round, "window_seconds", "seconds", "mib"}, or {"skipped"}}."""
    with tempfile.TemporaryDirectory() as work:
        path = f"{work}/rows"
        write_rows(path, rows)
        ours, peers = [], {name: [] for name in PEERS}
        for round_ in range(rounds):
            ours.append(ours_on(bench, path, rows))
            for name, (library, code) in PEERS.items():
                got = pythons[library] and run_peer(code, pythons[library], path, rows)
                peers[name].append((ours[-1], got))
                say(f"analysis, round {round_ + 1}: {name}: " + (f"{got['seconds']:.2f} s" if got else "skipped"))
        table, river = detectors(bench, pythons["river"], path, rows)
    found = {}
    for name, runs in peers.items():
        if not all(theirs for _, theirs in runs):
            found[name] = {"skipped": "it cannot be installed or did not run"}
            continue
        for mine, theirs in zip(ours[0]["ks"], runs[0][1].get("ks", [])):
            if abs(mine - theirs) > 0.001:
                sys.exit(f"KS differs: {mine} here, {theirs} there")
        found[name] = {"seconds": median([theirs["seconds"] for _, theirs in runs]), "mib": runs[0][1]["mib"],
                       "window_seconds": median([theirs.get("window", theirs["seconds"]) for _, theirs in runs]),
                       "window": [theirs.get("window", theirs["seconds"]) / mine["window_seconds"] for mine, theirs in runs],
                       "whole": [theirs["seconds"] / (mine["window_seconds"] + mine["reference_seconds"]) for mine, theirs in runs]}
    return {"rows": rows, "rounds": rounds, "versions": versions(pythons), "window": median([one["window_seconds"] for one in ours]),
            "whole": median([one["window_seconds"] + one["reference_seconds"] for one in ours]),
            "bytes_a_feature": ours[0]["bytes_a_feature"], "peers": found, "detectors": river, "table": table}


def spread(values):
    """A ratio: the median of the rounds, the least and the most."""
    def short(value):
        return f"{value:.0f}" if value >= 20 else f"{value:.1f}"
    return f"{short(median(values))} ({short(min(values))} to {short(max(values))})"


def tables(found):
    """What was found, in Markdown."""
    lines = [f"{found['rows']} reference rows, {found['rows']} current rows, {COLUMNS} numeric columns; medians of {found['rounds']} "
             "rounds, and the least and the most. CPU seconds of a window, where the program keeps what it knows of the reference, and of "
             "both: one that keeps nothing takes the reference's rows every time.", "",
             "| program | a window, s | with the reference, s | a window, over here | with the reference, over here | memory |",
             "|---|---|---|---|---|---|",
             f"| `drift`: counts, statistics and verdict | {found['window']:.3f} | {found['whole']:.3f} | 1 | 1 | "
             f"{found['bytes_a_feature'] / 1024:.0f} KiB a feature |"]
    for name, one in found["peers"].items():
        lines.append(f"| {name} | skipped: {one['skipped']} | | | | |" if "skipped" in one else
                     f"| {name} | {one['window_seconds']:.3f} | {one['seconds']:.3f} | {spread(one['window'])} | {spread(one['whole'])} | "
                     f"{one['mib']:.0f} MiB |")
    lines += ["", "| detector | ns a value here | river | ratio |", "|---|---|---|---|"]
    for name, (mine, theirs) in found["detectors"].items():
        lines.append(f"| {name} | {mine:.1f} | {theirs:.0f} | {theirs / mine:.0f} |")
    if not found["detectors"]:
        lines.append("| river | skipped: it cannot be installed or did not run | | |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found = compare(options.bench, environments(), options.rows, options.rounds)
    print(tables(found) + "\n\n" + found["table"])


if __name__ == "__main__":
    main()
