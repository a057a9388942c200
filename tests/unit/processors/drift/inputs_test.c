// SPDX-License-Identifier: Apache-2.0
/* What comes in by other ways than attributes: texts and their vocabulary, inference requests, select. */
#include "tests/harness/close.h"
#include "tests/unit/processors/drift/stage.h"

#define QUICK                                                                                                \
    "reference: {learn: {observations: 200, duration: 0s}}\n"                                                \
    "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 20}\n"                          \
    "dependence: none\ndecision: {windows: 1 of 1}\n"

static void
say(struct stage *stage, const char *const *words, int seconds)
{
    static unsigned random = 1;

    for (int s = 0; s < seconds; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        for (int k = 0; k < 5; k++) {
            char text[256];
            int len = 0;

            for (int w = 0; w < 6; w++) {
                random = random * 1103515245u + 12345u;
                len += snprintf(text + len, sizeof(text) - (size_t)len, "%s ", words[random >> 16 & 7]);
            }
            record(stage, stage_now(stage), (struct field[]){TEXT("q", text)}, 1);
        }
        send(stage);
    }
    flush(stage);
}

static void
test_a_text_of_other_words_drifts_in_its_vocabulary_alone(void **state)
{
    static const char *const usual[] = {"rent", "loan", "bank", "rate", "debt", "cash", "fund", "gold"};
    static const char *const other[] = {"cats", "dogs", "bird", "fish", "loan", "rate", "wolf", "deer"};
    struct stage *stage = stage_new(QUICK "presets: []\n"
                                          "features: [{name: q, from: 'attributes[\"q\"]', type: text}]\n");

    (void)state;
    /* A hundred records make the vocabulary, a hundred the reference's shares. */
    say(stage, usual, 120);
    assert_float_equal(of_feature(stage, "ml.drift.reference.observations", "q.vocabulary_share"), 101, 2);
    assert_float_equal(of_feature(stage, "ml.drift.reference.observations", "q.length"), 200, 2);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "q.vocabulary_share"), 0, 0);
    assert_float_equal(of_feature(stage, "ml.drift.ks", "q.vocabulary_share"), 0, 0);
    say(stage, other, 120);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "q.vocabulary_share"), 1, 0);
    assert_true(of_feature(stage, "ml.drift.ks", "q.vocabulary_share") > 0.9);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "q.length"), 0, 0);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "q.words"), 0, 0);
    stage_free(stage);
}

static void
test_selected_records_count_even_when_they_carry_nothing(void **state)
{
    const struct field full[] = {TEXT("k", "v"), NUMBER("x", 1)}, bare[] = {TEXT("k", "v")},
                       other[] = {TEXT("k", "w"), NUMBER("x", 1)};
    struct stage *stage = stage_new(QUICK "presets: []\nfeatures: [{name: x, from: 'attributes[\"x\"]'}]\n"
                                          "select: 'attributes[\"k\"] == \"v\"'\n");

    (void)state;
    for (int i = 0; i < 200; i++) {
        record(stage, stage_now(stage), full, 2);
    }
    send(stage);
    flush(stage);
    for (int i = 0; i < 10; i++) {
        record(stage, stage_now(stage), bare, 1);
        record(stage, stage_now(stage), other, 2);
    }
    record(stage, stage_now(stage), full, 2);
    send(stage);
    flush(stage);
    assert_float_equal(of_model(stage, "ml.inference.records"), 211, 0);
    assert_float_equal(of_feature(stage, "ml.feature.missing", "x"), 10, 0);
    stage_free(stage);
}

