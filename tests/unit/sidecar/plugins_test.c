// SPDX-License-Identifier: Apache-2.0
/* What a plug-in's factories must be, and that the interface is what its version says. */
#include "common/otlp/build.h"
#include "sidecar/plugins.h"
#include "tests/unit/sidecar/nop.h"

/* A plug-in that was built yesterday reads these structures by their layout of yesterday. Who changes one
 * that does not begin with its size (or takes a member of another out, or moves it) makes another
 * OTC_ABI_VERSION, and changes the figures here. */
static void
the_interface_is_that_of_its_version(void **state)
{
    (void)state;
    assert_int_equal(OTC_ABI_VERSION, 1);
    assert_int_equal(sizeof(struct otc_error), 8 + 4 + 4 + 4 + 1024);
    assert_int_equal(sizeof(struct otc_slice), 16);
    assert_int_equal(sizeof(struct otc_field), 104);
    assert_int_equal(offsetof(struct otc_field, parse), 96);
    assert_int_equal(sizeof(struct otc_schema), 40);
    assert_int_equal(sizeof(struct otc_part), 32);
    assert_int_equal(offsetof(struct otc_consumer, consume), 16);
    assert_int_equal(offsetof(struct otc_host, handover), 128);
    assert_int_equal(offsetof(struct otc_component_ops, queue), 80);
    assert_int_equal(offsetof(struct otc_factory, one_pipeline), 104);
    assert_int_equal(sizeof(struct otc_settings), 56);
    assert_int_equal(sizeof(struct otc_value), 24);
    assert_int_equal(sizeof(struct otc_record), 152);
    assert_int_equal(sizeof(struct otc_span), 312);
    assert_int_equal(sizeof(struct otc_metric), 40);
    assert_int_equal(sizeof(struct otc_point_head), 56);
}

static const struct otc_field fields[] = {OTC_FIELD_END};
static const struct otc_schema schema = {.fields = fields, .doc = "None."};
static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA}};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    (void)settings;
    (void)out;
    return otc_fail(err, OTC_UNIMPLEMENTED, "never made");
}

static struct otc_factory
good(const char *type)
{
    return (struct otc_factory){.abi = OTC_ABI_OF(otc_factory),
                                .kind = OTC_PROCESSOR,
                                .type = type,
                                .pairs = pairs,
                                .n_pairs = 1,
                                .config = &schema,
                                .create = create};
}

/* The error of adding one factory behind the binary's; "" when it was taken. */
static const char *
add(const struct otc_factory *factory, const struct otc_factory **list, size_t *n)
{
    static struct otc_error err;
    static struct otc_arena arena;
    const struct otc_factory *const theirs[] = {factory, NULL};

    err = OTC_ERROR_INIT;
    otc_arena_release(&arena);
    otc_arena_init(&arena, 1 << 16);
    return otc_plugins_add("./x.so", theirs, &arena, list, n, &err) == OTC_OK ? "" : err.text;
}

static void
a_factory_must_be_complete(void **state)
{
    const struct otc_factory built_in = good("here");
    const struct otc_factory *list[8] = {&built_in};
    struct otc_factory f = good("mine");
    size_t n = 1;

    (void)state;
    assert_string_equal(add(&f, list, &n), "");
    assert_int_equal(n, 2);
    assert_ptr_equal(list[1]->create, create);
    n = 1;
    f.type = "Mine";
    assert_string_equal(add(&f, list, &n), "service::plugins: \"./x.so\": component \"?\" lacks a type of "
                                           "a-z, 0-9 and _ that begins with a letter");
    f = good(NULL);
    assert_non_null(strstr(add(&f, list, &n), "lacks a type"));
    f = good("mine");
    f.config = NULL;
    assert_non_null(strstr(add(&f, list, &n), "\"mine\" lacks a table of settings"));
    f = good("mine");
    f.create = NULL;
    assert_non_null(strstr(add(&f, list, &n), "\"mine\" lacks a create function"));
    f = good("mine");
    f.n_pairs = 0;
    assert_non_null(strstr(add(&f, list, &n), "\"mine\" lacks the signals it takes"));
    f = good("mine");
    f.kind = (enum otc_kind)7;
    assert_non_null(strstr(add(&f, list, &n), "\"mine\" lacks a kind"));
    f = good("here");
    assert_string_equal(add(&f, list, &n),
                        "service::plugins: \"./x.so\": there is a processor \"here\" already");
    assert_int_equal(n, 1);
    f.kind = OTC_EXPORTER; /* the same type of another kind is another component */
    assert_string_equal(add(&f, list, &n), "");
}

