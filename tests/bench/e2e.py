#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""End-to-end measurement of the sidecar: spans per CPU-second, resident memory, allocations a span.

Pre-built request bytes are replayed over OTLP/gRPC by h2load against a running sidecar. CPU time is user plus system time
of the sidecar's process alone, read before and after each round; counts are proven by the sidecar's own counters and, when
forwarding, by the counters of a second process that stands behind it. Rounds of the modes are interleaved; the table gives
the median and the spread.

    tests/bench/e2e.py --binary build/release/bin/otelcol-aimon --payload build/release/tests/bench/payload
"""
import argparse
import atexit
import json
import os
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from free_ports import free_port  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
MODES = ("stats", "forward")
LEARN_SPANS = 6000


def feature(name, key, type_="numeric"):
    return f"{{name: {name}, from: 'attributes[\"{key}\"]', type: {type_}}}"


# What drift watches: five features of each workload. The five and the duration, which latency puts into two histograms, are
# what "5 statistics a span" in the tables means. W5P: what the presets find in W5 by themselves, 20 features.
FIVE = {
    "W2": [feature("size", "http.response.body.size"), feature("code", "http.response.status_code"),
           feature("port", "server.port"), feature("route", "http.route", "categorical"),
           feature("method", "http.request.method", "categorical")],
    "W5": [feature("input_tokens", "gen_ai.usage.input_tokens"), feature("output_tokens", "gen_ai.usage.output_tokens"),
           feature("score", "ml.prediction.score"), feature("age", "ml.feature.age"),
           feature("country", "ml.feature.country", "categorical")],
}


def watched(workload, features):
    """presets and features of the drift connector, in YAML."""
    if features:
        return "[]", features
    if workload in FIVE:
        return "[]", f"[{', '.join(FIVE[workload])}]"
    return "[ml, gen_ai]", "[]"


def wait_for(condition, what, limit_s=20.0):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    sys.exit(f"bench: waited {limit_s:.0f} s for {what}")


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
        return reply.read().decode()


def counter(text, name):
    return sum(float(m.group(1)) for m in re.finditer(rf"^{name}(?:_total)?(?:{{[^}}]*}})? ([0-9.e+]+)", text, re.M))


class Process:
    """A running collector."""

    def __init__(self, binary, config, grpc, self_metrics, env=None, log=None):
        self.grpc, self.self_metrics = grpc, self_metrics
        path = tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False)
        path.write(config)
        path.close()
        self.log = open(log or os.devnull, "w")
        self.child = subprocess.Popen([binary, "--config", path.name], stdout=subprocess.DEVNULL, stderr=self.log,
                                      env={**os.environ, **(env or {})})
        atexit.register(self.child.kill)  # after an error nobody else ends it
        wait_for(self.ready, "the process to answer")

    def ready(self):
        if self.child.poll() is not None:
            sys.exit(f"bench: the process ended with {self.child.returncode}")
        try:
            scrape(self.self_metrics)
            socket.create_connection(("127.0.0.1", self.grpc), 1).close()
            return True
        except OSError:
            return False

    def cpu_s(self):
        fields = open(f"/proc/{self.child.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def status_kib(self, key):
        return int(re.search(rf"^{key}:\s+(\d+)", open(f"/proc/{self.child.pid}/status").read(), re.M).group(1))

    def accepted(self):
        return counter(scrape(self.self_metrics), "otelcol_receiver_accepted_spans")

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
        self.log.close()


SINK = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}", max_recv_msg_size_mib: 64}}}}}}}}
exporters: {{debug: {{verbosity: basic}}}}
service:
  telemetry: {{logs: {{level: error}}, metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}
"""

SUT = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}", max_recv_msg_size_mib: 64}}}}}}}}
connectors:
  drift:
    presets: {presets}
    reference: {{learn: {{observations: 5000, duration: 1s}}}}
    window: {{length: 1m, pane: 5s, time: arrival}}
    features: {features}
  latency: {{window: {{length: 1m, pane: 5s, time: arrival}}}}
