// SPDX-License-Identifier: Apache-2.0
#include "ocb/bridge.h"

#include "common/base/now.h"
#include "common/component/factory.h"
#include "common/component/meter.h"
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

/* ---- Self-metrics ------------------------------------------------------------------------------- */

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
    otc_bridge_exits_init(bridge);
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
    return bridge->component->ops->shutdown(bridge->component, otc_clock_monotonic_ns() + timeout_ns, err);
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
