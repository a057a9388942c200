// SPDX-License-Identifier: Apache-2.0
/** @file OTLP/JSON to protobuf bytes. */
#ifndef OTC_OTLP_JSON_H
#define OTC_OTLP_JSON_H

#include "common/base/buf.h"
#include "common/component/otc.h"

/**
 * Translates one Export…ServiceRequest from OTLP/JSON (opentelemetry-proto 1.11: hex ids, 64-bit numbers as
 * strings or numbers, enums as integers or names, lowerCamelCase or proto names, unknown fields ignored,
 * "NaN"/"Infinity" strings) and appends the protobuf bytes to `out`. Depth is limited to `max_depth`
 * AnyValues. INVALID_ARGUMENT with the position ("otlp: bad JSON at line 1 column 20: …") or the path ("otlp:
 * resourceSpans[0].…: expected …").
 */
OTC_CHECK otc_status otc_json_to_protobuf(enum otc_signal signal, struct otc_slice json, uint32_t max_depth,
                                          struct otc_buf *out, struct otc_error *err);

/** google.rpc.Status{code, message, details} as protobuf or JSON; with a retry delay: a RetryInfo detail. */
bool otc_rpc_status_protobuf(const struct otc_error *error, struct otc_buf *out);
bool otc_rpc_status_json(const struct otc_error *error, struct otc_buf *out);

/** The Export…ServiceResponse: empty, or with partial_success{rejected_…, error_message} when rejected > 0 or
 * a message is given. */
bool otc_export_response_protobuf(enum otc_signal signal, int64_t rejected, const char *message,
                                  struct otc_buf *out);
bool otc_export_response_json(enum otc_signal signal, int64_t rejected, const char *message,
                              struct otc_buf *out);
/** Reads one back (what a backend answered). False when malformed. `message` borrows from `response`. */
bool otc_export_response_read(struct otc_slice response, int64_t *rejected, struct otc_slice *message);

#endif
