// SPDX-License-Identifier: Apache-2.0

package bridge

// #include "gateway.h"
import "C"

import (
	"context"
	"fmt"
	"unsafe"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/xprocessor"
)

// NewProcessor is the factory of the C processor `name` under the type `as`.
func NewProcessor(name, as string) processor.Factory {
	return find(name, C.OTC_PROCESSOR).newProcessor(as)
}

// PluginProcessor is the factory of a plug-in's processor.
func PluginProcessor(factories unsafe.Pointer, name string) processor.Factory {
	return adopt(factories, name, C.OTC_PROCESSOR).newProcessor(name)
}

func (f *factory) newProcessor(as string) processor.Factory {
	var options []xprocessor.FactoryOption
	for _, d := range f.directions {
		options = append(options, f.process(d))
	}
	if alias := f.alias(as); alias != "" {
		options = append(options, xprocessor.WithDeprecatedTypeAlias(component.MustNewType(alias)))
	}
	return xprocessor.NewFactory(component.MustNewType(as), newConfig(f), options...)
}

func (f *factory) process(d direction) xprocessor.FactoryOption {
	switch d.from {
	case traces:
		return xprocessor.WithTraces(func(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
			u, consume, err := placed(f, spans, set, cfg, d, next.ConsumeTraces)
			return &tracesUse{u, consume}, err
		}, d.stability)
	case metrics:
		return xprocessor.WithMetrics(func(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
			u, consume, err := placed(f, points, set, cfg, d, next.ConsumeMetrics)
			return &metricsUse{u, consume}, err
		}, d.stability)
	default:
		return xprocessor.WithLogs(func(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			u, consume, err := placed(f, records, set, cfg, d, next.ConsumeLogs)
			return &logsUse{u, consume}, err
		}, d.stability)
	}
}

// placed is a processor in a pipeline: a core of its own.
func placed[T any](f *factory, p pdata[T], set processor.Settings, cfg component.Config, d direction, next func(context.Context, T) error) (*use, func(context.Context, T) error, error) {
	s, err := settingsOf(cfg)
	if err != nil {
		return nil, nil, err
	}
	if err := s.place(f, set.ID); err != nil {
		return nil, nil, err
	}
	c := newCore(f, set.ID, set.TelemetrySettings, s.text)
	c.join(d, p.sinkOf(next))
	return &use{core: c, to: d.to}, p.processor(c, next), nil
}

// place refuses a second pipeline to a processor that tells results under its id.
func (s *settings) place(f *factory, id component.ID) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.pipelines++
	if s.pipelines > 1 && bool(f.c.one_pipeline) {
		return fmt.Errorf("processor %q stands in %d pipelines: what it tells of them could not be told apart; give each an id of its own (%s/a, %s/b) that differs in `model`",
			id, s.pipelines, id.Type(), id.Type())
	}
	return nil
}
