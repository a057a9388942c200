// SPDX-License-Identifier: Apache-2.0
#include "common/base/number.h"
#include "common/config/schema.h"
#include "common/otlp/edit_field.h"
#include "common/otlp/value_text.h"
#include "common/transform/transform.h"
#include "processors/probabilistic_sampler/decide.h"

#include <math.h>
#include <stdlib.h>

#define SPAN_TRACE_STATE 3
#define TRACE_ID_BYTES 16
/* A value that is hashed, as text. */
#define TEXT_MAX ((size_t)1 << 20)

struct sampler_config {
    otc_choice mode;
    double sampling_percentage;
    int64_t hash_seed;
    bool fail_closed;
    int64_t sampling_precision;
    otc_choice attribute_source;
    char *from_attribute;
    char *sampling_priority;
};

/* What is looked at in an item: for spans the first alone. */
enum wanted { PRIORITY, THRESHOLD, RANDOMNESS, FROM, N_WANTED };

struct probabilistic_sampler {
    struct otc_transform transform;
    struct sampler sampler;
    /* Of log records. */
    bool by_trace_id;
    bool by_attribute;
    bool has_priority;
    const char *from_attribute;
    struct otc_projection *projections[OTC_N_SIGNALS];
};

/* ---- Settings ----------------------------------------------------------------------------------- */

static const char *const modes[] = {"hash_seed", "proportional", "equalizing", NULL};
enum attribute_source { SOURCE_TRACE_ID, SOURCE_RECORD };
static const char *const sources[] = {"traceID", "record", NULL};

static const struct otc_field fields[] = {
    OTC_FIELD(sampler_config, sampling_percentage, .def = "0",
              .doc = "Percentage of traces, or of log records, that goes on; 100 and more: all, 0: none."),
    OTC_FIELD(sampler_config, mode, .def = "hash_seed", .choices = modes,
              .doc = "`hash_seed`: by a hash of the trace id. `proportional`: the probability with which an "
                     "item arrives is multiplied by the percentage. `equalizing`: it is lowered to the "
                     "percentage, unless it is lower already."),
    OTC_FIELD(sampler_config, hash_seed, .def = "0", .min = "0", .max = "4294967295",
              .doc = "hash_seed: of the hash. Equal in all collectors of one tier, another one in the next."),
    OTC_FIELD(sampler_config, fail_closed, .def = "true",
              .doc = "Whether items are dropped that cannot be judged: without trace id, with a trace state "
                     "that is none, or not for this mode."),
    OTC_FIELD(sampler_config, sampling_precision, .def = "4",
              .doc = "Hexadecimal digits of the thresholds that are written, 1 to 14."),
    OTC_FIELD(sampler_config, attribute_source, .def = "traceID", .choices = sources,
              .doc = "hash_seed, log records: hash `traceID`, and `from_attribute` where there is none, or "
                     "`record`: that alone."),
    OTC_FIELD(sampler_config, from_attribute, .def = "",
              .doc = "hash_seed, log records: an attribute, such as an id of the record."),
    OTC_FIELD(sampler_config, sampling_priority, .def = "",
              .doc =
                  "Log records: an attribute with a percentage of its own for the record, above 0 and up to "
                  "100."),
    OTC_FIELD_END,
};

static const struct otc_schema schema =
    OTC_SCHEMA(sampler_config, fields, "Lets a share of the traces or log records through.");

static otc_status
validate(const void *settings, struct otc_error *err)
{
    const struct sampler_config *config = settings;
    double percentage = (double)(float)config->sampling_percentage;

    if (!isfinite(percentage)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "sampling rate is invalid: %s%%",
                        isnan(percentage) ? "NaN"
                        : percentage > 0  ? "+Inf"
                                          : "-Inf");
    }
    if (percentage < 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "sampling rate is negative: %f%%", percentage);
    }
    if (percentage != 0 && percentage / 100 < ldexp(1, -56)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "sampling rate is too small: %g%%", percentage);
    }
    if (config->sampling_precision < 1) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "invalid sampling precision: %lld",
                        (long long)config->sampling_precision);
    }
    if (config->sampling_precision > 14) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "sampling precision is too great, should be <= 14: %lld",
                        (long long)config->sampling_precision);
    }
    return OTC_OK;
}

