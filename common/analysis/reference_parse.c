// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/embedding.h"
#include "common/analysis/reference_components.h"
#include "common/analysis/reference_format.h"
#include "common/analysis/reference_internal.h"
#include "common/analysis/reference_points.h"
#include "common/analysis/vocabulary.h"
#include "common/base/clock.h"
#include "common/base/map.h"
#include "common/json/json.h"
#include "common/stats/exponential_histogram.h"

#include <errno.h>
#include <math.h>

/** Sums of counts stay below this, so that they cannot overflow. */
#define MAX_COUNT (UINT64_C(1) << 62)
/** Time blocks that a file may hold; the builder writes at most 24. */
#define MAX_TIME_BLOCKS 1024

/** What the readers of one feature share. */
struct parse {
    const struct otc_json *json;
    struct otc_arena *arena;
    struct otc_reference_feature *feature;
    size_t max_cells;
    struct otc_error *err;
};

/** An array of numbers in the arena. */
struct numbers {
    double *values;
    size_t n;
};

static otc_status
no_memory(struct otc_error *err)
{
    return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

/** A count: a whole number from 0 to 2^62. ABSENT gives `fallback`, or an error when that is MAX_COUNT. */
static otc_status
read_count(const struct parse *p, const char *key, uint64_t fallback, uint64_t *out)
{
    const struct otc_json *value = otc_json_get(p->json, key);
    int64_t number = 0;

    if (!value && fallback < MAX_COUNT) {
        *out = fallback;
        return OTC_OK;
    }
    if (!otc_json_int(value, &number)) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "%s: expected a whole number, got %s", key,
                        otc_json_type_name(value));
    }
    if (number < 0 || (uint64_t)number > MAX_COUNT) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "%s: %lld is not allowed (0 to 2^62)", key,
                        (long long)number);
    }
    *out = (uint64_t)number;
    return OTC_OK;
}

/** A finite number of at least `min`; ABSENT gives `fallback`, or an error when that is NaN. */
static otc_status
read_number(const struct parse *p, const char *key, double fallback, double min, double *out)
{
    const struct otc_json *value = otc_json_get(p->json, key);
    double number = fallback;

    if ((value || isnan(fallback)) && !otc_json_number(value, &number)) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "%s: expected a number, got %s", key,
                        otc_json_type_name(value));
    }
    if (!isfinite(number) || number < min) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "%s: %g is not allowed (a finite number from %g)", key,
                        number, min);
    }
    *out = number;
    return OTC_OK;
}

/** An array member; ABSENT is an array of none unless `required`. */
static otc_status
read_array(const struct parse *p, const char *key, bool required, const struct otc_json **out)
{
    const struct otc_json *value = otc_json_get(p->json, key);

    if ((value || required) && otc_json_type_of(value) != OTC_JSON_ARRAY) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "%s: expected an array, got %s", key,
                        otc_json_type_name(value));
    }
    *out = value;
    return OTC_OK;
}

/** An array of finite, strictly ascending numbers. */
static otc_status
read_ascending(const struct parse *p, const char *key, bool required, struct numbers *out)
{
    const struct otc_json *array = NULL;
    otc_status status = read_array(p, key, required, &array);
    size_t n = otc_json_size(array);

    if (status != OTC_OK) {
        return status;
    }
    out->n = n;
    out->values = otc_arena_alloc(p->arena, (n + 1) * sizeof(double));
    if (!out->values) {
        return no_memory(p->err);
    }
    for (size_t i = 0; i < n; i++) {
        const struct otc_json *element = otc_json_at(array, i);
        double number;

        if (!otc_json_number(element, &number) || !isfinite(number)) {
            return otc_fail(p->err, OTC_INVALID_ARGUMENT, "%s[%zu]: expected a finite number, got %s", key, i,
                            otc_json_type_name(element));
        }
        if (i > 0 && !(number > out->values[i - 1])) {
            return otc_fail(p->err, OTC_INVALID_ARGUMENT,
                            "%s[%zu]: %.17g does not exceed the one before it, %.17g: they must ascend", key,
                            i, number, out->values[i - 1]);
        }
        out->values[i] = number + 0.0; /* -0 becomes 0 */
    }
    return OTC_OK;
}

