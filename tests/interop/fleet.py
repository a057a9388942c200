#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A fleet in a real Prometheus: the bins of three replicas add up to those of one process that saw everything; PSI and the
lower bound of KS follow from the counters exactly, and within 1 % through otel-config-examples/prometheus/recording.rules.yml.
Every alert of alerts.rules.yml fires on traffic made for it, and every query of otel-config-examples/grafana/aimon.json finds
something. Ranges and delays of the alerts are shortened for it; the expressions are not touched.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/fleet.py
"""

import csv
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from free_ports import free_ports

BIN = os.environ["AIMON_BIN"]
TABLE = os.path.join(os.environ.get("AIMON_TESTDATA", "../shared/data"),
                     "series/california_housing/california_housing_reference.csv")
EXAMPLES = os.path.join(os.path.dirname(__file__), "../../otel-config-examples")
REPLICAS = 3
NUMBERS = ["MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude"]
COMMON = ["ml_model_name", "ml_feature_name"]

processes = []
checks = 0


def check(holds, what):
    global checks
    checks += 1
    if not holds:
        raise AssertionError(what)


def get(url):
    try:
        return urllib.request.urlopen(url, timeout=10).read().decode()
    except OSError:
        return None


def until(what, seconds, ask):
    """Polls twice a second until `ask` answers with something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.5)
    raise AssertionError(f"gave up waiting for {what}")


# ---- Traffic --------------------------------------------------------------------------------------------------------


