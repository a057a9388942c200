// SPDX-License-Identifier: Apache-2.0

// Package refusals is the connector of refusals.c for a Collector that the Collector's builder makes.
package refusals

// #cgo pkg-config: otelcol-aimon
// #cgo CFLAGS: -Dotc_plugin_factories=refusals_plugin_factories
// #include "common/component/otc.h"
// extern const struct otc_factory *const otc_plugin_factories[];
// static const void *factories(void) { return otc_plugin_factories; }
import "C"

import (
	"go.opentelemetry.io/collector/connector"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/plugin"
)

// NewFactory is what a Collector's builder calls.
func NewFactory() connector.Factory { return plugin.Connector(C.factories(), "refusals") }
