// SPDX-License-Identifier: Apache-2.0

package bridge

// #include "gateway.h"
import "C"

import (
	"errors"
	"math"
	"runtime/cgo"
	"unsafe"

	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// What C calls. Any thread; a component's lock may be held, so that nothing here may block.

var levels = map[C.enum_otc_log_level]zapcore.Level{
	C.OTC_LOG_DEBUG: zapcore.DebugLevel,
	C.OTC_LOG_INFO:  zapcore.InfoLevel,
	C.OTC_LOG_WARN:  zapcore.WarnLevel,
	C.OTC_LOG_ERROR: zapcore.ErrorLevel,
}

// leastLevel is the least level that a logger writes.
func leastLevel(logger *zap.Logger) C.enum_otc_log_level {
	for level := C.enum_otc_log_level(C.OTC_LOG_DEBUG); level < C.OTC_LOG_ERROR; level++ {
		if logger.Core().Enabled(levels[level]) {
			return level
		}
	}
	return C.OTC_LOG_ERROR
}

func field(f *C.struct_otc_log_field) zap.Field {
	key := C.GoString(f.key)
	if f.text.data != nil {
		return zap.String(key, string(view(unsafe.Pointer(f.text.data), f.text.len)))
	}
	number := float64(f.number)
	if number == math.Trunc(number) && math.Abs(number) < 1<<53 {
		return zap.Int64(key, int64(number))
	}
	return zap.Float64(key, number)
}

//export otcGoLog
func otcGoLog(handle C.uintptr_t, level C.enum_otc_log_level, message *C.char, fields *C.struct_otc_log_field, n C.size_t) {
	c := cgo.Handle(handle).Value().(*core)
	entry := c.telemetry.Logger.Check(levels[level], C.GoString(message))
	if entry == nil {
		return
	}
	made := make([]zap.Field, 0, int(n))
	for i := range unsafe.Slice(fields, int(n)) {
		made = append(made, field(&unsafe.Slice(fields, int(n))[i]))
	}
	entry.Write(made...)
}

//export otcGoReport
func otcGoReport(handle C.uintptr_t, state C.enum_otc_component_state, text *C.char) {
	c := cgo.Handle(handle).Value().(*core)
	err := errors.New("unknown error")
	if text != nil {
		err = errors.New(C.GoString(text))
	}
	var event *componentstatus.Event
	switch state {
	case C.OTC_STATE_OK:
		event = componentstatus.NewEvent(componentstatus.StatusOK)
	case C.OTC_STATE_RECOVERABLE_ERROR:
		event = componentstatus.NewRecoverableErrorEvent(err)
	case C.OTC_STATE_PERMANENT_ERROR:
		event = componentstatus.NewPermanentErrorEvent(err)
	case C.OTC_STATE_FATAL_ERROR:
		event = componentstatus.NewFatalErrorEvent(err)
	default:
		return // the Collector itself tells of starting and stopping
	}
	c.report(event)
}

// report tells the Collector a state. A fatal one waits there for its main goroutine, which may be in this component; it is told
// once, beside it.
func (c *core) report(event *componentstatus.Event) {
	host := c.host.Load()
	switch {
	case host == nil:
	case event.Status() != componentstatus.StatusFatalError:
		componentstatus.ReportStatus(*host, event)
	case !c.fatal.Swap(true):
		go componentstatus.ReportStatus(*host, event)
	}
}

//export otcGoWake
func otcGoWake(handle C.uintptr_t) {
	cgo.Handle(handle).Value().(*core).signalWake()
}
