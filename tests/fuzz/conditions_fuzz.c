// SPDX-License-Identifier: Apache-2.0
/**
 * @file Places, conditions and expressions over metrics, as texts of a configuration: refused with a reason,
 * or evaluated on a span, a log record and a data point. The first byte of an input chooses what it is.
 */
#include "common/analysis/features.h"
#include "common/otlp/json.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 2048
#define OBSERVED_MAX 64

static const char span_json[] =
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"r\",\"value\":{\"stringValue\":\"x\"}}]},"
    "\"scopeSpans\":[{\"spans\":[{\"name\":\"n\",\"kind\":2,\"startTimeUnixNano\":\"5\",\"endTimeUnixNano\":"
    "\"9\",\"status\":{\"code\":1},\"attributes\":[{\"key\":\"a\",\"value\":{\"intValue\":\"3\"}},"
    "{\"key\":\"d\",\"value\":{\"doubleValue\":-0.5}},{\"key\":\"b\",\"value\":{\"boolValue\":true}},"
    "{\"key\":\"l\",\"value\":{\"arrayValue\":{\"values\":[{\"doubleValue\":1},{\"doubleValue\":2}]}}},"
    "{\"key\":\"m\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{\"intValue\":\"1\"}}]}}"
    "},{\"key\":\"j\",\"value\":{\"stringValue\":\"{\\\"a\\\":[1,{\\\"b\\\":\\\"c\\\"}],\\\"b\\\":2.5}\"}}],"
    "\"events\":[{\"name\":\"e\",\"timeUnixNano\":\"7\",\"attributes\":[{\"key\":\"a\",\"value\":{"
    "\"stringValue\":\"t\"}}]}]}]}]}]}";
static const char log_json[] =
    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityNumber\":9,\"severityText\":\"INFO\","
    "\"eventName\":\"e\",\"body\":{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{\"stringValue\":"
    "\"[1,2]\"}}]}},\"attributes\":[{\"key\":\"a\",\"value\":{\"stringValue\":\"3\"}}]}]}]}]}";

static void
read_subject(struct otc_feature_reader *reader, const struct otc_subject *subject)
{
    struct otc_observed observed[OBSERVED_MAX];
    size_t n, lost;
    size_t records = otc_feature_reader_begin(reader, subject, observed, OBSERVED_MAX, &n, &lost);

    for (size_t i = 0; i < records; i++) {
        n = i > 0 ? otc_feature_reader_next(reader, observed, OBSERVED_MAX, &lost) : n;
        for (size_t j = 0; j < n && j < OBSERVED_MAX; j++) {
            char scratch[32];
            struct otc_slice category;
            double number;

            (void)otc_value_number(&observed[j].value, &number);
            (void)otc_value_category(&observed[j].value, scratch, &category);
        }
    }
}

static bool
on_span(void *arg, const struct otc_span *span)
{
    read_subject(arg, &(struct otc_subject){.record = &span->record, .span = span});
    return true;
}

static bool
on_log(void *arg, const struct otc_log_record *log)
{
    read_subject(arg, &(struct otc_subject){.record = &log->record, .log = log});
    return true;
}

/** The requests above as protobuf, made once. */
static struct otc_slice
request(enum otc_signal signal)
{
    static struct otc_buf requests[OTC_N_SIGNALS];
    const char *json = signal == OTC_TRACES ? span_json : log_json;
    struct otc_buf *out = &requests[signal];
    struct otc_error err = OTC_ERROR_INIT;

    out->limit = (size_t)1 << 16;
    if (out->len == 0 && otc_json_to_protobuf(signal, otc_slice_str(json), 64, out, &err) != OTC_OK) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return otc_buf_slice(out);
}

static void
read_records(const struct otc_feature_set *set)
{
    struct otc_wanted wanted[OTC_PROJECTION_MAX];
    struct otc_projection *projection = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_feature_reader *reader = otc_feature_reader_new(set, 0, 4096);

    if (!reader || otc_feature_set_wanted(set, NULL) > OTC_PROJECTION_MAX ||
        otc_projection_new(wanted, otc_feature_set_wanted(set, wanted), &projection, &err) != OTC_OK ||
        otc_walk_spans(projection, request(OTC_TRACES), on_span, reader, &err) != OTC_OK ||
        otc_walk_logs(projection, request(OTC_LOGS), on_log, reader, &err) != OTC_OK) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    otc_projection_free(projection);
    otc_feature_reader_free(reader);
}

/** A point with every second attribute. */
static void
read_point(const struct otc_metric_set *set)
{
    struct otc_value values[OTC_PROJECTION_MAX] = {0};

    for (size_t i = 0; i < OTC_PROJECTION_MAX; i += 2) {
        values[i] = (struct otc_value){OTC_VALUE_STRING, {.slice = otc_slice_str("x")}};
    }
    for (size_t i = 0; i < otc_metric_set_count(set); i++) {
        const struct otc_metric_feature *feature = otc_metric_set_at(set, i);

        (void)otc_metric_feature_applies(feature, values);
        if (!(feature->factor == feature->factor) || !feature->origin) {
            abort();
        }
    }
    (void)otc_metric_set_find(set, otc_slice_str("m"));
}

/** The place alone: what it takes up is within the text, and the rest is refused or another place. */
static void
check_place(const char *text)
{
    struct otc_place place, again;
    struct otc_error err = OTC_ERROR_INIT;
    size_t at = 0, len = strlen(text);

    if (otc_place_parse_at(otc_slice_str(text), &at, &place, &err) == OTC_OK) {
        if (at > len || otc_place_parse(otc_slice_of(text, at), &again, &err) != OTC_OK ||
            !otc_place_same(&place, &again)) {
            fprintf(stderr, "%.*s: %s\n", (int)at, text, err.text);
            abort();
        }
        otc_place_release(&again);
    } else if (err.text[0] == '\0') {
        abort();
    }
    otc_place_release(&place);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX], name[] = "x", other[] = "attributes[\"a\"]";
    struct otc_feature_config config = {.name = name, .from = text, .max_categories = 10};
    const otc_list features = {&config, 1};
    struct otc_feature_settings settings = {.features = &features, .select = "1 == 1"};
    struct otc_feature_set *set = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    if (size == 0 || size > sizeof(text)) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    check_place(text);
    if (data[0] % 8 == 7) {
        config.from = other;
        settings.select = text;
    } else {
        config.type.index = data[0] % 5;
    }
    if (otc_feature_set_new(&settings, &set, &err) != OTC_OK) {
        /* A place may be of no use to a feature of its type; a select alone is the condition's fault. */
        if (strncmp(err.text, data[0] % 8 == 7 ? "select: " : "features", 8) != 0) {
            fprintf(stderr, "%s\n", err.text);
            abort();
        }
        return 0;
    }
    read_records(set);
    read_point(otc_feature_set_metrics(set));
    otc_feature_set_free(set);
    return 0;
}
