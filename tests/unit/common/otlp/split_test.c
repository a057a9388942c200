// SPDX-License-Identifier: Apache-2.0
/* Requests in pieces, against protobuf-c (tests/fuzz/oracle). */
#include "common/otlp/split.h"

#include "common/otlp/admit.h"
#include "common/otlp/json.h"
#include "tests/fuzz/oracle/split_oracle.h"
#include "tests/harness/data/testdata.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
check(enum otc_signal signal, struct otc_slice request, enum otc_split_unit unit, size_t room, size_t *pieces)
{
    char why[256];

    if (!otc_split_oracle_check(signal, request, unit, room, pieces, why)) {
        fail_msg("room for %zu: %s", room, why);
    }
}

/* Every room in items up to all of them, and every room in bytes. */
static void
check_every_room(enum otc_signal signal, struct otc_slice request)
{
    size_t items = otc_split_count(signal, request), pieces;

    for (size_t room = 1; room <= items + 1; room++) {
        check(signal, request, OTC_SPLIT_ITEMS, room, &pieces);
        assert_int_equal(pieces, items == 0 ? 1 : (items + room - 1) / room);
    }
    for (size_t room = 1; room <= request.len + 1; room += 1 + room / 16) {
        check(signal, request, OTC_SPLIT_BYTES, room, &pieces);
        assert_true(pieces >= 1 && (room < request.len || pieces == 1));
    }
}

static struct otc_buf
from_json(enum otc_signal signal, const char *json)
{
    struct otc_buf bytes = {.limit = (size_t)1 << 20};
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_json_to_protobuf(signal, otc_slice_str(json), 64, &bytes, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return bytes;
}

static void
resource_and_scope_are_repeated(void **state)
{
    (void)state;
    OTC_AUTO_BUF struct otc_buf bytes =
        from_json(OTC_TRACES,
                  "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
                  "{\"stringValue\":\"a\"}}]},\"schemaUrl\":\"u\",\"scopeSpans\":[{\"scope\":{\"name\":\"s\"}"
                  ",\"schemaUrl\":\"v\",\"spans\":[{\"name\":\"1\"},{\"name\":\"2\"},{\"name\":\"3\"}]},"
                  "{\"scope\":{\"name\":\"empty\"}},{\"scope\":{\"name\":\"t\"},\"spans\":[{\"name\":\"4\"}]}"
                  "]},{\"resource\":{\"droppedAttributesCount\":7}},{\"scopeSpans\":[{\"spans\":[{}]}]}]}");

    assert_int_equal(otc_split_count(OTC_TRACES, otc_buf_slice(&bytes)), 5);
    check_every_room(OTC_TRACES, otc_buf_slice(&bytes));
}

static void
a_metric_is_cut_inside(void **state)
{
    (void)state;
    OTC_AUTO_BUF struct otc_buf bytes = from_json(
        OTC_METRICS,
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"scope\":{\"name\":\"s\"},\"metrics\":[{\"name\":\"c\","
        "\"unit\":\"1\",\"description\":\"d\",\"sum\":{\"isMonotonic\":true,\"aggregationTemporality\":2,"
        "\"dataPoints\":[{\"asInt\":\"1\"},{\"asInt\":\"2\"},{\"asInt\":\"3\"},{\"asInt\":\"4\"}]}},"
        "{\"name\":\"none\",\"gauge\":{}},{\"name\":\"nothing\"},{\"name\":\"h\",\"metadata\":[{\"key\":"
        "\"m\"}],\"histogram\":{\"aggregationTemporality\":1,\"dataPoints\":[{\"count\":\"1\"},{\"count\":"
        "\"2\"}]}},{\"name\":\"e\",\"exponentialHistogram\":{\"dataPoints\":[{\"count\":\"1\"}]}},"
        "{\"name\":\"q\",\"summary\":{\"dataPoints\":[{\"count\":\"1\"},{\"count\":\"3\"}]}}]}]}]}");

    assert_int_equal(otc_split_count(OTC_METRICS, otc_buf_slice(&bytes)), 9);
    check_every_room(OTC_METRICS, otc_buf_slice(&bytes));
}

/* Fields behind their children, unknown ones of every wire type at every level, a resource in two pieces. */
static void
fields_come_in_any_order_and_unknown_ones_stay(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};
    size_t resource, scope, item;

    (void)state;
    for (int r = 0; r < 2; r++) {
        resource = otc_wire_begin(&out, 1);
        for (int s = 0; s < 2; s++) {
            scope = otc_wire_begin(&out, 2);
            for (int i = 0; i < 3; i++) {
                item = otc_wire_begin(&out, 2);
                (void)otc_wire_put_bytes(&out, 5, otc_slice_str("name"));
                (void)otc_wire_put_number(&out, 999, (uint64_t)i);
                otc_wire_end(&out, item);
                (void)otc_wire_put_number(&out, 77, (uint64_t)i);
            }
            (void)otc_wire_put_bytes(&out, 1, otc_slice_str("\x0a\x01s"));
            (void)otc_wire_put_fixed32(&out, 500, 9);
            otc_wire_end(&out, scope);
            (void)otc_wire_put_fixed64(&out, 501, 10);
            (void)otc_wire_put_bytes(&out, 1, otc_slice_of("\x10\x03", 2));
        }
        (void)otc_wire_put_bytes(&out, 1, otc_slice_of("\x10\x05", 2));
        otc_wire_end(&out, resource);
        (void)otc_wire_put_bytes(&out, 2, otc_slice_str("unknown to a request"));
    }
    assert_false(out.failed);
    assert_int_equal(otc_split_count(OTC_LOGS, otc_buf_slice(&out)), 12);
    check_every_room(OTC_TRACES, otc_buf_slice(&out));
}

