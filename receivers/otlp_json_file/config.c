// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp_json_file/config.h"

#include "common/config/refused.h"
#include "receivers/otlp_json_file/paths.h"

static const char *const starts[] = {"end", "beginning", NULL};
static const char *const encodings[] = {"utf-8", "utf8", "nop", "ascii", NULL};
static const char *const compressions[] = {"", "gzip", "auto", NULL};
static const char *const truncations[] = {"read_whole_file", "read_new", "ignore", NULL};
static const char *const behaviors[] = {"split", "truncate", NULL};

#define NO_MEANING .inert = true, .doc = "Has no meaning for OTLP."

static const struct otc_field fields[] = {
    OTC_FIELD(otlp_json_file_config, include, .required = true,
              .doc =
                  "Files to read: paths with `*`, `?`, `[…]`, `{a,b}`, and `**` for any number of folders."),
    OTC_FIELD(otlp_json_file_config, exclude, .doc = "Of these files, those that are not read."),
    OTC_FIELD(otlp_json_file_config, exclude_older_than, .def = "0s", .min = "0s", .max = "87600h",
              .doc = "Files that did not change for longer are not begun; 0: whatever their age."),
    OTC_FIELD(otlp_json_file_config, start_at, .def = "end", .choices = starts,
              .doc = "Where reading begins in files that are there at the first start; files that come later "
                     "are read from their beginning."),
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
    OTC_FIELD(otlp_json_file_config, compression, .def = "", .choices = compressions,
              .doc = "`gzip`: all files are compressed. `auto`: those that begin as gzip does."),
    OTC_FIELD(otlp_json_file_config, on_truncate, .def = "read_whole_file", .choices = truncations,
              .doc =
                  "A file that became shorter than what was read of it, with the same beginning: it is read "
                  "again, from its new end, or when it is longer than before."),
    OTC_FIELD(otlp_json_file_config, delete_after_read, .def = "false",
              .doc = "A file whose end is reached is removed; needs `start_at: beginning`."),
    OTC_FIELD(otlp_json_file_config, acquire_fs_lock, .def = "false",
              .doc = "A file that another program has locked (`flock`) waits."),
    OTC_FIELD(otlp_json_file_config, storage, .names_extension = OTC_OFFERS_STORAGE,
              .doc =
                  "A storage extension (`file_storage`) that keeps over restarts how far files were read."),
    OTC_FIELD(otlp_json_file_config, replay_file, .def = "false",
              .doc = "At its end a file is read again from its beginning, for load tests."),
    OTC_FIELD(otlp_json_file_config, ordering_criteria, .parse = otc_parse_refused,
              .doc = "Not supported: files picked by what their names say."),
    OTC_FIELD(otlp_json_file_config, multiline, .parse = otc_parse_refused,
              .doc = "Not supported: a request is a line."),
    OTC_FIELD(otlp_json_file_config, header, .parse = otc_parse_refused,
              .doc = "Not supported: every line is a request."),
    OTC_FIELD(otlp_json_file_config, encoding, .def = "utf-8", .choices = encodings, .inert = true,
              .doc = "OTLP/JSON is UTF-8."),
    OTC_FIELD(otlp_json_file_config, max_log_size_behavior, .def = "split", .choices = behaviors,
              .inert = true, .doc = "No part of a line is OTLP/JSON."),
    OTC_FIELD(otlp_json_file_config, initial_buffer_size, .def = "16KiB", .inert = true,
              .doc = "The buffer has `max_log_size`."),
    OTC_FIELD(otlp_json_file_config, max_batches, .def = "0", .min = "0", .inert = true,
              .doc = "How many rounds a poll takes."),
    OTC_FIELD(otlp_json_file_config, polls_to_archive, .def = "0", .min = "0", .inert = true,
              .doc = "How long files that are gone are remembered."),
    OTC_FIELD(otlp_json_file_config, file_cache_advise, .def = "false", .inert = true,
              .doc = "What the system keeps in its cache."),
    OTC_FIELD(otlp_json_file_config, preserve_leading_whitespaces, .def = "false", NO_MEANING),
    OTC_FIELD(otlp_json_file_config, preserve_trailing_whitespaces, .def = "false", NO_MEANING),
    OTC_FIELD(otlp_json_file_config, include_file_name, .def = "true", NO_MEANING),
    OTC_FIELD(otlp_json_file_config, include_file_path, .def = "false", NO_MEANING),
    OTC_FIELD(otlp_json_file_config, include_file_name_resolved, .def = "false", NO_MEANING),
    OTC_FIELD(otlp_json_file_config, include_file_path_resolved, .def = "false", NO_MEANING),
    OTC_FIELD(otlp_json_file_config, include_file_owner_name, .def = "false", NO_MEANING),
    OTC_FIELD(otlp_json_file_config, include_file_owner_group_name, .def = "false", NO_MEANING),
    OTC_FIELD(otlp_json_file_config, include_file_permissions, .def = "false", NO_MEANING),
    OTC_FIELD(otlp_json_file_config, include_file_record_number, .def = "false", NO_MEANING),
    OTC_FIELD(otlp_json_file_config, include_file_record_offset, .def = "false", NO_MEANING),
    OTC_FIELD_END,
};
const struct otc_schema otlp_json_file_schema =
    OTC_SCHEMA(otlp_json_file_config, fields, "Reads OTLP/JSON from files, a request a line.");

static otc_status
check_patterns(const char *key, const otc_strings *patterns, struct otc_error *err)
{
    struct patterns parsed = {0};
    struct otc_error why = OTC_ERROR_INIT;
    otc_status status = OTC_OK;

    for (size_t i = 0; i < patterns->n && status == OTC_OK; i++) {
        const char *pattern = patterns->items[i];

        if (!pattern || !*pattern) {
            status = otc_fail(err, OTC_INVALID_ARGUMENT, "%s::%zu: must not be empty", key, i);
        } else if (otlp_json_file_patterns_add(&parsed, pattern, &why) != OTC_OK) {
            status = otc_fail(err, why.status, "%s::%zu: %s", key, i, why.text);
        }
    }
    otlp_json_file_patterns_release(&parsed);
    return status;
}

otc_status
otlp_json_file_validate(const void *settings, struct otc_error *err)
{
    const struct otlp_json_file_config *config = settings;
    otc_status status = check_patterns("include", &config->include, err);

    if (status == OTC_OK) {
        status = check_patterns("exclude", &config->exclude, err);
    }
    if (status == OTC_OK && config->delete_after_read && config->start_at.index == OTLP_JSON_FILE_END) {
        status =
            otc_fail(err, OTC_INVALID_ARGUMENT,
                     "'delete_after_read' cannot be used with 'start_at: end'; set `start_at: beginning`");
    }
    return status;
}
