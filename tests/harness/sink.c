// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/sink.h"

#include "common/config/schema.h"

#include <pthread.h>
#include <stdatomic.h>

struct kept {
    struct kept *next;
    struct otc_batch *batch;
    struct otc_done *done; /* not NULL: pending and waited for */
    bool pending;
};

struct otc_sink {
    struct otc_consumer consumer;
    pthread_mutex_t lock; /* guards all below */
    struct otc_error answer;
    struct kept *first, *last;
    size_t n_kept;
    size_t n_items;
    size_t calls;
    size_t last_call;
};

static atomic_ullong all_calls;

static otc_status
sink_consume(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct otc_sink *sink = OTC_CONTAINER(self, otc_sink, consumer);
    struct kept *kept = calloc(1, sizeof(*kept));
    struct otc_error answer;

    if (!kept) {
        abort();
    }
    pthread_mutex_lock(&sink->lock);
    answer = sink->answer;
    sink->calls++;
    sink->last_call = atomic_fetch_add(&all_calls, 1) + 1;
    if (answer.status == OTC_OK || answer.status == OTC_PENDING) {
        *kept = (struct kept){NULL, batch, answer.status == OTC_PENDING ? done : NULL,
                              answer.status == OTC_PENDING};
        *(sink->last ? &sink->last->next : &sink->first) = kept;
        sink->last = kept;
        sink->n_kept++;
        sink->n_items += otc_batch_items(batch);
        kept = NULL;
    }
    pthread_mutex_unlock(&sink->lock);
    if (kept) {
        free(kept);
        otc_batch_unref(batch);
        if (err) {
            *err = answer;
        }
    }
    return answer.status;
}

struct otc_sink *
otc_sink_new(void)
{
    struct otc_sink *sink = calloc(1, sizeof(*sink));

    if (!sink) {
        abort();
    }
    sink->consumer = (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .consume = sink_consume};
    sink->answer = OTC_ERROR_INIT;
    pthread_mutex_init(&sink->lock, NULL);
    return sink;
}

void
otc_sink_free(struct otc_sink *sink)
{
    if (!sink) {
        return;
    }
    while (otc_sink_complete(sink, OTC_CANCELLED, "the sink was freed")) {
    }
    otc_sink_clear(sink);
    pthread_mutex_destroy(&sink->lock);
    free(sink);
}

struct otc_consumer *
otc_sink_consumer(struct otc_sink *sink)
{
    return &sink->consumer;
}

void
otc_sink_refuse(struct otc_sink *sink, const struct otc_error *error)
{
    pthread_mutex_lock(&sink->lock);
    sink->answer = *error;
    pthread_mutex_unlock(&sink->lock);
}

void
otc_sink_answer(struct otc_sink *sink, otc_status status, const char *text)
{
    struct otc_error answer = OTC_ERROR_INIT;

    otc_fail(&answer, status, "%s", text ? text : "");
    otc_sink_refuse(sink, &answer);
}

bool
otc_sink_complete_with(struct otc_sink *sink, const struct otc_error *result)
{
    struct otc_done *done = NULL;
    struct kept *kept;

    pthread_mutex_lock(&sink->lock);
    for (kept = sink->first; kept && !kept->pending; kept = kept->next) {
    }
    if (kept) {
        done = kept->done;
        kept->pending = false;
        kept->done = NULL;
    }
    pthread_mutex_unlock(&sink->lock);
    if (done) {
        done->fn(done, result);
    }
    return kept != NULL;
}

bool
otc_sink_complete(struct otc_sink *sink, otc_status status, const char *text)
{
    struct otc_error result = OTC_ERROR_INIT;

    otc_fail(&result, status, "%s", text ? text : "");
    return otc_sink_complete_with(sink, &result);
}

size_t
otc_sink_pending(struct otc_sink *sink)
{
    size_t n = 0;

    pthread_mutex_lock(&sink->lock);
    for (const struct kept *kept = sink->first; kept; kept = kept->next) {
        n += kept->pending;
    }
    pthread_mutex_unlock(&sink->lock);
    return n;
}

/* A counter under the sink's lock. */
static uint64_t
read_counter(struct otc_sink *sink, const size_t *counter)
{
    uint64_t value;

    pthread_mutex_lock(&sink->lock);
    value = *counter;
    pthread_mutex_unlock(&sink->lock);
    return value;
}

size_t
otc_sink_calls(struct otc_sink *sink)
{
    return read_counter(sink, &sink->calls);
}

size_t
otc_sink_batches(struct otc_sink *sink)
{
    return read_counter(sink, &sink->n_kept);
}

size_t
otc_sink_items(struct otc_sink *sink)
{
    return read_counter(sink, &sink->n_items);
}

uint64_t
otc_sink_last_call(struct otc_sink *sink)
{
    return read_counter(sink, &sink->last_call);
}

struct otc_batch *
otc_sink_batch(struct otc_sink *sink, size_t index)
{
    struct otc_batch *batch = NULL;

    pthread_mutex_lock(&sink->lock);
    for (const struct kept *kept = sink->first; kept; kept = kept->next) {
        if (index-- == 0) {
            batch = kept->batch;
            break;
        }
    }
    pthread_mutex_unlock(&sink->lock);
    return batch;
}

