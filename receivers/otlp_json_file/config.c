// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp_json_file/config.h"

#include <stdlib.h>
#include <string.h>

static const char *const starts[] = {"end", "beginning", NULL};
static const char *const encodings[] = {"utf-8", "utf8", "nop", "ascii", NULL};

static const struct otc_field fields[] = {
    OTC_FIELD(otlp_json_file_config, include, .required = true,
              .doc = "Files to read: paths with `*`, `?` and `[…]`."),
    OTC_FIELD(otlp_json_file_config, exclude, .doc = "Of these files, those that are not read."),
    OTC_FIELD(otlp_json_file_config, start_at, .def = "end", .choices = starts,
              .doc = "Where reading begins in files that are there at the start; files that come later are "
                     "read from their beginning."),
    OTC_FIELD(otlp_json_file_config, poll_interval, .def = "200ms", .min = "1ms", .max = "24h",
              .doc = "How often the files are looked at."),
    OTC_FIELD(otlp_json_file_config, force_flush_period, .def = "500ms", .min = "0s", .max = "24h",
              .doc =
                  "A last line without an end is read when the file has not grown for this long; 0: never."),
    OTC_FIELD(otlp_json_file_config, fingerprint_size, .def = "1kb", .min = "16", .max = "1MiB",
              .doc = "First bytes of a file that tell it from others, whatever its name."),
    OTC_FIELD(otlp_json_file_config, max_log_size, .def = "1MiB", .min = "64KiB", .max = "256MiB",
              .doc = "Longest line; a longer one is skipped and logged."),
    OTC_FIELD(otlp_json_file_config, max_concurrent_files, .def = "1024", .min = "1", .max = "100000",
              .doc = "Files that are followed; further ones wait until others are gone."),
    OTC_FIELD(otlp_json_file_config, replay_file, .def = "false",
              .doc = "At its end a file is read again from its beginning, for load tests."),
    OTC_FIELD(otlp_json_file_config, encoding, .def = "utf-8", .choices = encodings, .inert = true,
              .doc = "OTLP/JSON is UTF-8."),
    OTC_FIELD(otlp_json_file_config, storage, .doc = "Not supported: positions are kept in memory."),
    OTC_FIELD(otlp_json_file_config, compression, .doc = "Not supported: files are read as they are."),
    OTC_FIELD(otlp_json_file_config, max_batches, .def = "0", .min = "0", .inert = true,
              .doc = "How many rounds a poll takes."),
    OTC_FIELD(otlp_json_file_config, delete_after_read, .def = "false", .doc = "Only `false` is supported."),
    OTC_FIELD(otlp_json_file_config, include_file_name, .def = "true", .inert = true,
              .doc = "Has no meaning for OTLP."),
    OTC_FIELD(otlp_json_file_config, include_file_path, .def = "false", .inert = true,
              .doc = "Has no meaning for OTLP."),
    OTC_FIELD_END,
};
const struct otc_schema otlp_json_file_schema =
    OTC_SCHEMA(otlp_json_file_config, fields, "Reads OTLP/JSON from files, a request a line.");

static otc_status
check_patterns(const char *key, const otc_strings *patterns, struct otc_error *err)
{
    for (size_t i = 0; i < patterns->n; i++) {
        const char *pattern = patterns->items[i];

        if (!pattern || !*pattern) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "%s::%zu: must not be empty", key, i);
        }
        if (strstr(pattern, "**")) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "%s::%zu: '%s': `**` is not supported, name the folders (`/var/otlp/*/*.json`)",
                            key, i, pattern);
        }
    }
    return OTC_OK;
}

otc_status
otlp_json_file_validate(const void *settings, struct otc_error *err)
{
    const struct otlp_json_file_config *config = settings;
    otc_status status = check_patterns("include", &config->include, err);

    if (status == OTC_OK) {
        status = check_patterns("exclude", &config->exclude, err);
    }
    if (status == OTC_OK && config->storage && *config->storage) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT,
                          "storage: not supported, positions are kept in memory; leave it out, and take "
                          "`start_at: beginning` to read the files anew after a restart");
    }
    if (status == OTC_OK && config->compression && *config->compression) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT, "compression: '%s' is not supported, only plain files",
                          config->compression);
    }
    if (status == OTC_OK && config->delete_after_read) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT, "delete_after_read: not supported; leave it out");
    }
    return status;
}
