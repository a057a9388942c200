// SPDX-License-Identifier: Apache-2.0
#include "processors/redaction/mask.h"

#include "common/base/hash.h"
#include "common/otlp/edit_each.h"
#include "common/otlp/value_text.h"
#include "common/otlp/wire.h"

#include <stdlib.h>

#define TEXT_BYTES_MAX ((size_t)256 << 20)
#define FATES_LOG 9
/* AnyValues below each other; admission lets no more through. */
#define DEPTH_MAX 96

enum list { REDACTED, MASKED, ALLOWED, IGNORED, N_LISTS };

/* Keys of one list of attributes, or of one body, to be told in its summary. */
struct keys {
    struct otc_slice *items;
    size_t n;
    size_t capacity;
};

/* What was found out about a key; keys repeat from span to span. */
struct known {
    struct otc_slice key;
    enum redaction_fate fate;
};

struct pass {
    const struct redaction_rules *rules;
    struct otc_transform_part *part;
    struct keys lists[N_LISTS];
    struct otc_buf text, masked, spare;
    struct known known[1u << FATES_LOG];
};

/* Where a value lies in a body. */
struct path {
    const struct path *up;
    struct otc_slice key; /* no data: the index */
    size_t index;
    unsigned depth;
};

/* ---- Keys --------------------------------------------------------------------------------------- */

static enum redaction_fate
fate_of(struct pass *pass, struct otc_slice key)
{
    struct known *known = &pass->known[otc_hash64(key, 0) >> (64 - FATES_LOG)];

    if (!known->key.data || !otc_slice_equal(known->key, key)) {
        *known = (struct known){key.data ? key : otc_slice_of("", 0), redaction_fate_of(pass->rules, key)};
    }
    return known->fate;
}

static bool
tells(const struct pass *pass)
{
    return pass->rules->config->summary.index >= REDACTION_INFO;
}

static void
add_key(struct pass *pass, enum list list, struct otc_slice key)
{
    struct keys *keys = &pass->lists[list];

    if (!tells(pass)) {
        return;
    }
    if (keys->n == keys->capacity) {
        size_t capacity = keys->capacity == 0 ? 64 : keys->capacity * 2;
        struct otc_slice *grown = reallocarray(keys->items, capacity, sizeof(*grown));

        if (!grown) {
            pass->part->edit.failed = true;
            return;
        }
        keys->items = grown;
        keys->capacity = capacity;
    }
    keys->items[keys->n++] = key;
}

static void
write_path(const struct path *path, struct otc_buf *out)
{
    if (path->up) {
        write_path(path->up, out);
        otc_buf_append_str(out, ".");
    }
    if (path->key.data) {
        otc_buf_append_slice(out, path->key);
    } else {
        otc_buf_printf(out, "[%zu]", path->index);
    }
}

/* The same key of a value in a body. */
static void
add_path(struct pass *pass, enum list list, const struct path *path)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = TEXT_BYTES_MAX};

    if (pass->rules->config->summary.index == REDACTION_DEBUG) {
        write_path(path, &text);
        pass->part->edit.failed |= text.failed;
        add_key(pass, list, otc_edit_keep(&pass->part->edit, otc_buf_slice(&text)));
    } else {
        add_key(pass, list, OTC_SLICE_NONE);
    }
}

/* ---- Summaries ---------------------------------------------------------------------------------- */

static int
compare_keys(const void *a, const void *b)
{
    return otc_slice_compare(*(const struct otc_slice *)a, *(const struct otc_slice *)b);
}

/* Adds those that a processor before this one told. */
static void
add_told(struct pass *pass, enum list list, struct otc_slice text)
{
    while (text.len > 0) {
        const uint8_t *comma = memchr(text.data, ',', text.len);
        size_t len = comma ? (size_t)(comma - text.data) : text.len;

        add_key(pass, list, otc_slice_of(text.data, len));
        text = otc_slice_skip(text, len + 1);
    }
}

