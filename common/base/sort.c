// SPDX-License-Identifier: Apache-2.0
#include "common/base/sort.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/** Fewer are left to qsort. */
#define FEW 512
/** So few are in order soonest when each is put among those before it. */
#define RUN 48
/** The keys' leading 33 bits: in a cache's worth of counts, and of numbers that spread hardly two have the
 * same. */
#define DIGITS 3
#define BITS 11
#define BUCKETS (1u << BITS)

/** Words of 64 bits, `width` a record, of which word `key` is compared. */
struct sorting {
    uint64_t *from, *to;
    size_t n, width, key;
    bool doubles;
    uint64_t least; /* key of all; those of digits count from there */
    unsigned shift; /* below the digits */
    size_t (*counts)[BUCKETS];
};

/** A number of the same order: the sign bit turned, of negative doubles all others too. */
static inline uint64_t
order_of(uint64_t bits, bool doubles)
{
    uint64_t sign = UINT64_C(1) << 63;

    return doubles && (bits & sign) ? ~bits : bits ^ sign;
}

static inline uint64_t
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

/** The digits: of the bits in which keys differ, the leading ones. */
static void
choose_digits(struct sorting *s)
{
    uint64_t least = UINT64_MAX, most = 0;

    for (size_t i = 0; i < s->n; i++) {
        uint64_t key = key_at(s, i);

        least = key < least ? key : least;
        most = key > most ? key : most;
    }
    s->least = least;
    s->shift = 0;
    while ((most - least) >> s->shift >> (DIGITS * BITS)) {
        s->shift++;
    }
}

static void
count_digits(const struct sorting *s)
{
    memset(s->counts, 0, DIGITS * sizeof(*s->counts));
    for (size_t i = 0; i < s->n; i++) {
        uint64_t digits = (key_at(s, i) - s->least) >> s->shift;

        for (size_t d = 0; d < DIGITS; d++) {
            s->counts[d][digits >> (BITS * d) & (BUCKETS - 1)]++;
        }
    }
}

static inline void
deal_out(const struct sorting *s, unsigned shift, size_t starts[BUCKETS], size_t width)
{
    for (size_t i = 0; i < s->n; i++) {
        uint64_t key = order_of(s->from[i * width + s->key], s->doubles) - s->least;
        uint64_t *to = s->to + starts[key >> shift & (BUCKETS - 1)]++ * width;

        to[0] = s->from[i * width];
        if (width == 2) {
            to[1] = s->from[i * 2 + 1];
        }
    }
}

/** One pass by one digit; false when all records have the same. */
static bool
pass(const struct sorting *s, size_t digit)
{
    size_t *starts = s->counts[digit];
    size_t at = 0;

    for (size_t b = 0; b < BUCKETS; b++) {
        size_t here = starts[b];

        if (here == s->n) {
            return false;
        }
        starts[b] = at;
        at += here;
    }
    if (s->width == 1) {
        deal_out(s, s->shift + BITS * (unsigned)digit, starts, 1);
    } else {
        deal_out(s, s->shift + BITS * (unsigned)digit, starts, 2);
    }
    return true;
}

static int
compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int
by_first_double(const void *a, const void *b)
{
    return compare(order_of(*(const uint64_t *)a, true), order_of(*(const uint64_t *)b, true));
}

static int
by_second_int64(const void *a, const void *b)
{
    return compare(order_of(((const uint64_t *)a)[1], false), order_of(((const uint64_t *)b)[1], false));
}

/** glibc's, which merges, and so keeps the order of equals. */
static void
compare_each(const struct sorting *s)
{
    qsort(s->from, s->n, s->width * sizeof(*s->from), s->doubles ? by_first_double : by_second_int64);
}

static void
insert_each(const struct sorting *s)
{
    for (size_t i = 1; i < s->n; i++) {
        uint64_t key = key_at(s, i), record[2];
        size_t at = i;

        memcpy(record, s->from + i * s->width, s->width * sizeof(*record));
        for (; at > 0 && key_at(s, at - 1) > key; at--) {
            memcpy(s->from + at * s->width, s->from + (at - 1) * s->width, s->width * sizeof(*record));
        }
        memcpy(s->from + at * s->width, record, s->width * sizeof(*record));
    }
}

static void radix(struct sorting s);

/** Records that the digits do not tell apart. */
static void
sort_run(const struct sorting *s, size_t begin, size_t n)
{
    struct sorting run = *s;

    run.from += begin * s->width;
    run.to += begin * s->width;
    run.n = n;
    if (n <= RUN) {
        insert_each(&run);
    } else if (!is_sorted(&run)) {
        if (n < FEW) {
            compare_each(&run);
        } else {
            radix(run);
        }
    }
}

static void
sort_runs(const struct sorting *s)
{
    for (size_t begin = 0, end; begin < s->n; begin = end) {
        uint64_t digits = (key_at(s, begin) - s->least) >> s->shift;

        for (end = begin + 1; end < s->n && (key_at(s, end) - s->least) >> s->shift == digits; end++) {
        }
        if (end > begin + 1) {
            sort_run(s, begin, end - begin);
        }
    }
}

/** Leaves the records in `from`; what is in `to` is lost. Keys of a run differ in `shift` bits, 31 at most:
 * it has none. */
static void
radix(struct sorting s)
{
    uint64_t *home = s.from;

    choose_digits(&s);
    count_digits(&s);
    for (size_t d = 0; d < DIGITS; d++) {
        if (pass(&s, d)) {
            uint64_t *swap = s.from;

            s.from = s.to;
            s.to = swap;
        }
    }
    if (s.from != home) {
        memcpy(home, s.from, s.n * s.width * sizeof(*home));
        s.to = s.from;
        s.from = home;
    }
    if (s.shift > 0) {
        sort_runs(&s);
    }
}

/** False out of memory; the records are untouched then. */
static bool
sort(struct sorting *s)
{
    bool done;

    s->counts = malloc(DIGITS * sizeof(*s->counts));
    s->to = malloc(s->n * s->width * sizeof(*s->to));
    done = s->counts && s->to;
    if (done) {
        radix(*s);
    }
    free(s->counts);
    free(s->to);
    return done;
}

static void
sort_unless_sorted(struct sorting s)
{
    if (s.n > 1 && !is_sorted(&s) && (s.n < FEW || !sort(&s))) {
        compare_each(&s);
    }
}

void
otc_sort_doubles(double *values, size_t n)
{
    sort_unless_sorted((struct sorting){.from = (uint64_t *)values, .n = n, .width = 1, .doubles = true});
}

void
otc_sort_pairs(void *pairs, size_t n, enum otc_sort_key key)
{
    bool doubles = key == OTC_SORT_FIRST_DOUBLE;

    sort_unless_sorted(
        (struct sorting){.from = pairs, .n = n, .width = 2, .key = doubles ? 0 : 1, .doubles = doubles});
}
