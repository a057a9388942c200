#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A soak: a pipeline as a gateway has it, under the highest load the machine holds, for an hour unless told.

otlp -> memory_limiter -> batch -> attributes -> filter -> drift, latency and otlp_grpc -> a second process that counts. Every second the
resident memory is read and the identities of what counts itself (batch, otlp_grpc) are checked in one scrape; between the rounds of the
load, when nothing is under way, the descriptors are counted and every component's items must add up, from what the load sent to what the
second process got. Exits 1 when memory or descriptors grew, or an item is not accounted for.

    tests/bench/soak.py --binary build/release/bin/otelcol-aimon --payload build/release/tests/bench/payload [--seconds 3600]
"""
import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time

from e2e import EXPORT, Process, counter, free_port, payload, scrape, wait_for

# The filter drops some of each request: of W5 those of the young, of W2 the failures.
SUT = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}", max_recv_msg_size_mib: 64}}}}}}}}
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: 1024, spike_limit_mib: 256}}
  batch: {{send_batch_size: 8192, send_batch_max_size: 10000, timeout: 200ms}}
  attributes: {{actions: [{{key: soak, value: true, action: upsert}}, {{key: gen_ai.response.id, action: delete}}]}}
  filter: {{traces: {{span: ['attributes["ml.feature.age"] < 30', 'attributes["http.response.status_code"] >= 500']}}}}
connectors:
  drift:
    presets: [ml, gen_ai]
    features:
    - {{name: size, from: 'attributes["http.response.body.size"]'}}
    - {{name: code, from: 'attributes["http.response.status_code"]'}}
    - {{name: route, from: 'attributes["http.route"]', type: categorical}}
    - {{name: method, from: 'attributes["http.request.method"]', type: categorical}}
    reference: {{learn: {{observations: 5000, duration: 1s}}}}
    window: {{length: 1m, pane: 5s, time: arrival}}
  latency: {{window: {{length: 1m, pane: 5s, time: arrival}}}}
exporters:
  prometheus: {{endpoint: "127.0.0.1:{prometheus}"}}
  otlp_grpc:
    endpoint: "127.0.0.1:{sink}"
    tls: {{insecure: true}}
    compression: none
    sending_queue: {{sizer: items, queue_size: 200000, block_on_overflow: true}}
service:
  telemetry: {{logs: {{level: warn}}, metrics: {{level: detailed, readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [memory_limiter, batch, attributes, filter], exporters: [otlp_grpc, drift, latency]}}
    metrics/results: {{receivers: [drift, latency], exporters: [prometheus]}}
"""
SINK = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}", max_recv_msg_size_mib: 64}}}}}}}}
exporters: {{nop: }}
service:
  telemetry: {{logs: {{level: warn}}, metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}
"""
ROUND_S = 15
# A round of each in turn: most of what a service sends is small.
WORKLOADS = ("W2", "W2", "W5", "W2")
# Memory is flat when the median of the last fifth of the samples is within this of the second fifth's: 3 %, and 4 MiB for what an
# allocator keeps. The first fifth is for learning, the windows and the queue to fill.
GROWTH, GROWTH_KIB = 1.03, 4096
JUDGED_S = 180  # a shorter run says nothing of memory: the windows have a minute


def processor(text, name):
    """(in, out) of a processor."""
    return tuple(counter_of(text, "otelcol_processor_%s_items" % way, 'processor="%s"' % name) for way in ("incoming", "outgoing"))


def counter_of(text, name, label):
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith((name + "{", name + "_total{")) and label in line)


def own_identities(text):
    """[(component, in, out, refused, dropped, held)] of those that count all of it themselves: exact in every scrape."""
    rows = []
    for name, prefix, ways in (("batch", "aimon_processor_batch_", ("accepted_items", "sent_items", "refused_items", "", "held_items")),
                               ("otlp_grpc", "", ("aimon_exporter_enqueued_items", "otelcol_exporter_sent_spans", "",
                                                  ("aimon_exporter_dropped_items", "aimon_exporter_dead_lettered_items"),
                                                  ("aimon_exporter_queued_items", "aimon_exporter_in_flight_items", "aimon_exporter_left_items")))):
        label = '="%s"' % name
        rows.append((name, *(sum(counter_of(text, prefix + part, label) for part in ([way] if isinstance(way, str) else way) if part) for way in ways)))
    return rows


def quiet_identities(text, sent, arrived):
    """The same of all, from the load to the second process, when nothing is under way."""
    own = {row[0]: row for row in own_identities(text)}
    refused, failed = counter(text, "otelcol_receiver_refused_spans"), counter(text, "otelcol_receiver_failed_spans")
    limiter, attributes, filtered = (processor(text, name) for name in ("memory_limiter", "attributes", "filter"))
    rows = [("otlp", sent, counter(text, "otelcol_receiver_accepted_spans"), refused + failed, 0, 0),
            ("memory_limiter", limiter[0], limiter[1], counter(text, "otelcol_processor_memory_limiter_refused_spans"), 0, 0), own["batch"],
            ("attributes", *attributes, 0, 0, 0), ("filter", *filtered, 0, counter(text, "otelcol_processor_filter_spans_filtered"), 0),
            own["otlp_grpc"], ("second process", own["otlp_grpc"][2], arrived, 0, 0, 0)]
    # What one gives is what the next gets; what the limiter refuses is the receiver's refusal.
    links = [("otlp, memory_limiter", rows[0][2] + rows[1][3], limiter[0]), ("memory_limiter, batch", limiter[1], own["batch"][1]),
             ("batch, attributes", own["batch"][2], attributes[0]), ("attributes, filter", attributes[1], filtered[0]),
             ("filter, otlp_grpc", filtered[1], own["otlp_grpc"][1] + counter(text, "otelcol_exporter_enqueue_failed_spans"))]
    return rows, links


def broken(rows):
    return ["%s: %.0f in, %.0f out, %.0f refused, %.0f dropped, %.0f held" % row for row in rows if row[1] != sum(row[2:])]


class Soak:
    def __init__(self, options):
        self.options, self.folder = options, tempfile.mkdtemp(prefix="aimon-soak-")
        grpc, metrics = free_port(), free_port()
        self.sink = Process(options.binary, SINK.format(grpc=grpc, metrics=metrics), grpc, metrics)
        own, metrics = free_port(), free_port()
        self.sut = Process(options.binary, SUT.format(grpc=own, metrics=metrics, prometheus=free_port(), sink=grpc), own, metrics,
                           log=os.path.join(self.folder, "log"))
        self.bodies = {workload: payload(options, workload, self.folder, options.spans)[0] for workload in set(WORKLOADS)}
        self.sent, self.failures, self.scrapes = 0, [], 0
        self.samples, self.descriptors, self.rates = [], [], {workload: [] for workload in self.bodies}

    def descriptors_now(self):
        return len(os.listdir("/proc/%d/fd" % self.sut.child.pid))

    def sample(self, began):
        self.samples.append((time.monotonic() - began, self.sut.status_kib("VmRSS")))
        self.failures += broken(own_identities(scrape(self.sut.self_metrics)))
        self.scrapes += 1

    def round(self, workload, began):
        """Sends requests as fast as they are taken, and samples meanwhile."""
        start, rates = time.monotonic(), self.rates[workload]
        requests = max(100, int(rates[-1] / self.options.spans * ROUND_S)) if rates else 500
        with subprocess.Popen(["h2load", "-t1", "-c4", "-m8", "-w24", "-W24", "-n%d" % requests, "-d" + self.bodies[workload], "-Hcontent-type: application/grpc",
                               "-Hte: trailers", "http://127.0.0.1:%d%s" % (self.sut.grpc, EXPORT)], stdout=subprocess.PIPE, text=True) as client:
            while client.poll() is None:
                self.sample(began)
                try:
                    client.wait(1)
                except subprocess.TimeoutExpired:
                    pass
            if "%d succeeded" % requests not in client.stdout.read():
                sys.exit("soak: h2load did not succeed")
        self.sent += requests * self.options.spans
        rates.append(requests * self.options.spans / (time.monotonic() - start))

    def settle(self):
        """Waits until nothing is under way, and gives the identities of all."""
        def done():
            text = scrape(self.sut.self_metrics)
            return text if all(row[5] == 0 for row in own_identities(text)) else None
        text = wait_for(done, "the queue to empty", 60)
        wait_for(lambda: self.sink.accepted() >= own_identities(text)[1][2], "what was sent to arrive")
        # The client's connections are closed when the process got to know of it.
        time.sleep(0.5)
        self.descriptors.append(self.descriptors_now())
        rows, links = quiet_identities(text, self.sent, self.sink.accepted())
        self.failures += broken(rows) + ["%s: %.0f given, %.0f taken" % link for link in links if link[1] != link[2]]
        return rows

    def run(self):
        began, cpu, workloads = time.monotonic(), self.sut.cpu_s(), itertools.cycle(WORKLOADS)
        while time.monotonic() - began < self.options.seconds:
            self.round(next(workloads), began)
            rows = self.settle()
        return rows, time.monotonic() - began, self.sut.cpu_s() - cpu

    def growth(self):
        """(KiB of the second fifth, of the last fifth): medians."""
        fifth = max(1, len(self.samples) // 5)
        kib = [value for _, value in self.samples]
        return statistics.median(kib[fifth:2 * fifth]), statistics.median(kib[-fifth:])

    def slope(self):
        """KiB an hour, least squares without the first fifth."""
        points = self.samples[len(self.samples) // 5:]
        mean_x, mean_y = (statistics.mean(p[i] for p in points) for i in (0, 1))
        spread = sum((x - mean_x) ** 2 for x, _ in points)
        return 3600 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--payload", required=True)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--spans", type=int, default=100, help="spans a request")
    soak = Soak(parser.parse_args())
    rows, seconds, cpu = soak.run()
    early, late = soak.growth()
    if seconds >= JUDGED_S and late > early * GROWTH + GROWTH_KIB:
        soak.failures.append("memory: %.0f KiB in the second fifth, %.0f KiB in the last" % (early, late))
    # The first count is of a process that has not yet opened all it keeps open.
    if len(soak.descriptors) > 2 and soak.descriptors[-1] > max(soak.descriptors[1:3]):
        soak.failures.append("descriptors: %s" % soak.descriptors)
    print("%.0f s, %d rounds, %.0f spans (%.1f h of 10,000 a second; a second in the median round: %s), %.0f CPU-seconds"
          % (seconds, sum(len(rates) for rates in soak.rates.values()), soak.sent, soak.sent / 36e6,
             ", ".join("%.0f of %s" % (statistics.median(rates), workload) for workload, rates in sorted(soak.rates.items()) if rates), cpu))
    print("resident: %.1f MiB in the second fifth, %.1f MiB in the last, %.1f MiB at most; slope %+.2f MiB an hour"
          % (early / 1024, late / 1024, max(kib for _, kib in soak.samples) / 1024, soak.slope() / 1024))
    print("descriptors between rounds: %s to %s, %s at the end; identities exact in %d scrapes under load: %s"
          % (min(soak.descriptors), max(soak.descriptors), soak.descriptors[-1], soak.scrapes, "no" if soak.failures else "yes"))
    print("\n| component | in | out | refused | dropped | held |\n|---|---|---|---|---|---|")
    for row in rows:
        print("| %s | %s |" % (row[0], " | ".join("%.0f" % value for value in row[1:])))
    soak.sut.stop()
    soak.sink.stop()
    with open(os.path.join(soak.folder, "log"), encoding="utf-8") as log:
        text = log.read()
    if text:
        print("\nit logged:\n" + text[:2000])
    for failure in soak.failures[:20]:
        print("FAILED: " + failure)
    return 1 if soak.failures else 0


if __name__ == "__main__":
    sys.exit(main())
