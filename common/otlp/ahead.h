// SPDX-License-Identifier: Apache-2.0
/**
 * @file Members of a long message, fetched ahead. Who goes from member to member by their lengths reads a few
 * bytes of each and knows only then where the next one is: in a message that is larger than the cache each
 * step waits for memory. Members of a request are much alike, so the mean size of those that were passed says
 * about where a later one begins. A hint: a wrong guess costs nothing but the fetch.
 */
#ifndef OTC_OTLP_AHEAD_H
#define OTC_OTLP_AHEAD_H

#include <stddef.h>
#include <stdint.h>

/** Messages up to this long are taken to be in the cache. */
#define OTC_AHEAD_MIN ((size_t)256 << 10)
/** Members that are under way at a time. */
#define OTC_AHEAD_MEMBERS 8
/** By how many bytes a guess may be wrong and still fetch the right line. */
#define OTC_AHEAD_MARGIN 24

/** About where the eighth member from here begins, after `n` of them (1 or more) between `begin` and `at`;
 * NULL: too near the end. */
static inline const uint8_t *
otc_ahead_of(const uint8_t *begin, const uint8_t *at, const uint8_t *end, size_t n)
{
    size_t ahead = OTC_AHEAD_MEMBERS * (size_t)(at - begin) / n;

    return ahead + OTC_AHEAD_MARGIN < (size_t)(end - at) && ahead > OTC_AHEAD_MARGIN ? at + ahead : NULL;
}

/** Has it on its way. */
static inline void
otc_ahead_fetch(const uint8_t *begin, const uint8_t *at, const uint8_t *end, size_t n)
{
    const uint8_t *guess = otc_ahead_of(begin, at, end, n);

    if (guess) {
        __builtin_prefetch(guess - OTC_AHEAD_MARGIN);
        __builtin_prefetch(guess + OTC_AHEAD_MARGIN);
    }
}

#endif
