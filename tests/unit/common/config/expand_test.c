// SPDX-License-Identifier: Apache-2.0
#include "common/config/schema.h"
#include "tests/unit/common/config/vectors.h"

#include <unistd.h>

/* Variables from a map node; a name in `extra` wins. */
struct variables {
    const struct otc_node *map;
    const char *extra_name;
    const char *extra_value;
    bool indirect;
    char value[2048];
};

static const char *
get(void *arg, const char *name)
{
    struct variables *v = arg;
    const struct otc_node *node;

    if (v->extra_name != NULL && strcmp(name, v->extra_name) == 0) {
        return v->extra_value;
    }
    if (v->indirect && strcmp(name, "ENV") == 0) {
        return "${env:ENV2}";
    }
    if (strcmp(name, "DOUBLE") == 0) {
        return "${env:DOUBLE}${env:DOUBLE}";
    }
    if (strcmp(name, "ENV_VALUE") == 0 && v->map == NULL) {
        return "testreceiver";
    }
    node = otc_node_get(v->map, name);
    return node != NULL ? vectors_text(node, v->value, sizeof(v->value)) : NULL;
}

static void
expansion_vectors(void **state)
{
    struct otc_document *vectors = vectors_load("../vectors/collector/confmap_expand.json");
    size_t n = 0;

    (void)state;
    if (vectors == NULL) {
        skip();
    }
    for (const struct otc_node *c = otc_node_get(otc_document_root(vectors), "cases")->first; c;
         c = c->next) {
        struct variables v = {.map = otc_node_get(otc_document_root(vectors), "env")};
        struct otc_environment env = {get, &v};
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_document *doc = NULL;
        const struct otc_node *got;
        char value[512], text[600];

        snprintf(text, sizeof(text), "yaml:test: \"%s\"",
                 vectors_text(otc_node_get(c, "yaml_double_quoted_value"), value, sizeof(value)));
        if (otc_document_load((const char *[]){text}, 1, &env, &doc, &err) != OTC_OK) {
            fail_msg("%s: %s", value, err.text);
        }
        got = otc_node_get(otc_document_root(doc), "test");
        if (!vectors_equal(got, otc_node_get(c, "expect"))) {
            fail_msg("%s became %.*s", value, OTC_SLICE_ARG(got->text));
        }
        otc_document_free(doc);
        n++;
    }
    assert_int_equal(n, 22);
    otc_document_free(vectors);
}

struct target {
    int64_t as_int;
    char *as_string;
    bool as_bool;
    otc_strings as_slice;
};

static const struct otc_field int_fields[] = {OTC_FIELD_AS(target, as_int, "field"), OTC_FIELD_END};
static const struct otc_field string_fields[] = {OTC_FIELD_AS(target, as_string, "field"), OTC_FIELD_END};
static const struct otc_field bool_fields[] = {OTC_FIELD_AS(target, as_bool, "field"), OTC_FIELD_END};
static const struct otc_field slice_fields[] = {OTC_FIELD_AS(target, as_slice, "field"), OTC_FIELD_END};

static const struct otc_schema schemas[] = {
    OTC_SCHEMA(target, int_fields, "int"),       OTC_SCHEMA(target, string_fields, "string"),
    OTC_SCHEMA(target, bool_fields, "bool"),     OTC_SCHEMA(target, slice_fields, "slice"),
    OTC_SCHEMA(target, string_fields, "inline"),
};

static const struct otc_schema *
schema_for(const char *name)
{
    for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
        if (strcmp(schemas[i].doc, name) == 0) {
            return &schemas[i];
        }
    }
    fail_msg("no target %s", name);
    return NULL;
}

