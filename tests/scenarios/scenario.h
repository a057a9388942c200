// SPDX-License-Identifier: Apache-2.0
/**
 * @file What scenarios share: a service on a virtual clock, scoring spans to send, and the results that came
 * out.
 */
#ifndef OTC_TESTS_SCENARIO_H
#define OTC_TESTS_SCENARIO_H

#include "common/base/clock.h"
#include "common/otlp/json.h"
#include "common/prometheus/exposition.h"
#include "sidecar/service.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MAX_FACTORIES 64

static inline bool
is_same_type(const struct otc_factory *a, const struct otc_factory *b)
{
    return a->kind == b->kind && a->type && b->type && strcmp(a->type, b->type) == 0;
}

/** The binary's components, with `extra` (NULL-ended) added, or in the place of one of the same kind and
 * type. */
static inline const struct otc_factory *const *
registry(const struct otc_factory *const *extra)
{
    static const struct otc_factory *all[MAX_FACTORIES];
    size_t n = 0;

    for (; otc_components[n]; n++) {
        assert_true(n < MAX_FACTORIES - 8);
        all[n] = otc_components[n];
    }
    for (; *extra; extra++) {
        size_t at = 0;

        while (at < n && !is_same_type(all[at], *extra)) {
            at++;
        }
        all[at] = *extra;
        n += at == n;
        assert_true(n < MAX_FACTORIES);
    }
    all[n] = NULL;
    return all;
}

/** The real factory of this kind and type, with its settings, but made by another `create`. */
static inline struct otc_factory
in_place_of(enum otc_kind kind, const char *type, const struct otc_factory *stand_in)
{
    struct otc_factory factory = *stand_in;

    for (size_t i = 0; otc_components[i]; i++) {
        if (otc_components[i]->kind == kind && strcmp(otc_components[i]->type, type) == 0) {
            factory = *otc_components[i];
        }
    }
    assert_string_equal(factory.type, type);
    factory.create = stand_in->create;
    return factory;
}

struct fixture {
    struct otc_vhost *vhost;
    struct otc_document *doc;
    struct otc_service_config *config;
    struct otc_service *service;
};

/** Starts the configuration in f->doc. */
static inline void
start_service(struct fixture *f, const struct otc_factory *const *extra)
{
    struct otc_error err = OTC_ERROR_INIT;

    f->vhost = otc_vhost_new();
    if (otc_service_config_new(otc_document_root(f->doc), registry(extra), &f->config, &err) != OTC_OK ||
        otc_service_config_validate(f->config, &err) != OTC_OK ||
        otc_service_new(f->config, otc_vhost_host(f->vhost), &f->service, &err) != OTC_OK ||
        otc_service_start(f->service, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static inline void
close_service(struct fixture *f)
{
    struct otc_host *host = otc_vhost_host(f->vhost);

    assert_int_equal(otc_service_shutdown(f->service, host->monotonic_ns(host) + OTC_SECOND, NULL), OTC_OK);
    otc_service_free(f->service);
    otc_service_config_free(f->config);
    otc_document_free(f->doc);
    otc_vhost_free(f->vhost);
}

/** One request of scoring spans of this length that end now; ages run upward from `youngest`. */
static inline struct otc_batch *
make_spans(struct fixture *f, size_t n, int youngest, int64_t length_ns)
{
    struct otc_host *host = otc_vhost_host(f->vhost);
    long long now = host->now_ns(host);
    struct otc_buf json = {.limit = 1 << 20};
    struct otc_buf bytes = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_batch *batch;

    (void)otc_buf_append_str(
        &json, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
               "{\"stringValue\":\"scorer\"}}]},\"scopeSpans\":[{\"spans\":[");
    for (size_t i = 0; i < n; i++) {
        (void)otc_buf_printf(
            &json,
            "%s{\"traceId\":\"0102030405060708090a0b0c0d0e0f%02x\",\"spanId\":\"01020304050607%02x\","
            "\"name\":\"score\",\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\","
            "\"attributes\":[{\"key\":\"ml.feature.age\",\"value\":{\"doubleValue\":%d.5}}]}",
            i == 0 ? "" : ",", (unsigned)i & 255, ((unsigned)i + 1) & 255, now - (long long)length_ns, now,
            youngest + (int)i);
    }
    (void)otc_buf_append_str(&json, "]}]}]}");
    if (otc_json_to_protobuf(OTC_TRACES, otc_buf_slice(&json), 64, &bytes, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    batch = otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&bytes), n, NULL);
    otc_buf_release(&json);
    otc_buf_release(&bytes);
    return batch;
}

/** The last value of a sample in what reached this sink of metrics, -1 when it never came. */
static inline double
last_value(const char *sink_id, const char *sample)
{
    struct otc_sink *sink = otc_test_sink_find(sink_id);
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_exposition_type type = otc_exposition_negotiate(OTC_SLICE_NONE, false);
    double value = -1;

    options.without_target = true;
    options.without_scope_info = true;
    for (size_t i = otc_sink_batches(sink); i > 0 && value < 0; i--) {
        struct otc_buf page = {.limit = 8 << 20};
        struct otc_slice bytes = otc_batch_part(otc_sink_batch(sink, i - 1), 0);
        const char *at;

        assert_int_equal(otc_exposition_of_requests(&options, type, &bytes, 1, &page, NULL, NULL), OTC_OK);
        at = strstr(otc_buf_cstr(&page), sample);
        if (at != NULL) {
            value = strtod(at + strcspn(at, "}") + 1, NULL);
        }
        otc_buf_release(&page);
    }
    return value;
}

#endif
