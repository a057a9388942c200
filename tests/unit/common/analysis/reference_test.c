// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/reference.h"

#include "common/base/codec.h"
#include "common/base/hash.h"
#include "common/stats/bins.h"
#include "tests/unit/common/analysis/oracle.h"

#include <math.h>
#include <unistd.h>

#define DAY_NS INT64_C(86400000000000)

static struct otc_reference_builder *
new_builder(const struct otc_reference_limits *limits)
{
    struct otc_reference_builder *builder = otc_reference_builder_new(limits, 10);

    assert_non_null(builder);
    return builder;
}

static struct otc_reference *
freeze(struct otc_reference_builder *builder)
{
    struct otc_reference *reference = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_reference_builder_finish(builder, otc_slice_str("credit"), "train.csv", 1700000000000000000,
                                     &reference, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_reference_builder_free(builder);
    return reference;
}

static size_t
add_feature(struct otc_reference_builder *builder, const char *name, enum otc_feature_type type)
{
    return otc_reference_builder_feature(builder, otc_slice_str(name), type, OTC_KIND_INPUT);
}

/** A mixed reference: many values, few values, categories, one of each kind of bad value. */
static struct otc_reference *
mixed_reference(void)
{
    struct otc_reference_builder *builder = new_builder(&OTC_REFERENCE_LIMITS_DEFAULT);
    size_t income = add_feature(builder, "income", OTC_NUMERIC);
    size_t grade = add_feature(builder, "grade", OTC_NUMERIC);
    size_t country = add_feature(builder, "country", OTC_CATEGORICAL);

    for (int i = 0; i < 1000; i++) {
        int64_t time = 1700000000000000000 + i * DAY_NS / 100;

        assert_true(otc_reference_builder_number(builder, income, i * 0.1 - 3, time));
        assert_true(otc_reference_builder_number(builder, grade, i % 7, time));
        assert_true(
            otc_reference_builder_text(builder, country, otc_slice_str(i % 3 ? "de" : "f\"r\u00e9"), time));
    }
    assert_true(otc_reference_builder_number(builder, income, NAN, INT64_MIN));
    assert_true(otc_reference_builder_number(builder, income, INFINITY, INT64_MIN));
    assert_true(otc_reference_builder_text(builder, grade, otc_slice_str("A"), INT64_MIN));
    assert_true(otc_reference_builder_text(builder, country, OTC_SLICE_NONE, INT64_MIN));
    return freeze(builder);
}

static void
test_build(void **state)
{
    struct otc_reference *reference = mixed_reference();
    const struct otc_reference_feature *income = otc_reference_find(reference, otc_slice_str("income"));
    const struct otc_reference_feature *grade = otc_reference_find(reference, otc_slice_str("grade"));
    const struct otc_reference_feature *country =
        otc_reference_find_kind(reference, OTC_KIND_INPUT, otc_slice_str("country"));

    (void)state;
    assert_int_equal(reference->rows, 1002);
    assert_int_equal(income->observations, 1000);
    assert_int_equal(income->missing, 1);
    assert_int_equal(income->invalid, 1);
    assert_int_equal(income->n_edges, 9);
    assert_int_equal(income->cells.total, 1000);
    assert_close(income->min, -3, 0);
    assert_close(income->max, 96.9, 1e-9);
    assert_close(income->mean, 46.95, 1e-9);
    assert_int_equal(income->n_time_blocks, 24);
    assert_true(income->design_effect > 40); /* it only ever rises: n / P */
    assert_true(grade->value_bins);
    assert_int_equal(otc_reference_bins(grade), 8);
    assert_int_equal(grade->invalid, 1);
    assert_close(grade->design_effect, 1, 0.1);
    assert_int_equal(country->n_categories, 2);
    assert_true(otc_slice_equal_str(country->categories[0].name, "de"));
    assert_int_equal(country->categories[0].count, 666);
    assert_int_equal(country->missing, 1);
    assert_null(otc_reference_find(reference, otc_slice_str("nobody")));
    assert_null(otc_reference_find_kind(reference, OTC_KIND_TOKENS, otc_slice_str("income")));
    otc_reference_unref(otc_reference_ref(reference));
    otc_reference_unref(reference);
}

static void
assert_same_feature(const struct otc_reference_feature *a, const struct otc_reference_feature *b)
{
    assert_true(otc_slice_equal(a->name, b->name));
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->observations, b->observations);
    assert_int_equal(a->cells.n, b->cells.n);
    assert_int_equal(a->n_edges, b->n_edges);
    assert_int_equal(a->n_categories, b->n_categories);
    assert_int_equal(a->n_time_blocks, b->n_time_blocks);
    assert_true(a->design_effect == b->design_effect);
    assert_true(a->mean == b->mean && a->standard_deviation == b->standard_deviation);
    assert_true(a->mean_excess == b->mean_excess);
    for (size_t i = 0; i < a->cells.n; i++) {
        assert_true(a->cells.points[i] == b->cells.points[i]);
        assert_int_equal(a->cells.eq[i], b->cells.eq[i]);
        assert_int_equal(a->cells.gap[i], b->cells.gap[i]);
    }
    for (size_t i = 0; i < a->n_categories; i++) {
        assert_true(otc_slice_equal(a->categories[i].name, b->categories[i].name));
        assert_int_equal(a->categories[i].count, b->categories[i].count);
    }
}

