// SPDX-License-Identifier: Apache-2.0
#include "common/config/document.h"
#include "common/config/schema.h"
#include "common/config/suggest.h"
#include "tests/unit/common/config/vectors.h"

struct inner {
    int64_t size;
    char *name;
};
static const struct otc_field inner_fields[] = {
    OTC_FIELD(inner, size, .def = "3", .min = "1", .doc = "How much."),
    OTC_FIELD(inner, name, .doc = "Who."),
    OTC_FIELD_END,
};
static const struct otc_schema inner_schema = OTC_SCHEMA(inner, inner_fields, "An inner thing.");

struct window {
    otc_duration length;
    otc_duration pane;
};
static const struct otc_field window_fields[] = {
    OTC_FIELD(window, length, .def = "1h", .min = "1s", .doc = "Length."),
    OTC_FIELD(window, pane, .def = "5m", .doc = "Pane."),
    OTC_FIELD_END,
};

static otc_status
check_window(const void *value, struct otc_error *err)
{
    const struct window *w = value;

    return w->length.ns < w->pane.ns
               ? otc_fail(err, OTC_INVALID_ARGUMENT, "pane: must not be longer than length")
               : OTC_OK;
}

static const struct otc_schema window_schema = {.size = sizeof(struct window),
                                                .fields = window_fields,
                                                .doc = "A window.",
                                                .check = check_window,
                                                .scalar_key = "length"};

static const char *const colours[] = {"red", "green", "false", NULL};
static const char *const tests_allowed[] = {"ks", "psi", NULL};

struct all {
    bool flag;
    int64_t count;
    double ratio;
    char *text;
    otc_duration wait;
    otc_bytes memory;
    otc_choice colour;
    otc_secret token;
    otc_strings list;
    otc_strings picked;
    otc_headers headers;
    otc_numbers effect;
    otc_list items;
    struct inner inner;
    struct inner *maybe;
    struct inner *never;
    struct inner *usually;
    struct window window;
    int64_t k, n;
    bool idle;
};

/* "2 of 3" into two members. */
static otc_status
parse_of(const struct otc_node *node, void *member, struct otc_config *owner, struct otc_error *err)
{
    struct all *all = (struct all *)(void *)((char *)member - offsetof(struct all, k));
    char text[32];
    long long k, n;

    (void)owner;
    vectors_text(node, text, sizeof(text));
    if (sscanf(text, "%lld of %lld", &k, &n) != 2) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "must be \"k of n\", got \"%s\"", text);
    }
    all->k = k;
    all->n = n;
    return OTC_OK;
}

static const struct otc_field fields[] = {
    OTC_FIELD(all, flag, .doc = "A flag."),
    OTC_FIELD(all, count, .def = "10", .min = "2", .max = "1000", .deprecated_key = "number",
              .doc = "A count."),
    OTC_FIELD(all, ratio, .def = "0.5", .min = "0", .max = "1", .doc = "A | share."),
    OTC_FIELD(all, text, .def = "hello", .doc = "A text."),
    OTC_FIELD(all, wait, .def = "5s", .min = "0s", .doc = "A time."),
    OTC_FIELD(all, memory, .def = "256MiB", .max = "1GiB", .doc = "Bytes."),
    OTC_FIELD(all, colour, .def = "green", .choices = colours, .doc = "A colour."),
    OTC_FIELD(all, token, .doc = "A secret."),
    OTC_FIELD(all, list, .def = "a,b", .doc = "Names."),
    OTC_FIELD(all, picked, .def = "[ks, psi]", .choices = tests_allowed, .min = "1", .doc = "Tests."),
    OTC_FIELD(all, headers, .doc = "Headers."),
    OTC_FIELD(all, effect, .def = "{ks: 0.1}", .choices = tests_allowed, .doc = "Effects."),
    OTC_FIELD(all, items, .sub = &inner_schema, .doc = "Things."),
    OTC_FIELD_STRUCT(all, inner, inner_schema, .doc = "One thing."),
    OTC_FIELD_OPTIONAL(all, maybe, inner_schema, .doc = "Maybe a thing."),
    OTC_FIELD_OPTIONAL(all, never, inner_schema, .null_is_absent = true, .doc = "Nothing by itself."),
    OTC_FIELD_OPTIONAL(all, usually, inner_schema, .on_by_default = true, .doc = "Usually a thing."),
    OTC_FIELD_STRUCT(all, window, window_schema, .doc = "The window."),
    {.key = "of",
     .type = OTC_TYPE_STRING,
     .offset = offsetof(struct all, k),
     .def = "2 of 3",
     .parse = parse_of,
     .doc = "How many."},
    OTC_FIELD(all, idle, .inert = true, .doc = "Idle."),
    OTC_FIELD_END,
};
static const struct otc_schema schema = OTC_SCHEMA(all, fields, "Everything.");

