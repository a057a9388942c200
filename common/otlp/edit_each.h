// SPDX-License-Identifier: Apache-2.0
/** @file Every message of a request that carries attributes, one after another: for who edits them all. */
#ifndef OTC_OTLP_EDIT_EACH_H
#define OTC_OTLP_EDIT_EACH_H

#include "common/otlp/walk.h"

/** What a message is; of sets of them the bits. */
enum otc_edit_kind {
    OTC_EDIT_RESOURCE = 1,
    OTC_EDIT_SCOPE = 2,
    /** A metric has no attributes, but can be dropped. */
    OTC_EDIT_METRIC = 4,
    /** A span, data point or log record. */
    OTC_EDIT_ITEM = 8,
    OTC_EDIT_EVENT = 16,
    OTC_EDIT_LINK = 32
};

struct otc_edit_place {
    enum otc_edit_kind kind;
    /** RESOURCE and SCOPE: the group that holds one, or none (otc_pairs_load_resource, …_scope). Otherwise
     * the message itself. */
    struct otc_slice message;
    /** ITEM, EVENT, LINK: the field of its attributes. */
    enum otc_attributes_of of;
};

/**
 * Calls `fn` for each message of the set `kinds`: a resource before its scopes, a scope before its items, an
 * item before its events, those before its links. The part must have been admitted.
 */
void otc_edit_each(enum otc_signal signal, struct otc_slice part, unsigned kinds,
                   void (*fn)(void *arg, const struct otc_edit_place *place), void *arg);

#endif
