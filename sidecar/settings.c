// SPDX-License-Identifier: Apache-2.0
#include "sidecar/settings.h"

const char *const otc_section_names[5] = {
    [OTC_RECEIVER] = "receivers",   [OTC_PROCESSOR] = "processors", [OTC_EXPORTER] = "exporters",
    [OTC_CONNECTOR] = "connectors", [OTC_EXTENSION] = "extensions",
};

/* Keeps the node itself: what it means depends on more than its type. */
static otc_status
keep_map(const struct otc_node *node, void *member, struct otc_config *owner, struct otc_error *err)
{
    (void)owner;
    if (node->kind != OTC_NODE_MAP) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "expected a map or struct, got \"%s\"",
                        otc_node_type_name(node));
    }
    *(const struct otc_node **)member = node;
    return OTC_OK;
}

static otc_status
keep_list(const struct otc_node *node, void *member, struct otc_config *owner, struct otc_error *err)
{
    (void)owner;
    if (node->kind != OTC_NODE_LIST) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "source data must be an array or slice, got %s",
                        otc_node_type_name(node));
    }
    *(const struct otc_node **)member = node;
    return OTC_OK;
}

static otc_status
refuse_address(const struct otc_node *node, void *member, struct otc_config *owner, struct otc_error *err)
{
    (void)node;
    (void)member;
    (void)owner;
    return otc_fail(err, OTC_INVALID_ARGUMENT,
                    "is no longer supported, use \"readers\" with a pull exporter instead: "
                    "readers: [{pull: {exporter: {prometheus: {host: localhost, port: 8888}}}}]");
}

/* What views change nobody would notice missing until a dashboard is empty. */
static otc_status
refuse_views(const struct otc_node *node, void *member, struct otc_config *owner, struct otc_error *err)
{
    otc_status status = keep_list(node, member, owner, err);

    if (status == OTC_OK && node->n > 0) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT,
                          "\"views\" is an OpenTelemetry Collector option that this build does not support");
    }
    return status;
}

#define NODE_FIELD(struct_name, member, yaml_key, parser, ...)                                               \
    {                                                                                                        \
        .key = (yaml_key), .type = OTC_TYPE_STRING, .offset = offsetof(struct struct_name, member),          \
        .parse = (parser), __VA_ARGS__                                                                       \
    }

static const struct otc_field sampling_fields[] = {
    OTC_FIELD(otc_sampling_settings, enabled, .def = "true",
              .doc = "Whether equal messages are thinned out."),
    OTC_FIELD(otc_sampling_settings, tick, .def = "10s", .min = "1ms",
              .doc = "Span over which messages count."),
    OTC_FIELD(otc_sampling_settings, initial, .def = "10", .min = "0",
              .doc = "Equal messages of a span that are all written."),
    OTC_FIELD(otc_sampling_settings, thereafter, .def = "100", .min = "0",
              .doc = "Of the further ones each how manieth is written; 0: none."),
    OTC_FIELD_END,
};
static const struct otc_schema sampling_schema =
    OTC_SCHEMA(otc_sampling_settings, sampling_fields, "Thins out equal log messages.");

/* The last three are zap's; nothing here is as grave, so that they silence the log. */
static const char *const log_levels[] = {"debug", "info", "warn", "error", "dpanic", "panic", "fatal", NULL};
static const char *const log_encodings[] = {"console", "json", NULL};

