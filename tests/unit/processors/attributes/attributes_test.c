// SPDX-License-Identifier: Apache-2.0
/* Actions, and which spans they concern. The configurations are those of the Collector's own documentation.
 */
#include "common/component/client.h"
#include "tests/harness/edited.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern const struct otc_factory otc_attributes_processor_factory;
static const struct otc_factory *const factory = &otc_attributes_processor_factory;

static void
expect_all(const char *yaml, const char *const (*cases)[2], size_t n)
{
    struct otc_edited edited;

    otc_edited_begin(&edited, factory, yaml);
    for (size_t i = 0; i < n; i++) {
        for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
            const char *got = otc_edited_item(&edited, (enum otc_signal)signal, cases[i][0]);

            if (strcmp(got, cases[i][1]) != 0) {
                fail_msg("%s\n%s gives\n%s, expected\n%s", yaml, cases[i][0], got, cases[i][1]);
            }
        }
    }
    otc_edited_end(&edited);
}
#define EXPECT(yaml, ...)                                                                                    \
    do {                                                                                                     \
        static const char *const cases_[][2] = {__VA_ARGS__};                                                \
        expect_all(yaml, cases_, sizeof(cases_) / sizeof(cases_[0]));                                        \
    } while (0)

/* ---- Actions ------------------------------------------------------------------------------------ */

static void
insert_update_and_upsert_set_values(void **state)
{
    (void)state;
    EXPECT("actions: [{key: attribute1, value: 123, action: insert},"
           " {key: string key, from_attribute: anotherkey, action: insert}]",
           {"a='x'", "a='x' attribute1=123"}, {"attribute1='old'", "attribute1='old'"},
           {"anotherkey=true", "anotherkey=true attribute1=123 string key=true"}, {"", "attribute1=123"});
    EXPECT("actions: [{key: boo, from_attribute: foo, action: UPDATE}, {key: db.secret, value: redacted, "
           "action: update}]",
           {"boo='b' foo=1", "boo=1 foo=1"}, {"foo=1", "foo=1"},
           {"boo=2 db.secret='pw'", "boo=2 db.secret='redacted'"});
    EXPECT("actions: [{key: region, value: planet-earth, action: upsert},"
           " {key: new_user_key, from_attribute: user_key, action: upsert}]",
           {"region='moon'", "region='planet-earth'"},
           {"user_key=3", "user_key=3 region='planet-earth' new_user_key=3"});
    EXPECT("actions: [{key: a, value: [x, 2, {k: 0.5}], action: upsert}, {key: b, value: {}, action: upsert},"
           " {key: c, value: 2.0, action: upsert}, {key: d, value: '12', action: upsert}]",
           {"", "a=[\"x\",2,{\"k\":0.5}] b={} c=2 d='12'"});
}

static void
delete_removes_by_key_and_pattern(void **state)
{
    (void)state;
    EXPECT("actions: [{key: credit_card, action: delete}, {pattern: '^dup', action: delete}]",
           {"a=1 credit_card=2 duplicate=3 dup=4 xdup=5", "a=1 xdup=5"}, {"a=1", "a=1"},
           {"credit_card=1", ""}, {"credit_card=1 a=2 credit_card=3", "a=2"});
    /* The documentation's attributes/complex. */
    EXPECT(
        "actions: [{key: operation, value: default, action: insert},"
        " {key: svc.operation, from_attribute: operation, action: upsert}, {key: operation, action: delete}]",
        {"timeout=10 svc.operation='addition' operation='addition'", "timeout=10 svc.operation='addition'"},
        {"operation='subtract' math_value=123", "math_value=123 svc.operation='subtract'"},
        {"timeout=10 math_value=4", "timeout=10 math_value=4 svc.operation='default'"},
        {"svc.operation='division' timeout=3", "svc.operation='default' timeout=3"});
}

