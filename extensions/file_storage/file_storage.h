// SPDX-License-Identifier: Apache-2.0
/** @file A folder of stores and journals, one of each a component. */
#ifndef OTC_FILE_STORAGE_H
#define OTC_FILE_STORAGE_H

#include "common/component/otc.h"
#include "common/config/schema.h"

struct file_storage_compaction {
    bool on_start;
    bool on_rebound;
    char *directory;
    int64_t max_transaction_size;
    bool cleanup_on_start;
    int64_t rebound_needed_threshold_mib;
    int64_t rebound_trigger_threshold_mib;
    otc_duration check_interval;
};

struct file_storage_config {
    char *directory;
    otc_duration timeout;
    bool fsync;
    bool create_directory;
    char *directory_permissions;
    bool recreate;
    struct file_storage_compaction compaction;
    otc_bytes max_size;
    otc_bytes max_journal_size;
};

/** What a client is made with; borrowed for the client's life. */
struct file_storage_context {
    const char *id; /* of the extension */
    struct otc_host *host;
    const struct file_storage_config *config;
};

/** Opens the store and the journal of a component. `*clients` counts those that are open. */
otc_status file_storage_client_new(const struct file_storage_context *context, const char *kind,
                                   const char *component_id, size_t *clients, struct otc_storage **out,
                                   struct otc_error *err);

#endif
