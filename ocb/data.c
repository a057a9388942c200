// SPDX-License-Identifier: Apache-2.0
/* Batches into the component, and what comes out of it. */
#include "common/component/client.h"
#include "common/component/push.h"
#include "common/otlp/admit.h"
#include "ocb/component.h"

/**
 * One consume of a processor. It hands `done` on, which tells whose batch comes out. Whoever is last frees
 * it: the caller, who has its answer, or `done`, which a processor that answered PENDING runs when it likes.
 */
struct call {
    struct otc_done done;
    struct otc_bridge *bridge;
    enum otc_signal from;
    size_t items;
    /* Guarded by the bridge's lock. */
    struct otc_bridge_answer *answer; /* NULL: the caller has it */
    bool told;                        /* `done` ran, or never will */
    otc_status status;                /* what it said */
    struct otc_bridge_result *first, *last;
    size_t bytes;
};

/* ---- Results ------------------------------------------------------------------------------------ */

static otc_status
too_much(struct otc_bridge_result *result, struct otc_error *err)
{
    otc_batch_unref(result->batch);
    free(result);
    return otc_fail(err, OTC_RESOURCE_EXHAUSTED,
                    "results wait for the next component, which takes none: %zu MiB are held, and no more",
                    OTC_BRIDGE_WAITING_MAX >> 20);
}

/* Under the lock: into a list with room. False: it has none. */
static bool
append(struct otc_bridge_result **first, struct otc_bridge_result **last, size_t *held,
       struct otc_bridge_result *result)
{
    size_t bytes = otc_batch_bytes(result->batch);

    if (bytes > OTC_BRIDGE_WAITING_MAX - *held) {
        return false;
    }
    *(*last ? &(*last)->next : first) = result;
    *last = result;
    *held += bytes;
    return true;
}

static otc_status
put_result(struct otc_bridge *bridge, struct otc_bridge_result *result, struct otc_error *err)
{
    bool room;

    pthread_mutex_lock(&bridge->lock);
    room = append(&bridge->first, &bridge->last, &bridge->waiting_bytes, result);
    pthread_mutex_unlock(&bridge->lock);
    if (!room) {
        return too_much(result, err);
    }
    bridge->calls->wake(bridge->handle);
    return OTC_OK;
}

static void call_done(struct otc_done *done, const struct otc_error *result);

/* False: the call has its answer, so that this is a result like others. */
static bool
put_answer(struct call *call, struct otc_bridge_result *result, struct otc_error *err, otc_status *status)
{
    bool open, room = true;

    pthread_mutex_lock(&call->bridge->lock);
    open = call->answer != NULL;
    if (open) {
        room = append(&call->first, &call->last, &call->bytes, result);
    }
    pthread_mutex_unlock(&call->bridge->lock);
    *status = room ? OTC_OK : too_much(result, err);
    return open;
}

/* What leaves the component: the answer to a call under way, or a result of its own. */
static otc_status
leave(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct otc_bridge_exit *out = OTC_CONTAINER(self, otc_bridge_exit, consumer);
    struct otc_bridge *bridge = out->owner;
    struct otc_bridge_result *result;
    otc_status status;

    /* A processor that looks on waits for the answer to what came, which is passed on already; not for one
     * to its results. */
    if (done && bridge->factory->kind == OTC_PROCESSOR && !otc_bridge_changes(bridge, out->signal)) {
        otc_batch_unref(batch);
        return OTC_OK;
    }
    result = malloc(sizeof(*result));
    if (!result) {
        otc_batch_unref(batch);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: out of memory", bridge->id);
    }
    *result = (struct otc_bridge_result){NULL, batch};
    if (done && done->fn == call_done && put_answer(OTC_CONTAINER(done, call, done), result, err, &status)) {
        return status;
    }
    return put_result(bridge, result, err);
}

void
otc_bridge_exits_init(struct otc_bridge *bridge)
{
    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        bridge->exits[signal] =
            (struct otc_bridge_exit){.consumer = {.abi = OTC_ABI_OF(otc_consumer), .consume = leave},
                                     .owner = bridge,
                                     .signal = (enum otc_signal)signal};
    }
}

static struct otc_batch *
pop(struct otc_bridge_result **first)
{
    struct otc_bridge_result *result = *first;
    struct otc_batch *batch = NULL;

    if (result) {
        batch = result->batch;
        *first = result->next;
        free(result);
    }
    return batch;
}

struct otc_batch *
otc_bridge_take(struct otc_bridge *bridge)
{
    struct otc_batch *batch;

    pthread_mutex_lock(&bridge->lock);
    batch = pop(&bridge->first);
    bridge->last = bridge->first ? bridge->last : NULL;
    bridge->waiting_bytes -= batch ? otc_batch_bytes(batch) : 0;
    pthread_mutex_unlock(&bridge->lock);
    return batch;
}