static void
put_keys(struct pass *pass, enum list list, struct otc_slice name)
{
    struct otc_pairs *pairs = &pass->part->pairs;
    struct keys *keys = &pass->lists[list];
    struct otc_value value;

    if (otc_pairs_get(pairs, name, &value) && value.type == OTC_VALUE_STRING) {
        add_told(pass, list, value.as.slice);
    }
    qsort(keys->items, keys->n, sizeof(*keys->items), compare_keys);
    otc_buf_clear(&pass->text);
    for (size_t i = 0; i < keys->n; i++) {
        otc_buf_append_str(&pass->text, i > 0 ? "," : "");
        otc_buf_append_slice(&pass->text, keys->items[i]);
    }
    pass->part->edit.failed |= pass->text.failed;
    value = (struct otc_value){OTC_VALUE_STRING,
                               {.slice = otc_edit_keep(&pass->part->edit, otc_buf_slice(&pass->text))}};
    otc_pairs_put(pairs, name, &value);
}

static void
put_count(struct pass *pass, int64_t n, struct otc_slice name)
{
    struct otc_value value, there;

    if (otc_pairs_get(&pass->part->pairs, name, &there) && there.type == OTC_VALUE_INT) {
        n = (int64_t)((uint64_t)n + (uint64_t)there.as.integer);
    }
    value = (struct otc_value){OTC_VALUE_INT, {.integer = n}};
    otc_pairs_put(&pass->part->pairs, name, &value);
}

/* Tells of the lists in attributes that begin with `prefix`, and empties them. */
static void
summarize(struct pass *pass, bool of_body)
{
    static const struct otc_slice names[2][N_LISTS][2] = {
        {{OTC_SLICE_LIT("redaction.redacted.keys"), OTC_SLICE_LIT("redaction.redacted.count")},
         {OTC_SLICE_LIT("redaction.masked.keys"), OTC_SLICE_LIT("redaction.masked.count")},
         {OTC_SLICE_LIT("redaction.allowed.keys"), OTC_SLICE_LIT("redaction.allowed.count")},
         {{NULL, 0}, OTC_SLICE_LIT("redaction.ignored.count")}},
        {{OTC_SLICE_LIT("redaction.body.redacted.keys"), OTC_SLICE_LIT("redaction.body.redacted.count")},
         {OTC_SLICE_LIT("redaction.body.masked.keys"), OTC_SLICE_LIT("redaction.body.masked.count")},
         {OTC_SLICE_LIT("redaction.body.allowed.keys"), OTC_SLICE_LIT("redaction.body.allowed.count")},
         {{NULL, 0}, OTC_SLICE_LIT("redaction.body.ignored.count")}}};
    bool debug = pass->rules->config->summary.index == REDACTION_DEBUG;

    for (size_t i = 0; i < N_LISTS; i++) {
        struct keys *keys = &pass->lists[i];
        int64_t n = (int64_t)keys->n;

        if (n > 0 && debug && names[of_body][i][0].data) {
            put_keys(pass, (enum list)i, names[of_body][i][0]);
        }
        if (n > 0) {
            put_count(pass, n, names[of_body][i][1]);
        }
        keys->n = 0;
    }
}

/* ---- Values ------------------------------------------------------------------------------------- */

/* The text of a value, until the next one. */
static struct otc_slice
text_of(struct pass *pass, const struct otc_value *value)
{
    if (value->type == OTC_VALUE_STRING) {
        return value->as.slice;
    }
    otc_buf_clear(&pass->text);
    if (!otc_value_text(value, &pass->text)) {
        pass->part->edit.failed = true;
    }
    return otc_buf_slice(&pass->text);
}

