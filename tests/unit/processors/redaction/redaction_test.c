// SPDX-License-Identifier: Apache-2.0
/* The Collector's own cases, its documentation's example, bodies of log records, and GenAI content. */
#include "common/otlp/value_text.h"
#include "common/otlp/walk.h"
#include "common/otlp/wire.h"
#include "tests/harness/data/testdata.h"
#include "tests/harness/edited.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

extern const struct otc_factory otc_redaction_processor_factory;
static const struct otc_factory *const factory = &otc_redaction_processor_factory;

#define VISA "4[0-9]{12}(?:[0-9]{3})?"

static void
expect(const char *yaml, const char *attributes, const char *wanted)
{
    struct otc_edited edited;

    otc_edited_begin(&edited, factory, yaml);
    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        const char *got = otc_edited_item(&edited, (enum otc_signal)signal, attributes);

        if (strcmp(got, wanted) != 0) {
            fail_msg("%s\n%s gives\n%s, expected\n%s", yaml, attributes, got, wanted);
        }
    }
    otc_edited_end(&edited);
}

/* ---- The Collector's cases ---------------------------------------------------------------------- */

/* Attributes of a case as a short text. */
static void
shorten(json_t *attributes, struct otc_buf *out)
{
    const char *key;
    const json_t *value;

    json_object_foreach(attributes, key, value)
    {
        otc_buf_printf(out, "%s%s=", out->len > 0 ? " " : "", key);
        if (json_is_string(value)) {
            otc_buf_printf(out, "'%s'", json_string_value(value));
        } else if (json_is_integer(value)) {
            otc_buf_printf(out, "%lld", (long long)json_integer_value(value));
        } else {
            otc_buf_printf(out, "%.17g", json_real_value(value));
        }
    }
}

/* Whether the output, a short text, has this attribute; NULL value: any. */
static bool
has(const char *got, const char *key, const char *value)
{
    OTC_AUTO_BUF struct otc_buf wanted = {.limit = 4096}, text = {.limit = 1 << 16};

    otc_buf_printf(&text, " %s ", got);
    otc_buf_printf(&wanted, " %s=%s%s", key, value ? value : "", value ? " " : "");
    return strstr(otc_buf_cstr(&text), otc_buf_cstr(&wanted)) != NULL;
}

static void
check_case(const json_t *test, const char *got)
{
    const char *name = json_string_value(json_object_get(test, "name")), *key;
    const json_t *value;
    size_t i;

    json_object_foreach(json_object_get(test, "expect_equal"), key, value)
    {
        OTC_AUTO_BUF struct otc_buf text = {.limit = 4096};

        if (json_is_string(value)) {
            otc_buf_printf(&text, "'%s'", json_string_value(value));
        } else {
            otc_buf_printf(&text, "%lld", (long long)json_integer_value(value));
        }
        if (!has(got, key, otc_buf_cstr(&text))) {
            fail_msg("%s: %s should be %s in %s", name, key, otc_buf_cstr(&text), got);
        }
    }
    json_array_foreach(json_object_get(test, "expect_absent"), i, value)
    {
        if (has(got, json_string_value(value), NULL)) {
            fail_msg("%s: %s should not be in %s", name, json_string_value(value), got);
        }
    }
    if (json_object_get(test, "expect_len")) {
        size_t n = 0;

        for (const char *p = got; (p = strchr(p, '=')); p++) {
            n++;
        }
        assert_int_equal(n, json_integer_value(json_object_get(test, "expect_len")));
    }
}

static void
the_collectors_cases(void **state)
{
    json_t *document;
    const json_t *test;
    size_t i;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    document = testdata_json("otlp/contrib/redaction_cases.json");
    json_array_foreach(json_object_get(document, "cases"), i, test)
    {
        OTC_AUTO_BUF struct otc_buf input = {.limit = 1 << 16};
        char *yaml = json_dumps(json_object_get(test, "config"), 0);
        struct otc_edited edited;

        shorten(json_object_get(test, "input"), &input);
        otc_edited_begin(&edited, factory, yaml);
        for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
            check_case(test, otc_edited_item(&edited, (enum otc_signal)signal, otc_buf_cstr(&input)));
        }
        otc_edited_end(&edited);
        free(yaml);
    }
    assert_int_equal(i, 4);
    json_decref(document);
}

