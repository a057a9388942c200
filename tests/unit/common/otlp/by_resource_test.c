// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/by_resource.h"

#include "common/base/buf.h"
#include "common/otlp/json.h"
#include "common/otlp/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define RESOURCE(attributes)                                                                                 \
    "{\"resource\":{\"attributes\":[" attributes "]},\"scopeLogs\":[{\"logRecords\":[{}]}]}"
#define TEXT(key, text) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" text "\"}}"

struct seen {
    struct otc_buf text, joined;
    size_t most;
};

static bool
note(void *arg, const struct otc_resource_piece *piece)
{
    struct seen *seen = arg;

    (void)otc_buf_append_slice(&seen->joined, piece->request);
    if (piece->value.type == OTC_VALUE_STRING) {
        (void)otc_buf_printf(&seen->text, "[%.*s]", OTC_SLICE_ARG(piece->value.as.slice));
    } else {
        (void)otc_buf_printf(&seen->text, "%d", piece->value.type);
    }
    return --seen->most > 0;
}

static struct otc_buf
logs(const char *json)
{
    struct otc_buf out = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_json_to_protobuf(OTC_LOGS, otc_slice_str(json), 64, &out, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return out;
}

static void
each_resource_is_a_request(void **state)
{
    OTC_AUTO_BUF struct otc_buf request = logs(
        "{\"resourceLogs\":[" RESOURCE(TEXT("x", "1") "," TEXT("k", "a")) "," RESOURCE("") "," RESOURCE(TEXT("k", "")) "," RESOURCE(
            "{\"key\":\"k\",\"value\":{\"intValue\":\"7\"}}") ",{}," RESOURCE(TEXT("k",
                                                                                   "first") "," TEXT("k",
                                                                                                     "secon"
                                                                                                     "d")) "]"
                                                                                                           "}");
    struct seen seen = {{.limit = 1000}, {.limit = 1000}, 100};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_each_resource(otc_buf_slice(&request), otc_slice_str("k"), note, &seen, &err),
                     OTC_OK);
    assert_string_equal(otc_buf_cstr(&seen.text), "[a]0[]40[first]");
    assert_true(otc_slice_equal(otc_buf_slice(&seen.joined), otc_buf_slice(&request)));
    seen.most = 2;
    otc_buf_clear(&seen.text);
    assert_int_equal(otc_each_resource(otc_buf_slice(&request), otc_slice_str("k"), note, &seen, &err),
                     OTC_OK);
    assert_string_equal(otc_buf_cstr(&seen.text), "[a]0");
    otc_buf_release(&seen.text);
    otc_buf_release(&seen.joined);
}

/* The resource behind its scopes, in two pieces, beside fields that nobody knows. */
static void
fields_in_any_order(void **state)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1000},
                                one = logs("{\"resourceLogs\":[" RESOURCE(TEXT("x", "1")) "]}");
    struct seen seen = {{.limit = 1000}, {.limit = 1000}, 100};
    struct otc_error err = OTC_ERROR_INIT;
    size_t piece, resource, pair, value;

    (void)state;
    (void)otc_wire_put_number(&request, 9, 5);
    piece = otc_wire_begin(&request, 1);
    (void)otc_wire_put_bytes(&request, 2, OTC_SLICE_NONE);
    for (int i = 0; i < 2; i++) {
        resource = otc_wire_begin(&request, 1);
        pair = otc_wire_begin(&request, 1);
        value = otc_wire_begin(&request, 2);
        (void)otc_wire_put_bytes(&request, 1, otc_slice_str(i ? "v" : "other"));
        otc_wire_end(&request, value);
        (void)otc_wire_put_bytes(&request, 1, otc_slice_str(i ? "k" : "l"));
        otc_wire_end(&request, pair);
        otc_wire_end(&request, resource);
    }
    otc_wire_end(&request, piece);
    (void)otc_buf_append_slice(&request, otc_buf_slice(&one));
    assert_int_equal(otc_each_resource(otc_buf_slice(&request), otc_slice_str("k"), note, &seen, &err),
                     OTC_OK);
    assert_string_equal(otc_buf_cstr(&seen.text), "[v]0");
    assert_int_equal(seen.joined.len, request.len - 2);
    otc_buf_release(&seen.text);
    otc_buf_release(&seen.joined);
}

static void
what_is_no_request(void **state)
{
    OTC_AUTO_BUF struct otc_buf request = logs("{\"resourceLogs\":[" RESOURCE(TEXT("k", "a")) "]}");
    struct seen seen = {{.limit = 1000}, {.limit = 1000}, 100};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_each_resource(OTC_SLICE_NONE, otc_slice_str("k"), note, &seen, &err), OTC_OK);
    for (size_t cut = 1; cut < request.len; cut++) {
        assert_int_equal(
            otc_each_resource(otc_slice_of(request.data, cut), otc_slice_str("k"), note, &seen, &err),
            OTC_INVALID_ARGUMENT);
    }
    assert_int_equal(seen.text.len, 0);
    otc_buf_release(&seen.text);
    otc_buf_release(&seen.joined);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_resource_is_a_request),
        cmocka_unit_test(fields_in_any_order),
        cmocka_unit_test(what_is_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
