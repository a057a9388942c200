// SPDX-License-Identifier: Apache-2.0
#include "common/base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static int values[2000];
static int dropped;

static void
count_drop(void *value)
{
    (void)value;
    dropped++;
}

static struct otc_slice
key_of(int i, char out[16])
{
    return otc_slice_of(out, (size_t)snprintf(out, 16, "key-%d", i));
}

static void
stores_replaces_and_removes(void **state)
{
    struct otc_map *map = otc_map_new(2000);
    char key[16];

    (void)state;
    assert_null(otc_map_get(map, otc_slice_str("none")));
    for (int i = 0; i < 2000; i++) {
        assert_true(otc_map_put(map, key_of(i, key), &values[i]));
    }
    assert_int_equal(otc_map_count(map), 2000);
    assert_false(otc_map_put(map, otc_slice_str("one more"), &values[0]));
    assert_true(otc_map_put(map, key_of(7, key), &values[8]));
    assert_ptr_equal(otc_map_get(map, key_of(7, key)), &values[8]);
    for (int i = 0; i < 2000; i += 2) {
        assert_ptr_equal(otc_map_remove(map, key_of(i, key)), &values[i]);
        assert_null(otc_map_remove(map, key_of(i, key)));
    }
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(otc_map_get(map, key_of(i, key)) != NULL, i % 2);
    }
    dropped = 0;
    otc_map_free(map, count_drop);
    assert_int_equal(dropped, 1000);
    otc_map_free(NULL, NULL);
}

static void
walks_in_insertion_order_and_lets_the_entry_go(void **state)
{
    struct otc_map *map = otc_map_new(100);
    struct otc_slice key;
    char text[16], copy[16];
    size_t cursor = 0;
    void *value;
    int seen = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_true(otc_map_put(map, key_of(i, text), &values[i]));
    }
    while (otc_map_next(map, &cursor, &key, &value)) {
        assert_ptr_equal(value, &values[seen]);
        memcpy(copy, key.data, key.len);
        if (seen++ % 3 == 0) {
            assert_ptr_equal(otc_map_remove(map, otc_slice_of(copy, key.len)), value);
        }
    }
    assert_int_equal(seen, 100);
    assert_int_equal(otc_map_count(map), 66);
    otc_map_free(map, NULL);
}

/* A map whose keys come and go must not grow, nor slow down, with what is gone. */
static void
keys_may_come_and_go_for_ever(void **state)
{
    struct otc_map *map = otc_map_new(10);
    char key[16];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        assert_true(otc_map_put(map, key_of(i, key), &values[i % 2000]));
        if (i >= 9) {
            assert_ptr_equal(otc_map_remove(map, key_of(i - 9, key)), &values[(i - 9) % 2000]);
        }
    }
    assert_int_equal(otc_map_count(map), 9);
    otc_map_free(map, NULL);
}

static void
the_empty_key_and_keys_with_nul_are_keys(void **state)
{
    struct otc_map *map = otc_map_new(3);

    (void)state;
    assert_true(otc_map_put(map, OTC_SLICE_NONE, &values[0]));
    assert_true(otc_map_put(map, otc_slice_of("a\0b", 3), &values[1]));
    assert_true(otc_map_put(map, otc_slice_of("a\0c", 3), &values[2]));
    assert_ptr_equal(otc_map_get(map, OTC_SLICE_NONE), &values[0]);
    assert_ptr_equal(otc_map_get(map, otc_slice_of("a\0b", 3)), &values[1]);
    assert_null(otc_map_get(map, otc_slice_str("a")));
    otc_map_free(map, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_replaces_and_removes),
        cmocka_unit_test(walks_in_insertion_order_and_lets_the_entry_go),
        cmocka_unit_test(keys_may_come_and_go_for_ever),
        cmocka_unit_test(the_empty_key_and_keys_with_nul_are_keys),
    };

    return cmocka_run_group_tests_name("common/base/map", tests, NULL, NULL);
}
