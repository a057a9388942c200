// SPDX-License-Identifier: Apache-2.0
/* MT19937 and the sampling of CPython on it, so that KSWIN draws what river draws. */
#include "common/stats/detector_internal.h"

#include <math.h>
#include <stdbool.h>

#define WORDS OTC__TWISTER_WORDS
#define MIDDLE 397

static void
init_words(struct otc__twister *twister, uint32_t seed)
{
    twister->words[0] = seed;
    for (uint32_t i = 1; i < WORDS; i++) {
        uint32_t before = twister->words[i - 1];

        twister->words[i] = 1812433253u * (before ^ (before >> 30)) + i;
    }
    twister->at = WORDS;
}

/* init_by_array of the authors with a key of one word, which is how CPython seeds from a small integer. */
void
otc__twister_seed(struct otc__twister *twister, uint32_t seed)
{
    uint32_t *words = twister->words;
    uint32_t i = 1;

    init_words(twister, 19650218u);
    for (uint32_t k = WORDS; k > 0; k--) {
        words[i] = (words[i] ^ ((words[i - 1] ^ (words[i - 1] >> 30)) * 1664525u)) + seed;
        if (++i >= WORDS) {
            words[0] = words[WORDS - 1];
            i = 1;
        }
    }
    for (uint32_t k = WORDS - 1; k > 0; k--) {
        words[i] = (words[i] ^ ((words[i - 1] ^ (words[i - 1] >> 30)) * 1566083941u)) - i;
        if (++i >= WORDS) {
            words[0] = words[WORDS - 1];
            i = 1;
        }
    }
    words[0] = 0x80000000u;
}

static void
twist(struct otc__twister *twister)
{
    uint32_t *words = twister->words;

    for (uint32_t i = 0; i < WORDS; i++) {
        uint32_t y = (words[i] & 0x80000000u) | (words[(i + 1) % WORDS] & 0x7fffffffu);

        words[i] = words[(i + MIDDLE) % WORDS] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    twister->at = 0;
}

uint32_t
otc__twister_next(struct otc__twister *twister)
{
    uint32_t y;

    if (twister->at >= WORDS) {
        twist(twister);
    }
    y = twister->words[twister->at++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* Uniform below n > 0: as many bits as n has, again and again until they are below n. */
static uint32_t
below(struct otc__twister *twister, uint32_t n)
{
    int bits = 32 - __builtin_clz(n);
    uint32_t value;

    do {
        value = otc__twister_next(twister) >> (32 - bits);
    } while (value >= n);
    return value;
}

void
otc__twister_sample(struct otc__twister *twister, uint32_t n, uint32_t k, uint32_t *out, uint32_t *pool)
{
    /* CPython weighs the memory of a list of n against that of a set of k; what it draws depends on it. */
    double set_size = 21 + (k > 5 ? pow(4, ceil(log((double)k * 3) / log(4))) : 0);
    bool by_pool = n <= set_size;

    for (uint32_t i = 0; i < n; i++) {
        pool[i] = by_pool ? i : 0;
    }
    for (uint32_t i = 0; i < k; i++) {
        uint32_t drawn = below(twister, by_pool ? n - i : n);

        if (by_pool) {
            out[i] = pool[drawn];
            pool[drawn] = pool[n - i - 1];
            continue;
        }
        while (pool[drawn]) { /* taken already */
            drawn = below(twister, n);
        }
        pool[drawn] = 1;
        out[i] = drawn;
    }
}
