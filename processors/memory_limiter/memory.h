// SPDX-License-Identifier: Apache-2.0
/** @file How much memory the process uses, and how much there is. */
#ifndef PROCESSORS_MEMORY_LIMITER_MEMORY_H
#define PROCESSORS_MEMORY_LIMITER_MEMORY_H

#include "common/component/otc.h"

/** Where the limiter learns about memory; tests pass their own. Any thread. */
struct memory_limiter_reader {
    /** Bytes the process uses now; false when unknown. */
    bool (*usage)(void *arg, uint64_t *bytes);
    /** Bytes the process may use at most: of the container, else of the machine; false when unknown. */
    bool (*total)(void *arg, uint64_t *bytes);
    /** Gives freed memory back to the system: what a garbage collection is elsewhere. */
    void (*trim)(void *arg);
    void *arg;
};

/**
 * The system's: anonymous resident memory of /proc/self/statm (resident less file-backed and shared pages),
 * memory.max of the control group (v2, then v1) or the machine's memory, and malloc_trim.
 */
extern const struct memory_limiter_reader memory_limiter_system;

/** Another reader for a component of this type, before its start. Borrowed. */
void memory_limiter_use_reader(struct otc_component *component, const struct memory_limiter_reader *reader);

#endif
