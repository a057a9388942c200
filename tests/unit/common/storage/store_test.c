// SPDX-License-Identifier: Apache-2.0
#include "common/storage/store.h"

#include "common/base/clock.h"
#include "tests/unit/common/storage/scratch.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const struct otc_store_options options = {.timeout_ns = OTC_SECOND, .now_ns = 1700000000 * OTC_SECOND};

static struct otc_store *
open_store(struct otc_store_moved *moved)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_store *store = NULL;

    if (otc_store_open(scratch_path("s.db"), &options, moved, &store, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return store;
}

static void
copy(void *arg, struct otc_slice value)
{
    assert_true(otc_buf_append_slice(arg, value));
}

/* The value as text, "-" for none. */
static const char *
value_of(struct otc_store *store, const char *key)
{
    static struct otc_buf out = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status;

    otc_buf_clear(&out);
    status = otc_store_get(store, otc_slice_str(key), copy, &out, NULL, &err);
    if (status == OTC_NOT_FOUND) {
        return "-";
    }
    assert_int_equal(status, OTC_OK);
    return otc_buf_cstr(&out);
}

static struct otc_store_change
set(const char *key, const char *value)
{
    return (struct otc_store_change){otc_slice_str(key), otc_slice_str(value), false};
}

static void
a_batch_is_there_after_opening_again(void **state)
{
    struct otc_store_change first[] = {set("a", "1"), set("b", ""), set("c", "3")};
    struct otc_store_change second[] = {set("a", "2"), {.key = otc_slice_str("c"), .delete = true}};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_store_moved moved;
    struct otc_store *store;

    (void)state;
    scratch_clear();
    store = open_store(&moved);
    assert_string_equal(value_of(store, "a"), "-");
    assert_int_equal(otc_store_apply(store, first, 3, NULL, &err), OTC_OK);
    assert_int_equal(otc_store_apply(store, second, 2, NULL, &err), OTC_OK);
    otc_store_close(store);
    store = open_store(&moved);
    assert_string_equal(moved.path, "");
    assert_string_equal(value_of(store, "a"), "2");
    assert_string_equal(value_of(store, "b"), "");
    assert_string_equal(value_of(store, "c"), "-");
    otc_store_close(store);
}

/* A process that is killed between batches, in the middle of one, anywhere: whole batches are there. */
static void
a_kill_leaves_whole_batches(void **state)
{
    (void)state;
    scratch_clear();
    for (int round = 0; round < 5; round++) {
        struct otc_store_moved moved;
        struct otc_store *store;
        char a[32], b[32];
        int ready[2];
        pid_t child;
        char byte;

        assert_int_equal(pipe(ready), 0);
        child = fork();
        if (child == 0) {
            store = open_store(&moved);
            for (unsigned i = 0;; i++) {
                char text[32];
                struct otc_store_change changes[] = {set("a", text), set("b", text)};

                (void)snprintf(text, sizeof(text), "%d.%u", round, i);
                changes[0].value = changes[1].value = otc_slice_str(text);
                (void)!otc_store_apply(store, changes, 2, NULL, NULL);
                (void)!write(ready[1], "x", 1);
            }
        }
        for (int i = 0; i < 10 + round; i++) {
            assert_int_equal(read(ready[0], &byte, 1), 1);
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(ready[0]);
        close(ready[1]);
        store = open_store(&moved);
        assert_string_equal(moved.path, "");
        (void)snprintf(a, sizeof(a), "%s", value_of(store, "a"));
        (void)snprintf(b, sizeof(b), "%s", value_of(store, "b"));
        assert_string_equal(a, b);
        assert_int_equal(a[0], '0' + round);
        otc_store_close(store);
    }
}

static void
fill(struct otc_store *store)
{
    static char bytes[100000];
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_store_change change = {otc_slice_str("big"), otc_slice_of(bytes, sizeof(bytes)), false};

    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(otc_store_apply(store, &change, 1, NULL, &err), OTC_OK);
}

/* Bytes bent here and there: the start succeeds, and the damage is either none of ours or told. */
static void
a_damaged_file_is_moved_aside(void **state)
{
    struct otc_store_moved moved;
    struct otc_store *store;
    size_t told = 0;

    (void)state;
    for (long at = 0; at < 100000; at = at < 200 ? at + 20 : at + 4096 + 7) {
        scratch_clear();
        store = open_store(&moved);
        fill(store);
        otc_store_close(store);
        scratch_damage(scratch_path("s.db"), at);
        store = open_store(&moved);
        fill(store);
        otc_store_close(store);
        if (moved.path[0]) {
            told++;
            assert_true(moved.why[0] != '\0');
            assert_non_null(strstr(moved.path, ".corrupt-1700000000"));
            assert_int_equal(scratch_count("corrupt"), 1);
        }
        store = open_store(&moved);
        assert_string_equal(moved.path, "");
        otc_store_close(store);
    }
    assert_true(told > 3);
}

static void
a_foreign_file_is_moved_aside(void **state)
{
    struct otc_store_moved moved;
    struct otc_store *store;
    FILE *file;

    (void)state;
    scratch_clear();
    file = fopen(scratch_path("s.db"), "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        fputs("this is no database at all\n", file);
    }
    fclose(file);
    store = open_store(&moved);
    assert_true(moved.path[0] != '\0');
    assert_string_equal(value_of(store, "a"), "-");
    otc_store_close(store);
}

/* At its limit a batch fails as a whole, with a text that says so; what was there stays readable. */
static void
a_full_store_keeps_what_it_has(void **state)
{
    struct otc_store_options small = options;
    struct otc_store_change first = set("a", "kept");
    static char bytes[2 << 20];
    struct otc_store_change changes[] = {set("a", "lost"),
                                         {otc_slice_str("b"), otc_slice_of(bytes, sizeof(bytes)), false}};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_store_moved moved;
    struct otc_store *store;

    (void)state;
    scratch_clear();
    small.max_bytes = 1 << 20;
    assert_int_equal(otc_store_open(scratch_path("s.db"), &small, &moved, &store, &err), OTC_OK);
    assert_int_equal(otc_store_apply(store, &first, 1, NULL, &err), OTC_OK);
    assert_int_equal(otc_store_apply(store, changes, 2, NULL, &err), OTC_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.text, "full"));
    assert_string_equal(value_of(store, "a"), "kept");
    assert_int_equal(otc_store_apply(store, &first, 1, NULL, &err), OTC_OK);
    otc_store_close(store);
}

static void
long_keys_are_refused(void **state)
{
    static char key[OTC_STORE_KEY_MAX + 1];
    struct otc_store_change change = {.key = otc_slice_of(key, sizeof(key))};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_store_moved moved;
    struct otc_store *store;

    (void)state;
    scratch_clear();
    store = open_store(&moved);
    assert_int_equal(otc_store_apply(store, &change, 1, NULL, &err), OTC_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "1024"));
    otc_store_close(store);
}

static void
a_folder_that_is_not_there_is_told(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_store_moved moved;
    struct otc_store *store;

    (void)state;
    assert_int_not_equal(otc_store_open(scratch_path("nowhere/s.db"), &options, &moved, &store, &err),
                         OTC_OK);
    assert_non_null(strstr(err.text, "nowhere"));
    assert_non_null(strstr(err.text, "unable to open"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_there_after_opening_again),
        cmocka_unit_test(a_kill_leaves_whole_batches),
        cmocka_unit_test(a_damaged_file_is_moved_aside),
        cmocka_unit_test(a_foreign_file_is_moved_aside),
        cmocka_unit_test(a_full_store_keeps_what_it_has),
        cmocka_unit_test(long_keys_are_refused),
        cmocka_unit_test(a_folder_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests_name("storage/store", tests, scratch_setup, scratch_teardown);
}
