// SPDX-License-Identifier: Apache-2.0
/**
 * @file Events of an analysis stage as log records, beside its metrics (emit.h): what happened once is told
 * once. On the control loop alone.
 */
#ifndef OTC_ANALYSIS_EMIT_LOGS_H
#define OTC_ANALYSIS_EMIT_LOGS_H

#include "common/component/otc.h"
#include "common/otlp/build_logs.h"

/** Records told and not yet sent, at most; further ones are dropped and counted. */
#define OTC_EVENTS_PENDING_MAX 4096
/** Batches that wait for another try, at most, and the tries that each gets. */
#define OTC_EVENTS_WAITING_MAX 16
#define OTC_EVENTS_TRIES 20

/** Opaque. */
struct otc_events;

/** `scope`: the instrumentation scope; `component_id`: label of the self-metric. NULL out of memory. */
struct otc_events *otc_events_new(struct otc_host *host, const char *scope, const char *component_id);
/** NULL is allowed. What waits is dropped and counted. */
void otc_events_free(struct otc_events *events);
/** Where the batches go; without it events are neither built nor counted. */
void otc_events_connect(struct otc_events *events, struct otc_consumer *next);
bool otc_events_connected(const struct otc_events *events);

/** While held nothing is sent: a restart goes through what was before, and learns only then what of it was
 * told. */
void otc_events_hold(struct otc_events *events, bool held);
/** What was told since and not sent is not to be sent. */
void otc_events_forget(struct otc_events *events);

/** Tells an event; it leaves with the next otc_events_flush(). */
void otc_events_add(struct otc_events *events, const struct otc_log_head *log);
/**
 * Sends what was told since, as one batch, after the batches that were refused before (oldest first, one try
 * each: call it when results are evaluated and at each flush). A batch that is refused OTC_EVENTS_TRIES
 * times, or permanently, is dropped: aimon_emit_logs_refused counts its records. True when something left,
 * and nothing waits any more.
 */
bool otc_events_flush(struct otc_events *events);

#endif
