# SPDX-License-Identifier: Apache-2.0
"""Sends a span, a metric and a log record with the Python SDK, through each exporter that it has. argv: gRPC endpoint, HTTP endpoint."""

import logging
import sys

from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

GRPC, HTTP = sys.argv[1:3]


def send(name, spans, metrics, logs):
    resource = Resource.create({"service.name": "python", "many": ["a", "b"]})
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(spans))
    with tracers.get_tracer("sender").start_as_current_span("python " + name, attributes={"n": 1, "x": 0.5, "ok": True}) as span:
        span.add_event("happened", {"why": "test"})
    meters = MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(metrics)])
    meters.get_meter("sender").create_counter("python." + name).add(3, {"k": "v"})
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(BatchLogRecordProcessor(logs))
    logger = logging.getLogger(name)
    logger.addHandler(LoggingHandler(logger_provider=loggers))
    logger.warning("python %s", name)
    for provider in (tracers, meters, loggers):
        provider.shutdown()


send("grpc", GrpcSpans(GRPC, insecure=True), GrpcMetrics(GRPC, insecure=True), GrpcLogs(GRPC, insecure=True))
send("http", HttpSpans(HTTP + "/v1/traces"), HttpMetrics(HTTP + "/v1/metrics"), HttpLogs(HTTP + "/v1/logs"))
send("http_gzip", HttpSpans(HTTP + "/v1/traces", compression=Compression.Gzip),
     HttpMetrics(HTTP + "/v1/metrics", compression=Compression.Gzip), HttpLogs(HTTP + "/v1/logs", compression=Compression.Gzip))