static void
format(const struct otc_reference *reference, struct otc_buf *text)
{
    *text = (struct otc_buf){.limit = (size_t)1 << 24};
    assert_int_equal(otc_reference_format(reference, text, NULL), OTC_OK);
}

/** Built, written, read: the same numbers and the same hash. */
static void
test_round_trip(void **state)
{
    struct otc_reference *built = mixed_reference();
    struct otc_reference *loaded = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    char path[] = "/tmp/otc_reference_XXXXXX";
    int fd = mkstemp(path);
    struct otc_buf text;

    (void)state;
    assert_true(fd >= 0);
    format(built, &text);
    assert_int_equal(write(fd, text.data, text.len), (ssize_t)text.len);
    assert_int_equal(close(fd), 0);
    if (otc_reference_load(path, 10000, &loaded, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(unlink(path), 0);
    assert_string_equal(built->hash, loaded->hash);
    assert_int_equal(built->created_ns, loaded->created_ns);
    assert_true(otc_slice_equal(built->model, loaded->model));
    assert_true(otc_slice_equal(built->source, loaded->source));
    assert_int_equal(built->n_features, loaded->n_features);
    for (size_t i = 0; i < built->n_features; i++) {
        assert_same_feature(&built->features[i], &loaded->features[i]);
    }
    otc_buf_release(&text);
    otc_reference_unref(built);
    otc_reference_unref(loaded);
    assert_int_equal(otc_reference_load("/nonexistent/x.json", 0, &loaded, &err), OTC_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nonexistent/x.json"));
}

/** More distinct values than allowed: quantile points with the ends, edges still exact. */
static void
test_capped(void **state)
{
    struct otc_reference_limits limits = {1000, 128, 200, 0, 10, 0, 0, 0, OTC_BINNING_QUANTILE};
    struct otc_reference_builder *builder = new_builder(&limits);
    size_t at = add_feature(builder, "x", OTC_NUMERIC);
    const struct otc_reference_feature *x;
    struct otc_reference *reference;
    uint64_t bins[10];
    uint64_t most = 0;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        assert_true(otc_reference_builder_number(builder, at, sin(i) * i, INT64_MIN));
    }
    reference = freeze(builder);
    x = otc_reference_find(reference, otc_slice_str("x"));
    assert_true(x->cells.n >= 128 && x->cells.n <= 128 + 9);
    assert_close(x->cells.points[0], x->min, 0);
    assert_close(x->cells.points[x->cells.n - 1], x->max, 0);
    assert_int_equal(x->cells.gap[0], 0);
    assert_int_equal(x->cells.gap[x->cells.n], 0);
    for (size_t i = 0; i <= x->cells.n; i++) {
        most = x->cells.gap[i] > most ? x->cells.gap[i] : most;
    }
    assert_true(most <= 5000 / 127 + 1);
    otc_reference_bin_counts(x, x->cells.eq, x->cells.gap, bins);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(bins[i], 500);
    }
    assert_close(x->design_effect, 1, 0); /* the order is unknown */
    otc_reference_unref(reference);
}

/** With a minimum count no point tells a rarer value, and deciles stay exact. */
static void
test_private(void **state)
{
    struct otc_reference_limits limits = {10000, 1024, 200, 5, 10, 0, 0, 0, OTC_BINNING_QUANTILE};
    struct otc_reference_builder *builder = new_builder(&limits);
    size_t salary = add_feature(builder, "salary", OTC_NUMERIC);
    size_t town = add_feature(builder, "town", OTC_CATEGORICAL);
    struct otc_reference *reference;
    const struct otc_reference_feature *feature;
    uint64_t bins[10];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_true(otc_reference_builder_number(builder, salary, 1000 + 3.25 * i, INT64_MIN));
        assert_true(otc_reference_builder_text(builder, town,
                                               otc_slice_str(i == 0  ? "Nowhere"
                                                             : i % 2 ? "Ulm"
                                                                     : "Bonn"),
                                               INT64_MIN));
    }
    reference = freeze(builder);
    feature = otc_reference_find(reference, otc_slice_str("salary"));
    assert_true(feature->cells.n > 100);
    for (size_t i = 0; i < feature->cells.n; i++) {
        assert_int_equal(feature->cells.eq[i], 0);
    }
    for (size_t i = 0; i <= feature->cells.n; i++) {
        assert_true(feature->cells.gap[i] >= 4); /* edges may cut one off */
    }
    otc_reference_bin_counts(feature, feature->cells.eq, feature->cells.gap, bins);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(bins[i], 100);
    }
    feature = otc_reference_find(reference, otc_slice_str("town"));
    assert_int_equal(feature->n_categories, 2);
    assert_int_equal(feature->other, 1);
    otc_reference_unref(reference);
}

