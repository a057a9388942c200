// SPDX-License-Identifier: Apache-2.0
#include "processors/batch/batch.h"

#include "common/component/counters.h"

#include <strings.h>

struct batch {
    struct otc_component component;
    struct batch_lane lanes[OTC_N_SIGNALS];
};

/* ---- Settings -------------------------------------------------------------------------------------- */

static const struct otc_field fields[] = {
    OTC_FIELD(batch_config, timeout, .def = "200ms",
              .doc = "Sends what there is after this long; 0: at once, whatever its size."),
    OTC_FIELD(batch_config, send_batch_size, .def = "8192", .min = "0",
              .doc =
                  "Spans, data points or log records from which on a batch is sent without waiting; 0: any."),
    OTC_FIELD(batch_config, send_batch_max_size, .def = "0", .min = "0",
              .doc = "Most of them in a batch; what is larger is cut at them. 0: no limit."),
    OTC_FIELD(batch_config, metadata_keys,
              .doc = "Requests whose values of these client metadata keys differ are batched apart."),
    OTC_FIELD(batch_config, metadata_cardinality_limit, .def = "1000", .min = "0",
              .doc =
                  "Most combinations of those values; requests with further ones are refused. 0: a million."),
    OTC_FIELD_END,
};
const struct otc_schema batch_schema =
    OTC_SCHEMA(batch_config, fields, "Puts requests together, and cuts what is too large.");

otc_status
batch_validate(const void *settings, struct otc_error *err)
{
    const struct batch_config *config = settings;

    if (config->timeout.ns < 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "timeout must be greater or equal to 0");
    }
    if (config->send_batch_max_size > 0 && config->send_batch_max_size < config->send_batch_size) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "send_batch_max_size must be greater or equal to send_batch_size");
    }
    for (size_t i = 0; i < config->metadata_keys.n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcasecmp(config->metadata_keys.items[i], config->metadata_keys.items[k]) == 0) {
                return otc_fail(err, OTC_INVALID_ARGUMENT,
                                "duplicate entry in metadata_keys: \"%s\" (case-insensitive)",
                                config->metadata_keys.items[i]);
            }
        }
    }
    return OTC_OK;
}

/* ---- Self-metrics ---------------------------------------------------------------------------------- */

static const struct otc_instrument trigger_instruments[] = {
    {"otelcol_processor_batch_batch_size_trigger_send", "{time}",
     "Number of times the batch was sent due to a size trigger", OTC_COUNTER},
    {"otelcol_processor_batch_timeout_trigger_send", "{time}",
     "Number of times the batch was sent due to a timeout trigger", OTC_COUNTER},
};
static const struct otc_instrument cardinality_instrument = {
    "otelcol_processor_batch_metadata_cardinality", "{combination}",
    "Number of distinct metadata value combinations being processed", OTC_UP_DOWN_COUNTER};
static const struct otc_instrument send_size_instrument = {
    "otelcol_processor_batch_batch_send_size", "{unit}", "Number of units in the batch", OTC_HISTOGRAM};
static const struct otc_instrument send_bytes_instrument = {
    "otelcol_processor_batch_batch_send_size_bytes", "By",
    "Number of bytes in batch that was sent. Only available on detailed level.", OTC_HISTOGRAM};
static const struct otc_instrument accepted_instrument = {"aimon_processor_batch_accepted_items", "{items}",
                                                          "Items taken over by the processor.", OTC_COUNTER};
static const struct otc_instrument sent_instrument = {"aimon_processor_batch_sent_items", "{items}",
                                                      "Items the next component accepted.", OTC_COUNTER};
static const struct otc_instrument refused_instrument = {
    "aimon_processor_batch_refused_items", "{items}",
    "Items the next component refused: lost, unless their sender waits for the answer.", OTC_COUNTER};
static const struct otc_instrument held_instrument = {"aimon_processor_batch_held_items", "{items}",
                                                      "Items that wait to be sent, or for the answer.",
                                                      OTC_UP_DOWN_COUNTER};

void
batch_counters_init(struct batch_counters *counters, struct otc_meter *meter, const char *id,
                    enum otc_signal signal)
{
    const struct otc_label labels[] = {{"processor", id}, {"data_type", otc_signal_name(signal)}};

    *counters = (struct batch_counters){.meter = meter};
    for (size_t i = 0; i < 2; i++) {
        counters->triggers[i] = otc_meter_series(meter, &trigger_instruments[i], labels, 1);
    }
    counters->cardinality = otc_meter_series(meter, &cardinality_instrument, labels, 1);
    counters->send_size =
        otc_meter_histogram(meter, &send_size_instrument, otc_size_bounds, OTC_N_SIZE_BOUNDS, labels, 1);
    if (otc_meter_detailed(meter)) {
        counters->send_bytes = otc_meter_histogram(meter, &send_bytes_instrument, otc_bytes_bounds,
                                                   OTC_N_BYTES_BOUNDS, labels, 1);
    }
    counters->accepted = otc_meter_series(meter, &accepted_instrument, labels, 2);
    counters->sent = otc_meter_series(meter, &sent_instrument, labels, 2);
    counters->refused = otc_meter_series(meter, &refused_instrument, labels, 2);
    counters->held = otc_meter_series(meter, &held_instrument, labels, 2);
}

/* ---- Life ------------------------------------------------------------------------------------------ */

static struct batch *
batch_of(struct otc_component *component)
{
    return OTC_CONTAINER(component, batch, component);
}

static void
drain(struct otc_component *component)
{
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        struct batch_lane *lane = &batch_of(component)->lanes[i];

        if (lane->shards && lane->next) {
            batch_lane_drain(lane);
        }
    }
}

static otc_status
stop(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    (void)deadline_ns;
    (void)err;
    drain(component);
    return OTC_OK;
}

static void
destroy(struct otc_component *component)
{
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        batch_lane_release(&batch_of(component)->lanes[i]);
    }
    free(batch_of(component));
}

static struct otc_consumer *
input(struct otc_component *component, enum otc_signal from)
{
    return &batch_of(component)->lanes[from].consumer;
}

static otc_status
connect_next(struct otc_component *component, enum otc_signal to, struct otc_consumer *next,
             struct otc_error *err)
{
    (void)err;
    batch_of(component)->lanes[to].next = next;
    return OTC_OK;
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .shutdown = stop,
    .free = destroy,
    .input = input,
    .connect = connect_next,
    .drain = drain,
};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct batch *self = calloc(1, sizeof(*self));
    bool ok = self != NULL;

    for (size_t i = 0; ok && i < settings->n_pairs; i++) {
        enum otc_signal signal = settings->pairs[i].from;

        ok = self->lanes[signal].shards || batch_lane_init(&self->lanes[signal], settings, signal);
    }
    if (!ok) {
        if (self) {
            destroy(&self->component);
        }
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    *out = &self->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA},
                                        {OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA},
                                        {OTC_LOGS, OTC_LOGS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_batch_processor_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_PROCESSOR,
    .type = "batch",
    .description = "Puts requests together, and cuts what is too large.",
    .pairs = pairs,
    .n_pairs = OTC_N_SIGNALS,
    .config = &batch_schema,
    .validate = batch_validate,
    .create = create,
};
