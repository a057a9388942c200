// SPDX-License-Identifier: Apache-2.0
/** @file The readers of the program's own metrics while they run: endpoints that are scraped, and backends
 * that are told. */
#ifndef OTC_SIDECAR_TELEMETRY_H
#define OTC_SIDECAR_TELEMETRY_H

#include "sidecar/self_source.h"

/** Opaque. Of the control loop. */
struct otc_telemetry;

/** Starts every reader of a configuration, or none. `config` and the source's host are borrowed until it is
 * closed. `*out` NULL: there are none (level none). */
OTC_CHECK otc_status otc_telemetry_open(const struct otc_service_config *config,
                                        const struct otc_self_source *source, struct otc_telemetry **out,
                                        struct otc_error *err);
/** Backends are told for the last time, and all together are waited for until `deadline_ns` (monotonic; 0:
 * nothing is told). NULL is allowed. */
void otc_telemetry_close(struct otc_telemetry *telemetry, int64_t deadline_ns);

#endif
