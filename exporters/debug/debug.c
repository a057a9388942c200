// SPDX-License-Identifier: Apache-2.0
#include "common/component/counters.h"
#include "common/component/exporter_config.h"
#include "common/component/otc.h"
#include "common/config/schema.h"
#include "exporters/debug/text.h"

#include <errno.h>
#include <pthread.h>

enum verbosity { BASIC, NORMAL, DETAILED };

struct debug_config {
    otc_choice verbosity;
    int64_t sampling_initial;
    int64_t sampling_thereafter;
    bool use_internal_logger;
    otc_strings output_paths;
    struct otc_queue_config *sending_queue;
};

/** How many batches of a signal came within the current second. */
struct sampler {
    int64_t second;
    uint64_t seen;
};

struct lane {
    struct otc_consumer consumer;
    struct debug *owner;
    enum otc_signal signal;
    struct otc_series *sent;
    /** Locked by the owner's lock. */
    struct sampler sampler;
};

struct debug {
    struct otc_component component;
    struct lane lanes[OTC_N_SIGNALS];
    const char *id;
    struct otc_host *host;
    const struct debug_config *config;
    pthread_mutex_t lock;
    /** Opened at start when the internal logger is not used; locked by `lock`. */
    FILE **outputs;
    size_t n_outputs;
};

/* ---- Settings ----------------------------------------------------------------------------------- */

static const char *const verbosities[] = {"basic", "normal", "detailed", NULL};

static const struct otc_field fields[] = {
    OTC_FIELD(debug_config, verbosity, .def = "basic", .choices = verbosities,
              .doc = "`basic`: one line a batch; `normal`: one line a record; `detailed`: every field."),
    OTC_FIELD(debug_config, sampling_initial, .def = "2", .min = "0",
              .doc = "Batches of a signal that are written in each second before sampling begins."),
    OTC_FIELD(debug_config, sampling_thereafter, .def = "1", .min = "0",
              .doc = "Then every so many-th is written; 1: all, 0: none."),
    OTC_FIELD(debug_config, use_internal_logger, .def = "true",
              .doc = "Write through the service's own log; false: to `output_paths`."),
    OTC_FIELD(debug_config, output_paths,
              .doc = "`stdout`, `stderr` or files, which are appended to; without any: `stdout`. Only with "
                     "`use_internal_logger: false`."),
    OTC_FIELD_OPTIONAL(debug_config, sending_queue, otc_queue_schema, .inert = true,
                       .doc = "Writing a line needs no queue."),
    OTC_FIELD_END,
};

static const struct otc_schema schema =
    OTC_SCHEMA(debug_config, fields, "Writes what comes to the log or to the console.");

static otc_status
validate(const void *settings, struct otc_error *err)
{
    const struct debug_config *config = settings;

    if (config->use_internal_logger && config->output_paths.n > 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "output_paths requires `use_internal_logger` to be set to `false`");
    }
    return OTC_OK;
}

/* ---- Writing ------------------------------------------------------------------------------------ */

/** One line or text to every output, as the console encoding of the Collector's logger. */
static void
write_outputs(struct debug *self, struct otc_slice text)
{
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < self->n_outputs; i++) {
        fwrite(text.data, 1, text.len, self->outputs[i]);
        fputc('\n', self->outputs[i]);
        fflush(self->outputs[i]);
    }
    pthread_mutex_unlock(&self->lock);
}

static void
write_summary(struct lane *lane, const struct debug_counts *counts, size_t items)
{
    static const char *const words[OTC_N_SIGNALS] = {"Traces", "Metrics", "Logs"};
    static const char *const resources[OTC_N_SIGNALS] = {"resource spans", "resource metrics",
                                                         "resource logs"};
    static const char *const records[OTC_N_SIGNALS] = {"spans", "data points", "log records"};
    struct debug *self = lane->owner;
    enum otc_signal signal = lane->signal;
    OTC_AUTO_BUF struct otc_buf line = {.limit = 1024};

    if (!self->config->use_internal_logger) {
        otc_buf_printf(&line, "%s\t{\"%s\": %zu, ", words[signal], resources[signal], counts->resources);
        if (signal == OTC_METRICS) {
            otc_buf_printf(&line, "\"metrics\": %zu, ", counts->metrics);
        }
        otc_buf_printf(&line, "\"%s\": %zu}", records[signal], items);
        write_outputs(self, otc_buf_slice(&line));
    } else if (signal == OTC_METRICS) {
        otc_log(self->host->logger, OTC_LOG_INFO, self->id, words[signal],
                OTC_FIELD_NUMBER(resources[signal], counts->resources),
                OTC_FIELD_NUMBER("metrics", counts->metrics), OTC_FIELD_NUMBER(records[signal], items));
    } else {
        otc_log(self->host->logger, OTC_LOG_INFO, self->id, words[signal],
                OTC_FIELD_NUMBER(resources[signal], counts->resources),
                OTC_FIELD_NUMBER(records[signal], items));
    }
}

