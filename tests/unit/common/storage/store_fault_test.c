// SPDX-License-Identifier: Apache-2.0
/* The snapshots and the journal of a component when the n-th call of the system fails, for every n and every
 * call: what was stored is there, a journal never hands out less than it took without saying so, and each
 * failure has a reason. */
#include "common/storage/journal.h"
#include "common/storage/store.h"
#include "tests/unit/common/storage/disk.h"
#include "tests/unit/common/storage/scratch.h"

#include "common/base/clock.h"

/* ---- Snapshots ------------------------------------------------------------------------------------- */

static void
copy_value(void *arg, struct otc_slice value)
{
    char *text = arg;

    assert_in_range(value.len, 1, 63);
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
}

/* A file was: what the disk does not give back is damaged, what it does not take is not. */
static bool moved_aside;

static otc_status
open_store(struct otc_store **store, struct otc_error *err)
{
    const struct otc_store_options options = {1 << 20, OTC_MILLISECOND, INT64_C(1767225600000000000)};
    struct otc_store_moved moved;
    otc_status status = otc_store_open(scratch_path("s.db"), &options, &moved, store, err);

    moved_aside = moved_aside || moved.path[0];
    return status;
}

static otc_status
set(struct otc_store *store, int value, struct otc_error *err)
{
    struct otc_store_moved moved = {.path = ""};
    char text[64];
    struct otc_store_change change = {.key = otc_slice_str("k")};
    otc_status status;

    (void)snprintf(text, sizeof(text), "%d", value);
    change.value = otc_slice_str(text);
    status = otc_store_apply(store, &change, 1, &moved, err);
    moved_aside = moved_aside || moved.path[0];
    return status;
}

static int
get(struct otc_store *store)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_store_moved moved = {.path = ""};
    char text[64] = "";

    if (otc_store_get(store, otc_slice_str("k"), copy_value, text, &moved, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return (int)strtol(text, NULL, 10);
}

static void
expect_reason(otc_status status, const struct otc_error *err)
{
    if (status != OTC_OK && (strncmp(err->text, "/tmp/", 5) != 0 || strlen(err->text) < 30)) {
        fail_msg("no reason: %s", err->text);
    }
}

/* Values 2 to 5 upon the 1 of a former process. Returns the last that was stored. */
static int
store_values(void)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_store *store = NULL;
    otc_status status = open_store(&store, &err);
    int stored = 1;

    expect_reason(status, &err);
    for (int i = 2; status == OTC_OK && i < 6; i++) {
        otc_status put = set(store, i, &err);

        expect_reason(put, &err);
        stored = put == OTC_OK ? i : stored;
    }
    if (status == OTC_OK) {
        otc_store_close(store);
    }
    return stored;
}

static bool
fail_store(enum disk_call call, int nth, int error, bool forever)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_store *store = NULL;
    bool failed;
    int stored, found;

    scratch_clear();
    moved_aside = false;
    assert_int_equal(open_store(&store, &err), OTC_OK);
    assert_int_equal(set(store, 1, &err), OTC_OK);
    otc_store_close(store);
    (void)disk_fail(call, nth, error, forever);
    stored = store_values();
    failed = disk_fail(call, 0, 0, false) > 0;
    if (moved_aside) {
        assert_int_equal(call, DISK_READ);
        assert_true(scratch_size(scratch_path("s.db.corrupt-1767225600")) > 4096);
        return failed;
    }
    if (open_store(&store, &err) != OTC_OK) {
        fail_msg("%s %d: %s", disk_calls[call], nth, err.text);
    }
    found = get(store);
    otc_store_close(store);
    /* One whose flush failed may be there or not. */
    if (found < stored) {
        fail_msg("%s %d, %s: %d was stored, %d is there", disk_calls[call], nth, strerror(error), stored,
                 found);
    }
    return failed;
}

/* ---- The journal ----------------------------------------------------------------------------------- */

struct seen {
    int n;
};