/** An array of exactly `n` counts whose sum is added to `total`; NULL array: all zero. */
static otc_status
read_counts(const struct parse *p, const char *key, const struct otc_json *array, size_t n, uint64_t **out,
            uint64_t *total)
{
    uint64_t *counts = otc_arena_alloc(p->arena, (n + 1) * sizeof(*counts));

    if (!counts) {
        return no_memory(p->err);
    }
    if (array && otc_json_size(array) != n) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "%s: expected %zu counts, got %zu", key, n,
                        otc_json_size(array));
    }
    for (size_t i = 0; array && i < n; i++) {
        const struct otc_json *element = otc_json_at(array, i);
        int64_t number;

        if (!otc_json_int(element, &number) || number < 0 || (uint64_t)number > MAX_COUNT - *total) {
            return otc_fail(p->err, OTC_INVALID_ARGUMENT,
                            "%s[%zu]: expected a count (a whole number from 0 to 2^62)", key, i);
        }
        counts[i] = (uint64_t)number;
        *total += counts[i];
    }
    *out = counts;
    return OTC_OK;
}

static otc_status
check_total(const struct parse *p, const char *what, uint64_t total)
{
    return total == p->feature->observations
               ? OTC_OK
               : otc_fail(p->err, OTC_INVALID_ARGUMENT, "%s add up to %llu, but observations is %llu", what,
                          (unsigned long long)total, (unsigned long long)p->feature->observations);
}

/** Points, counts and gaps. */
static otc_status
parse_cells(const struct parse *p)
{
    struct otc_cells *cells = &p->feature->cells;
    const struct otc_json *counts = NULL;
    const struct otc_json *gaps = NULL;
    struct numbers points;
    uint64_t *eq, *gap;
    uint64_t total = 0;
    otc_status status = read_ascending(p, "points", true, &points);

    if (status == OTC_OK) {
        status = read_array(p, "counts", true, &counts);
    }
    if (status == OTC_OK) {
        status = read_array(p, "gaps", false, &gaps);
    }
    if (status == OTC_OK) {
        status = read_counts(p, "counts", counts, points.n, &eq, &total);
    }
    if (status == OTC_OK) {
        status = read_counts(p, "gaps", gaps, points.n + 1, &gap, &total);
    }
    if (status == OTC_OK) {
        *cells =
            (struct otc_cells){.points = points.values, .eq = eq, .gap = gap, .n = points.n, .total = total};
        status = check_total(p, "counts and gaps", total);
    }
    return status;
}

/** Edges: ascending, each of them a point. */
static otc_status
parse_edges(const struct parse *p)
{
    struct otc_reference_feature *feature = p->feature;
    const struct otc_json *value_bins = otc_json_get(p->json, "value_bins");
    struct numbers edges;
    otc_status status = read_ascending(p, "edges", true, &edges);
    size_t point = 0;

    if (status != OTC_OK) {
        return status;
    }
    if (edges.n > OTC_REFERENCE_MAX_BINS) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "edges: %zu are too many (at most %d)", edges.n,
                        OTC_REFERENCE_MAX_BINS);
    }
    if (value_bins && !otc_json_bool(value_bins, &feature->value_bins)) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "value_bins: expected true or false, got %s",
                        otc_json_type_name(value_bins));
    }
    for (size_t i = 0; i < edges.n; i++) {
        while (point < feature->cells.n && feature->cells.points[point] < edges.values[i]) {
            point++;
        }
        if (point == feature->cells.n || feature->cells.points[point] != edges.values[i]) {
            return otc_fail(p->err, OTC_INVALID_ARGUMENT, "edges[%zu]: %.17g is none of the points", i,
                            edges.values[i]);
        }
    }
    feature->edges = edges.values;
    feature->n_edges = edges.n;
    return OTC_OK;
}

