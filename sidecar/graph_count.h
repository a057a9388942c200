// SPDX-License-Identifier: Apache-2.0
/** @file What passes between the components of a pipeline, counted as the Collector does. Private to the
 * sidecar. */
#ifndef OTC_SIDECAR_GRAPH_COUNT_H
#define OTC_SIDECAR_GRAPH_COUNT_H

#include "common/base/arena.h"
#include "common/component/otc.h"

enum otc_count_side { OTC_COUNT_INCOMING, OTC_COUNT_OUTGOING };

/** What is counted before and behind a processor. */
struct otc_counted {
    struct otc_host *host;
    /** Its id. */
    const char *id;
    /** Tells it from others of the id. */
    const void *instance;
    enum otc_signal signal;
};

/**
 * A consumer before `*consumer` that counts the items of each batch (otelcol_processor_incoming_items or
 * …_outgoing_items) and passes everything on; it takes the place of `*consumer`, whose properties are final
 * by now. At level detailed the two of a processor also measure the time spent between them, that is within
 * the processor (otelcol_processor_internal_duration). Lives in the arena. False out of memory.
 */
bool otc_graph_count(struct otc_arena *arena, const struct otc_counted *counted, enum otc_count_side side,
                     struct otc_consumer **consumer);

#endif
