// SPDX-License-Identifier: Apache-2.0
/* The host of one component: real clocks, its own loop and meter, the program's log. */
#include "common/base/now.h"
#include "common/component/meter.h"
#include "ocb/component.h"

#define SERIES_MAX 10000

static struct otc_bridge *
self_of(struct otc_host *host)
{
    return OTC_CONTAINER(host, otc_bridge, host);
}

static int64_t
now_ns(struct otc_host *self)
{
    (void)self;
    return otc_clock_unix_ns();
}

static int64_t
monotonic_ns(struct otc_host *self)
{
    (void)self;
    return otc_clock_monotonic_ns();
}

static bool
post(struct otc_host *self, void (*fn)(void *arg), void *arg)
{
    return otc_bridge_loop_post(&self_of(self)->loop, fn, arg);
}

static struct otc_timer *
timer_new(struct otc_host *self, void (*fn)(void *arg), void *arg)
{
    return otc_bridge_timer_new(&self_of(self)->loop, fn, arg);
}

static void
timer_arm(struct otc_host *self, struct otc_timer *timer, int64_t delay_ns)
{
    otc_bridge_timer_arm(&self_of(self)->loop, timer, delay_ns);
}

static void
timer_disarm(struct otc_host *self, struct otc_timer *timer)
{
    otc_bridge_timer_disarm(&self_of(self)->loop, timer);
}

static void
timer_free(struct otc_host *self, struct otc_timer *timer)
{
    otc_bridge_timer_free(&self_of(self)->loop, timer);
}

/* Memory is the Collector's to limit, with its memory_limiter. */
static bool
charge(struct otc_host *self, size_t bytes)
{
    (void)self;
    (void)bytes;
    return true;
}

static void
discharge(struct otc_host *self, size_t bytes)
{
    (void)self;
    (void)bytes;
}

static void
report(struct otc_host *self, const char *component_id, enum otc_component_state state,
       const struct otc_error *err)
{
    struct otc_bridge *bridge = self_of(self);

    (void)component_id;
    bridge->calls->report(bridge->handle, state, err ? err->text : NULL);
}

static struct otc_component *
extension(struct otc_host *self, const char *id)
{
    (void)self;
    (void)id;
    return NULL;
}

static bool
ready(struct otc_host *self)
{
    return atomic_load(&self_of(self)->ready);
}

static const struct otc_label *
resource(struct otc_host *self, size_t *n)
{
    *n = self_of(self)->n_resource;
    return self_of(self)->resource;
}

static void
write_log(struct otc_logger *self, enum otc_log_level level, const char *component, const char *message,
          const struct otc_log_field *fields, size_t n_fields)
{
    struct otc_bridge *bridge = OTC_CONTAINER(self, otc_bridge, logger);

    (void)component;
    bridge->calls->log(bridge->handle, level, message, fields, n_fields);
}

static void
wake(void *arg)
{
    struct otc_bridge *bridge = arg;

    bridge->calls->wake(bridge->handle);
}

bool
otc_bridge_host_init(struct otc_bridge *bridge, enum otc_log_level level)
{
    struct otc_meter *meter = otc_meter_new(SERIES_MAX);

    if (!meter) {
        return false;
    }
    otc_bridge_loop_init(&bridge->loop, wake, bridge);
    bridge->logger = (struct otc_logger){write_log, level};
    bridge->host = (struct otc_host){
        .abi = OTC_ABI_OF(otc_host),
        .logger = &bridge->logger,
        .meter = meter,
        .now_ns = now_ns,
        .monotonic_ns = monotonic_ns,
        .post = post,
        .timer_new = timer_new,
        .timer_arm = timer_arm,
        .timer_disarm = timer_disarm,
        .timer_free = timer_free,
        .charge = charge,
        .discharge = discharge,
        .report = report,
        .extension = extension,
        .ready = ready,
        .resource = resource,
    };
    bridge->began_ns = now_ns(&bridge->host);
    return true;
}

void
otc_bridge_host_release(struct otc_bridge *bridge)
{
    otc_bridge_loop_release(&bridge->loop);
    otc_meter_free(bridge->host.meter);
}
