// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/admit.h"

#include "common/otlp/build.h"
#include "common/otlp/json.h"
#include "common/otlp/wire.h"
#include "tests/fuzz/oracle/otlp_oracle.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LIMIT ((size_t)64 << 20)

/** A span with an attribute of `depth` nested AnyValues, in arrays or key-value lists: written from the
 * inside. */
static struct otc_buf
nested_request(size_t depth, bool in_lists)
{
    struct otc_buf inner = {.limit = LIMIT};
    static const uint32_t shells_array[] = {1, 5}, shells_list[] = {2, 1, 6}, around[] = {2, 9, 2, 2, 1};
    size_t n_shells = in_lists ? 3 : 2;
    /* Shells are prepended: built backwards in a reversed buffer would be quicker, but this is clear. */
    size_t capacity = depth * 30 + 64, at = capacity;
    uint8_t *bytes = malloc(capacity);

    assert_non_null(bytes);
    for (size_t i = 0; i < (depth - 1) * n_shells + sizeof(around) / sizeof(around[0]); i++) {
        bool is_shell = i < (depth - 1) * n_shells;
        uint32_t field = !is_shell  ? around[i - (depth - 1) * n_shells]
                         : in_lists ? shells_list[i % 3]
                                    : shells_array[i % 2];
        struct otc_buf head = {.limit = 32};

        otc_wire_put_length(&head, field, capacity - at);
        at -= head.len;
        memcpy(bytes + at, head.data, head.len);
        otc_buf_release(&head);
    }
    /* The list above ends with the span's attribute, the span, the scope and the resource. */
    otc_buf_append(&inner, bytes + at, capacity - at);
    free(bytes);
    return inner;
}

static otc_status
admit_nested(size_t depth, bool in_lists, uint32_t max_depth, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf request = nested_request(depth, in_lists);
    struct otc_admitted admitted;
    struct otc_admission limits = {.max_depth = max_depth, .max_decoded_bytes = LIMIT};

    return otc_admit(OTC_TRACES, otc_buf_slice(&request), &limits, &admitted, err);
}

static void
attributes_nest_64_deep_and_no_deeper(void **state)
{
    (void)state;
    for (int in_lists = 0; in_lists < 2; in_lists++) {
        struct otc_error err = OTC_ERROR_INIT;

        assert_int_equal(admit_nested(64, in_lists, 0, NULL), OTC_OK);
        assert_int_equal(admit_nested(65, in_lists, 0, &err), OTC_INVALID_ARGUMENT);
        assert_string_equal(err.text, "otlp: attribute nesting exceeds 64");
        assert_true(err.permanent);
        assert_int_equal(admit_nested(100000, in_lists, 0, NULL), OTC_INVALID_ARGUMENT);
        assert_int_equal(admit_nested(256, in_lists, 1000, NULL), OTC_OK);
        assert_int_equal(admit_nested(257, in_lists, 1000, NULL), OTC_INVALID_ARGUMENT);
    }
}

/** Lists as SDKs write them, each pair with its key, the innermost value a text. */
static otc_status
admit_lists_with_text(size_t depth)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = LIMIT};
    size_t marks[3 + 3 * 70], n = 0;
    struct otc_admitted admitted;

    assert_true(depth <= 70);
    marks[n++] = otc_wire_begin(&request, 1);
    marks[n++] = otc_wire_begin(&request, 2);
    marks[n++] = otc_wire_begin(&request, 2);
    for (size_t level = 1; level <= depth; level++) {
        marks[n++] = otc_wire_begin(&request, level == 1 ? 9 : 1);
        otc_wire_put_bytes(&request, 1, otc_slice_str("k"));
        marks[n++] = otc_wire_begin(&request, 2);
        if (level < depth) {
            marks[n++] = otc_wire_begin(&request, 6);
        }
    }
    otc_wire_put_bytes(&request, 1, otc_slice_str("v"));
    while (n > 0) {
        otc_wire_end(&request, marks[--n]);
    }
    return otc_admit(OTC_TRACES, otc_buf_slice(&request), NULL, &admitted, NULL);
}

