// SPDX-License-Identifier: Apache-2.0
/* The editor against protobuf-c, on real requests and on our own; and what it leaves alone. */
#include "common/otlp/edit_each.h"
#include "common/otlp/edit_pairs.h"
#include "common/otlp/json.h"
#include "tests/fuzz/oracle/edit_oracle.h"
#include "tests/harness/data/testdata.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char spans[] =
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"
    "\"shop\"}}]},\"scopeSpans\":[{\"spans\":[{\"name\":\"one\",\"attributes\":[{\"key\":\"a\",\"value\":{"
    "\"stringValue\":\"x\"}},{\"key\":\"b\",\"value\":{\"intValue\":\"2\"}}],\"events\":[{\"name\":\"e\"}]},{"
    "\"name\":\"two\"}]}]},{\"scopeSpans\":[{\"spans\":[{\"name\":\"three\",\"attributes\":[{\"key\":\"a\","
    "\"value\":{\"boolValue\":true}}]}]}]}]}";

static struct otc_buf
request(const char *json)
{
    struct otc_buf out = {.limit = (size_t)1 << 20};
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_json_to_protobuf(OTC_TRACES, otc_slice_str(json), 64, &out, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return out;
}

/* ---- By hand ------------------------------------------------------------------------------------ */

struct deeds {
    struct otc_edit edit;
    struct otc_pairs pairs;
    void (*on)(struct deeds *deeds, const struct otc_edit_place *place);
    size_t n;
};

static void
show(void *arg, const struct otc_edit_place *place)
{
    struct deeds *deeds = arg;

    deeds->on(deeds, place);
    deeds->n++;
}

/* Edits `json` by `on` and expects `wanted`. */
static void
expect(const char *json, unsigned kinds, void (*on)(struct deeds *deeds, const struct otc_edit_place *place),
       const char *wanted)
{
    OTC_AUTO_BUF struct otc_buf before = request(json), want = request(wanted);
    struct deeds deeds = {.on = on};
    struct otc_error err = OTC_ERROR_INIT;
    uint8_t *out = NULL;
    size_t len;

    otc_edit_init(&deeds.edit);
    otc_edit_begin(&deeds.edit, otc_buf_slice(&before));
    otc_edit_each(OTC_TRACES, otc_buf_slice(&before), kinds, show, &deeds);
    if (otc_edit_finish(&deeds.edit, &out, &len, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(len, want.len);
    assert_memory_equal(out, want.data, len);
    free(out);
    otc_pairs_release(&deeds.pairs);
    otc_edit_release(&deeds.edit);
}

#define KEY(name) otc_slice_str(name)
#define TEXT(words) (&(struct otc_value){OTC_VALUE_STRING, {.slice = otc_slice_str(words)}})

static void
set_a(struct deeds *deeds, const struct otc_edit_place *place)
{
    otc_pairs_load(&deeds->pairs, &deeds->edit, place->of, place->message);
    (void)otc_pairs_update(&deeds->pairs, KEY("a"), TEXT("x"));
    otc_pairs_put(&deeds->pairs, KEY("c"), TEXT("new"));
    otc_pairs_commit(&deeds->pairs);
}

static void
attributes_are_set_and_added(void **state)
{
    (void)state;
    expect(
        spans, OTC_EDIT_ITEM, set_a,
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
        "\"stringValue\":\"shop\"}}]},\"scopeSpans\":[{\"spans\":[{\"name\":\"one\",\"attributes\":[{"
        "\"key\":\"a\",\"value\":{\"stringValue\":\"x\"}},{\"key\":\"b\",\"value\":{\"intValue\":\"2\"}},{"
        "\"key\":\"c\",\"value\":{\"stringValue\":\"new\"}}],\"events\":[{\"name\":\"e\"}]},{\"name\":"
        "\"two\",\"attributes\":[{\"key\":\"c\",\"value\":{\"stringValue\":\"new\"}}]}]}]},{\"scopeSpans\":"
        "[{\"spans\":[{\"name\":\"three\",\"attributes\":[{\"key\":\"a\",\"value\":{\"stringValue\":\"x\"}}"
        ",{\"key\":\"c\",\"value\":{\"stringValue\":\"new\"}}]}]}]}]}");
}

static void
set_resource(struct deeds *deeds, const struct otc_edit_place *place)
{
    otc_pairs_load_resource(&deeds->pairs, &deeds->edit, place->message);
    otc_pairs_put(&deeds->pairs, KEY("r"), TEXT("1"));
    otc_pairs_append(&deeds->pairs, KEY("gone"), TEXT("1"));
    otc_pairs_remove(&deeds->pairs, deeds->pairs.n - 1);
    otc_pairs_commit(&deeds->pairs);
}

static void
a_resource_is_made_where_there_is_none(void **state)
{
    (void)state;
    expect("{\"resourceSpans\":[{\"scopeSpans\":[{}]},{\"resource\":{\"droppedAttributesCount\":1}}]}",
           OTC_EDIT_RESOURCE, set_resource,
           "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"r\",\"value\":{\"stringValue\":"
           "\"1\"}}]},"
           "\"scopeSpans\":[{}]},{\"resource\":{\"droppedAttributesCount\":1,\"attributes\":[{\"key\":\"r\","
           "\"value\":{\"stringValue\":\"1\"}}]}}]}");
}

static void
drop_the_last(struct deeds *deeds, const struct otc_edit_place *place)
{
    if (deeds->n == 2) {
        otc_edit_drop(&deeds->edit, place->message, true);
    }
}

static void
what_is_emptied_goes_with_its_last_item(void **state)
{
    (void)state;
    expect(spans, OTC_EDIT_ITEM, drop_the_last,
           "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
           "\"stringValue\":\"shop\"}}]},\"scopeSpans\":[{\"spans\":[{\"name\":\"one\",\"attributes\":[{"
           "\"key\":\"a\",\"value\":{\"stringValue\":\"x\"}},{\"key\":\"b\",\"value\":{\"intValue\":\"2\"}}],"
           "\"events\":[{\"name\":\"e\"}]},{\"name\":\"two\"}]}]}]}");
}

static void
drop_all(struct deeds *deeds, const struct otc_edit_place *place)
{
    otc_edit_drop(&deeds->edit, place->message, true);
    /* Of no effect any more. */
    set_a(deeds, place);
}

static void
nothing_may_be_left(void **state)
{
    (void)state;
    expect(spans, OTC_EDIT_ITEM, drop_all, "{}");
}

static void
set_the_same(struct deeds *deeds, const struct otc_edit_place *place)
{
    otc_pairs_load(&deeds->pairs, &deeds->edit, place->of, place->message);
    for (size_t i = 0; i < deeds->pairs.n; i++) {
        struct otc_value value = deeds->pairs.items[i].value;

        assert_true(otc_pairs_update(&deeds->pairs, deeds->pairs.items[i].key, &value));
    }
    assert_false(otc_pairs_update(&deeds->pairs, KEY("nobody"), TEXT("x")));
    otc_pairs_commit(&deeds->pairs);
    assert_false(otc_edit_changes(&deeds->edit));
}

static void
setting_what_is_there_is_no_change(void **state)
{
    (void)state;
    expect(spans, OTC_EDIT_ITEM, set_the_same, spans);
}

static void
edits_may_come_in_any_order(void **state)
{
    OTC_AUTO_BUF struct otc_buf before = request(spans);
    struct otc_slice part = otc_buf_slice(&before), rest = part, group[2], scope[2], span[2];
    struct otc_error err = OTC_ERROR_INIT;
    OTC_AUTO_EDIT struct otc_edit edit;
    uint8_t *out;
    size_t len;

    (void)state;
    assert_true(otc_messages_next(&rest, 1, &group[0]) && otc_messages_next(&rest, 1, &group[1]));
    for (size_t i = 0; i < 2; i++) {
        rest = group[i];
        assert_true(otc_messages_next(&rest, 2, &scope[i]));
        rest = scope[i];
        assert_true(otc_messages_next(&rest, 2, &span[i]));
    }
    otc_edit_init(&edit);
    otc_edit_begin(&edit, part);
    /* The end of the second span is that of its scope and its group, too. */
    otc_edit_splice(&edit, part, otc_slice_of(part.data + part.len, 0),
                    (struct otc_slice)OTC_SLICE_LIT("\x0a\0"));
    otc_edit_splice(&edit, group[1], otc_slice_of(part.data + part.len, 0),
                    (struct otc_slice)OTC_SLICE_LIT("\x1a\1u"));
    otc_edit_splice(&edit, span[1], otc_slice_of(part.data + part.len, 0),
                    (struct otc_slice)OTC_SLICE_LIT("\x1a\1t"));
    otc_edit_drop(&edit, span[0], true);
    assert_int_equal(otc_edit_finish(&edit, &out, &len, &err), OTC_OK);
    OTC_AUTO_BUF struct otc_buf want = request(
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
        "\"stringValue\":"
        "\"shop\"}}]},\"scopeSpans\":[{\"spans\":[{\"name\":\"two\"}]}]},{\"scopeSpans\":[{\"spans\":[{"
        "\"name\":"
        "\"three\",\"attributes\":[{\"key\":\"a\",\"value\":{\"boolValue\":true}}],\"traceState\":\"t\"}]}],"
        "\"schemaUrl\":\"u\"},{}]}");
    assert_int_equal(len, want.len);
    assert_memory_equal(out, want.data, len);
    free(out);
}

static void
an_edit_beside_every_message_is_an_error(void **state)
{
    OTC_AUTO_BUF struct otc_buf before = request(spans);
    struct otc_error err = OTC_ERROR_INIT;
    OTC_AUTO_EDIT struct otc_edit edit;
    uint8_t *out;
    size_t len;

    (void)state;
    otc_edit_init(&edit);
    otc_edit_begin(&edit, otc_buf_slice(&before));
    otc_edit_drop(&edit, otc_slice_of(before.data + 1, 1), false);
    assert_int_equal(otc_edit_finish(&edit, &out, &len, &err), OTC_INTERNAL);
    assert_string_equal(err.text, "otlp: an edit lies in no message of the request");
}

/* ---- Against protobuf-c ------------------------------------------------------------------------- */

static void
check(const char *name, enum otc_signal signal, struct otc_slice part, uint64_t seed, size_t *n_changed)
{
    bool changed = false;
    char why[256];

    if (otc_edit_oracle_check(signal, part, seed, &changed, why) == OTC_ORACLE_DISAGREES) {
        fail_msg("%s, plan %llu: %s", name, (unsigned long long)seed, why);
    }
    *n_changed += changed;
}

static void
real_requests_are_edited_as_protobuf_c_edits_them(void **state)
{
    json_t *index;
    size_t i, n_changed = 0;
    const json_t *document;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    index = testdata_json("otlp/pb/index.json");
    json_array_foreach(json_object_get(index, "documents"), i, document)
    {
        const char *name = json_string_value(json_object_get(document, "pb"));
        const char *message = json_string_value(json_object_get(document, "message"));
        OTC_AUTO_BUF struct otc_buf bytes = {.limit = (size_t)1 << 24};
        char path[1024];
        FILE *file;

        testdata_path(name, path, sizeof(path));
        file = fopen(path, "rb");
        if (!file) {
            fail_msg("%s cannot be read", path);
        }
        for (int byte; (byte = fgetc(file)) != EOF;) {
            otc_buf_append_byte(&bytes, (uint8_t)byte);
        }
        fclose(file);
        for (uint64_t seed = 1; seed <= 20; seed++) {
            check(name,
                  strstr(message, "Trace")     ? OTC_TRACES
                  : strstr(message, "Metrics") ? OTC_METRICS
                                               : OTC_LOGS,
                  otc_buf_slice(&bytes), seed, &n_changed);
        }
    }
    assert_true(i > 100 && n_changed > 1500);
    json_decref(index);
}

static void
our_own_requests_are_too(void **state)
{
    OTC_AUTO_BUF struct otc_buf bytes = request(spans);
    size_t n_changed = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        check("spans", OTC_TRACES, otc_buf_slice(&bytes), seed, &n_changed);
    }
    assert_true(n_changed > 1900);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_are_set_and_added),
        cmocka_unit_test(a_resource_is_made_where_there_is_none),
        cmocka_unit_test(what_is_emptied_goes_with_its_last_item),
        cmocka_unit_test(nothing_may_be_left),
        cmocka_unit_test(setting_what_is_there_is_no_change),
        cmocka_unit_test(edits_may_come_in_any_order),
        cmocka_unit_test(an_edit_beside_every_message_is_an_error),
        cmocka_unit_test(our_own_requests_are_too),
        cmocka_unit_test(real_requests_are_edited_as_protobuf_c_edits_them),
    };

    return cmocka_run_group_tests_name("common/otlp/edit", tests, NULL, NULL);
}
