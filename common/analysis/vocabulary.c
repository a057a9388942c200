// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/vocabulary.h"

#include "common/analysis/text.h"

#include <stdlib.h>

#define SLOTS ((size_t)1 << 17)
#define WORDS_MAX (SLOTS / 2)

/* A slot is free while its count is 0. */
struct word {
    uint32_t hash;
    uint32_t count;
};
_Static_assert(sizeof(struct word) * SLOTS == OTC_VOCABULARY_BYTES, "what callers pay for");

struct otc_vocabulary {
    size_t n;
    bool full;
    struct word words[SLOTS];
};

struct otc_vocabulary *
otc_vocabulary_new(void)
{
    return calloc(1, sizeof(struct otc_vocabulary));
}

void
otc_vocabulary_free(struct otc_vocabulary *vocabulary)
{
    free(vocabulary);
}

static struct word *
slot_of(struct otc_vocabulary *vocabulary, uint32_t hash)
{
    size_t at = hash % SLOTS;

    while (vocabulary->words[at].count > 0 && vocabulary->words[at].hash != hash) {
        at = (at + 1) % SLOTS;
    }
    return &vocabulary->words[at];
}

static int
by_count(const void *a, const void *b)
{
    const struct word *x = a, *y = b;

    return x->count != y->count ? (x->count < y->count) - (x->count > y->count)
                                : (x->hash > y->hash) - (x->hash < y->hash);
}

static int
by_hash(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The words that came at least twice, at most WORDS_MAX; malloced, NULL out of memory. */
static struct word *
frequent(const struct otc_vocabulary *vocabulary, size_t *n)
{
    struct word *kept = calloc(WORDS_MAX, sizeof(*kept));

    *n = 0;
    for (size_t i = 0; kept && i < SLOTS; i++) {
        if (vocabulary->words[i].count > 1) {
            kept[(*n)++] = vocabulary->words[i];
        }
    }
    return kept;
}

/* Forgets the words that came once. */
static void
prune(struct otc_vocabulary *vocabulary)
{
    size_t n;
    struct word *kept = frequent(vocabulary, &n);

    vocabulary->full = !kept || n > WORDS_MAX - WORDS_MAX / 8;
    if (kept) {
        memset(vocabulary->words, 0, sizeof(vocabulary->words));
        for (size_t i = 0; i < n; i++) {
            *slot_of(vocabulary, kept[i].hash) = kept[i];
        }
        vocabulary->n = n;
    }
    free(kept);
}

void
otc_vocabulary_add(struct otc_vocabulary *vocabulary, struct otc_slice text)
{
    uint32_t hash;

    while (otc_text_next_word(&text, &hash)) {
        struct word *word = slot_of(vocabulary, hash);

        if (word->count == 0) {
            if (vocabulary->n == WORDS_MAX && !vocabulary->full) {
                prune(vocabulary);
                word = slot_of(vocabulary, hash);
            }
            if (vocabulary->n == WORDS_MAX || vocabulary->full) {
                continue;
            }
            word->hash = hash;
            vocabulary->n++;
        }
        word->count += word->count < UINT32_MAX;
    }
}

size_t
otc_vocabulary_words(const struct otc_vocabulary *vocabulary, uint32_t *out)
{
    size_t n;
    struct word *kept = frequent(vocabulary, &n);

    if (!kept) {
        return 0;
    }
    qsort(kept, n, sizeof(*kept), by_count);
    n = n < OTC_VOCABULARY_WORDS ? n : OTC_VOCABULARY_WORDS;
    for (size_t i = 0; i < n; i++) {
        out[i] = kept[i].hash;
    }
    free(kept);
    qsort(out, n, sizeof(*out), by_hash);
    return n;
}

static bool
contains(const uint32_t *words, size_t n, uint32_t hash)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (words[middle] < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n && words[low] == hash;
}

enum otc_value_class
otc_value_familiar(const struct otc_value *value, const uint32_t *words, size_t n, double *out)
{
    struct otc_slice rest = value->as.slice;
    size_t all = 0, familiar = 0;
    uint32_t hash;

    if (value->type != OTC_VALUE_STRING) {
        return value->type == OTC_VALUE_ABSENT || value->type == OTC_VALUE_EMPTY ? OTC_CLASS_MISSING
                                                                                 : OTC_CLASS_INVALID;
    }
    while (otc_text_next_word(&rest, &hash)) {
        all++;
        familiar += contains(words, n, hash);
    }
    *out = all > 0 ? (double)familiar / (double)all : 0;
    return all > 0 ? OTC_CLASS_VALUE : OTC_CLASS_MISSING;
}
