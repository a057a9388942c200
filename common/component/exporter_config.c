// SPDX-License-Identifier: Apache-2.0
#include "common/component/exporter_config.h"

#include "common/component/otc.h"

#include <string.h>
#include <strings.h>

static const char *const sizers[] = {"requests", "items", "bytes", NULL};

static otc_status
check_partition(const void *value, struct otc_error *err)
{
    const struct otc_queue_partition *partition = value;

    for (size_t i = 0; i < partition->metadata_keys.n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcasecmp(partition->metadata_keys.items[i], partition->metadata_keys.items[j]) == 0) {
                return otc_fail(err, OTC_INVALID_ARGUMENT,
                                "duplicate entry in metadata_keys: \"%s\" (case-insensitive)",
                                partition->metadata_keys.items[i]);
            }
        }
    }
    return OTC_OK;
}

static const struct otc_field partition_fields[] = {
    OTC_FIELD(otc_queue_partition, metadata_keys,
              .doc = "Requests whose values of these client metadata keys differ are never sent as one."),
    OTC_FIELD_END,
};
static const struct otc_schema partition_schema = {
    .size = sizeof(struct otc_queue_partition),
    .fields = partition_fields,
    .doc = "Which requests may be sent as one.",
    .check = check_partition,
};

static otc_status
check_batch(const void *value, struct otc_error *err)
{
    const struct otc_queue_batch *batch = value;

    if (batch->sizer && strcmp(batch->sizer, "items") != 0 && strcmp(batch->sizer, "bytes") != 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "`batch` supports only `items` or `bytes` sizer, found \"%s\"", batch->sizer);
    }
    if (batch->flush_timeout.ns <= 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "`flush_timeout` must be positive, found %lld",
                        (long long)batch->flush_timeout.ns);
    }
    if (batch->min_size < 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "`min_size` must be non-negative, found %lld",
                        (long long)batch->min_size);
    }
    if (batch->max_size < 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "`max_size` must be non-negative, found %lld",
                        (long long)batch->max_size);
    }
    if (batch->max_size > 0 && batch->max_size < batch->min_size) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "`max_size` (%lld) must be greater or equal to `min_size` (%lld)",
                        (long long)batch->max_size, (long long)batch->min_size);
    }
    return OTC_OK;
}

static const struct otc_field batch_fields[] = {
    OTC_FIELD(otc_queue_batch, flush_timeout, .def = "200ms", .doc = "Sends what there is after this long."),
    OTC_FIELD(otc_queue_batch, min_size, .def = "8192", .doc = "Sends at once from this size on."),
    OTC_FIELD(otc_queue_batch, max_size, .def = "0",
              .doc =
                  "Largest size of a request: larger ones are cut at spans, points or records; 0: no limit."),
    OTC_FIELD(otc_queue_batch, sizer,
              .doc = "What the sizes count: `items` or `bytes`; by default the queue's, else `items`."),
    OTC_FIELD_STRUCT(otc_queue_batch, partition, partition_schema,
                     .doc = "Which requests may be sent as one."),
    OTC_FIELD_END,
};
static const struct otc_schema batch_schema = {
    .size = sizeof(struct otc_queue_batch),
    .fields = batch_fields,
    .doc = "Sends several requests as one.",
    .check = check_batch,
};

enum otc_sizer
otc_queue_batch_sizer(const struct otc_queue_config *queue)
{
    if (queue->batch && queue->batch->sizer) {
        return strcmp(queue->batch->sizer, "bytes") == 0 ? OTC_SIZER_BYTES : OTC_SIZER_ITEMS;
    }
    return queue->sizer.index == OTC_SIZER_BYTES ? OTC_SIZER_BYTES : OTC_SIZER_ITEMS;
}

static otc_status
check_queue(const void *value, struct otc_error *err)
{
    const struct otc_queue_config *queue = value;

    if (queue->num_consumers <= 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "`num_consumers` must be positive");
    }
    if (queue->queue_size <= 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "`queue_size` must be positive");
    }
    if (queue->storage && queue->wait_for_result) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "`wait_for_result` is not supported with a persistent queue configured with `storage`");
    }
    if (queue->batch && (enum otc_sizer)queue->sizer.index == otc_queue_batch_sizer(queue) &&
        queue->batch->min_size > queue->queue_size) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "`min_size` must be less than or equal to `queue_size`");
    }
    return OTC_OK;
}

