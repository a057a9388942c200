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
struct otc_vocabulary {
    size_t n;
    bool full;
    struct word words[SLOTS];
    uint32_t text[OTC_VOCABULARY_TEXT_WORDS]; /* of the text at hand */
};
_Static_assert(sizeof(struct otc_vocabulary) <= OTC_VOCABULARY_BYTES + 64, "what callers pay for");

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

static void
add_word(struct otc_vocabulary *vocabulary, uint32_t hash)
{
    struct word *word = slot_of(vocabulary, hash);

    if (word->count == 0) {
        if (vocabulary->n == WORDS_MAX && !vocabulary->full) {
            prune(vocabulary);
            word = slot_of(vocabulary, hash);
        }
        if (vocabulary->n == WORDS_MAX || vocabulary->full) {
            return;
        }
        word->hash = hash;
        vocabulary->n++;
    }
    word->count += word->count < UINT32_MAX;
}

/* In the order in which its hashes alone would come. */
void
otc_vocabulary_add(struct otc_vocabulary *vocabulary, struct otc_slice text)
{
    size_t n = 0;

    while (n < OTC_VOCABULARY_TEXT_WORDS && otc_text_next_word(&text, &vocabulary->text[n])) {
        n++;
    }
    qsort(vocabulary->text, n, sizeof(*vocabulary->text), by_hash);
    for (size_t i = 0; i < n; i++) {
        add_word(vocabulary, vocabulary->text[i]);
    }
}

static uint32_t
word_at(struct otc_slice words, size_t i)
{
    uint32_t hash;

    memcpy(&hash, words.data + i * sizeof(hash), sizeof(hash));
    return hash;
}

void
otc_vocabulary_add_words(struct otc_vocabulary *vocabulary, struct otc_slice words)
{
    size_t n = words.len / sizeof(uint32_t);

    for (size_t i = 0; i < n && i < OTC_VOCABULARY_TEXT_WORDS; i++) {
        add_word(vocabulary, word_at(words, i));
    }
}

/* Of hashes that lie anywhere. */
static int
by_bytes(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

bool
otc_words_append(struct otc_slice text, struct otc_buf *out)
{
    size_t at = out->len;
    uint32_t hash;

    for (size_t n = 0; n < OTC_VOCABULARY_TEXT_WORDS && otc_text_next_word(&text, &hash); n++) {
        (void)otc_buf_append(out, &hash, sizeof(hash));
    }
    if (!out->failed && out->len > at) {
        qsort(out->data + at, (out->len - at) / sizeof(hash), sizeof(hash), by_bytes);
    }
    return !out->failed;
}

/* ---- Across a restart ----------------------------------------------------------------------------- */

void
otc_vocabulary_save(const struct otc_vocabulary *vocabulary, struct otc_buf *out)
{
    otc_put_bool(out, vocabulary->full);
    otc_put_u64(out, vocabulary->n);
    for (size_t i = 0; i < SLOTS; i++) {
        if (vocabulary->words[i].count > 0) {
            otc_put_u64(out, vocabulary->words[i].hash);
            otc_put_u64(out, vocabulary->words[i].count);
        }
    }
}

struct otc_vocabulary *
otc_vocabulary_load(struct otc_reader *in)
{
    struct otc_vocabulary *vocabulary = otc_vocabulary_new();
    size_t n;

    if (!vocabulary) {
        return NULL;
    }
    vocabulary->full = otc_take_bool(in);
    n = otc_take_count(in, 2);
    in->failed |= n > WORDS_MAX;
    for (size_t i = 0; i < n && !in->failed; i++) {
        uint64_t hash = otc_take_u64(in), count = otc_take_u64(in);
        struct word *word = slot_of(vocabulary, (uint32_t)hash);

        in->failed |= hash > UINT32_MAX || count == 0 || count > UINT32_MAX || word->count > 0;
        *word = (struct word){(uint32_t)hash, (uint32_t)count};
        vocabulary->n++;
    }
    if (in->failed) {
        otc_vocabulary_free(vocabulary);
        return NULL;
    }
    return vocabulary;
}

/* ---- The vocabulary ------------------------------------------------------------------------------- */

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
    bool hashed = value->type == OTC_VALUE_BYTES && rest.len > 0;
    size_t all = 0, familiar = 0;
    uint32_t hash;

    if (value->type != OTC_VALUE_STRING && !hashed) {
        return value->type == OTC_VALUE_ABSENT || value->type == OTC_VALUE_EMPTY ? OTC_CLASS_MISSING
                                                                                 : OTC_CLASS_INVALID;
    }
    for (; hashed && all < rest.len / sizeof(hash) && all < OTC_VOCABULARY_TEXT_WORDS; all++) {
        familiar += contains(words, n, word_at(rest, all));
    }
    for (; !hashed && all < OTC_VOCABULARY_TEXT_WORDS && otc_text_next_word(&rest, &hash); all++) {
        familiar += contains(words, n, hash);
    }
    *out = all > 0 ? (double)familiar / (double)all : 0;
    return all > 0 ? OTC_CLASS_VALUE : OTC_CLASS_MISSING;
}
