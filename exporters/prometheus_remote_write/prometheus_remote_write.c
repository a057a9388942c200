// SPDX-License-Identifier: Apache-2.0
#include "common/base/arena.h"
#include "common/component/client.h"
#include "common/component/exporter.h"
#include "common/net/http_client.h"
#include "exporters/prometheus_remote_write/config.h"
#include "exporters/prometheus_remote_write/job.h"
#include "exporters/prometheus_remote_write/reply.h"

#include <pthread.h>

#define DEFAULT_BATCH_BYTES 3000000
/* What cannot be translated is logged at most this often; all of it is counted. */
#define DROP_LOG_INTERVAL (60 * OTC_SECOND)

/* Headers made of a client's metadata. */
#define FORWARDED_MAX 128
#define FORWARDED_BYTES_MAX ((size_t)64 << 10)

enum dropped { DROPPED_NAME, DROPPED_VALUE, DROPPED_UNSUPPORTED, DROPPED_DUPLICATE, N_DROPPED };

struct prw {
    struct otc_component component;
    struct otc_host *host;
    const struct prw_config *config;
    const struct otc_http_client_config *http;
    char *id;
    char agent[256];
    struct otc_const_label *labels;
    struct prw_options series;
    struct otc_queue_config queue;
    struct otc_exporter *exporter;
    struct otc_compressor *compressor; /* used by one push at a time */
    struct otc_series *translated, *failed, *sent_requests, *written[3], *dropped[N_DROPPED];
    pthread_mutex_t lock; /* guards all below, and the jobs */
    struct otc_http_client *client;
    struct prw_job *kept; /* some of its requests have to be sent again */
    bool v1;              /* the receiver does not know 2.0 */
    bool closed;
    int64_t drop_logged;
};

/* ---- Counting ----------------------------------------------------------------------------------- */

static void
make_series(struct prw *self)
{
    static const struct otc_instrument translated = {
        "otelcol_exporter_prometheusremotewrite_translated_time_series", "{time_series}",
        "Number of Prometheus time series that were translated from OTel metrics", OTC_COUNTER};
    static const struct otc_instrument failed = {
        "otelcol_exporter_prometheusremotewrite_failed_translations", "{translations}",
        "Number of translation operations that failed to translate metrics from Otel to Prometheus",
        OTC_COUNTER};
    static const struct otc_instrument sent = {
        "otelcol_exporter_prometheusremotewrite_sent_batches", "{batch}",
        "Number of remote write request batches sent to the remote write "
        "endpoint regardless of success or failure",
        OTC_COUNTER};
    static const struct otc_instrument written[3] = {
        {"otelcol_exporter_prometheusremotewrite_written_samples", "{sample}",
         "Number of samples that the receiver said it wrote", OTC_COUNTER},
        {"otelcol_exporter_prometheusremotewrite_written_histograms", "{histogram}",
         "Number of native histograms that the receiver said it wrote", OTC_COUNTER},
        {"otelcol_exporter_prometheusremotewrite_written_exemplars", "{exemplar}",
         "Number of exemplars that the receiver said it wrote", OTC_COUNTER}};
    static const struct otc_instrument dropped = {"aimon_prometheus_remote_write_dropped_points", "{points}",
                                                  "Data points that have no form in remote write",
                                                  OTC_COUNTER};
    static const char *const reasons[N_DROPPED] = {"invalid_name", "invalid_value", "unsupported",
                                                   "duplicate"};
    const struct otc_label exporter = {"exporter", self->id};

    self->translated = otc_meter_series(self->host->meter, &translated, &exporter, 1);
    self->failed = otc_meter_series(self->host->meter, &failed, &exporter, 1);
    self->sent_requests = otc_meter_series(self->host->meter, &sent, &exporter, 1);
    for (size_t i = 0; i < 3; i++) {
        self->written[i] = otc_meter_series(self->host->meter, &written[i], &exporter, 1);
    }
    for (size_t i = 0; i < N_DROPPED; i++) {
        const struct otc_label both[] = {exporter, {"reason", reasons[i]}};

        self->dropped[i] = otc_meter_series(self->host->meter, &dropped, both, 2);
    }
}

