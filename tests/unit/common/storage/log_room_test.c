// SPDX-License-Identifier: Apache-2.0
/* What a log's limit counts, and what its files take of the disk. */
#include "tests/unit/common/storage/log_fixture.h"

#define MOST ((int64_t)1 << 20)
#define SEGMENT (MOST / 8)
/* The files may take three eighths more than the limit, and the head of each. */
#define FILES_MOST(n) (MOST + 3 * SEGMENT + (int64_t)(n)*OTC_LOG_RECORDS_AT)

static void
begin_small(struct fixture *f)
{
    close_log(f);
    f->options.max_bytes = MOST;
    f->options.segment_bytes = SEGMENT;
    f->options.sync = OTC_LOG_SYNC_NONE; /* which is quick */
    open_log(f);
}

static void
check_files(struct fixture *f)
{
    DIR *folder = opendir(f->folder);
    const struct dirent *entry;
    int64_t bytes = 0, n = 0;

    while ((entry = readdir(folder))) {
        char path[512];

        assert_in_range(snprintf(path, sizeof(path), "%s/%s", f->folder, entry->d_name), 1, sizeof(path) - 1);
        if (strstr(entry->d_name, ".segment")) {
            bytes += file_size(path) > 0 ? file_size(path) : 0;
            n++;
        }
    }
    closedir(folder);
    assert_in_range(bytes, 0, FILES_MOST(n));
}

/* One record stays while many times the log's limit pass. */
static void
what_was_removed_takes_no_room(void **state)
{
    struct fixture *f = *state;

    begin_small(f);
    put_many(f, 0, 1, 1000);
    for (int i = 0; i < 3000; i++) {
        put_many(f, 1, 2, 5000);
        take_out(f, 1);
        check_files(f);
    }
    assert_int_equal(f->failed, 0);
    reopen(f);
    check_order(f, (const int[]){0}, 1);
}

/* Some of each segment stays, until that alone is as much as there may be. */
static void
what_is_needed_fills_the_log(void **state)
{
    struct fixture *f = *state;
    int64_t live = 0;
    int n = 0;

    begin_small(f);
    for (; put(f, n, 5000) == OTC_PENDING; n++) {
        wait_told(f);
        check_files(f);
        if (n % 3 != 0) {
            take_out(f, n);
        } else {
            live += otc__log_aligned(f->records[n]->len);
        }
    }
    assert_int_equal(f->err.status, OTC_RESOURCE_EXHAUSTED);
    assert_in_range(live, MOST - 6000, MOST);
    assert_int_equal(f->failed, 0);
    assert_true(n > 500);
    reopen(f);
    assert_int_equal(f->n_order, (n + 2) / 3);
    assert_int_equal(f->found.lost, 0);
    assert_int_equal(put(f, n, 5000), OTC_RESOURCE_EXHAUSTED);
    take_out(f, 0);
    put_many(f, n, n + 1, 5000);
    assert_int_equal(f->failed, 0);
}

/* A disk on which there is room for one segment. */
static int
create_one(void *arg, const char *path, off_t size, int *fd)
{
    struct fixture *f = arg;

    return files(f, ".segment", NULL) > 0 ? ENOSPC : faulty_create(arg, path, size, fd);
}

static void
an_empty_segment_makes_room_for_the_next(void **state)
{
    struct fixture *f = *state;

    io.create = create_one;
    begin_small(f);
    for (int i = 0; i < 100; i++) {
        put_many(f, i, i + 1, 5000);
        take_out(f, i);
    }
    assert_int_equal(f->failed, 0);
}

/* A record that is marked is moved: what its mark said goes along. */
static void
marks_move_with_their_record(void **state)
{
    struct fixture *f = *state;
    char path[512];

    for (unsigned life = 1; life <= OTC_LOG_CRASHES_MAX; life++) {
        uint64_t segment;

        if (life == 1) {
            put_many(f, 0, 1, 1000);
        }
        otc_log_mark(f->log, f->records[0], true);
        segment = f->records[0]->segment->number;
        put_many(f, 100, 160, 6000);
        for (int i = 100; i < 160; i++) {
            if (i % 10 != 9) {
                take_out(f, i); /* all but one of each segment */
            }
        }
        (void)snprintf(path, sizeof(path), "%s/%s.%016llx.segment", f->folder, f->options.base,
                       (unsigned long long)segment);
        for (int i = 0; i < 5000 && file_size(path) >= 0; i++) {
            put_many(f, 1000, 1001, 10);
            take_out(f, 1000);
        }
        assert_int_equal(file_size(path), -1);
        reopen(f);
        assert_int_equal(otc_log_crashes(f->records[0]), life);
        for (int i = 109; i < 160; i += 10) {
            take_out(f, i);
        }
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_removed_takes_no_room),
        CASE(what_is_needed_fills_the_log),
        CASE(an_empty_segment_makes_room_for_the_next),
        CASE(marks_move_with_their_record),
    };

    return cmocka_run_group_tests_name("common/storage log room", tests, NULL, NULL);
}
