// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/edit_field.h"
#include "processors/transform/statement.h"

#include <stdio.h>

void
transform_run_failed(struct transform_run *run, const char *why)
{
    if (run->failures++ == 0 && why != run->why) {
        (void)snprintf(run->why, sizeof(run->why), "%s", why);
    }
}

/* ---- What is written to ------------------------------------------------------------------------- */

static struct otc_slice
message_of(const struct otc_ottl_target *target, const struct otc_ottl_subject *subject)
{
    switch (target->owner) {
    case OTC_OTTL_RESOURCE:
        return subject->resource_group;
    case OTC_OTTL_SCOPE:
        return subject->scope_group;
    case OTC_OTTL_SPANEVENT:
        return subject->event;
    case OTC_OTTL_METRIC:
        return subject->metric;
    case OTC_OTTL_SPAN:
    case OTC_OTTL_DATAPOINT:
    case OTC_OTTL_LOG:
    case OTC_N_OTTL_CONTEXTS:
        break;
    }
    return subject->item;
}

static bool
is_attribute(const struct otc_ottl_target *target)
{
    return target->kind == OTC_OTTL_ATTRIBUTES || target->kind == OTC_OTTL_ATTRIBUTE;
}

/* A field of the message inside a field, which is made when there is none. */
static void
write_inside(struct transform_run *run)
{
    const struct otc_ottl_target *target = &run->statement->target;

    if (target->kind == OTC_OTTL_INSIDE) {
        otc_edit_set_inner_varint(run->edit, run->message, target->number, target->inside,
                                  (uint64_t)run->value.as.integer);
    } else {
        otc_edit_set_inner_bytes(run->edit, run->message, target->number, target->inside,
                                 run->value.as.slice);
    }
}

static void
write_field(struct transform_run *run)
{
    const struct otc_ottl_target *target = &run->statement->target;
    const struct otc_value *value = &run->value;

    switch (target->kind) {
    case OTC_OTTL_TEXT:
        if (!otc_slice_equal(otc_message_bytes(run->message, target->number), value->as.slice)) {
            otc_edit_set_bytes(run->edit, run->message, target->number, value->as.slice);
        }
        break;
    case OTC_OTTL_VARINT:
        otc_edit_set_varint(run->edit, run->message, target->number, (uint64_t)value->as.integer);
        break;
    case OTC_OTTL_FIXED64:
        otc_edit_set_fixed64(run->edit, run->message, target->number, (uint64_t)value->as.integer);
        break;
    case OTC_OTTL_FIXED32:
        otc_edit_set_fixed32(run->edit, run->message, target->number, (uint32_t)value->as.integer);
        break;
    case OTC_OTTL_BODY:
        otc_edit_set_value(run->edit, run->message, target->number, value);
        break;
    case OTC_OTTL_INSIDE:
    case OTC_OTTL_INSIDE_TEXT:
        write_inside(run);
        break;
    case OTC_OTTL_ATTRIBUTES:
    case OTC_OTTL_ATTRIBUTE:
        break;
    }
}

void
transform_run_end(struct transform_run *run)
{
    if (run->current && is_attribute(&run->statement->target)) {
        otc_pairs_commit(run->pairs);
    } else if (run->current) {
        write_field(run);
    }
    run->current = NULL;
}

static bool
copy_value(struct otc_arena *texts, struct otc_value *value)
{
    bool is_slice = value->type == OTC_VALUE_STRING || value->type == OTC_VALUE_BYTES ||
                    value->type == OTC_VALUE_ARRAY || value->type == OTC_VALUE_KVLIST;

    if (is_slice) {
        value->as.slice = otc_arena_copy(texts, value->as.slice);
    }
    return !is_slice || value->as.slice.data;
}

/* Keeps of the texts what is still to be written, and lets go of the rest. Out of memory the edit fails. */
static void
shrink_texts(struct transform_run *run)
{
    struct otc_arena kept;
    bool ok;

    otc_arena_init(&kept, run->texts->limit);
    ok = copy_value(&kept, &run->value);
    for (size_t i = 0; ok && is_attribute(&run->statement->target) && i < run->pairs->n; i++) {
        struct otc_pair_edit *pair = &run->pairs->items[i];

        if (pair->state == OTC_PAIR_CHANGED) {
            pair->key = otc_arena_copy(&kept, pair->key);
            ok = pair->key.data && copy_value(&kept, &pair->value);
        }
    }
    run->edit->failed |= !ok;
    otc_arena_release(run->texts);
    *run->texts = kept;
    run->shrunk = kept.used;
}

/* Ends what was written to before, and with it what was made for that. An outer message goes on to be written
 * to: what was made for it grows with what lies in it. */
