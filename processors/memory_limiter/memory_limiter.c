// SPDX-License-Identifier: Apache-2.0
#include "common/component/otc.h"
#include "common/config/schema.h"
#include "processors/memory_limiter/memory.h"

#include <stdatomic.h>

#define MIB ((uint64_t)1 << 20)
/** Of the limit, when no spike limit is given. */
#define SPIKE_PERCENT 20
/** A refused client should not come back before the next look. */
#define RETRY_AFTER_MIN_MS 1000

struct memory_limiter_config {
    otc_duration check_interval;
    int64_t limit_mib;
    int64_t spike_limit_mib;
    int64_t limit_percentage;
    int64_t spike_limit_percentage;
    otc_duration min_gc_interval_when_soft_limited;
    otc_duration min_gc_interval_when_hard_limited;
    otc_duration max_gc_interval_when_soft_limited;
    otc_duration max_gc_interval_when_hard_limited;
};

struct lane {
    struct otc_consumer consumer;
    struct memory_limiter *owner;
    struct otc_consumer *next;
    struct otc_series *accepted;
    struct otc_series *refused;
};

struct memory_limiter {
    struct otc_component component;
    struct lane lanes[OTC_N_SIGNALS];
    const char *id;
    struct otc_host *host;
    const struct memory_limiter_config *config;
    const struct memory_limiter_reader *reader;
    struct otc_timer *timer;
    uint64_t hard_limit;
    uint64_t soft_limit;
    /** Written on the control loop, read by every consume. */
    atomic_bool refusing;
    int64_t trimmed_ns;
    bool has_trimmed;
};

/* ---- Settings ----------------------------------------------------------------------------------- */

static const struct otc_field fields[] = {
    OTC_FIELD(memory_limiter_config, check_interval, .def = "0s",
              .doc = "Time between looks at the memory in use; must be given."),
    OTC_FIELD(memory_limiter_config, limit_mib, .def = "0", .min = "0", .max = "1000000000",
              .doc = "Most memory the process should use, in MiB; wins over `limit_percentage`."),
    OTC_FIELD(memory_limiter_config, spike_limit_mib, .def = "0", .min = "0", .max = "1000000000",
              .doc = "Growth expected between two looks, in MiB; 0: 20 % of the limit. Data is refused above "
                     "limit less "
                     "spike."),
    OTC_FIELD(memory_limiter_config, limit_percentage, .def = "0", .min = "0",
              .doc = "The limit as a share of the container's or machine's memory."),
    OTC_FIELD(memory_limiter_config, spike_limit_percentage, .def = "0", .min = "0",
              .doc = "The spike limit as a share of the same memory."),
    OTC_FIELD(memory_limiter_config, min_gc_interval_when_soft_limited, .def = "10s", .min = "0s",
              .doc = "Shortest time between returns of freed memory to the system above the soft limit."),
    OTC_FIELD(memory_limiter_config, min_gc_interval_when_hard_limited, .def = "0s", .min = "0s",
              .doc = "The same above the limit itself."),
    OTC_FIELD(memory_limiter_config, max_gc_interval_when_soft_limited, .def = "30s", .min = "0s",
              .inert = true, .doc = "There is no garbage collector to hold back."),
    OTC_FIELD(memory_limiter_config, max_gc_interval_when_hard_limited, .def = "30s", .min = "0s",
              .inert = true, .doc = "There is no garbage collector to hold back."),
    OTC_FIELD_END,
};

static const struct otc_schema schema =
    OTC_SCHEMA(memory_limiter_config, fields, "Refuses data while the process uses too much memory.");

static otc_status
validate(const void *settings, struct otc_error *err)
{
    const struct memory_limiter_config *config = settings;

    if (config->check_interval.ns <= 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "'check_interval' must be greater than zero");
    }
    if (config->limit_mib == 0 && config->limit_percentage == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "'limit_mib' or 'limit_percentage' must be greater than zero");
    }
    if (config->limit_percentage > 100 || config->spike_limit_percentage > 100) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and less than "
            "or equal to hundred");
    }
    if (config->limit_mib > 0 && config->limit_mib <= config->spike_limit_mib) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "'spike_limit_mib' must be smaller than 'limit_mib'");
    }
    if (config->limit_percentage > 0 && config->limit_percentage <= config->spike_limit_percentage) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "'spike_limit_percentage' must be smaller than 'limit_percentage'");
    }
    if (config->min_gc_interval_when_soft_limited.ns < config->min_gc_interval_when_hard_limited.ns) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "'min_gc_interval_when_soft_limited' should be larger than "
                        "'min_gc_interval_when_hard_limited'");
    }
    return OTC_OK;
}

