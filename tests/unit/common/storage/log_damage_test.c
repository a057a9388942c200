// SPDX-License-Identifier: Apache-2.0
/* The queue on disk after damage at random: it opens, what was not hit is there, what was hit is counted. */
#include "tests/unit/common/storage/log_fixture.h"

#define FILES 4
#define RECORDS 60
#define BLOCK 4096

/* A store as it was, and as it is after the damage. */
struct file {
    char path[512];
    uint64_t number;
    size_t len, damaged_len;
    uint8_t *bytes, *damaged;
};

struct place {
    int file; /* -1: not found yet */
    size_t at, len;
    uint32_t index;
    bool removed;
};

static struct file store[FILES];
static struct place places[RECORDS];
static int n_store;
static uint64_t seed;

static size_t
dice(size_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed >> 11) % n;
}

/* ---- The store ------------------------------------------------------------------------------------- */

static void
find_places(int file)
{
    struct file *f = &store[file];

    for (size_t at = OTC__LOG_RECORDS; at + sizeof(struct otc__log_header) < f->len; at += 8) {
        struct otc__log_header header;
        char text[16] = "";
        const uint8_t *content = f->bytes + at + sizeof(header);
        int number;

        memcpy(&header, f->bytes + at, sizeof(header));
        if (!otc__log_header_is_sound(&header, f->number, (int64_t)at)) {
            continue;
        }
        memcpy(text, content, header.len < 15 ? header.len : 15);
        number = (int)strtol(text, NULL, 10);
        assert_in_range(number, 0, RECORDS - 1);
        places[number].file = file;
        places[number].at = at;
        places[number].len = sizeof(header) + header.len;
        places[number].index = header.index;
    }
}

static int
by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

/* Reads what a log left in its folder. */
static void
read_store(struct fixture *f)
{
    DIR *folder = opendir(f->folder);
    const struct dirent *entry;

    n_store = 0;
    while ((entry = readdir(folder))) {
        if (strstr(entry->d_name, ".segment")) {
            assert_true(n_store < FILES);
            (void)snprintf(store[n_store++].path, 512, "%s/%s", f->folder, entry->d_name);
        }
    }
    closedir(folder);
    qsort(store, (size_t)n_store, sizeof(store[0]), by_path);
    for (int i = 0; i < n_store; i++) {
        struct file *file = &store[i];
        FILE *in = fopen(file->path, "re");

        file->number = strtoull(strstr(file->path, "traces.") + 7, NULL, 16);
        file->len = (size_t)file_size(file->path);
        file->bytes = malloc(file->len);
        file->damaged = malloc(file->len);
        assert_int_equal(fread(file->bytes, 1, file->len, in), file->len);
        fclose(in);
        find_places(i);
    }
}

static void
free_store(void)
{
    for (int i = 0; i < n_store; i++) {
        free(store[i].bytes);
        free(store[i].damaged);
    }
    n_store = 0;
}

/* Three segments; every seventh record is removed. Not `sealed`: the last is as a kill leaves it. */
static void
make_store(struct fixture *f, bool sealed)
{
    f->options.segment_bytes = 20000;
    f->options.sync = OTC_LOG_SYNC_NONE; /* nothing here is about flushes */
    reopen(f);
    for (int i = 0; i < RECORDS; i++) {
        places[i] = (struct place){.file = -1};
    }
    for (int i = 0; i < RECORDS; i += 20) {
        put_many(f, i, i + 20, 700);
    }
    for (int i = 3; i < RECORDS; i += 7) {
        take_out(f, i);
        places[i].removed = true;
    }
    close_log(f);
    read_store(f);
    assert_int_equal(n_store, 3);
    for (int i = 0; i < RECORDS; i++) {
        assert_in_range(places[i].file, 0, n_store - 1);
    }
    if (!sealed) {
        memset(store[2].bytes + OTC__LOG_SEAL, 0, sizeof(struct otc__log_seal));
        memset(store[2].bytes + OTC__LOG_SEAL_COPY, 0, sizeof(struct otc__log_seal));
    }
}

/* ---- Damage ---------------------------------------------------------------------------------------- */

static void
flip_bits(struct file *file)
{
    /* Half of them where the records are: most of the rest is empty. */
    size_t from = dice(2) && file->damaged_len > OTC__LOG_RECORDS ? OTC__LOG_RECORDS : 0;

    for (size_t n = 1 + dice(10); n > 0 && file->damaged_len > from; n--) {
        file->damaged[from + dice(file->damaged_len - from)] ^= (uint8_t)(1u << dice(8));
    }
}

static uint8_t *
some_block(const struct file *file, size_t block)
{
    return file->damaged_len < block ? NULL : file->damaged + dice(file->damaged_len / block) * block;
}

