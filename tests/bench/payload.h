// SPDX-License-Identifier: Apache-2.0
/** @file Requests to measure with: the same bytes in every run (fixed seed). */
#ifndef OTC_TESTS_BENCH_PAYLOAD_H
#define OTC_TESTS_BENCH_PAYLOAD_H

#include "common/base/buf.h"

enum payload_kind {
    /** W2: HTTP server spans of about 410 bytes with 10 attributes. */
    PAYLOAD_W2,
    /** W5: GenAI spans of about 1.2 kB with 31 attributes, features and predictions of a model among them. */
    PAYLOAD_W5
};

/** The kind that a name ("W2", "W5") means. False: none. */
bool payload_kind_of(const char *name, enum payload_kind *kind);
/** Appends one ExportTraceServiceRequest of `spans` spans under one resource of 12 attributes and one scope.
 */
bool payload_traces(enum payload_kind kind, size_t spans, uint64_t seed, struct otc_buf *out);

/* ---- What tests/bench/workloads.c shares ----------------------------------------------------------- */

/** splitmix64. */
uint64_t payload_next(uint64_t *state);
/** Appends a KeyValue as field `field`. */
void payload_put_text(struct otc_buf *out, uint32_t field, const char *key, const char *text);
void payload_put_int(struct otc_buf *out, uint32_t field, const char *key, uint64_t number);
void payload_put_double(struct otc_buf *out, uint32_t field, const char *key, double number);
/** Appends the resource of 12 attributes. */
void payload_put_resource(struct otc_buf *out);
/** Appends the attributes of a span of W2, of W5. */
void payload_put_http(struct otc_buf *out, uint64_t *seed);
void payload_put_gen_ai(struct otc_buf *out, uint64_t *seed);

#endif
