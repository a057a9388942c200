// SPDX-License-Identifier: Apache-2.0
/**
 * @file A model whose features are drawn, watched as the drift connector watches it: references built from
 * rows in order of time, panes, overlapping windows, design effects, the family's correction, k of n. For
 * measuring how often verdicts are wrong. One thread; every run with the same seed is the same.
 */
#ifndef OTC_TESTS_SIMULATION_H
#define OTC_TESTS_SIMULATION_H

#include "common/analysis/dependence.h"
#include "common/analysis/evaluate.h"

/** xoshiro256++ (Blackman and Vigna 2019), seeded through splitmix64. */
struct sim_random {
    uint64_t s[4];
    double spare;
    bool has_spare;
};
void sim_seed(struct sim_random *random, uint64_t seed);
/** In (0, 1). */
double sim_uniform(struct sim_random *random);
/** Standard normal (polar method). */
double sim_normal(struct sim_random *random);

/** How rows depend on one another in time. Each value is marginally standard normal. */
enum sim_rows {
    SIM_INDEPENDENT,
    SIM_AR1,      /* x_t = r x_{t-1} + sqrt(1 - r^2) e: design effect (1 + r) / (1 - r) */
    SIM_SESSIONS, /* runs of geometric length, mean `session`, sharing a part r of their variance */
};

/** What a value is after drawing z: the reference's law and what drift makes of it. */
enum sim_change {
    SIM_SHIFT,   /* z + size */
    SIM_SCALE,   /* z (1 + size) */
    SIM_TAIL,    /* 95 % zeros, the rest exponential; the share of the rest times (1 + size) */
    SIM_MISSING, /* a share `size` of the values is missing */
};

struct sim_rule {
    unsigned k, n;
};
#define SIM_RULES_MAX 8

struct sim_setup {
    uint64_t seed;
    size_t features;
    size_t reference_rows;
    size_t exact_points; /* otc_reference_limits; 0: all */
    size_t panes;        /* of a window */
    size_t rows;         /* of a window; a multiple of panes */
    enum sim_rows dependence;
    double r;
    double session;
    bool independent; /* dependence: none */
    bool unordered;   /* the reference's rows have no times */
    struct otc_decision decision;
    /** Rules `k of n`, side by side; the run ends with the first whose n is 0. */
    struct sim_rule rules[SIM_RULES_MAX];
    /** From this pane on the first feature drifts. */
    enum sim_change change;
    double size;
    size_t change_pane; /* SIZE_MAX: never */
    size_t ramp_panes;  /* over so many panes more it grows to its size */
    /** After the first window so many panes more whose windows are not evaluated, but enter what is known of
     * dependence. */
    size_t warmup;
};
/** Hourly windows of 12 panes and the shipped decision; 100 features, a file of 20000 rows. */
struct sim_setup sim_default(size_t rows);

/** Counts over a run. The drifting feature is not in them but for `found…`. */
struct sim_outcome {
    size_t evaluations;              /* of windows */
    size_t feature_evaluations;      /* evaluations times stable features */
    size_t rejecting_windows;        /* windows with a false rejection */
    size_t rejections;               /* false rejections of features */
    size_t incidents[SIM_RULES_MAX]; /* off to on of stable features, by rule */
    size_t plain[OTC_N_TESTS];       /* plain p-values up to 0.05 */
    size_t decided[OTC_N_TESTS];     /* decision p-values up to 0.05 */
    double design_effect;            /* mean */
    /** Of the drifting feature: windows wholly of drifted rows, those that reject, and the panes after the
     * change until it is detected (SIZE_MAX: never). */
    size_t drifted_windows;
    size_t found_windows;
    size_t found_after[SIM_RULES_MAX];
};

/** Evaluates `panes` windows, the first one after the warm-up. False out of memory. */
bool sim_run(const struct sim_setup *setup, size_t panes, struct sim_outcome *out);

#endif