struct decoded {
    struct otc_document *doc;
    struct otc_config *config;
    const struct all *all;
};

static struct decoded
decode(const char *text)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct decoded d = {0};

    if (otc_document_parse(otc_slice_str(text), "c.yaml", &d.doc, &err) != OTC_OK ||
        otc_config_decode(&schema, otc_document_root(d.doc), "processors::x", &d.config, &err) != OTC_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    d.all = otc_config_value(d.config);
    return d;
}

static void
release(struct decoded *d)
{
    otc_config_free(d->config);
    otc_document_free(d->doc);
}

static void
defaults_go_through_the_same_parser(void **state)
{
    struct decoded d = decode("");
    const struct all *a = d.all;

    (void)state;
    assert_false(a->flag);
    assert_int_equal(a->count, 10);
    assert_true(a->ratio == 0.5);
    assert_string_equal(a->text, "hello");
    assert_int_equal(a->wait.ns, 5 * OTC_SECOND);
    assert_int_equal(a->memory.n, 256 << 20);
    assert_int_equal(a->colour.index, 1);
    assert_null(a->token.text);
    assert_int_equal(a->list.n, 2);
    assert_string_equal(a->list.items[1], "b");
    assert_int_equal(a->picked.n, 2);
    assert_int_equal(a->headers.n, 0);
    assert_int_equal(a->effect.n, 1);
    assert_true(a->effect.items[0].value == 0.1);
    assert_int_equal(a->inner.size, 3);
    assert_null(a->maybe);
    assert_non_null(a->usually);
    assert_int_equal(a->usually->size, 3);
    assert_int_equal(a->window.length.ns, OTC_HOUR);
    assert_int_equal(a->k, 2);
    assert_int_equal(a->n, 3);
    release(&d);
}

static void
values_are_read(void **state)
{
    struct decoded d = decode(
        "flag: true\nnumber: 20\nratio: 1\ntext: ''\nwait: 1h30m\nmemory: 2KiB\ncolour: RED\ntoken: hush\n"
        "list: [x]\npicked: psi\nheaders: [{name: a, value: b}, {name: 'can you have a . here?', value: c}]\n"
        "effect: {psi: 2}\nitems: [{size: 1}, ~, {name: n}]\ninner: {size: 9}\nmaybe:\nusually: {enabled: "
        "false}\n"
        "window: 10m\nof: 3 of 4\nidle: true\n");
    const struct all *a = d.all;
    const struct inner *items = a->items.items;
    const struct otc_config_note *note = otc_config_notes(d.config);

    (void)state;
    assert_true(a->flag);
    assert_int_equal(a->count, 20);
    assert_true(a->ratio == 1);
    assert_string_equal(a->text, "");
    assert_int_equal(a->wait.ns, 90 * OTC_MINUTE);
    assert_int_equal(a->memory.n, 2048);
    assert_int_equal(a->colour.index, 0);
    assert_string_equal(a->token.text, "hush");
    assert_int_equal(a->list.n, 1);
    assert_string_equal(a->picked.items[0], "psi");
    assert_int_equal(a->headers.n, 2);
    assert_string_equal(a->headers.items[1].name, "can you have a . here?");
    assert_string_equal(a->effect.items[0].key, "psi");
    assert_int_equal(a->items.n, 3);
    assert_int_equal(items[0].size, 1);
    assert_int_equal(items[1].size, 3);
    assert_string_equal(items[2].name, "n");
    assert_int_equal(a->inner.size, 9);
    assert_non_null(a->maybe);
    assert_null(a->usually);
    assert_int_equal(a->window.length.ns, 10 * OTC_MINUTE);
    assert_int_equal(a->n, 4);
    assert_int_equal(note->level, OTC_LOG_WARN);
    assert_string_equal(note->text,
                        "processors::x::count: \"number\" is deprecated, use \"count\" instead (c.yaml:2:1)");
    assert_string_equal(note->next->text, "processors::x::idle: accepted, without effect here (c.yaml:19:1)");
    assert_null(note->next->next);
    release(&d);
}

