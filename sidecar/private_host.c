// SPDX-License-Identifier: Apache-2.0
#include "sidecar/private_host.h"

static struct otc_host *
outer_of(struct otc_host *self)
{
    return OTC_CONTAINER(self, otc_private_host, host)->outer;
}

static int64_t
private_now(struct otc_host *self)
{
    return outer_of(self)->now_ns(outer_of(self));
}

static int64_t
private_monotonic(struct otc_host *self)
{
    return outer_of(self)->monotonic_ns(outer_of(self));
}

static bool
private_post(struct otc_host *self, void (*fn)(void *arg), void *arg)
{
    return outer_of(self)->post(outer_of(self), fn, arg);
}

static struct otc_timer *
private_timer_new(struct otc_host *self, void (*fn)(void *arg), void *arg)
{
    return outer_of(self)->timer_new(outer_of(self), fn, arg);
}

static void
private_timer_arm(struct otc_host *self, struct otc_timer *timer, int64_t delay_ns)
{
    outer_of(self)->timer_arm(outer_of(self), timer, delay_ns);
}

static void
private_timer_disarm(struct otc_host *self, struct otc_timer *timer)
{
    outer_of(self)->timer_disarm(outer_of(self), timer);
}

static void
private_timer_free(struct otc_host *self, struct otc_timer *timer)
{
    outer_of(self)->timer_free(outer_of(self), timer);
}

static bool
private_charge(struct otc_host *self, size_t bytes)
{
    return outer_of(self)->charge(outer_of(self), bytes);
}

static void
private_discharge(struct otc_host *self, size_t bytes)
{
    outer_of(self)->discharge(outer_of(self), bytes);
}

static void
private_report(struct otc_host *self, const char *component_id, enum otc_component_state state,
               const struct otc_error *err)
{
    (void)self;
    (void)component_id;
    (void)state;
    (void)err;
}

static struct otc_component *
private_extension(struct otc_host *self, const char *id)
{
    return outer_of(self)->extension(outer_of(self), id);
}

static bool
private_ready(struct otc_host *self)
{
    return outer_of(self)->ready(outer_of(self));
}

static const struct otc_label *
private_resource(struct otc_host *self, size_t *n)
{
    return outer_of(self)->resource(outer_of(self), n);
}

static struct otc_storage *
private_handover(struct otc_host *self, const char *kind, const char *component_id)
{
    (void)self;
    (void)kind;
    (void)component_id;
    return NULL;
}

void
otc_private_host_init(struct otc_private_host *host, struct otc_host *outer, struct otc_meter *meter,
                      struct otc_logger *logger)
{
    *host = (struct otc_private_host){
        .host = {.abi = OTC_ABI_OF(otc_host),
                 .logger = logger,
                 .meter = meter,
                 .now_ns = private_now,
                 .monotonic_ns = private_monotonic,
                 .post = private_post,
                 .timer_new = private_timer_new,
                 .timer_arm = private_timer_arm,
                 .timer_disarm = private_timer_disarm,
                 .timer_free = private_timer_free,
                 .charge = private_charge,
                 .discharge = private_discharge,
                 .report = private_report,
                 .extension = private_extension,
                 .ready = private_ready,
                 .resource = private_resource,
                 .handover = private_handover},
        .outer = outer,
    };
}
