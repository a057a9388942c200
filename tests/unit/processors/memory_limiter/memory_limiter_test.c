// SPDX-License-Identifier: Apache-2.0
#include "processors/memory_limiter/memory.h"
#include "tests/harness/rig.h"
#include "tests/harness/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct otc_factory otc_memory_limiter_processor_factory;
static const struct otc_factory *const factory = &otc_memory_limiter_processor_factory;

#define MIB ((uint64_t)1 << 20)

struct fake_memory {
    uint64_t usage, total, after_trim;
    int trims;
};

static bool
fake_usage(void *arg, uint64_t *bytes)
{
    *bytes = ((struct fake_memory *)arg)->usage;
    return true;
}

static bool
fake_total(void *arg, uint64_t *bytes)
{
    *bytes = ((struct fake_memory *)arg)->total;
    return *bytes > 0;
}

static void
fake_trim(void *arg)
{
    struct fake_memory *memory = arg;

    memory->trims++;
    if (memory->after_trim > 0) {
        memory->usage = memory->after_trim;
    }
}

static otc_status
send_items(struct otc_component *component, enum otc_signal signal, size_t items, struct otc_error *err)
{
    struct otc_batch *batch = otc_batch_copy_of(signal, OTC_SLICE_NONE, items, NULL);

    return otc_consume(component->ops->input(component, signal), batch, NULL, err);
}

static void
data_is_refused_above_the_soft_limit(void **state)
{
    struct fake_memory memory = {.usage = 70 * MIB};
    const struct memory_limiter_reader reader = {fake_usage, fake_total, fake_trim, &memory};
    struct otc_rig rig = {0};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_sink *sink = otc_sink_new();

    (void)state;
    assert_int_equal(
        otc_rig_create(&rig, factory, "{check_interval: 1s, limit_mib: 100, spike_limit_mib: 20}", &err),
        OTC_OK);
    memory_limiter_use_reader(rig.component, &reader);
    for (int i = 0; i < OTC_N_SIGNALS; i++) {
        assert_int_equal(
            rig.component->ops->connect(rig.component, (enum otc_signal)i, otc_sink_consumer(sink), &err),
            OTC_OK);
    }
    assert_int_equal(rig.component->ops->start(rig.component, &err), OTC_OK);
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_int_equal(send_items(rig.component, OTC_TRACES, 3, &err), OTC_OK);

    memory.usage = 81 * MIB;
    assert_int_equal(send_items(rig.component, OTC_TRACES, 2, &err), OTC_OK);
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_int_equal(send_items(rig.component, OTC_TRACES, 4, &err), OTC_UNAVAILABLE);
    assert_string_equal(err.text, "data refused due to high memory usage");
    assert_false(err.permanent);
    assert_true(otc_error_retryable(&err));
    assert_int_equal(send_items(rig.component, OTC_LOGS, 5, &err), OTC_UNAVAILABLE);
    assert_int_equal(memory.trims, 1);
    assert_int_equal(otc_vhost_logged(rig.vhost, "Memory usage is above soft limit. Refusing data."), 1);
    assert_int_equal(otc_vhost_state(rig.vhost, "memory_limiter"), OTC_STATE_RECOVERABLE_ERROR);

    memory.usage = 80 * MIB;
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_int_equal(send_items(rig.component, OTC_METRICS, 7, &err), OTC_OK);
    assert_int_equal(
        otc_vhost_logged(rig.vhost, "Memory usage back within limits. Resuming normal operation."), 1);
    assert_int_equal(otc_vhost_state(rig.vhost, "memory_limiter"), OTC_STATE_OK);

    assert_int_equal(otc_sink_items(sink), 12);
#define COUNTED(name)                                                                                        \
    otc_vhost_metric(rig.vhost, "otelcol_processor_memory_limiter_" name, "processor=memory_limiter")
    assert_int_equal(COUNTED("accepted_spans"), 5);
    assert_int_equal(COUNTED("refused_spans"), 4);
    assert_int_equal(COUNTED("refused_log_records"), 5);
    assert_int_equal(COUNTED("accepted_metric_points"), 7);
    assert_int_equal(rig.component->ops->shutdown(rig.component, 0, &err), OTC_OK);
    assert_int_equal(rig.component->ops->shutdown(rig.component, 0, &err), OTC_OK);
    otc_rig_free(&rig);
    otc_sink_free(sink);
}