static void
hash_is_the_sha256_of_the_collector(void **state)
{
    (void)state;
    /* Of the texts, of 1 in eight bytes, of 1.5, of one byte 1. */
    EXPECT("actions: [{key: user.email, action: hash}, {pattern: '^h[.]', action: hash}]",
           {"user.email='john.doe@example.com'",
            "user.email='836f82db99121b3481011f16b49dfa5fbc714a0d1b1b9f784a1ebbbf5b39577f'"},
           {"h.i=1", "h.i='7c9fa136d4413fa6173637e883b6998d32e1d675f88cddff9dcbcf331820f4b8'"},
           {"h.d=1.5", "h.d='e163f8cb0f7067a7fc78ca859a77f849aea3214f38fb75b884e4a16be725c905'"},
           {"h.b=true", "h.b='4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a'"},
           {"h.e=''", "h.e='e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'"},
           {"h.n=nil", "h.n=''"}, {"other='x'", "other='x'"});
}

static void
extract_makes_attributes_of_named_groups(void **state)
{
    (void)state;
    EXPECT("actions:\n"
           "  - key: http.url\n"
           "    pattern: "
           "^(?P<http_protocol>.*):\\/\\/(?P<http_domain>.*)\\/"
           "(?P<http_path>.*)(?:\\?|\\&)(?P<http_query_params>.*)\n"
           "    action: extract\n",
           {"http.url='http://example.com/path?queryParam1=value1,queryParam2=value2' http_path=1",
            "http.url='http://example.com/path?queryParam1=value1,queryParam2=value2' http_path='path' "
            "http_protocol='http' http_domain='example.com' "
            "http_query_params='queryParam1=value1,queryParam2=value2'"},
           {"http.url='ftp'", "http.url='ftp'"}, {"http.url=12", "http.url=12"}, {"", ""});
    EXPECT("actions: [{key: a, pattern: '(?P<x>\\d+)|(?P<y>\\w+)', action: extract}]",
           {"a='12'", "a='12' x='12' y=''"});
}

static void
convert_changes_types(void **state)
{
    (void)state;
    EXPECT("actions: [{key: a, action: convert, converted_type: int}]", {"a='500'", "a=500"},
           {"a=' 5'", "a=' 5'"}, {"a=1.9", "a=1"}, {"a=-1.9", "a=-1"}, {"a=true", "a=1"}, {"a=7", "a=7"},
           {"a='0x10'", "a='0x10'"}, {"a=1e300", "a=-9223372036854775808"}, {"a=nil", "a=nil"});
    EXPECT("actions: [{key: a, action: convert, converted_type: double}]", {"a='1e3'", "a=1000"},
           {"a='1.25'", "a=1.25"}, {"a=3", "a=3"}, {"a=false", "a=0"}, {"a='x'", "a='x'"},
           {"a='1e400'", "a='1e400'"}, {"a='0x1p4'", "a=16"}, {"a='1_000'", "a=1000"},
           {"a='1__0'", "a='1__0'"});
    EXPECT("actions: [{key: a, action: convert, converted_type: string}]", {"a=3", "a='3'"},
           {"a=0.5", "a='0.5'"}, {"a=0.000015", "a='0.000015'"}, {"a=1e-7", "a='1e-7'"},
           {"a=true", "a='true'"}, {"a='x'", "a='x'"}, {"a=nil", "a=''"});
}

