// SPDX-License-Identifier: Apache-2.0
/* The queue on disk: what was told to be there is there again, whatever happens to the file and the disk. */
#include "tests/unit/common/storage/log_fixture.h"

/* ---- Tests ----------------------------------------------------------------------------------------- */

static void
what_was_not_removed_comes_again_in_order(void **state)
{
    struct fixture *f = *state;

    put_many(f, 0, 6, 10);
    take_out(f, 0);
    take_out(f, 3);
    reopen(f);
    check_order(f, (const int[]){1, 2, 4, 5}, 4);
    assert_int_equal(f->found.records, 4);
    assert_int_equal(f->found.lost + f->found.torn_bytes + f->found.damaged_bytes, 0);
    put_many(f, 6, 8, 10);
    take_out(f, 1);
    reopen(f);
    check_order(f, (const int[]){2, 4, 5, 6, 7}, 5);
    for (int i = 2; i < 8; i++) {
        if (f->records[i]) {
            OTC_AUTO_BUF struct otc_buf out = {.limit = 1000};
            char text[16];

            snprintf(text, sizeof(text), "%d ", i);
            assert_int_equal(otc_log_read(f->log, f->records[i], &out, &f->err), OTC_OK);
            assert_int_equal(out.len, 12);
            assert_memory_equal(out.data, text, 2);
            take_out(f, i);
        }
    }
    reopen(f);
    assert_int_equal(f->n_order, 0);
    close_log(f);
    open_log(f);
    assert_int_equal(files(f, ".segment", NULL), 0);
}

/* Many segments: those that are empty go, a record too large for one gets its own. */
static void
segments_go_with_their_last_record(void **state)
{
    struct fixture *f = *state;

    put_many(f, 0, 200, 4000);
    put_many(f, 200, 201, 300000);
    assert_true(files(f, ".segment", NULL) > 10);
    for (int i = 0; i < 200; i++) {
        if (i != 100) {
            take_out(f, i);
        }
    }
    reopen(f);
    check_order(f, (const int[]){100, 200}, 2);
    assert_int_equal(files(f, ".segment", NULL), 2);
    assert_true(otc_log_bytes(f->log) < 600000);
}

static void
small_records_fill_a_segment_by_their_number(void **state)
{
    struct fixture *f = *state;

    f->options.segment_bytes = 4 << 20;
    reopen(f);
    for (int i = 0; i < 33000; i += 8000) {
        put_many(f, i, i + 8000 < 33000 ? i + 8000 : 33000, 0);
    }
    assert_int_equal(files(f, ".segment", NULL), 3);
    reopen(f);
    assert_int_equal(f->n_order, 33000);
    for (int i = 0; i < 33000; i++) {
        assert_int_equal(f->order[i], i);
        take_out(f, i);
    }
}

static void
a_flipped_bit_costs_its_record(void **state)
{
    /* In the content; in the length; in the number; in the magic (the header is 40 bytes before the content).
     */
    static const int places[] = {0, -24, -32, -40, -8, -16, -36};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        put_many(f, 1000, 1007, 100);
        close_log(f);
        damage(f, "1003 ", places[i]);
        open_log(f);
        check_order(f, (const int[]){1000, 1001, 1002, 1004, 1005, 1006}, 6);
        assert_int_equal(f->found.lost, 1);
        assert_int_equal(f->found.damaged_bytes, 144 + 8);
        assert_true(files(f, ".corrupt-", NULL) >= 1);
        for (int k = 1000; k < 1007; k++) {
            if (k != 1003) {
                take_out(f, k);
            }
        }
        reopen(f);
        assert_int_equal(f->n_order, 0);
    }
}

static void
damage_to_what_was_removed_costs_nothing(void **state)
{
    struct fixture *f = *state;

    put_many(f, 1000, 1005, 100);
    take_out(f, 1002);
    close_log(f);
    damage(f, "1002 ", -40);
    open_log(f);
    check_order(f, (const int[]){1000, 1001, 1003, 1004}, 4);
    assert_int_equal(f->found.lost, 0);
}

