// SPDX-License-Identifier: Apache-2.0
#include "ocb/bridge.h"

#include "common/component/client.h"
#include "common/component/factory.h"
#include "common/component/meter.h"
#include "common/component/push.h"
#include "ocb/component.h"

#include <malloc.h>

#define TEXTS_MAX ((size_t)1 << 20)
/** Factories of one plug-in. */
#define PLUGIN_FACTORIES_MAX 256u

const struct otc_factory *
otc_bridge_factory(const char *type, enum otc_kind kind)
{
    for (size_t i = 0; otc_bridge_factories[i]; i++) {
        const struct otc_factory *factory = otc_bridge_factories[i];

        if (strcmp(factory->type, type) == 0 && otc_factory_as(factory, kind)) {
            return otc_factory_as(factory, kind);
        }
    }
    return NULL;
}

const struct otc_factory *
otc_bridge_adopt(const struct otc_factory *const *factories, const char *type, enum otc_kind kind,
                 struct otc_error *err)
{
    for (size_t i = 0; i < PLUGIN_FACTORIES_MAX && factories[i]; i++) {
        struct otc_factory *copy = malloc(sizeof(*copy));
        const struct otc_factory *found;

        if (!copy) {
            otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
            return NULL;
        }
        if (otc_factory_copy(factories[i], copy, err) != OTC_OK) {
            free(copy);
            return NULL;
        }
        found = strcmp(copy->type, type) == 0 ? otc_factory_as(copy, kind) : NULL;
        if (found && (found == copy || otc_factory_copy(found, copy, err) == OTC_OK)) {
            return copy;
        }
        free(copy);
        if (found) {
            return NULL;
        }
    }
    otc_fail(err, OTC_NOT_FOUND, "the plug-in has no %s \"%s\"", otc_kind_name(kind), type);
    return NULL;
}

/* ---- Results ------------------------------------------------------------------------------------ */

/* One consume of a processor: it hands `done` on, which tells whose batch comes out, and answers at once. */
struct call {
    struct otc_done done;
    struct otc_batch *out;
};

static void
call_done(struct otc_done *done, const struct otc_error *result)
{
    (void)done;
    (void)result;
}

static otc_status
put_result(struct otc_bridge *bridge, struct otc_batch *batch, struct otc_error *err)
{
    struct otc_bridge_result *result = malloc(sizeof(*result));
    size_t bytes = otc_batch_bytes(batch);
    bool room = false;

    if (result) {
        *result = (struct otc_bridge_result){NULL, batch};
        pthread_mutex_lock(&bridge->lock);
        room = bytes <= OTC_BRIDGE_WAITING_MAX - bridge->waiting_bytes;
        if (room) {
            *(bridge->last ? &bridge->last->next : &bridge->first) = result;
            bridge->last = result;
            bridge->waiting_bytes += bytes;
        }
        pthread_mutex_unlock(&bridge->lock);
    }
    if (!room) {
        free(result);
        otc_batch_unref(batch);
        return otc_fail(
            err, OTC_RESOURCE_EXHAUSTED,
            "results wait for the next component, which takes none: %zu MiB are held, and no more",
            OTC_BRIDGE_WAITING_MAX >> 20);
    }
    bridge->calls->wake(bridge->handle);
    return OTC_OK;
}

/* What leaves the component: the answer to a call under way, or a result of its own. */
static otc_status
leave(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    if (done) {
        struct call *call = OTC_CONTAINER(done, call, done);

        otc_batch_unref(call->out);
        call->out = batch;
        return OTC_OK;
    }
    return put_result(OTC_CONTAINER(self, otc_bridge_exit, consumer)->owner, batch, err);
}

struct otc_batch *
otc_bridge_take(struct otc_bridge *bridge)
{
    struct otc_bridge_result *result;
    struct otc_batch *batch = NULL;

    pthread_mutex_lock(&bridge->lock);
    result = bridge->first;
    if (result) {
        batch = result->batch;
        bridge->waiting_bytes -= otc_batch_bytes(batch);
        bridge->first = result->next;
        bridge->last = result->next ? bridge->last : NULL;
    }
    pthread_mutex_unlock(&bridge->lock);
    free(result);
    return batch;
}

bool
otc_bridge_bytes(const struct otc_batch *batch, void **copy, const void **bytes, size_t *len)
{
    struct otc_slice joined;
    uint8_t *owned;

    *copy = NULL;
    if (!otc_batch_joined(batch, &owned, &joined)) {
        return false;
    }
    *copy = owned;
    *bytes = joined.data;
    *len = joined.len;
    return true;
}

