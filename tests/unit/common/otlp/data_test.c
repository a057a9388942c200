// SPDX-License-Identifier: Apache-2.0
/* Real requests, in protobuf and JSON: the walker against protobuf-c, and our JSON against Google's. */
#include "common/otlp/admit.h"
#include "common/otlp/json.h"
#include "common/otlp/json_encode.h"
#include "common/otlp/proto/collector.pb-c.h"
#include "tests/fuzz/oracle/otlp_oracle.h"
#include "tests/harness/data/testdata.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct otc_buf
read_file(const char *name)
{
    struct otc_buf bytes = {.limit = (size_t)1 << 24};
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
    return bytes;
}

static enum otc_signal
signal_of(const char *message)
{
    return strstr(message, "Trace") ? OTC_TRACES : strstr(message, "Metrics") ? OTC_METRICS : OTC_LOGS;
}

static const ProtobufCMessageDescriptor *
descriptor_of(enum otc_signal signal)
{
    return signal == OTC_TRACES    ? &otc__otlp__export_trace_service_request__descriptor
           : signal == OTC_METRICS ? &otc__otlp__export_metrics_service_request__descriptor
                                   : &otc__otlp__export_logs_service_request__descriptor;
}

/** Decodes and encodes again: equal messages become equal bytes. */
static struct otc_buf
canonical(enum otc_signal signal, struct otc_slice bytes)
{
    struct otc_buf out = {.limit = (size_t)1 << 24};
    ProtobufCMessage *tree = protobuf_c_message_unpack(descriptor_of(signal), NULL, bytes.len, bytes.data);
    size_t len;

    assert_non_null(tree);
    len = protobuf_c_message_get_packed_size(tree);
    assert_true(otc_buf_reserve(&out, len + 1));
    out.len = protobuf_c_message_pack(tree, out.data);
    protobuf_c_message_free_unpacked(tree, NULL);
    return out;
}

static void
check_document(const json_t *document, size_t *items)
{
    OTC_AUTO_BUF struct otc_buf bytes = read_file(json_string_value(json_object_get(document, "pb")));
    const char *name = json_string_value(json_object_get(document, "pb"));
    enum otc_signal signal = signal_of(json_string_value(json_object_get(document, "message")));
    const json_t *count = json_object_get(document, signal == OTC_TRACES ? "spans" : "log_records");
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_admitted admitted;
    size_t compared = 0;
    char why[256];

    if (otc_admit(signal, otc_buf_slice(&bytes), NULL, &admitted, &err) != OTC_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    if (signal != OTC_METRICS) {
        assert_int_equal(admitted.items, json_integer_value(count));
    }
    if (otc_oracle_check(signal, otc_buf_slice(&bytes), &compared, why) != OTC_ORACLE_AGREES) {
        fail_msg("%s: %s", name, why);
    }
    assert_int_equal(compared, admitted.items);
    *items += compared;
}

static void
every_request_is_admitted_and_walked_as_protobuf_c_decodes_it(void **state)
{
    json_t *index;
    size_t i, items = 0;
    const json_t *document;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    index = testdata_json("otlp/pb/index.json");
    json_array_foreach(json_object_get(index, "documents"), i, document)
    {
        check_document(document, &items);
    }
    assert_true(i > 100 && items > 500);
    json_decref(index);
}

static void
json_becomes_the_protobuf_that_google_makes_of_it(void **state)
{
    json_t *index;
    size_t i;
    const json_t *document;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    index = testdata_json("otlp/pb/index.json");
    json_array_foreach(json_object_get(index, "documents"), i, document)
    {
        OTC_AUTO_BUF struct otc_buf text = read_file(json_string_value(json_object_get(document, "json")));
        OTC_AUTO_BUF struct otc_buf bytes = read_file(json_string_value(json_object_get(document, "pb")));
        OTC_AUTO_BUF struct otc_buf ours = {.limit = (size_t)1 << 24};
        enum otc_signal signal = signal_of(json_string_value(json_object_get(document, "message")));
        struct otc_error err = OTC_ERROR_INIT;

        if (otc_json_to_protobuf(signal, otc_buf_slice(&text), 64, &ours, &err) != OTC_OK) {
            fail_msg("%s: %s", json_string_value(json_object_get(document, "json")), err.text);
        }
        OTC_AUTO_BUF struct otc_buf got = canonical(signal, otc_buf_slice(&ours));
        OTC_AUTO_BUF struct otc_buf want = canonical(signal, otc_buf_slice(&bytes));

        if (!otc_slice_equal(otc_buf_slice(&got), otc_buf_slice(&want))) {
            fail_msg("%s differs", json_string_value(json_object_get(document, "json")));
        }
    }
    json_decref(index);
}

/* Google's protobuf, as our JSON, and back: the same message. And the JSON says what Google's input said. */
static void
protobuf_becomes_json_and_comes_back(void **state)
{
    json_t *index;
    size_t i;
    const json_t *document;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    index = testdata_json("otlp/pb/index.json");
    json_array_foreach(json_object_get(index, "documents"), i, document)
    {
        const char *name = json_string_value(json_object_get(document, "pb"));
        OTC_AUTO_BUF struct otc_buf bytes = read_file(name);
        OTC_AUTO_BUF struct otc_buf text = {.limit = (size_t)1 << 26}, back = {.limit = (size_t)1 << 24};
        enum otc_signal signal = signal_of(json_string_value(json_object_get(document, "message")));
        struct otc_error err = OTC_ERROR_INIT;

        if (otc_protobuf_to_json(signal, otc_buf_slice(&bytes), &text, &err) != OTC_OK ||
            otc_json_to_protobuf(signal, otc_buf_slice(&text), 64, &back, &err) != OTC_OK) {
            fail_msg("%s: %s", name, err.text);
        }
        OTC_AUTO_BUF struct otc_buf got = canonical(signal, otc_buf_slice(&back));
        OTC_AUTO_BUF struct otc_buf want = canonical(signal, otc_buf_slice(&bytes));

        if (!otc_slice_equal(otc_buf_slice(&got), otc_buf_slice(&want))) {
            fail_msg("%s differs", name);
        }
    }
    assert_true(i > 100);
    json_decref(index);
}

/* The examples of opentelemetry-proto are in its own JSON, less fields that are 0 or empty. */
static bool
same_json(const json_t *ours, const json_t *theirs)
{
    const char *key;
    const json_t *value;
    size_t i;

    if (json_is_object(theirs)) {
        json_object_foreach((json_t *)(uintptr_t)theirs, key, value)
        {
            const json_t *mine = json_object_get(ours, key);

            if (mine ? !same_json(mine, value)
                     : !(json_is_number(value) && json_number_value(value) == 0) &&
                           !(json_is_string(value) && !*json_string_value(value)) &&
                           !(json_is_object(value) && json_object_size(value) == 0)) {
                printf("%s\n", key);
                return false;
            }
        }
        return true;
    }
    if (json_is_array(theirs)) {
        json_array_foreach(theirs, i, value)
        {
            if (!same_json(json_array_get(ours, i), value)) {
                return false;
            }
        }
        return json_array_size(ours) == json_array_size(theirs);
    }
    if (json_is_string(ours) && json_is_string(theirs)) {
        return strcasecmp(json_string_value(ours), json_string_value(theirs)) == 0; /* hex ids */
    }
    if (json_is_string(ours) &&
        json_is_integer(theirs)) { /* a 64-bit number that the input had as a number */
        return strtoll(json_string_value(ours), NULL, 10) == json_integer_value(theirs);
    }
    if (json_is_number(ours) && json_is_number(theirs)) {
        return json_number_value(ours) == json_number_value(theirs);
    }
    return json_equal(ours, theirs);
}

static void
the_examples_of_the_protocol_are_written_as_they_are(void **state)
{
    static const struct {
        const char *pb, *json;
        enum otc_signal signal;
    } files[] = {{"otlp/pb/proto_examples/trace.pb", "otlp/proto_examples/trace.json", OTC_TRACES},
                 {"otlp/pb/proto_examples/metrics.pb", "otlp/proto_examples/metrics.json", OTC_METRICS},
                 {"otlp/pb/proto_examples/logs.pb", "otlp/proto_examples/logs.json", OTC_LOGS}};

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        OTC_AUTO_BUF struct otc_buf bytes = read_file(files[i].pb);
        OTC_AUTO_BUF struct otc_buf text = {.limit = (size_t)1 << 24};
        json_t *theirs = testdata_json(files[i].json), *ours;

        assert_int_equal(otc_protobuf_to_json(files[i].signal, otc_buf_slice(&bytes), &text, NULL), OTC_OK);
        ours = json_loadb((const char *)text.data, text.len, 0, NULL);
        assert_non_null(ours);
        if (!same_json(ours, theirs)) {
            fail_msg("%s: %.*s", files[i].json, (int)text.len, (const char *)text.data);
        }
        json_decref(ours);
        json_decref(theirs);
    }
}