static const char documented[] = "allowed_keys: [description, group, id, name]\n"
                                 "ignored_keys: [safe_attribute]\n"
                                 "blocked_key_patterns: ['.*token.*', '.*api_key.*']\n"
                                 "blocked_values: ['" VISA "', '(5[1-5][0-9]{14})']\n"
                                 "allowed_values: ['.+@mycompany.com']\n"
                                 "hash_function: md5\n"
                                 "summary: debug\n";

static void
the_documented_example(void **state)
{
    (void)state;
    expect(documented,
           "id=5 name='4111111111111111 and 5555555555554444' group='x@mycompany.com 4111111111111111' "
           "safe_attribute='4111111111111111' token='t'",
           "id=5 name='5910f4ea0062a0e29afd3dccc741e3ce and 7957566d6e5fac82272c6cd6b1d1ce95' "
           "group='x@mycompany.com 4111111111111111' safe_attribute='4111111111111111' "
           "redaction.redacted.keys='token' redaction.redacted.count=1 redaction.masked.keys='name' "
           "redaction.masked.count=1 redaction.allowed.keys='group' redaction.allowed.count=1 "
           "redaction.ignored.count=1");
}

/* ---- Keys and values ---------------------------------------------------------------------------- */

static void
keys_are_removed_unless_they_are_allowed(void **state)
{
    (void)state;
    expect("", "a=1 b='x'", "");
    expect("allowed_keys: [a]", "a=1 b='x' a='again'", "a=1 a='again'");
    expect("{allowed_keys: [a], ignored_key_patterns: ['^safe[.]']}", "a=1 safe.b='x' unsafe.b=2",
           "a=1 safe.b='x'");
    expect("{allow_all_keys: true}", "a=1 b='x'", "a=1 b='x'");
    /* Removed before anybody looks at patterns. */
    expect("{allowed_keys: [a], blocked_key_patterns: [token], summary: info}", "token='x'",
           "redaction.redacted.count=1");
}

static void
values_are_masked_where_they_match(void **state)
{
    (void)state;
    expect("{allow_all_keys: true, blocked_values: ['" VISA "', '[a-z]+@[a-z.]+']}",
           "c='cards 4111111111111111, 4222222222222' m='to joe@example.org' n=4111111111111111 ok='none'",
           "c='cards ****, ****' m='to ****' n=4111111111111111 ok='none'");
    expect("{allow_all_keys: true, blocked_values: ['" VISA "'], redact_all_types: true}",
           "n=4111111111111111 d=1.5 b=true", "n='****' d=1.5 b=true");
    expect("{allow_all_keys: true, blocked_values: ['a', '[*]']}", "x='a'", "x='****************'");
    /* An expression that an empty text meets is met by every value that is no text. */
    expect("{allow_all_keys: true, blocked_values: ['^$']}", "n=5 s='x' e=''", "n='****' s='x' e='****'");
    expect("{allow_all_keys: true, blocked_values: ['^$'], allowed_values: ['^$']}", "n=5 e=''", "n=5 e=''");
    expect("{allow_all_keys: true, blocked_values: ['secret'], allowed_values: ['^public']}",
           "x='public secret' y='secret'", "x='public secret' y='****'");
    expect("{allow_all_keys: true, blocked_key_patterns: ['(?i)password']}",
           "PassWord='two words' n=1 password_age=7", "PassWord='****' n=1 password_age='****'");
    /* Every line, an empty one too. */
    expect("{allow_all_keys: true, blocked_key_patterns: [k]}", "k='a\\nb\\n\\nc' k2=''",
           "k='****\n****\n****\n****' k2='****'");
}