static void
a_text_in_the_innermost_list_counts_as_a_level(void **state)
{
    (void)state;
    assert_int_equal(admit_lists_with_text(1), OTC_OK);
    assert_int_equal(admit_lists_with_text(64), OTC_OK);
    assert_int_equal(admit_lists_with_text(65), OTC_INVALID_ARGUMENT);
}

static void
four_megabytes_of_empty_spans_are_too_big_decoded(void **state)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = LIMIT};
    size_t resource = otc_wire_begin(&request, 1), scope = otc_wire_begin(&request, 2);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_admitted admitted;

    (void)state;
    for (size_t i = 0; i < 2000000; i++) {
        otc_buf_append(&request, "\x12\x00", 2);
    }
    otc_wire_end(&request, scope);
    otc_wire_end(&request, resource);
    assert_int_equal(otc_admit(OTC_TRACES, otc_buf_slice(&request), NULL, &admitted, &err),
                     OTC_RESOURCE_EXHAUSTED);
    assert_string_equal(err.text, "otlp: decoded size exceeds 268435456 bytes");
    assert_true(err.permanent && err.retry_after_ms == 0);
    assert_int_equal(otc_admit(OTC_TRACES, OTC_SLICE_NONE, NULL, &admitted, &err), OTC_OK);
    assert_int_equal(admitted.items, 0);
}

