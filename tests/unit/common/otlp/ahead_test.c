// SPDX-License-Identifier: Apache-2.0
/* Where a later member begins, guessed: right for members alike, near for those nearly alike, never outside.
 */
#include "common/otlp/ahead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MEMBERS 1000

static uint8_t message[MEMBERS * 500];
static size_t begins[MEMBERS + 1];

/* Members of `least` to least + spread - 1 bytes. */
static void
make_members(size_t least, size_t spread)
{
    uint32_t seed = 7;

    for (size_t i = 0; i < MEMBERS; i++) {
        seed = seed * 1664525 + 1013904223;
        begins[i + 1] = begins[i] + least + (seed >> 16) % spread;
    }
}

/* Guesses that are wrong by more than the margin; those near the end have none. */
static size_t
wrong_guesses(size_t *none)
{
    size_t wrong = 0;

    *none = 0;
    for (size_t n = 1; n <= MEMBERS; n++) {
        const uint8_t *end = message + begins[MEMBERS];
        const uint8_t *guess = otc_ahead_of(message, message + begins[n], end, n);

        if (!guess) {
            ++*none;
            continue;
        }
        assert_true(guess - OTC_AHEAD_MARGIN >= message + begins[n] && guess + OTC_AHEAD_MARGIN < end);
        wrong += labs(guess - (message + begins[n + OTC_AHEAD_MEMBERS])) > OTC_AHEAD_MARGIN;
    }
    return wrong;
}

static void
finds_members(void **state)
{
    size_t none;

    (void)state;
    make_members(400, 1);
    assert_int_equal(wrong_guesses(&none), 0);
    assert_int_equal(none, OTC_AHEAD_MEMBERS + 1);
    make_members(400, 16);
    assert_in_range(wrong_guesses(&none), 0, MEMBERS / 10);
    make_members(1, 499); /* nothing is alike: wrong, and inside */
    assert_in_range(wrong_guesses(&none), MEMBERS / 2, MEMBERS);
    make_members(2, 1); /* so short that the line is there already */
    assert_int_equal(wrong_guesses(&none), 0);
    assert_int_equal(none, MEMBERS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_members)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