static void
the_context_gives_values(void **state)
{
    static const struct otc_client_pair metadata[] = {{OTC_SLICE_LIT("Origin"), OTC_SLICE_LIT("eu")},
                                                      {OTC_SLICE_LIT("origin"), OTC_SLICE_LIT("us")}};
    static const struct otc_client_pair auth[] = {{OTC_SLICE_LIT("subject"), OTC_SLICE_LIT("jane")}};
    static const char *const addresses[][2] = {
        {"127.0.0.1:53012", "127.0.0.1"}, {"[::1]:53012", "::1"}, {"unix:@", ""}, {"", ""}};
    static const char json[] = "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{},{}]}]}]}";
    struct otc_edited edited;

    (void)state;
    otc_edited_begin(&edited, factory,
                     "actions: [{key: o, from_context: metadata.origin, action: insert},"
                     " {key: p, from_context: ORIGIN, action: insert},"
                     " {key: none, from_context: metadata.none, action: insert},"
                     " {key: user, from_context: auth.subject, action: insert},"
                     " {key: nobody, from_context: auth.none, action: insert},"
                     " {key: host, from_context: client.address, action: insert}]");
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct otc_client *client = otc_client_new(otc_slice_str(addresses[i][0]), metadata, 2, auth, 1);
        char wanted[256];

        (void)snprintf(wanted, sizeof(wanted),
                       "resource{} scope{} item{o='eu;us' p='eu;us' user='jane' host='%s'} item{o='eu;us' "
                       "p='eu;us' user='jane' host='%s'}",
                       addresses[i][1], addresses[i][1]);
        assert_string_equal(otc_edited_json(&edited, OTC_TRACES, json, client), wanted);
        assert_ptr_equal(otc_batch_client(otc_sink_batch(edited.sink, 0)), client);
        otc_client_unref(client);
    }
    assert_string_equal(otc_edited_json(&edited, OTC_TRACES, json, NULL),
                        "resource{} scope{} item{host=''} item{host=''}");
    otc_edited_end(&edited);
}

/* As the Collector's getSourceAttributeValue: the default is of use where no source gives a value. */
static void
defaults_are_for_what_no_source_gives(void **state)
{
    static const char json[] =
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{},{\"attributes\":[{\"key\":\"from\",\"value\":{"
        "\"intValue\":\"7\"}},{\"key\":\"u\",\"value\":{\"intValue\":\"1\"}}]}]}]}]}";

    struct otc_edited edited;

    (void)state;
    otc_edited_begin(&edited, factory,
                     "actions: [{key: a, from_attribute: from, default_value: none, action: insert},"
                     " {key: c, from_context: metadata.none, default_value: [1, x], action: upsert},"
                     " {key: alone, default_value: 0.5, action: insert},"
                     " {key: v, value: 1, default_value: 2, action: insert},"
                     " {key: u, from_attribute: none, default_value: 3, action: update}]");
    assert_string_equal(otc_edited_json(&edited, OTC_TRACES, json, NULL),
                        "resource{} scope{} item{a='none' c=[1,\"x\"] alone=0.5 v=1} "
                        "item{from=7 u=3 a=7 c=[1,\"x\"] alone=0.5 v=1}");
    otc_edited_end(&edited);
}

/* ---- Include and exclude ------------------------------------------------------------------------ */

/* A span of a service in short: `svcA chat env='dev'`. The answer is "yes" when the action was taken. */
static const char *
taken(struct otc_edited *edited, const char *service, const char *name, const char *attributes)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 4096};

    otc_buf_append_str(&json, "{\"resourceSpans\":[{");
    if (service) {
        otc_buf_printf(&json,
                       "\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"
                       "\"%s\"}},{\"key\":\"host.type\",\"value\":{\"stringValue\":\"n1-standard-1\"}}]},",
                       service);
    }
    otc_buf_printf(&json,
                   "\"scopeSpans\":[{\"scope\":{\"name\":\"mongo-java-driver\",\"version\":\"3.8.0\"},"
                   "\"spans\":[{\"name\":\"%s\",\"kind\":3,",
                   name);
    otc_edited_attributes(&json, attributes);
    otc_buf_append_str(&json, "}]}]}]}");
    return strstr(otc_edited_json(edited, OTC_TRACES, otc_buf_cstr(&json), NULL), "done='") ? "yes" : "no";
}

struct subject {
    const char *service, *name, *attributes, *answer;
};

static void
expect_taken(const char *yaml, const struct subject *subjects, size_t n)
{
    OTC_AUTO_BUF struct otc_buf settings = {.limit = 4096};
    struct otc_edited edited;

    otc_buf_printf(&settings, "actions: [{key: done, value: x, action: upsert}]\n%s", yaml);
    otc_edited_begin_for(&edited, factory, OTC_TRACES, otc_buf_cstr(&settings));
    for (size_t i = 0; i < n; i++) {
        const struct subject *s = &subjects[i];

        if (strcmp(taken(&edited, s->service, s->name, s->attributes), s->answer) != 0) {
            fail_msg("%s\n%s %s %s should give %s", yaml, s->service, s->name, s->attributes, s->answer);
        }
    }
    otc_edited_end(&edited);
}
#define TAKEN(yaml, ...)                                                                                     \
    do {                                                                                                     \
        static const struct subject subjects_[] = {__VA_ARGS__};                                             \
        expect_taken(yaml, subjects_, sizeof(subjects_) / sizeof(subjects_[0]));                             \
    } while (0)

