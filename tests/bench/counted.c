// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/counted.h"

void
bench_counted(void (*fn)(void *arg), void *arg, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        fn(arg);
    }
}