static void
masked_texts_may_be_hashed(void **state)
{
    static const struct {
        const char *function, *hash;
    } cases[] = {
        {"md5", "5910f4ea0062a0e29afd3dccc741e3ce"},
        {"sha1", "68bfb396f35af3876fc509665b3dc23a0930aab1"},
        {"sha3", "6099154214406cce6105a4688ab66533d3a55d1d7dd393cbccf22b487a22d922"},
        {"hmac-sha256", "1b2abf2c57549abd52c326380e98d1484debd39b2a94e52219f4d79058b7e904"},
        {"hmac-sha512", "c3e759dbe03dcb4b3c7388988749e92241d68f060aca6b4ee13f1df573ac0007863883398a177f243fbf"
                        "4bc6da69bae896fbf8a00ff8ce8226c31582b8e05961"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char yaml[512], wanted[256];

        (void)snprintf(yaml, sizeof(yaml),
                       "{allow_all_keys: true, blocked_values: ['" VISA "'], hash_function: %s, hmac_key: "
                       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}",
                       cases[i].function);
        (void)snprintf(wanted, sizeof(wanted), "c='no %s'", cases[i].hash);
        expect(yaml, "c='no 4111111111111111'", wanted);
    }
}

/* ---- Every place of a request ------------------------------------------------------------------- */

#define SECRET "\"attributes\":[{\"key\":\"s\",\"value\":{\"stringValue\":\"4111111111111111\"}}]"

#define MASKED_METRICS                                                                                       \
    "resource{s='****'} scope{s='****'} item{s='****'} item{s='****'} item{s='****'} item{s='****'} "        \
    "item{s='****'}"

static void
every_attribute_of_a_request_is_looked_at(void **state)
{
    static const char *const requests[OTC_N_SIGNALS] = {
        "{\"resourceSpans\":[{\"resource\":{" SECRET "},\"scopeSpans\":[{\"scope\":{" SECRET
        "},\"spans\":[{" SECRET ",\"events\":[{" SECRET "}],\"links\":[{" SECRET "}]}]}]}]}",
        "{\"resourceMetrics\":[{\"resource\":{" SECRET "},\"scopeMetrics\":[{\"scope\":{" SECRET
        "},\"metrics\":[{\"gauge\":{\"dataPoints\":[{" SECRET "}]}},{\"sum\":{\"dataPoints\":[{" SECRET
        "}]}},{\"histogram\":{\"dataPoints\":[{" SECRET
        "}]}},{\"exponentialHistogram\":{\"dataPoints\":[{" SECRET
        "}]}},{\"summary\":{\"dataPoints\":[{" SECRET "}]}}]}]}]}",
        "{\"resourceLogs\":[{\"resource\":{" SECRET "},\"scopeLogs\":[{\"scope\":{" SECRET
        "},\"logRecords\":[{" SECRET "}]}]}]}"};
    static const char *const wanted[OTC_N_SIGNALS] = {
        "resource{s='****'} scope{s='****'} item{s='****'} event{s='****'} link{s='****'}", MASKED_METRICS,
        "resource{s='****'} scope{s='****'} item{s='****'}"};
    struct otc_edited edited;

    (void)state;
    otc_edited_begin(&edited, factory, "{allow_all_keys: true, blocked_values: ['" VISA "']}");
    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        assert_string_equal(otc_edited_json(&edited, (enum otc_signal)signal, requests[signal], NULL),
                            wanted[signal]);
    }
    otc_edited_end(&edited);
}

static void
what_holds_nothing_private_passes_as_it_is(void **state)
{
    struct otc_edited edited;

    (void)state;
    otc_edited_begin(&edited, factory,
                     "{allow_all_keys: true, blocked_values: ['" VISA "'], blocked_key_patterns: [token]}");
    assert_string_equal(otc_edited_item(&edited, OTC_TRACES, "a=1 b='x'"), "a=1 b='x'");
    assert_int_equal(otc_vhost_charged(edited.rig.vhost), 0);
    otc_edited_end(&edited);
}

/* ---- GenAI content ------------------------------------------------------------------------------ */

