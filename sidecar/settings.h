// SPDX-License-Identifier: Apache-2.0
/** @file The `service:` section and the sections of components, as decoded. Private to the sidecar. */
#ifndef OTC_SIDECAR_SETTINGS_H
#define OTC_SIDECAR_SETTINGS_H

#include "common/base/arena.h"
#include "common/component/factory.h"
#include "sidecar/readers.h"
#include "sidecar/service.h"

/** service::telemetry::logs. */
struct otc_sampling_settings {
    bool enabled;
    otc_duration tick;
    int64_t initial;
    int64_t thereafter;
};

struct otc_logs_settings {
    otc_choice level;    /* enum otc_log_level */
    otc_choice encoding; /* console, json */
    bool development;
    bool disable_caller;
    bool disable_stacktrace;
    bool disable_zap_resource;
    struct otc_sampling_settings *sampling;
    otc_strings output_paths;
    otc_strings error_output_paths;
    /** A map node, or NULL. */
    const struct otc_node *initial_fields;
    const struct otc_node *processors;
};

/** service::telemetry::metrics. */
struct otc_metrics_settings {
    otc_choice level; /* enum otc_metrics_level */
    /** A list node, or NULL: the default reader. */
    const struct otc_node *readers;
    const struct otc_node *views;
    const struct otc_node *address;
};

struct otc_telemetry_settings {
    struct otc_logs_settings logs;
    struct otc_metrics_settings metrics;
    const struct otc_node *traces;
    /** Attributes by name (a null drops a default), or {schema_url, attributes}. May be NULL. */
    const struct otc_node *resource;
};

struct otc_service_settings {
    otc_strings extensions;
    otc_strings plugins;
    const struct otc_node *pipelines;
    struct otc_telemetry_settings telemetry;
};

/** The top level. */
struct otc_root_settings {
    /** By enum otc_kind; each a map node or NULL. */
    const struct otc_node *sections[5];
    struct otc_service_settings service;
};

extern const struct otc_schema otc_root_schema;
/** "receivers", by enum otc_kind. */
extern const char *const otc_section_names[5];

/** One configured component. */
struct otc_component_config {
    enum otc_kind kind;
    /** "type" or "type/name", without blanks. */
    const char *id;
    const struct otc_factory *factory;
    const struct otc_node *node;
    struct otc_config *config;
    /** What is wrong with its values ("receivers::otlp: …"), or NULL. Then `config` may be NULL. */
    const char *invalid;
};

struct otc_pipeline_config {
    const char *id;
    enum otc_signal signal;
    otc_strings receivers;
    otc_strings processors;
    otc_strings exporters;
    const struct otc_node *node;
    struct otc_config *config;
};

struct otc_service_config {
    struct otc_arena arena;
    const struct otc_factory *const *registry;
    const struct otc_node *root;
    struct otc_config *settings;
    /** Of the program's own metrics; none at level none. */
    struct otc_reader *readers;
    size_t n_readers;
    struct otc_component_config *components;
    size_t n_components;
    struct otc_pipeline_config *pipelines;
    size_t n_pipelines;
    /** Ids, as in `components`. */
    otc_strings extensions;
    struct otc_config_note *notes;
    /** Values of `service:` outside their limits, or NULL. */
    const char *invalid;
};

/** service::telemetry of a decoded configuration. */
const struct otc_telemetry_settings *otc_service_telemetry(const struct otc_service_config *config);
/** service::telemetry::metrics::level. */
enum otc_metrics_level otc_service_metrics_level(const struct otc_service_config *config);
/** The component of this kind and id, or NULL. */
const struct otc_component_config *otc_service_component(const struct otc_service_config *config,
                                                         enum otc_kind kind, const char *id);

/** An id split and checked. `type` and `name` are copied into the arena; `full` is "type[/name]". */
struct otc_id {
    const char *type;
    const char *name;
    const char *full;
};
OTC_CHECK otc_status otc_id_parse(struct otc_arena *arena, struct otc_slice text, struct otc_id *out,
                                  struct otc_error *err);
/** "traces", "metrics", "logs" with an optional name. */
OTC_CHECK otc_status otc_pipeline_id_parse(struct otc_arena *arena, struct otc_slice text, const char **id,
                                           enum otc_signal *signal, struct otc_error *err);
/** The factory of a kind with this type, or of its former type. NULL: none. */
const struct otc_factory *otc_registry_find(const struct otc_factory *const *registry, enum otc_kind kind,
                                            const char *type);

/** A line for each pipeline in which some exporters keep their queue on disk and others do not (durable.c).
 */
void otc_service_explain_durability(const struct otc_service_config *config,
                                    void (*line)(void *arg, const char *text), void *arg);

#endif