static otc_status
parse_blocks(const struct parse *p)
{
    struct otc_reference_feature *feature = p->feature;
    const struct otc_json *array = NULL;
    otc_status status = read_array(p, "time_blocks", false, &array);
    size_t n = otc_json_size(array);

    if (status != OTC_OK) {
        return status;
    }
    if (n > MAX_TIME_BLOCKS) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "time_blocks: %zu are too many (at most %d)", n,
                        MAX_TIME_BLOCKS);
    }
    feature->time_blocks = otc_arena_alloc(p->arena, (n + 1) * sizeof(*feature->time_blocks));
    if (!feature->time_blocks) {
        return no_memory(p->err);
    }
    for (size_t i = 0; i < n; i++) {
        const struct otc_json *pair = otc_json_at(array, i);
        int64_t count;
        double rank;

        if (otc_json_size(pair) != 2 || !otc_json_int(otc_json_at(pair, 0), &count) || count < 0 ||
            !otc_json_number(otc_json_at(pair, 1), &rank) || !(rank >= 0 && rank <= 1)) {
            return otc_fail(p->err, OTC_INVALID_ARGUMENT,
                            "time_blocks[%zu]: expected [observations, mean rank from 0 to 1]", i);
        }
        feature->time_blocks[i] = (struct otc_time_block){(uint64_t)count, rank};
    }
    feature->n_time_blocks = n;
    return OTC_OK;
}

static otc_status
parse_ranges(const struct parse *p)
{
    struct otc_reference_feature *feature = p->feature;
    otc_status status = read_number(p, "min", NAN, -INFINITY, &feature->min);

    if (status == OTC_OK) {
        status = read_number(p, "max", NAN, feature->min, &feature->max);
    }
    if (status == OTC_OK) {
        status = read_number(p, "mean", NAN, -INFINITY, &feature->mean);
    }
    if (status == OTC_OK) {
        status = read_number(p, "standard_deviation", NAN, 0, &feature->standard_deviation);
    }
    return status;
}

/** One of `n` words; false for anything else. */
static bool
read_choice(const struct otc_json *value, const char *const *words, size_t n, int *out)
{
    for (size_t i = 0; i < n; i++) {
        if (otc_slice_equal_str(otc_json_text(value), words[i])) {
            *out = (int)i;
            return true;
        }
    }
    return false;
}

/* The boundaries of an exponential histogram's buckets follow one another without a gap: a count finds its
 * cell by its index alone. */
static otc_status
check_exponential(const struct parse *p)
{
    const struct otc_cells *cells = &p->feature->cells;
    int32_t first = 0;

    if (cells->n == 0 || cells->points[0] != 0) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT,
                        "points: those of an exponential histogram begin with 0");
    }
    for (size_t i = 1; i < cells->n; i++) {
        if (i == 1) {
            first = (int32_t)lround(ldexp(log2(cells->points[1]), p->feature->scale));
        }
        if (cells->points[i] != otc_exp_boundary(first + (int32_t)(i - 1), p->feature->scale)) {
            return otc_fail(p->err, OTC_INVALID_ARGUMENT,
                            "points[%zu]: %.17g is not the boundary that follows, of scale %d", i,
                            cells->points[i], (int)p->feature->scale);
        }
    }
    return OTC_OK;
}

