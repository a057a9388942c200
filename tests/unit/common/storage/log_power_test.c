// SPDX-License-Identifier: Apache-2.0
/* The queue on disk after a power cut at every moment, when of what was not flushed anything may be missing:
 * files, sizes, and single sectors of writes. */
#include "tests/unit/common/storage/disk.h"
#include "tests/unit/common/storage/log_fixture.h"

#define SECTOR 512
#define FILES_MAX 256
#define RECORDS 400

/* ---- What is left after a cut ---------------------------------------------------------------------- */

static uint64_t seed;

static uint64_t
dice(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Whether something that was not flushed is there, with this chance of 4. */
static bool
is_there(unsigned odds)
{
    return dice() % 4 < odds;
}

struct image {
    uint8_t *bytes;
    size_t len, capacity;
};

static void
grow(struct image *image, size_t len)
{
    if (len > image->capacity) {
        size_t capacity = len * 2;

        image->bytes = realloc(image->bytes, capacity);
        assert_non_null(image->bytes);
        memset(image->bytes + image->capacity, 0, capacity - image->capacity);
        image->capacity = capacity;
    }
    image->len = len > image->len ? len : image->len;
}

static void
resize(struct image *image, size_t len)
{
    grow(image, len);
    if (image->len > len) {
        memset(image->bytes + len, 0, image->len - len);
    }
    image->len = len;
}

static void
apply_write(struct image *image, const struct disk_op *op, bool durable, unsigned odds)
{
    for (size_t done = 0; done < op->len;) {
        size_t at = (size_t)op->at + done, part = SECTOR - at % SECTOR;

        part = part < op->len - done ? part : op->len - done;
        if (durable || is_there(odds)) {
            grow(image, at + part);
            memcpy(image->bytes + at, op->bytes + done, part);
        }
        done += part;
    }
}

/* The contents of a file after a cut behind `cut` operations. */
static void
make_image(int file, size_t cut, unsigned odds, struct image *image)
{
    size_t flushed = 0;

    for (size_t i = 0; i < cut; i++) {
        flushed = disk.ops[i].type == OP_SYNC && disk.ops[i].file == file ? i : flushed;
    }
    for (size_t i = 0; i < cut; i++) {
        const struct disk_op *op = &disk.ops[i];

        if (op->file == file && op->type == OP_WRITE) {
            apply_write(image, op, i < flushed, odds);
        } else if (op->file == file && op->type == OP_SIZE && (i < flushed || is_there(odds))) {
            resize(image, (size_t)op->at);
        }
    }
}

struct name {
    char path[DISK_PATH];
    int file; /* -1: a folder */
};

static bool
in_folder(const char *path, const char *folder)
{
    const char *end = strrchr(path, '/');
    size_t len = end ? (size_t)(end - path) : 0;

    return len == strlen(folder) && strncmp(path, folder, len) == 0;
}

static struct name *
find_name(struct name *names, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i].path, path) == 0) {
            return &names[i];
        }
    }
    return NULL;
}

static void
apply_name(const struct disk_op *op, struct name *names, size_t *n)
{
    const char *made = op->type == OP_RENAME ? op->to : op->path;
    struct name *from = find_name(names, *n, op->path), *to;
    int file = op->type == OP_CREATE ? op->file : -1;

    if (op->type == OP_RENAME && from) {
        file = from->file;
        *from = names[--*n];
    } else if (op->type == OP_RENAME) {
        /* The name before was not kept, the file is: who renamed it made it. */
        for (const struct disk_op *at = op; at-- > disk.ops && file < 0;) {
            file = at->type == OP_CREATE && strcmp(at->path, op->path) == 0 ? at->file : file;
        }
    }
    if (op->type == OP_UNLINK) {
        if (from) {
            *from = names[--*n];
        }
        return;
    }
    to = find_name(names, *n, made);
    if (!to) {
        assert_true(*n < FILES_MAX);
        to = &names[(*n)++];
    }
    (void)snprintf(to->path, DISK_PATH, "%s", made);
    to->file = file;
}

static size_t
make_names(size_t cut, unsigned odds, struct name names[FILES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < cut; i++) {
        const struct disk_op *op = &disk.ops[i];
        bool durable = false;

        if (op->type != OP_CREATE && op->type != OP_RENAME && op->type != OP_UNLINK && op->type != OP_MKDIR) {
            continue;
        }
        for (size_t k = i; k < cut && !durable; k++) {
            durable = disk.ops[k].type == OP_SYNC_FOLDER && in_folder(op->path, disk.ops[k].path);
        }
        if (durable || is_there(odds)) {
            apply_name(op, names, &n);
        }
    }
    return n;
}

/* Makes the folder as a cut leaves it. */
static void
make_folder(const char *folder, size_t cut, unsigned odds)
{
    static struct name names[FILES_MAX];
    size_t n = make_names(cut, odds, names);
    char path[512];

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < n; i++) {
            struct image image = {0};
            FILE *file;

            (void)snprintf(path, sizeof(path), "%s/%.255s", folder, names[i].path);
            if (names[i].file < 0) {
                assert_true(round > 0 || mkdir(path, 0700) == 0);
                continue;
            }
            if (round == 0) {
                continue;
            }
            make_image(names[i].file, cut, odds, &image);
            file = fopen(path, "we");
            /* In a folder that is not there a file is not there either. */
            if (file) {
                assert_true(image.len == 0 || fwrite(image.bytes, 1, image.len, file) == image.len);
                fclose(file);
            }
            free(image.bytes);
        }
    }
}

/* ---- What was done before -------------------------------------------------------------------------- */

