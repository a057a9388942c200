// SPDX-License-Identifier: Apache-2.0
/**
 * @file One input, several consumers. Every consumer is called, also after an error; those that observe what
 * was accepted come last, and only if the others' joined result is OK or PENDING.
 *
 * Joined result: OK when all accepted. PENDING when none refused and at least one is still to tell; the
 * result then comes when the last one told. Otherwise the texts of all errors joined with "; ". It is
 * permanent if any of them is, then with the status of the first permanent one and without a retry delay, as
 * the Collector joins them: a client that sends again sends to all, and one of them will never take it. Else
 * it has the status of the first and the longest retry delay. What an observer answers counts only when there
 * are observers alone: a statistic that fails never blocks forwarding.
 */
#ifndef OTC_COMPONENT_FANOUT_H
#define OTC_COMPONENT_FANOUT_H

#include "common/component/otc.h"

/**
 * A consumer that passes each batch to `n` consumers (> 0), in their order. The consumers must live longer.
 * Batches are immutable, so all get the same one. NULL out of memory. Freed with otc_fanout_free when nothing
 * is pending.
 */
struct otc_consumer *otc_fanout_new(struct otc_consumer *const *consumers, size_t n);
/** NULL is allowed. */
void otc_fanout_free(struct otc_consumer *fanout);

#endif
