// SPDX-License-Identifier: Apache-2.0
/** @file The endpoint for the program's own metrics, by default http://localhost:8888/metrics. */
#ifndef OTC_SIDECAR_SELF_METRICS_H
#define OTC_SIDECAR_SELF_METRICS_H

#include "sidecar/self_source.h"

/** Opaque. */
struct otc_self_metrics;

/** Opens the endpoint. `reader` and the source's host are borrowed while it is open. UNAVAILABLE: the address
 * is in use. */
OTC_CHECK otc_status otc_self_metrics_open(const struct otc_prometheus_reader *reader,
                                           const struct otc_self_source *source,
                                           struct otc_self_metrics **out, struct otc_error *err);
/** NULL is allowed. */
void otc_self_metrics_close(struct otc_self_metrics *metrics);
/** The page as a scrape gets it, appended to `out`. */
OTC_CHECK otc_status otc_self_metrics_render(struct otc_self_metrics *metrics, struct otc_buf *out,
                                             struct otc_error *err);
/** The port it listens on. */
uint16_t otc_self_metrics_port(const struct otc_self_metrics *metrics);

#endif
