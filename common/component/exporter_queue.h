// SPDX-License-Identifier: Apache-2.0
/** @file Requests that wait, and several of them as one. Private to the exporter helper; the owner locks. */
#ifndef OTC_COMPONENT_EXPORTER_QUEUE_H
#define OTC_COMPONENT_EXPORTER_QUEUE_H

#include "common/component/exporter_config.h"
#include "common/component/otc.h"

/** One consume call. */
struct otc__entry {
    struct otc__entry *next;
    struct otc_batch *batch;
    struct otc_done *done; /* NULL: nobody waits */
    int64_t size;
    int64_t batch_size;
    int64_t arrived;
};

/** First in, first out. Zero-initialised is empty. */
struct otc__entries {
    struct otc__entry *first, *last;
    size_t n;
};

void otc__entries_append(struct otc__entries *list, struct otc__entry *entry);
/** NULL when empty. */
struct otc__entry *otc__entries_take(struct otc__entries *list);
/** Tells the result to everybody who waits, and frees all. Not under the lock. */
void otc__entries_tell(struct otc__entries *list, const struct otc_error *result);
/** A reference to one batch with the parts of all entries (not empty), or NULL out of memory. */
struct otc_batch *otc__entries_merge(const struct otc__entries *entries);

int64_t otc__size_of(const struct otc_batch *batch, enum otc_sizer sizer);
/** Whether two batches may be sent as one: same authentication, same values of the partition's metadata keys.
 */
bool otc__may_merge(const struct otc_queue_batch *config, const struct otc_batch *a,
                    const struct otc_batch *b);

#endif
