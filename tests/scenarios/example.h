// SPDX-License-Identifier: Apache-2.0
/**
 * @file Example configurations as they stand, on a virtual clock: only where data comes from and goes to is
 * replaced, by a `test_source` and the sink `test_sink/metrics`.
 */
#ifndef OTC_TESTS_EXAMPLE_H
#define OTC_TESTS_EXAMPLE_H

#include "tests/scenarios/scenario.h"

/** Starts otel-config-examples/<name>, whose pipeline `traces` then is fed by test_source. `environment` may
 * be NULL. */
static inline void
open_example(struct fixture *f, const char *name, const struct otc_environment *environment)
{
    static const struct otc_factory *const ends[] = {&otc_test_source_receiver_factory,
                                                     &otc_test_sink_exporter_factory, NULL};
    struct otc_error err = OTC_ERROR_INIT;
    char file[256];
    const char *const locations[] = {file, "yaml:receivers::test_source: {}",
                                     "yaml:exporters::test_sink/metrics: {}",
                                     "yaml:service::pipelines::traces::receivers: [test_source]",
                                     "yaml:service::pipelines::metrics::exporters: [test_sink/metrics]"};

    *f = (struct fixture){0};
    (void)snprintf(file, sizeof(file), "otel-config-examples/%s", name);
    if (otc_document_load(locations, sizeof(locations) / sizeof(locations[0]), environment, &f->doc, &err) !=
        OTC_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    start_service(f, ends);
}

/** Sends a request of `n` items that stand in OTLP JSON, and moves the clock on. The sink holds what came out
 * meanwhile. */
static inline void
send_json(struct fixture *f, const struct otc_buf *json, size_t n, int64_t then_ns)
{
    struct otc_buf bytes = {.limit = 8 << 20};
    struct otc_error err = OTC_ERROR_INIT;

    otc_sink_clear(otc_test_sink_find("test_sink/metrics"));
    if (otc_json_to_protobuf(OTC_TRACES, otc_buf_slice(json), 64, &bytes, &err) != OTC_OK ||
        otc_test_source_send("test_source", otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&bytes), n, NULL),
                             NULL, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_buf_release(&bytes);
    otc_vhost_advance(f->vhost, then_ns);
}

/** A sample of the sink's last page that has all of these labels, such as `ml_feature_name="age"`; -1 when
 * there is none. */
static inline double
last_labelled(const char *metric, const char *const *labels)
{
    struct otc_sink *sink = otc_test_sink_find("test_sink/metrics");
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_exposition_type type = otc_exposition_negotiate(OTC_SLICE_NONE, false);
    double value = -1;

    options.without_target = true;
    options.without_scope_info = true;
    for (size_t i = otc_sink_batches(sink); i > 0 && value < 0; i--) {
        struct otc_buf page = {.limit = 8 << 20};
        struct otc_slice bytes = otc_batch_part(otc_sink_batch(sink, i - 1), 0);
        size_t len = strlen(metric);
        char *line, *rest;

        assert_int_equal(otc_exposition_of_requests(&options, type, &bytes, 1, &page, NULL, NULL), OTC_OK);
        (void)otc_buf_cstr(&page);
        rest = (char *)page.data;
        while ((line = strsep(&rest, "\n")) != NULL && value < 0) {
            bool all = strncmp(line, metric, len) == 0 && line[len] == '{';

            for (const char *const *label = labels; all && *label; label++) {
                all = strstr(line, *label) != NULL;
            }
            value = all ? strtod(strrchr(line, '}') + 1, NULL) : value;
        }
        otc_buf_release(&page);
    }
    return value;
}
#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
