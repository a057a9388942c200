// SPDX-License-Identifier: Apache-2.0
/* The exporter to a file: OTLP/JSON, a batch a line, or OTLP behind its length. It writes in the thread that
 * brings the data, which waits for the disk only when the system has no memory left to hold it. */
#include "common/component/counters.h"
#include "common/component/exporter.h"
#include "exporters/file/groups.h"
#include "exporters/file/reload.h"

#include <pthread.h>
#include <stdlib.h>

struct file;

struct lane {
    struct otc_consumer consumer;
    struct file *owner;
    enum otc_signal signal;
    struct otc_series *sent, *failed, *dropped;
};

struct file {
    struct otc_component component;
    struct otc_host *host;
    const char *id;
    const struct file_config *config;
    struct lane lanes[OTC_N_SIGNALS];
    struct otc_timer *timer;
    struct file_writer_settings settings;
    pthread_mutex_t lock;       /* guards what follows */
    struct file_writer *writer; /* NULL with groups, and after the end */
    struct file_groups *groups; /* NULL without group_by, and after the end */
    struct file_encoder encoder;
    struct otc_buf request;
    bool failing; /* the last flush failed, which was logged */
    /* What is in the files is this process's: after the first flush, or since a reload took it over. Before
     * that a start may yet fail, and what others left there is not removed for that. */
    bool ours;
};

/* ---- One batch ------------------------------------------------------------------------------------- */

/* All parts of a batch as one request: joined, which is how protobuf joins messages. */
static otc_status
join(struct file *self, const struct otc_batch *batch, struct otc_slice *out, struct otc_error *err)
{
    *out = otc_batch_part(batch, 0);
    if (otc_batch_parts(batch) == 1) {
        return OTC_OK;
    }
    otc_buf_clear(&self->request);
    for (size_t i = 0; i < otc_batch_parts(batch); i++) {
        (void)otc_buf_append_slice(&self->request, otc_batch_part(batch, i));
    }
    *out = otc_buf_slice(&self->request);
    return self->request.failed ? otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory") : OTC_OK;
}

/* Under the lock. All of it is written, or nothing where there are no groups. */
static otc_status
write_batch(struct file *self, const struct otc_batch *batch, struct file_grouped *grouped,
            struct otc_error *err)
{
    int64_t now_ns = self->host->now_ns(self->host);
    enum otc_signal signal = otc_batch_signal(batch);
    struct otc_slice request;
    otc_status status = join(self, batch, &request, err);

    if (status == OTC_OK) {
        status = self->groups
                     ? file_groups_write(self->groups, signal, request, now_ns, grouped, err)
                     : file_encoder_write(&self->encoder, self->writer, signal, request, now_ns, err);
    }
    otc_buf_clear_large(&self->request, FILE_KEPT_BYTES);
    return status;
}

static void
count(const struct lane *lane, size_t items, otc_status status, const struct file_grouped *grouped)
{
    bool none = status != OTC_OK && !grouped->written;
    size_t failed = none ? items : grouped->failed, dropped = none ? 0 : grouped->dropped;
    const struct otc_count counts[] = {{lane->sent, (int64_t)(items - failed - dropped)},
                                       {lane->failed, (int64_t)failed},
                                       {lane->dropped, (int64_t)dropped}};

    otc_meter_add(lane->owner->host->meter, counts, 3);
}

static otc_status
consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct lane *lane = OTC_CONTAINER(consumer, lane, consumer);
    struct file *self = lane->owner;
    struct file_grouped grouped = {0};
    otc_status status = OTC_OK;

    (void)done;
    pthread_mutex_lock(&self->lock);
    if (!self->writer && !self->groups) {
        status = otc_fail(err, OTC_UNAVAILABLE, "%s: shut down", self->id);
    } else if (otc_batch_parts(batch) > 0) {
        status = write_batch(self, batch, &grouped, err);
    }
    pthread_mutex_unlock(&self->lock);
    if (status == OTC_UNAVAILABLE && err && !err->permanent) {
        err->retry_after_ms = OTC_REFUSED_RETRY_MS;
    }
    count(lane, otc_batch_items(batch), status, &grouped);
    otc_batch_unref(batch);
    return status;
}

/* ---- Life ------------------------------------------------------------------------------------------ */

static int64_t
flush_interval(const struct file *self)
{
    return self->config->flush_interval.ns > 0 ? self->config->flush_interval.ns : OTC_SECOND;
}

/* Under the lock. */
static otc_status
flush_files(struct file *self, struct otc_error *err)
{
    self->ours = true;
    if (self->writer) {
        return file_writer_flush(self->writer, err);
    }
    return self->groups ? file_groups_flush(self->groups, err) : OTC_OK;
}

static void
flush(void *arg)
{
    struct file *self = arg;
    struct otc_error err = OTC_ERROR_INIT;
    bool failed, told = false;

    pthread_mutex_lock(&self->lock);
    failed = flush_files(self, &err) != OTC_OK;
    told = failed && self->failing;
    self->failing = failed;
    pthread_mutex_unlock(&self->lock);
    if (failed && !told) {
        otc_log(self->host->logger, OTC_LOG_ERROR, self->id, "File not written, trying again",
                OTC_FIELD_TEXT("error", err.text));
    }
    self->host->timer_arm(self->host, self->timer, flush_interval(self));
}

