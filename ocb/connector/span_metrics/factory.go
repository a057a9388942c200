// SPDX-License-Identifier: Apache-2.0

// Package spanmetrics is the Collector's span_metrics connector, in its place: a manifest holds one of the two.
package spanmetrics

import (
	"go.opentelemetry.io/collector/connector"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/internal/bridge"
)

// NewFactory is what a Collector's builder calls.
func NewFactory() connector.Factory { return bridge.NewConnector("span_metrics", "span_metrics") }
