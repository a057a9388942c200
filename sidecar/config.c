// SPDX-License-Identifier: Apache-2.0
/* From a tree to components with their decoded settings, and pipelines of ids. */
#include "common/config/suggest.h"
#include "sidecar/plugins.h"
#include "sidecar/resource.h"
#include "sidecar/settings.h"

#define CONFIG_BYTES_MAX ((size_t)16 << 20)
#define ERRORS_MAX 4096u
#define DECODING_FAILED "decoding failed due to the following error(s):\n\n"

static const enum otc_kind kinds[] = {OTC_RECEIVER, OTC_PROCESSOR, OTC_EXPORTER, OTC_CONNECTOR,
                                      OTC_EXTENSION};

/* What goes along while a configuration is read. */
struct loading {
    struct otc_service_config *config;
    struct otc_buf malformed;
};

static void
add_line(struct loading *l, const struct otc_node *node, const char *text)
{
    char position[512];

    /* Beyond what an error text holds nobody would see it. */
    if (l->malformed.len > OTC_ERROR_TEXT_MAX) {
        return;
    }
    otc_node_position(node, position, sizeof(position));
    otc_buf_printf(&l->malformed, "%s%s", l->malformed.len > 0 ? "\n" : "", text);
    if (position[0] != '\0') {
        otc_buf_printf(&l->malformed, " (%s)", position);
    }
}

static const char *
keep_text(struct otc_service_config *config, const char *text)
{
    const char *copy = otc_arena_strndup(&config->arena, text, strlen(text));

    return copy != NULL ? copy : "out of memory";
}

/* ---- Components
 * ------------------------------------------------------------------------------------------------- */

static void
unknown_type(struct loading *l, enum otc_kind kind, const struct otc_id *id, const struct otc_node *node)
{
    const struct otc_factory *const *registry = l->config->registry;
    struct otc_suggestion suggestion = {0};
    struct otc_buf text = {.limit = 2048};
    bool first = true;

    if (kind == OTC_EXPORTER && strcmp(id->type, "logging") == 0) {
        add_line(l, node,
                 "'exporters' the logging exporter has been deprecated, use the debug exporter instead");
        return;
    }
    otc_buf_printf(&text, "'%s' unknown type: \"%s\" for id: \"%s\" (valid values: [",
                   otc_section_names[kind], id->type, id->full);
    for (size_t i = 0; registry[i] != NULL; i++) {
        if (otc_factory_as(registry[i], kind) != NULL) {
            otc_buf_printf(&text, "%s%s", first ? "" : " ", registry[i]->type);
            otc_suggest(&suggestion, otc_slice_str(id->type), registry[i]->type);
            first = false;
        }
    }
    otc_buf_append_str(&text, "])");
    if (suggestion.best != NULL) {
        otc_buf_printf(&text, ", did you mean \"%s\"?", suggestion.best);
    }
    add_line(l, node, otc_buf_cstr(&text) != NULL ? otc_buf_cstr(&text) : "unknown type");
    otc_buf_release(&text);
}

/* What the component's own check says, with its key path and position. */
static void
complete_error(const struct otc_component_config *c, const char *path, struct otc_error *err)
{
    const struct otc_node *node = otc_node_nearest(c->node, err->text);

    otc_config_error_path(c->factory->config, path, err);
    otc_node_error(node, err);
}

