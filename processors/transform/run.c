// SPDX-License-Identifier: Apache-2.0
#include "common/base/number.h"
#include "common/otlp/edit_field.h"
#include "processors/transform/statement.h"

#include <ctype.h>
#include <stdio.h>

#define TEXT_MAX ((size_t)16 << 20)

static void
failed(struct transform_run *run, const char *why)
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

/* Makes the target of a subject what is written to. */
static void
turn_to(struct transform_run *run, const struct otc_ottl_subject *subject)
{
    const struct otc_ottl_target *target = &run->statement->target;
    struct otc_slice message = message_of(target, subject);

    if (run->current == message.data) {
        return;
    }
    transform_run_end(run);
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
        failed(run, is_text ? "the value is no text" : "the value is no integer");
        return;
    }
    turn_to(run, subject);
    if (kind == OTC_OTTL_ATTRIBUTE) {
        otc_pairs_put(run->pairs, run->statement->target.key, value);
    } else {
        run->value = *value;
    }
}

/* ---- Maps --------------------------------------------------------------------------------------- */

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

static void
edit_map(struct transform_run *run, const struct otc_value *arguments)
{
    const struct transform_statement *statement = run->statement;
    struct otc_pairs *pairs = run->pairs;

    if (statement->editor == TRANSFORM_LIMIT) {
        limit_pairs(pairs, arguments[0].as.integer, &arguments[1]);
        return;
    }
    for (size_t i = 0; i < pairs->n; i++) {
        struct otc_slice key = pairs->items[i].key;
        bool goes = statement->editor == TRANSFORM_DELETE_KEY ? otc_slice_equal(key, arguments[0].as.slice)
                    : statement->editor == TRANSFORM_DELETE_MATCHING_KEYS
                        ? otc_regex_matches(statement->regex, key)
                        : statement->editor == TRANSFORM_KEEP_KEYS && !lists(&arguments[0], key);

        if (is_there(pairs, i) && goes) {
            otc_pairs_remove(pairs, i);
        } else if (is_there(pairs, i) && statement->editor == TRANSFORM_TRUNCATE_ALL) {
            truncate_pair(pairs, i, arguments[0].as.integer);
        }
    }
}

/* ---- Patterns ----------------------------------------------------------------------------------- */

struct replacing {
    const struct otc_regex *regex;
    struct otc_slice text;
    struct otc_slice replacement;
};

/* The group of a name or number; no data: none. */
static struct otc_slice
group_of(const struct replacing *replacing, const struct otc_slice *found, struct otc_slice name)
{
    size_t n = otc_regex_groups(replacing->regex);
    int64_t number;

    if (isdigit(name.data[0])) {
        return otc_parse_int64(name, &number) && (uint64_t)number <= n ? found[number] : OTC_SLICE_NONE;
    }
    for (size_t i = 1; i <= n; i++) {
        const char *known = otc_regex_group_name(replacing->regex, i);

        if (known && otc_slice_equal_str(name, known)) {
            return found[i];
        }
    }
    return OTC_SLICE_NONE;
}

/* The name behind a dollar sign, `${name}` or the longest run of letters, digits and underscores; moves `*at`
 * behind it. Empty: there is none. */
static struct otc_slice
template_name(struct otc_slice text, size_t *at)
{
    bool braces = *at < text.len && text.data[*at] == '{';
    size_t start = *at + braces, end = start;
    struct otc_slice name;

    while (end < text.len && (isalnum(text.data[end]) || text.data[end] == '_')) {
        end++;
    }
    name = otc_slice_of(text.data + start, end - start);
    if (name.len == 0 || (braces && (end == text.len || text.data[end] != '}'))) {
        return OTC_SLICE_NONE;
    }
    *at = end + braces;
    return name;
}

/* Go's Expand. */
static void
expand(void *arg, struct otc_slice match, struct otc_buf *out)
{
    const struct replacing *replacing = arg;
    struct otc_slice found[OTC_REGEX_GROUPS_MAX + 1] = {{0}}, text = replacing->replacement;

    (void)otc_regex_find(replacing->regex, replacing->text, (size_t)(match.data - replacing->text.data),
                         found, otc_regex_groups(replacing->regex) + 1);
    for (size_t at = 0; at < text.len;) {
        struct otc_slice name;

        if (text.data[at] != '$') {
            otc_buf_append_byte(out, text.data[at++]);
            continue;
        }
        at++;
        if (at < text.len && text.data[at] == '$') {
            otc_buf_append_byte(out, text.data[at++]);
            continue;
        }
        name = template_name(text, &at);
        if (name.len == 0) {
            otc_buf_append_byte(out, '$');
        } else {
            otc_buf_append_slice(out, group_of(replacing, found, name));
        }
    }
}

static void
replace(struct transform_run *run, const struct otc_ottl_subject *subject, const struct otc_value *arguments)
{
    OTC_AUTO_BUF struct otc_buf made = {.limit = TEXT_MAX};
    struct replacing replacing = {run->statement->regex, arguments[2].as.slice, arguments[1].as.slice};
    struct otc_value value = {.type = OTC_VALUE_STRING};

    if (arguments[2].type != OTC_VALUE_STRING) {
        return;
    }
    if (arguments[1].type != OTC_VALUE_STRING) {
        failed(run, "the replacement is no text");
        return;
    }
    if (!otc_regex_replace(replacing.regex, replacing.text, expand, &replacing, &made)) {
        return;
    }
    value.as.slice = otc_arena_copy(run->texts, otc_buf_slice(&made));
    if (made.failed || (made.len > 0 && !value.as.slice.data)) {
        failed(run, "out of memory for a text");
        return;
    }
    put(run, subject, &value);
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
        failed(run, why);
    }
    return answer == OTC_OTTL_ONE_HOLDS;
}

void
transform_run_on(struct transform_run *run, const struct otc_ottl_subject *subject)
{
    const struct transform_statement *statement = run->statement;
    struct otc_value arguments[TRANSFORM_ARGUMENTS_MAX + 1] = {{0}};
    char why[160];

    if (!is_wanted(run, subject)) {
        return;
    }
    for (size_t i = 0; i < statement->arguments.n; i++) {
        if (!otc_ottl_value(&statement->arguments, i, subject, run->texts, &arguments[i], why)) {
            failed(run, why);
            return;
        }
    }
    if (statement->editor == TRANSFORM_REPLACE_PATTERN) {
        replace(run, subject, arguments);
    } else if (statement->editor == TRANSFORM_SET) {
        /* Nothing is set to nil, as in the Collector. */
        if (arguments[0].type != OTC_VALUE_ABSENT && arguments[0].type != OTC_VALUE_EMPTY) {
            put(run, subject, &arguments[0]);
        }
    } else if (statement->editor == TRANSFORM_DELETE_KEY && arguments[0].type != OTC_VALUE_STRING) {
        failed(run, "the key is no text");
    } else {
        turn_to(run, subject);
        edit_map(run, arguments);
    }
}
