// SPDX-License-Identifier: Apache-2.0
/* What real requests don't hold: see data_test for those. */
#include "common/otlp/json_encode.h"

#include "common/otlp/wire.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
write_number(struct otc_buf *out, double value)
{
    size_t point = otc_wire_begin(out, 1);

    otc_wire_put_double(out, 4, value);
    otc_wire_end(out, point);
}

/* A request of one gauge with these points. */
static void
write_gauge(struct otc_buf *out, void (*points)(struct otc_buf *out))
{
    size_t rm = otc_wire_begin(out, 1), sm = otc_wire_begin(out, 2), m = otc_wire_begin(out, 2),
           g = otc_wire_begin(out, 5);

    points(out);
    otc_wire_end(out, g);
    otc_wire_end(out, m);
    otc_wire_end(out, sm);
    otc_wire_end(out, rm);
}

#define AROUND(points) "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"gauge\":{" points "}}]}]}]}"

static void
check(void (*points)(struct otc_buf *out), const char *expected)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = 4096}, json = {.limit = 1 << 16};

    write_gauge(&request, points);
    assert_int_equal(otc_protobuf_to_json(OTC_METRICS, otc_buf_slice(&request), &json, NULL), OTC_OK);
    assert_string_equal(otc_buf_cstr(&json), expected);
}

static void
doubles(struct otc_buf *out)
{
    static const double values[] = {0.1, 1e300, -2, 5e-324};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        write_number(out, values[i]);
    }
    write_number(out, NAN);
    write_number(out, INFINITY);
    write_number(out, -INFINITY);
}

static void
integers(struct otc_buf *out)
{
    size_t point = otc_wire_begin(out, 1);

    otc_wire_put_fixed64(out, 3, UINT64_MAX);
    otc_wire_put_fixed64(out, 6, (uint64_t)INT64_MIN);
    otc_wire_put_number(out, 8, 1);
    otc_wire_end(out, point);
}

/* The double stands first on the wire, the integer last: it is the value. */
static void
oneof(struct otc_buf *out)
{
    size_t point = otc_wire_begin(out, 1);

    otc_wire_put_double(out, 4, 1.5);
    otc_wire_put_fixed64(out, 6, 7);
    otc_wire_end(out, point);
}

static void
attributes(struct otc_buf *out)
{
    static const struct {
        uint32_t field;
        struct otc_slice bytes;
    } values[] = {{1, OTC_SLICE_LIT("tab\t\"quoted\" \xff end")},
                  {7, OTC_SLICE_LIT("\x00\x01")},
                  {7, OTC_SLICE_LIT("\xff\xfe\xfd\xfc")},
                  {7, OTC_SLICE_LIT("abc")}};
    size_t point = otc_wire_begin(out, 1);

    for (size_t i = 0; i < 4; i++) {
        size_t attribute = otc_wire_begin(out, 7), value = otc_wire_begin(out, 2);

        otc_wire_put_bytes(out, values[i].field, values[i].bytes);
        otc_wire_end(out, value);
        otc_wire_end(out, attribute);
    }
    otc_wire_put_number(out, 99, 5); /* unknown */
    otc_wire_end(out, point);
}

static void
values_are_written_as_otlp_has_them(void **state)
{
    (void)state;
    check(doubles, AROUND("\"dataPoints\":[{\"asDouble\":0.1},{\"asDouble\":1e+300},{\"asDouble\":-2},"
                          "{\"asDouble\":5e-324},{\"asDouble\":\"NaN\"},{\"asDouble\":\"Infinity\"},"
                          "{\"asDouble\":\"-Infinity\"}]"));
    check(integers, AROUND("\"dataPoints\":[{\"timeUnixNano\":\"18446744073709551615\","
                           "\"asInt\":\"-9223372036854775808\",\"flags\":1}]"));
    check(oneof, AROUND("\"dataPoints\":[{\"asInt\":\"7\"}]"));
    check(attributes,
          AROUND("\"dataPoints\":[{\"attributes\":["
                 "{\"value\":{\"stringValue\":\"tab\\t\\\"quoted\\\" \xef\xbf\xbd end\"}},"
                 "{\"value\":{\"bytesValue\":\"AAE=\"}},{\"value\":{\"bytesValue\":\"//79/A==\"}},"
                 "{\"value\":{\"bytesValue\":\"YWJj\"}}]}]"));
}