/* The text with what is blocked masked, in `masked`; false: there is nothing. */
static bool
mask_blocked(struct pass *pass, struct otc_slice text)
{
    bool found;

    otc_buf_clear(&pass->masked);
    found = redaction_mask_blocked(pass->rules, text, &pass->masked, &pass->spare);
    pass->part->edit.failed |= pass->masked.failed || pass->spare.failed;
    return found && !otc_slice_equal(otc_buf_slice(&pass->masked), text);
}

static void
mask_all(struct pass *pass, struct otc_slice text)
{
    otc_buf_clear(&pass->masked);
    redaction_mask_all(pass->rules, text, &pass->masked);
    pass->part->edit.failed |= pass->masked.failed;
}

/* Makes an AnyValue the text `masked`. */
static void
replace_value(struct pass *pass, struct otc_slice any_value)
{
    struct otc_edit *edit = &pass->part->edit;
    size_t mark = edit->bytes.len;

    otc_wire_put_bytes(&edit->bytes, 1, otc_buf_slice(&pass->masked));
    otc_edit_splice_since(edit, any_value, any_value, mark);
}

/* An AnyValue; of several members the last. */
static struct otc_value
decode(struct otc_slice any_value)
{
    struct otc_value value = {.type = OTC_VALUE_EMPTY};
    struct otc_wire wire = otc_wire_of(any_value);
    struct otc_wire_field field;

    while (otc_wire_next(&wire, &field)) {
        switch (field.field) {
        case 1:
            value = (struct otc_value){OTC_VALUE_STRING, {.slice = field.bytes}};
            break;
        case 2:
            value = (struct otc_value){OTC_VALUE_BOOL, {.boolean = field.number != 0}};
            break;
        case 3:
            value = (struct otc_value){OTC_VALUE_INT, {.integer = (int64_t)field.number}};
            break;
        case 4:
            value = (struct otc_value){OTC_VALUE_DOUBLE, {.real = otc_wire_bits_double(field.number)}};
            break;
        case 5:
            value = (struct otc_value){OTC_VALUE_ARRAY, {.slice = field.bytes}};
            break;
        case 6:
            value = (struct otc_value){OTC_VALUE_KVLIST, {.slice = field.bytes}};
            break;
        case 7:
            value = (struct otc_value){OTC_VALUE_BYTES, {.slice = field.bytes}};
            break;
        default:
            break;
        }
    }
    return value;
}

/* ---- Values in values --------------------------------------------------------------------------- */

/* Masks what is blocked in the texts of a list or map, which keeps its shape. True: there was something. */
static bool
mask_texts(struct pass *pass, struct otc_slice any_value, unsigned depth)
{
    struct otc_value value = decode(any_value);
    struct otc_slice lists = any_value, list, rest, member, inner;
    bool is_map = value.type == OTC_VALUE_KVLIST, masked = false;

    if (value.type == OTC_VALUE_STRING) {
        masked = !redaction_allows(pass->rules, value.as.slice) && mask_blocked(pass, value.as.slice);
        if (masked) {
            replace_value(pass, any_value);
        }
        return masked;
    }
    if (!is_map && value.type != OTC_VALUE_ARRAY) {
        return false;
    }
    if (depth == DEPTH_MAX) {
        pass->part->edit.failed = true; /* no admitted part comes here; nothing may slip through */
        return false;
    }
    while (otc_messages_next(&lists, is_map ? 6 : 5, &list)) {
        for (rest = list; otc_messages_next(&rest, 1, &member);) {
            while (is_map && otc_messages_next(&member, 2, &inner)) {
                masked |= mask_texts(pass, inner, depth + 1);
            }
            masked |= !is_map && mask_texts(pass, member, depth + 1);
        }
    }
    return masked;
}

/* The AnyValues of an attribute. */
static bool
mask_nested(struct pass *pass, const struct otc_pair_edit *pair)
{
    struct otc_slice rest = pair->encoded, any_value;
    bool masked = false;

    while (otc_messages_next(&rest, 2, &any_value)) {
        masked |= mask_texts(pass, any_value, 0);
    }
    return masked;
}

/* ---- Attributes --------------------------------------------------------------------------------- */