static void
leave_former(struct transform_run *run, const struct otc_ottl_subject *subject)
{
    if (run->current != message_of(&run->statement->target, subject).data) {
        transform_run_end(run);
    }
    if (!run->current && run->texts->used > TRANSFORM_TEXTS_KEPT) {
        otc_arena_release(run->texts);
        run->shrunk = 0;
    } else if (run->current && run->texts->used > run->texts->limit / 4 + 2 * run->shrunk) {
        shrink_texts(run);
    }
}

/* Makes the target of a subject what is written to. */
static void
turn_to(struct transform_run *run, const struct otc_ottl_subject *subject)
{
    const struct otc_ottl_target *target = &run->statement->target;
    struct otc_slice message = message_of(target, subject);

    if (run->current == message.data) {
        return;
    }
    run->current = message.data;
    run->message = message;
    if (!is_attribute(target)) {
        return;
    }
    if (target->owner == OTC_OTTL_RESOURCE) {
        otc_pairs_load_resource(run->pairs, run->edit, message);
    } else if (target->owner == OTC_OTTL_SCOPE) {
        otc_pairs_load_scope(run->pairs, run->edit, message);
    } else {
        otc_pairs_load(run->pairs, run->edit,
                       target->owner == OTC_OTTL_SPAN        ? OTC_ATTRIBUTES_SPAN
                       : target->owner == OTC_OTTL_SPANEVENT ? OTC_ATTRIBUTES_EVENT
                       : target->owner == OTC_OTTL_LOG       ? OTC_ATTRIBUTES_LOG_RECORD
                                                             : otc_point_attributes(subject->metric_type),
                       message);
    }
}

static void
put(struct transform_run *run, const struct otc_ottl_subject *subject, const struct otc_value *value)
{
    enum otc_ottl_target_kind kind = run->statement->target.kind;
    bool is_text = kind == OTC_OTTL_TEXT || kind == OTC_OTTL_INSIDE_TEXT;

    if (kind != OTC_OTTL_ATTRIBUTE && kind != OTC_OTTL_BODY &&
        value->type != (is_text ? OTC_VALUE_STRING : OTC_VALUE_INT)) {
        transform_run_failed(run, is_text ? "the value is no text" : "the value is no integer");
        return;
    }
    turn_to(run, subject);
    if (kind == OTC_OTTL_ATTRIBUTE) {
        otc_pairs_put(run->pairs, run->statement->target.key, value);
    } else {
        run->value = *value;
    }
}

/* ---- Texts -------------------------------------------------------------------------------------- */

static void
replace(struct transform_run *run, const struct otc_ottl_subject *subject, const struct otc_value *arguments)
{
    struct otc_value value = arguments[2];
    bool found;

    if (value.type != OTC_VALUE_STRING) {
        return;
    }
    if (arguments[1].type != OTC_VALUE_STRING) {
        transform_run_failed(run, "the replacement is no text");
        return;
    }
    if (run->statement->editor == TRANSFORM_REPLACE_MATCH) {
        found = otc_regex_matches(run->statement->regex, value.as.slice);
        value.as.slice = arguments[1].as.slice;
    } else {
        found = transform_replace(run, value.as.slice, arguments[1].as.slice, &value.as.slice);
    }
    if (found) {
        put(run, subject, &value);
    }
}

/* ---- Statements --------------------------------------------------------------------------------- */

static bool
is_wanted(struct transform_run *run, const struct otc_ottl_subject *subject)
{
    char why[160];
    enum otc_ottl_answer answer;

    if (run->statement->where.n == 0) {
        return true;
    }
    answer = otc_ottl_any_holds(&run->statement->where, subject, run->texts, why);
    if (answer == OTC_OTTL_FAILED) {
        transform_run_failed(run, why);
    }
    return answer == OTC_OTTL_ONE_HOLDS;
}

void
transform_run_on(struct transform_run *run, const struct otc_ottl_subject *subject)
{
    const struct transform_statement *statement = run->statement;
    struct otc_value arguments[TRANSFORM_ARGUMENTS_MAX + 1] = {{0}};
    char why[160];

    leave_former(run, subject);
    if (!is_wanted(run, subject)) {
        return;
    }
    for (size_t i = 0; i < statement->arguments.n; i++) {
        if (!otc_ottl_value(&statement->arguments, i, subject, run->texts, &arguments[i], why)) {
            transform_run_failed(run, why);
            return;
        }
    }
    if (statement->editor == TRANSFORM_REPLACE_PATTERN || statement->editor == TRANSFORM_REPLACE_MATCH) {
        replace(run, subject, arguments);
    } else if (statement->editor == TRANSFORM_SET) {
        /* Nothing is set to nil, as in the Collector. */
        if (arguments[0].type != OTC_VALUE_ABSENT && arguments[0].type != OTC_VALUE_EMPTY) {
            put(run, subject, &arguments[0]);
        }
    } else if (statement->editor == TRANSFORM_DELETE_KEY && arguments[0].type != OTC_VALUE_STRING) {
        transform_run_failed(run, "the key is no text");
    } else {
        turn_to(run, subject);
        transform_map(run, arguments);
    }
}
