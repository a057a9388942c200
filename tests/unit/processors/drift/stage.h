// SPDX-License-Identifier: Apache-2.0
/**
 * @file A drift connector on a host with virtual time: records in (written by hand as protobuf, so that the
 * tests depend on no other writer), metrics out of a sink.
 */
#ifndef OTC_TESTS_DRIFT_STAGE_H
#define OTC_TESTS_DRIFT_STAGE_H

#include "common/base/clock.h"
#include "common/config/node.h"
#include "common/config/schema.h"
#include "common/otlp/walk.h"
#include "tests/harness/data.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

extern const struct otc_factory otc_drift_processor_factory;

/* ---- Protobuf by hand ----------------------------------------------------------------------------- */

static inline void
put_varint(struct otc_buf *buf, uint64_t value)
{
    while (value >= 128) {
        (void)otc_buf_append_byte(buf, (uint8_t)(value | 128));
        value >>= 7;
    }
    (void)otc_buf_append_byte(buf, (uint8_t)value);
}

static inline void
put_bytes(struct otc_buf *buf, unsigned field, const void *data, size_t len)
{
    put_varint(buf, field << 3 | 2);
    put_varint(buf, len);
    (void)otc_buf_append(buf, data, len);
}

static inline void
put_message(struct otc_buf *buf, unsigned field, struct otc_buf *message)
{
    put_bytes(buf, field, message->data, message->len);
    otc_buf_release(message);
}

static inline void
put_fixed64(struct otc_buf *buf, unsigned field, uint64_t value)
{
    put_varint(buf, field << 3 | 1);
    (void)otc_buf_append(buf, &value, 8);
}

/** An attribute to send: `text`, or `list` (one string in a list), or `number`, or with `integer` a whole
 * number. */
struct field {
    const char *key;
    const char *text;
    double number;
    bool integer;
    bool list;
    bool truth;
    const double *vector; /* a list of so many numbers */
    size_t components;
};
#define NUMBER(name, value) ((struct field){.key = (name), .number = (value)})
#define INTEGER(name, value) ((struct field){.key = (name), .number = (double)(value), .integer = true})
#define TEXT(name, value) ((struct field){.key = (name), .text = (value)})

static inline void
put_attribute(struct otc_buf *buf, unsigned at, const struct field *field)
{
    struct otc_buf pair = {.limit = 1 << 16}, value = {.limit = 1 << 16};
    double number = field->number;

    put_bytes(&pair, 1, field->key, strlen(field->key));
    if (field->list) {
        struct otc_buf element = {.limit = 1 << 16}, list = {.limit = 1 << 16};

        put_bytes(&element, 1, field->text, strlen(field->text));
        put_message(&list, 1, &element);
        put_message(&value, 5, &list);
    } else if (field->vector) {
        struct otc_buf list = {.limit = 1 << 16};

        for (size_t i = 0; i < field->components; i++) {
            struct otc_buf element = {.limit = 16};
            uint64_t bits;

            memcpy(&bits, &field->vector[i], 8);
            put_fixed64(&element, 4, bits);
            put_message(&list, 1, &element);
        }
        put_message(&value, 5, &list);
    } else if (field->text) {
        put_bytes(&value, 1, field->text, strlen(field->text));
    } else if (field->truth) {
        put_varint(&value, 2 << 3);
        put_varint(&value, field->number != 0);
    } else if (field->integer) {
        put_varint(&value, 3 << 3);
        put_varint(&value, (uint64_t)(int64_t)field->number);
    } else {
        uint64_t bits;

        memcpy(&bits, &number, 8);
        put_fixed64(&value, 4, bits);
    }
    put_message(&pair, 2, &value);
    put_message(buf, at, &pair);
}

/* ---- The stage ------------------------------------------------------------------------------------ */

struct stage {
    struct otc_vhost *vhost;
    struct otc_host *host;
    struct otc_config *config;
    struct otc_component *component;
    struct otc_sink *sink;
    /** Records of the batch that is being written. */
    struct otc_buf records;
    size_t n_records;
    enum otc_signal signal;
    const char *model, *version;
    const char *trace_state; /* of spans; NULL: none */
};

/** Decodes and validates; the error's text in `text` when it fails. */
static inline struct otc_config *
stage_config(const char *yaml, char *text, size_t size)
{
    const struct otc_factory *factory = &otc_drift_processor_factory;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    struct otc_config *config = NULL;
    otc_status status = otc_document_parse(otc_slice_str(yaml), "test.yaml", &doc, &err);

    if (status == OTC_OK) {
        status =
            otc_config_decode(factory->config, otc_document_root(doc), "connectors::drift", &config, &err);
    }
    if (status == OTC_OK) {
        status = factory->validate(otc_config_value(config), &err);
        if (status != OTC_OK) {
            otc_config_free(config);
            config = NULL;
        }
    }
    otc_document_free(doc);
    (void)snprintf(text, size, "%s", status == OTC_OK ? "" : err.text);
    return config;
}

