// SPDX-License-Identifier: Apache-2.0
/* Real traffic through the connector: Azure's conversation trace as reference, its code trace as spans. */
#include "common/analysis/reference.h"
#include "tests/unit/processors/drift/stage.h"

#include "common/base/number.h"

#include <unistd.h>

#define FOLDER "series/azure_llm_2023/AzureLLMInferenceTrace_"

struct row {
    int64_t time_ns;
    double context, generated;
};

/* One line "time,a,b"; false for the header and for what is no row. */
static bool
parse_row(const char *line, size_t len, struct row *out)
{
    const char *first = memchr(line, ',', len);
    const char *second = first ? memchr(first + 1, ',', len - (size_t)(first + 1 - line)) : NULL;
    size_t rest = second ? len - (size_t)(second + 1 - line) : 0;

    if (rest && second[rest] == '\r') {
        rest--;
    }
    return second &&
           otc_time_parse(otc_slice_of(line, (size_t)(first - line)), &out->time_ns, NULL) == OTC_OK &&
           otc_parse_double(otc_slice_of(first + 1, (size_t)(second - first - 1)), &out->context) &&
           otc_parse_double(otc_slice_of(second + 1, rest), &out->generated);
}

static size_t
read_rows(const char *name, struct row **out)
{
    struct otc_buf buf = {.limit = (size_t)16 << 20};
    char path[1024];
    size_t n = 0;
    char *line, *end;

    if (!otc_test_data_path(name, path)) {
        print_message("skipped: no verification data\n");
        return 0;
    }
    assert_true(otc_test_read(path, &buf));
    *out = calloc(buf.len / 20 + 1, sizeof(**out));
    assert_non_null(*out);
    line = (char *)buf.data;
    for (char *stop = (char *)buf.data + buf.len; line < stop; line = end + 1) {
        end = memchr(line, '\n', (size_t)(stop - line));
        end = end ? end : stop;
        n += parse_row(line, (size_t)(end - line), &(*out)[n]);
    }
    otc_buf_release(&buf);
    return n;
}

static void
write_reference(const struct row *rows, size_t n, char path[64])
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 10);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_buf text = {.limit = (size_t)64 << 20};
    struct otc_reference *reference;
    size_t context, generated;
    int file;

    assert_non_null(builder);
    context =
        otc_reference_builder_feature(builder, otc_slice_str("ContextTokens"), OTC_NUMERIC, OTC_KIND_INPUT);
    generated =
        otc_reference_builder_feature(builder, otc_slice_str("GeneratedTokens"), OTC_NUMERIC, OTC_KIND_INPUT);
    for (size_t i = 0; i < n; i++) {
        assert_true(otc_reference_builder_number(builder, context, rows[i].context, rows[i].time_ns));
        assert_true(otc_reference_builder_number(builder, generated, rows[i].generated, rows[i].time_ns));
    }
    assert_int_equal(otc_reference_builder_finish(builder, OTC_SLICE_NONE, "conv.csv", 0, &reference, &err),
                     OTC_OK);
    otc_reference_builder_free(builder);
    assert_int_equal(otc_reference_format(reference, &text, &err), OTC_OK);
    otc_reference_unref(reference);
    (void)snprintf(path, 64, "/tmp/drift-azure-XXXXXX");
    file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text.data, text.len), (ssize_t)text.len);
    (void)close(file);
    otc_buf_release(&text);
}

static void
replay(struct stage *stage, const struct row *rows, size_t n)
{
    const int64_t shift = stage_now(stage) - rows[n - 1].time_ns;

    for (size_t i = 0; i < n; i++) {
        const struct field fields[] = {INTEGER("ml.feature.ContextTokens", rows[i].context),
                                       INTEGER("ml.feature.GeneratedTokens", rows[i].generated)};

        record(stage, rows[i].time_ns + shift, fields, 2);
        if (stage->n_records == 500) {
            send(stage);
        }
    }
    send(stage);
}

static void
test_code_against_conversation(void **state)
{
    struct row *conv = NULL, *code = NULL;
    size_t n_conv = read_rows(FOLDER "conv.csv", &conv), n_code = read_rows(FOLDER "code.csv", &code);
    char path[64], yaml[512];
    struct stage *stage;

    (void)state;
    if (n_conv == 0 || n_code == 0) {
        free(conv);
        free(code);
        skip();
    }
    assert_int_equal(n_code, 8819);
    write_reference(conv, n_conv, path);
    (void)snprintf(
        yaml, sizeof(yaml),
        "reference: {file: %s}\nwindow: {length: 24h, pane: 1h, max_age: 48h}\nemit: {p_value: true}\n",
        path);
    stage = stage_new(yaml);
    /* A day in which the whole trace lies, between its panes and the clock. */
    otc_vhost_set_now(stage->vhost, OTC_VHOST_EPOCH_NS + 12 * OTC_HOUR + 40 * OTC_MINUTE);
    replay(stage, code, n_code);
    otc_vhost_advance(stage->vhost, OTC_HOUR);
    assert_float_equal(of_feature(stage, "ml.drift.window.observations", "ContextTokens"), 8819, 0);
    assert_float_equal(of_feature(stage, "ml.drift.ks", "ContextTokens"), 0.3460237727, 1e-9);
    assert_float_equal(of_feature(stage, "ml.drift.ks", "GeneratedTokens"), 0.809685941, 1e-9);
    assert_true(of_feature(stage, "ml.drift.psi", "GeneratedTokens") > 1);
    assert_float_equal(of_feature(stage, "ml.drift.reference.observations", "ContextTokens"), (double)n_conv,
                       0);
    assert_float_equal(look(stage, "ml.drift.p_value",
                            ATTRIBUTES("ml.feature.name", "GeneratedTokens", "ml.drift.test", "ks"))
                           .value,
                       0, 1e-300);
    assert_float_equal(of_model(stage, "ml.drift.window.coverage"), 2.0 / 24, 1e-12);
    stage_free(stage);
    (void)unlink(path);
    free(conv);
    free(code);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_code_against_conversation)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
