// SPDX-License-Identifier: Apache-2.0
#include "common/component/client.h"
#include "common/component/otc.h"

#include <stdatomic.h>

struct otc_batch {
    atomic_size_t references;
    enum otc_signal signal;
    size_t items;
    size_t bytes;
    struct otc_client *client;
    size_t n_parts;
    struct otc_part parts[];
};

const char *
otc_signal_name(enum otc_signal signal)
{
    static const char *const names[OTC_N_SIGNALS] = {"traces", "metrics", "logs"};

    return names[signal];
}

const char *
otc_signal_items(enum otc_signal signal)
{
    static const char *const names[OTC_N_SIGNALS] = {"spans", "metric_points", "log_records"};

    return names[signal];
}

const char *
otc_kind_name(enum otc_kind kind)
{
    static const char *const names[] = {"receiver", "processor", "exporter", "connector", "extension"};

    return names[kind];
}

static void
release_parts(const struct otc_part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (parts[i].release) {
            parts[i].release(parts[i].arg);
        }
    }
}

struct otc_batch *
otc_batch_new(enum otc_signal signal, const struct otc_part *parts, size_t n_parts, size_t items,
              struct otc_client *client)
{
    struct otc_batch *batch = malloc(sizeof(*batch) + n_parts * sizeof(*parts));

    if (!batch) {
        release_parts(parts, n_parts);
        return NULL;
    }
    atomic_init(&batch->references, 1);
    batch->signal = signal;
    batch->items = items;
    batch->bytes = 0;
    batch->client = otc_client_ref(client);
    batch->n_parts = n_parts;
    for (size_t i = 0; i < n_parts; i++) {
        batch->parts[i] = parts[i];
        batch->bytes += parts[i].bytes.len;
    }
    return batch;
}

struct otc_batch *
otc_batch_copy_of(enum otc_signal signal, struct otc_slice bytes, size_t items, struct otc_client *client)
{
    uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    struct otc_part part = {otc_slice_of(copy, bytes.len), free, copy};

    if (!copy) {
        return NULL;
    }
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return otc_batch_new(signal, &part, 1, items, client);
}

static void
unref_batch(void *arg)
{
    otc_batch_unref(arg);
}

struct otc_batch *
otc_batch_as(struct otc_batch *batch, struct otc_client *client)
{
    struct otc_batch *made;

    if (batch->client == client) {
        return batch;
    }
    made = malloc(sizeof(*made) + batch->n_parts * sizeof(made->parts[0]));
    if (made) {
        *made = *batch;
        atomic_init(&made->references, 1);
        made->client = otc_client_ref(client);
        for (size_t i = 0; i < batch->n_parts; i++) {
            made->parts[i] = (struct otc_part){batch->parts[i].bytes, unref_batch, otc_batch_ref(batch)};
        }
    }
    otc_batch_unref(batch);
    return made;
}

struct otc_batch *
otc_batch_ref(struct otc_batch *batch)
{
    atomic_fetch_add_explicit(&batch->references, 1, memory_order_relaxed);
    return batch;
}

void
otc_batch_unref(struct otc_batch *batch)
{
    if (batch && atomic_fetch_sub_explicit(&batch->references, 1, memory_order_acq_rel) == 1) {
        release_parts(batch->parts, batch->n_parts);
        otc_client_unref(batch->client);
        free(batch);
    }
}

enum otc_signal
otc_batch_signal(const struct otc_batch *batch)
{
    return batch->signal;
}

size_t
otc_batch_parts(const struct otc_batch *batch)
{
    return batch->n_parts;
}

struct otc_slice
otc_batch_part(const struct otc_batch *batch, size_t index)
{
    return batch->parts[index].bytes;
}

size_t
otc_batch_items(const struct otc_batch *batch)
{
    return batch->items;
}

size_t
otc_batch_bytes(const struct otc_batch *batch)
{
    return batch->bytes;
}

struct otc_client *
otc_batch_client(const struct otc_batch *batch)
{
    return batch->client;
}
