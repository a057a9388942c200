// SPDX-License-Identifier: Apache-2.0
#include "common/base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/random.h>

#define XXH_INLINE_ALL /* keys are short: a call would cost more than their hash */
#include <xxhash.h>

/* Slots of the index: 0 free, DELETED, else entry number + 2. */
#define FREE 0
#define DELETED 1
#define FIRST 2
#define MIN_SLOTS 16

struct entry {
    uint8_t *key; /* NULL: removed */
    size_t len;
    uint64_t hash;
    void *value;
};

struct otc_map {
    struct entry *entries; /* in insertion order, with holes */
    size_t n_entries;
    size_t capacity;
    uint32_t *slots;
    size_t n_slots; /* a power of two */
    size_t used_slots;
    size_t count;
    size_t limit;
};

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed;

static void
make_seed(void)
{
    const void *random = (const void *)getauxval(AT_RANDOM); // NOLINT(performance-no-int-to-ptr)

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed) && random) {
        memcpy(&seed, random, sizeof(seed));
    }
}

uint64_t
otc_map_seed(void)
{
    pthread_once(&seed_once, make_seed);
    return seed;
}

struct otc_map *
otc_map_new(size_t limit)
{
    struct otc_map *map = calloc(1, sizeof(*map));

    pthread_once(&seed_once, make_seed);
    if (map) {
        map->limit = limit < UINT32_MAX / 4 ? limit : UINT32_MAX / 4;
    }
    return map;
}

void
otc_map_free(struct otc_map *map, void (*drop)(void *value))
{
    if (!map) {
        return;
    }
    for (size_t i = 0; i < map->n_entries; i++) {
        if (map->entries[i].key) {
            if (drop) {
                drop(map->entries[i].value);
            }
            free(map->entries[i].key);
        }
    }
    free(map->entries);
    free(map->slots);
    free(map);
}

/* The slot that holds `key`, or SIZE_MAX. */
static size_t
find(const struct otc_map *map, struct otc_slice key, uint64_t hash)
{
    size_t mask = map->n_slots - 1;

    if (map->n_slots == 0) {
        return SIZE_MAX;
    }
    for (size_t at = hash & mask; map->slots[at] != FREE; at = (at + 1) & mask) {
        const struct entry *entry;

        if (map->slots[at] == DELETED) {
            continue;
        }
        entry = &map->entries[map->slots[at] - FIRST];
        if (entry->hash == hash && otc_slice_equal(otc_slice_of(entry->key, entry->len), key)) {
            return at;
        }
    }
    return SIZE_MAX;
}

static uint64_t
hash_of(struct otc_slice key)
{
    return XXH3_64bits_withSeed(key.data, key.len, seed);
}

void *
otc_map_get(const struct otc_map *map, struct otc_slice key)
{
    size_t at = map->count > 0 ? find(map, key, hash_of(key)) : SIZE_MAX;

    return at == SIZE_MAX ? NULL : map->entries[map->slots[at] - FIRST].value;
}

static void
place(struct otc_map *map, size_t index)
{
    size_t mask = map->n_slots - 1;
    size_t at = map->entries[index].hash & mask;

    while (map->slots[at] > DELETED) {
        at = (at + 1) & mask;
    }
    map->used_slots += map->slots[at] == FREE;
    map->slots[at] = (uint32_t)index + FIRST;
}

/* Closes the holes and makes a fresh index with room for one more entry. */
static bool
rebuild(struct otc_map *map)
{
    size_t n_slots = MIN_SLOTS, kept = 0;
    struct entry *entries;
    uint32_t *slots;

    while (n_slots / 2 <= map->count + 1) {
        n_slots *= 2;
    }
    slots = calloc(n_slots, sizeof(*slots));
    entries = calloc(n_slots / 2 + 1, sizeof(*entries));
    if (!slots || !entries) {
        free(slots);
        free(entries);
        return false;
    }
    for (size_t i = 0; i < map->n_entries; i++) {
        if (map->entries[i].key) {
            entries[kept++] = map->entries[i];
        }
    }
    free(map->entries);
    free(map->slots);
    map->entries = entries;
    map->capacity = n_slots / 2 + 1;
    map->n_entries = kept;
    map->slots = slots;
    map->n_slots = n_slots;
    map->used_slots = 0;
    for (size_t i = 0; i < kept; i++) {
        place(map, i);
    }
    return true;
}

bool
otc_map_put(struct otc_map *map, struct otc_slice key, void *value)
{
    uint64_t hash = hash_of(key);
    size_t at = find(map, key, hash);
    uint8_t *copy;

    if (at != SIZE_MAX) {
        map->entries[map->slots[at] - FIRST].value = value;
        return true;
    }
    if (map->count >= map->limit) {
        return false;
    }
    if ((map->n_entries >= map->capacity || map->used_slots + 1 > map->n_slots / 4 * 3) && !rebuild(map)) {
        return false;
    }
    copy = malloc(key.len > 0 ? key.len : 1);
    if (!copy) {
        return false;
    }
    if (key.len > 0) {
        memcpy(copy, key.data, key.len);
    }
    map->entries[map->n_entries] = (struct entry){copy, key.len, hash, value};
    place(map, map->n_entries++);
    map->count++;
    return true;
}

void *
otc_map_remove(struct otc_map *map, struct otc_slice key)
{
    size_t at = map->count > 0 ? find(map, key, hash_of(key)) : SIZE_MAX;
    struct entry *entry;
    void *value;

    if (at == SIZE_MAX) {
        return NULL;
    }
    entry = &map->entries[map->slots[at] - FIRST];
    map->slots[at] = DELETED;
    map->count--;
    value = entry->value;
    free(entry->key);
    *entry = (struct entry){0};
    return value;
}

size_t
otc_map_count(const struct otc_map *map)
{
    return map->count;
}

bool
otc_map_next(const struct otc_map *map, size_t *cursor, struct otc_slice *key, void **value)
{
    while (*cursor < map->n_entries) {
        const struct entry *entry = &map->entries[(*cursor)++];

        if (entry->key) {
            *key = otc_slice_of(entry->key, entry->len);
            *value = entry->value;
            return true;
        }
    }
    return false;
}