static void
test_a_sampled_span_counts_as_those_it_stands_for(void **state)
{
    static const char *const states[] = {"ot=th:c", "ot=p:3;r:9", "vendor=x",
                                         NULL,      "ot=th:zz",   "ot=th:8,noequal"};
    const struct field fields[] = {NUMBER("x", 1)};
    struct stage *stage = stage_new(QUICK "presets: []\nfeatures: [{name: x, from: 'attributes[\"x\"]'}]\n");

    (void)state;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        stage->trace_state = states[i];
        record(stage, stage_now(stage), fields, 1);
    }
    send(stage);
    flush(stage);
    assert_float_equal(of_model(stage, "ml.inference.records"), 4 + 8 + 4, 0);
    assert_float_equal(
        look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "trace_state")).value, 2, 0);
    stage_free(stage);
}

static void
test_each_instance_of_a_request_is_a_record(void **state)
{
    const struct field request[] = {
        TEXT("input.value",
             "{\"instances\":[{\"age\":30,\"dwelling\":\"rent\"},{\"age\":40},{\"age\":1e300}]}"),
        TEXT("output.value", "{\"predictions\":[0.1,0.2,null]}")};
    const struct field broken[] = {TEXT("input.value", "{\"instances\":[{\"age\":30}")};
    struct stage *stage = stage_new(QUICK "presets: [kserve]\n");

    (void)state;
    for (int i = 0; i < 80; i++) {
        record(stage, stage_now(stage), request, 2);
    }
    record(stage, stage_now(stage), broken, 1);
    send(stage);
    flush(stage);
    /* Learned from 200 of them, the other 40 were kept meanwhile and counted right after. */
    assert_float_equal(of_model(stage, "ml.inference.records"), 240, 0);
    assert_float_equal(of_feature(stage, "ml.drift.reference.observations", "age"), 200, 0);
    assert_float_equal(of_feature(stage, "ml.drift.reference.observations", "dwelling"), 67, 0);
    assert_float_equal(of_feature(stage, "ml.drift.reference.observations", "prediction"), 134, 0);
    assert_float_equal(look(stage, "ml.feature.missing",
                            ATTRIBUTES("ml.feature.name", "prediction", "ml.feature.kind", "prediction"))
                           .value,
                       14, 0);
    assert_float_equal(of_feature(stage, "ml.feature.missing", "age"), 0, 0);
    stage_free(stage);
}

/* Vectors in a JSON text, around one direction or around another. */
static void
embed(struct stage *stage, double x, double y, int seconds)
{
    for (int s = 0; s < seconds; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        for (int k = 0; k < 5; k++) {
            double wobble = ((s * 5 + k) * 37 % 101 - 50) / 500.0;
            char text[128];

            (void)snprintf(text, sizeof(text), "{\"data\":[{\"embedding\":[%.17g,%.17g,0]}]}", x + wobble,
                           y - wobble);
            record(stage, stage_now(stage), (struct field[]){TEXT("out", text)}, 1);
        }
        send(stage);
    }
    flush(stage);
}

static void
test_embeddings_that_turn_away_from_the_mean_drift(void **state)
{
    struct stage *stage = stage_new(
        QUICK
        "presets: []\n"
        "features: [{name: e, from: 'json(attributes[\"out\"]).data[0].embedding', type: embedding}]\n");

    (void)state;
    /* Not a vector that a mean can be made of. */
    record(stage, stage_now(stage), (struct field[]){TEXT("out", "{\"data\":[{\"embedding\":[1e154,1,0]}]}")},
           1);
    embed(stage, 1, 0, 120);
    assert_float_equal(of_feature(stage, "ml.drift.reference.observations", "e.cosine_distance"), 101, 2);
    assert_float_equal(of_feature(stage, "ml.drift.reference.observations", "e.norm"), 200, 2);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "e.cosine_distance"), 0, 0);
    assert_float_equal(of_feature(stage, "ml.drift.embedding.components_drifted", "e.cosine_distance"), 0, 0);
    /* Turned by a right angle: the length stays, the distance becomes 1, and the third component is what it
     * was. */
    embed(stage, 0, -1, 120);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "e.cosine_distance"), 1, 0);
    assert_true(of_feature(stage, "ml.drift.ks", "e.cosine_distance") > 0.99);
    assert_true(fabs(3 * of_feature(stage, "ml.drift.embedding.components_drifted", "e.cosine_distance") -
                     2) < 1e-12);
    assert_float_equal(of_feature(stage, "ml.feature.invalid", "e.cosine_distance"), 0, 0);
    /* Another number of components, and no list of numbers. */
    record(stage, stage_now(stage), (struct field[]){TEXT("out", "{\"data\":[{\"embedding\":[1,2]}]}")}, 1);
    record(stage, stage_now(stage), (struct field[]){TEXT("out", "{\"data\":[{\"embedding\":[1,\"a\",0]}]}")},
           1);
    send(stage);
    flush(stage);
    assert_float_equal(of_feature(stage, "ml.feature.invalid", "e.cosine_distance"), 2, 0);
    assert_float_equal(of_feature(stage, "ml.feature.invalid", "e.norm"), 1, 0);
    stage_free(stage);
}