/* When, counted in operations. */
struct history {
    size_t told[RECORDS];    /* it was said to be there; 0: never */
    size_t removed[RECORDS]; /* its end began; SIZE_MAX: never */
    bool aside[RECORDS];     /* as a file */
    size_t len[RECORDS];
};
static struct history history;

static void
note_told(int number)
{
    history.told[number] = disk_ops();
}

static void
add(struct fixture *f, int from, int to, size_t filler)
{
    for (int i = from; i < to; i++) {
        history.removed[i] = SIZE_MAX;
        history.len[i] = filler;
    }
    put_many(f, from, to, filler);
    for (int i = from; i < to; i++) {
        assert_true(history.told[i] > 0);
    }
}

static void
end(struct fixture *f, int number)
{
    history.removed[number] = disk_ops();
    take_out(f, number);
}

static void
set_aside(struct fixture *f, int number)
{
    char name[32], folder[128];
    const struct otc_log_aside aside = {folder, name, 0, "because", aside_done, f};

    (void)snprintf(folder, sizeof(folder), "%s/dead_letters", f->folder);
    (void)mkdir(folder, 0700);
    (void)snprintf(name, sizeof(name), "%d", number);
    history.removed[number] = disk_ops();
    history.aside[number] = true;
    f->waiting++;
    assert_int_equal(otc_log_set_aside(f->log, f->records[number], &aside, &f->err), OTC_PENDING);
    f->records[number] = NULL;
    wait_told(f);
}

/* Groups over several segments, restarts, records that go one by one and as dead letters, segments that are
 * written anew. */
static void
live(struct fixture *f)
{
    add(f, 0, 3, 700);
    end(f, 1);
    reopen(f);
    add(f, 3, 9, 9000);
    set_aside(f, 4);
    end(f, 0);
    add(f, 9, 17, 9000);
    reopen(f);
    for (int i = 5; i < 16; i++) {
        if (i % 5 != 0) {
            end(f, i);
        }
    }
    for (int i = 20; i < 60; i += 5) {
        add(f, i, i + 4, 16000);
        add(f, i + 4, i + 5, 100);
        for (int k = i; k < i + 4; k++) {
            end(f, k);
        }
    }
    /* What is left of the segments comes together. */
    add(f, 70, 71, 10);
    assert_in_range(files(f, ".segment", NULL), 1, 6);
    set_aside(f, 2);
    end(f, 3);
    reopen(f);
    add(f, 60, 64, 100);
    assert_int_equal(f->failed, 0);
}

/* ---- The promise ----------------------------------------------------------------------------------- */

static bool
is_letter(const char *folder, int number)
{
    char path[512], text[16] = "", want[16];
    struct stat found;
    FILE *file;
    bool whole;

    (void)snprintf(path, sizeof(path), "%s/dead_letters/%d.pb", folder, number);
    file = fopen(path, "re");
    if (!file) {
        return false;
    }
    (void)snprintf(want, sizeof(want), "%d ", number);
    whole = fread(text, 1, strlen(want), file) == strlen(want) && strcmp(text, want) == 0 &&
            stat(path, &found) == 0 && (size_t)found.st_size == strlen(want) + history.len[number];
    fclose(file);
    return whole;
}

static void
check(struct fixture *f, const char *folder, size_t cut, size_t attempt)
{
    bool found[RECORDS] = {false};

    for (size_t i = 0; i < f->n_order; i++) {
        OTC_AUTO_BUF struct otc_buf content = {.limit = 1 << 20};
        int number = f->order[i];

        assert_false(found[number]);
        found[number] = true;
        assert_int_equal(otc_log_read(f->log, f->records[number], &content, &f->err), OTC_OK);
        assert_int_equal(content.len, (number < 10 ? 2 : 3) + history.len[number]);
    }
    for (int i = 0; i < RECORDS; i++) {
        bool promised = history.told[i] > 0 && history.told[i] <= cut;
        bool ended = history.removed[i] < cut;

        if (promised && !found[i] && (!ended || (history.aside[i] && !is_letter(folder, i)))) {
            fail_msg("record %d is lost by a cut after operation %zu of %zu, attempt %zu", i, cut, disk.n_ops,
                     attempt);
        }
    }
}

static void
what_was_told_survives_a_cut_at_every_moment(void **state)
{
    static struct fixture after;
    struct fixture *f = *state;
    const char *more = getenv("AIMON_POWER_CUTS");
    unsigned rounds = more ? (unsigned)strtoul(more, NULL, 10) : 1;

    close_log(f);
    f->options.io = NULL;
    f->told_hook = note_told;
    disk_watch(f->folder);
    disk.notes = true;
    open_log(f);
    live(f);
    close_log(f);
    disk.notes = false;
    assert_true(disk.n_ops > 200);
    (void)snprintf(after.folder, sizeof(after.folder), "%.50s/after", f->folder);
    assert_int_equal(mkdir(after.folder, 0700), 0);
    after.writer = f->writer;
    after.options = f->options;
    after.options.directory = after.folder;
    after.options.arg = &after;
    after.err = OTC_ERROR_INIT;
    for (size_t i = 0; i < rounds * (disk.n_ops + 1); i++) {
        size_t cut = i % (disk.n_ops + 1);
        unsigned odds = (unsigned)(i * 7 / 3 % 4);

        seed = i * UINT64_C(0x9e3779b97f4a7c15) + 1;
        make_folder(after.folder, cut, odds);
        open_log(&after);
        check(&after, after.folder, cut, i);
        close_log(&after);
        empty_folder(after.folder);
    }
    (void)rmdir(after.folder);
    disk_forget();
    disk_watch("");
    empty_folder(f->folder);
    open_log(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_told_survives_a_cut_at_every_moment, setup, teardown),
    };

    return cmocka_run_group_tests_name("common/storage/log and power cuts", tests, NULL, NULL);
}
