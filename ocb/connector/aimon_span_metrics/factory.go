// SPDX-License-Identifier: Apache-2.0

// Package aimonspanmetrics is the connector span_metrics under a name of its own, beside the Collector's.
package aimonspanmetrics

import (
	"go.opentelemetry.io/collector/connector"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/internal/bridge"
)

// NewFactory is what a Collector's builder calls.
func NewFactory() connector.Factory { return bridge.NewConnector("span_metrics", "aimon_span_metrics") }
