// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/config.h"

#include "common/component/counters.h"
#include "common/component/otc.h"
#include "common/net/server.h"

/** Expired series are looked for this often at least and at most. */
#define SWEEP_MIN OTC_SECOND
#define SWEEP_MAX OTC_MINUTE

struct prometheus {
    struct otc_component component;
    struct otc_consumer consumer;
    const char *id;
    struct otc_host *host;
    const struct prometheus_config *config;
    struct otc_const_label *const_labels;
    struct prometheus_store_options options;
    struct prometheus_store *store;
    struct otc_server *server;
    struct otc_timer *timer;
    struct otc_page page;
    struct otc_series *sent;
    struct otc_series *outcomes[PROMETHEUS_N_OUTCOMES];
    struct otc_series *held;
    struct otc_series *conflicts;
    /** Conflicts of the last page, so that a change is logged once. Listener loop only. */
    size_t known_conflicts;
};

/* ---- Self-metrics ------------------------------------------------------------------------------- */

static const struct otc_instrument sent_points = {"otelcol_exporter_sent_metric_points", "{datapoint}",
                                                  "Number of items successfully sent to the destination.",
                                                  OTC_COUNTER};
static const struct otc_instrument held_series = {"aimon_exporter_prometheus_series", "{series}",
                                                  "Series held for the next scrape.", OTC_GAUGE};
static const struct otc_instrument conflicting_series = {
    "aimon_exporter_prometheus_conflicts", "{series}",
    "Series left out of the last page because their name has another type or belongs to another family.",
    OTC_GAUGE};

static void
make_counters(struct prometheus *self)
{
    struct otc_label labels[] = {{"exporter", self->id}, {"data_type", "metrics"}, {"reason", NULL}};
    struct otc_meter *meter = self->host->meter;

    self->sent = otc_meter_series(meter, &sent_points, labels, 1);
    self->held = otc_meter_series(meter, &held_series, labels, 1);
    self->conflicts = otc_meter_series(meter, &conflicting_series, labels, 1);
    for (int i = PROMETHEUS_INVALID_NAME; i < PROMETHEUS_N_OUTCOMES; i++) {
        labels[2].value = prometheus_outcome_name((enum prometheus_outcome)i);
        self->outcomes[i] = otc_meter_series(meter, otc_exporter_dropped_items(), labels, 3);
    }
}

/** Stored and removed points were sent where they belong; the rest was dropped, by reason. */
static void
count_outcomes(struct prometheus *self, const size_t *outcomes)
{
    struct otc_count counts[PROMETHEUS_N_OUTCOMES + 1];

    for (int i = 0; i < PROMETHEUS_N_OUTCOMES; i++) {
        counts[i] = (struct otc_count){self->outcomes[i], (int64_t)outcomes[i]};
    }
    counts[PROMETHEUS_STORED] =
        (struct otc_count){self->sent, (int64_t)(outcomes[PROMETHEUS_STORED] + outcomes[PROMETHEUS_REMOVED])};
    counts[PROMETHEUS_N_OUTCOMES] =
        (struct otc_count){self->held, (int64_t)prometheus_store_count(self->store)};
    otc_meter_add(self->host->meter, counts, PROMETHEUS_N_OUTCOMES + 1);
}

/* ---- Data in ------------------------------------------------------------------------------------ */

static otc_status
consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct prometheus *self = OTC_CONTAINER(consumer, prometheus, consumer);
    int64_t now = self->host->monotonic_ns(self->host);
    size_t outcomes[PROMETHEUS_N_OUTCOMES] = {0};
    otc_status status = OTC_OK;

    (void)done;
    for (size_t i = 0; status == OTC_OK && i < otc_batch_parts(batch); i++) {
        status = prometheus_store_part(self->store, otc_batch_part(batch, i), now, outcomes, err);
    }
    count_outcomes(self, outcomes);
    otc_batch_unref(batch);
    return status;
}

static void
sweep(void *arg)
{
    struct prometheus *self = arg;
    int64_t interval = self->options.expiration_ns / 10;
    struct otc_count count = {self->held, 0};

    prometheus_store_expire(self->store, self->host->monotonic_ns(self->host));
    count.delta = (int64_t)prometheus_store_count(self->store);
    otc_meter_add(self->host->meter, &count, 1);
    interval = interval < SWEEP_MIN ? SWEEP_MIN : interval > SWEEP_MAX ? SWEEP_MAX : interval;
    self->host->timer_arm(self->host, self->timer, interval);
}

