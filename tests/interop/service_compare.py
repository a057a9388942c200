#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The running service says of a table what `compare` says of it: reference build, replay, scrape.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/service_compare.py
"""

import csv
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

BIN = os.environ["AIMON_BIN"]
ROWS = 3000
STATISTICS = ["ks", "psi", "wasserstein", "jensen_shannon", "chi_squared", "hellinger", "l_infinity"]
TESTS = ["ks", "psi", "chi_squared", "missing"]

failures = []
checks = 0


def tables(rng):
    """Columns of both tables: each a function of the side (0 reference, 1 current)."""
    names = ["a", "b b", 'say "x"', "1,5", "two\nlines", "zürich", "007"]
    return {
        "same": lambda side: rng.gauss(0, 1),
        "moved": lambda side: rng.gauss(0.5 * side, 1),
        "tied": lambda side: rng.randrange(30) + side,
        "few": lambda side: rng.choice([1, 2.5, 3] + [7] * side),
        "heavy": lambda side: rng.paretovariate(0.7),
        "constant": lambda side: 4,
        "tiny": lambda side: rng.gauss(0, 1) * 1e-300,
        "large": lambda side: 2**53 + rng.randrange(1000),
        "flag": lambda side: rng.random() < 0.5 - 0.2 * side,
        "name": lambda side: names[int(rng.random() ** (1 + side) * len(names))],
        "newcomer": lambda side: rng.choice(["x", "y", "z"] + ["w"] * side),
        "vanishing": lambda side: "" if rng.random() < 0.01 + 0.3 * side else rng.gauss(0, 1),
        "sometimes": lambda side: "" if rng.random() < 0.2 else rng.choice("pq"),
        "infinite": lambda side: "inf" if rng.random() < 0.1 * side else rng.gauss(0, 1),
    }


def write(path, columns, side, rows):
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(columns)
        out.writerows([make(side) for make in columns.values()] for _ in range(rows))


def free_ports(n):
    held = [socket.socket() for _ in range(n)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    return [s.getsockname()[1] for s in held]


def get(url):
    try:
        return urllib.request.urlopen(url, timeout=5).read().decode()
    except OSError:
        return ""


def until(what, seconds, ask):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.2)
    sys.exit(f"FAILED: gave up waiting for {what}")


def series(page):
    """{(metric, feature, test): value}"""
    out = {}
    for name, labels, value in re.findall(r"^(\w+)\{(.*)\} (\S+)", page, re.M):
        known = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
        out[name, known.get("ml_feature_name"), known.get("ml_drift_test")] = float(value)
    return out


def same(what, got, want, relative=1e-9, absolute=1e-12):
    global checks
    checks += 1
    ok = got is None and want is None
    if got is not None and want is not None:
        ok = abs(got - want) <= max(relative * abs(want), absolute)
    if not ok:
        failures.append(f"{what}: the service says {got!r}, compare {want!r}")


def check(feature, got, rows):
    name, s = feature["name"], feature["statistics"]
    value = lambda metric, test=None: got.get((metric, name, test))
    for statistic in STATISTICS:
        want = s.get(statistic, {}).get("value")
        error = value("ml_drift_wasserstein_error") or 0 if statistic == "wasserstein" else 0
        same(f"{name}: {statistic}", value(f"ml_drift_{statistic}"), want, absolute=max(error * (1 + 1e-9), 1e-12))
    for test in TESTS:
        same(f"{name}: p of {test}", value("ml_drift_p_value", test), s.get(test, {}).get("p_value"), absolute=1e-300)
    adjusted = [p for (metric, feature_name, _), p in got.items()
                if metric == "ml_drift_p_value_adjusted" and feature_name == name]
    same(f"{name}: adjusted p", min(adjusted, default=None), feature["p_adjusted"], absolute=1e-300)
    rejected = [test for test in TESTS if value("ml_drift_rejected", test) == 1]
    same(f"{name}: rejected", float(bool(rejected)), float(feature["detected"]))
    if feature["rejected_by"] and feature["rejected_by"] not in rejected:
        failures.append(f"{name}: rejected by {rejected}, not by {feature['rejected_by']}")
    same(f"{name}: observations", value("ml_drift_window_observations"), feature["window_observations"])
    bad = (value("ml_feature_missing_total") or 0) + (value("ml_feature_invalid_total") or 0)
    same(f"{name}: missing and invalid", bad, feature["missing"] * rows, absolute=1e-6)
    same(f"{name}: unseen", value("ml_feature_unseen_total") or 0, feature["unseen"])
    same(f"{name}: design effect", value("ml_drift_design_effect"), 1)


def main():
    otlp, page, health = free_ports(3)
    rng = random.Random(11)
    columns = tables(rng)
    with tempfile.TemporaryDirectory() as work:
        ref, cur, one, built = (os.path.join(work, f) for f in ("ref.csv", "cur.csv", "one.csv", "ref.json"))
        write(ref, columns, 0, ROWS)
        write(cur, columns, 1, ROWS)
        write(one, {"same": lambda side: 0}, 1, 1)
        subprocess.run([BIN, "reference", "build", "--input", ref, "--output", built], check=True, capture_output=True)
        text = subprocess.run([BIN, "compare", "--reference", built, "--current", cur, "--format", "json"], check=True,
                              capture_output=True).stdout
        wanted = json.loads(text)["features"]
        config = os.path.join(work, "service.yaml")
        with open(config, "w") as f:
            f.write(f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{otlp}"}}}}}}}}
connectors:
  drift:
    presets: [ml]
    reference: {{file: "{built}"}}
    window: {{length: 10m, pane: 1s, allowed_lateness: 0s, min_observations: 1}}
    statistics: [{", ".join(STATISTICS)}]
    dependence: none
    emit: {{p_value: true}}
    metrics_flush_interval: 1s
exporters: {{prometheus: {{endpoint: "127.0.0.1:{page}"}}}}
extensions: {{health_check: {{endpoint: "127.0.0.1:{health}"}}}}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [drift]}}
    metrics: {{receivers: [drift], exporters: [prometheus]}}
""")
        with open(os.path.join(work, "service.log"), "w") as log:
            service = subprocess.Popen([BIN, "--config", config], stdout=log, stderr=log)
        try:
            until("the service", 20, lambda: get(f"http://127.0.0.1:{health}/"))
            replay = [BIN, "replay", "--endpoint", f"127.0.0.1:{otlp}", "--input"]
            subprocess.run(replay + [cur], check=True, capture_output=True)
            # A later row shows that the panes before it are over.
            over = int(time.time()) + 1
            until("the next pane", 5, lambda: time.time() > over)
            subprocess.run(replay + [one], check=True, capture_output=True)
            ask = lambda: series(get(f"http://127.0.0.1:{page}/metrics"))
            until("the last pane", 20, lambda: ask().get(("ml_drift_window_observations", "same", None)) == ROWS)
            got = ask()
            for feature in wanted:
                # The late row has one feature and misses the others.
                late = ("ml_feature_missing_total", feature["name"], None)
                if feature["name"] != "same" and late in got:
                    got[late] -= 1
                check(feature, got, ROWS)
        finally:
            service.terminate()
            service.wait(20)
    for failure in failures[:40]:
        print("FAILED:", failure)
    print(f"{checks - len(failures)} passed, {len(failures)} failed ({len(wanted)} features)")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
