// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ---- What the tests are made of ---------------------------------------------------------------------

// drain is a consumer that keeps what it is given, or refuses it.
type drain[T any] struct {
	lock   sync.Mutex
	got    []T
	refuse error
}

func (d *drain[T]) consume(_ context.Context, data T) error {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.refuse != nil {
		return d.refuse
	}
	d.got = append(d.got, data)
	return nil
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		check(t, err)
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func into(d *drain[pmetric.Metrics]) consumer.Metrics {
	made, _ := consumer.NewMetrics(d.consume)
	return made
}

func intoTraces(d *drain[ptrace.Traces]) consumer.Traces {
	made, _ := consumer.NewTraces(d.consume)
	return made
}

func configured(t testing.TB, made component.Config, keys map[string]any) component.Config {
	t.Helper()
	check(t, confmap.NewFromStringMap(keys).Unmarshal(made))
	return made
}

func connectorSettings(f connector.Factory, telemetry component.TelemetrySettings) connector.Settings {
	return connector.Settings{ID: component.NewIDWithName(f.Type(), "test"), TelemetrySettings: telemetry}
}

func processorSettings(f processor.Factory, telemetry component.TelemetrySettings) processor.Settings {
	return processor.Settings{ID: component.NewIDWithName(f.Type(), "test"), TelemetrySettings: telemetry}
}

// call is a span of a model that took a second.
func call(names ...string) ptrace.Traces {
	data := ptrace.NewTraces()
	spans := data.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	now := time.Now()
	for i, name := range names {
		span := spans.AppendEmpty()
		span.SetName(name)
		span.SetSpanID([8]byte{1, byte(i), byte(i >> 8)})
		span.SetTraceID([16]byte{1})
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Second)))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
		span.Attributes().PutStr("ml.model.name", "m")
	}
	return data
}

// counted is the last value of a sum, of all its points.
func counted(d *drain[pmetric.Metrics], name string) int64 {
	d.lock.Lock()
	defer d.lock.Unlock()
	var last int64
	for _, data := range d.got {
		for _, resource := range data.ResourceMetrics().All() {
			for _, scope := range resource.ScopeMetrics().All() {
				for _, metric := range scope.Metrics().All() {
					if metric.Name() == name {
						last = 0
						for _, point := range metric.Sum().DataPoints().All() {
							last += point.IntValue()
						}
					}
				}
			}
		}
	}
	return last
}

func threads(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/task")
	check(t, err)
	return len(entries)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gave up waiting: %s", what)
		}
	}
}

// ---- Connectors -------------------------------------------------------------------------------------

func TestConnectorTellsAtTheEndWhatItCounted(t *testing.T) {
	f, results := NewConnector("latency", "latency"), &drain[pmetric.Metrics]{}
	c := must[connector.Traces](t)(f.CreateTracesToMetrics(context.Background(), connectorSettings(f, componenttest.NewNopTelemetrySettings()), f.CreateDefaultConfig(), into(results)))
	check(t, c.Start(context.Background(), componenttest.NewNopHost()))
	if c.Capabilities().MutatesData {
		t.Error("a connector says that it changes what it is given")
	}
	for range 5 {
		check(t, c.ConsumeTraces(context.Background(), call("a", "b")))
	}
	check(t, c.Shutdown(context.Background()))
	if n := counted(results, "ml.inference.requests"); n != 10 {
		t.Errorf("10 spans were sent, %d counted", n)
	}
	if err := c.ConsumeTraces(context.Background(), call("late")); err == nil || consumererror.IsPermanent(err) {
		t.Errorf("data after the end: %v", err)
	}
	check(t, c.Shutdown(context.Background()))
}