/* How the values were binned before they came here, if they were. */
static otc_status
parse_binned(const struct parse *p)
{
    struct otc_reference_feature *feature = p->feature;
    static const char *const kinds[] = {"explicit", "exponential"};
    const struct otc_json *binned = otc_json_get(p->json, "binned");
    int64_t scale = 0;
    int kind = 0;

    if (!binned) {
        return OTC_OK;
    }
    if (!read_choice(binned, kinds, 2, &kind)) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "binned: expected \"explicit\" or \"exponential\"");
    }
    feature->binned = kind == 0 ? OTC_BINNED_EXPLICIT : OTC_BINNED_EXPONENTIAL;
    if (feature->binned == OTC_BINNED_EXPLICIT) {
        return OTC_OK;
    }
    if (!otc_json_int(otc_json_get(p->json, "scale"), &scale) || scale < OTC_EXP_SCALE_MIN ||
        scale > OTC_EXP_SCALE_MAX) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "scale: expected a whole number from %d to %d",
                        OTC_EXP_SCALE_MIN, OTC_EXP_SCALE_MAX);
    }
    feature->scale = (int32_t)scale;
    return check_exponential(p);
}

static otc_status
parse_vocabulary(const struct parse *p)
{
    const struct otc_json *array = NULL;
    otc_status status = read_array(p, "vocabulary", false, &array);
    size_t n = otc_json_size(array);
    uint32_t *words;

    if (status != OTC_OK || n == 0) {
        return status;
    }
    words = n <= OTC_VOCABULARY_WORDS ? otc_arena_alloc(p->arena, n * sizeof(*words)) : NULL;
    if (!words) {
        return otc_fail(p->err, OTC_RESOURCE_EXHAUSTED, "vocabulary: %zu words are more than %d", n,
                        OTC_VOCABULARY_WORDS);
    }
    for (size_t i = 0; i < n; i++) {
        int64_t word;

        if (!otc_json_int(otc_json_at(array, i), &word) || word < 0 || word > UINT32_MAX ||
            (i > 0 && word <= words[i - 1])) {
            return otc_fail(p->err, OTC_INVALID_ARGUMENT,
                            "vocabulary[%zu]: expected whole numbers below 2^32 in ascending order", i);
        }
        words[i] = (uint32_t)word;
    }
    p->feature->vocabulary = words;
    p->feature->n_vocabulary = n;
    return OTC_OK;
}

static otc_status
parse_center(const struct parse *p)
{
    const struct otc_json *array = NULL;
    otc_status status = read_array(p, "center", false, &array);
    size_t n = otc_json_size(array);
    double *center;

    if (status != OTC_OK || n == 0) {
        return status;
    }
    center = n <= OTC_EMBEDDING_MAX ? otc_arena_alloc(p->arena, n * sizeof(*center)) : NULL;
    if (!center) {
        return otc_fail(p->err, OTC_RESOURCE_EXHAUSTED, "center: %zu components are more than %d", n,
                        OTC_EMBEDDING_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        if (!otc_json_number(otc_json_at(array, i), &center[i])) {
            return otc_fail(p->err, OTC_INVALID_ARGUMENT, "center[%zu]: expected a number", i);
        }
    }
    p->feature->center = center;
    p->feature->n_center = n;
    return OTC_OK;
}

static otc_status
parse_numeric(const struct parse *p)
{
    const struct otc_reference_feature *feature = p->feature;
    otc_status status = parse_cells(p);
    size_t points;

    if (status == OTC_OK) {
        status = parse_edges(p);
    }
    if (status == OTC_OK) {
        status = parse_binned(p);
    }
    if (status == OTC_OK) {
        status = parse_vocabulary(p);
    }
    if (status == OTC_OK) {
        status = parse_center(p);
    }
    if (status == OTC_OK) {
        status = otc__components_parse(otc_json_get(p->json, "components"), p->arena, p->feature, p->err);
    }
    if (status == OTC_OK) {
        status = parse_blocks(p);
    }
    if (status == OTC_OK && feature->observations > 0) {
        status = parse_ranges(p);
    }
    if (status == OTC_OK && feature->binned == OTC_NOT_BINNED) {
        otc__find_mean_excess(p->feature);
    }
    points = status == OTC_OK ? feature->cells.n - feature->n_edges : 0;
    /* value_bins: the edges are the values themselves, never more than 20. */
    if (p->max_cells > 0 && points > p->max_cells) {
        return otc_fail(p->err, OTC_RESOURCE_EXHAUSTED,
                        "%zu points are more than the limit of %zu (limits.cells)", points, p->max_cells);
    }
    return status;
}

static otc_status
parse_category(const struct parse *p, const struct otc_json *pair, size_t index, struct otc_map *names)
{
    struct otc_category *category = &p->feature->categories[index];
    struct otc_slice name = otc_json_text(otc_json_at(pair, 0));
    int64_t count;

    if (otc_json_size(pair) != 2 || otc_json_type_of(otc_json_at(pair, 0)) != OTC_JSON_STRING ||
        name.len == 0 || !otc_json_int(otc_json_at(pair, 1), &count) || count < 0 ||
        (uint64_t)count > MAX_COUNT) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT,
                        "categories[%zu]: expected [\"name\", count], the count from 0 to 2^62", index);
    }
    if (otc_map_get(names, name)) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "categories[%zu]: '%.*s' is there twice", index,
                        (int)(name.len < 100 ? name.len : 100), (const char *)name.data);
    }
    *category = (struct otc_category){otc_arena_copy(p->arena, name), (uint64_t)count};
    return category->name.data && otc_map_put(names, name, category) ? OTC_OK : no_memory(p->err);
}

