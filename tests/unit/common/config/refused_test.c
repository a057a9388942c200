// SPDX-License-Identifier: Apache-2.0
/* Options that this build does not have: what turns them off passes, whatever their type is. */
#include "common/config/refused.h"

#include "common/config/document.h"
#include "tests/unit/common/config/vectors.h"

static otc_status
parse(const char *text, struct otc_error *err)
{
    struct otc_document *doc = NULL;
    otc_status status;

    assert_int_equal(otc_document_parse(otc_slice_str(text), "test.yaml", &doc, err), OTC_OK);
    status = otc_parse_refused(otc_node_get(otc_document_root(doc), "option"), NULL, NULL, err);
    otc_document_free(doc);
    return status;
}

static void
test_what_is_off_passes(void **state)
{
    static const char *const off[] = {"other: 1",
                                      "option:",
                                      "option: ~",
                                      "option: false",
                                      "option: []",
                                      "option: {}",
                                      "option: {enabled: false, depth: 3}"};

    (void)state;
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        assert_int_equal(parse(off[i], &err), OTC_OK);
    }
}

static void
test_what_is_on_is_refused(void **state)
{
    static const char *const on[] = {"option: true",
                                     "option: 0",
                                     "option: ''",
                                     "option: 'false'",
                                     "option: [false]",
                                     "option: {enabled: true}",
                                     "option: {enabled: 'false'}",
                                     "option: {depth: 3}"};

    (void)state;
    for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        assert_int_equal(parse(on[i], &err), OTC_INVALID_ARGUMENT);
        assert_string_equal(err.text,
                            "is an OpenTelemetry Collector option that this build does not support; leave it "
                            "out");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_off_passes),
        cmocka_unit_test(test_what_is_on_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
