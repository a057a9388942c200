#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same rows through drift's own functions and through scipy, evidently, NannyML and river: CPU-seconds and memory, as
ratios, of programs that run one after another, several rounds interleaved. Values are in memory before a clock starts.

    tests/bench/peers.py --bench build/release/tests/bench/drift_bench [--rows 1000000] [--rounds 3]

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

# Each gets the file, rows and columns, and prints its CPU seconds, its peak memory and, where it has them, the KS distances.
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
calc.calculate(cur)
done(time.process_time() - start)
"""),
}
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
    probe = [python, "-c", f"import {name}"]
    if not os.path.exists(python) or subprocess.run(probe, capture_output=True, check=False).returncode:
        print(f"installing {name} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", f"{CACHE}/{name}-venv"], check=False)
        subprocess.run([f"{CACHE}/{name}-venv/bin/pip", "install", "-q", name], check=False, capture_output=True)
    return python if os.path.exists(python) and not subprocess.run(probe, capture_output=True, check=False).returncode else None


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = options.rows
    with tempfile.TemporaryDirectory() as work:
        path = f"{work}/rows"
        write_rows(path, rows)
        pythons = {name: environment(name) for name in {name for name, _ in PEERS.values()} | {"river"}}
        ours, peers = [], {name: [] for name in PEERS}
        for _ in range(options.rounds):
            ours.append(json.loads(subprocess.run([options.bench, path, str(rows), str(COLUMNS)], check=True,
                                                  capture_output=True).stdout))
            for name, (library, code) in PEERS.items():
                got = pythons[library] and run_peer(code, pythons[library], path, rows)
                if got:
                    peers[name].append(got)
        window = median([one["window_seconds"] for one in ours])
        whole = median([one["window_seconds"] + one["reference_seconds"] for one in ours])
        print(f"{rows} reference rows, {rows} current rows, {COLUMNS} numeric columns; medians of {options.rounds} rounds\n")
        print("| program | CPU seconds | over a window here | over window and reference here | memory |")
        print("|---|---|---|---|---|")
        print(f"| otelcol-aimon: the window, its statistics and verdict | {window:.3f} | 1 | | "
              f"{ours[0]['bytes_a_feature'] / 1024:.0f} KiB a feature |")
        print(f"| otelcol-aimon: the reference built, too | {whole:.3f} | | 1 | |")
        for name, runs in peers.items():
            if not runs:
                print(f"| {name} | skipped: it cannot be installed or did not run | | | |")
                continue
            seconds = median([one["seconds"] for one in runs])
            print(f"| {name} | {seconds:.3f} | {seconds / window:.0f} | {seconds / whole:.1f} | {runs[0]['mib']:.0f} MiB |")
            for mine, theirs in zip(ours[0]["ks"], runs[0].get("ks", [])):
                if abs(mine - theirs) > 0.001:
                    sys.exit(f"KS differs: {mine} here, {theirs} there")
        report_river(options.bench, pythons["river"], path, rows)


def report_river(bench, python, path, rows):
    table = subprocess.run([bench], check=True, capture_output=True).stdout.decode()
    ours = {name: float(ns) for name, ns in re.findall(r"detector (\w+) +([\d.]+) ns", table)}
    theirs = python and run_peer(RIVER, python, path, rows)
    print("\n| detector | ns a value here | river | ratio |\n|---|---|---|---|")
    for name, ns in (theirs or {"ns": {}})["ns"].items():
        print(f"| {name} | {ours[name]:.1f} | {ns:.0f} | {ns / ours[name]:.0f} |")
    if not theirs:
        print("| river | skipped: it cannot be installed | | |")
    print("\n" + table)


if __name__ == "__main__":
    main()
