// SPDX-License-Identifier: Apache-2.0
#include "sidecar/log.h"

#include "common/base/clock.h"
#include "common/json/json.h"

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
    case OTC_NODE_LIST:
    case OTC_NODE_MAP:
        otc_json_write_null(w);
        break;
    }
}

static bool
has_fields(const struct otc_log_sink *sink, const char *component, size_t n_fields)
{
    return component != NULL || n_fields > 0 || (sink->initial_fields != NULL && sink->initial_fields->n > 0);
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
    if (component != NULL) {
        otc_json_key(w, "otelcol.component.id");
        otc_json_write_str(w, component);
    }
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

static void
write_line(struct otc_logger *self, enum otc_log_level level, const char *component, const char *message,
           const struct otc_log_field *fields, size_t n_fields)
{
    struct otc_log_sink *sink = OTC_CONTAINER(self, otc_log_sink, logger);
    int64_t now = sink->now_ns();
    struct otc_json_writer w = {.out = &sink->line};
    char stamp[32];

    otc_time_format(now, stamp);
    pthread_mutex_lock(&sink->lock);
    if (wanted(sink, level, message, now)) {
        otc_buf_clear(&sink->line);
        if (sink->json) {
            otc_json_begin_object(&w);
            otc_json_key(&w, "level");
            otc_json_write_str(&w, level_names[level]);
            otc_json_key(&w, "ts");
            otc_json_write_str(&w, stamp);
            otc_json_key(&w, "msg");
            otc_json_write_str(&w, message);
            write_fields(sink, &w, component, fields, n_fields);
            otc_json_end_object(&w);
        } else {
            otc_buf_printf(&sink->line, "%s\t%s\t", stamp, level_names[level]);
            append_clean(&sink->line, message);
            if (has_fields(sink, component, n_fields)) {
                otc_buf_append_byte(&sink->line, '\t');
                otc_json_begin_object(&w);
                write_fields(sink, &w, component, fields, n_fields);
                otc_json_end_object(&w);
            }
        }
        otc_buf_append_byte(&sink->line, '\n');
        (void)fwrite(sink->line.data, 1, sink->line.len, sink->out);
        (void)fflush(sink->out);
    }
    pthread_mutex_unlock(&sink->lock);
}

void
otc_log_sink_open(struct otc_log_sink *sink, FILE *out, int64_t (*now_ns)(void))
{
    *sink = (struct otc_log_sink){.logger = {write_line, OTC_LOG_INFO}, .out = out, .now_ns = now_ns};
    otc_buf_init(&sink->line, LINE_MAX_BYTES);
    pthread_mutex_init(&sink->lock, NULL);
}

void
otc_log_sink_configure(struct otc_log_sink *sink, const struct otc_logs_settings *settings,
                       const struct otc_label *resource, size_t n_resource)
{
    const struct otc_sampling_settings *sampling = settings != NULL ? settings->sampling : NULL;

    pthread_mutex_lock(&sink->lock);
    sink->logger.level = settings != NULL ? (enum otc_log_level)settings->level.index : OTC_LOG_INFO;
    sink->json = settings != NULL && settings->encoding.index == 1;
    sink->initial_fields = settings != NULL ? settings->initial_fields : NULL;
    sink->resource = resource;
    sink->n_resource = settings != NULL && !settings->disable_zap_resource ? n_resource : 0;
    sink->sampled = sampling != NULL && sampling->enabled;
    if (sink->sampled) {
        sink->tick_ns = sampling->tick.ns;
        sink->initial = (uint64_t)sampling->initial;
        sink->thereafter = (uint64_t)sampling->thereafter;
    }
    if (settings != NULL && settings->output_paths.n > 0) {
        sink->out = strcmp(settings->output_paths.items[0], "stdout") == 0 ? stdout : stderr;
    }
    pthread_mutex_unlock(&sink->lock);
}

void
otc_log_sink_close(struct otc_log_sink *sink)
{
    otc_buf_release(&sink->line);
    pthread_mutex_destroy(&sink->lock);
}
