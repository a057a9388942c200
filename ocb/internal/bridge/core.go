// SPDX-License-Identifier: Apache-2.0

package bridge

// #include "gateway.h"
import "C"

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/cgo"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.uber.org/zap"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// shutdownTimeout bounds what each step of stopping may take when its context sets no deadline. Tests make it shorter.
var shutdownTimeout = 5 * time.Second

// sink takes serialized results to the next component.
type sink func(context.Context, []byte) error

// core is one C component and the goroutine that is its control loop.
type core struct {
	factory   *factory
	id        component.ID
	telemetry component.TelemetrySettings
	text      []byte // the configuration
	next      [nSignals]sink
	pairs     []direction
	over      [nSignals]atomic.Bool // what takes these results may be shut down
	untold    [nSignals]atomic.Bool // and was not told what there was until then
	looksOn   [nSignals]atomic.Bool // a processor that does not decide what of these is passed on

	life    sync.Mutex    // start and stop, one at a time
	users   int           // created and not yet shut down
	feeding [nSignals]int // of these, by their results
	started bool
	failure error // of the start

	host   atomic.Pointer[component.Host]
	fatal  atomic.Bool // told
	handle cgo.Handle
	slots  chan struct{} // whoever is in C holds one: a goroutine in C is a thread of the system
	wake   chan struct{}
	flush  chan chan struct{}
	quit   chan struct{}
	done   chan struct{}
	cancel context.CancelFunc // of what the loop delivers
	self   *selfMetrics

	entry sync.RWMutex // held while C is in use by others than the loop
	c     *C.struct_otc_bridge
	open  bool
}

func newCore(f *factory, id component.ID, telemetry component.TelemetrySettings, text []byte) *core {
	return &core{factory: f, id: id, telemetry: telemetry, text: text,
		slots: make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
		wake:  make(chan struct{}, 1),
		flush: make(chan chan struct{}),
	}
}

func (c *core) signalWake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// ---- Errors ---------------------------------------------------------------------------------------

// errorOf is what C says of a failure, as the Collector's receivers and exporters understand it.
func errorOf(code C.otc_status, failure *C.struct_otc_error) error {
	made := status.New(codes.Code(code), C.GoString(&failure.text[0]))
	if failure.retry_after_ms > 0 {
		delay := durationpb.New(time.Duration(failure.retry_after_ms) * time.Millisecond)
		if detailed, err := made.WithDetails(&errdetails.RetryInfo{RetryDelay: delay}); err == nil {
			made = detailed
		}
	}
	err := consumererror.NewOTLPGRPCError(made.Err(), made)
	if bool(failure.permanent) || !bool(C.otc_error_retryable(failure)) {
		return consumererror.NewPermanent(err)
	}
	return err
}

func text(failure *C.struct_otc_error) error {
	return errors.New(C.GoString(&failure.text[0]))
}

var errLate = errors.New("it is shut down, and did not take results in time before")

var errStopped = consumererror.NewRetryableError(errors.New("the component is shut down"))

// ---- Life -----------------------------------------------------------------------------------------

func (c *core) start(host component.Host) error {
	c.life.Lock()
	defer c.life.Unlock()
	if c.started {
		return c.failure
	}
	c.started = true
	c.host.Store(&host)
	if c.failure = c.make(); c.failure != nil {
		c.release()
		return c.failure
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.quit, c.done = make(chan struct{}), make(chan struct{})
	c.entry.Lock()
	c.open = true
	c.entry.Unlock()
	c.self = newSelfMetrics(c)
	go c.loop(ctx)
	return nil
}

// make creates and starts the component.
func (c *core) make() error {
	c.handle = cgo.NewHandle(c)
	c.c = C.otc_bridge_new(c.factory.c, &C.gateway_calls, C.uintptr_t(c.handle), leastLevel(c.telemetry.Logger))
	if c.c == nil {
		return errors.New("out of memory")
	}
	if err := c.describe(); err != nil {
		return err
	}
	for _, pair := range c.pairs {
		if !bool(C.otc_bridge_pair(c.c, C.enum_otc_signal(pair.from), C.enum_otc_signal(pair.to))) {
			return fmt.Errorf("%s to %s is not supported", pair.from, pair.to)
		}
	}
	var failure C.struct_otc_error
	id := C.CString(c.id.String())
	defer C.free(unsafe.Pointer(id))
	if C.otc_bridge_create(c.c, id, chars(c.text), C.size_t(len(c.text)), &failure) != C.OTC_OK {
		return text(&failure)
	}
	for _, pair := range c.pairs {
		c.looksOn[pair.from].Store(!bool(C.otc_bridge_changes(c.c, C.enum_otc_signal(pair.from))))
	}
	if C.otc_bridge_start(c.c, &failure) != C.OTC_OK {
		return text(&failure)
	}
	return nil
}

// describe tells the component the Collector's resource, which its results carry.
func (c *core) describe() error {
	for key, value := range c.telemetry.Resource.Attributes().All() {
		if err := c.label(key, value.AsString()); err != nil {
			return err
		}
	}
	return nil
}

func (c *core) label(key, value string) error {
	k, v := C.CString(key), C.CString(value)
	defer C.free(unsafe.Pointer(k))
	defer C.free(unsafe.Pointer(v))
	if !bool(C.otc_bridge_resource(c.c, k, v)) {
		return errors.New("the Collector's resource is too large: 64 attributes, 1 MiB")
	}
	return nil
}

// stop ends one use, whose results are `to`; the last one ends the component. What it holds goes to the next components.
func (c *core) stop(ctx context.Context, to signal) error {
	c.life.Lock()
	defer c.life.Unlock()
	c.users--
	c.feeding[to]--
	if c.c == nil {
		return nil
	}
	if c.users > 0 {
		// What this use feeds may stop before the last one does.
		c.untold[to].Store(!c.flushNow(ctx))
		c.over[to].Store(c.feeding[to] == 0)
		return nil
	}
	c.entry.Lock()
	c.open = false
	c.entry.Unlock()
	c.stopLoop(ctx)
	c.self.unregister()

	var failure C.struct_otc_error
	timeout := shutdownTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(0, time.Until(deadline))
	}
	code := C.otc_bridge_shutdown(c.c, C.int64_t(timeout), &failure)
	bounded, cancel := bound(ctx)
	c.deliver(bounded)
	cancel()
	c.release()
	if code != C.OTC_OK {
		return text(&failure)
	}
	return nil
}

