#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a backend answers and what the client gets to see, four ways: gRPC or HTTP in, gRPC or HTTP out, as the Collector's own
tables say (internal/e2e/error_propagation_test.go). Client and backend are Python's grpcio and http. Where the real Collector is there, it
is asked the same.

    AIMON_BIN=build/debug/bin/otelcol-aimon tests/interop/errors.py
"""
import concurrent.futures
import http.client
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

os.environ.setdefault("GRPC_VERBOSITY", "NONE")
try:
    import grpc
except ImportError:
    print("skipped: python3-grpcio is not installed")
    sys.exit(0)

import collector
from free_ports import free_ports
import wire

BINARY = os.environ.get("AIMON_BIN", "build/debug/bin/otelcol-aimon")
SERVICES = {"traces": "trace.v1.TraceService", "logs": "logs.v1.LogsService"}
BODIES = {"traces": wire.traces(wire.span()), "logs": wire.logs(wire.field(5, wire.string_value(b"hello")))}
CODES = {code.value[0]: code for code in grpc.StatusCode}
NAMES = ["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
         "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
         "DATA_LOSS", "UNAUTHENTICATED"]

# Backend's gRPC code: what a client sees over gRPC (the same) and over HTTP.
GRPC_TO_HTTP = {0: 200, 1: 503, 4: 503, 10: 503, 11: 503, 14: 503, 15: 503, 8: 429, 3: 400, 16: 401, 7: 403, 12: 404,
                2: 500, 5: 500, 6: 500, 9: 500, 13: 500}
# Backend's HTTP status: what a client sees over gRPC, and over HTTP.
HTTP_TO_GRPC = {200: 0, 400: 3, 401: 16, 403: 7, 404: 12, 429: 8, 502: 14, 503: 14, 504: 14, 500: 2, 418: 2, 409: 2}
HTTP_TO_HTTP = {200: 200, 503: 503, 429: 429, 400: 400, 401: 401, 403: 403, 404: 404, 500: 500, 502: 503, 504: 503, 418: 500, 409: 500}
checks = []


def check(name, ok, detail=""):
    checks.append(bool(ok))
    if not ok:
        print(f"FAILED: {name}: {detail}")


# ---- Backends ------------------------------------------------------------------------------------------------------------


def status(code, message, retry_ns=None):
    """google.rpc.Status, with RetryInfo when there is a delay."""
    bare = wire.number_field(1, code) + wire.field(2, message)
    if retry_ns is None:
        return bare
    duration = wire.number_field(1, retry_ns // 10**9) + wire.number_field(2, retry_ns % 10**9)
    info = wire.field(1, b"type.googleapis.com/google.rpc.RetryInfo") + wire.field(2, wire.field(1, duration))
    return bare + wire.field(3, info)


class GrpcBackend(grpc.GenericRpcHandler):
    def __init__(self):
        self.code, self.retry_ns, self.reply, self.calls = 0, None, b"", 0
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), [self])
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def service(self, _details):
        def answer(_request, context):
            self.calls += 1
            if self.retry_ns is not None:
                context.set_trailing_metadata((("grpc-status-details-bin", status(self.code, b"Testing error", self.retry_ns)),))
            if self.code:
                context.abort(CODES[self.code], "Testing error")
            return self.reply
        return grpc.unary_unary_rpc_method_handler(answer)


class HttpBackend:
    def __init__(self):
        backend = self
        self.status, self.headers, self.reply, self.calls = 200, {}, b"", 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                backend.calls += 1
                reply = backend.reply  # the test goes on as soon as the head is out
                self.send_response(backend.status)
                for name, value in backend.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


# ---- The sidecar between -------------------------------------------------------------------------------------------------


class Sidecar:
    """traces go to the gRPC backend, logs to the HTTP backend; no queue, no retry."""

    def __init__(self, program, grpc_backend, http_backend):
        self.grpc, self.http = free_ports(2)
        direct = {"sending_queue": {"enabled": False}, "retry_on_failure": {"enabled": False}}
        exporters = {"otlp_grpc": {"endpoint": f"127.0.0.1:{grpc_backend.port}", "tls": {"insecure": True}, **direct}}
        pipelines = {"traces": {"receivers": ["otlp"], "exporters": ["otlp_grpc"]}}
        exporters["otlp_http"] = {"endpoint": f"http://127.0.0.1:{http_backend.port}", **direct}
        pipelines["logs"] = {"receivers": ["otlp"], "exporters": ["otlp_http"]}
        protocols = {"grpc": {"endpoint": f"127.0.0.1:{self.grpc}"}, "http": {"endpoint": f"127.0.0.1:{self.http}"}}
        config = {"receivers": {"otlp": {"protocols": protocols}}, "exporters": exporters,
                  "service": {"telemetry": {"metrics": {"level": "none", "readers": []}}, "pipelines": pipelines}}
        self.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.folder.name) / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        self.process = subprocess.Popen([program, "--config", str(path)], stderr=subprocess.DEVNULL)
        end = time.monotonic() + 15
        for port in (self.grpc, self.http):
            while time.monotonic() < end:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.02)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.grpc}")

    def over_grpc(self, signal_name):
        """(code, message, details)"""
        method = self.channel.unary_unary(f"/opentelemetry.proto.collector.{SERVICES[signal_name]}/Export")
        try:
            return 0, method(BODIES[signal_name], timeout=10), b""
        except grpc.RpcError as error:
            trailers = dict(error.trailing_metadata() or ())
            return error.code().value[0], error.details(), trailers.get("grpc-status-details-bin", b"")

    def over_http(self, signal_name, kind="application/x-protobuf", body=None):
        """(status, headers, body)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=10)
        connection.request("POST", f"/v1/{signal_name}", BODIES[signal_name] if body is None else body, {"Content-Type": kind})
        reply = connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.headers.items()}, reply.read()

    def stop(self):
        self.channel.close()
        self.process.send_signal(signal.SIGTERM)
        check("ends in order", self.process.wait(15) == 0)


