// SPDX-License-Identifier: Apache-2.0
/* The queue on disk: when it is flushed, what stays free, what is marked and what is set aside. */
#include "tests/unit/common/storage/log_fixture.h"

static void
restart(struct fixture *f, enum otc_log_sync sync, int64_t interval_ns)
{
    close_log(f);
    f->options.sync = sync;
    f->options.sync_interval_ns = interval_ns;
    open_log(f);
}

/* ---- Flushes --------------------------------------------------------------------------------------- */

static void
a_group_is_flushed_before_it_is_told(void **state)
{
    struct fixture *f = *state;

    f->fail_syncs = -1;
    put_many(f, 0, 3, 50);
    assert_int_equal(f->failed, 3);
    assert_string_equal(f->failure.text, "the queue on disk cannot be written: Input/output error");
    f->fail_syncs = 0;
    put_many(f, 3, 5, 50);
    assert_int_equal(f->failed, 3);
}

static void
without_flushes_none_can_fail(void **state)
{
    struct fixture *f = *state;

    restart(f, OTC_LOG_SYNC_NONE, 0);
    f->fail_syncs = -1;
    f->syncs = 0;
    for (int i = 0; i < 120; i += 4) {
        put_many(f, i, i + 4, 4000); /* over several segments */
    }
    assert_int_equal(f->failed, 0);
    assert_int_equal(f->syncs, 0);
    restart(f, OTC_LOG_SYNC_NONE, 0);
    assert_int_equal(f->n_order, 120);
    assert_int_equal(f->found.lost, 0);
}

/* Told at once, flushed later; a flush that fails has what it may have lost written anew, without a word to
 * anybody. */
static void
an_interval_is_flushed_after_it_is_told(void **state)
{
    struct fixture *f = *state;

    restart(f, OTC_LOG_SYNC_INTERVAL, INT64_C(3600) * 1000000000);
    f->syncs = 0;
    put_many(f, 0, 3, 50);
    assert_int_equal(f->syncs, 0);
    restart(f, OTC_LOG_SYNC_INTERVAL, 1000000);
    check_order(f, (const int[]){0, 1, 2}, 3);
    f->fail_syncs = 1;
    f->syncs = 0;
    put_many(f, 3, 5, 50);
    wait_syncs(f, 2); /* the one that fails, and that of the copy */
    assert_int_equal(f->failed, 0);
    assert_int_equal(otc_log_failures(f->log), 1);
    put_many(f, 5, 6, 50);
    take_out(f, 3);
    reopen(f);
    check_order(f, (const int[]){0, 1, 2, 4, 5}, 5);
    assert_int_equal(f->found.lost, 0);
}

/* ---- Room ------------------------------------------------------------------------------------------ */

static void
what_is_to_stay_free_stays_free(void **state)
{
    struct fixture *f = *state;

    close_log(f);
    f->options.min_free_bytes = INT64_MAX / 2;
    open_log(f);
    put_many(f, 0, 2, 50);
    assert_int_equal(f->failed, 2);
    assert_int_equal(f->failure.status, OTC_RESOURCE_EXHAUSTED);
    assert_string_equal(f->failure.text, "the queue on disk cannot be written: less than min_free_bytes "
                                         "(4611686018427387903) would be free");
    assert_int_equal(files(f, ".segment", NULL), 0);
    close_log(f);
    f->options.min_free_bytes = 1;
    open_log(f);
    put_many(f, 0, 2, 50);
    assert_int_equal(f->failed, 2);
}

static void
leave_free(struct fixture *f, int64_t bytes)
{
    pthread_mutex_lock(&f->writer->lock);
    f->log->min_free_bytes = bytes;
    pthread_mutex_unlock(&f->writer->lock);
}

