// SPDX-License-Identifier: Apache-2.0
/** @file The parts of the batch processor. */
#ifndef OTC_PROCESSORS_BATCH_H
#define OTC_PROCESSORS_BATCH_H

#include "common/component/gather.h"
#include "common/component/otc.h"
#include "common/config/schema.h"

#include <pthread.h>

struct batch_config {
    otc_duration timeout;
    int64_t send_batch_size;
    int64_t send_batch_max_size;
    otc_strings metadata_keys;
    int64_t metadata_cardinality_limit;
};

extern const struct otc_schema batch_schema;
otc_status batch_validate(const void *settings, struct otc_error *err);

enum batch_trigger { BATCH_BY_SIZE, BATCH_BY_TIMEOUT };

/** Self-metrics of one component; law 4: accepted = sent + refused + held, in items. */
struct batch_counters {
    struct otc_meter *meter;
    struct otc_series *triggers[2];
    struct otc_series *cardinality;
    struct otc_series *send_size;
    struct otc_series *send_bytes; /* NULL but at level detailed */
    struct otc_series *accepted, *sent, *refused, *held;
};

void batch_counters_init(struct batch_counters *counters, struct otc_meter *meter, const char *id,
                         enum otc_signal signal);

struct batch_lane;

/** Batches of one combination of metadata values that wait. Guarded by the lane's lock. */
struct batch_shard {
    struct batch_lane *lane;
    struct otc_entries entries;
    int64_t items;
    struct otc_timer *timer;
};

/** One signal of the processor. */
struct batch_lane {
    struct otc_consumer consumer;
    struct otc_host *host;
    const struct batch_config *config;
    const char *id;
    struct otc_consumer *next;
    struct batch_counters counters;
    struct otc_gather gather;
    pthread_mutex_t lock;   /* guards all below, and entries and shards */
    struct otc_map *shards; /* by metadata values */
    bool draining;          /* nothing waits for more */
};

/** `lane` is zeroed. False out of memory. */
bool batch_lane_init(struct batch_lane *lane, const struct otc_settings *settings, enum otc_signal signal);
/** Sends what waits, and from now on everything at once. */
void batch_lane_drain(struct batch_lane *lane);
/** After this no timer runs. Nothing may wait any more. */
void batch_lane_release(struct batch_lane *lane);

#endif