static void
check_target(const struct otc_schema *schema, const struct target *got, const struct otc_node *expect,
             const char *label)
{
    char text[512];

    if (schema->fields == int_fields) {
        assert_int_equal(got->as_int, expect->integer);
    } else if (schema->fields == bool_fields) {
        assert_int_equal(got->as_bool, expect->boolean);
    } else if (schema->fields == slice_fields) {
        const struct otc_node *item = expect->first;

        assert_int_equal(got->as_slice.n, expect->n);
        for (size_t i = 0; i < got->as_slice.n; i++, item = item->next) {
            assert_string_equal(got->as_slice.items[i], vectors_text(item, text, sizeof(text)));
        }
    } else if (got->as_string == NULL ||
               strcmp(got->as_string, vectors_text(expect, text, sizeof(text))) != 0) {
        fail_msg("%s: got \"%s\"", label, got->as_string != NULL ? got->as_string : "(null)");
    }
}

/* One case of confmap_types.json; `indirect`: ENV=${env:ENV2}, ENV2=<value>. */
static void
run_type_case(const struct otc_node *c, bool indirect)
{
    char value[512], target[32], expected[512];
    struct variables v = {.extra_name = indirect ? "ENV2" : "ENV", .indirect = indirect};
    struct otc_environment env = {get, &v};
    const struct otc_node *error = otc_node_get(c, "error");
    const struct otc_schema *schema;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    struct otc_config *config = NULL;
    const char *text;
    otc_status status;

    v.extra_value = vectors_text(otc_node_get(c, "env_value"), value, sizeof(value));
    schema = schema_for(vectors_text(otc_node_get(c, "target"), target, sizeof(target)));
    if (strcmp(target, "inline") == 0) {
        text = "yaml:field: \"inline field with ${env:ENV} expansion\"";
    } else {
        text = "yaml:field: ${env:ENV}";
    }
    status = otc_document_load((const char *[]){text}, 1, &env, &doc, &err);
    if (status == OTC_OK) {
        status = otc_config_decode(schema, otc_document_root(doc), "", &config, &err);
    }
    if (error->kind == OTC_NODE_NULL) {
        if (status != OTC_OK) {
            fail_msg("%s as %s: %s", value, target, err.text);
        }
        check_target(schema, otc_config_value(config), otc_node_get(c, "expect"), value);
    } else {
        const char *want = vectors_text(error, expected, sizeof(expected));

        want += strncmp(want, "RESOLVE: ", 9) == 0 ? 9 : 0;
        assert_int_not_equal(status, OTC_OK);
        if (strstr(err.text, want) == NULL) {
            fail_msg("%s as %s: expected \"%s\", got \"%s\"", value, target, want, err.text);
        }
    }
    otc_config_free(config);
    otc_document_free(doc);
}

static void
type_vectors(void **state)
{
    struct otc_document *vectors = vectors_load("../vectors/collector/confmap_types.json");
    size_t n = 0;

    (void)state;
    if (vectors == NULL) {
        skip();
    }
    for (const struct otc_node *c = otc_node_get(otc_document_root(vectors), "cases")->first; c;
         c = c->next) {
        run_type_case(c, false);
        run_type_case(c, true);
        n++;
    }
    assert_int_equal(n, 37);
    otc_document_free(vectors);
}

