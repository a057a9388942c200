// SPDX-License-Identifier: Apache-2.0
/** @file Files for tests: verification data that nobody here made, and fixtures of the repository. */
#ifndef OTC_TESTS_DATA_H
#define OTC_TESTS_DATA_H

#include "common/base/buf.h"

/** Reads a whole file (up to out->limit) into `out`. False when it cannot be read. */
bool otc_test_read(const char *path, struct otc_buf *out);
/**
 * The path of a file below the verification data ($AIMON_TESTDATA, default ../shared/data), in a buffer of
 * the caller. False when it is not there: print "skipped: no verification data" and skip().
 */
bool otc_test_data_path(const char *relative, char out[1024]);

#endif
