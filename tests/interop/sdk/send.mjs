// SPDX-License-Identifier: Apache-2.0
// Sends a span, a metric and a log record with the JavaScript SDK, through each exporter that it has. argv: gRPC endpoint, HTTP endpoint.
import { createRequire } from 'node:module';

const require = createRequire(process.cwd() + '/package.json');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BasicTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const { MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
const { LoggerProvider, BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs');
const [grpc, http] = process.argv.slice(2);

async function send(kind, options) {
  const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${kind}`);
  const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${kind}`);
  const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${kind}`);
  const url = (path) => (kind === 'grpc' ? { url: grpc } : { url: `${http}/v1/${path}` });
  const name = options.compression ? `${kind}_${options.compression}` : kind;
  const resource = resourceFromAttributes({ 'service.name': 'javascript' });
  const tracers = new BasicTracerProvider({
    resource, spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ ...url('traces'), ...options }))],
  });
  tracers.getTracer('sender').startSpan(`javascript ${name}`, { attributes: { n: 1, list: ['a', 'b'] } }).end();
  const meters = new MeterProvider({
    resource, readers: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter({ ...url('metrics'), ...options }) })],
  });
  meters.getMeter('sender').createHistogram(`javascript.${name}`).record(3, { k: 'v' });
  const processor = new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ ...url('logs'), ...options }) });
  const loggers = new LoggerProvider({ resource, processors: [processor] });
  loggers.getLogger('sender').emit({ severityNumber: 13, body: `javascript ${name}` });
  for (const provider of [tracers, meters, loggers]) {
    await provider.forceFlush();
    await provider.shutdown();
  }
}

for (const kind of ['grpc', 'proto', 'http']) {
  await send(kind, {});
  await send(kind, { compression: 'gzip' });
}
