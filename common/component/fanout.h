// SPDX-License-Identifier: Apache-2.0
/**
 * @file One input, several consumers. Every consumer is called, also after an error; those that observe what
 * was accepted come last, and only if the others' joined result is OK or PENDING.
 *
 * Joined result: OK when all accepted. PENDING when none refused and at least one is still to tell; the
 * result then comes when the last one told. Otherwise the texts of all errors joined with "; ", with the
 * status of the first that is not permanent (else of the first), permanent only if all are, and the longest
 * retry delay: the client sends again to all. What an observer answers counts only when there are observers
 * alone: a statistic that fails never blocks forwarding.
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
