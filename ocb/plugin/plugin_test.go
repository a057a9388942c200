// SPDX-License-Identifier: Apache-2.0

package plugin_test

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/internal/passes"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// made is the plug-in's processor that passes on in this way, to `next`.
func made(t *testing.T, how string, next consumer.ConsumeTracesFunc) processor.Traces {
	t.Helper()
	f := passes.NewFactory()
	cfg := f.CreateDefaultConfig()
	check(t, confmap.NewFromStringMap(map[string]any{"how": how}).Unmarshal(cfg))
	behind, err := consumer.NewTraces(next)
	check(t, err)
	settings := processor.Settings{ID: component.NewID(f.Type()), TelemetrySettings: componenttest.NewNopTelemetrySettings()}
	p, err := f.CreateTraces(context.Background(), settings, cfg, behind)
	check(t, err)
	check(t, p.Start(context.Background(), componenttest.NewNopHost()))
	return p
}

func three() ptrace.Traces {
	data := ptrace.NewTraces()
	spans := data.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for range 3 {
		spans.AppendEmpty().SetName("a")
	}
	return data
}

func TestWhatAPluginPassesOnArrives(t *testing.T) {
	for how, wanted := range map[string]int{"same": 3, "none": 0, "twice": 6, "later": 3, "own_done": 3} {
		arrived := make(chan int, 10)
		p := made(t, how, func(_ context.Context, data ptrace.Traces) error {
			arrived <- data.SpanCount()
			return nil
		})
		check(t, p.ConsumeTraces(context.Background(), three()))
		check(t, p.Shutdown(context.Background()))
		n := 0
		for len(arrived) > 0 {
			n += <-arrived
		}
		if n != wanted {
			t.Errorf("%s: of 3 spans %d arrived, not %d", how, n, wanted)
		}
	}
}

func TestRefusalsOfSeveralBatchesAreAllTold(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	for _, refusals := range [][]error{{first, second}, {first, nil}, {nil, second}} {
		left := refusals
		p := made(t, "twice", func(context.Context, ptrace.Traces) error {
			said := left[0]
			left = left[1:]
			return said
		})
		err := p.ConsumeTraces(context.Background(), three())
		for _, said := range refusals {
			if said != nil && !errors.Is(err, said) {
				t.Errorf("%v is not told: %v", said, err)
			}
		}
		check(t, p.Shutdown(context.Background()))
	}
}
