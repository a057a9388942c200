// SPDX-License-Identifier: Apache-2.0
/*
 * The presets of generative calls on real requests of a dozen SDKs: what is found equals the facts that were
 * read off each document, and what the documents themselves say.
 */
#include "common/analysis/features.h"
#include "common/analysis/model.h"
#include "common/config/document.h"
#include "common/config/schema.h"
#include "tests/harness/data.h"
#include "tests/harness/data/testdata.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define OBSERVED_MAX 64

/* One document while it is walked. */
struct reading {
    struct otc_feature_set *set;
    struct otc_feature_reader *reader;
    const struct otc_model_config *model;
    const char *file;
    const json_t *facts;
    const json_t *spans; /* of the JSON document, in its order */
    size_t at;
    size_t records, with_model, with_tokens, first_chunks;
};

static const struct otc_observed *
find(const struct otc_feature_set *set, const struct otc_observed *observed, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (otc_slice_equal_str(otc_feature_set_at(set, observed[i].feature)->name, name)) {
            return &observed[i];
        }
    }
    return NULL;
}

/* The first raw count of the facts is what the feature shows; a text is no number. */
static bool
check_tokens(const struct reading *r, const json_t *raw, const struct otc_observed *found)
{
    const json_t *value;
    const char *key;
    double number = NAN;

    json_object_foreach((json_t *)(uintptr_t)raw, key, value)
    {
        if (!found) {
            fail_msg("%s span %zu: %s is not found", r->file, r->at, key);
        }
        if (json_is_string(value)) {
            assert_int_equal(otc_value_number(&found->value, &number), OTC_CLASS_INVALID);
        } else if (otc_value_number(&found->value, &number) != OTC_CLASS_VALUE ||
                   number != json_number_value(value)) {
            fail_msg("%s span %zu: %s: got %g", r->file, r->at, key, number);
        }
    }
    if (!raw && found) {
        fail_msg("%s span %zu: tokens that the facts do not know", r->file, r->at);
    }
    return raw != NULL;
}

/* The facts' model is the one that answered where the document says so: our name or our version. */
static bool
check_model(const struct reading *r, const struct otc_record *record, const char *model)
{
    struct otc_model_key key;

    otc_model_key_of(r->model, record->values, &key);
    if (model && !otc_slice_equal_str(key.name, model) && !otc_slice_equal_str(key.version, model)) {
        fail_msg("%s span %zu: model %s, got %.*s", r->file, r->at, model, OTC_SLICE_ARG(key.name));
    }
    return model != NULL;
}

static double
nanos(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_string(value) ? strtod(json_string_value(value), NULL) : json_number_value(value);
}

/* Seconds to the first event that tells of a token, read off the JSON document. */
static double
first_chunk(const json_t *span)
{
    const json_t *event;
    size_t i;

    json_array_foreach(json_object_get(span, "events"), i, event)
    {
        const char *name = json_string_value(json_object_get(event, "name"));

        if (name && (strcmp(name, "First Token Stream Event") == 0 ||
                     strcmp(name, "llm.content.completion.chunk") == 0)) {
            return (nanos(event, "timeUnixNano") - nanos(span, "startTimeUnixNano")) / 1e9;
        }
    }
    return NAN;
}

static void
check_seconds(const struct reading *r, const struct otc_observed *found, double want, double tolerance)
{
    double number = NAN;

    if (isnan(want) ? found != NULL
                    : !found || otc_value_number(&found->value, &number) != OTC_CLASS_VALUE ||
                          fabs(number - want) > tolerance) {
        fail_msg("%s span %zu: %g s, want %g", r->file, r->at, number, want);
    }
}

/* Only its own SDK's names tell that this is a generative call; no preset speaks that dialect. */
static bool
is_vercel_alone(const char *file)
{
    return strstr(file, "05917_should_apply_the_same_ai_sdk_name") != NULL;
}