static void
spans_are_chosen_as_documented(void **state)
{
    (void)state;
    TAKEN("exclude: {match_type: strict, services: [svcA, svcB], attributes: [{key: env, value: dev}, {key: "
          "test_request}]}",
          {"svcB", "n", "env='dev' test_request=123", "no"},
          {"svcA", "n", "env='dev' test_request=false", "no"},
          {"svcB", "n", "env=1 test_request='dev'", "yes"},
          {"svcC", "n", "env='dev' test_request=false", "yes"});
    TAKEN("exclude: {match_type: strict, resources: [{key: host.type, value: n1-standard-1}]}",
          {"a", "n", "", "no"}, {NULL, "n", "", "yes"});
    TAKEN("exclude: {match_type: strict, libraries: [{name: mongo-java-driver, version: 3.8.0}]}",
          {"a", "n", "", "no"});
    TAKEN("exclude: {match_type: strict, libraries: [{name: mongo-java-driver, version: ''}]}",
          {"a", "n", "", "yes"});
    TAKEN("exclude: {match_type: strict, libraries: [{name: mongo-java-driver}]}", {"a", "n", "", "no"});
    TAKEN("include: {match_type: regexp, services: ['auth.*', 'login.*'], regexp: {cacheenabled: true, "
          "cachemaxnumentries: 10}}",
          {"auth-1", "n", "", "yes"}, {"my-login", "n", "", "yes"}, {"shop", "n", "", "no"},
          {NULL, "n", "", "no"});
    TAKEN("include: {match_type: strict, services: [svcA, svcB]}\n"
          "exclude: {match_type: strict, attributes: [{key: redact_trace, value: false}]}",
          {"svcB", "n", "redact_trace='false'", "yes"}, {"svcA", "n", "redact_trace=true", "yes"},
          {"svcB", "n", "redact_trace=false", "no"}, {"svcC", "n", "", "no"});
    TAKEN("include: {match_type: regexp, services: ['auth.*']}\nexclude: {match_type: regexp, span_names: "
          "['login.*']}",
          {"auth", "get", "", "yes"}, {"auth", "login/1", "", "no"}, {"x", "get", "", "no"});
    TAKEN("include: {match_type: regexp, attributes: [{key: env, value: 'SELECT \\* FROM USERS.*'}]}",
          {"a", "n", "env='SELECT * FROM USERS WHERE 1'", "yes"}, {"a", "n", "env='SELECT'", "no"},
          {"a", "n", "", "no"});
    TAKEN("include: {match_type: regexp, attributes: [{key: n, value: '^1[.]5$'}]}",
          {"a", "n", "n=1.5", "yes"}, {"a", "n", "n=15", "no"}, {"a", "n", "n=nil", "no"});
    /* Of numbers all digits are compared. */
    TAKEN("include: {match_type: regexp, attributes: [{key: n, value: '^(10{21}|0[.]0000001|-7|true)$'}]}",
          {"a", "n", "n=1e21", "yes"}, {"a", "n", "n=1e-7", "yes"}, {"a", "n", "n=-7", "yes"},
          {"a", "n", "n=true", "yes"}, {"a", "n", "n=1e22", "no"});
    TAKEN("include: {match_type: strict, span_kinds: [SPAN_KIND_CLIENT]}", {"a", "n", "", "yes"});
    TAKEN("include: {match_type: strict, span_kinds: [SPAN_KIND_SERVER]}", {"a", "n", "", "no"});
}

