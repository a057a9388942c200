// SPDX-License-Identifier: Apache-2.0
#include "sidecar/log.h"

#include "common/base/clock.h"
#include "common/json/json.h"

#include <errno.h>

#define LINE_MAX_BYTES 65536u

static const char *const level_names[] = {
    [OTC_LOG_DEBUG] = "debug", [OTC_LOG_INFO] = "info", [OTC_LOG_WARN] = "warn", [OTC_LOG_ERROR] = "error"};

/* FNV-1a of level and text: equal messages share a counter; an accidental clash only thins out a little more.
 */
static uint32_t
sample_index(enum otc_log_level level, const char *message)
{
    uint32_t hash = 2166136261u ^ (uint32_t)level;

    for (const char *c = message; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    }
    return hash % OTC_LOG_SAMPLES;
}

static bool
wanted(struct otc_log_sink *sink, enum otc_log_level level, const char *message, int64_t now_ns)
{
    struct otc_log_sample *sample = &sink->samples[sample_index(level, message)];

    if (!sink->sampled) {
        return true;
    }
    if (now_ns >= sample->until_ns) {
        *sample = (struct otc_log_sample){now_ns + sink->tick_ns, 0};
    }
    sample->count++;
    return sample->count <= sink->initial ||
           (sink->thereafter > 0 && (sample->count - sink->initial) % sink->thereafter == 0);
}

static void
write_node(struct otc_json_writer *w, const struct otc_node *node)
{
    switch (node->kind) {
    case OTC_NODE_BOOL:
        otc_json_write_bool(w, node->boolean);
        break;
    case OTC_NODE_INT:
        otc_json_write_int(w, node->integer);
        break;
    case OTC_NODE_DOUBLE:
        otc_json_write_number(w, node->number);
        break;
    case OTC_NODE_STRING:
        otc_json_write_text(w, node->text);
        break;
    case OTC_NODE_NULL:
        otc_json_write_null(w);
        break;
    case OTC_NODE_LIST:
        otc_json_begin_array(w);
        for (const struct otc_node *item = node->first; item != NULL; item = item->next) {
            write_node(w, item);
        }
        otc_json_end_array(w);
        break;
    case OTC_NODE_MAP:
        otc_json_begin_object(w);
        for (const struct otc_node *item = node->first; item != NULL; item = item->next) {
            otc_json_key_slice(w, item->key);
            write_node(w, item);
        }
        otc_json_end_object(w);
        break;
    }
}

static bool
has_fields(const struct otc_log_sink *sink, const char *component, size_t n_fields)
{
    return component != NULL || n_fields > 0 || (sink->initial_fields != NULL && sink->initial_fields->n > 0);
}

static void
write_label(struct otc_json_writer *w, const char *key, const char *value)
{
    if (value != NULL) {
        otc_json_key(w, key);
        otc_json_write_str(w, value);
    }
}

static void
write_component(const struct otc_log_sink *sink, struct otc_json_writer *w, const char *component)
{
    struct otc_log_scope scope = {0};

    if (component != NULL && sink->scope != NULL) {
        sink->scope(sink->scope_arg, component, &scope);
    }
    write_label(w, "otelcol.component.id", component);
    write_label(w, "otelcol.component.kind", scope.kind);
    write_label(w, "otelcol.pipeline.id", scope.pipeline);
    write_label(w, "otelcol.signal", scope.signal);
    write_label(w, "otelcol.signal.output", scope.output);
}

static void
write_fields(struct otc_log_sink *sink, struct otc_json_writer *w, const char *component,
             const struct otc_log_field *fields, size_t n_fields)
{
    const struct otc_node *initial = sink->initial_fields != NULL ? sink->initial_fields->first : NULL;

    for (; initial != NULL; initial = initial->next) {
        otc_json_key_slice(w, initial->key);
        write_node(w, initial);
    }
    if (sink->json && sink->n_resource > 0) {
        otc_json_key(w, "resource");
        otc_json_begin_object(w);
        for (size_t i = 0; i < sink->n_resource; i++) {
            otc_json_key(w, sink->resource[i].key);
            otc_json_write_str(w, sink->resource[i].value);
        }
        otc_json_end_object(w);
    }
    write_component(sink, w, component);
    for (size_t i = 0; i < n_fields; i++) {
        otc_json_key(w, fields[i].key);
        if (fields[i].text.data != NULL) {
            otc_json_write_text(w, fields[i].text);
        } else {
            otc_json_write_number(w, fields[i].number);
        }
    }
}

