// SPDX-License-Identifier: Apache-2.0

// Package probabilisticsampler is the Collector's probabilistic_sampler processor, in its place: a manifest holds one of the two.
package probabilisticsampler

import (
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/internal/bridge"
)

// NewFactory is what a Collector's builder calls.
func NewFactory() processor.Factory {
	return bridge.NewProcessor("probabilistic_sampler", "probabilistic_sampler")
}