/* Log records of a body and a severity: whether the action was taken. */
static bool
log_taken(struct otc_edited *edited, const char *members)
{
    char json[512];

    (void)snprintf(json, sizeof(json), "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{%s}]}]}]}",
                   members);
    return strstr(otc_edited_json(edited, OTC_LOGS, json, NULL), "done=") != NULL;
}

static void
log_records_are_chosen_by_body_and_severity(void **state)
{
    struct otc_edited edited;

    (void)state;
#define ACTION "actions: [{key: done, value: 1, action: insert}]\n"
    otc_edited_begin_for(&edited, factory, OTC_LOGS,
                         ACTION "include: {match_type: regexp, log_bodies: ['AUTH.*']}");
    assert_true(log_taken(&edited, "\"body\":{\"stringValue\":\"an AUTH line\"}"));
    assert_true(log_taken(&edited, "\"body\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"AUTH\"}]}}"));
    assert_false(log_taken(&edited, "\"body\":{\"stringValue\":\"auth\"}"));
    assert_false(log_taken(&edited, ""));
    otc_edited_end(&edited);
    otc_edited_begin_for(&edited, factory, OTC_LOGS,
                         ACTION "include: {match_type: regexp, log_severity_texts: ['debug.*']}");
    assert_true(log_taken(&edited, "\"severityText\":\"debug2\""));
    assert_false(log_taken(&edited, "\"severityText\":\"info\""));
    otc_edited_end(&edited);
    otc_edited_begin_for(
        &edited, factory, OTC_LOGS,
        ACTION "exclude: {match_type: strict, log_severity_number: {min: 9, match_undefined: true}}");
    assert_false(log_taken(&edited, "\"severityNumber\":9"));
    assert_false(log_taken(&edited, ""));
    assert_true(log_taken(&edited, "\"severityNumber\":8"));
    otc_edited_end(&edited);
#undef ACTION
}

static void
metrics_are_chosen_by_name(void **state)
{
    static const char json[] =
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"a\",\"sum\":{\"dataPoints\":[{}]}"
        "},{"
        "\"name\":\"b\",\"histogram\":{\"dataPoints\":[{}]}},{\"name\":\"a\",\"exponentialHistogram\":{"
        "\"dataPoints\":[{}]}},{\"name\":\"a\",\"summary\":{\"dataPoints\":[{}]}}]}]}]}";
    struct otc_edited edited;

    (void)state;
    otc_edited_begin_for(&edited, factory, OTC_METRICS,
                         "actions: [{key: k, value: 1, action: insert}]\n"
                         "include: {match_type: strict, metric_names: [a]}");
    assert_string_equal(otc_edited_json(&edited, OTC_METRICS, json, NULL),
                        "resource{} scope{} item{k=1} item{} item{k=1} item{k=1}");
    otc_edited_end(&edited);
}

/* ---- Batches ------------------------------------------------------------------------------------ */

static void
what_is_not_concerned_passes_byte_for_byte(void **state)
{
    struct otc_edited edited;

    (void)state;
    otc_edited_begin(&edited, factory, "actions: [{key: secret, action: delete}]");
    assert_string_equal(otc_edited_item(&edited, OTC_TRACES, "a=1"), "a=1");
    /* Not even copied: the charge of the budget tells. */
    assert_int_equal(otc_vhost_charged(edited.rig.vhost), 0);
    assert_string_equal(otc_edited_item(&edited, OTC_TRACES, "a=1 secret=2"), "a=1");
    assert_int_equal(otc_vhost_charged(edited.rig.vhost), otc_batch_bytes(otc_sink_batch(edited.sink, 0)));
    otc_edited_end(&edited);
}

