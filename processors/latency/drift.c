// SPDX-License-Identifier: Apache-2.0
#include "processors/latency/drift.h"

#include "common/analysis/metric_buckets.h"

#include <math.h>
#include <stdlib.h>

otc_status
latency_drift_rule_of(const struct latency_drift_config *config, struct latency_drift_rule *out,
                      struct otc_error *err)
{
    struct otc_error why = OTC_ERROR_INIT;

    out->decision = OTC_DECISION_DEFAULT;
    out->decision.level = config->level;
    out->decision.min_effect[OTC_TEST_KS] = config->min_effect;
    out->decision.min_effect[OTC_TEST_PSI] = config->min_effect;
    out->decision.min_observations = (uint64_t)config->min_observations;
    return otc_k_of_n_parse(config->windows ? config->windows : "", &out->k, &out->n, &why) == OTC_OK
               ? OTC_OK
               : otc_fail(err, OTC_INVALID_ARGUMENT, "drift::windows: %s", why.text);
}

void
latency_drift_release(struct latency_drift *drift)
{
    otc_reference_builder_free(drift->builder);
    otc_reference_unref(drift->reference);
    *drift = (struct latency_drift){0};
}

size_t
latency_drift_learning_bytes(void)
{
    const struct otc_buckets like = {.kind = OTC_BUCKETS_EXPONENTIAL};

    return otc_reference_binned_bytes(&like) + LATENCY_DRIFT_BYTES;
}

/* ---- Learning -------------------------------------------------------------------------------------- */

/* A copy that is no finer than durations are compared. False out of memory. */
static bool
coarse_copy(const struct otc_exp_histogram *histogram, struct otc_exp_histogram *out)
{
    if (!otc_exp_histogram_copy(histogram, histogram->max_buckets, out)) {
        return false;
    }
    if (out->scale > LATENCY_DRIFT_SCALE) {
        otc_exp_histogram_downscale(out, (uint32_t)(out->scale - LATENCY_DRIFT_SCALE));
    }
    return true;
}

static bool
begin_learning(struct latency_drift *drift, int64_t end_ns)
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;

    drift->builder = otc_reference_builder_new(&limits, 1);
    drift->feature = drift->builder ? otc_reference_builder_feature(drift->builder, otc_slice_str("duration"),
                                                                    OTC_NUMERIC, OTC_KIND_LATENCY)
                                    : SIZE_MAX;
    drift->first_ns = end_ns;
    return drift->feature != SIZE_MAX;
}

static void
freeze(struct latency_drift *drift, int64_t now_ns)
{
    struct otc_reference *reference = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_reference_builder_finish(drift->builder, OTC_SLICE_NONE, "learned", now_ns, &reference, &err) ==
        OTC_OK) {
        const struct otc_reference_feature *feature = &reference->features[0];

        drift->reference = reference;
        /* Zero is the first point; the next is the lower boundary of the lowest bucket, base^index, rounded.
         */
        drift->first_index =
            feature->cells.n > 1 ? (int32_t)lrint(ldexp(log2(feature->cells.points[1]), feature->scale)) : 0;
    }
    otc_reference_builder_free(drift->builder);
    drift->builder = NULL;
}

void
latency_drift_learn(struct latency_drift *drift, const struct latency_drift_config *config,
                    const struct otc_exp_histogram *pane, int64_t end_ns)
{
    struct otc_exp_histogram coarse;

    if (drift->reference || pane->count == 0 || (!drift->builder && !begin_learning(drift, end_ns)) ||
        !coarse_copy(pane, &coarse)) {
        return;
    }
    const struct otc_buckets buckets = {.kind = OTC_BUCKETS_EXPONENTIAL,
                                        .counts = coarse.counts,
                                        .n = coarse.n_buckets,
                                        .scale = coarse.scale,
                                        .offset = coarse.offset,
                                        .zero = coarse.zero_count,
                                        .total = coarse.count,
                                        .sum = coarse.sum,
                                        .has_sum = true};

    if (otc_reference_builder_buckets(drift->builder, drift->feature, &buckets, end_ns)) {
        drift->learned += coarse.count;
        drift->last_ns = end_ns;
    }
    otc_exp_histogram_release(&coarse);
    if (drift->learned >= (uint64_t)config->observations &&
        drift->last_ns - drift->first_ns >= config->duration.ns) {
        freeze(drift, end_ns);
    }
}

double
latency_drift_progress(const struct latency_drift *drift, const struct latency_drift_config *config)
{
    double observations = (double)drift->learned / (double)config->observations, duration = 1;

    if (drift->reference) {
        return 1;
    }
    if (config->duration.ns > 0) {
        duration = (double)(drift->last_ns - drift->first_ns) / (double)config->duration.ns;
    }
    observations = observations < duration ? observations : duration;
    return observations < 1 ? observations : 1;
}

/* ---- Comparison ------------------------------------------------------------------------------------ */

/* Adds a histogram to the cells of the reference. False: it is coarser than the reference (or out of memory).
 */
