#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What comes out of otlp_grpc is byte for byte what came in.

A foreign gRPC implementation (Python's grpcio, Debian's package) is client and backend. Every binary request of the
verification data is sent over gRPC and HTTP, forwarded without and with gzip, and compared at the backend.

    AIMON_BIN=build/release/bin/otelcol-aimon tests/interop/forward_bytes.py
"""
import concurrent.futures
import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from free_ports import free_ports

try:
    import grpc
except ImportError:
    print("skipped: python3-grpcio is not installed")
    sys.exit(0)

DATA = pathlib.Path(os.environ.get("AIMON_TESTDATA", "../shared/data")) / "otlp"
BINARY = os.environ.get("AIMON_BIN", "build/debug/bin/otelcol-aimon")
SERVICES = {
    "ExportTraceServiceRequest": ("trace.v1.TraceService", "/v1/traces"),
    "ExportMetricsServiceRequest": ("metrics.v1.MetricsService", "/v1/metrics"),
    "ExportLogsServiceRequest": ("logs.v1.LogsService", "/v1/logs"),
}
CONFIG = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}"}}, http: {{endpoint: "127.0.0.1:{http}"}}}}}}}}
exporters: {{otlp_grpc: {{endpoint: "127.0.0.1:{backend}", compression: {compression}, tls: {{insecure: true}}}}}}
service:
  telemetry: {{metrics: {{level: none, readers: []}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp_grpc]}}
    metrics: {{receivers: [otlp], exporters: [otlp_grpc]}}
    logs: {{receivers: [otlp], exporters: [otlp_grpc]}}
"""


class Backend(grpc.GenericRpcHandler):
    """Answers every Export with an empty response and keeps the bytes."""

    def __init__(self):
        self.received = queue.Queue()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), [self])
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def service(self, details):
        def answer(request, context):
            self.received.put((details.method, request))
            return b""
        return grpc.unary_unary_rpc_method_handler(answer)


def start(backend, compression):
    ports = free_ports(2)
    config = tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False)
    config.write(CONFIG.format(grpc=ports[0], http=ports[1], backend=backend.port, compression=compression))
    config.close()
    child = subprocess.Popen([BINARY, "--config", config.name])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if child.poll() is not None:
            sys.exit(f"the sidecar ended with {child.returncode}")
        try:
            for port in ports:
                socket.create_connection(("127.0.0.1", port), 1).close()
            return child, ports
        except OSError:
            time.sleep(0.02)
    sys.exit("the sidecar does not listen")


def over_grpc(port):
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def send(service, _path, body):
        call = channel.unary_unary(f"/opentelemetry.proto.collector.{service}/Export")
        return call(body, timeout=10)
    return send


def over_http(port):
    def send(_service, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body,
                                         {"Content-Type": "application/x-protobuf"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.read()
    return send


def check(documents, backend, name, send):
    passed, failed, partial = 0, 0, 0
    for document in documents:
        service, path = SERVICES[document["message"].rsplit(".", 1)[1]]
        body = (DATA.parent / document["pb"]).read_bytes()
        try:
            answer = send(service, path, body)
        except (grpc.RpcError, urllib.error.URLError) as error:
            print(f"FAILED {name} {document['pb']}: refused: {error}")
            failed += 1
            continue
        if answer:
            # Partial success: the request had items that OTLP says must not pass; what went on is not what came.
            partial += 1
            print(f"partial {name} {document['pb']}: {answer[:160]!r}")
            drain(backend, document)
            continue
        try:
            method, got = backend.received.get(timeout=5) if items(document) else (None, body)
        except queue.Empty:
            method, got = "nothing", b""
        if got == body and (method is None or service in method):
            passed += 1
        else:
            failed += 1
            print(f"FAILED {name} {document['pb']}: {len(body)} bytes in, {len(got)} bytes out, or another service")
    print(f"{name}: {passed} identical, {partial} with partial success, {failed} failed")
    return passed, failed


def items(document):
    """Spans, points and records of the JSON twin: a request without any is answered and goes no further."""
    def count(node):
        if isinstance(node, list):
            return sum(map(count, node))
        if not isinstance(node, dict):
            return 0
        return sum(len(value) if key in ("spans", "dataPoints", "logRecords", "data_points", "log_records") else count(value)
                   for key, value in node.items() if isinstance(value, (list, dict)))
    return count(json.loads((DATA.parent / document["json"]).read_text()))


def drain(backend, document):
    try:
        backend.received.get(timeout=0.5)
    except queue.Empty:
        pass


def main():
    if not (DATA / "pb" / "index.json").exists():
        print("skipped: no verification data")
        return 0
    documents = json.load(open(DATA / "pb" / "index.json"))["documents"]
    backend = Backend()
    passed, failed = 0, 0
    for compression in ("none", "gzip"):
        child, (grpc_port, http_port) = start(backend, compression)
        try:
            for name, send in (("gRPC", over_grpc(grpc_port)), ("HTTP", over_http(http_port))):
                p, f = check(documents, backend, f"{name} in, gRPC out, {compression}", send)
                passed, failed = passed + p, failed + f
        finally:
            child.send_signal(signal.SIGTERM)
        if child.wait(15) != 0:
            print(f"FAILED the sidecar ended with {child.returncode}")
            failed += 1
    backend.server.stop(None)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
