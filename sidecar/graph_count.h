// SPDX-License-Identifier: Apache-2.0
/** @file What passes between the components of a pipeline, counted as the Collector does. Private to the
 * sidecar. */
#ifndef OTC_SIDECAR_GRAPH_COUNT_H
#define OTC_SIDECAR_GRAPH_COUNT_H

#include "common/base/arena.h"
#include "common/component/otc.h"

enum otc_count_side { OTC_COUNT_INCOMING, OTC_COUNT_OUTGOING };

/**
 * A consumer before `*consumer` that counts the items of each batch (otelcol_processor_incoming_items or
 * …_outgoing_items of the processor `id` and the signal) and passes everything on; it takes the place of
 * `*consumer`, whose properties are final by now. Lives in the arena. False out of memory.
 */
bool otc_graph_count(struct otc_arena *arena, struct otc_meter *meter, enum otc_count_side side,
                     const char *id, enum otc_signal signal, struct otc_consumer **consumer);

#endif