static void
count_job(struct prw *self, const struct prw_job *job)
{
    const struct prw_dropped *dropped = &job->dropped;
    size_t all =
        dropped->invalid_names + dropped->invalid_values + dropped->unsupported + dropped->duplicates;
    const struct otc_count counts[] = {{self->translated, (int64_t)job->series},
                                       {self->failed, all > 0},
                                       {self->dropped[DROPPED_NAME], (int64_t)dropped->invalid_names},
                                       {self->dropped[DROPPED_VALUE], (int64_t)dropped->invalid_values},
                                       {self->dropped[DROPPED_UNSUPPORTED], (int64_t)dropped->unsupported},
                                       {self->dropped[DROPPED_DUPLICATE], (int64_t)dropped->duplicates}};
    int64_t now = self->host->monotonic_ns(self->host);
    bool tell;

    otc_meter_add(self->host->meter, counts, sizeof(counts) / sizeof(counts[0]));
    pthread_mutex_lock(&self->lock);
    tell = all > 0 && (self->drop_logged == 0 || now - self->drop_logged >= DROP_LOG_INTERVAL);
    if (tell) {
        self->drop_logged = now;
    }
    pthread_mutex_unlock(&self->lock);
    if (tell) {
        otc_log(self->host->logger, OTC_LOG_WARN, self->id,
                "Data points that have no form in remote write were dropped",
                OTC_FIELD_NUMBER("invalid_names", dropped->invalid_names),
                OTC_FIELD_NUMBER("invalid_values", dropped->invalid_values),
                OTC_FIELD_NUMBER("deltas_or_unsupported", dropped->unsupported),
                OTC_FIELD_NUMBER("duplicates", dropped->duplicates));
    }
}

static void
count_written(struct prw *self, const struct prw_written *written)
{
    const int64_t said[3] = {written->samples, written->histograms, written->exemplars};
    struct otc_count counts[3];

    for (size_t i = 0; i < 3; i++) {
        counts[i] = (struct otc_count){self->written[i], said[i] > 0 ? said[i] : 0};
    }
    otc_meter_add(self->host->meter, counts, 3);
}

/* ---- Requests ----------------------------------------------------------------------------------- */

static void on_reply(void *arg, const struct otc_http_reply *reply);

/* What of the client's metadata goes along, up to `room` headers. Returns how many; what memory or characters
 * do not allow is left out. */
static size_t
forwarded(const struct prw *self, const struct otc_batch *batch, struct otc_arena *texts,
          struct otc_header *out, size_t room)
{
    const otc_strings *keys = &self->config->include_metadata_keys;
    size_t n = 0;

    for (size_t i = 0; i < keys->n; i++) {
        struct otc_slice value;

        for (size_t k = 0; n < room && otc_client_metadata(otc_batch_client(batch),
                                                           otc_slice_str(keys->items[i]), k, &value);
             k++) {
            char *text = otc_arena_strndup(texts, value.data, value.len);

            if (text && strlen(text) == value.len && !strpbrk(text, "\r\n")) {
                out[n++] = (struct otc_header){keys->items[i], text};
            }
        }
    }
    return n;
}

/* Under the lock. */
static otc_status
send_request(struct prw *self, struct prw_request *request, struct otc_error *err)
{
    static char type[] = "Content-Type", encoding[] = "Content-Encoding", agent[] = "User-Agent",
                version[] = "X-Prometheus-Remote-Write-Version", attempt[] = "Retry-Attempt";
    static char types[][64] = {"application/x-protobuf",
                               "application/x-protobuf;proto=io.prometheus.write.v2.Request"},
                versions[][8] = {"0.1.0", "2.0.0"}, snappy[] = "snappy";
    OTC_AUTO_ARENA struct otc_arena texts;
    struct otc_header more[FORWARDED_MAX];
    char number[16];
    const struct otc_header headers[] = {{type, types[request->job->v2]},
                                         {encoding, snappy},
                                         {agent, self->agent},
                                         {version, versions[request->job->v2]},
                                         {attempt, number}};
    struct otc_http_request http = {
        .method = "POST",
        .url = self->http->endpoint,
        .headers = headers,
        .n_headers = request->job->attempt > 0 ? 5 : 4,
        .fixed = true,
        .forwarded = more,
        .body = otc_buf_slice(&request->body),
        .done = on_reply,
        .arg = request,
    };
    const struct otc_count sent = {self->sent_requests, 1};

    otc_arena_init(&texts, FORWARDED_BYTES_MAX);
    http.n_forwarded = forwarded(self, request->job->batch, &texts, more, FORWARDED_MAX);
    snprintf(number, sizeof(number), "%u", request->job->attempt);
    if (self->closed || !self->client) {
        return otc_fail(err, OTC_UNAVAILABLE, "the exporter is not running");
    }
    otc_meter_add(self->host->meter, &sent, 1);
    return otc_http_send(self->client, &http, err);
}

