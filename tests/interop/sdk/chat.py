# SPDX-License-Identifier: Apache-2.0
"""A GenAI application: the OpenAI client with OpenTelemetry's instrumentation, on a server that answers as OpenAI's does.
argv: gRPC endpoint."""

import http.server
import json
import sys
import threading

import openai
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "gpt-4o-mini-2024-07-18",
                           "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello."}}],
                           "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
about = Resource.create({"service.name": "chat"})
tracers = TracerProvider(resource=about)
tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(sys.argv[1], insecure=True)))
trace.set_tracer_provider(tracers)
meters = MeterProvider(resource=about, metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(sys.argv[1], insecure=True))])
metrics.set_meter_provider(meters)
OpenAIInstrumentor().instrument()
client = openai.OpenAI(api_key="none", base_url="http://127.0.0.1:%d/v1" % server.server_port)
for _ in range(5):
    client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Say hello."}])
tracers.shutdown()
meters.shutdown()