/** A bounded builder keeps a sample and still knows how many it saw. */
/* The lowest and the highest floor(0.01 * 250) of the values are left out, and nothing seems missing for it.
 */
static void
test_trimmed(void **state)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference *reference;
    const struct otc_reference_feature *feature;
    size_t at;

    (void)state;
    limits.trim = 0.01;
    builder = new_builder(&limits);
    at = add_feature(builder, "x", OTC_NUMERIC);
    for (int i = 0; i < 250; i++) {
        assert_true(otc_reference_builder_number(builder, at, i < 3 ? i * -1e9 : i, INT64_MIN));
    }
    otc_reference_builder_missing(builder, at);
    assert_int_equal(otc_reference_builder_finish(builder, OTC_SLICE_NONE, "t", 0, &reference, &err), OTC_OK);
    otc_reference_builder_free(builder);
    feature = otc_reference_find(reference, otc_slice_str("x"));
    assert_int_equal(feature->values, 250);
    assert_int_equal(feature->missing, 1);
    assert_int_equal(feature->observations, 246);
    assert_int_equal(feature->cells.total, 246);
    /* -2e9 and -1e9 are gone with 248 and 249; 0 (i = 0) is the lowest left. */
    assert_float_equal(feature->min, 0, 0);
    assert_float_equal(feature->max, 247, 0);
    otc_reference_unref(reference);
}

/* A grid tells apart what lies far outside of what was seen. */
static void
test_outer_points(void **state)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference *reference;
    const struct otc_cells *cells;
    size_t at;

    (void)state;
    limits.outer_points = 16;
    builder = new_builder(&limits);
    at = add_feature(builder, "x", OTC_NUMERIC);
    for (int i = 0; i <= 160; i++) {
        assert_true(otc_reference_builder_number(builder, at, i, INT64_MIN));
    }
    assert_int_equal(otc_reference_builder_finish(builder, OTC_SLICE_NONE, "t", 0, &reference, &err), OTC_OK);
    otc_reference_builder_free(builder);
    cells = &otc_reference_find(reference, otc_slice_str("x"))->cells;
    assert_int_equal(cells->total, 161);
    assert_int_equal(cells->n, 161 + 32); /* the deciles of 0 … 160 are whole */
    assert_float_equal(cells->points[0], -10 * 32768, 0);
    assert_float_equal(cells->points[15], -10, 0);
    assert_float_equal(cells->points[16], 0, 0);
    assert_float_equal(cells->points[161 + 16], 170, 0);
    assert_float_equal(cells->points[161 + 31], 160 + 10 * 32768, 0);
    otc_reference_unref(reference);
}