/* ---- Items -------------------------------------------------------------------------------------- */

/* One part on its way. */
struct pass {
    const struct probabilistic_sampler *self;
    struct otc_transform_part *part;
    struct otc_buf text;
    int64_t counts[SAMPLER_N_POLICIES][2];
    const char *problem;
    size_t n_problems;
};

/* 16 bytes that are not all 0, or nothing. */
static struct otc_slice
trace_id_of(struct otc_slice id)
{
    static const uint8_t zero[TRACE_ID_BYTES];

    return id.len == TRACE_ID_BYTES && memcmp(id.data, zero, sizeof(zero)) != 0 ? id : OTC_SLICE_NONE;
}

/* Decides, counts, and drops what is not sampled. */
static bool
goes_on(struct pass *pass, struct sampler_item *item, struct otc_slice encoded)
{
    probabilistic_sampler_decide(&pass->self->sampler, item);
    pass->counts[item->policy][item->sampled]++;
    if (item->problem) {
        pass->problem = pass->problem ? pass->problem : item->problem;
        pass->n_problems++;
    }
    if (!item->sampled) {
        otc_edit_drop(&pass->part->edit, encoded, true);
        pass->part->dropped++;
    }
    return item->sampled;
}

/* `sampling.priority` of OpenTracing: 0 is never, above always, in whatever type it came. */
static void
read_span_priority(const struct otc_value *value, struct sampler_item *item)
{
    double priority = value->type == OTC_VALUE_INT      ? (double)value->as.integer
                      : value->type == OTC_VALUE_DOUBLE ? value->as.real
                                                        : -1;

    if (value->type == OTC_VALUE_STRING && !otc_parse_double(value->as.slice, &priority)) {
        return;
    }
    item->has_priority = priority >= 0;
    item->priority = priority > 0 ? SAMPLER_ALWAYS : SAMPLER_FOREVER_NOT;
}

static bool
on_span(void *arg, const struct otc_span *span)
{
    struct pass *pass = arg;
    struct sampler_item item = {.trace_id = trace_id_of(span->trace_id)};

    if (!otc_tracestate_read(span->trace_state, &item.sampling)) {
        item.unreadable = "invalid tracestate";
    }
    read_span_priority(&span->record.values[PRIORITY], &item);
    if (!goes_on(pass, &item, span->encoded) || !item.writes) {
        return true;
    }
    otc_buf_clear(&pass->text);
    if (!otc_tracestate_write(span->trace_state, &item.sampling, &pass->text)) {
        pass->part->edit.failed = true;
        return false;
    }
    if (!otc_slice_equal(otc_buf_slice(&pass->text), span->trace_state)) {
        otc_edit_set_bytes(&pass->part->edit, span->encoded, SPAN_TRACE_STATE, otc_buf_slice(&pass->text));
    }
    return true;
}

/* A percentage, unless it is 0 or none. */
static void
read_log_priority(const struct sampler *sampler, const struct otc_value *value, struct sampler_item *item)
{
    double probability = value->type == OTC_VALUE_INT      ? (double)value->as.integer / 100
                         : value->type == OTC_VALUE_DOUBLE ? value->as.real / 100
                                                           : 0;

    item->has_priority = probabilistic_sampler_threshold(probability, sampler->precision, &item->priority);
}

