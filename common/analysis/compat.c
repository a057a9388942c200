// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/compat_internal.h"
#include "common/stats/descriptive.h"
#include "common/stats/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/** NannyML's default chunks. */
#define DEFAULT_CHUNKS 10
/** evidently's share of drifted columns. */
#define EVIDENTLY_SHARE 0.5

static const char *const names[OTC_N_COMPAT] = {"none",    "evidently", "nannyml",
                                                "frouros", "popmon",    "scouter"};

const char *
otc_compat_name(enum otc_compat compat)
{
    return (unsigned)compat < OTC_N_COMPAT ? names[compat] : "unknown";
}

bool
otc_compat_parse(struct otc_slice name, enum otc_compat *out)
{
    for (size_t i = 0; i < OTC_N_COMPAT; i++) {
        if (otc_slice_equal_str(name, names[i])) {
            *out = (enum otc_compat)i;
            return true;
        }
    }
    return false;
}

/* ---- What the libraries share -------------------------------------------------------------------------- */

static bool
counts_new(struct otc_compat_counts *out, size_t k)
{
    uint64_t *counts = calloc(2 * k + 1, sizeof(uint64_t));

    *out = (struct otc_compat_counts){0};
    if (!counts) {
        return false;
    }
    *out = (struct otc_compat_counts){counts, counts + k, k};
    return true;
}

void
otc_compat_counts_release(struct otc_compat_counts *counts)
{
    free(counts->ref);
    *counts = (struct otc_compat_counts){0};
}

bool
otc_compat_values(const struct otc_compat_pair *pair, struct otc_compat_counts *out)
{
    size_t i = 0, j = 0, k = 0;

    if (!counts_new(out, pair->type == OTC_CATEGORICAL ? pair->k : pair->n + pair->m)) {
        return false;
    }
    if (pair->type == OTC_CATEGORICAL) {
        memcpy(out->ref, pair->ref_counts, pair->k * sizeof(uint64_t));
        memcpy(out->cur, pair->cur_counts, pair->k * sizeof(uint64_t));
        return true;
    }
    while (i < pair->n || j < pair->m) {
        double value =
            j == pair->m || (i < pair->n && pair->ref[i] <= pair->cur[j]) ? pair->ref[i] : pair->cur[j];

        for (; i < pair->n && pair->ref[i] == value; i++) {
            out->ref[k]++;
        }
        for (; j < pair->m && pair->cur[j] == value; j++) {
            out->cur[k]++;
        }
        k++;
    }
    out->k = k;
    return true;
}

bool
otc_compat_histogram(const struct otc_compat_pair *pair, const double *edges, size_t n_edges,
                     struct otc_compat_counts *out)
{
    if (!counts_new(out, n_edges - 1)) {
        return false;
    }
    (void)otc_histogram_counts(pair->ref, pair->n, edges, n_edges, out->ref);
    (void)otc_histogram_counts(pair->cur, pair->m, edges, n_edges, out->cur);
    return true;
}

size_t
otc_compat_distinct(const double *sorted, size_t n)
{
    size_t distinct = n > 0;

    for (size_t i = 1; i < n; i++) {
        distinct += sorted[i] != sorted[i - 1];
    }
    return distinct;
}

double
otc_compat_deviation(const double *values, size_t n)
{
    struct otc_moments moments = otc_moments_of(values, n, n > 0 ? values[0] : 0);

    return sqrt(otc_moments_variance(&moments));
}

double
otc_compat_min(const struct otc_compat_pair *pair)
{
    return fmin(pair->ref[0], pair->cur[0]);
}

double
otc_compat_max(const struct otc_compat_pair *pair)
{
    return fmax(pair->ref[pair->n - 1], pair->cur[pair->m - 1]);
}

struct otc_compat_result *
otc_compat_add(struct otc_compat_feature *out, const char *method, double value, double p_value,
               double threshold)
{
    struct otc_compat_result *result = &out->results[out->n < OTC_COMPAT_RESULTS - 1 ? out->n++ : out->n];

    *result = (struct otc_compat_result){
        .method = method, .value = value, .p_value = p_value, .threshold = threshold};
    return result;
}

/* ---- A pair -------------------------------------------------------------------------------------------- */

static uint64_t
total_of(const uint64_t *counts, size_t k)
{
    uint64_t total = 0;

    for (size_t i = 0; i < k; i++) {
        total += counts[i];
    }
    return total;
}

static bool
has_values(const struct otc_compat_pair *pair)
{
    if (pair->type == OTC_NUMERIC) {
        return pair->n > 0 && pair->m > 0;
    }
    return total_of(pair->ref_counts, pair->k) > 0 && total_of(pair->cur_counts, pair->k) > 0;
}