/* ---- Memory ------------------------------------------------------------------------------------- */

/** limit_mib wins over limit_percentage, as in the Collector. */
static otc_status
find_limits(struct memory_limiter *self, struct otc_error *err)
{
    const struct memory_limiter_config *config = self->config;
    uint64_t spike;
    uint64_t total;

    if (config->limit_mib > 0) {
        self->hard_limit = (uint64_t)config->limit_mib * MIB;
        spike = (uint64_t)config->spike_limit_mib * MIB;
    } else {
        if (!self->reader->total(self->reader->arg, &total)) {
            return otc_fail(err, OTC_FAILED_PRECONDITION,
                            "failed to get total memory, use fixed memory settings (limit_mib)");
        }
        self->hard_limit = total / 100 * (uint64_t)config->limit_percentage;
        spike = total / 100 * (uint64_t)config->spike_limit_percentage;
    }
    if (spike == 0) {
        spike = self->hard_limit * SPIKE_PERCENT / 100;
    }
    self->soft_limit = self->hard_limit - spike;
    return OTC_OK;
}

/** Returns freed memory to the system, not more often than configured, and looks again. */
static uint64_t
trim_memory(struct memory_limiter *self, uint64_t usage)
{
    int64_t now = self->host->monotonic_ns(self->host);
    int64_t interval = usage > self->hard_limit ? self->config->min_gc_interval_when_hard_limited.ns
                                                : self->config->min_gc_interval_when_soft_limited.ns;

    if (self->has_trimmed && now - self->trimmed_ns < interval) {
        return usage;
    }
    self->has_trimmed = true;
    self->trimmed_ns = now;
    self->reader->trim(self->reader->arg);
    self->reader->usage(self->reader->arg, &usage);
    return usage;
}

/** Whole MiB. */
static uint64_t
in_mib(uint64_t bytes)
{
    return bytes / MIB;
}

static void
change_state(struct memory_limiter *self, bool refusing, uint64_t usage)
{
    struct otc_error err = OTC_ERROR_INIT;

    atomic_store(&self->refusing, refusing);
    if (refusing) {
        otc_log(self->host->logger, OTC_LOG_WARN, self->id,
                "Memory usage is above soft limit. Refusing data.",
                OTC_FIELD_NUMBER("cur_mem_mib", in_mib(usage)));
        otc_fail(&err, OTC_UNAVAILABLE, "data refused due to high memory usage");
        self->host->report(self->host, self->id, OTC_STATE_RECOVERABLE_ERROR, &err);
    } else {
        otc_log(self->host->logger, OTC_LOG_INFO, self->id,
                "Memory usage back within limits. Resuming normal operation.",
                OTC_FIELD_NUMBER("cur_mem_mib", in_mib(usage)));
        self->host->report(self->host, self->id, OTC_STATE_OK, NULL);
    }
}

static void
check_memory(struct memory_limiter *self)
{
    uint64_t usage = 0;
    bool refusing;

    if (!self->reader->usage(self->reader->arg, &usage)) {
        return;
    }
    if (usage > self->soft_limit) {
        usage = trim_memory(self, usage);
    }
    refusing = usage > self->soft_limit;
    if (refusing != atomic_load(&self->refusing)) {
        change_state(self, refusing, usage);
    }
}

static void
tick(void *arg)
{
    struct memory_limiter *self = arg;

    check_memory(self);
    self->host->timer_arm(self->host, self->timer, self->config->check_interval.ns);
}

/* ---- Data --------------------------------------------------------------------------------------- */

static otc_status
refuse(const struct memory_limiter *self, struct otc_error *err)
{
    int64_t wait_ms = self->config->check_interval.ns / OTC_MILLISECOND;

    otc_fail(err, OTC_UNAVAILABLE, "data refused due to high memory usage");
    if (err) {
        err->permanent = false;
        err->retry_after_ms = (uint32_t)(wait_ms < RETRY_AFTER_MIN_MS ? RETRY_AFTER_MIN_MS
                                         : wait_ms > 60000            ? 60000
                                                                      : wait_ms);
    }
    return OTC_UNAVAILABLE;
}