void
otc_sink_clear(struct otc_sink *sink)
{
    struct kept *kept, *next, *keep_first = NULL, *keep_last = NULL;

    pthread_mutex_lock(&sink->lock);
    for (kept = sink->first; kept; kept = next) {
        next = kept->next;
        kept->next = NULL;
        if (kept->pending) {
            *(keep_last ? &keep_last->next : &keep_first) = kept;
            keep_last = kept;
            continue;
        }
        sink->n_kept--;
        sink->n_items -= otc_batch_items(kept->batch);
        otc_batch_unref(kept->batch);
        free(kept);
    }
    sink->first = keep_first;
    sink->last = keep_last;
    pthread_mutex_unlock(&sink->lock);
}

void
otc_test_done_fn(struct otc_done *self, const struct otc_error *result)
{
    struct otc_test_done *done = OTC_CONTAINER(self, otc_test_done, done);

    done->calls++;
    done->result = *result;
}

/* ---- As components
 * ----------------------------------------------------------------------------------------- */

/* A sink or a source of a graph, in a list of all that live. */
struct end {
    struct otc_component component;
    struct end *next;
    char *id;
    struct otc_sink *sink;                       /* sinks */
    struct otc_consumer *outputs[OTC_N_SIGNALS]; /* sources */
};

static pthread_mutex_t ends_lock = PTHREAD_MUTEX_INITIALIZER;
static struct end *ends;

static struct end *
end_find(const char *id, bool is_sink)
{
    struct end *end;

    pthread_mutex_lock(&ends_lock);
    for (end = ends; end && !((end->sink != NULL) == is_sink && strcmp(end->id, id) == 0); end = end->next) {
    }
    pthread_mutex_unlock(&ends_lock);
    return end;
}

struct otc_sink *
otc_test_sink_find(const char *id)
{
    struct end *end = end_find(id, true);

    return end ? end->sink : NULL;
}

otc_status
otc_test_source_send(const char *id, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct end *end = end_find(id, false);
    struct otc_consumer *next = end ? end->outputs[otc_batch_signal(batch)] : NULL;

    if (!next) {
        otc_batch_unref(batch);
        return otc_fail(err, OTC_NOT_FOUND, "no source \"%s\" for this signal", id);
    }
    return otc_consume(next, batch, done, err);
}

static void
end_free(struct otc_component *self)
{
    struct end *end = OTC_CONTAINER(self, end, component);

    pthread_mutex_lock(&ends_lock);
    for (struct end **at = &ends; *at; at = &(*at)->next) {
        if (*at == end) {
            *at = end->next;
            break;
        }
    }
    pthread_mutex_unlock(&ends_lock);
    otc_sink_free(end->sink);
    free(end->id);
    free(end);
}

static struct otc_consumer *
end_input(struct otc_component *self, enum otc_signal from)
{
    (void)from;
    return otc_sink_consumer(OTC_CONTAINER(self, end, component)->sink);
}

static otc_status
end_connect(struct otc_component *self, enum otc_signal to, struct otc_consumer *next, struct otc_error *err)
{
    (void)err;
    OTC_CONTAINER(self, end, component)->outputs[to] = next;
    return OTC_OK;
}

static const struct otc_component_ops sink_ops = {
    .abi = OTC_ABI_OF(otc_component_ops), .free = end_free, .input = end_input};
static const struct otc_component_ops source_ops = {
    .abi = OTC_ABI_OF(otc_component_ops), .free = end_free, .connect = end_connect};

static otc_status
end_create(const struct otc_settings *settings, const struct otc_component_ops *ops,
           struct otc_component **out)
{
    struct end *end = calloc(1, sizeof(*end));

    if (!end) {
        abort();
    }
    end->component = (struct otc_component){OTC_ABI_OF(otc_component), ops};
    end->id = strdup(settings->id);
    end->sink = ops->input ? otc_sink_new() : NULL;
    pthread_mutex_lock(&ends_lock);
    end->next = ends;
    ends = end;
    pthread_mutex_unlock(&ends_lock);
    *out = &end->component;
    return OTC_OK;
}

static otc_status
sink_create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    (void)err;
    return end_create(settings, &sink_ops, out);
}

static otc_status
source_create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    (void)err;
    return end_create(settings, &source_ops, out);
}

static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_DEVELOPMENT},
                                        {OTC_METRICS, OTC_METRICS, OTC_STABILITY_DEVELOPMENT},
                                        {OTC_LOGS, OTC_LOGS, OTC_STABILITY_DEVELOPMENT}};

struct end_config {
    bool unused;
};
static const struct otc_field end_fields[] = {OTC_FIELD_END};
static const struct otc_schema end_schema = OTC_SCHEMA(end_config, end_fields, "No settings.");

const struct otc_factory otc_test_sink_exporter_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXPORTER,
    .type = "test_sink",
    .description = "Keeps what it gets, for tests.",
    .pairs = pairs,
    .n_pairs = OTC_N_SIGNALS,
    .config = &end_schema,
    .create = sink_create,
};

const struct otc_factory otc_test_source_receiver_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_RECEIVER,
    .type = "test_source",
    .description = "Sends what it is given, for tests.",
    .pairs = pairs,
    .n_pairs = OTC_N_SIGNALS,
    .config = &end_schema,
    .create = source_create,
};
