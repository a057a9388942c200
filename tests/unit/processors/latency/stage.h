// SPDX-License-Identifier: Apache-2.0
/** @file A running latency connector for tests: spans in as JSON, points out as lines of text. */
#ifndef OTC_TESTS_LATENCY_STAGE_H
#define OTC_TESTS_LATENCY_STAGE_H

#include "common/base/clock.h"
#include "common/otlp/json.h"
#include "common/otlp/value_text.h"
#include "common/otlp/walk.h"
#include "tests/harness/data.h"
#include "tests/harness/rig.h"
#include "tests/harness/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

extern const struct otc_factory otc_latency_processor_factory;

struct fixture {
    struct otc_rig rig;
    struct otc_sink *sink;
    struct otc_buf told; /* a line for each point */
};

static inline void
begin(struct fixture *f, const char *yaml)
{
    struct otc_error err = OTC_ERROR_INIT;

    *f = (struct fixture){.sink = otc_sink_new(), .told = {.limit = 1 << 20}};
    if (otc_rig_create(&f->rig, &otc_latency_processor_factory, yaml, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(
        f->rig.component->ops->connect(f->rig.component, OTC_METRICS, otc_sink_consumer(f->sink), &err),
        OTC_OK);
    assert_int_equal(f->rig.component->ops->start(f->rig.component, &err), OTC_OK);
}

static inline void
end(struct fixture *f)
{
    assert_int_equal(f->rig.component->ops->shutdown(f->rig.component, INT64_MAX, NULL), OTC_OK);
    otc_rig_free(&f->rig);
    otc_sink_free(f->sink);
    otc_buf_release(&f->told);
}

static inline void
send_json(struct fixture *f, struct otc_slice json)
{
    struct otc_consumer *consumer = f->rig.component->ops->input(f->rig.component, OTC_TRACES);
    struct otc_buf bytes = {.limit = 1 << 22};
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_json_to_protobuf(OTC_TRACES, json, 64, &bytes, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(
        otc_consume(consumer, otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&bytes), 1, NULL), NULL, &err),
        OTC_OK);
    otc_buf_release(&bytes);
}

/* Spans given as the members of their JSON objects, each without its braces. */
static inline void
send(struct fixture *f, const char *spans)
{
    struct otc_buf json = {.limit = 1 << 20};

    (void)otc_buf_printf(
        &json,
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
        "{\"stringValue\":\"svc\"}}]},\"scopeSpans\":[{\"spans\":[%s]}]}]}",
        spans);
    send_json(f, otc_buf_slice(&json));
    otc_buf_release(&json);
}

/* Appends the JSON of "key=value" or "name@nanoseconds" entries, separated by blanks; a value that looks like
 * an integer is one, with a point it is a double, else it is text. */
static inline void
put_entries(struct otc_buf *out, const char *entries)
{
    const char *between = "";

    while (entries && *entries) {
        size_t len = strcspn(entries, " "), name = strcspn(entries, "=@");
        const char *value = entries + name + 1;
        int value_len = (int)(len - name - 1);
        bool number = strspn(value, "0123456789.") >= (size_t)value_len;

        if (entries[name] == '@') {
            (void)otc_buf_printf(out, "%s{\"name\":\"%.*s\",\"timeUnixNano\":\"%.*s\"}", between, (int)name,
                                 entries, value_len, value);
        } else {
            (void)otc_buf_printf(out, "%s{\"key\":\"%.*s\",\"value\":{\"%s\":%s%.*s%s}}", between, (int)name,
                                 entries,
                                 !number                                 ? "stringValue"
                                 : memchr(value, '.', (size_t)value_len) ? "doubleValue"
                                                                         : "intValue",
                                 number ? "" : "\"", value_len, value, number ? "" : "\"");
        }
        between = ",";
        entries += len + (entries[len] == ' ');
    }
}

/* A span as a test writes it. */
struct written {
    const char *name;
    int kind, code;
    long long start, end; /* nanoseconds */
    const char *attributes, *events;
    const char *id, *parent; /* hexadecimal */
};

static inline void
send_span(struct fixture *f, struct written span)
{
    struct otc_buf json = {.limit = 1 << 20};

    (void)otc_buf_printf(
        &json,
        "{\"name\":\"%s\",\"kind\":%d,\"status\":{\"code\":%d},\"startTimeUnixNano\":\"%lld\","
        "\"endTimeUnixNano\":\"%lld\",\"spanId\":\"%s\",\"parentSpanId\":\"%s\",\"attributes\":[",
        span.name, span.kind, span.code, span.start, span.end, span.id ? span.id : "",
        span.parent ? span.parent : "");
    put_entries(&json, span.attributes);
    (void)otc_buf_append_str(&json, "],\"events\":[");
    put_entries(&json, span.events);
    (void)otc_buf_append_str(&json, "]}");
    send(f, otc_buf_cstr(&json));
    otc_buf_release(&json);
}

/* "name key=value … = number", "name key=value … count sum of bounds", "name key=value … count sum"; then " #
 * value trace span" for each exemplar. */
static inline bool
tell(void *arg, const struct otc_point *point)
{
    struct otc_buf *out = arg;
    struct otc_slice rest = point->encoded, key, exemplar;
    struct otc_value value;
    uint32_t field = point->type == OTC_METRIC_HISTOGRAM               ? 8
                     : point->type == OTC_METRIC_EXPONENTIAL_HISTOGRAM ? 11
                                                                       : 5;

    otc_buf_append_slice(out, point->name);
    while (otc_attributes_next(otc_point_attributes(point->type), &rest, &key, &value)) {
        otc_buf_append_byte(out, ' ');
        otc_buf_append_slice(out, key);
        otc_buf_append_byte(out, '=');
        (void)otc_value_text(&value, out);
    }
    if (point->type == OTC_METRIC_HISTOGRAM || point->type == OTC_METRIC_EXPONENTIAL_HISTOGRAM) {
        (void)otc_buf_printf(out, " %llu %.9g", (unsigned long long)point->count, point->sum);
    }
    if (point->type == OTC_METRIC_HISTOGRAM) {
        (void)otc_buf_printf(out, " of %zu", point->explicit_bounds.n);
    } else if (point->flags) {
        (void)otc_buf_append_str(out, " = ended");
    } else if (point->type != OTC_METRIC_EXPONENTIAL_HISTOGRAM) {
        (void)otc_buf_printf(out, " = %.9g",
                             point->value.type == OTC_VALUE_INT ? (double)point->value.as.integer
                                                                : point->value.as.real);
    }
    for (rest = point->encoded; otc_messages_next(&rest, field, &exemplar);) {
        struct otc_slice trace = otc_message_bytes(exemplar, 5), span = otc_message_bytes(exemplar, 4);
        uint64_t bits = otc_message_scalar(exemplar, 3, 0);
        double seconds;

        memcpy(&seconds, &bits, sizeof(seconds));
        (void)otc_buf_printf(out, " # %.9g %02x %02x", seconds, trace.data[trace.len - 1],
                             span.data[span.len - 1]);
    }
    otc_buf_append_byte(out, '\n');
    return true;
}

static inline void
flush(struct fixture *f)
{
    otc_sink_clear(f->sink);
    otc_buf_clear(&f->told);
    otc_vhost_advance(f->rig.vhost, 15 * OTC_SECOND);
    for (size_t i = 0; i < otc_sink_batches(f->sink); i++) {
        assert_int_equal(
            otc_walk_points(NULL, otc_batch_part(otc_sink_batch(f->sink, i), 0), tell, &f->told, NULL),
            OTC_OK);
    }
}

static inline void
expect(struct fixture *f, const char *line)
{
    if (!strstr(otc_buf_cstr(&f->told), line)) {
        fail_msg("no \"%s\" in\n%s", line, otc_buf_cstr(&f->told));
    }
}

/* Of explicit histograms. */
static inline size_t
lines(struct fixture *f)
{
    size_t n = 0;

    for (const char *at = otc_buf_cstr(&f->told); (at = strstr(at, " of ")); at++) {
        n++;
    }
    return n;
}

#endif
