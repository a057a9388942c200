// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/state.h"

#include "common/base/hash.h"

/* A ring of entries, the one put last first. Keys may be long, and outlive their
 * series: a key is told by its hash alone, of 128 bits under a seed that nobody knows. */
struct entry {
    struct entry *previous, *next;
    int64_t end_ns;
    struct otc_hash128 key;
};

static struct otc_slice
bytes_of(const struct otc_hash128 *key)
{
    return otc_slice_of(key, sizeof(*key));
}

struct span_metrics_ends {
    struct otc_map *by_key;
    size_t limit;
    struct entry ring;
};

struct span_metrics_ends *
span_metrics_ends_new(size_t limit)
{
    struct span_metrics_ends *ends = calloc(1, sizeof(*ends));

    if (!ends) {
        return NULL;
    }
    ends->ring.previous = ends->ring.next = &ends->ring;
    ends->limit = limit;
    ends->by_key = otc_map_new(limit);
    if (!ends->by_key) {
        free(ends);
        return NULL;
    }
    return ends;
}

void
span_metrics_ends_free(struct span_metrics_ends *ends)
{
    if (ends) {
        otc_map_free(ends->by_key, free);
        free(ends);
    }
}

static void
unlink_entry(struct entry *entry)
{
    entry->previous->next = entry->next;
    entry->next->previous = entry->previous;
}

static void
link_first(struct span_metrics_ends *ends, struct entry *entry)
{
    entry->previous = &ends->ring;
    entry->next = ends->ring.next;
    entry->next->previous = entry;
    ends->ring.next = entry;
}

int64_t
span_metrics_ends_get(const struct span_metrics_ends *ends, struct otc_slice key, int64_t fallback)
{
    const struct otc_hash128 hash = otc_hash_128(key, otc_map_seed());
    const struct entry *entry = otc_map_get(ends->by_key, bytes_of(&hash));

    return entry ? entry->end_ns : fallback;
}

bool
span_metrics_ends_put(struct span_metrics_ends *ends, struct otc_slice key, int64_t end_ns)
{
    const struct otc_hash128 hash = otc_hash_128(key, otc_map_seed());
    struct entry *entry = otc_map_get(ends->by_key, bytes_of(&hash));

    if (entry) {
        entry->end_ns = end_ns;
        unlink_entry(entry);
        link_first(ends, entry);
        return true;
    }
    if (otc_map_count(ends->by_key) >= ends->limit) {
        struct entry *oldest = ends->ring.previous;

        unlink_entry(oldest);
        (void)otc_map_remove(ends->by_key, bytes_of(&oldest->key));
        free(oldest);
    }
    entry = calloc(1, sizeof(*entry));
    if (!entry) {
        return false;
    }
    entry->key = hash;
    entry->end_ns = end_ns;
    if (!otc_map_put(ends->by_key, bytes_of(&entry->key), entry)) {
        free(entry);
        return false;
    }
    link_first(ends, entry);
    return true;
}
