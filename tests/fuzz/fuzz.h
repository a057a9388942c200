// SPDX-License-Identifier: Apache-2.0
/** @file What a fuzz target defines: returns 0, aborts on a finding. */
#ifndef OTC_TESTS_FUZZ_H
#define OTC_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
