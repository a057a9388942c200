// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/oracle/edit_oracle.h"

#include "common/otlp/edit_each.h"
#include "common/otlp/edit_pairs.h"
#include "common/otlp/proto/collector.pb-c.h"
#include "common/otlp/wire.h"

#include <stdio.h>
#include <stdlib.h>

typedef Otc__Otlp__KeyValue KeyValue;
typedef Otc__Otlp__AnyValue AnyValue;

#define ALL_KINDS 63u
#define TEXT_MAX 300

/* ---- The plan ------------------------------------------------------------------------------------ */

enum deed { NOTHING, REMOVE, SET_TEXT, COPY, ADD, ADD_AND_REMOVE, N_DEEDS };

/* What happens to the i-th message that is shown. */
struct plan {
    enum deed deed;
    bool drop;
    uint64_t a, b;
};

static uint64_t
mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static struct plan
plan_of(uint64_t seed, uint64_t i)
{
    uint64_t x = mix(seed ^ mix(i));

    return (struct plan){(enum deed)(x % N_DEEDS), (x >> 16) % 8 == 0, mix(x + 1) >> 1, mix(x + 2) >> 1};
}

static const uint8_t text[TEXT_MAX] = "edited";
static const char added[] = "edit.added";

/* ---- By the editor ------------------------------------------------------------------------------- */

struct editing {
    struct otc_edit edit;
    struct otc_pairs pairs;
    uint64_t seed, i;
};

static void
edit_pairs(struct otc_pairs *pairs, const struct plan *plan)
{
    struct otc_slice key = pairs->n > 0 ? pairs->items[plan->a % pairs->n].key : OTC_SLICE_NONE;
    struct otc_value value = {.type = OTC_VALUE_STRING, .as.slice = {text, plan->b % TEXT_MAX}};

    if (plan->deed == ADD || plan->deed == ADD_AND_REMOVE) {
        otc_pairs_append(pairs, otc_slice_str(added), &value);
    }
    if (key.data && plan->deed == COPY) {
        value = pairs->items[plan->b % pairs->n].value;
    }
    if (key.data && (plan->deed == COPY || plan->deed == SET_TEXT)) {
        (void)otc_pairs_update(pairs, key, &value);
    }
    for (size_t i = 0; key.data && (plan->deed == REMOVE || plan->deed == ADD_AND_REMOVE) && i < pairs->n;
         i++) {
        if (otc_slice_equal(pairs->items[i].key, key)) {
            otc_pairs_remove(pairs, i);
        }
    }
    otc_pairs_commit(pairs);
}

static void
edit_place(void *arg, const struct otc_edit_place *place)
{
    struct editing *editing = arg;
    struct plan plan = plan_of(editing->seed, editing->i++);

    if (plan.drop && (place->kind == OTC_EDIT_ITEM || place->kind == OTC_EDIT_EVENT)) {
        otc_edit_drop(&editing->edit, place->message, place->kind == OTC_EDIT_ITEM);
    }
    switch (place->kind) {
    case OTC_EDIT_RESOURCE:
        otc_pairs_load_resource(&editing->pairs, &editing->edit, place->message);
        break;
    case OTC_EDIT_SCOPE:
        otc_pairs_load_scope(&editing->pairs, &editing->edit, place->message);
        break;
    case OTC_EDIT_METRIC:
        return;
    case OTC_EDIT_ITEM:
    case OTC_EDIT_EVENT:
    case OTC_EDIT_LINK:
        otc_pairs_load(&editing->pairs, &editing->edit, place->of, place->message);
        break;
    }
    edit_pairs(&editing->pairs, &plan);
}

/* ---- In the tree --------------------------------------------------------------------------------- */

struct tree {
    uint64_t seed, i;
};

static void *
allocate(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);

    if (!memory) {
        abort();
    }
    return memory;
}

static ProtobufCBinaryData
copy_bytes(const void *data, size_t len)
{
    ProtobufCBinaryData copy = {len, allocate(len)};

    if (len > 0) {
        memcpy(copy.data, data, len);
    }
    return copy;
}

/* The members of a repeated field of messages, and where their number is. */
static ProtobufCMessage ***
members(ProtobufCMessage *message, unsigned number, size_t **n)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(message->descriptor, number);

    *n = (size_t *)(void *)((uint8_t *)message + field->quantifier_offset);
    return (ProtobufCMessage ***)(void *)((uint8_t *)message + field->offset);
}

