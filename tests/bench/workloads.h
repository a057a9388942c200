// SPDX-License-Identifier: Apache-2.0
/** @file The further workloads of tests/bench/README.md: requests of spans, points and log records by their
 * names. */
#ifndef OTC_TESTS_BENCH_WORKLOADS_H
#define OTC_TESTS_BENCH_WORKLOADS_H

#include "common/base/buf.h"

/**
 * Appends one request of `items` spans, points or log records: W1, W2, W5, W6, W7a, W7b, W8a, W8b, W9a, W9b,
 * W11, or W10, which is W2 as OTLP/JSON. The same seed gives the same bytes; of W11 it says which of the
 * requests this is, each of whose spans have resources and clients of their own. False: no workload has that
 * name, or memory ran out.
 */
bool workload_request(const char *name, size_t items, uint64_t seed, struct otc_buf *out);

/** The names, for a usage message. */
#define WORKLOAD_NAMES "W1|W2|W5|W6|W7a|W7b|W8a|W8b|W9a|W9b|W10|W11"

#endif
