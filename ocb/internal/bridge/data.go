// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"cmp"
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
)

// pdata is how data of one signal becomes bytes and back. The bytes are an OTLP Export request.
type pdata[T any] struct {
	signal    signal
	marshal   func(T) ([]byte, error)
	unmarshal func([]byte) (T, error)
	items     func(T) int
}

var (
	spans   = pdata[ptrace.Traces]{traces, (&ptrace.ProtoMarshaler{}).MarshalTraces, (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces, ptrace.Traces.SpanCount}
	points  = pdata[pmetric.Metrics]{metrics, (&pmetric.ProtoMarshaler{}).MarshalMetrics, (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics, pmetric.Metrics.DataPointCount}
	records = pdata[plog.Logs]{logs, (&plog.ProtoMarshaler{}).MarshalLogs, (&plog.ProtoUnmarshaler{}).UnmarshalLogs, plog.Logs.LogRecordCount}
)

// sinkOf takes results to a consumer.
func (p pdata[T]) sinkOf(next func(context.Context, T) error) sink {
	return func(ctx context.Context, body []byte) error {
		data, err := p.unmarshal(body)
		if err != nil {
			return consumererror.NewPermanent(err)
		}
		return next(ctx, data)
	}
}

// observer is what a connector does with data: it looks at it.
func (p pdata[T]) observer(u *use) func(context.Context, T) error {
	return func(ctx context.Context, data T) error {
		if u.idle {
			return nil
		}
		body, err := p.marshal(data)
		if err != nil {
			return consumererror.NewPermanent(err)
		}
		_, err = u.core.consume(ctx, p.signal, body, p.items(data), false)
		return err
	}
}

// bystander is what a processor does that lets everything pass: what is accepted behind it is looked at, so that what a client
// sends again counts once; a statistic that fails never blocks forwarding.
func (p pdata[T]) bystander(c *core, next func(context.Context, T) error) func(context.Context, T) error {
	return func(ctx context.Context, data T) error {
		body, err := p.marshal(data) // now: it belongs to the next one afterwards
		items := p.items(data)
		if failure := next(ctx, data); failure != nil {
			return failure
		}
		if err == nil {
			// Who sent it may be gone; it is accepted.
			_, err = c.consume(context.WithoutCancel(ctx), p.signal, body, items, false)
		}
		if err != nil {
			c.telemetry.Logger.Debug("A batch passed that was not looked at", zap.Error(err))
		}
		return nil
	}
}

// editor is what a processor does that decides what is passed on. What it is given stays as it is: what is changed is new.
func (p pdata[T]) editor(c *core, next func(context.Context, T) error) func(context.Context, T) error {
	forward := p.sinkOf(next)
	return func(ctx context.Context, data T) error {
		body, err := p.marshal(data)
		if err != nil {
			return consumererror.NewPermanent(err)
		}
		all, err := c.consume(ctx, p.signal, body, p.items(data), true)
		if err != nil {
			return err
		}
		for _, one := range all {
			var failure error
			if one.same {
				failure = next(ctx, data)
			} else {
				failure = forward(ctx, one.body)
			}
			if err != nil && failure != nil {
				failure = errors.Join(err, failure)
			}
			err = cmp.Or(failure, err)
		}
		return err
	}
}

// processor is what a processor does with data: which of both, is known when the component is made.
func (p pdata[T]) processor(c *core, next func(context.Context, T) error) func(context.Context, T) error {
	edit, look := p.editor(c, next), p.bystander(c, next)
	return func(ctx context.Context, data T) error {
		if c.looksOn[p.signal].Load() {
			return look(ctx, data)
		}
		return edit(ctx, data)
	}
}

// use is one use of a core: a connector's direction, or a processor in a pipeline.
type use struct {
	core *core
	to   signal
	idle bool // another use looks at the same data
	stop bool
}

func (u *use) Start(_ context.Context, host component.Host) error { return u.core.start(host) }

func (u *use) Shutdown(ctx context.Context) error {
	if u.stop {
		return nil
	}
	u.stop = true
	return u.core.stop(ctx, u.to)
}

// Capabilities: nothing here writes into what it is given.
func (u *use) Capabilities() consumer.Capabilities { return consumer.Capabilities{MutatesData: false} }

type tracesUse struct {
	*use
	consumer.ConsumeTracesFunc
}

type metricsUse struct {
	*use
	consumer.ConsumeMetricsFunc
}

type logsUse struct {
	*use
	consumer.ConsumeLogsFunc
}
