// SPDX-License-Identifier: Apache-2.0
#include "common/component/budget.h"
#include "common/component/client.h"
#include "common/component/counters.h"
#include "tests/harness/vhost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
count_release(void *arg)
{
    ++*(int *)arg;
}

static void
parts_are_released_with_the_last_reference(void **state)
{
    int released = 0;
    const struct otc_part parts[] = {{OTC_SLICE_LIT("abc"), count_release, &released},
                                     {OTC_SLICE_LIT("defgh"), count_release, &released},
                                     {OTC_SLICE_LIT(""), NULL, NULL}};
    struct otc_client *client = otc_client_new(otc_slice_str("127.0.0.1:1"), NULL, 0, NULL, 0);
    struct otc_batch *batch = otc_batch_new(OTC_METRICS, parts, 3, 9, client);

    (void)state;
    otc_client_unref(client);
    assert_int_equal(otc_batch_parts(batch), 3);
    assert_int_equal(otc_batch_bytes(batch), 8);
    assert_int_equal(otc_batch_items(batch), 9);
    assert_int_equal(otc_batch_signal(batch), OTC_METRICS);
    assert_true(otc_slice_equal_str(otc_batch_part(batch, 1), "defgh"));
    assert_true(otc_slice_equal_str(otc_client_address(otc_batch_client(batch)), "127.0.0.1:1"));
    otc_batch_unref(otc_batch_ref(batch));
    assert_int_equal(released, 0);
    otc_batch_unref(batch);
    assert_int_equal(released, 2);
    otc_batch_unref(NULL);
}

static void
metadata_is_found_without_case_and_auth_decides_merging(void **state)
{
    const struct otc_client_pair metadata[] = {{OTC_SLICE_LIT("X-Tenant"), OTC_SLICE_LIT("a")},
                                               {OTC_SLICE_LIT("x-tenant"), OTC_SLICE_LIT("b")}};
    const struct otc_client_pair alice[] = {{OTC_SLICE_LIT("subject"), OTC_SLICE_LIT("alice")}};
    const struct otc_client_pair bob[] = {{OTC_SLICE_LIT("subject"), OTC_SLICE_LIT("bob")}};
    struct otc_client *a = otc_client_new(OTC_SLICE_NONE, metadata, 2, alice, 1);
    struct otc_client *b = otc_client_new(OTC_SLICE_NONE, NULL, 0, bob, 1);
    struct otc_client *c = otc_client_new(OTC_SLICE_NONE, NULL, 0, alice, 1);
    struct otc_slice value;

    (void)state;
    assert_true(otc_client_metadata(a, otc_slice_str("x-tenant"), 1, &value));
    assert_true(otc_slice_equal_str(value, "b"));
    assert_false(otc_client_metadata(a, otc_slice_str("x-tenant"), 2, &value));
    assert_false(otc_client_metadata(NULL, otc_slice_str("x-tenant"), 0, &value));
    assert_true(otc_client_auth(a, otc_slice_str("subject"), &value));
    assert_false(otc_client_auth(a, otc_slice_str("Subject"), &value));
    assert_false(otc_client_same_auth(a, b));
    assert_true(otc_client_same_auth(a, c));
    assert_false(otc_client_same_auth(a, NULL));
    assert_true(otc_client_same_auth(NULL, NULL));
    otc_client_unref(a);
    otc_client_unref(b);
    otc_client_unref(c);
}

static void
the_budget_never_passes_its_limit(void **state)
{
    struct otc_budget budget = {.limit = 100};

    (void)state;
    assert_true(otc_budget_charge(&budget, 100));
    assert_false(otc_budget_charge(&budget, 1));
    assert_false(otc_budget_charge(&budget, SIZE_MAX));
    otc_budget_discharge(&budget, 40);
    assert_true(otc_budget_charge(&budget, 40));
    assert_int_equal(otc_budget_used(&budget), 100);
}

/* What is kept for the next burst stays while bursts come; it goes once an interval was calm, once, and not
 * while it is held. */
static void
spare_memory_is_told_once_it_is_calm(void **state)
{
    enum { BURST = 3 << 20, FLOOD = 40 << 20 };
    struct otc_budget budget = {.limit = (size_t)1 << 30};
    size_t most = 0;

    (void)state;
    assert_false(otc_budget_spare(&budget, &most));
    for (int i = 0; i < 3; i++) {
        assert_true(otc_budget_charge(&budget, BURST));
        otc_budget_discharge(&budget, BURST);
        assert_false(otc_budget_spare(&budget, &most));
    }
    assert_true(otc_budget_spare(&budget, &most));
    assert_false(otc_budget_spare(&budget, &most));
    assert_true(otc_budget_charge(&budget, BURST)); /* a queue fills, waits and drains */
    assert_false(otc_budget_spare(&budget, &most));
    assert_false(otc_budget_spare(&budget, &most));
    otc_budget_discharge(&budget, BURST);
    assert_false(otc_budget_spare(&budget, &most)); /* it was held in this interval */
    assert_true(otc_budget_spare(&budget, &most));
    assert_true(otc_budget_charge(&budget, FLOOD));
    otc_budget_discharge(&budget, FLOOD);
    assert_true(otc_budget_spare(&budget, &most));
    assert_true(otc_budget_charge(&budget, 1000));
    otc_budget_discharge(&budget, 1000);
    assert_false(otc_budget_spare(&budget, &most));
    assert_false(otc_budget_spare(&budget, &most));
}

static void
receivers_count_by_result(void **state)
{
    struct otc_vhost *vhost = otc_vhost_new();
    struct otc_receiver_counters counters;

    (void)state;
    otc_receiver_counters_init(&counters, otc_vhost_host(vhost)->meter, "otlp", "grpc", OTC_TRACES);
    assert_int_equal(
        otc_vhost_metric(vhost, "otelcol_receiver_refused_spans", "receiver=otlp,transport=grpc"), 0);
    otc_receiver_count(&counters, 10, OTC_OK);
    otc_receiver_count(&counters, 3, OTC_UNAVAILABLE);
    otc_receiver_count(&counters, 0, OTC_INVALID_ARGUMENT);
    assert_int_equal(
        otc_vhost_metric(vhost, "otelcol_receiver_accepted_spans", "receiver=otlp,transport=grpc"), 10);
    assert_int_equal(
        otc_vhost_metric(vhost, "otelcol_receiver_refused_spans", "transport=grpc,receiver=otlp"), 3);
    assert_int_equal(
        otc_vhost_metric(vhost, "otelcol_receiver_requests", "receiver=otlp,transport=grpc,outcome=failure"),
        1);
    otc_vhost_free(vhost);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_released_with_the_last_reference),
        cmocka_unit_test(metadata_is_found_without_case_and_auth_decides_merging),
        cmocka_unit_test(the_budget_never_passes_its_limit),
        cmocka_unit_test(spare_memory_is_told_once_it_is_calm),
        cmocka_unit_test(receivers_count_by_result),
    };

    return cmocka_run_group_tests_name("common/component/batch", tests, NULL, NULL);
}
