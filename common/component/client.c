// SPDX-License-Identifier: Apache-2.0
#include "common/component/client.h"

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/hash.h"

#include <stdatomic.h>
#include <strings.h>

struct otc_client {
    atomic_size_t references;
    struct otc_arena arena;
    struct otc_slice address;
    struct otc_client_pair *metadata;
    size_t n_metadata;
    struct otc_client_pair *auth;
    size_t n_auth;
};

static bool
copy_pairs(struct otc_arena *arena, const struct otc_client_pair *from, size_t n, struct otc_client_pair **to)
{
    *to = NULL;
    if (n == 0) {
        return true;
    }
    *to = otc_arena_alloc(arena, n * sizeof(**to));
    for (size_t i = 0; *to && i < n; i++) {
        (*to)[i].name = otc_arena_copy(arena, from[i].name);
        (*to)[i].value = otc_arena_copy(arena, from[i].value);
        if (!(*to)[i].name.data || !(*to)[i].value.data) {
            return false;
        }
    }
    return *to != NULL;
}

struct otc_client *
otc_client_new(struct otc_slice address, const struct otc_client_pair *metadata, size_t n_metadata,
               const struct otc_client_pair *auth, size_t n_auth)
{
    struct otc_client *client = calloc(1, sizeof(*client));

    if (!client) {
        return NULL;
    }
    atomic_init(&client->references, 1);
    otc_arena_init(&client->arena, SIZE_MAX);
    client->address = otc_arena_copy(&client->arena, address);
    client->n_metadata = n_metadata;
    client->n_auth = n_auth;
    if (!client->address.data || !copy_pairs(&client->arena, metadata, n_metadata, &client->metadata) ||
        !copy_pairs(&client->arena, auth, n_auth, &client->auth)) {
        otc_client_unref(client);
        return NULL;
    }
    return client;
}

struct otc_client *
otc_client_ref(struct otc_client *client)
{
    if (client) {
        atomic_fetch_add_explicit(&client->references, 1, memory_order_relaxed);
    }
    return client;
}

void
otc_client_unref(struct otc_client *client)
{
    if (client && atomic_fetch_sub_explicit(&client->references, 1, memory_order_acq_rel) == 1) {
        otc_arena_release(&client->arena);
        free(client);
    }
}

struct otc_slice
otc_client_address(const struct otc_client *client)
{
    return client ? client->address : OTC_SLICE_NONE;
}

static bool
same_name(struct otc_slice a, struct otc_slice b)
{
    return a.len == b.len &&
           (a.len == 0 || strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0);
}

bool
otc_client_metadata(const struct otc_client *client, struct otc_slice name, size_t index,
                    struct otc_slice *value)
{
    for (size_t i = 0; client && i < client->n_metadata; i++) {
        if (same_name(client->metadata[i].name, name) && index-- == 0) {
            *value = client->metadata[i].value;
            return true;
        }
    }
    return false;
}

static bool
is_named(struct otc_slice name, char *const *names, size_t n_names)
{
    for (size_t i = 0; i < n_names; i++) {
        if (same_name(name, otc_slice_str(names[i]))) {
            return true;
        }
    }
    return false;
}

bool
otc_client_narrow(const struct otc_client *client, char *const *names, size_t n_names,
                  struct otc_client **out)
{
    struct otc_client_pair *kept;
    size_t n = 0;

    *out = NULL;
    if (!client) {
        return true;
    }
    kept = calloc(client->n_metadata + 1, sizeof(*kept));
    if (!kept) {
        return false;
    }
    for (size_t i = 0; i < client->n_metadata; i++) {
        if (is_named(client->metadata[i].name, names, n_names)) {
            kept[n++] = client->metadata[i];
        }
    }
    if (n + client->n_auth > 0) {
        *out = otc_client_new(OTC_SLICE_NONE, kept, n, client->auth, client->n_auth);
    }
    free(kept);
    return n + client->n_auth == 0 || *out;
}

static void
append_value(struct otc_buf *out, char kind, struct otc_slice value)
{
    uint64_t len = value.len;

    (void)otc_buf_append_byte(out, (uint8_t)kind);
    (void)otc_buf_append(out, &len, sizeof(len));
    (void)otc_buf_append_slice(out, value);
}

struct otc_hash128
otc_client_hash(const struct otc_client *client, char *const *names, size_t n_names)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = SIZE_MAX / 4};

    for (size_t i = 0; client && i < client->n_auth; i++) {
        append_value(&text, 'a', client->auth[i].name);
        append_value(&text, '=', client->auth[i].value);
    }
    for (size_t i = 0; i < n_names; i++) {
        struct otc_slice value;

        append_value(&text, 'k', OTC_SLICE_NONE);
        for (size_t n = 0; otc_client_metadata(client, otc_slice_str(names[i]), n, &value); n++) {
            append_value(&text, 'v', value);
        }
    }
    return text.failed ? (struct otc_hash128){0} : otc_hash_128(otc_buf_slice(&text), 0);
}

bool
otc_client_auth(const struct otc_client *client, struct otc_slice name, struct otc_slice *value)
{
    for (size_t i = 0; client && i < client->n_auth; i++) {
        if (otc_slice_equal(client->auth[i].name, name)) {
            *value = client->auth[i].value;
            return true;
        }
    }
    return false;
}

bool
otc_client_same_auth(const struct otc_client *a, const struct otc_client *b)
{
    size_t n_a = a ? a->n_auth : 0, n_b = b ? b->n_auth : 0;

    if (a == b || n_a + n_b == 0) {
        return true;
    }
    if (n_a != n_b) {
        return false;
    }
    for (size_t i = 0; i < n_a; i++) {
        if (!otc_slice_equal(a->auth[i].name, b->auth[i].name) ||
            !otc_slice_equal(a->auth[i].value, b->auth[i].value)) {
            return false;
        }
    }
    return true;
}
