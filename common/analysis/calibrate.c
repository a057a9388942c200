// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/calibrate.h"

#include <math.h>

/* What a test said: enough to decide anew at another level. */
struct said {
    double adjusted_p, effect;
};

/* One feature of one window. */
struct entry {
    struct said tests[OTC_N_TESTS];
    bool tested, rejected, first; /* first: after a break */
};

struct otc_calibration {
    struct otc_decision decision;
    size_t n_features, n_windows, room;
    unsigned k, n;
    bool broken;
    struct entry *entries; /* window by window */
};

struct otc_calibration *
otc_calibration_new(const struct otc_decision *decision, size_t n_features, unsigned k, unsigned n)
{
    struct otc_calibration *calibration = calloc(1, sizeof(*calibration));

    if (calibration) {
        *calibration = (struct otc_calibration){
            .decision = *decision, .n_features = n_features, .k = k, .n = n, .broken = true};
    }
    return calibration;
}

void
otc_calibration_free(struct otc_calibration *calibration)
{
    if (calibration) {
        free(calibration->entries);
        free(calibration);
    }
}

void
otc_calibration_break(struct otc_calibration *calibration)
{
    calibration->broken = true;
}

static otc_status
make_room(struct otc_calibration *calibration, struct otc_error *err)
{
    size_t room = calibration->room ? 2 * calibration->room : 64;
    struct entry *entries;

    if (calibration->n_windows < calibration->room) {
        return OTC_OK;
    }
    if ((calibration->n_windows + 1) * calibration->n_features > OTC_CALIBRATION_MAX) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED,
                        "more than %zu windows of %zu features: choose longer windows, or fewer features",
                        calibration->n_windows, calibration->n_features);
    }
    entries = realloc(calibration->entries, room * calibration->n_features * sizeof(*entries));
    if (!entries) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    calibration->entries = entries;
    calibration->room = room;
    return OTC_OK;
}

otc_status
otc_calibration_add(struct otc_calibration *calibration, const struct otc_feature_result *results,
                    struct otc_error *err)
{
    otc_status status = make_room(calibration, err);

    for (size_t f = 0; status == OTC_OK && f < calibration->n_features; f++) {
        struct entry *entry = &calibration->entries[calibration->n_windows * calibration->n_features + f];

        *entry = (struct entry){.tested = results[f].skipped == OTC_SKIP_NONE,
                                .rejected = results[f].rejected,
                                .first = calibration->broken};
        for (size_t t = 0; t < OTC_N_TESTS; t++) {
            entry->tests[t] = (struct said){results[f].tests[t].adjusted_p, results[f].tests[t].effect};
        }
    }
    if (status == OTC_OK) {
        calibration->n_windows++;
        calibration->broken = false;
    }
    return status;
}

struct otc_alarm_rate
otc_alarm_rate_of(uint64_t alarms, uint64_t windows)
{
    const double z = 1.959963984540054;
    double n = (double)windows, p = (double)alarms / n;
    double center = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);

    return windows
               ? (struct otc_alarm_rate){alarms, windows, p, fmax(0, center - half), fmin(1, center + half)}
               : (struct otc_alarm_rate){alarms, windows, NAN, NAN, NAN};
}

struct otc_alarm_rate
otc_calibration_rate(const struct otc_calibration *calibration, size_t feature)
{
    uint64_t alarms = 0, windows = 0;

    for (size_t w = 0; w < calibration->n_windows; w++) {
        const struct entry *window = &calibration->entries[w * calibration->n_features];
        bool tested = false, rejected = false;

        for (size_t f = 0; f < calibration->n_features; f++) {
            if (feature == SIZE_MAX || feature == f) {
                tested |= window[f].tested;
                rejected |= window[f].tested && window[f].rejected;
            }
        }
        windows += tested;
        alarms += rejected;
    }
    return otc_alarm_rate_of(alarms, windows);
}

static bool
rejects(const struct otc_decision *decision, const struct entry *entry, double level, double scale)
{
    for (size_t t = 0; t < OTC_N_TESTS; t++) {
        if (entry->tests[t].adjusted_p <= level &&
            entry->tests[t].effect >= scale * decision->min_effect[t]) {
            return true;
        }
    }
    return false;
}

uint64_t
otc_calibration_incidents(const struct otc_calibration *calibration, double level, double scale)
{
    uint64_t incidents = 0;

    for (size_t f = 0; f < calibration->n_features; f++) {
        struct otc_k_of_n ring = {0};

        for (size_t w = 0; w < calibration->n_windows; w++) {
            const struct entry *entry = &calibration->entries[w * calibration->n_features + f];
            bool was;

            if (entry->first) {
                ring = (struct otc_k_of_n){0};
            }
            was = ring.detected;
            if (entry->tested) {
                incidents += otc_k_of_n_add(&ring, calibration->k, calibration->n,
                                            rejects(&calibration->decision, entry, level, scale)) &&
                             !was;
            }
        }
    }
    return incidents;
}

struct otc_suggestion
otc_calibration_suggest(const struct otc_calibration *calibration, double most)
{
    static const double divisors[] = {1, 2, 5, 10, 20, 50, 100, 1e3, 1e4, 1e5, 1e6};
    static const double scales[] = {1, 1.25, 1.5, 2, 2.5, 3};
    struct otc_suggestion best = {.found = false};

    for (size_t s = 0; s < sizeof(scales) / sizeof(scales[0]); s++) {
        for (size_t d = 0; d < sizeof(divisors) / sizeof(divisors[0]); d++) {
            double level = calibration->decision.level / divisors[d];
            uint64_t incidents = otc_calibration_incidents(calibration, level, scales[s]);

            if ((double)incidents <= most) {
                return (struct otc_suggestion){true, level, scales[s], incidents};
            }
        }
    }
    return best;
}