static void
test_sampled(void **state)
{
    struct otc_reference_limits limits = {10000, 1024, 200, 0, 10, 500, 0, 0, OTC_BINNING_QUANTILE};
    struct otc_reference_builder *builder = new_builder(&limits);
    size_t at = add_feature(builder, "x", OTC_NUMERIC);
    struct otc_reference *reference;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        assert_true(otc_reference_builder_number(builder, at, i, i * DAY_NS));
    }
    assert_int_equal(otc_reference_builder_observations(builder, at), 10000);
    reference = freeze(builder);
    assert_int_equal(reference->features[0].observations, 500);
    assert_int_equal(reference->features[0].values, 10000);
    assert_close(reference->features[0].mean, 5000, 500); /* four standard errors */
    otc_reference_unref(reference);
}

static void
test_empty_and_limits(void **state)
{
    struct otc_reference_builder *builder = otc_reference_builder_new(&OTC_REFERENCE_LIMITS_DEFAULT, 2);
    struct otc_reference *reference;
    struct otc_buf text;
    struct otc_reference *loaded;

    (void)state;
    assert_int_equal(add_feature(builder, "a", OTC_NUMERIC), 0);
    assert_int_equal(add_feature(builder, "a", OTC_NUMERIC), 0);
    assert_int_equal(add_feature(builder, "b", OTC_CATEGORICAL), 1);
    assert_int_equal(add_feature(builder, "c", OTC_NUMERIC), SIZE_MAX);
    otc_reference_builder_missing(builder, 0);
    reference = freeze(builder);
    assert_int_equal(reference->features[0].cells.n, 0);
    format(reference, &text);
    assert_int_equal(otc_reference_parse(otc_buf_slice(&text), "empty", 10, &loaded, NULL), OTC_OK);
    assert_string_equal(reference->hash, loaded->hash);
    otc_buf_release(&text);
    otc_reference_unref(loaded);
    otc_reference_unref(reference);
}

static void
test_canonical_numbers(void **state)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {{1.0, "1"},   {-0.0, "0"},  {1.5, "1.5"},
                 {-17, "-17"}, {0.1, "0.1"}, {123456789012, "123456789012"}};
    char text[32];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = otc_canonical_number(cases[i].number, text);

        assert_true(otc_slice_equal_str(otc_slice_of(text, len), cases[i].text));
    }
}

#define HEAD "{\"format\": \"otelcol-aimon reference\", \"version\": 1, \"rows\": 3, \"features\": ["
#define NUMERIC                                                                                              \
    "{\"name\": \"age\", \"kind\": \"input\", \"type\": \"numeric\", \"observations\": 3, \"min\": 1, "      \
    "\"max\": 3, \"mean\": 2, \"standard_deviation\": 1, "
#define CATEGORICAL                                                                                          \
    "{\"name\": \"land\", \"kind\": \"input\", \"type\": \"categorical\", \"observations\": 3, "
#define TAIL "]}"