/* ---- Scrapes ------------------------------------------------------------------------------------ */

static void
tell_conflicts(struct prometheus *self, const struct otc_exposition_stats *stats)
{
    size_t conflicts = stats->type_conflicts + stats->duplicates;
    const struct otc_count count = {self->conflicts, (int64_t)conflicts};

    otc_meter_add(self->host->meter, &count, 1);
    if (conflicts > self->known_conflicts) {
        otc_log(self->host->logger, OTC_LOG_WARN, self->id,
                "Series are not exposed: their metric name has another type or belongs to another metric.",
                OTC_FIELD_NUMBER("series", conflicts), OTC_FIELD_TEXT("first", stats->first_conflict));
    }
    self->known_conflicts = conflicts;
}

static void
serve_metrics(void *arg, struct otc_exchange *exchange)
{
    struct prometheus *self = arg;
    OTC_AUTO_BUF struct otc_buf body = {.limit = self->options.exposition.max_bytes};
    struct otc_exposition_type type =
        otc_exposition_negotiate(otc_exchange_header(exchange, "accept"), self->config->enable_open_metrics);
    struct otc_exposition_stats stats = {0};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_field_line header = {OTC_SLICE_LIT("content-type"), OTC_SLICE_NONE};
    struct otc_response response = {.status = 200, .headers = &header, .n_headers = 1};

    if (prometheus_store_render(self->store, self->host->monotonic_ns(self->host), type, &body, &stats,
                                &err) != OTC_OK) {
        otc_log(self->host->logger, OTC_LOG_ERROR, self->id, "A scrape failed.",
                OTC_FIELD_TEXT("error", err.text));
        otc_exchange_respond_text(exchange, 500, "text/plain; charset=utf-8", otc_slice_str(err.text));
        return;
    }
    tell_conflicts(self, &stats);
    header.value = otc_slice_str(otc_exposition_content_type(type));
    response.owned = otc_buf_take(&body, &response.body.len);
    response.body.data = response.owned;
    otc_exchange_respond(exchange, &response);
}

/* ---- Life --------------------------------------------------------------------------------------- */

static otc_status
start(struct otc_component *component, struct otc_error *err)
{
    struct prometheus *self = OTC_CONTAINER(component, prometheus, component);
    struct otc_server_options options = {.host = self->host, .component_id = self->id, .arg = self};
    otc_status status;

    self->timer = self->host->timer_new(self->host, sweep, self);
    if (!self->timer) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for a timer");
    }
    otc_http_server_options(&self->config->server, &options);
    status = otc_pages_open(&options, &self->page, 1, &self->server, err);
    if (status != OTC_OK) {
        return status;
    }
    self->host->timer_arm(self->host, self->timer, SWEEP_MIN);
    return OTC_OK;
}

static otc_status
stop(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct prometheus *self = OTC_CONTAINER(component, prometheus, component);

    (void)err;
    if (self->server) {
        otc_server_stop(self->server, deadline_ns);
        otc_server_free(self->server);
        self->server = NULL;
    }
    if (self->timer) {
        self->host->timer_free(self->host, self->timer);
        self->timer = NULL;
    }
    return OTC_OK;
}

static void
destroy(struct otc_component *component)
{
    struct prometheus *self = OTC_CONTAINER(component, prometheus, component);

    stop(component, 0, NULL);
    prometheus_store_free(self->store);
    free(self->const_labels);
    free(self);
}

static struct otc_consumer *
input(struct otc_component *component, enum otc_signal from)
{
    struct prometheus *self = OTC_CONTAINER(component, prometheus, component);

    return from == OTC_METRICS ? &self->consumer : NULL;
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
    const struct prometheus_config *config = settings->config;
    struct prometheus *self = calloc(1, sizeof(*self));

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->consumer = (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .consume = consume};
    self->id = settings->id;
    self->host = settings->host;
    self->config = config;
    self->page = (struct otc_page){"/metrics", serve_metrics};
    self->const_labels = calloc(config->const_labels.n + 1, sizeof(*self->const_labels));
    if (self->const_labels) {
        prometheus_options(config, self->const_labels, &self->options);
        self->store = prometheus_store_new(&self->options);
    }
    if (!self->store) {
        destroy(&self->component);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    make_counters(self);
    *out = &self->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_prometheus_exporter_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXPORTER,
    .type = "prometheus",
    .description = "Serves metrics to Prometheus in its text formats.",
    .pairs = pairs,
    .n_pairs = 1,
    .config = &prometheus_schema,
    .validate = prometheus_validate,
    .create = create,
};