static void
set_masked(struct pass *pass, size_t i)
{
    struct otc_value value = {OTC_VALUE_STRING,
                              {.slice = otc_edit_keep(&pass->part->edit, otc_buf_slice(&pass->masked))}};

    add_key(pass, MASKED, pass->part->pairs.items[i].key);
    otc_pairs_set(&pass->part->pairs, i, &value);
}

/* An attribute whose key may stay. */
static void
mask_attribute(struct pass *pass, size_t i, enum redaction_fate fate)
{
    const struct otc_pair_edit *pair = &pass->part->pairs.items[i];
    bool all_types = pass->rules->config->redact_all_types;
    struct otc_slice text =
        all_types || pair->value.type == OTC_VALUE_STRING ? text_of(pass, &pair->value) : OTC_SLICE_NONE;

    if (redaction_allows(pass->rules, text)) {
        add_key(pass, ALLOWED, pair->key);
    } else if (fate == REDACTION_MASK) {
        mask_all(pass, text);
        set_masked(pass, i);
    } else if (mask_blocked(pass, text)) {
        set_masked(pass, i);
    } else if (!all_types && (pair->value.type == OTC_VALUE_ARRAY || pair->value.type == OTC_VALUE_KVLIST) &&
               mask_nested(pass, pair)) {
        add_key(pass, MASKED, pair->key);
    }
}

static void
mask_attributes(struct pass *pass)
{
    struct otc_pairs *pairs = &pass->part->pairs;
    size_t n = pairs->n;

    for (size_t i = 0; i < n; i++) {
        struct otc_slice key = pairs->items[i].key;
        enum redaction_fate fate = fate_of(pass, key);

        switch (fate) {
        case REDACTION_IGNORE:
            add_key(pass, IGNORED, key);
            break;
        case REDACTION_REMOVE:
            add_key(pass, REDACTED, key);
            otc_pairs_remove(pairs, i);
            break;
        case REDACTION_MASK:
        case REDACTION_PASS:
            mask_attribute(pass, i, fate);
            break;
        }
    }
    summarize(pass, false);
}

/* ---- Bodies of log records ---------------------------------------------------------------------- */

static void mask_body_value(struct pass *pass, struct otc_slice any_value, const struct path *path);

/* The values of a pair become the masked text; a pair without one gets it. */
static void
mask_body_pair(struct pass *pass, struct otc_slice pair)
{
    struct otc_edit *edit = &pass->part->edit;
    struct otc_slice rest = pair, any_value;
    bool found = false;

    for (; otc_messages_next(&rest, 2, &any_value); found = true) {
        struct otc_value value = decode(any_value);

        mask_all(pass, value.type == OTC_VALUE_STRING ? value.as.slice : OTC_SLICE_NONE);
        replace_value(pass, any_value);
    }
    if (!found) {
        size_t mark = edit->bytes.len, value;

        mask_all(pass, OTC_SLICE_NONE);
        value = otc_wire_begin(&edit->bytes, 2);
        otc_wire_put_bytes(&edit->bytes, 1, otc_buf_slice(&pass->masked));
        otc_wire_end(&edit->bytes, value);
        otc_edit_splice_since(edit, pair, otc_slice_of(pair.data + pair.len, 0), mark);
    }
}

static void
mask_body_map(struct pass *pass, struct otc_slice map, const struct path *up)
{
    struct otc_slice pair, rest, any_value;

    while (otc_messages_next(&map, 1, &pair)) {
        struct otc_slice key = otc_message_bytes(pair, 1);
        struct path path = {up, key.data ? key : otc_slice_of("", 0), 0, up ? up->depth + 1 : 0};

        switch (fate_of(pass, path.key)) {
        case REDACTION_IGNORE:
            add_path(pass, IGNORED, &path);
            break;
        case REDACTION_REMOVE:
            add_path(pass, REDACTED, &path);
            otc_edit_drop(&pass->part->edit, pair, false);
            break;
        case REDACTION_MASK:
            add_path(pass, MASKED, &path);
            mask_body_pair(pass, pair);
            break;
        case REDACTION_PASS:
            for (rest = pair; otc_messages_next(&rest, 2, &any_value);) {
                mask_body_value(pass, any_value, &path);
            }
            break;
        }
    }
}