/* Requests joined are one; a resource in two pieces is one. */
static void
pieces_are_joined(void **state)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = 4096}, json = {.limit = 1 << 16};

    (void)state;
    for (int i = 0; i < 2; i++) {
        size_t rs = otc_wire_begin(&request, 1), resource = otc_wire_begin(&request, 1);

        otc_wire_put_number(&request, 2, 3);
        otc_wire_end(&request, resource);
        otc_wire_put_bytes(&request, 3, otc_slice_str("url"));
        resource = otc_wire_begin(&request, 1);
        otc_wire_put_number(&request, 2, 5);
        otc_wire_end(&request, resource);
        otc_wire_end(&request, rs);
    }
    assert_int_equal(otc_protobuf_to_json(OTC_TRACES, otc_buf_slice(&request), &json, NULL), OTC_OK);
    assert_string_equal(
        otc_buf_cstr(&json),
        "{\"resourceSpans\":[{\"resource\":{\"droppedAttributesCount\":5},\"schemaUrl\":\"url\"},"
        "{\"resource\":{\"droppedAttributesCount\":5},\"schemaUrl\":\"url\"}]}");
    otc_buf_clear(&json);
    assert_int_equal(otc_protobuf_to_json(OTC_LOGS, OTC_SLICE_NONE, &json, NULL), OTC_OK);
    assert_string_equal(otc_buf_cstr(&json), "{}");
}

static void
what_is_no_request_is_refused(void **state)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20}, json = {.limit = 1 << 20}, small = {.limit = 3};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_protobuf_to_json(OTC_TRACES, otc_slice_str("\x08\x01"), &json, &err),
                     OTC_INVALID_ARGUMENT);
    assert_int_equal(otc_protobuf_to_json(OTC_TRACES, otc_slice_str("\x0a\x7f"), &json, &err),
                     OTC_INVALID_ARGUMENT);
    write_gauge(&request, doubles);
    assert_int_equal(otc_protobuf_to_json(OTC_METRICS, otc_buf_slice(&request), &small, &err),
                     OTC_UNAVAILABLE);
    for (size_t n = 1; n < request.len; n++) {
        otc_buf_clear(&json);
        assert_int_equal(otc_protobuf_to_json(OTC_METRICS, otc_slice_of(request.data, n), &json, &err),
                         OTC_INVALID_ARGUMENT);
    }
}

/* A log body of lists in lists: refused before the stack is in danger. */
static void
depth_has_a_limit(void **state)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 1 << 20};
    struct otc_buf value = {.limit = 1 << 24};

    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct otc_buf outer = {.limit = 1 << 24};

        otc_wire_put_bytes(&outer, i % 2 ? 5 : 1, otc_buf_slice(&value));
        otc_buf_release(&value);
        value = outer;
    }
    for (int i = 0; i < 4; i++) {
        static const uint32_t fields[] = {5, 2, 2, 1};
        struct otc_buf outer = {.limit = 1 << 24};

        otc_wire_put_bytes(&outer, fields[i], otc_buf_slice(&value));
        otc_buf_release(&value);
        value = outer;
    }
    assert_int_equal(otc_protobuf_to_json(OTC_LOGS, otc_buf_slice(&value), &json, NULL),
                     OTC_INVALID_ARGUMENT);
    otc_buf_release(&value);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_written_as_otlp_has_them),
        cmocka_unit_test(pieces_are_joined),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(depth_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