static inline struct stage *
stage_new(const char *yaml)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_settings settings = {.abi = OTC_ABI_OF(otc_settings), .id = "drift"};
    char text[2048];

    assert_non_null(stage);
    stage->vhost = otc_vhost_new();
    stage->host = otc_vhost_host(stage->vhost);
    stage->config = stage_config(yaml, text, sizeof(text));
    if (!stage->config) {
        fail_msg("%s", text);
    }
    settings.host = stage->host;
    settings.config = otc_config_value(stage->config);
    if (otc_drift_processor_factory.create(&settings, &stage->component, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    stage->sink = otc_sink_new();
    assert_int_equal(
        stage->component->ops->connect(stage->component, OTC_METRICS, otc_sink_consumer(stage->sink), &err),
        OTC_OK);
    assert_int_equal(stage->component->ops->start(stage->component, &err), OTC_OK);
    stage->records.limit = (size_t)64 << 20;
    stage->signal = OTC_TRACES;
    stage->model = "credit";
    stage->version = "1";
    return stage;
}

static inline void
stage_free(struct stage *stage)
{
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(stage->component->ops->shutdown(stage->component, INT64_MAX, &err), OTC_OK);
    assert_int_equal(stage->component->ops->shutdown(stage->component, INT64_MAX, &err), OTC_OK);
    stage->component->ops->free(stage->component);
    otc_sink_free(stage->sink);
    otc_config_free(stage->config);
    otc_buf_release(&stage->records);
    otc_vhost_free(stage->vhost);
    free(stage);
}

static inline int64_t
stage_now(struct stage *stage)
{
    return stage->host->now_ns(stage->host);
}

/** Writes one record into the batch: a span that ends (a log record that stands) at `time_ns`. */
static inline void
record(struct stage *stage, int64_t time_ns, const struct field *fields, size_t n)
{
    struct otc_buf message = {.limit = 1 << 20};
    bool logs = stage->signal == OTC_LOGS;
    const unsigned attributes = logs ? 6 : 9;
    const struct field identity[] = {TEXT("ml.model.name", stage->model),
                                     TEXT("ml.model.version", stage->version)};

    if (logs) {
        put_fixed64(&message, 1, (uint64_t)time_ns);
    } else {
        put_fixed64(&message, 7, (uint64_t)(time_ns - 250 * OTC_MILLISECOND));
        put_fixed64(&message, 8, (uint64_t)time_ns);
        if (stage->trace_state) {
            put_bytes(&message, 3, stage->trace_state, strlen(stage->trace_state));
        }
    }
    for (size_t i = 0; i < 2 && stage->model; i++) {
        put_attribute(&message, attributes, &identity[i]);
    }
    for (size_t i = 0; i < n; i++) {
        put_attribute(&message, attributes, &fields[i]);
    }
    put_message(&stage->records, 2, &message);
    stage->n_records++;
}

/** Sends the records written since. */
static inline void
send(struct stage *stage)
{
    struct otc_buf scope = {.limit = (size_t)64 << 20}, request = {.limit = (size_t)64 << 20};
    struct otc_consumer *consumer = stage->component->ops->input(stage->component, stage->signal);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_batch *batch;

    assert_true(consumer->observes_accepted);
    put_bytes(&scope, 2, stage->records.data, stage->records.len);
    put_message(&request, 1, &scope);
    batch = otc_batch_copy_of(stage->signal, otc_buf_slice(&request), stage->n_records, NULL);
    assert_non_null(batch);
    assert_int_equal(otc_consume(consumer, batch, NULL, &err), OTC_OK);
    otc_buf_release(&request);
    otc_buf_clear(&stage->records);
    stage->n_records = 0;
}

/* ---- What came out -------------------------------------------------------------------------------- */

struct wish {
    const char *metric;
    const char *const *attributes; /* key, value, …, NULL */
    double value;
    size_t found;
    bool stale;
    uint64_t time;
};

static inline bool
has_attribute(const struct otc_point *point, const char *key, const char *value)
{
    struct otc_slice rest = point->encoded, name;
    struct otc_value found;

    while (otc_attributes_next(otc_point_attributes(point->type), &rest, &name, &found)) {
        if (otc_slice_equal_str(name, key) && otc_slice_equal_str(found.as.slice, value)) {
            return true;
        }
    }
    return false;
}

static inline bool
match_point(void *arg, const struct otc_point *point)
{
    struct wish *wish = arg;

    if (!otc_slice_equal_str(point->name, wish->metric)) {
        return true;
    }
    for (const char *const *a = wish->attributes; a && *a; a += 2) {
        if (!has_attribute(point, a[0], a[1])) {
            return true;
        }
    }
    wish->found++;
    wish->stale = point->flags & OTC_POINT_NO_RECORDED_VALUE;
    wish->time = point->time_unix_nano;
    wish->value = point->value.type == OTC_VALUE_INT ? (double)point->value.as.integer : point->value.as.real;
    return true;
}

/** Looks for a point in everything that the sink holds; the last one counts. */
static inline struct wish
look(struct stage *stage, const char *metric, const char *const *attributes)
{
    struct wish wish = {.metric = metric, .attributes = attributes, .value = NAN};

    for (size_t i = 0; i < otc_sink_batches(stage->sink); i++) {
        struct otc_batch *batch = otc_sink_batch(stage->sink, i);

        for (size_t p = 0; p < otc_batch_parts(batch); p++) {
            struct otc_error err = OTC_ERROR_INIT;

            assert_int_equal(otc_walk_points(NULL, otc_batch_part(batch, p), match_point, &wish, &err),
                             OTC_OK);
        }
    }
    return wish;
}

#define ATTRIBUTES(...) ((const char *const[]){__VA_ARGS__, NULL})
/** Value of a metric of a feature in the last emission, NaN without one. */
static inline double
of_feature(struct stage *stage, const char *metric, const char *feature)
{
    return look(stage, metric, ATTRIBUTES("ml.feature.name", feature)).value;
}
static inline double
of_model(struct stage *stage, const char *metric)
{
    return look(stage, metric, NULL).value;
}

/** Lets time pass and keeps the last emission alone: one flush of the default interval. */
static inline void
flush(struct stage *stage)
{
    otc_sink_clear(stage->sink);
    otc_vhost_advance(stage->vhost, 15 * OTC_SECOND);
}

#endif
