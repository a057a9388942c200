// SPDX-License-Identifier: Apache-2.0
/** @file The Collector's counters of receivers. */
#ifndef OTC_COMPONENT_COUNTERS_H
#define OTC_COMPONENT_COUNTERS_H

#include "common/component/otc.h"

/** otelcol_receiver_{accepted,refused,failed}_<items> and otelcol_receiver_requests of one receiver,
 * transport and signal. */
struct otc_receiver_counters {
    struct otc_meter *meter;
    struct otc_series *accepted, *refused, *failed;
    struct otc_series *requests_accepted, *requests_refused, *requests_failed;
};

/** `transport`: "grpc" or "http". Everything starts at 0. */
void otc_receiver_counters_init(struct otc_receiver_counters *counters, struct otc_meter *meter,
                                const char *id, const char *transport, enum otc_signal signal);
/**
 * Counts one request of `items` by its result: OK accepted; a bad request or an error of our own failed
 * (INVALID_ARGUMENT, INTERNAL, UNKNOWN, UNIMPLEMENTED); everything else refused by what stands behind. Call
 * it once a request, with the result.
 */
void otc_receiver_count(const struct otc_receiver_counters *counters, size_t items, otc_status status);

/** Upper bounds of the Collector's histograms of items and of bytes. */
#define OTC_N_SIZE_BOUNDS 22u
#define OTC_N_BYTES_BOUNDS 18u
extern const double otc_size_bounds[OTC_N_SIZE_BOUNDS];
extern const double otc_bytes_bounds[OTC_N_BYTES_BOUNDS];

/** The instruments otelcol_exporter_sent_<items> and otelcol_exporter_send_failed_<items>, for exporters that
 * write at once, without the helper's queue. */
const struct otc_instrument *otc_exporter_sent_items(enum otc_signal signal);
const struct otc_instrument *otc_exporter_send_failed_items(enum otc_signal signal);
/** aimon_exporter_dropped_items {exporter, data_type, reason}. */
const struct otc_instrument *otc_exporter_dropped_items(void);

#endif