static void
freed_memory_is_returned_before_refusing(void **state)
{
    struct fake_memory memory = {.usage = 95 * MIB, .total = 1000 * MIB, .after_trim = 10 * MIB};
    const struct memory_limiter_reader reader = {fake_usage, fake_total, fake_trim, &memory};
    struct otc_rig rig = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    /* 10 % of 1000 MiB, less a fifth of it: 80 MiB. */
    assert_int_equal(otc_rig_create(&rig, factory, "{check_interval: 1s, limit_percentage: 10}", &err),
                     OTC_OK);
    memory_limiter_use_reader(rig.component, &reader);
    assert_int_equal(rig.component->ops->start(rig.component, &err), OTC_OK);
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_int_equal(memory.trims, 1);
    assert_int_equal(otc_vhost_logged(rig.vhost, "Refusing data"), 0);
    /* Not again within 10 s while below the hard limit, at once above it. */
    memory.after_trim = 0;
    memory.usage = 95 * MIB;
    otc_vhost_advance(rig.vhost, 5 * OTC_SECOND);
    assert_int_equal(memory.trims, 1);
    assert_int_equal(otc_vhost_logged(rig.vhost, "Refusing data"), 1);
    memory.usage = 101 * MIB;
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_int_equal(memory.trims, 2);
    otc_rig_free(&rig);
}

static void
unknown_total_memory_fails_the_start(void **state)
{
    struct fake_memory memory = {.usage = 1};
    const struct memory_limiter_reader reader = {fake_usage, fake_total, fake_trim, &memory};
    struct otc_rig rig = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_rig_create(&rig, factory, "{check_interval: 1s, limit_percentage: 10}", &err),
                     OTC_OK);
    memory_limiter_use_reader(rig.component, &reader);
    assert_int_equal(rig.component->ops->start(rig.component, &err), OTC_FAILED_PRECONDITION);
    otc_rig_free(&rig);
}

static void
bad_settings_are_refused_in_the_collectors_words(void **state)
{
    static const struct {
        const char *yaml, *text;
    } cases[] = {
        {"{limit_mib: 10}", "'check_interval' must be greater than zero"},
        {"{check_interval: 1s}", "'limit_mib' or 'limit_percentage' must be greater than zero"},
        {"{check_interval: 1s, limit_mib: 10, spike_limit_mib: 10}",
         "'spike_limit_mib' must be smaller than 'limit_mib'"},
        {"{check_interval: 1s, limit_percentage: 10, spike_limit_percentage: 11}",
         "'spike_limit_percentage' must be smaller than 'limit_percentage'"},
        {"{check_interval: 1s, limit_percentage: 101}", "'limit_percentage' and 'spike_limit_percentage' "
                                                        "must be greater than zero and less than or equal to "
                                                        "hundred"},
        {"{check_interval: 1s, limit_mib: 10, min_gc_interval_when_hard_limited: 1m}",
         "'min_gc_interval_when_soft_limited' should be larger than 'min_gc_interval_when_hard_limited'"},
        {"{check_interval: 1s, limit_mb: 10}", "limit_mb"},
        {"{check_interval: 1s, limit_mib: -1}", "limit_mib"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (!otc_test_refuses(factory, cases[i].yaml, cases[i].text, &err)) {
            fail_msg("%s: %s", cases[i].yaml, err.text);
        }
    }
}

static void
the_system_knows_its_memory(void **state)
{
    uint64_t usage = 0;
    uint64_t total = 0;

    (void)state;
    assert_true(memory_limiter_system.usage(NULL, &usage));
    assert_true(memory_limiter_system.total(NULL, &total));
    assert_true(usage > 0 && usage < total);
    memory_limiter_system.trim(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_refused_above_the_soft_limit),
        cmocka_unit_test(freed_memory_is_returned_before_refusing),
        cmocka_unit_test(unknown_total_memory_fails_the_start),
        cmocka_unit_test(bad_settings_are_refused_in_the_collectors_words),
        cmocka_unit_test(the_system_knows_its_memory),
    };

    return cmocka_run_group_tests_name("processors/memory_limiter", tests, NULL, NULL);
}