/* Of a oneof the last member counts; such a metric goes as one. */
static void
a_metric_with_two_kinds_of_data_is_not_cut(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};
    size_t resource = otc_wire_begin(&out, 1), scope = otc_wire_begin(&out, 2), metric, pieces;

    (void)state;
    for (int i = 0; i < 2; i++) {
        metric = otc_wire_begin(&out, 2);
        (void)otc_wire_put_bytes(&out, 5, otc_slice_of("\x0a\x00", 2));
        (void)otc_wire_put_bytes(&out, 7, otc_slice_of("\x0a\x00\x0a\x00\x0a\x00", 6));
        otc_wire_end(&out, metric);
    }
    otc_wire_end(&out, scope);
    otc_wire_end(&out, resource);
    assert_int_equal(otc_split_count(OTC_METRICS, otc_buf_slice(&out)), 6);
    check(OTC_METRICS, otc_buf_slice(&out), OTC_SPLIT_ITEMS, 1, &pieces);
    assert_int_equal(pieces, 2);
    check(OTC_METRICS, otc_buf_slice(&out), OTC_SPLIT_ITEMS, 5, &pieces);
    assert_int_equal(pieces, 2);
    check(OTC_METRICS, otc_buf_slice(&out), OTC_SPLIT_ITEMS, 6, &pieces);
    assert_int_equal(pieces, 1);
}

static void
without_must_nothing_larger_is_taken(void **state)
{
    OTC_AUTO_BUF struct otc_buf piece = {.limit = 4096};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_split split;
    size_t items;

    (void)state;
    OTC_AUTO_BUF struct otc_buf bytes =
        from_json(OTC_LOGS, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityText\":\"aaaa\"},"
                            "{\"severityText\":\"b\"}]}]}]}");
    assert_int_equal(otc_split_init(&split, OTC_LOGS, otc_buf_slice(&bytes), &err), OTC_OK);
    assert_int_equal(otc_split_next(&split, OTC_SPLIT_BYTES, 8, false, &piece, &items, &err), OTC_OK);
    assert_int_equal(items + piece.len, 0);
    assert_int_equal(otc_split_next(&split, OTC_SPLIT_BYTES, 8, true, &piece, &items, &err), OTC_OK);
    assert_int_equal(items, 1);
    assert_int_equal(piece.len, 12);
    assert_int_equal(otc_split_next(&split, OTC_SPLIT_BYTES, 8, true, &piece, &items, &err), OTC_OK);
    assert_true(otc_split_ended(&split));
    otc_split_release(&split);
}

static void
what_is_no_request_is_refused(void **state)
{
    OTC_AUTO_BUF struct otc_buf piece = {.limit = 4096};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_split split;
    size_t items;

    (void)state;
    assert_int_equal(otc_split_init(&split, OTC_LOGS, otc_slice_of("\x0a\x05\x01", 3), &err),
                     OTC_INVALID_ARGUMENT);
    otc_split_release(&split);
    assert_int_equal(otc_split_init(&split, OTC_LOGS, otc_slice_of("\x0a\x02\x12\x05", 4), &err), OTC_OK);
    assert_int_equal(otc_split_next(&split, OTC_SPLIT_ITEMS, 1, true, &piece, &items, &err),
                     OTC_INVALID_ARGUMENT);
    assert_string_equal(err.text, "otlp: malformed protobuf");
    otc_split_release(&split);
}

static void
read_whole(const char *path, struct otc_buf *out)
{
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    for (int byte; (byte = fgetc(file)) != EOF;) {
        (void)otc_buf_append_byte(out, (uint8_t)byte);
    }
    fclose(file);
}

static void
real_requests_in_pieces_are_what_they_were(void **state)
{
    json_t *index;
    size_t i;
    const json_t *document;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    index = testdata_json("otlp/pb/index.json");
    json_array_foreach(json_object_get(index, "documents"), i, document)
    {
        OTC_AUTO_BUF struct otc_buf bytes = {.limit = (size_t)1 << 24};
        const char *message = json_string_value(json_object_get(document, "message"));
        enum otc_signal signal = strstr(message, "Trace")     ? OTC_TRACES
                                 : strstr(message, "Metrics") ? OTC_METRICS
                                                              : OTC_LOGS;
        char path[1024];

        testdata_path(json_string_value(json_object_get(document, "pb")), path, sizeof(path));
        read_whole(path, &bytes);
        if (bytes.len < 100000) {
            check_every_room(signal, otc_buf_slice(&bytes));
        }
    }
    assert_true(i > 100);
    json_decref(index);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resource_and_scope_are_repeated),
        cmocka_unit_test(a_metric_is_cut_inside),
        cmocka_unit_test(fields_come_in_any_order_and_unknown_ones_stay),
        cmocka_unit_test(a_metric_with_two_kinds_of_data_is_not_cut),
        cmocka_unit_test(without_must_nothing_larger_is_taken),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(real_requests_in_pieces_are_what_they_were),
    };

    return cmocka_run_group_tests_name("common/otlp/split", tests, NULL, NULL);
}