static void
bad_references_are_refused(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"yaml:a: ${env:1x}", "environment variable \"1x\" has invalid name: must match regex"},
        {"yaml:a: ${env:}", "environment variable \"\" has invalid name"},
        {"yaml:a: ${s3:bucket}", "scheme \"s3\" is not supported for uri \"s3:bucket\""},
        {"yaml:a: ${env:LOOP}", "too many recursive expansions"},
        {"yaml:a: ${env:LOOP}x", "too many recursive expansions"},
        {"yaml:a: ${env:DOUBLE}", "is longer than"},
        {"yaml:a: ${file:/nonexistent/x}", "unable to read the file file:/nonexistent/x"},
        {"yaml:a: ${file:/dev/zero}", "not a regular file"},
        {"yaml:a: \"${a$b:x}\"", "invalid uri"},
        {"/nonexistent/config.yaml", "cannot retrieve the configuration: unable to read the file file:"},
        {"/dev/zero", "not a regular file"},
        {"/tmp", "not a regular file"},
        {"http://localhost/c.yaml", "scheme \"http\" is not supported"},
        {"https://localhost/c.yaml",
         "scheme \"https\" is not supported for uri \"https://localhost/c.yaml\""},
        {"s3uri:bucket/c.yaml", "scheme \"s3uri\" is not supported for uri \"s3uri:bucket/c.yaml\""},
        {"C:\\c.yaml", "unable to read the file file:C:\\c.yaml"},
        {"env:1", "has invalid name"},
        {"yaml:[1]", "retrieved value (type=slice) cannot be used as a Conf"},
        {"yaml:a: [", "cannot retrieve the configuration: yaml:2:1: while parsing a flow node"},
    };
    struct variables v = {.extra_name = "LOOP", .extra_value = "${env:LOOP}"};
    struct otc_environment env = {get, &v};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_document *doc = NULL;

        if (otc_document_load((const char *[]){cases[i].text}, 1, &env, &doc, &err) == OTC_OK ||
            strstr(err.text, cases[i].expected) == NULL) {
            fail_msg("%s: expected \"%s\", got \"%s\"", cases[i].text, cases[i].expected, err.text);
        }
    }
}

static void
sources_merge_in_order(void **state)
{
    static const char *const locations[] = {
        "yaml:{a: {x: 1, y: [1, 2]}, b: 1, c: {z: 1}}",
        "yaml:{a: {y: [3], w: 4}, c: }",
        "yaml:a::v::u: 5",
    };
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    const struct otc_node *a;

    (void)state;
    assert_int_equal(otc_document_load(locations, 3, NULL, &doc, &err), OTC_OK);
    a = otc_node_get(otc_document_root(doc), "a");
    assert_int_equal(otc_node_get(a, "x")->integer, 1);
    assert_int_equal(otc_node_get(a, "y")->n, 1);
    assert_int_equal(otc_node_get(a, "w")->integer, 4);
    assert_int_equal(otc_node_get(otc_node_get(a, "v"), "u")->integer, 5);
    assert_true(otc_node_is_null(otc_node_get(otc_document_root(doc), "c")));
    assert_non_null(otc_node_get(otc_document_root(doc), "c"));
    otc_document_free(doc);
}

static void
unset_variables_are_noted(void **state)
{
    struct variables v = {.extra_name = "EMPTY", .extra_value = ""};
    struct otc_environment env = {get, &v};
    struct otc_document *doc = NULL;
    const struct otc_config_note *note;

    (void)state;
    assert_int_equal(otc_document_load((const char *[]){"yaml:{a: \"${env:NOPE}\", b: \"${EMPTY}\"}"}, 1,
                                       &env, &doc, NULL),
                     OTC_OK);
    note = otc_document_notes(doc);
    assert_int_equal(note->level, OTC_LOG_WARN);
    assert_string_equal(note->text, "Configuration references unset environment variable");
    assert_string_equal(note->name, "NOPE");
    assert_int_equal(note->next->level, OTC_LOG_INFO);
    assert_null(note->next->next);
    otc_document_free(doc);
}

static void
set_arguments_become_locations(void **state)
{
    struct otc_buf buf = {.limit = 200};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_config_set_location("processors.batch.timeout=2s=x", &buf, &err), OTC_OK);
    assert_string_equal(otc_buf_cstr(&buf), "yaml:processors::batch::timeout: 2s=x");
    assert_int_not_equal(otc_config_set_location("processors", &buf, &err), OTC_OK);
    assert_string_equal(err.text, "missing equal sign");
    otc_buf_release(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expansion_vectors),          cmocka_unit_test(type_vectors),
        cmocka_unit_test(bad_references_are_refused), cmocka_unit_test(sources_merge_in_order),
        cmocka_unit_test(unset_variables_are_noted),  cmocka_unit_test(set_arguments_become_locations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
