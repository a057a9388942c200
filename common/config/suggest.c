// SPDX-License-Identifier: Apache-2.0
#include "common/config/suggest.h"

#define WORD_MAX 64u

static size_t
smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Levenshtein's distance with swapped neighbours as one step (optimal string alignment), three rows at a
 * time. */
static size_t
distance(struct otc_slice a, struct otc_slice b)
{
    size_t rows[3][WORD_MAX + 1];

    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        const size_t *before = rows[(i + 1) % 3], *above = rows[(i - 1) % 3];
        size_t *row = rows[i % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a.data[i - 1] != b.data[j - 1]));
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1] &&
                before[j - 2] + 1 < row[j]) {
                row[j] = before[j - 2] + 1;
            }
        }
    }
    return rows[a.len % 3][b.len];
}

void
otc_suggest(struct otc_suggestion *suggestion, struct otc_slice word, const char *candidate)
{
    struct otc_slice other = otc_slice_str(candidate);
    size_t d;

    if (word.len > WORD_MAX || other.len > WORD_MAX || word.len == 0) {
        return;
    }
    d = distance(word, other);
    if (d * 3 <= (word.len > other.len ? word.len : other.len) &&
        (suggestion->best == NULL || d < suggestion->distance)) {
        suggestion->best = candidate;
        suggestion->distance = d;
    }
}
