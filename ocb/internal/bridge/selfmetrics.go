// SPDX-License-Identifier: Apache-2.0

package bridge

// #include "gateway.h"
import "C"

import (
	"context"
	"maps"
	"sync/atomic"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

// selfMetrics shows the component's own metrics through the Collector's meter, under the names that the sidecar gives them.
// They are looked at when the Collector collects; OpenTelemetry has no histograms that are, and no component here has one.
type selfMetrics struct {
	core          *core
	meter         metric.Meter
	registrations []metric.Registration                             // of instruments that were new together
	unknown       atomic.Bool                                       // there is an instrument that is not registered
	instruments   atomic.Pointer[map[string]metric.Int64Observable] // all; never changed, but replaced
}

func newSelfMetrics(c *core) *selfMetrics {
	m := &selfMetrics{core: c, meter: c.telemetry.MeterProvider.Meter("github.com/otelcol-aimon/otelcol-aimon/ocb")}
	m.instruments.Store(&map[string]metric.Int64Observable{})
	m.unknown.Store(true)
	m.register()
	return m
}

// read takes the values of all instruments, of one moment.
func (m *selfMetrics) read() (pmetric.MetricSlice, bool) {
	var data unsafe.Pointer
	var n C.size_t
	m.core.entry.RLock()
	ok := m.core.c != nil && bool(C.otc_bridge_metrics(m.core.c, &data, &n))
	m.core.entry.RUnlock()
	if !ok {
		return pmetric.MetricSlice{}, false
	}
	defer C.free(data)
	read, err := points.unmarshal(C.GoBytes(data, C.int(n)))
	if err != nil || read.ResourceMetrics().Len() == 0 {
		return pmetric.MetricSlice{}, false
	}
	return read.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics(), true
}

// register makes the instruments that are new, with a callback of their own: one that took the place of the former would have
// moments in which a collection finds both, or none. One goroutine at a time, and not within a collection, which holds the meter's
// locks: nothing is locked here.
func (m *selfMetrics) register() {
	if !m.unknown.Swap(false) && len(m.registrations) > 0 {
		return // else there is nobody yet who would notice one
	}
	read, ok := m.read()
	if !ok {
		return
	}
	all, made := maps.Clone(*m.instruments.Load()), map[string]metric.Int64Observable{}
	for _, shown := range read.All() {
		if all[shown.Name()] == nil {
			made[shown.Name()] = m.instrument(shown)
		}
	}
	if len(made) > 0 {
		maps.Copy(all, made)
		m.instruments.Store(&all)
		m.observe(made)
	}
}

func (m *selfMetrics) instrument(shown pmetric.Metric) metric.Int64Observable {
	var made metric.Int64Observable
	var err error
	unit, description := metric.WithUnit(shown.Unit()), metric.WithDescription(shown.Description())
	switch {
	case shown.Type() == pmetric.MetricTypeSum && shown.Sum().IsMonotonic():
		made, err = m.meter.Int64ObservableCounter(shown.Name(), unit, description)
	case shown.Type() == pmetric.MetricTypeSum:
		made, err = m.meter.Int64ObservableUpDownCounter(shown.Name(), unit, description)
	default:
		made, err = m.meter.Int64ObservableGauge(shown.Name(), unit, description)
	}
	if err != nil {
		m.core.telemetry.Logger.Warn("A metric of the component itself cannot be shown", zap.String("metric", shown.Name()), zap.Error(err))
	}
	return made
}

func (m *selfMetrics) observe(instruments map[string]metric.Int64Observable) {
	observed := make([]metric.Observable, 0, len(instruments))
	for _, instrument := range instruments {
		observed = append(observed, instrument)
	}
	registration, err := m.meter.RegisterCallback(func(_ context.Context, observer metric.Observer) error {
		m.collect(observer, instruments)
		return nil
	}, observed...)
	if err != nil {
		m.core.telemetry.Logger.Warn("The component's own metrics cannot be shown", zap.Error(err))
		return
	}
	m.registrations = append(m.registrations, registration)
}

func (m *selfMetrics) unregister() {
	for _, registration := range m.registrations {
		_ = registration.Unregister()
	}
	m.registrations = nil
}

// collect tells the values of some instruments.
func (m *selfMetrics) collect(observer metric.Observer, instruments map[string]metric.Int64Observable) {
	read, ok := m.read()
	if !ok {
		return
	}
	all := *m.instruments.Load()
	for _, shown := range read.All() {
		instrument := instruments[shown.Name()]
		if all[shown.Name()] == nil {
			m.unknown.Store(true)
			m.core.signalWake()
		}
		if instrument == nil {
			continue
		}
		var values pmetric.NumberDataPointSlice
		switch shown.Type() {
		case pmetric.MetricTypeSum:
			values = shown.Sum().DataPoints()
		case pmetric.MetricTypeGauge:
			values = shown.Gauge().DataPoints()
		default:
			continue
		}
		for _, value := range values.All() {
			observer.ObserveInt64(instrument, value.IntValue(), metric.WithAttributes(labels(value.Attributes())...))
		}
	}
}

func labels(from pcommon.Map) []attribute.KeyValue {
	made := make([]attribute.KeyValue, 0, from.Len())
	for key, value := range from.All() {
		made = append(made, attribute.String(key, value.AsString()))
	}
	return made
}