static void
a_batch_keeps_its_parts(void **state)
{
    static const char with[] = "\x0a\x0d\x12\x0b\x12\x09\x4a\x07\x0a\x01s\x12\x02\x18\x01";
    static const char without[] = "\x0a\x0d\x12\x0b\x12\x09\x4a\x07\x0a\x01t\x12\x02\x18\x01";
    const struct otc_part parts[] = {{otc_slice_of(without, 15), NULL, NULL},
                                     {otc_slice_of(with, 15), NULL, NULL},
                                     {otc_slice_of(without, 15), NULL, NULL}};
    struct otc_edited edited;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_consumer *input;
    struct otc_batch *out;

    (void)state;
    otc_edited_begin(&edited, factory, "actions: [{key: s, action: delete}]");
    input = edited.rig.component->ops->input(edited.rig.component, OTC_TRACES);
    assert_int_equal(otc_consume(input, otc_batch_new(OTC_TRACES, parts, 3, 3, NULL), NULL, &err), OTC_OK);
    out = otc_sink_batch(edited.sink, 0);
    assert_int_equal(otc_batch_parts(out), 3);
    assert_int_equal(otc_batch_items(out), 3);
    assert_ptr_equal(otc_batch_part(out, 0).data, without);
    assert_int_equal(otc_batch_part(out, 1).len, 6);
    assert_ptr_equal(otc_batch_part(out, 2).data, without);
    otc_edited_end(&edited);
}

static void
without_memory_the_batch_is_refused_for_now(void **state)
{
    static const char with[] = "\x0a\x0d\x12\x0b\x12\x09\x4a\x07\x0a\x01s\x12\x02\x18\x01";
    struct otc_edited edited;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_consumer *input;

    (void)state;
    otc_edited_begin(&edited, factory, "actions: [{key: s, action: delete}]");
    otc_vhost_set_memory_limit(edited.rig.vhost, 3);
    input = edited.rig.component->ops->input(edited.rig.component, OTC_TRACES);
    assert_int_equal(
        otc_consume(input, otc_batch_copy_of(OTC_TRACES, otc_slice_of(with, 15), 1, NULL), NULL, &err),
        OTC_UNAVAILABLE);
    assert_string_equal(err.text, "out of memory for edited data");
    assert_true(otc_error_retryable(&err));
    assert_int_equal(otc_sink_calls(edited.sink), 0);
    otc_edited_end(&edited);
}

/* ---- Wrong settings ----------------------------------------------------------------------------- */

static void
wrong_actions_are_refused_in_the_collectors_words(void **state)
{
    static const char *const cases[][2] = {
        {"", "missing required field \"actions\""},
        {"actions: [{key: a, action: multiply}]",
         "error creating AttrProc due to unsupported action \"multiply\" at the 0-th actions"},
        {"actions: [{key: a, action: delete}, {action: insert, value: 1}]",
         "error creating AttrProc due to missing required field \"key\" at the 1-th actions"},
        {"actions: [{action: hash}]", "error creating AttrProc due to missing required field (at least one "
                                      "of \"key\" and \"pattern\" have to "
                                      "be used) at the 0-th actions"},
        {"actions: [{key: a, action: insert}]", "error creating AttrProc. Either field \"value\", "
                                                "\"from_attribute\", \"from_context\", or "
                                                "\"default_value\" must be specified for 0-th action"},
        {"actions: [{key: a, action: insert, value: 1, from_attribute: b}]",
         "error creating AttrProc due to multiple value sources being set at the 0-th actions"},
        {"actions: [{key: a, action: upsert, value: 1, pattern: b}]",
         "Action \"upsert\" does not use the \"pattern\" field. This must not be specified for 0-th action"},
        {"actions: [{key: a, action: delete, value: 1}]",
         "Action \"delete\" does not use \"value\" or \"from_attribute\" field. These must not be specified "
         "for 0-th "
         "action"},
        {"actions: [{key: a, action: extract}]", "error creating AttrProc due to missing required field "
                                                 "\"pattern\" for action \"extract\" at the 0-th action"},
        {"actions: [{key: a, action: extract, pattern: '.*'}]",
         "error creating AttrProc. Field \"pattern\" contains no named matcher groups at the 0-th actions"},
        {"actions: [{key: a, action: extract, pattern: '(?P<x>a)(b)'}]",
         "error creating AttrProc. Field \"pattern\" contains at least one unnamed matcher group at the 0-th "
         "actions"},
        {"actions: [{key: a, action: extract, pattern: '(?P<x>a)\\1'}]",
         "error creating AttrProc. Field \"pattern\" has invalid pattern: \"(?P<x>a)\\1\" to be set at the "
         "0-th actions"},
        {"actions: [{key: a, action: extract, pattern: '(?=a)'}]", "RE2 has no lookaround"},
        {"actions: [{key: a, action: convert}]", "error creating AttrProc due to missing required field "
                                                 "\"converted_type\" for action \"convert\" at the 0-th "
                                                 "action"},
        {"actions: [{key: a, action: convert, converted_type: bool}]",
         "error creating AttrProc due to invalid value \"bool\" in field \"converted_type\" for action "
         "\"convert\" at "
         "the 0-th action"},
        {"actions: [{key: a, action: delete, unknown: 1}]", "unknown"},
    };
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!otc_test_refuses(factory, cases[i][0], cases[i][1], &err)) {
            fail_msg("%s: %s", cases[i][0], err.text);
        }
    }
}