static ProtobufCMessage **
member(ProtobufCMessage *message, unsigned number)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(message->descriptor, number);

    return (ProtobufCMessage **)(void *)((uint8_t *)message + field->offset);
}

static void
take_out(ProtobufCMessage **list, size_t *n, size_t i)
{
    protobuf_c_message_free_unpacked(list[i], NULL);
    memmove(&list[i], &list[i + 1], (--*n - i) * sizeof(void *));
}

static bool
is_empty(const AnyValue *value)
{
    return !value || value->value_case == OTC__OTLP__ANY_VALUE__VALUE__NOT_SET ||
           value->value_case == OTC__OTLP__ANY_VALUE__VALUE_STRING_VALUE_STRINDEX;
}

static AnyValue *
copy_value(const AnyValue *value)
{
    AnyValue *copy;
    uint8_t *bytes;
    size_t len;

    if (is_empty(value)) {
        copy = allocate(sizeof(*copy));
        otc__otlp__any_value__init(copy);
        return copy;
    }
    bytes = allocate(otc__otlp__any_value__get_packed_size(value));
    len = otc__otlp__any_value__pack(value, bytes);
    copy = otc__otlp__any_value__unpack(NULL, len, bytes);
    free(bytes);
    if (!copy) {
        abort();
    }
    for (unsigned i = 0; i < copy->base.n_unknown_fields; i++) {
        free(copy->base.unknown_fields[i].data);
    }
    free(copy->base.unknown_fields);
    copy->base.n_unknown_fields = 0;
    copy->base.unknown_fields = NULL;
    return copy;
}

static AnyValue *
text_value(size_t len)
{
    AnyValue *value = allocate(sizeof(*value));

    otc__otlp__any_value__init(value);
    value->value_case = OTC__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    value->string_value = copy_bytes(text, len);
    return value;
}

static KeyValue *
new_pair(const void *key, size_t len, AnyValue *value)
{
    KeyValue *pair = allocate(sizeof(*pair));

    otc__otlp__key_value__init(pair);
    pair->key = copy_bytes(key, len);
    pair->value = value;
    return pair;
}

static bool
same_value(const AnyValue *a, const AnyValue *b)
{
    size_t len_a = a ? otc__otlp__any_value__get_packed_size(a) : 0;
    size_t len_b = b ? otc__otlp__any_value__get_packed_size(b) : 0;
    uint8_t *bytes = allocate(len_a + len_b);
    bool same;

    if (is_empty(a) || is_empty(b)) {
        free(bytes);
        return is_empty(a) && is_empty(b);
    }
    (void)otc__otlp__any_value__pack(a, bytes);
    (void)otc__otlp__any_value__pack(b, bytes + len_a);
    same = len_a == len_b && memcmp(bytes, bytes + len_a, len_a) == 0;
    free(bytes);
    return same;
}

/* Gives every pair of the key the value, as new pairs. */
static void
set_all(ProtobufCMessage **pairs, size_t n, ProtobufCBinaryData key, const AnyValue *value)
{
    for (size_t i = 0; i < n; i++) {
        KeyValue *pair = (KeyValue *)(void *)pairs[i];

        if (pair->key.len == key.len && (key.len == 0 || memcmp(pair->key.data, key.data, key.len) == 0) &&
            !same_value(pair->value, value)) {
            pairs[i] = (ProtobufCMessage *)new_pair(key.data, key.len, copy_value(value));
            otc__otlp__key_value__free_unpacked(pair, NULL);
        }
    }
}

