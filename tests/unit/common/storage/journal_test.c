// SPDX-License-Identifier: Apache-2.0
#include "common/storage/journal.h"

#include "common/storage/directory.h"
#include "tests/unit/common/storage/scratch.h"

#define LIMIT (1 << 20)

static struct otc_journal *
open_journal(int64_t limit)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_journal *journal = NULL;

    if (otc_journal_open(scratch, "j", limit, &journal, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return journal;
}

static uint64_t
roll(struct otc_journal *journal)
{
    struct otc_error err = OTC_ERROR_INIT;
    uint64_t generation = 0;

    if (otc_journal_roll(journal, &generation, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return generation;
}

static void
append(struct otc_journal *journal, unsigned from, unsigned n)
{
    struct otc_error err = OTC_ERROR_INIT;

    for (unsigned i = from; i < from + n; i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "record %u%.*s", i, (int)(i % 30),
                       "..............................");
        assert_int_equal(otc_journal_append(journal, otc_slice_str(text), &err), OTC_OK);
    }
}

/* Records must come as numbers in a row. */
struct seen {
    unsigned first, n;
};

static bool
see(void *arg, struct otc_slice record)
{
    struct seen *seen = arg;
    char text[128] = "";
    unsigned number;

    assert_true(record.len < sizeof(text));
    memcpy(text, record.data, record.len);
    assert_int_equal(sscanf(text, "record %u", &number), 1);
    seen->first = seen->n ? seen->first : number;
    assert_int_equal(number, seen->first + seen->n);
    seen->n++;
    return true;
}

/* What a new process finds from a generation on. */
static struct otc_journal_replayed
replay(uint64_t from, struct seen *seen)
{
    struct otc_journal *journal = open_journal(LIMIT);
    struct otc_journal_replayed out;

    *seen = (struct seen){0};
    otc_journal_replay(journal, from, see, seen, &out);
    assert_int_equal(out.records, seen->n);
    otc_journal_close(journal);
    return out;
}

static void
records_come_back_in_order(void **state)
{
    struct otc_journal *journal;
    struct seen seen;

    (void)state;
    scratch_clear();
    journal = open_journal(LIMIT);
    assert_int_equal(roll(journal), 1);
    append(journal, 0, 100);
    assert_int_equal(roll(journal), 2);
    append(journal, 100, 50);
    otc_journal_close(journal);
    assert_true(replay(1, &seen).complete);
    assert_int_equal(seen.n, 150);
    assert_true(replay(2, &seen).complete);
    assert_int_equal(seen.first, 100);
    assert_int_equal(seen.n, 50);
    journal = open_journal(LIMIT);
    assert_int_equal(roll(journal), 3);
    otc_journal_drop(journal, 3);
    assert_int_equal(scratch_count(".journal"), 1);
    assert_int_equal(otc_journal_bytes(journal), 64);
    otc_journal_close(journal);
    assert_true(replay(3, &seen).complete);
    assert_int_equal(seen.n, 0);
    assert_false(replay(2, &seen).complete);
    assert_false(replay(7, &seen).complete);
}

/* Ended in the middle of a write, in the boot that still runs: the record that nobody was answered for is no
 * loss. */
static void
a_torn_end_is_no_loss(void **state)
{
    struct otc_journal *journal;
    const char *path;
    struct seen seen;
    long size;

    (void)state;
    scratch_clear();
    journal = open_journal(LIMIT);
    (void)roll(journal);
    append(journal, 0, 20);
    path = scratch_path("j.0000000000000001.journal");
    size = scratch_size(path);
    append(journal, 20, 1);
    otc_journal_close(journal);
    for (long cut = scratch_size(path) - 1; cut >= size; cut--) {
        assert_int_equal(truncate(path, cut), 0);
        assert_true(replay(1, &seen).complete);
        assert_int_equal(seen.n, 20);
    }
    assert_int_equal(truncate(path, size - 1), 0);
    assert_true(replay(1, &seen).complete);
    assert_int_equal(seen.n, 19);
    assert_int_equal(truncate(path, 10), 0);
    assert_false(replay(1, &seen).complete);
    assert_int_equal(seen.n, 0);
}

/* After a power cut the end may be missing, though nothing looks damaged. */
static void
another_boot_is_told(void **state)
{
    struct otc_journal_replayed out;
    struct otc_journal *journal;
    struct otc_error err = OTC_ERROR_INIT;
    struct seen seen;

    (void)state;
    for (int sealed = 0; sealed < 2; sealed++) {
        scratch_clear();
        journal = open_journal(LIMIT);
        (void)roll(journal);
        append(journal, 0, 20);
        if (sealed) {
            assert_int_equal(otc_journal_seal(journal, &err), OTC_OK);
            assert_int_not_equal(otc_journal_append(journal, otc_slice_str("record 20"), &err), OTC_OK);
        }
        otc_journal_close(journal);
        scratch_damage(scratch_path("j.0000000000000001.journal"), 24 + 3); /* the boot's id */
        out = replay(1, &seen);
        assert_int_equal(seen.n, 20);
        assert_int_equal(out.complete, sealed);
        assert_int_equal(strstr(out.why, "went down") != NULL, !sealed);
    }
}

/* Any byte that was bent: what comes before it, nothing that is not true, and word of the loss. */
static void
damage_is_told(void **state)
{
    struct otc_journal *journal;
    const char *path;
    struct seen seen;
    long size;

    (void)state;
    scratch_clear();
    journal = open_journal(LIMIT);
    (void)roll(journal);
    append(journal, 0, 10);
    otc_journal_close(journal);
    path = scratch_path("j.0000000000000001.journal");
    size = scratch_size(path);
    for (long at = 0; at < size; at++) {
        struct otc_journal_replayed out;

        if (at >= 9 && at < 16) {
            continue; /* reserved */
        }
        scratch_damage(path, at);
        out = replay(1, &seen);
        assert_false(out.complete);
        assert_true(out.why[0] != '\0');
        assert_true(seen.n < 10 || at < 64);
        scratch_damage(path, at);
    }
    assert_true(replay(1, &seen).complete);
}

static void
a_full_journal_waits_for_the_next_snapshot(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_journal *journal;
    char text[100] = "record 0";
    struct otc_journal_replayed out;
    struct seen seen;

    (void)state;
    scratch_clear();
    journal = open_journal(64 + 2 * (100 + 16) + 50);
    (void)roll(journal);
    assert_int_equal(otc_journal_append(journal, otc_slice_of(text, sizeof(text)), &err), OTC_OK);
    text[7] = '1';
    assert_int_equal(otc_journal_append(journal, otc_slice_of(text, sizeof(text)), &err), OTC_OK);
    assert_int_equal(otc_journal_append(journal, otc_slice_of(text, sizeof(text)), &err),
                     OTC_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.text, "limit"));
    /* A smaller one would fit, but would stand where one is missing. */
    assert_int_equal(otc_journal_append(journal, otc_slice_str("x"), &err), OTC_FAILED_PRECONDITION);
    out = replay(1, &seen);
    assert_int_equal(seen.n, 2);
    assert_false(out.complete);
    assert_non_null(strstr(out.why, "could not take everything"));
    otc_journal_drop(journal, roll(journal));
    assert_int_equal(otc_journal_append(journal, otc_slice_of(text, sizeof(text)), &err), OTC_OK);
    otc_journal_close(journal);
}

/* Snapshots that fail for days: rolls go on and take no room, and the next one that is stored is a fresh
 * start. */
static void
rolls_behind_a_gap_take_no_room(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_journal *journal;
    char text[200] = "record 0";
    struct seen seen;
    uint64_t last = 0;

    (void)state;
    scratch_clear();
    journal = open_journal(64 + 100 + 16 + 200);
    (void)roll(journal);
    assert_int_equal(otc_journal_append(journal, otc_slice_of(text, 100), &err), OTC_OK);
    assert_int_equal(otc_journal_append(journal, otc_slice_of(text, sizeof(text)), &err),
                     OTC_RESOURCE_EXHAUSTED);
    for (int i = 0; i < 5000; i++) {
        last = roll(journal);
        assert_int_equal(last, i + 2);
        assert_true(otc_journal_bytes(journal) <= 64 + 100 + 16 + 64);
        assert_int_equal(otc_journal_append(journal, otc_slice_str("record 0"), &err), OTC_OK);
    }
    assert_false(replay(1, &seen).complete);
    assert_int_equal(seen.n, 1);
    assert_true(replay(last, &seen).complete);
    assert_int_equal(seen.n, 1);
    otc_journal_drop(journal, last);
    assert_int_equal(otc_journal_bytes(journal), 64 + 16 + 8);
    last = roll(journal); /* nothing is behind a gap any more */
    assert_int_equal(otc_journal_bytes(journal), 2 * 64 + 16 + 8);
    assert_true(replay(last - 1, &seen).complete);
    assert_int_equal(seen.n, 1);
    otc_journal_close(journal);
}

/* Without a gap more generations than are counted end in one. */
static void
generations_are_limited(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_journal *journal;
    struct seen seen;
    uint64_t last = 0;

    (void)state;
    scratch_clear();
    journal = open_journal(1 << 20);
    for (int i = 0; i < 4200; i++) {
        last = roll(journal);
        assert_int_equal(last, i + 1);
    }
    assert_int_equal(otc_journal_append(journal, otc_slice_str("record 0"), &err), OTC_OK);
    assert_false(replay(1, &seen).complete);
    assert_true(replay(last, &seen).complete);
    assert_int_equal(seen.n, 1);
    otc_journal_close(journal);
}

static void
a_folder_has_one_holder(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    int first = -1, second = -1;

    (void)state;
    assert_int_equal(otc_directory_lock(scratch, 0, &first, &err), OTC_OK);
    assert_int_equal(otc_directory_lock(scratch, 20000000, &second, &err), OTC_UNAVAILABLE);
    assert_non_null(strstr(err.text, "in use by another process"));
    otc_directory_unlock(first);
    assert_int_equal(otc_directory_lock(scratch, 0, &second, &err), OTC_OK);
    otc_directory_unlock(second);
    assert_int_equal(otc_directory_check(scratch_path("nowhere"), &err), OTC_NOT_FOUND);
    assert_non_null(strstr(err.text, "must exist"));
    unlink(scratch_path(".lock"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_in_order),
        cmocka_unit_test(a_torn_end_is_no_loss),
        cmocka_unit_test(rolls_behind_a_gap_take_no_room),
        cmocka_unit_test(generations_are_limited),
        cmocka_unit_test(another_boot_is_told),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(a_full_journal_waits_for_the_next_snapshot),
        cmocka_unit_test(a_folder_has_one_holder),
    };

    return cmocka_run_group_tests_name("storage/journal", tests, scratch_setup, scratch_teardown);
}
