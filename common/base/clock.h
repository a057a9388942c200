// SPDX-License-Identifier: Apache-2.0
/** @file Time units, Go-style durations and RFC 3339 stamps. Reads no clock: that is the host's. */
#ifndef OTC_BASE_CLOCK_H
#define OTC_BASE_CLOCK_H

#include "common/base/slice.h"
#include "common/base/status.h"

#define OTC_MICROSECOND INT64_C(1000)
#define OTC_MILLISECOND INT64_C(1000000)
#define OTC_SECOND INT64_C(1000000000)
#define OTC_MINUTE (60 * OTC_SECOND)
#define OTC_HOUR (60 * OTC_MINUTE)
#define OTC_DAY (24 * OTC_HOUR)

/** A span of time in nanoseconds; a struct so that field tables can tell it from a count. */
typedef struct otc_duration {
    int64_t ns;
} otc_duration;

/**
 * Parses Go's syntax ("300ms", "-1.5h", "2h45m"; units ns us µs ms s m h) and, beyond Go, "d" for 24 h
 * ("7d"). A bare number but 0 is an error. INVALID_ARGUMENT with Go's words: time: invalid duration "x".
 */
OTC_API OTC_CHECK otc_status otc_duration_parse(struct otc_slice text, otc_duration *out,
                                                struct otc_error *err);
/** Go's spelling ("1h30m0s", "300ms"), at most 32 bytes with the NUL. */
OTC_API void otc_duration_format(otc_duration duration, char out[32]);
/** "2026-08-21T22:39:16.000Z": UTC, milliseconds, at most 32 bytes with the NUL. */
OTC_API void otc_time_format(int64_t unix_ns, char out[32]);
/**
 * Parses RFC 3339 and the common "YYYY-MM-DD[ T]HH:MM[:SS[.fraction]][Z|+hh:mm]" (no zone: UTC),
 * a date alone, and unix seconds, milliseconds, microseconds or nanoseconds as digits (told apart by
 * magnitude).
 */
OTC_API OTC_CHECK otc_status otc_time_parse(struct otc_slice text, int64_t *unix_ns, struct otc_error *err);
/** Days since 1970-01-01 of a date of the proleptic Gregorian calendar. */
OTC_API int64_t otc_days_from_date(int64_t year, unsigned month, unsigned day);
/** The date (month and day from 1) of a day since 1970-01-01. */
OTC_API void otc_date_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

#endif