static void
edit_list(ProtobufCMessage *message, unsigned number, const struct plan *plan)
{
    size_t *n, before;
    ProtobufCMessage ***list = members(message, number, &n);
    ProtobufCBinaryData key = {0, NULL};
    AnyValue *value = NULL;

    before = *n;
    if (before > 0) {
        const KeyValue *pair = (const KeyValue *)(const void *)(*list)[plan->a % before];
        const KeyValue *from = (const KeyValue *)(const void *)(*list)[plan->b % before];

        key = copy_bytes(pair->key.data, pair->key.len);
        value = plan->deed == COPY ? copy_value(from->value) : text_value(plan->b % TEXT_MAX);
    }
    if (plan->deed == ADD || plan->deed == ADD_AND_REMOVE) {
        *list = realloc(*list, (before + 1) * sizeof(void *));
        (*list)[(*n)++] = (ProtobufCMessage *)new_pair(added, strlen(added), text_value(plan->b % TEXT_MAX));
    }
    if (before > 0 && (plan->deed == COPY || plan->deed == SET_TEXT)) {
        set_all(*list, *n, key, value);
    }
    for (size_t i = *n; before > 0 && (plan->deed == REMOVE || plan->deed == ADD_AND_REMOVE) && i-- > 0;) {
        const KeyValue *pair = (const KeyValue *)(const void *)(*list)[i];

        if (pair->key.len == key.len && (key.len == 0 || memcmp(pair->key.data, key.data, key.len) == 0)) {
            take_out(*list, n, i);
        }
    }
    free(key.data);
    if (value) {
        otc__otlp__any_value__free_unpacked(value, NULL);
    }
}

/* A resource or scope, which is made when it gets attributes. */
static void
edit_head(struct tree *tree, ProtobufCMessage *group, unsigned number, bool is_scope)
{
    struct plan plan = plan_of(tree->seed, tree->i++);
    ProtobufCMessage **head = member(group, 1);

    if (!*head && plan.deed != ADD && plan.deed != ADD_AND_REMOVE) {
        return;
    }
    if (!*head && is_scope) {
        *head = allocate(sizeof(Otc__Otlp__InstrumentationScope));
        otc__otlp__instrumentation_scope__init((Otc__Otlp__InstrumentationScope *)(void *)*head);
    } else if (!*head) {
        *head = allocate(sizeof(Otc__Otlp__Resource));
        otc__otlp__resource__init((Otc__Otlp__Resource *)(void *)*head);
    }
    edit_list(*head, number, &plan);
}

/* Members that carry attributes themselves; those that the plan drops are taken out. */
static void
edit_members(struct tree *tree, ProtobufCMessage *message, unsigned field, unsigned attributes, bool may_drop)
{
    size_t *n;
    ProtobufCMessage ***list = members(message, field, &n);

    for (size_t i = 0; i < *n;) {
        struct plan plan = plan_of(tree->seed, tree->i++);

        edit_list((*list)[i], attributes, &plan);
        if (may_drop && plan.drop) {
            take_out(*list, n, i);
        } else {
            i++;
        }
    }
}

/* True: all of its points were taken out. */
static bool
edit_metric(struct tree *tree, Otc__Otlp__Metric *metric)
{
    unsigned attributes = metric->data_case == OTC__OTLP__METRIC__DATA_HISTOGRAM               ? 9
                          : metric->data_case == OTC__OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM ? 1
                                                                                               : 7;
    ProtobufCMessage *data;
    size_t *n, before;

    tree->i++;
    if (metric->data_case == OTC__OTLP__METRIC__DATA__NOT_SET) {
        return false;
    }
    data = (ProtobufCMessage *)metric->gauge; /* the members of a union */
    (void)members(data, 1, &n);
    before = *n;
    edit_members(tree, data, 1, attributes, true);
    return before > 0 && *n == 0;
}

/* True: the item goes. */
static bool
edit_item(struct tree *tree, enum otc_signal signal, ProtobufCMessage *item)
{
    struct plan plan;

    if (signal == OTC_METRICS) {
        return edit_metric(tree, (Otc__Otlp__Metric *)(void *)item);
    }
    plan = plan_of(tree->seed, tree->i++);
    edit_list(item, signal == OTC_TRACES ? 9 : 6, &plan);
    if (signal == OTC_TRACES) {
        edit_members(tree, item, 11, 3, true);
        edit_members(tree, item, 13, 4, false);
    }
    return plan.drop;
}

/* Groups (level 0: resources, 1: scopes) and items below; true when all of them went. */
static bool
edit_level(struct tree *tree, enum otc_signal signal, ProtobufCMessage *message, unsigned level)
{
    size_t *n, before;
    ProtobufCMessage ***list = members(message, level == 0 ? 1 : 2, &n);

    before = *n;
    for (size_t i = 0; i < *n;) {
        bool goes;

        if (level == 2) {
            goes = edit_item(tree, signal, (*list)[i]);
        } else {
            edit_head(tree, (*list)[i], level == 0 ? 1 : 3, level == 1);
            goes = edit_level(tree, signal, (*list)[i], level + 1);
        }
        if (goes) {
            take_out(*list, n, i);
        } else {
            i++;
        }
    }
    return before > 0 && *n == 0;
}

