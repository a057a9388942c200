// SPDX-License-Identifier: Apache-2.0
/* The queue on disk when the n-th call of the system fails, for every n and every call it makes: nothing that
 * was told is lost, the log opens, and who is refused gets a reason. */
#include "tests/unit/common/storage/disk.h"
#include "tests/unit/common/storage/log_fixture.h"

#define BEFORE 6
#define RECORDS 40
#define FILES 8

/* A store of a former process, as bytes: some damage, and an end that was being written. */
static struct {
    char name[256];
    uint8_t *bytes;
    size_t len;
} before[FILES];
static size_t n_before;

static void
read_before(const char *folder)
{
    DIR *list = opendir(folder);
    const struct dirent *entry;
    char path[1024];

    n_before = 0;
    while ((entry = readdir(list))) {
        FILE *file;

        if (!strstr(entry->d_name, ".segment")) {
            continue;
        }
        assert_true(n_before < FILES);
        (void)snprintf(before[n_before].name, sizeof(before[0].name), "%s", entry->d_name);
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        before[n_before].len = (size_t)file_size(path);
        before[n_before].bytes = malloc(before[n_before].len);
        file = fopen(path, "re");
        assert_int_equal(fread(before[n_before].bytes, 1, before[n_before].len, file), before[n_before].len);
        fclose(file);
        n_before++;
    }
    closedir(list);
}

static void
write_before(const char *folder)
{
    char path[1024];

    empty_folder(folder);
    for (size_t i = 0; i < n_before; i++) {
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/%.255s", folder, before[i].name);
        file = fopen(path, "we");
        assert_int_equal(fwrite(before[i].bytes, 1, before[i].len, file), before[i].len);
        fclose(file);
    }
}

/* Two segments: in the first record 1 is damaged, the second was written to when the process was killed. */
static void
make_before(struct fixture *f)
{
    uint8_t *grown;

    f->options.segment_bytes = 20000;
    reopen(f);
    put_many(f, 0, 5, 3000);
    close_log(f);
    damage(f, "1 ", 0);
    read_before(f->folder);
    assert_int_equal(n_before, 1);
    before[FILES - 1] = before[0];
    open_log(f);
    put_many(f, 5, BEFORE, 100);
    close_log(f);
    read_before(f->folder);
    assert_int_equal(n_before, 2);
    for (size_t i = 0; i < 2; i++) {
        if (strcmp(before[i].name, before[FILES - 1].name) == 0) {
            free(before[i].bytes);
            before[i] = before[FILES - 1];
            continue;
        }
        grown = realloc(before[i].bytes, before[i].len + 24);
        assert_non_null(grown);
        memset(grown + before[i].len, 0x55, 24);
        memset(grown + OTC__LOG_SEAL, 0, sizeof(struct otc__log_seal));
        memset(grown + OTC__LOG_SEAL_COPY, 0, sizeof(struct otc__log_seal));
        before[i].bytes = grown;
        before[i].len += 24;
    }
}

/* ---- A process on a disk that fails ---------------------------------------------------------------- */

/* What a run promised. */
static struct {
    bool there[RECORDS], ended[RECORDS], aside[RECORDS];
} promised;

/* Whether it failed makes no difference: the file is looked for. */
static void
aside_ended(void *arg, int failed)
{
    struct fixture *f = arg;

    (void)failed;
    pthread_mutex_lock(&f->lock);
    f->waiting--;
    pthread_cond_broadcast(&f->told);
    pthread_mutex_unlock(&f->lock);
}

static void
set_aside(struct fixture *f, int number)
{
    char name[32], folder[128];
    const struct otc_log_aside aside = {folder, name, 0, "because", aside_ended, f};

    if (!f->records[number]) {
        return;
    }
    (void)snprintf(folder, sizeof(folder), "%s/dead_letters", f->folder);
    (void)snprintf(name, sizeof(name), "%d", number);
    promised.aside[number] = true;
    f->waiting++;
    if (otc_log_set_aside(f->log, f->records[number], &aside, &f->err) != OTC_PENDING) {
        fail_msg("%s", f->err.text);
    }
    f->records[number] = NULL;
    wait_told(f);
}

static void
add(struct fixture *f, int from, int to, size_t filler)
{
    put_many(f, from, to, filler);
    for (int i = from; i < to; i++) {
        promised.there[i] = f->records[i] != NULL;
    }
    if (f->failed > 0) {
        assert_memory_equal(f->failure.text, "the queue on disk cannot be written: ", 37);
        assert_int_equal(f->failure.status,
                         f->failure.text[37] == 'N' ? OTC_RESOURCE_EXHAUSTED : OTC_UNAVAILABLE);
        f->failed = 0;
    }
}