static void
messages_are_masked_inside_lists_and_maps(void **state)
{
    static const char request[] =
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":[{\"key\":\"gen_ai.input."
        "messages\",\"value\":"
        "{\"arrayValue\":{\"values\":[{\"kvlistValue\":{\"values\":[{\"key\":\"role\",\"value\":{"
        "\"stringValue\":"
        "\"user\"}},{\"key\":\"parts\",\"value\":{\"arrayValue\":{\"values\":[{\"kvlistValue\":{\"values\":[{"
        "\"key\":"
        "\"content\",\"value\":{\"stringValue\":\"my card is 4111111111111111\"}},{\"key\":\"n\",\"value\":{"
        "\"intValue\":\"4111111111111111\"}}]}}]}}}]}}]}}},{\"key\":\"gen_ai.output.messages\",\"value\":{"
        "\"stringValue\":\"[{\\\"content\\\":\\\"noted: 4111111111111111\\\"}]\"}}]}]}]}]}";
    struct otc_edited edited;

    (void)state;
    otc_edited_begin(&edited, factory,
                     "{allow_all_keys: true, blocked_values: ['" VISA "'], summary: debug}");
    assert_string_equal(
        otc_edited_json(&edited, OTC_TRACES, request, NULL),
        "resource{} scope{} item{gen_ai.input.messages=[{\"parts\":[{\"content\":\"my card is "
        "****\",\"n\":4111111111111111}],\"role\":\"user\"}] gen_ai.output.messages='[{\"content\":\"noted: "
        "****\"}]' "
        "redaction.masked.keys='gen_ai.input.messages,gen_ai.output.messages' redaction.masked.count=2}");
    otc_edited_end(&edited);
    otc_edited_begin(
        &edited, factory,
        "{allow_all_keys: true, blocked_key_patterns: ['^gen_ai[.](input|output)[.]messages$']}");
    assert_string_equal(
        otc_edited_json(&edited, OTC_TRACES, request, NULL),
        "resource{} scope{} item{gen_ai.input.messages='****' gen_ai.output.messages='****'}");
    otc_edited_end(&edited);
}

/* A message of one field around what the buffer holds. */
static void
enclose(struct otc_buf *message, uint32_t field)
{
    OTC_AUTO_BUF struct otc_buf inner = {.limit = 4096};

    otc_buf_append_slice(&inner, otc_buf_slice(message));
    otc_buf_clear(message);
    otc_wire_put_bytes(message, field, otc_buf_slice(&inner));
    assert_false(message->failed);
}

/* Deeper than receivers admit: it does not go on unmasked. */
static void
values_that_are_too_deep_do_not_pass(void **state)
{
    OTC_AUTO_BUF struct otc_buf message = {.limit = 4096};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_edited edited;
    struct otc_consumer *input;

    (void)state;
    otc_wire_put_bytes(&message, 1, otc_slice_str("4111111111111111"));
    for (int i = 0; i < 100; i++) {
        enclose(&message, 1); /* ArrayValue::values */
        enclose(&message, 5); /* AnyValue::array_value */
    }
    enclose(&message, 2); /* KeyValue::value */
    enclose(&message, 9); /* Span::attributes */
    enclose(&message, 2); /* ScopeSpans::spans */
    enclose(&message, 2); /* ResourceSpans::scope_spans */
    enclose(&message, 1);
    otc_edited_begin(&edited, factory, "{allow_all_keys: true, blocked_values: ['" VISA "']}");
    input = edited.rig.component->ops->input(edited.rig.component, OTC_TRACES);
    assert_int_equal(
        otc_consume(input, otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&message), 1, NULL), NULL, &err),
        OTC_RESOURCE_EXHAUSTED);
    assert_int_equal(otc_sink_calls(edited.sink), 0);
    otc_edited_end(&edited);
}

/* ---- Threads ------------------------------------------------------------------------------------ */

#define THREADS 4
#define BATCHES ((size_t)50)

static void *
send_secrets(void *arg)
{
    static const char with[] = "\x0a\x1d\x12\x1b\x12\x19\x4a\x17\x0a\x01s\x12\x12\x0a\x10"
                               "4111111111111111";
    struct otc_consumer *input = arg;
    size_t sent = 0;

    while (sent < BATCHES &&
           otc_consume(input, otc_batch_copy_of(OTC_TRACES, otc_slice_of(with, 31), 1, NULL), NULL, NULL) ==
               OTC_OK) {
        sent++;
    }
    return sent == BATCHES ? arg : NULL;
}