static void
swap_blocks(struct file *a, struct file *b)
{
    static uint8_t kept[BLOCK];
    size_t block = dice(2) ? BLOCK : 512;
    uint8_t *x = some_block(a, block), *y = some_block(b, block);

    if (x && y) {
        memcpy(kept, x, block);
        memmove(x, y, block);
        memcpy(y, kept, block);
    }
}

static void
damage_some(void)
{
    for (size_t n = 1 + dice(4); n > 0; n--) {
        struct file *file = &store[dice((size_t)n_store)];
        size_t block = dice(2) ? BLOCK : 512;
        uint8_t *at = some_block(file, block);

        switch (dice(5)) {
        case 0:
            file->damaged_len = dice(file->damaged_len + 1);
            break;
        case 1:
            swap_blocks(file, &store[dice((size_t)n_store)]);
            break;
        case 2:
            if (at) {
                memset(at, (int)dice(2) * 255, block);
            }
            break;
        default:
            flip_bits(file);
            break;
        }
    }
}

static void
write_damaged(uint64_t with)
{
    seed = with * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (int i = 0; i < n_store; i++) {
        memcpy(store[i].damaged, store[i].bytes, store[i].len);
        store[i].damaged_len = store[i].len;
    }
    damage_some();
    for (int i = 0; i < n_store; i++) {
        FILE *out = fopen(store[i].path, "we");

        assert_int_equal(fwrite(store[i].damaged, 1, store[i].damaged_len, out), store[i].damaged_len);
        fclose(out);
    }
}

/* ---- What is to be found --------------------------------------------------------------------------- */

/* Whether bytes are what they were. */
static bool
is_whole(const struct file *file, size_t at, size_t len)
{
    return at + len <= file->damaged_len && memcmp(file->bytes + at, file->damaged + at, len) == 0;
}

static bool
is_sealed(const struct file *file)
{
    const size_t len = sizeof(struct otc__log_seal);
    static const uint8_t none[sizeof(struct otc__log_seal)];

    return (is_whole(file, OTC__LOG_SEAL, len) || is_whole(file, OTC__LOG_SEAL_COPY, len)) &&
           memcmp(file->bytes + OTC__LOG_SEAL, none, len) != 0;
}

/* Whether it is known that a record was removed. */
static bool
is_removed(const struct place *place)
{
    return place->removed &&
           is_whole(&store[place->file], OTC__LOG_PAGE + (size_t)place->index * OTC__LOG_NOTE, OTC__LOG_NOTE);
}

/* Returns how many records were hit. */
static uint64_t
check_found(const struct fixture *f, uint64_t with)
{
    uint64_t hit = 0;

    for (int i = 0; i < RECORDS; i++) {
        const struct place *place = &places[i];
        bool whole = is_whole(&store[place->file], place->at, place->len), found = f->records[i] != NULL;

        if (is_removed(place)) {
            assert_false(found);
            continue;
        }
        hit += !whole;
        if (found != whole) {
            fail_msg("seed %llu: record %d is %s and %s", (unsigned long long)with, i,
                     whole ? "sound" : "damaged", found ? "found" : "not found");
        }
    }
    return hit;
}

static void
remove_strays(struct fixture *f)
{
    char path[512];

    while (files(f, "exporter", path) > 0) {
        assert_int_equal(unlink(path), 0);
    }
}

static void
survive(struct fixture *f, uint64_t with, size_t *exact)
{
    bool sealed = true;
    uint64_t hit;

    write_damaged(with);
    for (int i = 0; i < n_store; i++) {
        sealed = sealed && is_sealed(&store[i]);
    }
    open_log(f);
    hit = check_found(f, with);
    if (sealed ? f->found.lost != hit : f->found.lost > hit + (uint64_t)n_store) {
        fail_msg("seed %llu: %llu records were hit, %llu are counted", (unsigned long long)with,
                 (unsigned long long)hit, (unsigned long long)f->found.lost);
    }
    *exact += sealed;
    /* What was counted is not counted again, and what is there stays. */
    reopen(f);
    assert_int_equal(check_found(f, with), hit);
    if (f->found.lost != 0) {
        fail_msg("seed %llu: %llu records are counted again", (unsigned long long)with,
                 (unsigned long long)f->found.lost);
    }
    close_log(f);
    remove_strays(f);
}

static void
damage_costs_what_it_hits(void **state)
{
    struct fixture *f = *state;
    const char *more = getenv("AIMON_DAMAGES");
    uint64_t rounds = more ? strtoull(more, NULL, 10) : 500;

    for (int sealed = 0; sealed < 2; sealed++) {
        size_t exact = 0;

        make_store(f, sealed);
        for (uint64_t i = 0; i < rounds; i++) {
            survive(f, i, &exact);
        }
        assert_true(sealed ? exact > rounds / 2 : exact == 0);
        free_store();
        open_log(f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(damage_costs_what_it_hits, setup, teardown),
    };

    return cmocka_run_group_tests_name("common/storage/log and damage", tests, NULL, NULL);
}