/* A console line is text to its end: what would break it or steer a terminal is shown as a blank. */
static void
append_clean(struct otc_buf *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        otc_buf_append_byte(out, (uint8_t)((unsigned char)*c < 0x20 && *c != '\n' ? ' ' : *c));
    }
}

/* "sidecar/run.c:60": the last folder, as zap names a caller. */
static void
format_caller(const struct otc_log_field *place, char out[128])
{
    const char *file = place->key;
    const char *slash = strrchr(file, '/');

    while (slash != NULL && slash > file && slash[-1] != '/') {
        slash--;
    }
    snprintf(out, 128, "%s:%u", slash != NULL ? slash : file, (unsigned)place->number);
}

static void
write_json(struct otc_log_sink *sink, enum otc_log_level level, const char *component, const char *stamp,
           const char *caller, const char *message, const struct otc_log_field *fields, size_t n_fields)
{
    struct otc_json_writer w = {.out = &sink->line};

    otc_json_begin_object(&w);
    write_label(&w, "level", level_names[level]);
    write_label(&w, "ts", stamp);
    write_label(&w, "caller", caller);
    write_label(&w, "msg", message);
    write_fields(sink, &w, component, fields, n_fields);
    otc_json_end_object(&w);
}

static void
write_console(struct otc_log_sink *sink, enum otc_log_level level, const char *component, const char *stamp,
              const char *caller, const char *message, const struct otc_log_field *fields, size_t n_fields)
{
    struct otc_json_writer w = {.out = &sink->line};

    otc_buf_printf(&sink->line, "%s\t%s\t", stamp, level_names[level]);
    if (caller != NULL) {
        otc_buf_printf(&sink->line, "%s\t", caller);
    }
    append_clean(&sink->line, message);
    if (has_fields(sink, component, n_fields)) {
        otc_buf_append_byte(&sink->line, '\t');
        otc_json_begin_object(&w);
        write_fields(sink, &w, component, fields, n_fields);
        otc_json_end_object(&w);
    }
}

/* The line at hand; that it could not be written is told once for each line, as zap does. */
static void
write_to(struct otc_log_sink *sink, FILE *output, const char *stamp)
{
    char why[128];

    if (fwrite(sink->line.data, 1, sink->line.len, output) == sink->line.len && fflush(output) == 0) {
        return;
    }
    clearerr(output);
    for (size_t i = 0; i < sink->n_errors; i++) {
        (void)fprintf(sink->errors[i], "%s write error: %s\n", stamp, strerror_r(errno, why, sizeof(why)));
        (void)fflush(sink->errors[i]);
    }
}

static void
write_line(struct otc_logger *self, enum otc_log_level level, const char *component, const char *message,
           const struct otc_log_field *fields, size_t n_fields)
{
    struct otc_log_sink *sink = OTC_CONTAINER(self, otc_log_sink, logger);
    int64_t now = sink->now_ns();
    char stamp[32], caller[128];
    const char *from;

    otc_time_format(now, stamp);
    format_caller(&fields[-1], caller);
    pthread_mutex_lock(&sink->lock);
    if (wanted(sink, level, message, now)) {
        from = sink->no_caller ? NULL : caller;
        otc_buf_clear(&sink->line);
        if (sink->json) {
            write_json(sink, level, component, stamp, from, message, fields, n_fields);
        } else {
            write_console(sink, level, component, stamp, from, message, fields, n_fields);
        }
        otc_buf_append_byte(&sink->line, '\n');
        for (size_t i = 0; i < sink->n_outputs; i++) {
            write_to(sink, sink->outputs[i], stamp);
        }
    }
    pthread_mutex_unlock(&sink->lock);
}

/* ---- Outputs ------------------------------------------------------------------------------------ */

static void
close_outputs(FILE **outputs, size_t n, const FILE *first)
{
    for (size_t i = 0; i < n; i++) {
        if (outputs[i] != first && outputs[i] != stdout && outputs[i] != stderr) {
            (void)fclose(outputs[i]);
        }
    }
}

static otc_status
open_outputs(const char *key, const otc_strings *paths, FILE *outputs[OTC_LOG_OUTPUTS_MAX],
             struct otc_error *err)
{
    for (size_t i = 0; i < paths->n; i++) {
        const char *path = paths->items[i];
        char why[128];

        path += strncmp(path, "file://", 7) == 0 ? 7 : 0;
        outputs[i] = strcmp(path, "stdout") == 0   ? stdout
                     : strcmp(path, "stderr") == 0 ? stderr
                                                   : fopen(path, "ae");
        if (outputs[i] == NULL) {
            otc_fail(err, OTC_FAILED_PRECONDITION, "service::telemetry::logs::%s: open sink \"%s\": %s", key,
                     path, strerror_r(errno, why, sizeof(why)));
            close_outputs(outputs, i, NULL);
            return OTC_FAILED_PRECONDITION;
        }
    }
    return OTC_OK;
}