static otc_status
consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct lane *lane = OTC_CONTAINER(consumer, lane, consumer);
    bool refusing = atomic_load_explicit(&lane->owner->refusing, memory_order_relaxed);
    const struct otc_count count = {refusing ? lane->refused : lane->accepted,
                                    (int64_t)otc_batch_items(batch)};

    otc_meter_add(lane->owner->host->meter, &count, 1);
    if (refusing) {
        otc_batch_unref(batch);
        return refuse(lane->owner, err);
    }
    return otc_consume(lane->next, batch, done, err);
}

/* ---- Life --------------------------------------------------------------------------------------- */

static otc_status
start(struct otc_component *component, struct otc_error *err)
{
    struct memory_limiter *self = OTC_CONTAINER(component, memory_limiter, component);
    otc_status status = find_limits(self, err);

    if (status != OTC_OK) {
        return status;
    }
    self->timer = self->host->timer_new(self->host, tick, self);
    if (!self->timer) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for a timer");
    }
    otc_log(self->host->logger, OTC_LOG_INFO, self->id, "Memory limiter configured",
            OTC_FIELD_NUMBER("limit_mib", in_mib(self->hard_limit)),
            OTC_FIELD_NUMBER("spike_limit_mib", in_mib(self->hard_limit - self->soft_limit)),
            OTC_FIELD_NUMBER("check_interval", (double)self->config->check_interval.ns / 1e9));
    self->host->timer_arm(self->host, self->timer, self->config->check_interval.ns);
    return OTC_OK;
}

static otc_status
stop(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct memory_limiter *self = OTC_CONTAINER(component, memory_limiter, component);

    (void)deadline_ns;
    (void)err;
    if (self->timer) {
        self->host->timer_free(self->host, self->timer);
        self->timer = NULL;
    }
    return OTC_OK;
}

static void
destroy(struct otc_component *component)
{
    stop(component, 0, NULL);
    free(OTC_CONTAINER(component, memory_limiter, component));
}

static struct otc_consumer *
input(struct otc_component *component, enum otc_signal from)
{
    return &OTC_CONTAINER(component, memory_limiter, component)->lanes[from].consumer;
}

static otc_status
connect_next(struct otc_component *component, enum otc_signal to, struct otc_consumer *next,
             struct otc_error *err)
{
    (void)err;
    OTC_CONTAINER(component, memory_limiter, component)->lanes[to].next = next;
    return OTC_OK;
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .start = start,
    .shutdown = stop,
    .free = destroy,
    .input = input,
    .connect = connect_next,
};

#define ITEMS(what, text)                                                                                    \
    {                                                                                                        \
        {"otelcol_processor_memory_limiter_" what "_spans", "{span}", text, OTC_COUNTER},                    \
            {"otelcol_processor_memory_limiter_" what "_metric_points", "{datapoint}", text, OTC_COUNTER},   \
            {"otelcol_processor_memory_limiter_" what "_log_records", "{record}", text, OTC_COUNTER},        \
    }

static const struct otc_instrument accepted_items[OTC_N_SIGNALS] =
    ITEMS("accepted", "Number of items successfully pushed into the next component in the pipeline.");
static const struct otc_instrument refused_items[OTC_N_SIGNALS] =
    ITEMS("refused", "Number of items that were refused because of high memory usage.");

void
memory_limiter_use_reader(struct otc_component *component, const struct memory_limiter_reader *reader)
{
    OTC_CONTAINER(component, memory_limiter, component)->reader = reader;
}

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct memory_limiter *self = calloc(1, sizeof(*self));
    struct otc_label label = {"processor", settings->id};

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->id = settings->id;
    self->host = settings->host;
    self->config = settings->config;
    self->reader = &memory_limiter_system;
    for (size_t i = 0; i < settings->n_pairs; i++) {
        struct lane *lane = &self->lanes[settings->pairs[i].from];
        enum otc_signal signal = settings->pairs[i].from;

        lane->accepted = otc_meter_series(self->host->meter, &accepted_items[signal], &label, 1);
        lane->refused = otc_meter_series(self->host->meter, &refused_items[signal], &label, 1);
    }
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        self->lanes[i].consumer = (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .consume = consume};
        self->lanes[i].owner = self;
    }
    *out = &self->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA},
                                        {OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA},
                                        {OTC_LOGS, OTC_LOGS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_memory_limiter_processor_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_PROCESSOR,
    .type = "memory_limiter",
    .description = "Refuses data while the process uses too much memory.",
    .pairs = pairs,
    .n_pairs = 3,
    .config = &schema,
    .validate = validate,
    .create = create,
};