static void
mask_body_scalar(struct pass *pass, struct otc_slice any_value, const struct otc_value *value,
                 const struct path *path)
{
    static const struct path whole = {NULL, OTC_SLICE_LIT("body"), 0, 0};
    struct otc_slice text = text_of(pass, value);

    if (redaction_allows(pass->rules, text)) {
        if (path) {
            add_path(pass, ALLOWED, path);
        }
    } else if (mask_blocked(pass, text)) {
        add_path(pass, MASKED, path ? path : &whole);
        replace_value(pass, any_value);
    }
}

/* `path` NULL: the body itself. */
static void
mask_body_value(struct pass *pass, struct otc_slice any_value, const struct path *path)
{
    struct otc_value value = decode(any_value);
    struct otc_slice lists = any_value, list, element;
    size_t index = 0;

    if (path && path->depth >= DEPTH_MAX) {
        pass->part->edit.failed = true; /* no admitted part comes here; nothing may slip through */
        return;
    }
    if (value.type == OTC_VALUE_KVLIST) {
        while (otc_messages_next(&lists, 6, &list)) {
            mask_body_map(pass, list, path);
        }
        return;
    }
    if (value.type != OTC_VALUE_ARRAY) {
        mask_body_scalar(pass, any_value, &value, path);
        return;
    }
    while (otc_messages_next(&lists, 5, &list)) {
        while (otc_messages_next(&list, 1, &element)) {
            struct path at = {path, OTC_SLICE_NONE, index++, path ? path->depth + 1 : 0};

            mask_body_value(pass, element, &at);
        }
    }
}

/* ---- The part ----------------------------------------------------------------------------------- */

#define LOG_BODY 5

static void
mask_place(void *arg, const struct otc_edit_place *place)
{
    struct pass *pass = arg;
    struct otc_transform_part *part = pass->part;
    struct otc_slice rest = place->message, body;

    if (place->kind == OTC_EDIT_RESOURCE) {
        otc_pairs_load_resource(&part->pairs, &part->edit, place->message);
    } else if (place->kind == OTC_EDIT_SCOPE) {
        otc_pairs_load_scope(&part->pairs, &part->edit, place->message);
    } else {
        otc_pairs_load(&part->pairs, &part->edit, place->of, place->message);
    }
    mask_attributes(pass);
    if (part->signal == OTC_LOGS && place->kind == OTC_EDIT_ITEM) {
        while (otc_messages_next(&rest, LOG_BODY, &body)) {
            mask_body_value(pass, body, NULL);
        }
        summarize(pass, true);
    }
    otc_pairs_commit(&part->pairs);
}

otc_status
redaction_mask_part(const struct redaction_rules *rules, struct otc_transform_part *part,
                    struct otc_error *err)
{
    struct pass *pass = calloc(1, sizeof(*pass));

    if (!pass) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    pass->rules = rules;
    pass->part = part;
    pass->text.limit = pass->masked.limit = pass->spare.limit = TEXT_BYTES_MAX;
    otc_edit_each(part->signal, part->part,
                  OTC_EDIT_RESOURCE | OTC_EDIT_SCOPE | OTC_EDIT_ITEM | OTC_EDIT_EVENT | OTC_EDIT_LINK,
                  mask_place, pass);
    for (size_t i = 0; i < N_LISTS; i++) {
        free(pass->lists[i].items);
    }
    otc_buf_release(&pass->text);
    otc_buf_release(&pass->masked);
    otc_buf_release(&pass->spare);
    free(pass);
    return OTC_OK;
}
