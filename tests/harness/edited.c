// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/edited.h"

#include "common/otlp/edit_each.h"
#include "common/otlp/json.h"
#include "common/otlp/value_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void
begin(struct otc_edited *edited, const struct otc_factory *factory, const struct otc_pair *pairs,
      size_t n_pairs, const char *yaml)
{
    struct otc_error err = OTC_ERROR_INIT;

    *edited = (struct otc_edited){.sink = otc_sink_new(), .text = {.limit = (size_t)1 << 20}};
    if (otc_rig_create_wired(&edited->rig, factory, yaml, pairs, n_pairs, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < n_pairs; i++) {
        enum otc_signal signal = pairs[i].from;
        const struct otc_component_ops *ops = edited->rig.component->ops;

        assert_int_equal(ops->connect(edited->rig.component, signal, otc_sink_consumer(edited->sink), &err),
                         OTC_OK);
        assert_true(ops->input(edited->rig.component, signal)->mutates_data);
    }
}

void
otc_edited_begin(struct otc_edited *edited, const struct otc_factory *factory, const char *yaml)
{
    begin(edited, factory, factory->pairs, factory->n_pairs, yaml);
}

void
otc_edited_begin_for(struct otc_edited *edited, const struct otc_factory *factory, enum otc_signal signal,
                     const char *yaml)
{
    const struct otc_pair pair = {signal, signal, OTC_STABILITY_BETA};

    begin(edited, factory, &pair, 1, yaml);
}

void
otc_edited_end(struct otc_edited *edited)
{
    otc_sink_free(edited->sink);
    otc_rig_free(&edited->rig);
    otc_buf_release(&edited->text);
}

/* ---- Attributes in ------------------------------------------------------------------------------ */

/* The end of a value: at a blank outside quotes. */
static const char *
value_end(const char *p)
{
    for (bool quoted = false; *p && (quoted || *p != ' '); p++) {
        quoted ^= *p == '\'';
    }
    return p;
}

static void
put_value(struct otc_buf *json, const char *text, int len)
{
    bool is_bool = strncmp(text, "true", 4) == 0 || strncmp(text, "false", 5) == 0;
    bool is_double = memchr(text, '.', (size_t)len) || memchr(text, 'e', (size_t)len);

    if (text[0] == '\'') {
        otc_buf_printf(json, "{\"stringValue\":\"%.*s\"}", len - 2, text + 1);
    } else if (strncmp(text, "nil", 3) == 0) {
        otc_buf_append_str(json, "{}");
    } else {
        otc_buf_printf(json, "{\"%s\":%.*s}",
                       is_bool     ? "boolValue"
                       : is_double ? "doubleValue"
                                   : "intValue",
                       len, text);
    }
}

void
otc_edited_attributes(struct otc_buf *json, const char *attributes)
{
    otc_buf_append_str(json, "\"attributes\":[");
    for (const char *p = attributes, *end; *p; p = *end ? end + 1 : end) {
        const char *equals = strchr(p, '=');

        assert_non_null(equals);
        end = value_end(equals);
        otc_buf_printf(json, "%s{\"key\":\"%.*s\",\"value\":", p == attributes ? "" : ",", (int)(equals - p),
                       p);
        put_value(json, equals + 1, (int)(end - equals - 1));
        otc_buf_append_str(json, "}");
    }
    otc_buf_append_str(json, "]");
}

/* ---- Attributes out ----------------------------------------------------------------------------- */

struct printing {
    struct otc_buf *out;
    bool items_alone;
};

static void
print(void *arg, const struct otc_edit_place *place)
{
    const struct printing *printing = arg;
    struct otc_buf *out = printing->out;
    const char *name = place->kind == OTC_EDIT_RESOURCE ? "resource"
                       : place->kind == OTC_EDIT_SCOPE  ? "scope"
                       : place->kind == OTC_EDIT_ITEM   ? "item"
                       : place->kind == OTC_EDIT_EVENT  ? "event"
                                                        : "link";
    bool is_group = place->kind == OTC_EDIT_RESOURCE || place->kind == OTC_EDIT_SCOPE;
    struct otc_slice rest = is_group ? otc_message_bytes(place->message, 1) : place->message, key;
    struct otc_value value;
    bool first = true;

    if (!printing->items_alone) {
        otc_buf_printf(out, "%s%s{", out->len > 0 ? " " : "", name);
    }
    while (otc_attributes_next(place->of, &rest, &key, &value)) {
        otc_buf_printf(out, "%s%.*s=", first ? "" : " ", OTC_SLICE_ARG(key));
        otc_buf_append_str(out, value.type == OTC_VALUE_STRING  ? "'"
                                : value.type == OTC_VALUE_EMPTY ? "nil"
                                                                : "");
        assert_true(otc_value_text(&value, out));
        otc_buf_append_str(out, value.type == OTC_VALUE_STRING ? "'" : "");
        first = false;
    }
    if (!printing->items_alone) {
        otc_buf_append_str(out, "}");
    }
}

static void
count_item(void *arg, const struct otc_edit_place *place)
{
    (void)place;
    (*(size_t *)arg)++;
}

static const char *
pass(struct otc_edited *edited, enum otc_signal signal, const char *json, struct otc_client *client,
     bool items_alone)
{
    struct otc_consumer *input = edited->rig.component->ops->input(edited->rig.component, signal);
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = (size_t)1 << 22};
    struct printing printing = {&edited->text, items_alone};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_batch *out;
    size_t items = 0;

    if (otc_json_to_protobuf(signal, otc_slice_str(json), 64, &bytes, &err) != OTC_OK) {
        fail_msg("%s: %s", err.text, json);
    }
    otc_edit_each(signal, otc_buf_slice(&bytes), OTC_EDIT_ITEM, count_item, &items);
    otc_sink_clear(edited->sink);
    otc_buf_clear(&edited->text);
    if (otc_consume(input, otc_batch_copy_of(signal, otc_buf_slice(&bytes), items, client), NULL, &err) !=
        OTC_OK) {
        fail_msg("%s", err.text);
    }
    out = otc_sink_batch(edited->sink, 0);
    if (!out) {
        return NULL;
    }
    for (size_t i = 0; i < otc_batch_parts(out); i++) {
        otc_edit_each(signal, otc_batch_part(out, i),
                      items_alone ? OTC_EDIT_ITEM
                                  : OTC_EDIT_RESOURCE | OTC_EDIT_SCOPE | OTC_EDIT_ITEM | OTC_EDIT_EVENT |
                                        OTC_EDIT_LINK,
                      print, &printing);
    }
    return otc_buf_cstr(&edited->text);
}

const char *
otc_edited_json(struct otc_edited *edited, enum otc_signal signal, const char *json,
                struct otc_client *client)
{
    return pass(edited, signal, json, client, false);
}

const char *
otc_edited_item(struct otc_edited *edited, enum otc_signal signal, const char *attributes)
{
    static const char *const around[OTC_N_SIGNALS][2] = {
        {"{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{", "}]}]}]}"},
        {"{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"m\",\"gauge\":{\"dataPoints\":["
         "{",
         "}]}}]}]}]}"},
        {"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{", "}]}]}]}"}};
    OTC_AUTO_BUF struct otc_buf json = {.limit = (size_t)1 << 20};

    otc_buf_append_str(&json, around[signal][0]);
    otc_edited_attributes(&json, attributes);
    otc_buf_append_str(&json, around[signal][1]);
    return pass(edited, signal, otc_buf_cstr(&json), NULL, true);
}