void
otc_bridge_refused(struct otc_bridge *bridge, enum otc_signal signal, size_t items)
{
    static const struct otc_instrument instruments[OTC_N_SIGNALS] = {
        [OTC_TRACES] = {"aimon_emit_spans_refused", "{spans}", "Spans that the next component refused.",
                        OTC_COUNTER},
        [OTC_METRICS] = {"aimon_emit_points_refused", "{points}",
                         "Result points that the next component refused.", OTC_COUNTER},
        [OTC_LOGS] = {"aimon_emit_logs_refused", "{records}",
                      "Event records that the next component refused.", OTC_COUNTER}};
    const struct otc_label label = {"component", bridge->id};
    const struct otc_count count = {otc_meter_series(bridge->host.meter, &instruments[signal], &label, 1),
                                    (int64_t)items};

    otc_meter_add(bridge->host.meter, &count, 1);
}

/* ---- Data --------------------------------------------------------------------------------------- */

bool
otc_bridge_changes(const struct otc_bridge *bridge, enum otc_signal from)
{
    return bridge->factory->kind == OTC_PROCESSOR && bridge->inputs[from] &&
           bridge->inputs[from]->mutates_data;
}

otc_status
otc_bridge_consume(struct otc_bridge *bridge, enum otc_signal from, const void *bytes, size_t len,
                   size_t items, const char *client, size_t client_len, struct otc_bridge_answer *answer)
{
    struct call call = {.done = {OTC_ABI_OF(otc_done), call_done}};
    struct otc_client *sender = otc_bridge_client(client, client_len);
    struct otc_batch *batch = otc_batch_copy_of(from, otc_slice_of(bytes, len), items, sender);
    const struct otc_batch *came = batch;
    otc_status status;

    *answer = (struct otc_bridge_answer){.error = OTC_ERROR_INIT};
    otc_client_unref(sender);
    if (!batch) {
        return otc_fail(&answer->error, OTC_UNAVAILABLE, "%s: out of memory", bridge->id);
    }
    if (bridge->factory->kind != OTC_PROCESSOR) {
        status = otc_consume(bridge->inputs[from], batch, NULL, &answer->error);
        return status == OTC_PENDING ? OTC_OK : status;
    }
    /* A reference of our own, so that no other batch gets its address. */
    status = otc_consume(bridge->inputs[from], otc_batch_ref(batch), &call.done, &answer->error);
    if (status != OTC_OK || !otc_bridge_changes(bridge, from)) {
        otc_batch_unref(call.out);
        call.out = NULL;
    }
    answer->out = call.out;
    answer->same = call.out == came;
    otc_batch_unref(batch);
    return status;
}

bool
otc_bridge_metrics(struct otc_bridge *bridge, void **bytes, size_t *len)
{
    struct otc_metrics_builder *builder =
        otc_metrics_builder_new(NULL, 0, "otelcol-aimon", NULL, OTC_BRIDGE_WAITING_MAX);
    struct otc_buf out = {.limit = OTC_BRIDGE_WAITING_MAX};
    size_t points = 0;
    const struct otc_meter_view view = {.start_unix_nano = (uint64_t)bridge->began_ns,
                                        .now_unix_nano = (uint64_t)bridge->host.now_ns(&bridge->host)};
    bool ok = builder && otc_meter_collect(bridge->host.meter, builder, &view);

    *bytes = NULL;
    *len = 0;
    ok = ok &&
         (otc_metrics_builder_points(builder) == 0 || otc_metrics_builder_finish(builder, &out, &points));
    otc_metrics_builder_free(builder);
    if (ok) {
        *bytes = otc_buf_take(&out, len);
    }
    otc_buf_release(&out);
    return ok;
}

/* ---- Life --------------------------------------------------------------------------------------- */

struct otc_bridge *
otc_bridge_new(const struct otc_factory *factory, const struct otc_bridge_calls *calls, uintptr_t handle,
               enum otc_log_level level)
{
    struct otc_bridge *bridge = calloc(1, sizeof(*bridge));

    if (!bridge) {
        return NULL;
    }
    bridge->factory = factory;
    bridge->calls = calls;
    bridge->handle = handle;
    bridge->id = factory->type;
    if (!otc_bridge_host_init(bridge, level)) {
        free(bridge);
        return NULL;
    }
    otc_arena_init(&bridge->arena, TEXTS_MAX);
    pthread_mutex_init(&bridge->lock, NULL);
    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        bridge->exits[signal] = (struct otc_bridge_exit){
            .consumer = {.abi = OTC_ABI_OF(otc_consumer), .consume = leave}, .owner = bridge};
    }
    return bridge;
}

bool
otc_bridge_resource(struct otc_bridge *bridge, const char *key, const char *value)
{
    struct otc_label *label = &bridge->resource[bridge->n_resource];

    if (bridge->n_resource == OTC_BRIDGE_RESOURCE_MAX) {
        return false;
    }
    label->key = otc_arena_strndup(&bridge->arena, key, strlen(key));
    label->value = otc_arena_strndup(&bridge->arena, value, strlen(value));
    bridge->n_resource += label->key && label->value;
    return label->key && label->value;
}