static void
wrong_properties_are_refused_when_a_pipeline_is_built(void **state)
{
    /* A processor for all signals: the first that has something against it speaks. */
    static const char *const cases[][2] = {
        {"include: {match_type: glob, services: [a]}",
         "include: unrecognized match_type: 'glob', valid types are: [regexp strict]"},
        {"exclude: {services: [a]}",
         "exclude: unrecognized match_type: '', valid types are: [regexp strict]"},
        {"include: {match_type: strict}",
         "include: at least one of \"attributes\", \"libraries\",  or \"resources\" "
         "field must be specified"},
        {"include: {match_type: strict, log_bodies: [a]}",
         "include: log_bodies should not be specified for trace spans"},
        {"include: {match_type: strict, services: [a]}",
         "include: services, span_names, and span_kinds are not valid for log records"},
        {"include: {match_type: strict, span_kinds: [CLIENT]}",
         "include: span_kinds string must match one of the standard span kinds when match_type=strict"},
        {"exclude: {match_type: regexp, span_names: ['a', '(']}",
         "exclude: error creating span name filters: [1]: error parsing regexp: missing closing ): `(`"},
        {"include: {match_type: regexp, attributes: [{key: a, value: 1}]}",
         "include: error creating attribute filters: match_type=regexp for \"a\" only supports Str"},
        {"include: {match_type: strict, attributes: [{value: 1}]}",
         "include: error creating attribute filters: can't have empty key in the list of attributes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_rig rig = {0};
        struct otc_error err = OTC_ERROR_INIT;
        char yaml[512];

        (void)snprintf(yaml, sizeof(yaml), "actions: [{key: a, action: delete}]\n%s", cases[i][0]);
        assert_int_equal(otc_rig_create(&rig, factory, yaml, &err), OTC_INVALID_ARGUMENT);
        if (!strstr(err.text, cases[i][1])) {
            fail_msg("%s: %s", cases[i][0], err.text);
        }
        otc_rig_free(&rig);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(insert_update_and_upsert_set_values),
        cmocka_unit_test(delete_removes_by_key_and_pattern),
        cmocka_unit_test(hash_is_the_sha256_of_the_collector),
        cmocka_unit_test(extract_makes_attributes_of_named_groups),
        cmocka_unit_test(convert_changes_types),
        cmocka_unit_test(the_context_gives_values),
        cmocka_unit_test(defaults_are_for_what_no_source_gives),
        cmocka_unit_test(spans_are_chosen_as_documented),
        cmocka_unit_test(log_records_are_chosen_by_body_and_severity),
        cmocka_unit_test(metrics_are_chosen_by_name),
        cmocka_unit_test(what_is_not_concerned_passes_byte_for_byte),
        cmocka_unit_test(a_batch_keeps_its_parts),
        cmocka_unit_test(without_memory_the_batch_is_refused_for_now),
        cmocka_unit_test(wrong_actions_are_refused_in_the_collectors_words),
        cmocka_unit_test(wrong_properties_are_refused_when_a_pipeline_is_built),
    };

    return cmocka_run_group_tests_name("processors/attributes", tests, NULL, NULL);
}