static void
decode_component(struct loading *l, struct otc_component_config *c)
{
    struct otc_error err = OTC_ERROR_INIT;
    char text[OTC_ERROR_TEXT_MAX + 200];
    char path[1200];
    otc_status status;

    if (!otc_node_is_null(c->node) && c->node->kind != OTC_NODE_MAP &&
        c->factory->config->scalar_key == NULL) {
        snprintf(text, sizeof(text),
                 "'[%s]' expected type 'map[string]interface {}', got unconvertible type '%s'", c->id,
                 otc_node_type_name(c->node));
        add_line(l, c->node, text);
        return;
    }
    snprintf(path, sizeof(path), "%s::%s", otc_section_names[c->kind], c->id);
    status = otc_config_decode(c->factory->config, c->node, path, &c->config, &err);
    if (status == OTC_OK && c->factory->validate != NULL) {
        status = c->factory->validate(otc_config_value(c->config), &err);
        if (status != OTC_OK) {
            complete_error(c, path, &err);
            status = OTC_FAILED_PRECONDITION;
        }
    }
    if (status == OTC_FAILED_PRECONDITION) {
        c->invalid = keep_text(l->config, err.text);
    } else if (status != OTC_OK) {
        snprintf(text, sizeof(text), "'%s' error reading configuration for \"%s\": %s",
                 otc_section_names[c->kind], c->id, err.text);
        add_line(l, NULL, text);
    }
}

static void
note_alias(struct otc_service_config *config, const struct otc_component_config *c, const char *type)
{
    struct otc_config_note *note = otc_arena_alloc(&config->arena, sizeof(*note));
    char text[1600];
    char position[512];

    otc_node_position(c->node, position, sizeof(position));
    snprintf(text, sizeof(text), "%s::%s: \"%s\" alias is deprecated; use \"%s\" instead (%s)",
             otc_section_names[c->kind], c->id, type, c->factory->type, position);
    if (note != NULL) {
        note->level = OTC_LOG_WARN;
        note->text = keep_text(config, text);
        note->next = config->notes;
        config->notes = note;
    }
}

static void
add_component(struct loading *l, enum otc_kind kind, const struct otc_node *node)
{
    struct otc_service_config *config = l->config;
    struct otc_component_config *c = &config->components[config->n_components];
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_id id;
    char text[OTC_ERROR_TEXT_MAX + 64];

    if (otc_id_parse(&config->arena, node->key, &id, &err) != OTC_OK) {
        snprintf(text, sizeof(text), "'%s' %s", otc_section_names[kind], err.text);
        add_line(l, node, text);
        return;
    }
    if (otc_service_component(config, kind, id.full) != NULL) {
        snprintf(text, sizeof(text), "'%s' duplicate name \"%s\" after unmarshaling \"%.*s\"",
                 otc_section_names[kind], id.full, OTC_SLICE_ARG(node->key));
        add_line(l, node, text);
        return;
    }
    *c = (struct otc_component_config){.kind = kind,
                                       .id = id.full,
                                       .factory = otc_registry_find(config->registry, kind, id.type),
                                       .node = node};
    if (c->factory == NULL) {
        unknown_type(l, kind, &id, node);
        return;
    }
    config->n_components++;
    if (strcmp(c->factory->type, id.type) != 0) {
        note_alias(config, c, id.type);
    }
    decode_component(l, c);
}

static otc_status
load_components(struct loading *l, const struct otc_root_settings *settings, struct otc_error *err)
{
    size_t n = 0;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        n += settings->sections[kinds[i]] != NULL ? settings->sections[kinds[i]]->n : 0;
    }
    l->config->components = otc_arena_alloc(&l->config->arena, (n + 1) * sizeof(struct otc_component_config));
    if (l->config->components == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the configuration");
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct otc_node *section = settings->sections[kinds[i]];

        for (const struct otc_node *c = section != NULL ? section->first : NULL; c != NULL; c = c->next) {
            add_component(l, kinds[i], c);
        }
    }
    return OTC_OK;
}

/* ---- Pipelines
 * -------------------------------------------------------------------------------------------------- */

struct pipeline_settings {
    otc_strings receivers;
    otc_strings processors;
    otc_strings exporters;
};

static const struct otc_field pipeline_fields[] = {
    OTC_FIELD(pipeline_settings, receivers, .doc = "Receivers and connectors that feed it."),
    OTC_FIELD(pipeline_settings, processors, .doc = "Processors in their order."),
    OTC_FIELD(pipeline_settings, exporters, .doc = "Exporters and connectors it feeds."),
    OTC_FIELD_END,
};
static const struct otc_schema pipeline_schema =
    OTC_SCHEMA(pipeline_settings, pipeline_fields, "A pipeline.");