static bool
on_span(void *arg, const struct otc_span *span)
{
    struct reading *r = arg;
    const json_t *fact = json_array_get(r->facts, r->at);
    const char *model = json_string_value(json_object_get(fact, "model"));
    struct otc_observed observed[OBSERVED_MAX];
    size_t n, lost;
    size_t records =
        otc_feature_reader_begin(r->reader, &(struct otc_subject){.record = &span->record, .span = span},
                                 observed, OBSERVED_MAX, &n, &lost);
    const struct otc_observed *duration = find(r->set, observed, n, "duration");
    bool input, output;

    assert_non_null(fact);
    assert_int_equal(lost, 0);
    r->with_model += check_model(r, &span->record, model);
    input =
        check_tokens(r, json_object_get(fact, "input_tokens_raw"), find(r->set, observed, n, "input_tokens"));
    output = check_tokens(r, json_object_get(fact, "output_tokens_raw"),
                          find(r->set, observed, n, "output_tokens"));
    r->with_tokens += input || output;
    if ((records > 0) != ((model && !is_vercel_alone(r->file)) || input || output)) {
        fail_msg("%s span %zu: %zu records", r->file, r->at, records);
    }
    if (records > 0) {
        double chunk = first_chunk(json_array_get(r->spans, r->at));

        check_seconds(r, duration, nanos(fact, "duration_ns") / 1e9, 1e-9);
        check_seconds(r, find(r->set, observed, n, "time_to_first_chunk"), chunk, 1e-6);
        r->first_chunks += !isnan(chunk);
    }
    r->records += records;
    r->at++;
    return true;
}

/* All spans of a JSON document in their order; the elements are borrowed from it. */
static json_t *
spans_of(const json_t *document)
{
    json_t *all = json_array();
    const json_t *resource, *scope;
    json_t *span;
    size_t i, j, k;

    json_array_foreach(json_object_get(document, "resourceSpans"), i, resource)
    {
        json_array_foreach(json_object_get(resource, "scopeSpans"), j, scope)
        {
            json_array_foreach(json_object_get(scope, "spans"), k, span)
            {
                json_array_append(all, span);
            }
        }
    }
    return all;
}

static void
read_document(struct reading *r, const struct otc_projection *projection, const json_t *entry)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = (size_t)16 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    json_t *document, *spans;
    char pb[1024], path[1024];
    size_t len;

    r->file = json_string_value(json_object_get(entry, "file"));
    r->facts = json_object_get(entry, "facts");
    r->at = 0;
    document = testdata_json(r->file);
    spans = spans_of(document);
    r->spans = spans;
    (void)snprintf(pb, sizeof(pb), "otlp/pb/%s", r->file + strlen("otlp/"));
    len = strlen(pb);
    (void)snprintf(pb + len - strlen(".json"), sizeof(pb) - len, ".pb");
    testdata_path(pb, path, sizeof(path));
    if (!otc_test_read(path, &bytes)) {
        fail_msg("%s cannot be read", path);
    }
    assert_int_equal(otc_walk_spans(projection, otc_buf_slice(&bytes), on_span, r, &err), OTC_OK);
    assert_int_equal(r->at, json_array_size(r->facts));
    json_decref(spans);
    json_decref(document);
}

static void
what_is_found_equals_the_facts(void **state)
{
    char gen_ai[] = "gen_ai", openinference[] = "openinference", openllmetry[] = "openllmetry",
         mlflow[] = "mlflow";
    char *names[] = {gen_ai, openinference, openllmetry, mlflow};
    const otc_strings presets = {names, 4};
    const struct otc_feature_settings settings = {&presets, NULL, NULL};
    struct otc_wanted wanted[OTC_PROJECTION_MAX];
    struct otc_projection *projection = NULL;
    struct otc_config *config = NULL;
    struct otc_document *yaml = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    struct reading r = {0};
    json_t *facts;
    const json_t *entry;
    size_t i, first;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    assert_int_equal(otc_document_parse(otc_slice_str("{}"), "test.yaml", &yaml, &err), OTC_OK);
    assert_int_equal(otc_config_decode(&otc_model_schema, otc_document_root(yaml), "model", &config, &err),
                     OTC_OK);
    r.model = otc_config_value(config);
    assert_int_equal(otc_feature_set_new(&settings, &r.set, &err), OTC_OK);
    first = otc_model_wanted(r.model, wanted);
    assert_int_equal(
        otc_projection_new(wanted, first + otc_feature_set_wanted(r.set, wanted + first), &projection, &err),
        OTC_OK);
    r.reader = otc_feature_reader_new(r.set, first, OTC_FEATURE_JSON_BYTES);
    facts = testdata_json("otlp/genai/facts.json");
    json_array_foreach(json_object_get(facts, "cases"), i, entry)
    {
        read_document(&r, projection, entry);
    }
    /* Of 36 documents; so many that none was passed over. */
    assert_int_equal(r.with_model, 9);
    assert_int_equal(r.with_tokens, 9);
    assert_int_equal(r.records, 13);
    assert_int_equal(r.first_chunks, 2);
    json_decref(facts);
    otc_feature_reader_free(r.reader);
    otc_projection_free(projection);
    otc_feature_set_free(r.set);
    otc_config_free(config);
    otc_document_free(yaml);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_equals_the_facts),
    };

    return cmocka_run_group_tests_name("analysis/genai_facts", tests, NULL, NULL);
}