/* The page that names the format, and the bytes that say what was removed. */
static void
damage_to_the_head_costs_nothing(void **state)
{
    struct fixture *f = *state;

    put_many(f, 1000, 1003, 100);
    close_log(f);
    damage(f, "queue segment", 3);
    damage(f, "otelcol-aimon", 4096);
    open_log(f);
    check_order(f, (const int[]){1000, 1001, 1002}, 3);
    assert_int_equal(f->found.lost, 0);
}

/* Every length at which the last write may have been cut short. */
static void
a_torn_end_is_no_loss(void **state)
{
    static uint8_t bytes[1 << 17];
    struct fixture *f = *state;
    char path[512];
    ssize_t len;
    int fd;

    put_many(f, 0, 3, 20);
    close_log(f);
    assert_int_equal(files(f, ".segment", path), 1);
    fd = open(path, O_RDONLY);
    len = read(fd, bytes, sizeof(bytes));
    close(fd);
    /* A process that is killed leaves no seal. */
    memset(bytes + OTC__LOG_SEAL, 0, sizeof(struct otc__log_seal));
    memset(bytes + OTC__LOG_SEAL_COPY, 0, sizeof(struct otc__log_seal));
    /* The last 2 bytes of 64 are the gap to the next record. */
    for (ssize_t cut = len - 3; cut > len - 64; cut--) {
        fd = open(path, O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, bytes, (size_t)cut), cut);
        close(fd);
        open_log(f);
        check_order(f, (const int[]){0, 1}, 2);
        assert_int_equal(f->found.lost, 0);
        assert_int_equal(f->found.torn_bytes, 64 - (len - cut));
        close_log(f);
    }
    open_log(f);
}

static void
an_empty_or_foreign_file_keeps_nobody_from_starting(void **state)
{
    struct fixture *f = *state;
    char path[512];
    int fd;

    put_many(f, 0, 1, 20);
    close_log(f);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/exporter_otlp_traces.00000000000000f%d.segment", f->folder, i);
        fd = open(path, O_RDWR | O_CREAT, 0600);
        for (int k = 0; i > 0 && k < 1000 * i * i * i * i * i; k++) {
            assert_int_equal(write(fd, "garbage!", 8), 8);
        }
        close(fd);
    }
    open_log(f);
    check_order(f, (const int[]){0}, 1);
    put_many(f, 1, 2, 20);
    reopen(f);
    check_order(f, (const int[]){0, 1}, 2);
}

static void
a_record_damaged_while_it_waits_is_told_when_it_is_read(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1000};
    struct fixture *f = *state;

    put_many(f, 1000, 1002, 100);
    damage(f, "1001 ", 50);
    assert_int_equal(otc_log_read(f->log, f->records[1000], &out, &f->err), OTC_OK);
    assert_int_equal(otc_log_read(f->log, f->records[1001], &out, &f->err), OTC_DATA_LOSS);
    assert_string_equal(f->err.text, "a record of the queue on disk is damaged");
    assert_int_equal(out.len, 105);
}

/* A write or flush that fails once costs nothing: it goes to another segment. */
static void
what_fails_once_is_written_elsewhere(void **state)
{
    struct fixture *f = *state;

    put_many(f, 0, 2, 50);
    f->fail_writes = 1;
    put_many(f, 2, 4, 50);
    f->fail_syncs = 1;
    put_many(f, 4, 6, 50);
    assert_int_equal(f->failed, 0);
    assert_int_equal(otc_log_failures(f->log), 2);
    take_out(f, 5);
    reopen(f);
    /* The first copy of what a failed flush should have saved may come again: at least once. */
    assert_true(f->n_order >= 5 && f->n_order <= 6);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(f->order[i], i);
    }
    assert_int_equal(f->found.lost, 0);
}

