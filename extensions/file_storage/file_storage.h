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

struct file_storage_dead_letter {
    otc_bytes max_size;
};

struct file_storage_config {
    char *directory;
    otc_duration timeout;
    otc_choice sync; /* enum otc_log_sync */
    otc_duration sync_interval;
    bool fsync;
    bool create_directory;
    char *directory_permissions;
    bool recreate;
    struct file_storage_compaction compaction;
    otc_bytes max_size;
    otc_bytes max_journal_size;
    otc_bytes max_queue_size;
    otc_bytes min_free_bytes;
    struct file_storage_dead_letter *dead_letter; /* NULL: off */
};

/** The words of `sync`. */
extern const char *const file_storage_syncs[];

/** What a client is made with; borrowed for the client's life. */
struct otc_log_writer;
struct file_storage_orphans;
struct file_storage_context {
    const char *id; /* of the extension */
    struct otc_host *host;
    const struct file_storage_config *config;
    struct otc_log_writer *writer;        /* of queues; NULL: there is none yet */
    struct file_storage_orphans *orphans; /* NULL: it does not run */
};

/** Opens the store and the journal of a component. `*clients` counts those that are open. */
otc_status file_storage_client_new(const struct file_storage_context *context, const char *kind,
                                   const char *component_id, size_t *clients, struct otc_storage **out,
                                   struct otc_error *err);

#define FILE_STORAGE_NAME_MAX 256
/** "connector_drift__credit", "exporter_otlp_grpc_traces": another one for each component, with what no file
 * name should have as ~xx. False: too long. `name` may be NULL. */
bool file_storage_name(const char *kind, const char *component_id, const char *name,
                       char out[FILE_STORAGE_NAME_MAX]);

/** Bytes and files of a queue's dead letters, within the limits of the settings. Any thread. */
struct file_storage_dead_letters;
/** NULL out of memory. `queue`: the name of its files; borrowed, as the context is. */
struct file_storage_dead_letters *file_storage_dead_letters_new(const struct file_storage_context *context,
                                                                const char *queue,
                                                                const struct otc_label *labels,
                                                                size_t n_labels);
void file_storage_dead_letters_free(struct file_storage_dead_letters *self);
/** Takes room; false: there is none, or they are off. */
bool file_storage_dead_letters_reserve(struct file_storage_dead_letters *self, uint64_t bytes);
struct otc_log;
struct otc_log_record;
/** Moves a record of the log, for which room was taken. */
void file_storage_dead_letters_add(struct file_storage_dead_letters *self, struct otc_log *log,
                                   struct otc_log_record *record, size_t skip, const char *why);

/** Looks, a second after it was made, for queues in the folder that nobody opened, names them in the log and
 * counts their bytes. NULL out of memory. The context is borrowed. */
struct file_storage_orphans *file_storage_orphans_new(const struct file_storage_context *context);
/** A queue that has an owner, by the name of its files. Any thread. */
void file_storage_orphans_opened(struct file_storage_orphans *self, const char *queue);
/** NULL is allowed. */
void file_storage_orphans_free(struct file_storage_orphans *self);

/** Opens a queue of a component; the context has a writer. `*clients` counts as above. */
otc_status file_storage_queue_new(const struct file_storage_context *context, const char *kind,
                                  const char *component_id, const char *name, struct otc_stored_reader reader,
                                  size_t *clients, struct otc_storage_queue **out, struct otc_error *err);

#endif