/* Ids are compared as text, so blanks around the slash go here already. `path` and `node`: the list's. */
static otc_status
normal_ids(struct loading *l, const char *path, const struct otc_node *node, const otc_strings *in,
           otc_strings *out)
{
    out->items = otc_arena_alloc(&l->config->arena, (in->n + 1) * sizeof(char *));
    if (out->items == NULL) {
        return OTC_RESOURCE_EXHAUSTED;
    }
    for (size_t i = 0; i < in->n; i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_id id = {.full = in->items[i]};
        char item[24], text[OTC_ERROR_TEXT_MAX + 1200];

        if (otc_id_parse(&l->config->arena, otc_slice_str(in->items[i]), &id, &err) != OTC_OK) {
            snprintf(item, sizeof(item), "%zu", i);
            snprintf(text, sizeof(text), "'%s' item %zu: %s", path, i, err.text);
            add_line(l, otc_node_nearest(node, item), text);
        }
        out->items[i] = otc_arena_strndup(&l->config->arena, id.full, strlen(id.full));
        if (out->items[i] == NULL) {
            return OTC_RESOURCE_EXHAUSTED;
        }
    }
    out->n = in->n;
    return OTC_OK;
}

/* Each line of a decoding error, with what its paths are relative to put before them. */
static void
add_lines_below(struct loading *l, const char *above, const char *text)
{
    const char *line =
        text + (strncmp(text, DECODING_FAILED, strlen(DECODING_FAILED)) == 0 ? strlen(DECODING_FAILED) : 0);

    while (*line != '\0') {
        size_t len = strcspn(line, "\n");
        char full[OTC_ERROR_TEXT_MAX + 200];
        bool quoted = line[0] == '\'';
        const char *dot = quoted && line[1] != '\'' ? "." : "";

        snprintf(full, sizeof(full), "'%s%s%.*s", above, quoted ? dot : "' ", (int)(len - (quoted ? 1 : 0)),
                 line + (quoted ? 1 : 0));
        add_line(l, NULL, full);
        line += len + (line[len] == '\n');
    }
}

/* The lists of ids of a pipeline that was decoded. */
static void
add_pipeline_ids(struct loading *l, struct otc_pipeline_config *p)
{
    const struct pipeline_settings *settings = otc_config_value(p->config);
    const struct {
        enum otc_kind kind;
        const otc_strings *in;
        otc_strings *out;
    } lists[] = {{OTC_RECEIVER, &settings->receivers, &p->receivers},
                 {OTC_PROCESSOR, &settings->processors, &p->processors},
                 {OTC_EXPORTER, &settings->exporters, &p->exporters}};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const char *name = otc_section_names[lists[i].kind];
        char path[1200];

        snprintf(path, sizeof(path), "service.pipelines[%s].%s", p->id, name);
        if (normal_ids(l, path, otc_node_get(p->node, name), lists[i].in, lists[i].out) != OTC_OK) {
            add_line(l, p->node, "out of memory for the configuration");
        }
    }
}

static void
add_pipeline(struct loading *l, const struct otc_node *node)
{
    struct otc_service_config *config = l->config;
    struct otc_pipeline_config *p = &config->pipelines[config->n_pipelines];
    struct otc_error err = OTC_ERROR_INIT;
    char text[OTC_ERROR_TEXT_MAX + 64];

    *p = (struct otc_pipeline_config){.node = node};
    if (otc_pipeline_id_parse(&config->arena, node->key, &p->id, &p->signal, &err) != OTC_OK) {
        snprintf(text, sizeof(text), "'service.pipelines' %s", err.text);
        add_line(l, node, text);
        return;
    }
    config->n_pipelines++;
    if (otc_config_decode(&pipeline_schema, node, "", &p->config, &err) == OTC_OK) {
        add_pipeline_ids(l, p);
    } else {
        snprintf(text, sizeof(text), "service.pipelines[%s]", p->id);
        add_lines_below(l, text, err.text);
    }
}