func TestDirectionsOfAConnectorAreOne(t *testing.T) {
	f, results, events := NewConnector("drift", "drift"), &drain[pmetric.Metrics]{}, &drain[plog.Logs]{}
	cfg := configured(t, f.CreateDefaultConfig(), map[string]any{"presets": []any{"ml"}, "reference": map[string]any{"learn": map[string]any{"observations": 20, "duration": "0s"}}})
	set := connectorSettings(f, componenttest.NewNopTelemetrySettings())
	ctx, next := context.Background(), into(results)
	toLogs, err := consumer.NewLogs(events.consume)
	check(t, err)
	one := must[connector.Traces](t)(f.CreateTracesToMetrics(ctx, set, cfg, next))
	other := must[connector.Traces](t)(f.CreateTracesToLogs(ctx, set, cfg, toLogs))
	data := call("a", "b", "c")
	for _, span := range data.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		span.Attributes().PutDouble("ml.feature.age", 4)
	}
	for _, c := range []connector.Traces{one, other} {
		check(t, c.Start(ctx, componenttest.NewNopHost()))
	}
	for _, c := range []connector.Traces{one, other} { // as the Collector gives it to both
		check(t, c.ConsumeTraces(ctx, data))
	}
	check(t, one.Shutdown(ctx))
	told := len(results.got)
	check(t, other.Shutdown(ctx))
	if n := counted(results, "ml.inference.records"); n != 3 {
		t.Errorf("3 spans were sent, %d counted", n)
	}
	if len(results.got) != told {
		t.Error("a pipeline got results after its connector was shut down")
	}
}

func TestResultsThatAreRefusedAreCountedAndLogged(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	telemetry := componenttest.NewTelemetry()
	settings := telemetry.NewTelemetrySettings()
	settings.Logger = zap.New(core)
	f, results := NewConnector("latency", "latency"), &drain[pmetric.Metrics]{refuse: errors.New("full")}
	cfg := configured(t, f.CreateDefaultConfig(), map[string]any{"metrics_flush_interval": "1s"})
	c := must[connector.Traces](t)(f.CreateTracesToMetrics(context.Background(), connectorSettings(f, settings), cfg, into(results)))
	check(t, c.Start(context.Background(), componenttest.NewNopHost()))
	check(t, c.ConsumeTraces(context.Background(), call("a")))
	eventually(t, "a warning", func() bool { return logs.FilterMessage("The next component refused results").Len() > 0 })
	eventually(t, "the metric of the component itself", func() bool {
		shown, err := telemetry.GetMetric("aimon_emit_points_refused")
		if err != nil {
			return false
		}
		sum, ok := shown.Data.(metricdata.Sum[int64])
		return ok && sum.IsMonotonic && len(sum.DataPoints) == 1 && sum.DataPoints[0].Value > 0
	})
	check(t, c.Shutdown(context.Background()))
	check(t, telemetry.Shutdown(context.Background()))
}

// ---- Processors -------------------------------------------------------------------------------------

func made(t *testing.T, name string, keys map[string]any, next *drain[ptrace.Traces]) processor.Traces {
	t.Helper()
	f := NewProcessor(name, name)
	cfg := configured(t, f.CreateDefaultConfig(), keys)
	p := must[processor.Traces](t)(f.CreateTraces(context.Background(), processorSettings(f, componenttest.NewNopTelemetrySettings()), cfg, intoTraces(next)))
	check(t, p.Start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() { check(t, p.Shutdown(context.Background())) })
	return p
}

