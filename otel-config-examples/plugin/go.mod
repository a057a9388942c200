module example.org/refusals

go 1.25.0

require (
	github.com/otelcol-aimon/otelcol-aimon/ocb v0.1.0
	go.opentelemetry.io/collector/connector v0.159.0
)
