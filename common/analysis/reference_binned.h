// SPDX-License-Identifier: Apache-2.0
/** @file Learning the reference of a feature that arrives already binned, slice of time by slice of time. */
#ifndef OTC_ANALYSIS_REFERENCE_BINNED_H
#define OTC_ANALYSIS_REFERENCE_BINNED_H

#include "common/analysis/metric_buckets.h"
#include "common/analysis/reference.h"
#include "common/base/arena.h"

/** Slices of time kept; when more would be needed, two become one. */
#define OTC__BINNED_SLICES 48
/** Most buckets of an exponential reference: above, its scale falls. */
#define OTC__BINNED_BUCKETS 320

/** Owned by one thread. Opaque. */
struct otc__binned;
/** Empty, of the kind and bounds of `like`. NULL out of memory. */
struct otc__binned *otc__binned_new(const struct otc_buckets *like);
/** NULL is allowed. */
void otc__binned_free(struct otc__binned *binned);
/** True when buckets can be added: the same kind and bounds. */
bool otc__binned_takes(const struct otc__binned *binned, const struct otc_buckets *buckets);
/** Adds what came new at a time. False out of memory. */
bool otc__binned_add(struct otc__binned *binned, const struct otc_buckets *buckets, int64_t time_ns);
/** As bytes, for a restart. */
void otc__binned_save(const struct otc__binned *binned, struct otc_buf *out);
/** The same back; NULL: not what can have been saved, or no memory. */
struct otc__binned *otc__binned_load(struct otc_reader *in);
/** Fills the numeric parts of `out` from the arena. False out of memory. */
bool otc__binned_finish(struct otc__binned *binned, size_t bins, struct otc_arena *arena,
                        struct otc_reference_feature *out);

#endif