static const struct otc_field queue_fields[] = {
    OTC_FIELD(otc_queue_config, num_consumers, .def = "10", .max = "10000",
              .doc = "Requests sent at the same time."),
    OTC_FIELD(otc_queue_config, wait_for_result, .def = "false",
              .doc = "The sender gets its answer when the request was sent, not when it was queued."),
    OTC_FIELD(otc_queue_config, block_on_overflow, .def = "false",
              .doc = "When the queue is full the sender waits for room instead of being refused."),
    OTC_FIELD(otc_queue_config, sizer, .def = "requests", .choices = sizers,
              .doc = "What `queue_size` counts."),
    OTC_FIELD(otc_queue_config, queue_size, .def = "1000",
              .doc = "Largest size of what waits and what is being sent."),
    OTC_FIELD(otc_queue_config, storage, .names_extension = OTC_OFFERS_STORAGE,
              .doc =
                  "A storage extension (`file_storage`) that keeps the queue on disk; its sender is answered "
                  "when the data is there."),
    OTC_FIELD_OPTIONAL(otc_queue_config, batch, batch_schema, .doc = "Sends several requests as one."),
    OTC_FIELD_END,
};
const struct otc_schema otc_queue_schema = {
    .size = sizeof(struct otc_queue_config),
    .fields = queue_fields,
    .doc = "Holds requests in memory and sends them in the background.",
    .check = check_queue,
};

static otc_status
check_retry(const void *value, struct otc_error *err)
{
    const struct otc_retry_config *retry = value;

    if (!retry->enabled) {
        return OTC_OK;
    }
    if (retry->initial_interval.ns < 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "'initial_interval' must be non-negative");
    }
    if (!(retry->randomization_factor >= 0 && retry->randomization_factor <= 1)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "'randomization_factor' must be within [0, 1]");
    }
    if (!(retry->multiplier >= 0 && retry->multiplier <= 1e6)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "'multiplier' must be non-negative (and at most 1000000)");
    }
    if (retry->max_interval.ns < 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "'max_interval' must be non-negative");
    }
    if (retry->max_elapsed_time.ns < 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "'max_elapsed_time' must be non-negative");
    }
    if (retry->max_elapsed_time.ns > 0 && retry->max_elapsed_time.ns < retry->initial_interval.ns) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "'max_elapsed_time' must not be less than 'initial_interval'");
    }
    if (retry->max_elapsed_time.ns > 0 && retry->max_elapsed_time.ns < retry->max_interval.ns) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "'max_elapsed_time' must not be less than 'max_interval'");
    }
    return OTC_OK;
}

#define RETRY_FIELDS(first_wait, unless_set)                                                                 \
    OTC_FIELD(otc_retry_config, enabled, .def = "true", .doc = "Whether anything is sent again."),           \
        OTC_FIELD(otc_retry_config, initial_interval, .def = (first_wait),                                   \
                  .doc = "Wait before the first repetition; no wait is shorter than 10 ms."),                \
        OTC_FIELD(otc_retry_config, randomization_factor, .def = "0.5",                                      \
                  .doc = "Each wait is multiplied by a random number of 1 - x to 1 + x."),                   \
        OTC_FIELD(otc_retry_config, multiplier, .def = "1.5",                                                \
                  .doc = "Growth of the wait with each repetition."),                                        \
        OTC_FIELD(otc_retry_config, max_interval, .def = "30s", .doc = "Longest wait."),                     \
        OTC_FIELD(otc_retry_config, max_elapsed_time, .def = "5m",                                           \
                  .set_at = offsetof(struct otc_retry_config, elapsed_is_set),                               \
                  .doc = "Gives up (and drops the data) after this long; 0: never." unless_set),             \
        OTC_FIELD_END

static const struct otc_field retry_fields[] = {
    RETRY_FIELDS("5s", " Unless it is set, a queue with `storage` never gives up.")};
const struct otc_schema otc_retry_schema = {
    .size = sizeof(struct otc_retry_config),
    .fields = retry_fields,
    .doc = "Sends again what failed for a while.",
    .check = check_retry,
};

static const struct otc_field retry_fast_fields[] = {RETRY_FIELDS("50ms", "")};
const struct otc_schema otc_retry_fast_schema = {
    .size = sizeof(struct otc_retry_config),
    .fields = retry_fast_fields,
    .doc = "Sends again what failed for a while.",
    .check = check_retry,
};