static struct otc_buf
from_json(enum otc_signal signal, const char *json)
{
    struct otc_buf out = {.limit = LIMIT};
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_json_to_protobuf(signal, otc_slice_str(json), 64, &out, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return out;
}

static void
check_filter(enum otc_signal signal, const char *json, size_t items, size_t ids, size_t points,
             const char *why)
{
    OTC_AUTO_BUF struct otc_buf request = from_json(signal, json);
    struct otc_admitted admitted, after;
    char disagreement[256];
    uint8_t *left = NULL;
    size_t len = 0;

    assert_int_equal(otc_admit(signal, otc_buf_slice(&request), NULL, &admitted, NULL), OTC_OK);
    assert_int_equal(admitted.items, items);
    assert_int_equal(admitted.invalid_ids, ids);
    assert_int_equal(admitted.invalid_points, points);
    assert_string_equal(admitted.why, why);
    assert_int_equal(otc_admit_filter(signal, otc_buf_slice(&request), &left, &len, NULL), OTC_OK);
    assert_int_equal(otc_admit(signal, otc_slice_of(left, len), NULL, &after, NULL), OTC_OK);
    assert_int_equal(after.items, items - ids - points);
    assert_int_equal(after.invalid_ids + after.invalid_points, 0);
    assert_int_equal(otc_oracle_check(signal, otc_slice_of(left, len), NULL, disagreement),
                     OTC_ORACLE_AGREES);
    if (ids + points == 0) {
        assert_int_equal(len, request.len);
        assert_memory_equal(left, request.data, len);
    }
    free(left);
}

#define TRACE "\"traceId\":\"0102030405060708090a0b0c0d0e0f10\""
#define SPAN_ID "\"spanId\":\"0102030405060708\""
#define SPANS(list) "{\"resourceSpans\":[{\"resource\":{},\"scopeSpans\":[{\"spans\":[" list "]}]}]}"

static void
spans_with_bad_ids_are_counted_and_taken_out(void **state)
{
    (void)state;
    check_filter(OTC_TRACES, SPANS("{" TRACE "," SPAN_ID ",\"name\":\"kept\"}"), 1, 0, 0, "");
    check_filter(OTC_TRACES, SPANS("{" TRACE ",\"spanId\":\"01\"},{" TRACE "," SPAN_ID "},{}"), 3, 2, 0,
                 "span_id must be 8 bytes");
    check_filter(OTC_TRACES, SPANS("{\"traceId\":\"00000000000000000000000000000000\"," SPAN_ID "}"), 1, 1, 0,
                 "trace_id must not be all zero");
    check_filter(OTC_TRACES, SPANS("{" TRACE ",\"spanId\":\"0000000000000000\"}"), 1, 1, 0,
                 "span_id must not be all zero");
    check_filter(OTC_LOGS,
                 "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{},{\"traceId\":\"01\"}]}]}]}", 2, 1, 0,
                 "trace_id must be 16 bytes");
}

#define POINTS(list)                                                                                         \
    "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"m\",\"histogram\":{\"dataPoints\":"  \
    "[" list "]}}]}]}]}"
#define GOOD "{\"timeUnixNano\":\"1\",\"count\":3,\"bucketCounts\":[1,2],\"explicitBounds\":[5]}"

static void
histograms_that_do_not_add_up_are_counted_and_taken_out(void **state)
{
    (void)state;
    check_filter(OTC_METRICS, POINTS(GOOD ",{\"timeUnixNano\":\"1\",\"count\":3}"), 2, 0, 0, "");
    check_filter(OTC_METRICS, POINTS(GOOD ",{\"count\":0}"), 2, 0, 1, "data point without time");
    check_filter(
        OTC_METRICS,
        POINTS(
            "{\"timeUnixNano\":1,\"bucketCounts\":[0,0,0,0],\"explicitBounds\":[1,2,3,4,5,6,7,8,9]}," GOOD),
        2, 0, 1, "histogram bucket_counts length 4, explicit_bounds length 9");
    check_filter(OTC_METRICS,
                 POINTS("{\"timeUnixNano\":1,\"bucketCounts\":[0,0,0],\"explicitBounds\":[2,2]}"), 1, 0, 1,
                 "histogram explicit_bounds must increase");
    check_filter(OTC_METRICS,
                 POINTS("{\"timeUnixNano\":1,\"bucketCounts\":[0,0],\"explicitBounds\":[\"NaN\"]}"), 1, 0, 1,
                 "histogram explicit_bounds must increase");
    check_filter(OTC_METRICS,
                 POINTS("{\"timeUnixNano\":1,\"count\":4,\"bucketCounts\":[1,2],\"explicitBounds\":[1]}"), 1,
                 0, 1, "histogram bucket_counts must sum to count");
    check_filter(OTC_METRICS,
                 POINTS("{\"timeUnixNano\":1,\"count\":0,\"bucketCounts\":[\"18446744073709551615\",1],"
                        "\"explicitBounds\":[1]}"),
                 1, 0, 1, "histogram bucket_counts must sum to count");
}

static void
indices_into_string_tables_are_counted(void **state)
{
    /* Request, resource spans, resource, attributes: {key_strindex: 1}, {key: "k", value:
     * {string_value_strindex: 2}}. */
    static const uint8_t request[] = {0x0a, 0x0f, 0x0a, 0x0d, 0x0a, 0x02, 0x18, 0x01, 0x0a,
                                      0x07, 0x0a, 0x01, 'k',  0x12, 0x02, 0x40, 0x02};
    struct otc_admitted admitted;

    (void)state;
    assert_int_equal(otc_admit(OTC_TRACES, otc_slice_of(request, sizeof(request)), NULL, &admitted, NULL),
                     OTC_OK);
    assert_int_equal(admitted.strindex, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_nest_64_deep_and_no_deeper),
        cmocka_unit_test(a_text_in_the_innermost_list_counts_as_a_level),
        cmocka_unit_test(four_megabytes_of_empty_spans_are_too_big_decoded),
        cmocka_unit_test(spans_with_bad_ids_are_counted_and_taken_out),
        cmocka_unit_test(histograms_that_do_not_add_up_are_counted_and_taken_out),
        cmocka_unit_test(indices_into_string_tables_are_counted),
    };

    return cmocka_run_group_tests_name("common/otlp/admit", tests, NULL, NULL);
}
