// SPDX-License-Identifier: Apache-2.0
/**
 * @file Batches as they were observed, for the journal: of each record its model, its time and the features
 * it carried, with their values; nothing else of what passed by. Of a text whose vocabulary is watched that
 * is the hashes of its words in ascending order, of an embedding the vector. Writing allocates nothing but to
 * grow the buffer (and to sort the words of a long text).
 */
#ifndef OTC_DRIFT_RECORD_H
#define OTC_DRIFT_RECORD_H

#include "common/analysis/features.h"
#include "common/analysis/model.h"
#include "common/base/codec.h"

enum drift_entry_kind {
    DRIFT_ENTRY_BATCH = 1,  /* its records follow */
    DRIFT_ENTRY_TICK = 2,   /* time went on; no record */
    DRIFT_ENTRY_POINTS = 3, /* a batch of metrics: its data points follow (points.h) */
    DRIFT_ENTRY_TOLD = 4    /* the events of what is before it were sent */
};

/** What stands before the records. */
struct drift_entry {
    enum drift_entry_kind kind;
    int64_t now_ns, monotonic_ns;
    /** Parts that were malformed; of a tick: the time of the emission. */
    int64_t extra;
};
void drift_entry_write(struct otc_buf *out, const struct drift_entry *entry);
/** False for what is none, or of another format. */
bool drift_entry_read(struct otc_reader *in, struct drift_entry *entry);

/** One record. Slices are borrowed from what was read. */
struct drift_record {
    struct otc_model_key key;
    int64_t event_ns;
    /** Observed features, and those that were too many. */
    size_t n, lost;
    /** How many records it stands for (common/analysis/weight.h). */
    uint64_t weight;
    /** Its trace state was not valid. */
    bool bad_trace_state;
    /** Of a record that waits: it came before. */
    bool duplicate;
    /** Not the first instance of an inference request. */
    bool further;
    /** Its id (`duplicates`), hashed. */
    bool has_id;
    uint64_t id;
};
/** `set` tells which of the features are texts and vectors. */
void drift_record_write(struct otc_buf *out, const struct drift_record *record,
                        const struct otc_observed *observed, const struct otc_feature_set *set);
/** The next record and what it showed, at most `max`; false at the end or when it is damaged (in->failed). */
bool drift_record_read(struct otc_reader *in, struct drift_record *record, struct otc_observed *observed,
                       size_t max, size_t known_features);

#endif
