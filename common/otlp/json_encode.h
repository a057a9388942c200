// SPDX-License-Identifier: Apache-2.0
/** @file Protobuf bytes to OTLP/JSON. */
#ifndef OTC_OTLP_JSON_ENCODE_H
#define OTC_OTLP_JSON_ENCODE_H

#include "common/base/buf.h"
#include "common/component/otc.h"

/**
 * Appends one Export…ServiceRequest as OTLP/JSON on one line, strict as opentelemetry-proto 1.11 has it:
 * lowerCamelCase names, ids in lower-case hex, bytes in base64, 64-bit integers as decimal strings, enums as
 * integers, NaN and infinities as "NaN", "Infinity", "-Infinity". A field that is on the wire is written, in
 * the order of the schema; of a oneof the last member. Text that is no UTF-8 gets U+FFFD. Fields the schema
 * does not know are left out. Several requests joined are one request.
 *
 * INVALID_ARGUMENT "otlp: malformed protobuf …" (also beyond 64 AnyValues in each other), UNAVAILABLE out of
 * memory or at the limit of `out`.
 */
OTC_CHECK otc_status otc_protobuf_to_json(enum otc_signal signal, struct otc_slice request,
                                          struct otc_buf *out, struct otc_error *err);

#endif
