// SPDX-License-Identifier: Apache-2.0
/** @file Does the walker say of a request what protobuf-c says? For unit tests and fuzzers. */
#ifndef OTC_TESTS_OTLP_ORACLE_H
#define OTC_TESTS_OTLP_ORACLE_H

#include "common/component/otc.h"

enum otc_oracle_answer {
    /** Admission refused it. The walker was run all the same. */
    OTC_ORACLE_REFUSED,
    /** Admitted, and everything the walker showed is what protobuf-c decoded. */
    OTC_ORACLE_AGREES,
    /** Admitted, but with groups or a message in pieces, where protobuf-c departs from protobuf; nothing to
       compare. */
    OTC_ORACLE_INCOMPARABLE,
    OTC_ORACLE_DISAGREES
};

/**
 * Admits, decodes and walks `request`. The projection asks for the keys that the request holds, at every
 * level. `why` explains DISAGREES. `items`: how many spans, points or records were compared; may be NULL.
 */
enum otc_oracle_answer otc_oracle_check(enum otc_signal signal, struct otc_slice request, size_t *items,
                                        char why[256]);

#endif