func TestProcessorChangesACopy(t *testing.T) {
	next := &drain[ptrace.Traces]{}
	p := made(t, "attributes", map[string]any{"actions": []any{map[string]any{"key": "region", "value": "eu", "action": "insert"}}}, next)
	data := call("a")
	data.MarkReadOnly()
	check(t, p.ConsumeTraces(context.Background(), data))
	attributes := next.got[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
	if region, _ := attributes.Get("region"); region.AsString() != "eu" {
		t.Errorf("the attribute is %q", region.AsString())
	}
	if _, there := data.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().Get("region"); there {
		t.Error("what came was changed")
	}
}

func TestProcessorThatLeavesNothing(t *testing.T) {
	next := &drain[ptrace.Traces]{}
	p := made(t, "filter", map[string]any{"traces": map[string]any{"span": []any{`name == "a"`}}}, next)
	check(t, p.ConsumeTraces(context.Background(), call("a", "a")))
	if len(next.got) != 0 {
		t.Error("an empty request was passed on")
	}
	check(t, p.ConsumeTraces(context.Background(), call("a", "b")))
	if len(next.got) != 1 || next.got[0].SpanCount() != 1 {
		t.Error("the span that is kept is not passed on alone")
	}
}

func TestErrorsOfAProcessor(t *testing.T) {
	next := &drain[ptrace.Traces]{}
	p := made(t, "transform", map[string]any{"error_mode": "propagate", "trace_statements": []any{`set(span.attributes["x"], Substring(span.name, 0, 5))`}}, next)
	err := p.ConsumeTraces(context.Background(), call("four"))
	if told, _ := status.FromError(err); err == nil || consumererror.IsPermanent(err) || told.Code() != codes.Unavailable {
		t.Errorf("a statement that cannot be done: %v, %v", told.Code(), err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.ConsumeTraces(cancelled, call("five five")); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is cancelled: %v", err)
	}
	next.refuse = errors.New("full")
	if err := p.ConsumeTraces(context.Background(), call("five five")); !errors.Is(err, next.refuse) {
		t.Errorf("what the next component says: %v", err)
	}
	next.refuse = consumererror.NewPermanent(errors.New("never"))
	if err := p.ConsumeTraces(context.Background(), call("five five")); !consumererror.IsPermanent(err) {
		t.Errorf("what the next component says for good: %v", err)
	}
}

func TestProcessorOfResultsStandsInOnePipeline(t *testing.T) {
	f, next := NewProcessor("drift", "drift"), &drain[pmetric.Metrics]{}
	cfg := configured(t, f.CreateDefaultConfig(), map[string]any{"presets": []any{"vllm"}})
	set := processorSettings(f, componenttest.NewNopTelemetrySettings())
	_, err := f.CreateMetrics(context.Background(), set, cfg, into(next))
	check(t, err)
	if _, err = f.CreateMetrics(context.Background(), set, cfg, into(next)); err == nil || !strings.Contains(err.Error(), "stands in 2 pipelines") {
		t.Errorf("a second pipeline: %v", err)
	}
}

func TestConfigurationsThatAreWrong(t *testing.T) {
	for keys, wanted := range map[string]string{
		`{"windov": {}}`: `'' has invalid keys: windov (did you mean "window"?)`, `{"metrics_flush_interval": [1]}`: "expected type 'duration'"} {
		cfg := NewConnector("drift", "drift").CreateDefaultConfig()
		retrieved := must[*confmap.Retrieved](t)(confmap.NewRetrievedFromYAML([]byte(keys)))
		if err := must[*confmap.Conf](t)(retrieved.AsConf()).Unmarshal(cfg); err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%s: %v", keys, err)
		}
	}
}

// literal is what ${literal:X} is replaced by: X, read as YAML, as of ${env:…}.
type literal struct{}

func (literal) Retrieve(_ context.Context, uri string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	return confmap.NewRetrievedFromYAML([]byte(strings.TrimPrefix(uri, "literal:")))
}
func (literal) Scheme() string                 { return "literal" }
func (literal) Shutdown(context.Context) error { return nil }

// resolved is a configuration as the Collector reads it.
func resolved(t *testing.T, yaml string) *confmap.Conf {
	t.Helper()
	resolver := must[*confmap.Resolver](t)(confmap.NewResolver(confmap.ResolverSettings{URIs: []string{"literal:" + yaml},
		ProviderFactories: []confmap.ProviderFactory{confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return literal{} })}}))
	return must[*confmap.Conf](t)(resolver.Resolve(context.Background()))
}