// bound gives a context that sets no deadline one of ours: the next component may take nothing, and for ever.
func bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, shutdownTimeout)
}

// stopLoop waits for the loop, whose delivery ends with the context; what is left then counts as refused.
func (c *core) stopLoop(ctx context.Context) {
	ctx, cancel := bound(ctx)
	defer cancel()
	close(c.quit)
	select {
	case <-c.done:
	case <-ctx.Done():
		c.cancel()
		<-c.done
	}
	c.cancel()
}

// flushNow has told what the component holds. False: the next component did not take it in time.
func (c *core) flushNow(ctx context.Context) bool {
	ctx, cancel := bound(ctx)
	defer cancel()
	flushed := make(chan struct{})
	select {
	case c.flush <- flushed:
	case <-ctx.Done():
		return false
	}
	select {
	case <-flushed:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *core) release() {
	c.entry.Lock()
	defer c.entry.Unlock()
	C.otc_bridge_free(c.c)
	c.c = nil
	c.handle.Delete()
}

// ---- The control loop -----------------------------------------------------------------------------

func (c *core) loop(ctx context.Context) {
	defer close(c.done)
	timer := time.NewTimer(math.MaxInt64)
	defer timer.Stop()
	for {
		wait := time.Duration(C.otc_bridge_run(c.c))
		c.deliver(ctx)
		c.self.register()
		if wait < 0 {
			wait = math.MaxInt64
		}
		timer.Reset(wait)
		select {
		case <-c.quit:
			return
		case <-c.wake:
		case <-timer.C:
		case flushed := <-c.flush:
			C.otc_bridge_flush(c.c)
			c.deliver(ctx)
			close(flushed)
		}
	}
}

// deliver sends what waits to the next components.
func (c *core) deliver(ctx context.Context) {
	for {
		batch := C.otc_bridge_take(c.c)
		if batch == nil {
			return
		}
		signal := signal(C.otc_batch_signal(batch))
		items := C.otc_batch_items(batch)
		body, err := take(batch)
		switch over := c.over[signal].Load(); {
		case over && !c.untold[signal].Load():
			continue // told when it was flushed
		case over:
			err = errLate
		case err == nil:
			err = c.next[signal](ctx, body)
		}
		if err != nil {
			C.otc_bridge_refused(c.c, C.enum_otc_signal(signal), items)
			c.telemetry.Logger.Warn("The next component refused results", zap.Stringer("signal", signal),
				zap.Int("items", int(items)), zap.Error(err))
		}
	}
}

// take copies a batch and gives it back.
func take(batch *C.struct_otc_batch) ([]byte, error) {
	var joined, data unsafe.Pointer
	var n C.size_t
	defer C.otc_batch_unref(batch)
	if !bool(C.otc_bridge_bytes(batch, &joined, &data, &n)) {
		return nil, errors.New("out of memory")
	}
	defer C.free(joined)
	return bytes.Clone(view(data, n)), nil
}

// ---- Data -----------------------------------------------------------------------------------------

// enter takes a place in C, or tells why there is none. The caller gives it back with leave.
func (c *core) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	c.entry.RLock()
	if !c.open {
		c.leave()
		return errStopped
	}
	return nil
}

func (c *core) leave() {
	c.entry.RUnlock()
	<-c.slots
}

// passed is a batch that a component passes on.
type passed struct {
	body []byte
	same bool // it is what came: there is no body
}

// consume gives the component a serialized request. The batches are what a component passes on that changes data.
func (c *core) consume(ctx context.Context, from signal, body []byte, items int, changes bool) ([]passed, error) {
	var made C.struct_otc_bridge_answer
	var client []byte
	if changes {
		client = clientOf(ctx)
	}
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	code := C.otc_bridge_consume(c.c, C.enum_otc_signal(from), unsafe.Pointer(unsafe.SliceData(body)), C.size_t(len(body)),
		C.size_t(items), chars(client), C.size_t(len(client)), &made)
	c.leave()
	if code != C.OTC_OK {
		return nil, errorOf(code, &made.error)
	}
	return passedOn(&made)
}

// passedOn takes all that is in an answer.
func passedOn(made *C.struct_otc_bridge_answer) ([]passed, error) {
	var all []passed
	var failure error
	if bool(made.same) {
		C.otc_batch_unref(made.out)
		all = append(all, passed{same: true})
	} else if made.out != nil {
		body, err := take(made.out)
		all, failure = append(all, passed{body: body}), err
	}
	for made.more != nil {
		body, err := take(C.otc_bridge_more(made))
		all, failure = append(all, passed{body: body}), errors.Join(failure, err)
	}
	return all, failure
}
