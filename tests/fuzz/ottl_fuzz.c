// SPDX-License-Identifier: Apache-2.0
/**
 * @file Conditions of OTTL, as texts of a configuration: refused with a reason, or evaluated on a record. The
 * first byte of an input chooses the context.
 */
#include "common/otlp/json.h"
#include "common/ottl/paths.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 2048

#define ATTRIBUTES                                                                                           \
    "\"attributes\":[{\"key\":\"s\",\"value\":{\"stringValue\":\"text\"}},{\"key\":\"n\",\"value\":{"        \
    "\"intValue\":\"7\"}},"                                                                                  \
    "{\"key\":\"d\",\"value\":{\"doubleValue\":7.5}},{\"key\":\"l\",\"value\":{\"arrayValue\":{\"values\":[" \
    "{"                                                                                                      \
    "\"stringValue\":\"x\"}]}}},{\"key\":\"m\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"k\"}]}}}]"

static const char *const requests[OTC_N_SIGNALS] = {
    "{\"resourceSpans\":[{\"resource\":{" ATTRIBUTES
    "},\"scopeSpans\":[{\"scope\":{\"name\":\"lib\"},\"spans\":[{"
    "\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"name\":\"n\",\"kind\":3,\"endTimeUnixNano\":\"9\","
    "\"status\":{"
    "\"code\":2},\"events\":[{\"name\":\"e\"," ATTRIBUTES "}]," ATTRIBUTES "}]}]}]}",
    "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"m\",\"exponentialHistogram\":{"
    "\"dataPoints\":[{"
    "\"count\":\"5\",\"sum\":2.5,\"scale\":-3," ATTRIBUTES "}]}}]}]}]}",
    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityNumber\":9,\"body\":{\"kvlistValue\":{"
    "\"values\":[{"
    "\"key\":\"a\",\"value\":{\"stringValue\":\"b\"}}]}}," ATTRIBUTES "}]}]}]}"};

/** The subject of the only item of a request, made once. */
static struct otc_ottl_subject
subject_of(enum otc_signal signal)
{
    static struct otc_buf made[OTC_N_SIGNALS];
    struct otc_buf *bytes = &made[signal];
    struct otc_ottl_subject subject = {.event_index = 1};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_slice data;

    bytes->limit = (size_t)1 << 16;
    if (bytes->len == 0 &&
        otc_json_to_protobuf(signal, otc_slice_str(requests[signal]), 64, bytes, &err) != OTC_OK) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    subject.resource_group = otc_message_bytes(otc_buf_slice(bytes), 1);
    subject.resource = otc_message_bytes(subject.resource_group, 1);
    subject.scope_group = otc_message_bytes(subject.resource_group, 2);
    subject.scope = otc_message_bytes(subject.scope_group, 1);
    subject.item = subject.metric = otc_message_bytes(subject.scope_group, 2);
    subject.event = otc_message_bytes(subject.item, 11);
    if (signal == OTC_METRICS) {
        subject.metric_type = otc_ottl_metric_data(subject.metric, &data);
        subject.item = otc_message_bytes(data, 1);
    }
    return subject;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum otc_signal signals[OTC_N_OTTL_CONTEXTS] = {
        OTC_TRACES, OTC_TRACES, OTC_TRACES, OTC_TRACES, OTC_METRICS, OTC_METRICS, OTC_LOGS};
    struct otc_ottl_conditions conditions = {0};
    struct otc_error err = OTC_ERROR_INIT;
    enum otc_ottl_context context;
    char text[TEXT_MAX];

    if (size == 0 || size > sizeof(text)) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    context = (enum otc_ottl_context)(data[0] % OTC_N_OTTL_CONTEXTS);
    if (otc_ottl_conditions_add(&conditions, context, text, &err) == OTC_OK) {
        struct otc_ottl_subject subject = subject_of(signals[context]);
        OTC_AUTO_ARENA struct otc_arena texts;
        char why[160] = "";

        otc_arena_init(&texts, (size_t)1 << 20);
        if (otc_ottl_any_holds(&conditions, &subject, &texts, why) == OTC_OTTL_FAILED && why[0] == '\0') {
            abort();
        }
    } else if (err.text[0] == '\0') {
        abort();
    }
    otc_ottl_conditions_release(&conditions);
    return 0;
}
