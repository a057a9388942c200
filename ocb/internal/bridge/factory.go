// SPDX-License-Identifier: Apache-2.0

// Package bridge makes Go factories of the C components: what a connector or processor package of this module is, but for its
// name. Go owns every goroutine and timer; C is called once or a few times a batch and starts no thread.
package bridge

// #cgo CFLAGS: -I${SRCDIR}/include
// #cgo LDFLAGS: -L${SRCDIR}/lib -lotelcol_aimon -lm
// #include "gateway.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"go.opentelemetry.io/collector/component"
)

type signal C.enum_otc_signal

// nSignals is OTC_N_SIGNALS.
const nSignals = 3

const (
	traces  signal = C.OTC_TRACES
	metrics signal = C.OTC_METRICS
	logs    signal = C.OTC_LOGS
)

func (s signal) String() string {
	return C.GoString(C.otc_signal_name(C.enum_otc_signal(s)))
}

// direction is a pair of signals that a factory supports.
type direction struct {
	from, to  signal
	stability component.StabilityLevel
}

// factory is a component of the library.
type factory struct {
	c          *C.struct_otc_factory
	name       string
	directions []direction
	unusable   error // a plug-in's: why; there is no c then
}

var stabilities = map[C.enum_otc_stability]component.StabilityLevel{
	C.OTC_STABILITY_DEVELOPMENT: component.StabilityLevelDevelopment,
	C.OTC_STABILITY_ALPHA:       component.StabilityLevelAlpha,
	C.OTC_STABILITY_BETA:        component.StabilityLevelBeta,
	C.OTC_STABILITY_STABLE:      component.StabilityLevelStable,
	C.OTC_STABILITY_DEPRECATED:  component.StabilityLevelDeprecated,
}

// find panics when the library lacks the component: that is a mistake in this module, not of its user.
func find(name string, kind C.enum_otc_kind) *factory {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	c := C.otc_bridge_factory(text, kind)
	if c == nil {
		panic(fmt.Sprintf("the library holds no %s %q", C.GoString(C.otc_kind_name(kind)), name))
	}
	return described(c, name)
}

func described(c *C.struct_otc_factory, name string) *factory {
	f := &factory{c: c, name: name}
	for _, pair := range unsafe.Slice(c.pairs, int(c.n_pairs)) {
		f.directions = append(f.directions, direction{signal(pair.from), signal(pair.to), stabilities[pair.stability]})
	}
	return f
}

// adopt is a component of a plug-in's list. One that cannot be used says why when it is configured.
func adopt(factories unsafe.Pointer, name string, kind C.enum_otc_kind) *factory {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	var failure C.struct_otc_error
	c := C.otc_bridge_adopt((**C.struct_otc_factory)(factories), text, kind, &failure)
	if c == nil {
		return &factory{name: name, unusable: errors.New(C.GoString(&failure.text[0]))}
	}
	return described(c, name)
}

// alias is a former type that is accepted with a warning too, of a component under its own name.
func (f *factory) alias(as string) string {
	if f.c == nil || f.c.deprecated_type == nil || as != f.name {
		return ""
	}
	return C.GoString(f.c.deprecated_type)
}

// view is C's memory as bytes, borrowed.
func view(data unsafe.Pointer, n C.size_t) []byte {
	return unsafe.Slice((*byte)(data), int(n))
}
