// SPDX-License-Identifier: Apache-2.0

// Package aimontransform is the processor transform under a name of its own, beside the Collector's.
package aimontransform

import (
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/internal/bridge"
)

// NewFactory is what a Collector's builder calls.
func NewFactory() processor.Factory { return bridge.NewProcessor("transform", "aimon_transform") }