static void
read_settings(struct file *self)
{
    const struct file_config *config = self->config;
    unsigned permissions = config->group_by.enabled ? 0755 : 0;

    if (config->create_directory) {
        (void)file_permissions(config->directory_permissions, &permissions);
    }
    self->settings = (struct file_writer_settings){
        .path = config->path, .append = config->append, .directory_permissions = permissions};
    if (config->rotation) {
        self->settings.max_bytes = config->rotation->max_megabytes * 1024 * 1024;
        self->settings.max_age_ns = config->rotation->max_days * OTC_DAY;
        self->settings.max_backups = (size_t)config->rotation->max_backups;
        self->settings.local_time = config->rotation->local_time;
    }
}

static otc_status
open_files(struct file *self, struct otc_error *err)
{
    if (!self->config->group_by.enabled) {
        self->ours = file_reload_take(self->host, self->id, self->config, NULL);
        self->settings.append = self->settings.append || self->ours;
        return file_writer_open(&self->settings, &self->writer, err);
    }
    self->groups = file_groups_new(&self->settings, &self->config->group_by, &self->encoder);
    if (!self->groups) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->ours = file_reload_take(self->host, self->id, self->config, file_groups_writers(self->groups));
    return OTC_OK;
}

static otc_status
start(struct otc_component *component, struct otc_error *err)
{
    struct file *self = OTC_CONTAINER(component, file, component);
    otc_status status;

    read_settings(self);
    status = file_encoder_init(&self->encoder, self->config, err);
    self->timer = self->host->timer_new(self->host, flush, self);
    if (status == OTC_OK && !self->timer) {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status == OTC_OK) {
        status = open_files(self, err);
    }
    if (status == OTC_OK) { /* the control loop comes to it when every component has started */
        self->host->timer_arm(self->host, self->timer, 0);
    }
    return status;
}

/* Under the lock. What cannot be written now is tried again, and told, by who closes. */
static void
finish_files(struct file *self)
{
    if (self->ours && (self->writer || self->groups)) {
        (void)flush_files(self, NULL);
        file_reload_leave(self->host, self->id, self->config,
                          self->groups ? file_groups_writers(self->groups) : NULL);
    }
}

static otc_status
stop(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct file *self = OTC_CONTAINER(component, file, component);
    struct file_writer *writer;
    struct file_groups *groups;
    otc_status status;

    (void)deadline_ns;
    self->host->timer_free(self->host, self->timer);
    self->timer = NULL;
    pthread_mutex_lock(&self->lock);
    finish_files(self);
    writer = self->writer;
    groups = self->groups;
    self->writer = NULL;
    self->groups = NULL;
    pthread_mutex_unlock(&self->lock);
    status = file_groups_close(groups, err);
    return status == OTC_OK ? file_writer_close(writer, err) : status;
}

static void
destroy(struct otc_component *component)
{
    struct file *self = OTC_CONTAINER(component, file, component);

    (void)stop(component, 0, NULL);
    file_encoder_release(&self->encoder);
    otc_buf_release(&self->request);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static struct otc_consumer *
input(struct otc_component *component, enum otc_signal from)
{
    return &OTC_CONTAINER(component, file, component)->lanes[from].consumer;
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops), .start = start, .shutdown = stop, .free = destroy, .input = input};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct file *self = calloc(1, sizeof(*self));
    struct otc_label labels[] = {
        {"exporter", settings->id}, {"data_type", NULL}, {"reason", "no_path_segment"}};

    if (!self || pthread_mutex_init(&self->lock, NULL) != 0) {
        free(self);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->host = settings->host;
    self->id = settings->id;
    self->config = settings->config;
    otc_buf_init(&self->request, FILE_RECORD_BYTES_MAX);
    for (int i = 0; i < OTC_N_SIGNALS; i++) {
        self->lanes[i] = (struct lane){.consumer = {.abi = OTC_ABI_OF(otc_consumer), .consume = consume},
                                       .owner = self,
                                       .signal = (enum otc_signal)i};
    }
    for (size_t i = 0; i < settings->n_pairs; i++) {
        enum otc_signal signal = settings->pairs[i].from;
        struct lane *lane = &self->lanes[signal];

        labels[1].value = otc_signal_name(signal);
        lane->sent = otc_meter_series(self->host->meter, otc_exporter_sent_items(signal), labels, 1);
        lane->failed = otc_meter_series(self->host->meter, otc_exporter_send_failed_items(signal), labels, 1);
        lane->dropped = otc_meter_series(self->host->meter, otc_exporter_dropped_items(), labels, 3);
    }
    *out = &self->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA},
                                        {OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA},
                                        {OTC_LOGS, OTC_LOGS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_file_exporter_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXPORTER,
    .type = "file",
    .description = "Writes traces, metrics and logs to a file, as OTLP/JSON lines or OTLP.",
    .pairs = pairs,
    .n_pairs = 3,
    .config = &file_schema,
    .validate = file_validate,
    .create = create,
};