JSON_TRACES = (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"30313233343536373839616263646566",'
               b'"spanId":"3031323334353637","name":"a"}]}]}]}')


# ---- The tables ----------------------------------------------------------------------------------------------------------


def from_grpc(sidecar, backend):
    for code, http_status in GRPC_TO_HTTP.items():
        backend.code, backend.calls = code, 0
        seen = sidecar.over_grpc("traces")
        check(f"gRPC {NAMES[code]} to gRPC", seen[0] == code, seen)
        check(f"gRPC {NAMES[code]}: the text comes along", code == 0 or "Testing error" in seen[1], seen)
        seen = sidecar.over_http("traces")
        check(f"gRPC {NAMES[code]} to HTTP", seen[0] == http_status, seen)
        check(f"gRPC {NAMES[code]} to HTTP: google.rpc.Status", code == 0 or seen[2].startswith(wire.number_field(1, code)), seen)
        check(f"gRPC {NAMES[code]} to HTTP: its type", seen[1].get("content-type") == "application/x-protobuf", seen)
        if code:
            seen = sidecar.over_http("traces", "application/json", JSON_TRACES)
            body = json.loads(seen[2])
            check(f"gRPC {NAMES[code]} to JSON", body["code"] == code and "Testing error" in body["message"], seen)
        check(f"gRPC {NAMES[code]}: one attempt each", backend.calls == (3 if code else 2), backend.calls)
    backend.code = 0


def delays_from_grpc(sidecar, backend):
    for code, http_status in ((14, 503), (8, 429)):
        for delay_ns, seconds in ((10**9, "1"), (1_500_000_000, "2"), (30 * 10**9, "30")):
            backend.code, backend.retry_ns = code, delay_ns
            seen = sidecar.over_grpc("traces")
            check(f"RetryInfo of {delay_ns} ns, {NAMES[code]}", seen[2].endswith(status(code, b"", delay_ns)[-20:]), seen)
            seen = sidecar.over_http("traces")
            check(f"Retry-After of {delay_ns} ns, {http_status}", seen[0] == http_status and seen[1].get("retry-after") == seconds, seen)
    backend.retry_ns = None
    seen = sidecar.over_http("traces")
    check("no delay, no Retry-After", seen[0] == 429 and "retry-after" not in seen[1], seen)
    backend.code = 0


def partial_success(sidecar, backend):
    """What the backend rejected is told in our log and counted there; the client's request was taken."""
    backend.reply, backend.calls = wire.field(1, wire.number_field(1, 1) + wire.field(2, b"one was bad")), 0
    check("partial success of a backend", sidecar.over_grpc("traces")[:2] == (0, b""), "")
    check("partial success of a backend, HTTP", sidecar.over_http("traces")[::2] == (200, b""), "")
    check("a partial success is not repeated", backend.calls == 2, backend.calls)
    backend.reply = b""


def from_http(sidecar, backend):
    for http_status, code in HTTP_TO_GRPC.items():
        backend.status, backend.calls = http_status, 0
        seen = sidecar.over_grpc("logs")
        check(f"HTTP {http_status} to gRPC", seen[0] == code, seen)
        check(f"HTTP {http_status}: one attempt", backend.calls == 1, backend.calls)
    for http_status, expected in HTTP_TO_HTTP.items():
        backend.status = http_status
        seen = sidecar.over_http("logs")
        check(f"HTTP {http_status} to HTTP", seen[0] == expected, seen)
    backend.status, backend.reply = 400, status(3, b"Testing error")
    seen = sidecar.over_http("logs")
    check("the text of an HTTP backend comes along", b"Testing error" in seen[2], seen)
    backend.reply = b""


def delays_from_http(sidecar, backend):
    for http_status, code in ((503, 14), (429, 8)):
        backend.status, backend.headers = http_status, {"Retry-After": "7"}
        seen = sidecar.over_http("logs")
        check(f"Retry-After through {http_status}", seen[1].get("retry-after") == "7", seen)
        seen = sidecar.over_grpc("logs")
        check(f"RetryInfo of Retry-After, {http_status}", seen[0] == code and seen[2].endswith(status(code, b"", 7 * 10**9)[-18:]), seen)
    backend.status, backend.headers = 200, {}


def main():
    grpc_backend, http_backend = GrpcBackend(), HttpBackend()
    sidecar = Sidecar(BINARY, grpc_backend, http_backend)
    from_grpc(sidecar, grpc_backend)
    delays_from_grpc(sidecar, grpc_backend)
    partial_success(sidecar, grpc_backend)
    from_http(sidecar, http_backend)
    delays_from_http(sidecar, http_backend)
    sidecar.stop()
    if os.access(collector.COLLECTOR, os.X_OK):
        real = Sidecar(collector.COLLECTOR, grpc_backend, http_backend)
        from_grpc(real, grpc_backend)
        from_http(real, http_backend)
        real.stop()
    grpc_backend.server.stop(0)
    http_backend.server.shutdown()
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