static otc_status
parse_categorical(const struct parse *p)
{
    struct otc_reference_feature *feature = p->feature;
    const struct otc_json *array = NULL;
    otc_status status = read_array(p, "categories", true, &array);
    size_t n = otc_json_size(array);
    struct otc_map *names;
    uint64_t total = 0;

    if (status == OTC_OK) {
        status = read_count(p, "other", 0, &feature->other);
    }
    if (status != OTC_OK) {
        return status;
    }
    if (p->max_cells > 0 && n > p->max_cells) {
        return otc_fail(p->err, OTC_RESOURCE_EXHAUSTED,
                        "%zu categories are more than the limit of %zu (limits.cells)", n, p->max_cells);
    }
    names = otc_map_new(n + 1);
    feature->categories = otc_arena_alloc(p->arena, (n + 1) * sizeof(*feature->categories));
    if (!names || !feature->categories) {
        otc_map_free(names, NULL);
        return no_memory(p->err);
    }
    total = feature->other;
    for (size_t i = 0; status == OTC_OK && i < n; i++) {
        status = parse_category(p, otc_json_at(array, i), i, names);
        total = total < MAX_COUNT ? total + feature->categories[i].count : total;
    }
    otc_map_free(names, NULL);
    feature->n_categories = n;
    return status == OTC_OK ? check_total(p, "the counts of categories and other", total) : status;
}

static otc_status
parse_head(const struct parse *p)
{
    static const char *const types[] = {"numeric", "categorical"};
    static const char *const kinds[] = {"input", "prediction", "latency", "tokens"};
    struct otc_reference_feature *feature = p->feature;
    int type = 0;
    int kind = 0;
    otc_status status;

    if (!read_choice(otc_json_get(p->json, "type"), types, 2, &type)) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "type: expected \"numeric\" or \"categorical\"");
    }
    if (!read_choice(otc_json_get(p->json, "kind"), kinds, 4, &kind)) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT,
                        "kind: expected \"input\", \"prediction\", \"latency\" or \"tokens\"");
    }
    feature->type = (enum otc_feature_type)type;
    feature->kind = (enum otc_feature_kind)kind;
    status = read_count(p, "observations", MAX_COUNT, &feature->observations);
    if (status == OTC_OK) {
        status = read_count(p, "values", feature->observations, &feature->values);
    }
    if (status == OTC_OK) {
        status = read_count(p, "missing", 0, &feature->missing);
    }
    if (status == OTC_OK) {
        status = read_count(p, "invalid", 0, &feature->invalid);
    }
    if (status == OTC_OK) {
        status = read_number(p, "design_effect", 1, 1, &feature->design_effect);
    }
    return status;
}

