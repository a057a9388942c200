// SPDX-License-Identifier: Apache-2.0
/**
 * @file Trace states: a threshold is one of 56 bits, it is what its own digits say, and neither another
 * vendor's member nor white space around one changes it.
 */
#include "common/otlp/tracestate.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#define STATE_MAX 1024
#define MEMBERS_MAX 32

static void
expect(const char *state, size_t len, uint64_t want)
{
    uint64_t threshold = ~want;

    if (!otc_tracestate_threshold(otc_slice_of(state, len), &threshold) || threshold != want) {
        fprintf(stderr, "%.*s: not %llx\n", (int)len, state, (unsigned long long)want);
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t threshold = UINT64_MAX;
    char state[STATE_MAX + 16];
    size_t members = 1;
    int len;

    if (!otc_tracestate_threshold(otc_slice_of(data, size), &threshold)) {
        return 0;
    }
    if (threshold >> 56 || size > STATE_MAX) {
        abort();
    }
    len = snprintf(state, sizeof(state), "ot=th:%014llx", (unsigned long long)threshold);
    expect(state, (size_t)len, threshold);
    for (size_t i = 0; i < size; i++) {
        members += data[i] == ',';
    }
    if (size + 6 > STATE_MAX || members == MEMBERS_MAX) {
        return 0;
    }
    len = snprintf(state, sizeof(state), "zz=1 ,%.*s", (int)size, (const char *)data);
    expect(state, (size_t)len, threshold);
    len = snprintf(state, sizeof(state), "%.*s\t,zz=1", (int)size, (const char *)data);
    expect(state, (size_t)len, threshold);
    return 0;
}
