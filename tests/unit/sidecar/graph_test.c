// SPDX-License-Identifier: Apache-2.0
#include "sidecar/log.h"
#include "tests/harness/vhost.h"
#include "tests/unit/sidecar/nop.h"

#define BASE "receivers: {nop: }\nprocessors: {nop: }\nexporters: {nop: }\n"
#define TRACES "service: {pipelines: {traces: {receivers: [nop], exporters: [nop]}}}\n"

/* Decode, validate and build, as far as it goes; the stage's error is in `err`. */
static otc_status
load(const char *text, struct otc_vhost *vhost, struct otc_error *err)
{
    struct otc_document *doc = NULL;
    otc_status status = otc_document_parse(otc_slice_str(text), "c.yaml", &doc, err);

    return status == OTC_OK ? nop_build(doc, vhost, err) : status;
}

static const struct {
    const char *text;
    const char *error;
} errors[] = {
    /* ---- decoding ---- */
    {BASE "foo: 1\n" TRACES,
     "decoding failed due to the following error(s):\n\n'' has invalid keys: foo (c.yaml:4:1)"},
    {BASE "service: {telemetry: {unknown: 1}, pipelines: {}}",
     "'service.telemetry' has invalid keys: unknown (c.yaml:4:23)"},
    {"receivers: {nop: {sise: 1}}\nexporters: {nop: }\n" TRACES,
     "decoding failed due to the following error(s):\n\n'receivers' error reading configuration for \"nop\": "
     "decoding "
     "failed due to the following error(s):\n\n'' has invalid keys: sise (did you mean \"size\"?) "
     "(c.yaml:1:19)"},
    {"receivers: {nop: {size: x}}\nexporters: {nop: }\n" TRACES,
     "'size' expected type 'int', got unconvertible type 'string' (c.yaml:1:19)"},
    {"receivers: {nop: {timeout: 5 parsecs}}\nexporters: {nop: }\n" TRACES, "'timeout' time: "},
    {"receivers: {nop: x}\nexporters: {nop: }\n" TRACES,
     "'[nop]' expected type 'map[string]interface {}', got unconvertible type 'string' (c.yaml:1:13)"},
    {"receivers: {nop: }\nprocessors: {nosuchprocessor: }\nexporters: {nop: }\n" TRACES,
     "'processors' unknown type: \"nosuchprocessor\" for id: \"nosuchprocessor\" (valid values: [nop]) "
     "(c.yaml:2:14)"},
    {"receivers: {nopp/x: }\nexporters: {nop: }\n" TRACES,
     "'receivers' unknown type: \"nopp\" for id: \"nopp/x\" (valid values: [nop traces_only]), did you mean "
     "\"nop\"?"},
    {BASE "receivers: {}\n" TRACES, "mapping key \"receivers\" already defined at line 1"},
    {"receivers: {nop: }\nexporters: {logging: }\n" TRACES,
     "the logging exporter has been deprecated, use the debug exporter instead"},
    {"receivers: {nop/ a: , nop/a: }\nexporters: {nop: }\n" TRACES,
     "duplicate name \"nop/a\" after unmarshaling"},
    {"receivers: {nop/: }\n", "in \"nop/\" id: the part after / should not be empty"},
    {"receivers: {/x: }\n", "in \"/x\" id: the part before / should not be empty"},
    {"receivers: {'': }\n", "id must not be empty"},
    {"receivers: {n-p: }\n", "invalid character(s) in type \"n-p\""},
    {"receivers: {'nop/a b': }\n", "invalid character(s) in name \"a b\""},
    {"receivers: [nop]\n", "'receivers' expected a map or struct, got \"slice\" (c.yaml:1:1)"},
    {BASE "service: {pipelines: {profiles: {receivers: [nop], exporters: [nop]}}}",
     "pipeline \"profiles\": profiling signal support is at alpha level, gated under the "
     "\"service.profilesSupport\" feature gate"},
    {BASE "service: {pipelines: {spans: {}}}", "unknown pipeline type \"spans\" in \"spans\""},
    {BASE "service: {pipelines: {traces: {receivers: {nop: }, exporters: [nop]}}}",
     "[traces].receivers' source data must be an array or slice, got map (c.yaml:4:32)"},
    {BASE "service: {pipelines: {traces: {receiver: [nop]}}}",
     "'service.pipelines[traces]' has invalid keys: receiver (did you mean \"receivers\"?)"},
    {BASE "service: {telemetry: {logs: {level: loud}}}",
     "'service.telemetry.logs.level' unknown value \"loud\""},
    /* ---- validation ---- */
    {"", "empty configuration file"},
    {"exporters: {nop: }\n" TRACES, "no receiver configuration specified in config"},
    {"receivers: {nop: }\n" TRACES, "no exporter configuration specified in config"},
    {BASE, "service::pipelines: service must have at least one pipeline"},
    {BASE "service: {pipelines: {traces: {exporters: [nop]}}}",
     "service::pipelines::traces: must have at least one receiver (c.yaml:4:23)"},
    {BASE "service: {pipelines: {traces: {receivers: [nop]}}}",
     "service::pipelines::traces: must have at least one exporter (c.yaml:4:23)"},
    {BASE "service: {pipelines: {traces: {receivers: [nop], processors: [nop, nop], exporters: [nop]}}}",
     "service::pipelines::traces: references processor \"nop\" multiple times (c.yaml:4:68)"},
    {BASE "service: {pipelines: {traces: {receivers: [nop], processors: [invalid], exporters: [nop]}}}",
     "service::pipelines::traces: references processor \"invalid\" which is not configured (c.yaml:4:63)"},
    {BASE "service: {pipelines: {traces: {receivers: [nop/2], exporters: [nop]}}}",
     "service::pipelines::traces: references receiver \"nop/2\" which is not configured (c.yaml:4:44)"},
    {BASE "service: {pipelines: {traces: {receivers: [nop], exporters: [nop/2]}}}",
     "service::pipelines::traces: references exporter \"nop/2\" which is not configured (c.yaml:4:62)"},
    {BASE "service: {extensions: [nop], pipelines: {traces: {receivers: [nop], exporters: [nop]}}}",
     "service::extensions: references extension \"nop\" which is not configured (c.yaml:4:24)"},
    {BASE "connectors: {nop: }\n" TRACES,
     "connectors::nop: ambiguous ID: Found both \"nop\" exporter and \"nop\" connector. Change one of the "
     "components' "
     "IDs to eliminate ambiguity (e.g. rename \"nop\" connector to \"nop/connector\") (c.yaml:4:14)"},
    {"receivers: {nop: {size: 0}}\nexporters: {nop: }\n" TRACES,
     "receivers::nop::size: must be between 1 and 100, got 0 (c.yaml:1:19)"},
    {"receivers: {nop: {timeout: -1}}\nexporters: {nop: }\n" TRACES,
     "receivers::nop::timeout: must be at least 0s"},
    {"receivers: {nop: {size: 13}}\nexporters: {nop: }\n" TRACES,
     "receivers::nop::size: 13 brings bad luck (c.yaml:1:19)"},
    {BASE "service: {telemetry: {metrics: {level: basic, readers: []}}, pipelines: {}}",
     "collector telemetry metrics reader should exist when metric level is not none"},
    /* ---- graph ---- */
    {"receivers: {nop: }\nexporters: {nop: }\nconnectors: {nop/connector1: }\n"
     "service: {pipelines: {logs/in1: {receivers: [nop], exporters: [nop]}, "
     "logs/in2: {receivers: [nop/connector1], exporters: [nop]}}}",
     "failed to build pipelines: connector \"nop/connector1\" used as receiver in [logs/in2] pipeline but "
     "not used in "
     "any supported exporter pipeline (c.yaml:4:94)"},
    {"receivers: {nop: }\nexporters: {nop: }\nconnectors: {nop/c: }\n"
     "service: {pipelines: {logs: {receivers: [nop], exporters: [nop/c]}, "
     "traces: {receivers: [nop/c], exporters: [nop]}}}",
     "failed to build pipelines: connector \"nop/c\" used as exporter in [logs] pipeline but not used in any "
     "supported receiver pipeline (c.yaml:4:60)"},
    {"receivers: {nop: }\nexporters: {nop: }\nconnectors: {nop/forward: }\n"
     "service: {pipelines: {traces: {receivers: [nop, nop/forward], exporters: [nop/forward]}}}",
     "failed to build pipelines: cycle detected: connector \"nop/forward\" (traces to traces) -> connector "
     "\"nop/forward\" (traces to traces)"},
    {"receivers: {nop: }\nexporters: {nop: }\nprocessors: {nop: }\nconnectors: {nop/a: , nop/b: }\n"
     "service: {pipelines: {traces/1: {receivers: [nop, nop/b], exporters: [nop/a]}, "
     "traces/2: {receivers: [nop/a], processors: [nop], exporters: [nop/b]}}}",
     "cycle detected: connector \"nop/b\" (traces to traces) -> connector \"nop/a\" (traces to traces) -> "
     "processor "
     "\"nop\" in pipeline \"traces/2\" -> connector \"nop/b\" (traces to traces)"},
    {BASE "extensions: {nop/a: {needs: nop/b}, nop/b: {needs: nop/a}}\n"
          "service: {extensions: [nop/a, nop/b], pipelines: {traces: {receivers: [nop], exporters: [nop]}}}",
     "failed to build pipelines: unable to order extensions by dependencies, cycle found: "},
    {"receivers: {traces_only: }\nexporters: {nop: }\n"
     "service: {pipelines: {logs: {receivers: [traces_only], exporters: [nop]}}}",
     "failed to build pipelines: failed to create \"traces_only\" receiver for data type \"logs\": telemetry "
     "type is "
     "not supported"},
};