/* What is wrong with a reader, or with all of them: as decoding or as validation would tell it. */
static void
add_reader_error(struct loading *l, size_t index, otc_status status, const struct otc_error *err)
{
    char above[64];

    if (status != OTC_FAILED_PRECONDITION) {
        snprintf(above, sizeof(above), "service.telemetry.metrics.readers[%zu]", index);
        add_lines_below(l, above, err->text);
    } else if (l->config->invalid == NULL) {
        l->config->invalid = keep_text(l->config, err->text);
    }
}

static otc_status
refuse_readers(const struct otc_node *readers, struct otc_error *err)
{
    if (readers->n == 0) {
        otc_fail(
            err, OTC_FAILED_PRECONDITION,
            "service::telemetry: collector telemetry metrics reader should exist when metric level is not "
            "none");
    } else {
        otc_fail(err, OTC_FAILED_PRECONDITION, "service::telemetry::metrics::readers: at most %u, got %zu",
                 OTC_READERS_MAX, readers->n);
    }
    otc_node_error(readers, err);
    return OTC_FAILED_PRECONDITION;
}

static void
load_readers(struct loading *l, const struct otc_metrics_settings *metrics)
{
    struct otc_service_config *config = l->config;
    const struct otc_node *list = metrics->readers;
    const struct otc_node *item = list != NULL ? list->first : NULL;
    struct otc_error err = OTC_ERROR_INIT;
    size_t n = list != NULL ? list->n : 1;

    if (metrics->level.index == OTC_METRICS_NONE) {
        return;
    }
    if (n == 0 || n > OTC_READERS_MAX) {
        add_reader_error(l, 0, refuse_readers(list, &err), &err);
        return;
    }
    config->readers = otc_arena_alloc(&config->arena, n * sizeof(struct otc_reader));
    for (size_t i = 0; config->readers != NULL && i < n; i++) {
        otc_status status = otc_reader_decode(item, i, config->registry, &config->readers[i], &err);

        config->n_readers++;
        if (status != OTC_OK) {
            add_reader_error(l, i, status, &err);
        }
        item = item != NULL ? item->next : NULL;
    }
}

/* What the field tables do not know of `service::telemetry`. */
static void
load_telemetry(struct loading *l, const struct otc_telemetry_settings *telemetry)
{
    struct otc_service_config *config = l->config;
    struct otc_error err = OTC_ERROR_INIT;

    load_readers(l, &telemetry->metrics);
    if (config->invalid == NULL && otc_resource_read(telemetry->resource, NULL, NULL, &err) != OTC_OK) {
        config->invalid = keep_text(config, err.text);
    }
}

static otc_status
load_service(struct loading *l, const struct otc_service_settings *settings, struct otc_error *err)
{
    struct otc_service_config *config = l->config;
    size_t n = settings->pipelines != NULL ? settings->pipelines->n : 0;

    config->pipelines = otc_arena_alloc(&config->arena, (n + 1) * sizeof(struct otc_pipeline_config));
    if (config->pipelines == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the configuration");
    }
    for (const struct otc_node *p = n > 0 ? settings->pipelines->first : NULL; p != NULL; p = p->next) {
        add_pipeline(l, p);
    }
    if (normal_ids(l, "service.extensions", otc_node_nearest(config->root, "service::extensions"),
                   &settings->extensions, &config->extensions) != OTC_OK) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the configuration");
    }
    load_telemetry(l, &settings->telemetry);
    return OTC_OK;
}

/* ---- The whole
 * -------------------------------------------------------------------------------------------------- */

/*
 * The top level and `service:`. When they are malformed the components are not looked at; values beyond their
 * limits are told at once, as validation would.
 */
static otc_status
load_root(struct otc_service_config *config, struct otc_error *err)
{
    return otc_config_decode(&otc_root_schema, config->root, "", &config->settings, err);
}