static otc_status
write_text(struct lane *lane, const struct otc_batch *batch, struct otc_error *err)
{
    struct debug *self = lane->owner;
    const struct debug_style *style =
        self->config->verbosity.index == DETAILED ? &debug_detailed : &debug_normal;
    OTC_AUTO_BUF struct otc_buf text = {.limit = DEBUG_TEXT_MAX};

    for (size_t i = 0; i < otc_batch_parts(batch); i++) {
        otc_status status = debug_write(style, lane->signal, otc_batch_part(batch, i), &text, err);

        if (status != OTC_OK) {
            return status;
        }
    }
    if (!self->config->use_internal_logger) {
        write_outputs(self, otc_buf_slice(&text));
    } else {
        /* A text that was cut at the limit is still worth showing. */
        text.failed = false;
        if (text.len == text.limit) {
            text.len--;
        }
        otc_log(self->host->logger, OTC_LOG_INFO, self->id, otc_buf_cstr(&text) ? otc_buf_cstr(&text) : "");
    }
    return OTC_OK;
}

/** True when the sampling lets this batch through. */
static bool
is_sampled(struct lane *lane)
{
    struct debug *self = lane->owner;
    int64_t second = self->host->monotonic_ns(self->host) / OTC_SECOND;
    uint64_t initial = (uint64_t)self->config->sampling_initial;
    uint64_t thereafter = (uint64_t)self->config->sampling_thereafter;
    uint64_t seen;

    pthread_mutex_lock(&self->lock);
    if (lane->sampler.second != second) {
        lane->sampler = (struct sampler){.second = second};
    }
    seen = ++lane->sampler.seen;
    pthread_mutex_unlock(&self->lock);
    return seen <= initial || (thereafter > 0 && (seen - initial) % thereafter == 0);
}

static otc_status
consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct lane *lane = OTC_CONTAINER(consumer, lane, consumer);
    const struct otc_count count = {lane->sent, (int64_t)otc_batch_items(batch)};
    struct debug_counts counts = {0, 0};
    otc_status status = OTC_OK;

    (void)done;
    if (is_sampled(lane)) {
        for (size_t i = 0; i < otc_batch_parts(batch); i++) {
            debug_count(lane->signal, otc_batch_part(batch, i), &counts);
        }
        write_summary(lane, &counts, otc_batch_items(batch));
        if (lane->owner->config->verbosity.index != BASIC) {
            status = write_text(lane, batch, err);
        }
    }
    if (status == OTC_OK) {
        otc_meter_add(lane->owner->host->meter, &count, 1);
    }
    otc_batch_unref(batch);
    return status;
}

/* ---- Life --------------------------------------------------------------------------------------- */

static FILE *
open_output(const char *path)
{
    if (strcmp(path, "stdout") == 0) {
        return stdout;
    }
    return strcmp(path, "stderr") == 0 ? stderr : fopen(path, "ae");
}

static otc_status
start(struct otc_component *component, struct otc_error *err)
{
    struct debug *self = OTC_CONTAINER(component, debug, component);
    const otc_strings *paths = &self->config->output_paths;
    size_t n = paths->n > 0 ? paths->n : 1;

    if (self->config->use_internal_logger) {
        return OTC_OK;
    }
    self->outputs = calloc(n, sizeof(FILE *));
    if (!self->outputs) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        const char *path = paths->n > 0 ? paths->items[i] : "stdout";
        FILE *file = open_output(path);

        if (!file) {
            char why[128];

            return otc_fail(err, OTC_FAILED_PRECONDITION, "output_paths: cannot open \"%s\": %s", path,
                            strerror_r(errno, why, sizeof(why)));
        }
        self->outputs[self->n_outputs++] = file;
    }
    return OTC_OK;
}

static otc_status
stop(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct debug *self = OTC_CONTAINER(component, debug, component);

    (void)deadline_ns;
    (void)err;
    for (size_t i = 0; i < self->n_outputs; i++) {
        if (self->outputs[i] != stdout && self->outputs[i] != stderr) {
            fclose(self->outputs[i]);
        }
    }
    free(self->outputs);
    self->outputs = NULL;
    self->n_outputs = 0;
    return OTC_OK;
}

static void
destroy(struct otc_component *component)
{
    struct debug *self = OTC_CONTAINER(component, debug, component);

    stop(component, 0, NULL);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static struct otc_consumer *
input(struct otc_component *component, enum otc_signal from)
{
    return &OTC_CONTAINER(component, debug, component)->lanes[from].consumer;
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .start = start,
    .shutdown = stop,
    .free = destroy,
    .input = input,
};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct debug *self = calloc(1, sizeof(*self));
    struct otc_label label = {"exporter", settings->id};

    if (!self || pthread_mutex_init(&self->lock, NULL) != 0) {
        free(self);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->id = settings->id;
    self->host = settings->host;
    self->config = settings->config;
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        struct lane *lane = &self->lanes[i];

        lane->consumer = (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .consume = consume};
        lane->owner = self;
        lane->signal = (enum otc_signal)i;
    }
    for (size_t i = 0; i < settings->n_pairs; i++) {
        enum otc_signal signal = settings->pairs[i].from;

        self->lanes[signal].sent =
            otc_meter_series(self->host->meter, otc_exporter_sent_items(signal), &label, 1);
    }
    *out = &self->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA},
                                        {OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA},
                                        {OTC_LOGS, OTC_LOGS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_debug_exporter_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXPORTER,
    .type = "debug",
    .description = "Writes what comes to the log or to the console.",
    .pairs = pairs,
    .n_pairs = 3,
    .config = &schema,
    .validate = validate,
    .create = create,
};