static void
wrong_configurations_are_refused_with_their_text(void **state)
{
    struct otc_vhost *vhost = otc_vhost_new();

    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (load(errors[i].text, vhost, &err) == OTC_OK) {
            fail_msg("accepted:\n%s", errors[i].text);
        }
        if (strstr(err.text, errors[i].error) == NULL) {
            fail_msg("for:\n%s\nexpected: %s\ngot:      %s", errors[i].text, errors[i].error, err.text);
        }
    }
    otc_vhost_free(vhost);
}

static void
right_configurations_are_built(void **state)
{
    static const char *const texts[] = {
        BASE TRACES,
        BASE "extensions: {nop: , nop/unused: }\nconnectors: {nop/c: }\n"
             "service: {extensions: [nop], telemetry: {resource: {a: b, service.name: }, logs: {level: "
             "debug, encoding: json, "
             "initial_fields: {x: y}}, metrics: {level: none}}, pipelines: {\"logs/in\": {receivers: [nop], "
             "processors: [], "
             "exporters: [nop/c]}, logs/out: {receivers: [nop/c], exporters: [nop]}}}",
        "receivers: {nop/ 1: }\nexporters: {null: }\n"
        "service: {pipelines: {traces: {receivers: [nop / 1], exporters: ['null']}}}",
        BASE "service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 0.0.0.0, port: "
             "9}}}}]}}, "
             "pipelines: {traces: {receivers: nop, exporters: nop}}}",
    };
    struct otc_vhost *vhost = otc_vhost_new();

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (load(texts[i], vhost, &err) != OTC_OK) {
            fail_msg("%s\n%s", texts[i], err.text);
        }
    }
    otc_vhost_free(vhost);
}