/* What `service::plugins` adds to the components there are. */
static otc_status
load_plugins(struct otc_service_config *config, const otc_strings *paths, struct otc_error *err)
{
    size_t bad = 0;
    otc_status status =
        otc_plugins_load(paths, config->registry, &config->arena, &config->registry, &bad, err);

    if (status == OTC_FAILED_PRECONDITION) {
        char path[64];

        snprintf(path, sizeof(path), "service::plugins::%zu", bad);
        otc_node_error(otc_node_nearest(config->root, path), err);
    }
    return status;
}

static otc_status
load(struct loading *l, struct otc_error *err)
{
    const struct otc_root_settings *settings;
    otc_status status = load_root(l->config, err);

    if (status != OTC_OK) {
        return status;
    }
    settings = otc_config_value(l->config->settings);
    status = load_plugins(l->config, &settings->service.plugins, err);
    if (status == OTC_OK) {
        status = load_components(l, settings, err);
    }
    if (status == OTC_OK) {
        status = load_service(l, &settings->service, err);
    }
    if (status == OTC_OK && l->malformed.len > 0) {
        const char *text = otc_buf_cstr(&l->malformed);

        status = otc_fail(err, OTC_INVALID_ARGUMENT, DECODING_FAILED "%s",
                          text != NULL ? text : "too many errors");
    }
    return status;
}

otc_status
otc_service_config_new(const struct otc_node *root, const struct otc_factory *const *registry,
                       struct otc_service_config **out, struct otc_error *err)
{
    struct otc_service_config *config = calloc(1, sizeof(*config));
    struct loading l = {config, {.limit = ERRORS_MAX}};
    otc_status status;

    if (config == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the configuration");
    }
    otc_arena_init(&config->arena, CONFIG_BYTES_MAX);
    config->registry = registry;
    config->root = root;
    status = load(&l, err);
    otc_buf_release(&l.malformed);
    if (status != OTC_OK) {
        otc_service_config_free(config);
        return status;
    }
    *out = config;
    return OTC_OK;
}

void
otc_service_config_free(struct otc_service_config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->n_components; i++) {
        otc_config_free(config->components[i].config);
    }
    for (size_t i = 0; i < config->n_pipelines; i++) {
        otc_config_free(config->pipelines[i].config);
    }
    for (size_t i = 0; i < config->n_readers; i++) {
        otc_reader_release(&config->readers[i]);
    }
    otc_config_free(config->settings);
    otc_arena_release(&config->arena);
    free(config);
}

const struct otc_telemetry_settings *
otc_service_telemetry(const struct otc_service_config *config)
{
    return &((const struct otc_root_settings *)otc_config_value(config->settings))->service.telemetry;
}

enum otc_metrics_level
otc_service_metrics_level(const struct otc_service_config *config)
{
    return (enum otc_metrics_level)otc_service_telemetry(config)->metrics.level.index;
}

const struct otc_component_config *
otc_service_component(const struct otc_service_config *config, enum otc_kind kind, const char *id)
{
    for (size_t i = 0; i < config->n_components; i++) {
        if (config->components[i].kind == kind && strcmp(config->components[i].id, id) == 0) {
            return &config->components[i];
        }
    }
    return NULL;
}

static void
each_note(const struct otc_config_note *first, void (*note)(void *arg, const struct otc_config_note *note),
          void *arg)
{
    for (const struct otc_config_note *n = first; n != NULL; n = n->next) {
        note(arg, n);
    }
}

void
otc_service_config_notes(const struct otc_service_config *config,
                         void (*note)(void *arg, const struct otc_config_note *note), void *arg)
{
    each_note(config->notes, note, arg);
    each_note(otc_config_notes(config->settings), note, arg);
    for (size_t i = 0; i < config->n_readers; i++) {
        if (config->readers[i].config != NULL) {
            each_note(otc_config_notes(config->readers[i].config), note, arg);
        }
    }
    for (size_t i = 0; i < config->n_components; i++) {
        if (config->components[i].config != NULL) {
            each_note(otc_config_notes(config->components[i].config), note, arg);
        }
    }
}
