// SPDX-License-Identifier: Apache-2.0

// Package drift is the processor that lets metrics pass and appends how far they moved from a reference.
package drift

import (
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/internal/bridge"
)

// NewFactory is what a Collector's builder calls.
func NewFactory() processor.Factory { return bridge.NewProcessor("drift", "drift") }