static const struct otc_field logs_fields[] = {
    OTC_FIELD(otc_logs_settings, level, .def = "info", .choices = log_levels,
              .doc = "Least level that is written."),
    OTC_FIELD(otc_logs_settings, encoding, .def = "console", .choices = log_encodings,
              .doc = "Form of a line."),
    OTC_FIELD(otc_logs_settings, development, .inert = true, .doc = "Development mode."),
    OTC_FIELD(otc_logs_settings, disable_caller, .doc = "Leave the place in the source out of lines."),
    OTC_FIELD(otc_logs_settings, disable_stacktrace, .inert = true,
              .doc = "Lines never hold stack traces here."),
    OTC_FIELD(otc_logs_settings, disable_zap_resource, .doc = "Leave the resource out of JSON lines."),
    OTC_FIELD_OPTIONAL(otc_logs_settings, sampling, sampling_schema, .on_by_default = true,
                       .doc = "Thins out equal messages."),
    OTC_FIELD(otc_logs_settings, output_paths, .def = "stderr", .min = "1", .max = "8",
              .doc = "Where lines go: `stdout`, `stderr`, or files, which are appended to and opened again "
                     "at a reload."),
    OTC_FIELD(otc_logs_settings, error_output_paths, .def = "stderr", .max = "8",
              .doc = "Where it is told that a line could not be written."),
    NODE_FIELD(otc_logs_settings, initial_fields, "initial_fields", keep_map,
               .doc = "Fields added to every line."),
    NODE_FIELD(otc_logs_settings, processors, "processors", keep_list, .inert = true,
               .doc = "Export of logs."),
    OTC_FIELD_END,
};
static const struct otc_schema logs_schema =
    OTC_SCHEMA(otc_logs_settings, logs_fields, "The program's own log.");

static const char *const metrics_levels[] = {"none", "basic", "normal", "detailed", NULL};

static const struct otc_field metrics_fields[] = {
    OTC_FIELD(otc_metrics_settings, level, .def = "normal", .choices = metrics_levels,
              .doc = "How much the program tells of itself; none: no endpoint."),
    NODE_FIELD(otc_metrics_settings, readers, "readers", keep_list, .doc = "Who reads the metrics."),
    NODE_FIELD(otc_metrics_settings, views, "views", refuse_views, .doc = "Views of the metrics; refused."),
    NODE_FIELD(otc_metrics_settings, address, "address", refuse_address, .doc = "Removed."),
    OTC_FIELD_END,
};
static const struct otc_schema metrics_schema =
    OTC_SCHEMA(otc_metrics_settings, metrics_fields, "The program's own metrics.");

static const struct otc_field telemetry_fields[] = {
    OTC_FIELD_STRUCT(otc_telemetry_settings, logs, logs_schema, .doc = "The program's own log."),
    OTC_FIELD_STRUCT(otc_telemetry_settings, metrics, metrics_schema, .doc = "The program's own metrics."),
    NODE_FIELD(otc_telemetry_settings, traces, "traces", keep_map, .inert = true,
               .doc = "Traces of the program."),
    NODE_FIELD(otc_telemetry_settings, resource, "resource", keep_map, .doc = "Attributes of the program."),
    OTC_FIELD_END,
};
static const struct otc_schema telemetry_schema =
    OTC_SCHEMA(otc_telemetry_settings, telemetry_fields, "What the program tells of itself.");

static const struct otc_field service_fields[] = {
    OTC_FIELD(otc_service_settings, extensions, .doc = "Extensions to start, in order."),
    OTC_FIELD(otc_service_settings, plugins,
              .doc = "Paths of shared objects whose components may be named too."),
    NODE_FIELD(otc_service_settings, pipelines, "pipelines", keep_map, .doc = "Pipelines by id."),
    OTC_FIELD_STRUCT(otc_service_settings, telemetry, telemetry_schema,
                     .doc = "What the program tells of itself."),
    OTC_FIELD_END,
};
static const struct otc_schema service_schema =
    OTC_SCHEMA(otc_service_settings, service_fields, "Which components run, and how they are connected.");

#define SECTION(kind, name)                                                                                  \
    NODE_FIELD(otc_root_settings, sections[kind], name, keep_map, .doc = "Components by id.")

static const struct otc_field root_fields[] = {
    SECTION(OTC_RECEIVER, "receivers"),
    SECTION(OTC_PROCESSOR, "processors"),
    SECTION(OTC_EXPORTER, "exporters"),
    SECTION(OTC_CONNECTOR, "connectors"),
    SECTION(OTC_EXTENSION, "extensions"),
    OTC_FIELD_STRUCT(otc_root_settings, service, service_schema, .doc = "What runs."),
    OTC_FIELD_END,
};
const struct otc_schema otc_root_schema = OTC_SCHEMA(otc_root_settings, root_fields, "A configuration.");
