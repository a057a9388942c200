// SPDX-License-Identifier: Apache-2.0

// Package latency is the connector of percentiles, throughput, errors and tokens of inference.
package latency

import (
	"go.opentelemetry.io/collector/connector"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/internal/bridge"
)

// NewFactory is what a Collector's builder calls.
func NewFactory() connector.Factory { return bridge.NewConnector("latency", "latency") }