exporters:
  prometheus: {{endpoint: "127.0.0.1:{prometheus}"}}
{exporter}
service:
  telemetry: {{logs: {{level: error}}, metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [drift, latency{forward}]}}
    metrics/results: {{receivers: [drift, latency], exporters: [prometheus]}}
"""


def start(options, mode, workload, sink_port):
    """A sidecar that has learned its reference from other spans than those it will be measured with."""
    grpc, metrics = free_port(), free_port()
    presets, features = watched(workload, options.features)
    exporter = ""
    if mode == "forward":
        exporter = (f'  otlp_grpc: {{endpoint: "127.0.0.1:{sink_port}", compression: none, tls: {{insecure: true}}, '
                    'sending_queue: {queue_size: 4000}}')
    config = SUT.format(grpc=grpc, metrics=metrics, prometheus=free_port(), exporter=exporter,
                        forward=", otlp_grpc" if mode == "forward" else "", presets=presets, features=features)
    sut = Process(options.binary, config, grpc, metrics, env=options.env, log=options.log)
    sut.idle_kib = sut.status_kib("VmRSS")
    learn, _ = payload(options, workload, tempfile.gettempdir(), LEARN_SPANS)
    for _ in range(2):
        load(grpc, learn, 1)
        time.sleep(1.1)
    os.unlink(learn)
    if mode == "forward":
        wait_for(lambda: counter(scrape(metrics), "otelcol_exporter_sent_spans") == sut.accepted(), "what was learned from to go on")
    return sut


def load(port, bodies, requests, clients=4, streams=8):
    """So many requests of each body: of one over several connections and streams, of several one after another over one each."""
    bodies = [bodies] if isinstance(bodies, str) else bodies
    clients, streams = (min(clients, requests), streams) if len(bodies) == 1 else (1, 1)
    senders = [subprocess.Popen(["h2load", "-t1", f"-c{clients}", f"-m{streams}", "-w24", "-W24", f"-n{requests}", f"-d{body}",
                                 "-Hcontent-type: application/grpc", "-Hte: trailers", f"http://127.0.0.1:{port}{EXPORT}"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
               for body in bodies]
    for out in [sender.communicate()[0] for sender in senders]:
        if f"{requests} succeeded" not in out:
            sys.exit(f"bench: h2load did not succeed:\n{out}")


def measure(sut, sink, bodies, requests, spans):
    before, cpu = sut.accepted(), sut.cpu_s()
    sink_before = sink.accepted() if sink else 0
    load(sut.grpc, bodies, requests)
    want = requests * spans * (1 if isinstance(bodies, str) else len(bodies))
    wait_for(lambda: sut.accepted() - before >= want, "every span to be accepted")
    if sink:
        wait_for(lambda: sink.accepted() - sink_before >= want, "every span to arrive behind")
        got = sink.accepted() - sink_before
        if got != want:
            sys.exit(f"bench: sent {want} spans, {got:.0f} arrived behind")
    if sut.accepted() - before != want:
        sys.exit(f"bench: sent {want} spans, {sut.accepted() - before:.0f} accepted")
    return want / (sut.cpu_s() - cpu)


def payload(options, workload, folder, spans, seed=1):
    descriptor, body = tempfile.mkstemp(dir=folder, suffix=".grpc")
    os.close(descriptor)
    subprocess.run([options.payload, workload[:2], body, str(spans), str(seed)], check=True, stdout=subprocess.DEVNULL)
    message = open(body, "rb").read()
    with open(body, "wb") as out:
        out.write(b"\0" + struct.pack(">I", len(message)) + message)
    return body, len(message)


def allocated(sut, report):
    """How many allocations the process under the preloaded counter has made."""
    seen = len(open(report).read().split())
    os.kill(sut.child.pid, signal.SIGUSR2)
    return wait_for(lambda: counted(report, seen), "the allocation count")


def allocations(options, mode, workload, body, sink_port):
    """Allocations a request in steady state: the difference between two lengths of the same run."""
    counts = []
    with tempfile.NamedTemporaryFile() as report:
        options = argparse.Namespace(**{**vars(options), "env": {"LD_PRELOAD": options.malloc_count,
                                                                  "MALLOC_COUNT_FILE": report.name}})
        sut = start(options, mode, workload, sink_port)
        load(sut.grpc, body, 2000)
        for requests in (1000, 3000):
            before = allocated(sut, report.name)
            load(sut.grpc, body, requests)
            counts.append(allocated(sut, report.name) - before)
        sut.stop()
    return (counts[1] - counts[0]) / 2000


def counted(path, seen):
    lines = open(path).read().split()
    return int(lines[seen]) if len(lines) > seen else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--payload", required=True)
    parser.add_argument("--malloc-count", default="", help="the allocation counter to preload")
    parser.add_argument("--workloads", default="W2,W5", help="of W2, W5, W5P (W5 with what the presets find)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=10000)
    parser.add_argument("--spans", type=int, default=100, help="spans a request of the workloads")
    parser.add_argument("--features", default="", help="features of drift, a YAML list, instead of the workload's five")
    parser.add_argument("--json", default="", help="also write the figures here")
    parser.add_argument("--log", default="")
    options = parser.parse_args()
    options.env = {}
    folder = tempfile.mkdtemp(prefix="aimon-bench-")
    sink_grpc, sink_metrics = free_port(), free_port()
    sink = Process(options.binary, SINK.format(grpc=sink_grpc, metrics=sink_metrics), sink_grpc, sink_metrics)
    table = []
    for workload in options.workloads.split(","):
        body, size = payload(options, workload, folder, options.spans)
        running = {mode: start(options, mode, workload, sink_grpc) for mode in MODES}
        idle = {mode: sut.idle_kib for mode, sut in running.items()}
        rates = {mode: [] for mode in MODES}
        for mode in MODES:
            measure(running[mode], sink if mode == "forward" else None, body, 500, options.spans)
        for round_ in range(options.rounds):
            for mode in MODES:
                rates[mode].append(measure(running[mode], sink if mode == "forward" else None, body,
                                           options.requests, options.spans))
                print(f"{workload} {mode:8} round {round_ + 1}: {rates[mode][-1] / 1e6:6.3f} M spans a CPU-second", flush=True)
        for mode in MODES:
            sut = running[mode]
            row = {"workload": workload, "mode": mode, "bytes": size, "median": statistics.median(rates[mode]),
                   "min": min(rates[mode]), "max": max(rates[mode]), "rss_idle_kib": idle[mode],
                   "rss_kib": sut.status_kib("VmRSS"), "rss_peak_kib": sut.status_kib("VmHWM"),
                   "rss_anon_kib": sut.status_kib("RssAnon")}
            sut.stop()
            if options.malloc_count:
                row["allocations_a_request"] = allocations(options, mode, workload, body, sink_grpc)
                row["allocations_a_span"] = row["allocations_a_request"] / options.spans
            table.append(row)
    sink.stop()
    print("\n| workload | mode | spans per CPU-second, median (min to max) | RSS idle | RSS loaded | allocations a span |")
    print("|---|---|---|---|---|---|")
    for row in table:
        print(f"| {row['workload']} ({row['bytes'] / options.spans:.0f} B a span) | {row['mode']} | "
              f"{row['median'] / 1e6:.2f} M ({row['min'] / 1e6:.2f} to {row['max'] / 1e6:.2f}) | {row['rss_idle_kib'] / 1024:.1f} MiB | "
              f"{row['rss_kib'] / 1024:.1f} MiB | {row.get('allocations_a_span', float('nan')):.3f} |")
    if options.json:
        with open(options.json, "w") as out:
            json.dump(table, out, indent=1)


if __name__ == "__main__":
    main()
