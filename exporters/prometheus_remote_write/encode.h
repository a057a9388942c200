// SPDX-License-Identifier: Apache-2.0
/** @file Series as remote-write requests: prometheus.WriteRequest (1.0) and io.prometheus.write.v2.Request
 * (2.0). */
#ifndef OTC_EXPORTERS_PRW_ENCODE_H
#define OTC_EXPORTERS_PRW_ENCODE_H

#include "exporters/prometheus_remote_write/series.h"

/** One request's body, not compressed yet. */
struct prw_piece {
    struct otc_buf body;
    size_t samples, histograms, exemplars;
};

struct prw_pieces {
    struct prw_piece *items;
    size_t n, capacity;
};

struct prw_encoding {
    bool v2;
    /** A body that has series does not grow beyond this; a series that is larger alone has a body of its own.
     */
    size_t max_bytes;
    /** 1.0: a first piece with the metadata of all families (2.0 has it with each series). */
    bool metadata;
};

/** A finished set as requests; a series is in one of them alone. UNAVAILABLE out of memory. Release `out` in
 * any case.
 */
otc_status prometheus_remote_write_encode(const struct prw_set *set, const struct prw_encoding *encoding,
                                          struct prw_pieces *out, struct otc_error *err);
void prometheus_remote_write_pieces_release(struct prw_pieces *pieces);

#endif