/* A span of OpenInference with `n` embeddings, whose texts lack every third. */
static void
embeddings_span(struct stage *stage, size_t n, const double direction[3])
{
    struct field *fields = calloc(2 * n + 2, sizeof(*fields));
    char(*keys)[64] = calloc(2 * n, sizeof(*keys));
    size_t n_fields = 0;

    assert_true(fields && keys);
    fields[n_fields++] = INTEGER("llm.token_count.total", 5);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(keys[2 * i], 64, "embedding.embeddings.%zu.embedding.vector", i);
        fields[n_fields++] = (struct field){.key = keys[2 * i], .vector = direction, .components = 3};
        if (i % 3 != 2) {
            (void)snprintf(keys[2 * i + 1], 64, "embedding.embeddings.%zu.embedding.text", i);
            fields[n_fields++] = TEXT(keys[2 * i + 1], "some words");
        }
    }
    /* Not of the list: no number, no such member. */
    fields[n_fields++] = TEXT("embedding.embeddings.x.embedding.text", "other");
    record(stage, stage_now(stage), fields, n_fields);
    free(fields);
    free(keys);
}

#define LIST                                                                                                 \
    "presets: []\nfeatures:\n"                                                                               \
    "  - {name: e, from: 'attributes[\"embedding.embeddings.*.embedding.vector\"]', type: embedding}\n"      \
    "  - {name: t, from: 'attributes[\"embedding.embeddings.*.embedding.text\"]', type: text}\n"             \
    "  - {name: tokens, from: 'attributes[\"llm.token_count.total\"]', type: numeric}\n"

/* Each embedding is a record, with its own text and what the span has; so that of each feature values,
 * missing and invalid ones are the records. */
static void
test_each_embedding_of_a_span_is_a_record(void **state)
{
    const double usual[3] = {1, 0, 0}, turned[3] = {0, 1, 0}, bad[3] = {1, NAN, 0};
    struct stage *stage = stage_new(QUICK LIST);

    (void)state;
    for (int s = 0; s < 100; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        embeddings_span(stage, 6, s < 50 ? usual : turned);
        send(stage);
    }
    /* Of other spans the tokens alone count. */
    record(stage, stage_now(stage), (struct field[]){INTEGER("llm.token_count.total", 5)}, 1);
    embeddings_span(stage, 6, bad);
    send(stage);
    flush(stage);
    assert_close(of_model(stage, "ml.inference.records"), 607, 0);
    /* 200 of them were learned. Of the other 407 one has no vector and six a bad one; 136 have no text. */
    assert_close(of_feature(stage, "ml.feature.missing", "e.norm"), 1, 0);
    assert_close(of_feature(stage, "ml.feature.invalid", "e.norm"), 6, 0);
    assert_close(of_feature(stage, "ml.feature.missing", "e.cosine_distance"), 1, 0);
    assert_close(of_feature(stage, "ml.feature.invalid", "e.cosine_distance"), 6, 0);
    assert_close(of_feature(stage, "ml.feature.missing", "t.words"), 137, 0);
    assert_close(of_feature(stage, "ml.feature.missing", "tokens"), 0, 0);
    assert_close(of_feature(stage, "ml.drift.detected", "e.cosine_distance"), 1, 0);
    assert_close(of_feature(stage, "ml.drift.detected", "t.length"), 0, 0);
    stage_free(stage);
}

