// SPDX-License-Identifier: Apache-2.0
/**
 * @file The attributes of one message as a list that can be changed; what was changed becomes splices of an
 * edit (otc_pairs_commit). Pairs that nobody changed, and setting what is there already, leave the bytes
 * alone. New pairs come last. A key that is there twice is changed, and removed, in every place; its value is
 * the last one's, as for the walker.
 */
#ifndef OTC_OTLP_EDIT_PAIRS_H
#define OTC_OTLP_EDIT_PAIRS_H

#include "common/component/otc.h"
#include "common/otlp/edit.h"
#include "common/otlp/walk.h"

enum otc_pair_state { OTC_PAIR_KEPT, OTC_PAIR_CHANGED, OTC_PAIR_REMOVED };

/** One pair. Key and value borrow from the part, or from who set them. */
struct otc_pair_edit {
    struct otc_slice key;
    struct otc_value value;
    enum otc_pair_state state;
    /** The KeyValue as it lies in the part, and the message around it; no data: new. */
    struct otc_slice encoded;
    struct otc_slice field;
    struct otc_slice message;
};

/** Zero-initialised it is empty; its memory serves message after message. */
struct otc_pairs {
    struct otc_edit *edit;
    struct otc_pair_edit *items;
    size_t n;
    size_t capacity;
    uint32_t field;
    /** Where new pairs go: there, in that message, as members of a new field `wrap` unless it is 0. */
    struct otc_slice home;
    struct otc_slice at;
    uint32_t wrap;
};

void otc_pairs_release(struct otc_pairs *pairs);
#define OTC_AUTO_PAIRS __attribute__((cleanup(otc_pairs_release)))

/** The attributes (field `of`) of an encoded message of the edit's part. */
void otc_pairs_load(struct otc_pairs *pairs, struct otc_edit *edit, enum otc_attributes_of of,
                    struct otc_slice message);
/** The attributes of the Resource of a ResourceSpans (…Metrics, …Logs) or the scope of a ScopeSpans, in
 * however many pieces; where there is none, new pairs make one. */
void otc_pairs_load_resource(struct otc_pairs *pairs, struct otc_edit *edit, struct otc_slice group);
void otc_pairs_load_scope(struct otc_pairs *pairs, struct otc_edit *edit, struct otc_slice group);

/** False: there is no such key. */
bool otc_pairs_get(const struct otc_pairs *pairs, struct otc_slice key, struct otc_value *value);
/** Sets the i-th pair's value; of texts made on the way keep a copy (otc_edit_keep). */
void otc_pairs_set(struct otc_pairs *pairs, size_t i, const struct otc_value *value);
void otc_pairs_remove(struct otc_pairs *pairs, size_t i);
/** Sets the key wherever it is. False: nowhere. */
bool otc_pairs_update(struct otc_pairs *pairs, struct otc_slice key, const struct otc_value *value);
/** Adds a pair behind the others. */
void otc_pairs_append(struct otc_pairs *pairs, struct otc_slice key, const struct otc_value *value);
/** Update, or append. */
void otc_pairs_put(struct otc_pairs *pairs, struct otc_slice key, const struct otc_value *value);

/** Notes the changes in the edit. */
void otc_pairs_commit(struct otc_pairs *pairs);

#endif
