// SPDX-License-Identifier: Apache-2.0
/** @file XXH3 content hashes, of 128 bits as hex text, and FNV: stable across machines and releases, not for
 * security. */
#ifndef OTC_BASE_HASH_H
#define OTC_BASE_HASH_H

#include "common/base/slice.h"

/** 32 hex digits (big-endian canonical form, as `xxhsum -H2` prints) and the NUL. */
#define OTC_HASH_TEXT 33

/** XXH3-64 of `data` with a seed: a checksum of stored bytes. */
uint64_t otc_hash64(struct otc_slice data, uint64_t seed);
/** The same of `n` slices one after another; false out of memory. */
bool otc_hash64_slices(const struct otc_slice *slices, size_t n, uint64_t seed, uint64_t *hash);
/** The same hash as two numbers, under a seed; for keys that are told apart by hash alone. */
struct otc_hash128 {
    uint64_t low;
    uint64_t high;
};
struct otc_hash128 otc_hash_128(struct otc_slice data, uint64_t seed);

/** FNV-1a of 64 bits, where others ask for it. */
uint64_t otc_hash_fnv1a(struct otc_slice data);

/** The hash of `data`. */
void otc_hash_hex(struct otc_slice data, char out[OTC_HASH_TEXT]);

/** A hash of bytes that come piece by piece. Opaque; owned by one thread. */
struct otc_hasher;

/** NULL out of memory. */
struct otc_hasher *otc_hasher_new(void);
/** NULL is allowed. */
void otc_hasher_free(struct otc_hasher *hasher);
void otc_hasher_add(struct otc_hasher *hasher, struct otc_slice data);
/** The hash of everything added so far. */
void otc_hasher_hex(const struct otc_hasher *hasher, char out[OTC_HASH_TEXT]);

#endif