struct otc_batch *
otc_bridge_more(struct otc_bridge_answer *answer)
{
    return pop(&answer->more);
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

/* ---- Calls -------------------------------------------------------------------------------------- */

/* A batch is refused whose sender was told that it is accepted. */
static void
refused_late(struct otc_bridge *bridge, enum otc_signal from, size_t items, const struct otc_error *result)
{
    otc_bridge_refused(bridge, from, items);
    otc_log(&bridge->logger, OTC_LOG_WARN, bridge->id, "A batch that was accepted is lost",
            OTC_FIELD_TEXT("signal", otc_signal_name(from)), OTC_FIELD_NUMBER("items", items),
            OTC_FIELD_TEXT("error", result->text));
    bridge->calls->wake(bridge->handle); /* an instrument may be new */
}

static void
call_done(struct otc_done *done, const struct otc_error *result)
{
    struct call *call = OTC_CONTAINER(done, call, done);
    struct otc_bridge *bridge = call->bridge;
    enum otc_signal from = call->from;
    size_t items = call->items;
    bool over;

    pthread_mutex_lock(&bridge->lock);
    over = call->answer == NULL;
    call->told = true;
    call->status = result->status;
    if (!over && result->status != OTC_OK) {
        call->answer->error = *result;
    }
    pthread_mutex_unlock(&bridge->lock);
    if (over) {
        free(call);
        if (result->status != OTC_OK) {
            refused_late(bridge, from, items, result);
        }
    }
}

/* The caller goes, with what came out until now in its answer. */
static otc_status
end_call(struct call *call, otc_status status)
{
    struct otc_bridge *bridge = call->bridge;
    bool last;

    pthread_mutex_lock(&bridge->lock);
    status = status == OTC_PENDING ? call->told ? call->status : OTC_PENDING : status;
    call->told = call->told || status != OTC_PENDING;
    last = call->told;
    call->answer->more = call->first;
    call->answer = NULL;
    pthread_mutex_unlock(&bridge->lock);
    if (last) {
        free(call);
    }
    return status == OTC_PENDING ? OTC_OK : status;
}

bool
otc_bridge_changes(const struct otc_bridge *bridge, enum otc_signal from)
{
    return bridge->factory->kind == OTC_PROCESSOR && bridge->inputs[from] &&
           (!bridge->factory->one_pipeline || bridge->inputs[from]->mutates_data);
}

/* The sidecar's receivers refuse what nests too deep for components; those of a Collector do not. */
static otc_status
admit(const struct otc_bridge *bridge, enum otc_signal from, struct otc_slice bytes, struct otc_error *err)
{
    static const struct otc_admission limits = {.max_decoded_bytes = SIZE_MAX};
    struct otc_admitted admitted;

    return otc_bridge_changes(bridge, from) && otc_admit(from, bytes, &limits, &admitted, err) != OTC_OK
               ? otc_error_prefix(err, "%s", bridge->id)
               : OTC_OK;
}

static otc_status
ask_processor(struct otc_bridge *bridge, struct otc_batch *batch, struct otc_bridge_answer *answer)
{
    enum otc_signal from = otc_batch_signal(batch);
    struct call *call = calloc(1, sizeof(*call));
    otc_status status;

    if (!call) {
        otc_batch_unref(batch);
        return otc_fail(&answer->error, OTC_UNAVAILABLE, "%s: out of memory", bridge->id);
    }
    call->done = (struct otc_done){OTC_ABI_OF(otc_done), call_done};
    call->bridge = bridge;
    call->from = from;
    call->items = otc_batch_items(batch);
    call->answer = answer;
    /* A reference of our own, so that no other batch gets its address. */
    status = otc_consume(bridge->inputs[from], otc_batch_ref(batch), &call->done, &answer->error);
    status = end_call(call, status);
    if (status == OTC_OK) {
        answer->out = otc_bridge_more(answer);
        answer->same = answer->out == batch;
    }
    otc_batch_unref(batch);
    return status;
}

otc_status
otc_bridge_consume(struct otc_bridge *bridge, enum otc_signal from, const void *bytes, size_t len,
                   size_t items, const char *client, size_t client_len, struct otc_bridge_answer *answer)
{
    struct otc_client *sender;
    struct otc_batch *batch, *lost;
    otc_status status;

    *answer = (struct otc_bridge_answer){.error = OTC_ERROR_INIT};
    status = admit(bridge, from, otc_slice_of(bytes, len), &answer->error);
    if (status != OTC_OK) {
        return status;
    }
    sender = otc_bridge_client(client, client_len);
    batch = otc_batch_copy_of(from, otc_slice_of(bytes, len), items, sender);
    otc_client_unref(sender);
    if (!batch) {
        return otc_fail(&answer->error, OTC_UNAVAILABLE, "%s: out of memory", bridge->id);
    }
    if (bridge->factory->kind != OTC_PROCESSOR) {
        status = otc_consume(bridge->inputs[from], batch, NULL, &answer->error);
        return status == OTC_PENDING ? OTC_OK : status;
    }
    status = ask_processor(bridge, batch, answer);
    while (status != OTC_OK && (lost = otc_bridge_more(answer)) != NULL) {
        otc_batch_unref(lost);
    }
    return status;
}