static otc_status
parse_feature(const struct parse *p, size_t index)
{
    struct otc_slice name = otc_json_text(otc_json_get(p->json, "name"));
    otc_status status;

    if (name.len == 0) {
        return otc_fail(p->err, OTC_INVALID_ARGUMENT, "features[%zu]: name: expected a string", index);
    }
    p->feature->name = otc_arena_copy(p->arena, name);
    if (!p->feature->name.data) {
        return no_memory(p->err);
    }
    status = parse_head(p);
    if (status == OTC_OK) {
        status = p->feature->type == OTC_NUMERIC ? parse_numeric(p) : parse_categorical(p);
    }
    return status == OTC_OK
               ? OTC_OK
               : otc_error_prefix(p->err, "feature '%.*s'", (int)(name.len < 200 ? name.len : 200),
                                  (const char *)name.data);
}

static otc_status
parse_features(struct otc_reference *reference, const struct otc_json *root, size_t max_cells,
               struct otc_error *err)
{
    const struct otc_json *array = otc_json_get(root, "features");
    struct otc_arena *arena = otc__reference_arena(reference);
    size_t n = otc_json_size(array);
    otc_status status = OTC_OK;

    if (otc_json_type_of(array) != OTC_JSON_ARRAY || n > OTC__REFERENCE_MAX_FEATURES) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "features: expected an array of at most %d features",
                        OTC__REFERENCE_MAX_FEATURES);
    }
    reference->features = otc_arena_alloc(arena, (n + 1) * sizeof(*reference->features));
    if (!reference->features) {
        return no_memory(err);
    }
    for (size_t i = 0; status == OTC_OK && i < n; i++) {
        struct parse p = {otc_json_at(array, i), arena, &reference->features[i], max_cells, err};

        status = parse_feature(&p, i);
    }
    reference->n_features = n;
    return status == OTC_OK ? otc__reference_index(reference, err) : status;
}

/** What the file says of itself; refuses other formats and versions. */
static otc_status
parse_preamble(struct otc_reference *reference, const struct otc_json *root, struct otc_error *err)
{
    struct otc_arena *arena = otc__reference_arena(reference);
    struct otc_slice hash = otc_json_text(otc_json_get(root, "source_hash"));
    struct otc_slice created = otc_json_text(otc_json_get(root, "created"));
    struct parse p = {.json = root, .err = err};
    int64_t version = 0;

    if (!otc_slice_equal_str(otc_json_text(otc_json_get(root, "format")), OTC__REFERENCE_FORMAT)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "not a reference file: it has no \"format\": \"" OTC__REFERENCE_FORMAT
                        "\" (make one with `otelcol-aimon reference build`)");
    }
    if (!otc_json_int(otc_json_get(root, "version"), &version) || version != OTC__REFERENCE_VERSION) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "version: this program reads version %d only",
                        OTC__REFERENCE_VERSION);
    }
    reference->model = otc_arena_copy(arena, otc_json_text(otc_json_get(root, "model")));
    reference->source = otc_arena_copy(arena, otc_json_text(otc_json_get(root, "source")));
    if (hash.len == 32) {
        memcpy(reference->source_hash, hash.data, 32);
    }
    if (created.len > 0 && otc_time_parse(created, &reference->created_ns, err) != OTC_OK) {
        return otc_error_prefix(err, "created");
    }
    return read_count(&p, "rows", MAX_COUNT, &reference->rows);
}

/** An edited file must not pass for the one that was built. */
static otc_status
check_hash(struct otc_reference *reference, const struct otc_json *root, struct otc_error *err)
{
    const struct otc_json *stated = otc_json_get(root, "hash");
    otc_status status = otc__reference_hash(reference, reference->hash, err);

    if (status == OTC_OK && stated && !otc_slice_equal_str(otc_json_text(stated), reference->hash)) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "hash: the contents hash to %s: the file was changed after it was built (build it anew, "
            "or take the hash out to use it as it is)",
            reference->hash);
    }
    return status;
}

