// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/simulation/simulation.h"

#include <math.h>

/* ---- Random numbers ------------------------------------------------------------------------------- */

static uint64_t
splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void
sim_seed(struct sim_random *random, uint64_t seed)
{
    *random = (struct sim_random){.has_spare = false};
    for (int i = 0; i < 4; i++) {
        random->s[i] = splitmix(&seed);
    }
}

static uint64_t
rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

static uint64_t
next(struct sim_random *random)
{
    uint64_t *s = random->s;
    uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double
sim_uniform(struct sim_random *random)
{
    return ((double)(next(random) >> 11) + 0.5) * 0x1p-53;
}

double
sim_normal(struct sim_random *random)
{
    double u, v, s;

    if (random->has_spare) {
        random->has_spare = false;
        return random->spare;
    }
    do {
        u = 2 * sim_uniform(random) - 1;
        v = 2 * sim_uniform(random) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    s = sqrt(-2 * log(s) / s);
    random->spare = v * s;
    random->has_spare = true;
    return u * s;
}

/* ---- Rows of one feature -------------------------------------------------------------------------- */

struct pane {
    uint32_t *cells; /* 2n + 1 */
    uint64_t values, missing;
    double ranks, squares; /* sums of mid-ranks and of their squares */
};

struct feature {
    struct sim_random random;
    double last;  /* of AR(1); of the session */
    bool running; /* has drawn before */
    struct otc_reference *reference;
    double *mid_ranks;
    uint64_t *window; /* eq, then gap, of all panes */
    struct pane *panes;
    struct otc_k_of_n rings[SIM_RULES_MAX];
    struct otc_dependence history;
    size_t at; /* of the newest pane */
};

static double
draw_normal(const struct sim_setup *setup, struct feature *feature)
{
    struct sim_random *random = &feature->random;
    double r = setup->r;

    switch (setup->dependence) {
    case SIM_INDEPENDENT:
        break;
    case SIM_AR1:
        feature->last =
            feature->running ? r * feature->last + sqrt(1 - r * r) * sim_normal(random) : sim_normal(random);
        feature->running = true;
        return feature->last;
    case SIM_SESSIONS:
        if (!feature->running || sim_uniform(random) * setup->session < 1) {
            feature->last = sim_normal(random);
            feature->running = true;
        }
        return sqrt(r) * feature->last + sqrt(1 - r) * sim_normal(random);
    }
    return sim_normal(random);
}

/* One value, NaN when missing. `part`: of the drift, 0 to 1. */
static double
draw(const struct sim_setup *setup, struct feature *feature, double part)
{
    double size = part * setup->size;
    double z = draw_normal(setup, feature);

    switch (setup->change) {
    case SIM_SHIFT:
        return z + size;
    case SIM_SCALE:
        return z * (1 + size);
    case SIM_TAIL: {
        double u = 0.5 * erfc(z * M_SQRT1_2); /* uniform, falling in z */
        double tail = 0.05 * (1 + size);

        return u < tail ? -log(u / tail) : 0;
    }
    case SIM_MISSING:
        return sim_uniform(&feature->random) < size ? (double)NAN : z;
    }
    return z;
}

static bool
learn(const struct sim_setup *setup, struct feature *feature)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder;
    struct otc_error err = OTC_ERROR_INIT;
    size_t column;
    bool made;

    limits.exact_points = setup->exact_points;
    builder = otc_reference_builder_new(&limits, 1);
    column = builder ? otc_reference_builder_feature(builder, otc_slice_str("x"), OTC_NUMERIC, OTC_KIND_INPUT)
                     : SIZE_MAX;
    made = column != SIZE_MAX;
    for (size_t i = 0; made && i < setup->reference_rows; i++) {
        made = otc_reference_builder_number(builder, column, draw(setup, feature, 0),
                                            setup->unordered ? INT64_MIN : (int64_t)i);
    }
    made = made && otc_reference_builder_finish(builder, (struct otc_slice){0}, "drawn", 0,
                                                &feature->reference, &err) == OTC_OK;
    otc_reference_builder_free(builder);
    return made;
}

static const struct otc_cells *
cells_of(const struct feature *feature)
{
    return &feature->reference->features[0].cells;
}

static void
feature_release(struct feature *feature, size_t panes)
{
    for (size_t p = 0; feature->panes && p < panes; p++) {
        free(feature->panes[p].cells);
    }
    free(feature->panes);
    free(feature->window);
    free(feature->mid_ranks);
    otc_reference_unref(feature->reference);
}

static bool
feature_init(const struct sim_setup *setup, struct feature *feature, uint64_t seed)
{
    size_t cells;
    bool made = true;

    sim_seed(&feature->random, seed);
    if (!learn(setup, feature)) {
        return false;
    }
    cells = 2 * cells_of(feature)->n + 1;
    feature->mid_ranks = calloc(cells, sizeof(double));
    feature->window = calloc(cells, sizeof(uint64_t));
    feature->panes = calloc(setup->panes, sizeof(*feature->panes));
    for (size_t p = 0; feature->panes && p < setup->panes; p++) {
        feature->panes[p].cells = calloc(cells, sizeof(uint32_t));
        made = made && feature->panes[p].cells;
    }
    if (!feature->mid_ranks || !feature->window || !feature->panes || !made) {
        return false;
    }
    otc_mid_ranks(cells_of(feature), feature->mid_ranks);
    return true;
}

/* How much of the drift a pane has. */
static double
drift_at(const struct sim_setup *setup, size_t at)
{
    if (at < setup->change_pane) {
        return 0;
    }
    return at - setup->change_pane < setup->ramp_panes
               ? (double)(at - setup->change_pane + 1) / (double)(setup->ramp_panes + 1)
               : 1;
}

/* The oldest pane leaves the window and its place is filled anew. */
static void
fill_pane(const struct sim_setup *setup, struct feature *feature, size_t at, double part)
{
    const struct otc_cells *cells = cells_of(feature);
    struct pane *pane = &feature->panes[at % setup->panes];
    uint64_t *eq = feature->window, *gap = eq + cells->n;

    feature->at = at;
    for (size_t c = 0; c < 2 * cells->n + 1; c++) {
        *(c % 2 ? &eq[c / 2] : &gap[c / 2]) -= pane->cells[c];
    }
    memset(pane->cells, 0, (2 * cells->n + 1) * sizeof(uint32_t));
    pane->values = pane->missing = 0;
    pane->ranks = pane->squares = 0;
    for (size_t i = 0; i < setup->rows / setup->panes; i++) {
        double value = draw(setup, feature, part);
        size_t c = isnan(value) ? 0 : otc_cells_find(cells, value);

        if (isnan(value)) {
            pane->missing++;
            continue;
        }
        pane->values++;
        pane->cells[c]++;
        (*(c % 2 ? &eq[c / 2] : &gap[c / 2]))++;
        pane->ranks += feature->mid_ranks[c];
        pane->squares += feature->mid_ranks[c] * feature->mid_ranks[c];
    }
}

/* ---- Evaluating ----------------------------------------------------------------------------------- */

/* What the panes of the window tell of dependence. */
static struct otc_pane_effect
window_panes(const struct sim_setup *setup, const struct feature *feature)
{
    double mean[64], sum = 0, squares = 0, n = 0;
    uint64_t m[64];

    for (size_t p = 0; p < setup->panes && p < 64; p++) {
        const struct pane *pane = &feature->panes[(feature->at + 1 + p) % setup->panes];

        m[p] = pane->values;
        mean[p] = pane->values ? pane->ranks / (double)pane->values : 0;
        n += (double)pane->values;
        sum += pane->ranks;
        squares += pane->squares;
    }
    return n > 0 ? otc_pane_effect_of_means(mean, m, setup->panes, squares / n - (sum / n) * (sum / n))
                 : (struct otc_pane_effect){0};
}

/* A window that is not evaluated. */
static void
remember(const struct sim_setup *setup, struct feature *feature)
{
    struct otc_pane_effect panes = window_panes(setup, feature);
    int64_t end = (int64_t)feature->at + 1;

    otc_dependence_add(&feature->history, &panes, end - (int64_t)setup->panes, end);
}

static bool
evaluate_feature(const struct sim_setup *setup, struct feature *feature, struct otc_feature_result *out)
{
    struct otc_reference_feature reference = feature->reference->features[0];
    struct otc_feature_window window = {.reference = &reference, .design_effect = 1};

    for (size_t p = 0; p < setup->panes; p++) {
        window.observations += feature->panes[p].values;
        window.missing += feature->panes[p].missing;
    }
    window.cells = (struct otc_cell_counts){feature->window, feature->window + reference.cells.n, NULL,
                                            window.observations};
    if (setup->independent) {
        reference.design_effect = 1;
    } else {
        struct otc_pane_effect panes = window_panes(setup, feature);
        int64_t end = (int64_t)feature->at + 1, start = end - (int64_t)setup->panes;

        window.design_effect = otc_dependence_effect(&feature->history, &panes, start, end, setup->unordered);
        otc_dependence_add(&feature->history, &panes, start, end);
    }
    return otc_evaluate_feature(&window, &setup->decision, out, NULL) == OTC_OK;
}

static void
count_stable(const struct otc_feature_result *result, struct sim_outcome *out)
{
    out->feature_evaluations++;
    out->rejections += result->rejected;
    out->design_effect += result->design_effect;
    for (size_t t = 0; t < OTC_N_TESTS; t++) {
        out->plain[t] += result->tests[t].p_value <= 0.05;
        out->decided[t] += result->tests[t].decision_p <= 0.05;
    }
}

/* Enters a result in the rings of all rules. `drifted`: panes of the feature's drift, 0 when it is stable. */
static void
enter(const struct sim_setup *setup, struct feature *feature, const struct otc_feature_result *result,
      size_t drifted, struct sim_outcome *out)
{
    for (size_t i = 0; i < SIM_RULES_MAX && setup->rules[i].n && result->skipped == OTC_SKIP_NONE; i++) {
        bool was = feature->rings[i].detected;
        bool is = otc_k_of_n_add(&feature->rings[i], setup->rules[i].k, setup->rules[i].n, result->rejected);

        if (drifted == 0) {
            out->incidents[i] += is && !was;
        } else if (is && out->found_after[i] == SIZE_MAX) {
            out->found_after[i] = drifted;
        }
    }
}

/* Evaluates the window that ends with pane `at`. */
static bool
evaluate(const struct sim_setup *setup, struct feature *features, size_t at,
         struct otc_feature_result *results, struct sim_outcome *out)
{
    size_t drifted = at >= setup->change_pane ? at + 1 - setup->change_pane : 0;
    bool rejecting = false;

    for (size_t f = 0; f < setup->features; f++) {
        if (!evaluate_feature(setup, &features[f], &results[f])) {
            return false;
        }
    }
    if (otc_evaluate_family(&setup->decision, results, setup->features, NULL) != OTC_OK) {
        return false;
    }
    for (size_t f = 0; f < setup->features; f++) {
        enter(setup, &features[f], &results[f], f == 0 ? drifted : 0, out);
        if (f > 0 || setup->change_pane == SIZE_MAX) {
            count_stable(&results[f], out);
            rejecting |= results[f].rejected;
        } else if (drifted >= setup->panes + setup->ramp_panes) {
            out->drifted_windows++;
            out->found_windows += results[f].rejected;
        }
    }
    out->evaluations++;
    out->rejecting_windows += rejecting;
    return true;
}

struct sim_setup
sim_default(size_t rows)
{
    return (struct sim_setup){.seed = 1,
                              .features = 100,
                              .reference_rows = 20000,
                              .exact_points = 10000,
                              .panes = 12,
                              .rows = rows,
                              .dependence = SIM_INDEPENDENT,
                              .decision = OTC_DECISION_DEFAULT,
                              .rules = {{4, 6}},
                              .change_pane = SIZE_MAX};
}

bool
sim_run(const struct sim_setup *setup, size_t panes, struct sim_outcome *out)
{
    struct feature *features = calloc(setup->features, sizeof(*features));
    struct otc_feature_result *results = calloc(setup->features, sizeof(*results));
    bool run = features && results;

    *out = (struct sim_outcome){.evaluations = 0};
    for (size_t i = 0; i < SIM_RULES_MAX; i++) {
        out->found_after[i] = SIZE_MAX;
    }
    for (size_t f = 0; run && f < setup->features; f++) {
        run = feature_init(setup, &features[f], setup->seed * 1000003 + f);
    }
    for (size_t at = 0; run && at < panes + setup->warmup + setup->panes - 1; at++) {
        for (size_t f = 0; f < setup->features; f++) {
            fill_pane(setup, &features[f], at, f == 0 ? drift_at(setup, at) : 0);
            if (at + 1 >= setup->panes && at + 1 < setup->panes + setup->warmup) {
                remember(setup, &features[f]);
            }
        }
        if (at + 1 >= setup->panes + setup->warmup) {
            run = evaluate(setup, features, at, results, out);
        }
    }
    out->design_effect /= out->feature_evaluations ? (double)out->feature_evaluations : 1;
    for (size_t f = 0; features && f < setup->features; f++) {
        feature_release(&features[f], setup->panes);
    }
    free(features);
    free(results);
    return run;
}
