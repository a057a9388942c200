// SPDX-License-Identifier: Apache-2.0

// Sends a span, a metric and a log record with the Go SDK, through each exporter that it has. Arguments: gRPC endpoint, HTTP endpoint
// (host:port both).
package main

import (
	"context"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	logsdk "go.opentelemetry.io/otel/sdk/log"
	metricsdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	tracesdk "go.opentelemetry.io/otel/sdk/trace"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func send(ctx context.Context, name string, spans *otlptrace.Exporter, metrics metricsdk.Exporter, logs logsdk.Exporter) {
	about := resource.NewSchemaless(attribute.String("service.name", "go"))
	tracers := tracesdk.NewTracerProvider(tracesdk.WithBatcher(spans), tracesdk.WithResource(about))
	_, span := tracers.Tracer("sender").Start(ctx, "go "+name)
	span.SetAttributes(attribute.Int64Slice("list", []int64{1, 2}))
	span.End()
	meters := metricsdk.NewMeterProvider(metricsdk.WithReader(metricsdk.NewPeriodicReader(metrics)), metricsdk.WithResource(about))
	gauge, err := meters.Meter("sender").Float64Gauge("go." + name)
	must(err)
	gauge.Record(ctx, 3)
	loggers := logsdk.NewLoggerProvider(logsdk.WithProcessor(logsdk.NewBatchProcessor(logs)), logsdk.WithResource(about))
	record := log.Record{}
	record.SetBody(attribute.StringValue("go " + name))
	loggers.Logger("sender").Emit(ctx, record)
	must(tracers.Shutdown(ctx))
	must(meters.Shutdown(ctx))
	must(loggers.Shutdown(ctx))
}

func main() {
	ctx, grpc, http := context.Background(), os.Args[1], os.Args[2]
	spans, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(grpc), otlptracegrpc.WithInsecure())
	must(err)
	metrics, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(grpc), otlpmetricgrpc.WithInsecure())
	must(err)
	logs, err := otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(grpc), otlploggrpc.WithInsecure())
	must(err)
	send(ctx, "grpc", spans, metrics, logs)
	spans, err = otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(http), otlptracehttp.WithInsecure(),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	must(err)
	httpMetrics, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpoint(http), otlpmetrichttp.WithInsecure())
	must(err)
	httpLogs, err := otlploghttp.New(ctx, otlploghttp.WithEndpoint(http), otlploghttp.WithInsecure())
	must(err)
	send(ctx, "http", spans, httpMetrics, httpLogs)
}