static void
numbers_as_durations_are_noted(void **state)
{
    struct decoded d = decode("number: 4\nwait: 30\nwindow: {length: 5s, pane: 0}\n");
    const struct otc_config_note *note = otc_config_notes(d.config)->next;

    (void)state;
    assert_int_equal(d.all->wait.ns, 30);
    assert_int_equal(note->level, OTC_LOG_WARN);
    assert_string_equal(note->text, "processors::x::wait: 30 without a unit means nanoseconds; write \"30s\" "
                                    "for seconds (c.yaml:2:1)");
    assert_null(note->next);
    release(&d);
}

static void
nulls_keep_defaults(void **state)
{
    struct decoded d = decode("count:\nlist:\nwait: ~\nwindow:\ncolour: null\nof:\n");

    (void)state;
    assert_int_equal(d.all->count, 10);
    assert_int_equal(d.all->list.n, 2);
    assert_int_equal(d.all->wait.ns, 5 * OTC_SECOND);
    assert_int_equal(d.all->window.length.ns, OTC_HOUR);
    assert_int_equal(d.all->n, 3);
    release(&d);
    d = decode("list: []\nheaders: {a: b}\nwait: 7\nmemory: 12\ncolour: false\ncount: 2.0\n");
    assert_int_equal(d.all->list.n, 0);
    assert_string_equal(d.all->headers.items[0].value, "b");
    assert_int_equal(d.all->wait.ns, 7);
    assert_int_equal(d.all->memory.n, 12);
    assert_int_equal(d.all->colour.index, 2);
    assert_int_equal(d.all->count, 2);
    release(&d);
}

/* A section that is written and empty is there; one of the Collector's without defaults needs something. */
static void
null_sections_are_there_or_not(void **state)
{
    struct decoded d = decode("maybe:\nnever:\nusually:\n");

    (void)state;
    assert_non_null(d.all->maybe);
    assert_null(d.all->never);
    assert_non_null(d.all->usually);
    release(&d);
    d = decode("maybe: ~\nnever: {}\n");
    assert_non_null(d.all->maybe);
    assert_non_null(d.all->never);
    release(&d);
}

#define FAILED "decoding failed due to the following error(s):\n\n"

