// SPDX-License-Identifier: Apache-2.0
/** @file Settings of the file exporter. */
#ifndef OTC_FILE_CONFIG_H
#define OTC_FILE_CONFIG_H

#include "common/component/otc.h"
#include "common/net/http_client_config.h"

enum file_format { FILE_JSON, FILE_PROTO };
enum file_compression { FILE_PLAIN, FILE_ZSTD };

struct file_rotation_config {
    int64_t max_megabytes;
    int64_t max_days;
    int64_t max_backups;
    bool local_time;
};

struct file_group_by_config {
    bool enabled;
    char *resource_attribute;
    int64_t max_open_files;
};

struct file_config {
    char *path;
    otc_choice format;      /* enum file_format */
    otc_choice compression; /* enum file_compression */
    struct otc_compression_params compression_params;
    char *encoding;
    bool append;
    struct file_rotation_config *rotation;
    otc_duration flush_interval;
    bool create_directory;
    char *directory_permissions;
    struct file_group_by_config group_by;
};

extern const struct otc_schema file_schema;
otc_status file_validate(const void *settings, struct otc_error *err);
/** The octal number of directory_permissions; false for what is none. */
bool file_permissions(const char *text, unsigned *out);

#endif
