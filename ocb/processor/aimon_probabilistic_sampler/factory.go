// SPDX-License-Identifier: Apache-2.0

// Package aimonprobabilisticsampler is the processor probabilistic_sampler under a name of its own, beside the Collector's.
package aimonprobabilisticsampler

import (
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/internal/bridge"
)

// NewFactory is what a Collector's builder calls.
func NewFactory() processor.Factory {
	return bridge.NewProcessor("probabilistic_sampler", "aimon_probabilistic_sampler")
}