static void
what_cannot_be_written_is_refused_and_the_next_tries_again(void **state)
{
    struct fixture *f = *state;

    put_many(f, 0, 2, 50);
    f->error = ENOSPC;
    f->fail_writes = -1;
    f->fail_creates = -1;
    put_many(f, 2, 4, 50);
    assert_int_equal(f->failed, 2);
    assert_int_equal(f->failure.status, OTC_RESOURCE_EXHAUSTED);
    assert_string_equal(f->failure.text, "the queue on disk cannot be written: No space left on device");
    /* What is there can be read and removed meanwhile. */
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1000};
    assert_int_equal(otc_log_read(f->log, f->records[1], &out, &f->err), OTC_OK);
    take_out(f, 0);
    f->fail_writes = 0;
    f->fail_creates = 0;
    put_many(f, 4, 6, 50);
    assert_int_equal(f->failed, 2);
    reopen(f);
    check_order(f, (const int[]){1, 4, 5}, 3);
    assert_int_equal(f->found.lost, 0);
}

static void
the_limits_refuse(void **state)
{
    struct fixture *f = *state;
    int n = 0;

    f->options.max_bytes = 400000;
    reopen(f);
    while (put(f, n, 1000) == OTC_PENDING) {
        n++;
        wait_told(f);
    }
    assert_in_range(n, 150, 400);
    assert_string_equal(f->err.text, "the queue on disk is full (400000 bytes)");
    assert_int_equal(put(f, n, 400000), OTC_INVALID_ARGUMENT); /* never */
    assert_non_null(strstr(f->err.text, "are more than the queue on disk takes (400000)"));
    for (int i = 0; i < n; i++) {
        take_out(f, i);
    }
    /* The thread removes the files. */
    while (put(f, 0, 1000) != OTC_PENDING) {
        assert_int_equal(f->err.status, OTC_RESOURCE_EXHAUSTED);
    }
    wait_told(f);
}

/* One record in each segment stays: they come together in few, and are found in their old order. */
static void
what_is_left_of_many_segments_is_written_anew(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;

    for (int i = 0; i < 400; i += 10) {
        put_many(f, i, i + 10, 6000);
    }
    assert_true(files(f, ".segment", NULL) > 30);
    for (int i = 0; i < 400; i++) {
        if (i % 20 != 7) {
            take_out(f, i);
        }
    }
    /* The thread does it; puts wake it and wait for it. */
    for (int i = 0; i < 20 && files(f, ".segment", NULL) > 8; i++) {
        put_many(f, 1000, 1001, 10);
        take_out(f, 1000);
    }
    assert_in_range(files(f, ".segment", NULL), 1, 8);
    for (int i = 7; i < 400; i += 20) {
        OTC_AUTO_BUF struct otc_buf out = {.limit = 10000};
        char text[16];

        snprintf(text, sizeof(text), "%d ", i);
        assert_int_equal(otc_log_read(f->log, f->records[i], &out, &f->err), OTC_OK);
        assert_memory_equal(out.data, text, strlen(text));
    }
    take_out(f, 27);
    put_many(f, 500, 502, 10);
    reopen(f);
    assert_int_equal(f->found.lost, 0);
    assert_int_equal(f->n_order, 21);
    for (size_t i = 0; i < 19; i++) {
        assert_int_equal(f->order[i], i == 0 ? 7 : 27 + 20 * (int)i);
    }
    assert_int_equal(f->order[19], 500);
    for (n = 0; n < 21; n++) {
        take_out(f, f->order[n]);
    }
    reopen(f);
    assert_int_equal(f->n_order, 0);
}