func TestTextsTakeTheOriginalOfAnExpansion(t *testing.T) {
	for _, text := range []string{"007", "1", "1.10", "true", "0x1F", "2026-01-02", "null"} {
		value := "'${literal:" + text + "}'"
		check(t, resolved(t, "reference: {arm: {baseline: "+value+", attribute: "+value+"}}").Unmarshal(NewConnector("drift", "drift").CreateDefaultConfig()))
		check(t, resolved(t, "presets: [ml]\nwindow: {length: 10m, min_observations: '${literal:0100}'}").Unmarshal(NewConnector("drift", "drift").CreateDefaultConfig()))
		f, next := NewProcessor("attributes", "attributes"), &drain[ptrace.Traces]{}
		cfg := f.CreateDefaultConfig()
		check(t, resolved(t, "actions: [{key: "+value+", value: '${literal:7}', action: insert}]").Unmarshal(cfg))
		p := must[processor.Traces](t)(f.CreateTraces(context.Background(), processorSettings(f, componenttest.NewNopTelemetrySettings()), cfg, intoTraces(next)))
		check(t, p.Start(context.Background(), componenttest.NewNopHost()))
		check(t, p.ConsumeTraces(context.Background(), call("a")))
		check(t, p.Shutdown(context.Background()))
		attributes := next.got[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
		if found, ok := attributes.Get(text); !ok || found.Type() != pcommon.ValueTypeInt || found.Int() != 7 {
			t.Errorf("%s: no attribute of this name is 7: %v", text, attributes.AsRaw())
		}
	}
}

func TestTextsThatYAMLWritesDifferently(t *testing.T) {
	for _, text := range []string{"a\x7fb", "a\u0080b\u009f", "\ufeffa", "a\uffffb", "é\n\"'<&\U0001F600", "2026-01-02"} {
		next := &drain[ptrace.Traces]{}
		p := made(t, "attributes", map[string]any{"actions": []any{map[string]any{"key": text, "value": text, "action": "insert"}}}, next)
		check(t, p.ConsumeTraces(context.Background(), call("a")))
		attributes := next.got[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
		if found, ok := attributes.Get(text); !ok || found.Str() != text {
			t.Errorf("%q: %v", text, attributes.AsRaw())
		}
	}
	dates := func(text string) error {
		return resolved(t, "actions: [{key: a, value: "+text+", action: insert}]").Unmarshal(NewProcessor("attributes", "attributes").CreateDefaultConfig())
	}
	check(t, dates("2026-01-02"))
	if err := dates("2026-01-02 03:04:05"); err == nil || !strings.Contains(err.Error(), "put the text into quotes") {
		t.Errorf("a time: %v", err)
	}
}

func TestFormerTypes(t *testing.T) {
	aliased := func(f any) string {
		return f.(interface{ DeprecatedAlias() component.Type }).DeprecatedAlias().String()
	}
	f := NewConnector("span_metrics", "span_metrics")
	if alias := aliased(f); alias != "spanmetrics" {
		t.Errorf("span_metrics was called %q", alias)
	}
	set := connectorSettings(f, componenttest.NewNopTelemetrySettings())
	set.ID = component.MustNewID("spanmetrics")
	_, err := f.CreateTracesToMetrics(context.Background(), set, f.CreateDefaultConfig(), into(&drain[pmetric.Metrics]{}))
	check(t, err)
	if alias := aliased(NewConnector("span_metrics", "aimon_span_metrics")); alias != "" {
		t.Errorf("aimon_span_metrics was called %q", alias)
	}
}

func TestASenderThatGoesDoesNotHideWhatIsAccepted(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	telemetry := componenttest.NewNopTelemetrySettings()
	telemetry.Logger = zap.New(core)
	f := NewProcessor("drift", "drift")
	cfg := configured(t, f.CreateDefaultConfig(), map[string]any{"presets": []any{"vllm"}})
	ctx, cancel := context.WithCancel(context.Background())
	next := must[consumer.Metrics](t)(consumer.NewMetrics(func(context.Context, pmetric.Metrics) error {
		cancel()
		return nil
	}))
	p := must[processor.Metrics](t)(f.CreateMetrics(ctx, processorSettings(f, telemetry), cfg, next))
	check(t, p.Start(context.Background(), componenttest.NewNopHost()))
	check(t, p.ConsumeMetrics(ctx, pmetric.NewMetrics()))
	check(t, p.Shutdown(context.Background()))
	if missed := logs.FilterMessage("A batch passed that was not looked at").All(); len(missed) > 0 {
		t.Errorf("%v", missed[0].ContextMap())
	}
}

// waiting is a host whose fatal errors wait for a main goroutine, as the Collector's.
type waiting struct {
	component.Host
	told chan *componentstatus.Event
}

func (w waiting) Report(event *componentstatus.Event) {
	if event.Status() == componentstatus.StatusFatalError {
		w.told <- event
	}
}

func TestAFatalStateWaitsForNobody(t *testing.T) {
	told := make(chan *componentstatus.Event)
	c, host, reported := &core{}, component.Host(waiting{told: told}), make(chan struct{})
	c.host.Store(&host)
	go func() {
		for range 3 {
			c.report(componentstatus.NewFatalErrorEvent(errors.New("broken")))
		}
		close(reported)
	}()
	select {
	case <-reported:
	case <-time.After(20 * time.Second):
		t.Fatal("who reports a fatal state waits")
	}
	if event := <-told; event.Err().Error() != "broken" {
		t.Errorf("told is %v", event.Err())
	}
}

func TestTheEndDoesNotWaitForANextComponentThatTakesNothing(t *testing.T) {
	was := shutdownTimeout
	shutdownTimeout = 50 * time.Millisecond
	defer func() { shutdownTimeout = was }()
	core, logs := observer.New(zap.InfoLevel)
	telemetry := componenttest.NewNopTelemetrySettings()
	telemetry.Logger = zap.New(core)
	ctx, host, entered := context.Background(), componenttest.NewNopHost(), make(chan struct{}, 1000)
	blocked := must[consumer.Metrics](t)(consumer.NewMetrics(func(ctx context.Context, _ pmetric.Metrics) error {
		entered <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}))
	toLogs := must[consumer.Logs](t)(consumer.NewLogs(func(context.Context, plog.Logs) error { return nil }))
	f := NewConnector("drift", "drift")
	cfg := configured(t, f.CreateDefaultConfig(), map[string]any{"presets": []any{"ml"}, "metrics_flush_interval": "1s"})
	data := call("a")
	data.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutDouble("ml.feature.age", 4)
	set := connectorSettings(f, telemetry)
	uses := []connector.Traces{must[connector.Traces](t)(f.CreateTracesToMetrics(ctx, set, cfg, blocked)), must[connector.Traces](t)(f.CreateTracesToLogs(ctx, set, cfg, toLogs))}
	for _, use := range uses {
		check(t, use.Start(ctx, host))
		check(t, use.ConsumeTraces(ctx, data))
	}
	eventually(t, "results", func() bool { return len(entered) > 0 })
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(uses[0].Shutdown(ctx), uses[1].Shutdown(ctx)) }()
	select {
	case err := <-ended:
		check(t, err)
	case <-time.After(20 * time.Second):
		t.Fatal("the end waits for the next component")
	}
	if logs.FilterMessage("The next component refused results").Len() < 2 {
		t.Error("what is not taken, and what is told after that, is not counted as refused")
	}
}

// ---- Load and life ----------------------------------------------------------------------------------

func TestTenThousandGoroutines(t *testing.T) {
	f, results, next := NewConnector("latency", "latency"), &drain[pmetric.Metrics]{}, &atomic.Int64{}
	ctx := context.Background()
	c := must[connector.Traces](t)(f.CreateTracesToMetrics(ctx, connectorSettings(f, componenttest.NewNopTelemetrySettings()), f.CreateDefaultConfig(), into(results)))
	check(t, c.Start(ctx, componenttest.NewNopHost()))
	g := NewProcessor("attributes", "attributes")
	cfg := configured(t, g.CreateDefaultConfig(), map[string]any{"actions": []any{map[string]any{"key": "n", "value": 7, "action": "insert"}}})
	count, err := consumer.NewTraces(func(ctx context.Context, data ptrace.Traces) error {
		next.Add(int64(data.SpanCount()))
		return c.ConsumeTraces(ctx, data)
	})
	check(t, err)
	p := must[processor.Traces](t)(g.CreateTraces(ctx, processorSettings(g, componenttest.NewNopTelemetrySettings()), cfg, count))
	check(t, p.Start(ctx, componenttest.NewNopHost()))
	const goroutines = 10000
	var all sync.WaitGroup
	before, begin := threads(t), make(chan struct{})
	for range goroutines {
		all.Go(func() {
			<-begin
			if err := p.ConsumeTraces(ctx, call("a", "b", "c")); err != nil {
				t.Error(err)
			}
		})
	}
	close(begin)
	all.Wait()
	if more := threads(t) - before; more > 8*runtime.GOMAXPROCS(0)+16 {
		t.Errorf("%d threads were made", more)
	}
	check(t, p.Shutdown(ctx))
	check(t, c.Shutdown(ctx))
	if n := counted(results, "ml.inference.requests"); n != 3*goroutines || next.Load() != 3*goroutines {
		t.Errorf("of %d spans %d came out and %d are counted", 3*goroutines, next.Load(), n)
	}
}

// live makes, uses and stops one of each kind, the connector while data still comes.
func live(t *testing.T, latency, drift connector.Factory, attributes processor.Factory) {
	ctx, host, results, next := context.Background(), componenttest.NewNopHost(), &drain[pmetric.Metrics]{}, &drain[ptrace.Traces]{}
	telemetry := componenttest.NewNopTelemetrySettings()
	cfg := configured(t, attributes.CreateDefaultConfig(), map[string]any{"actions": []any{map[string]any{"key": "n", "value": 7, "action": "insert"}}})
	p := must[processor.Traces](t)(attributes.CreateTraces(ctx, processorSettings(attributes, telemetry), cfg, intoTraces(next)))
	uses := []connector.Traces{
		must[connector.Traces](t)(latency.CreateTracesToMetrics(ctx, connectorSettings(latency, telemetry), latency.CreateDefaultConfig(), into(results))),
		must[connector.Traces](t)(drift.CreateTracesToMetrics(ctx, connectorSettings(drift, telemetry), drift.CreateDefaultConfig(), into(results)))}
	check(t, p.Start(ctx, host))
	check(t, p.ConsumeTraces(ctx, call("a")))
	var sender sync.WaitGroup
	for _, c := range uses {
		check(t, c.Start(ctx, host))
		check(t, c.ConsumeTraces(ctx, call("a", "b")))
		sender.Go(func() {
			for c.ConsumeTraces(ctx, call("a")) == nil {
			}
		})
		check(t, c.Shutdown(ctx))
	}
	sender.Wait()
	check(t, p.Shutdown(ctx))
}

// Memory is counted without the caches that the C library keeps for each thread: in a process of the test's own.
func TestAThousandLives(t *testing.T) {
	const tunables = "glibc.malloc.tcache_count=0"
	if os.Getenv("GLIBC_TUNABLES") != tunables {
		child := exec.Command(os.Args[0], "-test.run=^TestAThousandLives$")
		child.Env = append(os.Environ(), "GLIBC_TUNABLES="+tunables)
		if out, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	latency, drift, attributes := NewConnector("latency", "latency"), NewConnector("drift", "drift"), NewProcessor("attributes", "attributes")
	for range 100 {
		live(t, latency, drift, attributes)
	}
	bytes, goroutines, system := allocated(), runtime.NumGoroutine(), threads(t)
	for range 1000 {
		live(t, latency, drift, attributes)
	}
	made := threads(t) - system
	if more := allocated() - bytes; more > 8192*(1+made) {
		t.Errorf("C holds %d bytes more", more)
	}
	if more := runtime.NumGoroutine() - goroutines; more > 2 {
		t.Errorf("%d goroutines are left", more)
	}
	if made > 8 {
		t.Errorf("%d threads were made", made)
	}
}
