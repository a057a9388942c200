// SPDX-License-Identifier: Apache-2.0
#include "common/base/now.h"

#include "common/base/clock.h"

#include <time.h>

static int64_t
read_clock(clockid_t clock)
{
    struct timespec now = {0};

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * OTC_SECOND + now.tv_nsec;
}

int64_t
otc_clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t
otc_clock_unix_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}