/* Starts what may be under way. True when the job has come to its end. Under the lock. */
static bool
go_on(struct prw *self, struct prw_job *job)
{
    struct prw_request *request;

    while (job->under_way < prometheus_remote_write_parallelism(self->config) &&
           (request = prometheus_remote_write_job_next(job))) {
        struct otc_error err = OTC_ERROR_INIT;

        if (send_request(self, request, &err) != OTC_OK) {
            prometheus_remote_write_job_settle(request, &err);
        }
    }
    return job->under_way == 0;
}

/* Keeps a job whose rest has to be sent again, and lets go of every other one. Under the lock. */
static void
put_away(struct prw *self, struct prw_job *job, const struct otc_error *result)
{
    bool again = result->status != OTC_OK && otc_error_retryable(result) && !(job->v2 && self->v1);

    job->attempt++;
    if (again && self->kept != job) {
        prometheus_remote_write_job_free(self->kept);
        self->kept = job;
    } else if (!again) {
        self->kept = self->kept == job ? NULL : self->kept;
        prometheus_remote_write_job_free(job);
    }
}

static void
on_reply(void *arg, const struct otc_http_reply *reply)
{
    struct prw_request *request = arg;
    struct prw_job *job = request->job;
    struct prw *self = job->owner;
    struct otc_done *done = job->done;
    struct prw_written written;
    struct otc_error result;
    bool ended, fell_back = false;

    prometheus_remote_write_judge(reply, &result, &written);
    count_written(self, &written);
    pthread_mutex_lock(&self->lock);
    if (reply->status == 415 && job->v2) {
        fell_back = !self->v1;
        self->v1 = true;
        result.status = OTC_UNAVAILABLE;
        result.permanent = false;
    }
    prometheus_remote_write_job_settle(request, &result);
    ended = go_on(self, job);
    if (ended) {
        prometheus_remote_write_job_result(job, &result);
        put_away(self, job, &result);
    }
    pthread_mutex_unlock(&self->lock);
    if (fell_back) {
        otc_log(self->host->logger, OTC_LOG_WARN, self->id,
                "The receiver does not know remote write 2.0: sending 1.0 from now on",
                OTC_FIELD_TEXT("url", self->http->endpoint));
    }
    if (ended) {
        done->fn(done, &result);
    }
}

/* ---- Batches ------------------------------------------------------------------------------------ */

/* The job of a batch that was there before, or a new one. */
static otc_status
find_job(struct prw *self, struct otc_batch *batch, struct prw_job **out, struct otc_error *err)
{
    const struct prw_config *config = self->config;
    struct prw_job_options options = {
        .series = &self->series,
        .encoding = {.max_bytes = (size_t)(config->max_batch_size_bytes ? config->max_batch_size_bytes
                                                                        : DEFAULT_BATCH_BYTES),
                     .metadata = config->send_metadata},
        .compressor = self->compressor,
    };
    otc_status status;

    pthread_mutex_lock(&self->lock);
    *out = self->kept && self->kept->batch == batch ? self->kept : NULL;
    if (*out) {
        self->kept = NULL;
    }
    options.encoding.v2 = config->protobuf_message.index == 1 && !self->v1;
    pthread_mutex_unlock(&self->lock);
    if (*out) {
        return OTC_OK;
    }
    status = prometheus_remote_write_job_new(&options, batch, self, out, err);
    if (status == OTC_OK) {
        count_job(self, *out);
    }
    return status;
}

static otc_status
push(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct prw *self = arg;
    struct prw_job *job;
    struct otc_error result;
    otc_status status = find_job(self, batch, &job, err);
    bool ended;

    otc_batch_unref(batch);
    if (status != OTC_OK) {
        return status;
    }
    pthread_mutex_lock(&self->lock);
    prometheus_remote_write_job_restart(job, done);
    ended = go_on(self, job);
    if (ended) {
        prometheus_remote_write_job_result(job, &result);
        put_away(self, job, &result);
    }
    pthread_mutex_unlock(&self->lock);
    if (!ended) {
        return OTC_PENDING;
    }
    if (err) {
        *err = result;
    }
    return result.status;
}

