// SPDX-License-Identifier: Apache-2.0
#include "exporters/file/config.h"

#include <stdlib.h>
#include <string.h>

static const char *const formats[] = {"json", "proto", NULL};
static const char *const compressions[] = {"", "zstd", NULL};

static const struct otc_field rotation_fields[] = {
    OTC_FIELD(file_rotation_config, max_megabytes, .def = "100", .min = "1", .max = "1000000",
              .doc = "A file that would become larger is renamed (`name-2026-01-31T12-00-00.000.json`) and "
                     "begun anew."),
    OTC_FIELD(file_rotation_config, max_days, .def = "0", .min = "0", .max = "36500",
              .doc = "Renamed files older than this are removed; 0: never."),
    OTC_FIELD(file_rotation_config, max_backups, .def = "100", .min = "0", .max = "100000",
              .doc = "Renamed files that are kept, the newest; 0: all."),
    OTC_FIELD_AS(file_rotation_config, local_time, "localtime", .def = "false",
                 .doc = "Names have the local time, not UTC."),
    OTC_FIELD_END,
};
static const struct otc_schema rotation_schema =
    OTC_SCHEMA(file_rotation_config, rotation_fields, "A limit of the file's size.");

static const struct otc_field group_by_fields[] = {
    OTC_FIELD(file_group_by_config, enabled, .def = "false",
              .doc = "A file for each value of the attribute; `path` has one `*`, whose place it takes."),
    OTC_FIELD(file_group_by_config, resource_attribute, .def = "fileexporter.path_segment",
              .doc = "Resource attribute that names the file, or a path to it. What has none is dropped and "
                     "counted."),
    OTC_FIELD(file_group_by_config, max_open_files, .def = "100", .min = "1", .max = "10000",
              .doc = "Files open at a time; the one that was not used for longest is closed."),
    OTC_FIELD_END,
};
static const struct otc_schema group_by_schema =
    OTC_SCHEMA(file_group_by_config, group_by_fields, "A file for each value of a resource attribute.");

static const struct otc_field fields[] = {
    OTC_FIELD(file_config, path, .required = true,
              .doc = "The file; with `group_by` its `*` stands for a value."),
    OTC_FIELD(file_config, format, .def = "json", .choices = formats,
              .doc = "`json`: a line of OTLP/JSON a batch. `proto`: length (4 bytes, big-endian) and OTLP."),
    OTC_FIELD(file_config, compression, .def = "", .choices = compressions,
              .doc = "`zstd`: each batch by itself, behind its length, in either format."),
    OTC_FIELD_STRUCT(file_config, compression_params, otc_compression_params_schema,
                     .doc = "How hard it tries."),
    OTC_FIELD(file_config, encoding, .doc = "Not supported: an encoding extension."),
    OTC_FIELD(file_config, append, .def = "false",
              .doc = "Go on at the end of a file that is there; else it is emptied."),
    OTC_FIELD_OPTIONAL(file_config, rotation, rotation_schema,
                       .doc = "A limit of the file's size; off without it."),
    OTC_FIELD(file_config, flush_interval, .def = "1s", .min = "0s", .max = "24h",
              .doc = "What is held in memory is written this often at least; 0: 1s."),
    OTC_FIELD(file_config, create_directory, .def = "false", .doc = "Make the folders of `path`."),
    OTC_FIELD(file_config, directory_permissions, .def = "0755", .doc = "Of folders that are made, octal."),
    OTC_FIELD_STRUCT(file_config, group_by, group_by_schema,
                     .doc = "A file for each value of an attribute; off without `enabled`."),
    OTC_FIELD_END,
};
const struct otc_schema file_schema = OTC_SCHEMA(file_config, fields, "Writes what comes to a file.");

bool
file_permissions(const char *text, unsigned *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 8);

    *out = (unsigned)value;
    return *text && !*end && value > 0 && value <= 0777;
}

static otc_status
check_groups(const struct file_config *config, struct otc_error *err)
{
    const char *star = strchr(config->path, '*');

    if (!config->group_by.enabled) {
        return OTC_OK;
    }
    if (!star || strchr(star + 1, '*')) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "path must contain exactly one * when group_by is enabled");
    }
    if (star == config->path) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "path must not start with * when group_by is enabled");
    }
    return config->group_by.resource_attribute && *config->group_by.resource_attribute
               ? OTC_OK
               : otc_fail(err, OTC_INVALID_ARGUMENT,
                          "resource_attribute must not be empty when group_by is enabled");
}

otc_status
file_validate(const void *settings, struct otc_error *err)
{
    const struct file_config *config = settings;
    unsigned permissions;

    if (!config->path || !*config->path) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "path must be non-empty");
    }
    if (config->append && config->rotation) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "append and rotation enabled at the same time is not supported");
    }
    if (config->encoding && *config->encoding) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "encoding: '%s': encoding extensions are not supported; take `format`",
                        config->encoding);
    }
    if (!config->directory_permissions || !file_permissions(config->directory_permissions, &permissions)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "directory_permissions: '%s' is no octal number from 1 to 777",
                        config->directory_permissions ? config->directory_permissions : "");
    }
    return check_groups(config, err);
}
