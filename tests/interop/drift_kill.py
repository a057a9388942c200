#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The running service with storage, killed (SIGKILL) at random moments while requests come in, tells in the end what an
uninterrupted one tells of the same requests: counters exactly, statistics within 1e-9. A request that the kill cut off is
either counted whole or not at all.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/drift_kill.py [ROUNDS] [SEED]
"""

import json
import math
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from free_ports import free_ports

BIN = os.environ["AIMON_BIN"]
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**9)
BATCHES, SPANS = 400, 25
STEP_NS = 300_000_000  # of event time between spans: the whole of it is 50 minutes


def requests(rng, begin_ns):
    """The same requests for both runs, and how many spans each has of model `a`."""
    out = []
    for b in range(BATCHES):
        spans = []
        for s in range(SPANS):
            end = begin_ns + (b * SPANS + s) * STEP_NS - int(rng.random() ** 3 * 20e9)
            drifted = b > BATCHES // 2
            attributes = [("ml.model.name", "a"), ("ml.feature.country", rng.choice(["de", "fr", "it"] + ["xx"] * drifted))]
            if rng.random() < 0.9:
                attributes.append(("ml.feature.age", rng.gauss(40 + 10 * drifted, 12)))
            if rng.random() < 0.5:
                attributes.append(("ml.prediction.score", float(rng.randrange(20))))
            spans.append({
                "traceId": f"{rng.getrandbits(128):032x}", "spanId": f"{rng.getrandbits(63) + 1:016x}", "name": "score",
                "startTimeUnixNano": str(end - 1000), "endTimeUnixNano": str(end),
                "attributes": [{"key": k, "value": {"stringValue" if isinstance(v, str) else "doubleValue": v}} for k, v in attributes]})
        out.append(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode())
    return out


class Service:
    def __init__(self, folder, storage):
        self.http, self.page = free_ports(2)
        self.config = os.path.join(folder, "c.yaml")
        self.log = open(os.path.join(folder, "log"), "ab")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(f"""
extensions: {{file_storage: {{directory: {folder}/state}}}}
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{self.http}"}}}}}}}}
connectors:
  drift:
    {"storage: file_storage" if storage else ""}
    presets: [ml]
    reference: {{learn: {{observations: 1000, duration: 60s}}}}
    window: {{length: 10m, pane: 1m}}
    emit: {{bins: true, p_value: true}}
    metrics_flush_interval: 1s
exporters: {{prometheus: {{endpoint: "127.0.0.1:{self.page}"}}}}
service:
  extensions: [file_storage]
  telemetry: {{metrics: {{level: none}}, resource: {{service.instance.id: one}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [drift]}}
    metrics: {{receivers: [drift], exporters: [prometheus]}}
""")
        self.process = None

    def start(self):
        self.process = subprocess.Popen([BIN, "--config", self.config], stderr=self.log)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.http)) == 0:
                    return
            if self.process.poll() is not None:
                sys.exit("FAILED: the service does not start")
            time.sleep(0.02)
        sys.exit("FAILED: the service is not ready")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        if self.process.wait(20) != 0:
            sys.exit("FAILED: exit code")

    def send(self, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}/v1/traces", body, {"Content-Type": "application/json"})
        try:
            return urllib.request.urlopen(request, timeout=10).status == 200
        except OSError:
            return False

    def results(self):
        """Results after one more flush than now."""
        time.sleep(2.2)
        page = urllib.request.urlopen(f"http://127.0.0.1:{self.page}/metrics", timeout=10).read().decode()
        found = re.findall(r"^(ml_[^ ]+(?:\{[^\n]*\})?) (\S+)(?: \d+)?$", page, re.M)
        return {name: float(value) for name, value in found}

    def records(self):
        return sum(v for name, v in self.results().items() if name.startswith("ml_inference_records_total"))


def run(bodies, kills, rng):
    with tempfile.TemporaryDirectory() as folder:
        service = Service(folder, True)
        service.start()
        counted = 0
        at = sorted(rng.sample(range(10, BATCHES), kills))
        for i, body in enumerate(bodies):
            if i in at:
                timer = threading.Timer(rng.random() * 0.004, service.kill)
                timer.start()
                answered = service.send(body)
                timer.join()
                service.start()
                now = service.records()
                if now not in (counted * SPANS, (counted + 1) * SPANS):
                    sys.exit(f"FAILED: {now} records after {counted} requests of {SPANS} and one that was cut off")
                if answered and now == counted * SPANS:
                    sys.exit("FAILED: a request that was answered is lost")
                if now == counted * SPANS and not service.send(body):
                    sys.exit("FAILED: refused")
            elif not service.send(body):
                sys.exit("FAILED: refused")
            counted += 1
        results = service.results()
        service.stop()
        with open(os.path.join(folder, "log"), encoding="utf-8") as log:
            text = log.read()
        for wrong in ("The state lacks", "is not used", "moved aside", "not stored"):
            if wrong in text:
                sys.exit(f"FAILED: the log says: {wrong}")
        return results


def main():
    print(f"seed {SEED}")
    begin = time.time_ns() - 3 * 3600 * 10**9
    bodies = requests(random.Random(SEED), begin)
    whole = run(bodies, 0, random.Random(SEED))
    killed = run(bodies, ROUNDS, random.Random(SEED))
    checks = 0
    if set(whole) != set(killed) or len(whole) < 40:
        sys.exit(f"FAILED: other series: {sorted(set(whole) ^ set(killed))[:10]} of {len(whole)}")
    for name, value in whole.items():
        exact = name.split("{")[0].endswith("_total")
        same = value == killed[name] if exact else math.isclose(value, killed[name], rel_tol=1e-9, abs_tol=1e-9)
        if not same and not (math.isnan(value) and math.isnan(killed[name])):
            sys.exit(f"FAILED: {name}: {value} uninterrupted, {killed[name]} with {ROUNDS} kills")
        checks += 1
    if whole.get(next(n for n in whole if n.startswith("ml_drift_model_detected"))) != 1:
        sys.exit("FAILED: the drift in the requests is not found")
    print(f"{checks} passed: series after {ROUNDS} kills")


main()