/** The methods that decide, taken together. */
static void
judge(struct otc_compat_feature *out)
{
    out->has_verdict = false;
    out->drifted = false;
    for (size_t i = 0; i < out->n; i++) {
        out->has_verdict |= out->results[i].decides && !isnan(out->results[i].value);
        out->drifted |= out->results[i].decides && out->results[i].drifted;
    }
}

otc_status
otc_compat_evaluate(enum otc_compat compat, const struct otc_compat_pair *pair,
                    struct otc_compat_feature *out, struct otc_error *err)
{
    static bool (*const libraries[OTC_N_COMPAT])(const struct otc_compat_pair *,
                                                 struct otc_compat_feature *) = {NULL,
                                                                                 otc_compat_evidently,
                                                                                 otc_compat_nannyml,
                                                                                 otc_compat_frouros,
                                                                                 otc_compat_popmon,
                                                                                 otc_compat_scouter};

    *out = (struct otc_compat_feature){.n = 0};
    if (compat == OTC_COMPAT_NONE || (unsigned)compat >= OTC_N_COMPAT || !has_values(pair)) {
        return OTC_OK;
    }
    if (!libraries[compat](pair, out)) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    judge(out);
    return OTC_OK;
}

/* ---- Chunks -------------------------------------------------------------------------------------------- */

size_t
otc_compat_default_chunks(size_t n, uint32_t *chunks)
{
    size_t size = n / DEFAULT_CHUNKS > 0 ? n / DEFAULT_CHUNKS : 1;

    for (size_t i = 0; i < n; i++) {
        chunks[i] = (uint32_t)(i / size);
    }
    return (n + size - 1) / size;
}

/** A side's values chunk by chunk, each chunk ascending, missing ones left out. */
struct grouped {
    double *values;
    size_t *starts; /* n_chunks + 1 */
    size_t n_chunks;
};

static int
by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static size_t
chunk_of(const struct otc_compat_column *column, size_t row)
{
    size_t chunk = column->chunks ? column->chunks[row] : 0;

    return chunk < column->n_chunks && !isnan(column->values[row]) ? chunk : SIZE_MAX;
}

static bool
group(const struct otc_compat_column *column, struct grouped *out)
{
    size_t n = column->n_chunks;
    size_t *next = calloc(n + 1, sizeof(*next));

    out->n_chunks = n;
    out->values = calloc(column->n + 1, sizeof(double));
    out->starts = calloc(n + 1, sizeof(size_t));
    if (!next || !out->values || !out->starts) {
        free(next);
        return false;
    }
    for (size_t row = 0; row < column->n; row++) {
        size_t chunk = chunk_of(column, row);

        if (chunk != SIZE_MAX) {
            out->starts[chunk + 1]++;
        }
    }
    for (size_t i = 0; i < n; i++) {
        out->starts[i + 1] += out->starts[i];
        next[i] = out->starts[i];
    }
    for (size_t row = 0; row < column->n; row++) {
        size_t chunk = chunk_of(column, row);

        if (chunk != SIZE_MAX) {
            out->values[next[chunk]++] = column->values[row];
        }
    }
    for (size_t i = 0; i < n; i++) {
        qsort(out->values + out->starts[i], out->starts[i + 1] - out->starts[i], sizeof(double), by_value);
    }
    free(next);
    return true;
}

static void
grouped_free(struct grouped *grouped)
{
    free(grouped->values);
    free(grouped->starts);
}

/** What chunk after chunk is compared with. */
struct chunk_run {
    enum otc_compat compat;
    struct otc_compat_pair pair; /* its reference side stands */
    uint64_t *counts;            /* categorical: reference, then current */
};

static void
count_categories(const double *ids, size_t n, uint64_t *counts, size_t k)
{
    memset(counts, 0, k * sizeof(*counts));
    for (size_t i = 0; i < n; i++) {
        if (ids[i] >= 0 && ids[i] < (double)k) {
            counts[(size_t)ids[i]]++;
        }
    }
}

static otc_status
run_init(struct chunk_run *run, enum otc_compat compat, const struct otc_compat_series *series,
         const struct grouped *reference, struct otc_error *err)
{
    size_t n = reference->starts[reference->n_chunks];

    *run = (struct chunk_run){.compat = compat,
                              .pair = {.type = series->type,
                                       .ref = reference->values,
                                       .n = n,
                                       .integers = series->integers,
                                       .k = series->k}};
    if (series->type == OTC_NUMERIC) {
        return OTC_OK;
    }
    run->counts = calloc(2 * series->k + 1, sizeof(uint64_t));
    if (!run->counts) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    count_categories(reference->values, n, run->counts, series->k);
    run->pair.ref_counts = run->counts;
    run->pair.cur_counts = run->counts + series->k;
    return OTC_OK;
}