struct fixture {
    struct otc_vhost *vhost;
    struct otc_document *doc;
    struct otc_service_config *config;
    struct otc_service *service;
};

static void
open_service(struct fixture *f, const char *text)
{
    struct otc_error err = OTC_ERROR_INIT;

    nop_journal[0] = '\0';
    f->vhost = otc_vhost_new();
    if (otc_document_parse(otc_slice_str(text), "c.yaml", &f->doc, &err) != OTC_OK ||
        otc_service_config_new(otc_document_root(f->doc), nop_registry, &f->config, &err) != OTC_OK ||
        otc_service_config_validate(f->config, &err) != OTC_OK ||
        otc_service_new(f->config, otc_vhost_host(f->vhost), &f->service, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static void
close_service(struct fixture *f)
{
    otc_service_free(f->service);
    otc_service_config_free(f->config);
    otc_document_free(f->doc);
    otc_vhost_free(f->vhost);
}

#define CONNECTED                                                                                            \
    "receivers: {nop: }\nprocessors: {nop: , nop/2: }\nexporters: {nop: , nop/m: }\nconnectors: {nop/c: }\n" \
    "extensions: {nop: , nop/x: }\n"                                                                         \
    "service: {extensions: [nop/x, nop], pipelines: {"                                                       \
    "metrics: {receivers: [nop/c], processors: [nop], exporters: [nop/m]}, "                                 \
    "traces: {receivers: [nop], processors: [nop, nop/2], exporters: [nop, nop/c]}}}"

static void
components_start_from_the_end_and_stop_from_the_front(void **state)
{
    struct fixture f = {0};
    struct otc_error err = OTC_ERROR_INIT;
    int64_t now;

    (void)state;
    open_service(&f, CONNECTED);
    assert_string_equal(nop_journal, "");
    assert_int_equal(otc_service_start(f.service, &err), OTC_OK);
    assert_string_equal(
        nop_journal, "+extension:nop/x +extension:nop +exporter:nop/m +processor:nop@metrics +exporter:nop "
                     "+connector:nop/c +processor:nop/2@traces +processor:nop@traces +receiver:nop");
    assert_int_equal(otc_vhost_state(f.vhost, "nop/m"), OTC_STATE_OK);
    assert_non_null(otc_service_extension(f.service, "nop/x"));
    assert_null(otc_service_extension(f.service, "nop/y"));
    nop_journal[0] = '\0';
    now = otc_vhost_host(f.vhost)->monotonic_ns(otc_vhost_host(f.vhost));
    assert_int_equal(otc_service_shutdown(f.service, now + 8 * OTC_SECOND, &err), OTC_OK);
    assert_int_equal(nop_deadlines[OTC_RECEIVER], now + 4 * OTC_SECOND);
    assert_int_equal(nop_deadlines[OTC_EXPORTER], now + 8 * OTC_SECOND);
    assert_string_equal(
        nop_journal,
        "-receiver:nop -processor:nop@traces -processor:nop/2@traces -connector:nop/c -exporter:nop "
        "-processor:nop@metrics -exporter:nop/m -extension:nop -extension:nop/x");
    nop_journal[0] = '\0';
    assert_int_equal(otc_service_shutdown(f.service, 0, &err), OTC_OK);
    assert_string_equal(nop_journal, "");
    close_service(&f);
}

static void
a_log_line_tells_who_speaks(void **state)
{
    struct otc_log_scope scope = {0};
    struct fixture f = {0};

    (void)state;
    open_service(&f, CONNECTED);
    /* As a component got its id, though four others have the same. */
    otc_service_scope(f.service, nop_sources[0]->id, &scope);
    assert_string_equal(scope.kind, "receiver");
    assert_string_equal(scope.signal, "traces");
    assert_null(scope.pipeline);
    /* A copy, told apart by its name alone. */
    scope = (struct otc_log_scope){0};
    otc_service_scope(f.service, "nop/2", &scope);
    assert_string_equal(scope.kind, "processor");
    assert_string_equal(scope.pipeline, "traces");
    scope = (struct otc_log_scope){0};
    otc_service_scope(f.service, "nop/c", &scope);
    assert_string_equal(scope.kind, "connector");
    assert_string_equal(scope.signal, "traces");
    assert_string_equal(scope.output, "metrics");
    scope = (struct otc_log_scope){0};
    otc_service_scope(f.service, "nop", &scope);
    assert_null(scope.kind);
    otc_service_scope(f.service, "telemetry", &scope);
    assert_null(scope.kind);
    close_service(&f);
}

static void
extensions_start_behind_those_they_name(void **state)
{
    static const char text[] =
        BASE "extensions: {nop: {needs: nop/b}, nop/a: , nop/b: {needs: nop/c}, nop/c: , nop/unused: }\n"
             "service: {extensions: [nop/a, nop, nop/b, nop/c], "
             "pipelines: {traces: {receivers: [nop], exporters: [nop]}}}";
    struct fixture f = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    open_service(&f, text);
    assert_int_equal(otc_service_start(f.service, &err), OTC_OK);
    assert_string_equal(nop_journal, "+extension:nop/a +extension:nop/c +extension:nop/b +extension:nop "
                                     "+exporter:nop +receiver:nop");
    nop_journal[0] = '\0';
    assert_int_equal(otc_service_shutdown(f.service, 0, &err), OTC_OK);
    assert_string_equal(nop_journal, "-receiver:nop -exporter:nop -extension:nop -extension:nop/b "
                                     "-extension:nop/c -extension:nop/a");
    close_service(&f);
}

static void
a_failed_start_stops_what_runs(void **state)
{
    struct fixture f = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    open_service(&f, "receivers: {nop/fails: }\nexporters: {nop: }\n"
                     "service: {pipelines: {traces: {receivers: [nop/fails], exporters: [nop]}}}");
    assert_int_equal(otc_service_start(f.service, &err), OTC_UNAVAILABLE);
    assert_string_equal(err.text, "cannot start pipelines: failed to start \"nop/fails\" receiver: no luck");
    assert_string_equal(nop_journal, "+exporter:nop +receiver:nop/fails -receiver:nop/fails -exporter:nop");
    close_service(&f);
}

static void
a_failed_shutdown_is_told_and_the_rest_still_stops(void **state)
{
    struct fixture f = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    open_service(&f, "receivers: {nop/sticks: }\nexporters: {nop: }\n"
                     "service: {pipelines: {traces: {receivers: [nop/sticks], exporters: [nop]}}}");
    assert_int_equal(otc_service_start(f.service, &err), OTC_OK);
    nop_journal[0] = '\0';
    assert_int_equal(otc_service_shutdown(f.service, 0, &err), OTC_INTERNAL);
    assert_string_equal(err.text, "failed to shutdown \"nop/sticks\" receiver: stuck");
    assert_string_equal(nop_journal, "-receiver:nop/sticks -exporter:nop");
    close_service(&f);
}

static void
batches_take_the_configured_way(void **state)
{
    struct fixture f = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    open_service(&f, CONNECTED);
    nop_journal[0] = '\0';
    assert_non_null(nop_sources[0]);
    assert_int_equal(otc_consume(nop_sources[0]->next[OTC_TRACES],
                                 otc_batch_copy_of(OTC_TRACES, OTC_SLICE_NONE, 0, NULL), NULL, &err),
                     OTC_OK);
    assert_string_equal(nop_journal,
                        ">processor:nop@traces >processor:nop/2@traces >exporter:nop >connector:nop/c "
                        ">processor:nop@metrics >exporter:nop/m");
    assert_null(nop_sources[0]->next[OTC_LOGS]);
    close_service(&f);
}

/* As the Collector counts them, by processor and signal. */
static void
items_are_counted_on_both_sides_of_a_processor(void **state)
{
    static const struct {
        const char *labels;
        int64_t items;
    } cases[] = {{"processor=nop,otel.signal=traces", 12},
                 {"processor=nop/2,otel.signal=traces", 12},
                 {"processor=nop,otel.signal=metrics", 0}};
    struct fixture f = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    open_service(&f, CONNECTED);
    for (size_t items = 5; items <= 7; items += 2) {
        assert_int_equal(otc_consume(nop_sources[0]->next[OTC_TRACES],
                                     otc_batch_copy_of(OTC_TRACES, OTC_SLICE_NONE, items, NULL), NULL, &err),
                         OTC_OK);
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(otc_vhost_metric(f.vhost, "otelcol_processor_incoming_items", cases[i].labels),
                         cases[i].items);
        assert_int_equal(otc_vhost_metric(f.vhost, "otelcol_processor_outgoing_items", cases[i].labels),
                         cases[i].items);
    }
    close_service(&f);
}

static void
collect(void *arg, const char *text)
{
    otc_buf_printf(arg, "%s\n", text);
}

static void
collect_note(void *arg, const struct otc_config_note *note)
{
    otc_buf_printf(arg, "%s\n", note->text);
}

static void
explanations_notes_and_printing(void **state)
{
    struct fixture f = {0};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_buf out = {.limit = 65536};
    struct otc_document *doc = NULL;

    (void)state;
    open_service(&f,
                 "receivers: {nop: {size: 3, token: hush}}\nexporters: {null: }\n"
                 "service: {telemetry: {logs: {processors: [{batch: {exporter: {otlp: {headers: "
                 "{key1: hush}}}}}, {simple: {exporter: {otlp: {headers: [{name: key1, value: hush}]}}}}]}}, "
                 "pipelines: {traces: {receivers: [nop], exporters: [\"null\"]}}}");
    assert_int_equal(otc_service_config_explain(f.config, collect, &out, &err), OTC_OK);
    assert_string_equal(otc_buf_cstr(&out), "receivers::nop:\n  size 3\nexporters::null:\n  size 10\n");
    otc_buf_clear(&out);
    otc_service_config_notes(f.config, collect_note, &out);
    assert_string_equal(
        otc_buf_cstr(&out),
        "exporters::null: \"null\" alias is deprecated; use \"nop\" instead (c.yaml:2:13)\n"
        "service::telemetry::logs::processors: accepted, without effect here (c.yaml:3:30)\n");
    otc_buf_clear(&out);
    assert_int_equal(otc_document_parse(OTC_SLICE_NONE, "", &doc, &err), OTC_OK);
    assert_true(otc_node_print(otc_service_config_describe(f.config, doc), OTC_CONFIG_YAML, &out));
    assert_non_null(strstr(otc_buf_cstr(&out), "receivers:\n    nop:\n        size: 3\n        timeout: 5s\n"
                                               "        token: \"[REDACTED]\"\n"));
    assert_non_null(strstr(otc_buf_cstr(&out), "            receivers:\n                - nop\n"));
    assert_non_null(strstr(otc_buf_cstr(&out), "key1: \"[REDACTED]\"\n"));
    assert_non_null(strstr(otc_buf_cstr(&out), "name: key1\n"));
    assert_null(strstr(otc_buf_cstr(&out), "hush"));
    otc_document_free(doc);
    otc_buf_release(&out);
    close_service(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_configurations_are_refused_with_their_text),
        cmocka_unit_test(right_configurations_are_built),
        cmocka_unit_test(components_start_from_the_end_and_stop_from_the_front),
        cmocka_unit_test(a_log_line_tells_who_speaks),
        cmocka_unit_test(extensions_start_behind_those_they_name),
        cmocka_unit_test(a_failed_start_stops_what_runs),
        cmocka_unit_test(a_failed_shutdown_is_told_and_the_rest_still_stops),
        cmocka_unit_test(batches_take_the_configured_way),
        cmocka_unit_test(items_are_counted_on_both_sides_of_a_processor),
        cmocka_unit_test(explanations_notes_and_printing),
    };

    return cmocka_run_group_tests_name("sidecar/graph", tests, NULL, NULL);
}