static void
read_log_sampling(const struct otc_value *values, struct sampler_item *item)
{
    struct otc_sampling *sampling = &item->sampling;

    if (values[THRESHOLD].type == OTC_VALUE_STRING && values[THRESHOLD].as.slice.len > 0) {
        sampling->threshold_text = values[THRESHOLD].as.slice;
        sampling->has_threshold = otc_sampling_read_threshold(sampling->threshold_text, &sampling->threshold);
        item->unreadable = sampling->has_threshold ? NULL : "invalid sampling.threshold";
    }
    if (values[RANDOMNESS].type == OTC_VALUE_STRING && values[RANDOMNESS].as.slice.len > 0) {
        sampling->randomness_text = values[RANDOMNESS].as.slice;
        sampling->has_randomness =
            otc_sampling_read_randomness(sampling->randomness_text, &sampling->randomness);
        item->unreadable = sampling->has_randomness ? item->unreadable : "invalid sampling.randomness";
    }
}

static void
write_log_sampling(struct pass *pass, const struct sampler_item *item, struct otc_slice record)
{
    struct otc_transform_part *part = pass->part;
    struct otc_value threshold = {.type = OTC_VALUE_STRING, .as.slice = item->sampling.threshold_text};
    struct otc_value randomness = {.type = OTC_VALUE_STRING, .as.slice = item->sampling.randomness_text};

    otc_pairs_load(&part->pairs, &part->edit, OTC_ATTRIBUTES_LOG_RECORD, record);
    if (item->sampling.has_randomness) {
        otc_pairs_put(&part->pairs, otc_slice_str("sampling.randomness"), &randomness);
    }
    otc_pairs_put(&part->pairs, otc_slice_str("sampling.threshold"), &threshold);
    otc_pairs_commit(&part->pairs);
}

static bool
on_log(void *arg, const struct otc_log_record *record)
{
    struct pass *pass = arg;
    const struct probabilistic_sampler *self = pass->self;
    const struct otc_value *values = record->record.values;
    struct sampler_item item = {.trace_id = trace_id_of(record->trace_id), .is_record = true};

    read_log_sampling(values, &item);
    if (self->sampler.mode == SAMPLER_HASH_SEED && !self->by_trace_id) {
        item.trace_id = OTC_SLICE_NONE;
    }
    if (self->by_attribute && item.trace_id.len == 0) {
        otc_buf_clear(&pass->text);
        if (values[FROM].type == OTC_VALUE_BYTES) {
            item.attribute = values[FROM].as.slice;
        } else if (otc_value_text(&values[FROM], &pass->text)) {
            item.attribute = otc_buf_slice(&pass->text);
        } else {
            pass->part->edit.failed = true;
            return false;
        }
    }
    if (self->has_priority) {
        read_log_priority(&self->sampler, &values[PRIORITY], &item);
    }
    if (goes_on(pass, &item, record->encoded) && item.writes) {
        write_log_sampling(pass, &item, record->encoded);
    }
    return true;
}

/* ---- Parts -------------------------------------------------------------------------------------- */

static const struct otc_instrument sampled[OTC_N_SIGNALS] = {
    [OTC_TRACES] = {"otelcol_processor_probabilistic_sampler_count_traces_sampled", "1",
                    "Count of traces that were sampled or not", OTC_COUNTER},
    [OTC_LOGS] = {"otelcol_processor_probabilistic_sampler_count_logs_sampled", "1",
                  "Count of logs that were sampled or not", OTC_COUNTER},
};

static void
count(const struct pass *pass)
{
    static const char *const policies[SAMPLER_N_POLICIES] = {"trace_id_hash",       "trace_id_w3c",
                                                             "sampling_randomness", "sampling_priority",
                                                             "missing_randomness",  NULL};
    struct otc_meter *meter = pass->self->transform.host->meter;

    for (size_t i = 0; i < SAMPLER_N_POLICIES; i++) {
        for (size_t yes = 0; yes < 2; yes++) {
            const struct otc_label labels[] = {
                {"policy", policies[i] ? policies[i] : pass->self->from_attribute},
                {"sampled", yes ? "true" : "false"}};
            struct otc_count one = {NULL, pass->counts[i][yes]};

            if (one.delta > 0) {
                one.series = otc_meter_series(meter, &sampled[pass->part->signal], labels, 2);
                otc_meter_add(meter, &one, 1);
            }
        }
    }
}