static const struct {
    const char *json;
    const char *says;
} broken[] = {
    {"", "bad JSON"},
    {"[]", "expected an object"},
    {"{\"rows\": 3}", "not a reference file"},
    {"{\"format\": \"otelcol-aimon reference\", \"version\": 2}", "reads version 1 only"},
    {"{\"format\": \"otelcol-aimon reference\", \"version\": 1}", "rows: expected a whole number"},
    {"{\"format\": \"otelcol-aimon reference\", \"version\": 1, \"rows\": -3}", "rows: -3 is not allowed"},
    {HEAD "7" TAIL, "features[0]: name: expected a string"},
    {HEAD NUMERIC "\"edges\": [], \"counts\": [3]}" TAIL, "feature 'age': points: expected an array"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, 3, 2], \"counts\": [1, 1, 1]}" TAIL,
     "feature 'age': points[2]: 2 does not exceed the one before it, 3"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, 1, 2], \"counts\": [1, 1, 1]}" TAIL, "points[1]"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, \"2\", 3], \"counts\": [1, 1, 1]}" TAIL,
     "points[1]: expected a finite number, got a string"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, null, 3], \"counts\": [1, 1, 1]}" TAIL, "points[1]"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, NaN, 3], \"counts\": [1, 1, 1]}" TAIL, "bad JSON"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, 1e999, 3], \"counts\": [1, 1, 1]}" TAIL, "bad JSON"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, 2, 3], \"counts\": [1, -1, 3]}" TAIL,
     "counts[1]: expected a count"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, 2, 3], \"counts\": [1, 1.5, 1]}" TAIL, "counts[1]"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, 2], \"counts\": [1, 1, 1]}" TAIL,
     "counts: expected 2 counts, got 3"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, 2, 3], \"counts\": [1, 1, 2]}" TAIL,
     "counts and gaps add up to 4, but observations is 3"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, 2], \"counts\": [1, 1], \"gaps\": [0, 1]}" TAIL,
     "gaps: expected 3 counts, got 2"},
    {HEAD NUMERIC
     "\"edges\": [], \"points\": [1, 2], \"counts\": [4611686018427387904, 4611686018427387904]}" TAIL,
     "counts[1]"},
    {HEAD NUMERIC "\"edges\": [2.5], \"points\": [1, 2, 3], \"counts\": [1, 1, 1]}" TAIL,
     "edges[0]: 2.5 is none of the points"},
    {HEAD NUMERIC "\"edges\": [3, 2], \"points\": [1, 2, 3], \"counts\": [1, 1, 1]}" TAIL, "edges[1]"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, 2, 3], \"counts\": [1, 1, 1], \"design_effect\": 0.5}" TAIL,
     "design_effect: 0.5 is not allowed"},
    {HEAD NUMERIC "\"edges\": [], \"points\": [1, 2, 3], \"counts\": [1, 1, 1], \"time_blocks\": [[1]]}" TAIL,
     "time_blocks[0]"},
    {HEAD "{\"name\": \"age\", \"kind\": \"input\", \"type\": \"text\"}" TAIL, "type: expected \"numeric\""},
    {HEAD "{\"name\": \"age\", \"kind\": \"toy\", \"type\": \"numeric\"}" TAIL, "kind: expected \"input\""},
    {HEAD CATEGORICAL "\"categories\": [[\"a\", 2], [\"a\", 1]]}" TAIL, "categories[1]: 'a' is there twice"},
    {HEAD CATEGORICAL "\"categories\": [[\"a\"]]}" TAIL, "categories[0]: expected"},
    {HEAD CATEGORICAL "\"categories\": [[\"a\", 2]]}" TAIL, "add up to 2, but observations is 3"},
    {HEAD CATEGORICAL "\"categories\": {\"a\": 3}}" TAIL, "categories: expected an array"},
    {HEAD CATEGORICAL "\"categories\": [[\"a\", 3]]}, " CATEGORICAL "\"categories\": [[\"a\", 3]]}" TAIL,
     "feature 'land' (input) is there twice"},
    {"{\"hash\": \"0123\", " /* the rest is sound */
     "\"format\": \"otelcol-aimon reference\", \"version\": 1, \"rows\": 0, \"features\": []}",
     "the file was changed after it was built"},
};

/** Every broken file has its own message, which begins with its name. */
static void
test_broken_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_reference *reference = NULL;

        assert_int_equal(
            otc_reference_parse(otc_slice_str(broken[i].json), "refs/a.json", 0, &reference, &err),
            OTC_INVALID_ARGUMENT);
        assert_int_equal(strncmp(err.text, "refs/a.json: ", 13), 0);
        if (!strstr(err.text, broken[i].says)) {
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.text, broken[i].says);
        }
    }
}

/** A table where a reference file is expected: the error says how to make one; a broken reference's does not.
 */