static otc_status
parse_root(struct otc_reference *reference, const struct otc_json *root, size_t max_cells,
           struct otc_error *err)
{
    otc_status status;

    if (otc_json_type_of(root) != OTC_JSON_OBJECT) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "expected an object, got %s", otc_json_type_name(root));
    }
    status = parse_preamble(reference, root, err);
    if (status == OTC_OK) {
        status = parse_features(reference, root, max_cells, err);
    }
    return status == OTC_OK ? check_hash(reference, root, err) : status;
}

/** Says how to make a file of the wanted size. */
static void
append_rebuild_command(const struct otc_reference *reference, const char *name, size_t max_cells,
                       struct otc_error *err)
{
    size_t used = strlen(err->text);
    struct otc_slice source = reference->source.len > 0 ? reference->source : otc_slice_str("train.csv");

    (void)snprintf(err->text + used, sizeof(err->text) - used,
                   "; rebuild it with: otelcol-aimon reference build --input %.*s --output %s --cells %zu",
                   (int)(source.len < 256 ? source.len : 256), (const char *)source.data, name, max_cells);
}

/** Says what a reference file is, where something else was given for one. */
static void
append_hint(const struct otc_json *root, struct otc_error *err)
{
    size_t used = strlen(err->text);

    if (otc_slice_equal_str(otc_json_text(otc_json_get(root, "format")), OTC__REFERENCE_FORMAT)) {
        return;
    }
    (void)snprintf(err->text + used, sizeof(err->text) - used,
                   "; a reference file is what `otelcol-aimon reference build --input TABLE --output FILE` "
                   "writes");
}

otc_status
otc_reference_parse(struct otc_slice json, const char *name, size_t max_cells, struct otc_reference **out,
                    struct otc_error *err)
{
    const struct otc_json_limits limits = {
        .max_bytes = OTC__REFERENCE_MAX_BYTES, .max_depth = 16, .max_memory = OTC__REFERENCE_MAX_BYTES * 16};
    struct otc_error why = OTC_ERROR_INIT;
    struct otc_reference *reference = otc__reference_new();
    struct otc_json *root = NULL;
    otc_status status;

    if (!reference) {
        return no_memory(err);
    }
    status = otc_json_parse(json, &limits, &root, &why);
    if (status == OTC_OK) {
        status = parse_root(reference, root, max_cells, &why);
        if (status == OTC_RESOURCE_EXHAUSTED && strstr(why.text, "limits.cells")) {
            append_rebuild_command(reference, name, max_cells, &why);
        }
    }
    if (status != OTC_OK) {
        append_hint(root, &why);
    }
    otc_json_free(root);
    if (status != OTC_OK) {
        otc_reference_unref(reference);
        return otc_fail(err, status, "%s: %s", name, why.text);
    }
    *out = reference;
    return OTC_OK;
}

otc_status
otc_reference_load(const char *path, size_t max_cells, struct otc_reference **out, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = OTC__REFERENCE_MAX_BYTES};
    FILE *file = fopen(path, "rbe");
    uint8_t chunk[65536];
    bool broken;
    size_t got;

    if (!file) {
        return otc_fail(err, errno == ENOENT ? OTC_NOT_FOUND : OTC_INVALID_ARGUMENT, "%s: %s", path,
                        strerrordesc_np(errno));
    }
    while (!text.failed && (got = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        (void)otc_buf_append(&text, chunk, got);
    }
    broken = ferror(file) != 0;
    if (broken) {
        (void)otc_fail(err, OTC_INVALID_ARGUMENT, "%s: %s", path, strerrordesc_np(errno));
    }
    (void)fclose(file);
    if (broken) {
        return OTC_INVALID_ARGUMENT;
    }
    if (text.failed) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: larger than %zu MiB, or out of memory", path,
                        OTC__REFERENCE_MAX_BYTES >> 20);
    }
    return otc_reference_parse(otc_buf_slice(&text), path, max_cells, out, err);
}
