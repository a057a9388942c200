// SPDX-License-Identifier: Apache-2.0
#include "common/transform/transform.h"

#include "common/otlp/edit_each.h"

#include <stdlib.h>

#define RETRY_AFTER_MS 1000

/* ---- Parts of the new batch --------------------------------------------------------------------- */

/* An edited part, charged to the budget as long as it lives. */
struct edited {
    struct otc_host *host;
    uint8_t *bytes;
    size_t len;
};

static void
release_edited(void *arg)
{
    struct edited *edited = arg;

    edited->host->discharge(edited->host, edited->len);
    free(edited->bytes);
    free(edited);
}

static void
release_shared(void *arg)
{
    otc_batch_unref(arg);
}

static otc_status
no_room(struct otc_error *err)
{
    otc_fail(err, OTC_UNAVAILABLE, "out of memory for edited data");
    if (err) {
        err->retry_after_ms = RETRY_AFTER_MS;
    }
    return OTC_UNAVAILABLE;
}

/* Makes a part of what the edit wants; one without a byte is none. */
static otc_status
finish_part(struct otc_host *host, struct otc_edit *edit, struct otc_part *out, struct otc_error *err)
{
    struct edited *edited = malloc(sizeof(*edited));
    otc_status status = edited ? otc_edit_finish(edit, &edited->bytes, &edited->len, err) : no_room(err);

    if (status != OTC_OK) {
        free(edited);
        return status;
    }
    if (!host->charge(host, edited->len)) {
        free(edited->bytes);
        free(edited);
        return no_room(err);
    }
    edited->host = host;
    *out = (struct otc_part){otc_slice_of(edited->bytes, edited->len), release_edited, edited};
    return OTC_OK;
}

/* ---- Batches ------------------------------------------------------------------------------------ */

/* The new batch while it is made. */
struct making {
    struct otc_part *parts;
    size_t n;
    size_t dropped;
    bool changed;
};

static void
discard(struct making *making)
{
    for (size_t i = 0; i < making->n; i++) {
        making->parts[i].release(making->parts[i].arg);
    }
    free(making->parts);
}

static otc_status
edit_parts(struct otc_transform *self, struct otc_batch *batch, struct making *making, struct otc_error *err)
{
    struct otc_transform_part part = {.signal = otc_batch_signal(batch), .client = otc_batch_client(batch)};
    otc_status status = OTC_OK;

    otc_edit_init(&part.edit);
    for (size_t i = 0; i < otc_batch_parts(batch) && status == OTC_OK; i++) {
        struct otc_part *out = &making->parts[making->n];

        part.part = otc_batch_part(batch, i);
        part.dropped = 0;
        otc_edit_begin(&part.edit, part.part);
        status = self->ops->edit(self, &part, err);
        if (status == OTC_OK && (otc_edit_changes(&part.edit) || part.edit.failed)) {
            making->changed = true;
            making->dropped += part.dropped;
            status = finish_part(self->host, &part.edit, out, err);
        } else if (status == OTC_OK) {
            *out = (struct otc_part){part.part, release_shared, otc_batch_ref(batch)};
        }
        making->n += status == OTC_OK;
        if (status == OTC_OK && out->bytes.len == 0 && part.part.len > 0) {
            making->n--;
            out->release(out->arg);
        }
    }
    otc_pairs_release(&part.pairs);
    otc_edit_release(&part.edit);
    return status;
}

/* The batch that goes on instead; NULL with OK: nothing is left. Takes the old one over. */
static otc_status
edit_batch(const struct otc_transform_lane *lane, struct otc_batch *batch, struct otc_batch **out,
           struct otc_error *err)
{
    struct making making = {.parts = calloc(otc_batch_parts(batch) + 1, sizeof(struct otc_part))};
    size_t items = otc_batch_items(batch);
    otc_status status = making.parts ? edit_parts(lane->owner, batch, &making, err) : no_room(err);

    *out = NULL;
    /* A batch may say less of itself than is in it. */
    making.dropped = making.dropped < items ? making.dropped : items;
    if (status == OTC_OK && !making.changed) {
        *out = otc_batch_ref(batch);
        discard(&making);
    } else if (status != OTC_OK || (making.dropped > 0 && making.dropped == items)) {
        discard(&making);
    } else {
        *out = otc_batch_new(otc_batch_signal(batch), making.parts, making.n, items - making.dropped,
                             otc_batch_client(batch));
        free(making.parts);
        status = *out ? OTC_OK : no_room(err);
    }
    otc_batch_unref(batch);
    return status;
}

static otc_status
consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct otc_transform_lane *lane = OTC_CONTAINER(consumer, otc_transform_lane, consumer);
    struct otc_batch *edited;
    otc_status status = edit_batch(lane, batch, &edited, err);

    return edited ? otc_consume(lane->next, edited, done, err) : status;
}

static void
drop_empty(void *arg, const struct otc_edit_place *place)
{
    struct otc_slice rest = place->message, member;

    if (!otc_messages_next(&rest, 2, &member)) {
        otc_edit_drop(arg, place->message, true);
    }
}

void
otc_transform_drop_empty(struct otc_transform_part *part)
{
    otc_edit_each(part->signal, part->part, OTC_EDIT_RESOURCE | OTC_EDIT_SCOPE, drop_empty, &part->edit);
}

/* ---- Life --------------------------------------------------------------------------------------- */

static struct otc_transform *
of(struct otc_component *component)
{
    return OTC_CONTAINER(component, otc_transform, component);
}

static void
destroy(struct otc_component *component)
{
    of(component)->ops->free(of(component));
}

static struct otc_consumer *
input(struct otc_component *component, enum otc_signal from)
{
    return &of(component)->lanes[from].consumer;
}

static otc_status
connect_next(struct otc_component *component, enum otc_signal to, struct otc_consumer *next,
             struct otc_error *err)
{
    (void)err;
    of(component)->lanes[to].next = next;
    return OTC_OK;
}

static const struct otc_component_ops component_ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .free = destroy,
    .input = input,
    .connect = connect_next,
};

void
otc_transform_init(struct otc_transform *self, const struct otc_settings *settings,
                   const struct otc_transform_ops *ops)
{
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &component_ops};
    self->ops = ops;
    self->id = settings->id;
    self->host = settings->host;
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        self->lanes[i].consumer =
            (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .mutates_data = true, .consume = consume};
        self->lanes[i].owner = self;
    }
}
