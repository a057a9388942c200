// SPDX-License-Identifier: Apache-2.0
/* Editors of maps. */
#include "common/base/map.h"
#include "processors/transform/statement.h"

#include <stdio.h>

static bool
lists(const struct otc_value *list, struct otc_slice key)
{
    struct otc_slice rest = list->as.slice;
    struct otc_value element;

    while (list->type == OTC_VALUE_ARRAY && otc_array_next(&rest, &element)) {
        if (element.type == OTC_VALUE_STRING && otc_slice_equal(element.as.slice, key)) {
            return true;
        }
    }
    return false;
}

static bool
is_there(const struct otc_pairs *pairs, size_t i)
{
    return pairs->items[i].state != OTC_PAIR_REMOVED;
}

/* The first ones that are not wanted for their keys go beyond the limit. */
static void
limit_pairs(struct otc_pairs *pairs, int64_t limit, const struct otc_value *priority)
{
    int64_t count = 0, all = 0;

    for (size_t i = 0; i < pairs->n; i++) {
        all += is_there(pairs, i);
        count += is_there(pairs, i) && lists(priority, pairs->items[i].key);
    }
    for (size_t i = 0; i < pairs->n && all > limit; i++) {
        if (!is_there(pairs, i) || lists(priority, pairs->items[i].key)) {
            continue;
        }
        if (count < limit) {
            count++;
        } else {
            otc_pairs_remove(pairs, i);
        }
    }
}

/* Cuts a text to `limit` bytes, or before the character that does not fit. */
static void
truncate_pair(struct otc_pairs *pairs, size_t i, int64_t limit)
{
    struct otc_value value = pairs->items[i].value;

    if (value.type != OTC_VALUE_STRING || (uint64_t)limit >= value.as.slice.len) {
        return;
    }
    while (limit > 0 && (value.as.slice.data[limit] & 0xC0) == 0x80) {
        limit--;
    }
    value.as.slice.len = (size_t)limit;
    otc_pairs_set(pairs, i, &value);
}

/* Whether an editor that removes keys removes this one. */
static bool
removes(const struct transform_statement *statement, struct otc_slice key, const struct otc_value *arguments)
{
    enum transform_editor editor = statement->editor;

    if (editor == TRANSFORM_DELETE_MATCHING_KEYS || editor == TRANSFORM_KEEP_MATCHING_KEYS) {
        return otc_regex_matches(statement->regex, key) == (editor == TRANSFORM_DELETE_MATCHING_KEYS);
    }
    return editor == TRANSFORM_DELETE_KEY  ? otc_slice_equal(key, arguments[0].as.slice)
           : editor == TRANSFORM_KEEP_KEYS ? !lists(&arguments[0], key)
                                           : false;
}

/* ---- Values ------------------------------------------------------------------------------------- */

/* replace_all_matches, and replace_all_patterns of values. */
static void
replace_value(struct transform_run *run, size_t i, struct otc_slice replacement)
{
    struct otc_value value = run->pairs->items[i].value;
    bool found;

    if (value.type != OTC_VALUE_STRING) {
        return;
    }
    if (run->statement->editor == TRANSFORM_REPLACE_ALL_MATCHES) {
        found = otc_regex_matches(run->statement->regex, value.as.slice);
        value.as.slice = replacement;
    } else {
        found = transform_replace(run, value.as.slice, replacement, &value.as.slice);
    }
    if (found) {
        otc_pairs_set(run->pairs, i, &value);
    }
}

/* ---- Keys --------------------------------------------------------------------------------------- */

/* From so many comparisons of keys on they are looked up. */
#define INDEXED_FROM 16384

/* The keys of a map that grows by `more` at most. */
struct keys {
    struct otc_pairs *pairs;
    struct otc_map *index; /* key to its place; NULL: the pairs are looked through */
    size_t *places;
    size_t n;
};

static void
note_place(struct keys *keys, size_t i)
{
    keys->places[keys->n] = i;
    (void)otc_map_put(keys->index, keys->pairs->items[i].key, &keys->places[keys->n]);
    keys->n++;
}

static struct keys
keys_of(struct transform_run *run, size_t more)
{
    struct otc_pairs *pairs = run->pairs;
    struct keys keys = {.pairs = pairs};

    if (pairs->n * more >= INDEXED_FROM) {
        keys.places = otc_arena_alloc(run->texts, (pairs->n + more) * sizeof(size_t));
        keys.index = keys.places ? otc_map_new(pairs->n + more) : NULL;
    }
    for (size_t i = 0; keys.index && i < pairs->n; i++) {
        if (is_there(pairs, i)) {
            note_place(&keys, i);
        }
    }
    return keys;
}

