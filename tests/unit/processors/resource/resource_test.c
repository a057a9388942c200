// SPDX-License-Identifier: Apache-2.0
/* The documentation's example, and resources in every shape. */
#include "tests/harness/edited.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern const struct otc_factory otc_resource_processor_factory;
static const struct otc_factory *const factory = &otc_resource_processor_factory;

static const char settings[] = "attributes:\n"
                               "- {key: cloud.availability_zone, value: zone-1, action: upsert}\n"
                               "- {key: k8s.cluster.name, from_attribute: k8s-cluster, action: insert}\n"
                               "- {key: redundant-attribute, action: delete}\n";

static void
resources_of_every_signal_are_changed(void **state)
{
    static const char *const around[OTC_N_SIGNALS][2] = {
        {"{\"resourceSpans\":[", ",\"scopeSpans\":[{\"spans\":[{}]}]}]}"},
        {"{\"resourceMetrics\":[",
         ",\"scopeMetrics\":[{\"metrics\":[{\"gauge\":{\"dataPoints\":[{}]}}]}]}]}"},
        {"{\"resourceLogs\":[", ",\"scopeLogs\":[{\"logRecords\":[{}]}]}]}"}};
    struct otc_edited edited;

    (void)state;
    otc_edited_begin(&edited, factory, settings);
    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        OTC_AUTO_BUF struct otc_buf json = {.limit = 4096};

        /* A resource without anything in it, and one of everything. */
        otc_buf_append_str(&json, around[signal][0]);
        otc_buf_append_str(&json, "{},{\"resource\":{");
        otc_edited_attributes(&json,
                              "redundant-attribute=1 k8s-cluster='c' cloud.availability_zone='zone-2'");
        otc_buf_append_str(&json, "}");
        otc_buf_append_str(&json, around[signal][1]);
        assert_string_equal(otc_edited_json(&edited, (enum otc_signal)signal, otc_buf_cstr(&json), NULL),
                            "resource{cloud.availability_zone='zone-1'} resource{k8s-cluster='c' "
                            "cloud.availability_zone='zone-1' k8s.cluster.name='c'} scope{} item{}");
    }
    otc_edited_end(&edited);
}

static void
a_resource_as_wanted_passes_as_it_is(void **state)
{
    static const char json[] =
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"cloud.availability_"
        "zone\",\"value\":{\"stringValue\":\"zone-1\"}}]}}]}";
    struct otc_edited edited;

    (void)state;
    otc_edited_begin(&edited, factory, settings);
    assert_non_null(otc_edited_json(&edited, OTC_TRACES, json, NULL));
    assert_int_equal(otc_vhost_charged(edited.rig.vhost), 0);
    otc_edited_end(&edited);
}

static void
a_resource_in_pieces_is_one(void **state)
{
    /* ResourceSpans{resource{a=1}, scope_spans{}, resource{redundant-attribute=1, dropped_attributes_count}}
     */
    static const char bytes[] = "\x0a\x2c\x0a\x09\x0a\x07\x0a\x01"
                                "a\x12\x02\x18\x01\x12\x00\x0a\x1d\x0a\x19\x0a\x13"
                                "redundant-attribute\x12\x02\x18\x01\x10\x01";
    struct otc_edited edited;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_consumer *input;
    struct otc_slice out;

    (void)state;
    otc_edited_begin(&edited, factory, settings);
    input = edited.rig.component->ops->input(edited.rig.component, OTC_TRACES);
    assert_int_equal(
        otc_consume(input, otc_batch_copy_of(OTC_TRACES, otc_slice_of(bytes, sizeof(bytes) - 1), 0, NULL),
                    NULL, &err),
        OTC_OK);
    out = otc_batch_part(otc_sink_batch(edited.sink, 0), 0);
    assert_null(memmem(out.data, out.len, "redundant", 9));
    assert_non_null(memmem(out.data, out.len, "zone-1", 6));
    otc_edited_end(&edited);
}

static void
wrong_settings_are_refused(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_true(otc_test_refuses(factory, "", "missing required field \"attributes\"", &err));
    assert_true(otc_test_refuses(
        factory, "attributes: [{key: a, action: x}]",
        "error creating AttrProc due to unsupported action \"x\" at the 0-th actions", &err));
    assert_true(otc_test_refuses(factory, "actions: []", "has invalid keys: actions", &err));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resources_of_every_signal_are_changed),
        cmocka_unit_test(a_resource_as_wanted_passes_as_it_is),
        cmocka_unit_test(a_resource_in_pieces_is_one),
        cmocka_unit_test(wrong_settings_are_refused),
    };

    return cmocka_run_group_tests_name("processors/resource", tests, NULL, NULL);
}
