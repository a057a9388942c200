// SPDX-License-Identifier: Apache-2.0

package bridge

// #include "gateway.h"
import "C"

import (
	"context"
	"slices"
	"unsafe"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/xconnector"
	"go.opentelemetry.io/collector/consumer"
)

// NewConnector is the factory of the C connector `name` under the type `as`.
func NewConnector(name, as string) connector.Factory {
	return find(name, C.OTC_CONNECTOR).newConnector(as)
}

// PluginConnector is the factory of a plug-in's connector.
func PluginConnector(factories unsafe.Pointer, name string) connector.Factory {
	return adopt(factories, name, C.OTC_CONNECTOR).newConnector(name)
}

func (f *factory) newConnector(as string) connector.Factory {
	var options []xconnector.FactoryOption
	for _, d := range f.directions {
		options = append(options, f.connect(d))
	}
	if alias := f.alias(as); alias != "" {
		options = append(options, xconnector.WithDeprecatedTypeAlias(component.MustNewType(alias)))
	}
	return xconnector.NewFactory(component.MustNewType(as), newConfig(f), options...)
}

// joined is the one core of a connector's id, for the direction and what takes its results.
func (f *factory) joined(set connector.Settings, cfg component.Config, d direction, next sink) (*use, error) {
	s, err := settingsOf(cfg)
	if err != nil {
		return nil, err
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.connector == nil || s.connector.isOver() {
		s.connector = newCore(f, set.ID, set.TelemetrySettings, s.text)
	}
	return &use{core: s.connector, to: d.to, idle: !s.connector.join(d, next)}, nil
}

// join adds a direction. All directions with the same results feed the same pipelines: the first one's way is everyone's. And all
// that take the same signal are given the same data: false when another one looks at it already.
func (c *core) join(d direction, next sink) bool {
	c.life.Lock()
	defer c.life.Unlock()
	first := !slices.ContainsFunc(c.pairs, func(pair direction) bool { return pair.from == d.from })
	c.users++
	c.feeding[d.to]++
	c.pairs = append(c.pairs, d)
	if c.next[d.to] == nil {
		c.next[d.to] = next
	}
	return first
}

// isOver is true of a core that cannot be joined any more.
func (c *core) isOver() bool {
	c.life.Lock()
	defer c.life.Unlock()
	return c.started
}

func (f *factory) connect(d direction) xconnector.FactoryOption {
	switch [2]signal{d.from, d.to} {
	case [2]signal{traces, metrics}:
		return xconnector.WithTracesToMetrics(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Traces, error) {
			return tracesIn(f.joined(set, cfg, d, points.sinkOf(next.ConsumeMetrics)))
		}, d.stability)
	case [2]signal{traces, logs}:
		return xconnector.WithTracesToLogs(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Traces, error) {
			return tracesIn(f.joined(set, cfg, d, records.sinkOf(next.ConsumeLogs)))
		}, d.stability)
	case [2]signal{metrics, metrics}:
		return xconnector.WithMetricsToMetrics(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Metrics, error) {
			return metricsIn(f.joined(set, cfg, d, points.sinkOf(next.ConsumeMetrics)))
		}, d.stability)
	case [2]signal{metrics, logs}:
		return xconnector.WithMetricsToLogs(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Metrics, error) {
			return metricsIn(f.joined(set, cfg, d, records.sinkOf(next.ConsumeLogs)))
		}, d.stability)
	case [2]signal{logs, metrics}:
		return xconnector.WithLogsToMetrics(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Logs, error) {
			return logsIn(f.joined(set, cfg, d, points.sinkOf(next.ConsumeMetrics)))
		}, d.stability)
	case [2]signal{logs, logs}:
		return xconnector.WithLogsToLogs(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Logs, error) {
			return logsIn(f.joined(set, cfg, d, records.sinkOf(next.ConsumeLogs)))
		}, d.stability)
	}
	panic("no connector here makes " + d.to.String() + " of " + d.from.String())
}

func tracesIn(u *use, err error) (connector.Traces, error) {
	if err != nil {
		return nil, err
	}
	return &tracesUse{u, spans.observer(u)}, nil
}

func metricsIn(u *use, err error) (connector.Metrics, error) {
	if err != nil {
		return nil, err
	}
	return &metricsUse{u, points.observer(u)}, nil
}

func logsIn(u *use, err error) (connector.Logs, error) {
	if err != nil {
		return nil, err
	}
	return &logsUse{u, records.observer(u)}, nil
}