static void
a_face_and_a_former_type_are_checked_as_well(void **state)
{
    const struct otc_factory built_in = good("here");
    const struct otc_factory *list[8] = {&built_in};
    struct otc_factory f = good("mine"), face = good("mine");
    size_t n = 1;

    (void)state;
    face.kind = OTC_CONNECTOR;
    f.face = &face;
    face.abi.size = offsetof(struct otc_factory, offers);
    assert_string_equal(add(&f, list, &n), "");
    assert_ptr_not_equal(list[1]->face, &face);
    assert_int_equal(list[1]->face->abi.size, sizeof(face));
    assert_int_equal(list[1]->face->kind, OTC_CONNECTOR);
    face.abi.size = sizeof(face);
    list[1] = &face; /* the arena of the copy is used again */
    f = face;
    f.type = "other";
    f.deprecated_type = "mine"; /* which is the name of a face */
    assert_string_equal(add(&f, list, &n),
                        "service::plugins: \"./x.so\": there is a connector \"mine\" already");
    n = 1;
    f = good("mine");
    f.deprecated_type = "here";
    assert_string_equal(add(&f, list, &n),
                        "service::plugins: \"./x.so\": there is a processor \"here\" already");
    f = face;
    f.face = &built_in;
    assert_string_equal(add(&f, list, &n),
                        "service::plugins: \"./x.so\": there is a processor \"here\" already");
    f = good("mine");
    f.face = &face;
    face.create = NULL;
    assert_non_null(strstr(add(&f, list, &n), "\"mine\" lacks a create function"));
    face.abi.version = 2;
    assert_non_null(strstr(add(&f, list, &n), "is built for version 2 of the component interface"));
    assert_int_equal(n, 1);
}

static void
versions_and_sizes(void **state)
{
    const struct otc_factory *list[8] = {NULL};
    struct otc_factory f = good("mine");
    size_t n = 0;

    (void)state;
    f.abi.version = 2;
    assert_non_null(
        strstr(add(&f, list, &n),
               "is built for version 2 of the component interface, this program has version 1: build it with "
               "the headers of otelcol-aimon "));
    /* Of an earlier release with the same version: what it did not know is off, whatever lies behind. */
    f = good("mine");
    f.one_pipeline = true;
    f.face = &f;
    f.abi.size = offsetof(struct otc_factory, offers);
    assert_string_equal(add(&f, list, &n), "");
    assert_null(list[0]->face);
    assert_false(list[0]->one_pipeline);
    n = 0;
    f.abi.size = 16;
    assert_non_null(strstr(add(&f, list, &n), "is built for version 1"));
    /* Of a later one: what this program does not know is not looked at. */
    f = good("mine");
    f.abi.size = sizeof(f) + 64;
    assert_string_equal(add(&f, list, &n), "");
    assert_int_equal(list[0]->abi.size, sizeof(f));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interface_is_that_of_its_version),
        cmocka_unit_test(a_factory_must_be_complete),
        cmocka_unit_test(a_face_and_a_former_type_are_checked_as_well),
        cmocka_unit_test(versions_and_sizes),
    };

    return cmocka_run_group_tests_name("plugins", tests, NULL, NULL);
}