/* ---- Life --------------------------------------------------------------------------------------- */

static otc_status
prw_start(struct otc_component *component, struct otc_error *err)
{
    struct prw *self = OTC_CONTAINER(component, prw, component);

    otc_status status =
        otc_http_client_new(self->http, self->host, self->id, self->agent, &self->client, err);

    return status == OTC_OK ? otc_exporter_start(self->exporter, err) : status;
}

static void
prw_drain(struct otc_component *component)
{
    otc_exporter_drain(OTC_CONTAINER(component, prw, component)->exporter);
}

static otc_status
prw_shutdown(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct prw *self = OTC_CONTAINER(component, prw, component);
    struct otc_http_client *client;

    (void)err;
    if (self->exporter) {
        otc_exporter_shutdown(self->exporter, deadline_ns);
    }
    pthread_mutex_lock(&self->lock);
    self->closed = true;
    client = self->client;
    self->client = NULL;
    pthread_mutex_unlock(&self->lock);
    /* What is still under way is cancelled: after this every `done` has run. */
    otc_http_client_free(client);
    return OTC_OK;
}

static void
prw_free(struct otc_component *component)
{
    struct prw *self = OTC_CONTAINER(component, prw, component);

    (void)prw_shutdown(component, 0, NULL);
    otc_exporter_free(self->exporter);
    prometheus_remote_write_job_free(self->kept);
    otc_compressor_free(self->compressor);
    pthread_mutex_destroy(&self->lock);
    free(self->labels);
    free(self->id);
    free(self);
}

static struct otc_consumer *
prw_input(struct otc_component *component, enum otc_signal from)
{
    struct prw *self = OTC_CONTAINER(component, prw, component);

    return from == OTC_METRICS ? otc_exporter_consumer(self->exporter) : NULL;
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .start = prw_start,
    .shutdown = prw_shutdown,
    .free = prw_free,
    .input = prw_input,
    .drain = prw_drain,
};

/* One batch at a time: the samples of a series must not overtake each other. */
static otc_status
make_exporter(struct prw *self, struct otc_error *err)
{
    const struct prw_queue_config *queue = self->config->remote_write_queue;
    const struct otc_exporter_options options = {
        .host = self->host,
        .id = self->id,
        .signal = OTC_METRICS,
        .queue = queue ? &self->queue : NULL,
        .retry = &self->config->retry_on_failure,
        .push = push,
        .arg = self,
    };

    self->queue = (struct otc_queue_config){.num_consumers = 1, .queue_size = queue ? queue->queue_size : 0};
    return otc_exporter_new(&options, &self->exporter, err);
}

static void
name_agent(struct prw *self)
{
    const struct otc_label *resource;
    size_t n = 0;

    resource = self->host->resource(self->host, &n);
    if (n >= 2) {
        snprintf(self->agent, sizeof(self->agent), "%s/%s", resource[0].value, resource[1].value);
    }
}

static otc_status
prw_create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    const struct prw_config *config = settings->config;
    struct prw *self = calloc(1, sizeof(*self));
    otc_status status;

    if (!self) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->host = settings->host;
    self->config = config;
    self->http = prometheus_remote_write_http(config);
    self->id = strdup(settings->id);
    self->labels = calloc(config->external_labels.n + 1, sizeof(*self->labels));
    pthread_mutex_init(&self->lock, NULL);
    if (!self->id || !self->labels) {
        prw_free(&self->component);
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    prometheus_remote_write_series_options(config, self->labels, &self->series);
    name_agent(self);
    make_series(self);
    status = otc_compressor_new(OTC_COMPRESS_SNAPPY, 0, &self->compressor, err);
    if (status == OTC_OK) {
        status = make_exporter(self, err);
    }
    if (status != OTC_OK) {
        prw_free(&self->component);
        return status;
    }
    *out = &self->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_prometheus_remote_write_exporter_factory;
const struct otc_factory otc_prometheus_remote_write_exporter_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXPORTER,
    .type = "prometheus_remote_write",
    .deprecated_type = "prometheusremotewrite",
    .description = "Sends metrics by Prometheus remote write, 1.0 or 2.0.",
    .pairs = pairs,
    .n_pairs = 1,
    .config = &prometheus_remote_write_schema,
    .validate = prometheus_remote_write_validate,
    .create = prw_create,
};
