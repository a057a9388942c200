// SPDX-License-Identifier: Apache-2.0
/** @file Are the pieces of a request the request? As protobuf-c decodes both; for unit tests and fuzzers. */
#ifndef OTC_TESTS_SPLIT_ORACLE_H
#define OTC_TESTS_SPLIT_ORACLE_H

#include "common/otlp/split.h"

/**
 * Cuts an admitted `request` and compares: the same items in the same order, each below the same resource,
 * scope and metric (unknown fields included), counts as told, no piece over `room`. False: `why` says what is
 * wrong. `*pieces` (may be NULL): how many there were.
 */
bool otc_split_oracle_check(enum otc_signal signal, struct otc_slice request, enum otc_split_unit unit,
                            size_t room, size_t *pieces, char why[256]);

#endif
