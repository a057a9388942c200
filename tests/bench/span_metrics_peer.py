#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The span_metrics connector beside the Collector's own: CPU-seconds and memory of the process for the same spans.

Both receive the same request bytes over OTLP/gRPC from h2load, in turns, and make the same metrics (that these are equal is
tests/interop/span_metrics.py's business; here the calls that each tells must be the spans sent). The configuration
is the same, an OTLP receiver, the connector and the file exporter. The Collector is the one that tests/interop/collector.py builds
with the official builder.

    tests/bench/span_metrics_peer.py --binary build/release/bin/otelcol-aimon --payload build/release/tests/bench/payload
"""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "interop")]
from e2e import Process, free_port, measure, payload, wait_for  # noqa: E402

# What is compared: spans of W2 or W5 by these attributes, with exemplars or without, so many a request, of so many clients; and by the
# address of the client, which in 20,000 spans makes some 18,000 series: of 20 clients that send at the same time, and of one request.
DIMENSIONS = {"W2": ["http.request.method", "http.route", "http.response.status_code"],
              "W5": ["gen_ai.operation.name", "gen_ai.request.model", "gen_ai.provider.name"]}
CASES = {"W2": ("W2", [], False, 100, 1), "W2 with exemplars": ("W2", [], True, 100, 1), "W5": ("W5", [], False, 100, 1),
         "W2 by client": ("W2", ["client.address"], False, 1000, 20),
         "W2 by client in one request": ("W2", ["client.address"], False, 20000, 1)}
FLUSH_S = 5
CONFIG = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}", max_recv_msg_size_mib: 64}}}}}}}}
connectors: {{span_metrics: {{dimensions: [{dimensions}], exemplars: {{enabled: {exemplars}, max_per_data_point: 5}},
                             metrics_flush_interval: {flush}s, aggregation_cardinality_limit: 0}}}}
exporters: {{file: {{path: "{file}"}}}}
service:
  telemetry: {{logs: {{level: error}}, metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [span_metrics]}}
    metrics: {{receivers: [span_metrics], exporters: [file]}}
"""


class Peer:
    """One of the two, running; `spans`: how many it was sent."""

    def __init__(self, name, binary, case, folder):
        workload, more, exemplars = CASES[case][:3]
        self.name, self.spans, self.rates = name, 0, []
        self.file = os.path.join(folder, name + ".jsonl")
        grpc, metrics = free_port(), free_port()
        config = CONFIG.format(grpc=grpc, metrics=metrics, flush=FLUSH_S, file=self.file,
                               dimensions=", ".join(f"{{name: {d}}}" for d in DIMENSIONS[workload] + more),
                               exemplars="true" if exemplars else "false")
        self.process = Process(binary, config, grpc, metrics)
        self.idle_kib = self.process.status_kib("VmRSS")

    def send(self, bodies, requests, spans):
        """Spans per CPU-second of so many requests of each body, all at the same time."""
        self.spans += requests * spans * len(bodies)
        return measure(self.process, None, bodies, requests, spans)

    def calls(self):
        """What its metric of calls added up to at the last flush, which may take several lines."""
        try:
            with open(self.file, encoding="utf-8") as lines:
                told = lines.read().splitlines()
        except OSError:
            return 0
        total, last = 0, None
        for line in reversed(told):
            points = calls_of(line)
            time = points[0]["timeUnixNano"] if points else last
            if last and time != last:
                break
            last, total = time, total + sum(int(point.get("asInt", 0)) for point in points)
        return total


def calls_of(line):
    try:
        request = json.loads(line)
    except ValueError:  # it is being written
        return []
    return [point for resource in request["resourceMetrics"] for scope in resource["scopeMetrics"] for metric in scope["metrics"]
            if metric["name"] == "traces.span.metrics.calls" for point in metric["sum"]["dataPoints"]]


def compare(options, case, folder):
    """Runs both in turns; returns the rows of the table, the Collector's first."""
    workload, _, _, spans, clients = CASES[case]
    requests = max(1, options.spans // spans // clients)
    bodies = [payload(options, workload, folder, spans, seed)[0] for seed in range(1, clients + 1)]
    peers = [Peer("collector", options.collector, case, folder), Peer("sidecar", options.binary, case, folder)]
    for peer in peers:
        peer.send(bodies, max(1, requests // 10), spans)
    for round_ in range(options.rounds):
        for peer in peers:
            peer.rates.append(peer.send(bodies, requests, spans))
            print(f"{case} {peer.name:9} round {round_ + 1}: {peer.rates[-1] / 1e6:6.3f} M spans a CPU-second", flush=True)
    rows = []
    for peer in peers:
        wait_for(lambda p=peer: p.calls() == p.spans, f"the {peer.name} to tell {peer.spans} calls", 4 * FLUSH_S)
        rows.append({"case": case, "program": peer.name, "median": statistics.median(peer.rates),
                     "min": min(peer.rates), "max": max(peer.rates), "rss_idle_kib": peer.idle_kib,
                     "rss_anon_kib": peer.process.status_kib("RssAnon"), "rss_kib": peer.process.status_kib("VmRSS"), "rss_peak_kib": peer.process.status_kib("VmHWM")})
        peer.process.stop()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--payload", required=True)
    parser.add_argument("--cases", default=",".join(CASES), help="of " + ", ".join(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--spans", type=int, default=600000, help="spans a round")
    options = parser.parse_args()
    os.environ["AIMON_BIN"] = options.binary
    import collector  # pylint: disable=import-outside-toplevel
    if not collector.build():
        return 0
    options.collector = collector.COLLECTOR
    folder = tempfile.mkdtemp(prefix="aimon-bench-")
    pairs = [compare(options, case, folder) for case in options.cases.split(",")]
    shutil.rmtree(folder)
    print("\n| spans | program | M spans per CPU-second, median (min to max) | resident, idle | loaded | of it private | peak "
          "| CPU-seconds | loaded | private |\n|---|---|---|---|---|---|---|---|---|---|")
    for theirs, ours in pairs:
        for row in (theirs, ours):
            last = " | ".join(f"1/{theirs[key] / ours[key] if key != 'median' else ours[key] / theirs[key]:.1f}" if row is ours
                              else "" for key in ("median", "rss_kib", "rss_anon_kib"))
            print(f"| {row['case']} | {row['program']} | {row['median'] / 1e6:.3f} ({row['min'] / 1e6:.3f} to "
                  f"{row['max'] / 1e6:.3f}) | {row['rss_idle_kib'] / 1024:.1f} MiB | {row['rss_kib'] / 1024:.1f} | "
                  f"{row['rss_anon_kib'] / 1024:.1f} | {row['rss_peak_kib'] / 1024:.1f} | {last} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
