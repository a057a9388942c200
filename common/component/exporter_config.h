// SPDX-License-Identifier: Apache-2.0
/** @file The settings that every pushing exporter shares: `sending_queue`, `retry_on_failure`, `timeout`. */
#ifndef OTC_COMPONENT_EXPORTER_CONFIG_H
#define OTC_COMPONENT_EXPORTER_CONFIG_H

#include "common/config/schema.h"

/** What sizes are counted in; the index of `sizer`. */
enum otc_sizer { OTC_SIZER_REQUESTS, OTC_SIZER_ITEMS, OTC_SIZER_BYTES };

struct otc_queue_partition {
    otc_strings metadata_keys;
};

/** `sending_queue::batch`: several requests are sent as one. */
struct otc_queue_batch {
    otc_duration flush_timeout;
    int64_t min_size;
    int64_t max_size;
    char *sizer; /* NULL: the queue's, or items when that counts requests */
    struct otc_queue_partition partition;
};

/** `sending_queue`. */
struct otc_queue_config {
    int64_t num_consumers;
    bool wait_for_result;
    bool block_on_overflow;
    otc_choice sizer;
    int64_t queue_size;
    char *storage;
    struct otc_queue_batch *batch; /* NULL: requests are sent as they came */
};

/** `retry_on_failure`. */
struct otc_retry_config {
    bool enabled;
    otc_duration initial_interval;
    double randomization_factor;
    double multiplier;
    otc_duration max_interval;
    otc_duration max_elapsed_time; /* 0: for ever */
    bool elapsed_is_set;           /* by the user: else a queue on disk has 0 */
};

extern const struct otc_schema otc_queue_schema;
extern const struct otc_schema otc_retry_schema;
/** The same with a first wait of 50 ms: prometheus_remote_write's. */
extern const struct otc_schema otc_retry_fast_schema;

/** What the sizer of a batch is in effect. */
enum otc_sizer otc_queue_batch_sizer(const struct otc_queue_config *queue);

/**
 * The two rows of an exporter's field table. `queue` is a `struct otc_queue_config *` (NULL: `enabled:
 * false`), `retry` a `struct otc_retry_config`.
 */
#define OTC_EXPORTER_FIELDS(struct_name)                                                                     \
    OTC_FIELD_OPTIONAL(struct_name, sending_queue, otc_queue_schema, .on_by_default = true,                  \
                       .doc = "Holds requests in memory and sends them in the background."),                 \
        OTC_FIELD_STRUCT(struct_name, retry_on_failure, otc_retry_schema,                                    \
                         .doc = "Sends again what failed for a while.")

#endif