/* Without room for another segment what fits into the last one is taken: nothing failed. */
static void
what_fits_is_taken_although_there_is_no_room(void **state)
{
    static const enum otc_log_sync modes[] = {OTC_LOG_SYNC_GROUP, OTC_LOG_SYNC_INTERVAL, OTC_LOG_SYNC_NONE};
    struct fixture *f = *state;

    for (int i = 0; i < 3; i++) {
        int from = i * 10;

        restart(f, modes[i], INT64_C(3600) * 1000000000);
        put_many(f, from, from + 2, 50);
        leave_free(f, INT64_MAX / 2);
        f->failed = 0;
        assert_int_equal(put(f, from + 2, 100000), OTC_PENDING);
        put_many(f, from + 3, from + 4, 50);
        assert_int_equal(f->failed, 1);
        assert_non_null(strstr(f->failure.text, "less than min_free_bytes"));
        assert_null(f->records[from + 2]);
        put_many(f, from + 4, from + 5, 50);
        leave_free(f, 0);
        f->fail_creates = -1;
        f->error = ENOSPC;
        put_many(f, from + 5, from + 6, 100000);
        f->fail_creates = 0;
        assert_int_equal(f->failed, 2);
        assert_string_equal(f->failure.text, "the queue on disk cannot be written: No space left on device");
        put_many(f, from + 6, from + 7, 50);
        put_many(f, from + 7, from + 8, 100000);
        assert_int_equal(f->failed, 2);
        assert_int_equal(otc_log_failures(f->log), 0);
        assert_int_equal(files(f, ".segment", NULL), 2 * (i + 1));
        reopen(f);
        assert_int_equal(f->n_order, 6 * (i + 1));
        assert_int_equal(f->order[6 * i + 3], from + 4);
        assert_int_equal(f->found.lost, 0);
    }
}

/* ---- Numbers and seals ----------------------------------------------------------------------------- */

/* The note of a removal may be lost with the power. The record comes again then, and must not be taken for a
 * copy of a younger one. */
static void
a_number_does_not_come_twice(void **state)
{
    struct fixture *f = *state;
    const uint32_t there = 0;
    char path[512];
    int fd;

    put_many(f, 0, 3, 20);
    take_out(f, 2);
    reopen(f);
    put_many(f, 3, 4, 20);
    close_log(f);
    snprintf(path, sizeof(path), "%s/exporter_otlp_traces.0000000000000001.segment", f->folder);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, &there, OTC__LOG_NOTE, OTC__LOG_PAGE + 2 * OTC__LOG_NOTE), OTC__LOG_NOTE);
    close(fd);
    open_log(f);
    check_order(f, (const int[]){0, 1, 2, 3}, 4);
}

/* What is missing of a segment that was ended in order is counted, whatever is left of it. */
static void
a_seal_tells_what_is_missing(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zeroes[200];
    char path[512];
    int fd;

    put_many(f, 0, 5, 20);
    take_out(f, 3);
    close_log(f);
    assert_int_equal(files(f, ".segment", path), 1);
    assert_int_equal(truncate(path, OTC__LOG_RECORDS + 64 + 10), 0);
    open_log(f);
    check_order(f, (const int[]){0}, 1);
    assert_int_equal(f->found.lost, 3);
    take_out(f, 0);
    reopen(f);
    put_many(f, 0, 5, 20);
    close_log(f);
    assert_int_equal(files(f, ".segment", path), 1);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, zeroes, sizeof(zeroes), OTC__LOG_RECORDS + 128), 200);
    close(fd);
    open_log(f);
    check_order(f, (const int[]){0, 1}, 2);
    assert_int_equal(f->found.lost, 3);
}

/* A forgotten record stays although its segment would be written anew. */
static void
what_is_forgotten_stays(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 200; i += 10) {
        put_many(f, i, i + 10, 6000);
    }
    otc_log_forget(f->log, f->records[7]);
    f->records[7] = NULL;
    for (int i = 0; i < 200; i++) {
        if (i != 7 && i < 150) {
            take_out(f, i);
        }
    }
    put_many(f, 1000, 1002, 10);
    reopen(f);
    assert_int_equal(f->order[0], 7);
    assert_int_equal(f->n_order, 53);
}

/* ---- Marks ----------------------------------------------------------------------------------------- */