static void
batches_may_come_from_several_threads(void **state)
{
    pthread_t threads[THREADS];
    struct otc_edited edited;
    struct otc_consumer *input;

    (void)state;
    otc_edited_begin(&edited, factory,
                     "{allow_all_keys: true, blocked_values: ['" VISA "'], summary: debug}");
    input = edited.rig.component->ops->input(edited.rig.component, OTC_TRACES);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_secrets, input), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *sent;

        assert_int_equal(pthread_join(threads[i], &sent), 0);
        assert_non_null(sent);
    }
    assert_int_equal(otc_sink_batches(edited.sink), THREADS * BATCHES);
    for (size_t i = 0; i < THREADS * BATCHES; i++) {
        struct otc_slice part = otc_batch_part(otc_sink_batch(edited.sink, i), 0);

        assert_null(memmem(part.data, part.len, "4111", 4));
        assert_non_null(memmem(part.data, part.len, "****", 4));
    }
    otc_edited_end(&edited);
}

/* ---- Bodies ------------------------------------------------------------------------------------- */

static bool
append_body(void *arg, const struct otc_log_record *log)
{
    assert_true(otc_value_text(&log->body, arg));
    return true;
}

/* A log record of this body: the body afterwards, and the attributes. */
static const char *
log_of(struct otc_edited *edited, const char *body, struct otc_buf *out)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 1 << 16};
    const char *attributes;

    otc_buf_printf(&json, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":%s}]}]}]}", body);
    attributes = otc_edited_json(edited, OTC_LOGS, otc_buf_cstr(&json), NULL);
    otc_buf_clear(out);
    assert_int_equal(
        otc_walk_logs(NULL, otc_batch_part(otc_sink_batch(edited->sink, 0), 0), append_body, out, NULL),
        OTC_OK);
    otc_buf_printf(out, " %s", strstr(attributes, "item{") + 4);
    return otc_buf_cstr(out);
}

static const char map_body[] =
    "{\"kvlistValue\":{\"values\":[{\"key\":\"card\",\"value\":{\"stringValue\":\"4111111111111111\"}},{"
    "\"key\":\"in\","
    "\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"token\",\"value\":{\"stringValue\":\"t\"}},{\"key\":"
    "\"no\","
    "\"value\":{\"intValue\":\"4111111111111111\"}},{\"key\":\"token2\"}]}}},{\"key\":\"list\",\"value\":{"
    "\"arrayValue\":{\"values\":[{\"stringValue\":\"x\"},{\"stringValue\":\"4111111111111111\"}]}}},{\"key\":"
    "\"gone\","
    "\"value\":{\"boolValue\":true}}]}}";

static void
bodies_are_masked_too(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 16};
    struct otc_edited edited;

    (void)state;
    otc_edited_begin(&edited, factory,
                     "{allow_all_keys: true, blocked_values: ['" VISA
                     "'], allowed_values: [public], summary: debug}");
    assert_string_equal(log_of(&edited, "{\"stringValue\":\"pay 4111111111111111\"}", &out),
                        "pay **** {redaction.body.masked.keys='body' redaction.body.masked.count=1}");
    assert_string_equal(log_of(&edited, "{\"intValue\":\"4111111111111111\"}", &out),
                        "**** {redaction.body.masked.keys='body' redaction.body.masked.count=1}");
    assert_string_equal(log_of(&edited, "{\"stringValue\":\"public 4111111111111111\"}", &out),
                        "public 4111111111111111 {}");
    assert_string_equal(log_of(&edited, "{\"stringValue\":\"nothing\"}", &out), "nothing {}");
    assert_string_equal(
        log_of(&edited,
               "{\"arrayValue\":{\"values\":[{\"stringValue\":\"public\"},{\"arrayValue\":{\"values\":[{"
               "\"stringValue\":\"4111111111111111\"}]}}]}}",
               &out),
        "[\"public\",[\"****\"]] {redaction.body.masked.keys='[1].[0]' redaction.body.masked.count=1 "
        "redaction.body.allowed.keys='[0]' redaction.body.allowed.count=1}");
    otc_edited_end(&edited);
}

