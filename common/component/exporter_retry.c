// SPDX-License-Identifier: Apache-2.0
#include "common/component/exporter_retry.h"

/* Intervals of 0 are allowed, but a destination that refuses at once must not keep a thread busy. */
#define MIN_DELAY (10 * OTC_MILLISECOND)
/* 73 years: whatever the configuration says, a time plus a delay is a time. */
#define MAX_DELAY (INT64_C(1) << 61)

/* A number in [0, 1): splitmix64, for jitter alone. */
static double
next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static int64_t
next_delay(const struct otc_retry_config *config, struct otc__retry *retry, const struct otc_error *result,
           int64_t now, uint64_t *random)
{
    double jitter = config->randomization_factor * (2 * next_random(random) - 1);
    double wanted = retry->interval * (1 + jitter);
    int64_t delay = wanted < (double)MAX_DELAY ? (int64_t)wanted : MAX_DELAY;
    int64_t asked = result->retry_after_ms * OTC_MILLISECOND;

    retry->interval *= config->multiplier;
    if (retry->interval > (double)config->max_interval.ns) {
        retry->interval = (double)config->max_interval.ns;
    }
    retry->not_before = asked > 0 ? now + asked : 0;
    delay = delay > MIN_DELAY ? delay : MIN_DELAY;
    return asked > delay ? asked : delay;
}

struct otc__verdict
otc__retry_judge(const struct otc_retry_config *config, struct otc__retry *retry,
                 const struct otc_error *result, int64_t now, uint64_t *random)
{
    int64_t delay, allowed = config->max_elapsed_time.ns;

    if (!otc_error_retryable(result)) {
        return (struct otc__verdict){.reason = OTC_DROP_NOT_RETRYABLE,
                                     .prefix = "not retryable error: Permanent error: "};
    }
    if (!config->enabled) {
        return (struct otc__verdict){.reason = OTC_DROP_RETRY_DISABLED, .prefix = ""};
    }
    delay = next_delay(config, retry, result, now, random);
    if (allowed > 0 && delay > allowed - (now - retry->first_attempt)) {
        return (struct otc__verdict){.reason = OTC_DROP_RETRIES_EXHAUSTED,
                                     .prefix = "no more retries left: "};
    }
    return (struct otc__verdict){.again = true, .delay = delay};
}
