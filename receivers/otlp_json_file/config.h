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
    otc_choice start_at; /* enum otlp_json_file_start */
    otc_duration poll_interval;
    otc_duration force_flush_period;
    otc_bytes fingerprint_size;
    otc_bytes max_log_size;
    int64_t max_concurrent_files;
    bool replay_file;
    otc_choice encoding;
    char *storage;
    char *compression;
    int64_t max_batches;
    bool delete_after_read;
    bool include_file_name, include_file_path; /* without meaning for OTLP */
};

extern const struct otc_schema otlp_json_file_schema;
otc_status otlp_json_file_validate(const void *settings, struct otc_error *err);

#endif