static const struct {
    const char *text;
    otc_status status;
    const char *error;
} errors[] = {
    {"flag: t", OTC_INVALID_ARGUMENT,
     FAILED "'flag' expected type 'bool', got unconvertible type 'string' (c.yaml:1:1)"},
    {"flag: yes", OTC_INVALID_ARGUMENT, "'flag' expected type 'bool', got unconvertible type 'string'"},
    {"count: '5'", OTC_INVALID_ARGUMENT, "'count' expected type 'int', got unconvertible type 'string'"},
    {"count: 2.5", OTC_INVALID_ARGUMENT, "'count' expected type 'int', got unconvertible type 'float64'"},
    {"text: 5", OTC_INVALID_ARGUMENT, "'text' expected type 'string', got unconvertible type 'int'"},
    {"text: {a: b}", OTC_INVALID_ARGUMENT, "'text' expected type 'string', got unconvertible type 'map'"},
    {"wait: x", OTC_INVALID_ARGUMENT, "'wait' time: invalid duration \"x\""},
    {"wait: '5'", OTC_INVALID_ARGUMENT, "'wait' time: "},
    {"memory: 5TB", OTC_INVALID_ARGUMENT,
     "'memory' invalid size \"5TB\" (a number of bytes, or with KiB, MiB, GiB, KB, MB, GB)"},
    {"memory: 99999999999GiB", OTC_INVALID_ARGUMENT, "'memory' invalid size"},
    {"colour: blue", OTC_INVALID_ARGUMENT,
     "'colour' unknown value \"blue\" (valid values: [red green false])"},
    {"picked: [ks, t]", OTC_INVALID_ARGUMENT,
     "'picked' item 1: unknown value \"t\" (valid values: [ks psi])"},
    {"list: {a: b}", OTC_INVALID_ARGUMENT, "'list' source data must be an array or slice, got map"},
    {"list: [1]", OTC_INVALID_ARGUMENT,
     "'list' item 0: expected type 'string', got unconvertible type 'int'"},
    {"headers: [{name: a, value: x}, {name: a, value: y}]", OTC_INVALID_ARGUMENT,
     "'headers' duplicate keys in map-style list: [a]"},
    {"headers: {a: 1}", OTC_INVALID_ARGUMENT,
     "'headers' a: expected type 'string', got unconvertible type 'int'"},
    {"effect: {chi: 1}", OTC_INVALID_ARGUMENT, "'effect' chi: unknown value \"chi\""},
    {"effect: {ks: x}", OTC_INVALID_ARGUMENT, "'effect' ks: expected type 'float64'"},
    {"items: {a: 1}", OTC_INVALID_ARGUMENT, "'items' source data must be an array or slice, got map"},
    {"items: [{size: 1}, {sice: 2}]", OTC_INVALID_ARGUMENT,
     "'items[1]' has invalid keys: sice (did you mean \"size\"?) (c.yaml:1:21)"},
    {"inner: 5", OTC_INVALID_ARGUMENT, "'inner' expected a map or struct, got \"int\""},
    {"zz: 1\naa: 2", OTC_INVALID_ARGUMENT, "'' has invalid keys: aa, zz (c.yaml:2:1)"},
    {"Flag: true", OTC_INVALID_ARGUMENT, "'' has invalid keys: Flag"},
    {"maybe: {enabled: x}", OTC_INVALID_ARGUMENT,
     "'maybe' unexpected type string for 'enabled': got 'x' value expected 'true' or 'false'"},
    {"of: many", OTC_INVALID_ARGUMENT, "'of' must be \"k of n\", got \"many\" (c.yaml:1:1)"},
    {"count: 5\nnumber: 6", OTC_INVALID_ARGUMENT,
     "'count' is set twice: \"number\" is the former name of \"count\""},
    {"flag: 1\ncount: x", OTC_INVALID_ARGUMENT, "(c.yaml:1:1)\n'count' expected type 'int'"},
    {"x", OTC_INVALID_ARGUMENT, "expected type 'map[string]interface {}', got unconvertible type 'string'"},
    {"count: 1", OTC_FAILED_PRECONDITION,
     "processors::x::count: must be between 2 and 1000, got 1 (c.yaml:1:1)"},
    {"ratio: .nan", OTC_FAILED_PRECONDITION, "processors::x::ratio: must be between 0 and 1, got .nan"},
    {"wait: -1s", OTC_FAILED_PRECONDITION, "processors::x::wait: must be at least 0s, got -1s"},
    {"memory: 2GiB", OTC_FAILED_PRECONDITION, "processors::x::memory: must be at most 1GiB, got 2GiB"},
    {"picked: []", OTC_FAILED_PRECONDITION, "processors::x::picked: must be at least 1, got 0 items"},
    {"items: [{}, {size: 0}]", OTC_FAILED_PRECONDITION,
     "processors::x::items::1::size: must be at least 1, got 0 (c.yaml:1:14)"},
    {"window: {length: 1m}", OTC_FAILED_PRECONDITION,
     "processors::x::window::pane: must not be longer than length (c.yaml:1:1)"},
    {"window: {length: 0s}", OTC_FAILED_PRECONDITION,
     "processors::x::window::length: must be at least 1s, got 0s"},
};

