// SPDX-License-Identifier: Apache-2.0

// Package redaction is the Collector's redaction processor, in its place: a manifest holds one of the two.
package redaction

import (
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/internal/bridge"
)

// NewFactory is what a Collector's builder calls.
func NewFactory() processor.Factory { return bridge.NewProcessor("redaction", "redaction") }