def tables(work):
    """The first half of the months is the reference, the second half the traffic: one feature goes missing, one gets
    another unit, a category and a column are new; a duration and an error go with each row."""
    with open(TABLE, newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    names = [*NUMBERS, "region"]
    half = len(rows) // 2
    made = []
    for i, row in enumerate(rows):
        one = {name: row[name] for name in NUMBERS}
        one["region"] = "north" if float(row["Latitude"]) > 36 else "south"
        if i >= half:
            one["MedInc"] = "" if i % 3 == 0 else one["MedInc"]
            one["AveRooms"] = str(float(one["AveRooms"]) * (1000 if i % 4 == 0 else 1))
            one["region"] = "abroad" if i % 5 == 0 else one["region"]
            one["novelty"] = str(i % 7)
            one["seconds"] = "0.05" if i % 9 else "0.4"
            one["fault"] = "timeout" if i % 8 == 0 else ""
        made.append(one)
    write(f"{work}/reference.csv", names, made[:half])
    current = made[half:]
    names += ["novelty", "seconds", "fault"]
    write(f"{work}/all_first.csv", names, current[:REPLICAS])
    write(f"{work}/all.csv", names, current[REPLICAS:])
    for k in range(REPLICAS):
        write(f"{work}/shard{k}_first.csv", names, current[k:k + 1])
        write(f"{work}/shard{k}.csv", names, current[k + REPLICAS::REPLICAS])
    write(f"{work}/some.csv", names, current[:60])
    write(f"{work}/slow.csv", names, [dict(row, seconds="2.5") for row in current[:60]])
    write(f"{work}/old.csv", [*names, "timestamp"], [dict(row, timestamp=f"2020-10-01 00:00:{i:02}")
                                                     for i, row in enumerate(current[:60])])
    return len(current)


def write(path, names, rows):
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.DictWriter(f, names, extrasaction="ignore")
        out.writeheader()
        out.writerows(rows)


def replay(path, port):
    done = subprocess.run([BIN, "replay", "--input", path, "--endpoint", f"127.0.0.1:{port}", "--timestamps",
                           "original" if path.endswith("old.csv") else "now", "--model", "housing",
                           "--duration", "seconds", "--error", "fault"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120, check=False)
    check(done.returncode == 0, f"replay of {path} ended with {done.returncode}: {done.stderr.decode()}")


# ---- The processes --------------------------------------------------------------------------------------------------


def start_sidecar(work, name, otlp, page):
    config = f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{otlp}"}}}}}}}}
connectors:
  drift:
    presets: [ml]
    reference: {{file: "{work}/reference.json"}}
    window: {{length: 40m, pane: 2s, allowed_lateness: 0s, max_age: 24h}}
    decision: {{windows: 1 of 1}}
    duplicates: {{id: [ml.feature.Population]}}
    emit: {{bins: true}}
    metrics_flush_interval: 1s
  drift/learning: {{presets: [ml], model: {{name: [service.name]}}, metrics_flush_interval: 1s}}
  latency: {{window: {{length: 10s, pane: 2s, allowed_lateness: 0s}}, metrics_flush_interval: 1s}}
exporters: {{prometheus: {{endpoint: "127.0.0.1:{page}"}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [drift, drift/learning, latency]}}
    metrics: {{receivers: [drift, drift/learning, latency], exporters: [prometheus]}}
"""
    with open(f"{work}/{name}.yaml", "w", encoding="utf-8") as f:
        f.write(config)
    log = open(f"{work}/{name}.log", "wb")
    process = subprocess.Popen([BIN, "--config", f"{work}/{name}.yaml"], stdout=log, stderr=log)
    processes.append(process)
    until(f"{name}'s page", 20, lambda: get(f"http://127.0.0.1:{page}/metrics") is not None or process.poll() is not None)
    with open(f"{work}/{name}.log", encoding="utf-8") as f:
        check(process.poll() is None, f"{name} did not start: {f.read()}")
    return process


def shorten(text):
    """Seconds in place of minutes and hours: what waits for a quarter of an hour waits for ten seconds."""
    text = re.sub(r"for: \d+[mh]", "for: 0s", text)
    text = re.sub(r"\[(15m|5m)\]", "[10s]", text)
    text = text.replace("offset 1h", "offset 20s").replace("> 1800", "> 5")
    return text.replace("interval: 1m", "interval: 1s")


def start_prometheus(work, port, pages):
    for name in ["recording", "alerts"]:
        with open(f"{EXAMPLES}/prometheus/{name}.rules.yml", encoding="utf-8") as f:
            rules = f.read()
        with open(f"{work}/{name}.rules.yml", "w", encoding="utf-8") as f:
            f.write(shorten(rules))
    targets = ", ".join(f'"127.0.0.1:{page}"' for page in pages)
    with open(f"{work}/prometheus.yml", "w", encoding="utf-8") as f:
        f.write(f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [recording.rules.yml, alerts.rules.yml]
scrape_configs:
  - {{job_name: aimon, static_configs: [{{targets: [{targets}]}}]}}
""")
    log = open(f"{work}/prometheus.log", "wb")
    processes.append(subprocess.Popen(["prometheus", f"--config.file={work}/prometheus.yml",
                                       f"--storage.tsdb.path={work}/tsdb",
                                       f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log))
    until("Prometheus", 30, lambda: get(f"http://127.0.0.1:{port}/-/ready"))


# ---- Prometheus' answers --------------------------------------------------------------------------------------------


class Prometheus:
    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/api/v1/"

    def ask(self, path, **parameters):
        url = self.url + path + "?" + urllib.parse.urlencode(parameters)
        try:
            return json.load(urllib.request.urlopen(url, timeout=20))["data"]["result"]
        except urllib.error.HTTPError as e:
            raise AssertionError(f"{parameters}: {e.read().decode()}") from e

    def values(self, query, key):
        return {tuple(one["metric"].get(k) for k in key): float(one["value"][1])
                for one in self.ask("query", query=query)}

    def ever(self, query, seconds):
        """Whether it had a value at some time."""
        now = time.time()
        return bool(self.ask("query_range", query=query, start=now - seconds, end=now, step=1))


def samples(page):
    """name -> {labels as a frozen set of pairs: value} of an exposition."""
    found = {}
    for line in (get(f"http://127.0.0.1:{page}/metrics") or "").splitlines():
        match = re.match(r'(\w+)\{(.*)\} (\S+)$', line)
        if match:
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2]))
            found.setdefault(match[1], []).append((labels, float(match[3])))
    return found


def of_model(page, name):
    return [(labels, value) for labels, value in samples(page).get(name, []) if labels["ml_model_name"] == "housing"]