static void
wrong_values_are_refused_with_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_document *doc = NULL;
        struct otc_config *config = NULL;
        otc_status status;

        assert_int_equal(otc_document_parse(otc_slice_str(errors[i].text), "c.yaml", &doc, &err), OTC_OK);
        status = otc_config_decode(&schema, otc_document_root(doc), "processors::x", &config, &err);
        if (status != errors[i].status || strstr(err.text, errors[i].error) == NULL) {
            fail_msg("%s\nexpected %d: %s\ngot      %d: %s", errors[i].text, errors[i].status,
                     errors[i].error, status, err.text);
        }
        assert_null(config);
        otc_document_free(doc);
    }
}

struct needy {
    char *endpoint;
};
static const struct otc_field needy_fields[] = {
    OTC_FIELD(needy, endpoint, .required = true, .doc = "Where."),
    OTC_FIELD_END,
};
static const struct otc_schema needy_schema = OTC_SCHEMA(needy, needy_fields, "Needs.");

static void
required_settings_are_asked_for(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_config *config = NULL;

    (void)state;
    assert_int_equal(otc_config_decode(&needy_schema, NULL, "exporters::e", &config, &err),
                     OTC_FAILED_PRECONDITION);
    assert_string_equal(err.text, "exporters::e: requires a non-empty \"endpoint\"");
}

