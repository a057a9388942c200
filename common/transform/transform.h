// SPDX-License-Identifier: Apache-2.0
/**
 * @file What every processor that changes data is: consumers of the three signals, an edit of each part, a
 * new batch of what changed. A batch in which nothing changed is passed on as it is; one that is emptied is
 * not passed on at all.
 */
#ifndef OTC_TRANSFORM_TRANSFORM_H
#define OTC_TRANSFORM_TRANSFORM_H

#include "common/otlp/edit_pairs.h"

struct otc_transform;

/** One part on its way through a processor. */
struct otc_transform_part {
    enum otc_signal signal;
    struct otc_slice part;
    /** Who sent it; may be NULL. */
    struct otc_client *client;
    /** Begun with the part; what it holds afterwards is done. */
    struct otc_edit edit;
    /** For the attributes of one message at a time. */
    struct otc_pairs pairs;
    /** Items that the edit takes out. */
    size_t dropped;
};

struct otc_transform_ops {
    /** Notes the changes of a part. On any thread, several at once. A failure refuses the whole batch. */
    otc_status (*edit)(struct otc_transform *self, struct otc_transform_part *part, struct otc_error *err);
    /** Frees the processor. */
    void (*free)(struct otc_transform *self);
};

struct otc_transform_lane {
    struct otc_consumer consumer;
    struct otc_transform *owner;
    struct otc_consumer *next;
};

/** The first member of such a processor. */
struct otc_transform {
    struct otc_component component;
    struct otc_transform_lane lanes[OTC_N_SIGNALS];
    const struct otc_transform_ops *ops;
    const char *id;
    struct otc_host *host;
};

/** Makes the base of a zeroed processor. */
void otc_transform_init(struct otc_transform *self, const struct otc_settings *settings,
                        const struct otc_transform_ops *ops);

/** Takes out the resources and scopes that came without items: there is nothing in them to pass on. For who
 * drops items. */
void otc_transform_drop_empty(struct otc_transform_part *part);

/** Factory: all three signals, each to itself. */
#define OTC_TRANSFORM_PAIRS(stability)                                                                       \
    {                                                                                                        \
        {OTC_TRACES, OTC_TRACES, (stability)}, {OTC_METRICS, OTC_METRICS, (stability)},                      \
        {                                                                                                    \
            OTC_LOGS, OTC_LOGS, (stability)                                                                  \
        }                                                                                                    \
    }

#endif