def bins_of(page, name="ml_feature_bin_observations_total"):
    return {(labels["ml_feature_name"], labels["ml_feature_bin"]): value for labels, value in of_model(page, name)}


def of_features(page, name):
    return {labels["ml_feature_name"]: value for labels, value in of_model(page, name)}


# ---- The checks -----------------------------------------------------------------------------------------------------


def statistics_of_bins(counts, page):
    """PSI with half an observation a bin, and the largest difference of the CDFs at the bins' ends, by feature."""
    shares = bins_of(page, "ml_feature_bin_reference_ratio")
    size = of_features(page, "ml_drift_reference_observations")
    psi, ks = {}, {}
    for feature in {f for f, _ in counts}:
        bins = sorted(b for f, b in counts if f == feature)
        n, m = size[feature], sum(counts[feature, b] for b in bins)
        p = [(shares[feature, b] * n + 0.5) / (n + 0.5 * len(bins)) for b in bins]
        q = [(counts[feature, b] + 0.5) / (m + 0.5 * len(bins)) for b in bins]
        psi[feature] = sum((b - a) * math.log(b / a) for a, b in zip(p, q))
        at, largest = 0, 0
        for b in bins:
            at += counts[feature, b] / m - shares[feature, b]
            largest = max(largest, abs(at))
        ks[feature] = largest
    return psi, ks


def complete(page, rows):
    return sum(value for (f, _), value in bins_of(page).items() if f == "HouseAge") == rows


