// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/emit_logs.h"

#include "common/analysis/emit.h"

/* An event takes a kilobyte; its texts are limited by what may come in. */
#define EVENTS_BATCH_BYTES ((size_t)16 << 20)

struct waiting {
    struct otc_batch *batch;
    unsigned tries;
};

struct otc_events {
    struct otc_host *host;
    struct otc_consumer *next;
    bool held;
    struct otc_logs_builder *builder;
    struct otc_series *refused_logs;
    struct waiting waiting[OTC_EVENTS_WAITING_MAX]; /* oldest first */
    size_t n_waiting;
};

static const struct otc_instrument refused_instrument = {
    .name = "aimon_emit_logs_refused",
    .unit = "{records}",
    .kind = OTC_COUNTER,
    .description = "Result events that were lost: the next component refused them too often."};

struct otc_events *
otc_events_new(struct otc_host *host, const char *scope, const char *component_id)
{
    struct otc_events *events = calloc(1, sizeof(*events));
    struct otc_attribute attributes[OTC_EMIT_RESOURCE_MAX];
    const struct otc_label label = {"component", component_id};

    if (!events) {
        return NULL;
    }
    events->host = host;
    events->builder = otc_logs_builder_new(attributes, otc_emit_resource(host, attributes), scope,
                                           OTC_VERSION, EVENTS_BATCH_BYTES);
    if (!events->builder) {
        otc_events_free(events);
        return NULL;
    }
    if (host->meter) {
        events->refused_logs = otc_meter_series(host->meter, &refused_instrument, &label, 1);
    }
    return events;
}

static void
lose(struct otc_events *events, size_t records)
{
    const struct otc_count change = {events->refused_logs, (int64_t)records};

    if (events->host->meter && events->refused_logs && records > 0) {
        otc_meter_add(events->host->meter, &change, 1);
    }
}

void
otc_events_free(struct otc_events *events)
{
    if (!events) {
        return;
    }
    for (size_t i = 0; i < events->n_waiting; i++) {
        lose(events, otc_batch_items(events->waiting[i].batch));
        otc_batch_unref(events->waiting[i].batch);
    }
    otc_logs_builder_free(events->builder);
    free(events);
}

void
otc_events_connect(struct otc_events *events, struct otc_consumer *next)
{
    events->next = next;
}

bool
otc_events_connected(const struct otc_events *events)
{
    return events->next != NULL;
}

void
otc_events_hold(struct otc_events *events, bool held)
{
    events->held = held;
}

void
otc_events_add(struct otc_events *events, const struct otc_log_head *log)
{
    if (!events->next) {
        return;
    }
    if (otc_logs_builder_records(events->builder) >= OTC_EVENTS_PENDING_MAX ||
        !otc_build_log(events->builder, log)) {
        lose(events, 1);
    }
}

/* One try; true when the batch is done with, sent or lost. */
static bool
try(struct otc_events *events, struct waiting *waiting)
{
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status = otc_consume(events->next, otc_batch_ref(waiting->batch), NULL, &err);

    if (status == OTC_OK || status == OTC_PENDING) {
        return true;
    }
    waiting->tries++;
    if (!err.permanent && waiting->tries < OTC_EVENTS_TRIES) {
        return false;
    }
    lose(events, otc_batch_items(waiting->batch));
    return true;
}

static void
retry(struct otc_events *events)
{
    size_t kept = 0;

    for (size_t i = 0; i < events->n_waiting; i++) {
        if (try(events, &events->waiting[i])) {
            otc_batch_unref(events->waiting[i].batch);
        } else {
            events->waiting[kept++] = events->waiting[i];
        }
    }
    events->n_waiting = kept;
}

static void
release_bytes(void *arg)
{
    free(arg);
}

/* What was told since, as a batch; NULL when there is nothing or it is lost. */
static struct otc_batch *
finish(struct otc_events *events)
{
    size_t records = otc_logs_builder_records(events->builder), len;
    struct otc_part part = {.release = release_bytes};
    struct otc_batch *batch = NULL;
    struct otc_buf buf;

    if (records == 0) {
        return NULL;
    }
    otc_buf_init(&buf, EVENTS_BATCH_BYTES);
    if (otc_logs_builder_finish(events->builder, &buf)) {
        part.arg = otc_buf_take(&buf, &len);
        part.bytes = otc_slice_of(part.arg, len);
        batch = otc_batch_new(OTC_LOGS, &part, 1, records, NULL);
    } else {
        otc_buf_release(&buf);
    }
    if (!batch) {
        lose(events, records);
    }
    return batch;
}

void
otc_events_forget(struct otc_events *events)
{
    struct otc_batch *batch = finish(events);

    if (batch) {
        otc_batch_unref(batch);
    }
}

bool
otc_events_flush(struct otc_events *events)
{
    struct waiting fresh = {.batch = NULL};
    size_t before = events->n_waiting;

    if (!events->next || events->held) {
        return false;
    }
    retry(events);
    fresh.batch = finish(events);
    if (!fresh.batch) {
        return before > 0 && events->n_waiting == 0;
    }
    if (try(events, &fresh)) {
        otc_batch_unref(fresh.batch);
        return events->n_waiting == 0;
    }
    if (events->n_waiting == OTC_EVENTS_WAITING_MAX) {
        lose(events, otc_batch_items(events->waiting[0].batch));
        otc_batch_unref(events->waiting[0].batch);
        memmove(events->waiting, events->waiting + 1, (OTC_EVENTS_WAITING_MAX - 1) * sizeof(fresh));
        events->n_waiting--;
    }
    events->waiting[events->n_waiting++] = fresh;
    return false;
}