/* The last pair of a key; SIZE_MAX: there is none. */
static size_t
place_of(const struct keys *keys, struct otc_slice key)
{
    if (keys->index) {
        const size_t *place = otc_map_get(keys->index, key);

        return place ? *place : SIZE_MAX;
    }
    for (size_t i = keys->pairs->n; i-- > 0;) {
        if (is_there(keys->pairs, i) && otc_slice_equal(keys->pairs->items[i].key, key)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void
put_pair(struct keys *keys, struct otc_slice key, const struct otc_value *value)
{
    size_t at = keys->index ? place_of(keys, key) : SIZE_MAX;

    if (!keys->index) {
        otc_pairs_put(keys->pairs, key, value);
    } else if (at != SIZE_MAX) {
        otc_pairs_set(keys->pairs, at, value);
    } else {
        size_t before = keys->pairs->n;

        otc_pairs_append(keys->pairs, key, value);
        if (keys->pairs->n > before) {
            note_place(keys, before);
        }
    }
}

/* A pair that changes its key. */
struct moved {
    struct moved *next;
    size_t from;
    struct otc_slice key;
    struct otc_value value;
};

/* A list of them, in order, in the run's texts. */
struct moves {
    struct moved *first, **end;
    size_t n;
};

/* False: out of memory, which was noted. */
static bool
move(struct transform_run *run, struct moves *moves, size_t from, struct otc_slice key,
     const struct otc_value *value)
{
    struct moved *moved = otc_arena_alloc(run->texts, sizeof(*moved));

    if (!moved) {
        transform_run_failed(run, "out of memory for the keys");
        return false;
    }
    *moved = (struct moved){NULL, from, key, *value};
    *moves->end = moved;
    moves->end = &moved->next;
    moves->n++;
    return true;
}

/* Takes the pairs away and puts them where they go: of several with one key the last one counts. */
static void
do_moves(struct transform_run *run, const struct moves *moves)
{
    size_t n = run->pairs->n;
    struct keys keys;

    for (const struct moved *moved = moves->first; moved; moved = moved->next) {
        if (is_there(run->pairs, moved->from)) {
            otc_pairs_remove(run->pairs, moved->from);
        }
    }
    keys = keys_of(run, moves->n);
    for (const struct moved *moved = moves->first; moved; moved = moved->next) {
        size_t at = place_of(&keys, moved->key);

        if (at == SIZE_MAX || at < moved->from || at >= n) {
            put_pair(&keys, moved->key, &moved->value);
        }
    }
    otc_map_free(keys.index, NULL);
}

/* replace_all_patterns of keys: all at once, so that none is renamed twice. */
static void
rename_keys(struct transform_run *run, struct otc_slice replacement)
{
    struct otc_pairs *pairs = run->pairs;
    struct moves moves = {.n = 0};

    moves.end = &moves.first;
    for (size_t i = 0; i < pairs->n; i++) {
        struct otc_slice key;

        if (is_there(pairs, i) && transform_replace(run, pairs->items[i].key, replacement, &key) &&
            !otc_slice_equal(key, pairs->items[i].key) &&
            !move(run, &moves, i, key, &pairs->items[i].value)) {
            return; /* all keys stay */
        }
    }
    do_moves(run, &moves);
}

/* ---- Flattening --------------------------------------------------------------------------------- */

/* Levels beyond which nothing is flattened; admission takes no deeper ones by default. */
#define FLATTEN_DEPTH_MAX 64

struct flattening {
    struct transform_run *run;
    struct moves moves;
    size_t from;
    int64_t depth; /* levels that are flattened */
};

/* False: out of memory, or the key is too long, which was noted. */
static bool
join(struct transform_run *run, struct otc_slice prefix, struct otc_slice key, struct otc_slice *out)
{
    OTC_AUTO_BUF struct otc_buf joined = {.limit = (size_t)1 << 20};

    if (prefix.len == 0) {
        *out = key;
        return true;
    }
    (void)otc_buf_append_slice(&joined, prefix);
    (void)otc_buf_append_str(&joined, ".");
    (void)otc_buf_append_slice(&joined, key);
    *out = otc_arena_copy(run->texts, otc_buf_slice(&joined));
    if (joined.failed || !out->data) {
        transform_run_failed(run, "out of memory, or a key that is too long");
        return false;
    }
    return true;
}

static bool
is_nested(const struct otc_value *value)
{
    return value->type == OTC_VALUE_KVLIST || value->type == OTC_VALUE_ARRAY;
}

/* A value under its whole key, which is flattened when it is a map or list that is not too deep. False: not
 * all of it could be kept. */
static bool
flatten_value(struct flattening *flattening, struct otc_slice key, const struct otc_value *value,
              int64_t depth)
{
    struct otc_slice rest = value->as.slice, name, whole;
    struct otc_value member;
    char number[24];
    bool ok = true;

    if (!is_nested(value) || depth >= flattening->depth) {
        return move(flattening->run, &flattening->moves, flattening->from, key, value);
    }
    while (ok && value->type == OTC_VALUE_KVLIST &&
           otc_attributes_next(OTC_ATTRIBUTES_KVLIST, &rest, &name, &member)) {
        ok = join(flattening->run, key, name, &whole) && flatten_value(flattening, whole, &member, depth + 1);
    }
    for (int i = 0; ok && value->type == OTC_VALUE_ARRAY && otc_array_next(&rest, &member); i++) {
        (void)snprintf(number, sizeof(number), "%d", i);
        ok = join(flattening->run, key, otc_slice_str(number), &whole) &&
             flatten_value(flattening, whole, &member, depth + 1);
    }
    return ok;
}

/* Whether flatten gives the i-th pair other keys. */
static bool
is_flattened(const struct otc_pairs *pairs, size_t i, struct otc_slice prefix)
{
    return is_there(pairs, i) && (prefix.len > 0 || is_nested(&pairs->items[i].value));
}

/* All pairs, or none when one could not be kept. */
static void
flatten(struct transform_run *run, const struct otc_value *arguments)
{
    struct otc_slice prefix = arguments[0].type == OTC_VALUE_STRING ? arguments[0].as.slice : OTC_SLICE_NONE;
    struct flattening flattening = {.run = run, .depth = FLATTEN_DEPTH_MAX};
    struct otc_slice key;

    flattening.moves.end = &flattening.moves.first;
    if (arguments[1].type == OTC_VALUE_INT && arguments[1].as.integer < FLATTEN_DEPTH_MAX) {
        flattening.depth = arguments[1].as.integer;
    }
    for (size_t i = 0; i < run->pairs->n; i++) {
        const struct otc_pair_edit *pair = &run->pairs->items[i];

        flattening.from = i;
        if (is_flattened(run->pairs, i, prefix) &&
            !(join(run, prefix, pair->key, &key) && flatten_value(&flattening, key, &pair->value, 0))) {
            return;
        }
    }
    /* An empty one leaves nothing. */
    for (size_t i = 0; i < run->pairs->n; i++) {
        if (is_flattened(run->pairs, i, prefix)) {
            otc_pairs_remove(run->pairs, i);
        }
    }
    do_moves(run, &flattening.moves);
}

/* ---- Merging ------------------------------------------------------------------------------------ */

static void
merge(struct transform_run *run, const struct otc_value *source)
{
    enum transform_mode mode = run->statement->mode;
    struct otc_slice rest = source->as.slice, key;
    struct otc_value value;
    struct keys keys;
    size_t n = 0;

    if (source->type != OTC_VALUE_KVLIST) {
        transform_run_failed(run, "merge_maps takes a map");
        return;
    }
    while (otc_attributes_next(OTC_ATTRIBUTES_KVLIST, &rest, &key, &value)) {
        n++;
    }
    keys = keys_of(run, n);
    rest = source->as.slice;
    while (otc_attributes_next(OTC_ATTRIBUTES_KVLIST, &rest, &key, &value)) {
        if (mode == TRANSFORM_UPSERT || (place_of(&keys, key) != SIZE_MAX) == (mode == TRANSFORM_UPDATE)) {
            put_pair(&keys, key, &value);
        }
    }
    otc_map_free(keys.index, NULL);
}

/* ---- All ---------------------------------------------------------------------------------------- */

static void
edit_each(struct transform_run *run, const struct otc_value *arguments)
{
    const struct transform_statement *statement = run->statement;
    struct otc_pairs *pairs = run->pairs;
    enum transform_editor editor = statement->editor;
    bool replaces = editor == TRANSFORM_REPLACE_ALL_MATCHES || editor == TRANSFORM_REPLACE_ALL_PATTERNS;
    const struct otc_value *replacement = &arguments[editor == TRANSFORM_REPLACE_ALL_PATTERNS ? 2 : 1];

    for (size_t i = 0; i < pairs->n; i++) {
        if (!is_there(pairs, i)) {
            continue;
        }
        if (removes(statement, pairs->items[i].key, arguments)) {
            otc_pairs_remove(pairs, i);
        } else if (editor == TRANSFORM_TRUNCATE_ALL) {
            truncate_pair(pairs, i, arguments[0].as.integer);
        } else if (replaces) {
            replace_value(run, i, replacement->as.slice);
        }
    }
}

void
transform_map(struct transform_run *run, const struct otc_value *arguments)
{
    enum transform_editor editor = run->statement->editor;

    if ((editor == TRANSFORM_REPLACE_ALL_MATCHES && arguments[1].type != OTC_VALUE_STRING) ||
        (editor == TRANSFORM_REPLACE_ALL_PATTERNS && arguments[2].type != OTC_VALUE_STRING)) {
        transform_run_failed(run, "the replacement is no text");
    } else if (editor == TRANSFORM_LIMIT) {
        limit_pairs(run->pairs, arguments[0].as.integer, &arguments[1]);
    } else if (editor == TRANSFORM_FLATTEN) {
        flatten(run, arguments);
    } else if (editor == TRANSFORM_MERGE_MAPS) {
        merge(run, &arguments[0]);
    } else if (editor == TRANSFORM_REPLACE_ALL_PATTERNS && run->statement->mode == TRANSFORM_KEYS) {
        rename_keys(run, arguments[2].as.slice);
    } else {
        edit_each(run, arguments);
    }
}
