// SPDX-License-Identifier: Apache-2.0
#include "sidecar/handover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
keep(void *arg, struct otc_slice value)
{
    snprintf(arg, 64, "%.*s", OTC_SLICE_ARG(value));
}

static const char *
get(struct otc_storage *storage, const char *key)
{
    static char text[64];

    text[0] = '\0';
    return storage->get(storage, otc_slice_str(key), keep, text, NULL) == OTC_OK ? text : NULL;
}

static void
put(struct otc_storage *storage, const char *key, const char *value)
{
    const struct otc_storage_change change = {otc_slice_str(key), otc_slice_str(value), false};

    assert_int_equal(storage->apply(storage, &change, 1, NULL), OTC_OK);
}

static void
what_one_leaves_the_next_of_the_same_kind_and_id_finds(void **state)
{
    struct otc_handover *handover = otc_handover_new();
    struct otc_storage *old = otc_handover_open(handover, "connector", "drift/a"), *next;

    (void)state;
    put(old, "snapshot", "one");
    put(old, "snapshot", "two");
    old->close(old);
    next = otc_handover_open(handover, "connector", "drift/a");
    assert_string_equal(get(next, "snapshot"), "two");
    assert_null(get(next, "other"));
    assert_null(get(otc_handover_open(handover, "processor", "drift/a"), "snapshot"));
    assert_null(get(otc_handover_open(handover, "connector", "drift/b"), "snapshot"));
    otc_handover_free(handover);
    otc_handover_free(NULL);
}

static void
changes_come_together_or_not_at_all(void **state)
{
    /* The third is larger than everything that may be left; its bytes are never looked at. */
    const struct otc_storage_change changes[] = {
        {.key = otc_slice_str("a"), .remove = true},
        {otc_slice_str("b"), otc_slice_str("new"), false},
        {otc_slice_str("c"), otc_slice_of("x", OTC_HANDOVER_BYTES_MAX), false},
    };
    struct otc_handover *handover = otc_handover_new();
    struct otc_storage *storage = otc_handover_open(handover, "connector", "drift");
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    put(storage, "a", "1");
    put(storage, "b", "2");
    assert_int_equal(storage->apply(storage, changes, 3, &err), OTC_RESOURCE_EXHAUSTED);
    assert_string_equal(get(storage, "a"), "1");
    assert_string_equal(get(storage, "b"), "2");
    assert_int_equal(storage->apply(storage, changes, 2, &err), OTC_OK);
    assert_null(get(storage, "a"));
    assert_string_equal(get(storage, "b"), "new");
    otc_handover_free(handover);
}

static void
it_has_no_journal(void **state)
{
    struct otc_handover *handover = otc_handover_new();
    struct otc_storage *storage = otc_handover_open(handover, "connector", "drift");
    struct otc_storage_replayed replayed = {0};
    struct otc_error err = OTC_ERROR_INIT;
    uint64_t generation = 0;

    (void)state;
    assert_int_equal(storage->append(storage, otc_slice_str("x"), &err), OTC_UNIMPLEMENTED);
    assert_int_equal(storage->roll(storage, &generation, &err), OTC_OK);
    assert_int_equal(storage->replay(storage, generation, NULL, NULL, &replayed, &err), OTC_OK);
    assert_true(replayed.complete && replayed.records == 0);
    otc_handover_free(handover);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_leaves_the_next_of_the_same_kind_and_id_finds),
        cmocka_unit_test(changes_come_together_or_not_at_all),
        cmocka_unit_test(it_has_no_journal),
    };

    return cmocka_run_group_tests_name("sidecar/handover", tests, NULL, NULL);
}
