// SPDX-License-Identifier: Apache-2.0
/** @file Settings of the otlp_json_file receiver: those of the Collector's readers of files. */
#ifndef OTC_OTLP_JSON_FILE_CONFIG_H
#define OTC_OTLP_JSON_FILE_CONFIG_H

#include "common/component/otc.h"
#include "common/config/schema.h"

enum otlp_json_file_start { OTLP_JSON_FILE_END, OTLP_JSON_FILE_BEGINNING };

struct otlp_json_file_config {
    otc_strings include;
    otc_strings exclude;
    otc_duration exclude_older_than;
    otc_choice start_at; /* enum otlp_json_file_start */
    otc_duration poll_interval;
    otc_duration force_flush_period;
    otc_bytes fingerprint_size;
    otc_bytes max_log_size;
    int64_t max_concurrent_files;
    otc_choice compression; /* enum tail_compression */
    otc_choice on_truncate; /* enum tail_truncated */
    bool delete_after_read;
    bool acquire_fs_lock;
    char *storage;
    bool replay_file;
    char *ordering_criteria, *multiline, *header; /* refused */
    /* Without meaning for OTLP, or for how files are read here. */
    otc_choice encoding, max_log_size_behavior;
    otc_bytes initial_buffer_size;
    int64_t max_batches, polls_to_archive;
    bool file_cache_advise;
    bool preserve_leading_whitespaces, preserve_trailing_whitespaces;
    bool include_file_name, include_file_path, include_file_name_resolved, include_file_path_resolved;
    bool include_file_owner_name, include_file_owner_group_name, include_file_permissions;
    bool include_file_record_number, include_file_record_offset;
};

extern const struct otc_schema otlp_json_file_schema;
otc_status otlp_json_file_validate(const void *settings, struct otc_error *err);

#endif