static void
end(struct fixture *f, int number)
{
    if (f->records[number]) {
        promised.ended[number] = true;
        take_out(f, number);
    }
}

/* False when it did not start, which needs a folder that cannot be read. */
static bool
live(struct fixture *f)
{
    memset(&promised, 0, sizeof(promised));
    for (int i = 0; i < BEFORE; i++) {
        promised.there[i] = i != 1;
    }
    f->n_order = 0;
    f->err = OTC_ERROR_INIT;
    if (otc_log_open(f->writer, &f->options, &f->found, &f->log, &f->err) != OTC_OK) {
        assert_true(strlen(f->err.text) > 10);
        f->log = NULL;
        return false;
    }
    add(f, 6, 8, 100);
    end(f, 0);
    add(f, 8, 12, 9000);
    set_aside(f, 2);
    set_aside(f, 9);
    add(f, 12, 13, 100);
    end(f, 12);
    end(f, 5);
    close_log(f);
    return true;
}

static bool
is_letter(struct fixture *f, int number)
{
    char path[512], want[16];
    size_t len = (size_t)snprintf(want, sizeof(want), "%d ", number);

    (void)snprintf(path, sizeof(path), "%s/dead_letters/%d.pb", f->folder, number);
    return file_size(path) == (long)(len + (number == 9 ? 9000 : 3000));
}

static void
check(struct fixture *f, const char *what, int nth, int error)
{
    open_log(f);
    for (int i = 0; i < RECORDS; i++) {
        bool kept = promised.there[i] && !promised.ended[i];

        if (kept && !f->records[i] && !(promised.aside[i] && is_letter(f, i))) {
            fail_msg("record %d is lost: %s %d, %s", i, what, nth, strerror(error));
        }
        if (f->records[i]) {
            OTC_AUTO_BUF struct otc_buf content = {.limit = 1 << 20};

            assert_int_equal(otc_log_read(f->log, f->records[i], &content, &f->err), OTC_OK);
        }
    }
    close_log(f);
}

/* Returns whether anything failed. */
static bool
fail_once(struct fixture *f, const char *dead_letters, enum disk_call call, int nth, int error, bool forever)
{
    bool failed, started;

    write_before(f->folder);
    (void)mkdir(dead_letters, 0700);
    disk_watch(f->folder);
    (void)disk_fail(call, nth, error, forever);
    started = live(f);
    failed = disk_fail(call, 0, 0, false) > 0;
    if (!started && !disk.folder_failed && error != EMFILE) {
        fail_msg("it does not start: %s %d: %s", disk_calls[call], nth, f->err.text);
    }
    check(f, disk_calls[call], nth, error);
    /* A damaged record is counted; beside it, at most what was being written and was told to nobody. */
    if (f->found.lost > (forever ? 3 : 1)) {
        fail_msg("%llu are lost: %s %d, %s", (unsigned long long)f->found.lost, disk_calls[call], nth,
                 strerror(error));
    }
    disk_watch("");
    return failed;
}

static void
every_call_may_fail(void **state)
{
    static const struct {
        int error;
        bool forever;
    } ways[] = {{EIO, false}, {ENOSPC, false}, {EMFILE, false}, {EIO, true}};
    struct fixture *f = *state;
    char dead_letters[128];

    (void)snprintf(dead_letters, sizeof(dead_letters), "%s/dead_letters", f->folder);
    f->options.io = NULL;
    make_before(f);
    for (enum disk_call call = 0; call < DISK_MKDIR; call++) {
        int most = 0;

        for (size_t i = 0; i < 4; i++) {
            int nth = 1;

            /* Errors that a call does not know are not tried. */
            if ((ways[i].error == EMFILE && call != DISK_OPEN) ||
                (ways[i].error == ENOSPC && (call == DISK_READ || call == DISK_UNLINK))) {
                continue;
            }
            while (fail_once(f, dead_letters, call, nth, ways[i].error, ways[i].forever)) {
                nth++;
            }
            most = nth > most ? nth : most;
        }
        print_message("%s: %d calls\n", disk_calls[call], most - 1);
        assert_true(most > 1);
    }
    empty_folder(f->folder);
    for (size_t i = 0; i < n_before; i++) {
        free(before[i].bytes);
    }
    open_log(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_call_may_fail, setup, teardown),
    };

    return cmocka_run_group_tests_name("common/storage/log and faults", tests, NULL, NULL);
}
