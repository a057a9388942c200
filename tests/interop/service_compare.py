#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The running service says of a table what `compare` says of it (reference build, replay, scrape), and of real load tests
quantiles of latency within the error that it states beside them.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/service_compare.py
"""

import contextlib
import csv
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

from free_ports import free_ports

BIN = os.environ["AIMON_BIN"]
LOAD_TESTS = os.path.join(os.environ.get("AIMON_TESTDATA", "../shared/data"), "series/vllm_burstgpt_loadtest")
ROWS = 3000
STATISTICS = ["ks", "psi", "wasserstein", "jensen_shannon", "chi_squared", "hellinger", "l_infinity"]
TESTS = ["ks", "psi", "chi_squared", "missing", "out_of_range", "unseen", "invalid", "constant"]

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


@contextlib.contextmanager
def service(work, connector):
    """Runs the service with one connector between OTLP and a Prometheus page: (OTLP port, function that reads the page)."""
    otlp, page, health = free_ports(3)
    config = os.path.join(work, "service.yaml")
    with open(config, "w") as f:
        f.write(f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{otlp}"}}}}}}}}
connectors:
  {connector}
exporters: {{prometheus: {{endpoint: "127.0.0.1:{page}"}}}}
extensions: {{health_check: {{endpoint: "127.0.0.1:{health}"}}}}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [{connector.split(":")[0]}]}}
    metrics: {{receivers: [{connector.split(":")[0]}], exporters: [prometheus]}}
""")
    with open(os.path.join(work, "service.log"), "w") as log:
        process = subprocess.Popen([BIN, "--config", config], stdout=log, stderr=log)
    try:
        until("the service", 20, lambda: get(f"http://127.0.0.1:{health}/"))
        yield otlp, lambda: get(f"http://127.0.0.1:{page}/metrics")
    finally:
        process.terminate()
        process.wait(20)


def replay(otlp, path, *options):
    subprocess.run([BIN, "replay", "--endpoint", f"127.0.0.1:{otlp}", "--input", path, *options], check=True,
                   capture_output=True)


def next_pane():
    over = int(time.time()) + 1
    until("the next pane", 5, lambda: time.time() > over)


def drift_says_what_compare_says(work):
    columns = tables(random.Random(11))
    ref, cur, one, built = (os.path.join(work, f) for f in ("ref.csv", "cur.csv", "one.csv", "ref.json"))
    write(ref, columns, 0, ROWS)
    write(cur, columns, 1, ROWS)
    write(one, {"same": lambda side: 0}, 1, 1)
    subprocess.run([BIN, "reference", "build", "--input", ref, "--output", built], check=True, capture_output=True)
    text = subprocess.run([BIN, "compare", "--reference", built, "--current", cur, "--format", "json"], check=True,
                          capture_output=True).stdout
    connector = f"""drift:
    presets: [ml]
    reference: {{file: "{built}"}}
    window: {{length: 10m, pane: 1s, allowed_lateness: 0s, min_observations: 1}}
    statistics: [{", ".join(STATISTICS)}]
    dependence: none
    emit: {{p_value: true}}
    metrics_flush_interval: 1s"""
    with service(work, connector) as (otlp, page):
        replay(otlp, cur)
        next_pane()
        replay(otlp, one)  # a later row shows that the panes before it are over
        ask = lambda: series(page())
        until("the last pane", 20, lambda: ask().get(("ml_drift_window_observations", "same", None)) == ROWS)
        got = ask()
    for feature in json.loads(text)["features"]:
        # The late row has one feature and misses the others.
        late = ("ml_feature_missing_total", feature["name"], None)
        if feature["name"] != "same" and late in got:
            got[late] -= 1
        check(feature, got, ROWS)


def quantiles(page, model):
    """({quantile: value}, stated error) of a model."""
    line = r'^%s\{.*ml_model_name="%s".*\} (\S+)'
    error = re.search(line % (r"ml_inference_duration_quantile_error\w*", model), page, re.M)
    values = {float(re.search('quantile="([^"]*)"', found.group(0)).group(1)): float(found.group(1))
              for found in re.finditer(line % ("ml_inference_duration_quantile_seconds", model), page, re.M)}
    return values, float(error.group(1)) if error else None


def beyond_error(page, exact):
    """Quantiles that are not there or farther from the exact one than the error that the page states."""
    out = []
    for model, values in exact.items():
        got, error = quantiles(page, model)
        for q in (0.5, 0.9, 0.95, 0.99, 0.999):
            want = values[math.ceil(q * len(values)) - 1]
            # Spans tell whole nanoseconds.
            if q not in got or not error or error > 0.011 or abs(got[q] - want) > error * want + 1e-9:
                out.append(f"{model}: quantile {q} is {got.get(q)}, exactly {want}, stated error {error}")
    return out


def quantiles_are_within_their_error(work):
    """Each run and column is a model of its own."""
    global checks
    exact = {}
    one = os.path.join(work, "late.csv")
    write(one, {"seconds": lambda side: 1}, 0, 1)
    connector = """latency:
    window: {length: 10m, pane: 1s, allowed_lateness: 0s}
    metrics_flush_interval: 1s"""
    with service(work, connector) as (otlp, page):
        for run in sorted(f for f in os.listdir(LOAD_TESTS) if f.startswith("detail_log")):
            with open(os.path.join(LOAD_TESTS, run), newline="") as f:
                rows = list(csv.DictReader(f))
            for column in ("total_chunk_time", "first_chunk_time"):
                values = [float(row[column]) for row in rows if row[column]]
                model = f"{run[11:-4]}-{column}"
                path = os.path.join(work, model + ".csv")
                write(path, {"seconds": lambda side, left=iter(values): next(left)}, 0, len(values))
                replay(otlp, path, "--duration", "seconds", "--model", model)
                exact[model] = sorted(values)
        next_pane()
        for model in exact:
            replay(otlp, one, "--duration", "seconds", "--model", model)
        # A page may still tell of an earlier pane; what is wrong stays wrong.
        end = time.monotonic() + 10
        while (wrong := beyond_error(page(), exact)) and time.monotonic() < end:
            time.sleep(0.2)
    checks += 5 * len(exact)
    failures.extend(wrong)


def main():
    with tempfile.TemporaryDirectory() as work:
        drift_says_what_compare_says(work)
        if os.path.isdir(LOAD_TESTS):
            quantiles_are_within_their_error(work)
        else:
            print("no verification data: quantiles of real load tests were not looked at")
    for failure in failures[:40]:
        print("FAILED:", failure)
    print(f"{checks - len(failures)} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