static void
test_what_is_no_reference_file(void **state)
{
    static const struct {
        const char *text;
        bool hinted;
    } files[] = {{"age,income\n1,2\n", true},
                 {"{\"age\": 1}", true},
                 {"[1]", true},
                 {"{\"format\": \"otelcol-aimon reference\", \"version\": 2}", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_reference *reference = NULL;

        assert_int_equal(otc_reference_parse(otc_slice_str(files[i].text), "train.csv", 0, &reference, &err),
                         OTC_INVALID_ARGUMENT);
        assert_int_equal(strstr(err.text, "a reference file is what `otelcol-aimon reference build") != NULL,
                         files[i].hinted);
    }
}

/** A file cut short anywhere is refused. */
static void
test_truncated(void **state)
{
    struct otc_reference *reference = mixed_reference();
    struct otc_buf text;

    (void)state;
    format(reference, &text);
    for (size_t len = 0; len + 2 < text.len; len += 1 + len / 50) {
        struct otc_reference *loaded = NULL;

        assert_int_equal(otc_reference_parse(otc_slice_of(text.data, len), "cut", 0, &loaded, NULL),
                         OTC_INVALID_ARGUMENT);
    }
    otc_buf_release(&text);
    otc_reference_unref(reference);
}

/** A file with more points than a configuration allows names the command that makes a smaller one. */
static void
test_too_many_cells(void **state)
{
    struct otc_reference *reference = mixed_reference();
    struct otc_reference *loaded = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_buf text;

    (void)state;
    format(reference, &text);
    assert_int_equal(otc_reference_parse(otc_buf_slice(&text), "refs/a.json", 999, &loaded, &err),
                     OTC_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.text, "feature 'income'"));
    assert_non_null(strstr(err.text, "reference build --input train.csv --output refs/a.json --cells 999"));
    /* Edges do not count: exactly the distinct values fit. */
    assert_int_equal(otc_reference_parse(otc_buf_slice(&text), "refs/a.json", 1000, &loaded, &err), OTC_OK);
    otc_reference_unref(loaded);
    otc_buf_release(&text);
    otc_reference_unref(reference);
}

/** The hash is XXH3's 128 bits: of nothing, and of a text whole or in parts. */
static void
test_hash(void **state)
{
    struct otc_hasher *hasher = otc_hasher_new();
    char whole[OTC_HASH_TEXT];
    char parts[OTC_HASH_TEXT];

    (void)state;
    otc_hash_hex(OTC_SLICE_NONE, whole);
    assert_string_equal(whole,
                        "99aa06d3014798d86001c324468d497f"); /* XXH3_128bits("", 0), xxHash's own test */
    assert_non_null(hasher);
    otc_hasher_add(hasher, otc_slice_str("refer"));
    otc_hasher_add(hasher, otc_slice_str("ence"));
    otc_hasher_hex(hasher, parts);
    otc_hasher_free(hasher);
    otc_hash_hex(otc_slice_str("reference"), whole);
    assert_string_equal(whole, parts);
}

/* A stored sample that is no place among the stored categories is refused, not followed. */
static void
test_stored_places(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    struct otc_reference_builder *builder = new_builder(&OTC_REFERENCE_LIMITS_DEFAULT);
    const double place = 2, beyond = 3;
    struct otc_buf bytes = {.limit = 1 << 20};
    struct otc_reader in;
    uint8_t *at;

    (void)state;
    assert_int_equal(
        otc_reference_builder_feature(builder, otc_slice_str("x"), OTC_CATEGORICAL, OTC_KIND_INPUT), 0);
    for (int i = 0; i < 3; i++) {
        assert_true(otc_reference_builder_text(builder, 0, otc_slice_str(names[i]), i));
    }
    otc_reference_builder_save(builder, &bytes);
    otc_reference_builder_free(builder);
    at = memmem(bytes.data, bytes.len, &place, sizeof(place));
    assert_non_null(at);
    for (int damaged = 0; damaged < 2; damaged++) {
        builder = new_builder(&OTC_REFERENCE_LIMITS_DEFAULT);
        in = otc_reader_of(otc_buf_slice(&bytes));
        assert_true(otc_reference_builder_load(builder, &in) == !damaged);
        otc_reference_builder_free(builder);
        memcpy(at, &beyond, sizeof(beyond));
    }
    otc_buf_release(&bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_capped),
        cmocka_unit_test(test_private),
        cmocka_unit_test(test_trimmed),
        cmocka_unit_test(test_outer_points),
        cmocka_unit_test(test_sampled),
        cmocka_unit_test(test_empty_and_limits),
        cmocka_unit_test(test_canonical_numbers),
        cmocka_unit_test(test_broken_files),
        cmocka_unit_test(test_what_is_no_reference_file),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_too_many_cells),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_stored_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
