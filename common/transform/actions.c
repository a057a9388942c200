// SPDX-License-Identifier: Apache-2.0
#include "common/base/number.h"
#include "common/component/client.h"
#include "common/digest/digest.h"
#include "common/otlp/value_text.h"
#include "common/transform/actions_impl.h"

#include <math.h>

#define TEXT_BYTES_MAX ((size_t)16 << 20)

/* ---- Where values come from --------------------------------------------------------------------- */

static struct otc_value
text_value(struct otc_slice text)
{
    return (struct otc_value){OTC_VALUE_STRING, {.slice = text}};
}

/* The host of "127.0.0.1:53012" or "[::1]:53012"; empty for a socket's name. */
static struct otc_slice
host_of(struct otc_slice address)
{
    size_t end = address.len;

    while (end > 0 && address.data[end - 1] != ':') {
        end--;
    }
    if (end == 0 || otc_slice_starts(address, (struct otc_slice)OTC_SLICE_LIT("unix:"))) {
        return OTC_SLICE_NONE;
    }
    address.len = end - 1;
    if (address.len >= 2 && address.data[0] == '[' && address.data[address.len - 1] == ']') {
        address = otc_slice_of(address.data + 1, address.len - 2);
    }
    return address;
}

static struct otc_value
metadata_value(struct otc_edit *edit, const struct otc_client *client, struct otc_slice name)
{
    OTC_AUTO_BUF struct otc_buf joined = {.limit = TEXT_BYTES_MAX};
    struct otc_slice value;
    size_t i = 0;

    for (; otc_client_metadata(client, name, i, &value); i++) {
        otc_buf_append_str(&joined, i > 0 ? ";" : "");
        otc_buf_append_slice(&joined, value);
    }
    return i == 0 ? (struct otc_value){.type = OTC_VALUE_ABSENT}
                  : text_value(otc_edit_keep(edit, otc_buf_slice(&joined)));
}

static struct otc_value
context_value(struct otc_edit *edit, const struct otc_client *client, struct otc_slice from)
{
    const struct otc_slice metadata = OTC_SLICE_LIT("metadata."), auth = OTC_SLICE_LIT("auth.");
    struct otc_slice value;

    if (otc_slice_equal_str(from, "client.address")) {
        return text_value(otc_edit_keep(edit, host_of(otc_client_address(client))));
    }
    if (otc_slice_starts(from, auth)) {
        return otc_client_auth(client, otc_slice_skip(from, auth.len), &value)
                   ? text_value(otc_edit_keep(edit, value))
                   : (struct otc_value){.type = OTC_VALUE_ABSENT};
    }
    return metadata_value(edit, client,
                          otc_slice_starts(from, metadata) ? otc_slice_skip(from, metadata.len) : from);
}

bool
otc_actions_begin(struct otc_actions_call *call, const struct otc_actions *actions, struct otc_edit *edit,
                  const struct otc_client *client)
{
    struct otc_value *contexts = NULL;

    for (size_t i = 0; i < actions->n; i++) {
        if (!actions->items[i].from_context.data) {
            continue;
        }
        if (!contexts) {
            contexts = otc_arena_alloc(&edit->texts, actions->n * sizeof(*contexts));
        }
        if (!contexts) {
            return false;
        }
        contexts[i] = context_value(edit, client, actions->items[i].from_context);
    }
    *call = (struct otc_actions_call){actions, contexts};
    return true;
}

/* ---- Actions ------------------------------------------------------------------------------------ */

static void
set(const struct otc_actions_call *call, size_t i, struct otc_pairs *pairs)
{
    const struct otc_action *action = &call->actions->items[i];
    struct otc_value value = action->value, there;

    if (action->from_context.data) {
        value = call->contexts[i];
    } else if (action->from_attribute.data && !otc_pairs_get(pairs, action->from_attribute, &value)) {
        value.type = OTC_VALUE_ABSENT;
    }
    if (value.type == OTC_VALUE_ABSENT) {
        value = action->default_value;
    }
    if (value.type == OTC_VALUE_ABSENT) {
        return;
    }
    switch (action->kind) {
    case OTC_ACTION_INSERT:
        if (!otc_pairs_get(pairs, action->key, &there)) {
            otc_pairs_append(pairs, action->key, &value);
        }
        break;
    case OTC_ACTION_UPDATE:
        (void)otc_pairs_update(pairs, action->key, &value);
        break;
    case OTC_ACTION_UPSERT:
    case OTC_ACTION_DELETE:
    case OTC_ACTION_HASH:
    case OTC_ACTION_EXTRACT:
    case OTC_ACTION_CONVERT:
    case OTC_N_ACTIONS:
        otc_pairs_put(pairs, action->key, &value);
        break;
    }
}

/* SHA-256 of a text, or of the value's bytes (little-endian), as the Collector takes them; the empty
 * text for other values. */