static void
crashes_are_counted_in_a_row(void **state)
{
    struct fixture *f = *state;

    put_many(f, 0, 3, 20);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(otc_log_crashes(f->records[1]), i < 3 ? i : 3);
        otc_log_mark(f->log, f->records[1], true);
        otc_log_mark(f->log, f->records[2], true);
        otc_log_mark(f->log, f->records[2], false);
        reopen(f);
        check_order(f, (const int[]){0, 1, 2}, 3);
        assert_int_equal(otc_log_crashes(f->records[0]), 0);
        assert_int_equal(otc_log_crashes(f->records[2]), 0);
    }
    otc_log_mark(f->log, f->records[1], true);
    otc_log_mark(f->log, f->records[1], false);
    reopen(f);
    assert_int_equal(otc_log_crashes(f->records[1]), 0);
    take_out(f, 1);
    reopen(f);
    check_order(f, (const int[]){0, 2}, 2);
}

/* ---- Set aside ------------------------------------------------------------------------------------- */

static void
set_aside(struct fixture *f, int number, const char *folder)
{
    char name[32];
    const struct otc_log_aside aside = {folder, name, 2, "because", aside_done, f};

    snprintf(name, sizeof(name), "exporter-%d", number);
    pthread_mutex_lock(&f->lock);
    f->waiting++;
    pthread_mutex_unlock(&f->lock);
    assert_int_equal(otc_log_set_aside(f->log, f->records[number], &aside, &f->err), OTC_PENDING);
    f->records[number] = NULL;
}

static void
read_file(const char *path, char text[64])
{
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, 63);

    assert_in_range(n, 0, 63);
    text[n] = '\0';
    close(fd);
}

static void
what_nobody_wants_becomes_a_file(void **state)
{
    struct fixture *f = *state;
    char path[512], text[64];

    put_many(f, 0, 40, 3);
    for (int i = 1; i < 39; i++) {
        set_aside(f, i, f->folder);
    }
    wait_told(f);
    assert_int_equal(f->failed, 0);
    assert_int_equal(files(f, ".pb", NULL), 38);
    snprintf(path, sizeof(path), "%s/exporter-7.pb", f->folder);
    read_file(path, text);
    assert_int_equal(file_size(path), 3);
    snprintf(path, sizeof(path), "%s/exporter-17.pb", f->folder);
    assert_int_equal(file_size(path), 4); /* "17 " and the filler, less two */
    snprintf(path, sizeof(path), "%s/exporter-7.txt", f->folder);
    read_file(path, text);
    assert_string_equal(text, "because\n");
    assert_int_equal(files(f, ".part", NULL), 0);
    reopen(f);
    check_order(f, (const int[]){0, 39}, 2);
}

static void
what_cannot_be_set_aside_stays(void **state)
{
    struct fixture *f = *state;

    put_many(f, 0, 3, 3);
    set_aside(f, 1, "/nowhere/at/all");
    wait_told(f);
    assert_int_equal(f->failed, 1);
    f->fail_syncs = 1;
    set_aside(f, 2, f->folder);
    wait_told(f);
    assert_int_equal(f->failed, 2);
    assert_int_equal(files(f, ".pb", NULL) + files(f, ".txt", NULL) + files(f, ".part", NULL), 0);
    reopen(f);
    check_order(f, (const int[]){0, 1, 2}, 3);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_group_is_flushed_before_it_is_told),
        CASE(without_flushes_none_can_fail),
        CASE(an_interval_is_flushed_after_it_is_told),
        CASE(what_is_to_stay_free_stays_free),
        CASE(what_fits_is_taken_although_there_is_no_room),
        CASE(a_number_does_not_come_twice),
        CASE(a_seal_tells_what_is_missing),
        CASE(what_is_forgotten_stays),
        CASE(crashes_are_counted_in_a_row),
        CASE(what_nobody_wants_becomes_a_file),
        CASE(what_cannot_be_set_aside_stays),
    };

    return cmocka_run_group_tests_name("common/storage/log_modes", tests, NULL, NULL);
}