/* More than are read are counted. */
static void
test_embeddings_of_a_span_are_bounded(void **state)
{
    const double usual[3] = {1, 0, 0};
    struct stage *stage = stage_new(
        QUICK
        "presets: []\nfeatures:\n"
        "  - {name: e, from: 'attributes[\"embedding.embeddings.*.embedding.vector\"]', type: embedding}\n");

    (void)state;
    otc_vhost_advance(stage->vhost, OTC_SECOND);
    embeddings_span(stage, 600, usual);
    send(stage);
    flush(stage);
    assert_close(of_model(stage, "ml.inference.records"), 512, 0);
    assert_close(look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "features")).value, 88,
                 0);
    stage_free(stage);
}

/* Spans of a resource, each of the resource's model or of one of its own. */
static void
add_resource(struct stage *stage, struct otc_buf *request, const char *service, const char *const *own,
             size_t n)
{
    struct otc_buf resource = {.limit = 1 << 16}, scope = {.limit = 1 << 16}, both = {.limit = 1 << 16};

    put_attribute(&resource, 1, &TEXT("service.name", service));
    for (size_t i = 0; i < n; i++) {
        struct otc_buf span = {.limit = 1 << 16};

        put_fixed64(&span, 8, (uint64_t)stage_now(stage));
        put_attribute(&span, 9, &NUMBER("x", 1));
        if (own[i]) {
            put_attribute(&span, 9, &TEXT("ml.model.name", own[i]));
        }
        put_message(&scope, 2, &span);
    }
    put_message(&both, 1, &resource);
    put_message(&both, 2, &scope);
    put_message(request, 1, &both);
}

static void
test_every_record_of_a_batch_counts_for_its_own_model(void **state)
{
    static const char *const first[] = {NULL, NULL, "own", NULL, "other", "own"}, *const second[] = {NULL,
                                                                                                     NULL};
    static const struct {
        const char *model;
        double records;
    } expected[] = {{"first", 6}, {"own", 4}, {"other", 2}, {"second", 4}};
    struct stage *stage =
        stage_new(QUICK "presets: []\nfeatures: [{name: x, from: 'attributes[\"x\"]', type: numeric}]\n");
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    for (int round = 0; round < 2; round++) {
        struct otc_buf request = {.limit = 1 << 20};

        add_resource(stage, &request, "first", first, 6);
        add_resource(stage, &request, "second", second, 2);
        assert_int_equal(otc_consume(stage->component->ops->input(stage->component, OTC_TRACES),
                                     otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&request), 8, NULL), NULL,
                                     &err),
                         OTC_OK);
        otc_buf_release(&request);
    }
    flush(stage);
    for (size_t i = 0; i < 4; i++) {
        assert_float_equal(
            look(stage, "ml.inference.records", ATTRIBUTES("ml.model.name", expected[i].model)).value,
            expected[i].records, 0);
    }
    stage_free(stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_record_of_a_batch_counts_for_its_own_model),
        cmocka_unit_test(test_a_text_of_other_words_drifts_in_its_vocabulary_alone),
        cmocka_unit_test(test_selected_records_count_even_when_they_carry_nothing),
        cmocka_unit_test(test_a_sampled_span_counts_as_those_it_stands_for),
        cmocka_unit_test(test_each_instance_of_a_request_is_a_record),
        cmocka_unit_test(test_embeddings_that_turn_away_from_the_mean_drift),
        cmocka_unit_test(test_each_embedding_of_a_span_is_a_record),
        cmocka_unit_test(test_embeddings_of_a_span_are_bounded),
    };

    return cmocka_run_group_tests_name("drift/inputs", tests, NULL, NULL);
}
