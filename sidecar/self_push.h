// SPDX-License-Identifier: Apache-2.0
/** @file A periodic reader while it runs: tells the program's own metrics to a backend over OTLP. */
#ifndef OTC_SIDECAR_SELF_PUSH_H
#define OTC_SIDECAR_SELF_PUSH_H

#include "sidecar/self_source.h"

/** Opaque. */
struct otc_self_push;

/**
 * Starts it. `reader` and the source's host are borrowed until it is closed. A request is made when the last
 * one is through, and there is one at a time; a backend that is down costs it and a line in the log once a
 * minute.
 */
OTC_CHECK otc_status otc_self_push_open(const struct otc_reader *reader, const struct otc_self_source *source,
                                        struct otc_self_push **out, struct otc_error *err);
/** Tells everything for the last time, and is closed next. NULL is allowed. */
void otc_self_push_tell_last(struct otc_self_push *push);
/** What is on its way is waited for until `deadline_ns` (monotonic), but no longer than an export may take.
 * NULL is allowed. */
void otc_self_push_close(struct otc_self_push *push, int64_t deadline_ns);

#endif
