// SPDX-License-Identifier: Apache-2.0
/** @file What instructions are counted of: `valgrind --tool=callgrind --toggle-collect=bench_counted`. */
#ifndef OTC_TESTS_BENCH_COUNTED_H
#define OTC_TESTS_BENCH_COUNTED_H

#include <stddef.h>

/** Calls `fn(arg)` `times` times. Preparation and warming up happen outside of it and are not counted. */
void bench_counted(void (*fn)(void *arg), void *arg, size_t times);

#endif
