// SPDX-License-Identifier: Apache-2.0
/** @file The system's clocks: what a real host answers. Components ask their host instead. */
#ifndef OTC_BASE_NOW_H
#define OTC_BASE_NOW_H

#include <stdint.h>

/** CLOCK_MONOTONIC and CLOCK_REALTIME in nanoseconds. Any thread. */
int64_t otc_clock_monotonic_ns(void);
int64_t otc_clock_unix_ns(void);

#endif
