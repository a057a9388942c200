#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`batch` and `sending_queue::batch` cut where the real Collector's do: the same requests to both, one after another, and
the batches that a backend gets are the same items in the same order. Sizes in bytes are left out: the Collector encodes
requests anew, and its are larger.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/batch_compare.py
"""

import concurrent.futures
import json
import os
import re
import sys
import tempfile
import time
import urllib.request

import collector
from free_ports import free_port

try:
    import grpc
except ImportError:
    print("skipped: python3-grpcio is not installed")
    sys.exit(0)

# Processor, queue, requests in items.
CASES = [
    ("{send_batch_size: 4, send_batch_max_size: 5, timeout: 1s}", "{}", [12, 1, 9, 2]),
    ("{send_batch_size: 10, timeout: 1s}", "{}", [4, 5, 5, 2]),
    ("{send_batch_size: 100, send_batch_max_size: 100, timeout: 0s}", "{}", [3, 130, 100, 250]),
    ("{send_batch_size: 0, timeout: 200ms}", "{}", [3, 4]),
    ("{send_batch_size: 3, send_batch_max_size: 0, timeout: 1s}", "{}", [2, 1, 7, 1]),
    (None, "{batch: {min_size: 4, max_size: 5, flush_timeout: 1s}}", [12, 1, 9, 2]),
    (None, "{batch: {min_size: 10, flush_timeout: 1s}}", [4, 5, 5, 2]),
    (None, "{batch: {min_size: 0, max_size: 6, flush_timeout: 1s}}", [4, 15, 5]),
]
CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{http}"}}}}}}}}
{processors}
exporters:
  otlp_grpc: {{endpoint: "127.0.0.1:{backend}", compression: none, tls: {{insecure: true}}, sending_queue: {queue}}}
service:
  telemetry: {{metrics: {{level: none, readers: []}}}}
  pipelines:
    {kind}: {{receivers: [otlp], processors: [{names}], exporters: [otlp_grpc]}}
"""


class Backend(grpc.GenericRpcHandler):
    def __init__(self):
        self.batches = []
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(1), [self])
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def service(self, details):
        def answer(request, context):
            self.batches.append(re.findall(rb"item-[0-9]+-", request))
            return b""
        return grpc.unary_unary_rpc_method_handler(answer)


def body(kind, names):
    if kind == "logs":
        return {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": n}} for n in names]}]}]}
    if kind == "traces":
        spans = [{"traceId": "01" * 16, "spanId": "02" * 8, "name": n} for n in names]
        return {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    points = [{"timeUnixNano": "1", "asInt": "1", "attributes": [{"key": "k", "value": {"stringValue": n}}]} for n in names]
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": points}}]}]}]}


def batches(binary, case, kind):
    processor, queue, sizes = case
    backend = Backend()
    queue = queue.replace("{", "{num_consumers: 1, ", 1).replace(", }", "}")
    http = free_port()
    config = CONFIG.format(http=http, backend=backend.port, queue=queue, kind=kind, names="batch" if processor else "",
                           processors=f"processors: {{batch: {processor}}}" if processor else "")
    with tempfile.TemporaryDirectory() as folder, collector.running(binary, config, folder + "/log") as child:
        sent = 0
        for size in sizes:
            data = json.dumps(body(kind, [f"item-{sent + i}-" for i in range(size)])).encode()
            sent += size
            request = urllib.request.Request(f"http://127.0.0.1:{http}/v1/{kind}", data, {"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=10).read()
            time.sleep(0.02)
        child.terminate()  # which sends what waits
        if child.wait(20) != 0:
            sys.exit(f"FAILED: {binary} ended with {child.returncode}")
    backend.server.stop(0)
    return backend.batches


def main():
    if not collector.build():
        sys.exit(0)
    runs = [(case, kind) for i, case in enumerate(CASES) for kind in ("logs", "traces", "metrics")[: 3 if i in (0, 5) else 1]]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        ours = pool.map(lambda run: batches(os.environ["AIMON_BIN"], *run), runs)
        theirs = pool.map(lambda run: batches(collector.COLLECTOR, *run), runs)
        for (case, kind), a, b in zip(runs, ours, theirs):
            if a != b or sum(map(len, a)) != sum(case[2]):
                sys.exit(f"FAILED: {kind} {case}: {[len(x) for x in a]}, the Collector {[len(x) for x in b]}")
    print(f"{len(runs)} passed: batches as the Collector cuts them")


main()