bool
otc_bridge_pair(struct otc_bridge *bridge, enum otc_signal from, enum otc_signal to)
{
    for (size_t i = 0; i < bridge->n_pairs; i++) {
        if (bridge->pairs[i].from == from && bridge->pairs[i].to == to) {
            return true;
        }
    }
    for (size_t i = 0; i < bridge->factory->n_pairs; i++) {
        const struct otc_pair *pair = &bridge->factory->pairs[i];

        if (pair->from == from && pair->to == to && bridge->n_pairs < OTC_BRIDGE_PAIRS_MAX) {
            bridge->pairs[bridge->n_pairs++] = *pair;
            return true;
        }
    }
    return false;
}

static otc_status
wire(struct otc_bridge *bridge, struct otc_error *err)
{
    const struct otc_component_ops *ops = bridge->component->ops;
    otc_status status = OTC_OK;

    for (size_t i = 0; i < bridge->n_pairs && status == OTC_OK; i++) {
        const struct otc_pair *pair = &bridge->pairs[i];

        bridge->inputs[pair->from] = ops->input(bridge->component, pair->from);
        if (!bridge->inputs[pair->from]) {
            return otc_fail(err, OTC_INTERNAL, "%s: takes no %s", bridge->id, otc_signal_name(pair->from));
        }
        status = ops->connect(bridge->component, pair->to, &bridge->exits[pair->to].consumer, err);
    }
    return status;
}

static void
log_notes(struct otc_bridge *bridge)
{
    for (const struct otc_config_note *note = otc_config_notes(bridge->config.config); note;
         note = note->next) {
        bridge->calls->log(bridge->handle, note->level, note->text, NULL, 0);
    }
}

otc_status
otc_bridge_create(struct otc_bridge *bridge, const char *id, const char *json, size_t len,
                  struct otc_error *err)
{
    const char *pipeline = bridge->n_pairs > 0 ? otc_signal_name(bridge->pairs[0].from) : NULL;
    struct otc_settings settings = {.abi = OTC_ABI_OF(otc_settings),
                                    .host = &bridge->host,
                                    .pipeline = bridge->factory->kind == OTC_PROCESSOR ? pipeline : NULL,
                                    .pairs = bridge->pairs,
                                    .n_pairs = bridge->n_pairs};
    otc_status status;

    bridge->id = settings.id = otc_arena_strndup(&bridge->arena, id, strlen(id));
    if (!settings.id) {
        bridge->id = bridge->factory->type;
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: out of memory", id);
    }
    status = otc_bridge_config_read(bridge->factory, json, len, "", &bridge->config, err);
    if (status == OTC_OK) {
        log_notes(bridge);
        settings.config = otc_config_value(bridge->config.config);
        status = bridge->factory->create(&settings, &bridge->component, err);
    }
    if (status != OTC_OK) {
        bridge->component = NULL;
        return status;
    }
    return wire(bridge, err);
}

otc_status
otc_bridge_start(struct otc_bridge *bridge, struct otc_error *err)
{
    const struct otc_component_ops *ops = bridge->component->ops;
    otc_status status = ops->start ? ops->start(bridge->component, err) : OTC_OK;

    atomic_store(&bridge->ready, status == OTC_OK);
    return status;
}

int64_t
otc_bridge_run(struct otc_bridge *bridge)
{
    return otc_bridge_loop_run(&bridge->loop);
}

void
otc_bridge_flush(struct otc_bridge *bridge)
{
    otc_bridge_loop_flush(&bridge->loop);
}

otc_status
otc_bridge_shutdown(struct otc_bridge *bridge, int64_t timeout_ns, struct otc_error *err)
{
    atomic_store(&bridge->ready, false);
    if (!bridge->component || !bridge->component->ops->shutdown) {
        return OTC_OK;
    }
    return bridge->component->ops->shutdown(bridge->component, otc_bridge_monotonic_ns() + timeout_ns, err);
}

void
otc_bridge_free(struct otc_bridge *bridge)
{
    struct otc_batch *batch;

    if (!bridge) {
        return;
    }
    otc_bridge_loop_close(&bridge->loop);
    if (bridge->component) {
        bridge->component->ops->free(bridge->component);
    }
    while ((batch = otc_bridge_take(bridge)) != NULL) {
        otc_batch_unref(batch);
    }
    otc_bridge_config_release(&bridge->config);
    otc_bridge_host_release(bridge);
    pthread_mutex_destroy(&bridge->lock);
    otc_arena_release(&bridge->arena);
    free(bridge);
}

size_t
otc_bridge_allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}