static otc_status
run_chunk(struct chunk_run *run, const struct grouped *side, size_t chunk, struct otc_compat_feature *out,
          struct otc_error *err)
{
    run->pair.cur = side->values + side->starts[chunk];
    run->pair.m = side->starts[chunk + 1] - side->starts[chunk];
    if (run->pair.type == OTC_CATEGORICAL) {
        count_categories(run->pair.cur, run->pair.m, run->counts + run->pair.k, run->pair.k);
    }
    return otc_compat_evaluate(run->compat, &run->pair, out, err);
}

/** Mean and deviation of each method over the reference's chunks. */
struct chunk_law {
    struct otc_moments moments[OTC_COMPAT_RESULTS];
    bool known;
};

static otc_status
learn_law(struct chunk_run *run, const struct grouped *chunks, struct chunk_law *law, struct otc_error *err)
{
    otc_status status = OTC_OK;

    for (size_t c = 0; status == OTC_OK && c < chunks->n_chunks; c++) {
        struct otc_compat_feature feature;

        status = run_chunk(run, chunks, c, &feature, err);
        for (size_t i = 0; status == OTC_OK && i < feature.n; i++) {
            if (isfinite(feature.results[i].value)) {
                otc_moments_add(&law->moments[i], feature.results[i].value);
            }
        }
    }
    law->known = status == OTC_OK;
    return status;
}

/** Replaces the thresholds by those that the reference's chunks give. */
static void
apply_law(enum otc_compat compat, const struct chunk_law *law, struct otc_compat_feature *feature)
{
    for (size_t i = 0; i < feature->n; i++) {
        struct otc_compat_result *result = &feature->results[i];
        const struct otc_moments *moments = &law->moments[i];
        double deviation = sqrt(otc_moments_variance(moments));

        if (moments->n == 0 || !isnan(result->p_value)) {
            continue; /* what has a p-value is judged by it */
        }
        result->threshold = moments->mean + (compat == OTC_COMPAT_NANNYML ? 3 : 7) * deviation;
        if (strcmp(result->method, "kolmogorov_smirnov") == 0) {
            result->threshold = fmin(1, result->threshold);
        }
        result->drifted = result->value > result->threshold;
    }
    judge(feature);
}

static otc_status
chunks_of(enum otc_compat compat, const struct otc_compat_series *series, const struct grouped *reference,
          const struct grouped *reference_chunks, const struct grouped *current,
          struct otc_compat_feature *out, struct otc_error *err)
{
    struct chunk_run run;
    struct chunk_law law = {.known = false};
    otc_status status = run_init(&run, compat, series, reference, err);

    if (status == OTC_OK && (compat == OTC_COMPAT_NANNYML || compat == OTC_COMPAT_POPMON) &&
        reference_chunks->n_chunks > 1) {
        status = learn_law(&run, reference_chunks, &law, err);
    }
    for (size_t c = 0; status == OTC_OK && c < current->n_chunks; c++) {
        status = run_chunk(&run, current, c, &out[c], err);
        if (status == OTC_OK && law.known) {
            apply_law(compat, &law, &out[c]);
        }
    }
    free(run.counts);
    return status;
}

otc_status
otc_compat_chunks(enum otc_compat compat, const struct otc_compat_series *series,
                  struct otc_compat_feature *out, struct otc_error *err)
{
    struct otc_compat_column whole = {series->ref.values, series->ref.n, NULL, 1};
    struct grouped reference = {0}, reference_chunks = {0}, current = {0};
    otc_status status = OTC_OK;

    if (!group(&whole, &reference) || !group(&series->ref, &reference_chunks) ||
        !group(&series->cur, &current)) {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status == OTC_OK) {
        status = chunks_of(compat, series, &reference, &reference_chunks, &current, out, err);
    }
    grouped_free(&reference);
    grouped_free(&reference_chunks);
    grouped_free(&current);
    return status;
}

struct otc_compat_dataset
otc_compat_dataset(enum otc_compat compat, size_t features, size_t drifted)
{
    struct otc_compat_dataset out = {.features = features,
                                     .drifted = drifted,
                                     .share = features > 0 ? (double)drifted / (double)features : (double)NAN,
                                     .threshold =
                                         compat == OTC_COMPAT_EVIDENTLY ? EVIDENTLY_SHARE : (double)NAN};

    out.detected = isnan(out.threshold) ? drifted > 0 : out.share >= out.threshold;
    return out;
}
