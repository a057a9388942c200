// SPDX-License-Identifier: Apache-2.0
/** @file Does the editor make of a request what decoding, changing and encoding it with protobuf-c makes? */
#ifndef OTC_TESTS_EDIT_ORACLE_H
#define OTC_TESTS_EDIT_ORACLE_H

#include "tests/fuzz/oracle/otlp_oracle.h"

/**
 * Edits `request` both ways by the same random plan: attributes at every level are removed, changed and
 * added, items and events are taken out. `changed` (may be NULL) says whether there was anything to do.
 * `why` explains DISAGREES.
 */
enum otc_oracle_answer otc_edit_oracle_check(enum otc_signal signal, struct otc_slice request, uint64_t seed,
                                             bool *changed, char why[256]);

#endif
