// SPDX-License-Identifier: Apache-2.0
/** @file Constants of the reference file's format, for its writer and its reader. */
#ifndef OTC_ANALYSIS_REFERENCE_FORMAT_H
#define OTC_ANALYSIS_REFERENCE_FORMAT_H

#define OTC__REFERENCE_FORMAT "otelcol-aimon reference"
#define OTC__REFERENCE_VERSION 1
/** Largest file that is read or written. */
#define OTC__REFERENCE_MAX_BYTES ((size_t)256 << 20)
/** Most features of a file. */
#define OTC__REFERENCE_MAX_FEATURES 10000

#endif