static struct otc_value
hashed(struct otc_edit *edit, const struct otc_value *value)
{
    char out[OTC_DIGEST_TEXT_MAX];
    uint8_t bytes[8] = {0};
    struct otc_slice content = {bytes, sizeof(bytes)};

    switch (value->type) {
    case OTC_VALUE_STRING:
        content = value->as.slice;
        break;
    case OTC_VALUE_BOOL:
        bytes[0] = value->as.boolean;
        content.len = 1;
        break;
    case OTC_VALUE_INT:
        memcpy(bytes, &value->as.integer, sizeof(bytes));
        break;
    case OTC_VALUE_DOUBLE:
        memcpy(bytes, &value->as.real, sizeof(bytes));
        break;
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        return text_value(OTC_SLICE_NONE);
    }
    return text_value(otc_edit_keep(
        edit, otc_slice_of(out, otc_digest_hex(OTC_DIGEST_SHA256, OTC_SLICE_NONE, content, out))));
}

static bool
concerns(const struct otc_action *action, struct otc_slice key)
{
    return (action->key.data && otc_slice_equal(action->key, key)) ||
           (action->regex && otc_regex_matches(action->regex, key));
}

static void
delete_or_hash(const struct otc_action *action, struct otc_pairs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        const struct otc_pair_edit *pair = &pairs->items[i];

        if (pair->state == OTC_PAIR_REMOVED || !concerns(action, pair->key)) {
            continue;
        }
        if (action->kind == OTC_ACTION_DELETE) {
            otc_pairs_remove(pairs, i);
        } else {
            struct otc_value value = hashed(pairs->edit, &pair->value);

            otc_pairs_set(pairs, i, &value);
        }
    }
}

static void
extract(const struct otc_action *action, struct otc_pairs *pairs)
{
    struct otc_slice found[OTC_REGEX_GROUPS_MAX + 1];
    struct otc_value from;
    size_t n = otc_regex_groups(action->regex);

    if (!otc_pairs_get(pairs, action->key, &from) || from.type != OTC_VALUE_STRING ||
        !otc_regex_find(action->regex, from.as.slice, 0, found, n + 1)) {
        return;
    }
    for (size_t i = 1; i <= n; i++) {
        struct otc_value value = text_value(found[i].data ? found[i] : OTC_SLICE_NONE);

        otc_pairs_put(pairs, otc_slice_str(otc_regex_group_name(action->regex, i)), &value);
    }
}

/* As Go's int64(v) on amd64 for what has no such integer. */
static int64_t
truncated(double value)
{
    return value >= -0x1p63 && value < 0x1p63 ? (int64_t)value : INT64_MIN;
}

static bool
to_number(const struct otc_value *from, enum otc_action_target target, struct otc_value *to)
{
    bool is_int = target == OTC_TO_INT;

    to->type = is_int ? OTC_VALUE_INT : OTC_VALUE_DOUBLE;
    switch (from->type) {
    case OTC_VALUE_INT:
        to->as.real = (double)from->as.integer;
        return !is_int;
    case OTC_VALUE_DOUBLE:
        to->as.integer = truncated(from->as.real);
        return is_int;
    case OTC_VALUE_BOOL:
        if (is_int) {
            to->as.integer = from->as.boolean;
        } else {
            to->as.real = from->as.boolean;
        }
        return true;
    case OTC_VALUE_STRING:
        return is_int ? otc_parse_int64(from->as.slice, &to->as.integer)
                      : otc_parse_go_double(from->as.slice, &to->as.real);
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        break;
    }
    return false;
}

static bool
to_text(const struct otc_value *from, struct otc_edit *edit, struct otc_value *to)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = TEXT_BYTES_MAX};

    if (from->type == OTC_VALUE_STRING || !otc_value_text(from, &text)) {
        return false;
    }
    *to = text_value(otc_edit_keep(edit, otc_buf_slice(&text)));
    return true;
}

static void
convert(const struct otc_action *action, struct otc_pairs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        const struct otc_pair_edit *pair = &pairs->items[i];
        struct otc_value to;

        if (pair->state != OTC_PAIR_REMOVED && otc_slice_equal(pair->key, action->key) &&
            (action->target == OTC_TO_STRING ? to_text(&pair->value, pairs->edit, &to)
                                             : to_number(&pair->value, action->target, &to))) {
            otc_pairs_set(pairs, i, &to);
        }
    }
}

void
otc_actions_run(const struct otc_actions_call *call, struct otc_pairs *pairs)
{
    for (size_t i = 0; i < call->actions->n; i++) {
        const struct otc_action *action = &call->actions->items[i];

        switch (action->kind) {
        case OTC_ACTION_INSERT:
        case OTC_ACTION_UPDATE:
        case OTC_ACTION_UPSERT:
            set(call, i, pairs);
            break;
        case OTC_ACTION_DELETE:
        case OTC_ACTION_HASH:
            delete_or_hash(action, pairs);
            break;
        case OTC_ACTION_EXTRACT:
            extract(action, pairs);
            break;
        case OTC_ACTION_CONVERT:
            convert(action, pairs);
            break;
        case OTC_N_ACTIONS:
            break;
        }
    }
}
