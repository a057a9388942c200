// SPDX-License-Identifier: Apache-2.0
/** @file What becomes of a request whose attempt failed. Private to the exporter helper; the owner locks. */
#ifndef OTC_COMPONENT_EXPORTER_RETRY_H
#define OTC_COMPONENT_EXPORTER_RETRY_H

#include "common/component/exporter_config.h"
#include "common/component/exporter_counters.h"

/** The retries of one request. Starts as {.first_attempt = now, .interval = initial_interval}. */
struct otc__retry {
    int64_t first_attempt;
    double interval;
    /** The time until which the destination asked to wait, which may be before the interval's end; 0: it did
     * not ask. */
    int64_t not_before;
};

struct otc__verdict {
    /** Again after `delay`; else given up for `reason`, and `prefix` begins the error's text. */
    bool again;
    int64_t delay;
    enum otc_drop_reason reason;
    const char *prefix;
};

/**
 * Judges a failed attempt. `random` is the state of the jitter. The wait is the interval, times 1 -
 * randomization_factor to 1 + randomization_factor, or what the destination asked for if that is longer; a
 * wait that would pass max_elapsed_time (from the first attempt) is not begun.
 */
struct otc__verdict otc__retry_judge(const struct otc_retry_config *config, struct otc__retry *retry,
                                     const struct otc_error *result, int64_t now, uint64_t *random);

#endif
