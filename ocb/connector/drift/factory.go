// SPDX-License-Identifier: Apache-2.0

// Package drift is the connector that compares features, predictions and distributions with a reference.
package drift

import (
	"go.opentelemetry.io/collector/connector"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/internal/bridge"
)

// NewFactory is what a Collector's builder calls.
func NewFactory() connector.Factory { return bridge.NewConnector("drift", "drift") }