static void
keys_of_bodies_are_allowed_or_blocked(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 16};
    struct otc_edited edited;

    (void)state;
    otc_edited_begin(
        &edited, factory,
        "{allowed_keys: [card, in, list, token, token2, 'no'], ignored_keys: [list], blocked_values: ['" VISA
        "'], blocked_key_patterns: [token], summary: debug}");
    assert_string_equal(
        log_of(&edited, map_body, &out),
        "{\"card\":\"****\",\"in\":{\"no\":\"****\",\"token\":\"****\",\"token2\":\"****\"},\"list\":["
        "\"x\",\"4111111111111111\"]} {redaction.body.redacted.keys='gone' "
        "redaction.body.redacted.count=1 redaction.body.masked.keys='card,in.no,in.token,in.token2' "
        "redaction.body.masked.count=4 redaction.body.ignored.count=1}");
    otc_edited_end(&edited);
    otc_edited_begin(&edited, factory, "{allow_all_keys: true, blocked_values: ['" VISA "'], summary: info}");
    assert_string_equal(
        log_of(&edited, map_body, &out),
        "{\"card\":\"****\",\"gone\":true,\"in\":{\"no\":\"****\",\"token\":\"t\",\"token2\":null},"
        "\"list\":[\"x\",\"****\"]} {redaction.body.masked.count=3}");
    otc_edited_end(&edited);
}

/* ---- Wrong settings ----------------------------------------------------------------------------- */

static void
wrong_settings_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"blocked_values: ['(']", "blocked_values: [0]: error parsing regexp: missing closing ): `(`"},
        {"blocked_key_patterns: [a, '(?<=b)c']", "blocked_key_patterns: [1]: error parsing regexp: "},
        {"ignored_key_patterns: ['\\1']", "RE2 has no backreferences"},
        {"hash_function: crc32", "md5"},
        {"summary: verbose", "debug"},
        {"hash_function: hmac-sha256", "must be at least 32 bytes long for hash_function hmac-sha256, got 0"},
        {"{hash_function: hmac-sha512, hmac_key: 0123456789abcdef0123456789abcdef}",
         "must be at least 64 bytes long for hash_function hmac-sha512, got 32"},
        {"url_sanitizer: {enabled: true}",
         "is an OpenTelemetry Collector option that this build does not support"},
        {"db_sanitizer: {sql: {enabled: true}}",
         "is an OpenTelemetry Collector option that this build does not support"},
        {"blocked_keys: [a]", "has invalid keys: blocked_keys"},
    };
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_edited edited;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!otc_test_refuses(factory, cases[i][0], cases[i][1], &err)) {
            fail_msg("%s: %s", cases[i][0], err.text);
        }
    }
    /* What is off is no obstacle. */
    otc_edited_begin(&edited, factory, "{url_sanitizer: {enabled: false}, db_sanitizer: {}}");
    otc_edited_end(&edited);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_collectors_cases),
        cmocka_unit_test(the_documented_example),
        cmocka_unit_test(keys_are_removed_unless_they_are_allowed),
        cmocka_unit_test(values_are_masked_where_they_match),
        cmocka_unit_test(masked_texts_may_be_hashed),
        cmocka_unit_test(every_attribute_of_a_request_is_looked_at),
        cmocka_unit_test(what_holds_nothing_private_passes_as_it_is),
        cmocka_unit_test(messages_are_masked_inside_lists_and_maps),
        cmocka_unit_test(values_that_are_too_deep_do_not_pass),
        cmocka_unit_test(batches_may_come_from_several_threads),
        cmocka_unit_test(bodies_are_masked_too),
        cmocka_unit_test(keys_of_bodies_are_allowed_or_blocked),
        cmocka_unit_test(wrong_settings_are_refused),
    };

    return cmocka_run_group_tests_name("processors/redaction", tests, NULL, NULL);
}
