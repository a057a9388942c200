// SPDX-License-Identifier: Apache-2.0
#include "common/base/sort.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/** Fewer are left to qsort. */
#define FEW 512
#define DIGITS 8
#define BUCKETS 256

/** Words of 64 bits, `width` a record, of which word `key` is compared. */
struct sorting {
    uint64_t *from, *to;
    size_t n, width, key;
    bool doubles;
};

/** A number of the same order: the sign bit turned, of negative doubles all others too. */
static uint64_t
order_of(uint64_t bits, bool doubles)
{
    uint64_t sign = UINT64_C(1) << 63;

    return doubles && (bits & sign) ? ~bits : bits ^ sign;
}

static uint64_t
key_at(const struct sorting *s, size_t i)
{
    return order_of(s->from[i * s->width + s->key], s->doubles);
}

static bool
is_sorted(const struct sorting *s)
{
    for (size_t i = 1; i < s->n; i++) {
        if (key_at(s, i) < key_at(s, i - 1)) {
            return false;
        }
    }
    return true;
}

static void
count_digits(const struct sorting *s, size_t counts[DIGITS][BUCKETS])
{
    for (size_t i = 0; i < s->n; i++) {
        uint64_t key = key_at(s, i);

        for (size_t d = 0; d < DIGITS; d++) {
            counts[d][key >> (8 * d) & 0xff]++;
        }
    }
}

/** One pass by one digit; false when all records have the same. */
static bool
pass(struct sorting *s, size_t digit, const size_t counts[BUCKETS])
{
    size_t starts[BUCKETS];
    size_t at = 0;

    for (size_t b = 0; b < BUCKETS; b++) {
        if (counts[b] == s->n) {
            return false;
        }
        starts[b] = at;
        at += counts[b];
    }
    for (size_t i = 0; i < s->n; i++) {
        size_t place = starts[key_at(s, i) >> (8 * digit) & 0xff]++;

        s->to[place * s->width] = s->from[i * s->width];
        if (s->width == 2) {
            s->to[place * 2 + 1] = s->from[i * 2 + 1];
        }
    }
    return true;
}

/** False out of memory; the records are untouched then. */
static bool
radix(struct sorting *s)
{
    size_t(*counts)[BUCKETS] = calloc(DIGITS, sizeof(*counts));
    uint64_t *home = s->from;
    uint64_t *other = malloc(s->n * s->width * sizeof(*other));
    bool done = counts && other;

    s->to = other;
    if (done) {
        count_digits(s, counts);
    }
    for (size_t d = 0; done && d < DIGITS; d++) {
        if (pass(s, d, counts[d])) {
            uint64_t *swap = s->from;

            s->from = s->to;
            s->to = swap;
        }
    }
    if (done && s->from != home) {
        memcpy(home, s->from, s->n * s->width * sizeof(*home));
    }
    free(other);
    free(counts);
    return done;
}

static int
by_first_double(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static int
by_second_int64(const void *a, const void *b)
{
    int64_t x = ((const int64_t *)a)[1];
    int64_t y = ((const int64_t *)b)[1];

    return (x > y) - (x < y);
}

void
otc_sort_doubles(double *values, size_t n)
{
    struct sorting s = {.from = (uint64_t *)values, .n = n, .width = 1, .doubles = true};

    if (n > 1 && !is_sorted(&s) && (n < FEW || !radix(&s))) {
        qsort(values, n, sizeof(*values), by_first_double);
    }
}

void
otc_sort_pairs(void *pairs, size_t n, enum otc_sort_key key)
{
    bool doubles = key == OTC_SORT_FIRST_DOUBLE;
    struct sorting s = {.from = pairs, .n = n, .width = 2, .key = doubles ? 0 : 1, .doubles = doubles};

    if (n > 1 && !is_sorted(&s) && (n < FEW || !radix(&s))) {
        qsort(pairs, n, 2 * sizeof(uint64_t), doubles ? by_first_double : by_second_int64);
    }
}