static bool
add_cells(const struct latency_drift *drift, const struct otc_exp_histogram *histogram, uint64_t *eq,
          uint64_t *gap)
{
    const struct otc_reference_feature *reference = &drift->reference->features[0];
    int64_t last = (int64_t)reference->cells.n;
    int32_t finer = histogram->scale - reference->scale;

    if (histogram->count == 0) {
        return true;
    }
    if (finer < 0 && histogram->n_buckets > 0) {
        return false;
    }
    eq[0] += histogram->zero_count;
    for (uint32_t i = 0; i < histogram->n_buckets; i++) {
        int64_t at = (((int64_t)histogram->offset + i) >> finer) - drift->first_index + 2;

        gap[at < 1 ? 1 : at > last ? last : at] += histogram->counts[i];
    }
    return true;
}

/* Sum of mid-ranks and of their squares over cells. */
static void
sum_ranks(const struct otc_cells *cells, const uint64_t *eq, const uint64_t *gap, const double *ranks,
          double *sum, double *squares)
{
    *sum = *squares = 0;
    for (size_t i = 0; i < 2 * cells->n + 1; i++) {
        double count = (double)(i % 2 ? eq[i / 2] : gap[i / 2]);

        *sum += count * ranks[i];
        *squares += count * ranks[i] * ranks[i];
    }
}

/* Room for one comparison: counts of the window and of a pane, ranks, and what each pane comes to. */
struct work {
    uint64_t *eq, *gap;
    uint64_t *pane; /* eq, then gap */
    double *ranks, *means;
    uint64_t *sizes;
};

static double
design_effect(const struct latency_drift *drift, const struct work *work, uint64_t observations,
              const struct otc_exp_histogram *const *panes, size_t n_panes)
{
    const struct otc_cells *cells = &drift->reference->features[0].cells;
    double sum, squares, mean;
    size_t n = 0, first = 0;

    while (first < 2 * cells->n && (first % 2 ? work->eq : work->gap)[first / 2] == 0) {
        first++;
    }
    otc_mid_ranks(cells, work->ranks);
    otc_ranks_from(work->ranks, 2 * cells->n + 1, first);
    for (size_t p = 0; p < n_panes; p++) {
        memset(work->pane, 0, (2 * cells->n + 1) * sizeof(*work->pane));
        if (panes[p]->count == 0 || !add_cells(drift, panes[p], work->pane, work->pane + cells->n)) {
            continue;
        }
        sum_ranks(cells, work->pane, work->pane + cells->n, work->ranks, &sum, &squares);
        work->sizes[n] = panes[p]->count;
        work->means[n++] = sum / (double)panes[p]->count;
    }
    sum_ranks(cells, work->eq, work->gap, work->ranks, &sum, &squares);
    mean = sum / (double)observations;
    return otc_design_effect(work->means, work->sizes, n, squares / (double)observations - mean * mean);
}

static void
compare(struct latency_drift *drift, const struct latency_drift_rule *rule,
        const struct otc_exp_histogram *window, const struct otc_exp_histogram *const *panes, size_t n_panes,
        const struct work *work)
{
    const struct otc_reference_feature *reference = &drift->reference->features[0];
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_feature_window compared = {
        .reference = reference,
        .observations = window->count,
        .cells = {.eq = work->eq, .gap = work->gap, .total = window->count},
        .design_effect = 1,
    };

    if (!add_cells(drift, window, work->eq, work->gap)) {
        return;
    }
    if (window->count > 0) {
        compared.design_effect = design_effect(drift, work, window->count, panes, n_panes);
    }
    drift->observations = window->count;
    drift->compared = otc_evaluate_feature(&compared, &rule->decision, &drift->result, &err) == OTC_OK;
}

void
latency_drift_compare(struct latency_drift *drift, const struct latency_drift_rule *rule,
                      const struct otc_exp_histogram *window, const struct otc_exp_histogram *const *panes,
                      size_t n_panes)
{
    size_t n;
    struct work work;
    uint64_t *counts;
    double *numbers;

    drift->compared = false;
    if (!drift->reference) {
        return;
    }
    n = drift->reference->features[0].cells.n;
    counts = calloc(2 * (2 * n + 1) + n_panes, sizeof(*counts));
    numbers = calloc(2 * n + 1 + n_panes, sizeof(*numbers));
    if (counts && numbers) {
        work = (struct work){.eq = counts,
                             .gap = counts + n,
                             .pane = counts + 2 * n + 1,
                             .sizes = counts + 2 * (2 * n + 1),
                             .ranks = numbers,
                             .means = numbers + 2 * n + 1};
        compare(drift, rule, window, panes, n_panes, &work);
    }
    free(counts);
    free(numbers);
}

void
latency_drift_decide(struct latency_drift *const *drifts, size_t n, const struct latency_drift_rule *rule)
{
    struct otc_feature_result *results = calloc(n + 1, sizeof(*results));
    struct otc_error err = OTC_ERROR_INIT;

    for (size_t i = 0; results && i < n; i++) {
        results[i] = drifts[i]->result;
    }
    if (results && otc_evaluate_family(&rule->decision, results, n, &err) == OTC_OK) {
        for (size_t i = 0; i < n; i++) {
            drifts[i]->result = results[i];
            if (results[i].skipped == OTC_SKIP_NONE) {
                (void)otc_k_of_n_add(&drifts[i]->ring, rule->k, rule->n, results[i].rejected);
            }
        }
    }
    free(results);
}
