// SPDX-License-Identifier: Apache-2.0
/* private.yaml as it stands: what an application sends leaves without what must not. */
#include "common/component/client.h"
#include "common/otlp/value_text.h"
#include "tests/scenarios/example.h"

static void
open_private(struct fixture *f)
{
    static const struct otc_factory *const ends[] = {&otc_test_source_receiver_factory,
                                                     &otc_test_sink_exporter_factory, NULL};
    static const char *const locations[] = {"otel-config-examples/private.yaml",
                                            "yaml:receivers::test_source: {}",
                                            "yaml:exporters::test_sink: {}",
                                            "yaml:service::pipelines::traces::receivers: [test_source]",
                                            "yaml:service::pipelines::traces::exporters: [test_sink]",
                                            "yaml:service::pipelines::logs::receivers: [test_source]",
                                            "yaml:service::pipelines::logs::exporters: [test_sink]"};
    struct otc_error err = OTC_ERROR_INIT;

    *f = (struct fixture){0};
    if (otc_document_load(locations, sizeof(locations) / sizeof(locations[0]), NULL, &f->doc, &err) !=
        OTC_OK) {
        fail_msg("%s", err.text);
    }
    start_service(f, ends);
}

/* Sends a request and returns the part that came out. */
static struct otc_slice
through(enum otc_signal signal, const char *json, size_t items, struct otc_client *client)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;

    otc_sink_clear(otc_test_sink_find("test_sink"));
    if (otc_json_to_protobuf(signal, otc_slice_str(json), 64, &bytes, &err) != OTC_OK ||
        otc_test_source_send("test_source", otc_batch_copy_of(signal, otc_buf_slice(&bytes), items, client),
                             NULL, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(otc_sink_batches(otc_test_sink_find("test_sink")), 1);
    return otc_batch_part(otc_sink_batch(otc_test_sink_find("test_sink"), 0), 0);
}

static bool
holds(struct otc_slice part, const char *text)
{
    return memmem(part.data, part.len, text, strlen(text)) != NULL;
}

static void
what_must_not_leave_does_not(void **state)
{
    static const struct otc_client_pair metadata[] = {{OTC_SLICE_LIT("x-tenant"), OTC_SLICE_LIT("acme")}};
    struct otc_client *client = otc_client_new(OTC_SLICE_NONE, metadata, 1, NULL, 0);
    struct otc_slice out;
    struct fixture f;

    (void)state;
    open_private(&f);
    out = through(
        OTC_TRACES,
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"process.command_args\",\"value\":{"
        "\"stringValue\":\"--token=t0ken\"}}]},\"scopeSpans\":[{\"spans\":[{\"name\":\"GET /\",\"kind\":3,"
        "\"attributes\":[{\"key\":\"url.full\",\"value\":{\"stringValue\":\"http://a/b?who=jane\"}},{\"key\":"
        "\"http.request.header.cookie\",\"value\":{\"stringValue\":\"s3cret\"}},{\"key\":\"user.email\","
        "\"value\":{\"stringValue\":\"jane@example.com\"}},{\"key\":\"kept\",\"value\":{\"stringValue\":"
        "\"here\"}}]}]}]}]}",
        1, client);
    assert_false(holds(out, "s3cret") || holds(out, "jane") || holds(out, "t0ken"));
    assert_true(holds(out, "http://a/b"));
    assert_true(holds(out, "GET /") && holds(out, "here") && holds(out, "acme") &&
                holds(out, "cloud.region"));
    out =
        through(OTC_LOGS,
                "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityNumber\":5,\"body\":{"
                "\"stringValue\":\"debugging\"}},{\"body\":{\"stringValue\":\"paid with "
                "4111 1111 "
                "1111 1111 "
                "today\"},\"attributes\":[{\"key\":\"client_secret\",\"value\":{\"stringValue\":\"hush\"}},{"
                "\"key\":\"gen_ai.input.messages\",\"value\":{\"stringValue\":\"use "
                "sk-abcdefghijklmnop1234\"}}]}]}]}]}",
                2, client);
    assert_false(holds(out, "4111") || holds(out, "hush") || holds(out, "sk-abc") || holds(out, "debugging"));
    assert_true(holds(out, "paid with **** today") && holds(out, "use ****") &&
                holds(out, "redaction.masked.count"));
    otc_client_unref(client);
    close_service(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_must_not_leave_does_not)};

    return cmocka_run_group_tests_name("scenarios/private", tests, NULL, NULL);
}
