// SPDX-License-Identifier: Apache-2.0

// Package aimonredaction is the processor redaction under a name of its own, beside the Collector's.
package aimonredaction

import (
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/internal/bridge"
)

// NewFactory is what a Collector's builder calls.
func NewFactory() processor.Factory { return bridge.NewProcessor("redaction", "aimon_redaction") }
