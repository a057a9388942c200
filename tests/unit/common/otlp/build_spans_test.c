// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/build_spans.h"

#include "common/otlp/admit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/** What the walk saw. */
struct seen {
    size_t spans;
    int64_t tokens;
    bool reason;
};

static bool
see(void *arg, const struct otc_span *span)
{
    struct seen *seen = arg;
    const struct otc_value *values = span->record.values;
    struct otc_value element;
    struct otc_slice rest;

    assert_int_equal(span->trace_id.len, 16);
    assert_int_equal(span->span_id.data[7], 9);
    assert_true(otc_slice_equal_str(span->name, "chat"));
    assert_int_equal(span->kind, 3);
    assert_true(span->start_unix_nano == 1000 && span->end_unix_nano == 2500);
    assert_int_equal(span->status_code, 2);
    assert_true(otc_slice_equal_str(values[1].as.slice, "replay"));
    assert_int_equal(values[0].type, OTC_VALUE_INT);
    seen->tokens += values[0].as.integer;
    rest = values[2].as.slice;
    seen->reason = values[2].type == OTC_VALUE_ARRAY && otc_array_next(&rest, &element) &&
                   otc_slice_equal_str(element.as.slice, "stop") && !otc_array_next(&rest, &element);
    assert_int_equal(values[3].type, OTC_VALUE_ABSENT);
    assert_true(otc_slice_equal_str(span->record.scope_name, "tests"));
    seen->spans++;
    return true;
}

/** Two requests from one builder: each is admitted, and reads back as it was written. */
static void
test_round_trip(void **state)
{
    static const struct otc_wanted wanted[] = {{"tokens", OTC_AT_RECORD, false},
                                               {"service.name", OTC_AT_RESOURCE, false},
                                               {"reasons", OTC_AT_RECORD, false},
                                               {"absent", OTC_AT_RECORD, false}};
    const struct otc_admission limits = {64, 0};
    const struct otc_attribute resource = OTC_ATTR_STR("service.name", "replay");
    struct otc_spans_builder *builder = otc_spans_builder_new(&resource, 1, "tests", "1", 65536);
    struct otc_projection *projection = NULL;
    struct otc_buf list = {.limit = 100};

    (void)state;
    assert_non_null(builder);
    assert_true(otc_build_text_list(&list, otc_slice_str("stop")));
    assert_int_equal(otc_projection_new(wanted, 4, &projection, NULL), OTC_OK);
    for (int request = 0; request < 2; request++) {
        struct otc_buf out = {.limit = 65536};
        struct otc_admitted admitted;
        struct seen seen = {0};

        for (int i = 1; i <= 3; i++) {
            const struct otc_attribute attributes[] = {
                OTC_ATTR_INT("tokens", i),
                {OTC_SLICE_LIT("reasons"), {OTC_VALUE_ARRAY, {.slice = otc_buf_slice(&list)}}},
                {OTC_SLICE_LIT("absent"), {OTC_VALUE_ABSENT, {.integer = 0}}}};
            const struct otc_span_head span = {.trace_id = {1},
                                               .span_id = {0, 0, 0, 0, 0, 0, 0, 9},
                                               .name = otc_slice_str("chat"),
                                               .kind = 3,
                                               .start_unix_nano = 1000,
                                               .end_unix_nano = 2500,
                                               .status_code = 2,
                                               .attributes = attributes,
                                               .n_attributes = 3};

            assert_true(otc_build_span(builder, &span));
        }
        assert_int_equal(otc_spans_builder_spans(builder), 3);
        assert_true(otc_spans_builder_finish(builder, &out));
        assert_int_equal(otc_spans_builder_spans(builder), 0);
        assert_int_equal(otc_admit(OTC_TRACES, otc_buf_slice(&out), &limits, &admitted, NULL), OTC_OK);
        assert_int_equal(admitted.items, 3);
        assert_int_equal(admitted.invalid_ids, 0);
        assert_int_equal(otc_walk_spans(projection, otc_buf_slice(&out), see, &seen, NULL), OTC_OK);
        assert_int_equal(seen.spans, 3);
        assert_int_equal(seen.tokens, 6);
        assert_true(seen.reason);
        otc_buf_release(&out);
    }
    otc_projection_free(projection);
    otc_buf_release(&list);
    otc_spans_builder_free(builder);
}

/** A request that does not fit is refused as a whole; the builder works again afterwards. */
static void
test_limit(void **state)
{
    struct otc_spans_builder *builder = otc_spans_builder_new(NULL, 0, "tests", "1", 200);
    struct otc_span_head span = {.trace_id = {1}, .span_id = {1}, .name = otc_slice_str("chat")};
    struct otc_buf out = {.limit = 1000};

    (void)state;
    while (otc_build_span(builder, &span)) {
        assert_true(otc_spans_builder_spans(builder) < 10);
    }
    assert_false(otc_spans_builder_finish(builder, &out));
    otc_buf_clear(&out);
    assert_true(otc_build_span(builder, &span));
    assert_true(otc_spans_builder_finish(builder, &out));
    otc_buf_release(&out);
    otc_spans_builder_free(builder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