static otc_status
edit(struct otc_transform *transform, struct otc_transform_part *part, struct otc_error *err)
{
    const struct probabilistic_sampler *self = OTC_CONTAINER(transform, probabilistic_sampler, transform);
    const struct otc_projection *projection = self->projections[part->signal];
    struct pass pass = {.self = self, .part = part, .text = {.limit = TEXT_MAX}};
    otc_status status = part->signal == OTC_TRACES
                            ? otc_walk_spans(projection, part->part, on_span, &pass, err)
                            : otc_walk_logs(projection, part->part, on_log, &pass, err);

    otc_buf_release(&pass.text);
    if (status != OTC_OK || part->edit.failed) {
        return status;
    }
    otc_transform_drop_empty(part);
    count(&pass);
    if (pass.n_problems > 0) {
        otc_log(transform->host->logger, OTC_LOG_DEBUG, transform->id, "Items could not be judged",
                OTC_FIELD_TEXT("error", pass.problem), OTC_FIELD_NUMBER("items", pass.n_problems),
                OTC_FIELD_TEXT("kept", self->sampler.fail_closed ? "false" : "true"));
    }
    return OTC_OK;
}

/* ---- Life --------------------------------------------------------------------------------------- */

static void
release(struct otc_transform *transform)
{
    struct probabilistic_sampler *self = OTC_CONTAINER(transform, probabilistic_sampler, transform);

    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        otc_projection_free(self->projections[i]);
    }
    free(self);
}

static const struct otc_transform_ops ops = {edit, release};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    const struct sampler_config *config = settings->config;
    const struct otc_wanted of_span = {"sampling.priority", OTC_AT_RECORD, false};
    const struct otc_wanted of_log[N_WANTED] = {
        [PRIORITY] = {config->sampling_priority, OTC_AT_RECORD, false},
        [THRESHOLD] = {"sampling.threshold", OTC_AT_RECORD, false},
        [RANDOMNESS] = {"sampling.randomness", OTC_AT_RECORD, false},
        [FROM] = {config->from_attribute, OTC_AT_RECORD, false}};
    struct probabilistic_sampler *self = calloc(1, sizeof(*self));
    otc_status status;

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    otc_transform_init(&self->transform, settings, &ops);
    probabilistic_sampler_init(&self->sampler, (enum sampler_mode)config->mode.index,
                               (float)config->sampling_percentage, (uint32_t)config->hash_seed,
                               (int)config->sampling_precision, config->fail_closed);
    self->by_trace_id = config->attribute_source.index == SOURCE_TRACE_ID;
    self->from_attribute = config->from_attribute;
    self->by_attribute = self->sampler.mode == SAMPLER_HASH_SEED && config->from_attribute[0] != '\0';
    self->has_priority = config->sampling_priority[0] != '\0';
    status = otc_projection_new(&of_span, 1, &self->projections[OTC_TRACES], err);
    if (status == OTC_OK) {
        status = otc_projection_new(of_log, N_WANTED, &self->projections[OTC_LOGS], err);
    }
    if (status != OTC_OK) {
        release(&self->transform);
        return status;
    }
    if (config->sampling_percentage == 0) {
        otc_log(settings->host->logger, OTC_LOG_WARN, settings->id,
                "sampling_percentage is 0: nothing goes on but what has a priority of its own");
    }
    *out = &self->transform.component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA},
                                        {OTC_LOGS, OTC_LOGS, OTC_STABILITY_ALPHA}};

OTC_API const struct otc_factory otc_probabilistic_sampler_processor_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_PROCESSOR,
    .type = "probabilistic_sampler",
    .description = "Lets a share of the traces or log records through.",
    .pairs = pairs,
    .n_pairs = 2,
    .config = &schema,
    .validate = validate,
    .create = create,
};
