// SPDX-License-Identifier: Apache-2.0
/** @file A hash map from bytes to a pointer or a number, with a limit and a random seed. */
#ifndef OTC_BASE_MAP_H
#define OTC_BASE_MAP_H

#include "common/base/slice.h"

/** Opaque; owned by one thread. Keys are copied in. Hash: XXH3 seeded per process (hash flooding). */
struct otc_map;

/** A map of at most `limit` entries, or NULL out of memory. */
struct otc_map *otc_map_new(size_t limit);
/** Frees the map and the keys; `drop` (may be NULL) is called for each value first. NULL is allowed. */
void otc_map_free(struct otc_map *map, void (*drop)(void *value));
/** The value stored under `key`, or NULL. */
void *otc_map_get(const struct otc_map *map, struct otc_slice key);
/** Stores `value` (not NULL), replacing. False at the limit or out of memory; the map is unchanged. */
bool otc_map_put(struct otc_map *map, struct otc_slice key, void *value);
/** Takes the entry out and returns its value, or NULL. */
void *otc_map_remove(struct otc_map *map, struct otc_slice key);
/** The process's random seed, for other hashes of foreign bytes. Any thread. */
uint64_t otc_map_seed(void);
size_t otc_map_count(const struct otc_map *map);
/**
 * Walks the entries in insertion order (removals keep the order of the rest). Start with
 * `*cursor` = 0. False at the end. The map must not change during the walk, but for
 * otc_map_remove of the entry just given.
 */
bool otc_map_next(const struct otc_map *map, size_t *cursor, struct otc_slice *key, void **value);

#endif