static bool
see(void *arg, struct otc_slice record)
{
    struct seen *seen = arg;
    char text[64] = "";

    assert_in_range(record.len, 1, 63);
    memcpy(text, record.data, record.len);
    assert_int_equal(strtol(text, NULL, 10), seen->n);
    seen->n++;
    return true;
}

static int
append_some(struct otc_journal *journal, int from)
{
    int n = from;

    for (int i = 0; i < 3; i++) {
        struct otc_error err = OTC_ERROR_INIT;
        char text[16];
        otc_status status;

        (void)snprintf(text, sizeof(text), "%d", n);
        status = otc_journal_append(journal, otc_slice_str(text), &err);
        expect_reason(status, &err);
        n += status == OTC_OK;
    }
    return n;
}

static bool
fail_journal(enum disk_call call, int nth, int error, bool forever)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_journal_replayed replayed = {.records = 0}, under_faults = {.records = 0};
    struct otc_journal *journal = NULL;
    struct seen seen = {0};
    uint64_t generation = 0, first = 0;
    int n = 0;
    bool failed;

    scratch_clear();
    assert_int_equal(otc_journal_open(scratch_path(""), "j", 1 << 20, &journal, &err), OTC_OK);
    assert_int_equal(otc_journal_roll(journal, &first, &err), OTC_OK);
    (void)disk_fail(call, nth, error, forever);
    n = append_some(journal, n);
    if (otc_journal_roll(journal, &generation, &err) == OTC_OK) {
        n = append_some(journal, n);
    } else {
        expect_reason(OTC_INTERNAL, &err);
    }
    otc_journal_replay(journal, first, see, &seen, &under_faults);
    assert_true(under_faults.complete ? seen.n == n : strlen(under_faults.why) > 20);
    expect_reason(otc_journal_seal(journal, &err), &err);
    otc_journal_close(journal);
    failed = disk_fail(call, 0, 0, false) > 0;
    seen.n = 0;
    assert_int_equal(otc_journal_open(scratch_path(""), "j", 1 << 20, &journal, &err), OTC_OK);
    otc_journal_replay(journal, first, see, &seen, &replayed);
    /* What was refused makes the journal incomplete, behind all that it took before. */
    if (replayed.complete && seen.n != n) {
        fail_msg("%s %d, %s: %d were taken, %d are there", disk_calls[call], nth, strerror(error), n, seen.n);
    }
    otc_journal_close(journal);
    return failed;
}

/* ---- All of them ----------------------------------------------------------------------------------- */

static void
fail_all(bool (*run)(enum disk_call call, int nth, int error, bool forever), const enum disk_call *calls)
{
    disk_watch(scratch);
    for (; *calls < DISK_CALLS; calls++) {
        int most = 0;

        for (int way = 0; way < 3; way++) {
            int nth = 1;

            while (run(*calls, nth, way == 1 ? ENOSPC : EIO, way == 2)) {
                nth++;
            }
            most = nth > most ? nth : most;
        }
        print_message("%s: %d calls\n", disk_calls[*calls], most - 1);
        assert_true(most > 1);
    }
    disk_watch("");
}

static void
a_stored_value_outlives_every_failure(void **state)
{
    (void)state;
    fail_all(fail_store, (const enum disk_call[]){DISK_OPEN, DISK_READ, DISK_WRITE, DISK_SYNC, DISK_UNLINK,
                                                  DISK_TRUNCATE, DISK_MMAP, DISK_CALLS});
}

static void
a_journal_tells_what_it_lacks(void **state)
{
    (void)state;
    fail_all(fail_journal, (const enum disk_call[]){DISK_OPEN, DISK_READ, DISK_WRITE, DISK_SYNC, DISK_CALLS});
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stored_value_outlives_every_failure),
        cmocka_unit_test(a_journal_tells_what_it_lacks),
    };

    return cmocka_run_group_tests_name("common/storage on a disk that fails", tests, scratch_setup,
                                       scratch_teardown);
}