/* ---- Both ---------------------------------------------------------------------------------------- */

static const ProtobufCMessageDescriptor *
descriptor_of(enum otc_signal signal)
{
    return signal == OTC_TRACES    ? &otc__otlp__export_trace_service_request__descriptor
           : signal == OTC_METRICS ? &otc__otlp__export_metrics_service_request__descriptor
                                   : &otc__otlp__export_logs_service_request__descriptor;
}

/* Whether a metric holds data of two kinds: the editor shows both, protobuf-c the last. */
static void
look_for_two_kinds(void *arg, const struct otc_edit_place *place)
{
    static const uint32_t kinds[] = {5, 7, 9, 10, 11};
    size_t n = 0;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct otc_slice rest = place->message, data;

        n += otc_messages_next(&rest, kinds[i], &data);
    }
    *(bool *)arg |= n > 1;
}

static bool
compare(ProtobufCMessage *tree, enum otc_signal signal, const uint8_t *edited, size_t len, char why[256])
{
    size_t want_len = protobuf_c_message_get_packed_size(tree), got_len = 0;
    ProtobufCMessage *got = protobuf_c_message_unpack(descriptor_of(signal), NULL, len, edited);
    uint8_t *want = allocate(want_len), *bytes = NULL;
    bool same = false;

    if (!got) {
        snprintf(why, 256, "protobuf-c does not read the edited request of %zu bytes", len);
    } else {
        got_len = protobuf_c_message_get_packed_size(got);
        bytes = allocate(got_len);
        (void)protobuf_c_message_pack(got, bytes);
        (void)protobuf_c_message_pack(tree, want);
        same = got_len == want_len && memcmp(bytes, want, want_len) == 0;
        snprintf(why, 256, "edited: %zu bytes, expected %zu", got_len, want_len);
        protobuf_c_message_free_unpacked(got, NULL);
    }
    free(bytes);
    free(want);
    return same;
}

static enum otc_oracle_answer
check(enum otc_signal signal, struct otc_slice request, uint64_t seed, bool *changed, char why[256])
{
    struct editing editing = {.seed = seed};
    struct tree tree = {.seed = seed};
    struct otc_error err = OTC_ERROR_INIT;
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor_of(signal), NULL, request.len, request.data);
    uint8_t *edited = NULL;
    size_t len = 0;
    bool same;

    if (!message) {
        abort();
    }
    (void)edit_level(&tree, signal, message, 0);
    otc_edit_init(&editing.edit);
    otc_edit_begin(&editing.edit, request);
    otc_edit_each(signal, request, ALL_KINDS, edit_place, &editing);
    *changed = otc_edit_changes(&editing.edit);
    if (editing.i != tree.i) {
        snprintf(why, 256, "%llu messages shown, %llu in the tree", (unsigned long long)editing.i,
                 (unsigned long long)tree.i);
        same = false;
    } else if (otc_edit_finish(&editing.edit, &edited, &len, &err) != OTC_OK) {
        snprintf(why, 256, "%.250s", err.text);
        same = false;
    } else {
        same = compare(message, signal, edited, len, why) &&
               (*changed || (len == request.len && (len == 0 || memcmp(edited, request.data, len) == 0)));
    }
    free(edited);
    otc_pairs_release(&editing.pairs);
    otc_edit_release(&editing.edit);
    protobuf_c_message_free_unpacked(message, NULL);
    return same ? OTC_ORACLE_AGREES : OTC_ORACLE_DISAGREES;
}

enum otc_oracle_answer
otc_edit_oracle_check(enum otc_signal signal, struct otc_slice request, uint64_t seed, bool *changed,
                      char why[256])
{
    enum otc_oracle_answer answer = otc_oracle_check(signal, request, NULL, why);
    bool two_kinds = false, ignored;

    if (answer != OTC_ORACLE_AGREES) {
        return answer;
    }
    if (signal == OTC_METRICS) {
        otc_edit_each(signal, request, OTC_EDIT_METRIC, look_for_two_kinds, &two_kinds);
    }
    return two_kinds ? OTC_ORACLE_INCOMPARABLE
                     : check(signal, request, seed, changed ? changed : &ignored, why);
}
