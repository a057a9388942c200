// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/text.h"

#include "common/base/hash.h"

#include <math.h>

/* Longest word that is told from others that begin alike. */
#define WORD_MAX 64

const char *
otc_text_measure_name(enum otc_text_measure measure)
{
    static const char *const names[] = {"length",    "words",      "letters",
                                        "digits",    "whitespace", "punctuation",
                                        "uppercase", "non_ascii",  "vocabulary_share"};

    return names[measure];
}

static bool
is_blank(uint32_t code)
{
    return (code >= 9 && code <= 13) || (code >= 0x1c && code <= 0x20) || code == 0x85 || code == 0xa0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 ||
           code == 0x202f || code == 0x205f || code == 0x3000;
}

static bool
is_punctuation(uint32_t code)
{
    return (code >= '!' && code <= '/') || (code >= ':' && code <= '@') || (code >= '[' && code <= '`') ||
           (code >= '{' && code <= '~');
}

/* The code point at `p`, and its length; a byte that is no UTF-8 is one of its own, and no blank. */
static size_t
decode(const uint8_t *p, const uint8_t *end, uint32_t *code)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

    *code = len == 1 ? p[0] : len ? p[0] & (0x7fu >> len) : UINT32_MAX;
    if (len == 0 || (size_t)(end - p) < len) {
        *code = UINT32_MAX;
        return 1;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *code = UINT32_MAX;
            return 1;
        }
        *code = *code << 6 | (p[i] & 0x3fu);
    }
    return len;
}

void
otc_text_measure_all(struct otc_slice text, double out[OTC_N_TEXT_MEASURES])
{
    const uint8_t *p = text.data, *end = p + text.len;
    size_t counts[OTC_N_TEXT_MEASURES] = {0};
    bool blank = true;

    while (p < end) {
        uint32_t code;
        bool was_blank = blank, letter;

        p += decode(p, end, &code);
        blank = is_blank(code);
        letter = (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
        counts[OTC_TEXT_LENGTH]++;
        counts[OTC_TEXT_WORDS] += was_blank && !blank;
        counts[OTC_TEXT_LETTERS] += letter;
        counts[OTC_TEXT_UPPERCASE] += letter && code <= 'Z';
        counts[OTC_TEXT_DIGITS] += code >= '0' && code <= '9';
        counts[OTC_TEXT_WHITESPACE] += blank;
        counts[OTC_TEXT_PUNCTUATION] += is_punctuation(code);
        counts[OTC_TEXT_NON_ASCII] += code > 127;
    }
    for (size_t i = 0; i < OTC_N_TEXT_MEASURES; i++) {
        bool share = i != OTC_TEXT_LENGTH && i != OTC_TEXT_WORDS;

        out[i] = !share                    ? (double)counts[i]
                 : counts[OTC_TEXT_LENGTH] ? (double)counts[i] / (double)counts[OTC_TEXT_LENGTH]
                                           : NAN;
    }
}

/* The next run of what is no blank. */
static bool
next_run(struct otc_slice *rest, struct otc_slice *run)
{
    const uint8_t *p = rest->data, *end = p + rest->len, *begin = NULL;
    uint32_t code;

    while (p < end) {
        size_t len = decode(p, end, &code);

        if (!is_blank(code)) {
            begin = begin ? begin : p;
        } else if (begin) {
            break;
        }
        p += len;
    }
    *rest = otc_slice_of(p, (size_t)(end - p));
    *run = otc_slice_of(begin, begin ? (size_t)(p - begin) : 0);
    return begin != NULL;
}

bool
otc_text_next_word(struct otc_slice *rest, uint32_t *hash)
{
    struct otc_slice run;

    while (next_run(rest, &run)) {
        uint8_t word[WORD_MAX];
        size_t len;

        while (run.len && is_punctuation(run.data[0])) {
            run = otc_slice_skip(run, 1);
        }
        while (run.len && is_punctuation(run.data[run.len - 1])) {
            run.len--;
        }
        len = run.len < WORD_MAX ? run.len : WORD_MAX;
        for (size_t i = 0; i < len; i++) {
            word[i] = run.data[i] >= 'A' && run.data[i] <= 'Z' ? run.data[i] | 0x20 : run.data[i];
        }
        if (len) {
            *hash = (uint32_t)otc_hash64(otc_slice_of(word, len), 0);
            return true;
        }
    }
    return false;
}
