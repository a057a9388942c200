// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/recent.h"

#include <stdlib.h>

/* Open addressing over the places of a ring: table[slot] is a place + 1, 0 a free slot. */
struct otc_recent {
    uint64_t *ring;
    uint32_t *table;
    size_t n, used, next;
    size_t mask;
};

/* At least twice the keys, so that probes stay short. */
static size_t
slots_for(size_t n)
{
    size_t slots = 4;

    while (slots < 2 * n) {
        slots *= 2;
    }
    return slots;
}

size_t
otc_recent_bytes(size_t n)
{
    return sizeof(struct otc_recent) + n * sizeof(uint64_t) + slots_for(n) * sizeof(uint32_t);
}

struct otc_recent *
otc_recent_new(size_t n)
{
    struct otc_recent *recent = calloc(1, sizeof(*recent));

    if (!recent) {
        return NULL;
    }
    recent->n = n;
    recent->mask = slots_for(n) - 1;
    recent->ring = calloc(n, sizeof(*recent->ring));
    recent->table = calloc(recent->mask + 1, sizeof(*recent->table));
    if (!recent->ring || !recent->table) {
        otc_recent_free(recent);
        return NULL;
    }
    return recent;
}

void
otc_recent_free(struct otc_recent *recent)
{
    if (recent) {
        free(recent->ring);
        free(recent->table);
        free(recent);
    }
}

/* The slot that holds the key, or the free one where it belongs. Keys are hashes: their low bits will do. */
static size_t
find(const struct otc_recent *recent, uint64_t key)
{
    size_t slot = key & recent->mask;

    while (recent->table[slot] && recent->ring[recent->table[slot] - 1] != key) {
        slot = (slot + 1) & recent->mask;
    }
    return slot;
}

/* Frees a slot and moves up what was pushed past it. */
static void
erase(struct otc_recent *recent, size_t slot)
{
    size_t hole = slot;

    for (size_t at = (slot + 1) & recent->mask; recent->table[at]; at = (at + 1) & recent->mask) {
        size_t home = recent->ring[recent->table[at] - 1] & recent->mask;

        if (((at - home) & recent->mask) >= ((at - hole) & recent->mask)) {
            recent->table[hole] = recent->table[at];
            hole = at;
        }
    }
    recent->table[hole] = 0;
}

bool
otc_recent_add(struct otc_recent *recent, uint64_t key)
{
    size_t slot = find(recent, key);

    if (recent->table[slot]) {
        return true;
    }
    if (recent->used == recent->n) {
        erase(recent, find(recent, recent->ring[recent->next]));
        slot = find(recent, key);
    } else {
        recent->used++;
    }
    recent->ring[recent->next] = key;
    recent->table[slot] = (uint32_t)recent->next + 1;
    recent->next = (recent->next + 1) % recent->n;
    return false;
}

void
otc_recent_each(const struct otc_recent *recent, void (*fn)(void *arg, uint64_t key), void *arg)
{
    size_t at = recent->used == recent->n ? recent->next : 0;

    for (size_t i = 0; i < recent->used; i++) {
        fn(arg, recent->ring[(at + i) % recent->n]);
    }
}
