// SPDX-License-Identifier: Apache-2.0

// Package passes is the tests' plug-in, tests/unit/ocb/passes.h, for a Collector. It is not installed.
package passes

// #cgo CFLAGS: -I${SRCDIR}/../../..
// #include "tests/unit/ocb/passes.h"
// static const struct otc_factory *const list[] = {&passes_factory, NULL};
// static const void *factories(void) { return list; }
import "C"

import (
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/plugin"
)

// NewFactory is the processor.
func NewFactory() processor.Factory { return plugin.Processor(C.factories(), "passes") }