static void
a_request_cut_anywhere_is_refused_or_read_alike(void **state)
{
    static const struct {
        const char *name;
        enum otc_signal signal;
    } files[] = {{"otlp/pb/proto_examples/trace.pb", OTC_TRACES},
                 {"otlp/pb/proto_examples/metrics.pb", OTC_METRICS},
                 {"otlp/pb/proto_examples/logs.pb", OTC_LOGS}};

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        OTC_AUTO_BUF struct otc_buf bytes = read_file(files[i].name);
        char why[256];

        for (size_t len = 1; len < bytes.len; len++) {
            /* The one enclosing message is cut: nothing shorter can be sound. */
            assert_int_equal(otc_oracle_check(files[i].signal, otc_slice_of(bytes.data, len), NULL, why),
                             OTC_ORACLE_REFUSED);
        }
    }
}

static void
one_wrong_bit_never_makes_the_readers_disagree(void **state)
{
    (void)state;
    if (!testdata_here()) {
        skip();
    }
    OTC_AUTO_BUF struct otc_buf bytes = read_file("otlp/pb/proto_examples/metrics.pb");

    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        char why[256];

        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (otc_oracle_check(OTC_METRICS, otc_buf_slice(&bytes), NULL, why) == OTC_ORACLE_DISAGREES) {
            fail_msg("bit %zu: %s", bit, why);
        }
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_admitted_and_walked_as_protobuf_c_decodes_it),
        cmocka_unit_test(json_becomes_the_protobuf_that_google_makes_of_it),
        cmocka_unit_test(protobuf_becomes_json_and_comes_back),
        cmocka_unit_test(the_examples_of_the_protocol_are_written_as_they_are),
        cmocka_unit_test(a_request_cut_anywhere_is_refused_or_read_alike),
        cmocka_unit_test(one_wrong_bit_never_makes_the_readers_disagree),
    };

    return cmocka_run_group_tests_name("common/otlp/data", tests, NULL, NULL);
}