/* A disk that fails once does not keep a segment for good. */
static void
what_could_not_be_written_anew_is_tried_again(void **state)
{
    struct fixture *f = *state;
    char path[512];

    pthread_mutex_lock(&f->writer->lock);
    f->log->compact_retry_ns = 1000000;
    pthread_mutex_unlock(&f->writer->lock);
    for (int i = 0; i < 60; i += 10) {
        put_many(f, i, i + 10, 6000);
    }
    snprintf(path, sizeof(path), "%s/exporter_otlp_traces.0000000000000001.segment", f->folder);
    f->syncs = 0;
    f->fail_syncs = 2; /* at the end, and in another segment */
    for (int i = 0; i < 20; i++) {
        if (i != 3) {
            take_out(f, i); /* the end of the second segment wakes the thread */
        }
    }
    wait_syncs(f, 2);
    for (int i = 0; i < 5000 && file_size(path) >= 0; i++) {
        put_many(f, 1000, 1001, 10);
        take_out(f, 1000);
    }
    assert_int_equal(f->failed, 0);
    assert_int_equal(file_size(path), -1);
    assert_int_equal(otc_log_failures(f->log), 2);
    reopen(f);
    assert_int_equal(f->n_order, 41);
    assert_int_equal(f->order[0], 3);
    assert_int_equal(f->found.lost, 0);
}

static void *
keep_some(void *arg)
{
    struct fixture *f = ((void **)arg)[0];
    int from = *(int *)((void **)arg)[1];

    for (int round = 0; round < 30; round++) {
        for (int i = from; i < from + 60; i++) {
            assert_int_equal(put(f, i, 3000), OTC_PENDING);
        }
        wait_told(f);
        for (int i = from; i < from + 60; i++) {
            OTC_AUTO_BUF struct otc_buf out = {.limit = 10000};

            if (i % 30 == 0) {
                assert_int_equal(otc_log_read(f->log, f->records[i], &out, &f->err), OTC_OK);
            }
            if (i != from || round < 29) {
                take_out(f, i);
            }
        }
    }
    return NULL;
}

/* Records are read and removed while they are moved. */
static void
moving_records_can_be_read_and_removed(void **state)
{
    struct fixture *f = *state;
    int from[] = {0, 1000, 2000};
    pthread_t threads[3];
    void *args[3][2];

    put_many(f, 3000, 3001, 100);
    for (int i = 0; i < 3; i++) {
        args[i][0] = f;
        args[i][1] = &from[i];
        pthread_create(&threads[i], NULL, keep_some, args[i]);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    reopen(f);
    assert_int_equal(f->n_order, 4);
    assert_int_equal(f->order[0], 3000);
    assert_int_equal(f->found.lost, 0);
}

static void *
put_and_take(void *arg)
{
    struct fixture *f = ((void **)arg)[0];
    int from = *(int *)((void **)arg)[1];

    for (int round = 0; round < 20; round++) {
        for (int i = from; i < from + 100; i++) {
            assert_int_equal(put(f, i, 200), OTC_PENDING);
        }
        wait_told(f);
        for (int i = from; i < from + 100; i++) {
            take_out(f, i);
        }
    }
    return NULL;
}

static void
threads_put_and_remove_at_once(void **state)
{
    struct fixture *f = *state;
    int from[] = {0, 1000, 2000, 3000};
    pthread_t threads[4];
    void *args[4][2];

    for (int i = 0; i < 4; i++) {
        args[i][0] = f;
        args[i][1] = &from[i];
        pthread_create(&threads[i], NULL, put_and_take, args[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    reopen(f);
    assert_int_equal(f->n_order, 0);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_was_not_removed_comes_again_in_order),
        CASE(segments_go_with_their_last_record),
        CASE(small_records_fill_a_segment_by_their_number),
        CASE(a_flipped_bit_costs_its_record),
        CASE(damage_to_what_was_removed_costs_nothing),
        CASE(damage_to_the_head_costs_nothing),
        CASE(a_torn_end_is_no_loss),
        CASE(an_empty_or_foreign_file_keeps_nobody_from_starting),
        CASE(a_record_damaged_while_it_waits_is_told_when_it_is_read),
        CASE(what_fails_once_is_written_elsewhere),
        CASE(what_cannot_be_written_is_refused_and_the_next_tries_again),
        CASE(the_limits_refuse),
        CASE(what_is_left_of_many_segments_is_written_anew),
        CASE(what_could_not_be_written_anew_is_tried_again),
        CASE(moving_records_can_be_read_and_removed),
        CASE(threads_put_and_remove_at_once),
    };

    return cmocka_run_group_tests_name("common/storage/log", tests, NULL, NULL);
}
