// SPDX-License-Identifier: Apache-2.0
#include "common/base/hash.h"

#include <stdio.h>
#include <xxhash.h>

uint64_t
otc_hash64(struct otc_slice data, uint64_t seed)
{
    return XXH3_64bits_withSeed(data.data, data.len, seed);
}

bool
otc_hash64_slices(const struct otc_slice *slices, size_t n, uint64_t seed, uint64_t *hash)
{
    XXH3_state_t *state;

    if (n == 1) {
        *hash = otc_hash64(slices[0], seed);
        return true;
    }
    state = XXH3_createState();
    if (!state || XXH3_64bits_reset_withSeed(state, seed) != XXH_OK) {
        (void)XXH3_freeState(state);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (slices[i].len > 0) {
            (void)XXH3_64bits_update(state, slices[i].data, slices[i].len);
        }
    }
    *hash = XXH3_64bits_digest(state);
    (void)XXH3_freeState(state);
    return true;
}

static void
print_hash(XXH128_hash_t hash, char out[OTC_HASH_TEXT])
{
    (void)snprintf(out, OTC_HASH_TEXT, "%016llx%016llx", (unsigned long long)hash.high64,
                   (unsigned long long)hash.low64);
}

uint64_t
otc_hash_fnv1a(struct otc_slice data)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < data.len; i++) {
        hash = (hash ^ data.data[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

void
otc_hash_hex(struct otc_slice data, char out[OTC_HASH_TEXT])
{
    print_hash(XXH3_128bits(data.data, data.len), out);
}

struct otc_hash128
otc_hash_128(struct otc_slice data, uint64_t seed)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(data.data, data.len, seed);

    return (struct otc_hash128){hash.low64, hash.high64};
}

/* The library aligns its state itself; it is opaque here. */
struct otc_hasher *
otc_hasher_new(void)
{
    XXH3_state_t *state = XXH3_createState();

    if (state && XXH3_128bits_reset(state) != XXH_OK) {
        (void)XXH3_freeState(state);
        state = NULL;
    }
    return (struct otc_hasher *)state;
}

void
otc_hasher_free(struct otc_hasher *hasher)
{
    (void)XXH3_freeState((XXH3_state_t *)hasher);
}

void
otc_hasher_add(struct otc_hasher *hasher, struct otc_slice data)
{
    if (data.len > 0) {
        (void)XXH3_128bits_update((XXH3_state_t *)hasher, data.data, data.len);
    }
}

void
otc_hasher_hex(const struct otc_hasher *hasher, char out[OTC_HASH_TEXT])
{
    print_hash(XXH3_128bits_digest((const XXH3_state_t *)hasher), out);
}