def check_counters(pages, single, rows):
    until("the closed panes' bins", 20, lambda: complete(single, rows) and
          sum(complete(page, (rows + REPLICAS - 1 - k) // REPLICAS) for k, page in enumerate(pages)) == REPLICAS)
    whole = bins_of(single)
    parts = [bins_of(page) for page in pages]
    check(all(sum(part.get(key, 0) for part in parts) == value for key, value in whole.items()),
          "the replicas' bins do not add up to those of the one that saw everything")
    psi, ks = statistics_of_bins(whole, single)
    for feature, value in of_features(single, "ml_drift_psi").items():
        check(math.isclose(psi[feature], value, rel_tol=1e-9), f"PSI of {feature}: {psi[feature]} from the counters, {value}")
    exact = of_features(single, "ml_drift_ks")
    for feature in NUMBERS:
        check(ks[feature] <= exact[feature] + 1e-12, f"KS of {feature}: {ks[feature]} is above {exact[feature]}")
        check(ks[feature] > exact[feature] - 0.1, f"KS of {feature}: {ks[feature]} bounds {exact[feature]} badly")
    print(f"counters of {REPLICAS} replicas: {len(whole)} bins equal, PSI of {len(psi)} features to 1e-9")
    return psi, ks


def check_recording(prometheus, psi, ks):
    def close(name, expected, relative):
        got = {f: v for (m, f), v in prometheus.values(name, COMMON).items() if m == "housing"}
        return set(got) == set(expected) and all(abs(got[f] - v) <= relative * v + 1e-4 for f, v in expected.items())

    until("recorded PSI within 1 %", 30, lambda: close("aimon:feature_psi:1h", psi, 0.01))
    until("recorded KS within 1 %", 30,
          lambda: close("aimon:feature_ks:1h", {f: v for f, v in ks.items() if f in NUMBERS }, 0.01))
    print(f"recording rules: PSI of {len(psi)} features and KS of {len(NUMBERS)} within 1 %")


def check_alerts(work, prometheus):
    with open(f"{work}/alerts.rules.yml", encoding="utf-8") as f:
        names = re.findall(r"alert: (\w+)", f.read())
    check(len(names) == 14, f"{len(names)} alerts")

    def fired():
        found = prometheus.ask("query", query='group by (alertname) (max_over_time(ALERTS{alertstate="firing"}[10m]))')
        return {one["metric"]["alertname"] for one in found}

    until(f"all of {names}", 60, lambda: fired() >= set(names))
    print(f"alerts: all {len(names)} fired")


def expressions(node):
    """Every `expr` and label_values() of the dashboard."""
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        definition = node.get("definition")
        if isinstance(definition, str) and definition.startswith("label_values("):
            yield definition[len("label_values("):].rsplit(",", 1)[0]
        for value in node.values():
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def check_dashboard(prometheus):
    with open(f"{EXAMPLES}/grafana/aimon.json", encoding="utf-8") as f:
        dashboard = json.load(f)
    queries = sorted(set(expressions(dashboard)))
    for query in queries:
        text = query.replace("$__rate_interval", "10s").replace("$model", ".*").replace("$version", ".*")
        text = text.replace("$feature", ".*").replace("$one", "MedInc").replace("offset 5m", "offset 10s")
        check("$" not in text, f"an unknown variable in {query}")
        check(prometheus.ever(text, 150), f"the dashboard's query finds nothing: {text}")
    ids = [panel["id"] for panel in dashboard["panels"]]
    check(len(ids) == len(set(ids)), "two panels with one id")
    print(f"dashboard: {len(queries)} queries find something")


def send(work, ports, name):
    for port in ports:
        replay(f"{work}/{name}.csv", port)


def make_alerts(work, otlp, prometheus):
    """25 s of traffic, then slower, then nothing but what is too old, then none; one replica ends."""
    for name, seconds in [("some", 25), ("slow", 12), ("old", 12)]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            send(work, otlp, name)
            # a second's worth of it: the next batch goes when Prometheus has seen this one
            seen = time.time()
            until("the next scrape", 10, lambda: prometheus.ask("query", query=f"timestamp(up) > {seen}"))
    processes[0].terminate()


def run(work):
    rows = tables(work)
    subprocess.run([BIN, "reference", "build", "--input", f"{work}/reference.csv", "--output", f"{work}/reference.json"],
                   check=True, stdout=subprocess.DEVNULL)
    ports = free_ports(2 * REPLICAS + 3)
    otlp, pages = ports[:REPLICAS], ports[REPLICAS:2 * REPLICAS]
    single_otlp, single_page, prometheus_port = ports[2 * REPLICAS:]
    for k in range(REPLICAS):
        start_sidecar(work, f"replica{k}", otlp[k], pages[k])
    start_sidecar(work, "single", single_otlp, single_page)
    # The one that saw everything is no target: its bins would count twice.
    start_prometheus(work, prometheus_port, pages)
    prometheus = Prometheus(prometheus_port)

    # A row each, so that Prometheus sees the bins at 0 before they count; then all others; then one of a later pane, which
    # closes theirs.
    for k in range(REPLICAS):
        replay(f"{work}/shard{k}_first.csv", otlp[k])
    replay(f"{work}/all_first.csv", single_otlp)
    until("the bins at 0", 30, lambda: len(prometheus.values(
        "count by (instance) (ml_feature_bin_observations_total)", ["instance"])) == REPLICAS)
    for k in range(REPLICAS):
        replay(f"{work}/shard{k}.csv", otlp[k])
    replay(f"{work}/all.csv", single_otlp)
    last = time.time()
    until("a later pane", 10, lambda: time.time() // 2 > last // 2 + 1)
    for port in [*otlp, single_otlp]:
        replay(f"{work}/shard0_first.csv", port)

    psi, ks = check_counters(pages, single_page, rows)
    check_recording(prometheus, psi, ks)
    make_alerts(work, otlp, prometheus)
    check_alerts(work, prometheus)
    check_dashboard(prometheus)


def main():
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        print("skipped: prometheus is not installed")
        return
    if not os.path.exists(TABLE):
        print("skipped: no verification data")
        return
    for name in ["recording", "alerts"]:
        subprocess.run(["promtool", "check", "rules", f"{EXAMPLES}/prometheus/{name}.rules.yml"], check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(["promtool", "test", "rules", os.path.join(os.path.dirname(__file__), "alerts_test.yml")], check=True,
                   stdout=subprocess.DEVNULL)
    work = tempfile.mkdtemp()
    try:
        run(work)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(10)
        shutil.rmtree(work)
    print(f"{checks} passed")


if __name__ == "__main__":
    sys.exit(main())