struct numbers {
    int64_t count;
    double ratio;
    otc_duration wait;
    otc_bytes memory;
    bool flag;
    otc_choice colour;
    otc_numbers effect;
};
#define NEEDED(member, ...)                                                                                  \
    static const struct otc_field member##_fields[] = {                                                      \
        OTC_FIELD(numbers, member, .required = true, .doc = "Needed.", ##__VA_ARGS__), OTC_FIELD_END};       \
    static const struct otc_schema member##_schema = OTC_SCHEMA(numbers, member##_fields, "Needs one.")
NEEDED(count);
NEEDED(ratio, .deprecated_key = "share");
NEEDED(wait);
NEEDED(memory);
NEEDED(flag);
NEEDED(colour, .choices = colours);
NEEDED(effect);

/* Zero and false are values; a null, an empty map and nothing are none. */
static void
required_numbers_are_asked_for(void **state)
{
    static const struct {
        const struct otc_schema *schema;
        const char *yaml;
        bool ok;
    } cases[] = {{&count_schema, "{}", false},
                 {&count_schema, "count: null", false},
                 {&count_schema, "count: 0", true},
                 {&ratio_schema, "{}", false},
                 {&ratio_schema, "ratio: 0", true},
                 {&ratio_schema, "share: 0.5", true},
                 {&wait_schema, "{}", false},
                 {&wait_schema, "wait: 0s", true},
                 {&memory_schema, "{}", false},
                 {&memory_schema, "memory: 0", true},
                 {&flag_schema, "{}", false},
                 {&flag_schema, "flag: false", true},
                 {&colour_schema, "{}", false},
                 {&colour_schema, "colour: red", true},
                 {&effect_schema, "{}", false},
                 {&effect_schema, "effect: {}", false},
                 {&effect_schema, "effect: {ks: 0}", true}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_document *doc = NULL;
        struct otc_config *config = NULL;
        struct otc_error err = OTC_ERROR_INIT;

        assert_int_equal(otc_document_parse(otc_slice_str(cases[i].yaml), "t", &doc, NULL), OTC_OK);
        assert_int_equal(
            otc_config_decode(cases[i].schema, otc_document_root(doc), "exporters::e", &config, &err),
            cases[i].ok ? OTC_OK : OTC_FAILED_PRECONDITION);
        assert_true(cases[i].ok || strstr(err.text, "exporters::e: requires ") != NULL);
        otc_config_free(config);
        otc_document_free(doc);
    }
}

static void
decoded_values_print_with_secrets_redacted(void **state)
{
    struct decoded d =
        decode("token: hush\nheaders: {authorization: Bearer hush}\ntext: '0123'\nratio: 0.25\n"
               "window: 10m\nof: 1 of 2\nusually: {enabled: false}\n");
    struct otc_buf out = {.limit = 65536};
    const struct otc_node *printed = otc_config_describe(&schema, d.all, otc_document_root(d.doc), d.doc);
    struct otc_document *again = NULL;

    (void)state;
    assert_non_null(printed);
    assert_true(otc_node_print(printed, OTC_CONFIG_YAML, &out));
    assert_null(strstr(otc_buf_cstr(&out), "hush"));
    assert_non_null(strstr(otc_buf_cstr(&out), "token: \"[REDACTED]\"\n"));
    assert_non_null(strstr(otc_buf_cstr(&out), "    authorization: \"[REDACTED]\"\n"));
    assert_non_null(strstr(otc_buf_cstr(&out), "text: \"0123\"\n"));
    assert_non_null(strstr(otc_buf_cstr(&out), "of: \"1 of 2\"\n"));
    /* What is off stays off when the output is loaded again. */
    assert_null(strstr(otc_buf_cstr(&out), "maybe"));
    assert_non_null(strstr(otc_buf_cstr(&out), "usually:\n    enabled: false\n"));
    assert_int_equal(otc_document_parse(otc_buf_slice(&out), "again", &again, NULL), OTC_OK);
    assert_true(vectors_equal(otc_document_root(again), printed));
    otc_document_free(again);
    otc_buf_clear(&out);
    again = NULL;
    assert_true(otc_node_print(printed, OTC_CONFIG_JSON, &out));
    assert_int_equal(otc_document_parse(otc_buf_slice(&out), "again", &again, NULL), OTC_OK);
    assert_true(vectors_equal(otc_document_root(again), printed));
    otc_document_free(again);
    otc_buf_release(&out);
    release(&d);
}

static void
tables_hold_every_setting(void **state)
{
    struct otc_buf out = {.limit = 65536};
    const char *text;

    (void)state;
    assert_true(otc_schema_table(&schema, &out));
    text = otc_buf_cstr(&out);
    assert_non_null(strstr(text, "| `count` | int | `10` | A count. From 2 to 1000. Formerly `number`. |\n"));
    assert_non_null(strstr(text, "| `ratio` | number | `0.5` | A \\| share. From 0 to 1. |\n"));
    assert_non_null(strstr(text, "| `colour` | `red` `green` `false` | `green` | A colour. |\n"));
    assert_non_null(strstr(text, "| `items[].size` | int | `3` | How much. At least 1. |\n"));
    assert_non_null(strstr(text, "| `maybe` | section | off | Maybe a thing. |\n"));
    assert_non_null(strstr(text, "| `idle` | bool | `false` | Idle. Accepted, without effect here. |\n"));
    otc_buf_release(&out);
}

static void
misspellings_are_recognised(void **state)
{
    struct otc_suggestion s = {0};

    (void)state;
    otc_suggest(&s, otc_slice_str("endpiont"), "transport");
    assert_null(s.best);
    otc_suggest(&s, otc_slice_str("endpiont"), "endpoint");
    otc_suggest(&s, otc_slice_str("endpiont"), "endpoints");
    assert_string_equal(s.best, "endpoint");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_go_through_the_same_parser),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(numbers_as_durations_are_noted),
        cmocka_unit_test(nulls_keep_defaults),
        cmocka_unit_test(null_sections_are_there_or_not),
        cmocka_unit_test(wrong_values_are_refused_with_their_place),
        cmocka_unit_test(required_settings_are_asked_for),
        cmocka_unit_test(required_numbers_are_asked_for),
        cmocka_unit_test(decoded_values_print_with_secrets_redacted),
        cmocka_unit_test(tables_hold_every_setting),
        cmocka_unit_test(misspellings_are_recognised),
    };

    return cmocka_run_group_tests_name("common/config/decode", tests, NULL, NULL);
}