/* Both lists, or neither. */
static otc_status
open_all(const struct otc_logs_settings *settings, FILE *outputs[OTC_LOG_OUTPUTS_MAX],
         FILE *errors[OTC_LOG_OUTPUTS_MAX], struct otc_error *err)
{
    otc_status status = open_outputs("output_paths", &settings->output_paths, outputs, err);

    if (status == OTC_OK) {
        status = open_outputs("error_output_paths", &settings->error_output_paths, errors, err);
        if (status != OTC_OK) {
            close_outputs(outputs, settings->output_paths.n, NULL);
        }
    }
    return status;
}

otc_status
otc_log_outputs_check(const struct otc_logs_settings *settings, struct otc_error *err)
{
    FILE *outputs[OTC_LOG_OUTPUTS_MAX], *errors[OTC_LOG_OUTPUTS_MAX];
    otc_status status = open_all(settings, outputs, errors, err);

    if (status == OTC_OK) {
        close_outputs(outputs, settings->output_paths.n, NULL);
        close_outputs(errors, settings->error_output_paths.n, NULL);
    }
    return status;
}

/* ---- Life --------------------------------------------------------------------------------------- */

void
otc_log_sink_open(struct otc_log_sink *sink, FILE *out, int64_t (*now_ns)(void))
{
    *sink = (struct otc_log_sink){.logger = {write_line, OTC_LOG_INFO},
                                  .first = out,
                                  .outputs = {out},
                                  .n_outputs = 1,
                                  .now_ns = now_ns};
    otc_buf_init(&sink->line, LINE_MAX_BYTES);
    pthread_mutex_init(&sink->lock, NULL);
}

otc_status
otc_log_sink_configure(struct otc_log_sink *sink, const struct otc_logs_settings *settings,
                       const struct otc_label *resource, size_t n_resource, struct otc_error *err)
{
    const struct otc_sampling_settings *sampling = settings != NULL ? settings->sampling : NULL;
    FILE *outputs[OTC_LOG_OUTPUTS_MAX] = {sink->first}, *errors[OTC_LOG_OUTPUTS_MAX] = {NULL};
    otc_status status = settings != NULL ? open_all(settings, outputs, errors, err) : OTC_OK;

    if (status != OTC_OK) {
        return status;
    }
    pthread_mutex_lock(&sink->lock);
    sink->logger.level = settings != NULL ? (enum otc_log_level)settings->level.index : OTC_LOG_INFO;
    sink->json = settings != NULL && settings->encoding.index == 1;
    sink->no_caller = settings != NULL && settings->disable_caller;
    sink->initial_fields = settings != NULL ? settings->initial_fields : NULL;
    sink->resource = resource;
    sink->n_resource = settings != NULL && !settings->disable_zap_resource ? n_resource : 0;
    sink->sampled = sampling != NULL && sampling->enabled;
    if (sink->sampled) {
        sink->tick_ns = sampling->tick.ns;
        sink->initial = (uint64_t)sampling->initial;
        sink->thereafter = (uint64_t)sampling->thereafter;
    }
    close_outputs(sink->outputs, sink->n_outputs, sink->first);
    close_outputs(sink->errors, sink->n_errors, NULL);
    memcpy(sink->outputs, outputs, sizeof(outputs));
    memcpy(sink->errors, errors, sizeof(errors));
    sink->n_outputs = settings != NULL && settings->output_paths.n > 0 ? settings->output_paths.n : 1;
    sink->n_errors = settings != NULL ? settings->error_output_paths.n : 0;
    pthread_mutex_unlock(&sink->lock);
    return OTC_OK;
}

void
otc_log_sink_set_scope(struct otc_log_sink *sink,
                       void (*scope)(const void *arg, const char *component, struct otc_log_scope *out),
                       const void *arg)
{
    pthread_mutex_lock(&sink->lock);
    sink->scope = scope;
    sink->scope_arg = arg;
    pthread_mutex_unlock(&sink->lock);
}

void
otc_log_sink_close(struct otc_log_sink *sink)
{
    close_outputs(sink->outputs, sink->n_outputs, sink->first);
    close_outputs(sink->errors, sink->n_errors, NULL);
    otc_buf_release(&sink->line);
    pthread_mutex_destroy(&sink->lock);
}
